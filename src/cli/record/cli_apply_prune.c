/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * apply --prune: keys that the file does not name are revoked, other records
 * removed.  A section that the file does not have is not its business.
 */

#include <stdlib.h>

#include "cli_apply.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_PRUNE_REASON  "no longer in the applied file"


static cli_rc_t cli_prune_keys(cli_apply_t *apply, json_t *keys,
    json_t *tenants, json_t *roles);
static cli_rc_t cli_prune_issuers(cli_apply_t *apply, json_t *tenants,
    json_t *roles);
static cli_rc_t cli_prune_key(cli_apply_t *apply, const cli_entry_t *entry,
    const char *label);
static cli_rc_t cli_prune_section(cli_apply_t *apply, reg_record_type_t type,
    json_t *used);
static cli_rc_t cli_prune_used(const reg_str_t *tenant,
    const reg_list_t *list, json_t *who, json_t *tenants, json_t *roles);


cli_rc_t
cli_apply_prune(cli_apply_t *apply)
{
    json_t    *tenants, *roles;
    cli_rc_t   rc;

    /* name of what a key that lives, or an issuer, needs -> who that is */

    tenants = json_object();
    roles = json_object();

    rc = tenants && roles ? CLI_DONE : cli_nomem();

    if (rc == CLI_DONE) {
        rc = cli_prune_keys(apply, json_object_get(apply->file, "keys"),
                            tenants, roles);
    }

    if (rc == CLI_DONE) {
        rc = cli_prune_section(apply, REG_RECORD_ISSUER, NULL);
    }

    if (rc == CLI_DONE) {
        rc = cli_prune_issuers(apply, tenants, roles);
    }

    if (rc == CLI_DONE) {
        rc = cli_prune_section(apply, REG_RECORD_TENANT, tenants);
    }

    if (rc == CLI_DONE) {
        rc = cli_prune_section(apply, REG_RECORD_ROLE, roles);
    }

    if (rc == CLI_DONE) {
        rc = cli_prune_section(apply, REG_RECORD_REPOSITORY, NULL);
    }

    if (rc == CLI_DONE) {
        rc = cli_prune_section(apply, REG_RECORD_BUDGET, NULL);
    }

    json_decref(tenants);
    json_decref(roles);

    return rc;
}


/* A rotated key that the file names runs out as it was going to. */

static cli_rc_t
cli_prune_keys(cli_apply_t *apply, json_t *keys, json_t *tenants,
    json_t *roles)
{
    char          *label;
    size_t         cursor;
    json_t        *who;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cursor = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE) {
        entry = cli_document_next(&apply->store.doc, REG_RECORD_KEY, &cursor);

        if (entry == NULL) {
            break;
        }

        rc = cli_document_current(&apply->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            break;
        }

        if (record->u.key.revoked_at != REG_TIME_NONE) {
            reg_record_free(record);
            continue;
        }

        label = cli_apply_label(&record->u.key);

        if (label == NULL) {
            rc = cli_nomem();

        } else if (keys && !json_object_get(keys, label)) {
            rc = cli_prune_key(apply, entry, label);

        } else {
            who = json_sprintf("key %s", label);

            rc = who ? cli_prune_used(&record->u.key.tenant,
                                      &record->u.key.roles, who, tenants,
                                      roles)
                     : cli_nomem();

            json_decref(who);
        }

        free(label);
        reg_record_free(record);
    }

    return rc;
}


static cli_rc_t
cli_prune_key(cli_apply_t *apply, const cli_entry_t *entry, const char *label)
{
    int       done;
    char      id[REG_API_KEY_ID_LEN + 1];
    cli_rc_t  rc;

    (void) snprintf(id, sizeof(id), "%.*s", REG_FMT(entry->name));

    rc = cli_key_end(&apply->store, entry, CLI_PRUNE_REASON, &done);

    return rc == CLI_DONE ? cli_apply_step(apply, "revoke", id, label, NULL)
                          : rc;
}


static cli_rc_t
cli_prune_section(cli_apply_t *apply, reg_record_type_t type, json_t *used)
{
    char          name[REG_TEXT_MAX + 1];
    size_t        cursor;
    json_t       *section;
    cli_rc_t      rc;
    cli_entry_t  *entry;

    section = json_object_get(apply->file, reg_record_section(type));

    cursor = 0;
    rc = CLI_DONE;

    while (section && rc == CLI_DONE) {
        entry = cli_document_next(&apply->store.doc, type, &cursor);

        if (entry == NULL) {
            break;
        }

        (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(entry->name));

        if (json_object_get(section, name)) {
            continue;
        }

        if (json_object_get(used, name)) {
            return cli_fail(CLI_NO, "%s %s is not in the file, but %s "
                            "needs it", reg_record_type_name(type), name,
                            json_string_value(json_object_get(used, name)));
        }

        rc = cli_store_remove(&apply->store, entry);

        if (rc == CLI_DONE) {
            rc = cli_apply_step(apply, NULL, NULL, name, NULL);
        }
    }

    return rc;
}


static cli_rc_t
cli_prune_issuers(cli_apply_t *apply, json_t *tenants, json_t *roles)
{
    size_t                i, cursor;
    json_t               *who;
    cli_rc_t              rc;
    cli_entry_t          *entry;
    reg_record_t         *record;
    reg_issuer_record_t  *issuer;

    cursor = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE) {
        entry = cli_document_next(&apply->store.doc, REG_RECORD_ISSUER,
                                  &cursor);
        if (entry == NULL) {
            break;
        }

        rc = cli_document_current(&apply->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            break;
        }

        issuer = &record->u.issuer;

        who = json_sprintf("issuer %.*s", REG_FMT(issuer->name));
        rc = who ? CLI_DONE : cli_nomem();

        for (i = 0; rc == CLI_DONE && i < issuer->nrules; i++) {
            rc = cli_prune_used(&issuer->rules[i].tenant,
                                &issuer->rules[i].roles, who, tenants, roles);
        }

        json_decref(who);
        reg_record_free(record);
    }

    return rc;
}


static cli_rc_t
cli_prune_used(const reg_str_t *tenant, const reg_list_t *list,
    json_t *who, json_t *tenants, json_t *roles)
{
    size_t    i;
    char      name[REG_NAME_MAX + 1];
    cli_rc_t  rc;

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(*tenant));

    rc = cli_json_set(tenants, name, json_incref(who));

    for (i = 0; rc == CLI_DONE && i < list->n; i++) {
        (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(list->items[i]));

        rc = cli_json_set(roles, name, json_incref(who));
    }

    return rc;
}
