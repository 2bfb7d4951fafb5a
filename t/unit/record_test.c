/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_budget.h"
#include "reg_record_json.h"
#include "reg_scope.h"
#include "wrap_malloc.h"

#define ID    "a1B2c3D4e5F6"
#define HASH                                                                  \
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* the members that a key cannot do without, and what follows them */

#define KEY(rest)                                                             \
    "{\"version\":1,\"id\":\"" ID "\",\"tenant\":\"acme\",\"hash\":\"" HASH   \
    "\"" rest "}"

#define TENANT(rest)  "{\"version\":1,\"name\":\"acme\"" rest "}"

#define ROLE(rest)    "{\"version\":1,\"name\":\"ops\"" rest "}"

#define REPO(rest)                                                            \
    "{\"version\":1,\"pattern\":\"acme/**\",\"owner\":\"acme\"" rest "}"

#define BUDGET(rest)                                                          \
    "{\"version\":1,\"name\":\"tenant:acme\",\"amount\":\"10TB/month\"" rest  \
    "}"

#define ISSUER(rules)                                                         \
    "{\"version\":1,\"name\":\"gh\",\"issuer\":\"https://i\","                \
    "\"audience\":\"reg\",\"rules\":" rules "}"

#define RULE(claims)                                                          \
    ISSUER("[{\"claims\":" claims ",\"tenant\":\"acme\"}]")

typedef struct {
    reg_record_type_t   type;
    const char         *text;
    const char         *error;      /* NULL: it is a record */
} record_case_t;


static const char *
record_name(reg_record_type_t type)
{
    static const char *const  names[REG_RECORD_TYPES] = {
        [REG_RECORD_KEY] = ID,
        [REG_RECORD_TENANT] = "acme",
        [REG_RECORD_ROLE] = "ops",
        [REG_RECORD_REPOSITORY] = "acme/**",
        [REG_RECORD_BUDGET] = "tenant:acme",
        [REG_RECORD_ISSUER] = "gh"
    };

    return names[type];
}


/* From a copy without a NUL, so that nothing behind the text is read. */

static reg_rc_t
parse(reg_record_t **record, reg_record_type_t type, const char *name,
    const char *text, reg_error_t *error)
{
    reg_rc_t   rc;
    reg_str_t  copy;

    copy = exact_copy(reg_str(text));
    *record = NULL;

    rc = reg_record_parse(record, type, reg_str(name), copy, error);

    free(copy.data);

    return rc;
}


static void
check_cases(const record_case_t *cases, size_t n)
{
    size_t         i;
    reg_rc_t       rc;
    reg_error_t    error;
    reg_record_t  *record;

    for (i = 0; i < n; i++) {
        error.text[0] = '\0';

        rc = parse(&record, cases[i].type, record_name(cases[i].type),
                   cases[i].text, &error);

        if (cases[i].error == NULL) {

            if (rc != REG_OK) {
                fail_msg("%s: %s", cases[i].text, error.text);
            }

            reg_record_free(record);
            continue;
        }

        if (rc != REG_INVALID || strcmp(error.text, cases[i].error) != 0) {
            fail_msg("%s:\n got \"%s\"\n not \"%s\"", cases[i].text,
                     error.text, cases[i].error);
        }

        assert_null(record);
    }
}


static void
assert_str(reg_str_t got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.len);
}


static void
test_key(void **state)
{
    reg_error_t        error;
    reg_record_t      *record;
    reg_key_record_t  *key;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_KEY, ID,
                           KEY(",\"name\":\"ci of acme\","
                               "\"roles\":[\"ops\",\"image-puller\"],"
                               "\"scopes\":[\"repository:{tenant}/a:pull\"],"
                               "\"allow_from\":[\"10.0.0.0/8\","
                               "\"2001:db8::/32\"],"
                               "\"not_before\":\"2026-01-01T00:00:00Z\","
                               "\"expires_at\":\"2026-01-01T02:00:01+01:00\","
                               "\"revoked_at\":\"2026-01-01T00:00:02.9Z\","
                               "\"reason\":\"leaked\","
                               "\"rotated_to\":\"A1b2C3d4E5f6\","
                               "\"created_at\":\"1970-01-01T00:00:00Z\""),
                           &error),
                     REG_OK);

    key = &record->u.key;

    assert_int_equal(record->type, REG_RECORD_KEY);
    assert_int_equal(record->newer, 0);

    assert_str(key->id, ID);
    assert_str(key->tenant, "acme");
    assert_str(key->name, "ci of acme");
    assert_str(key->hash, HASH);
    assert_int_equal(key->roles.n, 2);
    assert_str(key->roles.items[0], "ops");
    assert_str(key->roles.items[1], "image-puller");
    assert_int_equal(key->scopes.n, 1);
    assert_str(key->scopes.items[0], "repository:{tenant}/a:pull");
    assert_int_equal(key->nallow_from, 2);
    assert_int_equal(key->allow_from[0].address.family, REG_ADDRESS_IPV4);
    assert_int_equal(key->allow_from[0].prefix, 8);
    assert_int_equal(key->allow_from[1].address.family, REG_ADDRESS_IPV6);
    assert_int_equal(key->allow_from[1].prefix, 32);
    assert_int_equal(key->not_before, 1767225600);
    assert_int_equal(key->expires_at, 1767225600 + 3601);
    assert_int_equal(key->revoked_at, 1767225600 + 2);
    assert_int_equal(key->created_at, 0);
    assert_str(key->reason, "leaked");
    assert_str(key->rotated_to, "A1b2C3d4E5f6");

    reg_record_free(record);
}


