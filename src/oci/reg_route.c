/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_route.h"

#define REG_UPLOAD_ID_MAX  255


typedef struct {
    reg_operation_t  operation;     /* REG_OP_NONE: the method is refused */
    unsigned         actions;
} reg_route_row_t;

typedef struct {
    const char       *methods;      /* for Allow, in the order of the table */
    reg_route_row_t   rows[REG_METHOD_DELETE + 1];
} reg_endpoint_t;


/*
 * Every endpoint and what its methods take.  What is not here is refused.
 *
 * A HEAD may come from a client that is about to push and asks what is there
 * already.  Whoever cancels an upload needs what he needed to begin it.
 */

static const reg_endpoint_t  reg_endpoints[] = {

    [REG_RESOURCE_PING] = { "GET, HEAD", {
        [REG_METHOD_GET]    = { REG_OP_PING, 0 },
        [REG_METHOD_HEAD]   = { REG_OP_PING, 0 }
    } },

    [REG_RESOURCE_CATALOG] = { "GET", {
        [REG_METHOD_GET]    = { REG_OP_CATALOG, 0 }
    } },

    [REG_RESOURCE_TAGS] = { "GET", {
        [REG_METHOD_GET]    = { REG_OP_LIST, REG_ACTION_PULL }
    } },

    [REG_RESOURCE_MANIFEST] = { "GET, HEAD, PUT, DELETE", {
        [REG_METHOD_GET]    = { REG_OP_PULL, REG_ACTION_PULL },
        [REG_METHOD_HEAD]   = { REG_OP_PULL, REG_ACTION_PULL|REG_ACTION_PUSH },
        [REG_METHOD_PUT]    = { REG_OP_PUSH, REG_ACTION_PUSH },
        [REG_METHOD_DELETE] = { REG_OP_DELETE, REG_ACTION_DELETE }
    } },

    [REG_RESOURCE_BLOB] = { "GET, HEAD, DELETE", {
        [REG_METHOD_GET]    = { REG_OP_PULL, REG_ACTION_PULL },
        [REG_METHOD_HEAD]   = { REG_OP_PULL, REG_ACTION_PULL|REG_ACTION_PUSH },
        [REG_METHOD_DELETE] = { REG_OP_DELETE, REG_ACTION_DELETE }
    } },

    [REG_RESOURCE_UPLOADS] = { "POST", {
        [REG_METHOD_POST]   = { REG_OP_PUSH, REG_ACTION_PUSH }
    } },

    [REG_RESOURCE_UPLOAD] = { "GET, PUT, PATCH, DELETE", {
        [REG_METHOD_GET]    = { REG_OP_PUSH, REG_ACTION_PUSH },
        [REG_METHOD_PUT]    = { REG_OP_PUSH, REG_ACTION_PUSH },
        [REG_METHOD_PATCH]  = { REG_OP_PUSH, REG_ACTION_PUSH },
        [REG_METHOD_DELETE] = { REG_OP_PUSH, REG_ACTION_PUSH }
    } },

    [REG_RESOURCE_REFERRERS] = { "GET", {
        [REG_METHOD_GET]    = { REG_OP_REFERRERS, REG_ACTION_PULL }
    } }
};


static int reg_path_is_canonical(reg_str_t path, size_t *escapes);
static reg_route_rc_t reg_path_match(reg_route_t *route, reg_str_t rest);
static reg_route_rc_t reg_path_match_uploads(reg_route_t *route,
    reg_str_t rest);
static reg_route_rc_t reg_reference_check(reg_route_t *route);
static int reg_upload_id_check(reg_str_t id);
static reg_str_t reg_last_component(reg_str_t *path);


/* The one escape there may be stands for the colon of a digest. */

static inline int
reg_digest_is_escaped(const reg_digest_t *digest)
{
    return digest->algorithm.len
           && digest->algorithm.data + digest->algorithm.len + 1
              != digest->encoded.data;
}


