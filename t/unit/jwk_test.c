/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* LDFLAGS: -Wl,--wrap=EVP_MD_CTX_new,--wrap=ECDSA_SIG_new */
/* LDFLAGS: -Wl,--wrap=BN_bin2bn,--wrap=d2i_ECDSA_SIG */
/* LDFLAGS: -Wl,--wrap=EVP_Digest,--wrap=i2d_PUBKEY */
/* LDFLAGS: -Wl,--wrap=EVP_PKEY_get_bn_param,--wrap=BIO_new_mem_buf */
/* LDFLAGS: -Wl,--wrap=EVP_PKEY_get_raw_public_key */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "random.h"
#include "reg_base64.h"
#include "reg_jws.h"
#include "rsa.h"
#include "wrap_malloc.h"

#define N_7638                                                                \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a" \
    "PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArw" \
    "l93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0z" \
    "gdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2Nc" \
    "Rwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

#define ED25519                                                               \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"                             \
    "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"


/*
 * The so manieth call of OpenSSL from now on that finds no memory, and says so
 * to whoever asks for errors; 0: none.
 */

static int  denied_call;


static int
denied(void)
{
    if (denied_call == 0 || --denied_call) {
        return 0;
    }

    ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);

    return 1;
}


BIO *__real_BIO_new_mem_buf(const void *data, int len);
BIO *__wrap_BIO_new_mem_buf(const void *data, int len);
EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
ECDSA_SIG *__real_ECDSA_SIG_new(void);
ECDSA_SIG *__wrap_ECDSA_SIG_new(void);
ECDSA_SIG *__real_d2i_ECDSA_SIG(ECDSA_SIG **sig, const unsigned char **der,
    long len);
ECDSA_SIG *__wrap_d2i_ECDSA_SIG(ECDSA_SIG **sig, const unsigned char **der,
    long len);
BIGNUM *__real_BN_bin2bn(const unsigned char *s, int len, BIGNUM *ret);
BIGNUM *__wrap_BN_bin2bn(const unsigned char *s, int len, BIGNUM *ret);
int __real_EVP_Digest(const void *data, size_t len, unsigned char *md,
    unsigned *size, const EVP_MD *type, ENGINE *engine);
int __wrap_EVP_Digest(const void *data, size_t len, unsigned char *md,
    unsigned *size, const EVP_MD *type, ENGINE *engine);
int __real_i2d_PUBKEY(const EVP_PKEY *pkey, unsigned char **der);
int __wrap_i2d_PUBKEY(const EVP_PKEY *pkey, unsigned char **der);
int __real_EVP_PKEY_get_bn_param(const EVP_PKEY *pkey, const char *name,
    BIGNUM **bn);
int __wrap_EVP_PKEY_get_bn_param(const EVP_PKEY *pkey, const char *name,
    BIGNUM **bn);
int __real_EVP_PKEY_get_raw_public_key(const EVP_PKEY *pkey,
    unsigned char *bytes, size_t *len);
int __wrap_EVP_PKEY_get_raw_public_key(const EVP_PKEY *pkey,
    unsigned char *bytes, size_t *len);


BIO *
__wrap_BIO_new_mem_buf(const void *data, int len)
{
    return denied() ? NULL : __real_BIO_new_mem_buf(data, len);
}


EVP_MD_CTX *
__wrap_EVP_MD_CTX_new(void)
{
    return denied() ? NULL : __real_EVP_MD_CTX_new();
}


ECDSA_SIG *
__wrap_ECDSA_SIG_new(void)
{
    return denied() ? NULL : __real_ECDSA_SIG_new();
}


ECDSA_SIG *
__wrap_d2i_ECDSA_SIG(ECDSA_SIG **sig, const unsigned char **der, long len)
{
    return denied() ? NULL : __real_d2i_ECDSA_SIG(sig, der, len);
}


BIGNUM *
__wrap_BN_bin2bn(const unsigned char *s, int len, BIGNUM *ret)
{
    return denied() ? NULL : __real_BN_bin2bn(s, len, ret);
}


int
__wrap_EVP_Digest(const void *data, size_t len, unsigned char *md,
    unsigned *size, const EVP_MD *type, ENGINE *engine)
{
    return denied() ? 0 : __real_EVP_Digest(data, len, md, size, type, engine);
}


