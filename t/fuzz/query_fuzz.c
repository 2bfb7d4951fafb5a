/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Queries.  The first byte chooses an endpoint, the rest is the query.  What
 * passes must be what Go's net/url reads, which decodes names as well and takes
 * the first of several values; what is refused must break a rule.  The query is
 * taken for a Content-Type, too.
 */

#include <ctype.h>
#include <stdlib.h>

#include "reg_query.h"

#define PAIRS_MAX  (REG_QUERY_MAX + 2)

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

typedef struct {
    reg_str_t  text;
    reg_str_t  name;                /* decoded, as is value */
    reg_str_t  value;
    int        plain;               /* nothing of it was escaped wrongly */
} model_pair_t;

typedef struct {
    size_t          n;
    model_pair_t    pairs[PAIRS_MAX];
    size_t          used;
    unsigned char   decoded[REG_QUERY_MAX];
} model_t;

static const char *const  defined[] = {
    "digest", "mount", "from", "n", "last", "artifactType", "_state", "ns"
};

static const struct {
    reg_method_t  method;
    const char   *path;
} routes[] = {
    { REG_METHOD_POST, "/v2/a/blobs/uploads/" },
    { REG_METHOD_PUT, "/v2/a/blobs/uploads/u" },
    { REG_METHOD_PATCH, "/v2/a/blobs/uploads/u" },
    { REG_METHOD_GET, "/v2/_catalog" },
    { REG_METHOD_GET, "/v2/a/manifests/latest" }
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
model_hex(unsigned char c)
{
    static const char  digits[] = "0123456789abcdef0123456789ABCDEF";

    const char  *p;

    p = c ? strchr(digits, c) : NULL;

    return p ? (int) (p - digits) % 16 : -1;
}


/* QueryUnescape */

static int
model_unescape(model_t *model, reg_str_t *out, reg_str_t text)
{
    size_t  i;
    int     plain;

    plain = 1;
    out->len = 0;
    out->data = &model->decoded[model->used];

    for (i = 0; i < text.len; i++) {

        if (text.data[i] != '%') {
            out->data[out->len++] = text.data[i] == '+' ? ' ' : text.data[i];
            continue;
        }

        if (i + 2 >= text.len || model_hex(text.data[i + 1]) < 0
            || model_hex(text.data[i + 2]) < 0)
        {
            plain = 0;
            continue;
        }

        out->data[out->len++] = (unsigned char)
                                (model_hex(text.data[i + 1]) << 4
                                 | model_hex(text.data[i + 2]));
        i += 2;
    }

    model->used += out->len;

    return plain;
}


static void
model_add(model_t *model, reg_str_t text)
{
    size_t         i;
    reg_str_t      name, value;
    model_pair_t  *pair;

    if (text.len == 0) {
        return;
    }

    for (i = 0; i < text.len && text.data[i] != '='; i++) { /* void */ }

    name = (reg_str_t) { i, text.data };
    value = (i < text.len) ? (reg_str_t) { text.len - i - 1, text.data + i + 1 }
                           : REG_STR_NULL;

    pair = &model->pairs[model->n++];
    pair->text = text;
    pair->plain = model_unescape(model, &pair->name, name);
    pair->plain &= model_unescape(model, &pair->value, value);
}


static void
model_read(model_t *model, reg_str_t args)
{
    size_t  i, start;

    model->n = 0;
    model->used = 0;
    start = 0;

    for (i = 0; i <= args.len; i++) {

        if (i == args.len || args.data[i] == '&') {
            model_add(model, (reg_str_t) { i - start, args.data + start });
            start = i + 1;
        }
    }
}


/* The only pair of this name, or none. */

static model_pair_t *
model_get(model_t *model, const char *name)
{
    size_t  i;

    for (i = 0; i < model->n; i++) {
        if (reg_str_eq(model->pairs[i].name, reg_str(name))) {
            return &model->pairs[i];
        }
    }

    return NULL;
}


static reg_str_t
model_value(model_t *model, const char *name)
{
    model_pair_t  *pair;

    pair = model_get(model, name);

    return pair ? pair->value : REG_STR_NULL;
}


static int
holds(reg_str_t text, const char *bytes)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] && strchr(bytes, text.data[i])) {
            return 1;
        }
    }

    return 0;
}


