/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_store_conf.h"
#include "ngx_http_registry_oidc.h"
#include "ngx_http_registry_usage.h"


static char *ngx_http_registry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_registry_backend_auth(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_registry_backend_auth_token(ngx_conf_t *cf,
    ngx_http_registry_loc_conf_t *rlcf);
static void *ngx_http_registry_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_registry_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_registry_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_registry_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_str_t *ngx_http_registry_location(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_registry_init_process(ngx_cycle_t *cycle);
static void ngx_http_registry_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_registry_auth_modes[] = {
    { ngx_string("off"), NGX_HTTP_REGISTRY_AUTH_OFF },
    { ngx_string("on"), NGX_HTTP_REGISTRY_AUTH_ON },
    { ngx_string("dry_run"), NGX_HTTP_REGISTRY_AUTH_DRY_RUN },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_registry_commands[] = {

    { ngx_string("registry_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_registry_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_registry_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_pepper_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_registry_pepper_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_registry,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_registry_loc_conf_t, auth),
      &ngx_http_registry_auth_modes },

    { ngx_string("registry_backend_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_registry_backend_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_module_ctx = {
    ngx_http_registry_add_variables,       /* preconfiguration */
    ngx_http_registry_init,                /* postconfiguration */

    ngx_http_registry_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_registry_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_registry_create_loc_conf,     /* create location configuration */
    ngx_http_registry_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_registry_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_module_ctx,         /* module context */
    ngx_http_registry_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_registry_init_module,         /* init module */
    ngx_http_registry_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_registry_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_registry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_loc_conf_t *rlcf = conf;

    ngx_str_t                      *value;
    reg_error_t                     error;
    ngx_http_registry_srv_conf_t   *rscf;
    ngx_http_registry_main_conf_t  *rmcf;

    if (rlcf->registry != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3 && ngx_strcmp(value[1].data, "api") == 0) {

        rlcf->registry = NGX_HTTP_REGISTRY_API;
        rlcf->api_scope = value[2];

        if (reg_access_parse_api(&rlcf->api, ngx_http_registry_str(value[2]),
                                 &error)
            != REG_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid scope \"%V\" in \"registry api\": %s",
                               &value[2], error.text);
            return NGX_CONF_ERROR;
        }

    } else if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "on") == 0) {
        rlcf->registry = NGX_HTTP_REGISTRY_ON;

    } else if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        rlcf->registry = NGX_HTTP_REGISTRY_OFF;
        return NGX_CONF_OK;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"registry\", it must be "
                           "\"on\", \"off\" or \"api <scope>\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    rscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_registry_module);
    rscf->used = 1;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);
    rmcf->used = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_backend_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_loc_conf_t *rlcf = conf;

    ngx_str_t                      *value;
    ngx_http_registry_main_conf_t  *rmcf;

    if (rlcf->backend_auth != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        rlcf->backend_auth = NGX_HTTP_REGISTRY_BACKEND_AUTH_OFF;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "passthrough") == 0) {
        rlcf->backend_auth = NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 3 && ngx_strcmp(value[1].data, "basic") == 0) {

        rmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_registry_module);

        rlcf->backend_auth = NGX_HTTP_REGISTRY_BACKEND_AUTH_BASIC;
        rlcf->backend_secret =
                    ngx_http_registry_secret_add(cf, &rmcf->secrets, &value[2],
                                                 ngx_http_registry_make_basic);

        return rlcf->backend_secret
               ? NGX_CONF_OK : "names a file that cannot be used, see above,";
    }

    if (ngx_strcmp(value[1].data, "token") == 0) {
        return ngx_http_registry_backend_auth_token(cf, rlcf);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"registry_backend_auth\", it "
                       "must be \"off\", \"passthrough\", \"basic <file>\" or "
                       "\"token\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_registry_backend_auth_token(ngx_conf_t *cf,
    ngx_http_registry_loc_conf_t *rlcf)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "service=", 8) == 0
            && value[i].len > 8 && rlcf->backend_service.len == 0)
        {
            rlcf->backend_service.data = value[i].data + 8;
            rlcf->backend_service.len = value[i].len - 8;

        } else if (ngx_strcmp(value[i].data, "kid=libtrust") == 0) {
            rlcf->backend_libtrust = 1;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"registry_backend_auth token\", it must be "
                               "\"service=\" with a name or \"kid=libtrust\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    rlcf->backend_auth = NGX_HTTP_REGISTRY_BACKEND_AUTH_TOKEN;

    return NGX_CONF_OK;
}


/* "user:password" becomes the value of an Authorization header. */

const char *
ngx_http_registry_make_basic(u_char *value, size_t *len, ngx_str_t text)
{
    size_t      i;
    u_char     *p;
    ngx_str_t   encoded;

    if (ngx_strlchr(text.data, text.data + text.len, ':') == NULL) {
        return "it must hold one line, \"user:password\"";
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return "it must hold one line without control characters";
        }
    }

    p = ngx_cpymem(value, "Basic ", sizeof("Basic ") - 1);

    encoded.data = p;
    ngx_encode_base64(&encoded, &text);

    *len = (size_t) (p - value) + encoded.len;

    return NULL;
}


static void *
ngx_http_registry_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&rmcf->secrets, cf->pool, 4,
                       sizeof(ngx_http_registry_secret_t *))
        != NGX_OK
        || ngx_array_init(&rmcf->key_files, cf->pool, 4,
                          sizeof(ngx_http_registry_key_file_t *))
           != NGX_OK
        || ngx_array_init(&rmcf->trusts, cf->pool, 4,
                          sizeof(ngx_http_registry_trust_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return rmcf;
}


static void *
ngx_http_registry_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_srv_conf_t));
}