int
__wrap_i2d_PUBKEY(const EVP_PKEY *pkey, unsigned char **der)
{
    return denied() ? -1 : __real_i2d_PUBKEY(pkey, der);
}


int
__wrap_EVP_PKEY_get_bn_param(const EVP_PKEY *pkey, const char *name,
    BIGNUM **bn)
{
    return denied() ? 0 : __real_EVP_PKEY_get_bn_param(pkey, name, bn);
}


int
__wrap_EVP_PKEY_get_raw_public_key(const EVP_PKEY *pkey, unsigned char *bytes,
    size_t *len)
{
    return denied() ? 0 : __real_EVP_PKEY_get_raw_public_key(pkey, bytes, len);
}


static reg_jwk_t *
jwk_of(const char *text)
{
    reg_jwk_t    *jwk;
    reg_error_t   error;

    if (reg_jwk_from_json(&jwk, reg_str(text), &error) != REG_OK) {
        fail_msg("%s: %s", text, error.text);
    }

    return jwk;
}


static void
is_no_jwk(const char *text)
{
    reg_jwk_t    *jwk;
    reg_error_t   error;

    error.text[0] = '\0';

    if (reg_jwk_from_json(&jwk, reg_str(text), &error) != REG_INVALID) {
        fail_msg("%s", text);
    }

    assert_true(error.text[0] != '\0');
    assert_int_equal(reg_jwk_from_json(&jwk, reg_str(text), NULL),
                     REG_INVALID);

    /* nobody else is to take it for an error of his own */

    assert_int_equal(ERR_peek_error(), 0);
}


static void
has_thumbprint(const char *text, const char *thumbprint)
{
    reg_jwk_t      *jwk;
    unsigned char   buf[REG_JWK_THUMB_LEN];

    jwk = jwk_of(text);

    assert_int_equal(reg_jwk_thumbprint(buf, jwk), REG_OK);
    assert_memory_equal(buf, thumbprint, REG_JWK_THUMB_LEN);

    reg_jwk_free(jwk);
}


/* The text of a key in PEM, as OpenSSL writes it; the caller frees it. */

static reg_str_t
pem_of(EVP_PKEY *pkey, int secret, const char *password)
{
    BIO        *bio;
    char       *data;
    long        len;
    reg_str_t   pem;

    bio = BIO_new(BIO_s_mem());

    assert_int_equal(secret
                     ? PEM_write_bio_PKCS8PrivateKey(bio, pkey,
                           password ? EVP_aes_128_cbc() : NULL, password,
                           password ? (int) strlen(password) : 0, NULL, NULL)
                     : PEM_write_bio_PUBKEY(bio, pkey), 1);

    len = BIO_get_mem_data(bio, &data);
    pem.len = (size_t) len;
    pem.data = malloc(pem.len);
    memcpy(pem.data, data, pem.len);

    BIO_free(bio);

    return pem;
}


static void
base64url_comes_back(void **state)
{
    size_t         i, n, len;
    unsigned char  bytes[64], text[88], back[64];

    (void) state;

    for (i = 0; i < 20000; i++) {
        len = i % sizeof(bytes);
        random_bytes(bytes, len);

        n = reg_base64url_encode(text, (reg_str_t) { len, bytes });
        assert_int_equal(n, REG_BASE64URL_LEN(len));

        assert_int_equal(reg_base64url_decode(back, &n,
                                              (reg_str_t) { n, text }),
                         REG_OK);
        assert_int_equal(n, len);
        assert_memory_equal(back, bytes, len);
    }
}


static void
base64url_has_one_text_for_each(void **state)
{
    size_t         i, len;
    unsigned char  buf[16];

    static const char *const  wrong[] = {
        "A", "AAAAA", "AB", "AAB", "AA==", "AA=", "A+", "A/", "AA\n", " AA",
        "AA A", "\xff\xff"
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(reg_base64url_decode(buf, &len, reg_str(wrong[i])),
                         REG_INVALID);
    }

    assert_int_equal(reg_base64url_decode(buf, &len, reg_str("AQ")), REG_OK);
    assert_int_equal(len, 1);
    assert_int_equal(reg_base64url_decode(buf, &len, reg_str("")), REG_OK);
    assert_int_equal(len, 0);
}


/* RFC 7638 section 3.1, RFC 8037 appendix A.3. */

