/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * explain --token: which rule of which issuer admits a token, and why the
 * others do not.
 */

#include <stdlib.h>

#include "cli_explain.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_explain_jwt(const cli_t *cli, cli_explain_t *ctx,
    const reg_jwt_t *jwt);
static cli_rc_t cli_explain_issuer(cli_explain_t *ctx, const reg_jwt_t *jwt);
static int cli_explain_audience(const reg_record_t *record,
    const reg_jwt_t *jwt, int64_t now);
static cli_rc_t cli_explain_verify(const cli_t *cli, const reg_jwt_t *jwt,
    reg_jwt_rc_t *verified);
static cli_rc_t cli_explain_rules(cli_explain_t *ctx, const reg_jwt_t *jwt);
static json_t *cli_explain_claim(const reg_claim_t *claim, json_t *claims);
static cli_rc_t cli_explain_deny(cli_explain_t *ctx, reg_reason_t reason);


cli_rc_t
cli_explain_token(const cli_t *cli, cli_explain_t *ctx)
{
    char       *text;
    cli_rc_t    rc;
    reg_jwt_t   jwt;

    rc = cli_token_read(cli_value(cli, CLI_OPT_TOKEN), &text, &jwt);

    if (rc != CLI_DONE) {
        return rc;
    }

    ctx->token = json_object();

    rc = ctx->token ? cli_explain_jwt(cli, ctx, &jwt) : cli_nomem();

    reg_jwt_clear(&jwt);
    free(text);

    return rc;
}


static cli_rc_t
cli_explain_jwt(const cli_t *cli, cli_explain_t *ctx, const reg_jwt_t *jwt)
{
    size_t                      len;
    cli_rc_t                    rc;
    reg_str_t                   subject;
    reg_jwt_rc_t                verified;
    reg_jwt_expected_t          expected;
    const reg_issuer_record_t  *issuer;

    rc = cli_explain_issuer(ctx, jwt);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (ctx->record == NULL) {
        cli_note("there is no issuer whose tokens have iss \"%.*s\"",
                 REG_FMT(jwt->iss));
        return cli_explain_deny(ctx, REG_REASON_TOKEN);
    }

    issuer = &ctx->record->u.issuer;

    rc = cli_json_set(ctx->token, "issuer", cli_json_text(issuer->name));

    if (rc == CLI_DONE) {
        rc = cli_explain_verify(cli, jwt, &verified);
    }

    if (rc == CLI_DONE && verified == REG_JWT_OK) {
        expected.iss = issuer->issuer;
        expected.aud = issuer->audience;
        expected.typ = REG_STR_NULL;
        expected.leeway = REG_JWT_LEEWAY;

        verified = reg_jwt_verify_claims(jwt, &expected, cli->now);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    if (verified != REG_JWT_OK) {
        cli_note("%s", reg_jwt_rc_text(verified));
        return cli_explain_deny(ctx, verified == REG_JWT_EXPIRED
                                     ? REG_REASON_TOKEN_EXPIRED
                                     : REG_REASON_TOKEN);
    }

    if (reg_issuer_subject(ctx->subject, &len, issuer->name, jwt->sub)
        != REG_OK)
    {
        cli_note("its sub is missing or too long");
        return cli_explain_deny(ctx, REG_REASON_TOKEN);
    }

    subject.len = len;
    subject.data = ctx->subject;

    rc = cli_json_set(ctx->token, "subject", cli_json_text(subject));

    return rc == CLI_DONE ? cli_explain_rules(ctx, jwt) : rc;
}


/* The one whose audience it has, or else any; a newer one is none. */

static cli_rc_t
cli_explain_issuer(cli_explain_t *ctx, const reg_jwt_t *jwt)
{
    size_t         cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&ctx->store.doc, REG_RECORD_ISSUER, &cursor);

        if (entry == NULL) {
            return CLI_DONE;
        }

        rc = cli_document_record(&ctx->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (record->newer || !reg_str_eq(record->u.issuer.issuer, jwt->iss)) {
            reg_record_free(record);
            continue;
        }

        if (cli_explain_audience(record, jwt, ctx->question.now)) {
            reg_record_free(ctx->record);
            ctx->record = record;

            return CLI_DONE;
        }

        if (ctx->record) {
            reg_record_free(record);

        } else {
            ctx->record = record;
        }
    }
}


