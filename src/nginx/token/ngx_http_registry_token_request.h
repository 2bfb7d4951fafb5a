/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOKEN_REQUEST_H
#define NGX_HTTP_REGISTRY_TOKEN_REQUEST_H

/* One request at the token endpoint: what it asks, and what it is told. */

#include "ngx_http_registry_token.h"

typedef struct {
    ngx_http_registry_ctx_t  *ctx;
    reg_grants_t              grants;     /* asked for, then granted */
    reg_str_t                 password;   /* in a buffer of the request's */
    reg_str_t                 refresh;
    u_char                   *secrets;    /* that buffer, to be wiped */
    size_t                    secrets_len;
    unsigned                  post:1;
    unsigned                  offline:1;  /* a refresh token is wanted */
    unsigned                  anonymous:1;
} ngx_http_registry_token_request_t;


/*
 * May the body be read as a form?
 *
 * NGX_OK      yes
 * NGX_ABORT   no, for *reason
 * else        no, with that status
 */

ngx_int_t ngx_http_registry_token_check_form(ngx_http_request_t *r,
    reg_reason_t *reason);


/* Read what a GET or a POST asks for.  NGX_OK or a status. */

ngx_int_t ngx_http_registry_token_query(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t);

ngx_int_t ngx_http_registry_token_form(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t);


/* Grants what may be granted and sends it; for ngx_http_finalize_request(). */

ngx_int_t ngx_http_registry_token_answer(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t);

/* Wipes the password. */

void ngx_http_registry_token_cleanup(void *data);

#endif /* NGX_HTTP_REGISTRY_TOKEN_REQUEST_H */
