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

/* Shorter text is hashed as fast as it is compared: API keys are. */

#define NGX_HTTP_REGISTRY_MEMO_LONG  192
#define NGX_HTTP_REGISTRY_MEMO_SENT  64         /* connections */


typedef struct {
    reg_siphash_t                  hash;
    uint64_t                       generation;
    uint64_t                       used;        /* tick of the last use */
    ngx_http_registry_identity_t  *identity;    /* NULL: free */
} ngx_http_registry_memo_entry_t;

/* What a connection has sent last. */

typedef struct {
    ngx_atomic_uint_t              connection;
    reg_str_t                      text;        /* owned */
    uint64_t                       generation;
    ngx_http_registry_identity_t  *identity;    /* NULL: free */
} ngx_http_registry_memo_sent_t;

struct ngx_http_registry_memo_s {
    u_char                           key[REG_SIPHASH_KEY_LEN];
    uint64_t                         tick;
    ngx_http_registry_memo_entry_t  *entries;
    ngx_http_registry_memo_sent_t    sent[NGX_HTTP_REGISTRY_MEMO_SENT];
};


static ngx_http_registry_memo_entry_t *ngx_http_registry_memo_search(
    ngx_http_registry_memo_t *memo, reg_siphash_t hash);
static void ngx_http_registry_memo_forget(
    ngx_http_registry_memo_entry_t *entry);
static void ngx_http_registry_memo_send(ngx_http_registry_memo_sent_t *sent,
    ngx_atomic_uint_t connection, reg_str_t text, uint64_t generation,
    ngx_http_registry_identity_t *identity);
static void ngx_http_registry_memo_unsend(ngx_http_registry_memo_sent_t *sent);
static ngx_uint_t ngx_http_registry_memo_same(reg_str_t a, reg_str_t b);
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

    for (i = 0; i < NGX_HTTP_REGISTRY_MEMO_SENT; i++) {
        ngx_http_registry_memo_unsend(&memo->sent[i]);
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


ngx_http_registry_identity_t *
ngx_http_registry_memo_find_sent(ngx_http_registry_memo_t *memo,
    reg_str_t text, uint64_t generation, ngx_atomic_uint_t connection)
{
    ngx_http_registry_identity_t   *identity;
    ngx_http_registry_memo_sent_t  *sent;

    if (text.len < NGX_HTTP_REGISTRY_MEMO_LONG || generation == 0) {
        return ngx_http_registry_memo_find(memo, text, generation);
    }

    sent = &memo->sent[connection % NGX_HTTP_REGISTRY_MEMO_SENT];

    if (sent->identity && sent->connection == connection
        && sent->generation == generation
        && ngx_http_registry_memo_same(sent->text, text))
    {
        sent->identity->refs++;
        return sent->identity;
    }

    identity = ngx_http_registry_memo_find(memo, text, generation);

    if (identity) {
        ngx_http_registry_memo_send(sent, connection, text, generation,
                                    identity);
    }

    return identity;
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
    ngx_uint_t                       i;
    ngx_http_registry_memo_entry_t  *entry;

    entry = ngx_http_registry_memo_search(memo, reg_siphash(memo->key, text));

    if (entry) {
        ngx_http_registry_memo_forget(entry);
    }

    for (i = 0; i < NGX_HTTP_REGISTRY_MEMO_SENT; i++) {
        if (ngx_http_registry_memo_same(memo->sent[i].text, text)) {
            ngx_http_registry_memo_unsend(&memo->sent[i]);
        }
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


/* Without memory for it, nothing but time is lost. */

static void
ngx_http_registry_memo_send(ngx_http_registry_memo_sent_t *sent,
    ngx_atomic_uint_t connection, reg_str_t text, uint64_t generation,
    ngx_http_registry_identity_t *identity)
{
    ngx_http_registry_memo_unsend(sent);

    sent->text.data = ngx_alloc(text.len, ngx_cycle->log);

    if (sent->text.data == NULL) {
        return;
    }

    ngx_memcpy(sent->text.data, text.data, text.len);

    sent->text.len = text.len;
    sent->connection = connection;
    sent->generation = generation;
    sent->identity = identity;

    identity->refs++;
}


static void
ngx_http_registry_memo_unsend(ngx_http_registry_memo_sent_t *sent)
{
    if (sent->identity == NULL) {
        return;
    }

    ngx_http_registry_identity_release(sent->identity);

    OPENSSL_cleanse(sent->text.data, sent->text.len);
    ngx_free(sent->text.data);

    ngx_memzero(sent, sizeof(ngx_http_registry_memo_sent_t));
}


/*
 * In a time that tells nothing of where they differ: many clients may share a
 * connection, behind a proxy.  CRYPTO_memcmp() goes byte by byte.
 */

static ngx_uint_t
ngx_http_registry_memo_same(reg_str_t a, reg_str_t b)
{
    size_t    i;
    uint64_t  x, y, differ;

    if (a.len != b.len) {
        return 0;
    }

    differ = 0;

    for (i = 0; i + 8 <= a.len; i += 8) {
        ngx_memcpy(&x, a.data + i, 8);
        ngx_memcpy(&y, b.data + i, 8);

        differ |= x ^ y;
    }

    for ( /* void */ ; i < a.len; i++) {
        differ |= (uint64_t) (a.data[i] ^ b.data[i]);
    }

    return differ == 0;
}


static void
ngx_http_registry_memo_cleanup(void *data)
{
    ngx_http_registry_memo_t *memo = data;

    ngx_http_registry_memo_flush(memo);
    OPENSSL_cleanse(memo->key, REG_SIPHASH_KEY_LEN);
    free(memo->entries);
}
