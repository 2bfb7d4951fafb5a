/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Cloudflare, "Configure token authentication": the rule
 *
 *     is_timed_hmac_valid_v0("<secret>", http.request.uri, <lifetime>,
 *                            http.request.timestamp.sec, 8)
 *
 * reads ?verify=<issued>-<MAC> at the end of the URI and signs what stands
 * before it, with the time.  How long it is valid is said by the rule.
 */

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_cloudflare_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);


const reg_sign_scheme_t  reg_sign_cloudflare = {
    .name = "cloudflare",
    .parse = reg_sign_parse_secret,
    .sign = reg_sign_cloudflare_sign
};


static reg_rc_t
reg_sign_cloudflare_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    size_t         len;
    reg_text_t     what, encoded;
    unsigned char  mac[REG_HMAC_MAX], text[64], buf[REG_URL_MAX + 32];

    if (url->query.data) {
        reg_error_set(error, "cloudflare signs no URL that has a query");
        return REG_INVALID;
    }

    what = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&what, url->path);
    reg_text_number(&what, claims->issued);

    if (what.full
        || reg_sign_mac(EVP_sha256(), signer->key.secrets[0],
                        (reg_str_t) { what.len, what.data }, mac, &len)
           != REG_OK)
    {
        reg_error_set(error, "HMAC failed");
        return REG_ERROR;
    }

    encoded = (reg_text_t) { .data = text, .size = sizeof(text) };
    reg_text_base64(&encoded, (reg_str_t) { len, mac }, 0);

    reg_text_add(out, url->text);
    reg_text_add(out, REG_STR("?verify="));
    reg_text_number(out, claims->issued);
    reg_text_byte(out, '-');
    reg_text_escape(out, (reg_str_t) { encoded.len, text }, "");

    return REG_OK;
}
