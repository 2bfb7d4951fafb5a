/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The store in Redis.  The configuration checks and keeps what it takes to
 * connect; links, tracker and cache are each worker's own and begin with it.
 */

#include "ngx_http_registry_cache.h"
#include "ngx_http_registry_redis_store.h"
#include "ngx_http_registry_shm.h"


typedef struct {
    ngx_http_registry_store_t        store;       /* what the others see */
    ngx_http_registry_redis_conf_t   redis;
    ngx_http_registry_cache_conf_t   conf;
    ngx_shm_zone_t                  *shm_zone;
    ngx_http_registry_cache_t       *cache;       /* NULL: not a worker yet */
} ngx_http_registry_redis_t;


static char *ngx_http_registry_redis_password(ngx_conf_t *cf,
    ngx_http_registry_redis_t *redis, ngx_array_t *secrets);
static const char *ngx_http_registry_redis_make_password(u_char *value,
    size_t *len, ngx_str_t text);
static char *ngx_http_registry_redis_ssl(ngx_conf_t *cf,
    ngx_http_registry_redis_t *redis);
static ngx_msec_t ngx_http_registry_redis_refresh(
    ngx_http_registry_store_t *s, ngx_log_t *log);
static ngx_int_t ngx_http_registry_redis_get(ngx_http_registry_store_t *s,
    reg_record_type_t type, reg_str_t name,
    ngx_http_registry_waiter_t *waiter, reg_record_t **record);
static uint64_t ngx_http_registry_redis_generation(
    ngx_http_registry_store_t *s);
static ngx_http_registry_topology_t *ngx_http_registry_redis_topology(
    ngx_http_registry_store_t *s);
static ngx_int_t ngx_http_registry_redis_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_registry_redis_close(ngx_http_registry_store_t *s);
static void ngx_http_registry_redis_cleanup(void *data);


char *
ngx_http_registry_redis_open(ngx_conf_t *cf, const reg_store_url_t *url,
    ngx_array_t *secrets, ngx_http_registry_store_t **store)
{
    char                       *rv;
    ngx_pool_cleanup_t         *cln;
    ngx_http_registry_redis_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_redis_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_registry_redis_cleanup;
    cln->data = redis;

    redis->redis.url = *url;

    rv = ngx_http_registry_redis_password(cf, redis, secrets);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_registry_redis_ssl(cf, redis);
    }

    redis->store.refresh = ngx_http_registry_redis_refresh;
    redis->store.get = ngx_http_registry_redis_get;
    redis->store.generation = ngx_http_registry_redis_generation;
    redis->store.redis = ngx_http_registry_redis_topology;
    redis->store.close = ngx_http_registry_redis_close;

    *store = &redis->store;

    return rv;
}


ngx_int_t
ngx_http_registry_redis_init(ngx_conf_t *cf, ngx_http_registry_store_t *store,
    const ngx_http_registry_cache_conf_t *conf, size_t size)
{
    ngx_http_registry_redis_t *redis = (ngx_http_registry_redis_t *) store;

    ngx_str_t  name;

    ngx_str_set(&name, "registry_cache");

    redis->conf = *conf;
    redis->redis.ttl = conf->ttl;

    redis->shm_zone = ngx_shared_memory_add(cf, &name, size,
                                            &ngx_http_registry_module);
    if (redis->shm_zone == NULL) {
        return NGX_ERROR;
    }

    redis->shm_zone->init = ngx_http_registry_redis_init_zone;
    redis->shm_zone->data = redis;

    return NGX_OK;
}


static char *
ngx_http_registry_redis_password(ngx_conf_t *cf,
    ngx_http_registry_redis_t *redis, ngx_array_t *secrets)
{
    ngx_str_t  path;

    if (redis->redis.url.password_file.len == 0) {
        return NGX_CONF_OK;
    }

    path.len = redis->redis.url.password_file.len;
    path.data = redis->redis.url.password_file.data;

    redis->redis.password = ngx_http_registry_secret_add(cf, secrets, &path,
                                        ngx_http_registry_redis_make_password);

    return redis->redis.password
           ? NGX_CONF_OK
           : "names a password file that cannot be used, see above,";
}


