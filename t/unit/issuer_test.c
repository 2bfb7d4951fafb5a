/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=EVP_Digest */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "random.h"
#include "reg_identity.h"
#include "reg_issuer.h"
#include "reg_json.h"
#include "reg_pattern.h"
#include "reg_record_json.h"


/* Whether there is no memory for jansson, and none for OpenSSL. */

static int  denied;

int __real_EVP_Digest(const void *data, size_t len, unsigned char *md,
    unsigned *size, const EVP_MD *type, ENGINE *engine);
int __wrap_EVP_Digest(const void *data, size_t len, unsigned char *md,
    unsigned *size, const EVP_MD *type, ENGINE *engine);


int
__wrap_EVP_Digest(const void *data, size_t len, unsigned char *md,
    unsigned *size, const EVP_MD *type, ENGINE *engine)
{
    return denied ? 0 : __real_EVP_Digest(data, len, md, size, type, engine);
}


static void *
denied_malloc(size_t size)
{
    return denied ? NULL : malloc(size);
}


static reg_record_t *
issuer_of(const char *rules)
{
    char           text[4096];
    reg_error_t    error;
    reg_record_t  *record;

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"name\":\"gh\","
                    "\"issuer\":\"https://i\",\"audience\":\"reg\","
                    "\"rules\":%s}", rules);

    if (reg_record_parse(&record, REG_RECORD_ISSUER, REG_STR("gh"),
                         reg_str(text), &error)
        != REG_OK)
    {
        fail_msg("%s: %s", text, error.text);
    }

    return record;
}


/* Whether one claim, as JSON, is what a rule asks for. */

static int
matches(const char *wanted, const char *claims)
{
    int            found;
    char           rules[2048];
    json_t        *json;
    reg_error_t    error;
    reg_record_t  *record;

    (void) snprintf(rules, sizeof(rules), "[{\"claims\":%s,\"tenant\":\"t\"}]",
                    wanted);

    record = issuer_of(rules);

    if (reg_json_load(&json, reg_str(claims), &error) != REG_OK) {
        fail_msg("%s: %s", claims, error.text);
    }

    found = (reg_issuer_match(&record->u.issuer, json) == 0);

    json_decref(json);
    reg_record_free(record);

    return found;
}


#define MATCH(wanted, claims)   assert_true(matches(wanted, claims))
#define DIFFER(wanted, claims)  assert_false(matches(wanted, claims))


static void
text_is_compared_byte_for_byte(void **state)
{
    (void) state;

    MATCH("{\"ref\":\"main\"}", "{\"ref\":\"main\"}");
    DIFFER("{\"ref\":\"main\"}", "{\"ref\":\"Main\"}");
    DIFFER("{\"ref\":\"main\"}", "{\"ref\":\"main \"}");
    DIFFER("{\"ref\":\"main\"}", "{\"ref\":\"\"}");
    DIFFER("{\"ref\":\"main\"}", "{\"Ref\":\"main\"}");
    DIFFER("{\"ref\":\"main\"}", "{}");
    DIFFER("{\"ref\":\"main\"}", "{\"ref\":null}");
    DIFFER("{\"ref\":\"main\"}", "{\"ref\":{\"ref\":\"main\"}}");
    MATCH("{\"a\":\"\\u00e4 +?[]{}~\"}", "{\"a\":\"\\u00e4 +?[]{}~\"}");
}


static void
all_claims_have_to_match(void **state)
{
    (void) state;

    MATCH("{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"2\",\"c\":\"3\",\"a\":\"1\"}");
    DIFFER("{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\"}");
    DIFFER("{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\",\"b\":\"1\"}");
}


/* What people write in the one part must not become another. */

