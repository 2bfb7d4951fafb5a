/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Routes.  The input is a method, a space and a path.  What comes out must be
 * what regular expressions say, those of the specification among them; the
 * model reads from the left, a path as a whole.
 */

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>
#include <stdlib.h>

#include "reg_route.h"

#define NAME    "(?<name>[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"              \
                "(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*)"
#define TAG     "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
#define DIGEST  "(?<algorithm>sha256|sha512)(?::|%3[Aa])"                     \
                "(?<encoded>(?<=sha256.|sha256...)[0-9a-f]{64}"               \
                "|(?<=sha512.|sha512...)[0-9a-f]{128})"
#define UPLOAD  "(?!\\.\\.?\\z)[A-Za-z0-9._=-]{1,255}"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

typedef struct {
    reg_resource_t   resource;
    const char      *pattern;
    pcre2_code      *code;
} model_t;

/* what a row of the specification looks like, and what it all but looks like */

static model_t  endpoints[] = {
    { REG_RESOURCE_PING,      "\\A/v2/\\z", NULL },
    { REG_RESOURCE_CATALOG,   "\\A/v2/_catalog\\z", NULL },
    { REG_RESOURCE_TAGS,      "\\A/v2/" NAME "/tags/list\\z", NULL },
    { REG_RESOURCE_MANIFEST,
      "\\A/v2/" NAME "/manifests/(?<reference>" TAG "|" DIGEST ")\\z", NULL },
    { REG_RESOURCE_BLOB,
      "\\A/v2/" NAME "/blobs/(?<reference>" DIGEST ")\\z", NULL },
    { REG_RESOURCE_UPLOADS,   "\\A/v2/" NAME "/blobs/uploads/\\z", NULL },
    { REG_RESOURCE_UPLOAD,
      "\\A/v2/" NAME "/blobs/uploads/(?<reference>" UPLOAD ")\\z", NULL },
    { REG_RESOURCE_REFERRERS,
      "\\A/v2/" NAME "/referrers/(?<reference>" DIGEST ")\\z", NULL },
    { REG_RESOURCE_NONE, NULL, NULL }
};

static model_t  shapes[] = {
    { REG_RESOURCE_TAGS,      "\\A/v2/(?<name>.+)/tags/list\\z", NULL },
    { REG_RESOURCE_MANIFEST,
      "\\A/v2/(?<name>.+)/manifests/(?<reference>[^/]+)\\z", NULL },
    { REG_RESOURCE_BLOB,
      "\\A/v2/(?<name>.+)/blobs/(?<reference>[^/]+)\\z", NULL },
    { REG_RESOURCE_UPLOADS,   "\\A/v2/(?<name>.+)/blobs/uploads/\\z", NULL },
    { REG_RESOURCE_UPLOAD,
      "\\A/v2/(?<name>.+)/blobs/uploads/(?<reference>[^/]+)\\z", NULL },
    { REG_RESOURCE_REFERRERS,
      "\\A/v2/(?<name>.+)/referrers/(?<reference>[^/]+)\\z", NULL },
    { REG_RESOURCE_NONE, NULL, NULL }
};

static model_t  words[] = {
    { REG_RESOURCE_NONE, "\\A" NAME "\\z", NULL },
    { REG_RESOURCE_NONE, "\\A" TAG "\\z", NULL },

    /* no canonical path, whatever it was meant to be */

    { REG_RESOURCE_NONE, "[^A-Za-z0-9._:=/-]|//|/\\.\\.?(?:/|\\z)|\\A(?!/)",
      NULL },

    /* the three that may end in a slash */

    { REG_RESOURCE_NONE, "[^/]\\z|\\A/\\z|\\A/v2/\\z"
                         "|\\A/v2/.+/blobs/uploads/\\z", NULL },
    { REG_RESOURCE_NONE, NULL, NULL }
};

