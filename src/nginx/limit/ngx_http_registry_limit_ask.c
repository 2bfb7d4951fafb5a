/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Questions to Redis about one counter.  A request that needs an exact permit
 * asks its own; of a lease a worker has one question under way, and whoever
 * comes meanwhile waits for it.  Those who wait are served first, and the rest
 * goes into the lease.
 *
 * A question belongs to the worker, not to a request: one that ends leaves the
 * queue, and the answer comes all the same.
 */

#include "ngx_http_registry_limit_ask.h"

typedef struct {
    int64_t                           ahead;
    int64_t                           now;
} ngx_http_registry_limit_heard_t;


static ngx_http_registry_limit_ask_t *ngx_http_registry_limit_ask_find(
    ngx_http_registry_limit_redis_t *redis,
    ngx_http_registry_charge_t *charge);
static ngx_http_registry_limit_ask_t *ngx_http_registry_limit_ask_begin(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge,
    uint32_t want, int64_t now);
static ngx_int_t ngx_http_registry_limit_ask_send(
    ngx_http_registry_limit_ask_t *ask, int64_t now);
static void ngx_http_registry_limit_ask_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);
static ngx_int_t ngx_http_registry_limit_ask_read(
    ngx_http_registry_limit_ask_t *ask, redisReply *reply, uint32_t *granted,
    int64_t *ahead);
static int64_t ngx_http_registry_limit_heard(void *data, int64_t mark);
static uint32_t ngx_http_registry_limit_ask_serve(
    ngx_http_registry_limit_ask_t *ask, uint32_t granted, int64_t ahead,
    int64_t now, ngx_queue_t *served);
static void ngx_http_registry_limit_ask_failed(
    ngx_http_registry_limit_ask_t *ask, int64_t now, ngx_queue_t *served);
static void ngx_http_registry_limit_ask_alone(
    ngx_http_registry_limit_redis_t *redis,
    ngx_http_registry_charge_t *charge, int64_t now);


ngx_int_t
ngx_http_registry_limit_ask(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_charge_t *charge, int64_t now)
{
    uint32_t                        ahead, hosts;
    ngx_int_t                       rc;
    ngx_uint_t                      lease;
    ngx_http_registry_limit_ask_t  *ask;

    ngx_http_registry_limit_redis_begin(redis);

    lease = (charge->limit->mode == NGX_HTTP_REGISTRY_LIMIT_LEASE);
    hosts = (uint32_t) ngx_max(redis->shared->hosts, 1);
    ahead = 0;
    rc = NGX_DECLINED;

    if (lease) {
        rc = ngx_http_registry_lease_take(charge, now, hosts, &ahead);

        charge->taken = (rc == NGX_OK);
        charge->refused = (rc == NGX_BUSY);

        if (rc != NGX_DECLINED && ahead == 0) {
            return NGX_OK;
        }
    }

    ask = lease ? ngx_http_registry_limit_ask_find(redis, charge) : NULL;

    if (ask == NULL) {
        if (ahead == 0) {
            ahead = lease ? ngx_http_registry_lease_batch(charge, now, hosts)
                          : (charge->use == REG_USE_TAKE);
        }

        ask = ngx_http_registry_limit_ask_begin(redis, r, ctx, charge, ahead,
                                                now);
        if (ask == NULL) {

            if (rc == NGX_DECLINED) {
                ngx_http_registry_limit_ask_alone(redis, charge, now);
            }

            return NGX_OK;
        }
    }

    if (rc != NGX_DECLINED) {
        return NGX_OK;
    }

    charge->waiting = 1;
    charge->waited = 1;
    ngx_queue_insert_tail(&ask->waiters, &charge->queue);

    return NGX_AGAIN;
}


void
ngx_http_registry_limit_asks_end(ngx_http_registry_limit_redis_t *redis)
{
    ngx_queue_t                    *q;
    ngx_http_registry_limit_ask_t  *ask;

    while (!ngx_queue_empty(&redis->asks)) {
        q = ngx_queue_head(&redis->asks);
        ask = ngx_queue_data(q, ngx_http_registry_limit_ask_t, queue);

        if (ask->run) {
            ngx_http_registry_script_abandon(ask->run);
        }

        ngx_http_registry_limit_ask_free(ask);
    }
}


/* The key of a counter has its rate in it: see ngx_http_registry_limit_rate. */

