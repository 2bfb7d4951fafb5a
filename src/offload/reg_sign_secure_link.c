/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What ngx_http_secure_link_module verifies with
 *
 *     secure_link      $arg_md5,$arg_expires;
 *     secure_link_md5  "$secure_link_expires$uri <secret>";
 *
 * $uri is the path without its escapes.  MD5 is not ours to choose; that the
 * secret comes last keeps anybody from appending to what it signs.
 */

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_secure_link_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);


const reg_sign_scheme_t  reg_sign_secure_link = {
    .name = "secure_link",
    .wraps = 1,
    .parse = reg_sign_parse_secret,
    .sign = reg_sign_secure_link_sign
};


static reg_rc_t
reg_sign_secure_link_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    size_t         len;
    unsigned       n;
    reg_text_t     what;
    unsigned char  md5[EVP_MAX_MD_SIZE], path[REG_URL_MAX];
    unsigned char  buf[REG_URL_MAX + REG_SIGN_KEY_MAX + 32];

    if (reg_url_unescape(path, &len, url->path) != REG_OK) {
        return REG_INVALID;
    }

    what = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_number(&what, claims->expires);
    reg_text_add(&what, (reg_str_t) { len, path });
    reg_text_byte(&what, ' ');
    reg_text_add(&what, signer->key.secrets[0]);

    if (what.full
        || EVP_Digest(what.data, what.len, md5, &n, EVP_md5(), NULL) != 1)
    {
        reg_error_set(error, "MD5 failed");
        return REG_ERROR;
    }

    reg_text_add(out, url->text);
    reg_sign_separator(out, url);

    reg_text_add(out, REG_STR("md5="));
    reg_text_base64(out, (reg_str_t) { n, md5 },
                    REG_BASE64_URL | REG_BASE64_NO_PAD);
    reg_text_add(out, REG_STR("&expires="));
    reg_text_number(out, claims->expires);

    return REG_OK;
}
