/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "reg_siphash.h"

#include "ngx_http_registry_identity.h"

/*
 * The memo is an array of sets, searched one by one: nothing to rehash, and
 * the least recently used of a full set makes room.
 */

#define NGX_HTTP_REGISTRY_MEMO_SETS  4096
#define NGX_HTTP_REGISTRY_MEMO_WAYS  4

/* A key takes 100 bytes in base64; the rest is for a long user name. */

#define NGX_HTTP_REGISTRY_CREDENTIAL_MAX  1024


typedef struct {
    reg_siphash_t                  hash;
    uint64_t                       generation;
    uint64_t                       used;        /* tick of the last use */
    ngx_http_registry_identity_t  *identity;    /* NULL: free */
} ngx_http_registry_memo_entry_t;

struct ngx_http_registry_memo_s {
    u_char                           key[REG_SIPHASH_KEY_LEN];
    uint64_t                         tick;
    ngx_http_registry_memo_entry_t  *entries;
};


static ngx_int_t ngx_http_registry_credential(ngx_str_t *authorization,
    u_char *buf, reg_str_t *key);
static void ngx_http_registry_memo_forget(
    ngx_http_registry_memo_entry_t *entry);
static void ngx_http_registry_memo_cleanup(void *data);


ngx_http_registry_memo_t *
ngx_http_registry_memo_create(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_registry_memo_t  *memo;

    memo = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_memo_t));
    if (memo == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    if (RAND_bytes(memo->key, REG_SIPHASH_KEY_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "registry: the random generator failed");
        return NULL;
    }

    /* calloc() takes fresh pages, so a worker pays for what it uses only */

    memo->entries = calloc(NGX_HTTP_REGISTRY_MEMO_SETS
                           * NGX_HTTP_REGISTRY_MEMO_WAYS,
                           sizeof(ngx_http_registry_memo_entry_t));
    if (memo->entries == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_memo_cleanup;
    cln->data = memo;

    return memo;
}


void
ngx_http_registry_memo_flush(ngx_http_registry_memo_t *memo)
{
    ngx_uint_t  i;

    for (i = 0;
         i < NGX_HTTP_REGISTRY_MEMO_SETS * NGX_HTTP_REGISTRY_MEMO_WAYS;
         i++)
    {
        ngx_http_registry_memo_forget(&memo->entries[i]);
    }
}


ngx_int_t
ngx_http_registry_identify(ngx_http_registry_memo_t *memo,
    ngx_http_registry_lookup_t *lookup, ngx_str_t *authorization,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason)
{
    u_char                           buf[NGX_HTTP_REGISTRY_CREDENTIAL_MAX];
    uint64_t                         generation;
    reg_str_t                        key;
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    reg_siphash_t                    hash;
    reg_identity_t                  *found;
    ngx_http_registry_memo_entry_t  *set, *entry, *stale;

    *reason = REG_REASON_MALFORMED;

    if (authorization->len > NGX_HTTP_REGISTRY_CREDENTIAL_MAX) {
        return NGX_DECLINED;
    }

    hash = reg_siphash(memo->key, (reg_str_t) { authorization->len,
                                                authorization->data });

    generation = lookup->store->generation(lookup->store);

    set = &memo->entries[(hash.lo % NGX_HTTP_REGISTRY_MEMO_SETS)
                         * NGX_HTTP_REGISTRY_MEMO_WAYS];
    entry = set;
    stale = NULL;

    for (i = 0; i < NGX_HTTP_REGISTRY_MEMO_WAYS; i++) {

        if (set[i].hash.lo == hash.lo && set[i].hash.hi == hash.hi
            && set[i].identity)
        {
            entry = &set[i];

            if (entry->generation == generation && generation != 0) {
                goto done;
            }

            stale = entry;
            break;
        }

        if (set[i].used < entry->used) {
            entry = &set[i];
        }
    }

    rc = ngx_http_registry_credential(authorization, buf, &key);

    if (rc == NGX_OK) {
        rc = ngx_http_registry_lookup(lookup, key, &found, reason);
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    if (rc != NGX_OK) {

        /* whoever guesses drives nobody out but the key that has gone */

        if (rc == NGX_DECLINED && stale) {
            ngx_http_registry_memo_forget(stale);
        }

        return rc;
    }

    ngx_http_registry_memo_forget(entry);

    entry->identity = ngx_http_registry_identity_wrap(found);

    if (entry->identity == NULL) {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    entry->hash = hash;
    entry->generation = generation;

done:

    entry->used = ++memo->tick;
    entry->identity->refs++;
    *identity = entry->identity;

    return NGX_OK;
}


ngx_http_registry_identity_t *
ngx_http_registry_identity_wrap(reg_identity_t *identity)
{
    ngx_http_registry_identity_t  *wrap;

    wrap = ngx_alloc(sizeof(ngx_http_registry_identity_t), ngx_cycle->log);

    if (wrap == NULL) {
        reg_identity_free(identity);
        return NULL;
    }

    wrap->identity = identity;
    wrap->refs = 1;

    return wrap;
}


void
ngx_http_registry_identity_release(ngx_http_registry_identity_t *identity)
{
    if (--identity->refs == 0) {
        reg_identity_free(identity->identity);
        ngx_free(identity);
    }
}


/*
 * "Bearer <key>", or "Basic <base64 of user:key>" with any user.  buf holds
 * NGX_HTTP_REGISTRY_CREDENTIAL_MAX bytes; key lies in it or in authorization.
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


static void
ngx_http_registry_memo_forget(ngx_http_registry_memo_entry_t *entry)
{
    if (entry->identity) {
        ngx_http_registry_identity_release(entry->identity);
        ngx_memzero(entry, sizeof(ngx_http_registry_memo_entry_t));
    }
}


static void
ngx_http_registry_memo_cleanup(void *data)
{
    ngx_http_registry_memo_t *memo = data;

    ngx_http_registry_memo_flush(memo);
    OPENSSL_cleanse(memo->key, REG_SIPHASH_KEY_LEN);
    free(memo->entries);
}
