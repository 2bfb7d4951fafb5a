/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Permits that nobody used: of a request that another limit refused, and of a
 * lease that is over.
 */

#include "ngx_http_registry_limit_ask.h"

/* Microseconds after which a permit of a request is not given back. */

#define NGX_HTTP_REGISTRY_BACK_AGE  1000000


static void ngx_http_registry_limit_ask_refund(
    ngx_http_registry_limit_ask_t *ask, uint32_t count, int64_t age);
static void ngx_http_registry_limit_ask_refunded(void *data,
    redisReply *reply, const ngx_http_registry_origin_t *origin);


void
ngx_http_registry_limit_give_back(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_charge_t *charge, int64_t now)
{
    ngx_http_registry_limit_ask_t  *ask;

    if (charge->granted == 0) {

        /* where the lease is over, it is too late */

        (void) ngx_http_registry_lease_refund(charge, now);
        return;
    }

    ask = ngx_http_registry_limit_ask_create(redis, r, ctx, charge);

    if (ask) {
        ask->granted_at = charge->granted;

        ngx_http_registry_limit_ask_refund(ask, 1, NGX_HTTP_REGISTRY_BACK_AGE);
    }
}


void
ngx_http_registry_limit_ask_over(ngx_event_t *ev)
{
    ngx_http_registry_limit_ask_t *ask = ev->data;

    int64_t   now;
    uint32_t  count;

    now = ngx_http_registry_limit_now();

    if (now < ask->until) {
        ngx_add_timer(ev, (ngx_msec_t) ((ask->until - now) / 1000000 + 1));
        return;
    }

    count = ngx_http_registry_lease_end(ask->limit, ask->key, ask->until, now);

    if (count == 0) {
        ngx_http_registry_limit_ask_free(ask);
        return;
    }

    ngx_http_registry_limit_ask_refund(ask, count, ask->terms.back);
}


/* Nobody waits for the answer; a refund that is lost is a permit less. */

static void
ngx_http_registry_limit_ask_refund(ngx_http_registry_limit_ask_t *ask,
    uint32_t count, int64_t age)
{
    u_char     interval[NGX_INT64_LEN], n[NGX_INT32_LEN], at[NGX_INT64_LEN],
               most[NGX_INT64_LEN];
    reg_str_t  argv[5];

    argv[0] = ask->name;

    argv[1].data = interval;
    argv[1].len = (size_t) (ngx_sprintf(interval, "%L", ask->gcra.interval)
                            - interval);

    argv[2].data = n;
    argv[2].len = (size_t) (ngx_sprintf(n, "%uD", count) - n);

    argv[3].data = at;
    argv[3].len = (size_t) (ngx_sprintf(at, "%L", ask->granted_at) - at);

    argv[4].data = most;
    argv[4].len = (size_t) (ngx_sprintf(most, "%L", age) - most);

    ask->run = ngx_http_registry_limit_run(ask->redis, &ask->redis->refund, 1,
                                          5, argv,
                                          ngx_http_registry_limit_ask_refunded,
                                          ask);
    if (ask->run == NULL) {
        ngx_http_registry_limit_ask_free(ask);
    }
}


static void
ngx_http_registry_limit_ask_refunded(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_limit_ask_t *ask = data;

    ask->run = NULL;

    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0) {
        (void) ngx_atomic_fetch_add(&ask->limit->counters->returned,
                                    (ngx_atomic_int_t) reply->integer);
    }

    ngx_http_registry_limit_ask_free(ask);
}
