/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "reg_name.h"
#include "grammar.h"
#include "random.h"

#define STRINGS  200000             /* of each property test */

#define HEX64   "0123456789abcdef0123456789abcdef"                            \
                "0123456789abcdef0123456789abcdef"
#define HEX128  HEX64 HEX64

typedef reg_rc_t (*check_pt)(reg_str_t text);

typedef struct {
    const char  *text;
    reg_rc_t     rc;
} case_t;


static reg_rc_t
check_exact(check_pt check, reg_str_t text)
{
    reg_rc_t   rc;
    reg_str_t  copy;

    copy = exact_copy(text);
    rc = check(copy);
    free(copy.data);

    return rc;
}


static void
check_cases(check_pt check, const case_t *cases, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (check_exact(check, reg_str(cases[i].text)) != cases[i].rc) {
            fail_msg("\"%s\" is %s", cases[i].text,
                     cases[i].rc == REG_OK ? "refused" : "accepted");
        }
    }
}


static reg_rc_t
check_digest(reg_str_t text)
{
    reg_digest_t  digest;

    return reg_digest_parse(&digest, text);
}


static reg_rc_t
check_raw_digest(reg_str_t text)
{
    reg_digest_t  digest;

    return reg_digest_parse_raw(&digest, text);
}


/* At the bound, one above it, and as long as a header may get. */

static void
check_length(check_pt check, size_t max)
{
    size_t          i;
    reg_str_t       text;
    unsigned char  *buf;

    buf = malloc(8192);
    assert_non_null(buf);
    memset(buf, 'a', 8192);

    text.data = buf;

    for (i = 1; i <= 8192; i++) {
        text.len = i;
        assert_int_equal(check(text), i <= max ? REG_OK : REG_INVALID);
    }

    text.len = 0;
    assert_int_equal(check(text), REG_INVALID);
    assert_int_equal(check(REG_STR_NULL), REG_INVALID);

    free(buf);
}


static void
check_property(check_pt check, const char *expression, const char *alphabet,
    size_t max)
{
    size_t          i, good;
    reg_rc_t        expected;
    grammar_t       grammar;
    reg_str_t       text;
    unsigned char   buf[512];

    grammar = grammar_compile(expression);
    good = 0;

    for (i = 0; i < rounds(STRINGS); i++) {

        text = random_text(buf, max, alphabet);
        expected = grammar_match(&grammar, text) ? REG_OK : REG_INVALID;

        if (check_exact(check, text) != expected) {
            fail_msg("\"%.*s\" is %s", REG_FMT(text),
                     expected == REG_OK ? "refused" : "accepted");
        }

        good += expected == REG_OK;
    }

    /* neither answer is rare */

    assert_in_range(good, i / 50, i - i / 50);

    grammar_free(&grammar);
}


/* Each byte alone, and before, within and behind a good string. */

static void
check_every_byte(check_pt check, const char *expression, reg_str_t good)
{
    size_t         i;
    unsigned       c, step;
    grammar_t      grammar;
    reg_str_t      text;
    unsigned char  buf[512];

    if (good.len >= sizeof(buf)) {
        abort();
    }

    step = 256 / (unsigned) rounds(256);
    grammar = grammar_compile(expression);
    text.data = buf;

    for (c = 0; c < 256; c += step) {

        buf[0] = (unsigned char) c;
        text.len = 1;
        assert_int_equal(check_exact(check, text),
                         grammar_match(&grammar, text) ? REG_OK : REG_INVALID);

        for (i = 0; i <= good.len; i++) {

            /* put in */

            memcpy(buf, good.data, i);
            buf[i] = (unsigned char) c;
            memcpy(buf + i + 1, good.data + i, good.len - i);
            text.len = good.len + 1;

            assert_int_equal(check_exact(check, text),
                             grammar_match(&grammar, text) ? REG_OK
                                                           : REG_INVALID);

            if (i == good.len) {
                break;
            }

            /* in place of another */

            memcpy(buf, good.data, good.len);
            buf[i] = (unsigned char) c;
            text.len = good.len;

            assert_int_equal(check_exact(check, text),
                             grammar_match(&grammar, text) ? REG_OK
                                                           : REG_INVALID);
        }
    }

    grammar_free(&grammar);
}


