/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Signed URLs.  Time goes in steps, so that a blob has the same URL for a
 * while: that costs one short hash, whatever the scheme, and is one
 * object for caches on the way.  A URL is good for ttl at least, whenever in
 * a step it is handed out, unless the key itself ends earlier.
 */

#include "ngx_http_registry_offload.h"

#include <openssl/rand.h>

#include "reg_siphash.h"

#define NGX_HTTP_REGISTRY_SIGNED_SETS  512
#define NGX_HTTP_REGISTRY_SIGNED_WAYS  4

#define NGX_HTTP_REGISTRY_STEP_MAX     300      /* seconds */

/* A key that ends so soon makes URLs that are no use to a client. */

#define NGX_HTTP_REGISTRY_KEY_LEFT     60       /* seconds */

typedef struct {
    reg_siphash_t  hash;
    time_t         issued;
    time_t         expires;
    ngx_str_t      url;                         /* owned; NULL: free */
} ngx_http_registry_signed_url_t;

struct ngx_http_registry_signed_s {
    u_char                           secret[REG_SIPHASH_KEY_LEN];
    ngx_log_t                       *log;
    ngx_http_registry_signed_url_t   urls[NGX_HTTP_REGISTRY_SIGNED_SETS]
                                         [NGX_HTTP_REGISTRY_SIGNED_WAYS];
};


static ngx_int_t ngx_http_registry_cdn_times(ngx_http_request_t *r,
    ngx_http_registry_cdn_t *cdn, reg_claims_t *claims);
static ngx_int_t ngx_http_registry_cdn_sign(ngx_http_request_t *r,
    ngx_http_registry_cdn_t *cdn, ngx_str_t *url, const reg_claims_t *claims,
    u_char *out, size_t *len);
static ngx_int_t ngx_http_registry_signed_hash(
    ngx_http_registry_signed_t *cache, ngx_str_t *url,
    const reg_claims_t *claims, reg_siphash_t *hash);
static ngx_http_registry_signed_url_t *ngx_http_registry_signed_find(
    ngx_http_registry_signed_t *cache, reg_siphash_t *hash,
    const reg_claims_t *claims);
static void ngx_http_registry_signed_put(ngx_http_registry_signed_t *cache,
    reg_siphash_t *hash, const reg_claims_t *claims, u_char *url, size_t len);
static void ngx_http_registry_signed_cleanup(void *data);


ngx_int_t
ngx_http_registry_cdn_url(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_cdn_t *cdn, ngx_str_t *url)
{
    size_t                           len;
    u_char                           out[REG_SIGNED_URL_MAX];
    ngx_int_t                        rc;
    ngx_str_t                        plain;
    reg_claims_t                     claims;
    reg_siphash_t                    hash;
    ngx_http_registry_signed_url_t  *known;

    if (ngx_http_complex_value(r, cdn->url, &plain) != NGX_OK) {
        return NGX_ERROR;
    }

    claims.tenant = ngx_http_registry_str(
                                        ngx_http_registry_offload_tenant(ctx));
    claims.repository = ctx->route.repository;

    rc = ngx_http_registry_cdn_times(r, cdn, &claims);

    if (rc != NGX_OK
        || ngx_http_registry_signed_hash(cdn->cache, &plain, &claims, &hash)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    known = ngx_http_registry_signed_find(cdn->cache, &hash, &claims);

    if (known) {
        url->len = known->url.len;
        url->data = ngx_pstrdup(r->pool, &known->url);

        return url->data ? NGX_OK : NGX_ERROR;
    }

    rc = ngx_http_registry_cdn_sign(r, cdn, &plain, &claims, out, &len);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_registry_signed_put(cdn->cache, &hash, &claims, out, len);

    url->len = len;
    url->data = ngx_pnalloc(r->pool, len);

    if (url->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(url->data, out, len);

    return NGX_OK;
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


ngx_http_registry_signed_t *
ngx_http_registry_signed_create(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_registry_signed_t  *cache;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    cache = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_signed_t));

    if (cln == NULL || cache == NULL) {
        return NULL;
    }

    if (RAND_bytes(cache->secret, REG_SIPHASH_KEY_LEN) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "registry: the random generator failed");
        return NULL;
    }

    cache->log = &cf->cycle->new_log;

    cln->handler = ngx_http_registry_signed_cleanup;
    cln->data = cache;

    return cache;
}


