/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Records.  The input is a byte for the type, the name up to a newline, and the
 * text.  What is read keeps every promise of reg_record.h, and is read again,
 * to the same, after it was written anew.
 */

#include <stdlib.h>

#include "reg_api_key.h"
#include "reg_budget.h"
#include "reg_issuer.h"
#include "reg_name.h"
#include "reg_record_json.h"
#include "reg_scope.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_text(reg_str_t text)
{
    size_t  i;

    CHECK(text.len <= REG_TEXT_MAX);

    for (i = 0; i < text.len; i++) {
        CHECK(text.data[i] >= 0x20 && text.data[i] != 0x7f);
    }
}


static void
check_time(int64_t seconds)
{
    char         text[REG_TIME_LEN + 1];
    int64_t      again;

    if (seconds == REG_TIME_NONE) {
        return;
    }

    reg_time_format(text, seconds);

    CHECK(reg_time_parse(&again, reg_str(text), NULL) == REG_OK);
    CHECK(again == seconds);
}


static void
check_scopes(const reg_list_t *scopes, reg_str_t tenant)
{
    size_t        i;
    reg_scope_t  *scope;

    CHECK(scopes->n <= REG_RECORD_LIST_MAX);

    for (i = 0; i < scopes->n; i++) {
        CHECK(reg_scope_parse(&scope, scopes->items[i], tenant, NULL)
              == REG_OK);
        reg_scope_free(scope);
    }
}


static void
check_limits(const reg_overrides_t *limits)
{
    size_t  i;

    CHECK(limits->n <= REG_RECORD_LIST_MAX);

    for (i = 0; i < limits->n; i++) {
        CHECK(reg_label_check(limits->items[i].name) == REG_OK);
        CHECK(limits->items[i].value.kind <= REG_LIMIT_QUOTA);
    }
}


static void
check_key(const reg_key_record_t *key, reg_str_t name)
{
    size_t  i;

    CHECK(reg_str_eq(key->id, name));
    CHECK(reg_api_key_id_check(key->id) == REG_OK);
    CHECK(reg_label_check(key->tenant) == REG_OK);
    CHECK(reg_api_key_hash_check(key->hash) == REG_OK);
    CHECK(key->roles.n <= REG_RECORD_LIST_MAX);

    for (i = 0; i < key->roles.n; i++) {
        CHECK(reg_label_check(key->roles.items[i]) == REG_OK);
    }

    CHECK(key->nallow_from <= REG_RECORD_LIST_MAX);

    for (i = 0; i < key->nallow_from; i++) {
        CHECK(reg_cidr_contains(&key->allow_from[i],
                                &key->allow_from[i].address));
    }

    CHECK(key->rotated_to.len == 0
          || reg_api_key_id_check(key->rotated_to) == REG_OK);

    check_limits(&key->limits);
    check_scopes(&key->scopes, key->tenant);
    check_text(key->name);
    check_text(key->reason);
    check_time(key->not_before);
    check_time(key->expires_at);
    check_time(key->revoked_at);
    check_time(key->created_at);
}


/* No rule is without a claim that pins something. */

static void
check_issuer(const reg_issuer_record_t *issuer, reg_str_t name)
{
    size_t              i, n, pins;
    json_t             *value;
    reg_str_t           text;
    const reg_rule_t   *rule;

    CHECK(reg_str_eq(issuer->name, name));
    CHECK(reg_label_check(name) == REG_OK);
    CHECK(issuer->issuer.len && issuer->audience.len);
    CHECK(issuer->nrules >= 1 && issuer->nrules <= REG_RULES_MAX);

    for (i = 0; i < issuer->nrules; i++) {
        rule = &issuer->rules[i];
        pins = 0;

        CHECK(reg_label_check(rule->tenant) == REG_OK);
        CHECK(rule->nclaims >= 1 && rule->nclaims <= REG_CLAIMS_MAX);
        check_scopes(&rule->scopes, rule->tenant);

        for (n = 0; n < rule->nclaims; n++) {
            value = rule->claims[n].value;
            text = json_is_string(value) ? reg_str(json_string_value(value))
                                         : REG_STR_NULL;

            CHECK(rule->claims[n].name.len >= 1);
            CHECK(!json_is_string(value)
                  || reg_claim_check(text, NULL) == REG_OK);

            pins += (!json_is_string(value) || reg_claim_pins(text));
        }

        CHECK(pins >= 1);
    }
}