static void
test_repositories(void **state)
{
    static const case_t  cases[] = {
        { "a", REG_OK },
        { "0", REG_OK },
        { "acme/app", REG_OK },
        { "a/b/c/d/e/f/g/h", REG_OK },
        { "a.b_c__d-e--f-----------g", REG_OK },
        { "a_b__c", REG_OK },
        { "library/blobs/uploads/manifests/tags/list", REG_OK },
        { "0/0", REG_OK },

        { "", REG_INVALID },
        { "/", REG_INVALID },
        { "/a", REG_INVALID },
        { "a/", REG_INVALID },
        { "a//b", REG_INVALID },
        { "A", REG_INVALID },
        { "acme/App", REG_INVALID },
        { ".", REG_INVALID },
        { "..", REG_INVALID },
        { "a/../b", REG_INVALID },
        { "a/./b", REG_INVALID },
        { "a..b", REG_INVALID },
        { "a._b", REG_INVALID },
        { "a.-b", REG_INVALID },
        { "a_-b", REG_INVALID },
        { "a-_b", REG_INVALID },
        { "a___b", REG_INVALID },
        { "a____b", REG_INVALID },
        { "a_._b", REG_INVALID },
        { ".a", REG_INVALID },
        { "a.", REG_INVALID },
        { "_a", REG_INVALID },
        { "a_", REG_INVALID },
        { "a__", REG_INVALID },
        { "-a", REG_INVALID },
        { "a-", REG_INVALID },
        { "a/-b", REG_INVALID },
        { "a-/b", REG_INVALID },
        { "a/_b", REG_INVALID },
        { "_catalog", REG_INVALID },
        { "a:5000/b", REG_INVALID },
        { "a%2fb", REG_INVALID },
        { "a b", REG_INVALID },
        { "a\n", REG_INVALID },
        { "a\\b", REG_INVALID },
        { "a*", REG_INVALID },
        { "\xc3\xa9", REG_INVALID }
    };

    (void) state;

    check_cases(reg_repository_check, cases, sizeof(cases) / sizeof(cases[0]));
    check_length(reg_repository_check, REG_REPOSITORY_MAX);
    assert_int_equal(REG_REPOSITORY_MAX, 255);
}


static void
test_repositories_are_what_the_grammar_says(void **state)
{
    (void) state;

    check_property(reg_repository_check, "\\A" GRAMMAR_NAME "\\z", "a0._-/", 8);
    check_property(reg_repository_check, "\\A" GRAMMAR_NAME "\\z",
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "-/._", 300);
    check_property(reg_repository_check, "\\A" GRAMMAR_NAME "\\z",
                   "azAZ09._-/", 5);
    check_every_byte(reg_repository_check, "\\A" GRAMMAR_NAME "\\z",
                     REG_STR("ac.me/a__p-p/x"));
}


static void
test_tags(void **state)
{
    static const case_t  cases[] = {
        { "latest", REG_OK },
        { "_", REG_OK },
        { "1", REG_OK },
        { "V1.0-rc_2.", REG_OK },
        { "a..b", REG_OK },
        { "a-", REG_OK },
        { "sha256-" HEX64 ".sig", REG_OK },

        { "", REG_INVALID },
        { ".", REG_INVALID },
        { "..", REG_INVALID },
        { ".a", REG_INVALID },
        { "-a", REG_INVALID },
        { "a:b", REG_INVALID },
        { "a/b", REG_INVALID },
        { "a+b", REG_INVALID },
        { "a b", REG_INVALID },
        { "a\n", REG_INVALID },
        { "a%20", REG_INVALID },
        { "a@b", REG_INVALID },
        { "\xc3\xa9", REG_INVALID }
    };

    (void) state;

    check_cases(reg_tag_check, cases, sizeof(cases) / sizeof(cases[0]));
    check_length(reg_tag_check, REG_TAG_MAX);
    assert_int_equal(REG_TAG_MAX, 128);
}


static void
test_tags_are_what_the_grammar_says(void **state)
{
    (void) state;

    check_property(reg_tag_check, "\\A" GRAMMAR_TAG "\\z", "aZ0._-/:", 6);
    check_property(reg_tag_check, "\\A" GRAMMAR_TAG "\\z", "aZ0._-", 200);
    check_every_byte(reg_tag_check, "\\A" GRAMMAR_TAG "\\z",
                     REG_STR("v1.0-rc_2"));
}


