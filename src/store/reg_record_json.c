/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_json.h"
#include "reg_record_json.h"
#include "reg_record_read.h"


/* What {tenant} is in the scopes of a role, while they are only checked. */

#define REG_RECORD_TENANT_PLACEHOLDER  REG_STR("t")


typedef struct {
    const char  *name;
    reg_read_t   read;
    size_t       offset;
    unsigned     required;
} reg_member_t;


static reg_rc_t reg_record_read(reg_reader_t *reader, json_t *json);
static reg_rc_t reg_record_read_version(reg_reader_t *reader, json_t *json);
static reg_rc_t reg_record_check_members(reg_reader_t *reader, json_t *json);


#define REG_KEY(member)     offsetof(reg_record_t, u.key.member)
#define REG_TENANT(member)  offsetof(reg_record_t, u.tenant.member)
#define REG_ROLE(member)    offsetof(reg_record_t, u.role.member)
#define REG_REPO(member)    offsetof(reg_record_t, u.repository.member)
#define REG_BUDGET(member)  offsetof(reg_record_t, u.budget.member)
#define REG_ISSUER(member)  offsetof(reg_record_t, u.issuer.member)

/* In the order in which they are read: scopes need the tenant. */

static const reg_member_t  reg_key_members[] = {
    { "id",         reg_read_own_id,   REG_KEY(id),          1 },
    { "tenant",     reg_read_tenant,   REG_KEY(tenant),      1 },
    { "name",       reg_read_text,     REG_KEY(name),        0 },
    { "hash",       reg_read_hash,     REG_KEY(hash),        1 },
    { "roles",      reg_read_roles,    REG_KEY(roles),       0 },
    { "scopes",     reg_read_scopes,   REG_KEY(scopes),      0 },
    { "allow_from", reg_read_networks, 0,                    0 },
    { "not_before", reg_read_time,     REG_KEY(not_before),  0 },
    { "expires_at", reg_read_time,     REG_KEY(expires_at),  0 },
    { "revoked_at", reg_read_time,     REG_KEY(revoked_at),  0 },
    { "reason",     reg_read_text,     REG_KEY(reason),      0 },
    { "rotated_to", reg_read_key_id,   REG_KEY(rotated_to),  0 },
    { "created_at", reg_read_time,     REG_KEY(created_at),  0 },
    { "limits",     reg_read_limits,   REG_KEY(limits),      0 },
    { "tokens_not_before",
                    reg_read_time,     REG_KEY(tokens_not_before), 0 },
    { NULL,         NULL,              0,                    0 }
};

static const reg_member_t  reg_tenant_members[] = {
    { "name",      reg_read_own_name,  REG_TENANT(name),      1 },
    { "suspended", reg_read_suspended, 0,                     0 },
    { "labels",    reg_read_labels,    0,                     0 },
    { "limits",    reg_read_limits,    REG_TENANT(limits),    0 },
    { "bandwidth", reg_read_bandwidth, REG_TENANT(bandwidth), 0 },
    { "downloads", reg_read_downloads, REG_TENANT(downloads), 0 },
    { NULL,        NULL,               0,                     0 }
};

static const reg_member_t  reg_role_members[] = {
    { "name",   reg_read_role_name, REG_ROLE(name),   1 },
    { "scopes", reg_read_scopes,    REG_ROLE(scopes), 1 },
    { NULL,     NULL,               0,                0 }
};

static const reg_member_t  reg_repository_members[] = {
    { "pattern", reg_read_own_pattern, REG_REPO(pattern), 1 },
    { "owner",   reg_read_name,        REG_REPO(owner),   1 },
    { "labels",  reg_read_labels,      0,                 0 },
    { NULL,      NULL,                 0,                 0 }
};

static const reg_member_t  reg_budget_members[] = {
    { "name",   reg_read_own_budget, REG_BUDGET(name),   1 },
    { "amount", reg_read_quota,      REG_BUDGET(amount), 1 },
    { "alerts", reg_read_alerts,     0,                  0 },
    { NULL,     NULL,                0,                  0 }
};

static const reg_member_t  reg_issuer_members[] = {
    { "name",     reg_read_own_name, REG_ISSUER(name),     1 },
    { "issuer",   reg_read_iss,      REG_ISSUER(issuer),   1 },
    { "audience", reg_read_iss,      REG_ISSUER(audience), 1 },
    { "rules",    reg_read_rules,    0,                    1 },
    { NULL,       NULL,              0,                    0 }
};

static const struct {
    const char          *name;
    const char          *section;
    const reg_member_t  *members;
} reg_record_types[REG_RECORD_TYPES] = {
    [REG_RECORD_KEY]    = { "key",    "keys",    reg_key_members },
    [REG_RECORD_TENANT] = { "tenant", "tenants", reg_tenant_members },
    [REG_RECORD_ROLE]   = { "role",   "roles",   reg_role_members },
    [REG_RECORD_REPOSITORY]
                        = { "repository", "repositories",
                            reg_repository_members },
    [REG_RECORD_BUDGET] = { "budget", "budgets", reg_budget_members },
    [REG_RECORD_ISSUER] = { "issuer", "issuers", reg_issuer_members }
};


