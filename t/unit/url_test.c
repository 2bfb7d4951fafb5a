/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "reg_url.h"
#include "random.h"


static void
test_parts(void **state)
{
    reg_url_t  url;

    (void) state;

    assert_int_equal(reg_url_parse(&url,
                         REG_STR("HTTPS://[2001:db8::1]:8443/a//b?c=d?e"),
                         NULL),
                     REG_OK);
    assert_true(reg_str_eq(url.scheme, REG_STR("HTTPS")));
    assert_true(reg_str_eq(url.authority, REG_STR("[2001:db8::1]:8443")));
    assert_true(reg_str_eq(url.host, REG_STR("2001:db8::1")));
    assert_true(reg_str_eq(url.path, REG_STR("/a//b")));
    assert_true(reg_str_eq(url.query, REG_STR("c=d?e")));

    assert_int_equal(reg_url_parse(&url, REG_STR("http://a_b.c?x"), NULL),
                     REG_OK);
    assert_int_equal(url.path.len, 0);
    assert_true(reg_str_eq(url.query, REG_STR("x")));

    assert_int_equal(reg_url_parse(&url, REG_STR("http://h:1/"), NULL), REG_OK);
    assert_null(url.query.data);

    assert_int_equal(reg_url_parse(&url, REG_STR("http://h/?"), NULL), REG_OK);
    assert_non_null(url.query.data);
    assert_int_equal(url.query.len, 0);
}


/* Where others would send a client. */

static void
test_locations(void **state)
{
    size_t       i;
    reg_error_t  error;

    static const char *const  good[] = {
        "/v2/acme/app/blobs/uploads/1?_state=x%3D", "/",
        "https://bucket.s3.amazonaws.com/docker?X-Amz-Signature=1",
        "http://127.0.0.1:5000/v2/", "http://10.0.0.1/", "http://[::1]:80/",
        "http://[0:0:0:0:0:0:0:1]/", "http://[fd00::254]/",
        "https://[2001:db8::1]/", "https://0xdeadbeef.example.com/",
        "https://169-254-1-1.example.com/"
    };

    static const char *const  bad[] = {
        "", "relative", "//evil/", "///evil", "/\\evil", "\\\\evil",
        "https:/evil/", "https:evil", "javascript:alert(1)", "ftp://h/",
        "https://user@host/", "https://registry.example.com@evil/",
        "https://user:password@host/", "/a\r\nSet-Cookie: x",
        "https://host/\r\n", "https://host/a b", "https://h/\x01",
        "http://169.254.169.254/latest/meta-data/", "http://169.254.1.1:80/",
        "http://2852039166/", "http://0xa9fea9fe/", "http://0xA9.254.169.254/",
        "http://0251.0376.0251.0376/", "http://169.0376.169.254/",
        "http://169.0xfe.169.254/", "http://0xa9.0xfe.0xa9.0xfe/",
        "http://169.254.0XA9FE/", "http://169.254.169.0xfe/",
        "http://169.254.43518/", "http://[fe80::1]/", "http://[FEBF::1]/",
        "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/",
        "http://[0:0:0:0:0:ffff:a9fe:a9fe]/", "http://[0::a9fe:a9fe]/",
        "http://[64:ff9b::a9fe:a9fe]/", "http://[fd00:ec2::254]/",
        "http://[0FE80::1]/", "http://[1::2::3]/", "http://[::]/",
        "http://[]/", "http://[v1.x]/", "http://./", "https://%65vil/"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (reg_url_check_location(reg_str(good[i]), &error) != REG_OK) {
            fail_msg("\"%s\": %s", good[i], error.text);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (reg_url_check_location(reg_str(bad[i]), &error) != REG_INVALID) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}


/* What is encoded decodes to the same, in each alphabet, at each length. */

static void
test_base64(void **state)
{
    size_t         n, len;
    unsigned       flags;
    reg_text_t     text;
    unsigned char  in[64], out[96], buf[128];

    (void) state;

    for (n = 0; n <= sizeof(in); n++) {

        random_bytes(in, n);

        for (flags = 0; flags < 4; flags++) {
            text = (reg_text_t) { .data = buf, .size = sizeof(buf) };
            reg_text_base64(&text, (reg_str_t) { n, in }, flags);

            assert_false(text.full);
            assert_int_equal(reg_base64_decode(out, &len,
                                               (reg_str_t) { text.len, buf }),
                             REG_OK);
            assert_int_equal(len, n);
            assert_memory_equal(out, in, n);
        }
    }

    assert_int_equal(reg_base64_decode(out, &len, REG_STR("a")), REG_INVALID);
    assert_int_equal(reg_base64_decode(out, &len, REG_STR("ab=")), REG_INVALID);
    assert_int_equal(reg_base64_decode(out, &len, REG_STR("a===")),
                     REG_INVALID);
    assert_int_equal(reg_base64_decode(out, &len, REG_STR("ab c")),
                     REG_INVALID);
}


/* Text that is full stays as it was, whatever else comes. */

static void
test_full(void **state)
{
    reg_text_t     text;
    unsigned char  buf[4];

    (void) state;

    text = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&text, REG_STR("abc"));
    reg_text_number(&text, 12);
    assert_true(text.full);
    reg_text_byte(&text, 'd');
    assert_int_equal(text.len, 3);
}


static void
test_escapes(void **state)
{
    size_t         len;
    reg_text_t     text;
    unsigned char  buf[256];

    (void) state;

    text = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_normalise(&text, REG_STR("/a%2fb%7e+ %41%zz"), "/");
    assert_true(reg_str_eq((reg_str_t) { text.len, buf },
                           REG_STR("/a%2Fb~%2B%20A%25zz")));

    assert_int_equal(reg_url_unescape(buf, &len, REG_STR("a%00%fF+")), REG_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(buf, "a\0\xff+", 4);

    assert_int_equal(reg_url_unescape(buf, &len, REG_STR("%4")), REG_INVALID);
    assert_int_equal(reg_url_unescape(buf, &len, REG_STR("%g0")), REG_INVALID);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_locations),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_escapes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
