/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_STORE_CONF_H
#define NGX_HTTP_REGISTRY_STORE_CONF_H

#include "ngx_http_registry.h"


/* The setters of what says where records are and how they are kept. */

char *ngx_http_registry_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_registry_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_registry_pepper_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Once all directives are known.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_store_init(ngx_conf_t *cf,
    ngx_http_registry_main_conf_t *rmcf);

#endif /* NGX_HTTP_REGISTRY_STORE_CONF_H */
