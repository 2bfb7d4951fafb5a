/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "reg_jwk.h"

#define REG_JWK_RSA_DEFAULT  3072
#define REG_JWK_E_BITS       64


static int reg_jwk_next_pem(reg_str_t *block, reg_str_t *text);
static int reg_jwk_begins(reg_str_t line);
static reg_rc_t reg_jwk_read_pem(reg_jwk_t **jwk, reg_str_t block,
    reg_alg_t alg, reg_error_t *error);
static reg_rc_t reg_jwk_kind(reg_jwk_t *jwk, reg_error_t *error);
static reg_rc_t reg_jwk_check_rsa(EVP_PKEY *pkey, reg_error_t *error);
static int reg_jwk_no_passphrase(char *buf, int size, int rwflag, void *data);


static const char *const  reg_alg_names[] = {
    [REG_ALG_NONE]  = NULL,
    [REG_ALG_ES256] = "ES256",
    [REG_ALG_RS256] = "RS256",
    [REG_ALG_EDDSA] = "EdDSA"
};


const char *
reg_alg_name(reg_alg_t alg)
{
    return reg_alg_names[alg];
}


reg_alg_t
reg_alg_parse(reg_str_t name)
{
    reg_alg_t  alg;

    for (alg = REG_ALG_ES256; alg <= REG_ALG_EDDSA; alg++) {

        if (reg_str_eq(name, reg_str(reg_alg_names[alg]))) {
            return alg;
        }
    }

    return REG_ALG_NONE;
}


reg_rc_t
reg_jwk_generate(reg_jwk_t **jwk, reg_alg_t alg, unsigned bits)
{
    EVP_PKEY  *pkey;

    switch (alg) {

    case REG_ALG_ES256:
        pkey = EVP_EC_gen("P-256");
        break;

    case REG_ALG_RS256:
        pkey = EVP_RSA_gen(bits ? bits : REG_JWK_RSA_DEFAULT);
        break;

    case REG_ALG_EDDSA:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;

    default:
        return REG_INVALID;
    }

    if (pkey == NULL) {
        ERR_clear_error();
        return REG_ERROR;
    }

    if (reg_jwk_from_pkey(jwk, pkey, NULL) != REG_OK) {
        return REG_ERROR;
    }

    (*jwk)->secret = 1;

    return REG_OK;
}


reg_rc_t
reg_jwk_from_pem(reg_jwk_t **jwk, reg_str_t pem, reg_alg_t alg,
    reg_error_t *error)
{
    size_t       i;
    reg_rc_t     rc;
    reg_jwks_t  *jwks;

    rc = reg_jwks_from_pem(&jwks, pem, alg, error);

    if (rc != REG_OK) {
        return rc;
    }

    *jwk = jwks->keys[0];

    for (i = 1; i < jwks->n; i++) {
        reg_jwk_free(jwks->keys[i]);
    }

    free(jwks);

    return REG_OK;
}


reg_rc_t
reg_jwks_from_pem(reg_jwks_t **jwks, reg_str_t pem, reg_alg_t alg,
    reg_error_t *error)
{
    reg_rc_t     rc;
    reg_str_t    block;
    reg_jwks_t  *set;

    if (pem.len > REG_JWKS_TEXT_MAX) {
        reg_error_set(error, "it is longer than %d bytes", REG_JWKS_TEXT_MAX);
        return REG_INVALID;
    }

    set = calloc(1, sizeof(reg_jwks_t));

    if (set == NULL) {
        return REG_NOMEM;
    }

    rc = REG_OK;

    while (rc == REG_OK && reg_jwk_next_pem(&block, &pem)) {

        if (set->n == REG_JWKS_MAX) {
            reg_error_set(error, "it holds more than %d keys", REG_JWKS_MAX);
            rc = REG_INVALID;
            break;
        }

        rc = reg_jwk_read_pem(&set->keys[set->n], block, alg, error);
        set->n += (rc == REG_OK);
    }

    ERR_clear_error();

    if (rc == REG_OK && set->n == 0) {
        reg_error_set(error, "it holds no key in PEM");
        rc = REG_INVALID;
    }

    if (rc != REG_OK) {
        reg_jwks_free(set);
        return rc;
    }

    *jwks = set;

    return REG_OK;
}


/*
 * Finds the next key of a text; block reaches from it to the end of all.
 * What else there is, such as certificates or the parameters that OpenSSL
 * writes before the key of a curve, is passed over.
 */

static int
reg_jwk_next_pem(reg_str_t *block, reg_str_t *text)
{
    reg_str_t       line;
    unsigned char  *end;

    while (text->len) {
        line = *text;
        end = memchr(line.data, '\n', line.len);

        if (end) {
            line.len = (size_t) (end + 1 - line.data);
        }

        *block = *text;

        text->data += line.len;
        text->len -= line.len;

        if (reg_jwk_begins(line)) {
            return 1;
        }
    }

    return 0;
}


