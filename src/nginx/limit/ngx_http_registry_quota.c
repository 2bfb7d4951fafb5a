/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Quotas and one request: how much its tenant has used.  Where that is not
 * known, because nobody has asked for long or a period has just begun, Redis is
 * asked; without one the request waits until the ledger was read.
 */

#include "ngx_http_registry_quota.h"

#include "reg_ledger_redis.h"

/* Milliseconds that somebody waits for the ledger to be read, and looks. */

#define NGX_HTTP_REGISTRY_QUOTA_PATIENCE  5000
#define NGX_HTTP_REGISTRY_QUOTA_LOOK      20


/* A question to Redis, of a worker: whoever wants to know the same waits. */

typedef struct {
    ngx_queue_t                  queue;          /* quotas->asks */
    ngx_queue_t                  waiters;        /* charges */
    ngx_http_registry_quotas_t  *quotas;
    ngx_http_registry_run_t     *run;
    reg_spent_at_t               at;
    reg_period_t                 period;
    int64_t                      first;
} ngx_http_registry_quota_ask_t;


static reg_str_t ngx_http_registry_quota_tenant(ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_quota_send(
    ngx_http_registry_quotas_t *quotas, ngx_http_registry_charge_t *charge);
static void ngx_http_registry_quota_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);
static void ngx_http_registry_quota_patience(ngx_event_t *ev);


void
ngx_http_registry_quotas_begin(ngx_http_registry_quotas_t *quotas)
{
    if (quotas->begun) {
        return;
    }

    ngx_queue_init(&quotas->asks);
    ngx_queue_init(&quotas->waiters);

    ngx_memzero(&quotas->patience, sizeof(ngx_event_t));

    quotas->patience.handler = ngx_http_registry_quota_patience;
    quotas->patience.data = quotas;
    quotas->patience.log = ngx_cycle->log;

    quotas->begun = 1;

    if (ngx_http_registry_quota_round_begin(quotas) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "registry_limit: memory ran out, another worker has to "
                      "read the ledger for quotas");
    }
}


void
ngx_http_registry_quotas_end(void *data)
{
    ngx_http_registry_quotas_t *quotas = data;

    ngx_queue_t                    *q;
    ngx_http_registry_quota_ask_t  *ask;

    if (!quotas->begun) {
        return;
    }

    quotas->begun = 0;

    if (quotas->patience.timer_set) {
        ngx_del_timer(&quotas->patience);
    }

    while (!ngx_queue_empty(&quotas->asks)) {
        q = ngx_queue_head(&quotas->asks);
        ask = ngx_queue_data(q, ngx_http_registry_quota_ask_t, queue);

        ngx_http_registry_script_abandon(ask->run);
        ngx_queue_remove(&ask->queue);
        ngx_free(ask);
    }

    ngx_http_registry_quota_round_end(quotas);
}


ngx_int_t
ngx_http_registry_quota_charge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge)
{
    reg_identity_t                       *identity;
    const reg_limit_value_t              *value;
    ngx_http_registry_quota_t            *quota;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    identity = ctx->identity ? ctx->identity->identity : NULL;

    value = identity ? reg_identity_limit(identity,
                                   ngx_http_registry_str(charge->limit->name))
                     : NULL;

    if (value && value->kind == REG_LIMIT_OFF) {
        return NGX_DECLINED;
    }

    quota = ngx_pcalloc(r->pool, sizeof(ngx_http_registry_quota_t));
    if (quota == NULL) {
        return NGX_ERROR;
    }

    quota->quota = charge->limit->quota;

    if (value && value->kind == REG_LIMIT_QUOTA) {
        quota->quota = value->u.quota;

    } else if (value) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "registry: the limit \"%V\" of the key \"%*s\" or its "
                      "tenant \"%*s\" is a rate where a quota is needed, and "
                      "is not heeded", &charge->limit->name,
                      identity->key_id.len, identity->key_id.data,
                      identity->tenant.len, identity->tenant.data);
    }

    quota->tenant = ngx_http_registry_quota_tenant(ctx);

    reg_period_days(&quota->first, &quota->next, quota->quota.period,
                    (int64_t) ngx_time() / NGX_HTTP_REGISTRY_LEDGER_DAY);

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    ngx_http_registry_quotas_begin(lmcf->quotas);

    (void) reg_spent_ask(lmcf->quotas->spent, &quota->at, quota->tenant,
                         quota->quota.period, ngx_http_registry_quota_now());

    charge->quota = quota;

    return NGX_OK;
}


