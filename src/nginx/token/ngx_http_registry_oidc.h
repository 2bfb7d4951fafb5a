/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_OIDC_H
#define NGX_HTTP_REGISTRY_OIDC_H

/*
 * Tokens of other issuers: a record of the store says whose they are and whom
 * they admit, the configuration where the keys of the issuer are.  Keys that a
 * subrequest fetches belong to one server: another one may have another
 * location there.
 */

#include "ngx_http_registry_token.h"
#include "reg_issuer.h"

#define NGX_HTTP_REGISTRY_OIDC_REFRESH  300     /* seconds */

typedef struct ngx_http_registry_remote_s  ngx_http_registry_remote_t;

typedef struct {
    ngx_str_t                      name;        /* of the record */
    ngx_http_registry_key_file_t  *file;        /* NULL: */
    ngx_str_t                      uri;         /* of a location */
    time_t                         refresh;     /* seconds */
    ngx_http_registry_remote_t    *remote;      /* of a server only */
} ngx_http_registry_oidc_t;


/* The setter of "registry_oidc". */

char *ngx_http_registry_oidc(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Makes of conf->oidc what the server of conf trusts.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_oidc_trust(ngx_conf_t *cf,
    ngx_http_registry_trust_t *trust, ngx_array_t *oidc);


/*
 * Verifies a token whose iss is not ours.
 *
 * NGX_OK         *token is set and the caller's
 * NGX_AGAIN      lookup->waiter waits for the store or for keys
 * NGX_DECLINED   it is refused, for *reason, which has been logged
 */

ngx_int_t ngx_http_registry_oidc_verify(ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_trust_t *trust, reg_str_t text, reg_token_t **token,
    reg_reason_t *reason);

/*
 * Finds whom a token of REG_TOKEN_ISSUER stands for, as the record of its
 * issuer has it now; the same, and NGX_ABORT: the record is another one than
 * that which admitted it.
 */

ngx_int_t ngx_http_registry_oidc_who(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_token_t *token, uint64_t generation,
    ngx_http_registry_lookup_t *lookup, ngx_http_registry_identity_t **who,
    reg_reason_t *reason);


/* ngx_http_registry_oidc_fetch.c */

/* Freed with cf->pool; NULL: no memory. */

ngx_http_registry_remote_t *ngx_http_registry_remote_create(ngx_conf_t *cf,
    ngx_http_registry_trust_t *trust, ngx_http_registry_oidc_t *oidc);

/* The keys, valid until the next turn of the event loop; NULL: none yet. */

const reg_jwks_t *ngx_http_registry_remote_keys(
    ngx_http_registry_remote_t *remote);

/*
 * They are not enough.  NGX_AGAIN: waiter waits for newer ones, and the caller
 * is to come to ngx_http_registry_oidc_fetch(); NGX_DECLINED: they are new.
 */

ngx_int_t ngx_http_registry_remote_want(ngx_http_registry_remote_t *remote,
    ngx_http_registry_waiter_t *waiter);

/* Is it time for newer ones?  Called now and then. */

void ngx_http_registry_oidc_watch(ngx_http_registry_trust_t *trust);

/*
 * Fetches with a subrequest of r, a client's request, what is wanted.  NGX_OK,
 * or NGX_ERROR: memory ran out.
 */

ngx_int_t ngx_http_registry_oidc_fetch(ngx_http_request_t *r,
    ngx_http_registry_trust_t *trust);

/* Whether a fetch under way is this subrequest; and takes what it reads. */

ngx_uint_t ngx_http_registry_remote_is(ngx_http_registry_remote_t *remote,
    ngx_http_request_t *sr);

void ngx_http_registry_remote_read(ngx_http_registry_remote_t *remote,
    u_char *p, size_t len);

ngx_int_t ngx_http_registry_oidc_filter_init(ngx_conf_t *cf);

#endif /* NGX_HTTP_REGISTRY_OIDC_H */