/* "-----BEGIN PRIVATE KEY-----", and other kinds of keys. */

static int
reg_jwk_begins(reg_str_t line)
{
    size_t  i;

    static const char  key[] = " KEY-----";

    if (!reg_str_starts(line, REG_STR("-----BEGIN "))) {
        return 0;
    }

    for (i = 0; i + sizeof(key) - 1 <= line.len; i++) {

        if (memcmp(line.data + i, key, sizeof(key) - 1) == 0) {
            return 1;
        }
    }

    return 0;
}


static reg_rc_t
reg_jwk_read_pem(reg_jwk_t **jwk, reg_str_t block, reg_alg_t alg,
    reg_error_t *error)
{
    BIO       *bio;
    int        secret;
    EVP_PKEY  *pkey;
    reg_rc_t   rc;

    bio = BIO_new_mem_buf(block.data, (int) block.len);

    if (bio == NULL) {
        return REG_NOMEM;
    }

    secret = !reg_str_starts(block, REG_STR("-----BEGIN PUBLIC KEY-----"));

    pkey = secret
           ? PEM_read_bio_PrivateKey(bio, NULL, reg_jwk_no_passphrase, NULL)
           : PEM_read_bio_PUBKEY(bio, NULL, reg_jwk_no_passphrase, NULL);

    BIO_free(bio);

    if (pkey == NULL) {
        reg_error_set(error, "it holds a key that cannot be read, or has a "
                      "passphrase");
        return REG_INVALID;
    }

    rc = reg_jwk_from_pkey(jwk, pkey, error);

    if (rc != REG_OK) {
        return rc;
    }

    if (alg != REG_ALG_NONE && (*jwk)->alg != alg) {
        reg_error_set(error, "it holds a key of %s, not of %s",
                      reg_alg_name((*jwk)->alg), reg_alg_name(alg));
        reg_jwk_free(*jwk);
        return REG_INVALID;
    }

    (*jwk)->secret = (secret != 0);

    return REG_OK;
}


reg_rc_t
reg_jwk_from_pkey(reg_jwk_t **jwk, void *pkey, reg_error_t *error)
{
    reg_rc_t    rc;
    reg_jwk_t  *k;

    k = calloc(1, sizeof(reg_jwk_t));

    if (k == NULL) {
        EVP_PKEY_free(pkey);
        return REG_NOMEM;
    }

    k->pkey = pkey;

    rc = reg_jwk_kind(k, error);

    if (rc == REG_OK) {
        rc = reg_jwk_thumbprint(k->kid, k);
        k->kid_len = REG_JWK_THUMB_LEN;
    }

    ERR_clear_error();

    if (rc != REG_OK) {
        reg_jwk_free(k);
        return rc;
    }

    *jwk = k;

    return REG_OK;
}


void
reg_jwk_free(reg_jwk_t *jwk)
{
    if (jwk) {
        EVP_PKEY_free(jwk->pkey);
        free(jwk);
    }
}


static reg_rc_t
reg_jwk_kind(reg_jwk_t *jwk, reg_error_t *error)
{
    char    group[32];
    size_t  len;

    switch (EVP_PKEY_get_base_id(jwk->pkey)) {

    case EVP_PKEY_EC:

        if (EVP_PKEY_get_group_name(jwk->pkey, group, sizeof(group), &len) != 1
            || strcmp(group, "prime256v1") != 0)
        {
            reg_error_set(error, "its curve is not P-256");
            return REG_INVALID;
        }

        jwk->alg = REG_ALG_ES256;
        return REG_OK;

    case EVP_PKEY_RSA:
        jwk->alg = REG_ALG_RS256;
        return reg_jwk_check_rsa(jwk->pkey, error);

    case EVP_PKEY_ED25519:
        jwk->alg = REG_ALG_EDDSA;
        return REG_OK;
    }

    reg_error_set(error, "it is neither EC P-256, RSA nor Ed25519");

    return REG_INVALID;
}


/* With the exponent 1 everybody can sign. */

static reg_rc_t
reg_jwk_check_rsa(EVP_PKEY *pkey, reg_error_t *error)
{
    int      bits, ok;
    BIGNUM  *e;

    bits = EVP_PKEY_get_bits(pkey);

    if (bits < REG_JWK_RSA_MIN || bits > REG_JWK_RSA_MAX) {
        reg_error_set(error, "RSA of %d bits; it takes 2048 to 8192", bits);
        return REG_INVALID;
    }

    e = NULL;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1) {
        return REG_ERROR;
    }

    ok = BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= REG_JWK_E_BITS;

    BN_free(e);

    if (!ok) {
        reg_error_set(error, "an exponent of RSA is odd, and 3 or more");
        return REG_INVALID;
    }

    return REG_OK;
}


/* OpenSSL would ask at the terminal. */

static int
reg_jwk_no_passphrase(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return -1;
}
