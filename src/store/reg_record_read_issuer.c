/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Values of the records of issuers.  A rule has to pin something: what asks for
 * nothing would let in everybody who can get a token there.
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_issuer.h"
#include "reg_record_read.h"


static reg_rc_t reg_read_rule(reg_reader_t *reader, json_t *value,
    reg_rule_t *rule);
static reg_rc_t reg_read_claims(reg_reader_t *reader, json_t *value,
    reg_rule_t *rule);
static reg_rc_t reg_read_claim(reg_reader_t *reader, const char *name,
    json_t *value, reg_claim_t *claim, int *pins);
static reg_rc_t reg_read_claim_name(reg_reader_t *reader, const char *name);


/* Members of a rule; the tenant comes before the scopes, which need it. */

static const struct {
    const char  *name;
    reg_read_t   read;
    size_t       offset;
    unsigned     required;
} reg_rule_members[] = {
    { "tenant", reg_read_tenant, offsetof(reg_rule_t, tenant), 1 },
    { "roles",  reg_read_roles,  offsetof(reg_rule_t, roles),  0 },
    { "scopes", reg_read_scopes, offsetof(reg_rule_t, scopes), 0 }
};

#define REG_RULE_MEMBERS                                                      \
    (sizeof(reg_rule_members) / sizeof(reg_rule_members[0]))


/* It is compared with what tokens say, and neither may be empty. */

reg_rc_t
reg_read_iss(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *text = field;

    if (reg_read_text(reader, value, text) != REG_OK) {
        return REG_INVALID;
    }

    return text->len ? REG_OK : reg_read_fail(reader, "is empty");
}


reg_rc_t
reg_read_rules(reg_reader_t *reader, json_t *value, void *field)
{
    size_t                i;
    char                  member[sizeof("rules[64]")];
    json_t               *item;
    reg_rc_t              rc;
    reg_reader_t          inner;
    reg_issuer_record_t  *issuer;

    (void) field;

    issuer = &reader->record->u.issuer;

    if (!json_is_array(value) || json_array_size(value) == 0
        || json_array_size(value) > REG_RULES_MAX)
    {
        return reg_read_fail(reader, "must be a list of 1 to 64 rules");
    }

    issuer->rules = calloc(json_array_size(value), sizeof(reg_rule_t));

    if (issuer->rules == NULL) {
        return REG_NOMEM;
    }

    issuer->nrules = json_array_size(value);

    json_array_foreach(value, i, item) {
        (void) snprintf(member, sizeof(member), "rules[%u]", (unsigned) i);

        inner = *reader;
        inner.member = member;

        rc = reg_read_rule(&inner, item, &issuer->rules[i]);

        if (rc != REG_OK) {
            return rc;
        }
    }

    return REG_OK;
}


void
reg_read_free_rules(reg_issuer_record_t *issuer)
{
    size_t  i;

    for (i = 0; i < issuer->nrules; i++) {
        free(issuer->rules[i].claims);
        free(issuer->rules[i].roles.items);
        free(issuer->rules[i].scopes.items);
    }

    free(issuer->rules);
}


static reg_rc_t
reg_read_rule(reg_reader_t *reader, json_t *value, reg_rule_t *rule)
{
    char          path[sizeof("rules[64].tenant")];
    size_t        i;
    json_t       *member;
    reg_rc_t      rc;
    const char   *name;
    reg_reader_t  inner;

    if (!json_is_object(value)) {
        return reg_read_fail(reader, "must be an object");
    }

    json_object_foreach(value, name, member) {

        for (i = 0; i < REG_RULE_MEMBERS; i++) {
            if (strcmp(name, reg_rule_members[i].name) == 0) {
                break;
            }
        }

        if (i == REG_RULE_MEMBERS && strcmp(name, "claims") != 0) {
            reg_error_set(reader->error, "%s: unknown member \"%.64s\"",
                          reader->member, name);
            return REG_INVALID;
        }
    }

    inner = *reader;
    inner.member = path;

    for (i = 0; i < REG_RULE_MEMBERS; i++) {
        member = json_object_get(value, reg_rule_members[i].name);

        (void) snprintf(path, sizeof(path), "%s.%s", reader->member,
                        reg_rule_members[i].name);

        if (member == NULL
            || (json_is_null(member) && !reg_rule_members[i].required))
        {
            if (reg_rule_members[i].required) {
                return reg_read_fail(&inner, "is missing");
            }

            continue;
        }

        rc = reg_rule_members[i].read(&inner, member, (char *) rule
                                              + reg_rule_members[i].offset);
        if (rc != REG_OK) {
            return rc;
        }
    }

    return reg_read_claims(reader, json_object_get(value, "claims"), rule);
}


