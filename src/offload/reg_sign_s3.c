/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Amazon S3 and what speaks its protocol, "Authenticating requests: query". */

#include "reg_sign_scheme.h"

static reg_rc_t reg_sign_s3_parse(reg_sign_key_t *key, reg_error_t *error);
static reg_rc_t reg_sign_s3_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);


const reg_sign_scheme_t  reg_sign_s3 = {
    .name = "s3",
    .options = REG_SIGN_BIT(REG_SIGN_REGION) | REG_SIGN_BIT(REG_SIGN_CLAIMS),
    .required = REG_SIGN_BIT(REG_SIGN_REGION),
    .parse = reg_sign_s3_parse,
    .sign = reg_sign_s3_sign
};


static reg_rc_t
reg_sign_s3_parse(reg_sign_key_t *key, reg_error_t *error)
{
    return reg_credential_parse(&key->credential, key->text, error);
}


static reg_rc_t
reg_sign_s3_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    reg_sign_v4_t  v4;

    v4.algorithm = "AWS4-HMAC-SHA256";
    v4.prefix = "X-Amz-";
    v4.secret = "AWS4";
    v4.service = "s3";
    v4.request = "aws4_request";
    v4.host = url->authority;
    v4.region = signer->options[REG_SIGN_REGION];
    v4.id = signer->key.credential.id;
    v4.key = &signer->key;

    return reg_sign_v4(signer, &v4, url, claims, out, error);
}
