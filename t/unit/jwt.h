/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef JWT_H
#define JWT_H

/* Keys and tokens for tests: also such tokens as nobody should make. */

#include <stdlib.h>

#include <openssl/evp.h>

#include "reg_base64.h"
#include "reg_jwt.h"

#define JWT_NOW     1800000000
#define JWT_CLAIMS                                                            \
    "{\"iss\":\"us\",\"aud\":\"here\",\"sub\":\"me\",\"exp\":1800000300}"

typedef struct {
    size_t         len;
    unsigned char  data[200000];
} token_t;


static inline void
token_part(token_t *token, const char *text, size_t len)
{
    token->len += reg_base64url_encode(token->data + token->len,
                                       (reg_str_t) { len,
                                                     (unsigned char *) text });
}


/* header and claims as they are, signed by jwk; NULL: an empty signature. */

static inline void
token_sign(token_t *token, const reg_jwk_t *jwk, const char *header,
    const char *claims)
{
    size_t         len;
    unsigned char  signature[REG_JWS_SIGNATURE_MAX];

    token->len = 0;
    token_part(token, header, strlen(header));
    token->data[token->len++] = '.';
    token_part(token, claims, strlen(claims));

    len = 0;

    if (jwk && reg_jws_sign(jwk, (reg_str_t) { token->len, token->data },
                            signature, &len)
               != REG_OK)
    {
        abort();
    }

    token->data[token->len++] = '.';
    token_part(token, (const char *) signature, len);
}


static inline reg_jwt_rc_t
token_check_as(const token_t *token, const reg_jwks_t *jwks,
    const reg_jwt_expected_t *expected, int64_t now)
{
    reg_jwt_t      jwt;
    reg_str_t      copy;
    reg_error_t    error;
    reg_jwt_rc_t   rc;

    /* an exact copy, so that a sanitizer sees what lies behind it */

    copy.len = token->len;
    copy.data = malloc(copy.len ? copy.len : 1);
    memcpy(copy.data, token->data, copy.len);

    error.text[0] = '\0';
    rc = reg_jwt_read(&jwt, copy, &error);

    if (rc == REG_JWT_OK) {
        rc = reg_jwt_verify(&jwt, jwks, expected, now);
        reg_jwt_clear(&jwt);

        /* it may be cleared again */

        if (jwt.header != NULL || jwt.claims != NULL) {
            abort();
        }

    } else if (error.text[0] == '\0') {
        abort();
    }

    free(copy.data);

    return rc;
}


static inline reg_jwt_rc_t
token_check(const token_t *token, const reg_jwks_t *jwks)
{
    const reg_jwt_expected_t  expected = {
        REG_STR("us"), REG_STR("here"), REG_STR_NULL, REG_JWT_LEEWAY
    };

    return token_check_as(token, jwks, &expected, JWT_NOW);
}

#endif /* JWT_H */
