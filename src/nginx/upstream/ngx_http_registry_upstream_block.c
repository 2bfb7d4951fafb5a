/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* The directive "registry_upstream": a block of lines, each there once. */

#include "ngx_http_registry_block.h"
#include "ngx_http_registry_upstream.h"

#include "reg_name.h"


static char *ngx_http_registry_upstream_set_url(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_upstream_set_realm(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_upstream_set_credential(ngx_conf_t *cf,
    void *conf);
static const char *ngx_http_registry_upstream_make_basic(u_char *value,
    size_t *len, ngx_str_t text);
static char *ngx_http_registry_upstream_set_follow(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_upstream_set_library(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_upstream_set_prefix(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_upstream_set_ns(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_upstream_check(ngx_conf_t *cf,
    ngx_http_registry_upstream_t *upstream);


static ngx_http_registry_block_line_t  ngx_http_registry_upstream_lines[] = {
    { ngx_string("url"), ngx_http_registry_upstream_set_url, 1, 1 },
    { ngx_string("realm"), ngx_http_registry_upstream_set_realm, 1, 1 },
    { ngx_string("credential_file"),
      ngx_http_registry_upstream_set_credential, 1, 1 },
    { ngx_string("follow"), ngx_http_registry_upstream_set_follow, 1, 64 },
    { ngx_string("library"), ngx_http_registry_upstream_set_library, 1, 1 },
    { ngx_string("prefix"), ngx_http_registry_upstream_set_prefix, 1, 1 },
    { ngx_string("ns"), ngx_http_registry_upstream_set_ns, 1, 64 },
    { ngx_null_string, NULL, 0, 0 }
};


char *
ngx_http_registry_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_upstream_main_conf_t *umcf = conf;

    char                           *rv;
    ngx_str_t                      *value;
    ngx_http_registry_block_t       block;
    ngx_http_registry_upstream_t   *upstream, **slot;
    ngx_http_registry_main_conf_t  *rmcf;

    value = cf->args->elts;

    if (reg_label_check(ngx_http_registry_str(value[1])) != REG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"registry_upstream\", it "
                           "must match [a-z0-9][a-z0-9._-]{0,62}", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_registry_upstream_find(umcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the upstream \"%V\" is there twice", &value[1]);
        return NGX_CONF_ERROR;
    }

    upstream = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_upstream_t));
    slot = ngx_array_push(&umcf->upstreams);

    if (upstream == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = upstream;
    upstream->name = value[1];

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);
    rmcf->used = 1;     /* for its timer, which looks after the credentials */

    block.kind = "upstream";
    block.names = "\"url\", \"realm\", \"credential_file\", \"follow\", "
                  "\"library\", \"prefix\" or \"ns\"";
    block.lines = ngx_http_registry_upstream_lines;
    block.name = upstream->name;
    block.conf = upstream;

    rv = ngx_http_registry_block(cf, &block);

    return rv == NGX_CONF_OK ? ngx_http_registry_upstream_check(cf, upstream)
                             : rv;
}


ngx_http_registry_upstream_t *
ngx_http_registry_upstream_find(ngx_http_registry_upstream_main_conf_t *umcf,
    ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_registry_upstream_t  **upstream;

    upstream = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        if (upstream[i]->name.len == name->len
            && ngx_strncmp(upstream[i]->name.data, name->data, name->len) == 0)
        {
            return upstream[i];
        }
    }

    return NULL;
}


static char *
ngx_http_registry_upstream_set_url(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    reg_url_t   url;
    ngx_str_t  *value;

    if (upstream->core.url.len) {
        return "is there twice";
    }

    value = cf->args->elts;

    if (reg_url_parse(&url, ngx_http_registry_str(value[1]), NULL) != REG_OK
        || url.query.data || url.path.len > 1)
    {
        return "must be the URL of a host, such as "
               "https://registry-1.docker.io";
    }

    upstream->core.url = url.text;
    upstream->core.url.len -= url.path.len;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_upstream_set_realm(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    reg_url_t   url;
    ngx_str_t  *value;

    if (upstream->core.realm.len) {
        return "is there twice";
    }

    value = cf->args->elts;

    if (reg_url_parse(&url, ngx_http_registry_str(value[1]), NULL) != REG_OK
        || url.query.data)
    {
        return "must be a URL without a query, such as "
               "https://auth.docker.io/token";
    }

    upstream->core.realm = url.text;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_upstream_set_credential(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    ngx_str_t                      *value;
    ngx_http_registry_main_conf_t  *rmcf;

    if (upstream->secret) {
        return "is there twice";
    }

    value = cf->args->elts;
    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    upstream->secret = ngx_http_registry_secret_add_key(cf, &rmcf->secrets,
                                        &value[1],
                                        ngx_http_registry_upstream_make_basic);

    return upstream->secret ? NGX_CONF_OK
                            : "names a file that cannot be used, see above";
}


/* In base64 it has to fit where the file did; the password of ECR is long. */

static const char *
ngx_http_registry_upstream_make_basic(u_char *value, size_t *len,
    ngx_str_t text)
{
    if (sizeof("Basic ") + ngx_base64_encoded_length(text.len)
        > NGX_HTTP_REGISTRY_SECRET_KEY_MAX)
    {
        return "it is too long";
    }

    return ngx_http_registry_make_basic(value, len, text);
}


static char *
ngx_http_registry_upstream_set_follow(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    u_char       text[REG_URL_MAX];
    reg_str_t    whole, *host;
    reg_url_t    url;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (upstream->follow == NULL) {
        upstream->follow = ngx_array_create(cf->pool, 4, sizeof(reg_str_t));
        if (upstream->follow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        whole.data = text;
        whole.len = (size_t) (ngx_snprintf(text, sizeof(text), "https://%V",
                                           &value[i])
                              - text);

        if (reg_url_parse(&url, whole, NULL) != REG_OK
            || url.authority.len + sizeof("https://") - 1 != whole.len
            || reg_url_check_location(whole, NULL) != REG_OK)
        {
            return "must be names or addresses of hosts, with \":port\" or "
                   "without";
        }

        host = ngx_array_push(upstream->follow);
        if (host == NULL) {
            return NGX_CONF_ERROR;
        }

        *host = ngx_http_registry_str(value[i]);
    }

    upstream->core.hosts = upstream->follow->elts;
    upstream->core.nhosts = upstream->follow->nelts;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_upstream_set_library(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        upstream->core.library = 1;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        upstream->core.library = 0;

    } else {
        return "must be \"on\" or \"off\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_upstream_set_prefix(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    ngx_str_t  *value;

    if (upstream->core.prefix.len) {
        return "is there twice";
    }

    value = cf->args->elts;

    if (reg_repository_check(ngx_http_registry_str(value[1])) != REG_OK) {
        return "must be the beginning of repository names, without a slash at "
               "its end";
    }

    upstream->core.prefix = ngx_http_registry_str(value[1]);

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_upstream_set_ns(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_upstream_t *upstream = conf;

    ngx_str_t   *value, *ns;
    ngx_uint_t   i;

    if (upstream->ns == NULL) {
        upstream->ns = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (upstream->ns == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        ns = ngx_array_push(upstream->ns);
        if (ns == NULL) {
            return NGX_CONF_ERROR;
        }

        *ns = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_upstream_check(ngx_conf_t *cf,
    ngx_http_registry_upstream_t *upstream)
{
    reg_upstream_t  *core;

    core = &upstream->core;

    if (core->url.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the upstream \"%V\" needs \"url\"",
                           &upstream->name);
        return NGX_CONF_ERROR;
    }

    if (core->realm.len
        && ngx_strncasecmp(core->url.data, (u_char *) "https:", 6) == 0
        && ngx_strncasecmp(core->realm.data, (u_char *) "https:", 6) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"realm\" of the upstream \"%V\" must be https, as "
                           "its \"url\" is", &upstream->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