static int
has_controls(reg_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] == 0x7f) {
            return 1;
        }
    }

    return 0;
}


static int
model_pair_is_bad(const model_pair_t *pair)
{
    size_t     i;
    reg_str_t  raw;

    raw = pair->text;

    for (i = 0; i < raw.len && raw.data[i] != '='; i++) {
        if (raw.data[i] <= ' ' || raw.data[i] > '~') {
            return 1;
        }
    }

    raw.len = i;

    return raw.len == 0 || holds(raw, "%+") || !pair->plain
           || has_controls(pair->value);
}


static reg_route_rc_t
model_rc(model_t *model, reg_str_t args, const reg_route_t *route)
{
    int            uploads;
    size_t         i, j, seen;
    reg_str_t      value;
    reg_digest_t   digest;

    if (args.len > REG_QUERY_MAX || holds(args, ";#")) {
        return REG_ROUTE_QUERY_INVALID;
    }

    for (i = 0; i < model->n; i++) {
        if (model_pair_is_bad(&model->pairs[i])) {
            return REG_ROUTE_QUERY_INVALID;
        }
    }

    for (i = 0; i < sizeof(defined) / sizeof(defined[0]); i++) {

        for (seen = 0, j = 0; j < model->n; j++) {
            seen += (size_t) reg_str_eq(model->pairs[j].name,
                                        reg_str(defined[i]));
        }

        if (seen > 1) {
            return REG_ROUTE_QUERY_INVALID;
        }
    }

    if (model_get(model, "n")) {
        value = model_value(model, "n");

        for (i = 0; i < value.len; i++) {
            if (value.data[i] < '0' || value.data[i] > '9') {
                return REG_ROUTE_QUERY_INVALID;
            }
        }

        if (value.len == 0 || value.len > 18) {
            return REG_ROUTE_QUERY_INVALID;
        }
    }

    uploads = route->resource == REG_RESOURCE_UPLOADS;
    value = model_value(model, "digest");

    if ((uploads || (route->resource == REG_RESOURCE_UPLOAD
                     && route->method == REG_METHOD_PUT))
        && value.len && reg_digest_parse(&digest, value) != REG_OK)
    {
        return REG_ROUTE_DIGEST_INVALID;
    }

    value = model_value(model, "from");

    if (uploads && value.len && reg_repository_check(value) != REG_OK) {
        return REG_ROUTE_NAME_INVALID;
    }

    value = model_value(model, "mount");

    if (uploads && value.len && reg_digest_parse(&digest, value) != REG_OK) {
        return REG_ROUTE_DIGEST_INVALID;
    }

    return REG_ROUTE_OK;
}


static void
check_values(model_t *model, const reg_query_t *query,
    const reg_route_t *route)
{
    int         uploads, digest;
    size_t      i;
    int64_t     n;
    reg_str_t   value;

    uploads = route->resource == REG_RESOURCE_UPLOADS;
    digest = uploads || (route->resource == REG_RESOURCE_UPLOAD
                         && route->method == REG_METHOD_PUT);

    CHECK(query->has_mount == (model_get(model, "mount") != NULL));
    CHECK(query->has_from == (model_get(model, "from") != NULL));
    CHECK(query->has_n == (model_get(model, "n") != NULL));

    CHECK(reg_str_eq(query->mount, uploads ? model_value(model, "mount")
                                           : REG_STR_NULL));
    CHECK(reg_str_eq(query->from, uploads ? model_value(model, "from")
                                          : REG_STR_NULL));
    CHECK(reg_str_eq(query->digest, digest ? model_value(model, "digest")
                                           : REG_STR_NULL));

    CHECK((route->operation == REG_OP_MOUNT)
          == (uploads && model_value(model, "mount").len > 0));

    n = query->has_n ? 0 : -1;
    value = model_value(model, "n");

    for (i = 0; i < value.len; i++) {
        n = n * 10 + (value.data[i] - '0');
    }

    CHECK(query->n == n);
}


/* What was rewritten is read as the same query, but for what goes. */

