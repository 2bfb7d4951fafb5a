/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_store_scan.h"

#define V  "{\"version\":1"

typedef struct {
    const char  *text;
    const char  *error;
} scan_case_t;


/*
 * Scans a copy without a NUL and writes "type name line text;" for each record,
 * then "end" or the sentence of the error.
 */

static void
scan(char *out, size_t size, reg_str_t text)
{
    size_t            len;
    reg_str_t         copy;
    reg_scan_t        cursor;
    reg_error_t       error;
    reg_scan_rc_t     rc;
    reg_scan_item_t   item;

    copy = exact_copy(text);
    len = 0;

    reg_scan_init(&cursor, copy);

    for ( ;; ) {
        rc = reg_scan_next(&cursor, &item, &error);

        if (rc != REG_SCAN_RECORD) {
            break;
        }

        len += (size_t) snprintf(out + len, size - len, "%d %.*s %zu %.*s;",
                                 (int) item.type, REG_FMT(item.name),
                                 item.line, REG_FMT(item.text));
        assert_true(len < size);
    }

    (void) snprintf(out + len, size - len, "%s",
                    rc == REG_SCAN_END ? "end" : error.text);

    /* what is over stays over */

    assert_int_equal(reg_scan_next(&cursor, &item, &error), rc);

    free(copy.data);
}


static void
check_cases(const scan_case_t *cases, size_t n)
{
    char    out[2048];
    size_t  i;

    for (i = 0; i < n; i++) {
        scan(out, sizeof(out), reg_str(cases[i].text));

        if (strcmp(out, cases[i].error) != 0) {
            fail_msg("%s:\n got \"%s\"\n not \"%s\"", cases[i].text, out,
                     cases[i].error);
        }
    }
}