/* null and absent are the same, and neither is a time that has passed */

static void
test_key_absent(void **state)
{
    size_t             i;
    reg_error_t        error;
    reg_record_t      *record;
    reg_key_record_t  *key;

    static const char  *texts[] = {
        KEY(""),
        KEY(",\"name\":null,\"roles\":null,\"scopes\":null,"
            "\"allow_from\":null,\"not_before\":null,\"expires_at\":null,"
            "\"revoked_at\":null,\"reason\":null,\"rotated_to\":null,"
            "\"created_at\":null"),
        KEY(",\"roles\":[],\"scopes\":[],\"allow_from\":[]")
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(&record, REG_RECORD_KEY, ID, texts[i], &error),
                         REG_OK);

        key = &record->u.key;

        assert_int_equal(key->name.len, 0);
        assert_int_equal(key->roles.n, 0);
        assert_int_equal(key->scopes.n, 0);
        assert_int_equal(key->nallow_from, 0);
        assert_true(key->not_before == REG_TIME_NONE);
        assert_true(key->expires_at == REG_TIME_NONE);
        assert_true(key->revoked_at == REG_TIME_NONE);
        assert_true(key->created_at == REG_TIME_NONE);
        assert_int_equal(key->reason.len, 0);
        assert_int_equal(key->rotated_to.len, 0);

        reg_record_free(record);
    }
}


static void
test_tenant(void **state)
{
    reg_error_t           error;
    reg_record_t         *record;
    reg_tenant_record_t  *tenant;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_TENANT, "acme",
                           TENANT(",\"suspended\":true,\"labels\":"
                                  "{\"cost_center\":\"\",\"owner\":\"Åsa\"}"),
                           &error),
                     REG_OK);

    tenant = &record->u.tenant;

    assert_str(tenant->name, "acme");
    assert_int_equal(tenant->suspended, 1);
    assert_int_equal(tenant->nlabels, 2);
    assert_str(tenant->labels[0].name, "cost_center");
    assert_str(tenant->labels[0].value, "");
    assert_str(tenant->labels[1].name, "owner");
    assert_str(tenant->labels[1].value, "Åsa");

    reg_record_free(record);

    assert_int_equal(parse(&record, REG_RECORD_TENANT, "acme",
                           TENANT(",\"suspended\":null,\"labels\":null"),
                           &error),
                     REG_OK);

    assert_int_equal(record->u.tenant.suspended, 0);
    assert_int_equal(record->u.tenant.nlabels, 0);

    reg_record_free(record);
}


static void
check_limits(const reg_overrides_t *limits)
{
    assert_int_equal(limits->n, 3);

    assert_str(limits->items[0].name, "pulls");
    assert_int_equal(limits->items[0].value.kind, REG_LIMIT_RATE);
    assert_int_equal(limits->items[0].value.u.rate.count, 100);
    assert_int_equal(limits->items[0].value.u.rate.window, 21600);
    assert_int_equal(limits->items[0].value.u.rate.burst, 20);

    assert_str(limits->items[1].name, "egress.v2");
    assert_int_equal(limits->items[1].value.kind, REG_LIMIT_QUOTA);
    assert_int_equal(limits->items[1].value.u.quota.bytes, 10000000000000);

    assert_str(limits->items[2].name, "a");
    assert_int_equal(limits->items[2].value.kind, REG_LIMIT_OFF);
}


#define LIMITS                                                                \
    ",\"limits\":{\"pulls\":\"100/6h burst=20\","                             \
    "\"egress.v2\":\"10TB/month\",\"a\":\"off\"}"

static void
test_limits(void **state)
{
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_TENANT, "acme", TENANT(LIMITS),
                           &error),
                     REG_OK);
    check_limits(&record->u.tenant.limits);
    reg_record_free(record);

    assert_int_equal(parse(&record, REG_RECORD_KEY, ID, KEY(LIMITS), &error),
                     REG_OK);
    check_limits(&record->u.key.limits);
    reg_record_free(record);
}


static void
test_role(void **state)
{
    reg_error_t         error;
    reg_record_t       *record;
    reg_role_record_t  *role;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_ROLE, "ops",
                           ROLE(",\"scopes\":[\"repository:{tenant}:pull\","
                                "\"registry:catalog:*\"]"),
                           &error),
                     REG_OK);

    role = &record->u.role;

    assert_str(role->name, "ops");
    assert_int_equal(role->scopes.n, 2);
    assert_str(role->scopes.items[0], "repository:{tenant}:pull");
    assert_str(role->scopes.items[1], "registry:catalog:*");

    reg_record_free(record);
}


/* of a later version nothing is understood, so nothing is there to be used */

static void
test_repository(void **state)
{
    reg_error_t                     error;
    reg_record_t                   *record;
    const reg_repository_record_t  *repository;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_REPOSITORY, "acme/**",
                           REPO(",\"labels\":{\"project\":\"apollo\"}"),
                           &error),
                     REG_OK);

    repository = &record->u.repository;

    assert_str(repository->pattern, "acme/**");
    assert_str(repository->owner, "acme");
    assert_int_equal(repository->nlabels, 1);
    assert_str(repository->labels[0].name, "project");
    assert_str(repository->labels[0].value, "apollo");

    reg_record_free(record);

    assert_int_equal(parse(&record, REG_RECORD_REPOSITORY, "~^a/[0-9]{2}$",
                           "{\"version\":1,\"pattern\":\"~^a/[0-9]{2}$\","
                           "\"owner\":\"acme\"}", &error),
                     REG_OK);
    reg_record_free(record);
}


