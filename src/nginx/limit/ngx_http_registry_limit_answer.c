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
static ngx_int_t ngx_http_registry_limit_rates(ngx_http_request_t *r,
    ngx_http_registry_charge_t *charge);
static u_char *ngx_http_registry_limit_number(u_char *p, uint32_t n);


static ngx_str_t  ngx_http_registry_limit_header =
    ngx_string("ratelimit-limit");

static ngx_str_t  ngx_http_registry_remaining_header =
    ngx_string("ratelimit-remaining");

static ngx_str_t  ngx_http_registry_source_header =
    ngx_string("docker-ratelimit-source");

static ngx_str_t  ngx_http_registry_retry_header =
    ngx_string("Retry-After");


ngx_int_t
ngx_http_registry_limit_headers(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    u_char                       buf[NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    ngx_str_t                    source;
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

    source.data = buf;
    source.len = ngx_http_registry_limit_source(r, ctx, charge->limit->per,
                                                buf);

    source.data = ngx_pstrdup(r->pool, &source);
    if (source.data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_registry_add_header(r, ngx_http_registry_source_header,
                                        source)
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_registry_limit_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    char                         window[REG_WINDOW_LEN];
    u_char                      *p, *message;
    int64_t                      seconds;
    ngx_str_t                    retry;
    const char                  *what, *per;
    ngx_http_registry_charge_t  *charge;

    charge = ctx->limited->by;

    message = ngx_pnalloc(r->pool, 2 * NGX_HTTP_REGISTRY_LIMIT_TEXT
                                   + NGX_INT64_LEN);
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

    retry.data = p;
    retry.len = (size_t) (ngx_sprintf(p, "%L", seconds) - p);

    return ngx_http_registry_add_header(r, ngx_http_registry_retry_header,
                                        retry)
           ? NGX_OK : NGX_ERROR;
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
        return limited->by->quota ? NULL : limited->by;
    }

    best = NULL;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        /* nobody is to be told of what is only tried out; and this is rates */

        if (charge->limit->dry_run || charge->quota) {
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
    u_char     *p, *window;
    uint32_t    remaining;
    ngx_str_t   limit, left;

    p = ngx_pnalloc(r->pool, 2 * NGX_HTTP_REGISTRY_LIMIT_RATE_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* with a burst above the count there may be more of them */

    remaining = ngx_min(charge->answer.remaining, charge->rate.count);

    limit = charge->limit->text;

    if (charge->rate.count != charge->limit->rate.count
        || charge->rate.window != charge->limit->rate.window)
    {
        limit.data = p;
        p = ngx_sprintf(p, "%uD;w=%uD", charge->rate.count,
                        charge->rate.window);
        limit.len = (size_t) (p - limit.data);
    }

    /* the same but for the number */

    window = (u_char *) ngx_strlchr(limit.data, limit.data + limit.len, ';');

    left.data = p;
    p = ngx_http_registry_limit_number(p, remaining);
    p = ngx_cpymem(p, window, (size_t) (limit.data + limit.len - window));
    left.len = (size_t) (p - left.data);

    if (ngx_http_registry_add_header(r, ngx_http_registry_limit_header, limit)
        == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_registry_add_header(r, ngx_http_registry_remaining_header,
                                        left)
           ? NGX_OK : NGX_ERROR;
}


static u_char *
ngx_http_registry_limit_number(u_char *p, uint32_t n)
{
    u_char  digits[NGX_INT32_LEN], *d;

    d = digits + sizeof(digits);

    do {
        *--d = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    return ngx_cpymem(p, d, (size_t) (digits + sizeof(digits) - d));
}
