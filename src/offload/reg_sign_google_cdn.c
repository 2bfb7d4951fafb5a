/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Google Cloud CDN, "Use signed URLs". */

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_google_cdn_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);


const reg_sign_scheme_t  reg_sign_google_cdn = {
    .name = "google_cdn",
    .options = REG_SIGN_BIT(REG_SIGN_KEY_NAME) | REG_SIGN_BIT(REG_SIGN_CLAIMS),
    .required = REG_SIGN_BIT(REG_SIGN_KEY_NAME),
    .wraps = 1,
    .parse = reg_sign_parse_base64,
    .sign = reg_sign_google_cdn_sign
};


static reg_rc_t
reg_sign_google_cdn_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    size_t         len;
    unsigned char  mac[REG_HMAC_MAX];

    reg_text_add(out, url->text);

    if (reg_sign_add_claims(signer, url, claims, out)) {
        reg_text_byte(out, '&');

    } else {
        reg_sign_separator(out, url);
    }

    reg_text_add(out, REG_STR("Expires="));
    reg_text_number(out, claims->expires);
    reg_text_add(out, REG_STR("&KeyName="));
    reg_text_add(out, signer->options[REG_SIGN_KEY_NAME]);

    if (out->full
        || reg_sign_mac(EVP_sha1(), signer->key.secrets[0],
                        (reg_str_t) { out->len, out->data }, mac, &len)
           != REG_OK)
    {
        reg_error_set(error, "HMAC failed");
        return REG_ERROR;
    }

    reg_text_add(out, REG_STR("&Signature="));
    reg_text_base64(out, (reg_str_t) { len, mac }, REG_BASE64_URL);

    return REG_OK;
}
