/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * repository set, list, show and remove: who pays when the owner pays.
 */

#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_repository_change(cli_store_t *store);
static json_t *cli_repository_view(const cli_store_t *store,
    const reg_record_t *record);


cli_rc_t
cli_repository_set(cli_t *cli)
{
    return cli_list_set(cli, REG_RECORD_REPOSITORY, cli_repository_change);
}


cli_rc_t
cli_repository_list(cli_t *cli)
{
    static const cli_column_t  columns[] = {
        { "PATTERN", "pattern" }, { "OWNER", "owner" }, { "LABELS", "labels" },
        { NULL, NULL }
    };

    return cli_list(cli, REG_RECORD_REPOSITORY, columns, NULL,
                    cli_repository_view);
}


cli_rc_t
cli_repository_show(cli_t *cli)
{
    return cli_list_one(cli, REG_RECORD_REPOSITORY, cli_repository_view);
}


cli_rc_t
cli_repository_remove(cli_t *cli)
{
    return cli_list_remove(cli, REG_RECORD_REPOSITORY);
}


static cli_rc_t
cli_repository_change(cli_store_t *store)
{
    json_t        *json;
    cli_rc_t       rc;
    const cli_t   *cli;
    const char    *owner;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cli = store->cli;
    record = NULL;
    owner = cli_value(cli, CLI_OPT_OWNER);

    entry = cli_document_find(&store->doc, REG_RECORD_REPOSITORY,
                              reg_str(cli->operand));
    if (entry) {
        rc = cli_document_current(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        json = json_incref(record->json);

    } else if (owner == NULL) {
        return cli_fail(CLI_USAGE, "--owner is missing");

    } else {
        json = json_pack("{s:i}", "version", REG_RECORD_VERSION);
        rc = json ? cli_json_set_text(json, "pattern", cli->operand)
                  : cli_nomem();
    }

    if (rc == CLI_DONE && owner) {
        rc = cli_json_set_text(json, "owner", owner);
    }

    if (rc == CLI_DONE) {
        rc = cli_json_change(cli, json, "labels", CLI_OPT_UNLABEL,
                             CLI_OPT_LABEL, "label");
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_REPOSITORY, cli->operand, json);
    }

    if (rc == CLI_DONE && owner
        && !cli_document_find(&store->doc, REG_RECORD_TENANT, reg_str(owner)))
    {
        cli_note("there is no tenant %s yet", owner);
    }

    json_decref(json);
    reg_record_free(record);

    return rc;
}


static json_t *
cli_repository_view(const cli_store_t *store, const reg_record_t *record)
{
    (void) store;

    return json_pack("{s:O,s:O,s:o}",
                     "pattern", json_object_get(record->json, "pattern"),
                     "owner", json_object_get(record->json, "owner"),
                     "labels", cli_json_object(record->json, "labels"));
}
