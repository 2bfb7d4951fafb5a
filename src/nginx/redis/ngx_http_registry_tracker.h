/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TRACKER_H
#define NGX_HTTP_REGISTRY_TRACKER_H

/*
 * The link of a worker on which Redis tells what has changed.  In RESP2 it does
 *
 *     CLIENT ID
 *     CLIENT TRACKING ON REDIRECT <id> BCAST PREFIX <prefix>key: PREFIX ...
 *     SUBSCRIBE __redis__:invalidate
 *
 * and is a lease: it holds for NGX_HTTP_REGISTRY_LEASE from the sending of the
 * last PING that was answered, and only while ROLE, asked each second on a
 * command link to the same server, says "master".  After a failover the old
 * server may well answer PING, but hears of no write.
 *
 * Where Redis refuses that, these are tried in turn:
 *
 *     HELLO 3, CLIENT TRACKING ON BCAST PREFIX <prefix>key: PREFIX ...
 *     SUBSCRIBE <prefix>changed
 *
 * The first needs hiredis 1.0.  On the channel ngx-registry alone tells what it
 * has changed: an epoch ends after the ttl then, for others may have changed
 * something.  Where all are refused, or PING or ROLE, the lease never holds:
 * ngx_http_registry_tracker_refused().  The log says what is in use, and after
 * which time a change is seen at the latest.
 */

#include "ngx_http_registry_node.h"

#define NGX_HTTP_REGISTRY_LEASE  2000            /* milliseconds */

typedef struct ngx_http_registry_tracker_s  ngx_http_registry_tracker_t;

typedef struct {
    void  (*changed)(void *data, reg_str_t key);
    void  (*changed_all)(void *data);            /* FLUSHALL, FLUSHDB */
} ngx_http_registry_tracker_handlers_t;


/*
 * Begins at once and connects again by itself.  host and port are for the log;
 * node is for ROLE, and says where to connect; *epochs
 * counts the epochs of all trackers of a worker, so that no two have one
 * number.
 */

ngx_http_registry_tracker_t *ngx_http_registry_tracker_create(
    ngx_http_registry_redis_conf_t *conf, reg_str_t host, unsigned port,
    ngx_http_registry_node_t *node, uint64_t *epochs,
    const ngx_http_registry_tracker_handlers_t *handlers, void *data,
    ngx_log_t *log);

void ngx_http_registry_tracker_free(ngx_http_registry_tracker_t *tracker);


/*
 * Until when the lease holds, milliseconds of the monotonic clock; 0: it does
 * not.  Cheap, for every request asks.
 */

int64_t ngx_http_registry_tracker_until(ngx_http_registry_tracker_t *tracker);

/* Milliseconds of the monotonic clock. */

int64_t ngx_http_registry_tracker_now(void);


/*
 * A number that changes whenever tracking begins anew: what was asked for under
 * an earlier one may have changed unheard.  0: it has not begun.
 */

uint64_t ngx_http_registry_tracker_epoch(ngx_http_registry_tracker_t *tracker);

/* When this epoch began, milliseconds of the monotonic clock. */

int64_t ngx_http_registry_tracker_since(ngx_http_registry_tracker_t *tracker);

/* The server that is tracked, see ngx_http_registry_link_source(); 0: none. */

uint64_t ngx_http_registry_tracker_source(ngx_http_registry_tracker_t *tracker);


/* 1 when Redis does not let us track. */

ngx_uint_t ngx_http_registry_tracker_refused(
    ngx_http_registry_tracker_t *tracker);

/* 1 when the server has said that it is no master. */

ngx_uint_t ngx_http_registry_tracker_demoted(
    ngx_http_registry_tracker_t *tracker);

#endif /* NGX_HTTP_REGISTRY_TRACKER_H */
