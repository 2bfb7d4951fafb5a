/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Quotas: what they need, and what the workers of a host share of them. */

#include "ngx_http_registry_quota.h"
#include "ngx_http_registry_shm.h"

#include "reg_ledger_redis.h"

#include <openssl/rand.h>

/* Some 20,000 tenants; who was asked for last stays. */

#define NGX_HTTP_REGISTRY_QUOTAS_ZONE  (4 * 1024 * 1024)

#define NGX_HTTP_REGISTRY_QUOTA_SPENT                                         \
    ngx_align(sizeof(ngx_http_registry_keeper_t), 64)


static ngx_int_t ngx_http_registry_quotas_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);


/* Without Redis the files are all there is, so they have to be there. */

ngx_int_t
ngx_http_registry_quota_allowed(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_uint_t redis)
{
    time_t                                 keep;
    ngx_http_registry_ledger_main_conf_t  *ledger;

    static const time_t  days[REG_PERIODS] = { 1, 7, 31 };

    ledger = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_ledger_module);

    if (ledger->directory.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the quota \"%V\" needs a \"registry_ledger\" in %s:%ui",
                      &limit->name, limit->file, limit->line);
        return NGX_ERROR;
    }

    keep = days[limit->quota.period] * NGX_HTTP_REGISTRY_LEDGER_DAY;

    if (!redis && ledger->keep < keep) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the quota \"%V\" needs \"keep=%Td\" or more in "
                      "\"registry_ledger\" in %s:%ui", &limit->name,
                      days[limit->quota.period], limit->file, limit->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_registry_quotas_t *
ngx_http_registry_quotas_create(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf)
{
    ngx_str_t                    name;
    ngx_pool_cleanup_t          *cln;
    ngx_http_registry_quotas_t  *quotas;

    quotas = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_quotas_t));
    if (quotas == NULL) {
        return NULL;
    }

    /* without a master a configuration ends before its process does */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_quotas_end;
    cln->data = quotas;

    quotas->ledger = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_ledger_module);
    quotas->redis = lmcf->redis;

    ngx_http_registry_script_init(&quotas->sum, reg_ledger_redis_sum());

    ngx_str_set(&name, "registry_quotas");

    quotas->shm_zone = ngx_shared_memory_add(cf, &name,
                                             NGX_HTTP_REGISTRY_QUOTAS_ZONE,
                                             &ngx_http_registry_limit_module);
    if (quotas->shm_zone == NULL) {
        return NULL;
    }

    quotas->shm_zone->init = ngx_http_registry_quotas_init_zone;
    quotas->shm_zone->data = quotas;

    return quotas;
}


static ngx_int_t
ngx_http_registry_quotas_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_quotas_t *quotas = shm_zone->data;

    u_char  secret[REG_SPENT_SECRET_LEN], *addr;
    size_t  size;

    addr = ngx_http_registry_shm_piece(shm_zone, &size);

    if (addr == NULL || RAND_bytes(secret, REG_SPENT_SECRET_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the zone \"%V\" cannot be used",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    quotas->shared = (ngx_http_registry_keeper_t *) addr;
    quotas->spent = reg_spent_open(addr + NGX_HTTP_REGISTRY_QUOTA_SPENT,
                                   size - NGX_HTTP_REGISTRY_QUOTA_SPENT,
                                   secret);

    return quotas->spent ? NGX_OK : NGX_ERROR;
}
