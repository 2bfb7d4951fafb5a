/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Google Cloud Storage, "V4 signing process". */

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_gcs_parse(reg_sign_key_t *key, reg_error_t *error);
static reg_rc_t reg_sign_gcs_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);


const reg_sign_scheme_t  reg_sign_gcs = {
    .name = "gcs",
    .options = REG_SIGN_BIT(REG_SIGN_EMAIL) | REG_SIGN_BIT(REG_SIGN_REGION)
               | REG_SIGN_BIT(REG_SIGN_CLAIMS),
    .parse = reg_sign_gcs_parse,
    .sign = reg_sign_gcs_sign
};


static reg_rc_t
reg_sign_gcs_parse(reg_sign_key_t *key, reg_error_t *error)
{
    if (reg_str_starts(key->text, REG_STR("-----BEGIN"))) {
        return reg_sign_parse_rsa(key, error);
    }

    return reg_credential_parse(&key->credential, key->text, error);
}


static reg_rc_t
reg_sign_gcs_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    int            rsa;
    reg_sign_v4_t  v4;

    rsa = (signer->key.pkey != NULL);

    v4.algorithm = rsa ? "GOOG4-RSA-SHA256" : "GOOG4-HMAC-SHA256";
    v4.prefix = "X-Goog-";
    v4.secret = "GOOG4";
    v4.service = "storage";
    v4.request = "goog4_request";
    v4.host = url->host;                  /* Google signs no port */
    v4.region = signer->options[REG_SIGN_REGION].len
                ? signer->options[REG_SIGN_REGION] : REG_STR("auto");
    v4.id = rsa ? signer->options[REG_SIGN_EMAIL] : signer->key.credential.id;
    v4.key = &signer->key;

    /* the key was an HMAC key when that was checked */

    if (v4.id.len == 0) {
        reg_error_set(error, "gcs needs \"email=\" with an RSA key");
        return REG_INVALID;
    }

    return reg_sign_v4(signer, &v4, url, claims, out, error);
}
