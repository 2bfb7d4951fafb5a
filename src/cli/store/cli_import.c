/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * store export, store import and store copy.
 */

#include <stdlib.h>

#include "cli_file.h"
#include "cli_store.h"
#include "cli_value.h"
#include "reg_record_json.h"


/* What is worth knowing is said when it is done. */

typedef struct {
    cli_store_t            store;
    const cli_document_t  *doc;
    json_t                *notes;   /* sentences */
} cli_import_t;


static cli_rc_t cli_import_in(cli_import_t *import);
static cli_rc_t cli_import_record(cli_import_t *import,
    const cli_entry_t *entry);
static cli_rc_t cli_import_merge(cli_import_t *import, const char *name,
    const reg_record_t *mine, reg_record_t *record);
static cli_rc_t cli_import_merge_key(cli_import_t *import, const char *id,
    const reg_record_t *mine, reg_record_t *record);
static cli_rc_t cli_import_keep(json_t *json, const json_t *mine,
    const char *member);
static int64_t cli_import_end(const cli_t *cli, const reg_key_record_t *mine,
    const reg_key_record_t *key);
static cli_rc_t cli_import_note(cli_import_t *import, json_t *sentence);


cli_rc_t
cli_store_export(cli_t *cli)
{
    cli_rc_t     rc;
    cli_store_t  store;

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_document_verify(&store.doc, CLI_STORE);
    }

    if (rc == CLI_DONE) {
        rc = cli_document_print(stdout, &store.doc);
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_store_import(cli_t *cli)
{
    char            *data;
    size_t           len;
    cli_rc_t         rc;
    cli_import_t     import;
    cli_document_t   doc;

    rc = cli_input_read(cli->operand, &data, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    cli_document_init(&doc, cli->operand);

    rc = cli_document_load(&doc, (reg_str_t) { len, (unsigned char *) data },
                           CLI_USAGE);

    if (rc == CLI_DONE) {
        rc = cli_document_verify(&doc, CLI_USAGE);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_open(&import.store, cli,
                            CLI_STORE_WRITE | CLI_STORE_CREATE);

        if (rc == CLI_DONE) {
            import.doc = &doc;
            rc = cli_import_in(&import);
        }

        cli_store_close(&import.store);
    }

    cli_document_free(&doc);
    free(data);

    return rc;
}


cli_rc_t
cli_store_copy(cli_t *cli)
{
    cli_rc_t      rc;
    cli_store_t   from;
    cli_import_t  import;

    rc = cli_store_open(&from, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_document_verify(&from.doc, CLI_STORE);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_open_url(&import.store, cli, cli_value(cli, CLI_OPT_TO),
                                CLI_STORE_WRITE | CLI_STORE_CREATE);

        if (rc == CLI_DONE) {
            import.doc = &from.doc;
            rc = cli_import_in(&import);
        }

        cli_store_close(&import.store);
    }

    cli_store_close(&from);

    return rc;
}


static cli_rc_t
cli_import_in(cli_import_t *import)
{
    size_t    i, changes;
    json_t   *sentence;
    cli_rc_t  rc;

    import->notes = json_array();
    rc = import->notes ? CLI_DONE : cli_nomem();

    for (i = 0; rc == CLI_DONE && i < import->doc->n; i++) {
        rc = cli_import_record(import, import->doc->entries[i]);
    }

    changes = import->store.nchanges;

    if (rc == CLI_DONE) {
        rc = cli_store_commit(&import->store);
    }

    if (rc == CLI_DONE) {
        json_array_foreach(import->notes, i, sentence) {
            cli_note("%s", json_string_value(sentence));
        }

        cli_note("%zu record%s imported, %zu as they were", changes,
                 changes == 1 ? "" : "s", import->doc->n - changes);
    }

    json_decref(import->notes);

    return rc;
}


static cli_rc_t
cli_import_record(cli_import_t *import, const cli_entry_t *entry)
{
    char           name[REG_TEXT_MAX + 1];
    cli_rc_t       rc;
    cli_entry_t   *mine;
    cli_store_t   *store = &import->store;
    reg_record_t  *record, *old;

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(entry->name));

    mine = cli_document_find(&store->doc, entry->type, entry->name);

    if (mine && reg_str_eq(mine->text, entry->text)) {
        return CLI_DONE;
    }

    rc = cli_document_current(import->doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (mine) {
        rc = cli_document_record(&store->doc, mine, &old);

        if (rc == CLI_DONE && old->newer) {
            reg_record_free(old);
            reg_record_free(record);

            return cli_import_note(import, json_sprintf("%s %s: the store has "
                                   "one of a later version, which stays",
                                   reg_record_type_name(entry->type), name));
        }

        if (rc == CLI_DONE) {
            rc = cli_import_merge(import, name, old, record);
            reg_record_free(old);
        }
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, entry->type, name, record->json);
    }

    reg_record_free(record);

    return rc;
}


/* The backup wins, but nothing comes back to life that was put down since. */

static cli_rc_t
cli_import_merge(cli_import_t *import, const char *name,
    const reg_record_t *mine, reg_record_t *record)
{
    cli_rc_t  rc;

    if (record->type == REG_RECORD_KEY) {
        return cli_import_merge_key(import, name, mine, record);
    }

    if (record->type == REG_RECORD_TENANT && mine->u.tenant.suspended
        && !record->u.tenant.suspended)
    {
        rc = cli_import_note(import, json_sprintf("tenant %s stays suspended",
                                                  name));

        return rc == CLI_DONE ? cli_json_set(record->json, "suspended",
                                             json_true())
                              : rc;
    }

    return CLI_DONE;
}


static cli_rc_t
cli_import_merge_key(cli_import_t *import, const char *id,
    const reg_record_t *mine, reg_record_t *record)
{
    int64_t                  end;
    cli_rc_t                 rc;
    const reg_key_record_t  *old, *key;

    old = &mine->u.key;
    key = &record->u.key;

    if (!reg_str_eq(old->hash, key->hash)) {
        return cli_fail(CLI_NO, "key %s has one hash in the store and another "
                        "in the backup: these are two keys", id);
    }

    rc = CLI_DONE;
    end = cli_import_end(import->store.cli, old, key);

    if (end != key->expires_at) {
        rc = cli_json_set(record->json, "expires_at", cli_json_time(end));
    }

    if (rc == CLI_DONE && old->rotated_to.len) {
        rc = cli_import_keep(record->json, mine->json, "rotated_to");
    }

    if (rc == CLI_DONE && old->tokens_not_before != REG_TIME_NONE
        && (key->tokens_not_before == REG_TIME_NONE
            || key->tokens_not_before < old->tokens_not_before))
    {
        rc = cli_import_keep(record->json, mine->json, "tokens_not_before");
    }

    if (rc != CLI_DONE || old->revoked_at == REG_TIME_NONE) {
        return rc;
    }

    if (key->revoked_at == REG_TIME_NONE) {
        rc = cli_import_note(import, json_sprintf("key %s stays revoked", id));
    }

    if (rc == CLI_DONE) {
        rc = cli_import_keep(record->json, mine->json, "revoked_at");
    }

    if (rc == CLI_DONE) {
        rc = cli_import_keep(record->json, mine->json, "reason");
    }

    return rc;
}


static cli_rc_t
cli_import_note(cli_import_t *import, json_t *sentence)
{
    return json_array_append_new(import->notes, sentence) == 0 ? CLI_DONE
                                                               : cli_nomem();
}


static cli_rc_t
cli_import_keep(json_t *json, const json_t *mine, const char *member)
{
    json_t  *value;

    value = json_object_get(mine, member);

    if (value == NULL) {
        (void) json_object_del(json, member);
        return CLI_DONE;
    }

    return cli_json_set(json, member, json_incref(value));
}


/* A key that has run out, or will because it was rotated, ends no later. */

static int64_t
cli_import_end(const cli_t *cli, const reg_key_record_t *mine,
    const reg_key_record_t *key)
{
    if (mine->expires_at == REG_TIME_NONE
        || (mine->expires_at > cli->now && mine->rotated_to.len == 0))
    {
        return key->expires_at;
    }

    if (key->expires_at != REG_TIME_NONE
        && key->expires_at < mine->expires_at)
    {
        return key->expires_at;
    }

    return mine->expires_at;
}
