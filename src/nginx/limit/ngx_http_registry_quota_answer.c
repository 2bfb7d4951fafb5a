/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* What a client reads of quotas. */

#include "ngx_http_registry_quota.h"

#include "reg_time.h"

/* Of a warning, a message or a detail: a name of 63 bytes and some numbers. */

#define NGX_HTTP_REGISTRY_QUOTA_TEXT  320


ngx_uint_t
ngx_http_registry_quota_scarce(ngx_http_registry_quota_t *quota)
{
    return !quota->unknown
           && quota->used >= quota->quota.bytes - quota->quota.bytes / 5;
}


ngx_int_t
ngx_http_registry_quota_warn(ngx_http_request_t *r,
    ngx_http_registry_limited_t *limited)
{
    char                        size[REG_SIZE_LEN];
    u_char                      text[NGX_HTTP_REGISTRY_QUOTA_TEXT];
    ngx_str_t                   s;
    ngx_uint_t                  i;
    ngx_http_registry_quota_t  *quota;

    for (i = 0; i < limited->n; i++) {
        quota = limited->charges[i].quota;

        /* nobody is to be told of what is only tried out */

        if (quota == NULL || limited->charges[i].limit->dry_run
            || !ngx_http_registry_quota_scarce(quota))
        {
            continue;
        }

        reg_size_format(size, quota->quota.bytes);

        s.data = text;
        s.len = (size_t) (ngx_snprintf(text, sizeof(text), "limit %V: %uL%% of "
                             "the %s that may be sent in a %s are used",
                             &limited->charges[i].limit->name,
                             reg_quota_percent(&quota->quota, quota->used),
                             size, reg_period_name(quota->quota.period))
                          - text);

        if (ngx_http_registry_add_warning(r, &s) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_registry_quota_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    char                        size[REG_SIZE_LEN], next[REG_TIME_LEN + 1];
    u_char                     *p, *message;
    const char                 *period;
    ngx_http_registry_quota_t  *quota;
    ngx_http_registry_limit_t  *limit;

    quota = ctx->limited->by->quota;
    limit = ctx->limited->by->limit;

    message = ngx_pnalloc(r->pool, 2 * NGX_HTTP_REGISTRY_QUOTA_TEXT);
    if (message == NULL) {
        return NGX_ERROR;
    }

    period = reg_period_name(quota->quota.period);

    reg_size_format(size, quota->quota.bytes);
    reg_time_format(next, quota->next * NGX_HTTP_REGISTRY_LEDGER_DAY);

    p = ngx_snprintf(message, NGX_HTTP_REGISTRY_QUOTA_TEXT - 1,
                     "the quota \"%V\" is used up: %s may be sent in a %s per "
                     "tenant, the next %s begins at %s", &limit->name, size,
                     period, period, next);
    *p++ = '\0';

    ctx->message = (char *) message;

    ctx->detail.data = p;
    p = ngx_snprintf(p, NGX_HTTP_REGISTRY_QUOTA_TEXT,
                     "{\"name\":\"%V\",\"quota\":%uL,\"used\":%uL,"
                     "\"period\":\"%s\",\"per\":\"tenant\",\"ends\":\"%s\"}",
                     &limit->name, quota->quota.bytes, quota->used, period,
                     next);
    ctx->detail.len = (size_t) (p - ctx->detail.data);

    return NGX_OK;
}
