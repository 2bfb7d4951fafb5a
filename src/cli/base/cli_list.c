/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "cli_list.h"
#include "reg_record_json.h"


static json_t *cli_list_view(const cli_store_t *store,
    const cli_entry_t *entry, const reg_record_t *record, cli_view_t view);


cli_rc_t
cli_list_add(cli_rows_t *rows, const cli_store_t *store,
    reg_record_type_t type, cli_want_t want, cli_view_t view)
{
    size_t         cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&store->doc, type, &cursor);

        if (entry == NULL) {
            return CLI_DONE;
        }

        rc = cli_document_record(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (want == NULL || want(store->cli, record)) {
            cli_rows_add(rows, cli_list_view(store, entry, record, view));
        }

        reg_record_free(record);
    }
}


cli_rc_t
cli_list(const cli_t *cli, reg_record_type_t type,
    const cli_column_t *columns, cli_want_t want, cli_view_t view)
{
    cli_rc_t     rc;
    cli_rows_t   rows;
    cli_store_t  store;

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        cli_rows_init(&rows, cli, columns);

        rc = cli_list_add(&rows, &store, type, want, view);

        if (cli_rows_end(&rows) != CLI_DONE) {
            rc = CLI_STORE;
        }
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_list_show(const cli_store_t *store, const cli_entry_t *entry,
    cli_view_t view)
{
    cli_rc_t       rc;
    reg_record_t  *record;

    rc = cli_document_record(&store->doc, entry, &record);

    if (rc == CLI_DONE) {
        rc = cli_show(store->cli, cli_list_view(store, entry, record, view));
        reg_record_free(record);
    }

    return rc;
}


cli_rc_t
cli_list_one(const cli_t *cli, reg_record_type_t type, cli_view_t view)
{
    cli_rc_t      rc;
    cli_store_t   store;
    cli_entry_t  *entry;

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_store_need(&store, type, cli->operand, &entry);
    }

    if (rc == CLI_DONE) {
        rc = cli_list_show(&store, entry, view);
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_list_set(const cli_t *cli, reg_record_type_t type, cli_change_pt change)
{
    size_t       changes;
    cli_rc_t     rc;
    cli_store_t  store;

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE | CLI_STORE_CREATE);

    if (rc == CLI_DONE) {
        rc = change(&store);
    }

    changes = store.nchanges;

    if (rc == CLI_DONE) {
        rc = cli_store_commit(&store);
    }

    if (rc == CLI_DONE && changes == 0) {
        cli_note("nothing to do: %s %s is like that",
                 reg_record_type_name(type), cli->operand);
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_list_remove(const cli_t *cli, reg_record_type_t type)
{
    cli_rc_t      rc;
    cli_store_t   store;
    cli_entry_t  *entry;

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE);

    if (rc == CLI_DONE) {
        rc = cli_store_need(&store, type, cli->operand, &entry);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_remove(&store, entry);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_commit(&store);
    }

    cli_store_close(&store);

    return rc;
}


/* Of a later version nothing is known but that it is there. */

static json_t *
cli_list_view(const cli_store_t *store, const cli_entry_t *entry,
    const reg_record_t *record, cli_view_t view)
{
    if (!record->newer) {
        return view(store, record);
    }

    return json_pack("{s:s%,s:s}",
                     entry->type == REG_RECORD_KEY ? "id" : "name",
                     (const char *) entry->name.data, entry->name.len,
                     "state", store->cli->json ? "newer"
                                               : "of a later version");
}
