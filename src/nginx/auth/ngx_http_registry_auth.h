/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_AUTH_H
#define NGX_HTTP_REGISTRY_AUTH_H

/*
 * What the files of the auth module share: its handler, the challenge that
 * it answers with, and what is allowed without a key.
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_throttle.h"

#define NGX_HTTP_REGISTRY_CHALLENGE_AUTO    0
#define NGX_HTTP_REGISTRY_CHALLENGE_BEARER  1
#define NGX_HTTP_REGISTRY_CHALLENGE_BASIC   2


typedef struct {
    ngx_uint_t                     challenge;
    ngx_str_t                      realm;
    ngx_str_t                      service;
    ngx_array_t                   *anonymous_scopes;   /* of reg_str_t */
    ngx_http_complex_value_t      *anonymous_tenant;
    ngx_http_registry_identity_t  *anonymous;          /* NULL: nobody */
    ngx_http_registry_throttle_t  *throttle;           /* NULL: none */
} ngx_http_registry_auth_conf_t;


/*
 * Adds the one WWW-Authenticate header of a 401 to the response.  NGX_OK, or
 * NGX_ERROR when memory ran out.
 */

ngx_int_t ngx_http_registry_auth_challenge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* The setters of the directives "registry_challenge", "registry_anonymous". */

char *ngx_http_registry_challenge(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_registry_anonymous(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Warns where a token endpoint cannot be named in a challenge. */

void ngx_http_registry_challenge_check(ngx_conf_t *cf,
    ngx_http_registry_auth_conf_t *racf);


/* Compiles what anonymous clients may do, once for all that inherit it. */

char *ngx_http_registry_anonymous_compile(ngx_conf_t *cf,
    ngx_http_registry_auth_conf_t *conf);

#endif /* NGX_HTTP_REGISTRY_AUTH_H */
