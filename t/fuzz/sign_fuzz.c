/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Signed URLs.  The input is a line that chooses the scheme, a line with
 * tenant, a line with repository, and the URL.  What is signed is a URL that
 * can stand in a header, to the same host; what "hmac" signs it verifies, with
 * the same claims, also when another scheme has signed that; and it verifies
 * nothing that it did not sign.
 */

#include <stdio.h>
#include <stdlib.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "reg_sign.h"

#define NOW  1767225600

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char  pem[4096];

static const struct {
    const char  *scheme;
    const char  *key;
    const char  *options[4];
} schemes[] = {
    { "hmac", "a secret that nobody guesses", { NULL } },
    { "secure_link", "a secret that nobody guesses", { NULL } },
    { "google_cdn", "nZtRohdNF9m3cKM24IcK4w==", { "key_name=k", "claims=on" } },
    { "cloudflare", "a secret that nobody guesses", { NULL } },
    { "s3", "aws_access_key_id=A\naws_secret_access_key=B\n"
            "aws_session_token=C", { "region=eu", "claims=on" } },
    { "gcs", "aws_access_key_id=A\naws_secret_access_key=B", { NULL } },
    { "azure", "nZtRohdNF9m3cKM24IcK4w==", { "account=a" } },
    { "cloudfront", pem, { "key_pair_id=K", "claims=on" } }
};

#define NSCHEMES  (sizeof(schemes) / sizeof(schemes[0]))

static reg_signer_t  *signers[NSCHEMES];


static void
make_signers(void)
{
    size_t     i, j, len;
    BIO       *bio;
    EVP_PKEY  *pkey;

    pkey = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());
    CHECK(pkey && bio);
    CHECK(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL));
    CHECK(BIO_read_ex(bio, pem, sizeof(pem) - 1, &len));
    BIO_free(bio);
    EVP_PKEY_free(pkey);

    for (i = 0; i < NSCHEMES; i++) {
        CHECK(reg_signer_create(&signers[i], reg_str(schemes[i].scheme), NULL)
              == REG_OK);
        CHECK(reg_signer_key(signers[i], reg_str(schemes[i].key), NULL)
              == REG_OK);

        for (j = 0; schemes[i].options[j]; j++) {
            CHECK(reg_signer_option(signers[i],
                                    reg_str(schemes[i].options[j]), NULL)
                  == REG_OK);
        }

        CHECK(reg_signer_check(signers[i], NULL) == REG_OK);
    }
}


static reg_str_t
cut_line(reg_str_t *rest)
{
    reg_str_t       line;
    unsigned char  *p;

    p = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    line = *rest;

    if (p) {
        line.len = (size_t) (p - rest->data);
        rest->data += line.len + 1;
        rest->len -= line.len + 1;

    } else {
        *rest = REG_STR_NULL;
    }

    return line;
}


/* Whatever somebody else made up, for any host. */

static void
check_foreign(reg_str_t text)
{
    reg_url_t       url;
    reg_str_t       plain;
    reg_claims_t    claims;
    unsigned char  *buf;

    if (reg_url_check_location(text, NULL) == REG_OK) {
        CHECK(text.len != 0 && (text.data[0] == '/' || text.data[0] == 'h'
                                || text.data[0] == 'H'));
        CHECK(memchr(text.data, '\r', text.len) == NULL);
        CHECK(memchr(text.data, '\n', text.len) == NULL);
    }

    if (reg_url_parse(&url, text, NULL) != REG_OK) {
        return;
    }

    CHECK(url.host.len != 0);

    buf = malloc(url.query.len + 1);
    CHECK(buf != NULL);
    CHECK(reg_signer_verify(signers[0], url.authority, url.path, url.query,
                            NOW, &claims, &plain, buf)
          != REG_OK);
    free(buf);
}


static void
check_signed(size_t scheme, reg_str_t text, const reg_claims_t *claims,
    reg_str_t out)
{
    size_t          i;
    reg_str_t       plain;
    reg_url_t       before, after;
    reg_claims_t    again;
    unsigned char  *buf;

    for (i = 0; i < out.len; i++) {
        CHECK(out.data[i] > 0x20 && out.data[i] < 0x7f);
    }

    CHECK(reg_url_parse(&before, text, NULL) == REG_OK);

    if (out.len > REG_URL_MAX) {
        return;
    }

    CHECK(reg_url_parse(&after, out, NULL) == REG_OK);
    CHECK(reg_str_eq(before.authority, after.authority));
    CHECK(reg_str_eq(before.scheme, after.scheme));

    if (scheme != 0) {
        return;
    }

    CHECK(reg_str_eq(before.path, after.path));

    buf = malloc(after.query.len);
    CHECK(buf != NULL);

    CHECK(reg_signer_verify(signers[0], after.authority, after.path,
                            after.query, NOW, &again, &plain, buf)
          == REG_OK);
    CHECK(reg_str_eq(again.tenant, claims->tenant));
    CHECK(reg_str_eq(again.repository, claims->repository));
    CHECK(again.expires == claims->expires);
    CHECK(reg_str_eq(plain, before.query));

    CHECK(reg_signer_verify(signers[0], after.authority, after.path,
                            after.query, claims->expires, &again, &plain, buf)
          == REG_ERROR);
    free(buf);
}


/* Behind any scheme that says so, what "hmac" has signed is good. */

static void
check_wrapped(size_t scheme, reg_str_t text, const reg_claims_t *claims)
{
    size_t          len;
    reg_url_t       url;
    reg_str_t       plain;
    reg_claims_t    again;
    unsigned char  *inner, *outer, *buf;

    inner = malloc(REG_SIGNED_URL_MAX);
    outer = malloc(REG_SIGNED_URL_MAX);
    buf = malloc(REG_SIGNED_URL_MAX);
    CHECK(inner && outer && buf);

    if (reg_signer_wraps(signers[scheme])
        && reg_signer_sign(signers[0], text, claims, inner, &len, NULL)
           == REG_OK
        && reg_signer_sign(signers[scheme], (reg_str_t) { len, inner }, claims,
                           outer, &len, NULL)
           == REG_OK
        && reg_url_parse(&url, (reg_str_t) { len, outer }, NULL) == REG_OK)
    {
        CHECK(reg_signer_verify(signers[0], url.authority, url.path, url.query,
                                NOW, &again, &plain, buf)
              == REG_OK);
        CHECK(reg_str_eq(again.repository, claims->repository));
    }

    free(buf);
    free(outer);
    free(inner);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len, scheme;
    reg_str_t       rest, line;
    reg_error_t     error;
    reg_claims_t    claims;
    unsigned char  *out;

    if (signers[0] == NULL) {
        make_signers();
    }

    rest = (reg_str_t) { size, (unsigned char *) data };

    line = cut_line(&rest);
    scheme = line.len ? line.data[0] % NSCHEMES : 0;

    claims.tenant = cut_line(&rest);
    claims.repository = cut_line(&rest);
    claims.issued = NOW;
    claims.expires = NOW + 1200;

    check_foreign(rest);

    out = malloc(REG_SIGNED_URL_MAX);
    CHECK(out != NULL);
    error.text[0] = '\0';

    if (reg_signer_sign(signers[scheme], rest, &claims, out, &len, &error)
        == REG_OK)
    {
        check_signed(scheme, rest, &claims, (reg_str_t) { len, out });
        check_wrapped(scheme, rest, &claims);

    } else {
        CHECK(error.text[0] != '\0');
    }

    free(out);

    return 0;
}
