/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The leases of a host, which its workers share: two for each key, so that the
 * next is there before the last one is used up, and none is used for longer
 * than it may be.  Beside them the marks keep what Redis said last of the
 * counter: how far ahead its mark was.
 */

#include "ngx_http_registry_limit_redis.h"

#define NGX_HTTP_REGISTRY_LEASES  2


/* Both leases of a key; first is the one that is over first. */

typedef struct {
    uint64_t    key[NGX_HTTP_REGISTRY_LEASES];
    int64_t     lease[NGX_HTTP_REGISTRY_LEASES];
} ngx_http_registry_leases_t;


/* A change of a lease, as reg_marks_change() wants it. */

typedef struct {
    int64_t     now;
    int64_t     lease;                  /* to be put, or as it became */
    int64_t     until;
    uint32_t    count;                  /* taken, or put back */
    ngx_uint_t  done;
} ngx_http_registry_lease_change_t;


static void ngx_http_registry_lease_find(ngx_http_registry_limit_t *limit,
    uint64_t key, ngx_http_registry_leases_t *leases);
static uint32_t ngx_http_registry_lease_next(
    ngx_http_registry_charge_t *charge, int64_t lease, int64_t now,
    uint32_t hosts);
static void ngx_http_registry_lease_answer(ngx_http_registry_charge_t *charge,
    uint32_t left, int64_t now);
static ngx_int_t ngx_http_registry_lease_refused(
    ngx_http_registry_charge_t *charge, int64_t lease, int64_t now,
    ngx_uint_t *ask);
static uint32_t ngx_http_registry_lease_claim(
    ngx_http_registry_charge_t *charge, uint64_t key, int64_t lease,
    int64_t now, uint32_t hosts);
static int64_t ngx_http_registry_lease_change_take(void *data, int64_t lease);
static int64_t ngx_http_registry_lease_change_ask(void *data, int64_t lease);
static int64_t ngx_http_registry_lease_change_refuse(void *data,
    int64_t lease);
static int64_t ngx_http_registry_lease_change_answered(void *data,
    int64_t lease);
static int64_t ngx_http_registry_lease_change_put(void *data, int64_t lease);
static int64_t ngx_http_registry_lease_change_add(void *data, int64_t lease);
static int64_t ngx_http_registry_lease_change_end(void *data, int64_t lease);


void
ngx_http_registry_lease_show(ngx_http_registry_charge_t *charge, int64_t now)
{
    uint32_t                    left;
    ngx_uint_t                  ask;
    ngx_http_registry_leases_t  leases;

    ngx_http_registry_lease_find(charge->limit, charge->key, &leases);

    left = reg_lease_left(leases.lease[0], now)
           + reg_lease_left(leases.lease[1], now);

    charge->refused = (left == 0
                       && ngx_http_registry_lease_refused(charge,
                                                leases.lease[1], now, &ask)
                          == NGX_BUSY
                       && charge->use >= REG_USE_LOOK);

    if (!charge->refused) {
        ngx_http_registry_lease_answer(charge, left, now);
    }
}


ngx_int_t
ngx_http_registry_lease_take(ngx_http_registry_charge_t *charge, int64_t now,
    uint32_t hosts, uint32_t *ahead)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i, ask;
    ngx_http_registry_leases_t         leases;
    ngx_http_registry_lease_change_t   change;

    *ahead = 0;

    ngx_http_registry_lease_find(charge->limit, charge->key, &leases);

    for (i = 0; i < NGX_HTTP_REGISTRY_LEASES; i++) {

        if (reg_lease_left(leases.lease[i], now) == 0) {
            continue;
        }

        change.now = now;
        change.done = 0;

        if (reg_marks_change(charge->limit->leases, leases.key[i], now,
                             ngx_http_registry_lease_change_take, &change)
            != REG_OK || !change.done)
        {
            continue;
        }

        charge->until = reg_lease_until(change.lease);

        /* the other one may hold the next ones already */

        if (reg_lease_low(change.lease)
            && (i == 1 || reg_lease_left(leases.lease[1], now) == 0))
        {
            *ahead = ngx_http_registry_lease_claim(charge, leases.key[i],
                                                   change.lease, now, hosts);
        }

        ngx_http_registry_lease_answer(charge,
                                       reg_lease_count(change.lease)
                                       + (i ? 0 : reg_lease_left(
                                                      leases.lease[1], now)),
                                       now);

        return NGX_OK;
    }

    rc = ngx_http_registry_lease_refused(charge, leases.lease[1], now, &ask);

    if (rc != NGX_BUSY) {
        return rc;
    }

    if (reg_lease_refusing(leases.lease[1]) != leases.lease[1]) {
        change.until = reg_lease_until(leases.lease[1]);

        (void) reg_marks_change(charge->limit->leases, leases.key[1], now,
                                ngx_http_registry_lease_change_refuse,
                                &change);
    }

    if (ask) {
        *ahead = ngx_http_registry_lease_claim(charge, leases.key[1],
                                               leases.lease[1], now, hosts);
    }

    return NGX_BUSY;
}


