/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* One request and one limit: whom it charges, at which rate, and the permit. */

#include "ngx_http_registry_quota.h"

#define NGX_HTTP_REGISTRY_LIMIT_FAILED  1000000000      /* ns to wait then */


/* What takes a permit, as reg_marks_change() wants it. */

typedef struct {
    ngx_http_registry_charge_t  *charge;
    int64_t                      now;
} ngx_http_registry_take_t;


static ngx_int_t ngx_http_registry_limit_charge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge);
static ngx_int_t ngx_http_registry_limit_rate(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge);
static int64_t ngx_http_registry_limit_change(void *data, int64_t mark);
static int64_t ngx_http_registry_limit_change_back(void *data, int64_t mark);


ngx_int_t
ngx_http_registry_limit_charges(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits)
{
    reg_use_t                     use;
    ngx_int_t                     rc;
    ngx_uint_t                    i, n;
    ngx_http_registry_limit_t   **limit;
    ngx_http_registry_charge_t   *charge;
    ngx_http_registry_limited_t  *limited;

    n = limits ? limits->nelts : 0;
    limit = limits ? limits->elts : NULL;

    limited = ngx_pcalloc(r->pool, sizeof(ngx_http_registry_limited_t)
                                   + n * sizeof(ngx_http_registry_charge_t));
    if (limited == NULL) {
        return NGX_ERROR;
    }

    limited->request = r;
    ctx->limited = limited;

    for (i = 0; i < n; i++) {

        use = reg_limit_use(limit[i]->count, &ctx->route);

        if (use == REG_USE_NONE) {
            continue;
        }

        charge = &limited->charges[limited->n];
        charge->limit = limit[i];
        charge->limited = limited;
        charge->use = use;

        rc = limit[i]->mode == NGX_HTTP_REGISTRY_LIMIT_QUOTA
             ? ngx_http_registry_quota_charge(r, ctx, charge)
             : ngx_http_registry_limit_charge(r, ctx, charge);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            limited->n++;
        }
    }

    return NGX_OK;
}


/* Sets whom a rate charges, and the rate; NGX_DECLINED where there is none. */

static ngx_int_t
ngx_http_registry_limit_charge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge)
{
    u_char     key[NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    reg_str_t  text;

    text.data = key;
    text.len = ngx_http_registry_limit_key(r, ctx, charge->limit->per, key);

    if (text.len == 0
        || ngx_http_registry_limit_rate(r, ctx, charge) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    charge->key ^= reg_marks_key(charge->limit->marks, text);

    return NGX_OK;
}


/*
 * Sets the rate of the limit, or what a record says in its place.  A mark is a
 * time, which at another rate would stand for another number of permits; so the
 * rate is a part of the key: one that is changed begins anew, and who has a
 * rate of his own is counted apart.
 *
 * NGX_OK         it is set
 * NGX_DECLINED   there is no limit
 */

static ngx_int_t
ngx_http_registry_limit_rate(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge)
{
    reg_identity_t             *identity;
    const reg_limit_value_t    *value;
    ngx_http_registry_limit_t  *limit;

    limit = charge->limit;
    identity = ctx->identity ? ctx->identity->identity : NULL;

    value = identity ? reg_identity_limit(identity,
                                          ngx_http_registry_str(limit->name))
                     : NULL;

    if (value && value->kind == REG_LIMIT_OFF) {
        return NGX_DECLINED;
    }

    if (value && value->kind == REG_LIMIT_RATE) {
        charge->rate = value->u.rate;
        reg_gcra_init(&charge->gcra, &charge->rate);
        charge->key = ngx_http_registry_limit_salt(limit, &charge->rate);

        return NGX_OK;
    }

    if (value) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "registry: the limit \"%V\" of the key \"%*s\" or its "
                      "tenant \"%*s\" is a quota where a rate is needed, and "
                      "is not heeded", &limit->name, identity->key_id.len,
                      identity->key_id.data, identity->tenant.len,
                      identity->tenant.data);
    }

    charge->rate = limit->rate;
    charge->gcra = limit->gcra;
    charge->key = limit->salt;

    return NGX_OK;
}


void
ngx_http_registry_limit_look(ngx_http_registry_charge_t *charge, int64_t now)
{
    reg_gcra_look(charge->local ? &charge->share : &charge->gcra,
                  reg_marks_get(charge->limit->marks, charge->key), now,
                  &charge->answer);

    charge->refused = (charge->use >= REG_USE_LOOK && charge->answer.wait > 0);
}


/* An error is no permit. */

void
ngx_http_registry_limit_take(ngx_http_registry_charge_t *charge, int64_t now)
{
    ngx_http_registry_take_t  take;

    take.charge = charge;
    take.now = now;

    if (reg_marks_change(charge->limit->marks, charge->key, now,
                         ngx_http_registry_limit_change, &take)
        != REG_OK)
    {
        (void) ngx_atomic_fetch_add(&charge->limit->counters->failed, 1);

        charge->answer.wait = NGX_HTTP_REGISTRY_LIMIT_FAILED;
        charge->answer.remaining = 0;
    }

    charge->refused = (charge->answer.wait > 0);
    charge->taken = !charge->refused;
}


static int64_t
ngx_http_registry_limit_change(void *data, int64_t mark)
{
    ngx_http_registry_take_t *take = data;

    return reg_gcra_take(take->charge->local ? &take->charge->share
                                             : &take->charge->gcra,
                         mark, take->now, &take->charge->answer);
}


void
ngx_http_registry_limit_refund(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge,
    int64_t now)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    if (!charge->taken) {
        return;
    }

    charge->taken = 0;

    if (charge->limit->mode != NGX_HTTP_REGISTRY_LIMIT_LOCAL
        && !charge->local)
    {
        lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

        ngx_http_registry_limit_give_back(lmcf->redis, r, ctx, charge, now);
        return;
    }

    (void) reg_marks_change(charge->limit->marks, charge->key, now,
                            ngx_http_registry_limit_change_back,
                            charge->local ? &charge->share : &charge->gcra);
}


static int64_t
ngx_http_registry_limit_change_back(void *data, int64_t mark)
{
    return reg_gcra_refund(data, mark);
}


uint64_t
ngx_http_registry_limit_salt(ngx_http_registry_limit_t *limit,
    reg_rate_t *rate)
{
    reg_str_t  text;

    text.data = (u_char *) rate;
    text.len = sizeof(reg_rate_t);

    return reg_marks_key(limit->marks, text);
}


int64_t
ngx_http_registry_limit_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}