ngx_http_registry_limit_ask_t *
ngx_http_registry_limit_ask_create(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_charge_t *charge)
{
    u_char                         *p;
    size_t                          size;
    ngx_http_registry_limit_ask_t  *ask;

    size = sizeof(ngx_http_registry_limit_ask_t) + redis->prefix.len
           + sizeof("limit:::") + charge->limit->name.len + 3 * NGX_INT32_LEN
           + sizeof("//") + NGX_HTTP_REGISTRY_LIMIT_KEY_MAX;

    ask = ngx_alloc(size, ngx_cycle->log);
    if (ask == NULL) {
        return NULL;
    }

    ngx_memzero(ask, sizeof(ngx_http_registry_limit_ask_t));

    ask->redis = redis;
    ask->limit = charge->limit;
    ask->gcra = charge->gcra;
    ask->key = charge->key;

    reg_lease_terms(&ask->terms, &charge->rate, &charge->gcra);

    ask->name.data = (u_char *) (ask + 1);

    p = ngx_sprintf(ask->name.data, "%*slimit:%V:%uD/%uD/%uD:",
                    redis->prefix.len, redis->prefix.data,
                    &charge->limit->name, charge->rate.count,
                    charge->rate.window, charge->rate.burst);
    p += ngx_http_registry_limit_who(r, ctx, charge->limit->per, p);

    ask->name.len = (size_t) (p - ask->name.data);

    ask->timer.handler = ngx_http_registry_limit_ask_over;
    ask->timer.data = ask;
    ask->timer.log = ngx_cycle->log;
    ask->timer.cancelable = 1;

    ngx_queue_init(&ask->waiters);
    ngx_queue_insert_tail(&redis->asks, &ask->queue);

    return ask;
}


static ngx_http_registry_limit_ask_t *
ngx_http_registry_limit_ask_find(ngx_http_registry_limit_redis_t *redis,
    ngx_http_registry_charge_t *charge)
{
    ngx_rbtree_node_t              *node, *sentinel;
    ngx_http_registry_limit_ask_t  *ask;

    node = redis->leases.root;
    sentinel = redis->leases.sentinel;

    while (node != sentinel) {

        if (charge->key == node->key) {
            ask = ngx_rbtree_data(node, ngx_http_registry_limit_ask_t, node);

            return ask->limit == charge->limit ? ask : NULL;
        }

        node = charge->key < node->key ? node->left : node->right;
    }

    return NULL;
}


/* NULL when Redis is away or memory ran out. */

static ngx_http_registry_limit_ask_t *
ngx_http_registry_limit_ask_begin(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_charge_t *charge, uint32_t want, int64_t now)
{
    ngx_http_registry_limit_ask_t  *ask;

    ask = ngx_http_registry_limit_ask_create(redis, r, ctx, charge);
    if (ask == NULL) {
        return NULL;
    }

    ask->lease = (charge->limit->mode == NGX_HTTP_REGISTRY_LIMIT_LEASE);
    ask->want = want;

    if (ngx_http_registry_limit_ask_send(ask, now) != NGX_OK) {
        ngx_http_registry_limit_ask_free(ask);
        return NULL;
    }

    return ask;
}


static ngx_int_t
ngx_http_registry_limit_ask_send(ngx_http_registry_limit_ask_t *ask,
    int64_t now)
{
    u_char     interval[NGX_INT64_LEN], tolerance[NGX_INT64_LEN],
               want[NGX_INT32_LEN];
    reg_str_t  argv[4];

    argv[0] = ask->name;

    argv[1].data = interval;
    argv[1].len = (size_t) (ngx_sprintf(interval, "%L", ask->gcra.interval)
                            - interval);

    argv[2].data = tolerance;
    argv[2].len = (size_t) (ngx_sprintf(tolerance, "%L", ask->gcra.tolerance)
                            - tolerance);

    argv[3].data = want;
    argv[3].len = (size_t) (ngx_sprintf(want, "%uD", ask->want) - want);

    ask->sent = now;

    ask->run = ngx_http_registry_limit_run(ask->redis, &ask->redis->take, 1, 4,
                                           argv,
                                           ngx_http_registry_limit_ask_answer,
                                           ask);
    if (ask->run == NULL) {
        return NGX_ERROR;
    }

    if (ask->lease) {
        ask->node.key = ask->key;
        ask->listed = 1;
        ngx_rbtree_insert(&ask->redis->leases, &ask->node);
    }

    return NGX_OK;
}


void
ngx_http_registry_limit_ask_free(ngx_http_registry_limit_ask_t *ask)
{
    if (ask->listed) {
        ngx_rbtree_delete(&ask->redis->leases, &ask->node);
    }

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    ngx_queue_remove(&ask->queue);
    ngx_free(ask);
}