static void
a_wildcard_ends_where_the_part_ends(void **state)
{
    (void) state;

    MATCH("{\"sub\":\"repo:acme/*:ref:refs/heads/main\"}",
          "{\"sub\":\"repo:acme/app:ref:refs/heads/main\"}");
    DIFFER("{\"sub\":\"repo:acme/*:ref:refs/heads/main\"}",
           "{\"sub\":\"repo:acme/app:environment:x:ref:refs/heads/main\"}");
    DIFFER("{\"sub\":\"repo:acme/*:ref:refs/heads/main\"}",
           "{\"sub\":\"repo:acme/app/x:ref:refs/heads/main\"}");
    DIFFER("{\"sub\":\"repo:*/app:*\"}", "{\"sub\":\"repo:a:b/app:x\"}");
    MATCH("{\"repository\":\"acme/*\"}", "{\"repository\":\"acme/app\"}");
    DIFFER("{\"repository\":\"acme/*\"}", "{\"repository\":\"acmes/app\"}");
    DIFFER("{\"repository\":\"acme/*\"}", "{\"repository\":\"acme/a/b\"}");
    MATCH("{\"ref\":\"refs/heads/**\"}", "{\"ref\":\"refs/heads/a/b:c\"}");
    DIFFER("{\"ref\":\"refs/heads/**\"}", "{\"ref\":\"refs/tags/v1\"}");
    MATCH("{\"ref\":\"v*.*\"}", "{\"ref\":\"v1.2\"}");
    DIFFER("{\"ref\":\"v*.*\"}", "{\"ref\":\"v12\"}");
    MATCH("{\"ref\":\"v*\"}", "{\"ref\":\"v\"}");
    MATCH("{\"ref\":\"a b*\"}", "{\"ref\":\"a b\\u0001*?\"}");
}


static void
types_are_never_changed(void **state)
{
    (void) state;

    MATCH("{\"id\":7}", "{\"id\":7}");
    DIFFER("{\"id\":7}", "{\"id\":\"7\"}");
    DIFFER("{\"id\":7}", "{\"id\":7.0}");
    DIFFER("{\"id\":7}", "{\"id\":true}");
    DIFFER("{\"id\":\"7\"}", "{\"id\":7}");
    DIFFER("{\"a\":\"7\",\"id\":\"*\"}", "{\"a\":\"7\",\"id\":7}");
    MATCH("{\"ok\":true}", "{\"ok\":true}");
    DIFFER("{\"ok\":true}", "{\"ok\":false}");
    DIFFER("{\"ok\":true}", "{\"ok\":\"true\"}");
    DIFFER("{\"ok\":true}", "{\"ok\":1}");
    DIFFER("{\"ok\":\"true\"}", "{\"ok\":true}");
}


static void
one_member_of_a_list_is_enough(void **state)
{
    (void) state;

    MATCH("{\"groups\":\"b\"}", "{\"groups\":[\"a\",\"b\"]}");
    MATCH("{\"groups\":\"b*\"}", "{\"groups\":[\"a\",\"bc\"]}");
    MATCH("{\"groups\":2}", "{\"groups\":[\"2\",2]}");
    DIFFER("{\"groups\":\"b\"}", "{\"groups\":[]}");
    DIFFER("{\"groups\":\"b\"}", "{\"groups\":[\"a\",[\"b\"]]}");
    DIFFER("{\"groups\":\"b\"}", "{\"groups\":[\"a,b\"]}");
    DIFFER("{\"groups\":\"b\"}", "{\"groups\":{\"b\":\"b\"}}");
}


static void
a_claim_may_lie_in_another(void **state)
{
    static const char  pod[] = "{\"kubernetes.io\":{\"namespace\":\"ci\","
                               "\"serviceaccount\":{\"name\":\"push\"}}}";

    (void) state;

    MATCH("{\"kubernetes.io/namespace\":\"ci\"}", pod);
    MATCH("{\"kubernetes.io/serviceaccount/name\":\"push\"}", pod);
    DIFFER("{\"kubernetes.io/serviceaccount\":\"push\"}", pod);
    DIFFER("{\"kubernetes.io/name\":\"push\"}", pod);
    DIFFER("{\"kubernetes.io.namespace\":\"ci\"}", pod);
    DIFFER("{\"/namespace\":\"ci\"}", pod);
    DIFFER("{\"kubernetes.io/\":\"ci\"}", pod);
    DIFFER("{\"kubernetes.io/namespace/\":\"ci\"}", pod);

    /* the whole name comes first */

    MATCH("{\"https://e/groups\":\"a\"}", "{\"https://e/groups\":[\"a\"]}");
    DIFFER("{\"a/b\":\"in\"}", "{\"a\":{\"b\":\"in\"},\"a/b\":\"out\"}");
    MATCH("{\"a/b\":\"out\"}", "{\"a\":{\"b\":\"in\"},\"a/b\":\"out\"}");
    MATCH("{\"a/b/c\":\"x\"}", "{\"a\":{\"b/c\":\"x\"}}");
    DIFFER("{\"a/b\":\"x\"}", "{\"a\":[{\"b\":\"x\"}]}");
}