reg_method_t
reg_method_parse(reg_str_t name)
{
    switch (name.len) {

    case 3:
        return reg_str_eq(name, REG_STR("GET")) ? REG_METHOD_GET
               : reg_str_eq(name, REG_STR("PUT")) ? REG_METHOD_PUT
               : REG_METHOD_OTHER;

    case 4:
        return reg_str_eq(name, REG_STR("HEAD")) ? REG_METHOD_HEAD
               : reg_str_eq(name, REG_STR("POST")) ? REG_METHOD_POST
               : REG_METHOD_OTHER;

    case 5:
        return reg_str_eq(name, REG_STR("PATCH")) ? REG_METHOD_PATCH
                                                  : REG_METHOD_OTHER;

    case 6:
        return reg_str_eq(name, REG_STR("DELETE")) ? REG_METHOD_DELETE
                                                   : REG_METHOD_OTHER;
    }

    return REG_METHOD_OTHER;
}


reg_route_rc_t
reg_route_parse(reg_route_t *route, reg_method_t method, reg_str_t path)
{
    size_t                  escapes;
    reg_route_rc_t          rc;
    const reg_route_row_t  *row;

    memset(route, 0, sizeof(reg_route_t));
    route->method = method;

    if (!reg_path_is_canonical(path, &escapes)) {
        return REG_ROUTE_NOT_CANONICAL;
    }

    rc = REG_ROUTE_UNKNOWN;

    if (reg_str_starts(path, REG_STR("/v2/"))) {
        path.data += sizeof("/v2/") - 1;
        path.len -= sizeof("/v2/") - 1;

        rc = reg_path_match(route, path);

    } else if (path.data[path.len - 1] == '/' && path.len > 1) {
        rc = REG_ROUTE_NOT_CANONICAL;
    }

    if (escapes && !(rc == REG_ROUTE_OK && escapes == 1
                     && reg_digest_is_escaped(&route->digest)))
    {
        rc = REG_ROUTE_NOT_CANONICAL;
    }

    if (rc == REG_ROUTE_OK) {

        row = &reg_endpoints[route->resource].rows[method];

        if (row->operation != REG_OP_NONE) {
            route->operation = row->operation;
            route->actions = row->actions;

            return REG_ROUTE_OK;
        }

        rc = REG_ROUTE_METHOD;
    }

    *route = (reg_route_t) {
        .method = method,
        .resource = (rc == REG_ROUTE_METHOD) ? route->resource
                                             : REG_RESOURCE_NONE
    };

    return rc;
}


const char *
reg_route_methods(reg_resource_t resource)
{
    const char  *methods;

    methods = reg_endpoints[resource].methods;

    return methods ? methods : "";
}


const char *
reg_operation_name(reg_operation_t operation)
{
    static const char *const  names[] = {
        [REG_OP_NONE]      = "-",
        [REG_OP_PING]      = "ping",
        [REG_OP_PULL]      = "pull",
        [REG_OP_PUSH]      = "push",
        [REG_OP_MOUNT]     = "mount",
        [REG_OP_DELETE]    = "delete",
        [REG_OP_LIST]      = "list",
        [REG_OP_CATALOG]   = "catalog",
        [REG_OP_REFERRERS] = "referrers",
        [REG_OP_API]       = "api"
    };

    return names[operation];
}


/*
 * Only bytes that some endpoint may hold, no empty and no dotted component.
 * A '%' passes here and is counted.
 */

static int
reg_path_is_canonical(reg_str_t path, size_t *escapes)
{
    static const unsigned char  allowed[256] = {
        ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
        ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1,
        ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,
        ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
        ['y'] = 1, ['z'] = 1,
        ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
        ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1,
        ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1,
        ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1,
        ['Y'] = 1, ['Z'] = 1,
        ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1,
        ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
        ['_'] = 1, ['-'] = 1, ['='] = 1, [':'] = 1,
        ['/'] = 2, ['.'] = 3, ['%'] = 4
    };

    size_t                i;
    const unsigned char  *p;

    *escapes = 0;
    p = path.data;

    if (path.len == 0 || p[0] != '/') {
        return 0;
    }

    for (i = 1; i < path.len; i++) {

        switch (allowed[p[i]]) {

        case 1:
            break;

        case 2:
            if (p[i - 1] == '/') {
                return 0;
            }
            break;

        case 3:

            /* "." and ".." between slashes, or at the end */

            if (p[i - 1] == '/') {

                if (i + 1 == path.len || p[i + 1] == '/') {
                    return 0;
                }

                if (p[i + 1] == '.'
                    && (i + 2 == path.len || p[i + 2] == '/'))
                {
                    return 0;
                }
            }
            break;

        case 4:
            (*escapes)++;
            break;

        default:
            return 0;
        }
    }

    return 1;
}


/* rest is what follows "/v2/". */

