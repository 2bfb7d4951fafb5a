/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>

#include "ngx_http_registry_secret.h"


static ngx_http_registry_secret_t *ngx_http_registry_secret_add_sized(
    ngx_conf_t *cf, ngx_array_t *secrets, ngx_str_t *path,
    ngx_http_registry_secret_make_t make, size_t max, size_t room);
static ngx_int_t ngx_http_registry_secret_read(
    ngx_http_registry_secret_t *secret, ngx_log_t *log, ngx_uint_t level);
static ssize_t ngx_http_registry_secret_read_text(ngx_fd_t fd, u_char *text,
    size_t size);
static void ngx_http_registry_secret_cleanup(void *data);


ngx_int_t
ngx_http_registry_stamp(ngx_http_registry_stamp_t *stamp, ngx_str_t *path)
{
    struct stat  st;

    ngx_memzero(stamp, sizeof(ngx_http_registry_stamp_t));

    if (stat((char *) path->data, &st) == -1) {
        return NGX_ERROR;
    }

    ngx_http_registry_stamp_set(stamp, &st);

    return NGX_OK;
}


void
ngx_http_registry_stamp_set(ngx_http_registry_stamp_t *stamp, struct stat *st)
{
    stamp->dev = st->st_dev;
    stamp->ino = st->st_ino;
    stamp->size = st->st_size;
    stamp->mtime = st->st_mtim;
    stamp->ctime = st->st_ctim;
}


ngx_uint_t
ngx_http_registry_stamp_same(const ngx_http_registry_stamp_t *a,
    const ngx_http_registry_stamp_t *b)
{
    return a->dev == b->dev
           && a->ino == b->ino
           && a->size == b->size
           && a->mtime.tv_sec == b->mtime.tv_sec
           && a->mtime.tv_nsec == b->mtime.tv_nsec
           && a->ctime.tv_sec == b->ctime.tv_sec
           && a->ctime.tv_nsec == b->ctime.tv_nsec;
}


ngx_http_registry_secret_t *
ngx_http_registry_secret_add(ngx_conf_t *cf, ngx_array_t *secrets,
    ngx_str_t *path, ngx_http_registry_secret_make_t make)
{
    return ngx_http_registry_secret_add_sized(cf, secrets, path, make,
                                          NGX_HTTP_REGISTRY_SECRET_MAX,
                                          NGX_HTTP_REGISTRY_SECRET_VALUE_MAX);
}


ngx_http_registry_secret_t *
ngx_http_registry_secret_add_key(ngx_conf_t *cf, ngx_array_t *secrets,
    ngx_str_t *path, ngx_http_registry_secret_make_t make)
{
    return ngx_http_registry_secret_add_sized(cf, secrets, path, make,
                                          NGX_HTTP_REGISTRY_SECRET_KEY_MAX,
                                          NGX_HTTP_REGISTRY_SECRET_KEY_MAX);
}


static ngx_http_registry_secret_t *
ngx_http_registry_secret_add_sized(ngx_conf_t *cf, ngx_array_t *secrets,
    ngx_str_t *path, ngx_http_registry_secret_make_t make, size_t max,
    size_t room)
{
    ngx_uint_t                    i;
    ngx_pool_cleanup_t           *cln;
    ngx_http_registry_secret_t   *secret, **slot;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NULL;
    }

    slot = secrets->elts;

    for (i = 0; i < secrets->nelts; i++) {
        if (slot[i]->make == make
            && slot[i]->path.len == path->len
            && ngx_strncmp(slot[i]->path.data, path->data, path->len) == 0)
        {
            return slot[i];
        }
    }

    secret = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_secret_t));
    if (secret == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_secret_cleanup;
    cln->data = secret;

    secret->path = *path;
    secret->make = make;
    secret->max = max;
    secret->room = room;

    secret->buf = ngx_alloc(room, cf->log);
    if (secret->buf == NULL) {
        return NULL;
    }

    (void) ngx_http_registry_stamp(&secret->stamp, &secret->path);

    if (ngx_http_registry_secret_read(secret, cf->log, NGX_LOG_EMERG)
        != NGX_OK)
    {
        return NULL;
    }

    slot = ngx_array_push(secrets);
    if (slot == NULL) {
        return NULL;
    }

    *slot = secret;

    return secret;
}


ngx_uint_t
ngx_http_registry_secrets_refresh(ngx_array_t *secrets, ngx_log_t *log)
{
    ngx_uint_t                    i, changed;
    ngx_http_registry_stamp_t     stamp;
    ngx_http_registry_secret_t  **secret;

    changed = 0;
    secret = secrets->elts;

    for (i = 0; i < secrets->nelts; i++) {

        (void) ngx_http_registry_stamp(&stamp, &secret[i]->path);

        if (ngx_http_registry_stamp_same(&stamp, &secret[i]->stamp)) {
            continue;
        }

        /* remembered in either case: one state of a file, one log line */

        secret[i]->stamp = stamp;

        if (ngx_http_registry_secret_read(secret[i], log, NGX_LOG_ERR)
            == NGX_OK)
        {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "registry: \"%V\" has changed and is read again",
                          &secret[i]->path);
            changed = 1;
        }
    }

    return changed;
}


static ngx_int_t
ngx_http_registry_secret_read(ngx_http_registry_secret_t *secret,
    ngx_log_t *log, ngx_uint_t level)
{
    u_char       text[NGX_HTTP_REGISTRY_SECRET_KEY_MAX + 2];
    u_char       value[NGX_HTTP_REGISTRY_SECRET_KEY_MAX];
    size_t       len;
    ssize_t      n;
    ngx_fd_t     fd;
    ngx_str_t    s;
    const char  *error;

    fd = ngx_open_file(secret->path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(level, log, ngx_errno,
                      "registry: cannot open \"%V\"", &secret->path);
        return NGX_ERROR;
    }

    /* a byte and a newline more than may be: enough to see the excess */

    n = ngx_http_registry_secret_read_text(fd, text, secret->max + 2);

    if (n == -1) {
        ngx_log_error(level, log, ngx_errno,
                      "registry: cannot read \"%V\"", &secret->path);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &secret->path);
    }

    if (n == -1) {
        return NGX_ERROR;
    }

    s.data = text;
    s.len = (size_t) n;

    if (s.len && s.data[s.len - 1] == LF) {
        s.len--;
    }

    if (s.len && s.data[s.len - 1] == CR) {
        s.len--;
    }

    if (s.len > secret->max) {
        error = (secret->max == NGX_HTTP_REGISTRY_SECRET_MAX)
                ? "it is longer than 1024 bytes"
                : "it is longer than 8192 bytes";

    } else {
        error = secret->make(value, &len, s);
    }

    if (error == NULL) {
        ngx_memcpy(secret->buf, value, len);
        secret->value.data = secret->buf;
        secret->value.len = len;
        secret->version++;

    } else {
        ngx_log_error(level, log, 0,
                      "registry: \"%V\" cannot be used: %s",
                      &secret->path, error);
    }

    OPENSSL_cleanse(text, sizeof(text));
    OPENSSL_cleanse(value, sizeof(value));

    return error ? NGX_ERROR : NGX_OK;
}


static ssize_t
ngx_http_registry_secret_read_text(ngx_fd_t fd, u_char *text, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += (size_t) n) {

        n = ngx_read_fd(fd, text + len, size - len);

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }
    }

    return (ssize_t) len;
}


static void
ngx_http_registry_secret_cleanup(void *data)
{
    ngx_http_registry_secret_t *secret = data;

    if (secret->buf) {
        OPENSSL_cleanse(secret->buf, secret->room);
        ngx_free(secret->buf);
    }
}
