/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* What values of registry_blob_route stand for, and what is checked early. */

#include "ngx_http_registry_offload.h"

#include <openssl/sha.h>


static ngx_http_core_loc_conf_t *ngx_http_registry_named_location(
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *name);
static ngx_int_t ngx_http_registry_offload_check_route(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf,
    ngx_http_registry_offload_location_t *location);
static void ngx_http_registry_offload_check_auth(ngx_conf_t *cf,
    ngx_http_registry_offload_location_t *location);
static void ngx_http_registry_offload_check_proxy(ngx_conf_t *cf,
    ngx_http_registry_offload_location_t *location);
static void *ngx_http_registry_proxy_field(ngx_module_t *proxy, void **conf,
    const char *name);
static void ngx_http_registry_offload_check_hosts(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf);
static void ngx_http_registry_offload_check_host(ngx_conf_t *cf,
    ngx_http_registry_cdn_t *cdn, reg_str_t host,
    ngx_http_core_srv_conf_t *cscf);


void
ngx_http_registry_offload_resolve(ngx_http_request_t *r,
    ngx_http_registry_offload_t *offload, ngx_str_t *value)
{
    ngx_http_core_srv_conf_t               *cscf;
    ngx_http_registry_offload_main_conf_t  *omcf;

    offload->kind = NGX_HTTP_REGISTRY_ROUTE_ORIGIN;

    if (value->len == 0
        || (value->len == sizeof("origin") - 1
            && ngx_strncmp(value->data, "origin", sizeof("origin") - 1) == 0))
    {
        return;
    }

    omcf = ngx_http_get_module_main_conf(r, ngx_http_registry_offload_module);
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    if (value->data[0] == '@') {

        if (ngx_http_registry_named_location(cscf, value)) {
            offload->kind = NGX_HTTP_REGISTRY_ROUTE_LOCATION;
            offload->location = *value;
            return;
        }

    } else {
        offload->cdn = ngx_http_registry_cdn_find(omcf, value);

        if (offload->cdn) {
            offload->kind = NGX_HTTP_REGISTRY_ROUTE_CDN;
            return;
        }
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "registry: there is no route \"%V\" for blobs, the origin "
                  "answers", value);
}


static ngx_http_core_loc_conf_t *
ngx_http_registry_named_location(ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *name)
{
    ngx_http_core_loc_conf_t  **clcfp;

    if (cscf->named_locations == NULL) {
        return NULL;
    }

    for (clcfp = cscf->named_locations; *clcfp; clcfp++) {
        if ((*clcfp)->name.len == name->len
            && ngx_strncmp((*clcfp)->name.data, name->data, name->len) == 0)
        {
            return *clcfp;
        }
    }

    return NULL;
}


