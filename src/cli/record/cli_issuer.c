/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * issuer set, list, show and remove: whose tokens are good here, and for whom.
 */

#include <stdlib.h>

#include "cli_file.h"
#include "cli_issuer.h"
#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_issuer_read(const cli_t *cli, json_t **json);
static cli_rc_t cli_issuer_own(const cli_t *cli, json_t *json);
static cli_rc_t cli_issuer_put(cli_store_t *store, json_t *json);
static void cli_issuer_note_strangers(const reg_issuer_record_t *issuer);
static int cli_issuer_pins_one(const reg_rule_t *rule,
    const char *const *claims);
static json_t *cli_issuer_view(const cli_store_t *store,
    const reg_record_t *record);
static json_t *cli_issuer_row(const cli_store_t *store,
    const reg_record_t *record);


/*
 * Issuers that anybody can have tokens of, and the claims that say whose they
 * are: a rule that asks for none of them lets in the whole world.
 */

static const struct {
    const char  *issuer;
    const char  *claims[10];
} cli_public_issuers[] = {
    { "https://token.actions.githubusercontent.com",
      { "repository", "repository_id", "repository_owner",
        "repository_owner_id", "enterprise", "enterprise_id",
        "job_workflow_ref", "workflow_ref", "sub", NULL } },
    { "https://gitlab.com",
      { "project_id", "project_path", "namespace_id", "namespace_path",
        "user_id", "user_login", "ci_config_ref_uri", "sub", NULL } }
};


cli_rc_t
cli_issuer_set(cli_t *cli)
{
    size_t       changes;
    json_t      *json;
    cli_rc_t     rc;
    cli_store_t  store;

    rc = cli_issuer_read(cli, &json);

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE | CLI_STORE_CREATE);

    if (rc == CLI_DONE) {
        rc = cli_issuer_put(&store, json);
    }

    changes = store.nchanges;

    if (rc == CLI_DONE) {
        rc = cli_store_commit(&store);
    }

    if (rc == CLI_DONE && changes == 0) {
        cli_note("nothing to do: issuer %s is like that", cli->operand);
    }

    cli_store_close(&store);
    json_decref(json);

    return rc;
}


cli_rc_t
cli_issuer_list(cli_t *cli)
{
    static const cli_column_t  columns[] = {
        { "NAME", "name" }, { "ISSUER", "issuer" }, { "AUDIENCE", "audience" },
        { "TENANTS", "tenants" }, { NULL, NULL }
    };

    return cli_list(cli, REG_RECORD_ISSUER, columns, NULL, cli_issuer_row);
}


cli_rc_t
cli_issuer_show(cli_t *cli)
{
    return cli_list_one(cli, REG_RECORD_ISSUER, cli_issuer_view);
}


cli_rc_t
cli_issuer_remove(cli_t *cli)
{
    return cli_list_remove(cli, REG_RECORD_ISSUER);
}