static void
test_stores(void **state)
{
    static const scan_case_t  cases[] = {
        { V "}", "end" },
        { " \t\r\n{ \"version\" : 1 } \n", "end" },
        { V ",\"keys\":{}}", "end" },
        { V ",\"roles\":{ },\"keys\":{},\"tenants\":{\n}}", "end" },

        { V ",\"keys\":{\"a\":{}}}", "0 a 1 {};end" },
        { V ",\"tenants\":{\"a\":{}},\"roles\":{\"b\":{}}}",
          "1 a 1 {};2 b 1 {};end" },

        /* the tool's own layout */

        { V ",\n\"keys\":{\n\"a\":{\"x\":1},\n\"b\":{\"y\":2}\n},\n"
          "\"tenants\":{\n},\n\"roles\":{\n}}\n",
          "0 a 3 {\"x\":1};0 b 4 {\"y\":2};end" },

        /* a person's */

        { "{\r\n  \"version\": 1,\r\n  \"keys\": {\r\n    \"a\":\r\n"
          "    {\"x\":\r\n     {\"y\": [1]}},\r\n    \"b\": {}}}",
          "0 a 5 {\"x\":\r\n     {\"y\": [1]}};0 b 7 {};end" },

        /* braces and quotes in strings are neither */

        { V ",\"keys\":{\"a\":{\"x\":\"}{\"}}}", "0 a 1 {\"x\":\"}{\"};end" },
        { V ",\"keys\":{\"a\":{\"x\":\"\\\"}\"}}}",
          "0 a 1 {\"x\":\"\\\"}\"};end" },
        { V ",\"keys\":{\"a\":{\"x\":\"\\\\\"}}}",
          "0 a 1 {\"x\":\"\\\\\"};end" },
        { V ",\"keys\":{\"a\":{\"x\":\"\\\\\\\"\"}}}",
          "0 a 1 {\"x\":\"\\\\\\\"\"};end" },

        /* what is wrong inside a record is its own affair, lines included */

        { V ",\"keys\":{\"a\":{],,:},\"b\":{}}}", "0 a 1 {],,:};0 b 1 {};end" },
        { V ",\"keys\":{\"a\":{\"\n\\\n\"},\"b\":{}}}",
          "0 a 1 {\"\n\\\n\"};0 b 3 {};end" },

        /* the same name twice is for the collector to see */

        { V ",\"keys\":{\"a\":{},\"a\":{}}}", "0 a 1 {};0 a 1 {};end" },
        { V ",\"keys\":{\"\":{}}}", "0  1 {};end" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_structure(void **state)
{
    static const scan_case_t  cases[] = {
        { "", "line 1: '{' expected, but the file ends here" },
        { "\n\n", "line 3: '{' expected, but the file ends here" },
        { "[]", "line 1: '{' expected instead of '['" },
        { "\xef\xbb\xbf{", "line 1: '{' expected instead of byte 0xef" },
        { "\f{", "line 1: '{' expected instead of byte 0x0c" },
        { "{}", "line 1: a name in quotes expected instead of '}'" },
        { "{version:1}",
          "line 1: a name in quotes expected instead of 'v'" },
        { "{'version':1}",
          "line 1: a name in quotes expected instead of '''" },
        { "{\"version\"1}", "line 1: ':' expected instead of '1'" },
        { V, "line 1: ',' or '}' expected, but the file ends here" },
        { V ",}", "line 1: a name in quotes expected instead of '}'" },
        { V "]", "line 1: ',' or '}' expected instead of ']'" },
        { V "}}", "line 1: the end of the file expected instead of '}'" },
        { V "}\n\n{}",
          "line 3: the end of the file expected instead of '{'" },
        { V ",\"keys\":[]}", "line 1: '{' expected instead of '['" },
        { V ",\"keys\":null}", "line 1: '{' expected instead of 'n'" },
        { V ",\"keys\":{,}}",
          "line 1: a name in quotes expected instead of ','" },
        { V ",\"keys\":{\"a\":{}\"b\":{}}}",
          "0 a 1 {};line 1: ',' or '}' expected instead of '\"'" },
        { V ",\"keys\":{\"a\":{},}}",
          "0 a 1 {};line 1: a name in quotes expected instead of '}'" },
        { V ",\"keys\":{\"a\":{}}\"roles\":{}}",
          "0 a 1 {};line 1: ',' or '}' expected instead of '\"'" },
        { V ",\"keys\":{\"a\":[]}}",
          "line 1: '{' of a record expected instead of '['" },
        { V ",\n\"keys\":{\"a\"\n:\n1}}",
          "line 4: '{' of a record expected instead of '1'" },
        { V ",\"keys\":{\"a\":{\"x\":1}",
          "0 a 1 {\"x\":1};"
          "line 1: ',' or '}' expected, but the file ends here" },
        { V ",\"keys\":{\n\"a\":{\"x\":\n",
          "line 2: the file ends inside record \"a\"" },
        { V ",\"keys\":{\"a\":{\"x\":\"}}}",
          "line 1: the file ends inside record \"a\"" },
        { V ",\"keys\":{\"a\":{\"x\":\"\\",
          "line 1: the file ends inside record \"a\"" },
        { V ",\"ke", "line 1: the file ends inside a name" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_names(void **state)
{
    char         text[1024], out[1024], wanted[1024], name[257];
    size_t       n;

    static const scan_case_t  cases[] = {
        { V ",\"keys\":{\"\\u0061\":{}}}",
          "line 1: a name holds an escape or a control byte" },
        { V ",\"keys\":{\"a\nb\":{}}}",
          "line 1: a name holds an escape or a control byte" },
        { "{\"version\\u0000\":1}",
          "line 1: a name holds an escape or a control byte" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));

    memset(name, 'n', sizeof(name));

    for (n = 255; n <= 256; n++) {
        (void) snprintf(text, sizeof(text), V ",\"keys\":{\"%.*s\":{}}}",
                        (int) n, name);
        scan(out, sizeof(out), reg_str(text));

        (void) snprintf(wanted, sizeof(wanted), "0 %.255s 1 {};end", name);

        assert_string_equal(out, n == 255 ? wanted
                                 : "line 1: a name is longer than 255 bytes");
    }
}


static void
test_version(void **state)
{
    static const scan_case_t  cases[] = {
        { "{\"version\":2}",
          "line 1: store version 2 is newer than this program understands" },
        { "{\"version\":10,\"shards\":[]}",
          "line 1: store version 10 is newer than this program understands" },
        { "{\n\"version\":\n123456789012345678901234567890}",
          "line 3: store version 12345678901234567890 is newer than this "
          "program understands" },
        { "{\"version\":0}",
          "line 1: the version of a store is a positive integer" },
        { "{\"version\":01}",
          "line 1: the version of a store is a positive integer" },
        { "{\"version\":-1}",
          "line 1: the version of a store is a positive integer" },
        { "{\"version\":\"1\"}",
          "line 1: the version of a store is a positive integer" },
        { "{\"version\":",
          "line 1: the version of a store is a positive integer" },
        { "{\"version\":1.0}",
          "line 1: ',' or '}' expected instead of '.'" },
        { "{\"version\":1e0}",
          "line 1: ',' or '}' expected instead of 'e'" },
        { "{\"keys\":{},\"version\":1}",
          "line 1: the first member of a store is \"version\"" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_sections(void **state)
{
    static const scan_case_t  cases[] = {
        { V ",\"users\":{}}", "line 1: unknown section \"users\"" },
        { V ",\"\":{}}", "line 1: unknown section \"\"" },
        { V ",\"version\":1}", "line 1: unknown section \"version\"" },
        { V ",\"verdicts\":{}}", "line 1: unknown section \"verdicts\"" },
        { V ",\"keys\":{},\n\"roles\":{},\n\"keys\":{}}",
          "line 3: section \"keys\" is there twice" },
        { V ",\"keys\xff\":{}}", "line 1: unknown section \"keys?\"" }
    };

    (void) state;

    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_caps(void **state)
{
    char    *text, *out;
    int      n;
    size_t   len, size;

    (void) state;

    size = 2 * REG_RECORD_MAX;
    text = malloc(size);
    out = malloc(size);

    assert_non_null(text);
    assert_non_null(out);

    for (n = REG_RECORD_MAX; n <= REG_RECORD_MAX + 1; n++) {
        (void) snprintf(text, size, V ",\"keys\":{\"a\":{%*s},\"b\":{}}}",
                        n - 2, "");
        scan(out, size, reg_str(text));

        len = strlen(out);

        if (n == REG_RECORD_MAX) {
            assert_int_equal(len, sizeof("0 a 1 ;0 b 1 {};end") - 1
                             + (size_t) n);
            assert_string_equal(out + len - 13, ";0 b 1 {};end");

        } else {
            assert_string_equal(out, "line 1: record \"a\" is longer than "
                                "65536 bytes");
        }
    }

    for (n = REG_STORE_DEPTH; n <= REG_STORE_DEPTH + 1; n++) {
        memset(text, 0, size);
        len = (size_t) snprintf(text, size, V ",\"keys\":{\"a\":\n");

        memset(text + len, '{', (size_t) n);
        memset(text + len + n, '}', (size_t) n);
        memcpy(text + len + 2 * n, "}}", 3);

        scan(out, size, reg_str(text));

        len = strlen(out);

        if (n == REG_STORE_DEPTH) {
            assert_int_equal(len, sizeof("0 a 2 ;end") - 1
                             + 2 * (size_t) n);

        } else {
            assert_string_equal(out, "line 2: a record is nested deeper than "
                                "32");
        }
    }

    free(text);
    free(out);
}


/* Cut anywhere, a store is never taken for a whole one. */

static void
test_cut(void **state)
{
    char        out[2048];
    reg_str_t   text;

    static const char  store[] = V ",\n\"keys\":{\n\"a\":{\"x\":\"\\\"}\"},\n"
        "\"b\":{\"y\":[{\"z\":1}]}},\n\"tenants\":{\"c\":{}}}";

    (void) state;

    text = reg_str(store);

    scan(out, sizeof(out), text);
    assert_string_equal(out, "0 a 3 {\"x\":\"\\\"}\"};0 b 4 {\"y\":[{\"z\":1}]}"
                        ";1 c 5 {};end");

    while (text.len--) {
        scan(out, sizeof(out), text);

        if (strstr(out, "end") == out + strlen(out) - 3) {
            fail_msg("a store of %zu bytes is whole: %s", text.len, out);
        }
    }
}


/* Any bytes at all: an answer, within the text, and always the same. */

static void
test_noise(void **state)
{
    char            out[8192], again[8192];
    unsigned        i;
    reg_str_t       text;
    unsigned char   buf[512];

    static const char  begin[] = V ",\"keys\":{";

    (void) state;

    memcpy(buf, begin, sizeof(begin) - 1);

    for (i = 0; i < 20000; i++) {
        text = random_text(buf + sizeof(begin) - 1, 300,
                           "{{{}}}\"\"\":,,\\ \n1ka");

        text.data = buf;
        text.len += sizeof(begin) - 1;

        scan(out, sizeof(out), text);
        scan(again, sizeof(again), text);

        assert_string_equal(out, again);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_stores),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_noise)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