static const char *
ngx_http_registry_redis_make_password(u_char *value, size_t *len,
    ngx_str_t text)
{
    if (text.len == 0) {
        return "it is empty";
    }

    ngx_memcpy(value, text.data, text.len);
    *len = text.len;

    return NULL;
}


#if (NGX_SSL)

static char *
ngx_http_registry_redis_ssl(ngx_conf_t *cf, ngx_http_registry_redis_t *redis)
{
    ngx_str_t            ca;
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    if (!redis->redis.url.tls) {
        return NGX_CONF_OK;
    }

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    redis->redis.ssl = ssl;

    if (redis->redis.url.tls_ca.len == 0) {
        return SSL_CTX_set_default_verify_paths(ssl->ctx) == 1
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ca.len = redis->redis.url.tls_ca.len;
    ca.data = redis->redis.url.tls_ca.data;

    return ngx_ssl_trusted_certificate(cf, ssl, &ca,
                                       NGX_HTTP_REGISTRY_REDIS_TLS_DEPTH)
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

#else

static char *
ngx_http_registry_redis_ssl(ngx_conf_t *cf, ngx_http_registry_redis_t *redis)
{
    return redis->redis.url.tls ? "needs an nginx with SSL for \"rediss:\""
                                : NGX_CONF_OK;
}

#endif


/* The first call is that of a worker that begins. */

static ngx_msec_t
ngx_http_registry_redis_refresh(ngx_http_registry_store_t *s, ngx_log_t *log)
{
    ngx_http_registry_redis_t *redis = (ngx_http_registry_redis_t *) s;

    if (redis->cache == NULL) {
        redis->cache = ngx_http_registry_cache_create(&redis->conf,
                                                      &redis->redis,
                                                      redis->shm_zone->data,
                                                      log);
    }

    return NGX_HTTP_REGISTRY_STORE_POLL;
}


static ngx_int_t
ngx_http_registry_redis_get(ngx_http_registry_store_t *s,
    reg_record_type_t type, reg_str_t name,
    ngx_http_registry_waiter_t *waiter, reg_record_t **record)
{
    ngx_http_registry_redis_t *redis = (ngx_http_registry_redis_t *) s;

    if (redis->cache == NULL) {
        (void) ngx_http_registry_redis_refresh(s, ngx_cycle->log);
    }

    if (redis->cache == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_registry_cache_get(redis->cache, type, name, waiter,
                                       record);
}


static uint64_t
ngx_http_registry_redis_generation(ngx_http_registry_store_t *s)
{
    ngx_http_registry_redis_t *redis = (ngx_http_registry_redis_t *) s;

    return redis->cache ? ngx_http_registry_cache_generation(redis->cache) : 0;
}


static ngx_http_registry_topology_t *
ngx_http_registry_redis_topology(ngx_http_registry_store_t *s)
{
    ngx_http_registry_redis_t *redis = (ngx_http_registry_redis_t *) s;

    if (redis->cache == NULL) {
        (void) ngx_http_registry_redis_refresh(s, ngx_cycle->log);
    }

    return redis->cache ? ngx_http_registry_cache_topology(redis->cache) : NULL;
}


static ngx_int_t
ngx_http_registry_redis_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    void        *addr;
    size_t       size;
    reg_zone_t  *zone;

    addr = ngx_http_registry_shm_piece(shm_zone, &size);

    zone = addr ? reg_zone_open(addr, size) : NULL;

    if (zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry_cache: the zone is too small");
        return NGX_ERROR;
    }

    shm_zone->data = zone;

    return NGX_OK;
}


static void
ngx_http_registry_redis_close(ngx_http_registry_store_t *s)
{
    ngx_http_registry_redis_t *redis = (ngx_http_registry_redis_t *) s;

    if (redis->cache) {
        ngx_http_registry_cache_free(redis->cache);
        redis->cache = NULL;
    }
}


static void
ngx_http_registry_redis_cleanup(void *data)
{
    ngx_http_registry_redis_t *redis = data;

    ngx_http_registry_redis_close(&redis->store);
}
