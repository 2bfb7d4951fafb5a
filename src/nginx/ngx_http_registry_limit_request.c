/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * One request and all limits of its location.  The strictest of them answers,
 * and a request that one refuses is charged on none.
 */

#include "ngx_http_registry_admission.h"
#include "ngx_http_registry_limit.h"

#define NGX_HTTP_REGISTRY_LIMIT_FAILED  1000000000      /* ns to wait then */


/* What takes a permit, as reg_marks_change() wants it. */

typedef struct {
    ngx_http_registry_charge_t  *charge;
    int64_t                      now;
} ngx_http_registry_take_t;


static ngx_int_t ngx_http_registry_limit_add_charges(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits);
static ngx_int_t ngx_http_registry_limit_rate(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge);
static void ngx_http_registry_limit_look(ngx_http_registry_charge_t *charge,
    int64_t now);
static void ngx_http_registry_limit_take(ngx_http_registry_charge_t *charge,
    int64_t now);
static int64_t ngx_http_registry_limit_change(void *data, int64_t mark);
static void ngx_http_registry_limit_refund(ngx_http_registry_charge_t *charge,
    int64_t now);
static int64_t ngx_http_registry_limit_change_back(void *data, int64_t mark);
static ngx_int_t ngx_http_registry_limit_judge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now);
static ngx_uint_t ngx_http_registry_limit_exempt(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now);
static void ngx_http_registry_limit_count(
    ngx_http_registry_limited_t *limited);
static ngx_int_t ngx_http_registry_limit_refuse(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static void ngx_http_registry_limit_log(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


ngx_int_t
ngx_http_registry_limit_request(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits)
{
    int64_t                               now;
    uint64_t                              key;
    ngx_uint_t                            i, manifest;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    if (ngx_http_registry_limit_add_charges(r, ctx, limits) != NGX_OK) {
        return NGX_ERROR;
    }

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    limited = ctx->limited;
    now = ngx_http_registry_limit_now();

    manifest = (ctx->route.resource == REG_RESOURCE_MANIFEST
                && ctx->route.method == REG_METHOD_GET);

    key = 0;

    if (manifest) {
        key = ngx_http_registry_admission_key(r, ctx, lmcf->admissions);

        limited->follows = ngx_http_registry_follows(ctx, lmcf->admissions, key,
                                                     now);
    }

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (limited->follows && charge->limit->count == REG_COUNT_PULL) {
            charge->use = REG_USE_SHOW;
        }

        /* one limit alone refuses without having charged anything */

        if (limited->n > 1 || charge->use != REG_USE_TAKE) {
            ngx_http_registry_limit_look(charge, now);
        }
    }

    if (ngx_http_registry_limit_judge(r, ctx, now) != NGX_OK) {
        return ngx_http_registry_limit_refuse(r, ctx);
    }

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->use == REG_USE_TAKE && !charge->refused) {
            ngx_http_registry_limit_take(charge, now);
        }
    }

    /* another worker may have been faster than we since we looked */

    if (ngx_http_registry_limit_judge(r, ctx, now) != NGX_OK) {

        for (i = 0; i < limited->n; i++) {
            ngx_http_registry_limit_refund(&limited->charges[i], now);
        }

        return ngx_http_registry_limit_refuse(r, ctx);
    }

    ngx_http_registry_limit_count(limited);

    if (limited->by) {
        ngx_http_registry_limit_log(r, ctx);
    }

    if (manifest) {
        ngx_http_registry_admit(ctx, lmcf->admissions, key, now,
                                !limited->follows);
    }

    return ngx_http_registry_limit_headers(r, ctx) == NGX_OK ? NGX_DECLINED
                                                             : NGX_ERROR;
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


/* Makes ctx->limited, with those limits that have to do with the request. */