uint32_t
ngx_http_registry_lease_batch(ngx_http_registry_charge_t *charge, int64_t now,
    uint32_t hosts)
{
    ngx_http_registry_leases_t  leases;

    ngx_http_registry_lease_find(charge->limit, charge->key, &leases);

    return ngx_http_registry_lease_next(charge, leases.lease[1], now, hosts);
}


static uint32_t
ngx_http_registry_lease_next(ngx_http_registry_charge_t *charge, int64_t lease,
    int64_t now, uint32_t hosts)
{
    reg_gcra_answer_t  redis;
    reg_lease_terms_t  terms;

    reg_lease_terms(&terms, &charge->rate, &charge->gcra);

    reg_gcra_look(&charge->gcra,
                  reg_marks_get(charge->limit->marks, charge->key), now,
                  &redis);

    return reg_lease_batch(&terms, &charge->gcra, lease, now, redis.remaining,
                           hosts);
}


/* What Redis said last to be left, and what is here. */

static void
ngx_http_registry_lease_answer(ngx_http_registry_charge_t *charge,
    uint32_t left, int64_t now)
{
    reg_gcra_look(&charge->gcra,
                  reg_marks_get(charge->limit->marks, charge->key), now,
                  &charge->answer);

    charge->answer.wait = 0;
    charge->answer.remaining += left;
}


static void
ngx_http_registry_lease_find(ngx_http_registry_limit_t *limit, uint64_t key,
    ngx_http_registry_leases_t *leases)
{
    int64_t  lease;

    leases->key[0] = key;
    leases->key[1] = key ^ 1;

    leases->lease[0] = reg_marks_get(limit->leases, leases->key[0]);
    leases->lease[1] = reg_marks_get(limit->leases, leases->key[1]);

    if (leases->lease[0] <= leases->lease[1]) {
        return;
    }

    lease = leases->lease[0];

    leases->key[0] = key ^ 1;
    leases->key[1] = key;

    leases->lease[0] = leases->lease[1];
    leases->lease[1] = lease;
}


/*
 * Is it known that Redis has no permit?  It said so, and either none can have
 * grown since, or that is believed yet.  While many come and go so, one of them
 * asks again before long, and nobody has to wait.
 */

static ngx_int_t
ngx_http_registry_lease_refused(ngx_http_registry_charge_t *charge,
    int64_t lease, int64_t now, ngx_uint_t *ask)
{
    reg_lease_terms_t  terms;

    *ask = 0;

    if (!reg_lease_live(lease, now) || !reg_lease_last(lease)) {
        return NGX_DECLINED;
    }

    reg_lease_terms(&terms, &charge->rate, &charge->gcra);

    reg_gcra_look(&charge->gcra,
                  reg_marks_get(charge->limit->marks, charge->key), now,
                  &charge->answer);

    if (charge->answer.wait == 0 && !reg_lease_spent(&terms, lease, now)) {
        return NGX_DECLINED;
    }

    *ask = (charge->answer.wait <= terms.poll / 2
            && reg_lease_age(&terms, lease, now) >= terms.poll / 2);

    charge->answer.remaining = 0;
    charge->answer.wait = ngx_max(charge->answer.wait, 1);

    return NGX_BUSY;
}


/* One worker is to ask for the next ones: for so many, or 0 for the others. */

static uint32_t
ngx_http_registry_lease_claim(ngx_http_registry_charge_t *charge, uint64_t key,
    int64_t lease, int64_t now, uint32_t hosts)
{
    ngx_http_registry_lease_change_t   change;

    change.now = now;
    change.until = reg_lease_until(lease);
    change.done = 0;

    if (reg_marks_change(charge->limit->leases, key, now,
                         ngx_http_registry_lease_change_ask, &change)
        != REG_OK || !change.done)
    {
        return 0;
    }

    return ngx_http_registry_lease_next(charge, lease, now, hosts);
}


