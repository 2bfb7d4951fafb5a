/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_MEMO_H
#define NGX_HTTP_REGISTRY_MEMO_H

/*
 * What a worker remembers: which text stands for whom.  A memo has a fixed
 * number of places and keeps a SipHash in place of the text, so a credential
 * that is known costs one short hash.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "reg_identity.h"
#include "reg_token.h"

/*
 * An identity that requests and memos share, counted by a worker.  That of a
 * token is made of two: whom it stands for, and what it says.
 */

typedef struct ngx_http_registry_identity_s  ngx_http_registry_identity_t;

struct ngx_http_registry_identity_s {
    reg_identity_t                *identity;  /* NULL: a token alone */
    reg_token_t                   *token;     /* NULL: no token */
    ngx_uint_t                     refs;

    /* who owns identity and token; NULL, NULL: this one does */

    ngx_http_registry_identity_t  *who;
    ngx_http_registry_identity_t  *what;
};

typedef struct ngx_http_registry_memo_s  ngx_http_registry_memo_t;


/* Freed with cf->pool; NULL when memory or randomness ran out. */

ngx_http_registry_memo_t *ngx_http_registry_memo_create(ngx_conf_t *cf);

/* Forgets everybody: a secret has changed. */

void ngx_http_registry_memo_flush(ngx_http_registry_memo_t *memo);


/*
 * Who text stands for, as of this generation of the store; one reference is the
 * caller's.  NULL if that is not known, as it never is of generation 0.
 */

ngx_http_registry_identity_t *ngx_http_registry_memo_find(
    ngx_http_registry_memo_t *memo, reg_str_t text, uint64_t generation);


/*
 * The same for what a connection sends: connection is its number.  Text that is
 * long, as tokens are, is compared with what the same connection has sent
 * before, which takes a fraction of a hash.
 */

ngx_http_registry_identity_t *ngx_http_registry_memo_find_sent(
    ngx_http_registry_memo_t *memo, reg_str_t text, uint64_t generation,
    ngx_atomic_uint_t connection);


/* Remembers it, with a reference of its own. */

void ngx_http_registry_memo_put(ngx_http_registry_memo_t *memo, reg_str_t text,
    uint64_t generation, ngx_http_registry_identity_t *identity);


/* Forgets it, if it was known. */

void ngx_http_registry_memo_drop(ngx_http_registry_memo_t *memo,
    reg_str_t text);


/* Takes over an identity; one reference is the caller's.  NULL: no memory. */

ngx_http_registry_identity_t *ngx_http_registry_identity_wrap(
    reg_identity_t *identity);

/* The same of a token. */

ngx_http_registry_identity_t *ngx_http_registry_identity_wrap_token(
    reg_token_t *token);

/*
 * The identity of who, narrowed by the token of what, with a reference of its
 * own to each.  NULL: no memory.
 */

ngx_http_registry_identity_t *ngx_http_registry_identity_join(
    ngx_http_registry_identity_t *who, ngx_http_registry_identity_t *what);

/* Gives one reference back. */

void ngx_http_registry_identity_release(ngx_http_registry_identity_t *identity);

#endif /* NGX_HTTP_REGISTRY_MEMO_H */
