/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_JWT_H
#define REG_JWT_H

/*
 * JSON Web Tokens in the compact form (RFC 7515, RFC 7519), strictly, as RFC
 * 8725 advises.  Which keys, which algorithms, which issuer and audience: all
 * of that is the caller's.  Of the header only alg, kid, typ and crit are
 * read; what else it says of keys (jwk jku x5c x5u) is not even looked at.
 */

#include <jansson.h>

#include "reg_jws.h"

#define REG_JWT_MAX       8192      /* bytes; a header line of nginx is 8k */
#define REG_JWT_LEEWAY    30        /* seconds that clocks may differ */
#define REG_JWT_TEXT_MAX  1024      /* bytes of iss and sub */

typedef enum {
    REG_JWT_OK = 0,
    REG_JWT_MALFORMED,              /* no JWT, or one with a wrong claim */
    REG_JWT_ALGORITHM,              /* its alg is not that of the key */
    REG_JWT_UNKNOWN_KEY,            /* there is no key of that name */
    REG_JWT_SIGNATURE,
    REG_JWT_TYPE,                   /* typ is not what is expected */
    REG_JWT_ISSUER,
    REG_JWT_AUDIENCE,
    REG_JWT_NOT_YET,
    REG_JWT_EXPIRED,
    REG_JWT_FAILED                  /* memory or the library failed */
} reg_jwt_rc_t;


/* A token that was read; until reg_jwt_verify() nothing of it is true. */

typedef struct {
    reg_alg_t   alg;                /* REG_ALG_NONE: none of ours */
    reg_str_t   kid;                /* empty: none */
    reg_str_t   typ;
    reg_str_t   iss;
    reg_str_t   sub;
    int64_t     exp;
    int64_t     nbf;                /* 0: none, as below */
    int64_t     iat;
    json_t     *claims;             /* iss, sub and the texts lie in here */

    json_t     *header;
    reg_str_t   input;              /* what is signed: borrowed */
    size_t      signature_len;
    unsigned char  signature[REG_JWS_SIGNATURE_MAX];
} reg_jwt_t;


/* What is expected; empty texts expect nothing, but typ "" means none or JWT */

typedef struct {
    reg_str_t   iss;                /* exactly this */
    reg_str_t   aud;                /* this one, or a list that holds it */
    reg_str_t   typ;                /* empty: absent or "JWT" */
    int64_t     leeway;             /* seconds, at most REG_JWT_LEEWAY */
} reg_jwt_expected_t;


/*
 * Reads a token from borrowed text, which must stay.  exp is required; all
 * times are whole seconds.
 *
 * REG_JWT_OK          the caller clears it with reg_jwt_clear()
 * REG_JWT_MALFORMED   *error says why
 * REG_JWT_FAILED
 */

reg_jwt_rc_t reg_jwt_read(reg_jwt_t *jwt, reg_str_t token,
    reg_error_t *error);

void reg_jwt_clear(reg_jwt_t *jwt);


/*
 * Verifies the signature, then the claims.  A token that names its key is tried
 * with keys of that name only; else with each key of its algorithm.
 */

reg_jwt_rc_t reg_jwt_verify(const reg_jwt_t *jwt, const reg_jwks_t *jwks,
    const reg_jwt_expected_t *expected, int64_t now);

/* Only the one and only the other. */

reg_jwt_rc_t reg_jwt_verify_signature(const reg_jwt_t *jwt,
    const reg_jwks_t *jwks);

reg_jwt_rc_t reg_jwt_verify_claims(const reg_jwt_t *jwt,
    const reg_jwt_expected_t *expected, int64_t now);


/*
 * Writes a token of claims, which are JSON text.  kid is the name to give; typ
 * empty: "JWT".  buf holds size bytes.
 *
 * REG_OK        *len is set
 * REG_INVALID   it does not fit
 * REG_ERROR     memory or the library failed
 */

reg_rc_t reg_jwt_write(unsigned char *buf, size_t size, size_t *len,
    const reg_jwk_t *jwk, reg_str_t kid, reg_str_t typ, reg_str_t claims);


/* 1 if text has the look of a JWT: "eyJ", and two dots. */

int reg_jwt_looks(reg_str_t text);

/* A sentence for people; it tells nothing that is secret. */

const char *reg_jwt_rc_text(reg_jwt_rc_t rc);

#endif /* REG_JWT_H */
