/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Our own scheme.  To the query come, in this order,
 *
 *     reg_expires=<seconds> reg_tenant=<text> reg_repository=<text>
 *     reg_signature=<base64url of HMAC-SHA256>
 *
 * What is signed is the word "reg1" and then, each behind a newline, the
 * method, the authority, the path, and the query up to the signature: all but
 * the first two are the bytes that are sent.  None of them can hold a newline.
 * What stands behind the signature has been added by somebody on the way.
 */

#include <openssl/crypto.h>

#include "reg_sign_scheme.h"

#define REG_SIGN_HMAC_LEN  43                  /* 32 bytes in base64url */

static reg_rc_t reg_sign_hmac_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);
static reg_rc_t reg_sign_hmac_text(reg_str_t secret, reg_str_t host,
    reg_str_t path, reg_str_t query, unsigned char *text);
static unsigned char *reg_sign_hmac_find(reg_str_t s, reg_str_t name);
static reg_rc_t reg_sign_hmac_claims(reg_str_t args, reg_claims_t *claims,
    unsigned char *buf);
static reg_rc_t reg_sign_hmac_claim(reg_str_t *args, const char *name,
    reg_str_t *value, unsigned char **buf);


const reg_sign_scheme_t  reg_sign_hmac = {
    .name = "hmac",
    .parse = reg_sign_parse_secret,
    .sign = reg_sign_hmac_sign
};


static reg_rc_t
reg_sign_hmac_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    size_t         query;
    reg_str_t      signed_query;
    unsigned char  mac[REG_SIGN_HMAC_LEN];

    if (url->query.len && reg_sign_hmac_find(url->query, REG_STR("reg_"))) {
        reg_error_set(error, "the URL has an argument \"reg_...\" already");
        return REG_INVALID;
    }

    query = url->text.len - url->query.len + (url->query.data == NULL);

    reg_text_add(out, url->text);
    reg_sign_separator(out, url);

    reg_text_add(out, REG_STR("reg_expires="));
    reg_text_number(out, claims->expires);
    reg_text_add(out, REG_STR("&reg_tenant="));
    reg_text_escape(out, claims->tenant, "/:");
    reg_text_add(out, REG_STR("&reg_repository="));
    reg_text_escape(out, claims->repository, "/:");

    if (out->full) {
        return REG_ERROR;
    }

    signed_query = (reg_str_t) { out->len - query, out->data + query };

    if (reg_sign_hmac_text(signer->key.secrets[0], url->authority, url->path,
                           signed_query, mac)
        != REG_OK)
    {
        reg_error_set(error, "HMAC failed");
        return REG_ERROR;
    }

    reg_text_add(out, REG_STR("&reg_signature="));
    reg_text_add(out, (reg_str_t) { REG_SIGN_HMAC_LEN, mac });

    return REG_OK;
}


static reg_rc_t
reg_sign_hmac_text(reg_str_t secret, reg_str_t host, reg_str_t path,
    reg_str_t query, unsigned char *text)
{
    size_t         i, len;
    reg_text_t     what, encoded;
    unsigned char  mac[REG_HMAC_MAX], buf[REG_SIGNED_URL_MAX + 64];

    what = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&what, REG_STR("reg1\nGET\n"));

    /* host names have no case */

    for (i = 0; i < host.len; i++) {
        reg_text_byte(&what, host.data[i] >= 'A' && host.data[i] <= 'Z'
                             ? host.data[i] | 0x20 : host.data[i]);
    }

    reg_text_byte(&what, '\n');
    reg_text_add(&what, path);
    reg_text_byte(&what, '\n');
    reg_text_add(&what, query);

    if (what.full
        || reg_sign_mac(EVP_sha256(), secret,
                        (reg_str_t) { what.len, what.data }, mac, &len)
           != REG_OK)
    {
        return REG_ERROR;
    }

    encoded = (reg_text_t) { .data = text, .size = REG_SIGN_HMAC_LEN };

    reg_text_base64(&encoded, (reg_str_t) { len, mac },
                    REG_BASE64_URL | REG_BASE64_NO_PAD);

    OPENSSL_cleanse(mac, sizeof(mac));

    return REG_OK;
}


