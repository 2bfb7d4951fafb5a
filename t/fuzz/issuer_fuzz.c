/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Issuers: a record up to a newline, and the claims of a token behind it.  What
 * a rule admits has every claim that the rule asks for, of the type that it
 * asks for; and what is made of the token is read again to the same.
 */

#include <stdlib.h>

#include "reg_issuer.h"
#include "reg_json.h"
#include "reg_record_json.h"
#include "reg_token.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_rule(const reg_rule_t *rule, json_t *claims, int admitted)
{
    size_t   i;
    json_t  *value, *wanted;

    CHECK((reg_rule_match(rule, claims) == rule->nclaims) == admitted);

    for (i = 0; admitted && i < rule->nclaims; i++) {
        value = reg_claim_find(claims, rule->claims[i].name);
        wanted = rule->claims[i].value;

        CHECK(value != NULL);
        CHECK(json_is_array(value)
              || json_typeof(value) == json_typeof(wanted));
        CHECK(!json_is_array(value) || json_array_size(value) > 0);
        CHECK(json_is_array(value) || !json_is_string(wanted)
              || strchr(json_string_value(wanted), '*')
              || json_equal(value, wanted));
    }
}


/* Exchanged for one of ours, it says the same. */

static void
check_exchange(const reg_token_t *token)
{
    char                *text;
    reg_jwt_t            jwt;
    reg_token_t         *again;
    reg_token_claims_t   claims;

    memset(&claims, 0, sizeof(reg_token_claims_t));

    claims.kind = token->kind;
    claims.iss = REG_STR("us");
    claims.aud = REG_STR("us");
    claims.sub = token->sub;
    claims.issuer = token->issuer;
    claims.rule = token->rule;
    claims.record = token->record;
    claims.now = 1;
    claims.ttl = 300;

    CHECK(reg_token_claims(&text, &claims) == REG_OK);

    memset(&jwt, 0, sizeof(reg_jwt_t));

    CHECK(reg_json_load(&jwt.claims, reg_str(text), NULL) == REG_OK);

    jwt.sub = token->sub;
    jwt.exp = 301;

    CHECK(reg_token_from_jwt(&again, &jwt) == REG_OK);
    CHECK(again->kind == REG_TOKEN_ISSUER && !again->whole);
    CHECK(reg_str_eq(again->issuer, token->issuer));
    CHECK(reg_str_eq(again->record, token->record));
    CHECK(again->rule == token->rule && again->n == 0);

    free(again);
    json_decref(jwt.claims);
    free(text);
}


static void
check_token(const reg_record_t *issuer, size_t rule, json_t *claims)
{
    json_t         *sub;
    reg_jwt_t       jwt;
    reg_str_t       record;
    reg_token_t    *token;
    unsigned char   digest[REG_ISSUER_DIGEST_LEN];

    CHECK(reg_issuer_digest(digest, issuer) == REG_OK);

    record.len = sizeof(digest);
    record.data = digest;

    memset(&jwt, 0, sizeof(reg_jwt_t));

    sub = json_object_get(claims, "sub");

    jwt.claims = claims;
    jwt.sub.len = json_string_length(sub);
    jwt.sub.data = (unsigned char *) json_string_value(sub);

    if (reg_token_of_issuer(&token, &jwt, issuer->u.issuer.name, rule, record)
        != REG_OK)
    {
        return;
    }

    CHECK(token->kind == REG_TOKEN_ISSUER && token->whole);
    CHECK(token->sub.len
          && token->sub.len + issuer->u.issuer.name.len < REG_SUBJECT_MAX);

    check_exchange(token);

    free(token);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i, at;
    json_t         *claims;
    reg_str_t       record, text;
    reg_record_t   *issuer;
    const uint8_t  *newline;

    newline = size ? memchr(data, '\n', size) : NULL;

    if (newline == NULL) {
        return 0;
    }

    record.data = (unsigned char *) data;
    record.len = (size_t) (newline - data);
    text.data = (unsigned char *) newline + 1;
    text.len = size - record.len - 1;

    if (reg_record_parse(&issuer, REG_RECORD_ISSUER, REG_STR("gh"), record,
                         NULL)
        != REG_OK)
    {
        return 0;
    }

    if (!issuer->newer && reg_json_load(&claims, text, NULL) == REG_OK) {

        at = reg_issuer_match(&issuer->u.issuer, claims);

        for (i = 0; i < issuer->u.issuer.nrules && i <= at; i++) {
            check_rule(&issuer->u.issuer.rules[i], claims, i == at);
        }

        if (at < issuer->u.issuer.nrules) {
            check_token(issuer, at, claims);
        }

        json_decref(claims);
    }

    reg_record_free(issuer);

    return 0;
}