const char *
reg_record_type_name(reg_record_type_t type)
{
    return reg_record_types[type].name;
}


const char *
reg_record_section(reg_record_type_t type)
{
    return reg_record_types[type].section;
}


reg_rc_t
reg_record_parse(reg_record_t **record, reg_record_type_t type,
    reg_str_t name, reg_str_t text, reg_error_t *error)
{
    json_t    *json;
    reg_rc_t   rc;

    if (text.len > REG_RECORD_MAX) {
        reg_error_set(error, "the record is longer than %d bytes",
                      REG_RECORD_MAX);
        return REG_INVALID;
    }

    rc = reg_json_load(&json, text, error);

    if (rc != REG_OK) {
        return rc;
    }

    rc = reg_record_from_json(record, type, name, json, error);

    json_decref(json);

    return rc;
}


reg_rc_t
reg_record_from_json(reg_record_t **record, reg_record_type_t type,
    reg_str_t name, json_t *json, reg_error_t *error)
{
    reg_rc_t       rc;
    reg_reader_t   reader;
    reg_record_t  *r;

    r = calloc(1, sizeof(reg_record_t));
    if (r == NULL) {
        return REG_NOMEM;
    }

    r->type = type;
    r->json = json_incref(json);

    memset(&reader, 0, sizeof(reg_reader_t));

    reader.record = r;
    reader.name = name;
    reader.tenant = REG_RECORD_TENANT_PLACEHOLDER;
    reader.error = error;

    rc = reg_record_read(&reader, json);

    if (rc != REG_OK) {
        reg_record_free(r);
        return rc;
    }

    *record = r;

    return REG_OK;
}


void
reg_record_free(reg_record_t *record)
{
    if (record == NULL) {
        return;
    }

    switch (record->type) {

    case REG_RECORD_KEY:
        free(record->u.key.roles.items);
        free(record->u.key.scopes.items);
        free(record->u.key.allow_from);
        free(record->u.key.limits.items);
        break;

    case REG_RECORD_TENANT:
        free(record->u.tenant.labels);
        free(record->u.tenant.limits.items);
        break;

    case REG_RECORD_ROLE:
        free(record->u.role.scopes.items);
        break;

    case REG_RECORD_REPOSITORY:
        free(record->u.repository.labels);
        break;

    case REG_RECORD_ISSUER:
        reg_read_free_rules(&record->u.issuer);
        break;

    case REG_RECORD_BUDGET:
    case REG_RECORD_TYPES:
        break;
    }

    json_decref(record->json);
    free(record);
}


static reg_rc_t
reg_record_read(reg_reader_t *reader, json_t *json)
{
    json_t              *value;
    reg_rc_t             rc;
    reg_record_t        *record;
    const reg_member_t  *member;

    record = reader->record;

    if (!json_is_object(json)) {
        reg_error_set(reader->error, "a record is an object");
        return REG_INVALID;
    }

    rc = reg_record_read_version(reader, json);

    if (rc != REG_OK || record->newer) {
        return rc;
    }

    rc = reg_record_check_members(reader, json);

    if (rc != REG_OK) {
        return rc;
    }

    if (record->type == REG_RECORD_KEY) {
        record->u.key.not_before = REG_TIME_NONE;
        record->u.key.expires_at = REG_TIME_NONE;
        record->u.key.revoked_at = REG_TIME_NONE;
        record->u.key.created_at = REG_TIME_NONE;
        record->u.key.tokens_not_before = REG_TIME_NONE;
    }

    member = reg_record_types[record->type].members;

    for ( /* void */ ; member->name; member++) {

        reader->member = member->name;
        value = json_object_get(json, member->name);

        if (value == NULL || (json_is_null(value) && !member->required)) {

            if (member->required) {
                return reg_read_fail(reader, "is missing");
            }

            continue;
        }

        rc = member->read(reader, value, (char *) record + member->offset);

        if (rc != REG_OK) {
            return rc;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_record_read_version(reg_reader_t *reader, json_t *json)
{
    json_t      *value;
    json_int_t   version;

    reader->member = "version";

    value = json_object_get(json, "version");

    if (value == NULL) {
        return reg_read_fail(reader, "is missing");
    }

    version = json_integer_value(value);

    if (!json_is_integer(value) || version < 1) {
        return reg_read_fail(reader, "must be a positive integer");
    }

    reader->record->newer = (version > REG_RECORD_VERSION);

    return REG_OK;
}


static reg_rc_t
reg_record_check_members(reg_reader_t *reader, json_t *json)
{
    json_t              *value;
    const char          *name;
    const reg_member_t  *member;

    json_object_foreach(json, name, value) {

        if (strcmp(name, "version") == 0) {
            continue;
        }

        member = reg_record_types[reader->record->type].members;

        while (member->name && strcmp(member->name, name) != 0) {
            member++;
        }

        if (member->name == NULL) {
            reg_error_set(reader->error, "unknown member \"%.64s\"", name);
            return REG_INVALID;
        }
    }

    return REG_OK;
}