/* The file store has no escapes in names, so no pattern may need them. */

static void
test_patterns(void **state)
{
    size_t         i;
    char           text[128];
    reg_error_t    error;
    reg_record_t  *record;

    static const struct {
        const char  *name;
        const char  *json;
        const char  *error;
    } cases[] = {
        { "", "", "pattern: " },
        { "a b", "a b", "pattern: " },
        { "a/{tenant}", "a/{tenant}",
          "pattern: {tenant} stands for nobody here" },
        { "~^v\\d", "~^v\\\\d", "pattern: holds a backslash or a quote" },
        { "~\"", "~\\\"", "pattern: holds a backslash or a quote" },
        { "~(", "~(", "pattern: " },
        { "other", "acme", "pattern: differs from the name of the record" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"version\":1,"
                        "\"pattern\":\"%s\",\"owner\":\"acme\"}",
                        cases[i].json);

        assert_int_equal(parse(&record, REG_RECORD_REPOSITORY, cases[i].name,
                               text, &error),
                         REG_INVALID);
        assert_memory_equal(error.text, cases[i].error,
                            strlen(cases[i].error));
    }
}


static void
test_budget(void **state)
{
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_BUDGET, "tenant:acme",
                           BUDGET(",\"alerts\":[50,80,1000]"), &error),
                     REG_OK);
    assert_true(record->u.budget.amount.bytes == 10000000000000);
    assert_int_equal(record->u.budget.amount.period, REG_PERIOD_MONTH);
    assert_int_equal(record->u.budget.nalerts, 3);
    assert_int_equal(record->u.budget.alerts[2], 1000);

    reg_record_free(record);
}


static void
test_budget_names(void **state)
{
    size_t                i;
    reg_str_t             text;
    reg_error_t           error;
    unsigned char         name[REG_TEXT_MAX + 1];
    reg_budget_subject_t  subject;

    static const char *const  bad[] = {
        "", "tenant", "tenant:", "tenant:Acme", "tenant:a/b", "label:",
        "label:x", "label:x=", "label:=x", "label:X=y", "label:a-b=c",
        "label:a=\"", "label:a=b\\", "label:a=b\n", "label:a=\x7f", "acme",
        "Tenant:acme", "labels:a=b"
    };

    (void) state;

    assert_int_equal(reg_budget_parse(&subject, REG_STR("tenant:acme"),
                                      &error),
                     REG_OK);
    assert_str(subject.tenant, "acme");
    assert_int_equal(subject.label.len, 0);

    assert_int_equal(reg_budget_parse(&subject,
                                      REG_STR("label:cost_center=a=b"),
                                      &error),
                     REG_OK);
    assert_int_equal(subject.tenant.len, 0);
    assert_str(subject.label, "cost_center");
    assert_str(subject.value, "a=b");

    assert_int_equal(reg_budget_parse(&subject, REG_STR("label:a= ~"), &error),
                     REG_OK);
    assert_str(subject.value, " ~");

    /* as long as a record may be called, and one more */

    text.data = name;
    text.len = REG_TEXT_MAX;
    memset(name, 'x', sizeof(name));
    memcpy(name, "label:a=", 8);

    assert_int_equal(reg_budget_parse(&subject, text, &error), REG_OK);
    assert_int_equal(subject.value.len, REG_TEXT_MAX - 8);

    text.len++;
    assert_int_equal(reg_budget_parse(&subject, text, &error), REG_INVALID);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        if (reg_budget_parse(&subject, reg_str(bad[i]), &error)
            != REG_INVALID)
        {
            fail_msg("\"%s\" is taken for a budget", bad[i]);
        }
    }
}


static void
test_newer(void **state)
{
    unsigned       type;
    reg_error_t    error;
    reg_record_t  *record, zero;

    (void) state;

    memset(&zero, 0, sizeof(reg_record_t));

    for (type = 0; type < REG_RECORD_TYPES; type++) {
        assert_int_equal(parse(&record, (reg_record_type_t) type, "any",
                               "{\"version\":2,\"id\":7,\"frozen\":true}",
                               &error),
                         REG_OK);

        assert_int_equal(record->newer, 1);
        assert_memory_equal(&record->u, &zero.u, sizeof(zero.u));

        reg_record_free(record);
    }
}


