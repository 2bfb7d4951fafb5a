/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "reg_base64.h"
#include "reg_json.h"
#include "reg_jwk_json.h"

#define REG_JWK_MEMBER_MAX  (REG_JWK_RSA_MAX / 8 + 1)

typedef struct {
    size_t         len;
    unsigned char  bytes[REG_JWK_MEMBER_MAX];
} reg_jwk_member_t;


static reg_rc_t reg_jwk_pkey(EVP_PKEY **pkey, json_t *value,
    reg_error_t *error);
static EVP_PKEY *reg_jwk_pkey_ec(json_t *value);
static EVP_PKEY *reg_jwk_pkey_rsa(json_t *value);
static EVP_PKEY *reg_jwk_pkey_ed25519(json_t *value);
static EVP_PKEY *reg_jwk_build(const char *type, OSSL_PARAM_BLD *builder);
static int reg_jwk_member(reg_jwk_member_t *member, json_t *value,
    const char *name);
static int reg_jwk_text_is(json_t *value, const char *name, const char *text);
static reg_rc_t reg_jwk_set_kid(reg_jwk_t *jwk, json_t *kid,
    reg_error_t *error);


reg_rc_t
reg_jwk_from_json(reg_jwk_t **jwk, reg_str_t text, reg_error_t *error)
{
    json_t    *value;
    reg_rc_t   rc;

    rc = reg_json_load(&value, text, error);

    if (rc == REG_OK) {
        rc = reg_jwk_from_value(jwk, value, error);
        json_decref(value);
    }

    return rc;
}


reg_rc_t
reg_jwk_from_value(reg_jwk_t **jwk, json_t *value, reg_error_t *error)
{
    json_t    *member;
    reg_rc_t   rc;
    EVP_PKEY  *pkey;

    if (!json_is_object(value)) {
        reg_error_set(error, "a JWK is an object");
        return REG_INVALID;
    }

    member = json_object_get(value, "use");

    if (member && !reg_jwk_text_is(value, "use", "sig")) {
        reg_error_set(error, "its \"use\" is not \"sig\"");
        return REG_INVALID;
    }

    rc = reg_jwk_pkey(&pkey, value, error);

    if (rc != REG_OK) {
        ERR_clear_error();
        return rc;
    }

    rc = reg_jwk_from_pkey(jwk, pkey, error);

    if (rc != REG_OK) {
        return rc;
    }

    member = json_object_get(value, "alg");

    if (member && !reg_jwk_text_is(value, "alg", reg_alg_name((*jwk)->alg))) {
        reg_error_set(error, "its \"alg\" is not %s",
                      reg_alg_name((*jwk)->alg));
        rc = REG_INVALID;

    } else {
        rc = reg_jwk_set_kid(*jwk, json_object_get(value, "kid"), error);
    }

    if (rc != REG_OK) {
        reg_jwk_free(*jwk);
    }

    return rc;
}


reg_rc_t
reg_jwks_parse(reg_jwks_t **jwks, reg_str_t text, reg_error_t *error)
{
    size_t        i;
    json_t       *json, *list, *value;
    reg_rc_t      rc;
    reg_jwks_t   *set;
    reg_error_t   why;

    if (text.len > REG_JWKS_TEXT_MAX) {
        reg_error_set(error, "it is longer than %d bytes", REG_JWKS_TEXT_MAX);
        return REG_INVALID;
    }

    rc = reg_json_load(&json, text, error);

    if (rc != REG_OK) {
        return rc;
    }

    list = json_object_get(json, "keys");

    if (!json_is_array(list) || json_array_size(list) > REG_JWKS_MAX) {
        json_decref(json);
        reg_error_set(error, "it is no object with a list of at most %d "
                      "\"keys\"", REG_JWKS_MAX);
        return REG_INVALID;
    }

    set = calloc(1, sizeof(reg_jwks_t));

    if (set == NULL) {
        json_decref(json);
        return REG_NOMEM;
    }

    reg_error_set(&why, "it has no key");

    json_array_foreach(list, i, value) {
        rc = reg_jwk_from_value(&set->keys[set->n], value, &why);

        if (rc == REG_OK) {
            set->n++;

        } else if (rc == REG_INVALID) {
            set->skipped++;

        } else {
            break;
        }
    }

    json_decref(json);

    if (rc == REG_INVALID || rc == REG_OK) {
        rc = REG_OK;

        if (set->n == 0) {
            reg_error_set(error, "it has no key that can be used: %s",
                          why.text);
            rc = REG_INVALID;
        }
    }

    if (rc != REG_OK) {
        reg_jwks_free(set);
        return rc;
    }

    *jwks = set;

    return REG_OK;
}


void
reg_jwks_free(reg_jwks_t *jwks)
{
    size_t  i;

    if (jwks == NULL) {
        return;
    }

    for (i = 0; i < jwks->n; i++) {
        reg_jwk_free(jwks->keys[i]);
    }

    free(jwks);
}


