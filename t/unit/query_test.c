/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>

#include "reg_query.h"
#include "grammar.h"
#include "random.h"

#define QUERIES  300000             /* of the property test */

#define HEX   "0123456789abcdef0123456789abcdef"                              \
              "0123456789abcdef0123456789abcdef"
#define DGST  "sha256:" HEX
#define ESC   "sha256%3A" HEX

#define NELTS(array)  (sizeof(array) / sizeof((array)[0]))


/* The endpoints, and what the query means there. */

typedef struct {
    reg_method_t     method;
    const char      *path;
    reg_operation_t  operation;
    unsigned         mounts:1;      /* mount= and from= mean something */
    unsigned         digests:1;     /* digest= does */
} endpoint_t;


static const endpoint_t  endpoints[] = {
    { REG_METHOD_POST, "/v2/a/blobs/uploads/", REG_OP_PUSH, 1, 1 },
    { REG_METHOD_PUT, "/v2/a/blobs/uploads/x", REG_OP_PUSH, 0, 1 },
    { REG_METHOD_PATCH, "/v2/a/blobs/uploads/x", REG_OP_PUSH, 0, 0 },
    { REG_METHOD_GET, "/v2/a/blobs/uploads/x", REG_OP_PUSH, 0, 0 },
    { REG_METHOD_DELETE, "/v2/a/blobs/uploads/x", REG_OP_PUSH, 0, 0 },
    { REG_METHOD_GET, "/v2/a/tags/list", REG_OP_LIST, 0, 0 },
    { REG_METHOD_GET, "/v2/_catalog", REG_OP_CATALOG, 0, 0 },
    { REG_METHOD_GET, "/v2/a/manifests/latest", REG_OP_PULL, 0, 0 },
    { REG_METHOD_HEAD, "/v2/a/blobs/" DGST, REG_OP_PULL, 0, 0 },
    { REG_METHOD_PUT, "/v2/a/manifests/" DGST, REG_OP_PUSH, 0, 0 },
    { REG_METHOD_GET, "/v2/a/referrers/" DGST, REG_OP_REFERRERS, 0, 0 },
    { REG_METHOD_GET, "/v2/", REG_OP_PING, 0, 0 }
};

#define UPLOADS  (&endpoints[0])
#define UPLOAD   (&endpoints[1])
#define TAGS     (&endpoints[5])


/* A query that was parsed, with what it borrows. */

typedef struct {
    reg_query_t      query;
    reg_route_t      route;
    reg_route_rc_t   rc;
    reg_str_t        args;
    unsigned char   *buf;
} parsed_t;


static void
parse(parsed_t *parsed, const endpoint_t *endpoint, reg_str_t args)
{
    assert_int_equal(reg_route_parse(&parsed->route, endpoint->method,
                                     reg_str(endpoint->path)),
                     REG_ROUTE_OK);
    assert_int_equal(parsed->route.operation, endpoint->operation);

    memset(&parsed->query, 0xaa, sizeof(reg_query_t));

    parsed->args = exact_copy(args);
    parsed->buf = malloc(args.len ? args.len : 1);
    assert_non_null(parsed->buf);

    parsed->rc = reg_query_parse(&parsed->query, &parsed->route, parsed->args,
                                 parsed->buf);
}


static void
release(parsed_t *parsed)
{
    free(parsed->args.data);
    free(parsed->buf);
}


static void
check_rc(const endpoint_t *endpoint, reg_str_t args, reg_route_rc_t expected)
{
    parsed_t  parsed;

    parse(&parsed, endpoint, args);

    if (parsed.rc != expected) {
        fail_msg("\"%.*s\" on %s is %d, not %d", REG_FMT(args), endpoint->path,
                 (int) parsed.rc, (int) expected);
    }

    /* a mount is one only when it is good */

    if (expected != REG_ROUTE_OK) {
        assert_int_equal(parsed.route.operation, endpoint->operation);
    }

    release(&parsed);
}


static void
check_rc_everywhere(reg_str_t args, reg_route_rc_t expected)
{
    size_t  i;

    for (i = 0; i < NELTS(endpoints); i++) {
        check_rc(&endpoints[i], args, expected);
    }
}


static int
is(reg_str_t s, const char *expected)
{
    return reg_str_eq(s, reg_str(expected));
}


