/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_record_json.h"
#include "reg_siphash.h"

#include "ngx_http_registry_cache.h"
#include "ngx_http_registry_count.h"
#include "ngx_http_registry_known.h"

/*
 * After an answer that is none a record is not asked for again so soon: whoever
 * wants it meanwhile gets what is known.
 */

#define NGX_HTTP_REGISTRY_CACHE_PAUSE     250     /* milliseconds */


struct ngx_http_registry_cache_s {
    ngx_http_registry_cache_conf_t   conf;
    reg_str_t                        prefix;
    ngx_http_registry_topology_t    *topology;
    reg_zone_t                      *zone;
    ngx_log_t                       *log;
    uint64_t                         generation;
    uint64_t                         epoch;       /* that generation knows */
    ngx_http_registry_knowledge_t    knowledge;
};


static ngx_http_registry_known_t *ngx_http_registry_cache_known(
    ngx_http_registry_cache_t *cache, reg_record_type_t type, reg_str_t name);
static ngx_uint_t ngx_http_registry_cache_fresh(
    ngx_http_registry_known_t *known);
static ngx_uint_t ngx_http_registry_cache_answered(
    ngx_http_registry_known_t *known, ngx_http_registry_waiter_t *waiter);
static ngx_uint_t ngx_http_registry_cache_usable(
    ngx_http_registry_known_t *known);
static void ngx_http_registry_cache_from_zone(
    ngx_http_registry_known_t *known);
static ngx_int_t ngx_http_registry_cache_ask(ngx_http_registry_known_t *known);
static void ngx_http_registry_cache_reply(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);
static void ngx_http_registry_cache_wake(ngx_http_registry_known_t *known);
static ngx_int_t ngx_http_registry_cache_serve(
    ngx_http_registry_known_t *known, reg_record_t **record);
static void ngx_http_registry_cache_changed(void *data, reg_str_t key);
static void ngx_http_registry_cache_changed_all(void *data);
static uint64_t ngx_http_registry_cache_hash(reg_record_type_t type,
    reg_str_t name);
static int64_t ngx_http_registry_cache_now(void);


static const ngx_http_registry_tracker_handlers_t
    ngx_http_registry_cache_tracking =
{
    ngx_http_registry_cache_changed,
    ngx_http_registry_cache_changed_all
};


ngx_http_registry_cache_t *
ngx_http_registry_cache_create(const ngx_http_registry_cache_conf_t *conf,
    ngx_http_registry_redis_conf_t *redis, reg_zone_t *zone, ngx_log_t *log)
{
    ngx_http_registry_cache_t  *cache;

    cache = ngx_calloc(sizeof(ngx_http_registry_cache_t), log);
    if (cache == NULL) {
        return NULL;
    }

    cache->conf = *conf;
    cache->prefix = redis->url.prefix;
    cache->zone = zone;
    cache->log = log;
    cache->generation = 1;

    ngx_http_registry_known_init(&cache->knowledge, cache, log);

    cache->topology = ngx_http_registry_topology_create(redis,
                              &ngx_http_registry_cache_tracking, cache, log);

    if (cache->topology == NULL) {
        ngx_http_registry_cache_free(cache);
        return NULL;
    }

    return cache;
}


void
ngx_http_registry_cache_free(ngx_http_registry_cache_t *cache)
{
    if (cache->topology) {
        ngx_http_registry_topology_free(cache->topology);
    }

    ngx_http_registry_known_free(&cache->knowledge);
    ngx_free(cache);
}


ngx_http_registry_topology_t *
ngx_http_registry_cache_topology(ngx_http_registry_cache_t *cache)
{
    return cache->topology;
}


ngx_int_t
ngx_http_registry_cache_get(ngx_http_registry_cache_t *cache,
    reg_record_type_t type, reg_str_t name,
    ngx_http_registry_waiter_t *waiter, reg_record_t **record)
{
    int64_t                     now;
    ngx_uint_t                  from;
    ngx_http_registry_known_t  *known;

    known = ngx_http_registry_cache_known(cache, type, name);
    if (known == NULL) {
        return NGX_ERROR;
    }

    from = NGX_HTTP_REGISTRY_COUNT_RECORD_WORKER;

    if (!ngx_http_registry_cache_fresh(known)) {

        if (ngx_http_registry_cache_answered(known, waiter)) {
            ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_RECORD_STORE);

            waiter->once = 1;
            return ngx_http_registry_cache_serve(known, record);
        }

        if (known->ask == NULL) {
            ngx_http_registry_cache_from_zone(known);
            from = NGX_HTTP_REGISTRY_COUNT_RECORD_ZONE;
        }
    }

    if (ngx_http_registry_cache_fresh(known)) {

        if (waiter->asked && known->answered >= waiter->asked) {
            from = NGX_HTTP_REGISTRY_COUNT_RECORD_STORE;

        } else if (known->absent) {
            from = NGX_HTTP_REGISTRY_COUNT_RECORD_NEGATIVE;
        }

        ngx_http_registry_count_of(from);

        return ngx_http_registry_cache_serve(known, record);
    }

    now = ngx_http_registry_cache_now();

    if (waiter->asked == 0) {
        waiter->asked = now;
    }

    if (known->ask == NULL
        && ((known->has_failed
             && now - known->failed < NGX_HTTP_REGISTRY_CACHE_PAUSE)
            || ngx_http_registry_cache_ask(known) != NGX_OK))
    {
        waiter->once = 1;

        if (!ngx_http_registry_cache_usable(known)) {
            ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_RECORD_NONE);
            return NGX_BUSY;
        }

        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_RECORD_STALE);

        return ngx_http_registry_cache_serve(known, record);
    }

    ngx_http_registry_waiter_leave(waiter);

    ngx_queue_insert_tail(&known->waiters, &waiter->queue);
    waiter->waiting = 1;

    return NGX_AGAIN;
}