static reg_rc_t
reg_read_claims(reg_reader_t *reader, json_t *value, reg_rule_t *rule)
{
    int           pins;
    char          path[sizeof("rules[64].claims.") + REG_TEXT_MAX];
    json_t       *wanted;
    reg_rc_t      rc;
    const char   *name;
    reg_reader_t  inner;

    inner = *reader;
    inner.member = path;

    (void) snprintf(path, sizeof(path), "%s.claims", reader->member);

    if (!json_is_object(value) || json_object_size(value) == 0
        || json_object_size(value) > REG_CLAIMS_MAX)
    {
        return reg_read_fail(&inner, "must be an object of 1 to 32 claims: a "
                             "rule has to say whom it admits");
    }

    rule->claims = calloc(json_object_size(value), sizeof(reg_claim_t));

    if (rule->claims == NULL) {
        return REG_NOMEM;
    }

    pins = 0;

    json_object_foreach(value, name, wanted) {
        (void) snprintf(path, sizeof(path), "%s.claims", reader->member);

        rc = reg_read_claim_name(&inner, name);

        if (rc == REG_OK) {
            (void) snprintf(path, sizeof(path), "%s.claims.%s", reader->member,
                            name);

            rc = reg_read_claim(&inner, name, wanted,
                                &rule->claims[rule->nclaims++], &pins);
        }

        if (rc != REG_OK) {
            return rc;
        }
    }

    (void) snprintf(path, sizeof(path), "%s.claims", reader->member);

    return pins ? REG_OK
                : reg_read_fail(&inner, "pin nothing: each of them may be "
                                "anything");
}


static reg_rc_t
reg_read_claim(reg_reader_t *reader, const char *name, json_t *value,
    reg_claim_t *claim, int *pins)
{
    reg_str_t    text;
    reg_error_t  why;

    claim->name = reg_str(name);
    claim->value = value;

    if (json_is_integer(value) || json_is_boolean(value)) {
        *pins = 1;
        return REG_OK;
    }

    if (!json_is_string(value)) {
        return reg_read_fail(reader, "must be a string, an integer, true or "
                             "false");
    }

    if (reg_read_text(reader, value, &text) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_claim_check(text, &why) != REG_OK) {
        return reg_read_fail(reader, why.text);
    }

    *pins |= reg_claim_pins(text);

    return REG_OK;
}


/* What every token has, or has for itself alone, tells nobody from another. */

static reg_rc_t
reg_read_claim_name(reg_reader_t *reader, const char *name)
{
    size_t  i;

    static const char  *taken[] = { "iss", "aud", "exp", "nbf", "iat", "jti" };

    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {

        if (strcmp(name, taken[i]) == 0) {
            reg_error_set(reader->error, "%s: \"%s\" tells nobody from "
                          "another", reader->member, name);
            return REG_INVALID;
        }
    }

    if (name[0] == '\0' || strlen(name) > REG_TEXT_MAX) {
        return reg_read_fail(reader, "the name of a claim has 1 to 255 bytes");
    }

    for (i = 0; name[i]; i++) {

        if (name[i] < 0x20 || name[i] > 0x7e) {
            return reg_read_fail(reader, "the name of a claim holds what is "
                                 "not printable ASCII");
        }
    }

    return REG_OK;
}
