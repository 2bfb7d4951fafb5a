/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_QUOTA_H
#define NGX_HTTP_REGISTRY_QUOTA_H

/*
 * Quotas: bytes that a tenant may use in a day, week or month.  One worker of a
 * host reads the ledger now and then, and from Redis what the other hosts have
 * sent there; all workers add what they book meanwhile.
 */

#include "ngx_http_registry_ledger.h"
#include "ngx_http_registry_limit_redis.h"


/* What the workers of a host share, before the table of tenants. */

typedef struct {
    ngx_atomic_t   keeper;               /* pid of who reads; 0: nobody */
    ngx_atomic_t   beat;                 /* ms: when it was last busy */
    ngx_atomic_t   wanted;               /* somebody waits for a round */
} ngx_http_registry_keeper_t;


typedef struct ngx_http_registry_quota_round_s  ngx_http_registry_quota_round_t;

struct ngx_http_registry_quotas_s {
    ngx_http_registry_ledger_main_conf_t  *ledger;
    ngx_http_registry_limit_redis_t       *redis;      /* NULL: no others */
    ngx_http_registry_script_t             sum;
    ngx_shm_zone_t                        *shm_zone;
    ngx_http_registry_keeper_t            *shared;
    reg_spent_t                           *spent;

    /* of each worker, from here on */

    ngx_uint_t                             begun;
    ngx_queue_t                            asks;       /* to Redis */
    ngx_queue_t                            waiters;    /* for a round */
    ngx_event_t                            patience;   /* of those */
    ngx_http_registry_quota_round_t       *round;
};


/* Whether there may be such a quota here: NGX_OK, or NGX_ERROR is logged. */

ngx_int_t ngx_http_registry_quota_allowed(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_uint_t redis);


/* For the configuration, which has quotas: NULL after an error. */

ngx_http_registry_quotas_t *ngx_http_registry_quotas_create(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf);


/* A worker begins, which may be told twice, and ends. */

void ngx_http_registry_quotas_begin(ngx_http_registry_quotas_t *quotas);

void ngx_http_registry_quotas_end(void *quotas);


/* Reading the ledger, in turn with the other workers; and no more. */

ngx_int_t ngx_http_registry_quota_round_begin(
    ngx_http_registry_quotas_t *quotas);

void ngx_http_registry_quota_round_end(ngx_http_registry_quotas_t *quotas);


/*
 * Asks Redis what all have used in a period, but for some fields of ours.  NULL
 * while it cannot be asked.
 */

ngx_http_registry_run_t *ngx_http_registry_quota_sum(
    ngx_http_registry_quotas_t *quotas, reg_str_t tenant, int64_t first,
    int64_t next, reg_str_t *skip, size_t nskip,
    ngx_http_registry_answer_pt handler, void *data);

/* Its answer: NGX_OK, or NGX_ERROR where it is none. */

ngx_int_t ngx_http_registry_quota_summed(ngx_http_registry_quotas_t *quotas,
    redisReply *reply, uint64_t *bytes);


/*
 * Sets charge->quota.
 *
 * NGX_OK         it is set
 * NGX_DECLINED   there is no quota for whoever it is
 * NGX_ERROR      memory ran out
 */

ngx_int_t ngx_http_registry_quota_charge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge);


/* What is left: sets charge->refused, or charge->quota->unknown. */

void ngx_http_registry_quota_look(ngx_http_registry_quotas_t *quotas,
    ngx_http_registry_charge_t *charge);


/*
 * Asks how much is used where that is not known.
 *
 * NGX_OK      it stays unknown
 * NGX_AGAIN   the charge waits
 */

ngx_int_t ngx_http_registry_quota_ask(ngx_http_registry_quotas_t *quotas,
    ngx_http_registry_charge_t *charge);


/* Whether most of it is used: 4 parts of 5. */

ngx_uint_t ngx_http_registry_quota_scarce(ngx_http_registry_quota_t *quota);


/* Warns a client of that.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_quota_warn(ngx_http_request_t *r,
    ngx_http_registry_limited_t *limited);


/* The error of a request that limited->by refuses.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_quota_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/*
 * Bytes of the request were booked to a tenant, or taken back where there are
 * less than none; *at is found once, and is zeroed before.
 */

void ngx_http_registry_quota_book(ngx_http_request_t *r, reg_spent_at_t *at,
    reg_str_t tenant, off_t bytes);


/* Seconds of the clock of reg_spent_ask(). */

uint64_t ngx_http_registry_quota_now(void);

#endif /* NGX_HTTP_REGISTRY_QUOTA_H */
