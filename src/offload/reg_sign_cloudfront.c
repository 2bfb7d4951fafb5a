/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Amazon CloudFront, "Create a signed URL using a canned policy".  The policy
 * is a JSON text without a space, and is not sent.
 */

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_cloudfront_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);
static void reg_sign_cloudfront_base64(reg_text_t *out, reg_str_t s);


const reg_sign_scheme_t  reg_sign_cloudfront = {
    .name = "cloudfront",
    .options = REG_SIGN_BIT(REG_SIGN_KEY_PAIR_ID) | REG_SIGN_BIT(REG_SIGN_HASH)
               | REG_SIGN_BIT(REG_SIGN_CLAIMS),
    .required = REG_SIGN_BIT(REG_SIGN_KEY_PAIR_ID),
    .wraps = 1,
    .parse = reg_sign_parse_rsa,
    .sign = reg_sign_cloudfront_sign
};


static reg_rc_t
reg_sign_cloudfront_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    int            sha256, claimed;
    size_t         len;
    reg_text_t     policy;
    unsigned char  signature[REG_RSA_MAX], buf[REG_SIGNED_URL_MAX + 128];

    sha256 = reg_str_eq(signer->options[REG_SIGN_HASH], REG_STR("sha256"));

    reg_text_add(out, url->text);
    claimed = reg_sign_add_claims(signer, url, claims, out);

    /* no byte of a URL needs an escape in JSON */

    policy = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&policy, REG_STR("{\"Statement\":[{\"Resource\":\""));
    reg_text_add(&policy, (reg_str_t) { out->len, out->data });
    reg_text_add(&policy, REG_STR("\",\"Condition\":{\"DateLessThan\":"
                                  "{\"AWS:EpochTime\":"));
    reg_text_number(&policy, claims->expires);
    reg_text_add(&policy, REG_STR("}}}]}"));

    len = sizeof(signature);

    if (policy.full
        || reg_sign_rsa(signer->key.pkey, sha256 ? EVP_sha256() : EVP_sha1(),
                        (reg_str_t) { policy.len, policy.data }, signature,
                        &len)
           != REG_OK)
    {
        reg_error_set(error, "RSA failed");
        return REG_ERROR;
    }

    if (claimed) {
        reg_text_byte(out, '&');

    } else {
        reg_sign_separator(out, url);
    }

    reg_text_add(out, REG_STR("Expires="));
    reg_text_number(out, claims->expires);
    reg_text_add(out, REG_STR("&Signature="));
    reg_sign_cloudfront_base64(out, (reg_str_t) { len, signature });
    reg_text_add(out, REG_STR("&Key-Pair-Id="));
    reg_text_add(out, signer->options[REG_SIGN_KEY_PAIR_ID]);

    if (sha256) {
        reg_text_add(out, REG_STR("&Hash-Algorithm=SHA256"));
    }

    return REG_OK;
}


/* An alphabet of its own. */

static void
reg_sign_cloudfront_base64(reg_text_t *out, reg_str_t s)
{
    size_t          start;
    unsigned char  *p;

    start = out->len;

    reg_text_base64(out, s, 0);

    for (p = out->data + start; p < out->data + out->len; p++) {
        *p = *p == '+' ? '-' : *p == '=' ? '_' : *p == '/' ? '~' : *p;
    }
}