static pcre2_match_data  *match;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
compile(model_t *models)
{
    int       error;
    size_t    offset;
    model_t  *m;

    for (m = models; m->pattern; m++) {
        m->code = pcre2_compile((PCRE2_SPTR) m->pattern, PCRE2_ZERO_TERMINATED,
                                PCRE2_DOTALL|PCRE2_DUPNAMES, &error, &offset,
                                NULL);
        CHECK(m->code != NULL);
        (void) pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE);
    }
}


static int
matches(const model_t *model, reg_str_t text)
{
    int  rc;

    rc = pcre2_match(model->code,
                     (PCRE2_SPTR) (text.len ? text.data : (PCRE2_SPTR) ""),
                     text.len, 0, 0, match, NULL);

    CHECK(rc > 0 || rc == PCRE2_ERROR_NOMATCH);

    return rc > 0;
}


static reg_str_t
group(const model_t *model, reg_str_t text, const char *name)
{
    int         first, number;
    size_t     *ovector;
    PCRE2_SPTR  entry, last;

    ovector = pcre2_get_ovector_pointer(match);
    first = pcre2_substring_nametable_scan(model->code, (PCRE2_SPTR) name,
                                           &entry, &last);

    if (first < 0) {
        return REG_STR_NULL;
    }

    number = entry[0] << 8 | entry[1];

    if (ovector[2 * number] == PCRE2_UNSET) {
        return REG_STR_NULL;
    }

    return (reg_str_t) { ovector[2 * number + 1] - ovector[2 * number],
                         text.data + ovector[2 * number] };
}


/* The same slices of the path, not only the same text. */

static int
same(reg_str_t a, reg_str_t b)
{
    return a.len == b.len && (a.len == 0 || a.data == b.data);
}


/* What is refused, and why: the reasons in their order. */

static reg_route_rc_t
expected_refusal(reg_str_t path)
{
    model_t    *m, *shape;
    reg_str_t   name, reference;

    if (matches(&words[2], path) || !matches(&words[3], path)) {
        return REG_ROUTE_NOT_CANONICAL;
    }

    shape = NULL;

    for (m = shapes; m->pattern; m++) {
        if (matches(m, path)) {
            shape = m;
            name = group(m, path, "name");
            reference = group(m, path, "reference");
        }
    }

    if (shape == NULL) {
        return REG_ROUTE_UNKNOWN;
    }

    if (name.len > 255 || !matches(&words[0], name)) {
        return REG_ROUTE_NAME_INVALID;
    }

    switch (shape->resource) {

    case REG_RESOURCE_UPLOAD:
        return REG_ROUTE_NOT_CANONICAL;

    case REG_RESOURCE_MANIFEST:
        return memchr(reference.data, ':', reference.len)
               ? REG_ROUTE_DIGEST_INVALID : REG_ROUTE_TAG_INVALID;

    default:
        return REG_ROUTE_DIGEST_INVALID;
    }
}


/* Put together again from its parts, a path is what it was. */

static void
check_assembled(const reg_route_t *route, reg_str_t path)
{
    size_t          i;
    reg_str_t       parts[4], again;
    unsigned char  *p;

    static const char *const  kinds[] = {
        [REG_RESOURCE_PING]      = "",
        [REG_RESOURCE_CATALOG]   = "_catalog",
        [REG_RESOURCE_TAGS]      = "/tags/list",
        [REG_RESOURCE_MANIFEST]  = "/manifests/",
        [REG_RESOURCE_BLOB]      = "/blobs/",
        [REG_RESOURCE_UPLOADS]   = "/blobs/uploads/",
        [REG_RESOURCE_UPLOAD]    = "/blobs/uploads/",
        [REG_RESOURCE_REFERRERS] = "/referrers/"
    };

    parts[0] = REG_STR("/v2/");
    parts[1] = route->repository;
    parts[2] = reg_str(kinds[route->resource]);
    parts[3] = route->reference;

    again.len = 0;

    for (i = 0; i < 4; i++) {
        again.len += parts[i].len;
    }

    CHECK(again.len == path.len);

    p = again.data = malloc(again.len);
    CHECK(p != NULL);

    for (i = 0; i < 4; i++) {
        if (parts[i].len) {
            memcpy(p, parts[i].data, parts[i].len);
            p += parts[i].len;
        }
    }

    CHECK(reg_str_eq(again, path));

    free(again.data);
}


