/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>

#include "ngx_http_registry_count.h"
#include "ngx_http_registry_token.h"

/* A key takes 100 bytes in base64; the rest is for a long user name. */

#define NGX_HTTP_REGISTRY_CREDENTIAL_MAX  1024

/* A token of REG_JWT_MAX bytes in base64, with a name. */

#define NGX_HTTP_REGISTRY_CREDENTIAL_TOKEN_MAX  12288


static ngx_int_t ngx_http_registry_identify_key(
    ngx_http_registry_identify_t *by, reg_str_t key, uint64_t generation,
    ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_credential(ngx_str_t *authorization,
    u_char *buf, reg_str_t *key);


ngx_http_registry_identity_t *
ngx_http_registry_identify_known(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, ngx_str_t *authorization,
    ngx_atomic_uint_t connection)
{
    reg_str_t                      header;
    ngx_http_registry_identity_t  *identity;

    header.len = authorization->len;
    header.data = authorization->data;

    /* what one server trusts another may not */

    identity = ngx_http_registry_memo_find_sent(
                                       trust ? trust->headers : by->headers,
                                       header,
                                       by->store->generation(by->store),
                                       connection);
    if (identity) {
        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_IDENTITY_WORKER);
    }

    return identity;
}


ngx_int_t
ngx_http_registry_identify(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, ngx_str_t *authorization,
    ngx_http_registry_waiter_t *waiter,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason,
    ngx_log_t *log)
{
    u_char                     buf[NGX_HTTP_REGISTRY_CREDENTIAL_TOKEN_MAX];
    uint64_t                   generation;
    reg_str_t                  header, text;
    ngx_int_t                  rc;
    ngx_http_registry_memo_t  *headers;

    *reason = REG_REASON_MALFORMED;

    if (authorization->len > (trust ? NGX_HTTP_REGISTRY_CREDENTIAL_TOKEN_MAX
                                    : NGX_HTTP_REGISTRY_CREDENTIAL_MAX))
    {
        return NGX_DECLINED;
    }

    header.len = authorization->len;
    header.data = authorization->data;

    headers = trust ? trust->headers : by->headers;
    generation = by->store->generation(by->store);

    *identity = ngx_http_registry_memo_find(headers, header, generation);

    if (*identity) {
        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_IDENTITY_WORKER);
        return NGX_OK;
    }

    if (ngx_http_registry_credential(authorization, buf, &text) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_http_registry_identify_text(by, trust, text, waiter, identity,
                                         reason, log);

    /* what is good for this request only is remembered by none */

    if (rc != NGX_AGAIN) {
        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_IDENTITY_RECORDS);
    }

    if (rc == NGX_OK && !waiter->once) {
        ngx_http_registry_memo_put(headers, header, generation, *identity);

    } else if (rc == NGX_DECLINED) {
        ngx_http_registry_memo_drop(headers, header);
    }

    OPENSSL_cleanse(buf, ngx_min(authorization->len, sizeof(buf)));

    return rc;
}


ngx_int_t
ngx_http_registry_identify_text(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_str_t text,
    ngx_http_registry_waiter_t *waiter,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason,
    ngx_log_t *log)
{
    uint64_t                    generation;
    ngx_http_registry_lookup_t  lookup;

    waiter->once = 0;

    lookup.store = by->store;
    lookup.pepper = by->pepper;
    lookup.waiter = waiter;
    lookup.log = log;

    generation = by->store->generation(by->store);

    if (trust && reg_jwt_looks(text)) {
        return ngx_http_registry_token_identify(by, trust, text, generation,
                                                &lookup, identity, reason);
    }

    return ngx_http_registry_identify_key(by, text, generation, &lookup,
                                          identity, reason);
}


static ngx_int_t
ngx_http_registry_identify_key(ngx_http_registry_identify_t *by,
    reg_str_t key, uint64_t generation, ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason)
{
    ngx_int_t        rc;
    reg_identity_t  *found;

    *identity = ngx_http_registry_memo_find(by->keys, key, generation);

    if (*identity) {
        return NGX_OK;
    }

    rc = ngx_http_registry_lookup(lookup, key, &found, reason);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED) {
            ngx_http_registry_memo_drop(by->keys, key);
        }

        return rc;
    }

    *identity = ngx_http_registry_identity_wrap(found);

    if (*identity == NULL) {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    if (!lookup->waiter->once) {
        ngx_http_registry_memo_put(by->keys, key, generation, *identity);
    }

    return NGX_OK;
}


/*
 * "Bearer <key>", or "Basic <base64 of user:key>" with any user.  buf holds as
 * many bytes as authorization has; key lies in it or in authorization.
 */

static ngx_int_t
ngx_http_registry_credential(ngx_str_t *authorization, u_char *buf,
    reg_str_t *key)
{
    u_char     *p, *last;
    ngx_str_t   encoded, decoded;
    ngx_uint_t  basic;

    p = authorization->data;
    last = p + authorization->len;

    if (authorization->len > 6 && ngx_strncasecmp(p, (u_char *) "basic ", 6)
                                  == 0)
    {
        basic = 1;
        p += 6;

    } else if (authorization->len > 7
               && ngx_strncasecmp(p, (u_char *) "bearer ", 7) == 0)
    {
        basic = 0;
        p += 7;

    } else {
        return NGX_DECLINED;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    if (!basic) {
        key->data = p;
        key->len = (size_t) (last - p);
        return NGX_OK;
    }

    encoded.data = p;
    encoded.len = (size_t) (last - p);
    decoded.data = buf;

    if (ngx_decode_base64(&decoded, &encoded) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_strlchr(decoded.data, decoded.data + decoded.len, ':');

    if (p == NULL) {
        return NGX_DECLINED;
    }

    key->data = p + 1;
    key->len = (size_t) (decoded.data + decoded.len - key->data);

    return NGX_OK;
}
