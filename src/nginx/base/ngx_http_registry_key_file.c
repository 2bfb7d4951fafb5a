/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>

#include "ngx_http_registry_key_file.h"


static ngx_int_t ngx_http_registry_key_file_read(
    ngx_http_registry_key_file_t *file, ngx_log_t *log, ngx_uint_t level);
static ssize_t ngx_http_registry_key_file_text(
    ngx_http_registry_key_file_t *file, u_char *text, ngx_log_t *log,
    ngx_uint_t level);
static ngx_int_t ngx_http_registry_key_file_parse(
    ngx_http_registry_key_file_t *file, reg_str_t text, ngx_log_t *log,
    ngx_uint_t level);
static void ngx_http_registry_key_file_cleanup(void *data);


ngx_http_registry_key_file_t *
ngx_http_registry_key_file_add(ngx_conf_t *cf, ngx_array_t *files,
    ngx_str_t *path, reg_alg_t alg, ngx_uint_t is_jwks)
{
    ngx_uint_t                      i;
    ngx_pool_cleanup_t             *cln;
    ngx_http_registry_key_file_t   *file, **slot;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NULL;
    }

    slot = files->elts;

    for (i = 0; i < files->nelts; i++) {
        if (slot[i]->alg == alg && slot[i]->is_jwks == is_jwks
            && slot[i]->path.len == path->len
            && ngx_strncmp(slot[i]->path.data, path->data, path->len) == 0)
        {
            return slot[i];
        }
    }

    file = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_key_file_t));
    if (file == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_key_file_cleanup;
    cln->data = file;

    file->path = *path;
    file->alg = alg;
    file->is_jwks = is_jwks ? 1 : 0;

    (void) ngx_http_registry_stamp(&file->stamp, &file->path);

    if (ngx_http_registry_key_file_read(file, cf->log, NGX_LOG_EMERG)
        != NGX_OK)
    {
        return NULL;
    }

    slot = ngx_array_push(files);
    if (slot == NULL) {
        return NULL;
    }

    *slot = file;

    return file;
}


ngx_uint_t
ngx_http_registry_key_files_refresh(ngx_array_t *files, ngx_log_t *log)
{
    ngx_uint_t                      i, changed;
    ngx_http_registry_stamp_t       stamp;
    ngx_http_registry_key_file_t  **file;

    changed = 0;
    file = files->elts;

    for (i = 0; i < files->nelts; i++) {

        (void) ngx_http_registry_stamp(&stamp, &file[i]->path);

        if (ngx_http_registry_stamp_same(&stamp, &file[i]->stamp)) {
            continue;
        }

        /* remembered in either case: one state of a file, one log line */

        file[i]->stamp = stamp;

        if (ngx_http_registry_key_file_read(file[i], log, NGX_LOG_ERR)
            == NGX_OK)
        {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "registry: \"%V\" has changed and is read again",
                          &file[i]->path);
            changed = 1;
        }
    }

    return changed;
}


static ngx_int_t
ngx_http_registry_key_file_read(ngx_http_registry_key_file_t *file,
    ngx_log_t *log, ngx_uint_t level)
{
    u_char     *text;
    ssize_t     n;
    ngx_int_t   rc;

    text = ngx_alloc(REG_JWKS_TEXT_MAX + 1, log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    n = ngx_http_registry_key_file_text(file, text, log, level);

    rc = (n < 0) ? NGX_ERROR
                 : ngx_http_registry_key_file_parse(file,
                                        (reg_str_t) { (size_t) n, text }, log,
                                        level);

    OPENSSL_cleanse(text, REG_JWKS_TEXT_MAX + 1);
    ngx_free(text);

    return rc;
}


/* The length, or -1; a byte more than may be is enough to see the excess. */

static ssize_t
ngx_http_registry_key_file_text(ngx_http_registry_key_file_t *file,
    u_char *text, ngx_log_t *log, ngx_uint_t level)
{
    size_t    len;
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file(file->path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(level, log, ngx_errno,
                      "registry: cannot open \"%V\"", &file->path);
        return -1;
    }

    len = 0;

    do {
        n = ngx_read_fd(fd, text + len, REG_JWKS_TEXT_MAX + 1 - len);

        if (n == -1) {
            ngx_log_error(level, log, ngx_errno,
                          "registry: cannot read \"%V\"", &file->path);
            break;
        }

        len += (size_t) n;

    } while (n && len <= REG_JWKS_TEXT_MAX);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &file->path);
    }

    return n == -1 ? -1 : (ssize_t) len;
}


static ngx_int_t
ngx_http_registry_key_file_parse(ngx_http_registry_key_file_t *file,
    reg_str_t text, ngx_log_t *log, ngx_uint_t level)
{
    reg_rc_t      rc;
    reg_jwks_t   *jwks;
    reg_error_t   error;

    jwks = NULL;
    reg_error_set(&error, "memory or a library failed");

    rc = file->is_jwks ? reg_jwks_parse(&jwks, text, &error)
                       : reg_jwks_from_pem(&jwks, text, file->alg, &error);

    if (rc != REG_OK) {
        ngx_log_error(level, log, 0, "registry: \"%V\" cannot be used: %s",
                      &file->path, error.text);
        return NGX_ERROR;
    }

    reg_jwks_free(file->jwks);

    file->jwks = jwks;

    return NGX_OK;
}


static void
ngx_http_registry_key_file_cleanup(void *data)
{
    ngx_http_registry_key_file_t *file = data;

    reg_jwks_free(file->jwks);
}