static void *
ngx_http_registry_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_registry_loc_conf_t  *rlcf;

    rlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_loc_conf_t));
    if (rlcf == NULL) {
        return NULL;
    }

    rlcf->registry = NGX_CONF_UNSET_UINT;
    rlcf->auth = NGX_CONF_UNSET_UINT;
    rlcf->backend_auth = NGX_CONF_UNSET_UINT;

    return rlcf;
}


static char *
ngx_http_registry_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_registry_loc_conf_t *prev = parent;
    ngx_http_registry_loc_conf_t *conf = child;

    ngx_uint_t                       asked;
    ngx_http_registry_main_conf_t   *rmcf;
    ngx_http_registry_token_conf_t  *rtcf;

    asked = (conf->auth != NGX_CONF_UNSET_UINT
             && conf->auth != NGX_HTTP_REGISTRY_AUTH_OFF);

    if (conf->registry == NGX_CONF_UNSET_UINT) {
        conf->api_scope = prev->api_scope;
        conf->api = prev->api;
    }

    if (conf->backend_auth == NGX_CONF_UNSET_UINT) {
        conf->backend_secret = prev->backend_secret;
        conf->backend_service = prev->backend_service;
        conf->backend_libtrust = prev->backend_libtrust;
        conf->inherits_auth = 1;
    }

    ngx_conf_merge_uint_value(conf->registry, prev->registry,
                              NGX_HTTP_REGISTRY_OFF);
    ngx_conf_merge_uint_value(conf->auth, prev->auth,
                              NGX_HTTP_REGISTRY_AUTH_ON);
    ngx_conf_merge_uint_value(conf->backend_auth, prev->backend_auth,
                              NGX_HTTP_REGISTRY_BACKEND_AUTH_OFF);

    if (conf->registry == NGX_HTTP_REGISTRY_OFF) {

        if (asked && ngx_http_registry_location(cf)) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"registry_auth\" does nothing in \"%V\" "
                               "without \"registry on\": it is open",
                               ngx_http_registry_location(cf));
        }

        return NGX_CONF_OK;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    if (conf->auth != NGX_HTTP_REGISTRY_AUTH_OFF && rmcf->by.store == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"registry\" needs \"registry_store\" in the http "
                           "block, which says where the API keys are");
        return NGX_CONF_ERROR;
    }

    if (conf->backend_auth == NGX_HTTP_REGISTRY_BACKEND_AUTH_TOKEN) {

        /* the token module checks that, when its turn comes */

        rtcf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_registry_token_module);
        rtcf->signs = 1;
    }

    if (ngx_http_registry_location(cf)) {
        ngx_http_registry_check_bypass(cf, cf->ctx, NGX_HTTP_BAD_REQUEST);
    }

    return NGX_CONF_OK;
}


/* The name of the location whose configuration is merged, NULL in a server. */

static ngx_str_t *
ngx_http_registry_location(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    return clcf->name.len ? &clcf->name : NULL;
}


static ngx_int_t
ngx_http_registry_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_handler_pt            *h;
    ngx_http_core_srv_conf_t      **cscfp;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_registry_srv_conf_t   *rscf;
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    if (!rmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_registry_watch_init(cf, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_registry_store_init(cf, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* a redirect of a whole server is mostly the one to https: no answer */

    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        rscf = cscfp[i]->ctx->srv_conf[ngx_http_registry_module.ctx_index];

        if (rscf->used) {
            ngx_http_registry_check_bypass(cf, cscfp[i]->ctx,
                                           NGX_HTTP_SPECIAL_RESPONSE);
        }
    }

    /* they run in the reverse order */

    h = ngx_array_push_n(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers, 3);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h[0] = ngx_http_registry_upstream_handler;
    h[1] = ngx_http_registry_offload_handler;
    h[2] = ngx_http_registry_forward_handler;

    if (ngx_http_registry_oidc_filter_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_registry_error_filter_init(cf);
}


static ngx_int_t
ngx_http_registry_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_http_registry_secret_t    **secret;
    ngx_http_registry_key_file_t  **file;
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_registry_module);

    if (rmcf == NULL) {
        return NGX_OK;
    }

    if (rmcf->by.store && rmcf->by.store->path) {
        ngx_http_registry_check_readable(cycle, rmcf->by.store->path);
    }

    secret = rmcf->secrets.elts;

    for (i = 0; i < rmcf->secrets.nelts; i++) {
        ngx_http_registry_check_readable(cycle, &secret[i]->path);
    }

    file = rmcf->key_files.elts;

    for (i = 0; i < rmcf->key_files.nelts; i++) {
        ngx_http_registry_check_readable(cycle, &file[i]->path);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_init_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_registry_module);

    if (rmcf && rmcf->used
        && (ngx_process == NGX_PROCESS_WORKER
            || ngx_process == NGX_PROCESS_SINGLE))
    {
        ngx_http_registry_watch(rmcf);
    }

    return NGX_OK;
}


/* Before nginx looks for sockets that were left open. */

static void
ngx_http_registry_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_registry_module);

    ngx_http_registry_usage_end(cycle);

    if (rmcf && rmcf->by.store && rmcf->by.store->close) {
        rmcf->by.store->close(rmcf->by.store);
    }
}