static void
test_digests(void **state)
{
    reg_str_t     text;
    reg_digest_t  digest;

    static const case_t  cases[] = {
        { "sha256:" HEX64, REG_OK },
        { "sha512:" HEX128, REG_OK },

        { "", REG_INVALID },
        { "sha256", REG_INVALID },
        { "sha256:", REG_INVALID },
        { ":" HEX64, REG_INVALID },
        { HEX64, REG_INVALID },
        { "sha256:" HEX128, REG_INVALID },
        { "sha512:" HEX64, REG_INVALID },
        { "sha256:" HEX64 "0", REG_INVALID },
        { "sha256:" HEX64 "\n", REG_INVALID },
        { "sha256::" HEX64, REG_INVALID },
        { "sha256-" HEX64, REG_INVALID },
        { "SHA256:" HEX64, REG_INVALID },
        { " sha256:" HEX64, REG_INVALID },
        { "sha384:" HEX64 "0123456789abcdef0123456789abcdef", REG_INVALID },
        { "md5:0123456789abcdef0123456789abcdef", REG_INVALID },
        { "sha256+b64:" HEX64, REG_INVALID },
        { "sha256:0123456789ABCDEF0123456789abcdef"
          "0123456789abcdef0123456789abcdef", REG_INVALID },
        { "sha256:g123456789abcdef0123456789abcdef"
          "0123456789abcdef0123456789abcdef", REG_INVALID }
    };

    static const case_t  escaped[] = {
        { "sha256%3A" HEX64, REG_OK },
        { "sha256%3a" HEX64, REG_OK },
        { "sha512%3A" HEX128, REG_OK },
        { "sha512%3a" HEX128, REG_OK },

        { "sha256%3" HEX64, REG_INVALID },
        { "sha256%3B" HEX64, REG_INVALID },
        { "sha256%253A" HEX64, REG_INVALID },
        { "sha256%3A:" HEX64, REG_INVALID },
        { "sha256:%3A" HEX64, REG_INVALID },
        { "sha256%3A%3A" HEX64, REG_INVALID },
        { "sha256%3A" HEX64 "0", REG_INVALID },
        { "sha256%3A" HEX128, REG_INVALID },
        { "sha512%3A" HEX64, REG_INVALID },
        { "sh%61256:" HEX64, REG_INVALID },
        { "sha256%3A", REG_INVALID },
        { "sha256%", REG_INVALID }
    };

    (void) state;

    check_cases(check_digest, cases, sizeof(cases) / sizeof(cases[0]));
    check_cases(check_raw_digest, cases, sizeof(cases) / sizeof(cases[0]));
    check_cases(check_raw_digest, escaped,
                sizeof(escaped) / sizeof(escaped[0]));

    /* only a path may hold the escape */

    assert_int_equal(check_digest(REG_STR("sha256%3A" HEX64)), REG_INVALID);
    assert_int_equal(check_digest(REG_STR("sha512%3a" HEX128)), REG_INVALID);
    assert_int_equal(check_digest(REG_STR_NULL), REG_INVALID);
    assert_int_equal(check_raw_digest(REG_STR_NULL), REG_INVALID);

    /* the parts are slices of the text */

    text = REG_STR("sha512:" HEX128);
    assert_int_equal(text.len, REG_DIGEST_MAX);
    assert_int_equal(reg_digest_parse(&digest, text), REG_OK);
    assert_ptr_equal(digest.algorithm.data, text.data);
    assert_int_equal(digest.algorithm.len, 6);
    assert_ptr_equal(digest.encoded.data, text.data + 7);
    assert_int_equal(digest.encoded.len, 128);

    text = REG_STR("sha256%3a" HEX64);
    assert_int_equal(reg_digest_parse_raw(&digest, text), REG_OK);
    assert_ptr_equal(digest.algorithm.data, text.data);
    assert_int_equal(digest.algorithm.len, 6);
    assert_ptr_equal(digest.encoded.data, text.data + 9);
    assert_int_equal(digest.encoded.len, 64);
}


/* Digests that are nearly right, as random strings hardly ever are. */