static void
check_read_again(reg_str_t out, const reg_query_t *query, reg_route_t route,
    int drop)
{
    int             mount;
    reg_query_t     again;
    unsigned char  *buf;

    mount = route.operation == REG_OP_MOUNT && !drop;

    if (route.operation == REG_OP_MOUNT) {
        route.operation = REG_OP_PUSH;
    }

    buf = malloc(out.len ? out.len : 1);
    CHECK(buf != NULL);

    CHECK(reg_query_parse(&again, &route, out, buf) == REG_ROUTE_OK);

    CHECK((route.operation == REG_OP_MOUNT) == mount);
    CHECK(again.has_mount == (query->has_mount && !drop));
    CHECK(again.has_from == (query->has_from && !drop));
    CHECK(reg_str_eq(again.mount, drop ? REG_STR_NULL : query->mount));
    CHECK(reg_str_eq(again.from, drop ? REG_STR_NULL : query->from));
    CHECK(reg_str_eq(again.digest, query->digest));
    CHECK(again.n <= REG_LIST_MAX);
    CHECK(again.n == query->n || query->n > REG_LIST_MAX);

    free(buf);
}


/* What is rewritten has the pairs of the original, but for those that go. */

static void
check_rewrite(const model_t *model, reg_str_t args, const reg_query_t *query,
    const reg_route_t *route, int drop)
{
    size_t          i, len;
    reg_str_t       text;
    unsigned char  *dst, *p;

    dst = malloc(args.len ? args.len : 1);
    CHECK(dst != NULL);

    len = reg_query_rewrite(dst, args, query, drop);
    CHECK(len <= args.len);

    p = dst;

    for (i = 0; i < model->n; i++) {

        text = model->pairs[i].text;

        if (drop && (reg_str_eq(model->pairs[i].name, REG_STR("mount"))
                     || reg_str_eq(model->pairs[i].name, REG_STR("from"))))
        {
            continue;
        }

        if (reg_str_eq(model->pairs[i].name, REG_STR("n"))
            && query->n > REG_LIST_MAX)
        {
            text = REG_STR("n=1000");
        }

        if (p != dst) {
            CHECK(p < dst + len && *p == '&');
            p++;
        }

        CHECK(text.len <= (size_t) (dst + len - p));
        CHECK(memcmp(p, text.data, text.len) == 0);
        p += text.len;
    }

    CHECK(p == dst + len);

    check_read_again((reg_str_t) { len, dst }, query, *route, drop);

    free(dst);
}


/* What is no form here must be none to a server that trims and ignores case. */

static void
check_content_type(reg_str_t value)
{
    char    type[sizeof("application/x-www-form-urlencoded")];
    size_t  i, n;

    if (reg_content_type_is_form(value)) {
        return;
    }

    n = 0;

    for (i = 0; i < value.len && value.data[i] != ';'; i++) {

        CHECK(value.data[i] == '\t'
              || (value.data[i] >= ' ' && value.data[i] <= '~'));

        if ((n || !isspace(value.data[i])) && n < sizeof(type) - 1) {
            type[n++] = (char) tolower(value.data[i]);
        }
    }

    type[n] = '\0';

    CHECK(strncmp(type, "multipart/", sizeof("multipart/") - 1) != 0);
    CHECK(strcmp(type, "application/x-www-form-urlencoded") != 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          which;
    reg_str_t       args;
    reg_query_t     query;
    reg_route_t     route;
    reg_route_rc_t  rc;
    unsigned char  *buf;

    static model_t  model;

    if (size == 0 || size > 2 * REG_QUERY_MAX) {
        return 0;
    }

    which = data[0] % (sizeof(routes) / sizeof(routes[0]));
    CHECK(reg_route_parse(&route, routes[which].method,
                          reg_str(routes[which].path)) == REG_ROUTE_OK);

    args.data = (unsigned char *) data + 1;
    args.len = size - 1;

    /* exactly as long as was promised */

    buf = malloc(args.len ? args.len : 1);
    CHECK(buf != NULL);

    memset(&query, 0xa5, sizeof(query));
    rc = reg_query_parse(&query, &route, args, buf);

    check_content_type(args);

    if (args.len > REG_QUERY_MAX) {
        CHECK(rc == REG_ROUTE_QUERY_INVALID);
        free(buf);
        return 0;
    }

    model_read(&model, args);

    CHECK(rc == model_rc(&model, args, &route));

    if (rc == REG_ROUTE_OK) {
        check_values(&model, &query, &route);
        check_rewrite(&model, args, &query, &route, 0);
        check_rewrite(&model, args, &query, &route, 1);
    }

    free(buf);

    return 0;
}
