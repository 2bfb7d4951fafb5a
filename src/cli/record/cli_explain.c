/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * explain: asks the decision function of the gateway.
 */

#include <stdlib.h>

#include "cli_explain.h"
#include "cli_output.h"
#include "cli_value.h"
#include "reg_record_json.h"



static cli_rc_t cli_explain_options(const cli_t *cli);
static cli_rc_t cli_explain_question(const cli_t *cli, cli_explain_t *ctx);
static cli_rc_t cli_explain_repository(const cli_t *cli, cli_explain_t *ctx);
static cli_rc_t cli_explain_api(const cli_t *cli, cli_explain_t *ctx);
static cli_rc_t cli_explain_key(const cli_t *cli, cli_explain_t *ctx);
static cli_rc_t cli_explain_anonymous(const cli_t *cli, cli_explain_t *ctx);
static cli_rc_t cli_explain_answer(const cli_t *cli, cli_explain_t *ctx);
static cli_rc_t cli_explain_origin(const cli_explain_t *ctx, json_t **origin);


cli_rc_t
cli_explain(cli_t *cli)
{
    cli_rc_t        rc;
    cli_explain_t   ctx;

    memset(&ctx, 0, sizeof(cli_explain_t));

    rc = cli_explain_options(cli);

    if (rc == CLI_DONE) {
        rc = cli_explain_question(cli, &ctx);
    }

    if (rc == CLI_DONE) {

        if (cli_value(cli, CLI_OPT_ANONYMOUS)) {
            rc = cli_explain_anonymous(cli, &ctx);

        } else {
            rc = cli_store_open(&ctx.store, cli, CLI_STORE_READ);

            if (rc == CLI_DONE) {
                rc = cli_value(cli, CLI_OPT_TOKEN)
                     ? cli_explain_token(cli, &ctx)
                     : cli_explain_key(cli, &ctx);
            }
        }

        if (rc == CLI_DONE) {
            rc = cli_explain_answer(cli, &ctx);
        }

        reg_identity_free(ctx.identity);
        reg_record_free(ctx.record);
        json_decref(ctx.token);

        if (!cli_value(cli, CLI_OPT_ANONYMOUS)) {
            cli_store_close(&ctx.store);
        }
    }

    free(ctx.api);

    return rc;
}


static cli_rc_t
cli_explain_options(const cli_t *cli)
{
    int          what;
    const char  *anonymous;

    anonymous = cli_value(cli, CLI_OPT_ANONYMOUS);

    what = (anonymous != NULL) + (cli_value(cli, CLI_OPT_KEY_ID) != NULL)
           + (cli_value(cli, CLI_OPT_TOKEN) != NULL);

    if (what != 1) {
        return cli_fail(CLI_USAGE, "who asks? Give --key-id, --token or "
                        "--anonymous");
    }

    if (cli_value(cli, CLI_OPT_JWKS) && !cli_value(cli, CLI_OPT_TOKEN)) {
        return cli_fail(CLI_USAGE, "--jwks goes with --token");
    }

    if (!anonymous && (cli_value(cli, CLI_OPT_SCOPE)
                       || cli_value(cli, CLI_OPT_TENANT)))
    {
        return cli_fail(CLI_USAGE, "--scope and --tenant go with "
                        "--anonymous: a key has its own");
    }

    what = (cli_value(cli, CLI_OPT_REPOSITORY) != NULL)
           + (cli_value(cli, CLI_OPT_CATALOG) != NULL)
           + (cli_value(cli, CLI_OPT_API) != NULL);

    if (what > 1) {
        return cli_fail(CLI_USAGE, "ask for one thing: --repository, --catalog "
                        "or --api");
    }

    if ((cli_value(cli, CLI_OPT_ACTION) != NULL)
        != (what == 1 && !cli_value(cli, CLI_OPT_CATALOG)))
    {
        return cli_fail(CLI_USAGE, "--action goes with --repository and "
                        "--api, and they with it");
    }

    if (cli_value(cli, CLI_OPT_FROM)
        && (!cli_value(cli, CLI_OPT_REPOSITORY)
            || strcmp(cli_value(cli, CLI_OPT_ACTION), "push") != 0))
    {
        return cli_fail(CLI_USAGE, "--from goes with --repository and "
                        "--action push");
    }

    return CLI_DONE;
}