static reg_rc_t
reg_jwk_pkey(EVP_PKEY **pkey, json_t *value, reg_error_t *error)
{
    if (reg_jwk_text_is(value, "kty", "EC")) {
        *pkey = reg_jwk_text_is(value, "crv", "P-256")
                ? reg_jwk_pkey_ec(value) : NULL;

    } else if (reg_jwk_text_is(value, "kty", "RSA")) {
        *pkey = reg_jwk_pkey_rsa(value);

    } else if (reg_jwk_text_is(value, "kty", "OKP")) {
        *pkey = reg_jwk_text_is(value, "crv", "Ed25519")
                ? reg_jwk_pkey_ed25519(value) : NULL;

    } else {
        *pkey = NULL;
    }

    if (*pkey == NULL) {
        reg_error_set(error, "it is no public key of EC P-256, RSA or "
                      "Ed25519");
        return REG_INVALID;
    }

    return REG_OK;
}


static EVP_PKEY *
reg_jwk_pkey_ec(json_t *value)
{
    EVP_PKEY          *pkey;
    unsigned char      point[65];
    OSSL_PARAM_BLD    *builder;
    reg_jwk_member_t   x, y;

    /* RFC 7518 section 6.2.1.2: the full size of a coordinate */

    if (!reg_jwk_member(&x, value, "x") || x.len != 32
        || !reg_jwk_member(&y, value, "y") || y.len != 32)
    {
        return NULL;
    }

    point[0] = 0x04;
    memcpy(point + 1, x.bytes, 32);
    memcpy(point + 33, y.bytes, 32);

    builder = OSSL_PARAM_BLD_new();

    if (builder == NULL) {
        return NULL;
    }

    pkey = NULL;

    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
                                        "P-256", 0)
        && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, sizeof(point)))
    {
        pkey = reg_jwk_build("EC", builder);
    }

    OSSL_PARAM_BLD_free(builder);

    return pkey;
}


static EVP_PKEY *
reg_jwk_pkey_rsa(json_t *value)
{
    BIGNUM            *n, *e;
    EVP_PKEY          *pkey;
    OSSL_PARAM_BLD    *builder;
    reg_jwk_member_t   modulus, exponent;

    if (!reg_jwk_member(&modulus, value, "n")
        || !reg_jwk_member(&exponent, value, "e"))
    {
        return NULL;
    }

    n = BN_bin2bn(modulus.bytes, (int) modulus.len, NULL);
    e = BN_bin2bn(exponent.bytes, (int) exponent.len, NULL);
    builder = OSSL_PARAM_BLD_new();
    pkey = NULL;

    if (n && e && builder
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
    {
        pkey = reg_jwk_build("RSA", builder);
    }

    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);

    return pkey;
}


static EVP_PKEY *
reg_jwk_pkey_ed25519(json_t *value)
{
    reg_jwk_member_t  x;

    if (!reg_jwk_member(&x, value, "x") || x.len != 32) {
        return NULL;
    }

    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.bytes, 32);
}


/* The builder stays the caller's. */

static EVP_PKEY *
reg_jwk_build(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    params = OSSL_PARAM_BLD_to_param(builder);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1
        && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
}


/* 1 if the member is base64url of some bytes, but not of none. */

static int
reg_jwk_member(reg_jwk_member_t *member, json_t *value, const char *name)
{
    json_t     *text;
    reg_str_t   s;

    text = json_object_get(value, name);

    s.len = json_string_length(text);
    s.data = (unsigned char *) json_string_value(text);

    if (s.data == NULL || s.len == 0
        || REG_BASE64URL_DECODED(s.len) > REG_JWK_MEMBER_MAX)
    {
        return 0;
    }

    return reg_base64url_decode(member->bytes, &member->len, s) == REG_OK;
}


static int
reg_jwk_text_is(json_t *value, const char *name, const char *text)
{
    const char  *s;

    s = json_string_value(json_object_get(value, name));

    return s != NULL && strcmp(s, text) == 0;
}


/* It is compared with what tokens say, and shown to people. */

static reg_rc_t
reg_jwk_set_kid(reg_jwk_t *jwk, json_t *kid, reg_error_t *error)
{
    size_t       i, len;
    const char  *s;

    if (kid == NULL) {
        jwk->kid_len = 0;
        return REG_OK;
    }

    s = json_string_value(kid);
    len = json_string_length(kid);

    if (s == NULL || len == 0 || len > REG_JWK_KID_MAX) {
        reg_error_set(error, "its \"kid\" is no text of 1 to 255 bytes");
        return REG_INVALID;
    }

    for (i = 0; i < len; i++) {

        if (s[i] < 0x20 || s[i] > 0x7e) {
            reg_error_set(error, "its \"kid\" is not printable");
            return REG_INVALID;
        }
    }

    memcpy(jwk->kid, s, len);
    jwk->kid_len = len;

    return REG_OK;
}
