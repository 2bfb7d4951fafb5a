/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_IDENTITY_H
#define NGX_HTTP_REGISTRY_IDENTITY_H

/*
 * From the Authorization header to an identity.  A worker remembers which
 * value stands for whom in a memo keyed by its SipHash, so that a known
 * credential costs one short hash; base64, checksum, SHA-256 and records
 * are for the first time only.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "ngx_http_registry_lookup.h"

/* An identity that requests and the memo share, counted by a worker. */

typedef struct {
    reg_identity_t  *identity;
    ngx_uint_t       refs;
} ngx_http_registry_identity_t;

typedef struct ngx_http_registry_memo_s  ngx_http_registry_memo_t;


/* Freed with cf->pool; NULL when memory or randomness ran out. */

ngx_http_registry_memo_t *ngx_http_registry_memo_create(ngx_conf_t *cf);

/* Forgets everybody: a secret has changed. */

void ngx_http_registry_memo_flush(ngx_http_registry_memo_t *memo);


/*
 * Finds who the value of an Authorization header stands for.
 *
 * NGX_OK         *identity is set and one reference is the caller's
 * NGX_AGAIN      lookup->waiter waits for the store
 * NGX_DECLINED   it stands for nobody, for *reason, which has been logged
 */

ngx_int_t ngx_http_registry_identify(ngx_http_registry_memo_t *memo,
    ngx_http_registry_lookup_t *lookup, ngx_str_t *authorization,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason);


/* Takes over an identity that is created elsewhere: one reference. */

ngx_http_registry_identity_t *ngx_http_registry_identity_wrap(
    reg_identity_t *identity);

/* Gives one reference back. */

void ngx_http_registry_identity_release(ngx_http_registry_identity_t *identity);

#endif /* NGX_HTTP_REGISTRY_IDENTITY_H */
