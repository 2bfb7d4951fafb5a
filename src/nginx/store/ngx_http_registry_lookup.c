/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_api_key.h"
#include "reg_record_json.h"

#include "ngx_http_registry_lookup.h"


typedef struct {
    ngx_http_registry_lookup_t  *lookup;
    ngx_int_t                    rc;          /* the worst of all roles */
    size_t                       n;
    reg_record_t                *records[REG_RECORD_LIST_MAX];
} ngx_http_registry_roles_t;


static ngx_int_t ngx_http_registry_lookup_verify(
    ngx_http_registry_lookup_t *lookup, reg_str_t key, reg_str_t id,
    reg_record_t *record, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_lookup_rights(
    ngx_http_registry_lookup_t *lookup, reg_record_t *key,
    reg_identity_t **identity, reg_reason_t *reason);
static const reg_record_t *ngx_http_registry_lookup_role(void *data,
    reg_str_t name);
static ngx_int_t ngx_http_registry_lookup_failed(ngx_int_t rc,
    reg_reason_t *reason);


static ngx_inline ngx_int_t
ngx_http_registry_lookup_get(ngx_http_registry_lookup_t *lookup,
    reg_record_type_t type, reg_str_t name, reg_record_t **record)
{
    *record = NULL;

    return lookup->store->get(lookup->store, type, name, lookup->waiter,
                              record);
}


ngx_int_t
ngx_http_registry_lookup(ngx_http_registry_lookup_t *lookup, reg_str_t key,
    reg_identity_t **identity, reg_reason_t *reason)
{
    ngx_int_t      rc;
    reg_str_t      id;
    reg_record_t  *record;

    /* the checksum keeps garbage away from the store */

    if (reg_api_key_parse(&id, key) != REG_OK) {
        *reason = REG_REASON_MALFORMED;
        return NGX_DECLINED;
    }

    rc = ngx_http_registry_lookup_get(lookup, REG_RECORD_KEY, id, &record);

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        return ngx_http_registry_lookup_failed(rc, reason);
    }

    rc = ngx_http_registry_lookup_verify(lookup, key, id, record, reason);

    if (rc == NGX_OK) {
        rc = ngx_http_registry_lookup_rights(lookup, record, identity, reason);
    }

    reg_record_free(record);

    return rc;
}


ngx_int_t
ngx_http_registry_lookup_id(ngx_http_registry_lookup_t *lookup, reg_str_t id,
    reg_identity_t **identity, reg_reason_t *reason)
{
    ngx_int_t      rc;
    reg_record_t  *record;

    if (reg_api_key_id_check(id) != REG_OK) {
        *reason = REG_REASON_TOKEN;
        return NGX_DECLINED;
    }

    rc = ngx_http_registry_lookup_get(lookup, REG_RECORD_KEY, id, &record);

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        return ngx_http_registry_lookup_failed(rc, reason);
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0, "registry: there is no API "
                      "key \"%*s\", but a token of it", id.len, id.data);

        *reason = REG_REASON_UNKNOWN_KEY;
        return NGX_DECLINED;
    }

    /* a newer record makes an identity that is denied for that */

    rc = ngx_http_registry_lookup_rights(lookup, record, identity, reason);

    reg_record_free(record);

    return rc;
}


ngx_int_t
ngx_http_registry_lookup_issuer(ngx_http_registry_lookup_t *lookup,
    reg_str_t name, reg_record_t **issuer, reg_reason_t *reason)
{
    ngx_int_t  rc;

    rc = ngx_http_registry_lookup_get(lookup, REG_RECORD_ISSUER, name, issuer);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0, "registry: there is no "
                      "issuer \"%*s\"", name.len, name.data);

        *reason = REG_REASON_TOKEN;
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return ngx_http_registry_lookup_failed(rc, reason);
    }

    if ((*issuer)->newer) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0, "registry: the record of "
                      "the issuer \"%*s\" is of a later version",
                      name.len, name.data);

        reg_record_free(*issuer);

        *reason = REG_REASON_RECORD_VERSION;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_registry_lookup_subject(ngx_http_registry_lookup_t *lookup,
    const reg_record_t *issuer, size_t rule, reg_str_t subject,
    reg_identity_t **identity, reg_reason_t *reason)
{
    char          name[REG_RULE_NAME_MAX];
    reg_record_t  key;

    reg_issuer_key(&key, &issuer->u.issuer, rule, subject, name);

    return ngx_http_registry_lookup_rights(lookup, &key, identity, reason);
}