/* What a path is does not depend on the method. */

static void
check_methods(reg_resource_t resource, reg_route_rc_t expected, reg_str_t path)
{
    unsigned        method, routed;
    reg_route_t     route;
    reg_route_rc_t  rc;

    routed = 0;

    for (method = REG_METHOD_OTHER; method <= REG_METHOD_DELETE; method++) {

        rc = reg_route_parse(&route, (reg_method_t) method, path);

        CHECK(route.resource == resource);
        CHECK(rc == expected || (resource != REG_RESOURCE_NONE
                                 && (rc == REG_ROUTE_OK
                                     || rc == REG_ROUTE_METHOD)));
        CHECK(method != REG_METHOD_OTHER || rc != REG_ROUTE_OK);

        routed += rc == REG_ROUTE_OK;
    }

    CHECK((routed > 0) == (resource != REG_RESOURCE_NONE));
}


static void
check_match(const model_t *m, const reg_route_t *route, reg_route_rc_t rc,
    reg_str_t path)
{
    reg_str_t  name, reference, algorithm, encoded;

    CHECK(route->resource == m->resource);

    if (rc == REG_ROUTE_METHOD) {
        return;
    }

    CHECK(rc == REG_ROUTE_OK);
    CHECK(matches(m, path));

    name = group(m, path, "name");
    reference = group(m, path, "reference");
    algorithm = group(m, path, "algorithm");
    encoded = group(m, path, "encoded");

    CHECK(same(route->repository, name));
    CHECK(same(route->reference, reference));
    CHECK(same(route->digest.algorithm, algorithm));
    CHECK(same(route->digest.encoded, encoded));
    CHECK(name.len == 0 || reg_repository_check(name) == REG_OK);
    CHECK(memchr(path.data, '%', path.len) == NULL || algorithm.len);
    check_assembled(route, path);
    CHECK(route->operation != REG_OP_NONE);
    CHECK((route->actions == 0) == (name.len == 0));
    CHECK((route->actions & ~(unsigned) (REG_ACTION_PULL|REG_ACTION_PUSH
                                         |REG_ACTION_DELETE)) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_t         *m, *found;
    reg_str_t        path, method;
    const uint8_t   *space;
    reg_route_t      route, empty;
    reg_route_rc_t   rc;

    if (match == NULL) {
        compile(endpoints);
        compile(shapes);
        compile(words);
        match = pcre2_match_data_create(32, NULL);
        CHECK(match != NULL);
    }

    space = size ? memchr(data, ' ', size) : NULL;

    if (space == NULL) {
        return 0;
    }

    method.data = (unsigned char *) data;
    method.len = (size_t) (space - data);
    path.data = method.data + method.len + 1;
    path.len = size - method.len - 1;

    memset(&route, 0xa5, sizeof(route));
    rc = reg_route_parse(&route, reg_method_parse(method), path);

    CHECK(route.method == reg_method_parse(method));

    found = NULL;

    for (m = endpoints; m->pattern; m++) {

        if (!matches(m, path) || group(m, path, "name").len > 255) {
            continue;
        }

        /* no path means two things */

        CHECK(found == NULL);
        found = m;
    }

    if (found) {
        check_match(found, &route, rc, path);

    } else {
        CHECK(rc == expected_refusal(path));
        CHECK(route.resource == REG_RESOURCE_NONE);
    }

    check_methods(route.resource, rc, path);

    if (rc != REG_ROUTE_OK) {
        empty = (reg_route_t) { .method = route.method,
                                .resource = route.resource };

        CHECK(route.operation == empty.operation);
        CHECK(route.actions == empty.actions);
        CHECK(route.repository.len == 0 && route.reference.len == 0);
        CHECK(route.digest.algorithm.len == 0 && route.digest.encoded.len == 0);
    }

    return 0;
}
