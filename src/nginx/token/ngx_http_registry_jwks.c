/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* The public keys of a server, and the address of its token endpoint. */

#include "ngx_http_registry_token.h"


static ngx_int_t ngx_http_registry_jwks_handler(ngx_http_request_t *r);


char *
ngx_http_registry_jwks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_registry_loc_conf_t    *rlcf;
    ngx_http_registry_token_conf_t  *rtcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    rlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_registry_module);
    rtcf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_registry_token_module);

    if (clcf->handler) {
        return "is duplicate, or not alone";
    }

    if (rlcf->registry != NGX_CONF_UNSET_UINT
        && rlcf->registry != NGX_HTTP_REGISTRY_OFF)
    {
        return "goes with no \"registry on\": public keys are for everybody";
    }

    rlcf->registry = NGX_HTTP_REGISTRY_OFF;
    clcf->handler = ngx_http_registry_jwks_handler;
    rtcf->signs = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_registry_jwks_handler(ngx_http_request_t *r)
{
    size_t                           i, len;
    u_char                          *p, *json;
    ngx_int_t                        rc;
    ngx_http_registry_trust_t       *trust;
    ngx_http_registry_main_conf_t   *rmcf;
    ngx_http_registry_token_conf_t  *rtcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_module);
    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    ngx_http_registry_watch(rmcf);

    trust = rtcf->trust;

    json = ngx_pnalloc(r->pool, sizeof("{\"keys\":[]}\n")
                                + trust->jwks.n * (REG_JWK_JSON_MAX + 1));
    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(json, "{\"keys\":[", sizeof("{\"keys\":[") - 1);

    for (i = 0; i < trust->jwks.n; i++) {

        if (i) {
            *p++ = ',';
        }

        if (reg_jwk_write(p, &len, trust->jwks.keys[i]) != REG_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += len;
    }

    p = ngx_cpymem(p, "]}\n", sizeof("]}\n") - 1);

    return ngx_http_registry_token_send(r, json, (size_t) (p - json),
                                        "public, max-age=300");
}


ngx_int_t
ngx_http_registry_token_realm(ngx_http_request_t *r, ngx_str_t *realm)
{
    u_char                          *p;
    ngx_uint_t                       port, https;
    ngx_http_core_srv_conf_t        *cscf;
    ngx_http_registry_token_conf_t  *rtcf;

    ngx_str_null(realm);

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    if (rtcf->endpoint.len == 0 || !ngx_http_registry_token_host_ok(cscf)) {
        return NGX_OK;
    }

    https = 0;

#if (NGX_HTTP_SSL)
    https = (r->connection->ssl != NULL);
#endif

    if (ngx_connection_local_sockaddr(r->connection, NULL, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    port = ngx_inet_get_port(r->connection->local_sockaddr);

    realm->data = ngx_pnalloc(r->pool, sizeof("https://:65535")
                                       + cscf->server_name.len
                                       + rtcf->endpoint.len);
    if (realm->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(realm->data, "http%s://%V", https ? "s" : "",
                    &cscf->server_name);

    /* a Unix socket has none */

    if (port && port != (https ? 443u : 80u)) {
        p = ngx_sprintf(p, ":%ui", port);
    }

    p = ngx_sprintf(p, "%V", &rtcf->endpoint);

    realm->len = (size_t) (p - realm->data);

    return NGX_OK;
}


ngx_uint_t
ngx_http_registry_token_host_ok(ngx_http_core_srv_conf_t *cscf)
{
    size_t      i;
    u_char      c;
    ngx_str_t  *name;

    name = &cscf->server_name;

    /* "_", "*.example.org", ".example.org" and expressions are none */

    if (name->len == 0 || name->data[0] == '.') {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9') && c != '.' && c != '-' && c != ':'
            && c != '[' && c != ']')
        {
            return 0;
        }
    }

    return 1;
}
