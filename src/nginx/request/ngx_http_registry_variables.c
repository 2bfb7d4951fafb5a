/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Variables speak of the client request: in a subrequest, too, and after an
 * internal redirect.  None is cacheable, because subrequests share the cache
 * and most values come into being while the request goes on.
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_limit.h"


/* Finds the value; s->data stays NULL where there is none. */

typedef void (*ngx_http_registry_value_pt)(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);

typedef struct {
    ngx_str_t                   name;
    ngx_http_registry_value_pt  value;
} ngx_http_registry_variable_t;


static ngx_int_t ngx_http_registry_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_registry_digest_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_registry_label_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_registry_ctx_t *ngx_http_registry_variable_ctx(
    ngx_http_request_t *r);
static void ngx_http_registry_set_variable(ngx_http_variable_value_t *v,
    ngx_str_t s);
static void ngx_http_registry_operation(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_repository(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_reference(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_digest_algorithm(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_digest_hex(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_digest_prefix(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_tenant(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_key_id(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_subject(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_rule(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_decision(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_reason(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_limit_status(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_limit_name(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static void ngx_http_registry_route(ngx_http_registry_ctx_t *ctx,
    ngx_str_t *s);
static ngx_int_t ngx_http_registry_size_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_registry_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_registry_bypass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_registry_variable_t  ngx_http_registry_variables[] = {

    { ngx_string("registry_operation"), ngx_http_registry_operation },
    { ngx_string("registry_repository"), ngx_http_registry_repository },
    { ngx_string("registry_reference"), ngx_http_registry_reference },
    { ngx_string("registry_digest_algorithm"),
      ngx_http_registry_digest_algorithm },
    { ngx_string("registry_digest_hex"), ngx_http_registry_digest_hex },
    { ngx_string("registry_digest_prefix"), ngx_http_registry_digest_prefix },
    { ngx_string("registry_tenant"), ngx_http_registry_tenant },
    { ngx_string("registry_key_id"), ngx_http_registry_key_id },
    { ngx_string("registry_subject"), ngx_http_registry_subject },
    { ngx_string("registry_oidc_rule"), ngx_http_registry_rule },
    { ngx_string("registry_decision"), ngx_http_registry_decision },
    { ngx_string("registry_reason"), ngx_http_registry_reason },
    { ngx_string("registry_limit_status"), ngx_http_registry_limit_status },
    { ngx_string("registry_limit_name"), ngx_http_registry_limit_name },
    { ngx_string("registry_route"), ngx_http_registry_route },
    { ngx_null_string, NULL }
};


/* These are made for the request. */

static struct {
    ngx_str_t                   name;
    ngx_http_get_variable_pt    get;
} ngx_http_registry_made_variables[] = {

    { ngx_string("registry_digest"), ngx_http_registry_digest_variable },
    { ngx_string("registry_blob_size"), ngx_http_registry_size_variable },
    { ngx_string("registry_cache_key"), ngx_http_registry_key_variable },
    { ngx_string("registry_cache_bypass"),
      ngx_http_registry_bypass_variable },
    { ngx_null_string, NULL }
};

static ngx_str_t  ngx_http_registry_label_prefix =
    ngx_string("registry_label_");


ngx_int_t
ngx_http_registry_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_variable_t           *var;
    ngx_http_registry_variable_t  *v;

    for (v = ngx_http_registry_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_registry_variable;
        var->data = (uintptr_t) v->value;
    }

    for (i = 0; ngx_http_registry_made_variables[i].name.len; i++) {

        var = ngx_http_add_variable(cf,
                                    &ngx_http_registry_made_variables[i].name,
                                    NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_registry_made_variables[i].get;
    }

    var = ngx_http_add_variable(cf, &ngx_http_registry_label_prefix,
                                NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_registry_label_variable;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    s;
    ngx_http_registry_ctx_t     *ctx;
    ngx_http_registry_value_pt   value;

    ngx_str_null(&s);

    ctx = ngx_http_registry_variable_ctx(r);

    if (ctx) {
        value = (ngx_http_registry_value_pt) data;
        value(ctx, &s);
    }

    ngx_http_registry_set_variable(v, s);

    return NGX_OK;
}


/* In the path the colon may be escaped; the value is always canonical. */

static ngx_int_t
ngx_http_registry_digest_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    ngx_str_t                 s;
    reg_digest_t             *digest;
    ngx_http_registry_ctx_t  *ctx;

    ngx_str_null(&s);

    ctx = ngx_http_registry_variable_ctx(r);

    if (ctx && ctx->route.digest.algorithm.len) {

        digest = &ctx->route.digest;

        s.len = digest->algorithm.len + 1 + digest->encoded.len;
        s.data = ngx_pnalloc(r->pool, s.len);
        if (s.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(s.data, digest->algorithm.data, digest->algorithm.len);
        *p++ = ':';
        ngx_memcpy(p, digest->encoded.data, digest->encoded.len);
    }

    ngx_http_registry_set_variable(v, s);

    return NGX_OK;
}


/* Of a blob that a proof is there for; empty if nobody knows it. */

static ngx_int_t
ngx_http_registry_size_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 s;
    ngx_http_registry_ctx_t  *ctx;

    ngx_str_null(&s);

    ctx = ngx_http_registry_variable_ctx(r);

    if (ctx && ctx->blob_size >= 0) {

        s.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (s.data == NULL) {
            return NGX_ERROR;
        }

        s.len = (size_t) (ngx_sprintf(s.data, "%L", ctx->blob_size) - s.data);
    }

    ngx_http_registry_set_variable(v, s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 s;
    ngx_http_registry_ctx_t  *ctx;

    ngx_str_null(&s);

    ctx = ngx_http_registry_variable_ctx(r);

    if (ctx && ctx->parsed
        && ngx_http_registry_cache_key_variable(r, ctx, &s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_registry_set_variable(v, s);

    return NGX_OK;
}


/* "1" or empty, as proxy_cache_bypass and proxy_no_cache read it. */

static ngx_int_t
ngx_http_registry_bypass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 s;
    ngx_http_registry_ctx_t  *ctx;

    ngx_str_null(&s);

    ctx = ngx_http_registry_variable_ctx(r);

    if (ctx && ctx->parsed && ngx_http_registry_cache_bypass(r, ctx)) {
        ngx_str_set(&s, "1");
    }

    ngx_http_registry_set_variable(v, s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_label_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                    i;
    ngx_str_t                *var, s;
    reg_str_t                 name;
    reg_identity_t           *identity;
    ngx_http_registry_ctx_t  *ctx;

    var = (ngx_str_t *) data;

    name.data = var->data + ngx_http_registry_label_prefix.len;
    name.len = var->len - ngx_http_registry_label_prefix.len;

    ngx_str_null(&s);

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ctx->identity) {

        identity = ctx->identity->identity;

        for (i = 0; i < identity->nlabels; i++) {
            if (reg_str_eq(identity->labels[i].name, name)) {
                s = ngx_http_registry_ngx_str(identity->labels[i].value);
                break;
            }
        }
    }

    ngx_http_registry_set_variable(v, s);

    return NGX_OK;
}


/* Parses on first need, so that "map" and "set" may ask early. */

static ngx_http_registry_ctx_t *
ngx_http_registry_variable_ctx(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t       *ctx;
    ngx_http_registry_loc_conf_t  *rlcf;

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && (ctx->parsed || ctx->decided)) {
        return ctx;
    }

    rlcf = ngx_http_get_module_loc_conf(r->main, ngx_http_registry_module);

    if (rlcf->registry != NGX_HTTP_REGISTRY_ON) {
        return ctx;
    }

    ctx = ngx_http_registry_get_ctx(r);

    if (ctx) {
        (void) ngx_http_registry_parse(r, ctx);
    }

    return ctx;
}


static void
ngx_http_registry_set_variable(ngx_http_variable_value_t *v, ngx_str_t s)
{
    if (s.data == NULL) {
        v->not_found = 1;
        return;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = (unsigned) s.len;
    v->data = s.data;
}


static void
ngx_http_registry_operation(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->route.operation != REG_OP_NONE) {
        s->data = (u_char *) reg_operation_name(ctx->route.operation);
        s->len = ngx_strlen(s->data);
    }
}


static void
ngx_http_registry_repository(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    *s = ngx_http_registry_ngx_str(ctx->route.repository);
}


static void
ngx_http_registry_reference(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    *s = ngx_http_registry_ngx_str(ctx->route.reference);
}


static void
ngx_http_registry_digest_algorithm(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    *s = ngx_http_registry_ngx_str(ctx->route.digest.algorithm);
}


static void
ngx_http_registry_digest_hex(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    *s = ngx_http_registry_ngx_str(ctx->route.digest.encoded);
}


static void
ngx_http_registry_digest_prefix(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    *s = ngx_http_registry_ngx_str(ctx->route.digest.encoded);
    s->len = ngx_min(s->len, 2);
}


static void
ngx_http_registry_tenant(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->anonymous_tenant.len) {
        *s = ctx->anonymous_tenant;

    } else if (ctx->identity) {
        *s = ngx_http_registry_ngx_str(ctx->identity->identity->tenant);
    }
}


static void
ngx_http_registry_key_id(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->identity && ctx->identity->identity->key_id.len) {
        *s = ngx_http_registry_ngx_str(ctx->identity->identity->key_id);
    }
}


static void
ngx_http_registry_subject(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->identity && ctx->identity->token
        && ctx->identity->token->sub.len)
    {
        *s = ngx_http_registry_ngx_str(ctx->identity->identity->key_id);
    }
}


static void
ngx_http_registry_rule(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->identity) {
        *s = ngx_http_registry_ngx_str(ctx->identity->identity->rule);
    }
}


static void
ngx_http_registry_decision(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->decided) {
        s->data = (u_char *) reg_verdict_name(ctx->decision.verdict);
        s->len = ngx_strlen(s->data);
    }
}


static void
ngx_http_registry_reason(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->decided) {
        s->data = (u_char *) reg_reason_name(ctx->decision.reason);
        s->len = ngx_strlen(s->data);
    }
}


/* Empty where no limit had anything to do with the request. */

static void
ngx_http_registry_limit_status(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->limited == NULL || ctx->limited->n == 0) {
        return;
    }

    switch (ctx->limited->status) {

    case NGX_HTTP_REGISTRY_LIMIT_PASSED:
        ngx_str_set(s, "passed");
        break;

    case NGX_HTTP_REGISTRY_LIMIT_EXEMPT:
        ngx_str_set(s, "exempt");
        break;

    case NGX_HTTP_REGISTRY_LIMIT_REFUSED_DRY_RUN:
        ngx_str_set(s, "refused_dry_run");
        break;

    case NGX_HTTP_REGISTRY_LIMIT_REFUSED:
        ngx_str_set(s, "refused");
        break;
    }
}


static void
ngx_http_registry_limit_name(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->limited && ctx->limited->by) {
        *s = ctx->limited->by->limit->name;
    }
}


/* Empty for all but the GET of a blob. */

static void
ngx_http_registry_route(ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    if (ctx->blob_route.len) {
        *s = ctx->blob_route;
    }
}
