/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* What operators read of limits: counters, and the log. */

#include "ngx_http_registry_limit.h"


/* Each limit counts what became of the request as far as it is concerned. */

void
ngx_http_registry_limit_count(ngx_http_registry_limited_t *limited)
{
    ngx_uint_t                           i;
    ngx_atomic_t                        *counter;
    ngx_http_registry_charge_t          *charge;
    ngx_http_registry_limit_counters_t  *counters;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];
        counters = charge->limit->counters;

        if (charge->quota && !charge->refused) {

            if (limited->status == NGX_HTTP_REGISTRY_LIMIT_REFUSED) {
                continue;
            }

            counter = &counters->passed;

        } else if (charge->taken) {
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


void
ngx_http_registry_limit_log(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    char                          window[REG_WINDOW_LEN], size[REG_SIZE_LEN];
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

    len = ngx_http_registry_limit_source(r, ctx, by->limit->per, source);

    if (by->quota) {
        reg_size_format(size, by->quota->quota.bytes);

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "registry: %s: quota \"%V\", %s in a %s per %s, %uL "
                      "bytes are used, for \"%*s\", operation %s, repository "
                      "\"%*s\"", what, &by->limit->name, size,
                      reg_period_name(by->quota->quota.period),
                      reg_per_name(by->limit->per), by->quota->used, len,
                      source, reg_operation_name(ctx->route.operation),
                      ctx->route.repository.len, ctx->route.repository.data);
        return;
    }

    reg_window_format(window, by->rate.window);

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "registry: %s: limit \"%V\", %uD in %s per %s, for \"%*s\", "
                  "operation %s, repository \"%*s\"", what, &by->limit->name,
                  by->rate.count, window, reg_per_name(by->limit->per), len,
                  source, reg_operation_name(ctx->route.operation),
                  ctx->route.repository.len, ctx->route.repository.data);
}
