/*
 * Copyright (C) ngx_http_registry_module authors
 */

#define _GNU_SOURCE                 /* memrchr() */

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


static int reg_path_is_canonical(reg_str_t path);
static reg_route_rc_t reg_path_match(reg_route_t *route, reg_str_t rest);
static reg_route_rc_t reg_path_match_uploads(reg_route_t *route,
    reg_str_t rest);
static reg_route_rc_t reg_reference_check(reg_route_t *route);
static int reg_upload_id_check(reg_str_t id);
static int reg_is_unreserved(unsigned char c);
static int reg_is_dots(reg_str_t s);
static reg_str_t reg_last_component(reg_str_t *path);


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


/*
 * A path that matches holds nothing but what the grammars allow, so it is
 * canonical; only one that does not match has to be looked through.
 */

reg_route_rc_t
reg_route_parse(reg_route_t *route, reg_method_t method, reg_str_t path)
{
    reg_route_rc_t          rc;
    const reg_route_row_t  *row;

    memset(route, 0, sizeof(reg_route_t));
    route->method = method;

    rc = REG_ROUTE_UNKNOWN;

    if (reg_str_starts(path, REG_STR("/v2/"))) {
        path.data += sizeof("/v2/") - 1;
        path.len -= sizeof("/v2/") - 1;

        rc = reg_path_match(route, path);

    } else if (path.len && path.data[0] == '/') {
        path.data++;
        path.len--;

    } else {
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

    } else {
        route->resource = REG_RESOURCE_NONE;

        /* of what ends in a slash, only uploads get as far as to a name */

        if (rc == REG_ROUTE_NAME_INVALID && path.data[path.len - 1] == '/') {
            path.len--;
        }

        if (!reg_path_is_canonical(path)) {
            rc = REG_ROUTE_NOT_CANONICAL;
        }
    }

    *route = (reg_route_t) { .method = method, .resource = route->resource };

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
        [REG_OP_API]       = "api",
        [REG_OP_TOKEN]     = "token"
    };

    return names[operation];
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
 * hold UUIDs, and base64url with its padding.
 */

static int
reg_upload_id_check(reg_str_t id)
{
    size_t  i;

    if (id.len == 0 || id.len > REG_UPLOAD_ID_MAX || reg_is_dots(id)) {
        return 0;
    }

    for (i = 0; i < id.len; i++) {
        if (!reg_is_unreserved(id.data[i]) && id.data[i] != '=') {
            return 0;
        }
    }

    return 1;
}


/*
 * Says whether a path that was not matched might have been, or has a form that
 * never is: other bytes, an empty component, or one of dots.  path comes
 * without its first slash.
 */

static int
reg_path_is_canonical(reg_str_t path)
{
    size_t     i;
    reg_str_t  component;

    for (i = 0; i < path.len; i++) {
        if (!reg_is_unreserved(path.data[i])
            && memchr("/:=", path.data[i], 3) == NULL)
        {
            return 0;
        }
    }

    if (path.len && path.data[0] == '/') {
        return 0;
    }

    while (path.len) {

        component = reg_last_component(&path);

        if (component.len == 0 || reg_is_dots(component)) {
            return 0;
        }
    }

    return 1;
}


static int
reg_is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}


static int
reg_is_dots(reg_str_t s)
{
    return reg_str_eq(s, REG_STR(".")) || reg_str_eq(s, REG_STR(".."));
}


/* Cuts the last component off path and returns it; "" when path is empty. */

static reg_str_t
reg_last_component(reg_str_t *path)
{
    reg_str_t       last;
    unsigned char  *slash;

    slash = path->len ? memrchr(path->data, '/', path->len) : NULL;

    last.data = slash ? slash + 1 : path->data;
    last.len = path->len - (size_t) (last.data - path->data);

    path->len = slash ? (size_t) (slash - path->data) : 0;

    return last;
}
