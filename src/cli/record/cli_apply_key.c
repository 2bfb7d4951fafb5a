/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Keys of apply.  A file cannot hold a secret, so a key is told by its tenant
 * and name: the one that is neither revoked nor rotated.
 */

#include <stdlib.h>

#include <openssl/crypto.h>

#include "cli_apply.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_apply_name(cli_apply_t *apply, const reg_record_t *record);
static cli_rc_t cli_apply_key_change(cli_apply_t *apply, const char *name,
    const char *id, json_t *spec);
static cli_rc_t cli_apply_key_create(cli_apply_t *apply, const char *name,
    json_t *spec);
static cli_rc_t cli_apply_grants(cli_apply_t *apply, const char *name,
    json_t *spec, json_t *grants);
static cli_rc_t cli_apply_set_members(json_t *json, json_t *spec);
static json_t *cli_apply_value(const char *member, json_t *value);
static cli_rc_t cli_apply_expires_in(const cli_t *cli, json_t *spec,
    json_t *grants);


cli_rc_t
cli_apply_names(cli_apply_t *apply)
{
    size_t         cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    apply->names = json_object();

    if (apply->names == NULL) {
        return cli_nomem();
    }

    cursor = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE) {
        entry = cli_document_next(&apply->store.doc, REG_RECORD_KEY, &cursor);

        if (entry == NULL) {
            break;
        }

        rc = cli_document_record(&apply->store.doc, entry, &record);

        if (rc == CLI_DONE) {
            rc = cli_apply_name(apply, record);
            reg_record_free(record);
        }
    }

    return rc;
}


cli_rc_t
cli_apply_key(cli_apply_t *apply, const char *name, json_t *spec)
{
    json_t    *id;
    cli_rc_t   rc;

    id = json_object_get(apply->names, name);

    if (json_is_false(id)) {
        return cli_fail(CLI_NO, "two keys are called %s: revoke one of them, "
                        "or rotate it", name);
    }

    apply->store.label = name;

    rc = id ? cli_apply_key_change(apply, name, json_string_value(id), spec)
            : cli_apply_key_create(apply, name, spec);

    apply->store.label = NULL;

    return rc;
}


char *
cli_apply_label(const reg_key_record_t *key)
{
    char    *label;
    size_t   size;

    size = key->tenant.len + 1 + key->name.len + 1;
    label = malloc(size);

    if (label) {
        (void) snprintf(label, size, "%.*s/%.*s", REG_FMT(key->tenant),
                        REG_FMT(key->name));
    }

    return label;
}


static cli_rc_t
cli_apply_name(cli_apply_t *apply, const reg_record_t *record)
{
    char                    *label;
    json_t                  *value;
    cli_rc_t                 rc;
    const reg_key_record_t  *key = &record->u.key;

    if (record->newer || key->revoked_at != REG_TIME_NONE
        || key->rotated_to.len || key->name.len == 0)
    {
        return CLI_DONE;
    }

    label = cli_apply_label(key);
    if (label == NULL) {
        return cli_nomem();
    }

    value = json_object_get(apply->names, label) ? json_false()
                                                 : cli_json_text(key->id);

    rc = cli_json_set(apply->names, label, value);

    free(label);

    return rc;
}


static cli_rc_t
cli_apply_key_change(cli_apply_t *apply, const char *name, const char *id,
    json_t *spec)
{
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    entry = cli_document_find(&apply->store.doc, REG_RECORD_KEY, reg_str(id));

    rc = cli_document_current(&apply->store.doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_apply_set_members(record->json, spec);

    if (rc == CLI_DONE) {
        rc = cli_apply_put(apply, REG_RECORD_KEY, id, name, record->json,
                           NULL);
    }

    if (rc == CLI_DONE) {
        rc = cli_key_check(&apply->store, id);
    }

    reg_record_free(record);

    return rc;
}


static cli_rc_t
cli_apply_key_create(cli_apply_t *apply, const char *name, json_t *spec)
{
    json_t         *grants;
    cli_rc_t        rc;
    cli_new_key_t   key;

    grants = json_object();
    if (grants == NULL) {
        return cli_nomem();
    }

    rc = cli_apply_grants(apply, name, spec, grants);

    if (rc == CLI_DONE) {
        rc = cli_key_new(&apply->store, &apply->pepper, grants, &key);
    }

    json_decref(grants);

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_key_check(&apply->store, key.id);

    if (rc == CLI_DONE) {
        rc = cli_apply_step(apply, NULL, key.id, name, &key);
    }

    OPENSSL_cleanse(&key, sizeof(cli_new_key_t));

    return rc;
}


static cli_rc_t
cli_apply_grants(cli_apply_t *apply, const char *name, json_t *spec,
    json_t *grants)
{
    int64_t      end;
    cli_rc_t     rc;
    const char  *slash, *text;

    slash = strchr(name, '/');

    rc = cli_json_set(grants, "tenant",
                      json_stringn(name, (size_t) (slash - name)));

    if (rc == CLI_DONE) {
        rc = cli_json_set(grants, "name", json_string(slash + 1));
    }

    if (rc == CLI_DONE) {
        rc = cli_apply_set_members(grants, spec);
    }

    if (rc == CLI_DONE) {
        rc = cli_apply_expires_in(apply->cli, spec, grants);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    text = json_string_value(json_object_get(grants, "expires_at"));

    if (text && reg_time_parse(&end, reg_str(text), NULL) == REG_OK
        && end <= apply->cli->now)
    {
        return cli_fail(CLI_USAGE, "%s: key \"%.128s\" would end before it "
                        "begins", apply->path, name);
    }

    return CLI_DONE;
}


/* A member that is not named stays, one that is null goes. */

static cli_rc_t
cli_apply_set_members(json_t *json, json_t *spec)
{
    json_t      *value;
    cli_rc_t     rc;
    const char  *member;

    json_object_foreach(spec, member, value) {

        if (strcmp(member, "expires_in") == 0) {
            continue;
        }

        if (json_is_null(value)) {
            (void) json_object_del(json, member);
            continue;
        }

        rc = cli_json_set(json, member, cli_apply_value(member, value));

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


/* Times are written in one form, so that equal ones are no change. */

static json_t *
cli_apply_value(const char *member, json_t *value)
{
    int64_t      seconds;
    const char  *text;

    text = json_string_value(value);

    if (text && (strcmp(member, "expires_at") == 0
                 || strcmp(member, "not_before") == 0)
        && reg_time_parse(&seconds, reg_str(text), NULL) == REG_OK)
    {
        return cli_json_time(seconds);
    }

    return json_incref(value);
}


/* Counts from now on, so it means something for a new key only. */

static cli_rc_t
cli_apply_expires_in(const cli_t *cli, json_t *spec, json_t *grants)
{
    int64_t      duration;
    const char  *text;

    text = json_string_value(json_object_get(spec, "expires_in"));

    if (text == NULL
        || reg_duration_parse(&duration, reg_str(text), NULL) != REG_OK)
    {
        return CLI_DONE;
    }

    return cli_json_set(grants, "expires_at",
                        cli_json_time(cli->now + duration));
}
