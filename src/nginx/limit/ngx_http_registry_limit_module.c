/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Limits.  The handler is the first of the PRECONTENT phase, so that mirror,
 * try_files and the backend see nothing of a request that is refused, and so
 * that nobody is charged for one that was denied.  A client request is charged
 * once, wherever internal redirects lead it.
 */

#include "ngx_http_registry_admission.h"
#include "ngx_http_registry_download.h"
#include "ngx_http_registry_quota.h"
#include "ngx_http_registry_shm.h"

/*
 * For who may have what follows from a pull: 16 bytes for each of those who
 * have pulled from a repository in the last ten minutes.
 */

#define NGX_HTTP_REGISTRY_ADMISSIONS_SIZE  (4 * 1024 * 1024)

/* The counters come first, the marks at the next cache line. */

#define NGX_HTTP_REGISTRY_LIMIT_MARKS                                         \
    ngx_align(sizeof(ngx_http_registry_limit_counters_t), 64)

/* Of a zone with leases those have one part in so many. */

#define NGX_HTTP_REGISTRY_LIMIT_LEASES  4


static ngx_int_t ngx_http_registry_limit_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_download_handler(ngx_http_request_t *r);
static void *ngx_http_registry_limit_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_registry_limit_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_limit_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_registry_limit_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_limit_init_process(ngx_cycle_t *cycle);
static void ngx_http_registry_limit_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_registry_limit_init_modes(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf);
static ngx_int_t ngx_http_registry_limit_add_zones(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf);
static ngx_int_t ngx_http_registry_limit_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static reg_marks_t *ngx_http_registry_limit_open_leases(void *addr,
    size_t size, size_t *before);
static ngx_int_t ngx_http_registry_limit_init_admissions(
    ngx_shm_zone_t *shm_zone, void *data);


static ngx_command_t  ngx_http_registry_limit_commands[] = {

    { ngx_string("registry_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_registry_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_limit_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_registry_limit_init,          /* postconfiguration */

    ngx_http_registry_limit_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_registry_limit_create_conf,   /* create location configuration */
    ngx_http_registry_limit_merge_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_registry_limit_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_limit_module_ctx,   /* module context */
    ngx_http_registry_limit_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_registry_limit_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_registry_limit_exit_process,  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_registry_limit_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    reg_reason_t                     reason;
    ngx_http_registry_ctx_t         *ctx;
    ngx_http_registry_loc_conf_t    *rlcf;
    ngx_http_registry_limit_conf_t  *rllcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry == NGX_HTTP_REGISTRY_OFF || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->limited) {

        /* it waited for Redis, or all has been said */

        return ctx->limited->step
               ? ngx_http_registry_limit_request(r, ctx, NULL) : NGX_DECLINED;
    }

    if (rlcf->registry == NGX_HTTP_REGISTRY_ON) {

        rc = ngx_http_registry_check(r, ctx, &reason);

        if (rc == NGX_ABORT) {

            /* whoever is next refuses it, or it is a dry run */

            return NGX_DECLINED;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        ctx->route.operation = REG_OP_API;
    }

    rllcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_limit_module);

    return ngx_http_registry_limit_request(r, ctx, rllcf->limits);
}


/* Whoever may download waits for his turn. */

static ngx_int_t
ngx_http_registry_download_handler(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t              *ctx;
    ngx_http_registry_loc_conf_t         *rlcf;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry != NGX_HTTP_REGISTRY_ON || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    return ngx_http_registry_download(r, ctx, lmcf->downloads);
}


static void *
ngx_http_registry_limit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_limit_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lmcf->limits, cf->pool, 4,
                       sizeof(ngx_http_registry_limit_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static void *
ngx_http_registry_limit_create_conf(ngx_conf_t *cf)
{
    ngx_http_registry_limit_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_limit_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->limits = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_registry_limit_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_registry_limit_conf_t *prev = parent;
    ngx_http_registry_limit_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->limits, prev->limits, NULL);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_registry_limit_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                  *h;
    ngx_http_core_main_conf_t            *cmcf;
    ngx_http_registry_main_conf_t        *rmcf;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);
    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_limit_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* handlers run in the reverse order */

    if (rmcf->used) {
        lmcf->downloads = ngx_http_registry_downloads_create(cf);
        if (lmcf->downloads == NULL) {
            return NGX_ERROR;
        }

        ngx_http_registry_bandwidth_init();

        h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_registry_download_handler;
    }

    if (lmcf->limits.nelts == 0) {
        return NGX_OK;
    }

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_limit_handler;

    if (ngx_http_registry_limit_init_modes(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_registry_limit_add_zones(cf, lmcf);
}


static ngx_int_t
ngx_http_registry_limit_init_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_registry_limit_module);

    if (lmcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    if (lmcf->redis) {
        ngx_http_registry_limit_redis_begin(lmcf->redis);
    }

    if (lmcf->quotas) {
        ngx_http_registry_quotas_begin(lmcf->quotas);
    }

    return NGX_OK;
}


static void
ngx_http_registry_limit_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_registry_limit_module);

    if (lmcf && lmcf->redis) {
        ngx_http_registry_limit_redis_end(lmcf->redis);
    }

    if (lmcf && lmcf->quotas) {
        ngx_http_registry_quotas_end(lmcf->quotas);
    }
}


/* Where limits are counted; only now is the store known. */

