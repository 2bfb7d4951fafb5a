/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * One request and all limits of its location.  The strictest of them answers,
 * and a request that one refuses is charged on none.
 */

#include "ngx_http_registry_admission.h"

/* Other hosts may be about to refuse when less than so many are left. */

#define NGX_HTTP_REGISTRY_LIMIT_SCARCE  64


static ngx_uint_t ngx_http_registry_limit_manifest(
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_limit_step_look(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_limit_step_reserve(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_limit_step_take(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_limit_step_looked(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_limit_step_taken(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_limit_refused(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now);
static ngx_int_t ngx_http_registry_limit_pass(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now);
static ngx_int_t ngx_http_registry_limit_judge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now);
static void ngx_http_registry_limit_admit(ngx_http_request_t *r,
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
    ngx_int_t                             rc;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    if (ctx->limited == NULL) {

        if (ngx_http_registry_limit_charges(r, ctx, limits) != NGX_OK) {
            return NGX_ERROR;
        }

        limited = ctx->limited;
        limited->now = ngx_http_registry_limit_now();

        if (ngx_http_registry_limit_manifest(ctx)) {
            lmcf = ngx_http_get_module_main_conf(r,
                                              ngx_http_registry_limit_module);

            limited->pull = ngx_http_registry_admission_key(r, ctx,
                                                            lmcf->admissions);
            limited->follows = ngx_http_registry_follows(ctx, lmcf->admissions,
                                                         limited->pull,
                                                         limited->now);
        }

        limited->step = ngx_http_registry_limit_step_look;
    }

    limited = ctx->limited;

    if (limited->waiting) {
        return NGX_AGAIN;
    }

    if (limited->leaves) {

        /* it has waited for an answer */

        limited->now = ngx_http_registry_limit_now();
    }

    rc = NGX_DECLINED;

    while (limited->step) {
        rc = limited->step(r, ctx);

        if (rc != NGX_OK) {
            break;
        }
    }

    if (rc != NGX_AGAIN) {
        limited->step = NULL;
    }

    return rc;
}


static ngx_uint_t
ngx_http_registry_limit_manifest(ngx_http_registry_ctx_t *ctx)
{
    return ctx->route.resource == REG_RESOURCE_MANIFEST
           && ctx->route.method == REG_METHOD_GET;
}


/* A request that cannot pass charges nobody, so all are looked at first. */

static ngx_int_t
ngx_http_registry_limit_step_look(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    int64_t                       now;
    ngx_uint_t                    i;
    ngx_http_registry_charge_t   *charge;
    ngx_http_registry_limited_t  *limited;

    limited = ctx->limited;
    now = limited->now;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (limited->follows && charge->limit->count == REG_COUNT_PULL) {
            charge->use = REG_USE_SHOW;
        }

        /* one limit alone refuses without having charged anything */

        if (limited->n == 1 && charge->use == REG_USE_TAKE) {
            continue;
        }

        switch (charge->limit->mode) {

        case NGX_HTTP_REGISTRY_LIMIT_EXACT:

            /* that takes a round trip: when it is its turn */
            break;

        case NGX_HTTP_REGISTRY_LIMIT_LEASE:
            ngx_http_registry_lease_show(charge, now);
            break;

        default:
            ngx_http_registry_limit_look(charge, now);
        }
    }

    limited->step = ngx_http_registry_limit_step_looked;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_limit_step_looked(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    int64_t  now;

    now = ctx->limited->now;

    if (ngx_http_registry_limit_judge(r, ctx, now) != NGX_OK) {
        return ngx_http_registry_limit_refused(r, ctx, now);
    }

    ctx->limited->step = ngx_http_registry_limit_step_reserve;

    return NGX_OK;
}


/* What Redis has to be asked for is asked for at once, in one round trip. */

static ngx_int_t
ngx_http_registry_limit_step_reserve(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_uint_t                            i;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;
    limited->step = ngx_http_registry_limit_step_take;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->limit->mode == NGX_HTTP_REGISTRY_LIMIT_LOCAL
            || charge->refused
            || (charge->use != REG_USE_TAKE
                && charge->limit->mode == NGX_HTTP_REGISTRY_LIMIT_LEASE))
        {
            continue;
        }

        lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

        if (ngx_http_registry_limit_ask(lmcf->redis, r, ctx, charge,
                                        limited->now)
            == NGX_AGAIN)
        {
            limited->waiting++;
        }
    }

    return limited->waiting ? ngx_http_registry_limit_wait(r, limited) : NGX_OK;
}


static ngx_int_t
ngx_http_registry_limit_step_take(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    int64_t                       now;
    ngx_uint_t                    i;
    ngx_http_registry_charge_t   *charge;
    ngx_http_registry_limited_t  *limited;

    limited = ctx->limited;
    now = limited->now;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->limit->mode == NGX_HTTP_REGISTRY_LIMIT_LOCAL
            && charge->use == REG_USE_TAKE && !charge->refused)
        {
            ngx_http_registry_limit_take(charge, now);
        }
    }

    limited->step = ngx_http_registry_limit_step_taken;

    return NGX_OK;
}


/* Another may have been faster than we since we looked. */

static ngx_int_t
ngx_http_registry_limit_step_taken(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    int64_t  now;

    now = ctx->limited->now;

    return ngx_http_registry_limit_judge(r, ctx, now) == NGX_OK
           ? ngx_http_registry_limit_pass(r, ctx, now)
           : ngx_http_registry_limit_refused(r, ctx, now);
}


/*
 * Before a part of a pull is refused, the other hosts are asked whether they
 * have admitted that; then it is judged again.
 */

static ngx_int_t
ngx_http_registry_limit_refused(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now)
{
    ngx_uint_t                            i;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    if (ngx_http_registry_admission_ask(lmcf->redis, r, ctx) == NGX_AGAIN) {
        return ngx_http_registry_limit_wait(r, limited);
    }

    for (i = 0; i < limited->n; i++) {
        ngx_http_registry_limit_refund(r, ctx, &limited->charges[i], now);
    }

    return ngx_http_registry_limit_refuse(r, ctx);
}


static ngx_int_t
ngx_http_registry_limit_pass(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now)
{
    ngx_uint_t                    i;
    ngx_http_registry_charge_t   *charge;
    ngx_http_registry_limited_t  *limited;

    limited = ctx->limited;

    /* what another host said to follow is free here, too */

    for (i = 0; limited->follows && i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->limit->count == REG_COUNT_PULL) {
            ngx_http_registry_limit_refund(r, ctx, charge, now);
        }
    }

    ngx_http_registry_limit_count(limited);

    if (limited->by) {
        ngx_http_registry_limit_log(r, ctx);
    }

    if (ngx_http_registry_limit_manifest(ctx)) {
        ngx_http_registry_limit_admit(r, ctx, now);
    }

    return ngx_http_registry_limit_headers(r, ctx) == NGX_OK ? NGX_DECLINED
                                                             : NGX_ERROR;
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


/*
 * Other hosts are told of a pull if they may have forgotten it, and of each
 * manifest that may follow as soon as one of them might refuse it.
 */

static void
ngx_http_registry_limit_admit(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now)
{
    int64_t                               left;
    ngx_uint_t                            i, scarce;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;
    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    if (lmcf->redis) {
        left = ngx_http_registry_admission_left(lmcf->admissions,
                                                limited->pull, now);
        scarce = 0;

        for (i = 0; i < limited->n; i++) {
            charge = &limited->charges[i];

            if (charge->limit->count == REG_COUNT_PULL
                && charge->answer.remaining < NGX_HTTP_REGISTRY_LIMIT_SCARCE)
            {
                scarce = 1;
            }
        }

        if (limited->follows) {
            if (scarce && !limited->admitted) {
                ngx_http_registry_admission_tell_followed(lmcf->redis, r, ctx);
            }

        } else if (scarce || left < NGX_HTTP_REGISTRY_ADMISSION_TOLD) {
            ngx_http_registry_admission_tell(lmcf->redis, r, ctx);
        }
    }

    ngx_http_registry_admit(ctx, lmcf->admissions, limited->pull, now,
                            !limited->follows);
}


/* Whether the request belongs to a pull that was admitted. */

static ngx_uint_t
ngx_http_registry_limit_exempt(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, int64_t now)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    if (ctx->limited->follows || ctx->limited->admitted) {
        return 1;
    }

    if (!ngx_http_registry_admission_blob(ctx)) {
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

            if (charge->local) {
                (void) ngx_atomic_fetch_add(&counters->local, 1);

            } else if (charge->waited) {
                (void) ngx_atomic_fetch_add(&counters->waited, 1);
            }

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
