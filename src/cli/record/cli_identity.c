/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_key.h"
#include "reg_record_json.h"


/* Roles that were handed out, until the identity is made. */

typedef struct {
    const cli_store_t  *store;
    cli_rc_t            rc;
    size_t              n;
    reg_record_t       *records[REG_RECORD_LIST_MAX];
} cli_roles_t;


static const reg_record_t *cli_roles_find(void *data, reg_str_t name);
static cli_rc_t cli_entry_record(const cli_store_t *store,
    reg_record_type_t type, reg_str_t name, reg_record_t **record);


cli_rc_t
cli_identity_create(const cli_store_t *store, const reg_record_t *key,
    reg_identity_t **identity, reg_error_t *error)
{
    size_t         i;
    cli_rc_t       rc;
    reg_rc_t       created;
    cli_roles_t    roles;
    reg_record_t  *tenant;

    roles.store = store;
    roles.rc = CLI_DONE;
    roles.n = 0;

    tenant = NULL;

    if (!key->newer) {
        rc = cli_entry_record(store, REG_RECORD_TENANT, key->u.key.tenant,
                              &tenant);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    created = reg_identity_create(identity, key, tenant, cli_roles_find,
                                  &roles, error);

    reg_record_free(tenant);

    for (i = 0; i < roles.n; i++) {
        reg_record_free(roles.records[i]);
    }

    if (created == REG_INVALID) {
        return CLI_USAGE;
    }

    if (created != REG_OK) {
        return cli_nomem();
    }

    if (roles.rc != CLI_DONE) {
        reg_identity_free(*identity);
        *identity = NULL;
    }

    return roles.rc;
}


cli_rc_t
cli_identity_check(const cli_store_t *store, const reg_record_t *record,
    const char *what)
{
    size_t                    i;
    cli_rc_t                  rc;
    reg_error_t               error;
    reg_record_t             *found;
    reg_identity_t           *identity;
    const reg_key_record_t   *key;
    const reg_role_record_t  *role;

    key = &record->u.key;

    if (!cli_document_find(&store->doc, REG_RECORD_TENANT, key->tenant)) {
        return cli_fail(CLI_NO, "%s: there is no tenant %.*s: create it with "
                        "tenant set", what, REG_FMT(key->tenant));
    }

    for (i = 0; i < key->roles.n; i++) {

        rc = cli_role_get(store, key->roles.items[i], &found, &role);

        if (rc != CLI_DONE) {
            return rc;
        }

        reg_record_free(found);

        if (role == NULL) {
            return cli_fail(CLI_NO, "%s: there is no role %.*s: role list says "
                            "which there are", what,
                            REG_FMT(key->roles.items[i]));
        }
    }

    rc = cli_identity_create(store, record, &identity, &error);

    if (rc == CLI_DONE) {
        reg_identity_free(identity);

    } else if (rc == CLI_USAGE) {
        (void) cli_fail(rc, "%s: %s", what, error.text);
    }

    return rc;
}


cli_rc_t
cli_role_get(const cli_store_t *store, reg_str_t name, reg_record_t **record,
    const reg_role_record_t **role)
{
    cli_rc_t  rc;

    *record = NULL;
    *role = reg_role_builtin(name);

    if (*role) {
        return CLI_DONE;
    }

    rc = cli_entry_record(store, REG_RECORD_ROLE, name, record);

    if (rc == CLI_DONE && *record && !(*record)->newer) {
        *role = &(*record)->u.role;
    }

    return rc;
}


static const reg_record_t *
cli_roles_find(void *data, reg_str_t name)
{
    cli_rc_t       rc;
    cli_roles_t   *roles = data;
    reg_record_t  *record;

    rc = cli_entry_record(roles->store, REG_RECORD_ROLE, name, &record);

    if (rc != CLI_DONE) {
        roles->rc = rc;
        return NULL;
    }

    /* a key has no more roles than that, and each is asked for once */

    if (record) {
        roles->records[roles->n++] = record;
    }

    return record;
}


/* *record is NULL where there is none. */

static cli_rc_t
cli_entry_record(const cli_store_t *store, reg_record_type_t type,
    reg_str_t name, reg_record_t **record)
{
    cli_entry_t  *entry;

    *record = NULL;

    entry = cli_document_find(&store->doc, type, name);

    return entry ? cli_document_record(&store->doc, entry, record) : CLI_DONE;
}
