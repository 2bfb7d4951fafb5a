/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * key rotate --due: the next key of each that ends soon, for cron.  What has
 * been rotated is not rotated again, so it may run as often as it likes; all of
 * it is written at once, and then printed.
 */

#include <stdlib.h>

#include <openssl/crypto.h>

#include "cli_apply.h"
#include "cli_key_rotate.h"
#include "cli_value.h"
#include "reg_record_json.h"


typedef struct {
    cli_new_key_t   key;
    char            old[REG_API_KEY_ID_LEN + 1];
    char           *label;          /* "TENANT/NAME" */
    int64_t         end;            /* of the old one */
} cli_due_key_t;

typedef struct {
    cli_store_t     store;
    cli_pepper_t    pepper;
    int64_t         due;            /* seconds */
    int64_t         overlap;
    unsigned        left:1;         /* some could not be rotated */
    size_t          n;
    cli_due_key_t  *keys;
} cli_due_t;


static cli_rc_t cli_due_options(const cli_t *cli, cli_due_t *due);
static cli_rc_t cli_due_duration(const cli_t *cli, cli_opt_t opt,
    const char *name, int64_t *seconds);
static cli_rc_t cli_due_find(cli_due_t *due);
static cli_rc_t cli_due_add(cli_due_t *due, const reg_record_t *record);
static cli_rc_t cli_due_rotate(cli_due_t *due, cli_due_key_t *key);
static cli_rc_t cli_due_print(const cli_due_t *due);
static cli_rc_t cli_due_print_key(const cli_due_t *due,
    const cli_due_key_t *key, int first);


cli_rc_t
cli_key_rotate_due(cli_t *cli)
{
    size_t     i;
    cli_rc_t   rc;
    cli_due_t  due;

    memset(&due, 0, sizeof(cli_due_t));

    rc = cli_due_options(cli, &due);

    if (rc == CLI_DONE) {
        rc = cli_pepper_read(cli, &due.pepper);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_store_open(&due.store, cli, CLI_STORE_WRITE);

    if (rc == CLI_DONE) {
        rc = cli_due_find(&due);
    }

    for (i = 0; rc == CLI_DONE && i < due.n; i++) {
        rc = cli_due_rotate(&due, &due.keys[i]);
    }

    OPENSSL_cleanse(&due.pepper, sizeof(cli_pepper_t));

    if (rc == CLI_DONE) {
        rc = cli_store_commit(&due.store);
    }

    if (rc == CLI_DONE) {
        rc = cli_due_print(&due);
    }

    for (i = 0; i < due.n; i++) {
        free(due.keys[i].label);
    }

    if (due.keys) {
        OPENSSL_cleanse(due.keys, due.n * sizeof(cli_due_key_t));
        free(due.keys);
    }

    cli_store_close(&due.store);

    return rc == CLI_DONE && due.left ? CLI_NO : rc;
}


/* By default each key ends when it was to end: cron comes early enough. */

static cli_rc_t
cli_due_options(const cli_t *cli, cli_due_t *due)
{
    cli_rc_t  rc;

    if (cli_value(cli, CLI_OPT_OUTPUT) || cli_value(cli, CLI_OPT_REGISTRY)
        || cli_value(cli, CLI_OPT_EXPIRES))
    {
        return cli_fail(CLI_USAGE, "--output, --registry and --expires are for "
                        "one key, not for --due");
    }

    rc = cli_due_duration(cli, CLI_OPT_DUE, "due", &due->due);

    due->overlap = due->due;

    return rc == CLI_DONE ? cli_due_duration(cli, CLI_OPT_OVERLAP, "overlap",
                                             &due->overlap)
                          : rc;
}


static cli_rc_t
cli_due_duration(const cli_t *cli, cli_opt_t opt, const char *name,
    int64_t *seconds)
{
    const char   *text;
    reg_error_t   error;

    text = cli_value(cli, opt);

    if (text && reg_duration_parse(seconds, reg_str(text), &error) != REG_OK) {
        return cli_fail(CLI_USAGE, "--%s: %s", name, error.text);
    }

    return CLI_DONE;
}


/* Before any is made, for the new ones come into the store, too. */

static cli_rc_t
cli_due_find(cli_due_t *due)
{
    size_t                   cursor;
    int64_t                  now;
    cli_rc_t                 rc;
    cli_entry_t             *entry;
    reg_record_t            *record;
    const reg_key_record_t  *key;

    now = due->store.cli->now;
    cursor = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE) {
        entry = cli_document_next(&due->store.doc, REG_RECORD_KEY, &cursor);

        if (entry == NULL) {
            break;
        }

        rc = cli_document_record(&due->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            break;
        }

        key = &record->u.key;

        if (!record->newer && key->revoked_at == REG_TIME_NONE
            && key->rotated_to.len == 0 && key->expires_at != REG_TIME_NONE
            && key->expires_at > now && key->expires_at - now <= due->due)
        {
            rc = cli_due_add(due, record);
        }

        reg_record_free(record);
    }

    return rc;
}


