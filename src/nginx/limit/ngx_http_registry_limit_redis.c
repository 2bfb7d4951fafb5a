/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The hosts, and whether Redis is there.  Whichever worker comes first says
 * for its host that it is here, in a sorted set by the time of Redis; where
 * that fails, or anything else that is asked, Redis is away, until it succeeds.
 * A worker that has lost its own connection tries more often.
 */

#include "ngx_http_registry_admission.h"
#include "ngx_http_registry_shm.h"

#include "reg_limit_script.h"

#include <openssl/rand.h>

#define NGX_HTTP_REGISTRY_HOSTS_ZONE    (64 * 1024)

/* Milliseconds between two greetings, and while Redis is away. */

#define NGX_HTTP_REGISTRY_HOSTS_PERIOD  2000
#define NGX_HTTP_REGISTRY_HOSTS_AWAY    250

/* A Redis that is away again so soon is not trusted for as long. */

#define NGX_HTTP_REGISTRY_HOSTS_SHAKY   10000

/* Seconds without a greeting after which there is one host less. */

#define NGX_HTTP_REGISTRY_HOSTS_FORGET  "10"

/* So many hosts divide a rate, at most. */

#define NGX_HTTP_REGISTRY_HOSTS_MAX     100


static ngx_int_t ngx_http_registry_hosts_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_registry_hosts_tick(ngx_event_t *ev);
static void ngx_http_registry_hosts_greet(
    ngx_http_registry_limit_redis_t *redis);
static void ngx_http_registry_hosts_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);
static void ngx_http_registry_hosts_set(ngx_http_registry_hosts_t *shared,
    long long n);
static void ngx_http_registry_hosts_back(
    ngx_http_registry_limit_redis_t *redis);
static ngx_atomic_uint_t ngx_http_registry_hosts_now(void);


ngx_http_registry_limit_redis_t *
ngx_http_registry_limit_redis_create(ngx_conf_t *cf,
    ngx_http_registry_store_t *store, reg_str_t prefix)
{
    ngx_str_t                         name;
    ngx_pool_cleanup_t               *cln;
    ngx_http_registry_limit_redis_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_limit_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    /* without a master a configuration ends before its process does */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_limit_redis_end;
    cln->data = redis;

    redis->store = store;
    redis->prefix = prefix;

    ngx_http_registry_script_init(&redis->take, reg_limit_script_take);
    ngx_http_registry_script_init(&redis->refund, reg_limit_script_refund);
    ngx_http_registry_script_init(&redis->hosts, reg_limit_script_hosts);
    ngx_http_registry_script_init(&redis->admit, reg_limit_script_admit);
    ngx_http_registry_script_init(&redis->admitted, reg_limit_script_admitted);

    ngx_str_set(&name, "registry_hosts");

    redis->shm_zone = ngx_shared_memory_add(cf, &name,
                                            NGX_HTTP_REGISTRY_HOSTS_ZONE,
                                            &ngx_http_registry_limit_module);
    if (redis->shm_zone == NULL) {
        return NULL;
    }

    redis->shm_zone->init = ngx_http_registry_hosts_init_zone;
    redis->shm_zone->data = redis;

    return redis;
}


/* Only the master makes the id, before there are workers. */

static ngx_int_t
ngx_http_registry_hosts_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_limit_redis_t *redis = shm_zone->data;

    u_char                      id[16];
    size_t                      size;
    ngx_http_registry_hosts_t  *hosts;

    hosts = ngx_http_registry_shm_piece(shm_zone, &size);
    if (hosts == NULL) {
        return NGX_ERROR;
    }

    redis->shared = hosts;

    if (hosts->known) {
        return NGX_OK;
    }

    if (RAND_bytes(id, sizeof(id)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the random generator failed");
        return NGX_ERROR;
    }

    ngx_hex_dump(hosts->id, id, sizeof(id));

    hosts->hosts = 1;
    hosts->known = 1;

    return NGX_OK;
}


void
ngx_http_registry_limit_redis_begin(ngx_http_registry_limit_redis_t *redis)
{
    if (redis->begun) {
        return;
    }

    ngx_queue_init(&redis->asks);
    ngx_queue_init(&redis->pulls);
    ngx_rbtree_init(&redis->leases, &redis->sentinel, ngx_rbtree_insert_value);

    redis->greeting = NULL;
    redis->begun = 1;

    ngx_memzero(&redis->tick, sizeof(ngx_event_t));

    redis->tick.handler = ngx_http_registry_hosts_tick;
    redis->tick.data = redis;
    redis->tick.log = ngx_cycle->log;
    redis->tick.cancelable = 1;

    ngx_add_timer(&redis->tick, 1);
}


/* The connections are closed, or will be at once: nobody answers any more. */

void
ngx_http_registry_limit_redis_end(void *data)
{
    ngx_http_registry_limit_redis_t *redis = data;

    if (!redis->begun) {
        return;
    }

    redis->begun = 0;

    if (redis->tick.timer_set) {
        ngx_del_timer(&redis->tick);
    }

    if (redis->greeting) {
        ngx_http_registry_script_abandon(redis->greeting);
        redis->greeting = NULL;
    }

    ngx_http_registry_limit_asks_end(redis);
    ngx_http_registry_admission_end(redis);
}


