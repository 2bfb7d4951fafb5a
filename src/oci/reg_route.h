/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_ROUTE_H
#define REG_ROUTE_H

/*
 * What a request is: method and raw path to operation, repository and
 * reference.  One table holds every endpoint of the distribution
 * specification; whatever is not in it is refused.
 *
 * Paths are matched from the right, because a repository name may hold the
 * words "blobs", "manifests", "tags", "uploads" and "referrers":
 *
 *     /v2/                                     ping
 *     /v2/_catalog                             catalog
 *     /v2/<name>/tags/list                     tags
 *     /v2/<name>/manifests/<tag or digest>     manifest
 *     /v2/<name>/blobs/<digest>                blob
 *     /v2/<name>/blobs/uploads/                start of an upload
 *     /v2/<name>/blobs/uploads/<id>            an upload session
 *     /v2/<name>/referrers/<digest>            referrers
 *
 * Only canonical targets are routed: the literal bytes of the grammars, and
 * "%3A" for the colon of a digest.  Any other escape, an empty or dotted path
 * component, a backslash or a stray trailing slash is refused, so that what
 * is authorised here is byte for byte what the backend reads.
 */

#include "reg_core.h"
#include "reg_name.h"

typedef enum {
    REG_METHOD_OTHER = 0,
    REG_METHOD_GET,
    REG_METHOD_HEAD,
    REG_METHOD_POST,
    REG_METHOD_PUT,
    REG_METHOD_PATCH,
    REG_METHOD_DELETE
} reg_method_t;

typedef enum {
    REG_OP_NONE = 0,
    REG_OP_PING,
    REG_OP_PULL,
    REG_OP_PUSH,
    REG_OP_MOUNT,
    REG_OP_DELETE,
    REG_OP_LIST,
    REG_OP_CATALOG,
    REG_OP_REFERRERS,
    REG_OP_API,
    REG_OP_TOKEN                    /* at a token endpoint, no target */
} reg_operation_t;

typedef enum {
    REG_RESOURCE_NONE = 0,
    REG_RESOURCE_PING,
    REG_RESOURCE_CATALOG,
    REG_RESOURCE_TAGS,
    REG_RESOURCE_MANIFEST,
    REG_RESOURCE_BLOB,
    REG_RESOURCE_UPLOADS,           /* .../blobs/uploads/ */
    REG_RESOURCE_UPLOAD,            /* .../blobs/uploads/<id> */
    REG_RESOURCE_REFERRERS
} reg_resource_t;


/* What a method on a resource takes; any one of the set bits suffices. */

#define REG_ACTION_PULL    0x01
#define REG_ACTION_PUSH    0x02
#define REG_ACTION_DELETE  0x04
#define REG_ACTION_ALL     0xff

typedef enum {
    REG_ROUTE_OK = 0,
    REG_ROUTE_NOT_CANONICAL,        /* 400: a form we do not forward */
    REG_ROUTE_NAME_INVALID,         /* 400 */
    REG_ROUTE_TAG_INVALID,          /* 400 */
    REG_ROUTE_DIGEST_INVALID,       /* 400 */
    REG_ROUTE_QUERY_INVALID,        /* 400: see reg_query.h */
    REG_ROUTE_UNKNOWN,              /* 404: canonical, but no endpoint */
    REG_ROUTE_METHOD                /* 405: see reg_route_methods() */
} reg_route_rc_t;


/* Slices borrow from the path that was parsed. */

typedef struct {
    reg_method_t     method;
    reg_resource_t   resource;
    reg_operation_t  operation;     /* push for a mount until its query says */
    unsigned         actions;       /* REG_ACTION_*; 0 for ping and catalog */
    reg_str_t        repository;    /* empty for ping and catalog */
    reg_str_t        reference;     /* tag, digest or upload id, as written */
    reg_digest_t     digest;        /* set where reference is a digest */
} reg_route_t;


reg_method_t reg_method_parse(reg_str_t name);

/*
 * Routes the raw path of a request target, without '?' and query.  On
 * REG_ROUTE_METHOD resource is set and the rest is not; on any other error
 * *route is zero but for method.
 */

reg_route_rc_t reg_route_parse(reg_route_t *route, reg_method_t method,
    reg_str_t path);


/* The value of an Allow header, such as "GET, HEAD, PUT, DELETE". */

const char *reg_route_methods(reg_resource_t resource);


/* "ping", "pull", ...; "-" for REG_OP_NONE. */

const char *reg_operation_name(reg_operation_t operation);

#endif /* REG_ROUTE_H */
