/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>

#include "reg_route.h"
#include "grammar.h"
#include "random.h"

#define PATHS  300000               /* of the property test */

#define A64   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX   "0123456789abcdef0123456789abcdef"                              \
              "0123456789abcdef0123456789abcdef"
#define DGST  "sha256:" HEX

#define PULL    0x01
#define PUSH    0x02
#define DELETE  0x04

#define METHODS  7

#define NELTS(array)  (sizeof(array) / sizeof((array)[0]))


typedef struct {
    reg_operation_t  operation;
    unsigned         actions;
} cell_t;

typedef struct {
    const char      *path;
    reg_resource_t   resource;
    const char      *repository;
    const char      *reference;
    const char      *allow;
    cell_t           cells[METHODS];    /* as in methods[] */
} row_t;


static const struct {
    const char    *name;
    reg_method_t   method;
} methods[METHODS] = {
    { "GET", REG_METHOD_GET },
    { "HEAD", REG_METHOD_HEAD },
    { "POST", REG_METHOD_POST },
    { "PUT", REG_METHOD_PUT },
    { "PATCH", REG_METHOD_PATCH },
    { "DELETE", REG_METHOD_DELETE },
    { "OPTIONS", REG_METHOD_OTHER }
};


/*
 * Every resource with every method, from the specification and the threats:
 * { 0, 0 } is 405.
 */

static const row_t  matrix[] = {

    { "/v2/", REG_RESOURCE_PING, "", "", "GET, HEAD", {
        { REG_OP_PING, 0 },                     /* GET */
        { REG_OP_PING, 0 },                     /* HEAD */
        { 0, 0 },                               /* POST */
        { 0, 0 },                               /* PUT */
        { 0, 0 },                               /* PATCH */
        { 0, 0 },                               /* DELETE */
        { 0, 0 }                                /* any other */
    } },

    { "/v2/_catalog", REG_RESOURCE_CATALOG, "", "", "GET", {
        { REG_OP_CATALOG, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 }
    } },

    { "/v2/acme/app/tags/list", REG_RESOURCE_TAGS, "acme/app", "", "GET", {
        { REG_OP_LIST, PULL },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 }
    } },

    { "/v2/acme/app/manifests/v1.0", REG_RESOURCE_MANIFEST, "acme/app", "v1.0",
      "GET, HEAD, PUT, DELETE", {
        { REG_OP_PULL, PULL },
        { REG_OP_PULL, PULL|PUSH },
        { 0, 0 },
        { REG_OP_PUSH, PUSH },
        { 0, 0 },
        { REG_OP_DELETE, DELETE },
        { 0, 0 }
    } },

    { "/v2/acme/app/manifests/" DGST, REG_RESOURCE_MANIFEST, "acme/app", DGST,
      "GET, HEAD, PUT, DELETE", {
        { REG_OP_PULL, PULL },
        { REG_OP_PULL, PULL|PUSH },
        { 0, 0 },
        { REG_OP_PUSH, PUSH },
        { 0, 0 },
        { REG_OP_DELETE, DELETE },
        { 0, 0 }
    } },

    { "/v2/acme/app/blobs/" DGST, REG_RESOURCE_BLOB, "acme/app", DGST,
      "GET, HEAD, DELETE", {
        { REG_OP_PULL, PULL },
        { REG_OP_PULL, PULL|PUSH },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { REG_OP_DELETE, DELETE },
        { 0, 0 }
    } },

    { "/v2/acme/app/blobs/uploads/", REG_RESOURCE_UPLOADS, "acme/app", "",
      "POST", {
        { 0, 0 },
        { 0, 0 },
        { REG_OP_PUSH, PUSH },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 }
    } },

    { "/v2/acme/app/blobs/uploads/0-aZ_.=", REG_RESOURCE_UPLOAD, "acme/app",
      "0-aZ_.=", "GET, PUT, PATCH, DELETE", {
        { REG_OP_PUSH, PUSH },
        { 0, 0 },
        { 0, 0 },
        { REG_OP_PUSH, PUSH },
        { REG_OP_PUSH, PUSH },
        { REG_OP_PUSH, PUSH },
        { 0, 0 }
    } },

    { "/v2/acme/app/referrers/" DGST, REG_RESOURCE_REFERRERS, "acme/app", DGST,
      "GET", {
        { REG_OP_REFERRERS, PULL },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 },
        { 0, 0 }
    } }
};


/*
 * What Distribution's router matches, and the referrers: at most one of them
 * can be right, whichever words a name is made of.
 */

#define NAMED                                                                 \
    "\\A/v2/(?<name>" GRAMMAR_COMPONENT "(?:/" GRAMMAR_COMPONENT ")*)"

