/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Signed URLs.  Time goes in steps, so that a blob has the same URL for a
 * while: that costs a look at those that are remembered, whatever the scheme,
 * and is one object for caches on the way.  A URL is good for ttl at least,
 * whenever in a step it is handed out, unless the key itself ends earlier.
 */

#include "ngx_http_registry_count.h"
#include "ngx_http_registry_offload.h"

#define NGX_HTTP_REGISTRY_STEP_MAX     300      /* seconds */

/* A key that ends so soon makes URLs that are no use to a client. */

#define NGX_HTTP_REGISTRY_KEY_LEFT     60       /* seconds */


static ngx_int_t ngx_http_registry_cdn_times(ngx_http_request_t *r,
    ngx_http_registry_cdn_t *cdn, reg_claims_t *claims);
static ngx_int_t ngx_http_registry_cdn_sign(ngx_http_request_t *r,
    ngx_http_registry_cdn_t *cdn, ngx_str_t *url, const reg_claims_t *claims,
    u_char *out, size_t *len);


ngx_int_t
ngx_http_registry_cdn_url(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_cdn_t *cdn, ngx_str_t *url)
{
    size_t        len;
    u_char        out[REG_SIGNED_URL_MAX];
    ngx_uint_t    count;
    ngx_int_t     rc;
    ngx_str_t     plain, text;
    reg_claims_t  claims;

    if (ngx_http_complex_value(r, cdn->url, &plain) != NGX_OK) {
        return NGX_ERROR;
    }

    claims.tenant = ngx_http_registry_str(
                                        ngx_http_registry_offload_tenant(ctx));
    claims.repository = ctx->route.repository;

    rc = ngx_http_registry_cdn_times(r, cdn, &claims);
    if (rc != NGX_OK) {
        return rc;
    }

    count = NGX_HTTP_REGISTRY_COUNT_SIGNED_BEFORE;

    if (ngx_http_registry_signed_find(cdn->cache, &ctx->offload->key, &plain,
                                      &claims, &text)
        != NGX_OK)
    {
        rc = ngx_http_registry_cdn_sign(r, cdn, &plain, &claims, out, &len);
        if (rc != NGX_OK) {
            return rc;
        }

        text = (ngx_str_t) { len, out };
        count = NGX_HTTP_REGISTRY_COUNT_SIGNED;

        ngx_http_registry_signed_put(cdn->cache, &ctx->offload->key, &plain,
                                     &claims, &text);
    }

    /* by the outer scheme, that of the CDN */

    if (cdn->nsigns) {
        ngx_http_registry_count_of(count
                    + reg_signer_scheme(cdn->signs[cdn->nsigns - 1].signer));
    }

    url->len = text.len;
    url->data = ngx_pstrdup(r->pool, &text);

    return url->data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_registry_cdn_times(ngx_http_request_t *r,
    ngx_http_registry_cdn_t *cdn, reg_claims_t *claims)
{
    time_t         now, step;
    int64_t        ends;
    ngx_uint_t     i;
    reg_signer_t  *signer;

    now = ngx_time();
    step = ngx_min(cdn->ttl / 4, NGX_HTTP_REGISTRY_STEP_MAX);

    claims->issued = now - now % step;
    claims->expires = claims->issued + step + cdn->ttl;

    for (i = 0; i < cdn->nsigns; i++) {

        signer = ngx_http_registry_cdn_signer(cdn, &cdn->signs[i],
                                              r->connection->log);
        ends = reg_signer_expires(signer);

        if (ends < now + NGX_HTTP_REGISTRY_KEY_LEFT) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "registry: the key of the cdn \"%V\" in \"%V\" has "
                          "expired, or will in a minute", &cdn->name,
                          &cdn->signs[i].secret->path);
            return NGX_DECLINED;
        }

        claims->expires = ngx_min(claims->expires, ends);
    }

    return NGX_OK;
}


reg_signer_t *
ngx_http_registry_cdn_signer(ngx_http_registry_cdn_t *cdn,
    ngx_http_registry_sign_t *sign, ngx_log_t *log)
{
    reg_error_t  error;

    if (sign->version == sign->secret->version) {
        return sign->signer;
    }

    sign->version = sign->secret->version;

    if (reg_signer_key(sign->signer,
                       ngx_http_registry_str(sign->secret->value), &error)
        != REG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "registry: the new key in \"%V\" cannot be used: %s",
                      &sign->secret->path, error.text);
    }

    ngx_http_registry_signed_flush(cdn->cache);

    return sign->signer;
}


static ngx_int_t
ngx_http_registry_cdn_sign(ngx_http_request_t *r, ngx_http_registry_cdn_t *cdn,
    ngx_str_t *url, const reg_claims_t *claims, u_char *out, size_t *len)
{
    u_char       inner[REG_SIGNED_URL_MAX];
    reg_str_t    text;
    ngx_uint_t   i;
    reg_error_t  error;

    text = ngx_http_registry_str(*url);

    for (i = 0; i < cdn->nsigns; i++) {

        if (reg_signer_sign(cdn->signs[i].signer, text, claims, out, len,
                            &error)
            != REG_OK)
        {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "registry: the url of the cdn \"%V\" cannot be "
                          "signed: %s", &cdn->name, error.text);
            return NGX_DECLINED;
        }

        ngx_memcpy(inner, out, *len);
        text = (reg_str_t) { *len, inner };
    }

    return NGX_OK;
}
