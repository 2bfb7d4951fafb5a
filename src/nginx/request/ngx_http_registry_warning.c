/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Warnings that clients show to people: "Warning: 299 - "text"", as the
 * distribution specification has them ("Warnings").
 *
 * Whoever uses a key that is about to end is told so: always if there is a
 * successor, so that one sees who still has the old one, and in the last days
 * otherwise.
 */

#include "ngx_http_registry.h"

#define NGX_HTTP_REGISTRY_WARNING_LEN   128
#define NGX_HTTP_REGISTRY_WARNING_TIME  (7 * 86400)          /* seconds */


static u_char *ngx_http_registry_warning_time(u_char *p, int64_t seconds);


ngx_int_t
ngx_http_registry_warn_of_end(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    u_char          *p, text[NGX_HTTP_REGISTRY_WARNING_LEN];
    int64_t          left;
    ngx_str_t        s;
    reg_identity_t  *identity;

    identity = ctx->identity->identity;

    if (ctx->warned || identity->expires_at == REG_TIME_NONE) {
        return NGX_OK;
    }

    left = identity->expires_at - (int64_t) ngx_time();

    if (identity->rotated_to.len == 0
        && left > NGX_HTTP_REGISTRY_WARNING_TIME)
    {
        return NGX_OK;
    }

    ctx->warned = 1;

    p = ngx_sprintf(text, "API key %*s expires in ", identity->key_id.len,
                    identity->key_id.data);

    p = ngx_http_registry_warning_time(p, left);

    if (identity->rotated_to.len) {
        p = ngx_sprintf(p, ", there is a new one, %*s",
                        identity->rotated_to.len, identity->rotated_to.data);
    }

    s.data = text;
    s.len = (size_t) (p - text);

    return ngx_http_registry_add_warning(r, &s);
}


ngx_int_t
ngx_http_registry_add_warning(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, sizeof("299 - \"\"") + text->len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = (size_t) (ngx_sprintf(value.data, "299 - \"%V\"", text)
                          - value.data);

    return ngx_http_registry_add_header(r, NGX_HTTP_REGISTRY_STR("Warning"),
                                        value)
           ? NGX_OK : NGX_ERROR;
}


static u_char *
ngx_http_registry_warning_time(u_char *p, int64_t seconds)
{
    int64_t      n;
    const char  *unit;

    if (seconds < 3600) {
        return ngx_sprintf(p, "less than an hour");
    }

    n = seconds / 3600;
    unit = "hour";

    if (n >= 48) {
        n /= 24;
        unit = "day";
    }

    return ngx_sprintf(p, "%L %s%s", n, unit, n == 1 ? "" : "s");
}
