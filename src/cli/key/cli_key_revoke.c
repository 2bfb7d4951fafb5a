/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * key revoke: by id, by the leaked text on standard input, or by tenant and
 * age.
 */

#include <stdlib.h>

#include <openssl/crypto.h>

#include "cli_file.h"
#include "cli_key.h"
#include "cli_value.h"
#include "reg_record_json.h"


typedef struct {
    reg_str_t      leak;            /* empty: not --stdin */
    cli_pepper_t   pepper;
    const char    *tenant;
    int64_t        before;
    unsigned       wait;            /* for so many replicas */
    unsigned       wait_timeout;    /* milliseconds */
} cli_revoke_t;


#define CLI_WAIT_MAX          1000
#define CLI_WAIT_TIMEOUT      1000
#define CLI_WAIT_TIMEOUT_MAX  3600  /* seconds */


static cli_rc_t cli_revoke_options(const cli_t *cli, cli_revoke_t *ctx);
static cli_rc_t cli_revoke_wait_options(const cli_t *cli, cli_revoke_t *ctx);
static cli_rc_t cli_revoke_in(cli_store_t *store, cli_revoke_t *ctx);
static cli_rc_t cli_revoke_wait(cli_store_t *store, const cli_revoke_t *ctx);
static cli_rc_t cli_revoke_input(cli_revoke_t *ctx);
static cli_rc_t cli_revoke_id(cli_store_t *store, const char *id);
static cli_rc_t cli_revoke_tokens(cli_store_t *store, const char *id);
static cli_rc_t cli_revoke_leak(cli_store_t *store, cli_revoke_t *ctx);
static cli_rc_t cli_revoke_leaked_key(cli_store_t *store, cli_revoke_t *ctx,
    reg_str_t key, reg_str_t id);
static cli_rc_t cli_revoke_tenant(cli_store_t *store,
    const cli_revoke_t *ctx);
static int cli_revoke_matches(const reg_record_t *record,
    const cli_revoke_t *ctx);


cli_rc_t
cli_key_revoke(cli_t *cli)
{
    cli_rc_t      rc;
    cli_store_t   store;
    cli_revoke_t  ctx;

    memset(&ctx, 0, sizeof(cli_revoke_t));

    rc = cli_revoke_options(cli, &ctx);

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_STDIN)) {
        rc = cli_pepper_read(cli, &ctx.pepper);

        if (rc == CLI_DONE) {
            rc = cli_revoke_input(&ctx);
        }
    }

    if (rc != CLI_DONE) {
        OPENSSL_cleanse(&ctx.pepper, sizeof(cli_pepper_t));
        return rc;
    }

    rc = cli_store_open(&store, cli, CLI_STORE_WRITE);

    if (rc == CLI_DONE) {
        rc = cli_revoke_in(&store, &ctx);
    }

    OPENSSL_cleanse(&ctx.pepper, sizeof(cli_pepper_t));

    if (ctx.leak.data) {
        OPENSSL_cleanse(ctx.leak.data, ctx.leak.len);
        free(ctx.leak.data);
    }

    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_key_end(cli_store_t *store, const cli_entry_t *entry, const char *reason,
    int *done)
{
    char           id[REG_API_KEY_ID_LEN + 1];
    cli_rc_t       rc;
    reg_record_t  *record;

    *done = 0;

    rc = cli_document_current(&store->doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (record->u.key.revoked_at != REG_TIME_NONE) {
        reg_record_free(record);
        return CLI_DONE;
    }

    (void) snprintf(id, sizeof(id), "%.*s", REG_FMT(entry->name));

    rc = cli_json_set(record->json, "revoked_at",
                      cli_json_time(store->cli->now));

    if (rc == CLI_DONE && reason) {
        rc = cli_json_set_text(record->json, "reason", reason);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_KEY, id, record->json);
    }

    *done = (rc == CLI_DONE);

    reg_record_free(record);

    return rc;
}


/* One of the three ways to name what is to be revoked. */