static cli_rc_t
cli_explain_question(const cli_t *cli, cli_explain_t *ctx)
{
    const char   *address;
    reg_error_t   error;

    ctx->question.now = cli->now;

    address = cli_value(cli, CLI_OPT_ADDRESS);

    if (address) {
        if (reg_address_parse(&ctx->address, reg_str(address), &error)
            != REG_OK)
        {
            return cli_fail(CLI_USAGE, "--address: %s", error.text);
        }

        ctx->question.address = &ctx->address;
    }

    if (cli_value(cli, CLI_OPT_REPOSITORY)) {
        return cli_explain_repository(cli, ctx);
    }

    if (cli_value(cli, CLI_OPT_API)) {
        return cli_explain_api(cli, ctx);
    }

    if (cli_value(cli, CLI_OPT_CATALOG)) {
        ctx->access.type = REG_SCOPE_REGISTRY;
        ctx->access.name = REG_STR("catalog");
        ctx->question.access = &ctx->access;
    }

    return CLI_DONE;
}


static cli_rc_t
cli_explain_repository(const cli_t *cli, cli_explain_t *ctx)
{
    size_t       i;
    const char  *name, *action, *from;

    static const struct {
        const char  *name;
        unsigned     actions;
    } actions[] = {
        { "pull", REG_ACTION_PULL },
        { "push", REG_ACTION_PUSH },
        { "delete", REG_ACTION_DELETE }
    };

    name = cli_value(cli, CLI_OPT_REPOSITORY);
    action = cli_value(cli, CLI_OPT_ACTION);
    from = cli_value(cli, CLI_OPT_FROM);

    if (reg_repository_check(reg_str(name)) != REG_OK) {
        return cli_fail(CLI_USAGE, "--repository: %s is no name of a "
                        "repository", name);
    }

    if (from) {
        if (reg_repository_check(reg_str(from)) != REG_OK) {
            return cli_fail(CLI_USAGE, "--from: %s is no name of a repository",
                            from);
        }

        ctx->question.from = reg_str(from);
    }

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {

        if (strcmp(action, actions[i].name) == 0) {
            ctx->access.type = REG_SCOPE_REPOSITORY;
            ctx->access.name = reg_str(name);
            ctx->access.actions = actions[i].actions;
            ctx->question.access = &ctx->access;

            return CLI_DONE;
        }
    }

    return cli_fail(CLI_USAGE, "--action of a repository is pull, push or "
                    "delete");
}


/* Through the parser of "registry api", which knows what may be asked for. */

static cli_rc_t
cli_explain_api(const cli_t *cli, cli_explain_t *ctx)
{
    size_t        size;
    const char   *name, *action;
    reg_error_t   error;

    name = cli_value(cli, CLI_OPT_API);
    action = cli_value(cli, CLI_OPT_ACTION);

    size = strlen(name) + strlen(action) + sizeof("api::");

    ctx->api = malloc(size);
    if (ctx->api == NULL) {
        return cli_nomem();
    }

    (void) snprintf(ctx->api, size, "api:%s:%s", name, action);

    if (reg_access_parse_api(&ctx->access, reg_str(ctx->api), &error)
        != REG_OK)
    {
        return cli_fail(CLI_USAGE, "--api: %s", error.text);
    }

    ctx->question.access = &ctx->access;

    return CLI_DONE;
}


static cli_rc_t
cli_explain_key(const cli_t *cli, cli_explain_t *ctx)
{
    cli_rc_t      rc;
    reg_str_t     id;
    cli_entry_t  *entry;

    id = reg_str(cli_value(cli, CLI_OPT_KEY_ID));

    if (reg_api_key_id_check(id) != REG_OK) {
        return cli_fail(CLI_USAGE, "--key-id takes the id of a key: 12 letters "
                        "and digits");
    }

    entry = cli_document_find(&ctx->store.doc, REG_RECORD_KEY, id);

    if (entry == NULL) {
        ctx->decision.verdict = REG_DENY;
        ctx->decision.reason = REG_REASON_UNKNOWN_KEY;
        return CLI_DONE;
    }

    rc = cli_document_record(&ctx->store.doc, entry, &ctx->record);

    if (rc != CLI_DONE) {
        return rc;
    }

    ctx->key = ctx->record;

    return cli_explain_decide(ctx);
}


cli_rc_t
cli_explain_decide(cli_explain_t *ctx)
{
    cli_rc_t     rc;
    reg_error_t  error;

    rc = cli_identity_create(&ctx->store, ctx->key, &ctx->identity, &error);

    if (rc == CLI_USAGE) {

        /* so does the gateway, which logs the sentence */

        cli_note("%s", error.text);

        ctx->decision.verdict = REG_DENY;
        ctx->decision.reason = REG_REASON_INTERNAL;

        return CLI_DONE;
    }

    if (rc == CLI_DONE) {
        ctx->decision = reg_decide(ctx->identity, &ctx->question);
    }

    return rc;
}


