/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "reg_challenge.h"


static reg_rc_t
parse(reg_challenge_t *challenge, const char *value)
{
    static unsigned char  buf[4096];

    return reg_challenge_parse(challenge, reg_str(value), buf);
}


static void
test_challenges(void **state)
{
    size_t           i;
    reg_challenge_t  challenge;

    static const struct {
        const char  *value;
        const char  *realm;
        const char  *service;
        const char  *scope;
    } cases[] = {
        { "Bearer realm=\"https://auth.docker.io/token\","
          "service=\"registry.docker.io\","
          "scope=\"repository:library/app:pull\"",
          "https://auth.docker.io/token", "registry.docker.io",
          "repository:library/app:pull" },
        { "bearer  realm = \"r\" , scope=\"a b\",error=\"invalid_token\"",
          "r", "", "a b" },
        { "Bearer realm=https://r/,service=s", "https://r/", "s", "" },
        { "Bearer realm=\"a\\\"b\\\\c\"", "a\"b\\c", "", "" },
        { "Basic realm=\"other\", Bearer realm=\"r\"", "r", "", "" },
        { "Negotiate YWJj==, Bearer realm=\"r\"", "r", "", "" },
        { "Bearer realm=\"r\",service=\"s\", Basic realm=\"other\"",
          "r", "s", "" },
        { "Basic realm=\"Bearer realm=x\", BEARER REALM=\"r\"", "r", "", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        assert_int_equal(parse(&challenge, cases[i].value), REG_OK);
        assert_true(reg_str_eq(challenge.realm, reg_str(cases[i].realm)));
        assert_true(reg_str_eq(challenge.service, reg_str(cases[i].service)));
        assert_true(reg_str_eq(challenge.scope, reg_str(cases[i].scope)));
    }
}


static void
test_no_challenges(void **state)
{
    size_t           i;
    reg_challenge_t  challenge;

    static const char *const  none[] = {
        "", " , ,", "Basic realm=\"r\"", "Negotiate", "Bearerx realm=\"r\"",
        "Basic realm=\"Bearer\""
    };

    static const char *const  bad[] = {
        "Bearer", "Bearer service=\"s\"", "Bearer realm=", "Bearer realm=\"\"",
        "Bearer realm=\"r", "Bearer realm=\"r\\", "Bearer realm=\"a\x01\"",
        "Bearer realm=\"a\xff\"", "Bearer realm=\"a\", realm=\"b\"",
        "Bearer realm=\"a\", scope=\"b\", scope=\"c\"", "Bearer \"r\"",
        "Bearer realm=\"r\" \"s\"", "(Bearer)", "Bearer realm=,service=s"
    };

    (void) state;

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(parse(&challenge, none[i]), REG_NOTFOUND);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&challenge, bad[i]), REG_INVALID);
    }
}


static reg_rc_t
grant(reg_bearer_t *bearer, const char *text)
{
    reg_error_t           error;
    static unsigned char  buf[4096];

    return reg_bearer_parse(bearer, reg_str(text), buf, &error);
}


static void
test_tokens(void **state)
{
    size_t        i;
    reg_bearer_t  bearer;

    static const struct {
        const char  *text;
        const char  *token;
        int64_t      life;
    } cases[] = {
        { "{\"token\":\"a.b.c\",\"expires_in\":300}", "a.b.c", 300 },
        { "{\"access_token\":\"x\",\"issued_at\":\"now\"}", "x", 60 },
        { "{\"token\":\"t\",\"access_token\":\"x\"}", "t", 60 },
        { "{\"token\":\"t\",\"expires_in\":-1}", "t", 0 },
        { "{\"token\":\"t\",\"expires_in\":9223372036854775807}", "t", 86400 },
        { "{\"token\":\"t\",\"expires_in\":\"300\"}", "t", 60 }
    };

    static const char *const  bad[] = {
        "", "[]", "\"token\"", "{}", "{\"token\":\"\"}", "{\"token\":1}",
        "{\"token\":\"a b\"}", "{\"token\":\"a\\r\\nX: y\"}", "<html>",
        "{\"token\":\"\\u00e4\"}", "{\"token\":\"a\"",
        "{\"token\":\"a\\u0000\"}"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(grant(&bearer, cases[i].text), REG_OK);
        assert_true(reg_str_eq(bearer.token, reg_str(cases[i].token)));
        assert_true(bearer.life == cases[i].life);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(grant(&bearer, bad[i]), REG_INVALID);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_no_challenges),
        cmocka_unit_test(test_tokens)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