static void
the_first_rule_that_matches_counts(void **state)
{
    json_t        *claims;
    reg_record_t  *record;

    (void) state;

    record = issuer_of("[{\"claims\":{\"a\":\"1\",\"b\":\"1\"},"
                       "\"tenant\":\"x\"},"
                       "{\"claims\":{\"a\":\"1\"},\"tenant\":\"y\"},"
                       "{\"claims\":{\"a\":\"*\",\"c\":\"1\"},"
                       "\"tenant\":\"z\"}]");

    claims = json_pack("{s:s,s:s}", "a", "1", "c", "1");
    assert_int_equal(reg_issuer_match(&record->u.issuer, claims), 1);
    assert_int_equal(reg_rule_match(&record->u.issuer.rules[0], claims), 1);
    json_decref(claims);

    claims = json_pack("{s:s}", "a", "2");
    assert_int_equal(reg_issuer_match(&record->u.issuer, claims), 3);
    assert_int_equal(reg_rule_match(&record->u.issuer.rules[2], claims), 1);
    json_decref(claims);

    reg_record_free(record);
}


static void
the_text_of_a_claim_is_checked(void **state)
{
    size_t         i;
    reg_str_t      text;
    unsigned char  buf[REG_TEXT_MAX + 1];

    (void) state;

    assert_int_equal(reg_claim_check(REG_STR("a"), NULL), REG_OK);
    assert_int_equal(reg_claim_check(REG_STR("*"), NULL), REG_OK);
    assert_int_equal(reg_claim_check(REG_STR("a**b"), NULL), REG_OK);
    assert_int_equal(reg_claim_check(REG_STR(""), NULL), REG_INVALID);
    assert_int_equal(reg_claim_check(REG_STR("***"), NULL), REG_INVALID);
    assert_int_equal(reg_claim_check(REG_STR("a***"), NULL), REG_INVALID);

    /* what stands behind it is not of it */

    text = REG_STR("a****");
    text.len = 3;
    assert_int_equal(reg_claim_check(text, NULL), REG_OK);

    memset(buf, 'a', sizeof(buf));
    text.data = buf;

    for (text.len = 1; text.len <= sizeof(buf); text.len++) {
        assert_int_equal(reg_claim_check(text, NULL),
                         text.len <= REG_TEXT_MAX ? REG_OK : REG_INVALID);
    }

    /* the first byte may be a wildcard, and is counted */

    for (i = 0; i <= REG_PATTERN_WILDCARDS; i++) {
        buf[2 * i] = '*';
        text.len = 2 * i + 1;
        assert_int_equal(reg_claim_check(text, NULL),
                         i < REG_PATTERN_WILDCARDS ? REG_OK : REG_INVALID);
    }
}


/* A token may be long: what is compared with a wildcard is not, nor a name. */

static void
long_claims_do_not_match(void **state)
{
    size_t   len;
    char     name[REG_TEXT_MAX + 2], claims[1200], wanted[300];
    json_t  *json, *value;

    (void) state;

    /* the longest that a rule may ask for does */

    (void) snprintf(wanted, sizeof(wanted), "{\"a\":\"%0*d*\"}",
                    REG_TEXT_MAX - 1, 0);
    (void) snprintf(claims, sizeof(claims), "{\"a\":\"%0*d\"}", REG_TEXT_MAX,
                    0);
    assert_true(matches(wanted, claims));

    for (len = 1023; len <= 1026; len++) {
        (void) snprintf(claims, sizeof(claims), "{\"a\":\"%0*d\"}", (int) len,
                        0);
        assert_int_equal(matches("{\"a\":\"0*\"}", claims), len <= 1024);
    }

    memset(name, 'n', sizeof(name));

    for (len = REG_TEXT_MAX - 1; len <= REG_TEXT_MAX + 1; len++) {
        name[len] = '\0';
        json = json_pack("{s:i}", name, 1);
        assert_non_null(json);

        value = reg_claim_find(json, reg_str(name));
        assert_int_equal(value != NULL, len <= REG_TEXT_MAX);

        json_decref(json);
        name[len] = 'n';
    }
}


