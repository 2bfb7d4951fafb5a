/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "reg_jws.h"

#define REG_JWS_EC_LEN  32          /* of r and of s */
#define REG_JWS_DER_MAX 72


static int reg_jws_to_der(unsigned char **der, reg_str_t signature);
static int reg_jws_from_der(unsigned char *signature,
    const unsigned char *der, size_t len);


static const EVP_MD *
reg_jws_hash(const reg_jwk_t *jwk)
{
    return jwk->alg == REG_ALG_EDDSA ? NULL : EVP_sha256();
}


reg_rc_t
reg_jws_verify(const reg_jwk_t *jwk, reg_str_t input, reg_str_t signature)
{
    int             len, ok;
    reg_rc_t        rc;
    EVP_MD_CTX     *ctx;
    unsigned char  *der;

    der = NULL;

    if (signature.len == 0) {
        return REG_INVALID;
    }

    if (jwk->alg == REG_ALG_ES256) {

        if (signature.len != 2 * REG_JWS_EC_LEN) {
            return REG_INVALID;
        }

        len = reg_jws_to_der(&der, signature);

        if (len <= 0) {
            ERR_clear_error();
            return REG_ERROR;
        }

        signature.len = (size_t) len;
        signature.data = der;
    }

    rc = REG_ERROR;
    ctx = EVP_MD_CTX_new();

    if (ctx && EVP_DigestVerifyInit(ctx, NULL, reg_jws_hash(jwk), NULL,
                                    jwk->pkey)
               == 1)
    {
        ok = EVP_DigestVerify(ctx, signature.data, signature.len, input.data,
                              input.len);

        /* below zero it is a signature that cannot be one */

        rc = (ok == 1) ? REG_OK : REG_INVALID;
    }

    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ERR_clear_error();

    return rc;
}


reg_rc_t
reg_jws_sign(const reg_jwk_t *jwk, reg_str_t input,
    unsigned char signature[REG_JWS_SIGNATURE_MAX], size_t *len)
{
    size_t          n;
    reg_rc_t        rc;
    EVP_MD_CTX     *ctx;
    unsigned char   der[REG_JWS_DER_MAX], *out;

    if (!jwk->secret) {
        return REG_ERROR;
    }

    if (jwk->alg == REG_ALG_ES256) {
        out = der;
        n = sizeof(der);

    } else {
        out = signature;
        n = REG_JWS_SIGNATURE_MAX;
    }

    rc = REG_ERROR;
    ctx = EVP_MD_CTX_new();

    if (ctx
        && EVP_DigestSignInit(ctx, NULL, reg_jws_hash(jwk), NULL, jwk->pkey)
           == 1
        && EVP_DigestSign(ctx, out, &n, input.data, input.len) == 1)
    {
        if (jwk->alg != REG_ALG_ES256) {
            *len = n;
            rc = REG_OK;

        } else if (reg_jws_from_der(signature, der, n)) {
            *len = 2 * REG_JWS_EC_LEN;
            rc = REG_OK;
        }
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


static int
reg_jws_to_der(unsigned char **der, reg_str_t signature)
{
    int         len;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    r = BN_bin2bn(signature.data, REG_JWS_EC_LEN, NULL);
    s = BN_bin2bn(signature.data + REG_JWS_EC_LEN, REG_JWS_EC_LEN, NULL);
    sig = ECDSA_SIG_new();

    if (r == NULL || s == NULL || sig == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return -1;
    }

    len = i2d_ECDSA_SIG(sig, der);

    ECDSA_SIG_free(sig);

    return len;
}


static int
reg_jws_from_der(unsigned char *signature, const unsigned char *der,
    size_t len)
{
    int         ok;
    ECDSA_SIG  *sig;

    sig = d2i_ECDSA_SIG(NULL, &der, (long) len);

    if (sig == NULL) {
        return 0;
    }

    ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, REG_JWS_EC_LEN)
         == REG_JWS_EC_LEN
         && BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + REG_JWS_EC_LEN,
                         REG_JWS_EC_LEN)
            == REG_JWS_EC_LEN;

    ECDSA_SIG_free(sig);

    return ok;
}