static cli_rc_t
cli_revoke_options(const cli_t *cli, cli_revoke_t *ctx)
{
    int  ways;

    ctx->tenant = cli_value(cli, CLI_OPT_TENANT);

    ways = (cli->operand != NULL) + (cli_value(cli, CLI_OPT_STDIN) != NULL)
           + (ctx->tenant != NULL);

    if (ways != 1) {
        return cli_fail(CLI_USAGE, "give the id of a key, or --stdin, or "
                        "--tenant with --created-before");
    }

    if ((ctx->tenant != NULL) != (cli_value(cli, CLI_OPT_CREATED_BEFORE)
                                  != NULL))
    {
        return cli_fail(CLI_USAGE, "--tenant and --created-before go "
                        "together");
    }

    if (cli_value(cli, CLI_OPT_TOKENS)
        && (cli->operand == NULL || cli_value(cli, CLI_OPT_REASON)))
    {
        return cli_fail(CLI_USAGE, "--tokens goes with the id of a key, and "
                        "not with --reason");
    }

    if (cli_revoke_wait_options(cli, ctx) != CLI_DONE) {
        return CLI_USAGE;
    }

    return cli_time(cli, CLI_OPT_CREATED_BEFORE, "created-before", -1,
                    &ctx->before);
}


static cli_rc_t
cli_revoke_wait_options(const cli_t *cli, cli_revoke_t *ctx)
{
    char         *end;
    int64_t       seconds;
    const char   *wait, *timeout;
    reg_error_t   error;

    ctx->wait_timeout = CLI_WAIT_TIMEOUT;

    wait = cli_value(cli, CLI_OPT_WAIT);
    timeout = cli_value(cli, CLI_OPT_WAIT_TIMEOUT);

    if (wait) {
        ctx->wait = (unsigned) strtoul(wait, &end, 10);

        if (*wait < '1' || *wait > '9' || *end || strlen(wait) > 4
            || ctx->wait > CLI_WAIT_MAX)
        {
            return cli_fail(CLI_USAGE, "--wait takes a number of replicas, 1 "
                            "to %u", CLI_WAIT_MAX);
        }
    }

    if (timeout == NULL) {
        return CLI_DONE;
    }

    if (wait == NULL) {
        return cli_fail(CLI_USAGE, "--wait-timeout goes with --wait");
    }

    if (reg_duration_parse(&seconds, reg_str(timeout), &error) != REG_OK) {
        return cli_fail(CLI_USAGE, "--wait-timeout: %s", error.text);
    }

    if (seconds > CLI_WAIT_TIMEOUT_MAX) {
        return cli_fail(CLI_USAGE, "--wait-timeout is at most 1h");
    }

    ctx->wait_timeout = (unsigned) seconds * 1000;

    return CLI_DONE;
}


static cli_rc_t
cli_revoke_in(cli_store_t *store, cli_revoke_t *ctx)
{
    cli_rc_t  rc, waited;

    /* before anything is done that could not be waited for */

    if (ctx->wait && store->backend->wait == NULL) {
        return cli_fail(CLI_USAGE, "--wait is for Redis: a file has no "
                        "replicas");
    }

    rc = cli_value(store->cli, CLI_OPT_TOKENS)
         ? cli_revoke_tokens(store, store->cli->operand)
         : store->cli->operand ? cli_revoke_id(store, store->cli->operand)
         : ctx->tenant ? cli_revoke_tenant(store, ctx)
                       : cli_revoke_leak(store, ctx);

    /* some of the leaked keys may be unknown, and others revoked */

    if (ctx->wait && (rc == CLI_DONE || rc == CLI_NO)) {
        waited = cli_revoke_wait(store, ctx);
        rc = waited == CLI_DONE ? rc : waited;
    }

    return rc;
}


static cli_rc_t
cli_revoke_wait(cli_store_t *store, const cli_revoke_t *ctx)
{
    if (!store->written) {
        cli_note("nothing was written, so there is nothing to wait for");
        return CLI_DONE;
    }

    return store->backend->wait(store, ctx->wait, ctx->wait_timeout);
}


static cli_rc_t
cli_revoke_input(cli_revoke_t *ctx)
{
    char      *data;
    cli_rc_t   rc;

    rc = cli_input_read("-", &data, &ctx->leak.len);

    if (rc == CLI_DONE) {
        ctx->leak.data = (unsigned char *) data;
    }

    return rc;
}


static cli_rc_t
cli_revoke_id(cli_store_t *store, const char *id)
{
    int            done;
    char           text[REG_TIME_LEN + 1];
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    rc = cli_key_need(store, id, &entry);

    if (rc == CLI_DONE) {
        rc = cli_key_end(store, entry, cli_value(store->cli, CLI_OPT_REASON),
                         &done);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_commit(store);
    }

    if (rc == CLI_DONE) {
        rc = cli_document_record(&store->doc, entry, &record);
    }

    if (rc == CLI_DONE) {
        reg_time_format(text, record->u.key.revoked_at);
        cli_note(done ? "key %s is revoked as of %s"
                      : "key %s was revoked at %s already", id, text);
        reg_record_free(record);
    }

    return rc;
}