/* Everything that goes into a signature but the time and the key. */

static ngx_int_t
ngx_http_registry_signed_hash(ngx_http_registry_signed_t *cache,
    ngx_str_t *url, const reg_claims_t *claims, reg_siphash_t *hash)
{
    u_char      text[REG_SIGNED_URL_MAX];
    reg_text_t  key;

    key = (reg_text_t) { .data = text, .size = sizeof(text) };

    reg_text_number(&key, (int64_t) claims->tenant.len);
    reg_text_byte(&key, ' ');
    reg_text_add(&key, claims->tenant);
    reg_text_number(&key, (int64_t) claims->repository.len);
    reg_text_byte(&key, ' ');
    reg_text_add(&key, claims->repository);
    reg_text_add(&key, ngx_http_registry_str(*url));

    if (key.full) {
        return NGX_DECLINED;
    }

    *hash = reg_siphash(cache->secret, (reg_str_t) { key.len, key.data });

    return NGX_OK;
}


static ngx_http_registry_signed_url_t *
ngx_http_registry_signed_find(ngx_http_registry_signed_t *cache,
    reg_siphash_t *hash, const reg_claims_t *claims)
{
    ngx_uint_t                       i;
    ngx_http_registry_signed_url_t  *url;

    url = cache->urls[hash->lo % NGX_HTTP_REGISTRY_SIGNED_SETS];

    for (i = 0; i < NGX_HTTP_REGISTRY_SIGNED_WAYS; i++) {
        if (url[i].url.data && url[i].hash.lo == hash->lo
            && url[i].hash.hi == hash->hi
            && url[i].issued == (time_t) claims->issued
            && url[i].expires == (time_t) claims->expires)
        {
            return &url[i];
        }
    }

    return NULL;
}


/* Over the one that ends first. */

static void
ngx_http_registry_signed_put(ngx_http_registry_signed_t *cache,
    reg_siphash_t *hash, const reg_claims_t *claims, u_char *text, size_t len)
{
    u_char                          *copy;
    ngx_uint_t                       i;
    ngx_http_registry_signed_url_t  *url, *place;

    copy = ngx_alloc(len, cache->log);
    if (copy == NULL) {
        return;
    }

    ngx_memcpy(copy, text, len);

    url = cache->urls[hash->lo % NGX_HTTP_REGISTRY_SIGNED_SETS];
    place = url;

    for (i = 0; i < NGX_HTTP_REGISTRY_SIGNED_WAYS; i++) {

        if (url[i].url.data == NULL
            || (url[i].hash.lo == hash->lo && url[i].hash.hi == hash->hi))
        {
            place = &url[i];
            break;
        }

        if (url[i].issued < place->issued) {
            place = &url[i];
        }
    }

    if (place->url.data) {
        ngx_free(place->url.data);
    }

    place->hash = *hash;
    place->issued = (time_t) claims->issued;
    place->expires = (time_t) claims->expires;
    place->url.data = copy;
    place->url.len = len;
}


void
ngx_http_registry_signed_flush(ngx_http_registry_signed_t *cache)
{
    ngx_uint_t                       i, n;
    ngx_http_registry_signed_url_t  *url;

    for (n = 0; n < NGX_HTTP_REGISTRY_SIGNED_SETS; n++) {
        url = cache->urls[n];

        for (i = 0; i < NGX_HTTP_REGISTRY_SIGNED_WAYS; i++) {
            if (url[i].url.data) {
                ngx_free(url[i].url.data);
                url[i].url.data = NULL;
            }
        }
    }
}


static void
ngx_http_registry_signed_cleanup(void *data)
{
    ngx_http_registry_signed_flush(data);
}