uint64_t
ngx_http_registry_cache_generation(ngx_http_registry_cache_t *cache)
{
    uint64_t  epoch;

    epoch = ngx_http_registry_topology_epoch(cache->topology);

    if (epoch == 0) {
        return 0;
    }

    if (epoch != cache->epoch) {
        cache->epoch = epoch;
        cache->generation++;
    }

    return cache->generation;
}


static ngx_http_registry_known_t *
ngx_http_registry_cache_known(ngx_http_registry_cache_t *cache,
    reg_record_type_t type, reg_str_t name)
{
    u_char                      key[REG_REDIS_KEY_MAX];
    reg_str_t                   text;
    ngx_http_registry_known_t  *known;

    known = ngx_http_registry_known_find(&cache->knowledge,
                             ngx_http_registry_cache_hash(type, name),
                             type, name);

    if (known && !known->has_slot) {
        text.data = key;
        text.len = reg_redis_key(key, cache->prefix, type, name);

        known->slot = reg_redis_slot(text);
        known->has_slot = 1;
    }

    return known;
}


static ngx_uint_t
ngx_http_registry_cache_fresh(ngx_http_registry_known_t *known)
{
    int64_t                     age;
    ngx_http_registry_cache_t  *cache;
    ngx_http_registry_lease_t   lease;

    cache = known->all->cache;

    if (!known->known
        || known->counter != reg_zone_generation(cache->zone, known->hash))
    {
        return 0;
    }

    age = ngx_http_registry_cache_now() - known->fetched;

    if (known->absent && age >= (int64_t) cache->conf.negative) {
        return 0;
    }

    ngx_http_registry_topology_lease(cache->topology, known->slot, &lease);

    if (lease.refused) {
        return age < (int64_t) cache->conf.ttl;
    }

    return lease.holds && known->epoch == lease.epoch;
}


/*
 * Has Redis answered since the waiter began to ask, and nothing changed?  The
 * waiter may have joined others whose question was under way already: so the
 * answer is no older than the time that a command has.
 */

static ngx_uint_t
ngx_http_registry_cache_answered(ngx_http_registry_known_t *known,
    ngx_http_registry_waiter_t *waiter)
{
    ngx_http_registry_cache_t  *cache;

    cache = known->all->cache;

    return waiter->asked && known->answered >= waiter->asked
           && known->counter == reg_zone_generation(cache->zone, known->hash);
}


/* Redis is away: may what we know still be served? */

static ngx_uint_t
ngx_http_registry_cache_usable(ngx_http_registry_known_t *known)
{
    ngx_http_registry_cache_t  *cache;

    cache = known->all->cache;

    return known->known && !known->absent
           && known->counter == reg_zone_generation(cache->zone, known->hash)
           && ngx_http_registry_cache_now() - known->fetched
              < (int64_t) cache->conf.stale;
}


/*
 * Another worker may have asked.  Its answer is fresh for us only if we have
 * been tracking since before it asked, and the server that it asked: it may
 * know of another master than we do.  Else it is what to fall back on.
 */

static void
ngx_http_registry_cache_from_zone(ngx_http_registry_known_t *known)
{
    u_char                      buf[REG_ZONE_LARGE];
    reg_str_t                   text;
    reg_zone_info_t             info;
    ngx_http_registry_cache_t  *cache;
    ngx_http_registry_lease_t   lease;

    cache = known->all->cache;

    if (reg_zone_get(cache->zone, known->hash, known->type, known->name, &info,
                     buf)
        != REG_OK
        || (known->known && info.fetched <= known->fetched))
    {
        return;
    }

    text = REG_STR_NULL;

    if (!info.absent) {
        text.data = ngx_alloc(info.len, cache->log);
        if (text.data == NULL) {
            return;
        }

        text.len = info.len;
        ngx_memcpy(text.data, buf, info.len);
    }

    ngx_http_registry_known_set(known, text, info.absent);

    known->answered = 0;
    known->fetched = info.fetched;
    known->counter = info.generation;

    ngx_http_registry_topology_lease(cache->topology, known->slot, &lease);

    known->epoch = (info.source == lease.source && info.fetched > lease.since)
                   ? lease.epoch : 0;
}


