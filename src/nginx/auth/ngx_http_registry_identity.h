/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_IDENTITY_H
#define NGX_HTTP_REGISTRY_IDENTITY_H

/*
 * From the Authorization header to an identity.  One memo is for headers: a
 * known one costs a short hash; base64, checksum, SHA-256 and records are for
 * the first time only.  The other is for keys: any user name goes with a key,
 * so one key may come in many headers, and they share one identity; no number
 * of names drives another key out of its place.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_registry_lookup.h"
#include "ngx_http_registry_memo.h"

/* Whose tokens a server takes: see ngx_http_registry_token.h. */

typedef struct ngx_http_registry_trust_s  ngx_http_registry_trust_t;

typedef struct {
    ngx_http_registry_memo_t    *headers;
    ngx_http_registry_memo_t    *keys;
    ngx_http_registry_memo_t    *ids;        /* of keys; never their text */
    ngx_http_registry_store_t   *store;
    ngx_http_registry_secret_t  *pepper;     /* NULL: none */
} ngx_http_registry_identify_t;


/*
 * Whom a worker remembers, as below; NULL if nobody.  connection is the number
 * of that which has sent it.
 */

ngx_http_registry_identity_t *ngx_http_registry_identify_known(
    ngx_http_registry_identify_t *by, ngx_http_registry_trust_t *trust,
    ngx_str_t *authorization, ngx_atomic_uint_t connection);


/*
 * Finds who the value of an Authorization header stands for.  trust is NULL
 * where no tokens are taken.  An anonymous token has a token, but no identity.
 *
 * NGX_OK         *identity is set and one reference is the caller's
 * NGX_AGAIN      waiter waits for the store, and is to ask again when woken
 * NGX_DECLINED   it stands for nobody, for *reason, which has been logged
 */

ngx_int_t ngx_http_registry_identify(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, ngx_str_t *authorization,
    ngx_http_registry_waiter_t *waiter,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason,
    ngx_log_t *log);


/* The same for what came as a password: an API key, or a token. */

ngx_int_t ngx_http_registry_identify_text(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_str_t text,
    ngx_http_registry_waiter_t *waiter,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason,
    ngx_log_t *log);

#endif /* NGX_HTTP_REGISTRY_IDENTITY_H */
