/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * tenant set, tenant list and tenant show.
 */

#include <stdlib.h>

#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_tenant_change(cli_store_t *store);
static cli_rc_t cli_tenant_pairs(const cli_t *cli, json_t *json,
    const char *member, cli_opt_t unset, cli_opt_t set, const char *name);
static json_t *cli_tenant_view(const cli_store_t *store,
    const reg_record_t *record);


cli_rc_t
cli_tenant_set(cli_t *cli)
{
    size_t       changes;
    cli_rc_t     rc;
    cli_store_t  store;

    if (cli_value(cli, CLI_OPT_SUSPEND) && cli_value(cli, CLI_OPT_RESUME)) {
        return cli_fail(CLI_USAGE, "--suspend and --resume contradict each "
                        "other");
    }

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE | CLI_STORE_CREATE);

    if (rc == CLI_DONE) {
        rc = cli_tenant_change(&store);
    }

    changes = store.nchanges;

    if (rc == CLI_DONE) {
        rc = cli_store_commit(&store);
    }

    if (rc == CLI_DONE && changes == 0) {
        cli_note("nothing to do: tenant %s is like that", cli->operand);
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_tenant_list(cli_t *cli)
{
    static const cli_column_t  columns[] = {
        { "NAME", "name" }, { "SUSPENDED", "suspended" },
        { "LABELS", "labels" }, { NULL, NULL }
    };

    return cli_list(cli, REG_RECORD_TENANT, columns, NULL, cli_tenant_view);
}


cli_rc_t
cli_tenant_show(cli_t *cli)
{
    cli_rc_t      rc;
    cli_store_t   store;
    cli_entry_t  *entry;

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_store_need(&store, REG_RECORD_TENANT, cli->operand, &entry);
    }

    if (rc == CLI_DONE) {
        rc = cli_list_show(&store, entry, cli_tenant_view);
    }

    cli_store_close(&store);

    return rc;
}


static cli_rc_t
cli_tenant_change(cli_store_t *store)
{
    json_t         *json;
    cli_rc_t        rc;
    const cli_t    *cli;
    cli_entry_t    *entry;
    reg_record_t   *record;

    cli = store->cli;
    record = NULL;

    entry = cli_document_find(&store->doc, REG_RECORD_TENANT,
                              reg_str(cli->operand));
    if (entry) {
        rc = cli_document_current(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        json = json_incref(record->json);

    } else {
        json = json_pack("{s:i}", "version", REG_RECORD_VERSION);
        rc = json ? cli_json_set_text(json, "name", cli->operand)
                  : cli_nomem();
    }

    if (rc == CLI_DONE) {
        rc = cli_tenant_pairs(cli, json, "labels", CLI_OPT_UNLABEL,
                              CLI_OPT_LABEL, "label");
    }

    if (rc == CLI_DONE) {
        rc = cli_tenant_pairs(cli, json, "limits", CLI_OPT_UNLIMIT,
                              CLI_OPT_LIMIT, "limit");
    }

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_SUSPEND)) {
        rc = cli_json_set(json, "suspended", json_true());
    }

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_RESUME)
        && json_object_get(json, "suspended"))
    {
        rc = cli_json_set(json, "suspended", json_false());
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_TENANT, cli->operand, json);
    }

    json_decref(json);
    reg_record_free(record);

    return rc;
}


/*
 * Removes and sets entries of an object that is a member.  What is removed
 * first can still be set anew by the same command.
 */

static cli_rc_t
cli_tenant_pairs(const cli_t *cli, json_t *json, const char *member,
    cli_opt_t unset, cli_opt_t set, const char *name)
{
    size_t       cursor;
    json_t      *object;
    cli_rc_t     rc;
    const char  *text;

    object = cli_json_object(json, member);

    cursor = 0;

    for ( ;; ) {
        text = cli_next_value(cli, unset, &cursor);

        if (text == NULL) {
            break;
        }

        /* what is not there is as it should be */

        (void) json_object_del(object, text);
    }

    rc = cli_json_pairs(cli, set, name, object);

    if (rc == CLI_DONE
        && (json_object_size(object) || json_object_get(json, member)))
    {
        rc = cli_json_set(json, member, json_incref(object));
    }

    json_decref(object);

    return rc;
}


static json_t *
cli_tenant_view(const cli_store_t *store, const reg_record_t *record)
{
    (void) store;

    return json_pack("{s:O,s:b,s:o,s:o}",
                     "name", json_object_get(record->json, "name"),
                     "suspended", (int) record->u.tenant.suspended,
                     "labels", cli_json_object(record->json, "labels"),
                     "limits", cli_json_object(record->json, "limits"));
}
