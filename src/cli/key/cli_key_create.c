/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * key create, and what it shares with others that make keys.
 */

#include <openssl/crypto.h>

#include "cli_key.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_key_grants(const cli_t *cli, json_t *grants);
static cli_rc_t cli_key_grant_limits(const cli_t *cli, json_t *grants);
static cli_rc_t cli_key_grant_list(const cli_t *cli, cli_opt_t opt,
    const char *name, json_t *grants, const char *member);
static cli_rc_t cli_key_create_in(cli_store_t *store, cli_pepper_t *pepper,
    json_t *grants, cli_new_key_t *key);
static cli_rc_t cli_key_note_same_name(const cli_store_t *store,
    const json_t *grants);


cli_rc_t
cli_key_create(cli_t *cli)
{
    json_t         *grants;
    cli_rc_t        rc;
    cli_store_t     store;
    cli_pepper_t    pepper;
    cli_new_key_t   key;

    rc = cli_key_output_check(cli);

    if (rc != CLI_DONE) {
        return rc;
    }

    grants = json_object();
    rc = grants ? cli_key_grants(cli, grants) : cli_nomem();

    if (rc == CLI_DONE) {
        rc = cli_pepper_read(cli, &pepper);
    }

    if (rc != CLI_DONE) {
        json_decref(grants);
        return rc;
    }

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE);

    if (rc == CLI_DONE) {
        store.label = "(new)";
        rc = cli_key_create_in(&store, &pepper, grants, &key);
    }

    OPENSSL_cleanse(&pepper, sizeof(cli_pepper_t));

    if (rc == CLI_DONE) {
        rc = cli_key_output(&store, &key);
        OPENSSL_cleanse(&key, sizeof(cli_new_key_t));
    }

    cli_store_close(&store);
    json_decref(grants);

    return rc;
}


cli_rc_t
cli_key_new(cli_store_t *store, cli_pepper_t *pepper, json_t *grants,
    cli_new_key_t *key)
{
    char        hash[REG_API_KEY_HASH_MAX];
    size_t      len;
    json_t     *json;
    cli_rc_t    rc;
    reg_str_t   text, id;

    text = (reg_str_t) { REG_API_KEY_LEN, key->text };

    do {
        if (reg_api_key_generate(key->text) != REG_OK
            || reg_api_key_parse(&id, text) != REG_OK
            || reg_api_key_hash(hash, &len, text, cli_pepper_text(pepper))
               != REG_OK)
        {
            return cli_fail(CLI_STORE, "the random generator or the hash of "
                            "libcrypto failed");
        }

    } while (cli_document_find(&store->doc, REG_RECORD_KEY, id));

    memcpy(key->id, id.data, REG_API_KEY_ID_LEN);
    key->id[REG_API_KEY_ID_LEN] = '\0';

    json = json_pack("{s:i,s:s,s:O,s:O*,s:s%,s:O*,s:O*,s:O*,s:O*,s:O*,s:O*,"
                     "s:o}",
                     "version", REG_RECORD_VERSION,
                     "id", key->id,
                     "tenant", json_object_get(grants, "tenant"),
                     "name", json_object_get(grants, "name"),
                     "hash", hash, len,
                     "roles", json_object_get(grants, "roles"),
                     "scopes", json_object_get(grants, "scopes"),
                     "allow_from", json_object_get(grants, "allow_from"),
                     "limits", json_object_get(grants, "limits"),
                     "not_before", json_object_get(grants, "not_before"),
                     "expires_at", json_object_get(grants, "expires_at"),
                     "created_at", cli_json_time(store->cli->now));

    rc = json ? cli_store_put(store, REG_RECORD_KEY, key->id, json)
              : cli_nomem();

    json_decref(json);

    if (rc == CLI_DONE) {
        store->changes[store->nchanges - 1].fresh = 1;

    } else {
        OPENSSL_cleanse(key, sizeof(cli_new_key_t));
    }

    return rc;
}