cli_rc_t
cli_issuer_check(const cli_store_t *store, const char *name)
{
    char           what[sizeof("issuer /64: rule") + 2 * REG_NAME_MAX];
    char           rule[REG_RULE_NAME_MAX];
    size_t         i;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record, key;

    entry = cli_document_find(&store->doc, REG_RECORD_ISSUER, reg_str(name));

    rc = cli_document_record(&store->doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    for (i = 0; rc == CLI_DONE && i < record->u.issuer.nrules; i++) {

        reg_issuer_key(&key, &record->u.issuer, i, REG_STR("any"), rule);

        (void) snprintf(what, sizeof(what), "rule %s", rule);

        rc = cli_identity_check(store, &key, what);
    }

    if (rc == CLI_DONE) {
        cli_issuer_note_strangers(&record->u.issuer);
    }

    reg_record_free(record);

    return rc;
}


static cli_rc_t
cli_issuer_read(const cli_t *cli, json_t **json)
{
    char          *data;
    size_t         len;
    cli_rc_t       rc;
    const char    *path;
    json_error_t   error;

    path = cli_value(cli, CLI_OPT_FILE);

    rc = cli_input_read(path, &data, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    *json = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);

    free(data);

    if (*json == NULL) {
        return cli_fail(CLI_USAGE, "%s: line %d: %s", path, error.line,
                        error.text);
    }

    rc = json_is_object(*json)
         ? cli_issuer_own(cli, *json)
         : cli_fail(CLI_USAGE, "%s: an issuer is an object", path);

    if (rc != CLI_DONE) {
        json_decref(*json);
    }

    return rc;
}


/* A file may leave them out, but not contradict. */

static cli_rc_t
cli_issuer_own(const cli_t *cli, json_t *json)
{
    cli_rc_t  rc;

    rc = CLI_DONE;

    if (json_object_get(json, "version") == NULL) {
        rc = cli_json_set(json, "version", json_integer(REG_RECORD_VERSION));
    }

    if (rc == CLI_DONE && json_object_get(json, "name") == NULL) {
        rc = cli_json_set_text(json, "name", cli->operand);
    }

    return rc;
}


static cli_rc_t
cli_issuer_put(cli_store_t *store, json_t *json)
{
    cli_rc_t       rc;
    const char    *name;
    cli_entry_t   *entry;
    reg_record_t  *record;

    name = store->cli->operand;

    entry = cli_document_find(&store->doc, REG_RECORD_ISSUER, reg_str(name));

    /* one of a later version is not for us to replace */

    if (entry) {
        rc = cli_document_current(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        reg_record_free(record);
    }

    rc = cli_store_put(store, REG_RECORD_ISSUER, name, json);

    return rc == CLI_DONE ? cli_issuer_check(store, name) : rc;
}


static void
cli_issuer_note_strangers(const reg_issuer_record_t *issuer)
{
    size_t  i, n;

    for (n = 0; n < sizeof(cli_public_issuers) / sizeof(cli_public_issuers[0]);
         n++)
    {
        if (!reg_str_eq(issuer->issuer, reg_str(cli_public_issuers[n].issuer)))
        {
            continue;
        }

        for (i = 0; i < issuer->nrules; i++) {

            if (!cli_issuer_pins_one(&issuer->rules[i],
                                     cli_public_issuers[n].claims))
            {
                cli_note("rule %.*s/%zu admits strangers: everybody can have a "
                         "token of %s, so ask for the owner, such as \"%s\"",
                         REG_FMT(issuer->name), i + 1,
                         cli_public_issuers[n].issuer,
                         cli_public_issuers[n].claims[1]);
            }
        }
    }
}


/* Text that begins with a wildcard leaves the owner open. */

static int
cli_issuer_pins_one(const reg_rule_t *rule, const char *const *claims)
{
    size_t       i;
    const char  *text;

    for ( /* void */ ; *claims; claims++) {

        for (i = 0; i < rule->nclaims; i++) {
            text = json_string_value(rule->claims[i].value);

            if (reg_str_eq(rule->claims[i].name, reg_str(*claims))
                && (text == NULL || text[0] != '*'))
            {
                return 1;
            }
        }
    }

    return 0;
}


static json_t *
cli_issuer_view(const cli_store_t *store, const reg_record_t *record)
{
    char    *text, name[sizeof("rule ") + 8];
    size_t   i;
    json_t  *view, *rules, *rule;

    rules = json_object_get(record->json, "rules");

    view = json_pack("{s:O,s:O,s:O}",
                     "name", json_object_get(record->json, "name"),
                     "issuer", json_object_get(record->json, "issuer"),
                     "audience", json_object_get(record->json, "audience"));

    if (view && store->cli->json) {

        if (json_object_set(view, "rules", rules) != 0) {
            json_decref(view);
            return NULL;
        }

        return view;
    }

    /* for people, a line each */

    json_array_foreach(rules, i, rule) {

        text = json_dumps(rule, 0);
        (void) snprintf(name, sizeof(name), "rule %u", (unsigned) i + 1);

        if (text == NULL
            || json_object_set_new(view, name, json_string(text)) != 0)
        {
            free(text);
            json_decref(view);
            return NULL;
        }

        free(text);
    }

    return view;
}


/* For people, the tenants in place of the rules. */

static json_t *
cli_issuer_row(const cli_store_t *store, const reg_record_t *record)
{
    size_t      i, n;
    json_t     *view, *tenants, *tenant;

    view = cli_issuer_view(store, record);

    if (view == NULL || store->cli->json) {
        return view;
    }

    tenants = json_array();

    for (i = 0; i < record->u.issuer.nrules; i++) {
        tenant = cli_json_text(record->u.issuer.rules[i].tenant);

        for (n = 0; n < json_array_size(tenants); n++) {
            if (json_equal(json_array_get(tenants, n), tenant)) {
                break;
            }
        }

        if (n == json_array_size(tenants)) {
            (void) json_array_append(tenants, tenant);
        }

        json_decref(tenant);
    }

    if (json_object_set_new(view, "tenants", tenants) != 0) {
        json_decref(view);
        return NULL;
    }

    return view;
}
