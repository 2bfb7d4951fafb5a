/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_REDIS_STORE_H
#define NGX_HTTP_REGISTRY_REDIS_STORE_H

#include "ngx_http_registry.h"
#include "ngx_http_registry_cache.h"

#define NGX_HTTP_REGISTRY_REDIS_TLS_DEPTH  5     /* certificates in a chain */


/*
 * Opens the store that a directive names; files that it names are read and
 * checked.  NGX_CONF_OK with *store set, or what the setter is to return.
 */

char *ngx_http_registry_redis_open(ngx_conf_t *cf, const reg_store_url_t *url,
    ngx_array_t *secrets, ngx_http_registry_store_t **store);


/* Once all directives are known.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_redis_init(ngx_conf_t *cf,
    ngx_http_registry_store_t *store,
    const ngx_http_registry_cache_conf_t *conf, size_t size);

#endif /* NGX_HTTP_REGISTRY_REDIS_STORE_H */
