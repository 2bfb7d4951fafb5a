/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * key rotate: a new key with the grants of the old one, which runs out.
 */

#include <openssl/crypto.h>

#include "cli_key_rotate.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_OVERLAP  (7 * 24 * 60 * 60)     /* seconds */


static cli_rc_t cli_key_rotate_one(cli_t *cli);
static cli_rc_t cli_overlap(const cli_t *cli, int64_t *overlap);
static cli_rc_t cli_key_rotate_in(cli_store_t *store, cli_pepper_t *pepper,
    int64_t overlap, cli_new_key_t *key);
static cli_rc_t cli_key_rotatable(const cli_t *cli,
    const reg_key_record_t *old);
static cli_rc_t cli_key_lifetime(const cli_t *cli,
    const reg_key_record_t *old, int64_t *expires);


cli_rc_t
cli_key_rotate(cli_t *cli)
{
    if ((cli->operand != NULL) == (cli_value(cli, CLI_OPT_DUE) != NULL)) {
        return cli_fail(CLI_USAGE, "give the id of a key, or --due");
    }

    return cli->operand ? cli_key_rotate_one(cli) : cli_key_rotate_due(cli);
}


static cli_rc_t
cli_key_rotate_one(cli_t *cli)
{
    int64_t         overlap;
    cli_rc_t        rc;
    cli_store_t     store;
    cli_pepper_t    pepper;
    cli_new_key_t   key;

    rc = cli_key_output_check(cli);

    if (rc == CLI_DONE) {
        rc = cli_overlap(cli, &overlap);
    }

    if (rc == CLI_DONE) {
        rc = cli_pepper_read(cli, &pepper);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE);

    if (rc == CLI_DONE) {
        store.label = cli->operand;
        rc = cli_key_rotate_in(&store, &pepper, overlap, &key);
    }

    OPENSSL_cleanse(&pepper, sizeof(cli_pepper_t));

    if (rc == CLI_DONE) {
        rc = cli_key_output(&store, &key);
        OPENSSL_cleanse(&key, sizeof(cli_new_key_t));
    }

    cli_store_close(&store);

    return rc;
}


static cli_rc_t
cli_overlap(const cli_t *cli, int64_t *overlap)
{
    const char   *text;
    reg_error_t   error;

    *overlap = CLI_OVERLAP;

    text = cli_value(cli, CLI_OPT_OVERLAP);

    if (text && reg_duration_parse(overlap, reg_str(text), &error) != REG_OK) {
        return cli_fail(CLI_USAGE, "--overlap: %s", error.text);
    }

    return CLI_DONE;
}


static cli_rc_t
cli_key_rotate_in(cli_store_t *store, cli_pepper_t *pepper, int64_t overlap,
    cli_new_key_t *key)
{
    char           until[REG_TIME_LEN + 1];
    json_t        *grants;
    int64_t        end;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    rc = cli_key_need(store, store->cli->operand, &entry);

    if (rc == CLI_DONE) {
        rc = cli_document_current(&store->doc, entry, &record);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    grants = json_object();
    rc = grants ? cli_key_rotatable(store->cli, &record->u.key) : cli_nomem();

    if (rc == CLI_DONE) {
        rc = cli_key_successor(store->cli, record, grants);
    }

    if (rc == CLI_DONE) {
        rc = cli_key_new(store, pepper, grants, key);
    }

    if (rc == CLI_DONE) {
        rc = cli_key_retire(store, record, overlap, key, &end);

        if (rc == CLI_DONE) {
            rc = cli_store_commit(store);
        }

        if (rc == CLI_DONE) {
            reg_time_format(until, end);
            cli_note("key %s follows %s, which ends at %s", key->id,
                     store->cli->operand, until);

        } else {
            OPENSSL_cleanse(key, sizeof(cli_new_key_t));
        }
    }

    json_decref(grants);
    reg_record_free(record);

    return rc;
}


static cli_rc_t
cli_key_rotatable(const cli_t *cli, const reg_key_record_t *old)
{
    if (old->revoked_at != REG_TIME_NONE) {
        return cli_fail(CLI_NO, "key %s is revoked", cli->operand);
    }

    if (old->rotated_to.len) {
        return cli_fail(CLI_NO, "key %s has been rotated to %.*s already",
                        cli->operand, REG_FMT(old->rotated_to));
    }

    return CLI_DONE;
}


cli_rc_t
cli_key_successor(const cli_t *cli, const reg_record_t *record,
    json_t *grants)
{
    size_t                   i;
    json_t                  *value;
    int64_t                  expires;
    cli_rc_t                 rc;
    const reg_key_record_t  *old = &record->u.key;

    static const char  *members[] = {
        "tenant", "name", "roles", "scopes", "allow_from", "limits"
    };

    rc = cli_key_lifetime(cli, old, &expires);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        value = json_object_get(record->json, members[i]);

        if (rc == CLI_DONE && value) {
            rc = cli_json_set(grants, members[i], json_incref(value));
        }
    }

    if (rc == CLI_DONE && old->not_before != REG_TIME_NONE
        && old->not_before > cli->now)
    {
        rc = cli_json_set(grants, "not_before",
                          cli_json_time(old->not_before));
    }

    if (rc == CLI_DONE && expires != REG_TIME_NONE) {
        rc = cli_json_set(grants, "expires_at", cli_json_time(expires));
    }

    return rc;
}


static cli_rc_t
cli_key_lifetime(const cli_t *cli, const reg_key_record_t *old,
    int64_t *expires)
{
    cli_rc_t  rc;

    rc = cli_time(cli, CLI_OPT_EXPIRES, "expires", 1, expires);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (*expires != REG_TIME_NONE) {
        return *expires > cli->now
               ? CLI_DONE
               : cli_fail(CLI_USAGE, "--expires: the key would end before it "
                          "begins");
    }

    if (old->expires_at == REG_TIME_NONE) {
        return CLI_DONE;
    }

    if (old->created_at == REG_TIME_NONE || old->expires_at <= old->created_at)
    {
        return cli_fail(CLI_USAGE, "the record does not tell how long the key "
                        "was meant to live: give --expires");
    }

    *expires = cli->now + (old->expires_at - old->created_at);
    *expires = *expires > CLI_TIME_MAX ? CLI_TIME_MAX : *expires;

    return CLI_DONE;
}


cli_rc_t
cli_key_retire(cli_store_t *store, reg_record_t *record, int64_t overlap,
    const cli_new_key_t *key, int64_t *end)
{
    char      id[REG_API_KEY_ID_LEN + 1];
    cli_rc_t  rc;

    (void) snprintf(id, sizeof(id), "%.*s", REG_FMT(record->u.key.id));

    *end = store->cli->now + overlap;

    if (record->u.key.expires_at != REG_TIME_NONE
        && record->u.key.expires_at < *end)
    {
        *end = record->u.key.expires_at;
    }

    rc = cli_key_check(store, key->id);

    if (rc == CLI_DONE) {
        rc = cli_json_set(record->json, "expires_at", cli_json_time(*end));
    }

    if (rc == CLI_DONE) {
        rc = cli_json_set(record->json, "rotated_to", json_string(key->id));
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_KEY, id, record->json);
    }

    return rc;
}