ngx_http_registry_cdn_t *
ngx_http_registry_cdn_find(ngx_http_registry_offload_main_conf_t *omcf,
    ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_registry_cdn_t  **cdn;

    cdn = omcf->cdns.elts;

    for (i = 0; i < omcf->cdns.nelts; i++) {
        if (cdn[i]->name.len == name->len
            && ngx_strncmp(cdn[i]->name.data, name->data, name->len) == 0)
        {
            return cdn[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_registry_offload_check(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf)
{
    ngx_uint_t                             i;
    ngx_http_registry_offload_location_t  *location;

    location = omcf->locations.elts;

    for (i = 0; i < omcf->locations.nelts; i++) {

        if (ngx_http_registry_offload_check_route(cf, omcf, &location[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_registry_offload_check_proxy(cf, &location[i]);
        ngx_http_registry_offload_check_auth(cf, &location[i]);
    }

    ngx_http_registry_offload_check_hosts(cf, omcf);

    return NGX_OK;
}


/* A route without variables is known to be there before anybody asks. */

static ngx_int_t
ngx_http_registry_offload_check_route(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf,
    ngx_http_registry_offload_location_t *location)
{
    ngx_str_t                         *value;
    ngx_http_registry_offload_conf_t  *olcf;

    olcf = location->loc_conf[ngx_http_registry_offload_module.ctx_index];

    if (olcf->route == NULL || olcf->route->lengths) {
        return NGX_OK;
    }

    value = &olcf->route->value;

    if (ngx_strcmp(value->data, "origin") == 0
        || ngx_http_registry_named_location(location->cscf, value)
        || ngx_http_registry_cdn_find(omcf, value))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "there is no route \"%V\" for \"registry_blob_route\": it "
                  "must be \"origin\", a \"registry_cdn\" or a named location "
                  "of the same server in %s:%ui", value, olcf->file,
                  olcf->line);

    return NGX_ERROR;
}


/*
 * A named location that blobs may be sent to may be an edge, for which the
 * credentials of the backend are not, nor those of clients.
 */

static void
ngx_http_registry_offload_check_auth(ngx_conf_t *cf,
    ngx_http_registry_offload_location_t *location)
{
    ngx_str_t                          *name;
    ngx_http_core_loc_conf_t          **clcfp;
    ngx_http_registry_loc_conf_t       *rlcf;
    ngx_http_registry_offload_conf_t   *olcf;

    olcf = location->loc_conf[ngx_http_registry_offload_module.ctx_index];

    if (olcf->route == NULL || location->cscf->named_locations == NULL) {
        return;
    }

    for (clcfp = location->cscf->named_locations; *clcfp; clcfp++) {

        name = &(*clcfp)->name;
        rlcf = (*clcfp)->loc_conf[ngx_http_registry_module.ctx_index];

        if (rlcf->registry != NGX_HTTP_REGISTRY_ON || !rlcf->inherits_auth
            || rlcf->backend_auth == NGX_HTTP_REGISTRY_BACKEND_AUTH_OFF
            || (olcf->route->lengths == NULL
                && (name->len != olcf->route->value.len
                    || ngx_strncmp(name->data, olcf->route->value.data,
                                   name->len)
                       != 0)))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%V\", where blobs may be sent, inherits "
                      "\"registry_backend_auth\" and gets credentials: say "
                      "there whether it is to in %s:%ui", name, olcf->file,
                      olcf->line);

        rlcf->inherits_auth = 0;      /* once is enough */
    }
}


ngx_module_t *
ngx_http_registry_proxy_module(ngx_conf_t *cf)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_http_proxy_module")
            == 0)
        {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


/* These would make something else of the HEAD that asks for a proof. */

static void
ngx_http_registry_offload_check_proxy(ngx_conf_t *cf,
    ngx_http_registry_offload_location_t *location)
{
    ngx_str_t                          *body;
    ngx_module_t                       *proxy;
    ngx_http_complex_value_t          **method;
    ngx_http_registry_offload_conf_t   *olcf;

    proxy = ngx_http_registry_proxy_module(cf);

    if (proxy == NULL) {
        return;
    }

    olcf = location->loc_conf[ngx_http_registry_offload_module.ctx_index];

    method = ngx_http_registry_proxy_field(proxy, location->loc_conf,
                                           "proxy_method");
    body = ngx_http_registry_proxy_field(proxy, location->loc_conf,
                                         "proxy_set_body");

    if ((method && *method) || (body && body->data)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" in \"%V\" keeps the registry from asking for "
                      "proofs: blobs come from the origin there in %s:%ui",
                      (method && *method) ? "proxy_method" : "proxy_set_body",
                      &location->name,
                      olcf->file ? olcf->file : location->cscf->file_name,
                      olcf->file ? olcf->line : location->cscf->line);
    }
}


/* Where the setter of a directive writes to; the structure is private. */

static void *
ngx_http_registry_proxy_field(ngx_module_t *proxy, void **conf,
    const char *name)
{
    ngx_command_t  *cmd;

    for (cmd = proxy->commands; cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, name) == 0
            && cmd->conf == NGX_HTTP_LOC_CONF_OFFSET)
        {
            return (u_char *) conf[proxy->ctx_index] + cmd->offset;
        }
    }

    return NULL;
}


/* Clients send their credentials to the host of the registry and below it. */

static void
ngx_http_registry_offload_check_hosts(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf)
{
    reg_url_t                              url;
    ngx_uint_t                             i, n;
    ngx_http_registry_cdn_t              **cdn;
    ngx_http_registry_offload_location_t  *location;

    cdn = omcf->cdns.elts;
    location = omcf->locations.elts;

    for (i = 0; i < omcf->cdns.nelts; i++) {

        if (reg_url_parse(&url, ngx_http_registry_str(cdn[i]->prefix), NULL)
            != REG_OK || url.host.len <= 1)
        {
            continue;
        }

        for (n = 0; n < omcf->locations.nelts; n++) {
            ngx_http_registry_offload_check_host(cf, cdn[i], url.host,
                                                 location[n].cscf);
        }
    }
}


static void
ngx_http_registry_offload_check_host(ngx_conf_t *cf,
    ngx_http_registry_cdn_t *cdn, reg_str_t host,
    ngx_http_core_srv_conf_t *cscf)
{
    size_t                   tail;
    ngx_str_t                name;
    ngx_uint_t               i;
    ngx_http_server_name_t  *sn;

    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

        name = sn[i].name;

        if (name.len && name.data[0] == '*') {
            name.data++;
            name.len--;
        }

        if (name.len && name.data[0] == '.') {
            name.data++;
            name.len--;
        }

        if (name.len == 0 || name.data[0] == '~' || host.len < name.len) {
            continue;
        }

        tail = host.len - name.len;

        if (ngx_strncasecmp(host.data + tail, name.data, name.len) == 0
            && (tail == 0 || host.data[tail - 1] == '.'))
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "the url of the cdn \"%V\" is under \"%V\", the name "
                          "of the registry: clients send it their "
                          "credentials in %s:%ui", &cdn->name, &name,
                          cdn->file, cdn->line);
            return;
        }
    }
}


/*
 * A proof counts for one location of one server, and one backend where that is
 * known.  Each request hashes it, so it is a hash itself.
 */

ngx_int_t
ngx_http_registry_offload_scope(ngx_conf_t *cf,
    ngx_http_registry_offload_conf_t *conf)
{
    void                          **loc_conf;
    u_char                          hash[SHA256_DIGEST_LENGTH], *text, *p;
    ngx_str_t                       backend;
    ngx_module_t                   *proxy;
    ngx_http_core_srv_conf_t       *cscf;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_upstream_conf_t       *u;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_str_null(&backend);
    proxy = ngx_http_registry_proxy_module(cf);

    if (proxy) {
        loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

        /* which begins with the upstream, as those of all its kind do */

        u = loc_conf[proxy->ctx_index];

        if (u->upstream) {
            backend = u->upstream->host;
        }
    }

    text = ngx_pnalloc(cf->temp_pool,
                       ngx_strlen(cscf->file_name) + NGX_INT_T_LEN
                       + cscf->server_name.len + clcf->name.len + backend.len
                       + sizeof(":\n\n\n"));

    conf->scope = ngx_pnalloc(cf->pool, NGX_HTTP_REGISTRY_SCOPE_LEN);

    if (text == NULL || conf->scope == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text, "%s:%ui\n%V\n%V\n%V", cscf->file_name, cscf->line,
                    &cscf->server_name, &clcf->name, &backend);

    SHA256(text, (size_t) (p - text), hash);
    ngx_memcpy(conf->scope, hash, NGX_HTTP_REGISTRY_SCOPE_LEN);

    return NGX_OK;
}
