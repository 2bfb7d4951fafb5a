/*
 * Copyright (C) ngx_http_registry_module authors
 */

#define _GNU_SOURCE                 /* memmem() */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include <jansson.h>

#include "reg_oci_error.h"
#include "random.h"

#define NELTS(array)  (sizeof(array) / sizeof((array)[0]))

#define GUARD  64                   /* bytes behind a body, to be left alone */


typedef struct {
    json_t      *document;
    const char  *code;
    const char  *message;
    const char  *detail;
} body_t;


/* Writes a body, and reads it as strictly as jansson can. */

static void
make_body(body_t *body, const char *code, const char *message,
    const char *detail)
{
    size_t          i, len;
    json_t         *errors, *error;
    json_error_t    why;
    unsigned char  *buf;

    buf = malloc(REG_OCI_ERROR_MAX + GUARD);
    assert_non_null(buf);
    memset(buf, 0xaa, REG_OCI_ERROR_MAX + GUARD);

    len = reg_oci_error_body(buf, code, message, detail);

    assert_in_range(len, 1, REG_OCI_ERROR_MAX);

    for (i = REG_OCI_ERROR_MAX; i < REG_OCI_ERROR_MAX + GUARD; i++) {
        assert_int_equal(buf[i], 0xaa);
    }

    /* plain ASCII, one line: it goes to terminals and logs */

    for (i = 0; i < len - 1; i++) {
        assert_in_range(buf[i], 0x20, 0x7e);
    }

    assert_int_equal(buf[len - 1], '\n');

    body->document = json_loadb((char *) buf, len,
                                JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, &why);

    if (body->document == NULL) {
        fail_msg("%s in %.*s", why.text, (int) len, (char *) buf);
    }

    assert_int_equal(json_object_size(body->document), 1);
    errors = json_object_get(body->document, "errors");
    assert_int_equal(json_array_size(errors), 1);

    error = json_array_get(errors, 0);
    body->code = json_string_value(json_object_get(error, "code"));
    body->message = json_string_value(json_object_get(error, "message"));
    body->detail = json_string_value(json_object_get(error, "detail"));

    assert_non_null(body->code);
    assert_int_equal(json_object_size(error), 1u + (body->message != NULL)
                                              + (body->detail != NULL));

    free(buf);
}


static void
check_body(const char *code, const char *message, const char *detail)
{
    body_t  body;

    make_body(&body, code, message, detail);

    assert_string_equal(body.code, code);
    assert_string_equal(body.message, message);

    if (detail) {
        assert_string_equal(body.detail, detail);

    } else {
        assert_null(body.detail);
    }

    json_decref(body.document);
}


static void
check_text(const char *code, const char *message, const char *detail,
    const char *expected)
{
    size_t         len;
    unsigned char  buf[REG_OCI_ERROR_MAX];

    len = reg_oci_error_body(buf, code, message, detail);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(buf, expected, len);
}


static void
test_body_is_written_so(void **state)
{
    (void) state;

    check_text("DENIED", "not you", NULL,
               "{\"errors\":[{\"code\":\"DENIED\","
               "\"message\":\"not you\"}]}\n");

    check_text("DENIED", "no", "a\"\\\n\x7f",
               "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\","
               "\"detail\":\"a\\\"\\\\\\u000a\\u007f\"}]}\n");

    check_text("", "", "",
               "{\"errors\":[{\"code\":\"\",\"message\":\"\","
               "\"detail\":\"\"}]}\n");
}


static void
check_json(const char *code, const char *message, reg_str_t detail,
    const char *expected)
{
    size_t         len;
    unsigned char  buf[REG_OCI_ERROR_MAX];

    len = reg_oci_error_body_json(buf, code, message, detail);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(buf, expected, len);
}


static void
test_detail_may_be_json(void **state)
{
    size_t          i, len, fits, longest;
    json_t         *document;
    unsigned char   buf[REG_OCI_ERROR_MAX + GUARD], detail[REG_OCI_ERROR_MAX];

    (void) state;

    check_json("TOOMANYREQUESTS", "a \"few\"", REG_STR("{\"limit\":3}"),
               "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\","
               "\"message\":\"a \\\"few\\\"\",\"detail\":{\"limit\":3}}]}\n");

    /* of every length, and left out when it is too long */

    memset(detail, '7', sizeof(detail));
    fits = 0;
    longest = 0;

    for (i = 1; i < sizeof(detail); i++) {
        memset(buf, 0xaa, sizeof(buf));

        detail[0] = '"';
        detail[i - 1] = '"';

        len = reg_oci_error_body_json(buf, "C", "m", (reg_str_t) { i, detail });

        detail[i - 1] = '7';

        assert_in_range(len, 1, REG_OCI_ERROR_MAX);
        assert_int_equal(buf[REG_OCI_ERROR_MAX], 0xaa);
        assert_int_equal(buf[len - 1], '\n');

        document = json_loadb((char *) buf, len, 0, NULL);

        assert_int_equal(document != NULL, i > 1);
        json_decref(document);

        fits += (memmem(buf, len, "detail", 6) != NULL);
        longest = len > longest ? len : longest;
    }

    assert_in_range(fits, REG_OCI_ERROR_MAX - 100, REG_OCI_ERROR_MAX - 50);
    assert_int_equal(longest, REG_OCI_ERROR_MAX - 1);

    /* where the message leaves no room */

    memset(detail, 'm', sizeof(detail));
    detail[sizeof(detail) - 1] = '\0';

    len = reg_oci_error_body_json(buf, "C", (char *) detail, REG_STR("{}"));

    assert_in_range(len, REG_OCI_ERROR_MAX - 10, REG_OCI_ERROR_MAX);
    document = json_loadb((char *) buf, len, 0, NULL);
    assert_non_null(document);
    json_decref(document);
}