static void
ngx_http_registry_limit_ask_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_limit_ask_t *ask = data;

    int64_t                           ahead, now;
    uint32_t                          granted, left;
    ngx_queue_t                       served;
    ngx_http_registry_limit_heard_t   heard;

    ask->run = NULL;

    /* who asks from here on, asks again */

    if (ask->listed) {
        ngx_rbtree_delete(&ask->redis->leases, &ask->node);
        ask->listed = 0;
    }

    ngx_queue_init(&served);
    now = ngx_http_registry_limit_now();

    if (ngx_http_registry_limit_ask_read(ask, reply, &granted, &ahead)
        != NGX_OK)
    {
        ngx_http_registry_limit_away(ask->redis, reply);
        ngx_http_registry_limit_ask_failed(ask, now, &served);
        ngx_http_registry_limit_ask_free(ask);
        ngx_http_registry_limit_wake(&served);
        return;
    }

    (void) ngx_atomic_fetch_add(&ask->limit->counters->granted,
                                (ngx_atomic_int_t) granted);

    heard.ahead = ahead;
    heard.now = now;

    (void) reg_marks_change(ask->limit->marks, ask->key, now,
                            ngx_http_registry_limit_heard, &heard);

    ask->until = reg_lease_until(ask->sent + ask->terms.life);

    left = ngx_http_registry_limit_ask_serve(ask, granted, ahead, now, &served);

    if (ask->lease) {
        ngx_http_registry_lease_put(ask->limit, ask->key,
                                    reg_lease_make(ask->until, ask->want, left,
                                                   granted < ask->want),
                                    now);
    }

    if (!ngx_queue_empty(&ask->waiters)) {

        /* more came meanwhile than were asked for, and there may be more */

        ask->want = ngx_min(ask->want * 2, REG_LEASE_ASK_MAX);

        if (ngx_http_registry_limit_ask_send(ask, now) != NGX_OK) {
            ngx_http_registry_limit_ask_failed(ask, now, &served);
            ngx_http_registry_limit_ask_free(ask);
        }

    } else if (left && ask->lease) {
        ngx_add_timer(&ask->timer,
                      (ngx_msec_t) (ngx_max(ask->until - now, 0) / 1000000
                                    + 1));

    } else {
        ngx_http_registry_limit_ask_free(ask);
    }

    ngx_http_registry_limit_wake(&served);
}


/* What cannot be true is no answer. */

static ngx_int_t
ngx_http_registry_limit_ask_read(ngx_http_registry_limit_ask_t *ask,
    redisReply *reply, uint32_t *granted, int64_t *ahead)
{
    ngx_uint_t  i;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 3)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < 3; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER
            || reply->element[i]->integer < 0)
        {
            return NGX_ERROR;
        }
    }

    if (reply->element[0]->integer > (long long) ask->want
        || reply->element[1]->integer > REG_GCRA_AHEAD_MAX)
    {
        return NGX_ERROR;
    }

    *granted = (uint32_t) reply->element[0]->integer;
    *ahead = reply->element[1]->integer;
    ask->granted_at = reply->element[2]->integer;

    return NGX_OK;
}


static int64_t
ngx_http_registry_limit_heard(void *data, int64_t mark)
{
    ngx_http_registry_limit_heard_t *heard = data;

    return heard->ahead ? heard->now + heard->ahead : 0;
}


/* In the order in which they came; returns how many permits are left. */

static uint32_t
ngx_http_registry_limit_ask_serve(ngx_http_registry_limit_ask_t *ask,
    uint32_t granted, int64_t ahead, int64_t now, ngx_queue_t *served)
{
    uint32_t                     left;
    ngx_queue_t                 *q;
    ngx_http_registry_charge_t  *charge;

    left = granted;

    while (!ngx_queue_empty(&ask->waiters)) {
        q = ngx_queue_head(&ask->waiters);
        charge = ngx_queue_data(q, ngx_http_registry_charge_t, queue);

        reg_gcra_look(&ask->gcra, now + ahead, now, &charge->answer);

        if (charge->use != REG_USE_TAKE) {
            charge->refused = (charge->use == REG_USE_LOOK
                               && charge->answer.wait > 0);

        } else if (left) {
            left--;

            charge->taken = 1;
            charge->granted = ask->granted_at;
            charge->until = ask->until;
            charge->answer.wait = 0;
            charge->answer.remaining += left;

        } else if (granted < ask->want) {
            charge->refused = 1;
            charge->answer.wait = ngx_max(charge->answer.wait, 1);
            charge->answer.remaining = 0;

        } else {
            break;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(served, q);
    }

    return left;
}


static void
ngx_http_registry_limit_ask_failed(ngx_http_registry_limit_ask_t *ask,
    int64_t now, ngx_queue_t *served)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&ask->waiters)) {
        q = ngx_queue_head(&ask->waiters);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(served, q);

        ngx_http_registry_limit_ask_alone(ask->redis,
                          ngx_queue_data(q, ngx_http_registry_charge_t, queue),
                          now);
    }
}


static void
ngx_http_registry_limit_ask_alone(ngx_http_registry_limit_redis_t *redis,
    ngx_http_registry_charge_t *charge, int64_t now)
{
    charge->local = 1;

    ngx_http_registry_limit_share(redis, &charge->gcra, &charge->share);

    if (charge->use == REG_USE_TAKE) {
        ngx_http_registry_limit_take(charge, now);

    } else {
        ngx_http_registry_limit_look(charge, now);
    }
}
