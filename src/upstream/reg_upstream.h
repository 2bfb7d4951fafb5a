/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_UPSTREAM_H
#define REG_UPSTREAM_H

/*
 * A registry of somebody else that is pulled through: which URLs a request to
 * it becomes, one after the other, and which ones never.
 *
 *     GET  <url>/v2/library/app/blobs/sha256:...     401, a challenge
 *     GET  <realm>?service=...&scope=...             200, a token
 *     GET  <url>/v2/library/app/blobs/sha256:...     307, a Location
 *     GET  <Location>                                200, the blob
 */

#include "reg_challenge.h"
#include "reg_route.h"
#include "reg_url.h"

#define REG_UPSTREAM_URL_MAX   16384        /* bytes; signatures are long */
#define REG_UPSTREAM_HOPS_MAX  4            /* redirects of one request */

typedef struct {
    reg_str_t         url;          /* scheme and authority */
    reg_str_t         realm;        /* empty: none */
    reg_str_t         prefix;       /* of our names, not theirs; empty: none */
    const reg_str_t  *hosts;        /* with ":port" or without */
    size_t            nhosts;
    unsigned          library:1;    /* "app" is "library/app" there */
} reg_upstream_t;


/*
 * The name that a repository of ours has there.  REG_OK, REG_NOTFOUND if our
 * name is not below prefix, REG_INVALID if name does not fit.
 */

reg_rc_t reg_upstream_repository(const reg_upstream_t *upstream,
    reg_str_t name, reg_text_t *repository);


/*
 * The URL of a request, whose route is not a ping, and whose repository has
 * that name there.  Of its query only n, last and artifactType are kept.
 */

reg_rc_t reg_upstream_request(const reg_upstream_t *upstream,
    const reg_route_t *route, reg_str_t repository, reg_str_t args,
    reg_text_t *url);


/*
 * Where a token is to be had, for a challenge to a request for repository.
 *
 * REG_OK        *url is set
 * REG_INVALID   the realm is another one than configured, or the scope is not
 *               of this repository; *error says so
 */

reg_rc_t reg_upstream_question(const reg_upstream_t *upstream,
    const reg_challenge_t *challenge, reg_str_t repository, reg_text_t *url,
    reg_error_t *error);


/*
 * Where a Location leads, that was the answer to a request for from.
 *
 * REG_OK        *url is set, and is a URL of a host that is listed
 * REG_INVALID   it must not be followed; *error says why
 */

reg_rc_t reg_upstream_follow(const reg_upstream_t *upstream, reg_str_t from,
    reg_str_t location, reg_text_t *url, reg_error_t *error);

#endif /* REG_UPSTREAM_H */
