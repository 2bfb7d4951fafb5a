/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_api_key.h"

#include "ngx_http_registry_redis_store.h"
#include "ngx_http_registry_store_conf.h"


static void ngx_http_registry_cache_defaults(
    ngx_http_registry_main_conf_t *rmcf);
static const char *ngx_http_registry_make_pepper(u_char *value, size_t *len,
    ngx_str_t text);


char *
ngx_http_registry_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_main_conf_t *rmcf = conf;

    char         *rv;
    ngx_str_t    *value, path;
    ngx_uint_t    i;
    reg_error_t   error;

    if (rmcf->by.store) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (reg_store_url_parse(&rmcf->url, ngx_http_registry_str(value[1]),
                            &error)
        != REG_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid store \"%V\": %s",
                           &value[1], error.text);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (reg_store_url_option(&rmcf->url, ngx_http_registry_str(value[i]),
                                 &error)
            != REG_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid option \"%V\" of the store: %s",
                               &value[i], error.text);
            return NGX_CONF_ERROR;
        }
    }

    if (rmcf->url.kind == REG_STORE_FILE) {
        path = ngx_http_registry_ngx_str(rmcf->url.path);

        rmcf->by.store = ngx_http_registry_file_open(cf, &path);
        rv = rmcf->by.store ? NGX_CONF_OK
                            : "names a file that cannot be used, see above,";

    } else {
        rv = ngx_http_registry_redis_open(cf, &rmcf->url, &rmcf->secrets,
                                          &rmcf->by.store);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rmcf->by.headers = ngx_http_registry_memo_create(cf);
    rmcf->by.keys = ngx_http_registry_memo_create(cf);
    rmcf->by.ids = ngx_http_registry_memo_create(cf);

    if (rmcf->by.headers == NULL || rmcf->by.keys == NULL
        || rmcf->by.ids == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_registry_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_main_conf_t *rmcf = conf;

    ssize_t      size;
    ngx_str_t   *value, s;
    ngx_msec_t  *time, ms;
    ngx_uint_t   i;

    if (rmcf->cache_size) {
        return "is duplicate";
    }

    ngx_http_registry_cache_defaults(rmcf);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        s.data = (u_char *) ngx_strchr(value[i].data, '=');

        if (s.data == NULL) {
            goto invalid;
        }

        s.data++;
        s.len = (size_t) (value[i].data + value[i].len - s.data);

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {

            size = ngx_parse_size(&s);

            if (size == NGX_ERROR || size < (ssize_t) REG_ZONE_MIN + 65536) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid \"%V\", a zone has 3m or more",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            rmcf->cache_size = (size_t) size;
            continue;
        }

        if (ngx_strncmp(value[i].data, "ttl=", 4) == 0) {
            time = &rmcf->cache_ttl;

        } else if (ngx_strncmp(value[i].data, "stale=", 6) == 0) {
            time = &rmcf->cache_stale;

        } else if (ngx_strncmp(value[i].data, "negative=", 9) == 0) {
            time = &rmcf->cache_negative;

        } else {
            goto invalid;
        }

        ms = ngx_parse_time(&s, 0);

        if (ms == (ngx_msec_t) NGX_ERROR) {
            goto invalid;
        }

        *time = ms;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" in \"registry_cache\", it must be "
                       "\"zone=\" with a size, or \"ttl=\", \"stale=\" or "
                       "\"negative=\" with a time", &value[i]);

    return NGX_CONF_ERROR;
}


static void
ngx_http_registry_cache_defaults(ngx_http_registry_main_conf_t *rmcf)
{
    rmcf->cache_size = 16 * 1024 * 1024;
    rmcf->cache_ttl = 2000;
    rmcf->cache_stale = 600000;
    rmcf->cache_negative = 5000;
}


char *
ngx_http_registry_pepper_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_main_conf_t *rmcf = conf;

    ngx_str_t  *value;

    if (rmcf->by.pepper) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rmcf->by.pepper = ngx_http_registry_secret_add(cf, &rmcf->secrets,
                                                &value[1],
                                                ngx_http_registry_make_pepper);

    return rmcf->by.pepper ? NGX_CONF_OK
                           : "names a file that cannot be used, see above,";
}


ngx_int_t
ngx_http_registry_store_init(ngx_conf_t *cf,
    ngx_http_registry_main_conf_t *rmcf)
{
    ngx_http_registry_cache_conf_t  cache;

    if (rmcf->by.store == NULL || rmcf->url.kind == REG_STORE_FILE) {
        return NGX_OK;
    }

    if (rmcf->cache_size == 0) {
        ngx_http_registry_cache_defaults(rmcf);
    }

    cache.ttl = rmcf->cache_ttl;
    cache.stale = rmcf->cache_stale;
    cache.negative = rmcf->cache_negative;

    return ngx_http_registry_redis_init(cf, rmcf->by.store, &cache,
                                        rmcf->cache_size);
}


static const char *
ngx_http_registry_make_pepper(u_char *value, size_t *len, ngx_str_t text)
{
    if (text.len < REG_PEPPER_MIN) {
        return "a pepper must be 16 bytes or longer";
    }

    ngx_memcpy(value, text.data, text.len);
    *len = text.len;

    return NULL;
}