static void
a_rule_makes_an_identity(void **state)
{
    char             name[REG_RULE_NAME_MAX];
    size_t           len;
    reg_str_t        subject;
    reg_record_t    *record, key;
    reg_identity_t  *identity;
    unsigned char    buf[REG_SUBJECT_MAX], long_sub[REG_SUBJECT_MAX];

    (void) state;

    record = issuer_of("[{\"claims\":{\"a\":\"1\"},\"tenant\":\"x\","
                       "\"roles\":[\"ci\"]},"
                       "{\"claims\":{\"a\":\"2\"},\"tenant\":\"acme\","
                       "\"scopes\":[\"repository:{tenant}/**:pull\"]}]");

    assert_int_equal(reg_issuer_subject(buf, &len, REG_STR("gh"),
                                        REG_STR("repo:acme/app")),
                     REG_OK);

    subject = (reg_str_t) { len, buf };

    reg_issuer_key(&key, &record->u.issuer, 0, subject, name);

    assert_int_equal(key.type, REG_RECORD_KEY);
    assert_int_equal(key.u.key.roles.n, 1);
    assert_true(reg_str_eq(key.u.key.roles.items[0], REG_STR("ci")));

    reg_issuer_key(&key, &record->u.issuer, 1, subject, name);

    assert_true(key.u.key.not_before == REG_TIME_NONE);
    assert_true(key.u.key.expires_at == REG_TIME_NONE);
    assert_true(key.u.key.revoked_at == REG_TIME_NONE);
    assert_true(key.u.key.created_at == REG_TIME_NONE);
    assert_true(key.u.key.tokens_not_before == REG_TIME_NONE);

    assert_int_equal(reg_identity_create(&identity, &key, NULL, NULL, NULL,
                                         NULL),
                     REG_OK);
    reg_record_free(record);

    assert_true(reg_str_eq(identity->key_id, REG_STR("gh:repo:acme/app")));
    assert_true(reg_str_eq(identity->rule, REG_STR("gh/2")));
    assert_true(reg_str_eq(identity->tenant, REG_STR("acme")));
    assert_true(reg_str_eq(reg_scope_text(identity->scopes[0]),
                           REG_STR("repository:{tenant}/**:pull")));
    assert_int_equal(identity->nscopes, 1);

    reg_identity_free(identity);

    memset(long_sub, 'a', sizeof(long_sub));

    assert_int_equal(reg_issuer_subject(buf, &len, REG_STR("gh"),
                                        (reg_str_t) { 252, long_sub }),
                     REG_OK);
    assert_int_equal(len, REG_SUBJECT_MAX);
    assert_int_equal(reg_issuer_subject(buf, &len, REG_STR("gh"),
                                        (reg_str_t) { 253, long_sub }),
                     REG_INVALID);
    assert_int_equal(reg_issuer_subject(buf, &len, REG_STR("gh"),
                                        REG_STR_NULL),
                     REG_INVALID);
}


static void
any_change_has_another_digest(void **state)
{
    size_t          i;
    reg_record_t   *record;
    unsigned char   first[REG_ISSUER_DIGEST_LEN], next[REG_ISSUER_DIGEST_LEN];

    static const char *const  others[] = {
        "[{\"claims\":{\"a\":\"1\"},\"tenant\":\"y\"}]",
        "[{\"claims\":{\"a\":1},\"tenant\":\"x\"}]",
        "[{\"claims\":{\"a\":\"1\"},\"tenant\":\"x\",\"roles\":[\"r\"]}]",
        "[{\"claims\":{\"a\":\"1\"},\"tenant\":\"x\"},"
        "{\"claims\":{\"a\":\"1\"},\"tenant\":\"x\"}]"
    };

    (void) state;

    record = issuer_of("[{\"claims\":{\"a\":\"1\"},\"tenant\":\"x\"}]");
    assert_int_equal(reg_issuer_digest(first, record), REG_OK);
    reg_record_free(record);

    record = issuer_of("[ {\"tenant\":\"x\", \"claims\":{\"a\":\"1\"}} ]");
    assert_int_equal(reg_issuer_digest(next, record), REG_OK);
    assert_memory_equal(first, next, sizeof(first));
    reg_record_free(record);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        record = issuer_of(others[i]);
        assert_int_equal(reg_issuer_digest(next, record), REG_OK);
        assert_memory_not_equal(first, next, sizeof(first));
        reg_record_free(record);
    }
}


