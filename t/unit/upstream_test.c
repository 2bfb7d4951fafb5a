/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "reg_upstream.h"

#define DIGEST  "sha256:" \
    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static const reg_str_t  hosts[] = {
    { 8, (unsigned char *) "cdn.test" },
    { 13, (unsigned char *) "blob.test:444" },
    { 5, (unsigned char *) "[::1]" }
};

static reg_upstream_t  hub = {
    .url = { 16, (unsigned char *) "https://hub.test" },
    .realm = { 23, (unsigned char *) "https://auth.test/token" },
    .hosts = hosts,
    .nhosts = 3,
    .library = 1
};

static unsigned char  buf[REG_UPSTREAM_URL_MAX];
static reg_text_t     text;


static reg_text_t *
empty(void)
{
    text = (reg_text_t) { buf, 0, sizeof(buf), 0 };

    return &text;
}


static void
assert_text(const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}


static void
test_names(void **state)
{
    reg_upstream_t  prefixed;

    (void) state;

    assert_int_equal(reg_upstream_repository(&hub, REG_STR("app"), empty()),
                     REG_OK);
    assert_text("library/app");

    assert_int_equal(reg_upstream_repository(&hub, REG_STR("a/b"), empty()),
                     REG_OK);
    assert_text("a/b");

    assert_int_equal(reg_upstream_repository(&hub, REG_STR_NULL, empty()),
                     REG_NOTFOUND);

    prefixed = hub;
    prefixed.prefix = REG_STR("mirror/hub");

    assert_int_equal(reg_upstream_repository(&prefixed,
                                             REG_STR("mirror/hub/app"),
                                             empty()),
                     REG_OK);
    assert_text("library/app");

    assert_int_equal(reg_upstream_repository(&prefixed,
                                             REG_STR("mirror/hub/a/b"),
                                             empty()),
                     REG_OK);
    assert_text("a/b");

    assert_int_equal(reg_upstream_repository(&prefixed, REG_STR("mirror/hub"),
                                             empty()),
                     REG_NOTFOUND);
    assert_int_equal(reg_upstream_repository(&prefixed,
                                             REG_STR("mirror/hubs/a"),
                                             empty()),
                     REG_NOTFOUND);
    assert_int_equal(reg_upstream_repository(&prefixed, REG_STR("a"), empty()),
                     REG_NOTFOUND);

    text = (reg_text_t) { buf, 0, 3, 0 };
    assert_int_equal(reg_upstream_repository(&hub, REG_STR("a/b/c"), &text),
                     REG_INVALID);
}


