/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "reg_base64.h"
#include "reg_glob.h"
#include "reg_issuer.h"

/* Longer ones match no wildcard: an attacker writes them, so there is an end */

#define REG_CLAIM_TEXT_MAX   1024

#define REG_CLAIM_WILDCARDS  REG_PATTERN_WILDCARDS


static int reg_claim_matches(const reg_claim_t *claim, json_t *value);
static int reg_claim_text_matches(reg_str_t pattern, reg_str_t text);


reg_rc_t
reg_claim_check(reg_str_t text, reg_error_t *error)
{
    size_t  i, run, wildcards;

    if (text.len == 0 || text.len > REG_TEXT_MAX) {
        reg_error_set(error, "must have 1 to %d bytes", REG_TEXT_MAX);
        return REG_INVALID;
    }

    wildcards = 0;

    for (i = 0; i < text.len; i += run) {

        for (run = 0; i + run < text.len && text.data[i + run] == '*'; run++) {
            /* void */
        }

        if (run > 2) {
            reg_error_set(error, "has %zu '*' in a row; use '*' or '**'", run);
            return REG_INVALID;
        }

        if (run && ++wildcards > REG_CLAIM_WILDCARDS) {
            reg_error_set(error, "has more than %d wildcards",
                          REG_CLAIM_WILDCARDS);
            return REG_INVALID;
        }

        run += (run == 0);
    }

    return REG_OK;
}


int
reg_claim_pins(reg_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] != '*') {
            return 1;
        }
    }

    return 0;
}


/*
 * At each step a member of the whole name comes first: claims that are URLs,
 * such as "https://example.org/groups", are one name.
 */

json_t *
reg_claim_find(json_t *claims, reg_str_t name)
{
    char            text[REG_TEXT_MAX + 1];
    json_t         *value;
    unsigned char  *slash;

    while (name.len && name.len <= REG_TEXT_MAX) {

        memcpy(text, name.data, name.len);
        text[name.len] = '\0';

        value = json_object_get(claims, text);

        if (value) {
            return value;
        }

        slash = memchr(name.data, '/', name.len);

        if (slash == NULL) {
            return NULL;
        }

        text[slash - name.data] = '\0';

        claims = json_object_get(claims, text);

        name.len -= (size_t) (slash + 1 - name.data);
        name.data = slash + 1;
    }

    return NULL;
}


size_t
reg_rule_match(const reg_rule_t *rule, json_t *claims)
{
    size_t              i, n;
    json_t             *value, *item;
    const reg_claim_t  *claim;

    for (i = 0; i < rule->nclaims; i++) {
        claim = &rule->claims[i];
        value = reg_claim_find(claims, claim->name);

        if (!json_is_array(value)) {

            if (!reg_claim_matches(claim, value)) {
                return i;
            }

            continue;
        }

        json_array_foreach(value, n, item) {
            if (reg_claim_matches(claim, item)) {
                break;
            }
        }

        if (n == json_array_size(value)) {
            return i;
        }
    }

    return rule->nclaims;
}


size_t
reg_issuer_match(const reg_issuer_record_t *issuer, json_t *claims)
{
    size_t  i;

    for (i = 0; i < issuer->nrules; i++) {

        if (reg_rule_match(&issuer->rules[i], claims)
            == issuer->rules[i].nclaims)
        {
            break;
        }
    }

    return i;
}


reg_rc_t
reg_issuer_subject(unsigned char buf[REG_SUBJECT_MAX], size_t *len,
    reg_str_t name, reg_str_t sub)
{
    if (sub.len == 0 || name.len + 1 + sub.len > REG_SUBJECT_MAX) {
        return REG_INVALID;
    }

    memcpy(buf, name.data, name.len);
    buf[name.len] = ':';
    memcpy(buf + name.len + 1, sub.data, sub.len);

    *len = name.len + 1 + sub.len;

    return REG_OK;
}


void
reg_issuer_key(reg_record_t *key, const reg_issuer_record_t *issuer,
    size_t rule, reg_str_t subject, char name[REG_RULE_NAME_MAX])
{
    reg_key_record_t  *k;

    memset(key, 0, sizeof(reg_record_t));

    key->type = REG_RECORD_KEY;
    k = &key->u.key;

    k->id = subject;
    k->tenant = issuer->rules[rule].tenant;
    k->roles = issuer->rules[rule].roles;
    k->scopes = issuer->rules[rule].scopes;

    k->not_before = REG_TIME_NONE;
    k->expires_at = REG_TIME_NONE;
    k->revoked_at = REG_TIME_NONE;
    k->created_at = REG_TIME_NONE;
    k->tokens_not_before = REG_TIME_NONE;

    (void) snprintf(name, REG_RULE_NAME_MAX, "%.*s/%zu", REG_FMT(issuer->name),
                    rule + 1);

    k->rule = reg_str(name);
}


reg_rc_t
reg_issuer_digest(unsigned char buf[REG_ISSUER_DIGEST_LEN],
    const reg_record_t *issuer)
{
    int             ok;
    char           *text;
    unsigned char   hash[EVP_MAX_MD_SIZE];

    text = json_dumps(issuer->json, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL) {
        return REG_NOMEM;
    }

    ok = (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) == 1);

    free(text);

    if (!ok) {
        return REG_ERROR;
    }

    (void) reg_base64url_encode(buf, (reg_str_t) { 16, hash });

    return REG_OK;
}


/* A type is never changed into another: "1" is not 1, and 1.0 is nothing. */

static int
reg_claim_matches(const reg_claim_t *claim, json_t *value)
{
    json_t     *wanted = claim->value;
    reg_str_t   pattern, text;

    if (value == NULL || json_typeof(value) != json_typeof(wanted)) {
        return 0;
    }

    if (!json_is_string(wanted)) {
        return json_equal(value, wanted);
    }

    pattern.len = json_string_length(wanted);
    pattern.data = (unsigned char *) json_string_value(wanted);

    text.len = json_string_length(value);
    text.data = (unsigned char *) json_string_value(value);

    return reg_claim_text_matches(pattern, text);
}


static int
reg_claim_text_matches(reg_str_t pattern, reg_str_t text)
{
    size_t         i, n;
    unsigned char  tokens[REG_PATTERN_MAX];

    if (memchr(pattern.data, '*', pattern.len) == NULL) {
        return reg_str_eq(pattern, text);
    }

    if (text.len > REG_CLAIM_TEXT_MAX || pattern.len > REG_PATTERN_MAX) {
        return 0;
    }

    for (i = 0, n = 0; i < pattern.len; i++, n++) {

        if (pattern.data[i] != '*') {
            tokens[n] = pattern.data[i];

        } else if (i + 1 < pattern.len && pattern.data[i + 1] == '*') {
            tokens[n] = REG_GLOB_RUNS;
            i++;

        } else {
            tokens[n] = REG_GLOB_PART;
        }
    }

    return reg_glob_match(tokens, n, text);
}
