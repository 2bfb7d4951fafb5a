/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <openssl/crypto.h>

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_check_option(unsigned option, reg_str_t value,
    reg_error_t *error);


static const reg_sign_scheme_t *const  reg_sign_schemes[REG_SIGN_SCHEMES] = {
    &reg_sign_hmac,
    &reg_sign_secure_link,
    &reg_sign_cloudfront,
    &reg_sign_google_cdn,
    &reg_sign_cloudflare,
    &reg_sign_s3,
    &reg_sign_gcs,
    &reg_sign_azure
};

static const char *const  reg_sign_options[] = {
    [REG_SIGN_KEY_PAIR_ID] = "key_pair_id",
    [REG_SIGN_HASH] = "hash",
    [REG_SIGN_KEY_NAME] = "key_name",
    [REG_SIGN_REGION] = "region",
    [REG_SIGN_EMAIL] = "email",
    [REG_SIGN_ACCOUNT] = "account",
    [REG_SIGN_CLAIMS] = "claims"
};


reg_rc_t
reg_signer_create(reg_signer_t **signer, reg_str_t scheme, reg_error_t *error)
{
    size_t  i;

    for (i = 0; i < REG_SIGN_SCHEMES; i++) {

        if (!reg_str_eq(scheme, reg_str(reg_sign_schemes[i]->name))) {
            continue;
        }

        *signer = calloc(1, sizeof(reg_signer_t));

        if (*signer == NULL) {
            reg_error_set(error, "memory ran out");
            return REG_NOMEM;
        }

        (*signer)->scheme = reg_sign_schemes[i];

        return REG_OK;
    }

    reg_error_set(error, "\"%.*s\" is no scheme, it must be hmac, secure_link, "
                  "cloudfront, google_cdn, cloudflare, s3, gcs or azure",
                  REG_FMT(scheme));

    return REG_INVALID;
}


void
reg_signer_free(reg_signer_t *signer)
{
    size_t  i;

    if (signer == NULL) {
        return;
    }

    for (i = 0; i < REG_SIGN_NOPTIONS; i++) {
        free(signer->options[i].data);
    }

    reg_sign_key_clear(&signer->key);
    free(signer);
}


const char *
reg_sign_scheme_name(unsigned scheme)
{
    return scheme < REG_SIGN_SCHEMES ? reg_sign_schemes[scheme]->name : "-";
}


unsigned
reg_signer_scheme(const reg_signer_t *signer)
{
    unsigned  i;

    for (i = 0; i < REG_SIGN_SCHEMES - 1; i++) {
        if (reg_sign_schemes[i] == signer->scheme) {
            break;
        }
    }

    return i;
}


reg_rc_t
reg_signer_option(reg_signer_t *signer, reg_str_t text, reg_error_t *error)
{
    unsigned        i;
    reg_str_t       name, value;
    unsigned char  *p;

    p = memchr(text.data, '=', text.len);

    name = (reg_str_t) { p ? (size_t) (p - text.data) : text.len, text.data };

    for (i = 0; i < REG_SIGN_NOPTIONS; i++) {
        if ((signer->scheme->options & REG_SIGN_BIT(i))
            && reg_str_eq(name, reg_str(reg_sign_options[i])))
        {
            break;
        }
    }

    if (p == NULL || i == REG_SIGN_NOPTIONS) {
        reg_error_set(error, "\"%.*s\" is no parameter of %s", REG_FMT(text),
                      signer->scheme->name);
        return REG_INVALID;
    }

    if (signer->options[i].data) {
        reg_error_set(error, "\"%s=\" is there twice", reg_sign_options[i]);
        return REG_INVALID;
    }

    value = (reg_str_t) { text.len - name.len - 1, p + 1 };

    if (reg_sign_check_option(i, value, error) != REG_OK) {
        return REG_INVALID;
    }

    signer->options[i].data = malloc(value.len);

    if (signer->options[i].data == NULL) {
        reg_error_set(error, "memory ran out");
        return REG_NOMEM;
    }

    memcpy(signer->options[i].data, value.data, value.len);
    signer->options[i].len = value.len;

    return REG_OK;
}


/* They all become part of URLs, or of what is signed. */

