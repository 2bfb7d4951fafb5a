/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOKEN_H
#define NGX_HTTP_REGISTRY_TOKEN_H

/*
 * What the files of the token module share: whom a server trusts, the token
 * endpoint, and the key files.
 */

#include "ngx_http_registry.h"
#include "reg_siphash.h"
#include "ngx_http_registry_key_file.h"

#define NGX_HTTP_REGISTRY_TOKEN_TTL       300           /* seconds */
#define NGX_HTTP_REGISTRY_TOKEN_TTL_MIN   60
#define NGX_HTTP_REGISTRY_TOKEN_TTL_MAX   3600
#define NGX_HTTP_REGISTRY_TOKEN_REFRESH   (30 * 86400)

/* A token has to fit in a header line of 8k, in base64 and with a name. */

#define NGX_HTTP_REGISTRY_TOKEN_MAX       5120


typedef struct ngx_http_registry_backend_token_s
    ngx_http_registry_backend_token_t;


/*
 * Whose tokens a server takes.  What it has verified is remembered for the
 * server alone: another one may trust other keys.
 */

struct ngx_http_registry_trust_s {
    ngx_str_t                  issuer;       /* ours; and the audience */
    reg_jwks_t                 jwks;         /* borrowed from the key files */
    ngx_array_t               *keys;         /* of key_file_t * */
    ngx_array_t               *oidc;         /* of oidc_t; NULL: none */
    unsigned                   wanted:1;     /* keys of one of those */
    ngx_http_registry_memo_t  *headers;      /* Authorization -> identity */
    ngx_http_registry_memo_t  *tokens;       /* token -> what it says */

    /* those for the backend, by what they say; NULL: none yet */

    u_char                     backend_key[REG_SIPHASH_KEY_LEN];
    ngx_http_registry_backend_token_t  *backend;
};


typedef struct {
    ngx_array_t                *keys;        /* of key_file_t *; NULL: none */
    ngx_array_t                *oidc;        /* of oidc_t; NULL: none */
    ngx_str_t                   issuer;
    time_t                      ttl;
    time_t                      refresh;     /* 0: no refresh tokens */
    ngx_str_t                   endpoint;    /* path of registry_token */
    ngx_uint_t                  signs;       /* something here needs a key */
    ngx_http_registry_trust_t  *trust;       /* NULL: nobody */
} ngx_http_registry_token_conf_t;


/*
 * Finds who a token stands for; as ngx_http_registry_identify(), but that of an
 * anonymous token the identity itself is NULL.
 */

ngx_int_t ngx_http_registry_token_identify(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_str_t text, uint64_t generation,
    ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason);


/* The same for a refresh token, which is good at the token endpoint alone. */

ngx_int_t ngx_http_registry_token_refresh(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_str_t text,
    ngx_http_registry_waiter_t *waiter,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason,
    ngx_log_t *log);


/* Logs why a token is refused, and makes a reason of it. */

void ngx_http_registry_token_refused(reg_jwt_rc_t rc, const char *sentence,
    reg_reason_t *reason, ngx_log_t *log);


/* The key that signs; NULL: there is none. */

const reg_jwk_t *ngx_http_registry_token_signer(
    ngx_http_registry_trust_t *trust);

/* Takes up what the key files hold now, and forgets what was verified. */

void ngx_http_registry_trust_renew(ngx_http_registry_trust_t *trust);


/* The setters of "registry_token" and "registry_jwks". */

char *ngx_http_registry_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_registry_jwks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/*
 * The address of the token endpoint of the server that r is in: from its
 * scheme, its server_name and the port of the socket, never from what the
 * client says.  Empty where the server has none.  NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_registry_token_realm(ngx_http_request_t *r,
    ngx_str_t *realm);


/*
 * The value of an Authorization header for the backend.  NGX_OK, or NGX_ERROR
 * after the reason has been logged.
 */

ngx_int_t ngx_http_registry_backend_token(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf, ngx_str_t *value);


/* Forgets them: the key has changed, or the configuration goes. */

void ngx_http_registry_backend_flush(ngx_http_registry_trust_t *trust);


/* 1 if clients can be told the name of the server. */

ngx_uint_t ngx_http_registry_token_host_ok(ngx_http_core_srv_conf_t *cscf);


/* Sends JSON of len bytes, from the pool of r; a content handler's answer. */

ngx_int_t ngx_http_registry_token_send(ngx_http_request_t *r, u_char *json,
    size_t len, const char *cache_control);


extern ngx_module_t  ngx_http_registry_token_module;

#endif /* NGX_HTTP_REGISTRY_TOKEN_H */
