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
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "reg_glob.h"
#include "reg_pattern.h"
#include "wrap_malloc.h"

#define PAIRS          400000       /* of the property test */
#define NAMES_OF_ONE   8            /* names tried per pattern */
#define HANG           20           /* seconds until SIGALRM ends the test */


static int
match(const char *text, const char *tenant, const char *name)
{
    int             rc;
    reg_error_t     error;
    reg_pattern_t  *pattern;

    error.text[0] = '\0';

    if (reg_pattern_compile(&pattern, reg_str(text), reg_str(tenant), &error)
        != REG_OK)
    {
        fail_msg("\"%s\": %s", text, error.text);
    }

    rc = reg_pattern_match(pattern, reg_str(name));

    reg_pattern_free(pattern);

    return rc;
}


typedef struct {
    const char  *pattern;
    const char  *tenant;
    const char  *name;
    int          matches;
} match_t;


static void
check_matches(const match_t *cases, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (match(cases[i].pattern, cases[i].tenant, cases[i].name)
            != cases[i].matches)
        {
            fail_msg("\"%s\" of \"%s\" %s \"%s\"", cases[i].pattern,
                     cases[i].tenant,
                     cases[i].matches ? "does not match" : "matches",
                     cases[i].name);
        }
    }
}


static void
test_literals(void **state)
{
    static const match_t  cases[] = {
        { "acme/app", "", "acme/app", 1 },
        { "acme/app", "", "acme/ap", 0 },
        { "acme/app", "", "acme/apps", 0 },
        { "acme/app", "", "acme/apq", 0 },
        { "acme/app", "", "x/acme/app", 0 },
        { "acme/app", "", "acme/app/", 0 },
        { "acme/app", "", "Acme/app", 0 },
        { "acme/app", "", "", 0 },

        /* '.' is a dot and nothing else */

        { "a.b", "", "a.b", 1 },
        { "a.b", "", "axb", 0 },

        /* all that a name, with host and port, may hold */

        { "host.example:5000/a_b-c.d/E@f", "",
          "host.example:5000/a_b-c.d/E@f", 1 }
    };

    (void) state;

    check_matches(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_one_component(void **state)
{
    static const match_t  cases[] = {
        { "*", "", "app", 1 },
        { "*", "", "acme/app", 0 },
        { "*", "", "", 1 },
        { "acme/*", "", "acme/app", 1 },
        { "acme/*", "", "acme/", 1 },
        { "acme/*", "", "acme", 0 },
        { "acme/*", "", "acme/app/web", 0 },
        { "acme-*", "", "acme-", 1 },
        { "acme-*", "", "acme-dev", 1 },
        { "acme-*", "", "acme-dev/app", 0 },
        { "*/app", "", "acme/app", 1 },
        { "*/app", "", "acme/x/app", 0 },
        { "*/app", "", "app", 0 },
        { "acme/*/app", "", "acme/dev/app", 1 },
        { "acme/*/app", "", "acme/dev/qa/app", 0 },
        { "acme/*/app", "", "acme/app", 0 },
        { "*-a-*", "", "x-a-a-y", 1 },
        { "*a", "", "aaa", 1 },
        { "*a", "", "aab", 0 },
        { "a*a", "", "a", 0 },
        { "a*a", "", "aa", 1 },
        { "*/*", "", "a/b", 1 },
        { "*/*", "", "a/b/c", 0 }
    };

    (void) state;

    check_matches(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_any_depth(void **state)
{
    static const match_t  cases[] = {
        { "**", "", "app", 1 },
        { "**", "", "a/b/c", 1 },
        { "**", "", "", 1 },
        { "acme/**", "", "acme/app", 1 },
        { "acme/**", "", "acme/a/b/c", 1 },
        { "acme/**", "", "acme/", 1 },
        { "acme/**", "", "acme", 0 },
        { "acme/**", "", "acmes/app", 0 },
        { "acme/**", "", "other/acme/app", 0 },
        { "acme-**", "", "acme-dev/app", 1 },
        { "**/app", "", "a/b/app", 1 },
        { "**/app", "", "app", 0 },
        { "**app", "", "app", 1 },
        { "**/app", "", "a/b/app/c", 0 },
        { "a/**/z", "", "a/b/c/z", 1 },
        { "a/**/z", "", "a/z", 0 },
        { "a/**/*z", "", "a/b/c/xz", 1 },
        { "a/**/*z", "", "a/b/z/x", 0 },
        { "**/*-dev/*", "", "a/b-dev/c", 1 },
        { "**/*-dev/*", "", "a/b-dev/c/d", 0 },
        { "*/**", "", "a/b", 1 },
        { "*/**", "", "a", 0 }
    };

    (void) state;

    check_matches(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_expressions(void **state)
{
    static const match_t  cases[] = {
        { "~^acme/(dev|qa)-", "", "acme/dev-app", 1 },
        { "~^acme/(dev|qa)-", "", "acme/qa-app/x", 1 },
        { "~^acme/(dev|qa)-", "", "acme/prod-app", 0 },
        { "~^acme/(dev|qa)-", "", "x/acme/dev-app", 0 },

        /* anchored by its author alone */

        { "~acme", "", "x/acme/y", 1 },
        { "~acme$", "", "x/acme", 1 },
        { "~acme$", "", "x/acme\n", 0 },
        { "~^$", "", "", 1 },
        { "~^\\d+\\.\\d+$", "", "10.4", 1 },
        { "~^\\d+\\.\\d+$", "", "10x4", 0 },
        { "~^(a|b)/\\1$", "", "b/b", 1 },
        { "~^(a|b)/\\1$", "", "a/b", 0 },
        { "~^(?:a:b)$", "", "a:b", 1 },
        { "~^a{3}$", "", "aaa", 1 },

        /* a choice for each byte of the longest name is within the limits */

        { "~^(?:a|b)*$", "",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          1 },

        /* a callout calls nothing */

        { "~^a(?C1)b$", "", "ab", 1 }
    };

    (void) state;

    check_matches(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_tenant(void **state)
{
    static const match_t  cases[] = {
        { "{tenant}/**", "acme", "acme/app", 1 },
        { "{tenant}/**", "acme", "acme", 0 },
        { "{tenant}/**", "acme", "acme-2/app", 0 },
        { "{tenant}", "acme", "acme", 1 },
        { "mirror/{tenant}-*/{tenant}", "acme", "mirror/acme-x/acme", 1 },
        { "mirror/{tenant}-*/{tenant}", "acme", "mirror/acme-x/other", 0 },

        /* its bytes mean themselves, in either kind */

        { "{tenant}/**", "a.b", "a.b/app", 1 },
        { "{tenant}/**", "a.b", "axb/app", 0 },
        { "~^{tenant}/", "a.b-c_d", "a.b-c_d/app", 1 },
        { "~^{tenant}/", "a.b-c_d", "axb-c_d/app", 0 },
        { "~^{tenant}$", "d9", "d9", 1 },

        /* and are repeated as one */

        { "~^({tenant}/)?{tenant}{2}$", "ab", "ab/abab", 1 },
        { "~^{tenant}+$", "ab", "abab", 1 },
        { "~^{tenant}+$", "ab", "abb", 0 }
    };

    (void) state;

    check_matches(cases, sizeof(cases) / sizeof(cases[0]));
}


/* "{tenant}**" must not become "**" for somebody without a tenant. */

static void
test_tenant_is_missing(void **state)
{
    static const match_t  cases[] = {
        { "{tenant}**", "", "acme/app", 0 },
        { "{tenant}**", "", "", 0 },
        { "{tenant}/**", "", "/app", 0 },
        { "{tenant}", "", "", 0 },
        { "**{tenant}", "", "acme", 0 },
        { "*{tenant}*", "", "tenant", 0 },
        { "~{tenant}", "", "tenant", 0 },
        { "~^{tenant}", "", "acme", 0 },
        { "~^(?!{tenant})", "", "acme", 0 }
    };

    (void) state;

    check_matches(cases, sizeof(cases) / sizeof(cases[0]));
}


typedef struct {
    const char  *pattern;
    const char  *tenant;
    const char  *error;
} invalid_t;


/* releases of PCRE2 differ in where they see it: before it, or behind */

static void
test_unmatched(void **state)
{
    reg_error_t     error;
    reg_pattern_t  *pattern;

    (void) state;

    assert_int_equal(reg_pattern_compile(&pattern, reg_str("~a)"),
                                         REG_STR_NULL, &error),
                     REG_INVALID);
    assert_non_null(strstr(error.text,
                           " of the expression: unmatched closing "
                           "parenthesis"));
}


static void
test_invalid(void **state)
{
    size_t          i;
    reg_error_t     error;
    reg_pattern_t  *pattern;

    static const invalid_t  cases[] = {
        { "", "",
          "the pattern is empty; '**' matches every name" },
        { "acme/***", "",
          "3 '*' in a row at byte 6 of the pattern; use '*' for one "
          "component or '**' for any depth" },
        { "****", "",
          "4 '*' in a row at byte 1 of the pattern; use '*' for one "
          "component or '**' for any depth" },
        { "a?c", "",
          "'?' at byte 2 of the pattern is no wildcard here; use '*' or a "
          "'~' expression" },
        { "a[bc]", "",
          "'[' at byte 2 of the pattern is no wildcard here; use '*' or a "
          "'~' expression" },
        { "{Tenant}/**", "",
          "'{' at byte 1 of the pattern; the only placeholder is {tenant}" },
        { "acme/{tenant", "acme",
          "'{' at byte 6 of the pattern; the only placeholder is {tenant}" },
        { "acme}", "",
          "'}' at byte 5 of the pattern; the only placeholder is {tenant}" },
        { "acme/~x", "",
          "'~' at byte 6 of the pattern; an expression begins with it" },
        { "a b", "",
          "byte 0x20 at byte 2 of the pattern; a name has letters, digits "
          "and . _ / : @ -" },
        { "a,b", "",
          "',' at byte 2 of the pattern; a name has letters, digits and "
          ". _ / : @ -" },
        { "a\\*", "",
          "'\\' at byte 2 of the pattern; a name has letters, digits and "
          ". _ / : @ -" },
        { "a\nb", "",
          "byte 0x0a at byte 2 of the pattern; a name has letters, digits "
          "and . _ / : @ -" },
        { "a\x7f", "",
          "byte 0x7f at byte 2 of the pattern; a name has letters, digits "
          "and . _ / : @ -" },
        { "caf\xc3\xa9", "",
          "byte 0xc3 at byte 4 of the pattern; a name has letters, digits "
          "and . _ / : @ -" },
        { "\x01", "",
          "byte 0x01 at byte 1 of the pattern; a name has letters, digits "
          "and . _ / : @ -" },
        { "a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q*r", "",
          "more than 16 wildcards in the pattern" },
        { "**", "Acme",
          "\"Acme\" is no name of a tenant" },
        { "{tenant}/**", "*",
          "\"*\" is no name of a tenant" },
        { "~{tenant}", "a|b",
          "\"a|b\" is no name of a tenant" },
        { "~", "",
          "no expression after '~'" },
        { "~a\tb", "",
          "byte 0x09 at byte 3 of the pattern; an expression is printable "
          "ASCII" },
        { "~\xff", "",
          "byte 0xff at byte 2 of the pattern; an expression is printable "
          "ASCII" },
        { "~^(a", "",
          "at byte 3 of the expression: missing closing parenthesis" },
        { "~[", "",
          "at byte 1 of the expression: missing terminating ] for character "
          "class" },

        /* what would change how the names are read */

        { "~a\\Cb", "",
          "at byte 3 of the expression: using \\C is disabled by the "
          "application" },
        { "~(*UTF)a", "",
          "at byte 6 of the expression: using UTF is disabled by the "
          "application" },
        { "~(*UCP)a", "",
          "at byte 6 of the expression: using UCP is disabled by the "
          "application" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        error.text[0] = '\0';

        assert_int_equal(reg_pattern_compile(&pattern,
                                             reg_str(cases[i].pattern),
                                             reg_str(cases[i].tenant),
                                             &error),
                         REG_INVALID);
        assert_string_equal(error.text, cases[i].error);

        /* whoever wants no sentence need not take one */

        assert_int_equal(reg_pattern_compile(&pattern,
                                             reg_str(cases[i].pattern),
                                             reg_str(cases[i].tenant), NULL),
                         REG_INVALID);
    }
}


static void
test_nul_is_invalid(void **state)
{
    reg_error_t     error;
    reg_pattern_t  *pattern;

    (void) state;

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("a\0b"),
                                         REG_STR_NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "byte 0x00 at byte 2 of the pattern; "
                        "a name has letters, digits and . _ / : @ -");

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("~a\0b"),
                                         REG_STR_NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "byte 0x00 at byte 3 of the pattern; "
                        "an expression is printable ASCII");
}


static void
test_lengths(void **state)
{
    size_t          i;
    char            text[REG_PATTERN_MAX + 2], tenant[64];
    reg_error_t     error;
    reg_pattern_t  *pattern;

    (void) state;

    memset(text, 'a', sizeof(text));

    text[REG_PATTERN_MAX + 1] = '\0';
    assert_int_equal(reg_pattern_compile(&pattern, reg_str(text),
                                         REG_STR_NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the pattern is longer than 255 bytes");

    text[REG_PATTERN_MAX] = '\0';
    assert_int_equal(match(text, "", text), 1);

    text[0] = '~';
    assert_int_equal(match(text, "", text + 1), 1);

    text[0] = '*';
    assert_int_equal(match(text, "", text + 1), 1);

    /* 4 * 63 bytes and 3 more are a pattern, one more is not */

    memset(tenant, 't', 63);
    tenant[63] = '\0';

    strcpy(text, "{tenant}{tenant}{tenant}{tenant}a/*");
    assert_int_equal(match(text, tenant, tenant), 0);

    strcat(text, "b");
    assert_int_equal(reg_pattern_compile(&pattern, reg_str(text),
                                         reg_str(tenant), &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the pattern is longer than 255 bytes "
                        "with {tenant} filled in");

    /* 67 bytes for each; the 16th is beyond 1024 */

    strcpy(text, "~");

    for (i = 0; i < 15; i++) {
        strcat(text, "{tenant}");
    }

    assert_int_equal(match(text, tenant, tenant), 0);

    strcat(text, "{tenant}");
    assert_int_equal(reg_pattern_compile(&pattern, reg_str(text),
                                         reg_str(tenant), &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the expression is longer than 1024 "
                        "bytes with {tenant} filled in");

    /* 16 wildcards are allowed, see test_invalid for 17 */

    assert_int_equal(match("a*b*c*d*e*f*g*h**i**j**k**l**m**n**o**p**", "",
                           "abcdefghijklmnop"), 1);

    /* groups in groups: 32, not 33 */

    strcpy(text, "~");

    for (i = 0; i < 33; i++) {
        strcat(text, "(");
    }

    for (i = 0; i < 33; i++) {
        strcat(text, ")");
    }

    assert_int_equal(reg_pattern_compile(&pattern, reg_str(text),
                                         REG_STR_NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "at byte 33 of the expression: "
                        "parentheses are too deeply nested");

    memmove(text + 1, text + 2, 64);
    text[65] = '\0';
    assert_int_equal(match(text, "", ""), 1);
}


/* What stands for itself: what may be in a name, and no more. */

static void
test_bytes_of_globs(void **state)
{
    unsigned  c;

    static const char  literals[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._:@";

    (void) state;

    for (c = 0; c < 256; c++) {
        assert_int_equal(reg_glob_literal((unsigned char) c) != 0,
                         c && strchr(literals, (int) c) != NULL);
    }
}


static uint64_t  seed = 88172645463325252;


static unsigned
draw(unsigned n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;

    return (unsigned) ((seed * 2685821657736338717) >> 40) % n;
}


/* A glob said in PCRE2: '*' is [^/]*, '**' is .*, all of it is anchored. */

static pcre2_code *
translate(const char *glob)
{
    int          error;
    char         text[256], *p;
    size_t       at;
    pcre2_code  *code;

    p = text;
    p += sprintf(p, "\\A");

    while (*glob) {

        if (glob[0] == '*' && glob[1] == '*') {
            p += sprintf(p, ".*");
            glob += 2;

        } else if (glob[0] == '*') {
            p += sprintf(p, "[^/]*");
            glob++;

        } else {
            *p++ = *glob++;
        }
    }

    sprintf(p, "\\z");

    code = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED,
                         PCRE2_DOTALL, &error, &at, NULL);
    assert_non_null(code);

    return code;
}


static void
draw_glob(char *text)
{
    char      *p;
    unsigned   n;

    /* no two wildcards side by side: "***" is another test */

    p = text;

    for (n = 1 + draw(7); n > 0; n--) {

        if (draw(5) < 2 && (p == text || p[-1] != '*')) {
            *p++ = '*';

            if (draw(2)) {
                *p++ = '*';
            }

        } else {
            *p++ = "aab/"[draw(4)];
        }
    }

    *p = '\0';
}


static void
draw_name(char *text)
{
    unsigned  i, n;

    n = draw(10);

    for (i = 0; i < n; i++) {
        text[i] = "aab/"[draw(4)];
    }

    text[n] = '\0';
}


static void
test_globs_are_what_pcre2_says(void **state)
{
    int                i, j, expected, matches;
    char               text[32], name[16];
    reg_error_t        error;
    pcre2_code        *code;
    reg_pattern_t     *pattern;
    pcre2_match_data  *data;

    (void) state;

    matches = 0;
    data = pcre2_match_data_create(1, NULL);

    for (i = 0; i < PAIRS / NAMES_OF_ONE; i++) {
        draw_glob(text);

        code = translate(text);

        assert_int_equal(reg_pattern_compile(&pattern, reg_str(text),
                                             REG_STR_NULL, &error),
                         REG_OK);

        for (j = 0; j < NAMES_OF_ONE; j++) {
            draw_name(name);

            expected = pcre2_match(code, (PCRE2_SPTR) name, strlen(name), 0,
                                   0, data, NULL) >= 0;
            matches += expected;

            if (reg_pattern_match(pattern, reg_str(name)) != expected) {
                fail_msg("\"%s\" on \"%s\" is %d", text, name, !expected);
            }
        }

        reg_pattern_free(pattern);
        pcre2_code_free(code);
    }

    pcre2_match_data_free(data);

    /* both answers were seen often */

    assert_in_range(matches, PAIRS / 20, PAIRS / 2);
}


/* A matcher that goes back would need more than a lifetime for these. */

static void
test_globs_take_bounded_time(void **state)
{
    char    name[REG_PATTERN_MAX + 1];
    size_t  i;

    static const char  *patterns[] = {
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
        "**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**b",
        "**a*a**a*a**a*a**a*a**a*a**a*a**a*a**a*a/"
    };

    (void) state;

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';

    alarm(HANG);

    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        assert_int_equal(match(patterns[i], "", name), 0);
    }

    /* the same shape, and it does match: the test above is no accident */

    assert_int_equal(match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a", "", name), 1);

    alarm(0);
}


/*
 * What meets a limit is no match, even where more work would have found one:
 * PCRE2 itself, with its own limits, finds it.
 */

static void
test_expressions_take_bounded_time(void **state)
{
    int                number;
    size_t             i, at;
    char               name[REG_PATTERN_MAX + 1];
    pcre2_code        *code;
    pcre2_match_data  *data;

    static const struct {
        const char  *pattern;
        size_t       within;        /* length of a name that it matches */
        size_t       beyond;        /* and of one that meets a limit */
    } cases[] = {

        /* 2^16 and 2^18 ways to go back: the match limit */

        { "~^(?:a?){16}a{16}$", 32, 16 },
        { "~^(?:a?){18}a{18}$", 36, 18 },

        /* four steps deeper for each byte: the depth limit */

        { "~^(?:(?:(?:a|b)|c)|d)*$", 240, 255 }
    };

    (void) state;

    data = pcre2_match_data_create(1, NULL);
    memset(name, 'a', sizeof(name));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name[cases[i].within] = '\0';
        assert_int_equal(match(cases[i].pattern, "", name), 1);
        name[cases[i].within] = 'a';

        name[cases[i].beyond] = '\0';
        assert_int_equal(match(cases[i].pattern, "", name), 0);

        code = pcre2_compile((PCRE2_SPTR) cases[i].pattern + 1,
                             PCRE2_ZERO_TERMINATED, 0, &number, &at, NULL);
        assert_non_null(code);
        assert_true(pcre2_match(code, (PCRE2_SPTR) name, strlen(name), 0, 0,
                                data, NULL) >= 0);
        pcre2_code_free(code);

        name[cases[i].beyond] = 'a';
    }

    pcre2_match_data_free(data);

    /* and an author cannot raise the limits */

    name[16] = '\0';
    assert_int_equal(match("~(*LIMIT_MATCH=4000000000)^(?:a?){16}a{16}$", "",
                           name), 0);

    /* more ways than anybody could wait for */

    name[16] = 'a';
    name[255] = '\0';

    alarm(HANG);
    assert_int_equal(match("~^(a|aa)+$(?<=b)", "", name), 0);
    alarm(0);
}


static void
test_out_of_memory(void **state)
{
    size_t          i;
    reg_rc_t        rc;
    unsigned long   n;
    reg_error_t     error;
    reg_pattern_t  *pattern;

    static const struct {
        const char     *text;
        unsigned long   allocations;
    } cases[] = {
        { "acme/app", 1 },
        { "{tenant}/*-**", 1 },

        /* the pattern, and the least that PCRE2 takes */

        { "~^{tenant}/(dev|qa)-", 5 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        for (n = 1; /* void */ ; n++) {
            wrap_malloc_arm(n);

            rc = reg_pattern_compile(&pattern, reg_str(cases[i].text),
                                     REG_STR("acme"), &error);

            if (!wrap_malloc_disarm()) {
                break;
            }

            assert_int_equal(rc, REG_NOMEM);
        }

        assert_int_equal(rc, REG_OK);
        assert_true(n > cases[i].allocations);

        reg_pattern_free(pattern);
    }
}


static void
test_out_of_memory_is_no_match(void **state)
{
    unsigned long   n;
    reg_pattern_t  *pattern;

    (void) state;

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("~^a"),
                                         REG_STR_NULL, NULL),
                     REG_OK);

    for (n = 1; /* void */ ; n++) {
        wrap_malloc_arm(n);

        if (reg_pattern_match(pattern, REG_STR("ab"))) {
            assert_false(wrap_malloc_disarm());
            break;
        }

        assert_true(wrap_malloc_disarm());
    }

    assert_true(n > 1);

    reg_pattern_free(pattern);

    /* globs take none */

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("*/b*"),
                                         REG_STR_NULL, NULL),
                     REG_OK);

    wrap_malloc_arm(1);
    assert_int_equal(reg_pattern_match(pattern, REG_STR("a/bc")), 1);
    assert_false(wrap_malloc_disarm());

    reg_pattern_free(pattern);
}


static void
test_nothing_is_borrowed(void **state)
{
    char            text[] = "{tenant}/*-x", tenant[] = "acme";
    reg_pattern_t  *pattern;

    (void) state;

    assert_int_equal(reg_pattern_compile(&pattern, reg_str(text),
                                         reg_str(tenant), NULL),
                     REG_OK);

    memset(text, '*', sizeof(text));
    memset(tenant, '*', sizeof(tenant));

    assert_int_equal(reg_pattern_match(pattern, REG_STR("acme/a-x")), 1);
    assert_int_equal(reg_pattern_match(pattern, REG_STR("acme/a-y")), 0);

    reg_pattern_free(pattern);
    reg_pattern_free(NULL);
}


/* What stands behind a slice is not of the pattern. */

static void
test_a_pattern_ends_where_its_slice_ends(void **state)
{
    reg_str_t       text;
    reg_pattern_t  *pattern;

    (void) state;

    text = REG_STR("a***");
    text.len = 2;

    assert_int_equal(reg_pattern_compile(&pattern, text, REG_STR_NULL, NULL),
                     REG_OK);

    assert_int_equal(reg_pattern_match(pattern, REG_STR("ab")), 1);
    assert_int_equal(reg_pattern_match(pattern, REG_STR("a/b")), 0);

    reg_pattern_free(pattern);
}


static void
test_the_literal_beginning_of_a_glob(void **state)
{
    size_t      i;
    reg_glob_t  glob;

    static const struct {
        const char  *text;
        size_t       n;
        size_t       literal;
        size_t       wildcards;
    } cases[] = {
        { "acme/app", 8, 8, 0 },
        { "acme/*", 6, 5, 1 },
        { "{tenant}/**/app-*", 12, 5, 2 },
        { "*/app", 5, 0, 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(reg_glob_compile(&glob, reg_str(cases[i].text),
                                          REG_STR("acme"), NULL),
                         REG_OK);

        assert_int_equal(glob.n, cases[i].n);
        assert_int_equal(glob.literal, cases[i].literal);
        assert_int_equal(glob.wildcards, cases[i].wildcards);
    }
}


static void
test_names_are_any_bytes(void **state)
{
    reg_pattern_t  *pattern;

    (void) state;

    /* names of the two wildcard tokens must not pass for them */

    assert_int_equal(match("a*c", "", "a\x02" "c"), 1);
    assert_int_equal(match("a*c", "", "a\x01/c"), 0);
    assert_int_equal(match("abc", "", "a\x01" "c"), 0);

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("a*"),
                                         REG_STR_NULL, NULL),
                     REG_OK);
    assert_int_equal(reg_pattern_match(pattern, REG_STR("a\0b")), 1);
    assert_int_equal(reg_pattern_match(pattern, REG_STR("a\0/")), 0);
    assert_int_equal(reg_pattern_match(pattern, REG_STR_NULL), 0);
    reg_pattern_free(pattern);

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("*"),
                                         REG_STR_NULL, NULL),
                     REG_OK);
    assert_int_equal(reg_pattern_match(pattern, REG_STR_NULL), 1);
    reg_pattern_free(pattern);

    assert_int_equal(reg_pattern_compile(&pattern, REG_STR("~^$"),
                                         REG_STR_NULL, NULL),
                     REG_OK);
    assert_int_equal(reg_pattern_match(pattern, REG_STR_NULL), 1);
    reg_pattern_free(pattern);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_one_component),
        cmocka_unit_test(test_any_depth),
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_tenant),
        cmocka_unit_test(test_tenant_is_missing),
        cmocka_unit_test(test_unmatched),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_nul_is_invalid),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_bytes_of_globs),
        cmocka_unit_test(test_globs_are_what_pcre2_says),
        cmocka_unit_test(test_globs_take_bounded_time),
        cmocka_unit_test(test_expressions_take_bounded_time),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_out_of_memory_is_no_match),
        cmocka_unit_test(test_nothing_is_borrowed),
        cmocka_unit_test(test_a_pattern_ends_where_its_slice_ends),
        cmocka_unit_test(test_the_literal_beginning_of_a_glob),
        cmocka_unit_test(test_names_are_any_bytes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