static void
test_version(void **state)
{
    static const record_case_t  cases[] = {
        { REG_RECORD_TENANT, "{\"name\":\"acme\"}", "version: is missing" },
        { REG_RECORD_TENANT, "{\"version\":0,\"name\":\"acme\"}",
          "version: must be a positive integer" },
        { REG_RECORD_TENANT, "{\"version\":-1,\"name\":\"acme\"}",
          "version: must be a positive integer" },
        { REG_RECORD_TENANT, "{\"version\":1.0,\"name\":\"acme\"}",
          "version: must be a positive integer" },
        { REG_RECORD_TENANT, "{\"version\":\"1\",\"name\":\"acme\"}",
          "version: must be a positive integer" },
        { REG_RECORD_TENANT, "{\"version\":null,\"name\":\"acme\"}",
          "version: must be a positive integer" },
        { REG_RECORD_TENANT, "{\"version\":1e30,\"name\":\"acme\"}",
          "version: must be a positive integer" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_json(void **state)
{
    static const record_case_t  cases[] = {
        { REG_RECORD_TENANT, "[]", "a record is an object" },
        { REG_RECORD_TENANT, "{\"version\":1,\"name\":\"acme\",\"x\":1}",
          "unknown member \"x\"" },
        { REG_RECORD_TENANT,
          "{\"version\":1,\"name\":\"acme\",\"name\":\"acme\"}",
          "column 33: duplicate object key near '\"name\"'" },
        { REG_RECORD_TENANT, "{\"version\":1,\n\n \"name\":acme}",
          "line 3 of the record, column 12: invalid token near 'acme'" },
        { REG_RECORD_TENANT, "{\"version\":1,\"name\":\"acme\"}}",
          "column 28: end of file expected near '}'" },
        { REG_RECORD_TENANT, "{\"version\":1,\"name\":\"ac\\u0000me\"}",
          "column 32: \\u0000 is not allowed without JSON_ALLOW_NUL "
          "near '\"ac\\u0000me\"'" },
        { REG_RECORD_TENANT, "{\"version\":1,\"na\\u0000me\":\"acme\"}",
          "column 25: NUL byte in object key not supported near "
          "'\"na\\u0000me\"'" },
        { REG_RECORD_TENANT,
          "{\"version\":99999999999999999999,\"name\":\"acme\"}",
          "column 31: too big integer near '99999999999999999999'" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{\"a\":\"\xff\"}"),
          "column 42: unable to decode byte 0xff near '\"'" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_key_members(void **state)
{
    static const record_case_t  cases[] = {
        { REG_RECORD_KEY, "{\"version\":1,\"tenant\":\"acme\",\"hash\":\""
          HASH "\"}", "id: is missing" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":\"" ID "\",\"hash\":\""
          HASH "\"}", "tenant: is missing" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":\"" ID
          "\",\"tenant\":\"acme\"}", "hash: is missing" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":null,\"tenant\":\"acme\","
          "\"hash\":\"" HASH "\"}", "id: must be a string" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":\"a1B2c3D4e5F_\","
          "\"tenant\":\"acme\",\"hash\":\"" HASH "\"}",
          "id: is no key id: 12 letters and digits" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":\"b1B2c3D4e5F6\","
          "\"tenant\":\"acme\",\"hash\":\"" HASH "\"}",
          "id: differs from the name of the record" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":\"" ID
          "\",\"tenant\":\"Acme\",\"hash\":\"" HASH "\"}",
          "tenant: is no name: [a-z0-9][a-z0-9._-]{0,62}" },
        { REG_RECORD_KEY, "{\"version\":1,\"id\":\"" ID
          "\",\"tenant\":\"acme\",\"hash\":\"md5:00\"}",
          "hash: is neither sha256:<64 hex digits> nor hmac-sha256:<64 hex "
          "digits>" },
        { REG_RECORD_KEY, KEY(",\"name\":7"), "name: must be a string" },
        { REG_RECORD_KEY, KEY(",\"name\":\"a\\tb\""),
          "name: holds a control character" },
        { REG_RECORD_KEY, KEY(",\"name\":\"\x7f\""),
          "name: holds a control character" },
        { REG_RECORD_KEY, KEY(",\"name\":\"\xc2\x9b" "31m\""),
          "name: holds a control character" },
        { REG_RECORD_KEY, KEY(",\"name\":\"\xc2\xa0\""), NULL },
        { REG_RECORD_KEY, KEY(",\"roles\":\"ops\""),
          "roles: must be a list of strings" },
        { REG_RECORD_KEY, KEY(",\"roles\":[\"ops\",7]"),
          "roles[1]: must be a string" },
        { REG_RECORD_KEY, KEY(",\"roles\":[\"ops\",\"\"]"),
          "roles[1]: is no name: [a-z0-9][a-z0-9._-]{0,62}" },
        { REG_RECORD_KEY, KEY(",\"roles\":[\"registry-admin\"]"), NULL },
        { REG_RECORD_KEY, KEY(",\"scopes\":{}"),
          "scopes: must be a list of strings" },
        { REG_RECORD_KEY, KEY(",\"scopes\":[null]"),
          "scopes[0]: must be a string" },
        { REG_RECORD_KEY, KEY(",\"allow_from\":[\"::/0\",\"10.0.0.1/8\"]"),
          "allow_from[1]: \"10.0.0.1/8\" has bits set behind its prefix" },
        { REG_RECORD_KEY, KEY(",\"not_before\":0"),
          "not_before: must be a string" },
        { REG_RECORD_KEY, KEY(",\"rotated_to\":\"next\""),
          "rotated_to: is no key id: 12 letters and digits" },
        { REG_RECORD_KEY, KEY(",\"secret\":\"x\""),
          "unknown member \"secret\"" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


/* what other parsers say of a value stands behind the member's name */

static void
test_borrowed_sentences(void **state)
{
    char           wanted[2 * REG_ERROR_MAX];
    int64_t        seconds;
    reg_error_t    error, why;
    reg_scope_t   *scope;
    reg_record_t  *record;

    (void) state;

    assert_int_equal(reg_time_parse(&seconds, REG_STR("soon"), &why),
                     REG_INVALID);
    assert_int_equal(parse(&record, REG_RECORD_KEY, ID,
                           KEY(",\"expires_at\":\"soon\""), &error),
                     REG_INVALID);

    (void) snprintf(wanted, sizeof(wanted), "expires_at: %s", why.text);
    assert_string_equal(error.text, wanted);

    assert_int_equal(reg_scope_parse(&scope, REG_STR("repository:a:fly"),
                                     REG_STR("acme"), &why),
                     REG_INVALID);
    assert_int_equal(parse(&record, REG_RECORD_KEY, ID,
                           KEY(",\"scopes\":[\"api:a:b\","
                               "\"repository:a:fly\"]"),
                           &error),
                     REG_INVALID);

    (void) snprintf(wanted, sizeof(wanted), "scopes[1]: %s", why.text);
    assert_string_equal(error.text, wanted);
}


static void
test_tenant_members(void **state)
{
    static const record_case_t  cases[] = {
        { REG_RECORD_TENANT, "{\"version\":1,\"name\":\"acne\"}",
          "name: differs from the name of the record" },
        { REG_RECORD_TENANT, "{\"version\":1}", "name: is missing" },
        { REG_RECORD_TENANT, TENANT(",\"bandwidth\":50000000"),
          "bandwidth: must be a string" },
        { REG_RECORD_TENANT, TENANT(",\"bandwidth\":\"50MB\""),
          "bandwidth: \"50MB\" is no bandwidth, write bytes in a second, such "
          "as 50MB/s" },
        { REG_RECORD_TENANT, TENANT(",\"downloads\":\"20\""),
          "downloads: must be a number from 1 to 10000" },
        { REG_RECORD_TENANT, TENANT(",\"downloads\":0"),
          "downloads: must be a number from 1 to 10000" },
        { REG_RECORD_TENANT, TENANT(",\"downloads\":10001"),
          "downloads: must be a number from 1 to 10000" },
        { REG_RECORD_TENANT, TENANT(",\"suspended\":1"),
          "suspended: must be true or false" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":[]"),
          "labels: must be an object of strings" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{}"), NULL },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{\"owner\":null}"),
          "labels.owner: must be a string" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{\"owner\":\"\\u001b\"}"),
          "labels.owner: holds a control character" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{\"Owner\":\"\"}"),
          "labels: \"Owner\" is no name of a label: [a-z][a-z0-9_]{0,62}" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{\"cost-center\":\"\"}"),
          "labels: \"cost-center\" is no name of a label: "
          "[a-z][a-z0-9_]{0,62}" },
        { REG_RECORD_TENANT, TENANT(",\"labels\":{\"\":\"\"}"),
          "labels: \"\" is no name of a label: [a-z][a-z0-9_]{0,62}" },
        { REG_RECORD_TENANT, TENANT(",\"limits\":[]"),
          "limits: must be an object of strings" },
        { REG_RECORD_TENANT, TENANT(",\"limits\":{}"), NULL },
        { REG_RECORD_TENANT, TENANT(",\"limits\":{\"pulls\":100}"),
          "limits.pulls: must be a string" },
        { REG_RECORD_TENANT, TENANT(",\"limits\":{\"Pulls\":\"1/s\"}"),
          "limits: \"Pulls\" is no name of a limit: "
          "[a-z0-9][a-z0-9._-]{0,62}" },
        { REG_RECORD_TENANT, TENANT(",\"limits\":{\"pulls\":\"0/s\"}"),
          "limits.pulls: \"0/s\" lets nothing pass, the least is 1 in a "
          "window, such as 1/1d" },
        { REG_RECORD_TENANT, TENANT(",\"limits\":{\"e\":\"1e9TB/month\"}"),
          "limits.e: \"e9TB\" in \"1e9TB\" is no unit of bytes, it is one of "
          "B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB and PiB" },
        { REG_RECORD_TENANT,
          TENANT(",\"limits\":{\"pulls\":\"1/s\",\"pulls\":\"2/s\"}"),
          "column 58: duplicate object key near '\"pulls\"'" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_other_members(void **state)
{
    static const record_case_t  cases[] = {
        { REG_RECORD_REPOSITORY, "{\"version\":1,\"pattern\":\"acme/**\"}",
          "owner: is missing" },
        { REG_RECORD_REPOSITORY, "{\"version\":1,\"owner\":\"acme\"}",
          "pattern: is missing" },
        { REG_RECORD_REPOSITORY, REPO(",\"labels\":[]"),
          "labels: must be an object of strings" },
        { REG_RECORD_REPOSITORY, REPO(",\"labels\":null"), NULL },
        { REG_RECORD_REPOSITORY, REPO(",\"name\":\"acme\""),
          "unknown member \"name\"" },
        { REG_RECORD_REPOSITORY,
          "{\"version\":1,\"pattern\":\"acme/**\",\"owner\":\"A\"}",
          "owner: is no name: [a-z0-9][a-z0-9._-]{0,62}" },
        { REG_RECORD_BUDGET, BUDGET(""), NULL },
        { REG_RECORD_BUDGET, "{\"version\":1,\"name\":\"tenant:acme\"}",
          "amount: is missing" },
        { REG_RECORD_BUDGET,
          "{\"version\":1,\"name\":\"tenant:a\",\"amount\":\"1B/day\"}",
          "name: differs from the name of the record" },
        { REG_RECORD_BUDGET, BUDGET(",\"alerts\":80"),
          "alerts: must be a list of percentages" },
        { REG_RECORD_BUDGET, BUDGET(",\"alerts\":[0]"),
          "alerts[0]: must be a percentage, from 1 to 1000, and more than the "
          "one before" },
        { REG_RECORD_BUDGET, BUDGET(",\"alerts\":[80,80]"),
          "alerts[1]: must be a percentage, from 1 to 1000, and more than the "
          "one before" },
        { REG_RECORD_BUDGET, BUDGET(",\"alerts\":[80.5]"),
          "alerts[0]: must be a percentage, from 1 to 1000, and more than the "
          "one before" },
        { REG_RECORD_BUDGET,
          BUDGET(",\"alerts\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]"),
          "alerts: has more than 16 entries" },
        { REG_RECORD_BUDGET, BUDGET(",\"alerts\":[]"), NULL }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_issuer(void **state)
{
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_ISSUER, "gh",
                           ISSUER("[{\"claims\":{\"sub\":\"repo:acme/*:*\"},"
                                  "\"tenant\":\"acme\","
                                  "\"roles\":[\"image-pusher\"],\"scopes\":"
                                  "[\"repository:{tenant}/**:pull\"]},"
                                  "{\"claims\":{\"n\":1,\"b\":true},"
                                  "\"tenant\":\"other\",\"roles\":null}]"),
                           &error),
                     REG_OK);

    assert_str(record->u.issuer.issuer, "https://i");
    assert_str(record->u.issuer.audience, "reg");
    assert_int_equal(record->u.issuer.nrules, 2);
    assert_str(record->u.issuer.rules[0].claims[0].name, "sub");
    assert_str(record->u.issuer.rules[0].roles.items[0], "image-pusher");
    assert_int_equal(record->u.issuer.rules[0].scopes.n, 1);
    assert_str(record->u.issuer.rules[1].tenant, "other");
    assert_int_equal(record->u.issuer.rules[1].nclaims, 2);

    reg_record_free(record);
}


static void
test_issuer_members(void **state)
{
    static const record_case_t  cases[] = {
        { REG_RECORD_ISSUER, RULE("{\"sub\":\"a\"}"), NULL },
        { REG_RECORD_ISSUER, "{\"version\":1,\"name\":\"gh\"}",
          "issuer: is missing" },
        { REG_RECORD_ISSUER,
          "{\"version\":1,\"name\":\"gh\",\"issuer\":\"\"}",
          "issuer: is empty" },
        { REG_RECORD_ISSUER,
          "{\"version\":1,\"name\":\"gh\",\"issuer\":\"i\"}",
          "audience: is missing" },
        { REG_RECORD_ISSUER,
          "{\"version\":1,\"name\":\"gh\",\"issuer\":\"i\","
          "\"audience\":[\"a\"]}",
          "audience: must be a string" },
        { REG_RECORD_ISSUER,
          "{\"version\":1,\"name\":\"gh\",\"jwks\":\"a\"}",
          "unknown member \"jwks\"" },
        { REG_RECORD_ISSUER, ISSUER("[]"),
          "rules: must be a list of 1 to 64 rules" },
        { REG_RECORD_ISSUER, ISSUER("{}"),
          "rules: must be a list of 1 to 64 rules" },
        { REG_RECORD_ISSUER, ISSUER("[1]"), "rules[0]: must be an object" },
        { REG_RECORD_ISSUER, ISSUER("[{\"claims\":{\"a\":\"b\"}}]"),
          "rules[0].tenant: is missing" },
        { REG_RECORD_ISSUER,
          ISSUER("[{\"claims\":{\"a\":\"b\"},\"tenant\":\"A\"}]"),
          "rules[0].tenant: is no name: [a-z0-9][a-z0-9._-]{0,62}" },
        { REG_RECORD_ISSUER,
          ISSUER("[{\"claims\":{\"a\":\"b\"},\"tenant\":\"a\",\"x\":1}]"),
          "rules[0]: unknown member \"x\"" },
        { REG_RECORD_ISSUER,
          ISSUER("[{\"claims\":{\"a\":\"b\"},\"tenant\":\"a\","
                 "\"scopes\":[\"x\"]}]"),
          "rules[0].scopes[0]: \"x\" is no scope; one reads "
          "type:pattern:actions, such as \"repository:acme/app:pull\"" },
        { REG_RECORD_ISSUER, ISSUER("[{\"tenant\":\"acme\"}]"),
          "rules[0].claims: must be an object of 1 to 32 claims: a rule has to "
          "say whom it admits" },
        { REG_RECORD_ISSUER, RULE("{}"),
          "rules[0].claims: must be an object of 1 to 32 claims: a rule has to "
          "say whom it admits" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":\"**\",\"a\":\"*\"}"),
          "rules[0].claims: pin nothing: each of them may be anything" },
        { REG_RECORD_ISSUER, RULE("{\"iss\":\"https://i\"}"),
          "rules[0].claims: \"iss\" tells nobody from another" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":\"a\",\"aud\":\"reg\"}"),
          "rules[0].claims: \"aud\" tells nobody from another" },
        { REG_RECORD_ISSUER, RULE("{\"\":\"a\"}"),
          "rules[0].claims: the name of a claim has 1 to 255 bytes" },
        { REG_RECORD_ISSUER, RULE("{\"a\\n\":\"a\"}"),
          "rules[0].claims: the name of a claim holds what is not printable "
          "ASCII" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":\"\"}"),
          "rules[0].claims.sub: must have 1 to 255 bytes" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":\"a***\"}"),
          "rules[0].claims.sub: has 3 '*' in a row; use '*' or '**'" },
        { REG_RECORD_ISSUER,
          RULE("{\"sub\":\"a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*\"}"),
          "rules[0].claims.sub: has more than 16 wildcards" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":1.5}"),
          "rules[0].claims.sub: must be a string, an integer, true or false" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":null}"),
          "rules[0].claims.sub: must be a string, an integer, true or false" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":[\"a\"]}"),
          "rules[0].claims.sub: must be a string, an integer, true or false" },
        { REG_RECORD_ISSUER, RULE("{\"sub\":\"a\\u0007\"}"),
          "rules[0].claims.sub: holds a control character" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_role_members(void **state)
{
    reg_error_t    error;
    reg_record_t  *record;

    static const record_case_t  cases[] = {
        { REG_RECORD_ROLE, "{\"version\":1,\"scopes\":[]}",
          "name: is missing" },
        { REG_RECORD_ROLE, ROLE(""), "scopes: is missing" },
        { REG_RECORD_ROLE, ROLE(",\"scopes\":null"),
          "scopes: must be a list of strings" },
        { REG_RECORD_ROLE, ROLE(",\"scopes\":[]"), NULL },
        { REG_RECORD_ROLE, ROLE(",\"scopes\":[],\"suspended\":true"),
          "unknown member \"suspended\"" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));

    /* a store cannot give the built-in roles another meaning */

    assert_int_equal(parse(&record, REG_RECORD_ROLE, "image-puller",
                           "{\"version\":1,\"name\":\"image-puller\","
                           "\"scopes\":[]}", &error),
                     REG_INVALID);
    assert_string_equal(error.text, "name: is a built-in role");
}


/* {tenant} is the key's own in a key, so a long one may not fit its pattern */

static void
test_tenant_in_scopes(void **state)
{
    char           text[1024], pad[256];
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    memset(pad, 'a', sizeof(pad));

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"" ID "\","
                    "\"tenant\":\"%.63s\",\"hash\":\"" HASH "\","
                    "\"scopes\":[\"repository:{tenant}/%.230s:pull\"]}",
                    pad, pad);

    assert_int_equal(parse(&record, REG_RECORD_KEY, ID, text, &error),
                     REG_INVALID);
    assert_memory_equal(error.text, "scopes[0]: ", 11);

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"name\":\"ops\","
                    "\"scopes\":[\"repository:{tenant}/%.230s:pull\"]}", pad);

    assert_int_equal(parse(&record, REG_RECORD_ROLE, "ops", text, &error),
                     REG_OK);
    reg_record_free(record);
}


static void
test_caps(void **state)
{
    char           text[4 * REG_RECORD_MAX], pad[REG_TEXT_MAX + 2];
    size_t         i, n, len;
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    memset(pad, 'x', sizeof(pad));

    for (n = REG_TEXT_MAX; n <= REG_TEXT_MAX + 1; n++) {
        (void) snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"" ID
                        "\",\"tenant\":\"acme\",\"hash\":\"" HASH
                        "\",\"reason\":\"%.*s\"}", (int) n, pad);

        assert_int_equal(parse(&record, REG_RECORD_KEY, ID, text, &error),
                         n == REG_TEXT_MAX ? REG_OK : REG_INVALID);
        reg_record_free(record);
    }

    assert_string_equal(error.text, "reason: is longer than 255 bytes");

    for (n = REG_RECORD_LIST_MAX; n <= REG_RECORD_LIST_MAX + 1; n++) {
        len = (size_t) snprintf(text, sizeof(text), "{\"version\":1,\"name\":"
                                "\"ops\",\"scopes\":[");

        for (i = 0; i < n; i++) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "%s\"api:a:b\"", i ? "," : "");
        }

        (void) snprintf(text + len, sizeof(text) - len, "]}");

        assert_int_equal(parse(&record, REG_RECORD_ROLE, "ops", text, &error),
                         n == REG_RECORD_LIST_MAX ? REG_OK : REG_INVALID);
        reg_record_free(record);
    }

    assert_string_equal(error.text, "scopes: has more than 256 entries");

    /* a label becomes a variable, whose name is 63 bytes at most */

    for (n = REG_NAME_MAX; n <= REG_NAME_MAX + 1; n++) {
        (void) snprintf(text, sizeof(text), "{\"version\":1,\"name\":\"acme\","
                        "\"labels\":{\"%.*s\":\"v\"}}", (int) n, pad);

        assert_int_equal(parse(&record, REG_RECORD_TENANT, "acme", text,
                               &error),
                         n == REG_NAME_MAX ? REG_OK : REG_INVALID);
        reg_record_free(record);
    }

    /* spaces count: the cap is on what has to be read */

    for (n = REG_RECORD_MAX; n <= REG_RECORD_MAX + 1; n++) {
        (void) snprintf(text, sizeof(text), "%*s", (int) n, TENANT(""));

        assert_int_equal(parse(&record, REG_RECORD_TENANT, "acme", text,
                               &error),
                         n == REG_RECORD_MAX ? REG_OK : REG_INVALID);
        reg_record_free(record);
    }

    assert_string_equal(error.text, "the record is longer than 65536 bytes");
}


/* jansson passes over a NUL behind a number; we do not */

static void
test_nul(void **state)
{
    reg_str_t      copy;
    reg_error_t    error;
    reg_record_t  *record;

    static const char  text[] = "{\"version\":1\0,\"name\":\"acme\"}";

    (void) state;

    copy = exact_copy((reg_str_t) { sizeof(text) - 1, (unsigned char *) text });

    assert_int_equal(reg_record_parse(&record, REG_RECORD_TENANT,
                                      REG_STR("acme"), copy, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "there is a NUL byte in the record");

    free(copy.data);
}


/* Strings are counted, so whatever they are written like must be counted. */

static void
test_escapes(void **state)
{
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    assert_int_equal(parse(&record, REG_RECORD_TENANT, "acme",
                           "{\"version\":1,\"\\u006eame\":\"ac\\u006De\","
                           "\"labels\":{\"a\":\"\\\\\\\"\\/ \\u00e5\\u20AC"
                           "\\uD83D\\ude00 \xc3\xa5\xf0\x9f\x98\x80\"}}",
                           &error),
                     REG_OK);

    assert_str(record->u.tenant.name, "acme");
    assert_str(record->u.tenant.labels[0].value, "\\\"/ \xc3\xa5\xe2\x82\xac"
               "\xf0\x9f\x98\x80 \xc3\xa5\xf0\x9f\x98\x80");

    reg_record_free(record);
}


static void
test_from_json(void **state)
{
    json_t        *json;
    reg_error_t    error;
    reg_record_t  *record;

    (void) state;

    json = json_loads(TENANT(""), 0, NULL);
    assert_non_null(json);

    assert_int_equal(reg_record_from_json(&record, REG_RECORD_TENANT,
                                          REG_STR("acme"), json, &error),
                     REG_OK);

    /* its slices lie in the value, which it therefore holds */

    json_decref(json);
    assert_str(record->u.tenant.name, "acme");
    reg_record_free(record);

    reg_record_free(NULL);
}


static void
test_names(void **state)
{
    (void) state;

    assert_string_equal(reg_record_type_name(REG_RECORD_KEY), "key");
    assert_string_equal(reg_record_type_name(REG_RECORD_TENANT), "tenant");
    assert_string_equal(reg_record_type_name(REG_RECORD_ROLE), "role");
    assert_string_equal(reg_record_section(REG_RECORD_KEY), "keys");
    assert_string_equal(reg_record_section(REG_RECORD_TENANT), "tenants");
    assert_string_equal(reg_record_section(REG_RECORD_ROLE), "roles");
    assert_string_equal(reg_record_type_name(REG_RECORD_REPOSITORY),
                        "repository");
    assert_string_equal(reg_record_section(REG_RECORD_REPOSITORY),
                        "repositories");
    assert_string_equal(reg_record_type_name(REG_RECORD_BUDGET), "budget");
    assert_string_equal(reg_record_section(REG_RECORD_BUDGET), "budgets");
}


static void *
jansson_malloc(size_t size)
{
    return wrap_malloc_fails() ? NULL : __real_malloc(size);
}


/* Lets each allocation fail in turn; says how many there are. */

static unsigned long
sweep(reg_record_type_t type, const char *text, int exactly)
{
    reg_rc_t       rc;
    reg_error_t    error;
    reg_record_t  *record;
    unsigned long  n;

    for (n = 1; /* void */ ; n++) {
        record = NULL;

        wrap_malloc_arm(n);
        rc = reg_record_parse(&record, type, reg_str(record_name(type)),
                              reg_str(text), &error);

        if (!wrap_malloc_disarm()) {
            break;
        }

        if (rc == REG_OK || (exactly && rc != REG_NOMEM)) {
            fail_msg("allocation %lu of %s: %d", n, text, (int) rc);
        }

        assert_null(record);
    }

    assert_int_equal(rc, REG_OK);
    reg_record_free(record);

    return n - 1;
}


static void
test_nomem(void **state)
{
    size_t         i;
    unsigned long  own, all;

    static const struct {
        reg_record_type_t   type;
        const char         *text;
    } cases[] = {
        { REG_RECORD_KEY,
          KEY(",\"roles\":[\"ops\"],\"scopes\":[\"repository:~^a:pull\"],"
              "\"allow_from\":[\"10.0.0.0/8\"],"
              "\"expires_at\":\"2026-01-01T00:00:00Z\"" LIMITS) },
        { REG_RECORD_TENANT,
          TENANT(",\"labels\":{\"a\":\"a longer text than the lexer of "
                 "jansson has room for at first\"}") },
        { REG_RECORD_ROLE,
          ROLE(",\"scopes\":[\"repository:acme/a-long-name/of-some/image-or-"
               "other:pull\"]") },
        { REG_RECORD_REPOSITORY, REPO(",\"labels\":{\"a\":\"b\"}") },
        { REG_RECORD_ISSUER,
          ISSUER("[{\"claims\":{\"sub\":\"a longer text than the lexer of "
                 "jansson has room for\"},\"tenant\":\"acme\",\"roles\":"
                 "[\"ops\"],\"scopes\":[\"repository:a:pull\"]}]") }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        own = sweep(cases[i].type, cases[i].text, 1);
        assert_true(own >= 2);

        /*
         * jansson may take a lack of memory for a wrong byte, or just leave a
         * byte out: refused all the same
         */

        json_set_alloc_funcs(jansson_malloc, free);
        all = sweep(cases[i].type, cases[i].text, 0);
        json_set_alloc_funcs(__real_malloc, free);

        assert_true(all > own);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_key_absent),
        cmocka_unit_test(test_tenant),
        cmocka_unit_test(test_issuer),
        cmocka_unit_test(test_issuer_members),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_role),
        cmocka_unit_test(test_repository),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_names),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_key_members),
        cmocka_unit_test(test_borrowed_sentences),
        cmocka_unit_test(test_tenant_members),
        cmocka_unit_test(test_role_members),
        cmocka_unit_test(test_other_members),
        cmocka_unit_test(test_tenant_in_scopes),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_from_json),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nomem)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