cli_rc_t
cli_key_check(const cli_store_t *store, const char *id)
{
    char           what[sizeof("key ") + REG_TEXT_MAX];
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    entry = cli_document_find(&store->doc, REG_RECORD_KEY, reg_str(id));

    rc = cli_document_record(&store->doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    (void) snprintf(what, sizeof(what), "key %s",
                    store->label ? store->label : id);

    rc = cli_identity_check(store, record, what);

    reg_record_free(record);

    return rc;
}


static cli_rc_t
cli_key_grants(const cli_t *cli, json_t *grants)
{
    int64_t      begin, end;
    cli_rc_t     rc;
    const char  *name;

    rc = cli_time(cli, CLI_OPT_EXPIRES, "expires", 1, &end);

    if (rc == CLI_DONE) {
        rc = cli_time(cli, CLI_OPT_NOT_BEFORE, "not-before", 1, &begin);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    if (end != REG_TIME_NONE && (end <= cli->now || end <= begin)) {
        return cli_fail(CLI_USAGE, "--expires: the key would end before it "
                        "begins");
    }

    rc = cli_json_set_text(grants, "tenant", cli_value(cli, CLI_OPT_TENANT));

    name = cli_value(cli, CLI_OPT_NAME);

    if (rc == CLI_DONE && name) {
        rc = cli_json_set_text(grants, "name", name);
    }

    if (rc == CLI_DONE) {
        rc = cli_key_grant_list(cli, CLI_OPT_ROLE, "role", grants, "roles");
    }

    if (rc == CLI_DONE) {
        rc = cli_key_grant_list(cli, CLI_OPT_SCOPE, "scope", grants, "scopes");
    }

    if (rc == CLI_DONE) {
        rc = cli_key_grant_list(cli, CLI_OPT_ALLOW_FROM, "allow-from", grants,
                                "allow_from");
    }

    if (rc == CLI_DONE) {
        rc = cli_key_grant_limits(cli, grants);
    }

    if (rc == CLI_DONE && begin != REG_TIME_NONE) {
        rc = cli_json_set(grants, "not_before", cli_json_time(begin));
    }

    if (rc == CLI_DONE && end != REG_TIME_NONE) {
        rc = cli_json_set(grants, "expires_at", cli_json_time(end));
    }

    return rc;
}


static cli_rc_t
cli_key_grant_list(const cli_t *cli, cli_opt_t opt, const char *name,
    json_t *grants, const char *member)
{
    json_t    *list;
    cli_rc_t   rc;

    rc = cli_json_values(cli, opt, name, &list);

    return rc == CLI_DONE && list ? cli_json_set(grants, member, list) : rc;
}


static cli_rc_t
cli_key_grant_limits(const cli_t *cli, json_t *grants)
{
    json_t    *limits;
    cli_rc_t   rc;

    limits = json_object();

    rc = cli_json_pairs(cli, CLI_OPT_LIMIT, "limit", limits);

    if (rc == CLI_DONE && json_object_size(limits)) {
        rc = cli_json_set(grants, "limits", json_incref(limits));
    }

    json_decref(limits);

    return rc;
}


static cli_rc_t
cli_key_create_in(cli_store_t *store, cli_pepper_t *pepper, json_t *grants,
    cli_new_key_t *key)
{
    cli_rc_t  rc;

    rc = cli_key_note_same_name(store, grants);

    if (rc == CLI_DONE) {
        rc = cli_key_new(store, pepper, grants, key);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_key_check(store, key->id);

    if (rc == CLI_DONE) {
        rc = cli_store_commit(store);
    }

    if (rc != CLI_DONE) {
        OPENSSL_cleanse(key, sizeof(cli_new_key_t));
        return rc;
    }

    if (!json_object_get(grants, "roles") && !json_object_get(grants, "scopes"))
    {
        cli_note("key %s has neither role nor scope: it can log in and nothing "
                 "else", key->id);
    }

    return CLI_DONE;
}


/* Not an error, but apply and people tell keys by their names. */

static cli_rc_t
cli_key_note_same_name(const cli_store_t *store, const json_t *grants)
{
    size_t                   cursor;
    cli_rc_t                 rc;
    reg_str_t                tenant, name;
    cli_entry_t             *entry;
    reg_record_t            *record;
    const reg_key_record_t  *key;

    if (json_object_get(grants, "name") == NULL) {
        return CLI_DONE;
    }

    tenant = reg_str(json_string_value(json_object_get(grants, "tenant")));
    name = reg_str(json_string_value(json_object_get(grants, "name")));

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&store->doc, REG_RECORD_KEY, &cursor);

        if (entry == NULL) {
            return CLI_DONE;
        }

        rc = cli_document_record(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        key = &record->u.key;

        if (!record->newer && key->revoked_at == REG_TIME_NONE
            && key->rotated_to.len == 0
            && reg_str_eq(key->tenant, tenant) && reg_str_eq(key->name, name))
        {
            cli_note("tenant %.*s already has a key of that name, %.*s",
                     REG_FMT(tenant), REG_FMT(key->id));
        }

        reg_record_free(record);
    }
}
