/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>

#include "reg_core.h"
#include "random.h"

#define SENTENCES  20000

/* the two arguments that REG_FMT() stands for */

#define TAKE(arguments)   TAKE_TWO(arguments)
#define TAKE_TWO(a, b)    (precision = (a), data = (b))

#define TEXT(literal)  { sizeof(literal) - 1, (unsigned char *) (literal) }


static void
test_error_is_formatted(void **state)
{
    reg_error_t  error;

    (void) state;

    reg_error_set(&error, "%s of %d bytes, %c", "a name", 12, '!');
    assert_string_equal(error.text, "a name of 12 bytes, !");

    reg_error_set(&error, "%s", "");
    assert_string_equal(error.text, "");
}


/* Callers that only want the code pass no error. */

static void
test_error_may_be_null(void **state)
{
    (void) state;

    reg_error_set(NULL, "%s", "nobody reads this");
}


/* Whatever is not printable ASCII could forge a line of a log. */

static void
test_error_is_printable(void **state)
{
    unsigned       c;
    char           expected[sizeof("byte < >")];
    reg_error_t    error;
    unsigned char  byte;

    (void) state;

    /* a NUL ends the text of "%.*s", so 1 is the first */

    for (c = 1; c < 256; c++) {
        byte = (unsigned char) c;

        reg_error_set(&error, "byte <%.*s>",
                      REG_FMT(((reg_str_t) { 1, &byte })));

        (void) snprintf(expected, sizeof(expected), "byte <%c>",
                        c < 0x20 || c > 0x7e ? '?' : (char) c);
        assert_string_equal(error.text, expected);
    }
}


static void
test_error_is_cut(void **state)
{
    char         text[2 * REG_ERROR_MAX];
    size_t       len;
    reg_error_t  error;

    (void) state;

    for (len = 0; len < sizeof(text); len++) {

        memset(text, 'x', len);
        text[len] = '\0';

        memset(&error, 0xa5, sizeof(error));
        reg_error_set(&error, "%s", text);

        text[len < REG_ERROR_MAX ? len : REG_ERROR_MAX - 1] = '\0';
        assert_string_equal(error.text, text);
    }
}


static void
test_error_of_random_input(void **state)
{
    size_t         i, n;
    char          *p;
    reg_str_t      text, copy;
    reg_error_t    error;
    unsigned char  buf[400];

    (void) state;

    for (i = 0; i < SENTENCES; i++) {

        random_bytes(buf, sizeof(buf));
        text.data = buf;
        text.len = random_below(sizeof(buf) + 1);

        copy = exact_copy(text);
        memset(&error, 0xa5, sizeof(error));
        reg_error_set(&error, "\"%.*s\"", REG_FMT(copy));
        free(copy.data);

        n = 0;

        for (p = error.text; *p; p++) {
            assert_in_range(*p, 0x20, 0x7e);
            n++;
        }

        assert_in_range(n, 2, REG_ERROR_MAX - 1);
    }
}


/* A length that is negative as an int would print up to the next NUL. */

static void
test_fmt_of_huge_text(void **state)
{
    int            precision;
    const char    *data;
    reg_str_t      text;
    unsigned char  byte;

    (void) state;

    text.data = &byte;
    text.len = (size_t) INT_MAX + 1;

    TAKE(REG_FMT(text));
    assert_int_equal(precision, INT_MAX);
    assert_ptr_equal(data, &byte);

    text.len = SIZE_MAX;
    TAKE(REG_FMT(text));
    assert_int_equal(precision, INT_MAX);

    text.len = INT_MAX;
    TAKE(REG_FMT(text));
    assert_int_equal(precision, INT_MAX);

    text.len = 7;
    TAKE(REG_FMT(text));
    assert_int_equal(precision, 7);
}


