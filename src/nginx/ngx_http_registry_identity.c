/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <openssl/crypto.h>

#include "reg_api_key.h"
#include "reg_record_json.h"

#include "ngx_http_registry_identity.h"

/* A key takes 100 bytes in base64; the rest is for a long user name. */

#define NGX_HTTP_REGISTRY_CREDENTIAL_MAX  1024


typedef struct {
    ngx_http_registry_store_t  *store;
    reg_record_t               *roles[REG_RECORD_LIST_MAX];
    size_t                      nroles;
    unsigned                    failed:1;
} ngx_http_registry_roles_t;


static reg_reason_t ngx_http_registry_identify_known(
    ngx_http_registry_identify_t *by, reg_str_t key, uint64_t generation,
    ngx_http_registry_identity_t **identity, ngx_log_t *log);
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


reg_reason_t
ngx_http_registry_identify(ngx_http_registry_identify_t *by,
    ngx_str_t *authorization, ngx_http_registry_identity_t **identity,
    ngx_log_t *log)
{
    u_char        buf[NGX_HTTP_REGISTRY_CREDENTIAL_MAX];
    uint64_t      generation;
    reg_str_t     header, key;
    reg_reason_t  reason;

    if (authorization->len > NGX_HTTP_REGISTRY_CREDENTIAL_MAX) {
        return REG_REASON_MALFORMED;
    }

    header.len = authorization->len;
    header.data = authorization->data;

    generation = ngx_http_registry_store_generation(by->store);

    *identity = ngx_http_registry_memo_find(by->headers, header, generation);

    if (*identity) {
        return REG_REASON_NONE;
    }

    if (ngx_http_registry_credential(authorization, buf, &key) != NGX_OK) {
        return REG_REASON_MALFORMED;
    }

    reason = ngx_http_registry_identify_known(by, key, generation, identity,
                                              log);

    if (reason == REG_REASON_NONE) {
        ngx_http_registry_memo_put(by->headers, header, generation, *identity);

    } else {
        ngx_http_registry_memo_drop(by->headers, header);
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return reason;
}


static reg_reason_t
ngx_http_registry_identify_known(ngx_http_registry_identify_t *by,
    reg_str_t key, uint64_t generation,
    ngx_http_registry_identity_t **identity, ngx_log_t *log)
{
    reg_reason_t     reason;
    reg_identity_t  *found;

    *identity = ngx_http_registry_memo_find(by->keys, key, generation);

    if (*identity) {
        return REG_REASON_NONE;
    }

    reason = ngx_http_registry_identify_key(by->store, by->pepper, key, &found,
                                            log);

    if (reason != REG_REASON_NONE) {
        ngx_http_registry_memo_drop(by->keys, key);
        return reason;
    }

    *identity = ngx_http_registry_identity_wrap(found);

    if (*identity == NULL) {
        return REG_REASON_INTERNAL;
    }

    ngx_http_registry_memo_put(by->keys, key, generation, *identity);

    return REG_REASON_NONE;
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

    /* an unknown key is hashed as well */

    if (found == NGX_OK) {
        hash = record->u.key.hash;

    } else if (pepper) {
        hash = REG_STR("hmac-sha256:00000000000000000000000000000000"
                       "00000000000000000000000000000000");

    } else {
        hash = REG_STR("sha256:00000000000000000000000000000000"
                       "00000000000000000000000000000000");
    }

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
