/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "reg_sign_scheme.h"

#define REG_RSA_BITS_MIN  2048
#define REG_RSA_BITS_MAX  (REG_RSA_MAX * 8)

static int reg_sign_no_passphrase(char *buf, int size, int rwflag, void *data);


/* Lines, each a secret; a final newline is not part of it. */

reg_rc_t
reg_sign_parse_secret(reg_sign_key_t *key, reg_error_t *error)
{
    size_t          n;
    reg_str_t       rest, *secret;
    unsigned char  *p;

    rest = key->text;

    while (rest.len) {

        p = memchr(rest.data, '\n', rest.len);
        n = p ? (size_t) (p - rest.data) : rest.len;

        if (key->nsecrets == REG_SIGN_SECRETS) {
            reg_error_set(error, "it has more than %d lines", REG_SIGN_SECRETS);
            return REG_INVALID;
        }

        secret = &key->secrets[key->nsecrets++];
        *secret = (reg_str_t) { n, rest.data };

        if (n && rest.data[n - 1] == '\r') {
            secret->len--;
        }

        if (secret->len < REG_SIGN_SECRET_MIN) {
            reg_error_set(error, "a secret must be %d bytes or longer",
                          REG_SIGN_SECRET_MIN);
            return REG_INVALID;
        }

        n += (p != NULL);
        rest.data += n;
        rest.len -= n;
    }

    return REG_OK;
}


/* One line of base64, which is decoded where it stands. */

reg_rc_t
reg_sign_parse_base64(reg_sign_key_t *key, reg_error_t *error)
{
    size_t          len;
    reg_str_t       text;
    unsigned char  *out;

    text = key->text;

    while (text.len && strchr("\r\n", text.data[text.len - 1])) {
        text.len--;
    }

    out = malloc(REG_BASE64_DECODED(text.len));

    if (out == NULL) {
        reg_error_set(error, "memory ran out");
        return REG_NOMEM;
    }

    if (reg_base64_decode(out, &len, text) != REG_OK
        || len < REG_SIGN_SECRET_MIN)
    {
        OPENSSL_cleanse(out, REG_BASE64_DECODED(text.len));
        free(out);
        reg_error_set(error, "it must hold %d bytes or more in base64",
                      REG_SIGN_SECRET_MIN);
        return REG_INVALID;
    }

    memcpy(key->text.data, out, len);
    OPENSSL_cleanse(out, REG_BASE64_DECODED(text.len));
    free(out);

    key->secrets[0] = (reg_str_t) { len, key->text.data };
    key->nsecrets = 1;

    return REG_OK;
}


reg_rc_t
reg_sign_parse_rsa(reg_sign_key_t *key, reg_error_t *error)
{
    int   bits;
    BIO  *bio;

    bio = BIO_new_mem_buf(key->text.data, (int) key->text.len);

    if (bio == NULL) {
        reg_error_set(error, "memory ran out");
        return REG_NOMEM;
    }

    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, reg_sign_no_passphrase,
                                        NULL);
    BIO_free(bio);

    if (key->pkey == NULL) {
        reg_error_set(error, "it must hold an RSA private key in PEM, without "
                      "a passphrase");
        return REG_INVALID;
    }

    bits = EVP_PKEY_bits(key->pkey);

    if (EVP_PKEY_base_id(key->pkey) != EVP_PKEY_RSA
        || bits < REG_RSA_BITS_MIN || bits > REG_RSA_BITS_MAX)
    {
        reg_error_set(error, "its key must be RSA of %d to %d bits",
                      REG_RSA_BITS_MIN, REG_RSA_BITS_MAX);
        return REG_INVALID;
    }

    return REG_OK;
}


/* OpenSSL would ask on the terminal. */

static int
reg_sign_no_passphrase(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return -1;
}


void
reg_sign_key_clear(reg_sign_key_t *key)
{
    EVP_PKEY_free(key->pkey);

    if (key->text.data) {
        OPENSSL_cleanse(key->text.data, key->text.len);
        free(key->text.data);
    }

    memset(key, 0, sizeof(reg_sign_key_t));
}


reg_rc_t
reg_sign_mac(const EVP_MD *md, reg_str_t secret, reg_str_t text,
    unsigned char *mac, size_t *len)
{
    unsigned  n;

    if (HMAC(md, secret.data, (int) secret.len, text.data, text.len, mac, &n)
        == NULL)
    {
        return REG_ERROR;
    }

    *len = n;

    return REG_OK;
}


reg_rc_t
reg_sign_rsa(EVP_PKEY *pkey, const EVP_MD *md, reg_str_t text,
    unsigned char *signature, size_t *len)
{
    int          ok;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();

    /* PKCS #1 v1.5 is what OpenSSL does unless it is told otherwise */

    ok = ctx != NULL
         && EVP_DigestSignInit(ctx, NULL, md, NULL, pkey) == 1
         && EVP_DigestSign(ctx, signature, len, text.data, text.len) == 1;

    EVP_MD_CTX_free(ctx);

    return ok ? REG_OK : REG_ERROR;
}
