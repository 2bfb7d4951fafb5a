/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "reg_siphash.h"

#include "ngx_http_registry_memo.h"

/*
 * An array of sets that are searched one by one: nothing to rehash, and the
 * least recently used of a full set makes room.
 */

#define NGX_HTTP_REGISTRY_MEMO_SETS  4096
#define NGX_HTTP_REGISTRY_MEMO_WAYS  4


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


static ngx_http_registry_memo_entry_t *ngx_http_registry_memo_search(
    ngx_http_registry_memo_t *memo, reg_siphash_t hash);
static void ngx_http_registry_memo_forget(
    ngx_http_registry_memo_entry_t *entry);
static void ngx_http_registry_memo_cleanup(void *data);


static ngx_inline ngx_http_registry_memo_entry_t *
ngx_http_registry_memo_set(ngx_http_registry_memo_t *memo, reg_siphash_t hash)
{
    return &memo->entries[(hash.lo % NGX_HTTP_REGISTRY_MEMO_SETS)
                          * NGX_HTTP_REGISTRY_MEMO_WAYS];
}


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


ngx_http_registry_identity_t *
ngx_http_registry_memo_find(ngx_http_registry_memo_t *memo, reg_str_t text,
    uint64_t generation)
{
    ngx_http_registry_memo_entry_t  *entry;

    entry = ngx_http_registry_memo_search(memo, reg_siphash(memo->key, text));

    if (entry == NULL || entry->generation != generation || generation == 0) {
        return NULL;
    }

    entry->used = ++memo->tick;
    entry->identity->refs++;

    return entry->identity;
}


void
ngx_http_registry_memo_put(ngx_http_registry_memo_t *memo, reg_str_t text,
    uint64_t generation, ngx_http_registry_identity_t *identity)
{
    ngx_uint_t                       i;
    reg_siphash_t                    hash;
    ngx_http_registry_memo_entry_t  *set, *entry;

    hash = reg_siphash(memo->key, text);
    entry = ngx_http_registry_memo_search(memo, hash);

    if (entry == NULL) {

        set = ngx_http_registry_memo_set(memo, hash);
        entry = set;

        for (i = 1; i < NGX_HTTP_REGISTRY_MEMO_WAYS; i++) {
            if (set[i].used < entry->used) {
                entry = &set[i];
            }
        }
    }

    identity->refs++;

    ngx_http_registry_memo_forget(entry);

    entry->hash = hash;
    entry->generation = generation;
    entry->used = ++memo->tick;
    entry->identity = identity;
}


void
ngx_http_registry_memo_drop(ngx_http_registry_memo_t *memo, reg_str_t text)
{
    ngx_http_registry_memo_entry_t  *entry;

    entry = ngx_http_registry_memo_search(memo, reg_siphash(memo->key, text));

    if (entry) {
        ngx_http_registry_memo_forget(entry);
    }
}


ngx_http_registry_identity_t *
ngx_http_registry_identity_wrap(reg_identity_t *identity)
{
    ngx_http_registry_identity_t  *wrap;

    wrap = ngx_calloc(sizeof(ngx_http_registry_identity_t), ngx_cycle->log);

    if (wrap == NULL) {
        reg_identity_free(identity);
        return NULL;
    }

    wrap->identity = identity;
    wrap->refs = 1;

    return wrap;
}


ngx_http_registry_identity_t *
ngx_http_registry_identity_wrap_token(reg_token_t *token)
{
    ngx_http_registry_identity_t  *wrap;

    wrap = ngx_calloc(sizeof(ngx_http_registry_identity_t), ngx_cycle->log);

    if (wrap == NULL) {
        free(token);
        return NULL;
    }

    wrap->token = token;
    wrap->refs = 1;

    return wrap;
}


ngx_http_registry_identity_t *
ngx_http_registry_identity_join(ngx_http_registry_identity_t *who,
    ngx_http_registry_identity_t *what)
{
    ngx_http_registry_identity_t  *wrap;

    wrap = ngx_alloc(sizeof(ngx_http_registry_identity_t), ngx_cycle->log);

    if (wrap == NULL) {
        return NULL;
    }

    wrap->identity = who->identity;
    wrap->token = what->token;
    wrap->refs = 1;
    wrap->who = who;
    wrap->what = what;

    who->refs++;
    what->refs++;

    return wrap;
}


void
ngx_http_registry_identity_release(ngx_http_registry_identity_t *identity)
{
    if (--identity->refs) {
        return;
    }

    if (identity->who) {
        ngx_http_registry_identity_release(identity->who);
        ngx_http_registry_identity_release(identity->what);

    } else {
        reg_identity_free(identity->identity);
        free(identity->token);
    }

    ngx_free(identity);
}


static ngx_http_registry_memo_entry_t *
ngx_http_registry_memo_search(ngx_http_registry_memo_t *memo,
    reg_siphash_t hash)
{
    ngx_uint_t                       i;
    ngx_http_registry_memo_entry_t  *set;

    set = ngx_http_registry_memo_set(memo, hash);

    for (i = 0; i < NGX_HTTP_REGISTRY_MEMO_WAYS; i++) {
        if (set[i].hash.lo == hash.lo && set[i].hash.hi == hash.hi
            && set[i].identity)
        {
            return &set[i];
        }
    }

    return NULL;
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
