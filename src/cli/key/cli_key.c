/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * key list and key show.
 */

#include "cli_key.h"
#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_MINUTE  60
#define CLI_HOUR    (60 * CLI_MINUTE)
#define CLI_DAY     (24 * CLI_HOUR)

#define CLI_EXPIRES_SOON  (14 * CLI_DAY)    /* that the list says so */


/* In the order in which the gateway looks for reasons to deny. */

typedef enum {
    CLI_KEY_REVOKED = 0,
    CLI_KEY_NOT_YET_VALID,
    CLI_KEY_EXPIRED,
    CLI_KEY_NO_TENANT,
    CLI_KEY_SUSPENDED,
    CLI_KEY_ACTIVE
} cli_key_state_t;


static int cli_key_wanted(const cli_t *cli, const reg_record_t *record);
static cli_key_state_t cli_key_state(const cli_store_t *store,
    const reg_record_t *record);
static json_t *cli_key_state_text(const cli_store_t *store,
    const reg_record_t *record);
static json_t *cli_key_networks(const reg_record_t *record);


cli_rc_t
cli_key_list(cli_t *cli)
{
    static const cli_column_t  columns[] = {
        { "ID", "id" }, { "NAME", "name" }, { "TENANT", "tenant" },
        { "ROLES", "roles" }, { "STATE", "state" },
        { "EXPIRES", "expires_at" }, { "CREATED", "created_at" },
        { NULL, NULL }
    };

    return cli_list(cli, REG_RECORD_KEY, columns, cli_key_wanted,
                    cli_key_view);
}


cli_rc_t
cli_key_show(cli_t *cli)
{
    cli_rc_t      rc;
    cli_store_t   store;
    cli_entry_t  *entry;

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_key_need(&store, cli->operand, &entry);
    }

    if (rc == CLI_DONE) {
        rc = cli_list_show(&store, entry, cli_key_view);
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_key_need(const cli_store_t *store, const char *id, cli_entry_t **entry)
{
    /* what is no id may be a part of a secret, so it is not repeated */

    if (reg_api_key_id_check(reg_str(id)) != REG_OK) {
        return cli_fail(CLI_USAGE, "that is no key id: 12 letters and digits");
    }

    return cli_store_need(store, REG_RECORD_KEY, id, entry);
}


json_t *
cli_key_view(const cli_store_t *store, const reg_record_t *record)
{
    const reg_key_record_t  *key = &record->u.key;

    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,"
                     "s:o,s:b}",
                     "id", cli_json_text(key->id),
                     "name", cli_json_text(key->name),
                     "tenant", cli_json_text(key->tenant),
                     "state", cli_key_state_text(store, record),
                     "roles", cli_json_list(key->roles.items, key->roles.n),
                     "scopes", cli_json_list(key->scopes.items,
                                             key->scopes.n),
                     "allow_from", cli_key_networks(record),
                     "limits", cli_json_object(record->json, "limits"),
                     "not_before", cli_json_time(key->not_before),
                     "expires_at", cli_json_time(key->expires_at),
                     "created_at", cli_json_time(key->created_at),
                     "revoked_at", cli_json_time(key->revoked_at),
                     "reason", cli_json_text(key->reason),
                     "rotated_to", cli_json_text(key->rotated_to),
                     "peppered", reg_str_starts(key->hash, REG_STR("hmac-")));
}


static int
cli_key_wanted(const cli_t *cli, const reg_record_t *record)
{
    const char  *tenant;

    tenant = cli_value(cli, CLI_OPT_TENANT);

    return tenant == NULL
           || (!record->newer
               && reg_str_eq(record->u.key.tenant, reg_str(tenant)));
}


static cli_key_state_t
cli_key_state(const cli_store_t *store, const reg_record_t *record)
{
    int                      suspended;
    int64_t                  now;
    cli_entry_t             *entry;
    reg_record_t            *tenant;
    const reg_key_record_t  *key = &record->u.key;

    now = store->cli->now;

    if (key->revoked_at != REG_TIME_NONE) {
        return CLI_KEY_REVOKED;
    }

    if (key->not_before != REG_TIME_NONE && now < key->not_before) {
        return CLI_KEY_NOT_YET_VALID;
    }

    if (key->expires_at != REG_TIME_NONE && now >= key->expires_at) {
        return CLI_KEY_EXPIRED;
    }

    entry = cli_document_find(&store->doc, REG_RECORD_TENANT, key->tenant);

    if (entry == NULL) {
        return CLI_KEY_NO_TENANT;
    }

    /* a broken or newer tenant is as good as a suspended one */

    if (reg_record_parse(&tenant, REG_RECORD_TENANT, entry->name, entry->text,
                         NULL)
        != REG_OK)
    {
        return CLI_KEY_SUSPENDED;
    }

    suspended = tenant->newer || tenant->u.tenant.suspended;

    reg_record_free(tenant);

    return suspended ? CLI_KEY_SUSPENDED : CLI_KEY_ACTIVE;
}


/* One word for programs; for people also when the key will end. */

static json_t *
cli_key_state_text(const cli_store_t *store, const reg_record_t *record)
{
    char             text[64];
    int64_t          left;
    cli_key_state_t  state;

    static const char  *words[] = {
        "revoked", "not_yet_valid", "expired", "no_tenant",
        "suspended", "active"
    };

    static const char  *sentences[] = {
        "revoked", "not yet valid", "expired",
        "no tenant", "suspended", "active"
    };

    state = cli_key_state(store, record);

    if (store->cli->json) {
        return json_string(words[state]);
    }

    if (state != CLI_KEY_ACTIVE || record->u.key.expires_at == REG_TIME_NONE) {
        return json_string(sentences[state]);
    }

    left = record->u.key.expires_at - store->cli->now;

    if (left >= CLI_EXPIRES_SOON) {
        return json_string(sentences[state]);
    }

    (void) snprintf(text, sizeof(text), "expires in %lld%s",
                    (long long) (left >= CLI_DAY ? left / CLI_DAY
                                 : left >= CLI_HOUR ? left / CLI_HOUR
                                 : left >= CLI_MINUTE ? left / CLI_MINUTE
                                 : left),
                    left >= CLI_DAY ? "d" : left >= CLI_HOUR ? "h"
                    : left >= CLI_MINUTE ? "m" : "s");

    return json_string(text);
}


/* As they are written in the record, where they have been checked. */

static json_t *
cli_key_networks(const reg_record_t *record)
{
    json_t  *list;

    list = json_object_get(record->json, "allow_from");

    return json_is_array(list) ? json_incref(list) : json_array();
}