/* Whom the ledger books it to. */

static reg_str_t
ngx_http_registry_quota_tenant(ngx_http_registry_ctx_t *ctx)
{
    reg_str_t  tenant;

    if (ctx->anonymous_tenant.len) {
        tenant = ngx_http_registry_str(ctx->anonymous_tenant);

        return reg_ledger_part_valid(tenant, REG_LEDGER_TENANT_MAX)
               ? tenant : REG_LEDGER_ANONYMOUS;
    }

    if (ctx->identity && ctx->identity->identity->tenant.len) {
        return ctx->identity->identity->tenant;
    }

    return REG_LEDGER_ANONYMOUS;
}


/*
 * Where there is no place to count in, nobody knows whether there is anything
 * left: that is no permission.
 */

void
ngx_http_registry_quota_look(ngx_http_registry_quotas_t *quotas,
    ngx_http_registry_charge_t *charge)
{
    ngx_http_registry_quota_t  *quota;

    quota = charge->quota;

    if (quota->at.slot == NULL) {
        (void) ngx_atomic_fetch_add(&charge->limit->counters->failed, 1);
        quota->used = quota->quota.bytes;

    } else {
        quota->unknown = (reg_spent_get(quota->at, quota->quota.period,
                                        quota->first, &quota->used)
                          != REG_OK);
    }

    charge->refused = (!quota->unknown && quota->used >= quota->quota.bytes);

    charge->answer.wait = charge->refused
                          ? ngx_max(quota->next * NGX_HTTP_REGISTRY_LEDGER_DAY
                                    - (int64_t) ngx_time(), 1) * 1000000000
                          : 0;
}


ngx_int_t
ngx_http_registry_quota_ask(ngx_http_registry_quotas_t *quotas,
    ngx_http_registry_charge_t *charge)
{
    if (quotas->redis
        && ngx_http_registry_quota_send(quotas, charge) == NGX_AGAIN)
    {
        return NGX_AGAIN;
    }

    if (!quotas->patience.timer_set) {
        ngx_add_timer(&quotas->patience, NGX_HTTP_REGISTRY_QUOTA_LOOK);
    }

    quotas->shared->wanted = 1;

    charge->waiting = 1;
    charge->quota->since = ngx_current_msec;
    ngx_queue_insert_tail(&quotas->waiters, &charge->queue);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_registry_quota_send(ngx_http_registry_quotas_t *quotas,
    ngx_http_registry_charge_t *charge)
{
    ngx_queue_t                    *q;
    ngx_http_registry_quota_t      *quota;
    ngx_http_registry_quota_ask_t  *ask;

    quota = charge->quota;

    for (q = ngx_queue_head(&quotas->asks);
         q != ngx_queue_sentinel(&quotas->asks);
         q = ngx_queue_next(q))
    {
        ask = ngx_queue_data(q, ngx_http_registry_quota_ask_t, queue);

        if (ask->at.key == quota->at.key
            && ask->period == quota->quota.period
            && ask->first == quota->first)
        {
            goto wait;
        }
    }

    ask = ngx_calloc(sizeof(ngx_http_registry_quota_ask_t), ngx_cycle->log);
    if (ask == NULL) {
        return NGX_OK;
    }

    ask->quotas = quotas;
    ask->at = quota->at;
    ask->period = quota->quota.period;
    ask->first = quota->first;

    ask->run = ngx_http_registry_quota_sum(quotas, quota->tenant, quota->first,
                                           quota->next, NULL, 0,
                                           ngx_http_registry_quota_answer, ask);
    if (ask->run == NULL) {
        ngx_free(ask);
        return NGX_OK;
    }

    ngx_queue_init(&ask->waiters);
    ngx_queue_insert_tail(&quotas->asks, &ask->queue);

wait:

    charge->waiting = 1;
    ngx_queue_insert_tail(&ask->waiters, &charge->queue);

    return NGX_AGAIN;
}


static void
ngx_http_registry_quota_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_quota_ask_t *ask = data;

    uint64_t     bytes;
    ngx_queue_t  served;

    ngx_queue_init(&served);

    if (ngx_http_registry_quota_summed(ask->quotas, reply, &bytes) == NGX_OK) {
        reg_spent_guess(ask->at, ask->period, ask->first, bytes);
    }

    if (!ngx_queue_empty(&ask->waiters)) {
        ngx_queue_add(&served, &ask->waiters);
    }

    ngx_queue_remove(&ask->queue);
    ngx_free(ask);

    ngx_http_registry_limit_wake(&served);
}