static void
test_digests_are_what_the_grammar_says(void **state)
{
    size_t          i, n, good, digits;
    grammar_t       plain, raw;
    reg_str_t       text;
    unsigned char   buf[160], *p;

    static const char  *algorithms[] = { "sha256", "sha512", "sha384", "sha1" };
    static const char  *colons[] = { ":", "%3A", "%3a", "%3b", "" };
    static const char   odd[] = "gG/:;AF`@{ \n";

    (void) state;

    plain = grammar_compile("\\A" GRAMMAR_DIGEST "\\z");
    raw = grammar_compile("\\A" GRAMMAR_RAW_DIGEST "\\z");
    good = 0;

    for (i = 0; i < rounds(STRINGS); i++) {

        n = random_below(5);
        n = (n > 3) ? 0 : n;
        digits = (n == 1) ? 128 : 64;

        p = (unsigned char *) stpcpy((char *) buf, algorithms[n]);
        p = (unsigned char *) stpcpy((char *) p, colons[random_below(5)]);

        if (random_below(4) == 0) {
            digits += random_below(3) - 1;
        }

        for (n = 0; n < digits; n++) {
            *p++ = (unsigned char) "0123456789abcdef"[random_below(16)];
        }

        text.data = buf;
        text.len = (size_t) (p - buf);

        if (random_below(2)) {
            buf[random_below(text.len)] =
                (unsigned char) odd[random_below(sizeof(odd))];
        }

        assert_int_equal(check_exact(check_digest, text),
                         grammar_match(&plain, text) ? REG_OK : REG_INVALID);
        assert_int_equal(check_exact(check_raw_digest, text),
                         grammar_match(&raw, text) ? REG_OK : REG_INVALID);

        good += (size_t) grammar_match(&raw, text);
    }

    assert_in_range(good, i / 50, i / 2);

    grammar_free(&plain);
    grammar_free(&raw);

    check_every_byte(check_digest, "\\A" GRAMMAR_DIGEST "\\z",
                     REG_STR("sha256:" HEX64));
    check_every_byte(check_raw_digest, "\\A" GRAMMAR_RAW_DIGEST "\\z",
                     REG_STR("sha512%3A" HEX128));
}


static void
test_labels(void **state)
{
    static const case_t  cases[] = {
        { "acme", REG_OK },
        { "0", REG_OK },
        { "a.b_c-d", REG_OK },
        { "a--..__", REG_OK },

        { "", REG_INVALID },
        { "_a", REG_INVALID },
        { ".a", REG_INVALID },
        { "-a", REG_INVALID },
        { "Acme", REG_INVALID },
        { "aCme", REG_INVALID },
        { "a/b", REG_INVALID },
        { "a:b", REG_INVALID },
        { "a b", REG_INVALID },
        { "a{b}", REG_INVALID },
        { "a*", REG_INVALID },
        { "a\n", REG_INVALID },
        { "\xc3\xa9", REG_INVALID }
    };

    (void) state;

    check_cases(reg_label_check, cases, sizeof(cases) / sizeof(cases[0]));
    check_length(reg_label_check, 63);
    check_property(reg_label_check, "\\A" GRAMMAR_LABEL "\\z", "aZ0._-/", 6);
    check_property(reg_label_check, "\\A" GRAMMAR_LABEL "\\z", "a0._-", 100);
    check_every_byte(reg_label_check, "\\A" GRAMMAR_LABEL "\\z",
                     REG_STR("ac.me_a-b"));
}


static void
test_names_of_labels(void **state)
{
    const char  *grammar;

    static const case_t  cases[] = {
        { "a", REG_OK },
        { "z", REG_OK },
        { "cost_center", REG_OK },
        { "z9_", REG_OK },

        { "", REG_INVALID },
        { "0", REG_INVALID },
        { "_a", REG_INVALID },
        { "A", REG_INVALID },
        { "a-b", REG_INVALID },
        { "a.b", REG_INVALID },
        { "aB", REG_INVALID }
    };

    (void) state;

    grammar = "\\A[a-z][a-z0-9_]{0,62}\\z";

    check_cases(reg_label_name_check, cases, sizeof(cases) / sizeof(cases[0]));
    check_length(reg_label_name_check, 63);
    check_property(reg_label_name_check, grammar, "az09_Z", 6);
    check_every_byte(reg_label_name_check, grammar, REG_STR("a0_z"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_repositories),
        cmocka_unit_test(test_repositories_are_what_the_grammar_says),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_tags_are_what_the_grammar_says),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_digests_are_what_the_grammar_says),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_names_of_labels)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
