/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_RESOLVE_H
#define NGX_HTTP_REGISTRY_RESOLVE_H

/*
 * Addresses of a host, without blocking the worker.  Names are resolved by the
 * system, as nginx does at its start (/etc/hosts, search domains and what
 * else it is told to use; "resolver" knows nothing of them), in a thread that
 * lives until it has the answer.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "reg_core.h"

#define NGX_HTTP_REGISTRY_ADDRESSES_MAX  8

typedef struct {
    socklen_t                socklen;
    struct sockaddr_storage  sockaddr;
} ngx_http_registry_address_t;

typedef struct {
    int                          error;           /* of getaddrinfo() */
    ngx_uint_t                   n;
    ngx_http_registry_address_t  address[NGX_HTTP_REGISTRY_ADDRESSES_MAX];
} ngx_http_registry_addresses_t;


typedef struct ngx_http_registry_resolve_s  ngx_http_registry_resolve_t;

/*
 * addresses is lent for the call; n is 0 when there are none, which has not
 * been logged.  ngx_http_registry_resolve_cancel() is called all the same.
 */

typedef void (*ngx_http_registry_resolve_pt)(void *data,
    const ngx_http_registry_addresses_t *addresses);


/*
 * What needs no thread: NGX_OK where host is an address, NGX_DECLINED where
 * it is none.  host is terminated by a zero byte.
 */

ngx_int_t ngx_http_registry_resolve_address(
    ngx_http_registry_addresses_t *addresses, const char *host, unsigned port);


/*
 * Begins to resolve a name; handler is called once, never before this
 * returns.  NULL after an error has been logged.
 */

ngx_http_registry_resolve_t *ngx_http_registry_resolve(const char *host,
    unsigned port, ngx_http_registry_resolve_pt handler, void *data,
    ngx_log_t *log);


/* Frees; handler is not called any more. */

void ngx_http_registry_resolve_cancel(ngx_http_registry_resolve_t *resolve);

#endif /* NGX_HTTP_REGISTRY_RESOLVE_H */
