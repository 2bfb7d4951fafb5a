/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_auth.h"


static char *ngx_http_registry_anonymous_tenant(ngx_conf_t *cf,
    ngx_http_registry_auth_conf_t *racf, ngx_str_t *value);
static ngx_uint_t ngx_http_registry_anonymous_wants_tenant(
    ngx_array_t *scopes);
static void ngx_http_registry_anonymous_cleanup(void *data);


char *
ngx_http_registry_anonymous(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_auth_conf_t *racf = conf;

    ngx_str_t   *value;
    reg_str_t   *scope;
    ngx_uint_t   i;

    if (racf->anonymous_scopes != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        racf->anonymous_scopes = NULL;
        return NGX_CONF_OK;
    }

    racf->anonymous_scopes = ngx_array_create(cf->pool, 4, sizeof(reg_str_t));
    if (racf->anonymous_scopes == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "tenant=", 7) == 0) {

            if (ngx_http_registry_anonymous_tenant(cf, racf, &value[i])
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        scope = ngx_array_push(racf->anonymous_scopes);
        if (scope == NULL) {
            return NGX_CONF_ERROR;
        }

        *scope = ngx_http_registry_str(value[i]);
    }

    if (racf->anonymous_scopes->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"registry_anonymous\" needs "
                           "a scope such as \"repository:public/**:pull\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_anonymous_tenant(ngx_conf_t *cf,
    ngx_http_registry_auth_conf_t *racf, ngx_str_t *value)
{
    ngx_str_t                          tenant;
    ngx_http_compile_complex_value_t   ccv;

    if (racf->anonymous_tenant) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate parameter \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    tenant.data = value->data + 7;
    tenant.len = value->len - 7;

    racf->anonymous_tenant = ngx_pcalloc(cf->pool,
                                         sizeof(ngx_http_complex_value_t));
    if (racf->anonymous_tenant == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &tenant;
    ccv.complex_value = racf->anonymous_tenant;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (racf->anonymous_tenant->lengths == NULL
        && reg_label_check(ngx_http_registry_str(tenant)) != REG_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid tenant in \"%V\", it "
                           "must match [a-z0-9][a-z0-9._-]{0,62}", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_registry_anonymous_compile(ngx_conf_t *cf,
    ngx_http_registry_auth_conf_t *conf)
{
    reg_str_t            tenant;
    reg_error_t          error;
    reg_identity_t      *identity;
    ngx_pool_cleanup_t  *cln;

    if (conf->anonymous_scopes == NULL || conf->anonymous) {
        return NGX_CONF_OK;
    }

    tenant = REG_STR_NULL;

    if (conf->anonymous_tenant && conf->anonymous_tenant->lengths == NULL) {
        tenant = ngx_http_registry_str(conf->anonymous_tenant->value);
    }

    if (tenant.len == 0
        && ngx_http_registry_anonymous_wants_tenant(conf->anonymous_scopes))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"{tenant}\" in "
                           "\"registry_anonymous\" needs \"tenant=\" with a "
                           "name, not a variable");
        return NGX_CONF_ERROR;
    }

    if (reg_identity_create_anonymous(&identity, conf->anonymous_scopes->elts,
                                      conf->anonymous_scopes->nelts, tenant,
                                      &error)
        != REG_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "registry_anonymous: %s",
                           error.text);
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        reg_identity_free(identity);
        return NGX_CONF_ERROR;
    }

    conf->anonymous = ngx_http_registry_identity_wrap(identity);
    if (conf->anonymous == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_registry_anonymous_cleanup;
    cln->data = conf->anonymous;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_registry_anonymous_wants_tenant(ngx_array_t *scopes)
{
    reg_str_t   *scope;
    ngx_uint_t   i;

    scope = scopes->elts;

    for (i = 0; i < scopes->nelts; i++) {

        /* arguments of a directive end with a NUL */

        if (ngx_strstr(scope[i].data, REG_PATTERN_TENANT) != NULL) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_registry_anonymous_cleanup(void *data)
{
    ngx_http_registry_identity_release(data);
}