/*
 * A text ends where an escape would no longer fit behind it, and a member is
 * there or not: nothing is cut earlier than it has to be.
 */

static void
test_room_is_used(void **state)
{
    size_t         len, room;
    char           text[REG_OCI_ERROR_MAX + 1];
    unsigned char  buf[REG_OCI_ERROR_MAX];

    (void) state;

    memset(text, 'm', sizeof(text));
    text[REG_OCI_ERROR_MAX] = '\0';

    assert_int_equal(reg_oci_error_body(buf, "C", text, NULL),
                     REG_OCI_ERROR_MAX - 5);
    assert_int_equal(reg_oci_error_body_json(buf, "C", text, REG_STR("{}")),
                     REG_OCI_ERROR_MAX - 5);

    room = REG_OCI_ERROR_MAX - strlen("{\"errors\":[{\"code\":\"")
           - strlen("\",\"message\":\"") - strlen("\"}]}\n");

    text[room] = '\0';
    len = reg_oci_error_body(buf, text, "m", NULL);
    assert_int_equal(len, REG_OCI_ERROR_MAX);
    assert_memory_equal(buf + len - 18, "\",\"message\":\"\"}]}\n", 18);

    text[room] = 'm';
    text[room + 1] = '\0';
    len = reg_oci_error_body(buf, text, "m", NULL);
    assert_memory_equal(buf + len - 8, "mmm\"}]}\n", 8);
}


