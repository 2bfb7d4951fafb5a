/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* The directives of blob offload, and the zone of its proofs. */

#include "ngx_http_registry_offload.h"
#include "ngx_http_registry_shm.h"

#include <openssl/rand.h>

#define NGX_HTTP_REGISTRY_PROOF_SIZE   (8 * 1024 * 1024)
#define NGX_HTTP_REGISTRY_PROOF_TTL    600000              /* milliseconds */
#define NGX_HTTP_REGISTRY_PROOF_STALE  86400000

/* Beside the zone of proofs, so that nobody drives those out. */

#define NGX_HTTP_REGISTRY_SIZE_ZONE(size)                                     \
    ngx_max((size) / 4, (size_t) 1024 * 1024)


static char *ngx_http_registry_blob_route(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_registry_storage_hosts(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_registry_proof_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_registry_offload_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_registry_offload_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_offload_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_registry_offload_init(ngx_conf_t *cf);
static ngx_shm_zone_t *ngx_http_registry_offload_zone(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf, ngx_str_t name, size_t size);
static ngx_int_t ngx_http_registry_offload_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);


static ngx_command_t  ngx_http_registry_offload_commands[] = {

    { ngx_string("registry_cdn"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_registry_cdn,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_blob_route"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_registry_blob_route,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_storage_host"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_registry_storage_hosts,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_proof"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_registry_offload_conf_t, proof),
      NULL },

    { ngx_string("registry_verify_digest"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_registry_offload_conf_t, verify_digest),
      NULL },

    { ngx_string("registry_proof_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_registry_proof_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_verify_url"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_registry_verify_url,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_offload_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_registry_offload_init,        /* postconfiguration */

    ngx_http_registry_offload_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_registry_offload_create_conf, /* create location configuration */
    ngx_http_registry_offload_merge_conf   /* merge location configuration */
};


ngx_module_t  ngx_http_registry_offload_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_offload_module_ctx, /* module context */
    ngx_http_registry_offload_commands,    /* module directives */
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


static char *
ngx_http_registry_blob_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_offload_conf_t *olcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (olcf->route != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    olcf->route = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (olcf->route == NULL) {
        return NGX_CONF_ERROR;
    }

    olcf->file = cf->conf_file->file.name.data;
    olcf->line = cf->conf_file->line;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = olcf->route;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


static char *
ngx_http_registry_storage_hosts(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_registry_offload_conf_t *olcf = conf;

    reg_url_t    url;
    u_char       text[REG_URL_MAX];
    ngx_str_t   *value, *host;
    ngx_uint_t   i;
    reg_str_t    whole;

    if (olcf->hosts != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    olcf->hosts = ngx_array_create(cf->pool, cf->args->nelts,
                                   sizeof(ngx_str_t));
    if (olcf->hosts == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        whole.data = text;
        whole.len = (size_t) (ngx_snprintf(text, sizeof(text), "https://%V",
                                           &value[i])
                              - text);

        if (reg_url_parse(&url, whole, NULL) != REG_OK
            || url.authority.len + sizeof("https://") - 1 != whole.len)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid host \"%V\" in "
                               "\"registry_storage_host\", it must be a name "
                               "or an address, with \":port\" or without",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        host = ngx_array_push(olcf->hosts);
        if (host == NULL) {
            return NGX_CONF_ERROR;
        }

        *host = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_proof_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_offload_main_conf_t *omcf = conf;

    ssize_t      size;
    ngx_int_t    ms;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    if (omcf->size) {
        return "is duplicate";
    }

    value = cf->args->elts;
    omcf->size = NGX_HTTP_REGISTRY_PROOF_SIZE;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {

            s.data = value[i].data + 5;
            s.len = value[i].len - 5;
            size = ngx_parse_size(&s);

            if (size >= 1024 * 1024) {
                omcf->size = (size_t) size;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "ttl=", 4) == 0
                   || ngx_strncmp(value[i].data, "stale=", 6) == 0)
        {
            s.data = (u_char *) ngx_strchr(value[i].data, '=') + 1;
            s.len = (size_t) (value[i].data + value[i].len - s.data);
            ms = ngx_parse_time(&s, 0);

            if (ms != NGX_ERROR && (ms >= 1000 || value[i].data[0] == 's')) {

                if (value[i].data[0] == 's') {
                    omcf->stale = (ngx_msec_t) ms;

                } else {
                    omcf->ttl = (ngx_msec_t) ms;
                }

                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"registry_proof_zone\", it must "
                           "be \"size=\" of 1m or more, \"ttl=\" of 1s or "
                           "more, or \"stale=\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_registry_offload_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_registry_offload_main_conf_t  *omcf;

    omcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_registry_offload_main_conf_t));
    if (omcf == NULL) {
        return NULL;
    }

    omcf->ttl = NGX_HTTP_REGISTRY_PROOF_TTL;
    omcf->stale = NGX_HTTP_REGISTRY_PROOF_STALE;

    omcf->flights = ngx_palloc(cf->pool, sizeof(ngx_queue_t));

    if (omcf->flights == NULL
        || ngx_array_init(&omcf->cdns, cf->pool, 4,
                          sizeof(ngx_http_registry_cdn_t *))
           != NGX_OK
        || ngx_array_init(&omcf->locations, cf->pool, 4,
                          sizeof(ngx_http_registry_offload_location_t))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_queue_init(omcf->flights);

    return omcf;
}


static void *
ngx_http_registry_offload_create_conf(ngx_conf_t *cf)
{
    ngx_http_registry_offload_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_offload_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->route = NGX_CONF_UNSET_PTR;
    conf->hosts = NGX_CONF_UNSET_PTR;
    conf->verify = NGX_CONF_UNSET_PTR;
    conf->proof = NGX_CONF_UNSET;
    conf->verify_digest = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_registry_offload_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_registry_offload_conf_t *prev = parent;
    ngx_http_registry_offload_conf_t *conf = child;

    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_registry_loc_conf_t           *rlcf;
    ngx_http_registry_offload_location_t   *location;
    ngx_http_registry_offload_main_conf_t  *omcf;

    if (conf->route == NGX_CONF_UNSET_PTR) {
        conf->file = prev->file;
        conf->line = prev->line;
    }

    ngx_conf_merge_ptr_value(conf->route, prev->route, NULL);
    ngx_conf_merge_ptr_value(conf->hosts, prev->hosts, NULL);
    ngx_conf_merge_ptr_value(conf->verify, prev->verify, NULL);
    ngx_conf_merge_value(conf->proof, prev->proof, 0);
    ngx_conf_merge_value(conf->verify_digest, prev->verify_digest, 0);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    rlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_registry_module);

    if (clcf->name.len == 0 || rlcf->registry != NGX_HTTP_REGISTRY_ON) {
        return NGX_CONF_OK;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_registry_offload_module);

    omcf->sized |= (conf->hosts != NULL);

    if (conf->route == NULL && !conf->proof) {
        return NGX_CONF_OK;
    }

    location = ngx_array_push(&omcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    location->cscf = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);
    location->name = clcf->name;
    location->loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

    return ngx_http_registry_offload_scope(cf, conf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_registry_offload_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                    *h;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_registry_offload_main_conf_t  *omcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    omcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_registry_offload_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_verify_handler;

    if (ngx_http_registry_offload_filter_init(cf) != NGX_OK
        || ngx_http_registry_digest_filter_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (omcf->size == 0) {
        omcf->size = NGX_HTTP_REGISTRY_PROOF_SIZE;
    }

    if (omcf->sized) {

        if (ngx_http_registry_size_filter_init(cf) != NGX_OK) {
            return NGX_ERROR;
        }

        omcf->size_zone = ngx_http_registry_offload_zone(cf, omcf,
                                     NGX_HTTP_REGISTRY_STR("registry_sizes"),
                                     NGX_HTTP_REGISTRY_SIZE_ZONE(omcf->size));
        if (omcf->size_zone == NULL) {
            return NGX_ERROR;
        }
    }

    if (omcf->locations.nelts == 0) {
        return NGX_OK;
    }

    omcf->shm_zone = ngx_http_registry_offload_zone(cf, omcf,
                                     NGX_HTTP_REGISTRY_STR("registry_proofs"),
                                     omcf->size);
    if (omcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_registry_offload_check(cf, omcf);
}


static ngx_shm_zone_t *
ngx_http_registry_offload_zone(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf, ngx_str_t name, size_t size)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_registry_offload_module);

    if (zone) {
        zone->init = ngx_http_registry_offload_init_zone;
        zone->data = omcf;
    }

    return zone;
}


static ngx_int_t
ngx_http_registry_offload_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_offload_main_conf_t *omcf = shm_zone->data;

    void          *addr;
    u_char         secret[REG_PROOF_SECRET_LEN];
    size_t         size;
    reg_proofs_t  *proofs;

    addr = ngx_http_registry_shm_piece(shm_zone, &size);

    if (addr == NULL || RAND_bytes(secret, REG_PROOF_SECRET_LEN) != 1) {
        return NGX_ERROR;
    }

    proofs = reg_proofs_open(addr, size, secret);

    if (proofs == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the zone \"%V\" cannot be used",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    if (shm_zone == omcf->size_zone) {
        omcf->sizes = proofs;

    } else {
        omcf->proofs = proofs;
    }

    return NGX_OK;
}
