/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LIMIT_ASK_H
#define NGX_HTTP_REGISTRY_LIMIT_ASK_H

/* A question to Redis about one counter, from the inside. */

#include "ngx_http_registry_limit_redis.h"


typedef struct {
    ngx_rbtree_node_t                 node;        /* by key, of a lease */
    ngx_queue_t                       queue;       /* redis->asks */
    ngx_queue_t                       waiters;     /* charges */

    ngx_http_registry_limit_redis_t  *redis;
    ngx_http_registry_limit_t        *limit;
    ngx_http_registry_run_t          *run;         /* NULL: it is answered */
    reg_gcra_t                        gcra;
    reg_lease_terms_t                 terms;
    uint64_t                          key;
    uint32_t                          want;
    int64_t                           sent;        /* ns */
    int64_t                           until;       /* of the lease */
    int64_t                           granted_at;  /* us, by Redis */
    ngx_event_t                       timer;       /* when that is over */

    unsigned                          lease:1;
    unsigned                          listed:1;    /* in redis->leases */

    reg_str_t                         name;        /* the key, behind this */
} ngx_http_registry_limit_ask_t;


/* NULL when memory ran out; else it is kept with redis. */

ngx_http_registry_limit_ask_t *ngx_http_registry_limit_ask_create(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge);

void ngx_http_registry_limit_ask_free(ngx_http_registry_limit_ask_t *ask);


/* The lease of a question is over: what is left of it goes back. */

void ngx_http_registry_limit_ask_over(ngx_event_t *ev);

#endif /* NGX_HTTP_REGISTRY_LIMIT_ASK_H */
