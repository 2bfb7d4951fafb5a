/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "reg_token.h"


/* What is asked for, as it is understood. */

static const struct {
    const char  *asked;
    const char  *understood;
} asked[] = {
    { "repository:a/b:pull", "repository:a/b:pull" },
    { "repository:a/b:push,pull", "repository:a/b:pull,push" },
    { "repository:a/b:delete", "repository:a/b:delete" },
    { "repository:a/b:*", "repository:a/b:pull,push,delete" },
    { "repository:a/b:pull repository:c:push",
      "repository:a/b:pull repository:c:push" },

    /* clients repeat themselves, and leave too many spaces */

    { "repository:a:pull repository:a:push", "repository:a:pull,push" },
    { "  repository:a:pull   repository:b:pull ",
      "repository:a:pull repository:b:pull" },
    { "registry:catalog:* registry:catalog:*", "registry:catalog:*" },

    /* what there is not is passed over */

    { "", "" },
    { " ", "" },
    { "repository", "" },
    { "repository:", "" },
    { "repository:a", "" },
    { "repository:a:", "" },
    { "repository::pull", "" },
    { "repository:a:fly", "" },
    { "repository:a:pull,fly", "repository:a:pull" },
    { "repository:a:pull,", "repository:a:pull" },
    { "repository:A:pull", "" },
    { "repository:a/../b:pull", "" },
    { "repository:a:b:pull", "" },
    { "repository(plugin):a:pull", "" },
    { "Repository:a:pull", "" },
    { ":a:pull", "" },
    { ":", "" },
    { "::", "" },

    /* of the registry there is the catalog, and of that all or nothing */

    { "registry:catalog:*", "registry:catalog:*" },
    { "registry:catalog:pull", "" },
    { "registry:catalog:", "" },
    { "registry:catalogue:*", "" },
    { "registry:*:*", "" },
    { "repository:a:pull registry:catalog:*",
      "repository:a:pull registry:catalog:*" },

    /* words of an API are its own, and one grant each */

    { "api:search:read", "api:search:read" },
    { "api:search:read,write", "api:search:read api:search:write" },
    { "api:search:read api:search:read", "api:search:read" },
    { "api:/a/b?c=!~:GET", "api:/a/b?c=!~:GET" },
    { "api:a:b:read", "api:a:b:read" },
    { "api:*:*", "api:*:*" },
    { "api::read", "" },
    { "api:search:", "" },
    { "api:search:,", "" },
    { "api:se\x1f" "arch:read", "" },
    { "api:\tsearch:read", "" },
    { "api:search\x7f:read", "" },
    { "api:s\xc3\xa9" "arch:read", "" },
};


static void
understood(char *text, size_t size, const char *scope)
{
    reg_grants_t  grants;

    grants.n = 0;
    assert_int_equal(reg_grants_parse(&grants, reg_str(scope)), REG_OK);

    text[reg_grants_write((unsigned char *) text, size - 1, &grants)] = '\0';
}


static void
test_asked(void **state)
{
    char    text[256];
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        understood(text, sizeof(text), asked[i].asked);

        if (strcmp(text, asked[i].understood) != 0) {
            fail_msg("\"%s\" is understood as \"%s\"", asked[i].asked, text);
        }

        /* and what was understood is, once more */

        understood(text, sizeof(text), asked[i].understood);
        assert_string_equal(text, asked[i].understood);
    }
}


/* The name of an API ends where a pattern would. */

static void
test_long_names(void **state)
{
    char          text[REG_PATTERN_MAX + 16];
    size_t        len;
    reg_grants_t  grants;

    (void) state;

    for (len = REG_PATTERN_MAX - 1; len <= REG_PATTERN_MAX + 1; len++) {
        grants.n = 0;

        memcpy(text, "api:", 4);
        memset(text + 4, 'a', len);
        memcpy(text + 4 + len, ":read", 6);

        assert_int_equal(reg_grants_parse(&grants, reg_str(text)), REG_OK);
        assert_int_equal(grants.n, len <= REG_PATTERN_MAX);
    }
}


static void
test_most(void **state)
{
    char          text[64];
    size_t        i;
    reg_grants_t  grants;
    char          names[REG_GRANTS_MAX + 1][32];

    (void) state;

    grants.n = 0;

    for (i = 0; i <= REG_GRANTS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "api:a:w%zu", i);

        assert_int_equal(reg_grants_parse(&grants, reg_str(names[i])),
                         i < REG_GRANTS_MAX ? REG_OK : REG_INVALID);
    }

    assert_int_equal(grants.n, REG_GRANTS_MAX);

    /* what is there already is not one more */

    assert_int_equal(reg_grants_parse(&grants, reg_str(names[0])), REG_OK);

    snprintf(text, sizeof(text), "repository:more:pull");
    assert_int_equal(reg_grants_parse(&grants, reg_str(text)), REG_INVALID);
}


/* Of text that does not fit whole scopes are left out, the last ones. */

static void
test_short_buffer(void **state)
{
    char          buf[64];
    size_t        size, len, one, two;
    reg_grants_t  grants;

    static const char  first[] = "repository:a:pull";
    static const char  both[] = "repository:a:pull api:b:c";

    (void) state;

    grants.n = 0;
    assert_int_equal(reg_grants_parse(&grants, reg_str(both)), REG_OK);

    one = sizeof(first) - 1;
    two = sizeof(both) - 1;

    for (size = 0; size < sizeof(buf); size++) {
        memset(buf, '#', sizeof(buf));

        len = reg_grants_write((unsigned char *) buf, size, &grants);

        assert_int_equal(len, size >= two ? two : size >= one ? one : 0);
        assert_memory_equal(buf, both, len);

        /* nothing beyond its end */

        if (size < sizeof(buf)) {
            assert_int_equal(buf[size], '#');
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_short_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
