/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What a client reads of limits: the headers that Docker Hub sends, and an
 * error that tools print as it is.
 */

#include "ngx_http_registry_limit.h"

/* Of a header, a message or a detail: names of 63 bytes and some numbers. */

#define NGX_HTTP_REGISTRY_LIMIT_TEXT  256


static ngx_http_registry_charge_t *ngx_http_registry_limit_strictest(
    ngx_http_registry_limited_t *limited);
static ngx_int_t ngx_http_registry_limit_add(ngx_http_request_t *r,
    const char *name, const char *fmt, ...);
static ngx_int_t ngx_http_registry_limit_rates(ngx_http_request_t *r,
    ngx_http_registry_charge_t *charge);


ngx_int_t
ngx_http_registry_limit_headers(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    u_char                       source[NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    size_t                       len;
    ngx_uint_t                   pull;
    ngx_http_registry_charge_t  *charge;

    /* as Docker Hub does, which clients and people know */

    pull = (ctx->route.resource == REG_RESOURCE_MANIFEST
            && (ctx->route.method == REG_METHOD_GET
                || ctx->route.method == REG_METHOD_HEAD));

    if (!pull && ctx->route.operation != REG_OP_API
        && ctx->limited->status != NGX_HTTP_REGISTRY_LIMIT_REFUSED)
    {
        return NGX_OK;
    }

    charge = ngx_http_registry_limit_strictest(ctx->limited);

    if (charge == NULL) {
        return NGX_OK;
    }

    if (ngx_http_registry_limit_rates(r, charge) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!pull) {
        return NGX_OK;
    }

    len = ngx_http_registry_limit_source(r, ctx, charge->limit->per, source);

    return ngx_http_registry_limit_add(r, "docker-ratelimit-source", "%*s",
                                       len, source);
}


ngx_int_t
ngx_http_registry_limit_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    char                         window[REG_WINDOW_LEN];
    u_char                      *p, *message;
    int64_t                      seconds;
    const char                  *what, *per;
    ngx_http_registry_charge_t  *charge;

    charge = ctx->limited->by;

    message = ngx_pnalloc(r->pool, 2 * NGX_HTTP_REGISTRY_LIMIT_TEXT);
    if (message == NULL) {
        return NGX_ERROR;
    }

    what = charge->limit->count == REG_COUNT_PULL ? "pulls"
           : charge->limit->count == REG_COUNT_PUSH ? "pushes" : "requests";

    per = reg_per_name(charge->limit->per);
    seconds = reg_gcra_seconds(charge->answer.wait);
    reg_window_format(window, charge->rate.window);

    p = ngx_snprintf(message, NGX_HTTP_REGISTRY_LIMIT_TEXT - 1,
                     "too many %s: %uD in %s are allowed per %s, try again in "
                     "%L second%s", what, charge->rate.count, window, per,
                     seconds, seconds == 1 ? "" : "s");
    *p++ = '\0';

    ctx->message = (char *) message;

    ctx->detail.data = p;
    p = ngx_snprintf(p, NGX_HTTP_REGISTRY_LIMIT_TEXT,
                     "{\"name\":\"%V\",\"limit\":%uD,\"window\":%uD,"
                     "\"per\":\"%s\",\"retry_after\":%L}",
                     &charge->limit->name, charge->rate.count,
                     charge->rate.window, per, seconds);
    ctx->detail.len = (size_t) (p - ctx->detail.data);

    return ngx_http_registry_limit_add(r, "Retry-After", "%L", seconds);
}


/*
 * The one that says most to who reads it: whatever refuses; else, of the limits
 * of pulls if there are any, the one that has least left.
 */

static ngx_http_registry_charge_t *
ngx_http_registry_limit_strictest(ngx_http_registry_limited_t *limited)
{
    ngx_uint_t                   i;
    ngx_http_registry_charge_t  *charge, *best;

    if (limited->status == NGX_HTTP_REGISTRY_LIMIT_REFUSED) {
        return limited->by;
    }

    best = NULL;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        /* nobody is to be told of what is only tried out */

        if (charge->limit->dry_run) {
            continue;
        }

        if (best == NULL
            || charge->limit->count < best->limit->count
            || (charge->limit->count == best->limit->count
                && charge->answer.remaining < best->answer.remaining))
        {
            best = charge;
        }
    }

    return best;
}


static ngx_int_t
ngx_http_registry_limit_rates(ngx_http_request_t *r,
    ngx_http_registry_charge_t *charge)
{
    if (ngx_http_registry_limit_add(r, "ratelimit-limit", "%uD;w=%uD",
                                    charge->rate.count, charge->rate.window)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* with a burst above the count there may be more of them */

    return ngx_http_registry_limit_add(r, "ratelimit-remaining", "%uD;w=%uD",
                                       ngx_min(charge->answer.remaining,
                                               charge->rate.count),
                                       charge->rate.window);
}


static ngx_int_t
ngx_http_registry_limit_add(ngx_http_request_t *r, const char *name,
    const char *fmt, ...)
{
    u_char   *p, *last, *value;
    va_list   args;

    value = ngx_pnalloc(r->pool, NGX_HTTP_REGISTRY_LIMIT_KEY_MAX + 1);
    if (value == NULL) {
        return NGX_ERROR;
    }

    last = value + NGX_HTTP_REGISTRY_LIMIT_KEY_MAX;

    va_start(args, fmt);
    p = ngx_vslprintf(value, last, fmt, args);
    va_end(args);

    *p = '\0';

    return ngx_http_registry_add_header(r, name, (char *) value);
}
