/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "random.h"
#include "reg_limit.h"

#define DIGEST  "sha256:"                                                     \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


static void
test_counts(void **state)
{
    size_t       i;
    reg_str_t    copy;
    reg_count_t  count;

    static const char  *names[] = { "pull", "push", "request",
                                     "egress" };

    static const char  *others[] = {
        "", "pulls", "pul", "Pull", "pull,push", "bytes", "pull "
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(reg_count_parse(&count, reg_str(names[i])), REG_OK);
        assert_string_equal(reg_count_name(count), names[i]);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        copy = exact_copy(reg_str(others[i]));
        assert_int_equal(reg_count_parse(&count, copy), REG_INVALID);
        free(copy.data);
    }
}


static void
test_per(void **state)
{
    size_t     i;
    unsigned   per;
    reg_str_t  copy;

    static const struct {
        const char  *text;
        const char  *name;          /* NULL: it is refused */
    } cases[] = {
        { "address", "address" },
        { "key", "key" },
        { "tenant", "tenant" },
        { "repository", "repository" },
        { "tenant,repository", "tenant,repository" },
        { "repository,tenant", "tenant,repository" },
        { "address,key", "key,address" },
        { "key,tenant", "key,tenant" },
        { "key,repository", "key,repository" },
        { "address,tenant", "tenant,address" },
        { "address,repository", "repository,address" },
        { "", NULL },
        { "ip", NULL },
        { "Tenant", NULL },
        { "tenant,", NULL },
        { ",tenant", NULL },
        { ",", NULL },
        { "tenant,tenant", NULL },
        { "tenant, repository", NULL },
        { "key,tenant,repository", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy = exact_copy(reg_str(cases[i].text));

        if (cases[i].name) {
            assert_int_equal(reg_per_parse(&per, copy), REG_OK);
            assert_string_equal(reg_per_name(per), cases[i].name);

        } else {
            assert_int_equal(reg_per_parse(&per, copy), REG_INVALID);
        }

        free(copy.data);
    }
}


/* N: nothing, S: say what is left, L: look, T: take; pull, push, request. */

static void
test_what_is_counted(void **state)
{
    size_t       i;
    char         uses[5];
    unsigned     count;
    reg_route_t  route;

    static const struct {
        const char  *method;
        const char  *path;
        const char  *uses;
    } cases[] = {
        { "GET", "/v2/", "NNTN" },
        { "HEAD", "/v2/", "NNTN" },
        { "GET", "/v2/_catalog", "NNTN" },
        { "GET", "/v2/acme/app/tags/list", "NNTN" },
        { "GET", "/v2/acme/app/manifests/1", "TNTL" },
        { "GET", "/v2/acme/app/manifests/" DIGEST, "TNTL" },
        { "HEAD", "/v2/acme/app/manifests/1", "SNTN" },
        { "PUT", "/v2/acme/app/manifests/1", "NTTN" },
        { "DELETE", "/v2/acme/app/manifests/1", "NNTN" },
        { "GET", "/v2/acme/app/blobs/" DIGEST, "NNTL" },
        { "HEAD", "/v2/acme/app/blobs/" DIGEST, "NNTN" },
        { "DELETE", "/v2/acme/app/blobs/" DIGEST, "NNTN" },
        { "POST", "/v2/acme/app/blobs/uploads/", "NLTN" },
        { "GET", "/v2/acme/app/blobs/uploads/u", "NNTN" },
        { "PATCH", "/v2/acme/app/blobs/uploads/u", "NNTN" },
        { "PUT", "/v2/acme/app/blobs/uploads/u", "NNTN" },
        { "DELETE", "/v2/acme/app/blobs/uploads/u", "NNTN" },
        { "GET", "/v2/acme/app/referrers/" DIGEST, "NNTN" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        assert_int_equal(reg_route_parse(&route,
                             reg_method_parse(reg_str(cases[i].method)),
                             reg_str(cases[i].path)), REG_ROUTE_OK);

        for (count = 0; count < 4; count++) {
            uses[count] = "NSLT"[reg_limit_use((reg_count_t) count, &route)];
        }

        uses[4] = '\0';

        assert_string_equal(uses, cases[i].uses);
    }

    memset(&route, 0, sizeof(reg_route_t));
    route.operation = REG_OP_API;

    assert_int_equal(reg_limit_use(REG_COUNT_PULL, &route), REG_USE_NONE);
    assert_int_equal(reg_limit_use(REG_COUNT_PUSH, &route), REG_USE_NONE);
    assert_int_equal(reg_limit_use(REG_COUNT_REQUEST, &route), REG_USE_TAKE);
    assert_int_equal(reg_limit_use(REG_COUNT_EGRESS, &route), REG_USE_LOOK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_per),
        cmocka_unit_test(test_what_is_counted)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