static void
thumbprints_are_those_of_the_rfcs(void **state)
{
    (void) state;

    has_thumbprint("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"alg\":\"RS256\","
                   "\"kid\":\"2011-04-29\",\"n\":\"" N_7638 "\"}",
                   "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");

    has_thumbprint("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                   "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
                   "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}


/* RFC 7515 appendix A.3, RFC 8037 appendix A.4. */

static void
signatures_of_the_rfcs_verify(void **state)
{
    size_t          len;
    reg_jwk_t      *jwk;
    unsigned char   sig[96];

    static const char  es256[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo"
        "gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    static const char  eddsa[] =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";

    (void) state;

    jwk = jwk_of("{\"kty\":\"EC\",\"crv\":\"P-256\","
                 "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                 "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
    assert_int_equal(reg_base64url_decode(sig, &len, reg_str(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQ"
        "xfKTUJqPP3-Kg6NU1Q")), REG_OK);
    assert_int_equal(reg_jws_verify(jwk, reg_str(es256),
                                    (reg_str_t) { len, sig }), REG_OK);
    sig[0] ^= 1;
    assert_int_equal(reg_jws_verify(jwk, reg_str(es256),
                                    (reg_str_t) { len, sig }), REG_INVALID);
    reg_jwk_free(jwk);

    jwk = jwk_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                 "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
    assert_int_equal(reg_base64url_decode(sig, &len, reg_str(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
        "9g7sVvpAr_MuM0KAg")), REG_OK);
    assert_int_equal(reg_jws_verify(jwk, reg_str(eddsa),
                                    (reg_str_t) { len, sig }), REG_OK);
    sig[0] ^= 1;
    assert_int_equal(reg_jws_verify(jwk, reg_str(eddsa),
                                    (reg_str_t) { len, sig }), REG_INVALID);
    reg_jwk_free(jwk);
}


static void
keys_that_are_refused(void **state)
{
    char        text[1024];
    reg_jwk_t  *jwk;

    (void) state;

    is_no_jwk("[]");
    is_no_jwk("{}");
    is_no_jwk("{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}");
    is_no_jwk("{\"kty\":\"oct\",\"k\":\"\"}");
    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\",\"y\":\"\"}");

    /* another curve, and a point that is not on this one */

    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-384\","
              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
              "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\","
              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
              "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}");
    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\","
              "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
              "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\","
              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA\","
              "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");

    /* a byte more than there is, behind what were good */

    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\","
              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEUA\","
              "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
    is_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\","
              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
              "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0A\"}");
    is_no_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
              "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURoA\"}");

    is_no_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qY\"}");
    is_no_jwk("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":"
              "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");

    /* a small modulus, and exponents that let everybody sign */

    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"Ag\",\"n\":\"" N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"AA\",\"n\":\"" N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"\",\"n\":\"" N_7638 "\"}");

    /* an exponent of 65 bits; one of 64 is none too many */

    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"AQAAAAAAAAAB\",\"n\":\""
              N_7638 "\"}");
    reg_jwk_free(jwk_of("{\"kty\":\"RSA\",\"e\":\"gAAAAAAAAAE\",\"n\":\""
                        N_7638 "\"}"));

    is_no_jwk("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"\"}");

    /* for something else */

    is_no_jwk("{\"kty\":\"RSA\",\"use\":\"enc\",\"e\":\"AQAB\",\"n\":\""
              N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"alg\":\"PS256\",\"e\":\"AQAB\",\"n\":\""
              N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"kid\":\"\",\"e\":\"AQAB\",\"n\":\""
              N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"kid\":\"\\nb\",\"e\":\"AQAB\",\"n\":\""
              N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"kid\":\"\\u007f\",\"e\":\"AQAB\","
              "\"n\":\"" N_7638 "\"}");
    is_no_jwk("{\"kty\":\"RSA\",\"kid\":7,\"e\":\"AQAB\",\"n\":\""
              N_7638 "\"}");

    (void) snprintf(text, sizeof(text), "{\"kty\":\"RSA\",\"kid\":\"%0*d\","
                    "\"e\":\"AQAB\",\"n\":\"%s\"}", REG_JWK_KID_MAX + 1, 0,
                    N_7638);
    is_no_jwk(text);

    (void) snprintf(text, sizeof(text), "{\"kty\":\"RSA\",\"kid\":\"%0*d\","
                    "\"e\":\"AQAB\",\"n\":\"%s\"}", REG_JWK_KID_MAX, 0,
                    N_7638);
    jwk = jwk_of(text);
    assert_int_equal(jwk->kid_len, REG_JWK_KID_MAX);
    reg_jwk_free(jwk);

    /* the first and the last byte that can be printed */

    jwk = jwk_of("{\"kty\":\"RSA\",\"kid\":\" ~\",\"e\":\"AQAB\",\"n\":\""
                 N_7638 "\"}");
    assert_int_equal(jwk->kid_len, 2);
    assert_memory_equal(jwk->kid, " ~", 2);
    reg_jwk_free(jwk);
}


