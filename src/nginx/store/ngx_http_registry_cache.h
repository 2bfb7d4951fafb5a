/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_CACHE_H
#define NGX_HTTP_REGISTRY_CACHE_H

/*
 * The records of Redis that a worker knows, and the question under way for
 * each.  A record is fresh while the lease of its master holds, it was asked
 * for in this epoch, and the counter of its name in the zone has not moved
 * since it was asked for.  Fresh records are served; others are asked for again
 * first, and are served as they are only where Redis does not answer, for so
 * long as registry_cache stale= says.
 */

#include "ngx_http_registry_store.h"
#include "ngx_http_registry_topology.h"

#include "reg_record.h"
#include "reg_zone.h"

typedef struct ngx_http_registry_cache_s  ngx_http_registry_cache_t;

typedef struct {
    ngx_msec_t   ttl;               /* of a record where nobody tracks */
    ngx_msec_t   stale;             /* of a record while Redis is away */
    ngx_msec_t   negative;          /* of "there is none" */
} ngx_http_registry_cache_conf_t;


/* Freed with its connections by ngx_http_registry_cache_free(). */

ngx_http_registry_cache_t *ngx_http_registry_cache_create(
    const ngx_http_registry_cache_conf_t *conf,
    ngx_http_registry_redis_conf_t *redis, reg_zone_t *zone, ngx_log_t *log);

void ngx_http_registry_cache_free(ngx_http_registry_cache_t *cache);


/* The servers that it asks, for what is no record. */

ngx_http_registry_topology_t *ngx_http_registry_cache_topology(
    ngx_http_registry_cache_t *cache);


/*
 * Reads one record; the caller frees it with reg_record_free().
 *
 * NGX_OK         *record is set
 * NGX_DECLINED   there is no such record
 * NGX_AGAIN      Redis is being asked, and waiter waits for the answer, and for
 *                nothing else any more
 * NGX_BUSY       Redis does not answer, and nothing is known
 * NGX_ERROR      memory ran out, or the record is broken, which has been logged
 */

ngx_int_t ngx_http_registry_cache_get(ngx_http_registry_cache_t *cache,
    reg_record_type_t type, reg_str_t name,
    ngx_http_registry_waiter_t *waiter, reg_record_t **record);


/*
 * Changes whenever a record may have changed.  0 while nothing is sure, so that
 * everything has to be asked for.
 */

uint64_t ngx_http_registry_cache_generation(ngx_http_registry_cache_t *cache);

#endif /* NGX_HTTP_REGISTRY_CACHE_H */