static void
there_is_no_digest_without_memory(void **state)
{
    reg_record_t   *record;
    unsigned char   digest[REG_ISSUER_DIGEST_LEN];

    (void) state;

    record = issuer_of("[{\"claims\":{\"a\":\"1\"},\"tenant\":\"x\"}]");

    denied = 1;
    assert_int_equal(reg_issuer_digest(digest, record), REG_ERROR);

    json_set_alloc_funcs(denied_malloc, free);
    assert_int_equal(reg_issuer_digest(digest, record), REG_NOMEM);
    json_set_alloc_funcs(malloc, free);
    denied = 0;

    reg_record_free(record);
}


/* The plain way, which goes back: '*' is '1', '**' is '2'. */

static int
naive(const char *p, const char *s)
{
    for ( /* void */ ; *p != '1' && *p != '2'; p++, s++) {

        if (*p != *s) {
            return 0;
        }

        if (*p == '\0') {
            return 1;
        }
    }

    for ( ;; ) {
        if (naive(p + 1, s)) {
            return 1;
        }

        if (*s == '\0' || (*p == '1' && (*s == '/' || *s == ':'))) {
            return 0;
        }

        s++;
    }
}


static void
wildcards_match_as_the_plain_way_does(void **state)
{
    char    wanted[64], text[16], pattern[16], claims[64], *p;
    size_t  i, n, len, hits;

    static const char  letters[] = "ab:/";

    (void) state;

    hits = 0;

    for (n = 0; n < 20000; n++) {
        len = 1 + random_next() % 6;

        for (i = 0; i < len; i++) {
            pattern[i] = "ab:/12"[random_next() % 6];

            /* two in a row would be one, or too many */

            if (i && pattern[i] < '3' && pattern[i - 1] < '3'
                && pattern[i] > '0' && pattern[i - 1] > '0')
            {
                pattern[i] = 'a';
            }
        }

        pattern[len] = '\0';
        p = wanted + sprintf(wanted, "{\"z\":\"z\",\"a\":\"");

        for (i = 0; i < len; i++) {
            p += sprintf(p, "%s", pattern[i] == '1' ? "*"
                                  : pattern[i] == '2' ? "**"
                                  : (char[2]) { pattern[i], '\0' });
        }

        (void) sprintf(p, "\"}");

        len = random_next() % 8;

        for (i = 0; i < len; i++) {
            text[i] = letters[random_next() % 4];
        }

        text[len] = '\0';

        (void) sprintf(claims, "{\"z\":\"z\",\"a\":\"%s\"}", text);

        if (matches(wanted, claims) != naive(pattern, text)) {
            fail_msg("%s %s", wanted, claims);
        }

        hits += (size_t) naive(pattern, text);
    }

    assert_true(hits > 500);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(text_is_compared_byte_for_byte),
        cmocka_unit_test(all_claims_have_to_match),
        cmocka_unit_test(a_wildcard_ends_where_the_part_ends),
        cmocka_unit_test(types_are_never_changed),
        cmocka_unit_test(one_member_of_a_list_is_enough),
        cmocka_unit_test(a_claim_may_lie_in_another),
        cmocka_unit_test(the_first_rule_that_matches_counts),
        cmocka_unit_test(the_text_of_a_claim_is_checked),
        cmocka_unit_test(long_claims_do_not_match),
        cmocka_unit_test(a_rule_makes_an_identity),
        cmocka_unit_test(any_change_has_another_digest),
        cmocka_unit_test(there_is_no_digest_without_memory),
        cmocka_unit_test(wildcards_match_as_the_plain_way_does)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