/* record is NULL where there is none: an unknown key is hashed as well. */

static ngx_int_t
ngx_http_registry_lookup_verify(ngx_http_registry_lookup_t *lookup,
    reg_str_t key, reg_str_t id, reg_record_t *record, reg_reason_t *reason)
{
    reg_rc_t   rc;
    reg_str_t  hash, pepper;

    if (record && record->newer) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0, "registry: the record of "
                      "the API key \"%*s\" is of a later version",
                      id.len, id.data);

        *reason = REG_REASON_RECORD_VERSION;
        return NGX_DECLINED;
    }

    pepper = REG_STR_NULL;
    hash = REG_STR("sha256:00000000000000000000000000000000"
                   "00000000000000000000000000000000");

    if (lookup->pepper) {
        pepper.data = lookup->pepper->value.data;
        pepper.len = lookup->pepper->value.len;

        hash = REG_STR("hmac-sha256:00000000000000000000000000000000"
                       "00000000000000000000000000000000");
    }

    if (record) {
        hash = record->u.key.hash;
    }

    rc = reg_api_key_verify(key, hash, pepper);

    if (record == NULL) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0, "registry: there is no API "
                      "key \"%*s\"", id.len, id.data);

        *reason = REG_REASON_UNKNOWN_KEY;
        return NGX_DECLINED;
    }

    if (rc == REG_OK) {
        return NGX_OK;
    }

    *reason = REG_REASON_INTERNAL;

    if (rc == REG_INVALID) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0, "registry: the secret of "
                      "the API key \"%*s\" is wrong", id.len, id.data);

        *reason = REG_REASON_WRONG_SECRET;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_registry_lookup_rights(ngx_http_registry_lookup_t *lookup,
    reg_record_t *key, reg_identity_t **identity, reg_reason_t *reason)
{
    size_t                     i;
    reg_rc_t                   rc;
    ngx_int_t                  asked;
    reg_error_t                error;
    reg_record_t              *tenant;
    ngx_http_registry_roles_t  roles;

    asked = ngx_http_registry_lookup_get(lookup, REG_RECORD_TENANT,
                                         key->u.key.tenant, &tenant);

    roles.lookup = lookup;
    roles.rc = NGX_OK;
    roles.n = 0;

    /* even without the tenant: this asks for all the roles */

    rc = reg_identity_create(identity, key, tenant,
                             ngx_http_registry_lookup_role, &roles, &error);

    for (i = 0; i < roles.n; i++) {
        reg_record_free(roles.records[i]);
    }

    reg_record_free(tenant);

    if (asked == NGX_OK || asked == NGX_DECLINED) {
        asked = roles.rc;
    }

    if (rc == REG_OK && asked == NGX_OK) {
        return NGX_OK;
    }

    if (rc == REG_OK) {
        reg_identity_free(*identity);
        return ngx_http_registry_lookup_failed(asked, reason);
    }

    if (rc == REG_INVALID) {
        ngx_log_error(NGX_LOG_ERR, lookup->log, 0, "registry: the API key "
                      "\"%*s\" cannot be used: %s", key->u.key.id.len,
                      key->u.key.id.data, error.text);
    }

    return ngx_http_registry_lookup_failed(NGX_ERROR, reason);
}


static const reg_record_t *
ngx_http_registry_lookup_role(void *data, reg_str_t name)
{
    ngx_http_registry_roles_t *roles = data;

    ngx_int_t      rc;
    reg_record_t  *record;

    rc = ngx_http_registry_lookup_get(roles->lookup, REG_RECORD_ROLE, name,
                                      &record);

    if (rc == NGX_OK && roles->n == REG_RECORD_LIST_MAX) {
        reg_record_free(record);
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        roles->records[roles->n++] = record;
        return record;
    }

    /* while one is asked for, nothing is decided by another that failed */

    if (rc == NGX_AGAIN || (rc != NGX_DECLINED && roles->rc != NGX_AGAIN)) {
        roles->rc = rc;
    }

    return NULL;
}


static ngx_int_t
ngx_http_registry_lookup_failed(ngx_int_t rc, reg_reason_t *reason)
{
    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    *reason = (rc == NGX_BUSY) ? REG_REASON_STORE_UNAVAILABLE
                               : REG_REASON_INTERNAL;

    return NGX_DECLINED;
}