static void
a_jwks_skips_what_it_cannot_use(void **state)
{
    size_t        i;
    reg_jwks_t   *jwks;
    reg_error_t   error;

    static const char *const  none[] = {
        "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[1]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[],\"keys\":[]}"
    };

    (void) state;

    assert_int_equal(reg_jwks_parse(&jwks, REG_STR(
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"},7,{\"kty\":\"RSA\","
        "\"kid\":\"b\",\"x5c\":[\"MII\"],\"e\":\"AQAB\",\"n\":\"" N_7638 "\"},"
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
        "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"), &error),
        REG_OK);
    assert_int_equal(jwks->n, 2);
    assert_int_equal(jwks->skipped, 2);
    assert_int_equal(jwks->keys[0]->alg, REG_ALG_RS256);
    assert_int_equal(jwks->keys[0]->kid_len, 1);
    assert_int_equal(jwks->keys[1]->kid_len, 0);
    assert_int_equal(jwks->keys[1]->secret, 0);
    reg_jwks_free(jwks);

    /* also behind those that it can */

    assert_int_equal(reg_jwks_parse(&jwks, REG_STR(
        "{\"keys\":[" ED25519 ",{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"), &error),
        REG_OK);
    assert_int_equal(jwks->n, 1);
    assert_int_equal(jwks->skipped, 1);
    reg_jwks_free(jwks);

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        error.text[0] = '\0';
        assert_int_equal(reg_jwks_parse(&jwks, reg_str(none[i]), &error),
                         REG_INVALID);
        assert_true(error.text[0] != '\0');
    }
}


/* A JWKS of n keys, and spaces behind it until it has len bytes. */

static reg_str_t
jwks_of(size_t n, size_t len)
{
    char       *p;
    size_t      i;
    reg_str_t   text;

    text.len = len;
    text.data = malloc(len);
    assert_non_null(text.data);
    memset(text.data, ' ', len);

    p = (char *) text.data;
    p += sprintf(p, "{\"keys\":[");

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s" ED25519, i ? "," : "");
    }

    p += sprintf(p, "]}");
    *p = ' ';

    return text;
}