static const struct {
    reg_resource_t   resource;
    const char      *expression;
} routes[] = {
    { REG_RESOURCE_PING, "\\A/v2/\\z" },
    { REG_RESOURCE_CATALOG, "\\A/v2/_catalog\\z" },
    { REG_RESOURCE_TAGS, NAMED "/tags/list\\z" },
    { REG_RESOURCE_MANIFEST, NAMED "/manifests/(?<reference>" GRAMMAR_TAG "|"
                             GRAMMAR_RAW_DIGEST ")\\z" },
    { REG_RESOURCE_BLOB, NAMED "/blobs/(?<reference>" GRAMMAR_RAW_DIGEST
                         ")\\z" },
    { REG_RESOURCE_UPLOADS, NAMED "/blobs/uploads/\\z" },
    { REG_RESOURCE_UPLOAD, NAMED "/blobs/uploads/"
                           "(?<reference>(?!\\.\\.?\\z)"
                           "[a-zA-Z0-9_.=-]{1,255})\\z" },
    { REG_RESOURCE_REFERRERS, NAMED "/referrers/(?<reference>"
                              GRAMMAR_RAW_DIGEST ")\\z" }
};

/* a form that might be forwarded, whatever is wrong with it */

#define SEGMENT  "(?!\\.\\.?(?:/|\\z))[A-Za-z0-9._:=-]+"

static const char  canonical_expression[] =
    "\\A(?:/(?:" SEGMENT "(?:/" SEGMENT ")*)?"
    "|/v2/(?:" SEGMENT "/)+blobs/uploads/)\\z";

/* the specification has no word for an upload id that is not one */

static const char  upload_expression[] = NAMED "/blobs/uploads/[^/]+\\z";

static grammar_t  route_grammars[NELTS(routes)];
static grammar_t  canonical_grammar;
static grammar_t  upload_grammar;


static int
setup(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < NELTS(routes); i++) {
        route_grammars[i] = grammar_compile(routes[i].expression);
    }

    canonical_grammar = grammar_compile(canonical_expression);
    upload_grammar = grammar_compile(upload_expression);

    return 0;
}


static int
teardown(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < NELTS(routes); i++) {
        grammar_free(&route_grammars[i]);
    }

    grammar_free(&canonical_grammar);
    grammar_free(&upload_grammar);

    return 0;
}


static void
check_slice(reg_str_t slice, reg_str_t path, const char *expected)
{
    if (slice.len != strlen(expected)
        || (slice.len && memcmp(slice.data, expected, slice.len) != 0))
    {
        fail_msg("\"%.*s\" holds \"%.*s\", not \"%s\"", REG_FMT(path),
                 REG_FMT(slice), expected);
    }

    if (slice.len) {
        assert_true(slice.data >= path.data
                    && slice.data + slice.len <= path.data + path.len);
    }
}


/* Nothing of a route that is refused can be used by mistake. */

static void
check_refused(const reg_route_t *route, reg_method_t method,
    reg_resource_t resource)
{
    assert_int_equal(route->method, method);
    assert_int_equal(route->resource, resource);
    assert_int_equal(route->operation, REG_OP_NONE);
    assert_int_equal(route->actions, 0);
    assert_int_equal(route->repository.len, 0);
    assert_null(route->repository.data);
    assert_int_equal(route->reference.len, 0);
    assert_null(route->reference.data);
    assert_int_equal(route->digest.algorithm.len, 0);
    assert_null(route->digest.algorithm.data);
    assert_int_equal(route->digest.encoded.len, 0);
    assert_null(route->digest.encoded.data);
}


static void
check_rc(reg_str_t path, reg_route_rc_t expected)
{
    size_t          i;
    reg_str_t       copy;
    reg_route_t     route;
    reg_route_rc_t  rc;

    copy = exact_copy(path);

    /* whatever the method: what is wrong with a path comes before a 405 */

    for (i = 0; i < METHODS; i++) {

        memset(&route, 0xaa, sizeof(route));
        rc = reg_route_parse(&route, methods[i].method, copy);

        if (rc != expected) {
            fail_msg("%s \"%.*s\" is %d, not %d", methods[i].name,
                     REG_FMT(path), (int) rc, (int) expected);
        }

        check_refused(&route, methods[i].method, REG_RESOURCE_NONE);
    }

    free(copy.data);
}


static void
test_methods(void **state)
{
    size_t     i;
    reg_str_t  copy;

    static const char  *others[] = {
        "", "G", "GE", "GETT", "get", "Get", "GET ", " GET", "HEAd", "PUTT",
        "POSTS", "PATCh", "DELETED", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
        "MKCOL", "LINK", "UNKNOWN", "G\0T"
    };

    (void) state;

    for (i = 0; i < METHODS; i++) {
        copy = exact_copy(reg_str(methods[i].name));
        assert_int_equal(reg_method_parse(copy), methods[i].method);
        free(copy.data);
    }

    for (i = 0; i < NELTS(others); i++) {
        copy = exact_copy(reg_str(others[i]));
        assert_int_equal(reg_method_parse(copy), REG_METHOD_OTHER);
        free(copy.data);
    }

    assert_int_equal(reg_method_parse(REG_STR("GET\0")), REG_METHOD_OTHER);
    assert_int_equal(reg_method_parse(REG_STR_NULL), REG_METHOD_OTHER);
}


