/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "reg_api_key.h"
#include "reg_record_json.h"
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

typedef struct {
    ngx_http_registry_store_t  *store;
    reg_record_t               *roles[REG_RECORD_LIST_MAX];
    size_t                      nroles;
    unsigned                    failed:1;
} ngx_http_registry_roles_t;


static reg_reason_t ngx_http_registry_identify_key(
    ngx_http_registry_store_t *store, ngx_http_registry_secret_t *pepper,
    reg_str_t key, reg_identity_t **identity, ngx_log_t *log);
static reg_reason_t ngx_http_registry_identify_record(
    ngx_http_registry_store_t *store, reg_record_t *record,
    reg_identity_t **identity, ngx_log_t *log);
static const reg_record_t *ngx_http_registry_find_role(void *data,
    reg_str_t name);
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


reg_reason_t
ngx_http_registry_identify(ngx_http_registry_memo_t *memo,
    ngx_http_registry_store_t *store, ngx_http_registry_secret_t *pepper,
    ngx_str_t *authorization, ngx_http_registry_identity_t **identity,
    ngx_log_t *log)
{
    u_char                           buf[NGX_HTTP_REGISTRY_CREDENTIAL_MAX];
    uint64_t                         generation;
    reg_str_t                        key;
    ngx_uint_t                       i;
    reg_reason_t                     reason;
    reg_siphash_t                    hash;
    reg_identity_t                  *found;
    ngx_http_registry_memo_entry_t  *set, *entry, *stale;

    if (authorization->len > NGX_HTTP_REGISTRY_CREDENTIAL_MAX) {
        return REG_REASON_MALFORMED;
    }

    hash = reg_siphash(memo->key, (reg_str_t) { authorization->len,
                                                authorization->data });

    generation = ngx_http_registry_store_generation(store);

    set = &memo->entries[(hash.lo % NGX_HTTP_REGISTRY_MEMO_SETS)
                         * NGX_HTTP_REGISTRY_MEMO_WAYS];
    entry = set;
    stale = NULL;

    for (i = 0; i < NGX_HTTP_REGISTRY_MEMO_WAYS; i++) {

        if (set[i].hash.lo == hash.lo && set[i].hash.hi == hash.hi
            && set[i].identity)
        {
            entry = &set[i];

            if (entry->generation == generation) {
                goto done;
            }

            stale = entry;
            break;
        }

        if (set[i].used < entry->used) {
            entry = &set[i];
        }
    }

    reason = REG_REASON_MALFORMED;

    if (ngx_http_registry_credential(authorization, buf, &key) == NGX_OK) {
        reason = ngx_http_registry_identify_key(store, pepper, key, &found,
                                                log);
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    if (reason != REG_REASON_NONE) {

        /* whoever guesses drives nobody out but the key that has gone */

        if (stale) {
            ngx_http_registry_memo_forget(stale);
        }

        return reason;
    }

    ngx_http_registry_memo_forget(entry);

    entry->identity = ngx_http_registry_identity_wrap(found);
    if (entry->identity == NULL) {
        return REG_REASON_INTERNAL;
    }

    entry->hash = hash;
    entry->generation = generation;

done:

    entry->used = ++memo->tick;
    entry->identity->refs++;
    *identity = entry->identity;

    return REG_REASON_NONE;
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


static reg_reason_t
ngx_http_registry_identify_key(ngx_http_registry_store_t *store,
    ngx_http_registry_secret_t *pepper, reg_str_t key,
    reg_identity_t **identity, ngx_log_t *log)
{
    reg_rc_t       rc;
    ngx_int_t      found;
    reg_str_t      id, hash, secret;
    reg_reason_t   reason;
    reg_record_t  *record;

    /* the checksum keeps garbage away from the store */

    if (reg_api_key_parse(&id, key) != REG_OK) {
        return REG_REASON_MALFORMED;
    }

    found = ngx_http_registry_store_get(store, REG_RECORD_KEY, id, &record);

    if (found == NGX_ERROR) {
        return REG_REASON_INTERNAL;
    }

    if (found == NGX_OK && record->newer) {
        reg_record_free(record);

        ngx_log_error(NGX_LOG_WARN, log, 0, "registry: the record of the API "
                      "key \"%*s\" is of a later version", id.len, id.data);
        return REG_REASON_RECORD_VERSION;
    }

    /* an unknown key takes the time of a wrong one */

    hash = (found == NGX_OK)
           ? record->u.key.hash
           : REG_STR("sha256:00000000000000000000000000000000"
                     "00000000000000000000000000000000");

    secret = pepper ? (reg_str_t) { pepper->value.len, pepper->value.data }
                    : REG_STR_NULL;

    rc = reg_api_key_verify(key, hash, secret);

    if (found != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, log, 0, "registry: there is no API key "
                      "\"%*s\"", id.len, id.data);
        return REG_REASON_UNKNOWN_KEY;
    }

    if (rc == REG_OK) {
        reason = ngx_http_registry_identify_record(store, record, identity,
                                                   log);

    } else if (rc == REG_INVALID) {
        ngx_log_error(NGX_LOG_WARN, log, 0, "registry: the secret of the API "
                      "key \"%*s\" is wrong", id.len, id.data);
        reason = REG_REASON_WRONG_SECRET;

    } else {
        reason = REG_REASON_INTERNAL;
    }

    reg_record_free(record);

    return reason;
}


static reg_reason_t
ngx_http_registry_identify_record(ngx_http_registry_store_t *store,
    reg_record_t *record, reg_identity_t **identity, ngx_log_t *log)
{
    size_t                      i;
    reg_rc_t                    rc;
    ngx_int_t                   found;
    reg_error_t                 error;
    reg_record_t               *tenant;
    ngx_http_registry_roles_t   roles;

    tenant = NULL;
    found = ngx_http_registry_store_get(store, REG_RECORD_TENANT,
                                        record->u.key.tenant, &tenant);

    if (found == NGX_ERROR) {
        return REG_REASON_INTERNAL;
    }

    roles.store = store;
    roles.nroles = 0;
    roles.failed = 0;

    rc = reg_identity_create(identity, record, tenant,
                             ngx_http_registry_find_role, &roles, &error);

    if (rc == REG_OK && roles.failed) {
        reg_identity_free(*identity);
        rc = REG_NOMEM;
    }

    for (i = 0; i < roles.nroles; i++) {
        reg_record_free(roles.roles[i]);
    }

    if (tenant) {
        reg_record_free(tenant);
    }

    if (rc == REG_INVALID) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "registry: the API key \"%*s\" "
                      "cannot be used: %s", record->u.key.id.len,
                      record->u.key.id.data, error.text);
    }

    return rc == REG_OK ? REG_REASON_NONE : REG_REASON_INTERNAL;
}


static const reg_record_t *
ngx_http_registry_find_role(void *data, reg_str_t name)
{
    ngx_http_registry_roles_t *roles = data;

    reg_record_t  *record;

    switch (ngx_http_registry_store_get(roles->store, REG_RECORD_ROLE, name,
                                        &record))
    {
    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NULL;

    default:
        roles->failed = 1;
        return NULL;
    }

    if (roles->nroles == REG_RECORD_LIST_MAX) {
        reg_record_free(record);
        roles->failed = 1;
        return NULL;
    }

    roles->roles[roles->nroles++] = record;

    return record;
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