static void
there_is_an_end_to_a_jwks(void **state)
{
    size_t        i;
    reg_str_t     text;
    reg_jwks_t   *jwks;
    reg_error_t   error;

    static const struct {
        size_t       n;
        size_t       len;
        const char  *error;
    } cases[] = {
        { 1, REG_JWKS_TEXT_MAX, NULL },
        { 1, REG_JWKS_TEXT_MAX + 1, "it is longer than 65536 bytes" },
        { REG_JWKS_MAX, REG_JWKS_TEXT_MAX, NULL },
        { REG_JWKS_MAX + 1, REG_JWKS_TEXT_MAX,
          "it is no object with a list of at most 64 \"keys\"" },
        { 0, 100, "it has no key that can be used: it has no key" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = jwks_of(cases[i].n, cases[i].len);

        if (cases[i].error) {
            assert_int_equal(reg_jwks_parse(&jwks, text, &error), REG_INVALID);
            assert_string_equal(error.text, cases[i].error);

        } else {
            assert_int_equal(reg_jwks_parse(&jwks, text, &error), REG_OK);
            assert_int_equal(jwks->n, cases[i].n);
            reg_jwks_free(jwks);
        }

        free(text.data);
    }
}


static void
a_jwks_is_whole_or_there_is_none(void **state)
{
    reg_rc_t       rc;
    reg_str_t      text;
    reg_jwks_t    *jwks;
    unsigned long  n;

    (void) state;

    text = jwks_of(2, 1000);

    for (n = 1; /* void */ ; n++) {
        wrap_malloc_arm(n);
        rc = reg_jwks_parse(&jwks, text, NULL);

        if (!wrap_malloc_disarm()) {
            break;
        }

        assert_int_equal(rc, REG_NOMEM);
    }

    /* for the set, and for each key */

    assert_int_equal(n, 4);
    assert_int_equal(rc, REG_OK);
    assert_int_equal(jwks->n, 2);

    reg_jwks_free(jwks);
    free(text.data);
}


static EVP_PKEY *
rsa_key(void)
{
    BIO       *bio;
    EVP_PKEY  *pkey;

    bio = BIO_new_mem_buf(rsa_pem, -1);
    pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(pkey);
    BIO_free(bio);

    return pkey;
}


/* What is done with a key, and signature of "x". */

typedef reg_rc_t (*use_pt)(const reg_jwk_t *jwk, reg_str_t signature);


static reg_rc_t
use_verify(const reg_jwk_t *jwk, reg_str_t signature)
{
    return reg_jws_verify(jwk, REG_STR("x"), signature);
}


static reg_rc_t
use_sign(const reg_jwk_t *jwk, reg_str_t signature)
{
    size_t         len;
    unsigned char  buf[REG_JWS_SIGNATURE_MAX];

    (void) signature;

    return reg_jws_sign(jwk, REG_STR("x"), buf, &len);
}


static reg_rc_t
use_write(const reg_jwk_t *jwk, reg_str_t signature)
{
    size_t         len;
    unsigned char  buf[REG_JWK_JSON_MAX];

    (void) signature;

    return reg_jwk_write(buf, &len, jwk);
}


static reg_rc_t
use_thumbprint(const reg_jwk_t *jwk, reg_str_t signature)
{
    unsigned char  buf[REG_JWK_THUMB_LEN];

    (void) signature;

    return reg_jwk_thumbprint(buf, jwk);
}


static reg_rc_t
use_libtrust(const reg_jwk_t *jwk, reg_str_t signature)
{
    unsigned char  buf[REG_JWK_LIBTRUST];

    (void) signature;

    return reg_jwk_libtrust(buf, jwk);
}


/* Whichever call it is that fails, nothing is taken for done, or for good. */

static void
nothing_is_good_without_memory(const reg_jwk_t *jwk)
{
    int            n;
    size_t         i;
    reg_rc_t       rc;
    reg_str_t      signature;
    unsigned char  buf[REG_JWS_SIGNATURE_MAX];

    static const use_pt  uses[] = {
        use_verify, use_sign, use_write, use_thumbprint, use_libtrust
    };

    signature.data = buf;
    assert_int_equal(reg_jws_sign(jwk, REG_STR("x"), buf, &signature.len),
                     REG_OK);

    for (i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {

        for (n = 1; /* void */ ; n++) {
            denied_call = n;
            rc = uses[i](jwk, signature);

            if (denied_call) {
                break;
            }

            assert_int_equal(rc, REG_ERROR);
            ERR_clear_error();
        }

        /* there was something to fail, and then all has been called */

        denied_call = 0;
        assert_int_equal(rc, REG_OK);
        assert_in_range(n, 2, 5);
    }
}


static void
keys_come_from_pem(void **state)
{
    size_t          i, len;
    EVP_PKEY       *pkeys[3];
    reg_jwk_t      *jwk, *pub, *again;
    reg_str_t       pem;
    reg_error_t     error;
    unsigned char   json[REG_JWK_JSON_MAX + 1], sig[REG_JWS_SIGNATURE_MAX];

    static const reg_alg_t  algs[3] = {
        REG_ALG_ES256, REG_ALG_RS256, REG_ALG_EDDSA
    };

    (void) state;

    pkeys[0] = EVP_EC_gen("P-256");
    pkeys[1] = rsa_key();
    pkeys[2] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    for (i = 0; i < 3; i++) {
        pem = pem_of(pkeys[i], 1, NULL);
        assert_int_equal(reg_jwk_from_pem(&jwk, pem, algs[i], &error),
                         REG_OK);
        assert_int_equal(jwk->alg, algs[i]);
        assert_int_equal(jwk->secret, 1);

        assert_int_equal(reg_jwk_from_pem(&again, pem, algs[(i + 1) % 3],
                                          &error),
                         REG_INVALID);
        free(pem.data);

        pem = pem_of(pkeys[i], 0, NULL);
        assert_int_equal(reg_jwk_from_pem(&pub, pem, REG_ALG_NONE, &error),
                         REG_OK);
        assert_int_equal(pub->secret, 0);
        free(pem.data);

        /* the JWK of one is the other, under the same name */

        assert_int_equal(reg_jwk_write(json, &len, jwk), REG_OK);
        json[len] = '\0';
        again = jwk_of((char *) json);
        assert_int_equal(again->alg, algs[i]);
        assert_int_equal(again->kid_len, REG_JWK_THUMB_LEN);
        assert_memory_equal(again->kid, pub->kid, REG_JWK_THUMB_LEN);

        assert_int_equal(reg_jws_sign(jwk, REG_STR("x"), sig, &len), REG_OK);
        assert_int_equal(reg_jws_verify(again, REG_STR("x"),
                                        (reg_str_t) { len, sig }), REG_OK);
        assert_int_equal(reg_jws_verify(pub, REG_STR("x"),
                                        (reg_str_t) { len, sig }), REG_OK);
        assert_int_equal(reg_jws_verify(pub, REG_STR("y"),
                                        (reg_str_t) { len, sig }),
                         REG_INVALID);
        assert_int_equal(reg_jws_verify(pub, REG_STR("x"),
                                        (reg_str_t) { 0, sig }),
                         REG_INVALID);
        assert_int_equal(reg_jws_verify(pub, REG_STR("x"),
                                        (reg_str_t) { 1, sig }),
                         REG_INVALID);
        assert_int_equal(reg_jws_sign(pub, REG_STR("x"), sig, &len),
                         REG_ERROR);

        nothing_is_good_without_memory(jwk);

        reg_jwk_free(jwk);
        reg_jwk_free(pub);
        reg_jwk_free(again);
        EVP_PKEY_free(pkeys[i]);
    }
}


static void
rsa_is_not_read_without_memory(void **state)
{
    int           n;
    reg_rc_t      rc;
    reg_jwk_t    *jwk;
    reg_error_t   error;

    (void) state;

    for (n = 1; /* void */ ; n++) {
        denied_call = n;
        rc = reg_jwk_from_json(&jwk, REG_STR("{\"kty\":\"RSA\",\"e\":\"AQAB\","
                                             "\"n\":\"" N_7638 "\"}"), &error);

        if (denied_call) {
            break;
        }

        assert_int_not_equal(rc, REG_OK);
        assert_int_equal(ERR_peek_error(), 0);
    }

    /* both numbers, the exponent again, and three calls for the thumbprint */

    denied_call = 0;
    assert_int_equal(rc, REG_OK);
    assert_int_equal(n, 7);

    reg_jwk_free(jwk);
}


/* A key of RSA has 2048 bits to 8192. */

static void
rsa_has_so_many_bits(void **state)
{
    size_t         i, len;
    char           text[2048], n[1600];
    unsigned char  bytes[1026];
    reg_jwk_t     *jwk;

    static const struct {
        size_t         len;
        unsigned char  first;
        int            good;
    } cases[] = {
        { 256, 0x7f, 0 }, { 256, 0xff, 1 }, { 1024, 0xff, 1 },
        { 1025, 0x01, 0 }, { 1025, 0x00, 1 }, { 1026, 0x00, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(bytes, 0xff, sizeof(bytes));
        bytes[0] = cases[i].first;

        len = reg_base64url_encode((unsigned char *) n,
                                   (reg_str_t) { cases[i].len, bytes });
        n[len] = '\0';
        (void) snprintf(text, sizeof(text),
                        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}", n);

        if (cases[i].good) {
            jwk = jwk_of(text);
            reg_jwk_free(jwk);

        } else {
            is_no_jwk(text);
        }
    }
}


static void
keys_are_made(void **state)
{
    size_t      i;
    reg_jwk_t  *jwk;

    /* of RSA it would take a minute under valgrind */

    static const reg_alg_t  algs[] = { REG_ALG_ES256, REG_ALG_EDDSA };

    (void) state;

    for (i = 0; i < 2; i++) {
        assert_int_equal(reg_jwk_generate(&jwk, algs[i], 2048), REG_OK);
        assert_int_equal(jwk->alg, algs[i]);
        assert_int_equal(jwk->secret, 1);
        assert_int_equal(jwk->kid_len, REG_JWK_THUMB_LEN);
        reg_jwk_free(jwk);
    }

    assert_int_equal(reg_jwk_generate(&jwk, REG_ALG_NONE, 0), REG_INVALID);
    assert_int_equal(reg_jwk_generate(&jwk, REG_ALG_RS256, 1), REG_ERROR);
    assert_int_equal(ERR_peek_error(), 0);

    wrap_malloc_arm(1);
    assert_int_equal(reg_jwk_generate(&jwk, REG_ALG_EDDSA, 0), REG_ERROR);
    assert_true(wrap_malloc_disarm());
}


/* The first of two keys is taken, and no allocation is missed. */

static void
keys_are_read_or_not(void **state)
{
    size_t          n, len;
    reg_rc_t        rc;
    EVP_PKEY       *pkeys[2];
    reg_jwk_t      *jwk, *first;
    reg_str_t       pem[2], text;
    reg_error_t     error;
    unsigned char   json[REG_JWK_JSON_MAX + 1];

    (void) state;

    for (n = 0; n < 2; n++) {
        pkeys[n] = EVP_EC_gen("P-256");
        pem[n] = pem_of(pkeys[n], 0, NULL);
        EVP_PKEY_free(pkeys[n]);
    }

    assert_int_equal(reg_jwk_from_pem(&first, pem[0], REG_ALG_NONE, &error),
                     REG_OK);

    text.len = pem[0].len + pem[1].len;
    text.data = malloc(text.len);
    assert_non_null(text.data);
    memcpy(text.data, pem[0].data, pem[0].len);
    memcpy(text.data + pem[0].len, pem[1].data, pem[1].len);

    for (n = 1; /* void */ ; n++) {
        wrap_malloc_arm(n);
        rc = reg_jwk_from_pem(&jwk, text, REG_ALG_NONE, &error);

        if (!wrap_malloc_disarm()) {
            break;
        }

        assert_int_not_equal(rc, REG_OK);
    }

    assert_int_equal(rc, REG_OK);
    assert_true(n > 2);
    assert_memory_equal(jwk->kid, first->kid, REG_JWK_THUMB_LEN);
    reg_jwk_free(jwk);

    denied_call = 1;
    assert_int_equal(reg_jwk_from_pem(&jwk, text, REG_ALG_NONE, &error),
                     REG_NOMEM);
    assert_int_equal(ERR_peek_error(), 0);

    assert_int_equal(reg_jwk_write(json, &len, first), REG_OK);
    json[len] = '\0';

    for (n = 1; /* void */ ; n++) {
        wrap_malloc_arm(n);
        rc = reg_jwk_from_json(&jwk, reg_str((char *) json), &error);

        if (!wrap_malloc_disarm()) {
            break;
        }

        assert_int_not_equal(rc, REG_OK);
    }

    assert_int_equal(rc, REG_OK);
    assert_true(n > 1);

    reg_jwk_free(jwk);
    reg_jwk_free(first);
    free(text.data);
    free(pem[0].data);
    free(pem[1].data);
}


static void
pem_that_is_refused(void **state)
{
    size_t        i;
    EVP_PKEY     *pkeys[3];
    reg_jwk_t    *jwk;
    reg_str_t     pem;
    reg_error_t   error;

    (void) state;

    pkeys[0] = EVP_EC_gen("P-384");
    pkeys[1] = EVP_RSA_gen(512);
    pkeys[2] = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");

    for (i = 0; i < 3; i++) {
        pem = pem_of(pkeys[i], 1, NULL);
        error.text[0] = '\0';
        assert_int_equal(reg_jwk_from_pem(&jwk, pem, REG_ALG_NONE, &error),
                         REG_INVALID);
        assert_true(error.text[0] != '\0');
        assert_int_equal(ERR_peek_error(), 0);
        free(pem.data);
        EVP_PKEY_free(pkeys[i]);
    }

    pkeys[0] = EVP_EC_gen("P-256");
    pem = pem_of(pkeys[0], 1, "secret");
    assert_int_equal(reg_jwk_from_pem(&jwk, pem, REG_ALG_NONE, &error),
                     REG_INVALID);
    assert_int_equal(ERR_peek_error(), 0);
    free(pem.data);
    EVP_PKEY_free(pkeys[0]);

    assert_int_equal(reg_jwk_from_pem(&jwk, REG_STR("-----BEGIN"),
                                      REG_ALG_NONE, &error), REG_INVALID);
    assert_int_equal(reg_jwk_from_pem(&jwk, REG_STR_NULL, REG_ALG_NONE,
                                      &error), REG_INVALID);

    /* a line that begins a key may be the last, and has all of its dashes */

    assert_int_equal(reg_jwk_from_pem(&jwk,
                                      REG_STR("-----BEGIN PUBLIC KEY-----"),
                                      REG_ALG_NONE, &error), REG_INVALID);
    assert_non_null(strstr(error.text, "cannot be read"));
    assert_int_equal(reg_jwk_from_pem(&jwk,
                                      REG_STR("-----BEGIN PUBLIC KEY----x"),
                                      REG_ALG_NONE, &error), REG_INVALID);
    assert_non_null(strstr(error.text, "no key"));
}


/* Lines that are no key are passed over, but not without end. */

static void
there_is_an_end_to_pem(void **state)
{
    size_t         i;
    EVP_PKEY      *pkey;
    reg_jwk_t     *jwk;
    reg_str_t      pem, text;
    reg_jwks_t    *jwks;
    reg_error_t    error;

    (void) state;

    pkey = EVP_EC_gen("P-256");
    pem = pem_of(pkey, 0, NULL);

    text.len = REG_JWKS_TEXT_MAX;
    text.data = malloc(text.len + 1);
    assert_non_null(text.data);
    memset(text.data, '\n', text.len + 1);
    memcpy(text.data + text.len - pem.len, pem.data, pem.len);

    assert_int_equal(reg_jwk_from_pem(&jwk, text, REG_ALG_ES256, &error),
                     REG_OK);
    reg_jwk_free(jwk);

    text.len++;
    assert_int_equal(reg_jwk_from_pem(&jwk, text, REG_ALG_ES256, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "it is longer than 65536 bytes");

    for (i = 0; i <= REG_JWKS_MAX; i++) {
        memcpy(text.data + i * pem.len, pem.data, pem.len);
    }

    text.len = REG_JWKS_MAX * pem.len;
    assert_int_equal(reg_jwks_from_pem(&jwks, text, REG_ALG_NONE, &error),
                     REG_OK);
    assert_int_equal(jwks->n, REG_JWKS_MAX);
    reg_jwks_free(jwks);

    text.len += pem.len;
    assert_int_equal(reg_jwks_from_pem(&jwks, text, REG_ALG_NONE, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "it holds more than 64 keys");

    free(text.data);
    free(pem.data);
    EVP_PKEY_free(pkey);
}


/* Computed with openssl dgst, base32 and fold. */

static void
libtrust_names_a_key(void **state)
{
    reg_jwk_t      *jwk;
    unsigned char  *name;

    (void) state;

    name = malloc(REG_JWK_LIBTRUST);
    assert_non_null(name);

    jwk = jwk_of("{\"kty\":\"EC\",\"crv\":\"P-256\","
                 "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                 "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");

    assert_int_equal(reg_jwk_libtrust(name, jwk), REG_OK);
    assert_memory_equal(name, "FPI3:WDCE:VCL4:GCT2:UCMR:ZXRY:"
                        "3ADC:7ZCB:3ZIN:UD2G:QJJU:J5QC", REG_JWK_LIBTRUST);

    free(name);
    reg_jwk_free(jwk);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(base64url_comes_back),
        cmocka_unit_test(base64url_has_one_text_for_each),
        cmocka_unit_test(thumbprints_are_those_of_the_rfcs),
        cmocka_unit_test(signatures_of_the_rfcs_verify),
        cmocka_unit_test(keys_that_are_refused),
        cmocka_unit_test(a_jwks_skips_what_it_cannot_use),
        cmocka_unit_test(there_is_an_end_to_a_jwks),
        cmocka_unit_test(a_jwks_is_whole_or_there_is_none),
        cmocka_unit_test(keys_come_from_pem),
        cmocka_unit_test(rsa_is_not_read_without_memory),
        cmocka_unit_test(rsa_has_so_many_bits),
        cmocka_unit_test(keys_are_made),
        cmocka_unit_test(keys_are_read_or_not),
        cmocka_unit_test(pem_that_is_refused),
        cmocka_unit_test(there_is_an_end_to_pem),
        cmocka_unit_test(libtrust_names_a_key)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