static void
test_nothing(void **state)
{
    size_t    i, j;
    parsed_t  parsed;

    static const char  *cases[] = {
        "", "&", "&&&&", "last=a", "a", "a=", "a=b", "a==", "a=b=c", "&a&&b&",
        "ns=docker.io", "_state=Zm9v%3D%3D", "artifactType=a%2Fb%2Bc",
        "a=1&a=2&a=3", "a=?", "a=/../", "a=%c3%a9", "a=\xc3\xa9", "a=\xff",
        "N=5", "Mount=x", "mounts=x", "moun=x", "fro=m", "froM=m", "digests=x",
        "nn=x", "mount[]=x", "a=n=5", "a.b-c_d~e!*'()[]{}|\\^`\"<>/?:@,$=1"
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {
        for (j = 0; j < NELTS(endpoints); j++) {

            parse(&parsed, &endpoints[j], reg_str(cases[i]));

            assert_int_equal(parsed.rc, REG_ROUTE_OK);
            assert_int_equal(parsed.route.operation, endpoints[j].operation);
            assert_int_equal(parsed.query.mount.len, 0);
            assert_int_equal(parsed.query.from.len, 0);
            assert_int_equal(parsed.query.digest.len, 0);
            assert_int_equal(parsed.query.n, -1);
            assert_int_equal(parsed.query.has_mount, 0);
            assert_int_equal(parsed.query.has_from, 0);
            assert_int_equal(parsed.query.has_n, 0);

            release(&parsed);
        }
    }

    parse(&parsed, UPLOADS, REG_STR_NULL);
    assert_int_equal(reg_query_parse(&parsed.query, &parsed.route,
                                     REG_STR_NULL, NULL),
                     REG_ROUTE_OK);
    release(&parsed);
}


static void
test_mount(void **state)
{
    size_t    i;
    parsed_t  parsed;

    static const struct {
        const char       *args;
        const char       *mount;
        const char       *from;
        unsigned          has_mount;
        unsigned          has_from;
        reg_operation_t   operation;
    } cases[] = {
        { "mount=" DGST "&from=acme/app", DGST, "acme/app", 1, 1,
          REG_OP_MOUNT },
        { "from=acme/app&mount=" DGST, DGST, "acme/app", 1, 1, REG_OP_MOUNT },
        { "mount=" ESC "&from=acme%2Fapp", DGST, "acme/app", 1, 1,
          REG_OP_MOUNT },
        { "mount=sha256%3a" HEX "&from=%61cme/app", DGST, "acme/app", 1, 1,
          REG_OP_MOUNT },
        { "&&x=1&mount=" DGST "&&y&from=a&", DGST, "a", 1, 1, REG_OP_MOUNT },
        { "mount=sha512:" HEX HEX "&from=a", "sha512:" HEX HEX, "a", 1, 1,
          REG_OP_MOUNT },

        /* the specification allows it, and zot then looks everywhere */
        { "mount=" DGST, DGST, "", 1, 0, REG_OP_MOUNT },
        { "mount=" DGST "&from", DGST, "", 1, 1, REG_OP_MOUNT },
        { "mount=" DGST "&from=", DGST, "", 1, 1, REG_OP_MOUNT },

        /* nothing to mount */
        { "from=acme/app", "", "acme/app", 0, 1, REG_OP_PUSH },
        { "mount&from=acme/app", "", "acme/app", 1, 1, REG_OP_PUSH },
        { "mount=&from=acme/app", "", "acme/app", 1, 1, REG_OP_PUSH },
        { "mount=&from=", "", "", 1, 1, REG_OP_PUSH }
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {

        parse(&parsed, UPLOADS, reg_str(cases[i].args));

        assert_int_equal(parsed.rc, REG_ROUTE_OK);
        assert_int_equal(parsed.route.operation, cases[i].operation);
        assert_int_equal(parsed.route.actions, REG_ACTION_PUSH);
        assert_true(is(parsed.query.mount, cases[i].mount));
        assert_true(is(parsed.query.from, cases[i].from));
        assert_int_equal(parsed.query.has_mount, cases[i].has_mount);
        assert_int_equal(parsed.query.has_from, cases[i].has_from);
        release(&parsed);
    }

    /* elsewhere nobody reads them, be they what they may */

    for (i = 1; i < NELTS(endpoints); i++) {

        parse(&parsed, &endpoints[i], REG_STR("mount=x&from=A"));

        assert_int_equal(parsed.rc, REG_ROUTE_OK);
        assert_int_equal(parsed.route.operation, endpoints[i].operation);
        assert_int_equal(parsed.query.mount.len, 0);
        assert_int_equal(parsed.query.from.len, 0);
        assert_int_equal(parsed.query.has_mount, 1);
        assert_int_equal(parsed.query.has_from, 1);
        release(&parsed);
    }
}


static void
test_invalid_mount(void **state)
{
    size_t  i;

    static const char  *digests[] = {
        "mount=x&from=a", "mount=latest", "mount=sha256:" HEX "0&from=a",
        "mount=sha256:&from=a", "mount=" DGST "+&from=a",
        "mount=" DGST "%20&from=a", "mount=+" DGST "&from=a",
        "mount==" DGST "&from=a", "mount=" DGST "=&from=a",
        "mount=" DGST "," DGST "&from=a", "mount=%22" DGST "%22&from=a",
        "mount=\xc2\xa0" DGST "&from=a",

        /* one decoding leaves an escape */
        "mount=sha256%253A" HEX "&from=a"
    };

    static const char  *names[] = {
        "from=A", "from=a/", "from=/a", "from=a//b", "from=../secret",
        "from=a/../b", "from=a%20", "from=a+", "from=+a", "from==a",
        "from=a:5000/b", "from=_a", "from=secret%252Fx"
    };

    (void) state;

    for (i = 0; i < NELTS(digests); i++) {
        check_rc(UPLOADS, reg_str(digests[i]), REG_ROUTE_DIGEST_INVALID);
    }

    for (i = 0; i < NELTS(names); i++) {
        check_rc(UPLOADS, reg_str(names[i]), REG_ROUTE_NAME_INVALID);
    }

    check_rc(UPLOADS, REG_STR("mount=x&from=A"), REG_ROUTE_NAME_INVALID);
    check_rc(UPLOADS, REG_STR("digest=x&from=A"), REG_ROUTE_DIGEST_INVALID);
}


static void
test_digest(void **state)
{
    size_t    i, j;
    parsed_t  parsed;

    static const struct {
        const char      *args;
        const char      *digest;
        reg_route_rc_t   rc;
    } cases[] = {
        { "digest=" DGST, DGST, REG_ROUTE_OK },
        { "digest=" ESC, DGST, REG_ROUTE_OK },
        { "_state=a%3D%3D&digest=sha256%3a" HEX, DGST, REG_ROUTE_OK },
        { "digest=sha512:" HEX HEX, "sha512:" HEX HEX, REG_ROUTE_OK },
        { "digest=", "", REG_ROUTE_OK },
        { "digest", "", REG_ROUTE_OK },
        { "digest=x", "", REG_ROUTE_DIGEST_INVALID },
        { "digest=sha256%253A" HEX, "", REG_ROUTE_DIGEST_INVALID },
        { "digest=" DGST "0", "", REG_ROUTE_DIGEST_INVALID },
        { "digest=" DGST "+", "", REG_ROUTE_DIGEST_INVALID }
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {
        for (j = 0; j < NELTS(endpoints); j++) {

            parse(&parsed, &endpoints[j], reg_str(cases[i].args));

            if (endpoints[j].digests) {
                assert_int_equal(parsed.rc, cases[i].rc);

                if (parsed.rc == REG_ROUTE_OK) {
                    assert_true(is(parsed.query.digest, cases[i].digest));
                }

            } else {
                assert_int_equal(parsed.rc, REG_ROUTE_OK);
                assert_int_equal(parsed.query.digest.len, 0);
            }

            assert_int_equal(parsed.route.operation, endpoints[j].operation);
            release(&parsed);
        }
    }
}


static void
test_n(void **state)
{
    size_t    i;
    parsed_t  parsed;

    static const struct {
        const char  *args;
        int64_t      n;
    } cases[] = {
        { "n=0", 0 },
        { "n=1", 1 },
        { "n=1000", 1000 },
        { "n=1001", 1001 },
        { "n=007", 7 },
        { "n=%31000", 1000 },
        { "n=%31%30%30%31", 1001 },
        { "n=999999999999999999", 999999999999999999 },
        { "last=x&n=5", 5 }
    };

    static const char  *invalid[] = {
        "n", "n=", "n=-1", "n=+1", "n=1+", "n=%2B1", "n=a", "n=1a", "n=0x10",
        "n=1.0", "n=1e3", "n= 1", "n=%201", "n=1%20", "n==1", "n=1,2",
        "n=1000000000000000000", "n=9223372036854775808",
        "n=18446744073709551617", "n=0000000000000000001", "n=%2531",
        "n=\xd9\xa1"
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {

        parse(&parsed, TAGS, reg_str(cases[i].args));

        assert_int_equal(parsed.rc, REG_ROUTE_OK);
        assert_int_equal(parsed.query.has_n, 1);
        assert_int_equal(parsed.query.n, cases[i].n);
        release(&parsed);
    }

    for (i = 0; i < NELTS(invalid); i++) {
        check_rc_everywhere(reg_str(invalid[i]), REG_ROUTE_QUERY_INVALID);
    }
}


/* Servers differ on which one counts. */

static void
test_repeated(void **state)
{
    char    text[256];
    size_t  i;

    static const struct {
        const char  *name;
        const char  *value;
    } params[] = {
        { "digest", DGST }, { "mount", DGST }, { "from", "a" }, { "n", "1" },
        { "last", "a" }, { "artifactType", "a" }, { "_state", "a" },
        { "ns", "a" }
    };

    (void) state;

    for (i = 0; i < NELTS(params); i++) {

        (void) snprintf(text, sizeof(text), "%s=%s", params[i].name,
                        params[i].value);
        check_rc_everywhere(reg_str(text), REG_ROUTE_OK);

        (void) snprintf(text, sizeof(text), "%s=%s&%s=%s", params[i].name,
                        params[i].value, params[i].name, params[i].value);
        check_rc_everywhere(reg_str(text), REG_ROUTE_QUERY_INVALID);

        (void) snprintf(text, sizeof(text), "%s=&x&&%s", params[i].name,
                        params[i].name);
        check_rc_everywhere(reg_str(text), REG_ROUTE_QUERY_INVALID);

        (void) snprintf(text, sizeof(text), "%s=%s&x=1&x=2&x", params[i].name,
                        params[i].value);
        check_rc_everywhere(reg_str(text), REG_ROUTE_OK);
    }
}


static void
test_names_in_disguise(void **state)
{
    size_t         i;
    unsigned       c;
    unsigned char  buf[16];

    static const char  *cases[] = {
        "=", "=x", "=mount", "a&=b", "%6dount=" DGST "&%66rom=secret/x",
        "moun%74=x", "%6Dount", "fro%6d=a", "%6e=5", "n%00=5", "n+=5", "+n=5",
        "%=1", "%%=1", "a%20b=1", "a+b", " n=1", "n =1", "\tn=1", "n\x7f=1",
        "\xc2\xa0n=1", "\xef\xbc\xaf=1", "mount%3Dx", "a%26mount=x"
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {
        check_rc_everywhere(reg_str(cases[i]), REG_ROUTE_QUERY_INVALID);
    }

    /* every byte in a name; '&' and '=' end it */

    for (c = 0; c < 256; c++) {

        memcpy(buf, "x?y=1", 5);
        buf[1] = (unsigned char) c;

        check_rc_everywhere((reg_str_t) { 5, buf },
                            c > 0x20 && c < 0x7f && strchr("%+;#", (int) c)
                                                    == NULL
                            ? REG_ROUTE_OK : REG_ROUTE_QUERY_INVALID);
    }
}


static void
test_values(void **state)
{
    size_t         i;
    unsigned       c;
    unsigned char  buf[16];

    static const char  *cases[] = {
        "a=%", "a=%4", "a=%4&b=1", "a=%zz", "a=%4g", "a=%g4", "a=% 41", "a=%-1",
        "a=%u0041", "a=%00", "a=%0a", "a=%0D%0A", "a=%1f", "a=%7f", "a=%7F",
        "a=x%", "a=%:0", "a=%0:", "a=%/0", "a=%@0", "a=%`0",

        /* what some take for the end of a parameter, or of the query */
        ";", "a=1;b=2", "a=1;mount=x", "a=;", "n=1;", "#", "a=1#", "a#b=1",
        "a=1#&n=1"
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {
        check_rc_everywhere(reg_str(cases[i]), REG_ROUTE_QUERY_INVALID);
    }

    check_rc_everywhere(REG_STR("a=%3B%23%26%25"), REG_ROUTE_OK);

    for (c = 0; c < 256; c++) {

        memcpy(buf, "a=x?y", 5);
        buf[3] = (unsigned char) c;

        check_rc_everywhere((reg_str_t) { 5, buf },
                            c >= 0x20 && c != 0x7f && strchr("%;#", (int) c)
                                                      == NULL
                            ? REG_ROUTE_OK : REG_ROUTE_QUERY_INVALID);

        (void) snprintf((char *) buf, sizeof(buf), "a=%%%02X", c);
        check_rc_everywhere(reg_str((char *) buf),
                            c >= 0x20 && c != 0x7f ? REG_ROUTE_OK
                                                   : REG_ROUTE_QUERY_INVALID);
    }
}


static void
test_length(void **state)
{
    reg_str_t  args;

    (void) state;

    args.data = malloc(REG_QUERY_MAX + 1);
    assert_non_null(args.data);

    memset(args.data, 'a', REG_QUERY_MAX + 1);
    memcpy(args.data, "_state=", 7);

    args.len = REG_QUERY_MAX;
    check_rc_everywhere(args, REG_ROUTE_OK);

    args.len = REG_QUERY_MAX + 1;
    check_rc_everywhere(args, REG_ROUTE_QUERY_INVALID);

    assert_int_equal(REG_QUERY_MAX, 8192);
    free(args.data);
}


/* Rewrites a query that must be good; the caller frees the answer. */

static reg_str_t
rewrite(const endpoint_t *endpoint, reg_str_t args, int drop)
{
    parsed_t   parsed;
    reg_str_t  out;

    parse(&parsed, endpoint, args);
    assert_int_equal(parsed.rc, REG_ROUTE_OK);

    /* one byte too many is seen by ASan, and by valgrind */

    out.data = malloc(args.len ? args.len : 1);
    assert_non_null(out.data);

    out.len = reg_query_rewrite(out.data, parsed.args, &parsed.query, drop);
    assert_true(out.len <= args.len);

    release(&parsed);

    return out;
}


static void
test_rewrite(void **state)
{
    size_t     i;
    reg_str_t  out;

    static const struct {
        const char  *args;
        const char  *kept;          /* when a mount is kept */
        const char  *dropped;
    } cases[] = {
        { "", "", "" },
        { "&&", "", "" },
        { "mount=" DGST "&from=a", "mount=" DGST "&from=a", "" },
        { "mount=" ESC "&x=%41+b&from=a%2Fb&y",
          "mount=" ESC "&x=%41+b&from=a%2Fb&y", "x=%41+b&y" },
        { "x=1&mount", "x=1&mount", "x=1" },
        { "mount=&x=1", "mount=&x=1", "x=1" },
        { "from&x=1", "from&x=1", "x=1" },
        { "&x=1&&mount=&&y=2&", "x=1&mount=&y=2", "x=1&y=2" },
        { "mounts=1&Mount=2&from2=3&_mount=4", "mounts=1&Mount=2&from2=3"
          "&_mount=4", "mounts=1&Mount=2&from2=3&_mount=4" },
        { "n=1000", "n=1000", "n=1000" },
        { "n=%31000", "n=%31000", "n=%31000" },
        { "n=0", "n=0", "n=0" },
        { "n=0001000", "n=0001000", "n=0001000" },
        { "n=1001", "n=1000", "n=1000" },
        { "n=%31001", "n=1000", "n=1000" },
        { "n=%39%39%39%39", "n=1000", "n=1000" },
        { "n=000001001", "n=1000", "n=1000" },
        { "last=a%2Fb&n=999999999999999999&x", "last=a%2Fb&n=1000&x",
          "last=a%2Fb&n=1000&x" },
        { "nn=9999&n=9999&N=9999", "nn=9999&n=1000&N=9999",
          "nn=9999&n=1000&N=9999" },
        { "x=1&x=1&x=2", "x=1&x=1&x=2", "x=1&x=1&x=2" }
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {

        out = rewrite(UPLOADS, reg_str(cases[i].args), 0);

        if (!is(out, cases[i].kept)) {
            fail_msg("\"%s\" became \"%.*s\"", cases[i].args, REG_FMT(out));
        }

        free(out.data);

        out = rewrite(UPLOADS, reg_str(cases[i].args), 1);

        if (!is(out, cases[i].dropped)) {
            fail_msg("\"%s\" became \"%.*s\"", cases[i].args, REG_FMT(out));
        }

        free(out.data);
    }
}


/*
 * A reader of queries that has nothing in common with the one that is tested:
 * it cuts the text up first and looks at the pieces then.
 */

#define PAIRS_MAX  64

typedef struct {
    size_t          n;
    reg_str_t       texts[PAIRS_MAX];
    char            names[PAIRS_MAX][64];
    char            values[PAIRS_MAX][1024];
    reg_route_rc_t  rc;
    const char     *mount;
    const char     *from;
    const char     *digest;
    long long       number;
} model_t;

static grammar_t  name_grammar, value_grammar, number_grammar;
static grammar_t  repository_grammar, digest_grammar;


static const char *
model_value(const model_t *model, const char *name, unsigned *count)
{
    size_t       i;
    const char  *value;

    value = NULL;
    *count = 0;

    for (i = 0; i < model->n; i++) {
        if (strcmp(model->names[i], name) == 0) {
            value = model->values[i];
            (*count)++;
        }
    }

    return value;
}


static void
model_split(model_t *model, reg_str_t args)
{
    char    *p, hex[3];
    size_t   i, j, start, equals;

    model->n = 0;
    hex[2] = '\0';

    for (start = 0, i = 0; i <= args.len; i++) {

        if (i < args.len && args.data[i] != '&') {
            continue;
        }

        if (i == start) {
            start = i + 1;
            continue;
        }

        model->texts[model->n].data = args.data + start;
        model->texts[model->n].len = i - start;

        for (equals = start; equals < i && args.data[equals] != '=';
             equals++)
        {
            /* void */
        }

        (void) snprintf(model->names[model->n], 64, "%.*s",
                        (int) (equals - start), (char *) args.data + start);

        p = model->values[model->n];

        for (j = equals + 1; j < i; j++) {
            if (args.data[j] == '%' && j + 2 < i) {
                memcpy(hex, args.data + j + 1, 2);
                *p++ = (char) strtol(hex, NULL, 16);
                j += 2;

            } else {
                *p++ = (args.data[j] == '+') ? ' ' : (char) args.data[j];
            }
        }

        *p = '\0';
        model->n++;
        start = i + 1;
    }
}


static void
model_parse(model_t *model, const endpoint_t *endpoint, reg_str_t args)
{
    size_t       i, equals;
    unsigned     count;
    reg_str_t    name, value;
    const char  *number;

    static const char  *known[] = {
        "digest", "mount", "from", "n", "last", "artifactType", "_state", "ns"
    };

    model_split(model, args);
    model->rc = REG_ROUTE_OK;

    for (i = 0; i < args.len; i++) {
        if (args.data[i] == ';' || args.data[i] == '#') {
            model->rc = REG_ROUTE_QUERY_INVALID;
        }
    }

    for (i = 0; i < model->n; i++) {

        for (equals = 0; equals < model->texts[i].len
                         && model->texts[i].data[equals] != '='; equals++)
        {
            /* void */
        }

        name = (reg_str_t) { equals, model->texts[i].data };
        value = REG_STR_NULL;

        if (equals < model->texts[i].len) {
            value.data = name.data + equals + 1;
            value.len = model->texts[i].len - equals - 1;
        }

        if (!grammar_match(&name_grammar, name)
            || !grammar_match(&value_grammar, value))
        {
            model->rc = REG_ROUTE_QUERY_INVALID;
        }
    }

    for (i = 0; i < NELTS(known); i++) {
        (void) model_value(model, known[i], &count);

        if (count > 1) {
            model->rc = REG_ROUTE_QUERY_INVALID;
        }
    }

    number = model_value(model, "n", &count);
    model->number = -1;

    if (number) {
        model->number = atoll(number);

        if (!grammar_match(&number_grammar, reg_str(number))) {
            model->rc = REG_ROUTE_QUERY_INVALID;
        }
    }

    model->mount = model_value(model, "mount", &count);
    model->from = model_value(model, "from", &count);
    model->digest = model_value(model, "digest", &count);

    if (model->rc != REG_ROUTE_OK) {
        return;
    }

    if (endpoint->digests && model->digest && *model->digest
        && !grammar_match(&digest_grammar, reg_str(model->digest)))
    {
        model->rc = REG_ROUTE_DIGEST_INVALID;

    } else if (endpoint->mounts && model->from && *model->from
               && !grammar_match(&repository_grammar, reg_str(model->from)))
    {
        model->rc = REG_ROUTE_NAME_INVALID;

    } else if (endpoint->mounts && model->mount && *model->mount
               && !grammar_match(&digest_grammar, reg_str(model->mount)))
    {
        model->rc = REG_ROUTE_DIGEST_INVALID;
    }
}


/* What should be left of the query, joined again. */

static size_t
model_rewrite(unsigned char *buf, const model_t *model, int drop)
{
    size_t          i;
    reg_str_t       text;
    unsigned char  *p;

    p = buf;

    for (i = 0; i < model->n; i++) {

        text = model->texts[i];

        if (drop && (strcmp(model->names[i], "mount") == 0
                     || strcmp(model->names[i], "from") == 0))
        {
            continue;
        }

        if (strcmp(model->names[i], "n") == 0 && model->number > 1000) {
            text = REG_STR("n=1000");
        }

        if (p != buf) {
            *p++ = '&';
        }

        memcpy(p, text.data, text.len);
        p += text.len;
    }

    return (size_t) (p - buf);
}


static void
check_rewritten(const endpoint_t *endpoint, const model_t *model,
    const parsed_t *parsed, int drop)
{
    parsed_t        again;
    reg_str_t       expected, out;
    unsigned char   buf[4096];

    expected.data = buf;
    expected.len = model_rewrite(buf, model, drop);

    out = rewrite(endpoint, parsed->args, drop);

    if (!reg_str_eq(out, expected)) {
        fail_msg("\"%.*s\" became \"%.*s\", not \"%.*s\"",
                 REG_FMT(parsed->args), REG_FMT(out), REG_FMT(expected));
    }

    parse(&again, endpoint, out);

    assert_int_equal(again.rc, REG_ROUTE_OK);
    assert_int_equal(again.query.has_mount,
                     drop ? 0 : parsed->query.has_mount);
    assert_int_equal(again.query.has_from, drop ? 0 : parsed->query.has_from);
    assert_int_equal(again.query.n, parsed->query.n > 1000 ? 1000
                                                           : parsed->query.n);
    assert_true(reg_str_eq(again.query.digest, parsed->query.digest));

    if (drop) {
        assert_int_equal(again.route.operation, endpoint->operation);
        assert_int_equal(again.query.mount.len, 0);
        assert_int_equal(again.query.from.len, 0);

    } else {
        assert_int_equal(again.route.operation, parsed->route.operation);
        assert_true(reg_str_eq(again.query.mount, parsed->query.mount));
        assert_true(reg_str_eq(again.query.from, parsed->query.from));
    }

    release(&again);
    free(out.data);
}


static void
check_query(const endpoint_t *endpoint, reg_str_t args, unsigned *good)
{
    parsed_t        parsed;
    static model_t  model;

    model_parse(&model, endpoint, args);
    parse(&parsed, endpoint, args);

    if (parsed.rc != model.rc) {
        fail_msg("\"%.*s\" on %s is %d, not %d", REG_FMT(args), endpoint->path,
                 (int) parsed.rc, (int) model.rc);
    }

    if (parsed.rc == REG_ROUTE_OK) {

        assert_int_equal(parsed.query.has_mount, model.mount != NULL);
        assert_int_equal(parsed.query.has_from, model.from != NULL);
        assert_int_equal(parsed.query.has_n, model.number >= 0);
        assert_int_equal(parsed.query.n, model.number);

        assert_true(is(parsed.query.mount, endpoint->mounts && model.mount
                                           ? model.mount : ""));
        assert_true(is(parsed.query.from, endpoint->mounts && model.from
                                          ? model.from : ""));
        assert_true(is(parsed.query.digest, endpoint->digests && model.digest
                                            ? model.digest : ""));

        assert_int_equal(parsed.route.operation,
                         parsed.query.mount.len ? REG_OP_MOUNT
                                                : endpoint->operation);

        check_rewritten(endpoint, &model, &parsed, 0);
        check_rewritten(endpoint, &model, &parsed, 1);

        (*good)++;
    }

    release(&parsed);
}


static void
test_random_queries_are_what_a_model_says(void **state)
{
    size_t               i, n;
    unsigned             good;
    reg_str_t            args;
    const char          *piece;
    unsigned char        buf[2048];
    const endpoint_t    *endpoint;

    /* whole parameters more often than what breaks them */

    static const char  *pairs[] = {
        "mount=" DGST, "mount=" ESC, "from=a/b", "from=a%2Fb", "digest=" ESC,
        "digest=sha512:" HEX HEX, "n=5", "n=1001", "n=%31000", "n=%39999",
        "last=x", "_state=Zm9v%3D", "ns=h", "artifactType=a%2Fb", "x=1", "y",
        "mount=", "from", "mounts=1", "N=2", "a=b=c", "x=\xc3\xa9", "z=%c3+"
    };

    static const char  *pieces[] = {
        "&", "=", "%", "%41", "%00", "%25", "+", ";", "#", "n", "mount", "from",
        "digest", "a", "A", "0", "/", HEX, ":", " ", "\x7f", "\x80", "\n"
    };

    (void) state;

    name_grammar = grammar_compile("\\A(?:(?![%+;#&])[!-~])+\\z");
    value_grammar = grammar_compile("\\A(?:(?![%;#&])[ -~\\x80-\\xff]"
                                    "|%(?!7[Ff])[2-9A-Fa-f][0-9A-Fa-f])*\\z");
    number_grammar = grammar_compile("\\A[0-9]{1,18}\\z");
    repository_grammar = grammar_compile("\\A" GRAMMAR_NAME "\\z");
    digest_grammar = grammar_compile("\\A" GRAMMAR_DIGEST "\\z");

    good = 0;

    for (i = 0; i < rounds(QUERIES); i++) {

        args.data = buf;
        args.len = 0;

        for (n = random_below(6); n; n--) {

            if (args.len && random_below(16)) {
                buf[args.len++] = '&';
            }

            piece = random_below(8) ? pairs[random_below(NELTS(pairs))]
                                    : pieces[random_below(NELTS(pieces))];

            memcpy(buf + args.len, piece, strlen(piece));
            args.len += strlen(piece);

            if (random_below(32) == 0) {
                buf[args.len++] = '&';
            }
        }

        endpoint = random_below(2) ? UPLOADS
                                   : &endpoints[random_below(NELTS(endpoints))];

        check_query(endpoint, args, &good);
    }

    assert_in_range(good, i / 4, i * 9 / 10);

    grammar_free(&name_grammar);
    grammar_free(&value_grammar);
    grammar_free(&number_grammar);
    grammar_free(&repository_grammar);
    grammar_free(&digest_grammar);
}


static void
test_content_types(void **state)
{
    size_t     i;
    reg_str_t  copy;

    static const struct {
        const char  *value;
        int          form;
    } cases[] = {
        { "application/x-www-form-urlencoded", 1 },
        { "Application/X-WWW-Form-URLEncoded", 1 },
        { "application/x-www-form-urlencoded; charset=utf-8", 1 },
        { "application/x-www-form-urlencoded;", 1 },
        { "application/x-www-form-urlencoded ;", 1 },
        { " \t application/x-www-form-urlencoded", 1 },
        { "application/x-www-form-urlencoded\t", 1 },
        { "application/x-www-form-urlencoded, text/plain", 1 },
        { "multipart/form-data; boundary=x", 1 },
        { "MULTIPART/FORM-DATA", 1 },
        { "multipart/mixed", 1 },
        { "multipart/", 1 },

        /* Go trims these, too, and then sees a form */
        { "\xc2\xa0" "application/x-www-form-urlencoded", 1 },
        { "\xc2\x85" "application/x-www-form-urlencoded", 1 },
        { "\xe2\x80\x83" "application/x-www-form-urlencoded", 1 },
        { "\xe3\x80\x80" "multipart/form-data; boundary=x", 1 },
        { "\v" "application/x-www-form-urlencoded", 1 },
        { "\f" "application/x-www-form-urlencoded", 1 },
        { "\r\n" "application/x-www-form-urlencoded", 1 },

        /* and makes an "i" of this */
        { "appl\xc4\xb0" "cation/x-www-form-urlencoded", 1 },
        { "mult\xc4\xb0" "part/form-data", 1 },

        /* so whatever is not ASCII counts as a form */
        { "\xff", 1 },
        { "text/plain\x7f", 1 },
        { "text/plain\n", 1 },

        { "", 0 },
        { " ", 0 },
        { "\t", 0 },
        { ";", 0 },
        { "application/octet-stream", 0 },
        { "application/vnd.oci.image.manifest.v1+json", 0 },
        { "application/vnd.docker.distribution.manifest.v2+json", 0 },
        { "application/json; charset=utf-8", 0 },
        { "text/plain; x=\"\xc3\xa9\"", 0 },
        { "text/plain; a=application/x-www-form-urlencoded", 0 },
        { "application/x-www-form-urlencode", 0 },
        { "application/x-www-form-urlencoder", 0 },
        { "application/ x-www-form-urlencoded", 0 },
        { "multipart", 0 },
        { "multipart-x/y", 0 },
        { "x-multipart/form-data", 0 }
    };

    (void) state;

    for (i = 0; i < NELTS(cases); i++) {

        copy = exact_copy(reg_str(cases[i].value));

        if (reg_content_type_is_form(copy) != cases[i].form) {
            fail_msg("\"%s\" is %sa form", cases[i].value,
                     cases[i].form ? "not " : "");
        }

        free(copy.data);
    }

    assert_int_equal(reg_content_type_is_form(REG_STR_NULL), 0);
    assert_int_equal(reg_content_type_is_form(REG_STR("text/plain\0")), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_mount),
        cmocka_unit_test(test_invalid_mount),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_n),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_names_in_disguise),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_rewrite),
        cmocka_unit_test(test_random_queries_are_what_a_model_says),
        cmocka_unit_test(test_content_types)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