static cli_rc_t
cli_explain_anonymous(const cli_t *cli, cli_explain_t *ctx)
{
    size_t        cursor, n;
    reg_rc_t      rc;
    reg_str_t    *scopes, owner;
    reg_error_t   error;
    const char   *scope, *tenant;

    tenant = cli_value(cli, CLI_OPT_TENANT);
    owner = tenant ? reg_str(tenant) : REG_STR_NULL;

    if (tenant && reg_label_check(owner) != REG_OK) {
        return cli_fail(CLI_USAGE, "--tenant: %s is no name of a tenant",
                        tenant);
    }

    scopes = calloc(cli->nargs, sizeof(reg_str_t));
    if (scopes == NULL) {
        return cli_nomem();
    }

    cursor = 0;
    n = 0;

    for (scope = cli_next_value(cli, CLI_OPT_SCOPE, &cursor); scope;
         scope = cli_next_value(cli, CLI_OPT_SCOPE, &cursor))
    {
        scopes[n++] = reg_str(scope);
    }

    rc = reg_identity_create_anonymous(&ctx->identity, scopes, n, owner,
                                       &error);
    free(scopes);

    if (rc == REG_INVALID) {
        return cli_fail(CLI_USAGE, "--scope: %s", error.text);
    }

    if (rc != REG_OK) {
        return cli_nomem();
    }

    ctx->decision = reg_decide(ctx->identity, &ctx->question);

    return CLI_DONE;
}


static cli_rc_t
cli_explain_answer(const cli_t *cli, cli_explain_t *ctx)
{
    json_t          *answer, *origin;
    cli_rc_t         rc;
    reg_str_t        scope, tenant;
    reg_decision_t  *decision;

    decision = &ctx->decision;

    rc = cli_explain_origin(ctx, &origin);

    if (rc != CLI_DONE) {
        return rc;
    }

    scope = decision->scope ? reg_scope_text(decision->scope) : REG_STR_NULL;
    tenant = ctx->identity ? ctx->identity->tenant : REG_STR_NULL;

    answer = json_pack("{s:s,s:s,s:s,s:i,s:o,s:o,s:o,s:o}",
                       "decision", decision->verdict == REG_ALLOW ? "allow"
                                                                  : "deny",
                       "reason", reg_reason_name(decision->reason),
                       "message", reg_reason_text(decision->reason),
                       "status", (int) reg_reason_status(decision->reason),
                       "key_id", cli_value(cli, CLI_OPT_KEY_ID)
                                 ? json_string(cli_value(cli,
                                                         CLI_OPT_KEY_ID))
                                 : json_null(),
                       "tenant", cli_json_text(tenant),
                       "scope", cli_json_text(scope),
                       "granted_by", origin);

    if (answer && ctx->token) {
        rc = json_object_update(answer, ctx->token) == 0 ? CLI_DONE
                                                         : cli_nomem();
    }

    if (answer && rc == CLI_DONE && ctx->question.from.len) {
        rc = cli_json_set(answer, "mount", json_boolean(decision->mount));
    }

    if (rc == CLI_DONE) {
        rc = cli_show(cli, answer);
    }

    if (decision->reason == REG_REASON_ADDRESS && !ctx->question.address) {
        cli_note("the key is bound to networks: give --address");
    }

    return rc == CLI_DONE && decision->verdict != REG_ALLOW ? CLI_NO : rc;
}


/*
 * An identity has the scopes of the key first, then those of its roles in
 * their order; a role that is not there has none.
 */

static cli_rc_t
cli_explain_origin(const cli_explain_t *ctx, json_t **origin)
{
    size_t                    i, at;
    cli_rc_t                  rc;
    reg_str_t                 name;
    reg_record_t             *record;
    const reg_key_record_t   *key;
    const reg_role_record_t  *role;

    *origin = json_null();

    if (ctx->decision.scope == NULL) {
        return CLI_DONE;
    }

    if (ctx->key == NULL) {
        *origin = json_string("configuration");
        return CLI_DONE;
    }

    for (at = 0; ctx->identity->scopes[at] != ctx->decision.scope; at++) {
        /* it is one of them */
    }

    key = &ctx->key->u.key;

    if (at < key->scopes.n) {
        *origin = key->rule.len ? json_sprintf("rule %.*s", REG_FMT(key->rule))
                                : json_string("key");
        return CLI_DONE;
    }

    at -= key->scopes.n;

    for (i = 0; i < key->roles.n; i++) {
        name = key->roles.items[i];

        rc = cli_role_get(&ctx->store, name, &record, &role);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (role && at < role->scopes.n) {
            *origin = json_sprintf("role %.*s", REG_FMT(name));
            reg_record_free(record);
            return CLI_DONE;
        }

        at -= role ? role->scopes.n : 0;

        reg_record_free(record);
    }

    return CLI_DONE;
}