reg_rc_t
reg_signer_verify(const reg_signer_t *signer, reg_str_t host, reg_str_t path,
    reg_str_t query, int64_t now, reg_claims_t *claims, reg_str_t *plain,
    unsigned char *buf)
{
    int             good;
    size_t          i;
    reg_str_t       args, signed_query;
    unsigned char  *begin, *p, mac[REG_SIGN_HMAC_LEN];

    memset(claims, 0, sizeof(reg_claims_t));
    *plain = REG_STR_NULL;

    if (signer->scheme != &reg_sign_hmac || query.len == 0
        || query.len + path.len + host.len > REG_SIGNED_URL_MAX)
    {
        return REG_NOTFOUND;
    }

    begin = reg_sign_hmac_find(query, REG_STR("reg_expires="));
    p = reg_sign_hmac_find(query, REG_STR("reg_signature="));

    if (begin == NULL || p == NULL || p < begin) {
        return REG_NOTFOUND;
    }

    signed_query = (reg_str_t) { (size_t) (p - 1 - query.data), query.data };
    args = (reg_str_t) { (size_t) (p - 1 - begin), begin };

    p += sizeof("reg_signature=") - 1;

    if ((size_t) (query.data + query.len - p) < REG_SIGN_HMAC_LEN
        || (p + REG_SIGN_HMAC_LEN < query.data + query.len
            && p[REG_SIGN_HMAC_LEN] != '&'))
    {
        return REG_NOTFOUND;
    }

    good = 0;

    for (i = 0; i < signer->key.nsecrets; i++) {

        if (reg_sign_hmac_text(signer->key.secrets[i], host, path,
                               signed_query, mac)
            != REG_OK)
        {
            return REG_INVALID;
        }

        good |= (CRYPTO_memcmp(mac, p, REG_SIGN_HMAC_LEN) == 0);
    }

    if (!good || reg_sign_hmac_claims(args, claims, buf) != REG_OK) {
        return REG_INVALID;
    }

    if (begin > query.data) {
        *plain = (reg_str_t) { (size_t) (begin - 1 - query.data), query.data };
    }

    return now < claims->expires ? REG_OK : REG_ERROR;
}


/* The first argument that begins so. */

static unsigned char *
reg_sign_hmac_find(reg_str_t s, reg_str_t name)
{
    size_t  i;

    for (i = 0; i + name.len <= s.len; i++) {
        if ((i == 0 || s.data[i - 1] == '&')
            && memcmp(s.data + i, name.data, name.len) == 0)
        {
            return s.data + i;
        }
    }

    return NULL;
}


/* The signature is good, so they are as we have written them. */

static reg_rc_t
reg_sign_hmac_claims(reg_str_t args, reg_claims_t *claims, unsigned char *buf)
{
    size_t     i;
    reg_str_t  expires;

    if (reg_sign_hmac_claim(&args, "reg_expires=", &expires, &buf) != REG_OK
        || reg_sign_hmac_claim(&args, "reg_tenant=", &claims->tenant, &buf)
           != REG_OK
        || reg_sign_hmac_claim(&args, "reg_repository=", &claims->repository,
                               &buf)
           != REG_OK
        || args.len != 0 || expires.len == 0 || expires.len > 18)
    {
        return REG_INVALID;
    }

    for (i = 0; i < expires.len; i++) {

        if (expires.data[i] < '0' || expires.data[i] > '9') {
            return REG_INVALID;
        }

        claims->expires = claims->expires * 10 + (expires.data[i] - '0');
    }

    return REG_OK;
}


static reg_rc_t
reg_sign_hmac_claim(reg_str_t *args, const char *name, reg_str_t *value,
    unsigned char **buf)
{
    size_t          n, len;
    unsigned char  *p;

    len = strlen(name);

    if (!reg_str_starts(*args, (reg_str_t) { len, (unsigned char *) name })) {
        return REG_INVALID;
    }

    args->data += len;
    args->len -= len;

    p = args->len ? memchr(args->data, '&', args->len) : NULL;
    n = p ? (size_t) (p - args->data) : args->len;

    if (reg_url_unescape(*buf, &value->len, (reg_str_t) { n, args->data })
        != REG_OK)
    {
        return REG_INVALID;
    }

    value->data = *buf;
    *buf += value->len;

    n += (p != NULL);
    args->data += n;
    args->len -= n;

    return REG_OK;
}
