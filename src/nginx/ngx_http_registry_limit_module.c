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
#include "ngx_http_registry_limit.h"
#include "ngx_http_registry_shm.h"

/*
 * For who may have what follows from a pull: 16 bytes for each of those who
 * have pulled from a repository in the last ten minutes.
 */

#define NGX_HTTP_REGISTRY_ADMISSIONS_SIZE  (4 * 1024 * 1024)

/* The counters come first, the marks at the next cache line. */

#define NGX_HTTP_REGISTRY_LIMIT_MARKS                                         \
    ngx_align(sizeof(ngx_http_registry_limit_counters_t), 64)


static ngx_int_t ngx_http_registry_limit_handler(ngx_http_request_t *r);
static void *ngx_http_registry_limit_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_registry_limit_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_limit_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_registry_limit_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_limit_add_zones(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf);
static ngx_int_t ngx_http_registry_limit_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
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
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
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
        return NGX_DECLINED;
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
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_limit_module);

    if (lmcf->limits.nelts == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_limit_handler;

    return ngx_http_registry_limit_add_zones(cf, lmcf);
}


static ngx_int_t
ngx_http_registry_limit_add_zones(ngx_conf_t *cf,
    ngx_http_registry_limit_main_conf_t *lmcf)
{
    ngx_str_t                    name;
    ngx_uint_t                   i;
    ngx_http_registry_limit_t  **limit;

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

        name.len = sizeof("registry_limit_") - 1 + limit[i]->name.len;
        name.data = ngx_pnalloc(cf->pool, name.len);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(name.data, "registry_limit_%V", &limit[i]->name);

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

    size_t  size;

    limit->counters = ngx_http_registry_shm_piece(shm_zone, &size);

    limit->marks = ngx_http_registry_shm_marks(shm_zone,
                                               NGX_HTTP_REGISTRY_LIMIT_MARKS);

    if (limit->marks == NULL) {
        return NGX_ERROR;
    }

    limit->salt = ngx_http_registry_limit_salt(limit, &limit->rate);

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_limit_init_admissions(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_limit_main_conf_t *lmcf = shm_zone->data;

    lmcf->admissions = ngx_http_registry_shm_marks(shm_zone, 0);

    return lmcf->admissions ? NGX_OK : NGX_ERROR;
}