static int
cli_explain_audience(const reg_record_t *record, const reg_jwt_t *jwt,
    int64_t now)
{
    reg_jwt_expected_t  expected;

    expected.iss = REG_STR_NULL;
    expected.aud = record->u.issuer.audience;
    expected.typ = jwt->typ;
    expected.leeway = REG_JWT_LEEWAY;

    return reg_jwt_verify_claims(jwt, &expected, now) != REG_JWT_AUDIENCE;
}


static cli_rc_t
cli_explain_verify(const cli_t *cli, const reg_jwt_t *jwt,
    reg_jwt_rc_t *verified)
{
    cli_rc_t     rc;
    const char  *path;
    reg_jwks_t  *jwks;

    *verified = REG_JWT_OK;
    path = cli_value(cli, CLI_OPT_JWKS);

    if (path == NULL) {
        cli_note("the signature is not verified without --jwks");
        return CLI_DONE;
    }

    rc = cli_token_keys(path, &jwks);

    if (rc == CLI_DONE) {
        *verified = reg_jwt_verify_signature(jwt, jwks);
        reg_jwks_free(jwks);
    }

    return rc;
}


static cli_rc_t
cli_explain_rules(cli_explain_t *ctx, const reg_jwt_t *jwt)
{
    size_t                      i, at;
    json_t                     *rules, *sentence;
    cli_rc_t                    rc;
    const reg_rule_t           *rule;
    const reg_issuer_record_t  *issuer;

    issuer = &ctx->record->u.issuer;
    at = reg_issuer_match(issuer, jwt->claims);
    rules = json_array();

    rc = cli_json_set(ctx->token, "rules", rules);

    for (i = 0; rc == CLI_DONE && i < issuer->nrules; i++) {
        rule = &issuer->rules[i];

        sentence = i > at ? json_sprintf("%zu comes after it", i + 1)
                   : i == at ? json_sprintf("%zu matches", i + 1)
                   : json_sprintf("%zu does not match", i + 1);

        if (json_array_append_new(rules, sentence) != 0) {
            return cli_nomem();
        }

        if (i < at) {
            sentence = cli_explain_claim(
                           &rule->claims[reg_rule_match(rule, jwt->claims)],
                           jwt->claims);

            if (json_array_append_new(rules, sentence) != 0) {
                return cli_nomem();
            }
        }
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    if (at == issuer->nrules) {
        return cli_explain_deny(ctx, REG_REASON_NO_RULE);
    }

    reg_issuer_key(&ctx->rule, issuer, at,
                   (reg_str_t) { issuer->name.len + 1 + jwt->sub.len,
                                 ctx->subject },
                   ctx->name);

    ctx->key = &ctx->rule;

    return cli_explain_decide(ctx);
}


static json_t *
cli_explain_claim(const reg_claim_t *claim, json_t *claims)
{
    char    *wanted, *is;
    json_t  *value, *sentence;

    value = reg_claim_find(claims, claim->name);

    wanted = json_dumps(claim->value, JSON_ENCODE_ANY);
    is = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    sentence = wanted
               ? json_sprintf("its %.*s is %s, not %s", REG_FMT(claim->name),
                              is ? is : "missing", wanted)
               : NULL;

    free(wanted);
    free(is);

    return sentence;
}


static cli_rc_t
cli_explain_deny(cli_explain_t *ctx, reg_reason_t reason)
{
    ctx->decision.verdict = REG_DENY;
    ctx->decision.reason = reason;

    return CLI_DONE;
}