static ngx_int_t
ngx_http_registry_limit_init_modes(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf)
{
    ngx_uint_t                       i, redis, quotas;
    ngx_http_registry_limit_t      **limit;
    ngx_http_registry_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);
    redis = (rmcf->by.store && rmcf->by.store->redis);

    limit = lmcf->limits.elts;
    quotas = 0;

    for (i = 0; i < lmcf->limits.nelts; i++) {

        if (limit[i]->mode == NGX_HTTP_REGISTRY_LIMIT_QUOTA) {

            if (ngx_http_registry_quota_allowed(cf, limit[i], redis) != NGX_OK)
            {
                return NGX_ERROR;
            }

            quotas = 1;
            continue;
        }

        if (limit[i]->mode == NGX_HTTP_REGISTRY_LIMIT_DEFAULT) {
            limit[i]->mode = redis ? NGX_HTTP_REGISTRY_LIMIT_LEASE
                                   : NGX_HTTP_REGISTRY_LIMIT_LOCAL;
        }

        if (limit[i]->mode != NGX_HTTP_REGISTRY_LIMIT_LOCAL && !redis) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the mode of the limit \"%V\" needs a "
                          "\"registry_store\" in Redis in %s:%ui",
                          &limit[i]->name, limit[i]->file, limit[i]->line);
            return NGX_ERROR;
        }
    }

    if (redis) {
        lmcf->redis = ngx_http_registry_limit_redis_create(cf, rmcf->by.store,
                                                           rmcf->url.prefix);
        if (lmcf->redis == NULL) {
            return NGX_ERROR;
        }
    }

    if (quotas) {
        lmcf->quotas = ngx_http_registry_quotas_create(cf, lmcf);
        if (lmcf->quotas == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_limit_add_zones(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf)
{
    ngx_str_t                    name;
    ngx_uint_t                   i;
    ngx_http_registry_limit_t  **limit;

    static const char *const  zones[] = {
        [NGX_HTTP_REGISTRY_LIMIT_LOCAL] = "limit",
        [NGX_HTTP_REGISTRY_LIMIT_EXACT] = "exact",
        [NGX_HTTP_REGISTRY_LIMIT_LEASE] = "lease",
        [NGX_HTTP_REGISTRY_LIMIT_QUOTA] = "quota"
    };

    ngx_str_set(&name, "registry_admissions");

    lmcf->shm_zone = ngx_shared_memory_add(cf, &name,
                                           NGX_HTTP_REGISTRY_ADMISSIONS_SIZE,
                                           &ngx_http_registry_limit_module);
    if (lmcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    lmcf->shm_zone->init = ngx_http_registry_limit_init_admissions;
    lmcf->shm_zone->data = lmcf;

    limit = lmcf->limits.elts;

    for (i = 0; i < lmcf->limits.nelts; i++) {

        /* in another mode it is another zone, and begins anew */

        name.data = ngx_pnalloc(cf->pool, sizeof("registry_limit_")
                                          + limit[i]->name.len);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        name.len = (size_t) (ngx_sprintf(name.data, "registry_%s_%V",
                                         zones[limit[i]->mode],
                                         &limit[i]->name)
                             - name.data);

        limit[i]->shm_zone = ngx_shared_memory_add(cf, &name, limit[i]->size,
                                              &ngx_http_registry_limit_module);
        if (limit[i]->shm_zone == NULL) {
            return NGX_ERROR;
        }

        limit[i]->shm_zone->init = ngx_http_registry_limit_init_zone;
        limit[i]->shm_zone->data = limit[i];
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_limit_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_limit_t *limit = shm_zone->data;

    size_t  size, before;

    limit->counters = ngx_http_registry_shm_piece(shm_zone, &size);
    if (limit->counters == NULL) {
        return NGX_ERROR;
    }

    if (limit->mode == NGX_HTTP_REGISTRY_LIMIT_QUOTA) {
        return NGX_OK;
    }

    before = NGX_HTTP_REGISTRY_LIMIT_MARKS;

    if (limit->mode == NGX_HTTP_REGISTRY_LIMIT_LEASE) {
        limit->leases = ngx_http_registry_limit_open_leases(limit->counters,
                                                            size, &before);
    }

    limit->marks = ngx_http_registry_shm_marks(shm_zone, before);

    if (limit->marks == NULL
        || (limit->mode == NGX_HTTP_REGISTRY_LIMIT_LEASE
            && limit->leases == NULL))
    {
        return NGX_ERROR;
    }

    limit->salt = ngx_http_registry_limit_salt(limit, &limit->rate);

    return NGX_OK;
}


/* Their keys are those of the marks, so they need no secret of their own. */

static reg_marks_t *
ngx_http_registry_limit_open_leases(void *addr, size_t size, size_t *before)
{
    size_t  part;
    u_char  secret[REG_MARKS_SECRET_LEN], *leases;

    ngx_memzero(secret, REG_MARKS_SECRET_LEN);

    leases = (u_char *) addr + *before;

    part = ngx_max((size - *before) / NGX_HTTP_REGISTRY_LIMIT_LEASES,
                   REG_MARKS_MIN);
    part = ngx_align(part, 64);

    *before += part;

    return reg_marks_open(leases, part, secret);
}


static ngx_int_t
ngx_http_registry_limit_init_admissions(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_limit_main_conf_t *lmcf = shm_zone->data;

    lmcf->admissions = ngx_http_registry_shm_marks(shm_zone, 0);

    return lmcf->admissions ? NGX_OK : NGX_ERROR;
}
