/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_auth.h"
#include "ngx_http_registry_token.h"


static ngx_int_t ngx_http_registry_auth_basic(ngx_http_request_t *r,
    ngx_http_registry_auth_conf_t *racf, ngx_str_t *value);
static ngx_int_t ngx_http_registry_auth_bearer(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_auth_conf_t *racf,
    ngx_str_t *realm, ngx_str_t *value);
static ngx_int_t ngx_http_registry_auth_realm(ngx_http_request_t *r,
    ngx_http_registry_auth_conf_t *racf, ngx_str_t *realm);
static const char *ngx_http_registry_auth_error(ngx_http_registry_ctx_t *ctx);
static u_char *ngx_http_registry_auth_bearer_scope(
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_loc_conf_t *rlcf,
    u_char *p);


static ngx_inline ngx_uint_t
ngx_http_registry_is_url(ngx_str_t *s)
{
    return s->len >= 8 && (ngx_strncmp(s->data, "http://", 7) == 0
                           || ngx_strncmp(s->data, "https://", 8) == 0);
}


/* One challenge, never two: with two, clients read the wrong one. */

ngx_int_t
ngx_http_registry_auth_challenge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_str_t                       value, realm;
    ngx_table_elt_t                *h;
    ngx_http_registry_auth_conf_t  *racf;

    racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);

    if (ngx_http_registry_auth_realm(r, racf, &realm) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = realm.len ? ngx_http_registry_auth_bearer(r, ctx, racf, &realm,
                                                   &value)
                   : ngx_http_registry_auth_basic(r, racf, &value);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->challenge) {

        /* of a location that error_page has left */

        ctx->challenge->hash = 0;
    }

    h = ngx_http_registry_add_header(r,
                                     NGX_HTTP_REGISTRY_STR("WWW-Authenticate"),
                                     value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.www_authenticate = h;
    ctx->challenge = h;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_auth_basic(ngx_http_request_t *r,
    ngx_http_registry_auth_conf_t *racf, ngx_str_t *value)
{
    value->data = ngx_pnalloc(r->pool, sizeof("Basic realm=\"\"")
                                       + racf->realm.len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "Basic realm=\"%V\"", &racf->realm)
                 - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_auth_bearer(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_auth_conf_t *racf,
    ngx_str_t *realm, ngx_str_t *value)
{
    size_t                           len;
    u_char                          *p;
    ngx_str_t                       *service;
    const char                      *error;
    ngx_http_registry_loc_conf_t    *rlcf;
    ngx_http_registry_token_conf_t  *rtcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);
    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    /* where the server makes tokens they say whom they are for */

    service = (racf->service.len || rtcf->endpoint.len == 0) ? &racf->service
                                                             : &rtcf->issuer;

    len = sizeof("Bearer realm=\"\",service=\"\",scope=\"\"")
          + sizeof(",error=\"insufficient_scope\"")
          + realm->len + service->len
          + sizeof("repository::pull,push repository::pull")
          + ctx->route.repository.len + ctx->query.from.len
          + rlcf->api_scope.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    p = ngx_sprintf(p, "Bearer realm=\"%V\"", realm);

    if (service->len) {
        p = ngx_sprintf(p, ",service=\"%V\"", service);
    }

    p = ngx_http_registry_auth_bearer_scope(ctx, rlcf, p);

    error = ngx_http_registry_auth_error(ctx);

    if (error) {
        p = ngx_sprintf(p, ",error=\"%s\"", error);
    }

    value->len = (size_t) (p - value->data);

    return NGX_OK;
}


/* Empty where the challenge is Basic. */

static ngx_int_t
ngx_http_registry_auth_realm(ngx_http_request_t *r,
    ngx_http_registry_auth_conf_t *racf, ngx_str_t *realm)
{
    ngx_http_registry_token_conf_t  *rtcf;

    ngx_str_null(realm);

    switch (racf->challenge) {

    case NGX_HTTP_REGISTRY_CHALLENGE_BASIC:
        return NGX_OK;

    case NGX_HTTP_REGISTRY_CHALLENGE_BEARER:
        *realm = racf->realm;
        return NGX_OK;
    }

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    if (rtcf->endpoint.len && ngx_http_registry_is_url(&racf->realm)) {
        *realm = racf->realm;
        return NGX_OK;
    }

    return ngx_http_registry_token_realm(r, realm);
}


/* RFC 6750 section 3.1. */

static const char *
ngx_http_registry_auth_error(ngx_http_registry_ctx_t *ctx)
{
    switch (ctx->decision.reason) {

    case REG_REASON_TOKEN:
    case REG_REASON_TOKEN_EXPIRED:
        return "invalid_token";

    case REG_REASON_TOKEN_SCOPE:
        return "insufficient_scope";

    default:
        return NULL;
    }
}


static u_char *
ngx_http_registry_auth_bearer_scope(ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_loc_conf_t *rlcf, u_char *p)
{
    reg_route_t  *route;
    const char   *actions;

    route = &ctx->route;

    if (rlcf->registry == NGX_HTTP_REGISTRY_API) {
        return ngx_sprintf(p, ",scope=\"%V\"", &rlcf->api_scope);
    }

    if (route->resource == REG_RESOURCE_CATALOG) {
        return ngx_cpymem(p, ",scope=\"registry:catalog:*\"",
                          sizeof(",scope=\"registry:catalog:*\"") - 1);
    }

    if (route->repository.len == 0) {
        return p;
    }

    /* who pushes asks what is there already */

    actions = (route->actions & REG_ACTION_PULL) ? "pull"
              : (route->actions & REG_ACTION_PUSH) ? "pull,push"
              : "delete";

    p = ngx_sprintf(p, ",scope=\"repository:%*s:%s", route->repository.len,
                    route->repository.data, actions);

    if (route->operation == REG_OP_MOUNT && ctx->query.from.len) {
        p = ngx_sprintf(p, " repository:%*s:pull", ctx->query.from.len,
                        ctx->query.from.data);
    }

    *p++ = '"';

    return p;
}


char *
ngx_http_registry_challenge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_auth_conf_t *racf = conf;

    size_t       k;
    ngx_str_t   *value, *target;
    ngx_uint_t   i;

    if (racf->challenge != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "auto") == 0) {
        racf->challenge = NGX_HTTP_REGISTRY_CHALLENGE_AUTO;

    } else if (ngx_strcmp(value[1].data, "bearer") == 0) {
        racf->challenge = NGX_HTTP_REGISTRY_CHALLENGE_BEARER;

    } else if (ngx_strcmp(value[1].data, "basic") == 0) {
        racf->challenge = NGX_HTTP_REGISTRY_CHALLENGE_BASIC;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid challenge \"%V\" in \"registry_challenge\","
                           " it must be \"auto\", \"bearer\" or \"basic\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "realm=", 6) == 0) {
            target = &racf->realm;
            k = 6;

        } else if (ngx_strncmp(value[i].data, "service=", 8) == 0) {
            target = &racf->service;
            k = 8;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"registry_challenge\", it must be \"realm=\" "
                               "or \"service=\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (target->data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        target->data = value[i].data + k;
        target->len = value[i].len - k;

        for (k = 0; k < target->len; k++) {
            if (target->data[k] < 0x20 || target->data[k] > 0x7e
                || target->data[k] == '"' || target->data[k] == '\\')
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "a quote, a backslash or a byte that is not "
                                   "printable in \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }
    }

    if (racf->challenge == NGX_HTTP_REGISTRY_CHALLENGE_BEARER
        && !ngx_http_registry_is_url(&racf->realm))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"registry_challenge "
                           "bearer\" needs the address of a token endpoint, "
                           "\"realm=https://...\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_http_registry_challenge_check(ngx_conf_t *cf,
    ngx_http_registry_auth_conf_t *racf)
{
    ngx_http_core_srv_conf_t        *cscf;
    ngx_http_registry_loc_conf_t    *rlcf;
    ngx_http_registry_token_conf_t  *rtcf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    rlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_registry_module);
    rtcf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_registry_token_module);

    if (rlcf->registry == NGX_HTTP_REGISTRY_OFF
        || rlcf->auth == NGX_HTTP_REGISTRY_AUTH_OFF
        || racf->challenge != NGX_HTTP_REGISTRY_CHALLENGE_AUTO
        || rtcf->endpoint.len == 0
        || ngx_http_registry_is_url(&racf->realm)
        || ngx_http_registry_token_host_ok(cscf))
    {
        return;
    }

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "clients cannot be sent to \"%V\": the server has no "
                       "\"server_name\" that is a host, nor has "
                       "\"registry_challenge\" a \"realm=https://...\"",
                       &rtcf->endpoint);
}
