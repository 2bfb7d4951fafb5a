/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_JWK_H
#define REG_JWK_H

/*
 * Keys that sign and verify tokens (RFC 7517), by OpenSSL 3:
 *
 *     ES256   EC P-256        what this project makes by default
 *     RS256   RSA, 2048 to 8192 bits, exponent odd and 3 at least
 *     EdDSA   Ed25519
 *
 * The algorithm belongs to the key and never comes from a token.  A key has
 * a name, "kid": that of its JWK, or else its thumbprint (RFC 7638).
 */

#include "reg_core.h"

#define REG_JWK_KID_MAX     255
#define REG_JWK_THUMB_LEN   43      /* base64url of SHA-256 */
#define REG_JWK_LIBTRUST    59      /* "ABCD:...", twelve groups of four */
#define REG_JWK_JSON_MAX    2304    /* of a public JWK: RSA 8192 and a kid */
#define REG_JWK_RSA_MIN     2048
#define REG_JWK_RSA_MAX     8192

#define REG_JWKS_MAX        64      /* keys of a set */
#define REG_JWKS_TEXT_MAX   65536   /* bytes of one, or of keys in PEM */

typedef enum {
    REG_ALG_NONE = 0,
    REG_ALG_ES256,
    REG_ALG_RS256,
    REG_ALG_EDDSA
} reg_alg_t;

typedef struct {
    reg_alg_t      alg;
    void          *pkey;            /* EVP_PKEY */
    unsigned       secret:1;        /* it can sign */
    size_t         kid_len;         /* 0: it came without one */
    unsigned char  kid[REG_JWK_KID_MAX];
} reg_jwk_t;

/* Keys in the order of preference; a set may borrow them or own them. */

typedef struct {
    size_t        n;
    size_t        skipped;          /* of a JWKS: keys of other kinds */
    reg_jwk_t    *keys[REG_JWKS_MAX];
} reg_jwks_t;


/* "ES256", "RS256", "EdDSA", or NULL. */

const char *reg_alg_name(reg_alg_t alg);

/* REG_ALG_NONE if name is none of them. */

reg_alg_t reg_alg_parse(reg_str_t name);


/*
 * Makes a new key.  bits is for RSA only; 0: 3072.  REG_ERROR if the library
 * fails.  The caller frees it.
 */

reg_rc_t reg_jwk_generate(reg_jwk_t **jwk, reg_alg_t alg, unsigned bits);


/*
 * Reads the first private or public key in PEM of borrowed text; its kid is its
 * thumbprint.  A key with a passphrase is refused.
 *
 * REG_OK        *jwk is set, the caller frees it
 * REG_INVALID   it is none of the keys above, of another algorithm than alg
 *               (REG_ALG_NONE: any), or the text is longer than
 *               REG_JWKS_TEXT_MAX; *error says why
 * REG_NOMEM
 */

reg_rc_t reg_jwk_from_pem(reg_jwk_t **jwk, reg_str_t pem, reg_alg_t alg,
    reg_error_t *error);


/*
 * The same for all keys of a text, private or public, in their order; what is
 * said above of the first is said of each.  More than REG_JWKS_MAX are refused.
 */

reg_rc_t reg_jwks_from_pem(reg_jwks_t **jwks, reg_str_t pem, reg_alg_t alg,
    reg_error_t *error);


/* Reads the public part of a JWK; the same return codes. */

reg_rc_t reg_jwk_from_json(reg_jwk_t **jwk, reg_str_t text,
    reg_error_t *error);


/* Takes over an EVP_PKEY, also where it fails. */

reg_rc_t reg_jwk_from_pkey(reg_jwk_t **jwk, void *pkey, reg_error_t *error);

void reg_jwk_free(reg_jwk_t *jwk);


/*
 * Writes the public JWK, with "use", "alg" and "kid".  REG_ERROR if the library
 * fails.
 */

reg_rc_t reg_jwk_write(unsigned char buf[REG_JWK_JSON_MAX], size_t *len,
    const reg_jwk_t *jwk);


/* Writes REG_JWK_THUMB_LEN bytes: base64url of the thumbprint of RFC 7638. */

reg_rc_t reg_jwk_thumbprint(unsigned char buf[REG_JWK_THUMB_LEN],
    const reg_jwk_t *jwk);


/*
 * Writes REG_JWK_LIBTRUST bytes: the name that Distribution 2 gives to a key of
 * its rootcertbundle (docker/libtrust, util.go, keyIDEncode).
 */

reg_rc_t reg_jwk_libtrust(unsigned char buf[REG_JWK_LIBTRUST],
    const reg_jwk_t *jwk);


/*
 * Reads a JWKS (RFC 7517 section 5).  Keys that cannot verify any of the
 * algorithms above are skipped, as its section 5 wants it, and counted.
 *
 * REG_OK        *jwks is set and holds one key at least; the caller frees it
 * REG_INVALID   it is no JWKS or has nothing that can be used
 * REG_NOMEM
 */

reg_rc_t reg_jwks_parse(reg_jwks_t **jwks, reg_str_t text,
    reg_error_t *error);

/* Frees a set and its keys. */

void reg_jwks_free(reg_jwks_t *jwks);

#endif /* REG_JWK_H */
