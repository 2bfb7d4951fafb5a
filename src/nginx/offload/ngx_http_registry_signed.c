/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * URLs that are signed already, of one CDN and one worker.  They are known by
 * the key of the proof, which stands for the tenant, the repository and the
 * digest that are signed, and by what else there is: the URL, which may depend
 * on anything, and the times.
 */

#include "ngx_http_registry_offload.h"

#define NGX_HTTP_REGISTRY_SIGNED_SETS  512
#define NGX_HTTP_REGISTRY_SIGNED_WAYS  4

typedef struct {
    reg_proof_key_t              key;
    time_t                       issued;
    time_t                       expires;
    ngx_str_t                    plain;      /* owned; NULL: free */
    ngx_str_t                    url;        /* in the same piece of memory */
} ngx_http_registry_signed_url_t;

struct ngx_http_registry_signed_s {
    ngx_log_t                       *log;
    ngx_http_registry_signed_url_t   urls[NGX_HTTP_REGISTRY_SIGNED_SETS]
                                         [NGX_HTTP_REGISTRY_SIGNED_WAYS];
};


static ngx_http_registry_signed_url_t *ngx_http_registry_signed_place(
    ngx_http_registry_signed_url_t *set, const reg_proof_key_t *key,
    ngx_str_t *plain);
static ngx_inline ngx_uint_t ngx_http_registry_signed_is(
    ngx_http_registry_signed_url_t *url, const reg_proof_key_t *key,
    ngx_str_t *plain);
static void ngx_http_registry_signed_cleanup(void *data);


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

    cache->log = &cf->cycle->new_log;

    cln->handler = ngx_http_registry_signed_cleanup;
    cln->data = cache;

    return cache;
}


ngx_int_t
ngx_http_registry_signed_find(ngx_http_registry_signed_t *cache,
    const reg_proof_key_t *key, ngx_str_t *plain, const reg_claims_t *claims,
    ngx_str_t *url)
{
    ngx_uint_t                       i;
    ngx_http_registry_signed_url_t  *set;

    set = cache->urls[key->lo % NGX_HTTP_REGISTRY_SIGNED_SETS];

    for (i = 0; i < NGX_HTTP_REGISTRY_SIGNED_WAYS; i++) {
        if (ngx_http_registry_signed_is(&set[i], key, plain)
            && set[i].issued == (time_t) claims->issued
            && set[i].expires == (time_t) claims->expires)
        {
            *url = set[i].url;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_http_registry_signed_put(ngx_http_registry_signed_t *cache,
    const reg_proof_key_t *key, ngx_str_t *plain, const reg_claims_t *claims,
    ngx_str_t *url)
{
    u_char                          *copy;
    ngx_http_registry_signed_url_t  *place;

    copy = ngx_alloc(plain->len + url->len, cache->log);
    if (copy == NULL) {
        return;
    }

    place = ngx_http_registry_signed_place(
                        cache->urls[key->lo % NGX_HTTP_REGISTRY_SIGNED_SETS],
                        key, plain);

    if (place->plain.data) {
        ngx_free(place->plain.data);
    }

    place->key = *key;
    place->issued = (time_t) claims->issued;
    place->expires = (time_t) claims->expires;
    place->plain = (ngx_str_t) { plain->len, copy };
    place->url = (ngx_str_t) { url->len, copy + plain->len };

    ngx_memcpy(place->plain.data, plain->data, plain->len);
    ngx_memcpy(place->url.data, url->data, url->len);
}


/* An older one of the same, a free one, or the one that ends first. */

static ngx_http_registry_signed_url_t *
ngx_http_registry_signed_place(ngx_http_registry_signed_url_t *set,
    const reg_proof_key_t *key, ngx_str_t *plain)
{
    ngx_uint_t                       i;
    ngx_http_registry_signed_url_t  *place;

    place = set;

    for (i = 0; i < NGX_HTTP_REGISTRY_SIGNED_WAYS; i++) {

        if (ngx_http_registry_signed_is(&set[i], key, plain)) {
            return &set[i];
        }

        if (place->plain.data
            && (set[i].plain.data == NULL || set[i].issued < place->issued))
        {
            place = &set[i];
        }
    }

    return place;
}


static ngx_inline ngx_uint_t
ngx_http_registry_signed_is(ngx_http_registry_signed_url_t *url,
    const reg_proof_key_t *key, ngx_str_t *plain)
{
    return url->plain.data
           && url->key.lo == key->lo && url->key.hi == key->hi
           && url->plain.len == plain->len
           && ngx_memcmp(url->plain.data, plain->data, plain->len) == 0;
}


void
ngx_http_registry_signed_flush(ngx_http_registry_signed_t *cache)
{
    ngx_uint_t                       i, n;
    ngx_http_registry_signed_url_t  *url;

    for (n = 0; n < NGX_HTTP_REGISTRY_SIGNED_SETS; n++) {
        url = cache->urls[n];

        for (i = 0; i < NGX_HTTP_REGISTRY_SIGNED_WAYS; i++) {
            if (url[i].plain.data) {
                ngx_free(url[i].plain.data);
                url[i].plain.data = NULL;
            }
        }
    }
}


static void
ngx_http_registry_signed_cleanup(void *data)
{
    ngx_http_registry_signed_flush(data);
}