static void
test_str(void **state)
{
    const char  *text = "abc";

    (void) state;

    assert_int_equal(reg_str(text).len, 3);
    assert_ptr_equal(reg_str(text).data, text);
    assert_int_equal(reg_str("").len, 0);

    assert_int_equal(REG_STR("abc").len, 3);
    assert_int_equal(REG_STR("a\0c").len, 3);
    assert_int_equal(REG_STR("").len, 0);
    assert_int_equal(REG_STR_NULL.len, 0);
    assert_null(REG_STR_NULL.data);
}


static void
test_eq_and_starts(void **state)
{
    size_t  i;

    static const struct {
        reg_str_t  a;
        reg_str_t  b;
        int        eq;
        int        starts;          /* a starts with b */
    } cases[] = {
        { TEXT("abc"), TEXT("abc"), 1, 1 },
        { TEXT("abc"), TEXT("abd"), 0, 0 },
        { TEXT("abc"), TEXT("ab"), 0, 1 },
        { TEXT("ab"), TEXT("abc"), 0, 0 },
        { TEXT("abc"), TEXT("ABC"), 0, 0 },
        { TEXT("a\0b"), TEXT("a\0c"), 0, 0 },
        { TEXT("a\0b"), TEXT("a\0"), 0, 1 },

        /* no text has no bytes to look at, wherever it points */

        { { 0, NULL }, { 0, NULL }, 1, 1 },
        { { 0, NULL }, TEXT(""), 1, 1 },
        { TEXT(""), { 0, NULL }, 1, 1 },
        { TEXT("x"), { 0, NULL }, 0, 1 },
        { { 0, NULL }, TEXT("x"), 0, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (reg_str_eq(cases[i].a, cases[i].b) != cases[i].eq
            || reg_str_eq(cases[i].b, cases[i].a) != cases[i].eq)
        {
            fail_msg("case %zu: equal should be %d", i, cases[i].eq);
        }

        if (reg_str_starts(cases[i].a, cases[i].b) != cases[i].starts) {
            fail_msg("case %zu: starts should be %d", i, cases[i].starts);
        }
    }
}


static void
test_cut(void **state)
{
    reg_str_t  text;

    (void) state;

    text = REG_STR("a||bc");

    assert_true(reg_str_eq(reg_str_cut(&text, '|'), REG_STR("a")));
    assert_true(reg_str_eq(reg_str_cut(&text, '|'), REG_STR("")));
    assert_non_null(text.data);
    assert_true(reg_str_eq(reg_str_cut(&text, '|'), REG_STR("bc")));
    assert_null(text.data);
    assert_int_equal(reg_str_cut(&text, '|').len, 0);

    /* there is something behind the last one, but it has no bytes */

    text = REG_STR("a|");

    assert_true(reg_str_eq(reg_str_cut(&text, '|'), REG_STR("a")));
    assert_non_null(text.data);
    assert_int_equal(text.len, 0);
}


static void
test_number(void **state)
{
    size_t    i;
    uint64_t  n;

    static const struct {
        reg_str_t  text;
        int        good;
        uint64_t   n;
    } cases[] = {
        { TEXT("0"), 1, 0 },
        { TEXT("007"), 1, 7 },
        { TEXT("999999999999999999"), 1, 999999999999999999 },
        { TEXT("1000000000000000000"), 0, 0 },
        { TEXT("0000000000000000000"), 0, 0 },
        { TEXT(""), 0, 0 },
        { TEXT("-1"), 0, 0 },
        { TEXT("+1"), 0, 0 },
        { TEXT("1 "), 0, 0 },
        { TEXT("12a"), 0, 0 },
        { TEXT("1\0"), 0, 0 },
        { { 0, NULL }, 0, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = 1;

        if (reg_str_number(&n, cases[i].text) != cases[i].good
            || n != cases[i].n)
        {
            fail_msg("case %zu: %llu", i, (unsigned long long) n);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_error_is_formatted),
        cmocka_unit_test(test_error_may_be_null),
        cmocka_unit_test(test_error_is_printable),
        cmocka_unit_test(test_error_is_cut),
        cmocka_unit_test(test_error_of_random_input),
        cmocka_unit_test(test_fmt_of_huge_text),
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_eq_and_starts),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_number)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
