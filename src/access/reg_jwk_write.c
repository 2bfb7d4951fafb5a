/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What is written of a public key: its JWK, and the names that are made of it.
 */

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "reg_base64.h"
#include "reg_jwk.h"

#define REG_JWK_BN_MAX        (REG_JWK_RSA_MAX / 8)
#define REG_JWK_LIBTRUST_LEN  30    /* bytes of the hash: 240 bits */


static reg_rc_t reg_jwk_members(unsigned char *buf, size_t *len,
    const reg_jwk_t *jwk);
static unsigned char *reg_jwk_put(unsigned char *p, const char *text);
static unsigned char *reg_jwk_put_bn(unsigned char *p, const reg_jwk_t *jwk,
    const char *param, int width);
static unsigned char *reg_jwk_put_raw(unsigned char *p, const reg_jwk_t *jwk);
static unsigned char *reg_jwk_put_kid(unsigned char *p, const reg_jwk_t *jwk);


reg_rc_t
reg_jwk_write(unsigned char buf[REG_JWK_JSON_MAX], size_t *len,
    const reg_jwk_t *jwk)
{
    size_t          n;
    unsigned char  *p;

    if (reg_jwk_members(buf, &n, jwk) != REG_OK) {
        return REG_ERROR;
    }

    /* in place of the brace */

    p = reg_jwk_put(buf + n - 1, ",\"use\":\"sig\",\"alg\":\"");
    p = reg_jwk_put(p, reg_alg_name(jwk->alg));
    *p++ = '"';

    if (jwk->kid_len) {
        p = reg_jwk_put_kid(p, jwk);
    }

    *p++ = '}';

    *len = (size_t) (p - buf);

    return REG_OK;
}


reg_rc_t
reg_jwk_thumbprint(unsigned char buf[REG_JWK_THUMB_LEN], const reg_jwk_t *jwk)
{
    size_t         len;
    unsigned char  json[REG_JWK_JSON_MAX], hash[SHA256_DIGEST_LENGTH];

    if (reg_jwk_members(json, &len, jwk) != REG_OK
        || EVP_Digest(json, len, hash, NULL, EVP_sha256(), NULL) != 1)
    {
        return REG_ERROR;
    }

    (void) reg_base64url_encode(buf, (reg_str_t) { sizeof(hash), hash });

    return REG_OK;
}


reg_rc_t
reg_jwk_libtrust(unsigned char buf[REG_JWK_LIBTRUST], const reg_jwk_t *jwk)
{
    int             len;
    size_t          i;
    unsigned        bits, n;
    unsigned char  *der, *p, hash[SHA256_DIGEST_LENGTH];

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    der = NULL;
    len = i2d_PUBKEY(jwk->pkey, &der);

    if (len <= 0) {
        return REG_ERROR;
    }

    if (EVP_Digest(der, (size_t) len, hash, NULL, EVP_sha256(), NULL) != 1) {
        OPENSSL_free(der);
        return REG_ERROR;
    }

    OPENSSL_free(der);

    p = buf;
    bits = 0;
    n = 0;

    for (i = 0; i < REG_JWK_LIBTRUST_LEN; i++) {
        bits = (bits << 8 | hash[i]) & 0xffff;
        n += 8;

        while (n >= 5) {
            n -= 5;

            if ((p - buf) % 5 == 4) {
                *p++ = ':';
            }

            *p++ = (unsigned char) digits[bits >> n & 0x1f];
        }
    }

    return REG_OK;
}


/* What a thumbprint is made of: the required members, in order, no spaces. */

static reg_rc_t
reg_jwk_members(unsigned char *buf, size_t *len, const reg_jwk_t *jwk)
{
    unsigned char  *p;

    switch (jwk->alg) {

    case REG_ALG_ES256:
        p = reg_jwk_put(buf, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
        p = reg_jwk_put_bn(p, jwk, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        p = reg_jwk_put(p, "\",\"y\":\"");
        p = reg_jwk_put_bn(p, jwk, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        break;

    case REG_ALG_RS256:
        p = reg_jwk_put(buf, "{\"e\":\"");
        p = reg_jwk_put_bn(p, jwk, OSSL_PKEY_PARAM_RSA_E, 0);
        p = reg_jwk_put(p, "\",\"kty\":\"RSA\",\"n\":\"");
        p = reg_jwk_put_bn(p, jwk, OSSL_PKEY_PARAM_RSA_N, 0);
        break;

    default: /* REG_ALG_EDDSA */
        p = reg_jwk_put(buf, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
        p = reg_jwk_put_raw(p, jwk);
    }

    p = reg_jwk_put(p, "\"}");

    if (p == NULL) {
        return REG_ERROR;
    }

    *len = (size_t) (p - buf);

    return REG_OK;
}


/* Here and below: where p is NULL something has failed before. */

static unsigned char *
reg_jwk_put(unsigned char *p, const char *text)
{
    size_t  len;

    if (p == NULL) {
        return NULL;
    }

    len = strlen(text);
    memcpy(p, text, len);

    return p + len;
}


static unsigned char *
reg_jwk_put_bn(unsigned char *p, const reg_jwk_t *jwk, const char *param,
    int width)
{
    int            n;
    BIGNUM        *bn;
    unsigned char  bytes[REG_JWK_BN_MAX];

    bn = NULL;

    if (p == NULL || EVP_PKEY_get_bn_param(jwk->pkey, param, &bn) != 1) {
        return NULL;
    }

    n = width ? width : BN_num_bytes(bn);

    if (n > REG_JWK_BN_MAX || BN_bn2binpad(bn, bytes, n) != n) {
        BN_free(bn);
        return NULL;
    }

    BN_free(bn);

    return p + reg_base64url_encode(p, (reg_str_t) { (size_t) n, bytes });
}


static unsigned char *
reg_jwk_put_raw(unsigned char *p, const reg_jwk_t *jwk)
{
    size_t         len;
    unsigned char  bytes[32];

    len = sizeof(bytes);

    if (p == NULL
        || EVP_PKEY_get_raw_public_key(jwk->pkey, bytes, &len) != 1
        || len != sizeof(bytes))
    {
        return NULL;
    }

    return p + reg_base64url_encode(p, (reg_str_t) { len, bytes });
}


/* It is printable ASCII: see reg_jwk_from_value(). */

static unsigned char *
reg_jwk_put_kid(unsigned char *p, const reg_jwk_t *jwk)
{
    size_t  i;

    p = reg_jwk_put(p, ",\"kid\":\"");

    for (i = 0; i < jwk->kid_len; i++) {

        if (jwk->kid[i] == '"' || jwk->kid[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = jwk->kid[i];
    }

    *p++ = '"';

    return p;
}
