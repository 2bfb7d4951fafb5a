/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* The directive "registry_oidc". */

#include "ngx_http_registry_oidc.h"


static char *ngx_http_registry_oidc_jwks(ngx_conf_t *cf,
    ngx_http_registry_oidc_t *oidc, ngx_str_t *value);
static ngx_uint_t ngx_http_registry_oidc_uri_ok(ngx_str_t *uri);


char *
ngx_http_registry_oidc(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_token_conf_t *rtcf = conf;

    ngx_str_t                 *value, s;
    ngx_uint_t                 i;
    ngx_http_registry_oidc_t  *oidc;

    value = cf->args->elts;

    if (reg_label_check(ngx_http_registry_str(value[1])) != REG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid issuer \"%V\", it must match "
                           "[a-z0-9][a-z0-9._-]{0,62}", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (rtcf->oidc == NULL) {
        rtcf->oidc = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_registry_oidc_t));
        if (rtcf->oidc == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    oidc = rtcf->oidc->elts;

    for (i = 0; i < rtcf->oidc->nelts; i++) {

        if (oidc[i].name.len == value[1].len
            && ngx_strncmp(oidc[i].name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate issuer \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    oidc = ngx_array_push(rtcf->oidc);
    if (oidc == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(oidc, sizeof(ngx_http_registry_oidc_t));

    oidc->name = value[1];
    oidc->refresh = NGX_HTTP_REGISTRY_OIDC_REFRESH;

    if (cf->args->nelts == 4) {

        s.data = value[3].data + 8;
        s.len = value[3].len - 8;

        if (ngx_strncmp(value[3].data, "refresh=", 8) == 0) {
            oidc->refresh = ngx_parse_time(&s, 1);

        } else {
            oidc->refresh = NGX_ERROR;
        }

        if (oidc->refresh < 1 || oidc->refresh > 86400) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"registry_oidc\", it must "
                               "be \"refresh=\" with a time from 1s to 1d",
                               &value[3]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_registry_oidc_jwks(cf, oidc, &value[2]);
}


static char *
ngx_http_registry_oidc_jwks(ngx_conf_t *cf, ngx_http_registry_oidc_t *oidc,
    ngx_str_t *value)
{
    ngx_str_t                       path;
    ngx_http_registry_main_conf_t  *rmcf;

    if (ngx_strncmp(value->data, "jwks=file:", 10) == 0 && value->len > 10) {

        path.data = value->data + 10;
        path.len = value->len - 10;

        rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

        oidc->file = ngx_http_registry_key_file_add(cf, &rmcf->key_files,
                                                    &path, REG_ALG_NONE, 1);

        return oidc->file ? NGX_CONF_OK
                          : "names a file that cannot be used, see above,";
    }

    if (ngx_strncmp(value->data, "jwks=/", 6) == 0) {

        oidc->uri.data = value->data + 5;
        oidc->uri.len = value->len - 5;

        if (ngx_http_registry_oidc_uri_ok(&oidc->uri)) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" in \"registry_oidc\", it must be "
                       "\"jwks=file:\" with a path, or \"jwks=\" with the path "
                       "of a location, without variables", value);

    return NGX_CONF_ERROR;
}


/* Nothing of a request may choose whom to ask. */

static ngx_uint_t
ngx_http_registry_oidc_uri_ok(ngx_str_t *uri)
{
    u_char  *p;
    size_t   i;

    for (i = 0; i < uri->len; i++) {

        if (uri->data[i] <= 0x20 || uri->data[i] > 0x7e
            || ngx_strchr("$?#%\\", uri->data[i]))
        {
            return 0;
        }
    }

    for (p = uri->data; p[0]; p++) {

        if (p[0] == '/' && (p[1] == '/' || p[1] == '.')) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_http_registry_oidc_trust(ngx_conf_t *cf, ngx_http_registry_trust_t *trust,
    ngx_array_t *oidc)
{
    ngx_uint_t                 i;
    ngx_http_registry_oidc_t  *from, *to;

    if (oidc == NULL) {
        return NGX_OK;
    }

    trust->oidc = ngx_array_create(cf->pool, oidc->nelts,
                                   sizeof(ngx_http_registry_oidc_t));
    if (trust->oidc == NULL) {
        return NGX_ERROR;
    }

    from = oidc->elts;

    for (i = 0; i < oidc->nelts; i++) {
        to = ngx_array_push(trust->oidc);
        *to = from[i];

        if (to->file) {
            continue;
        }

        to->remote = ngx_http_registry_remote_create(cf, trust, to);
        if (to->remote == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