/* Those who have waited long enough, or for something that is known now. */

static void
ngx_http_registry_quota_patience(ngx_event_t *ev)
{
    ngx_http_registry_quotas_t *quotas = ev->data;

    uint64_t                     used;
    ngx_queue_t                 *q, *next, served;
    ngx_http_registry_quota_t   *quota;
    ngx_http_registry_charge_t  *charge;

    ngx_queue_init(&served);

    for (q = ngx_queue_head(&quotas->waiters);
         q != ngx_queue_sentinel(&quotas->waiters);
         q = next)
    {
        next = ngx_queue_next(q);

        charge = ngx_queue_data(q, ngx_http_registry_charge_t, queue);
        quota = charge->quota;

        if (ngx_current_msec - quota->since >= NGX_HTTP_REGISTRY_QUOTA_PATIENCE
            || reg_spent_get(quota->at, quota->quota.period, quota->first,
                             &used)
               == REG_OK)
        {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&served, q);
        }
    }

    if (!ngx_queue_empty(&quotas->waiters)) {
        quotas->shared->wanted = 1;
        ngx_add_timer(ev, NGX_HTTP_REGISTRY_QUOTA_LOOK);
    }

    ngx_http_registry_limit_wake(&served);
}


ngx_http_registry_run_t *
ngx_http_registry_quota_sum(ngx_http_registry_quotas_t *quotas,
    reg_str_t tenant, int64_t first, int64_t next, reg_str_t *skip,
    size_t nskip, ngx_http_registry_answer_pt handler, void *data)
{
    char        days[2][REG_LEDGER_DAY_LEN + 1];
    u_char      keys[2][REG_LEDGER_REDIS_KEY_MAX];
    size_t      i, n;
    reg_str_t  *argv, month;

    ngx_http_registry_run_t  *run;

    argv = ngx_alloc((4 + nskip) * sizeof(reg_str_t), ngx_cycle->log);
    if (argv == NULL) {
        return NULL;
    }

    reg_ledger_day_format(days[0], first);
    reg_ledger_day_format(days[1], next - 1);

    /* a week may be in two months */

    n = ngx_memcmp(days[0], days[1], sizeof("2026-01") - 1) == 0 ? 1 : 2;

    for (i = 0; i < n; i++) {
        month.data = (u_char *) days[i];
        month.len = sizeof("2026-01") - 1;

        argv[i].data = keys[i];
        argv[i].len = reg_ledger_redis_key(keys[i], quotas->redis->prefix,
                                           tenant, month);
    }

    argv[n] = reg_str(days[0]);
    argv[n + 1] = reg_str(days[1]);

    if (nskip) {
        ngx_memcpy(&argv[n + 2], skip, nskip * sizeof(reg_str_t));
    }

    run = ngx_http_registry_limit_run(quotas->redis, &quotas->sum, n,
                                      n + 2 + nskip, argv, handler, data);
    ngx_free(argv);

    return run;
}


ngx_int_t
ngx_http_registry_quota_summed(ngx_http_registry_quotas_t *quotas,
    redisReply *reply, uint64_t *bytes)
{
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
        && reply->element[0]->type == REDIS_REPLY_INTEGER
        && reply->element[1]->type == REDIS_REPLY_INTEGER
        && reg_ledger_redis_total(bytes, reply->element[0]->integer,
                                  reply->element[1]->integer)
           == REG_OK)
    {
        return NGX_OK;
    }

    ngx_http_registry_limit_away(quotas->redis, reply);

    return NGX_ERROR;
}


void
ngx_http_registry_quota_book(ngx_http_request_t *r, reg_spent_at_t *at,
    reg_str_t tenant, off_t bytes)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    if (lmcf->quotas == NULL
        || (at->slot == NULL
            && reg_spent_find(lmcf->quotas->spent, at, tenant) != REG_OK))
    {
        return;
    }

    if (bytes < 0) {
        reg_spent_take_back(*at, (uint64_t) -bytes);

    } else {
        reg_spent_add(*at, (uint64_t) bytes);
    }
}


uint64_t
ngx_http_registry_quota_now(void)
{
    return (uint64_t) ngx_http_registry_limit_now() / 1000000000;
}
