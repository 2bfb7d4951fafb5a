/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LIMIT_REDIS_H
#define NGX_HTTP_REGISTRY_LIMIT_REDIS_H

/*
 * Limits that all hosts have together: where Redis is asked, and what is done
 * while it does not answer.  Then a host counts alone, at the rate divided by
 * the number of hosts that Redis knew last, until a worker that looks finds it
 * answering again.
 */

#include "ngx_http_registry_limit.h"
#include "ngx_http_registry_script.h"


/* What the workers of a host share. */

typedef struct {
    ngx_atomic_t   known;               /* the id is made */
    ngx_atomic_t   hosts;
    ngx_atomic_t   next;                /* ms: when to say that we are here */
    ngx_atomic_t   away;                /* Redis is */
    ngx_atomic_t   back;                /* ms: when it came back at last */
    u_char         id[32];              /* in hexadecimal digits */
} ngx_http_registry_hosts_t;


struct ngx_http_registry_limit_redis_s {
    ngx_http_registry_store_t    *store;
    reg_str_t                     prefix;
    ngx_http_registry_script_t    take;
    ngx_http_registry_script_t    refund;
    ngx_http_registry_script_t    hosts;
    ngx_http_registry_script_t    admit;
    ngx_http_registry_script_t    admitted;
    ngx_shm_zone_t               *shm_zone;
    ngx_http_registry_hosts_t    *shared;

    /* of each worker, from here on */

    ngx_uint_t                    begun;
    ngx_uint_t                    lost;        /* its connection, it seems */
    ngx_http_registry_run_t      *greeting;
    ngx_event_t                   tick;
    ngx_queue_t                   asks;        /* all that are under way */
    ngx_queue_t                   pulls;       /* what is asked of them */
    ngx_rbtree_t                  leases;      /* those for leases, by key */
    ngx_rbtree_node_t             sentinel;
};


/* For the configuration: NULL after an error. */

ngx_http_registry_limit_redis_t *ngx_http_registry_limit_redis_create(
    ngx_conf_t *cf, ngx_http_registry_store_t *store, reg_str_t prefix);


/* A worker begins, which may be told twice, and ends. */

void ngx_http_registry_limit_redis_begin(
    ngx_http_registry_limit_redis_t *redis);

void ngx_http_registry_limit_redis_end(void *redis);


/* Runs a script; NULL while Redis cannot be asked. */

ngx_http_registry_run_t *ngx_http_registry_limit_run(
    ngx_http_registry_limit_redis_t *redis,
    const ngx_http_registry_script_t *script, size_t nkeys, size_t argc,
    const reg_str_t *argv, ngx_http_registry_answer_pt handler, void *data);


/* Redis did not answer, or not what was asked: it is away. */

void ngx_http_registry_limit_away(ngx_http_registry_limit_redis_t *redis,
    redisReply *reply);


/* What this host lets pass alone of a rate. */

void ngx_http_registry_limit_share(ngx_http_registry_limit_redis_t *redis,
    const reg_gcra_t *gcra, reg_gcra_t *share);


/*
 * Asks for a permit of a charge, or what is left of it if none is to be taken,
 * and for others ahead of need where they are leased.
 *
 * NGX_OK      the charge is answered, by this host where Redis is away
 * NGX_AGAIN   it waits
 */

ngx_int_t ngx_http_registry_limit_ask(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_charge_t *charge, int64_t now);


/* Gives a permit back that was taken a moment ago. */

void ngx_http_registry_limit_give_back(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge,
    int64_t now);


/* A worker ends: forgets whom it asked. */

void ngx_http_registry_limit_asks_end(ngx_http_registry_limit_redis_t *redis);


/*
 * What the leases of this host say to a charge that takes no permit, or not
 * yet: sets the answer and whether it is refused.
 */

void ngx_http_registry_lease_show(ngx_http_registry_charge_t *charge,
    int64_t now);


/*
 * Takes a permit; *ahead is set to how many are to be asked for ahead of need,
 * or 0.
 *
 * NGX_OK         there was one
 * NGX_BUSY       there is none, in Redis neither: charge->answer is set
 * NGX_DECLINED   Redis has to be asked
 */

ngx_int_t ngx_http_registry_lease_take(ngx_http_registry_charge_t *charge,
    int64_t now, uint32_t hosts, uint32_t *ahead);


/* How many to ask for where there are none. */

uint32_t ngx_http_registry_lease_batch(ngx_http_registry_charge_t *charge,
    int64_t now, uint32_t hosts);


/* Keeps what was granted; where there is no place, it is lost. */

void ngx_http_registry_lease_put(ngx_http_registry_limit_t *limit,
    uint64_t key, int64_t lease, int64_t now);


/* Takes away all that is left of a lease that is over: so many. */

uint32_t ngx_http_registry_lease_end(ngx_http_registry_limit_t *limit,
    uint64_t key, int64_t until, int64_t now);


/*
 * Puts a permit back into the lease that it is from: NGX_OK, or NGX_DECLINED
 * when that is over.
 */

ngx_int_t ngx_http_registry_lease_refund(ngx_http_registry_charge_t *charge,
    int64_t now);

#endif /* NGX_HTTP_REGISTRY_LIMIT_REDIS_H */
