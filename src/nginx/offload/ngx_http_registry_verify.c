/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The directive "registry_verify_url", for an edge or a shield: what another
 * nginx has signed with "sign hmac" is served, and nothing else.  A refusal
 * never asks for credentials, which a client would send.
 */

#include "ngx_http_registry_offload.h"


static ngx_int_t ngx_http_registry_verify(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_cdn_t *cdn);
static ngx_int_t ngx_http_registry_verify_signature(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_cdn_t *cdn,
    reg_claims_t *claims, reg_str_t *plain);
static ngx_http_registry_sign_t *ngx_http_registry_verify_sign(
    ngx_http_registry_cdn_t *cdn);


char *
ngx_http_registry_verify_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_offload_conf_t *olcf = conf;

    ngx_str_t                              *value;
    ngx_http_registry_offload_main_conf_t  *omcf;

    if (olcf->verify != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        olcf->verify = NULL;
        return NGX_CONF_OK;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_registry_offload_module);

    olcf->verify = ngx_http_registry_cdn_find(omcf, &value[1]);

    if (olcf->verify == NULL
        || ngx_http_registry_verify_sign(olcf->verify) == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           olcf->verify
                           ? "the cdn \"%V\" in \"registry_verify_url\" has no "
                             "\"sign hmac\""
                           : "there is no cdn \"%V\" for "
                             "\"registry_verify_url\"; \"registry_cdn\" must "
                             "come first", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_registry_verify_handler(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t           *ctx;
    ngx_http_registry_offload_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_offload_module);

    if (olcf->verify == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* an internal redirect of what was good; the signature is gone by now */

    if (ctx->verified == olcf->verify) {
        return NGX_OK;
    }

    return ngx_http_registry_verify(r, ctx, olcf->verify);
}


/*
 * From here on it is a pull of who is named in the URL.  The signature is taken
 * off, so that no cache, no log of another and no backend sees it, and so
 * is what somebody has put behind it.
 */

static ngx_int_t
ngx_http_registry_verify(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_cdn_t *cdn)
{
    ngx_int_t      rc;
    reg_str_t      plain;
    reg_claims_t   claims;

    ctx->guarded = 1;

    rc = ngx_http_registry_verify_signature(r, ctx, cdn, &claims, &plain);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_registry_refuse(r, ctx, REG_REASON_SIGNATURE);
    }

    ctx->verified = cdn;

    ctx->parsed = 1;
    ctx->rc = REG_ROUTE_OK;
    ctx->route.method = REG_METHOD_GET;
    ctx->route.resource = REG_RESOURCE_BLOB;
    ctx->route.operation = REG_OP_PULL;
    ctx->route.repository = claims.repository;
    ctx->anonymous_tenant = ngx_http_registry_ngx_str(claims.tenant);

    ctx->decided = 1;
    ctx->decision.verdict = REG_ALLOW;
    ctx->decision.reason = REG_REASON_GRANTED;

    ctx->blob_route = cdn->name;

    r->args = ngx_http_registry_ngx_str(plain);

    r->unparsed_uri.len = ctx->path.len;

    if (plain.len) {
        r->unparsed_uri.len += 1 + plain.len;
    }

    return NGX_OK;
}


/* NGX_OK, NGX_DECLINED, or NGX_ERROR when memory ran out. */

static ngx_int_t
ngx_http_registry_verify_signature(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_cdn_t *cdn,
    reg_claims_t *claims, reg_str_t *plain)
{
    u_char                    *p, *buf;
    reg_rc_t                   rc;
    reg_url_t                  url;
    ngx_str_t                  text;
    ngx_http_registry_sign_t  *sign;

    ngx_http_registry_watch(ngx_http_get_module_main_conf(r,
                                                   ngx_http_registry_module));

    ctx->path = ctx->target;

    p = ctx->target.len ? memchr(ctx->target.data, '?', ctx->target.len)
                        : NULL;

    if (p == NULL || r->method != NGX_HTTP_GET) {
        rc = REG_NOTFOUND;
        goto refused;
    }

    ctx->path.len = (size_t) (p - ctx->target.data);
    ctx->args.data = p + 1;
    ctx->args.len = ctx->target.len - ctx->path.len - 1;

    buf = ngx_pnalloc(r->pool, ctx->args.len + 1);

    if (buf == NULL || ngx_http_complex_value(r, cdn->url, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the name that it was signed for is the one of this cdn, here as there */

    if (reg_url_parse(&url, ngx_http_registry_str(text), NULL) != REG_OK) {
        rc = REG_INVALID;
        goto refused;
    }

    sign = ngx_http_registry_verify_sign(cdn);

    rc = reg_signer_verify(ngx_http_registry_cdn_signer(cdn, sign,
                                                        r->connection->log),
                           url.authority, ngx_http_registry_str(ctx->path),
                           ngx_http_registry_str(ctx->args), ngx_time(),
                           claims, plain, buf);

    if (rc == REG_OK) {
        return NGX_OK;
    }

refused:

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "registry: denied: reason signature, cdn \"%V\": %s",
                  &cdn->name,
                  r->method != NGX_HTTP_GET ? "only GET is signed"
                  : rc == REG_NOTFOUND ? "there is no signature"
                  : rc == REG_ERROR ? "it has expired"
                  : "the signature is wrong");

    return NGX_DECLINED;
}


static ngx_http_registry_sign_t *
ngx_http_registry_verify_sign(ngx_http_registry_cdn_t *cdn)
{
    /* the inner one, if there are two */

    return (cdn->nsigns && cdn->signs[0].hmac) ? &cdn->signs[0] : NULL;
}
