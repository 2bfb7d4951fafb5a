/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_QUERY_H
#define REG_QUERY_H

/*
 * The query string of a registry request.  A backend must read exactly what
 * we read, so a parameter that the API defines appears at most once, a name
 * that holds '%' or '+' is refused, and so are ';', which older servers take
 * for a separator, and '#', where nginx ends $args.  Values are decoded once
 * and then checked.
 */

#include "reg_core.h"
#include "reg_route.h"

#define REG_QUERY_MAX  8192         /* bytes; Distribution's _state is long */
#define REG_LIST_MAX   1000         /* entries that n= may ask for */

typedef struct {
    reg_str_t  mount;               /* decoded; empty when absent or empty, */
    reg_str_t  from;                /* and where the endpoint has no such */
    reg_str_t  digest;              /* parameter */
    int64_t    n;                   /* -1: absent; above REG_LIST_MAX: cap it */
    unsigned   has_mount:1;         /* the parameter is there, be it empty */
    unsigned   has_from:1;
    unsigned   has_n:1;
} reg_query_t;


/*
 * Checks the query of a route and decodes what it needs into buf, which must
 * hold args.len bytes.  On a POST to the uploads endpoint with mount, sets
 * route->operation to REG_OP_MOUNT.
 *
 * REG_ROUTE_OK              *query is set; its slices lie in buf
 * REG_ROUTE_QUERY_INVALID   a repeated, malformed or overlong parameter
 * REG_ROUTE_DIGEST_INVALID  digest= or mount= is no digest
 * REG_ROUTE_NAME_INVALID    from= is no repository name
 */

reg_route_rc_t reg_query_parse(reg_query_t *query, reg_route_t *route,
    reg_str_t args, unsigned char *buf);


/*
 * Copies args to dst without mount= and from= (when drop_mount is set) and
 * with n= lowered to REG_LIST_MAX.  args has passed reg_query_parse().  dst
 * holds args.len bytes; returns the bytes written.  Everything else is copied
 * byte for byte, in order, but for empty pairs ("&&").
 */

size_t reg_query_rewrite(unsigned char *dst, reg_str_t args,
    const reg_query_t *query, int drop_mount);


/*
 * Says whether a Content-Type value is one that Go's FormValue, and so
 * Distribution, would read parameters from the body for: urlencoded forms
 * and anything multipart.  A type that is not all printable ASCII counts as
 * one: Go trims any Unicode space and makes an "i" of U+0130.
 */

int reg_content_type_is_form(reg_str_t value);

#endif /* REG_QUERY_H */
