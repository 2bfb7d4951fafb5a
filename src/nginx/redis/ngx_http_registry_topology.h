/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOPOLOGY_H
#define NGX_HTTP_REGISTRY_TOPOLOGY_H

/*
 * Redis as one worker sees it, whatever registry_store names.  Each key has a
 * server that answers for it, and that says what has changed: its master.
 *
 * What is known of a key is bound to the master that answered and to the epoch
 * of it.  An epoch ends when a change may have been missed, and when the key
 * gets another master.
 */

#include "ngx_http_registry_store.h"
#include "ngx_http_registry_tracker.h"

typedef struct ngx_http_registry_ask_s  ngx_http_registry_ask_t;


/* Where an answer is from. */

typedef struct {
    uint64_t   epoch;          /* when it was asked for; 0: in none */
    uint64_t   source;         /* the same in every worker; 0: not known */
} ngx_http_registry_origin_t;


/*
 * The answer to a command, once: reply and origin are lent for the call, and
 * reply is NULL where there is none.  Errors of Redis are replies, none of
 * which means that there is no such key.  Never called before the command
 * function returns.
 */

typedef void (*ngx_http_registry_answer_pt)(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);


/* What vouches for the records of a master. */

typedef struct {
    uint64_t   epoch;          /* 0: it has not begun */
    uint64_t   source;
    int64_t    since;          /* ms of the monotonic clock */
    unsigned   holds:1;
    unsigned   refused:1;      /* it does not let us track */
} ngx_http_registry_lease_t;


/* Begins to connect.  handlers are for changes.  NULL when memory ran out. */

ngx_http_registry_topology_t *ngx_http_registry_topology_create(
    ngx_http_registry_redis_conf_t *conf,
    const ngx_http_registry_tracker_handlers_t *handlers, void *data,
    ngx_log_t *log);

/* Frees all; nobody is called any more.  No handler may do it. */

void ngx_http_registry_topology_free(ngx_http_registry_topology_t *topology);


/*
 * Sends a command to the master of its keys, which all have one slot:
 * reg_redis_slot().  NULL when there is nobody to ask or memory ran out;
 * handler is not called then.
 */

ngx_http_registry_ask_t *ngx_http_registry_topology_command(
    ngx_http_registry_topology_t *topology, unsigned slot, size_t argc,
    const reg_str_t *argv, ngx_http_registry_answer_pt handler, void *data);

/* Whoever asked is gone: its handler is not called any more. */

void ngx_http_registry_topology_detach(ngx_http_registry_ask_t *ask);


/* The lease for the records of a slot, as of now. */

void ngx_http_registry_topology_lease(ngx_http_registry_topology_t *topology,
    unsigned slot, ngx_http_registry_lease_t *lease);


/*
 * A number that changes whenever an epoch does, of whatever key; 0 while any
 * lease does not hold.  Cheap, for every request asks.
 */

uint64_t ngx_http_registry_topology_epoch(
    ngx_http_registry_topology_t *topology);

#endif /* NGX_HTTP_REGISTRY_TOPOLOGY_H */