static void
check_record(const reg_record_t *record, reg_str_t name)
{
    size_t                i;
    reg_budget_subject_t  subject;

    if (record->newer) {
        return;
    }

    switch (record->type) {

    case REG_RECORD_KEY:
        check_key(&record->u.key, name);
        break;

    case REG_RECORD_TENANT:
        CHECK(reg_str_eq(record->u.tenant.name, name));
        CHECK(reg_label_check(name) == REG_OK);
        CHECK(record->u.tenant.nlabels <= REG_RECORD_LIST_MAX);

        for (i = 0; i < record->u.tenant.nlabels; i++) {
            CHECK(record->u.tenant.labels[i].name.len >= 1
                  && record->u.tenant.labels[i].name.len <= REG_NAME_MAX);
            check_text(record->u.tenant.labels[i].value);
        }

        check_limits(&record->u.tenant.limits);
        break;

    case REG_RECORD_REPOSITORY:
        CHECK(reg_str_eq(record->u.repository.pattern, name));
        CHECK(reg_label_check(record->u.repository.owner) == REG_OK);
        CHECK(name.len && !memchr(name.data, '"', name.len)
              && !memchr(name.data, '\\', name.len));
        break;

    case REG_RECORD_ISSUER:
        check_issuer(&record->u.issuer, name);
        break;

    case REG_RECORD_BUDGET:
        CHECK(reg_str_eq(record->u.budget.name, name));
        CHECK(reg_budget_parse(&subject, name, NULL) == REG_OK);
        CHECK(record->u.budget.amount.bytes >= 1);

        for (i = 1; i < record->u.budget.nalerts; i++) {
            CHECK(record->u.budget.alerts[i - 1] < record->u.budget.alerts[i]);
        }

        break;

    default:
        CHECK(reg_str_eq(record->u.role.name, name));
        CHECK(reg_label_check(name) == REG_OK);
        CHECK(reg_role_builtin(name) == NULL);
        check_scopes(&record->u.role.scopes, REG_STR("t"));
        break;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *dump;
    reg_rc_t        rc;
    reg_str_t       name, text;
    reg_error_t     error;
    reg_record_t   *record, *again;
    const uint8_t  *newline;

    newline = size ? memchr(data, '\n', size) : NULL;

    if (newline == NULL || newline == data) {
        return 0;
    }

    name.data = (unsigned char *) data + 1;
    name.len = (size_t) (newline - data) - 1;
    text.data = (unsigned char *) newline + 1;
    text.len = size - (size_t) (newline + 1 - data);

    error.text[0] = '\0';

    rc = reg_record_parse(&record, data[0] % REG_RECORD_TYPES, name, text,
                          &error);

    if (rc != REG_OK) {
        CHECK(rc == REG_INVALID && error.text[0] != '\0');
        return 0;
    }

    CHECK(record->type == data[0] % REG_RECORD_TYPES);

    check_record(record, name);

    dump = json_dumps(record->json, JSON_COMPACT);
    CHECK(dump != NULL);

    CHECK(reg_record_parse(&again, record->type, name, reg_str(dump), &error)
          == REG_OK);
    CHECK(again->newer == record->newer);
    CHECK(json_equal(again->json, record->json));

    check_record(again, name);

    free(dump);
    reg_record_free(again);
    reg_record_free(record);

    return 0;
}