static void
test_every_status(void **state)
{
    size_t       i;
    unsigned     status;
    const char  *code, *message;

    /* what we answer, and what nginx does */

    static const struct {
        unsigned     status;
        const char  *code;
    } cases[] = {
        { 400, "UNSUPPORTED" },
        { 401, "UNAUTHORIZED" },
        { 403, "DENIED" },
        { 404, "NAME_UNKNOWN" },
        { 405, "UNSUPPORTED" },
        { 411, "SIZE_INVALID" },
        { 413, "SIZE_INVALID" },
        { 414, "NAME_INVALID" },
        { 415, "UNSUPPORTED" },
        { 416, "RANGE_INVALID" },
        { 429, "TOOMANYREQUESTS" },
        { 494, "UNSUPPORTED" },
        { 495, "UNSUPPORTED" },
        { 496, "UNSUPPORTED" },
        { 497, "UNSUPPORTED" },
        { 500, "UNKNOWN" },
        { 501, "UNSUPPORTED" },
        { 502, "UNAVAILABLE" },
        { 503, "UNAVAILABLE" },
        { 504, "UNAVAILABLE" },
        { 505, "UNSUPPORTED" }
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {

        code = reg_oci_error_code(cases[i].status);
        message = reg_oci_error_message(cases[i].status);

        assert_string_equal(code, cases[i].code);

        if (cases[i].status != 500) {
            assert_string_not_equal(message, reg_oci_error_message(0));
        }

        check_body(code, message, NULL);
        check_body(code, message, "repository acme/app");
    }

    /* any other number has an answer, too */

    i = 0;

    for (status = 0; status <= 1000; status++) {

        code = reg_oci_error_code(status);
        message = reg_oci_error_message(status);
        check_body(code, message, NULL);

        if (i < NELTS(cases) && cases[i].status == status) {
            i++;
            continue;
        }

        if (strcmp(code, "UNKNOWN") != 0
            || strcmp(message, "unknown error") != 0)
        {
            fail_msg("%u is %s, \"%s\"", status, code, message);
        }
    }

    assert_int_equal(i, NELTS(cases));
}


static void
test_every_route_error(void **state)
{
    size_t  i;

    static const struct {
        reg_route_rc_t   rc;
        const char      *code;
        const char      *message;
    } cases[] = {
        { REG_ROUTE_NOT_CANONICAL, "NAME_INVALID",
          "the request target is not in canonical form" },
        { REG_ROUTE_NAME_INVALID, "NAME_INVALID", "invalid repository name" },
        { REG_ROUTE_TAG_INVALID, "TAG_INVALID", "invalid tag" },
        { REG_ROUTE_DIGEST_INVALID, "DIGEST_INVALID", "invalid digest" },
        { REG_ROUTE_QUERY_INVALID, "UNSUPPORTED",
          "repeated, malformed or overlong query parameter" },
        { REG_ROUTE_UNKNOWN, "NAME_UNKNOWN", "there is no such endpoint" },
        { REG_ROUTE_METHOD, "UNSUPPORTED", "the method is not allowed here" },
        { REG_ROUTE_OK, "UNKNOWN", "unknown error" }
    };

    (void) state;

    assert_int_equal(NELTS(cases), REG_ROUTE_METHOD + 1);

    for (i = 0; i < NELTS(cases); i++) {
        assert_string_equal(reg_route_error_code(cases[i].rc), cases[i].code);
        assert_string_equal(reg_route_error_message(cases[i].rc),
                            cases[i].message);
        check_body(cases[i].code, cases[i].message, NULL);
    }

    /* what has a status says the same as that status */

    assert_string_equal(reg_route_error_message(REG_ROUTE_UNKNOWN),
                        reg_oci_error_message(404));
    assert_string_equal(reg_route_error_message(REG_ROUTE_METHOD),
                        reg_oci_error_message(405));
}


static void
test_every_byte_is_escaped(void **state)
{
    char      text[3], expected[5];
    body_t    body;
    unsigned  c;

    (void) state;

    for (c = 1; c < 256; c++) {

        (void) memcpy(text, "x?", 3);
        text[1] = (char) c;

        /* a byte above 0x7f becomes the character of that number */

        (void) memcpy(expected, "x\0\0\0", 5);

        if (c < 0x80) {
            expected[1] = (char) c;

        } else {
            expected[1] = (char) (0xc0 | c >> 6);
            expected[2] = (char) (0x80 | (c & 0x3f));
        }

        make_body(&body, text, text, text);

        assert_string_equal(body.code, expected);
        assert_string_equal(body.message, expected);
        assert_string_equal(body.detail, expected);

        json_decref(body.document);
    }
}


/* 5,000 of each byte, and all of them: cut, never broken. */

static void
test_hostile_detail(void **state)
{
    char      text[5001];
    size_t    i, len;
    body_t    body;
    unsigned  c;

    (void) state;

    text[5000] = '\0';

    for (c = 1; c <= 256; c++) {

        if (c < 256) {
            memset(text, (int) c, 5000);

        } else {
            for (i = 0; i < 5000; i++) {
                text[i] = (char) (1 + i % 255);
            }
        }

        make_body(&body, "DENIED", "denied", text);

        assert_string_equal(body.code, "DENIED");
        assert_string_equal(body.message, "denied");

        len = strlen(body.detail);
        assert_in_range(len, 150, REG_OCI_ERROR_MAX);

        /* what is there is the beginning of it */

        if (c < 0x80) {
            assert_memory_equal(body.detail, text, len);
        }

        json_decref(body.document);
    }
}


/* However long the parts are, none of them leaks into another. */

static void
test_every_length(void **state)
{
    char    code[1200], message[1200], detail[1200];
    size_t  i, n, sum;
    body_t  body;

    (void) state;

    for (n = 0; n < 1100; n++) {
        for (i = 0; i < 3; i++) {

            memset(code, 'c', sizeof(code));
            memset(message, 'm', sizeof(message));
            memset(detail, 'd', sizeof(detail));

            code[i == 0 ? n : 3] = '\0';
            message[i == 1 ? n : 3] = '\0';
            detail[i == 2 ? n : 3] = '\0';

            make_body(&body, code, message, detail);

            assert_int_equal(strspn(body.code, "c"), strlen(body.code));
            sum = strlen(body.code);

            if (body.message) {
                assert_int_equal(strspn(body.message, "m"),
                                 strlen(body.message));
                sum += strlen(body.message);
            }

            if (body.detail) {
                assert_int_equal(strspn(body.detail, "d"),
                                 strlen(body.detail));
                sum += strlen(body.detail);
            }

            /* nothing is cut while there is room for it */

            if (n <= REG_OCI_ERROR_MAX - 80) {
                assert_int_equal(sum, n + 6);
            }

            json_decref(body.document);
        }
    }
}


static void
test_random_parts(void **state)
{
    size_t         i, j, n;
    body_t         body;
    unsigned char  parts[3][1200];

    (void) state;

    for (i = 0; i < 5000; i++) {

        for (j = 0; j < 3; j++) {
            n = random_below(random_below(4) ? 40 : sizeof(parts[j]) - 1);
            random_bytes(parts[j], n);
            parts[j][n] = '\0';
        }

        make_body(&body, (char *) parts[0], (char *) parts[1],
                  random_below(2) ? (char *) parts[2] : NULL);
        json_decref(body.document);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_body_is_written_so),
        cmocka_unit_test(test_detail_may_be_json),
        cmocka_unit_test(test_room_is_used),
        cmocka_unit_test(test_every_status),
        cmocka_unit_test(test_every_route_error),
        cmocka_unit_test(test_every_byte_is_escaped),
        cmocka_unit_test(test_hostile_detail),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_random_parts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