void
ngx_http_registry_lease_put(ngx_http_registry_limit_t *limit, uint64_t key,
    int64_t lease, int64_t now)
{
    ngx_uint_t                         i;
    ngx_http_registry_leases_t         leases;
    ngx_http_registry_lease_change_t   change;

    ngx_http_registry_lease_find(limit, key, &leases);

    change.now = now;
    change.lease = reg_lease_after(lease, leases.lease[1], now);
    change.until = reg_lease_until(lease);
    change.count = reg_lease_left(lease, now);
    change.done = 0;

    /* both may say that somebody asks, though this is what was asked for */

    for (i = 0; i < NGX_HTTP_REGISTRY_LEASES; i++) {
        (void) reg_marks_change(limit->leases, leases.key[i], now,
                                ngx_http_registry_lease_change_answered,
                                &change);
    }

    /* in place of one that is over or used up */

    for (i = 0; i < NGX_HTTP_REGISTRY_LEASES && !change.done; i++) {
        (void) reg_marks_change(limit->leases, leases.key[i], now,
                                ngx_http_registry_lease_change_put, &change);
    }

    /* or to one that is over no later */

    for (i = NGX_HTTP_REGISTRY_LEASES; i-- && !change.done; /* void */ ) {
        (void) reg_marks_change(limit->leases, leases.key[i], now,
                                ngx_http_registry_lease_change_add, &change);
    }
}


uint32_t
ngx_http_registry_lease_end(ngx_http_registry_limit_t *limit, uint64_t key,
    int64_t until, int64_t now)
{
    uint32_t                           count;
    ngx_uint_t                         i;
    ngx_http_registry_leases_t         leases;
    ngx_http_registry_lease_change_t   change;

    ngx_http_registry_lease_find(limit, key, &leases);

    count = 0;

    for (i = 0; i < NGX_HTTP_REGISTRY_LEASES; i++) {
        change.now = now;
        change.until = until;
        change.count = 0;

        if (reg_lease_until(leases.lease[i]) == until
            && reg_marks_change(limit->leases, leases.key[i], now,
                                ngx_http_registry_lease_change_end, &change)
               == REG_OK)
        {
            count += change.count;
        }
    }

    return count;
}


ngx_int_t
ngx_http_registry_lease_refund(ngx_http_registry_charge_t *charge, int64_t now)
{
    ngx_uint_t                         i;
    ngx_http_registry_leases_t         leases;
    ngx_http_registry_lease_change_t   change;

    ngx_http_registry_lease_find(charge->limit, charge->key, &leases);

    change.now = now;
    change.until = charge->until;
    change.count = 1;
    change.done = 0;

    for (i = 0; i < NGX_HTTP_REGISTRY_LEASES && !change.done; i++) {

        if (reg_lease_until(leases.lease[i]) == charge->until) {
            (void) reg_marks_change(charge->limit->leases, leases.key[i], now,
                                    ngx_http_registry_lease_change_add,
                                    &change);
        }
    }

    return change.done ? NGX_OK : NGX_DECLINED;
}


static int64_t
ngx_http_registry_lease_change_take(void *data, int64_t lease)
{
    ngx_http_registry_lease_change_t *change = data;

    change->lease = reg_lease_take(lease, change->now);
    change->done = (change->lease != lease);

    return change->lease;
}


static int64_t
ngx_http_registry_lease_change_ask(void *data, int64_t lease)
{
    ngx_http_registry_lease_change_t *change = data;

    int64_t  asking;

    asking = reg_lease_asking(lease);

    change->done = (asking != lease && reg_lease_until(lease) == change->until);

    return change->done ? asking : lease;
}


static int64_t
ngx_http_registry_lease_change_refuse(void *data, int64_t lease)
{
    ngx_http_registry_lease_change_t *change = data;

    return reg_lease_until(lease) == change->until ? reg_lease_refusing(lease)
                                                   : lease;
}


static int64_t
ngx_http_registry_lease_change_answered(void *data, int64_t lease)
{
    return reg_lease_answered(lease);
}


static int64_t
ngx_http_registry_lease_change_put(void *data, int64_t lease)
{
    ngx_http_registry_lease_change_t *change = data;

    change->done = (reg_lease_left(lease, change->now) == 0);

    return change->done ? change->lease : lease;
}


static int64_t
ngx_http_registry_lease_change_add(void *data, int64_t lease)
{
    ngx_http_registry_lease_change_t *change = data;

    change->done = (reg_lease_live(lease, change->now)
                    && reg_lease_until(lease) <= change->until);

    return change->done ? reg_lease_add(lease, change->count) : lease;
}


/* The time is over, so nobody takes any more of what is left. */

static int64_t
ngx_http_registry_lease_change_end(void *data, int64_t lease)
{
    ngx_http_registry_lease_change_t *change = data;

    change->count = 0;

    if (reg_lease_until(lease) != change->until
        || reg_lease_live(lease, change->now))
    {
        return lease;
    }

    change->count = reg_lease_count(lease);

    return lease - (int64_t) change->count;
}