static ngx_int_t
ngx_http_registry_cache_ask(ngx_http_registry_known_t *known)
{
    u_char                      key[REG_REDIS_KEY_MAX];
    reg_str_t                   argv[2];
    ngx_http_registry_cache_t  *cache;

    cache = known->all->cache;

    argv[0] = REG_STR("GET");
    argv[1].data = key;
    argv[1].len = reg_redis_key(key, cache->prefix, known->type,
                                known->name);

    /* noted before the question goes out: see reg_zone.h */

    known->asked = ngx_http_registry_cache_now();
    known->asked_counter = reg_zone_generation(cache->zone, known->hash);

    known->ask = ngx_http_registry_topology_command(cache->topology,
                              known->slot, 2, argv,
                              ngx_http_registry_cache_reply, known);

    return known->ask ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_registry_cache_reply(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_known_t *known = data;

    reg_str_t                   text;
    ngx_uint_t                  absent;
    reg_error_t                 error;
    reg_zone_info_t             info;
    ngx_http_registry_cache_t  *cache;

    cache = known->all->cache;
    known->ask = NULL;
    text = REG_STR_NULL;

    absent = (reply && reply->type == REDIS_REPLY_NIL);

    if (reply && reply->type == REDIS_REPLY_STRING
        && reply->len <= REG_RECORD_MAX)
    {
        text.data = ngx_alloc(reply->len + 1, cache->log);

        if (text.data) {
            text.len = reply->len;
            ngx_memcpy(text.data, reply->str, reply->len);
        }
    }

    if (text.data == NULL && !absent) {

        /* whatever it is, it is not "there is no such record" */

        if (reply && reply->type == REDIS_REPLY_ERROR) {
            reg_resp_error_text(&error, reply);
            ngx_log_error(NGX_LOG_ERR, cache->log, 0,
                          "registry store: Redis refuses a lookup: %s",
                          error.text);
        }

        known->has_failed = 1;
        known->failed = ngx_http_registry_cache_now();

        ngx_http_registry_cache_wake(known);
        return;
    }

    known->has_failed = 0;

    ngx_http_registry_known_set(known, text, absent);

    known->answered = ngx_http_registry_cache_now();
    known->fetched = known->asked;
    known->epoch = origin->epoch;
    known->counter = known->asked_counter;

    info.fetched = known->fetched;
    info.source = origin->source;
    info.generation = known->counter;
    info.absent = absent ? 1 : 0;
    info.len = text.len;

    reg_zone_put(cache->zone, known->hash, known->type, known->name, &info,
                 text, ngx_http_registry_cache_now());

    ngx_http_registry_cache_wake(known);
}


/*
 * Those who are woken may wait again, even here, so the list is taken off
 * first; and may end others, who then take themselves off it.
 */

static void
ngx_http_registry_cache_wake(ngx_http_registry_known_t *known)
{
    ngx_queue_t                  woken, *q;
    ngx_http_registry_waiter_t  *waiter;

    if (ngx_queue_empty(&known->waiters)) {
        return;
    }

    ngx_queue_init(&woken);
    ngx_queue_add(&woken, &known->waiters);
    ngx_queue_init(&known->waiters);

    while (!ngx_queue_empty(&woken)) {

        q = ngx_queue_head(&woken);
        waiter = ngx_queue_data(q, ngx_http_registry_waiter_t, queue);

        ngx_http_registry_waiter_leave(waiter);

        waiter->wake(waiter->data);
    }
}


static ngx_int_t
ngx_http_registry_cache_serve(ngx_http_registry_known_t *known,
    reg_record_t **record)
{
    reg_rc_t     rc;
    reg_error_t  error;

    if (known->absent) {
        return NGX_DECLINED;
    }

    rc = reg_record_parse(record, known->type, known->name, known->text,
                          &error);

    if (rc == REG_OK) {
        return NGX_OK;
    }

    if (rc == REG_INVALID) {
        ngx_log_error(NGX_LOG_ERR, known->all->log, 0,
                      "registry store: the %s \"%*s\" is broken: %s",
                      reg_record_type_name(known->type), known->name.len,
                      known->name.data, error.text);
    }

    return NGX_ERROR;
}


static void
ngx_http_registry_cache_changed(void *data, reg_str_t key)
{
    ngx_http_registry_cache_t *cache = data;

    reg_str_t          name;
    reg_record_type_t  type;

    if (reg_redis_key_parse(&type, &name, cache->prefix, key)
        != REG_OK)
    {
        return;
    }

    reg_zone_invalidate(cache->zone, ngx_http_registry_cache_hash(type, name));
    cache->generation++;
}


static void
ngx_http_registry_cache_changed_all(void *data)
{
    ngx_http_registry_cache_t *cache = data;

    reg_zone_invalidate_all(cache->zone);
    cache->generation++;
}


/*
 * All workers have to agree on it, so its key is no secret; names come from
 * credentials with a right checksum and from records.
 */

static uint64_t
ngx_http_registry_cache_hash(reg_record_type_t type, reg_str_t name)
{
    u_char  key[REG_SIPHASH_KEY_LEN];

    ngx_memset(key, (int) type + 1, REG_SIPHASH_KEY_LEN);

    return reg_siphash(key, name).lo;
}


static int64_t
ngx_http_registry_cache_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