/* The key lives on, and clients that have it get new tokens with it. */

static cli_rc_t
cli_revoke_tokens(cli_store_t *store, const char *id)
{
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    rc = cli_key_need(store, id, &entry);

    if (rc == CLI_DONE) {
        rc = cli_document_current(&store->doc, entry, &record);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = cli_json_set(record->json, "tokens_not_before",
                      cli_json_time(store->cli->now));

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_KEY, id, record->json);
    }

    reg_record_free(record);

    if (rc == CLI_DONE) {
        rc = cli_store_commit(store);
    }

    if (rc == CLI_DONE) {
        cli_note("the tokens of key %s are revoked, and the key is not", id);
    }

    return rc;
}


/* All keys in the text, which may be a log or a whole configuration file. */

static cli_rc_t
cli_revoke_leak(cli_store_t *store, cli_revoke_t *ctx)
{
    int        found, broken;
    size_t     pos;
    cli_rc_t   rc, one;
    reg_str_t  key, id;

    pos = 0;
    found = 0;
    broken = 0;
    rc = CLI_DONE;

    while (cli_secret_find(ctx->leak, &pos, &key, &id, &broken)) {

        found = 1;
        one = cli_revoke_leaked_key(store, ctx, key, id);

        /* one that we do not know keeps none of the others alive */

        if (one > CLI_NO) {
            return one;
        }

        rc = one == CLI_NO ? CLI_NO : rc;
    }

    if (broken) {
        cli_note("something in the text looks like an API key, but its "
                 "check is wrong: it is mistyped or made up");
    }

    if (!found) {
        return cli_fail(CLI_NO, "there is no API key in the text");
    }

    return rc;
}


/*
 * The id alone is public.  Where the rest can be checked it is, so that nobody
 * has a key revoked by "leaking" what is none of it.
 */

static cli_rc_t
cli_revoke_leaked_key(cli_store_t *store, cli_revoke_t *ctx, reg_str_t key,
    reg_str_t id)
{
    char           name[REG_API_KEY_ID_LEN + 1];
    cli_rc_t       rc;
    reg_rc_t       verified;
    cli_entry_t   *entry;
    reg_record_t  *record;

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(id));

    rc = cli_key_need(store, name, &entry);

    if (rc == CLI_DONE) {
        rc = cli_document_current(&store->doc, entry, &record);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    if (ctx->pepper.len == 0
        && reg_str_starts(record->u.key.hash, REG_STR("hmac-")))
    {
        cli_note("without --pepper-file only the check of key %s is verified",
                 name);
        verified = REG_OK;

    } else {
        verified = reg_api_key_verify(key, record->u.key.hash,
                                      cli_pepper_text(&ctx->pepper));
    }

    reg_record_free(record);

    if (verified == REG_INVALID) {
        return cli_fail(CLI_NO, "the secret is not that of key %s, which "
                        "stays: key revoke %s revokes it all the same", name,
                        name);
    }

    if (verified != REG_OK) {
        return cli_fail(CLI_STORE, "the hash of libcrypto failed");
    }

    return cli_revoke_id(store, name);
}


static cli_rc_t
cli_revoke_tenant(cli_store_t *store, const cli_revoke_t *ctx)
{
    int            done, matches;
    size_t         cursor, n;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    rc = cli_store_need(store, REG_RECORD_TENANT, ctx->tenant, &entry);

    cursor = 0;
    n = 0;

    while (rc == CLI_DONE) {
        entry = cli_document_next(&store->doc, REG_RECORD_KEY, &cursor);

        if (entry == NULL) {
            break;
        }

        rc = cli_document_record(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            break;
        }

        matches = cli_revoke_matches(record, ctx);

        reg_record_free(record);

        if (matches) {
            rc = cli_key_end(store, entry,
                             cli_value(store->cli, CLI_OPT_REASON), &done);
            n++;
        }
    }

    if (rc == CLI_DONE) {
        rc = cli_store_commit(store);
    }

    if (rc == CLI_DONE) {
        cli_note("%zu key%s of tenant %s revoked", n, n == 1 ? "" : "s",
                 ctx->tenant);
    }

    return rc;
}


/* A key that does not say how old it is is old. */

static int
cli_revoke_matches(const reg_record_t *record, const cli_revoke_t *ctx)
{
    return !record->newer
           && record->u.key.revoked_at == REG_TIME_NONE
           && reg_str_eq(record->u.key.tenant, reg_str(ctx->tenant))
           && (record->u.key.created_at == REG_TIME_NONE
               || record->u.key.created_at < ctx->before);
}
