/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * One request and all limits of its location.  The strictest of them answers,
 * and a request that one refuses is charged on none.
 */

#include "ngx_http_registry_admission.h"
#include "ngx_http_registry_quota.h"

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
static ngx_int_t ngx_http_registry_limit_refuse(ngx_http_request_t *r,
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
    int64_t                               now;
    ngx_uint_t                            i;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

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

        case NGX_HTTP_REGISTRY_LIMIT_QUOTA:
            ngx_http_registry_quota_look(lmcf->quotas, charge);
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
    ngx_int_t                             rc;
    ngx_uint_t                            i;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;
    limited->step = ngx_http_registry_limit_step_take;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->refused) {
            continue;
        }

        switch (charge->limit->mode) {

        case NGX_HTTP_REGISTRY_LIMIT_EXACT:
            rc = ngx_http_registry_limit_ask(lmcf->redis, r, ctx, charge,
                                             limited->now);
            break;

        case NGX_HTTP_REGISTRY_LIMIT_LEASE:
            rc = charge->use == REG_USE_TAKE
                 ? ngx_http_registry_limit_ask(lmcf->redis, r, ctx, charge,
                                               limited->now)
                 : NGX_OK;
            break;

        case NGX_HTTP_REGISTRY_LIMIT_QUOTA:
            rc = charge->quota->unknown
                 ? ngx_http_registry_quota_ask(lmcf->quotas, charge)
                 : NGX_OK;
            break;

        default:
            rc = NGX_OK;
        }

        if (rc == NGX_AGAIN) {
            limited->waiting++;
        }
    }

    return limited->waiting ? ngx_http_registry_limit_wait(r, limited) : NGX_OK;
}


static ngx_int_t
ngx_http_registry_limit_step_take(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    int64_t                               now;
    ngx_uint_t                            i;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;
    now = limited->now;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->limit->mode == NGX_HTTP_REGISTRY_LIMIT_LOCAL
            && charge->use == REG_USE_TAKE && !charge->refused)
        {
            ngx_http_registry_limit_take(charge, now);

        } else if (charge->quota && charge->quota->unknown) {
            lmcf = ngx_http_get_module_main_conf(r,
                                              ngx_http_registry_limit_module);

            ngx_http_registry_quota_look(lmcf->quotas, charge);
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
    ngx_uint_t                            i;
    ngx_http_registry_charge_t           *charge;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

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

        if (lmcf->quotas
            && ngx_http_registry_quota_warn(r, limited) != NGX_OK)
        {
            return NGX_ERROR;
        }
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

            if (charge->quota) {
                scarce |= ngx_http_registry_quota_scarce(charge->quota);

            } else if (charge->limit->count == REG_COUNT_PULL
                       && charge->answer.remaining
                          < NGX_HTTP_REGISTRY_LIMIT_SCARCE)
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


static ngx_int_t
ngx_http_registry_limit_refuse(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_int_t   rc, status;
    ngx_uint_t  quota;

    ngx_http_registry_limit_count(ctx->limited);
    ngx_http_registry_limit_log(r, ctx);

    quota = (ctx->limited->by->quota != NULL);

    status = ngx_http_registry_refuse(r, ctx, quota ? REG_REASON_QUOTA
                                                    : REG_REASON_RATE);

    rc = quota ? ngx_http_registry_quota_error(r, ctx)
               : ngx_http_registry_limit_error(r, ctx);

    if (rc != NGX_OK || ngx_http_registry_limit_headers(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return status;
}