static void
test_requests(void **state)
{
    size_t       i;
    reg_route_t  route;

    static const struct {
        const char  *path;
        const char  *args;
        const char  *url;
    } cases[] = {
        { "/v2/app/manifests/1", "ns=docker.io",
          "https://hub.test/v2/x/manifests/1" },
        { "/v2/app/blobs/sha256%3A44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77"
          "e8310c060f61caaff8a", "",
          "https://hub.test/v2/x/blobs/" DIGEST },
        { "/v2/app/manifests/" DIGEST, "",
          "https://hub.test/v2/x/manifests/" DIGEST },
        { "/v2/app/tags/list", "n=5&ns=q&last=a%2Fb&x=y",
          "https://hub.test/v2/x/tags/list?n=5&last=a%2Fb" },
        { "/v2/app/referrers/" DIGEST, "&&artifactType=a/b",
          "https://hub.test/v2/x/referrers/" DIGEST "?artifactType=a/b" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        assert_int_equal(reg_route_parse(&route, REG_METHOD_GET,
                                         reg_str(cases[i].path)),
                         REG_ROUTE_OK);
        assert_int_equal(reg_upstream_request(&hub, &route, REG_STR("x"),
                                              reg_str(cases[i].args), empty()),
                         REG_OK);
        assert_text(cases[i].url);
    }

    assert_int_equal(reg_route_parse(&route, REG_METHOD_GET,
                                     REG_STR("/v2/_catalog")), REG_ROUTE_OK);
    assert_int_equal(reg_upstream_request(&hub, &route, REG_STR(""),
                                          REG_STR(""), empty()),
                     REG_INVALID);
}


static void
test_questions(void **state)
{
    size_t           i;
    reg_error_t      error;
    reg_challenge_t  challenge;

    static const char *const  others[] = {
        "repository:c/d:pull", "repository:a/bc:pull", "repository:a/b",
        "repository:a/b:pull repository:c/d:pull", "aws repository:c/d:pull",
        "repository(plugin):c/d:pull,push", "repository(plugin):a/b:pull",
        "repository"
    };

    (void) state;

    challenge.realm = hub.realm;
    challenge.service = REG_STR("a service&x=y");
    challenge.scope = REG_STR("repository:a/b:pull,push");

    assert_int_equal(reg_upstream_question(&hub, &challenge, REG_STR("a/b"),
                                           empty(), &error),
                     REG_OK);
    assert_text("https://auth.test/token?service=a%20service%26x%3Dy"
                "&scope=repository:a/b:pull");

    challenge.service = REG_STR("");
    challenge.scope = REG_STR("");

    assert_int_equal(reg_upstream_question(&hub, &challenge, REG_STR("a/b"),
                                           empty(), &error),
                     REG_OK);
    assert_text("https://auth.test/token?scope=repository:a/b:pull");

    challenge.scope = REG_STR("aws");

    assert_int_equal(reg_upstream_question(&hub, &challenge, REG_STR("a/b"),
                                           empty(), &error),
                     REG_OK);
    assert_text("https://auth.test/token?scope=aws");

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        challenge.scope = reg_str(others[i]);

        assert_int_equal(reg_upstream_question(&hub, &challenge,
                                               REG_STR("a/b"), empty(),
                                               &error),
                         REG_INVALID);
    }

    challenge.scope = REG_STR("");
    challenge.realm = REG_STR("https://evil.test/token");

    assert_int_equal(reg_upstream_question(&hub, &challenge, REG_STR("a/b"),
                                           empty(), &error),
                     REG_INVALID);
    assert_string_equal(error.text, "it names the realm \"https://evil.test/"
                        "token\", which is not the one that is configured");
}


static void
test_redirects(void **state)
{
    size_t          i;
    reg_error_t     error;
    reg_upstream_t  plain;

    static const char *const  good[] = {
        "https://cdn.test/x?y=%20", "https://CDN.test:443/", "https://cdn.test",
        "https://blob.test:444/", "https://[::1]/"
    };

    static const char *const  bad[] = {
        "", "http://cdn.test/", "https://cdn.test:444/", "https://blob.test/",
        "https://evil.test/", "https://cdn.test.evil.test/", "//cdn.test/",
        "https://user@cdn.test/", "https://cdn.test@evil.test/", "x",
        "https://cdn.test\r\n/", "https://169.254.169.254/", "ftp://cdn.test/",
        "https://cdn.test\\@evil.test/", "https://hub.test/", "/\\evil.test",
        "https://cdn.test#@evil.test/", "https://[::1]:80/"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(reg_upstream_follow(&hub, hub.url, reg_str(good[i]),
                                             empty(), &error),
                         REG_OK);
        assert_text(good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(reg_upstream_follow(&hub, hub.url, reg_str(bad[i]),
                                             empty(), &error),
                         REG_INVALID);
    }

    assert_int_equal(reg_upstream_follow(&hub, REG_STR("https://cdn.test/a?b"),
                                         REG_STR("/c?d"), empty(), &error),
                     REG_OK);
    assert_text("https://cdn.test/c?d");

    plain = hub;
    plain.url = REG_STR("http://hub.test");

    assert_int_equal(reg_upstream_follow(&plain, plain.url,
                                         REG_STR("http://cdn.test/"), empty(),
                                         &error),
                     REG_OK);
    assert_int_equal(reg_upstream_follow(&plain, plain.url,
                                         REG_STR("http://cdn.test:443/"),
                                         empty(), &error),
                     REG_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_redirects)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