static void
test_every_method_on_every_resource(void **state)
{
    char             allow[64];
    size_t           i, m;
    unsigned         resources;
    reg_str_t        path;
    const row_t     *row;
    reg_route_t      route;
    reg_route_rc_t   rc;

    (void) state;

    resources = 0;

    for (i = 0; i < NELTS(matrix); i++) {

        row = &matrix[i];
        path = exact_copy(reg_str(row->path));
        resources |= 1u << row->resource;
        allow[0] = '\0';

        for (m = 0; m < METHODS; m++) {

            memset(&route, 0xaa, sizeof(route));
            rc = reg_route_parse(&route, methods[m].method, path);

            if (row->cells[m].operation == REG_OP_NONE) {
                assert_int_equal(rc, REG_ROUTE_METHOD);
                check_refused(&route, methods[m].method, row->resource);
                continue;
            }

            assert_int_equal(rc, REG_ROUTE_OK);
            assert_int_equal(route.method, methods[m].method);
            assert_int_equal(route.resource, row->resource);
            assert_int_equal(route.operation, row->cells[m].operation);
            assert_int_equal(route.actions, row->cells[m].actions);
            check_slice(route.repository, path, row->repository);
            check_slice(route.reference, path, row->reference);

            if (strcmp(row->reference, DGST) == 0) {
                check_slice(route.digest.algorithm, path, "sha256");
                check_slice(route.digest.encoded, path, HEX);

            } else {
                assert_int_equal(route.digest.algorithm.len, 0);
                assert_int_equal(route.digest.encoded.len, 0);
            }

            strcat(allow, allow[0] ? ", " : "");
            strcat(allow, methods[m].name);
        }

        /* Allow is what the row says, and what the cells say */

        assert_string_equal(reg_route_methods(row->resource), row->allow);
        assert_string_equal(allow, row->allow);

        free(path.data);
    }

    /* none is missing from the table above */

    assert_int_equal(resources, 0x1fe);
    assert_int_equal(REG_RESOURCE_REFERRERS, 8);
    assert_string_equal(reg_route_methods(REG_RESOURCE_NONE), "");
}


static void
test_operation_names(void **state)
{
    (void) state;

    assert_string_equal(reg_operation_name(REG_OP_NONE), "-");
    assert_string_equal(reg_operation_name(REG_OP_PING), "ping");
    assert_string_equal(reg_operation_name(REG_OP_PULL), "pull");
    assert_string_equal(reg_operation_name(REG_OP_PUSH), "push");
    assert_string_equal(reg_operation_name(REG_OP_MOUNT), "mount");
    assert_string_equal(reg_operation_name(REG_OP_DELETE), "delete");
    assert_string_equal(reg_operation_name(REG_OP_LIST), "list");
    assert_string_equal(reg_operation_name(REG_OP_CATALOG), "catalog");
    assert_string_equal(reg_operation_name(REG_OP_REFERRERS), "referrers");
    assert_string_equal(reg_operation_name(REG_OP_API), "api");
}


static void
test_digest_colon_may_be_escaped(void **state)
{
    size_t       i, j;
    reg_str_t    path;
    reg_route_t  route;

    static const char  *kinds[] = { "manifests", "blobs", "referrers" };
    static const struct {
        const char  *reference;
        const char  *algorithm;
        const char  *encoded;
    } cases[] = {
        { "sha256:" HEX, "sha256", HEX },
        { "sha256%3A" HEX, "sha256", HEX },
        { "sha256%3a" HEX, "sha256", HEX },
        { "sha512:" HEX HEX, "sha512", HEX HEX },
        { "sha512%3A" HEX HEX, "sha512", HEX HEX },
        { "sha512%3a" HEX HEX, "sha512", HEX HEX }
    };

    char  text[256];

    (void) state;

    for (i = 0; i < NELTS(kinds); i++) {
        for (j = 0; j < NELTS(cases); j++) {

            (void) snprintf(text, sizeof(text), "/v2/a/%s/%s", kinds[i],
                            cases[j].reference);
            path = exact_copy(reg_str(text));

            assert_int_equal(reg_route_parse(&route, REG_METHOD_GET, path),
                             REG_ROUTE_OK);
            check_slice(route.repository, path, "a");
            check_slice(route.reference, path, cases[j].reference);
            check_slice(route.digest.algorithm, path, cases[j].algorithm);
            check_slice(route.digest.encoded, path, cases[j].encoded);

            free(path.data);
        }
    }
}