static ngx_int_t
ngx_http_registry_limit_add_charges(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits)
{
    u_char                        key[NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    reg_use_t                     use;
    reg_str_t                     text;
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

    ctx->limited = limited;

    for (i = 0; i < n; i++) {

        use = reg_limit_use(limit[i]->count, &ctx->route);

        if (use == REG_USE_NONE) {
            continue;
        }

        text.data = key;
        text.len = ngx_http_registry_limit_key(r, ctx, limit[i]->per, key);

        if (text.len == 0) {
            continue;
        }

        charge = &limited->charges[limited->n];
        charge->limit = limit[i];
        charge->use = use;

        if (ngx_http_registry_limit_rate(r, ctx, charge) == NGX_OK) {
            charge->key ^= reg_marks_key(limit[i]->marks, text);
            limited->n++;
        }
    }

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


static void
ngx_http_registry_limit_look(ngx_http_registry_charge_t *charge, int64_t now)
{
    reg_gcra_look(&charge->gcra,
                  reg_marks_get(charge->limit->marks, charge->key), now,
                  &charge->answer);

    charge->refused = (charge->use >= REG_USE_LOOK && charge->answer.wait > 0);
}


/* An error is no permit. */

static void
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

    return reg_gcra_take(&take->charge->gcra, mark, take->now,
                         &take->charge->answer);
}


static void
ngx_http_registry_limit_refund(ngx_http_registry_charge_t *charge, int64_t now)
{
    if (charge->taken) {
        charge->taken = 0;

        (void) reg_marks_change(charge->limit->marks, charge->key, now,
                                ngx_http_registry_limit_change_back,
                                &charge->gcra);
    }
}


static int64_t
ngx_http_registry_limit_change_back(void *data, int64_t mark)
{
    return reg_gcra_refund(data, mark);
}


/*
 * NGX_OK     the request passes, maybe because it is exempt or it is a dry run
 * NGX_BUSY   limited->by refuses it
 */

static ngx_int_t
ngx_http_registry_limit_judge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now)
{
    ngx_uint_t                    i;
    ngx_http_registry_charge_t   *charge, *dry;
    ngx_http_registry_limited_t  *limited;

    limited = ctx->limited;
    limited->by = NULL;
    dry = NULL;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (!charge->refused) {
            continue;
        }

        if (charge->limit->dry_run) {
            dry = charge;

        } else if (limited->by == NULL
                   || charge->answer.wait > limited->by->answer.wait)
        {
            limited->by = charge;
        }
    }

    if (limited->by) {

        if (!ngx_http_registry_limit_exempt(r, ctx, now)) {
            limited->status = NGX_HTTP_REGISTRY_LIMIT_REFUSED;
            return NGX_BUSY;
        }

        limited->status = NGX_HTTP_REGISTRY_LIMIT_EXEMPT;

    } else if (dry) {
        limited->by = dry;
        limited->status = NGX_HTTP_REGISTRY_LIMIT_REFUSED_DRY_RUN;
    }

    return NGX_OK;
}


/* Whether the request belongs to a pull that was admitted. */

static ngx_uint_t
ngx_http_registry_limit_exempt(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    if (ctx->limited->follows) {
        return 1;
    }

    if (ctx->route.resource != REG_RESOURCE_BLOB
        || (ctx->route.method != REG_METHOD_GET
            && ctx->route.method != REG_METHOD_HEAD))
    {
        return 0;
    }

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    return ngx_http_registry_admitted(lmcf->admissions,
                                      ngx_http_registry_admission_key(r, ctx,
                                                       lmcf->admissions),
                                      now);
}


/* Each limit counts what became of the request as far as it is concerned. */

static void
ngx_http_registry_limit_count(ngx_http_registry_limited_t *limited)
{
    ngx_uint_t                           i;
    ngx_atomic_t                        *counter;
    ngx_http_registry_charge_t          *charge;
    ngx_http_registry_limit_counters_t  *counters;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];
        counters = charge->limit->counters;

        if (charge->taken) {
            counter = &counters->passed;

        } else if (!charge->refused) {
            continue;

        } else if (charge->limit->dry_run) {
            counter = &counters->refused_dry_run;

        } else if (limited->status == NGX_HTTP_REGISTRY_LIMIT_EXEMPT) {
            counter = &counters->exempt;

        } else {
            counter = &counters->refused;
        }

        (void) ngx_atomic_fetch_add(counter, 1);
    }
}


static ngx_int_t
ngx_http_registry_limit_refuse(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_int_t  status;

    ngx_http_registry_limit_count(ctx->limited);
    ngx_http_registry_limit_log(r, ctx);

    status = ngx_http_registry_refuse(r, ctx, REG_REASON_RATE);

    if (ngx_http_registry_limit_error(r, ctx) != NGX_OK
        || ngx_http_registry_limit_headers(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return status;
}


static void
ngx_http_registry_limit_log(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    char                          window[REG_WINDOW_LEN];
    u_char                        source[NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    size_t                        len;
    const char                   *what;
    ngx_http_registry_charge_t   *by;

    by = ctx->limited->by;

    /* a pull that goes on is no news */

    if (ctx->limited->status == NGX_HTTP_REGISTRY_LIMIT_EXEMPT) {
        return;
    }

    what = (ctx->limited->status == NGX_HTTP_REGISTRY_LIMIT_REFUSED)
           ? "limited" : "would be limited";

    reg_window_format(window, by->rate.window);
    len = ngx_http_registry_limit_source(r, ctx, by->limit->per, source);

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "registry: %s: limit \"%V\", %uD in %s per %s, for \"%*s\", "
                  "operation %s, repository \"%*s\"", what, &by->limit->name,
                  by->rate.count, window, reg_per_name(by->limit->per), len,
                  source, reg_operation_name(ctx->route.operation),
                  ctx->route.repository.len, ctx->route.repository.data);
}