static void
ngx_http_registry_hosts_tick(ngx_event_t *ev)
{
    ngx_http_registry_limit_redis_t *redis = ev->data;

    ngx_uint_t                  turn;
    ngx_atomic_uint_t           now, next;
    ngx_http_registry_hosts_t  *shared;

    ngx_add_timer(ev, NGX_HTTP_REGISTRY_HOSTS_AWAY);

    shared = redis->shared;
    now = ngx_http_registry_hosts_now();
    next = shared->next;

    turn = (now >= next
            && ngx_atomic_cmp_set(&shared->next, next,
                                  now + (shared->away
                                         ? NGX_HTTP_REGISTRY_HOSTS_AWAY
                                         : NGX_HTTP_REGISTRY_HOSTS_PERIOD)));

    if (redis->greeting || !(turn || redis->lost)) {
        return;
    }

    ngx_http_registry_hosts_greet(redis);

    if (redis->greeting == NULL) {
        redis->lost = 1;

        if (turn) {
            ngx_http_registry_limit_away(redis, NULL);
        }
    }
}


static void
ngx_http_registry_hosts_greet(ngx_http_registry_limit_redis_t *redis)
{
    u_char                         key[REG_REDIS_KEY_MAX];
    reg_str_t                      argv[3];
    ngx_http_registry_topology_t  *topology;

    argv[0].data = key;
    argv[0].len = (size_t) (ngx_sprintf(key, "%*slimit:hosts",
                                        redis->prefix.len, redis->prefix.data)
                            - key);

    argv[1].data = redis->shared->id;
    argv[1].len = sizeof(redis->shared->id);

    argv[2] = REG_STR(NGX_HTTP_REGISTRY_HOSTS_FORGET);

    topology = redis->store->redis(redis->store);

    if (topology) {
        redis->greeting = ngx_http_registry_script_run(topology,
                                             &redis->hosts, 1, 3, argv,
                                             ngx_http_registry_hosts_answer,
                                             redis);
    }
}


static void
ngx_http_registry_hosts_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_limit_redis_t *redis = data;

    redis->greeting = NULL;

    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER
        || reply->integer < 1)
    {
        ngx_http_registry_limit_away(redis, reply);
        return;
    }

    redis->lost = 0;

    ngx_http_registry_hosts_back(redis);
    ngx_http_registry_hosts_set(redis->shared, reply->integer);
}


/* A Redis that was away may have lost the others, who come again soon. */

static void
ngx_http_registry_hosts_set(ngx_http_registry_hosts_t *shared, long long n)
{
    ngx_atomic_uint_t  hosts;

    hosts = (ngx_atomic_uint_t) ngx_min(n, NGX_HTTP_REGISTRY_HOSTS_MAX);

    if (hosts < shared->hosts && shared->back
        && ngx_http_registry_hosts_now() - shared->back
           < NGX_HTTP_REGISTRY_HOSTS_SHAKY)
    {
        return;
    }

    shared->hosts = hosts;
}


static void
ngx_http_registry_hosts_back(ngx_http_registry_limit_redis_t *redis)
{
    ngx_http_registry_hosts_t  *shared;

    shared = redis->shared;

    if (shared->away && ngx_atomic_cmp_set(&shared->away, 1, 0)) {

        shared->back = ngx_http_registry_hosts_now();

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "registry_limit: Redis answers, limits are counted "
                      "there again");
    }
}


void
ngx_http_registry_limit_away(ngx_http_registry_limit_redis_t *redis,
    redisReply *reply)
{
    reg_error_t                 text;
    ngx_atomic_uint_t           now;
    ngx_http_registry_hosts_t  *shared;

    shared = redis->shared;

    redis->lost = 1;

    if (shared->away || !ngx_atomic_cmp_set(&shared->away, 0, 1)) {
        return;
    }

    now = ngx_http_registry_hosts_now();

    shared->next = now + (shared->back
                          && now - shared->back < NGX_HTTP_REGISTRY_HOSTS_SHAKY
                          ? NGX_HTTP_REGISTRY_HOSTS_SHAKY
                          : NGX_HTTP_REGISTRY_HOSTS_AWAY);

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        reg_resp_error_text(&text, reply);

    } else {
        ngx_memcpy(text.text, "no answer", sizeof("no answer"));
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "registry_limit: Redis is away (%s), limits are counted by "
                  "this gateway alone, at the rate of one of %uA", text.text,
                  shared->hosts);
}


ngx_http_registry_run_t *
ngx_http_registry_limit_run(ngx_http_registry_limit_redis_t *redis,
    const ngx_http_registry_script_t *script, size_t nkeys, size_t argc,
    const reg_str_t *argv, ngx_http_registry_answer_pt handler, void *data)
{
    ngx_http_registry_run_t       *run;
    ngx_http_registry_topology_t  *topology;

    if (redis->shared->away) {
        return NULL;
    }

    topology = redis->store->redis(redis->store);

    run = topology ? ngx_http_registry_script_run(topology, script, nkeys, argc,
                                                  argv, handler, data)
                   : NULL;

    if (run == NULL) {

        /* it may be so for this worker alone, which waits to connect again */

        redis->lost = 1;
    }

    return run;
}


/*
 * What the marks in this host say of the whole fleet is taken as it is: a share
 * takes as long to grow again as the whole does.
 */

void
ngx_http_registry_limit_share(ngx_http_registry_limit_redis_t *redis,
    const reg_gcra_t *gcra, reg_gcra_t *share)
{
    int64_t  hosts;

    hosts = (int64_t) redis->shared->hosts;

    share->interval = gcra->interval * ngx_max(hosts, 1);
    share->tolerance = ngx_max(gcra->tolerance, share->interval);
}


/* Milliseconds of the monotonic clock, never 0. */

static ngx_atomic_uint_t
ngx_http_registry_hosts_now(void)
{
    return (ngx_atomic_uint_t) (ngx_http_registry_limit_now() / 1000000) + 1;
}