static void
test_ambiguous_names(void **state)
{
    size_t       i;
    reg_str_t    path;
    reg_route_t  route;

    static const struct {
        const char      *path;
        reg_resource_t   resource;
        const char      *repository;
        const char      *reference;
    } cases[] = {
        { "/v2/manifests/manifests/manifests", REG_RESOURCE_MANIFEST,
          "manifests", "manifests" },
        { "/v2/manifests/manifests/manifests/manifests", REG_RESOURCE_MANIFEST,
          "manifests/manifests", "manifests" },
        { "/v2/a/manifests/tags/manifests/list", REG_RESOURCE_MANIFEST,
          "a/manifests/tags", "list" },
        { "/v2/a/manifests/1/manifests/2", REG_RESOURCE_MANIFEST,
          "a/manifests/1", "2" },
        { "/v2/a/manifests/1/blobs/" DGST, REG_RESOURCE_BLOB,
          "a/manifests/1", DGST },
        { "/v2/secret/x/manifests/1/tags/list", REG_RESOURCE_TAGS,
          "secret/x/manifests/1", "" },
        { "/v2/a/blobs/uploads/manifests/1", REG_RESOURCE_MANIFEST,
          "a/blobs/uploads", "1" },
        { "/v2/a/blobs/uploads/blobs/uploads/", REG_RESOURCE_UPLOADS,
          "a/blobs/uploads", "" },
        { "/v2/a/blobs/uploads/blobs/uploads/uploads", REG_RESOURCE_UPLOAD,
          "a/blobs/uploads", "uploads" },
        { "/v2/blobs/uploads/blobs/uploads/blobs", REG_RESOURCE_UPLOAD,
          "blobs/uploads", "blobs" },
        { "/v2/blobs/uploads/tags/list", REG_RESOURCE_TAGS,
          "blobs/uploads", "" },
        { "/v2/a/blobs/uploads/blobs/" DGST, REG_RESOURCE_BLOB,
          "a/blobs/uploads", DGST },
        { "/v2/blobs/blobs/" DGST, REG_RESOURCE_BLOB, "blobs", DGST },
        { "/v2/a/uploads/blobs/uploads/x", REG_RESOURCE_UPLOAD,
          "a/uploads", "x" },
        { "/v2/tags/tags/list", REG_RESOURCE_TAGS, "tags", "" },
        { "/v2/tags/list/tags/list", REG_RESOURCE_TAGS, "tags/list", "" },
        { "/v2/list/tags/list", REG_RESOURCE_TAGS, "list", "" },
        { "/v2/a/tags/list/manifests/list", REG_RESOURCE_MANIFEST,
          "a/tags/list", "list" },
        { "/v2/manifests/tags/list", REG_RESOURCE_TAGS, "manifests", "" },
        { "/v2/referrers/referrers/" DGST, REG_RESOURCE_REFERRERS,
          "referrers", DGST },
        { "/v2/a/referrers/manifests/_catalog", REG_RESOURCE_MANIFEST,
          "a/referrers", "_catalog" },
        { "/v2/v2/manifests/v2", REG_RESOURCE_MANIFEST, "v2", "v2" },
        { "/v2/v2/v2/tags/list", REG_RESOURCE_TAGS, "v2/v2", "" },
        { "/v2/catalog/manifests/1", REG_RESOURCE_MANIFEST, "catalog", "1" }
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {

        path = exact_copy(reg_str(cases[i].path));

        assert_int_equal(reg_route_parse(&route,
                                         cases[i].resource
                                         == REG_RESOURCE_UPLOADS
                                         ? REG_METHOD_POST : REG_METHOD_GET,
                                         path),
                         REG_ROUTE_OK);
        assert_int_equal(route.resource, cases[i].resource);
        check_slice(route.repository, path, cases[i].repository);
        check_slice(route.reference, path, cases[i].reference);

        free(path.data);
    }
}


static int
matches_named(const grammar_t *grammar, reg_str_t path)
{
    return grammar_match(grammar, path)
           && grammar_group(grammar, path, "name").len <= 255;
}


/*
 * What the expressions say of a path: every endpoint that matches it, or
 * whether it is canonical if none does.  Returns the number of endpoints.
 */

static unsigned
check_model(reg_str_t path)
{
    size_t          i, matched;
    unsigned        n;
    reg_str_t       copy, name, reference;
    reg_route_t     route;
    reg_route_rc_t  rc;

    copy = exact_copy(path);
    n = 0;
    matched = 0;

    for (i = 0; i < NELTS(routes); i++) {
        if (matches_named(&route_grammars[i], copy)) {
            matched = i;
            n++;
        }
    }

    rc = reg_route_parse(&route, REG_METHOD_GET, copy);

    if (n == 1) {

        if (routes[matched].resource == REG_RESOURCE_UPLOADS) {
            assert_int_equal(rc, REG_ROUTE_METHOD);
            rc = reg_route_parse(&route, REG_METHOD_POST, copy);
        }

        if (rc != REG_ROUTE_OK || route.resource != routes[matched].resource) {
            fail_msg("\"%.*s\" is %d, resource %d", REG_FMT(path), (int) rc,
                     (int) route.resource);
        }

        name = grammar_group(&route_grammars[matched], copy, "name");
        reference = grammar_group(&route_grammars[matched], copy, "reference");

        assert_int_equal(route.repository.len, name.len);
        assert_ptr_equal(route.repository.data, name.data);
        assert_int_equal(route.reference.len, reference.len);
        assert_ptr_equal(route.reference.data, reference.data);

    } else if (n == 0) {

        if (rc == REG_ROUTE_OK || rc == REG_ROUTE_METHOD
            || rc == REG_ROUTE_QUERY_INVALID
            || (rc != REG_ROUTE_NOT_CANONICAL)
               != (grammar_match(&canonical_grammar, copy)
                   && !matches_named(&upload_grammar, copy)))
        {
            fail_msg("\"%.*s\" is %d", REG_FMT(path), (int) rc);
        }

        check_refused(&route, REG_METHOD_GET, REG_RESOURCE_NONE);

    } else {
        fail_msg("\"%.*s\" matches %u expressions", REG_FMT(path), n);
    }

    free(copy.data);

    return n;
}


/* All paths of up to five of these words, without and with a last slash. */

static void
test_every_path_of_reserved_words(void **state)
{
    char      text[256], *p;
    size_t    i, n, depth, count;
    unsigned  good;

    static const char  *words[] = {
        "blobs", "manifests", "tags", "uploads", "referrers", "list", "a"
    };

    (void) state;

    good = 0;
    count = 1;

    for (depth = 1; depth <= (rounds(5) < 5 ? 3 : 5); depth++) {

        count *= NELTS(words);

        for (i = 0; i < count; i++) {

            p = stpcpy(text, "/v2");

            for (n = i; (size_t) (p - text) < sizeof(text); n /= NELTS(words)) {
                *p++ = '/';
                p = stpcpy(p, words[n % NELTS(words)]);

                if (n / NELTS(words) == 0) {
                    break;
                }
            }

            good += check_model(reg_str(text));

            *p++ = '/';
            *p = '\0';
            good += check_model(reg_str(text));
        }
    }

    assert_int_not_equal(good, 0);
}


/* Paths put together from pieces that mean something to the router. */

static void
test_random_paths_are_what_the_grammars_say(void **state)
{
    size_t          i, n;
    unsigned        good;
    reg_str_t       path;
    const char     *piece;
    unsigned char   buf[2048];

    static const char  *pieces[] = {
        "/", "/", "/", "/", "/", "/v2/", "v2", "a", "b0", "A", "acme/app",
        "/manifests/", "/blobs/", "/blobs/uploads/", "/tags/list", "/tags/",
        "/referrers/", "_catalog", "blobs", "uploads", "manifests", "tags",
        "list", "latest", "sha256", "sha512", ":", "%3A", "%3a", "%2F", "%",
        HEX, DGST, "sha256%3A" HEX, "sha512:" HEX HEX, ".", "..", "-", "_",
        "__", "=", ";", "\\", "\x80", A64, A64 A64
    };

    (void) state;

    good = 0;

    for (i = 0; i < rounds(PATHS); i++) {

        path.data = buf;
        path.len = 0;

        /* most begin as they should, or nothing would be deep enough */

        if (random_below(8)) {
            memcpy(buf, "/v2/a", 5);
            path.len = 5;
        }

        for (n = random_below(7); n; n--) {
            piece = pieces[random_below(NELTS(pieces))];
            memcpy(buf + path.len, piece, strlen(piece));
            path.len += strlen(piece);
        }

        good += check_model(path);
    }

    assert_in_range(good, i / 100, i);
}


/* Any byte put in, put in place of another, or left out, anywhere. */

static void
test_every_byte_at_every_place(void **state)
{
    size_t         i, j, len;
    unsigned       c, good, step;
    unsigned char  buf[256];

    (void) state;

    good = 0;
    step = 256 / (unsigned) rounds(256);

    for (i = 0; i < NELTS(matrix); i++) {

        len = strlen(matrix[i].path);

        for (j = 0; j <= len; j++) {

            /* the hexadecimal digits are all alike */

            if (j > 40 && j + 2 < len) {
                continue;
            }

            for (c = 0; c < 256; c += step) {

                memcpy(buf, matrix[i].path, j);
                buf[j] = (unsigned char) c;
                memcpy(buf + j + 1, matrix[i].path + j, len - j);
                good += check_model((reg_str_t) { len + 1, buf });

                if (j < len) {
                    memcpy(buf + j + 1, matrix[i].path + j + 1, len - j - 1);
                    good += check_model((reg_str_t) { len, buf });
                }
            }

            if (j < len) {
                memcpy(buf + j, matrix[i].path + j + 1, len - j - 1);
                good += check_model((reg_str_t) { len - 1, buf });
            }

            /* and whatever it is cut short to */

            good += check_model((reg_str_t) { j, buf });
        }
    }

    assert_int_not_equal(good, 0);
}


/* An escape of any byte, in either case, in place of that byte or put in. */

static void
test_no_escape_but_of_the_colon(void **state)
{
    char         hex[4], text[256];
    size_t       i, j, len, upper;
    unsigned     c, step;
    const char  *path;

    (void) state;

    step = 256 / (unsigned) rounds(256);

    for (i = 0; i < NELTS(matrix); i++) {

        path = matrix[i].path;
        len = strlen(path);

        for (j = 0; j <= len; j++) {
            for (upper = 0; upper < 2; upper++) {

                for (c = 0; c < 256; c += step) {

                    (void) snprintf(hex, sizeof(hex), upper ? "%%%02X"
                                                            : "%%%02x", c);
                    (void) snprintf(text, sizeof(text), "%.*s%s%s", (int) j,
                                    path, hex, path + j);
                    check_rc(reg_str(text), REG_ROUTE_NOT_CANONICAL);
                }

                if (j == len || path[j] == ':') {
                    continue;
                }

                (void) snprintf(hex, sizeof(hex), upper ? "%%%02X" : "%%%02x",
                                (unsigned) path[j]);
                (void) snprintf(text, sizeof(text), "%.*s%s%s", (int) j,
                                path, hex, path + j + 1);
                check_rc(reg_str(text), REG_ROUTE_NOT_CANONICAL);
            }
        }
    }
}


static void
test_not_canonical(void **state)
{
    size_t  i;

    static const char  *cases[] = {

        /* no path at all */
        "", "*", "v2/", "v2/a/tags/list", "?", "http://a/v2/", " /v2/",

        /* empty components */
        "//", "//v2/", "/v2//", "/v2///", "//v2/a/tags/list",
        "/v2//a/tags/list", "/v2/a//b/tags/list", "/v2/a//tags/list",
        "/v2/a/tags//list", "/v2/a/tags/list//", "/v2/a/manifests//",
        "/v2/a/manifests//latest", "/v2/a/blobs//uploads/",
        "/v2/a/blobs/uploads//", "/v2/a/blobs/uploads//x", "/v2//_catalog",
        "/v2/_catalog//",

        /* components of dots */
        "/.", "/..", "/./", "/../", "/./v2/", "/../v2/", "/v2/.", "/v2/..",
        "/v2/./", "/v2/../", "/v2/../v2/", "/v2/./a/tags/list",
        "/v2/../a/tags/list", "/v2/a/./b/tags/list", "/v2/a/../b/tags/list",
        "/v2/a/tags/./list", "/v2/a/tags/../tags/list", "/v2/a/tags/list/.",
        "/v2/a/tags/list/..", "/v2/a/manifests/.", "/v2/a/manifests/..",
        "/v2/a/manifests/1/../2", "/v2/a/blobs/..", "/v2/a/blobs/uploads/.",
        "/v2/a/blobs/uploads/..", "/v2/a/blobs/uploads/x/..",
        "/v2/a/blobs/../manifests/1", "/v2/a/referrers/.", "/v2/./_catalog",
        "/v2/_catalog/.", "/../../etc/passwd", "/v2/a/manifests/1/.",

        /* a slash where none belongs */
        "/v2/a/", "/v2/a/tags/", "/v2/a/tags/list/", "/v2/_catalog/",
        "/v2/a/manifests/", "/v2/a/manifests/latest/",
        "/v2/a/manifests/" DGST "/", "/v2/a/blobs/", "/v2/a/blobs/" DGST "/",
        "/v2/a/blobs/uploads/x/", "/v2/blobs/uploads/", "/v2/uploads/",
        "/v2/a/uploads/", "/v2/a/referrers/" DGST "/", "/V2/", "/v1/", "/a/",
        "/v2/v2/", "/v22/",

        /* other escapes, and the colon's elsewhere */
        "/v2/a/manifests/sha256%253A" HEX, "/v2/a/manifests/sha256%3B" HEX,
        "/v2/a/blobs/sha256%3a%3a" HEX, "/v2/a/blobs/sha256:%3A" HEX,
        "/v2/a%3Ab/blobs/" DGST, "/v2/a%3A5000/b/blobs/sha256%3A" HEX,
        "/v2/a/manifests/a%3Ab", "/v2/a/blobs/uploads/%3A",
        "/v2/a/blobs/uploads/a%3D", "/v2/%5Fcatalog", "/v2/a%2Ftags/list",
        "/v2/a/tags%2flist", "/v2%2F", "/%76%32/", "/v2/%2e%2e/a/tags/list",
        "/v2/a/manifests/%6catest", "/v2/a/manifests/latest%00",
        "/v2/a/manifests/latest%", "/v2/a/manifests/latest%2",
        "/v2/a/manifests/%zz", "/v2/a/manifests/%u0041",
        "/v2/a/blobs/sha256%3A" HEX "%30", "/v2/a/blobs/sha256%3A",
        "/v2/a/blobs/sha256%3A" HEX "0", "/v2/a/blobs/sha384%3A" HEX,
        "/v2/a/referrers/sha256%3A%3A" HEX,

        /* bytes that mean something to somebody */
        "/v2/a;b/tags/list", "/v2/a/tags/list;", "/v2/a/tags;x=1/list",
        "/v2/a/manifests/1;.json", "/v2/a\\b/tags/list", "/v2\\a\\tags\\list",
        "/v2/a/manifests/..\\1", "/v2/a/tags/list#", "/v2/#/a/tags/list",
        "/v2/a/tags/list?", "/v2/a?b/tags/list", "/v2/a/manifests/1 ",
        "/v2/a/manifests/1+2", "/v2/a/manifests/1@" DGST, "/v2/a,b/tags/list",
        "/v2/a/manifests/~1", "/v2/a/manifests/*", "/v2/a/manifests/{a}",
        "/v2/a/manifests/'1'", "/v2/a/manifests/\"1\"", "/v2/a/manifests/<1>",
        "/v2/a/manifests/1&2", "/v2/a/manifests/$1", "/v2/a/manifests/!",
        "/v2/a/manifests/(1)", "/v2/a/manifests/[1]", "/v2/a/manifests/1|2",
        "/v2/a/manifests/1^2", "/v2/a/manifests/`1`",

        /* bytes that mean nothing to anybody */
        "/v2/a/manifests/\x01", "/v2/a/manifests/1\t", "/v2/a/manifests/1\r\n",
        "/v2/a/tags/list\n", "/v2/a\x1f/tags/list", "/v2/a\x7f/tags/list",
        "/v2/a\x80/tags/list", "/v2/\xc3\xa9/tags/list", "/v2/a/tags/list\xff",
        "/v2/a/manifests/\xc0\xae\xc0\xae", "/\xef\xbc\x8fv2/",

        /* an upload id has no more than these letters, and 255 of them */
        "/v2/a/blobs/uploads/a:b",
        "/v2/a/blobs/uploads/" A64 A64 A64 A64
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {
        check_rc(reg_str(cases[i]), REG_ROUTE_NOT_CANONICAL);
    }

    check_rc(REG_STR_NULL, REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("\0"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/\0"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a\0/tags/list"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a/tags/list\0"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a/manifests/latest\0.json"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a/blobs/" DGST "\0"), REG_ROUTE_NOT_CANONICAL);
}


static void
test_unknown(void **state)
{
    size_t  i;

    static const char  *cases[] = {
        "/", "/v", "/v2", "/V2", "/v1", "/v2a", "/a", "/a/b", "/v1/_catalog",
        "/v3/a/tags/list", "/V2/a/tags/list", "/v2.0/a/tags/list",
        "/v2/a", "/v2/a/b", "/v2/a/b/c", "/v2/_Catalog", "/v2/catalog",
        "/v2/_catalog/a", "/v2/a/_catalog", "/v2/_catalog/_catalog",
        "/v2/a/tags", "/v2/a/tags/lists", "/v2/a/tags/List", "/v2/a/tags/a",
        "/v2/a/Tags/list", "/v2/a/list", "/v2/tags/list", "/v2/list",
        "/v2/manifests/latest", "/v2/manifests", "/v2/a/manifest/latest",
        "/v2/a/Manifests/latest", "/v2/blobs/" DGST, "/v2/a/blob/" DGST,
        "/v2/a/blobs/" DGST "/x", "/v2/a/manifests/latest/x",
        "/v2/blobs/uploads/x", "/v2/a/uploads/x", "/v2/a/Blobs/uploads/x",
        "/v2/a/blobs/Uploads/x", "/v2/a/blobs/uploads/x/y",
        "/v2/a/blobs/uploads/uploads/x", "/v2/referrers/" DGST,
        "/v2/a/referrer/" DGST, "/v2/a/signatures/" DGST, "/v2/token",
        "/v2/...", "/v2/a/...", "/v2/a:b", "/v2/a=b", "/v2/A/B"
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {
        check_rc(reg_str(cases[i]), REG_ROUTE_UNKNOWN);
    }
}


static void
test_invalid_names(void **state)
{
    char    text[512];
    size_t  i, j;

    static const char  *names[] = {
        "A", "Acme/app", "a/B", "a.", ".a", "...", "a/...", "a..b", "a_", "_a",
        "a___b", "-a", "a-", "a/-", "_catalog", "a:5000/b", "a=b", ":", "=",
        A64 A64 A64 A64
    };

    static const char  *suffixes[] = {
        "/tags/list", "/manifests/latest", "/manifests/" DGST,
        "/blobs/" DGST, "/blobs/uploads/", "/blobs/uploads/x",
        "/referrers/" DGST,

        /* the name is judged before the reference */
        "/manifests/.1", "/blobs/latest", "/referrers/latest"
    };

    (void) state;

    for (i = 0; i < NELTS(names); i++) {
        for (j = 0; j < NELTS(suffixes); j++) {

            (void) snprintf(text, sizeof(text), "/v2/%s%s", names[i],
                            suffixes[j]);
            check_rc(reg_str(text), REG_ROUTE_NAME_INVALID);
        }
    }
}


static void
test_invalid_references(void **state)
{
    size_t  i;

    static const char  *tags[] = {
        ".a", "-a", "...", "a=b", "=", A64 A64 "a",
        HEX "=", ".sha256-" HEX
    };

    static const char  *digests[] = {
        "sha256:", ":", "a:b", "sha256:abc", "sha256:" HEX "0", DGST ":",
        "sha256::" HEX, "sha256:" HEX HEX, "sha512:" HEX, "SHA256:" HEX,
        "sha384:" HEX, "md5:0123456789abcdef0123456789abcdef",
        "sha256:A123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
    };

    char  text[512];

    (void) state;

    for (i = 0; i < NELTS(tags); i++) {
        (void) snprintf(text, sizeof(text), "/v2/a/manifests/%s", tags[i]);
        check_rc(reg_str(text), REG_ROUTE_TAG_INVALID);

        /* there is no tag here to be invalid */

        (void) snprintf(text, sizeof(text), "/v2/a/blobs/%s", tags[i]);
        check_rc(reg_str(text), REG_ROUTE_DIGEST_INVALID);
        (void) snprintf(text, sizeof(text), "/v2/a/referrers/%s", tags[i]);
        check_rc(reg_str(text), REG_ROUTE_DIGEST_INVALID);
    }

    for (i = 0; i < NELTS(digests); i++) {
        (void) snprintf(text, sizeof(text), "/v2/a/manifests/%s", digests[i]);
        check_rc(reg_str(text), REG_ROUTE_DIGEST_INVALID);
        (void) snprintf(text, sizeof(text), "/v2/a/blobs/%s", digests[i]);
        check_rc(reg_str(text), REG_ROUTE_DIGEST_INVALID);
        (void) snprintf(text, sizeof(text), "/v2/a/referrers/%s", digests[i]);
        check_rc(reg_str(text), REG_ROUTE_DIGEST_INVALID);
    }

    check_rc(REG_STR("/v2/a/blobs/latest"), REG_ROUTE_DIGEST_INVALID);
    check_rc(REG_STR("/v2/a/blobs/uploads"), REG_ROUTE_DIGEST_INVALID);
    check_rc(REG_STR("/v2/a/referrers/latest"), REG_ROUTE_DIGEST_INVALID);
}


/* What is wrong twice is not canonical first: that is what to log. */

static void
test_not_canonical_comes_first(void **state)
{
    (void) state;

    check_rc(REG_STR("/v2/%61"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v3/a//tags"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/A/../tags/list"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/A;/tags/list"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/A//blobs/uploads/"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/A;/blobs/uploads/"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/../blobs/uploads/"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/A/blobs/uploads//"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v3/A/blobs/uploads/"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a/manifests/.a;"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a/manifests/.%61"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a/../b/blobs/latest"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/a//b/blobs/sha256:abc"), REG_ROUTE_NOT_CANONICAL);
    check_rc(REG_STR("/v2/A/blobs/sha256%3A" HEX), REG_ROUTE_NOT_CANONICAL);
}


static void
test_lengths(void **state)
{
    char         text[1024];
    size_t       name, tag;
    reg_str_t    path;
    reg_route_t  route;

    (void) state;

    for (name = 250; name <= 260; name++) {
        for (tag = 125; tag <= 130; tag++) {

            memset(text, 'a', sizeof(text));
            memcpy(text, "/v2/", 4);
            memcpy(text + 4 + name, "/manifests/", 11);

            path.data = (unsigned char *) text;
            path.len = 4 + name + 11 + tag;

            assert_int_equal(reg_route_parse(&route, REG_METHOD_GET, path),
                             name > 255 ? REG_ROUTE_NAME_INVALID
                             : tag > 128 ? REG_ROUTE_TAG_INVALID
                             : REG_ROUTE_OK);
        }
    }

    for (tag = 250; tag <= 260; tag++) {

        memset(text, 'a', sizeof(text));
        memcpy(text, "/v2/a/blobs/uploads/", 20);

        path.data = (unsigned char *) text;
        path.len = 20 + tag;

        assert_int_equal(reg_route_parse(&route, REG_METHOD_PATCH, path),
                         tag > 255 ? REG_ROUTE_NOT_CANONICAL : REG_ROUTE_OK);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_every_method_on_every_resource),
        cmocka_unit_test(test_operation_names),
        cmocka_unit_test(test_digest_colon_may_be_escaped),
        cmocka_unit_test(test_ambiguous_names),
        cmocka_unit_test(test_every_path_of_reserved_words),
        cmocka_unit_test(test_random_paths_are_what_the_grammars_say),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_no_escape_but_of_the_colon),
        cmocka_unit_test(test_not_canonical),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_invalid_names),
        cmocka_unit_test(test_invalid_references),
        cmocka_unit_test(test_not_canonical_comes_first),
        cmocka_unit_test(test_lengths)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
