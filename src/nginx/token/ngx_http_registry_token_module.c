/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Tokens: the keys that sign them, whom a server trusts, and the locations
 * that hand them out.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ngx_http_registry_oidc.h"


static char *ngx_http_registry_token_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_registry_token_issuer(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_registry_token_ttl(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_registry_token_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_token_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_registry_token_check(ngx_conf_t *cf,
    ngx_http_registry_token_conf_t *conf);
static ngx_uint_t ngx_http_registry_token_name_ok(ngx_str_t *name);
static ngx_http_registry_trust_t *ngx_http_registry_token_trust(
    ngx_conf_t *cf, ngx_http_registry_token_conf_t *conf);
static void ngx_http_registry_token_cleanup_trust(void *data);


static ngx_command_t  ngx_http_registry_token_commands[] = {

    { ngx_string("registry_token_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_registry_token_key,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_token_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_registry_token_issuer,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_token_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_registry_token_ttl,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_oidc"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE23,
      ngx_http_registry_oidc,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_token"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_registry_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_jwks"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_registry_jwks,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_token_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_registry_token_create_conf,   /* create server configuration */
    ngx_http_registry_token_merge_conf,    /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_registry_token_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_token_module_ctx,   /* module context */
    ngx_http_registry_token_commands,      /* module directives */
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
ngx_http_registry_token_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_token_conf_t *rtcf = conf;

    ngx_str_t                      *value;
    reg_str_t                       name;
    reg_alg_t                       alg;
    ngx_http_registry_key_file_t  **file;
    ngx_http_registry_main_conf_t  *rmcf;

    value = cf->args->elts;
    alg = REG_ALG_NONE;

    if (cf->args->nelts == 3) {

        name = ngx_http_registry_str(value[2]);

        if (reg_str_starts(name, REG_STR("alg="))) {
            name.data += 4;
            name.len -= 4;
            alg = reg_alg_parse(name);
        }

        if (alg == REG_ALG_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"registry_token_key\", it "
                               "must be \"alg=\" with ES256, RS256 or EdDSA",
                               &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    if (rtcf->keys == NULL) {
        rtcf->keys = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_registry_key_file_t *));
        if (rtcf->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    file = ngx_array_push(rtcf->keys);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    *file = ngx_http_registry_key_file_add(cf, &rmcf->key_files, &value[1],
                                           alg, 0);

    return *file ? NGX_CONF_OK : "names a file that cannot be used, see above,";
}


static char *
ngx_http_registry_token_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_token_conf_t *rtcf = conf;

    ngx_str_t  *value;

    if (rtcf->issuer.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (!ngx_http_registry_token_name_ok(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"registry_token_issuer\", it "
                           "takes 1 to 255 printable characters, no quote and "
                           "no backslash", &value[1]);
        return NGX_CONF_ERROR;
    }

    rtcf->issuer = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_token_ttl(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_token_conf_t *rtcf = conf;

    ngx_str_t  *value, s;

    if (rtcf->ttl != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rtcf->ttl = ngx_parse_time(&value[1], 1);

    if (rtcf->ttl < NGX_HTTP_REGISTRY_TOKEN_TTL_MIN
        || rtcf->ttl > NGX_HTTP_REGISTRY_TOKEN_TTL_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"registry_token_ttl\", it "
                           "must be from 60s to 1h", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[2].data, "refresh=off") == 0) {
        rtcf->refresh = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "refresh=", 8) == 0) {
        s.data = value[2].data + 8;
        s.len = value[2].len - 8;

        rtcf->refresh = ngx_parse_time(&s, 1);

        if (rtcf->refresh >= rtcf->ttl) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" in \"registry_token_ttl\", it must be "
                       "\"refresh=\" with \"off\" or a time that is not "
                       "shorter than the first", &value[2]);

    return NGX_CONF_ERROR;
}


static void *
ngx_http_registry_token_create_conf(ngx_conf_t *cf)
{
    ngx_http_registry_token_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_token_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->ttl = NGX_CONF_UNSET;
    conf->refresh = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_registry_token_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_registry_token_conf_t *prev = parent;
    ngx_http_registry_token_conf_t *conf = child;

    ngx_http_core_srv_conf_t  *cscf;

    if (conf->keys == NULL) {
        conf->keys = prev->keys;
    }

    if (conf->oidc == NULL) {
        conf->oidc = prev->oidc;
    }

    ngx_conf_merge_value(conf->ttl, prev->ttl, NGX_HTTP_REGISTRY_TOKEN_TTL);
    ngx_conf_merge_value(conf->refresh, prev->refresh,
                         NGX_HTTP_REGISTRY_TOKEN_REFRESH);

    if (conf->issuer.data == NULL) {
        conf->issuer = prev->issuer;
    }

    if (conf->issuer.data == NULL) {

        /* tokens of one server are then for this server alone */

        cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
        conf->issuer = cscf->server_name;
    }

    if (!ngx_http_registry_token_name_ok(&conf->issuer)) {
        ngx_str_null(&conf->issuer);
    }

    if ((conf->keys && conf->issuer.len) || conf->oidc) {
        conf->trust = ngx_http_registry_token_trust(cf, conf);

        if (conf->trust == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_registry_token_check(cf, conf);
}


static char *
ngx_http_registry_token_check(ngx_conf_t *cf,
    ngx_http_registry_token_conf_t *conf)
{
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    if ((conf->signs || conf->oidc) && rmcf->by.store == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tokens need \"registry_store\" in the http block, "
                           "which says where the API keys are");
        return NGX_CONF_ERROR;
    }

    if (!conf->signs) {
        return NGX_CONF_OK;
    }

    if (conf->keys == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tokens need \"registry_token_key\", the file of a "
                           "key that \"ngx-registry token keygen\" makes");
        return NGX_CONF_ERROR;
    }

    if (conf->issuer.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tokens need \"registry_token_issuer\", or a "
                           "\"server_name\" to be called by");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_registry_token_signer(conf->trust) == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the first \"registry_token_key\" has to be a "
                           "private key: it signs");
        return NGX_CONF_ERROR;
    }

    rmcf->used = 1;

    return NGX_CONF_OK;
}


/* Goes into claims and headers as it is. */

static ngx_uint_t
ngx_http_registry_token_name_ok(ngx_str_t *name)
{
    size_t  i;

    if (name->len == 0 || name->len > 255) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        if (name->data[i] <= 0x20 || name->data[i] > 0x7e
            || name->data[i] == '"' || name->data[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}


static ngx_http_registry_trust_t *
ngx_http_registry_token_trust(ngx_conf_t *cf,
    ngx_http_registry_token_conf_t *conf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_registry_trust_t      *trust, **slot;
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    trust = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_trust_t));
    slot = ngx_array_push(&rmcf->trusts);

    if (trust == NULL || slot == NULL) {
        return NULL;
    }

    *slot = trust;

    trust->issuer = conf->issuer;
    trust->keys = conf->keys;
    trust->headers = ngx_http_registry_memo_create(cf);
    trust->tokens = ngx_http_registry_memo_create(cf);

    if (trust->headers == NULL || trust->tokens == NULL
        || ngx_http_registry_oidc_trust(cf, trust, conf->oidc) != NGX_OK)
    {
        return NULL;
    }

    if (RAND_bytes(trust->backend_key, REG_SIPHASH_KEY_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "registry: the random generator failed");
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_token_cleanup_trust;
    cln->data = trust;

    ngx_http_registry_trust_renew(trust);

    return trust;
}


static void
ngx_http_registry_token_cleanup_trust(void *data)
{
    ngx_http_registry_trust_t *trust = data;

    ngx_http_registry_backend_flush(trust);
    OPENSSL_cleanse(trust->backend_key, REG_SIPHASH_KEY_LEN);
}