static reg_rc_t
reg_sign_check_option(unsigned option, reg_str_t value, reg_error_t *error)
{
    size_t  i;

    if (option == REG_SIGN_HASH && !reg_str_eq(value, REG_STR("sha1"))
        && !reg_str_eq(value, REG_STR("sha256")))
    {
        reg_error_set(error, "\"hash=\" must be sha1 or sha256");
        return REG_INVALID;
    }

    if (option == REG_SIGN_CLAIMS && !reg_str_eq(value, REG_STR("on"))
        && !reg_str_eq(value, REG_STR("off")))
    {
        reg_error_set(error, "\"claims=\" must be on or off");
        return REG_INVALID;
    }

    for (i = 0; i < value.len; i++) {
        if (value.data[i] <= 0x20 || value.data[i] >= 0x7f
            || strchr("&#?%/\"<>", value.data[i]))
        {
            break;
        }
    }

    if (value.len == 0 || i < value.len) {
        reg_error_set(error, "\"%s=\" must be a word, without a space, a slash "
                      "and what separates the parts of a URL",
                      reg_sign_options[option]);
        return REG_INVALID;
    }

    return REG_OK;
}


reg_rc_t
reg_signer_check(reg_signer_t *signer, reg_error_t *error)
{
    unsigned  i, required;

    if (signer->key.text.data == NULL) {
        reg_error_set(error, "%s needs \"key_file=\"", signer->scheme->name);
        return REG_INVALID;
    }

    required = signer->scheme->required;

    if (signer->scheme == &reg_sign_gcs && signer->key.pkey) {
        required |= REG_SIGN_BIT(REG_SIGN_EMAIL);
    }

    for (i = 0; i < REG_SIGN_NOPTIONS; i++) {
        if ((required & REG_SIGN_BIT(i)) && signer->options[i].data == NULL) {
            reg_error_set(error, "%s needs \"%s=\"", signer->scheme->name,
                          reg_sign_options[i]);
            return REG_INVALID;
        }
    }

    return REG_OK;
}


reg_rc_t
reg_signer_key(reg_signer_t *signer, reg_str_t text, reg_error_t *error)
{
    reg_rc_t        rc;
    reg_sign_key_t  key;

    if (text.len == 0 || text.len > REG_SIGN_KEY_MAX) {
        reg_error_set(error, text.len ? "it is longer than 8192 bytes"
                                      : "it is empty");
        return REG_INVALID;
    }

    memset(&key, 0, sizeof(reg_sign_key_t));

    key.credential.expires = INT64_MAX;
    key.text.data = malloc(text.len);

    if (key.text.data == NULL) {
        reg_error_set(error, "memory ran out");
        return REG_NOMEM;
    }

    memcpy(key.text.data, text.data, text.len);
    key.text.len = text.len;

    rc = signer->scheme->parse(&key, error);

    if (rc != REG_OK) {
        reg_sign_key_clear(&key);
        return rc;
    }

    reg_sign_key_clear(&signer->key);
    signer->key = key;

    return REG_OK;
}


int
reg_signer_wraps(const reg_signer_t *signer)
{
    return signer->scheme->wraps != 0;
}


int64_t
reg_signer_expires(const reg_signer_t *signer)
{
    return signer->key.credential.expires;
}


reg_rc_t
reg_signer_sign(const reg_signer_t *signer, reg_str_t text,
    const reg_claims_t *claims, unsigned char *out, size_t *len,
    reg_error_t *error)
{
    reg_rc_t    rc;
    reg_url_t   url;
    reg_text_t  writer;

    if (reg_url_parse(&url, text, error) != REG_OK) {
        return REG_INVALID;
    }

    if (url.path.len == 0) {
        reg_error_set(error, "a URL without a path cannot be signed");
        return REG_INVALID;
    }

    if (claims->issued < 0 || claims->expires <= claims->issued
        || claims->expires - claims->issued > REG_SIGN_TTL_MAX)
    {
        reg_error_set(error, "it would not be valid for 1 second to 7 days");
        return REG_INVALID;
    }

    writer = (reg_text_t) { .data = out, .size = REG_SIGNED_URL_MAX };

    rc = signer->scheme->sign(signer, &url, claims, &writer, error);

    if (rc == REG_OK && writer.full) {
        reg_error_set(error, "the signed URL would be too long");
        rc = REG_ERROR;
    }

    *len = writer.len;

    return rc;
}


void
reg_sign_separator(reg_text_t *out, const reg_url_t *url)
{
    /* "http://host/path?" has a query already, which is empty */

    if (url->query.data == NULL) {
        reg_text_byte(out, '?');

    } else if (url->query.len) {
        reg_text_byte(out, '&');
    }
}


/* Says whether it has written any: what comes next is separated by '&'. */

int
reg_sign_add_claims(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out)
{
    if (!reg_str_eq(signer->options[REG_SIGN_CLAIMS], REG_STR("on"))) {
        return 0;
    }

    reg_sign_separator(out, url);

    reg_text_add(out, REG_STR("x-tenant="));
    reg_text_escape(out, claims->tenant, "");
    reg_text_add(out, REG_STR("&x-repository="));
    reg_text_escape(out, claims->repository, "");

    return 1;
}
