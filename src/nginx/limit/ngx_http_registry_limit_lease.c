/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What is answered from the leases of a host.  Beside them the marks keep what
 * Redis said last of the counter: how far ahead its mark was.
 */

#include "ngx_http_registry_limit_redis.h"
#include "reg_leases.h"


static uint32_t ngx_http_registry_lease_next(
    ngx_http_registry_charge_t *charge, int64_t lease, int64_t now,
    uint32_t hosts);
static void ngx_http_registry_lease_answer(ngx_http_registry_charge_t *charge,
    uint32_t left, int64_t now);
static ngx_int_t ngx_http_registry_lease_refused(
    ngx_http_registry_charge_t *charge, int64_t lease, int64_t now,
    ngx_uint_t *ask);


void
ngx_http_registry_lease_show(ngx_http_registry_charge_t *charge, int64_t now)
{
    uint32_t      left;
    ngx_uint_t    ask;
    reg_leases_t  leases;

    reg_leases_find(&leases, charge->limit->leases, charge->key);

    left = reg_leases_left(&leases, now);

    charge->refused = (left == 0
                       && ngx_http_registry_lease_refused(charge,
                                            reg_leases_at(&leases), now, &ask)
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
    ngx_int_t     rc;
    ngx_uint_t    ask;
    reg_leases_t  leases;

    *ahead = 0;

    reg_leases_find(&leases, charge->limit->leases, charge->key);

    if (reg_leases_take(&leases, now) == REG_OK) {
        charge->until = reg_lease_until(reg_leases_at(&leases));

        ngx_http_registry_lease_answer(charge, reg_leases_left(&leases, now),
                                       now);

        ask = reg_leases_low(&leases, now);
        rc = NGX_OK;

    } else {
        rc = ngx_http_registry_lease_refused(charge, reg_leases_at(&leases),
                                             now, &ask);
        if (rc != NGX_BUSY) {
            return rc;
        }

        reg_leases_refuse(&leases, now);
    }

    /* one worker does */

    if (ask && reg_leases_ask(&leases, now)) {
        *ahead = ngx_http_registry_lease_next(charge, reg_leases_at(&leases),
                                              now, hosts);
    }

    return rc;
}


uint32_t
ngx_http_registry_lease_batch(ngx_http_registry_charge_t *charge, int64_t now,
    uint32_t hosts)
{
    reg_leases_t  leases;

    reg_leases_find(&leases, charge->limit->leases, charge->key);

    return ngx_http_registry_lease_next(charge, reg_leases_at(&leases), now,
                                        hosts);
}


void
ngx_http_registry_lease_put(ngx_http_registry_limit_t *limit, uint64_t key,
    int64_t lease, int64_t now)
{
    reg_leases_t  leases;

    reg_leases_find(&leases, limit->leases, key);
    reg_leases_put(&leases, lease, now);
}


uint32_t
ngx_http_registry_lease_end(ngx_http_registry_limit_t *limit, uint64_t key,
    int64_t until, int64_t now)
{
    reg_leases_t  leases;

    reg_leases_find(&leases, limit->leases, key);

    return reg_leases_end(&leases, until, now);
}


ngx_int_t
ngx_http_registry_lease_refund(ngx_http_registry_charge_t *charge, int64_t now)
{
    reg_leases_t  leases;

    reg_leases_find(&leases, charge->limit->leases, charge->key);

    return reg_leases_refund(&leases, charge->until, now) == REG_OK
           ? NGX_OK : NGX_DECLINED;
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