static cli_rc_t
cli_due_add(cli_due_t *due, const reg_record_t *record)
{
    cli_due_key_t           *keys;
    const reg_key_record_t  *key;

    key = &record->u.key;

    /* its next key would be due at once, and so on */

    if (key->created_at == REG_TIME_NONE
        || key->expires_at - key->created_at <= due->due)
    {
        cli_note("key %.*s is left alone: it was not meant to live longer than "
                 "--due, or nobody knows", REG_FMT(key->id));
        due->left = 1;

        return CLI_DONE;
    }

    keys = calloc(due->n + 1, sizeof(cli_due_key_t));

    if (keys == NULL) {
        return cli_nomem();
    }

    /* no secret is in it so far */

    if (due->n) {
        memcpy(keys, due->keys, due->n * sizeof(cli_due_key_t));
    }

    free(due->keys);
    due->keys = keys;

    keys = &keys[due->n++];

    (void) snprintf(keys->old, sizeof(keys->old), "%.*s", REG_FMT(key->id));
    keys->label = cli_apply_label(key);

    return keys->label ? CLI_DONE : cli_nomem();
}


static cli_rc_t
cli_due_rotate(cli_due_t *due, cli_due_key_t *key)
{
    json_t        *grants;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    entry = cli_document_find(&due->store.doc, REG_RECORD_KEY,
                              reg_str(key->old));

    rc = cli_document_current(&due->store.doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    grants = json_object();
    rc = grants ? cli_key_successor(due->store.cli, record, grants)
                : cli_nomem();

    if (rc == CLI_DONE) {
        rc = cli_key_new(&due->store, &due->pepper, grants, &key->key);
    }

    if (rc == CLI_DONE) {
        due->store.label = key->old;
        rc = cli_key_retire(&due->store, record, due->overlap, &key->key,
                            &key->end);
    }

    json_decref(grants);
    reg_record_free(record);

    return rc;
}


static cli_rc_t
cli_due_print(const cli_due_t *due)
{
    char      until[REG_TIME_LEN + 1];
    size_t    i;
    cli_rc_t  rc;

    rc = CLI_DONE;

    if (due->store.cli->json) {
        rc = cli_secret_write("[", 1);
    }

    for (i = 0; rc == CLI_DONE && i < due->n; i++) {

        reg_time_format(until, due->keys[i].end);
        cli_note("key %s follows %s, which ends at %s", due->keys[i].key.id,
                 due->keys[i].old, until);

        rc = cli_due_print_key(due, &due->keys[i], i == 0);

        if (rc != CLI_DONE) {
            cli_note("nobody has seen key %s, and those after it: revoke them",
                     due->keys[i].key.id);
        }
    }

    if (due->n == 0) {
        cli_note("nothing to do");
    }

    return rc == CLI_DONE && due->store.cli->json ? cli_secret_write("]\n", 2)
                                                  : rc;
}


/* As apply prints new keys. */

static cli_rc_t
cli_due_print_key(const cli_due_t *due, const cli_due_key_t *key, int first)
{
    int        len;
    char      *text, *dump, until[REG_TIME_LEN + 1];
    size_t     size;
    json_t    *json;
    cli_rc_t   rc;

    reg_time_format(until, key->end);

    json = json_pack("{s:s,s:s,s:s,s:s}", "name", key->label,
                     "id", key->key.id, "follows", key->old,
                     "follows_until", until);

    dump = json ? json_dumps(json, 0) : NULL;

    json_decref(json);

    size = dump ? strlen(dump) + REG_API_KEY_LEN + 32 : 0;
    text = dump ? malloc(size) : NULL;

    if (text == NULL) {
        free(dump);
        return cli_nomem();
    }

    len = due->store.cli->json
          ? snprintf(text, size, "%s{\"key\": \"%.*s\", %s",
                     first ? "" : ",\n ", (int) REG_API_KEY_LEN,
                     (const char *) key->key.text, dump + 1)
          : snprintf(text, size, "%s\t%.*s\n", key->label,
                     (int) REG_API_KEY_LEN, (const char *) key->key.text);

    rc = cli_secret_write(text, (size_t) len);

    OPENSSL_cleanse(text, size);
    free(text);
    free(dump);

    return rc;
}
