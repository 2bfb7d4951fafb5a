/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * role set, role list and role show.
 */

#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_role_change(cli_store_t *store);
static json_t *cli_role_view(const cli_store_t *store,
    const reg_record_t *record);
static json_t *cli_role_object(const reg_role_record_t *role, int builtin);


/* The names under which reg_role_builtin() knows them. */

static const char  *cli_builtin_roles[] = {
    "image-puller", "image-pusher", "registry-admin"
};


cli_rc_t
cli_role_set(cli_t *cli)
{
    return cli_list_set(cli, REG_RECORD_ROLE, cli_role_change);
}


cli_rc_t
cli_role_list(cli_t *cli)
{
    size_t       i;
    cli_rc_t     rc;
    cli_rows_t   rows;
    cli_store_t  store;

    static const cli_column_t  columns[] = {
        { "NAME", "name" }, { "BUILT IN", "builtin" }, { "SCOPES", "scopes" },
        { NULL, NULL }
    };

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc != CLI_DONE) {
        cli_store_close(&store);
        return rc;
    }

    cli_rows_init(&rows, cli, columns);

    for (i = 0; i < sizeof(cli_builtin_roles) / sizeof(char *); i++) {
        cli_rows_add(&rows,
                     cli_role_object(
                         reg_role_builtin(reg_str(cli_builtin_roles[i])), 1));
    }

    rc = cli_list_add(&rows, &store, REG_RECORD_ROLE, NULL, cli_role_view);

    if (cli_rows_end(&rows) != CLI_DONE) {
        rc = CLI_STORE;
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_role_show(cli_t *cli)
{
    cli_rc_t                  rc;
    cli_store_t               store;
    cli_entry_t              *entry;
    const reg_role_record_t  *role;

    role = reg_role_builtin(reg_str(cli->operand));

    if (role) {
        return cli_show(cli, cli_role_object(role, 1));
    }

    rc = cli_store_open(&store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_store_need(&store, REG_RECORD_ROLE, cli->operand, &entry);
    }

    if (rc == CLI_DONE) {
        rc = cli_list_show(&store, entry, cli_role_view);
    }

    cli_store_close(&store);

    return rc;
}


static cli_rc_t
cli_role_change(cli_store_t *store)
{
    json_t        *json, *scopes;
    cli_rc_t       rc;
    const cli_t   *cli;

    cli = store->cli;

    rc = cli_json_values(cli, CLI_OPT_SCOPE, "scope", &scopes);

    if (rc != CLI_DONE) {
        return rc;
    }

    json = json_pack("{s:i}", "version", REG_RECORD_VERSION);
    rc = json ? cli_json_set_text(json, "name", cli->operand) : cli_nomem();

    if (rc == CLI_DONE) {
        rc = cli_json_set(json, "scopes", json_incref(scopes));
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_ROLE, cli->operand, json);
    }

    json_decref(scopes);
    json_decref(json);

    return rc;
}


static json_t *
cli_role_view(const cli_store_t *store, const reg_record_t *record)
{
    (void) store;

    return cli_role_object(&record->u.role, 0);
}


static json_t *
cli_role_object(const reg_role_record_t *role, int builtin)
{
    return json_pack("{s:o,s:b,s:o}", "name", cli_json_text(role->name),
                     "builtin", builtin,
                     "scopes", cli_json_list(role->scopes.items,
                                             role->scopes.n));
}