static reg_route_rc_t
reg_path_match(reg_route_t *route, reg_str_t rest)
{
    reg_str_t  kind;

    if (rest.len == 0) {
        route->resource = REG_RESOURCE_PING;
        return REG_ROUTE_OK;
    }

    if (reg_str_eq(rest, REG_STR("_catalog"))) {
        route->resource = REG_RESOURCE_CATALOG;
        return REG_ROUTE_OK;
    }

    if (rest.data[rest.len - 1] == '/') {
        return reg_path_match_uploads(route, rest);
    }

    route->reference = reg_last_component(&rest);
    kind = reg_last_component(&rest);

    if (reg_str_eq(kind, REG_STR("manifests"))) {
        route->resource = REG_RESOURCE_MANIFEST;

    } else if (reg_str_eq(kind, REG_STR("blobs"))) {
        route->resource = REG_RESOURCE_BLOB;

    } else if (reg_str_eq(kind, REG_STR("referrers"))) {
        route->resource = REG_RESOURCE_REFERRERS;

    } else if (reg_str_eq(kind, REG_STR("tags"))
               && reg_str_eq(route->reference, REG_STR("list")))
    {
        route->resource = REG_RESOURCE_TAGS;
        route->reference = REG_STR_NULL;

    } else if (reg_str_eq(kind, REG_STR("uploads"))
               && reg_str_eq(reg_last_component(&rest), REG_STR("blobs")))
    {
        route->resource = REG_RESOURCE_UPLOAD;

    } else {
        return REG_ROUTE_UNKNOWN;
    }

    if (rest.len == 0) {
        return REG_ROUTE_UNKNOWN;
    }

    if (reg_repository_check(rest) != REG_OK) {
        return REG_ROUTE_NAME_INVALID;
    }

    route->repository = rest;

    return reg_reference_check(route);
}


/* The only endpoint with a trailing slash but for "/v2/" itself. */

static reg_route_rc_t
reg_path_match_uploads(reg_route_t *route, reg_str_t rest)
{
    rest.len--;

    if (!reg_str_eq(reg_last_component(&rest), REG_STR("uploads"))
        || !reg_str_eq(reg_last_component(&rest), REG_STR("blobs"))
        || rest.len == 0)
    {
        return REG_ROUTE_NOT_CANONICAL;
    }

    if (reg_repository_check(rest) != REG_OK) {
        return REG_ROUTE_NAME_INVALID;
    }

    route->resource = REG_RESOURCE_UPLOADS;
    route->repository = rest;

    return REG_ROUTE_OK;
}


static reg_route_rc_t
reg_reference_check(reg_route_t *route)
{
    switch (route->resource) {

    case REG_RESOURCE_TAGS:
        return REG_ROUTE_OK;

    case REG_RESOURCE_UPLOAD:
        return reg_upload_id_check(route->reference) ? REG_ROUTE_OK
                                                     : REG_ROUTE_NOT_CANONICAL;

    case REG_RESOURCE_MANIFEST:

        if (reg_tag_check(route->reference) == REG_OK) {
            return REG_ROUTE_OK;
        }

        if (memchr(route->reference.data, ':', route->reference.len) == NULL
            && memchr(route->reference.data, '%', route->reference.len) == NULL)
        {
            return REG_ROUTE_TAG_INVALID;
        }

        break;

    default:
        break;
    }

    return reg_digest_parse_raw(&route->digest, route->reference) == REG_OK
           ? REG_ROUTE_OK : REG_ROUTE_DIGEST_INVALID;
}


/*
 * The specification leaves the form of upload ids to the server; these bytes
 * hold UUIDs, and base64url with its padding.  "." and ".." never get here.
 */

static int
reg_upload_id_check(reg_str_t id)
{
    size_t  i;

    if (id.len > REG_UPLOAD_ID_MAX) {
        return 0;
    }

    for (i = 0; i < id.len; i++) {
        if (id.data[i] == ':' || id.data[i] == '%') {
            return 0;
        }
    }

    return 1;
}


/* Cuts the last component off path and returns it; "" when path is empty. */

static reg_str_t
reg_last_component(reg_str_t *path)
{
    size_t     start;
    reg_str_t  last;

    for (start = path->len; start > 0; start--) {
        if (path->data[start - 1] == '/') {
            break;
        }
    }

    last.data = path->data + start;
    last.len = path->len - start;

    path->len = start ? start - 1 : 0;

    return last;
}
