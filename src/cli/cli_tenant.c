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
static cli_rc_t cli_tenant_labels(const cli_t *cli, json_t *labels);
static cli_rc_t cli_tenant_label(json_t *labels, const char *pair);
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
    json_t         *json, *labels;
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

    labels = json_object_get(json, "labels");
    labels = json_is_object(labels) ? json_incref(labels) : json_object();

    if (rc == CLI_DONE) {
        rc = cli_tenant_labels(cli, labels);
    }

    if (rc == CLI_DONE
        && (json_object_size(labels) || json_object_get(json, "labels")))
    {
        rc = cli_json_set(json, "labels", json_incref(labels));
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

    json_decref(labels);
    json_decref(json);
    reg_record_free(record);

    return rc;
}


/* What is removed first can still be set anew by the same command. */

static cli_rc_t
cli_tenant_labels(const cli_t *cli, json_t *labels)
{
    size_t       cursor;
    cli_rc_t     rc;
    const char  *text;

    cursor = 0;

    for ( ;; ) {
        text = cli_next_value(cli, CLI_OPT_UNLABEL, &cursor);

        if (text == NULL) {
            break;
        }

        /* what is not there is as it should be */

        (void) json_object_del(labels, text);
    }

    cursor = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE) {
        text = cli_next_value(cli, CLI_OPT_LABEL, &cursor);

        if (text == NULL) {
            break;
        }

        rc = cli_tenant_label(labels, text);
    }

    return rc;
}


static cli_rc_t
cli_tenant_label(json_t *labels, const char *pair)
{
    char        *name;
    cli_rc_t     rc;
    const char  *equals;

    equals = strchr(pair, '=');

    if (equals == NULL) {
        return cli_fail(CLI_USAGE, "--label takes NAME=VALUE");
    }

    name = strndup(pair, (size_t) (equals - pair));
    if (name == NULL) {
        return cli_nomem();
    }

    if (json_object_set_new(labels, name, json_string(equals + 1)) == 0) {
        rc = CLI_DONE;

    } else {
        rc = cli_fail(CLI_USAGE, "--label is not UTF-8");
    }

    free(name);

    return rc;
}


static json_t *
cli_tenant_view(const cli_store_t *store, const reg_record_t *record)
{
    json_t  *labels;

    (void) store;

    labels = json_object_get(record->json, "labels");

    return json_pack("{s:O,s:b,s:o}",
                     "name", json_object_get(record->json, "name"),
                     "suspended", (int) record->u.tenant.suspended,
                     "labels", json_is_object(labels) ? json_incref(labels)
                                                      : json_object());
}
