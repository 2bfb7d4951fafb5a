/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Azure Blob Storage, "Create a service SAS", version 2020-12-06: to read one
 * blob.  The URL is https://<account>.blob.core.windows.net/<container>/<blob>,
 * or any name in front of that.
 */

#include <openssl/crypto.h>

#include "reg_sign_scheme.h"
#include "reg_time.h"

#define REG_SIGN_AZURE_VERSION  "2020-12-06"

static reg_rc_t reg_sign_azure_sign(const reg_signer_t *signer,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);
static reg_rc_t reg_sign_azure_mac(const reg_signer_t *signer,
    const reg_url_t *url, const char *expires, reg_text_t *encoded);


const reg_sign_scheme_t  reg_sign_azure = {
    .name = "azure",
    .options = REG_SIGN_BIT(REG_SIGN_ACCOUNT),
    .required = REG_SIGN_BIT(REG_SIGN_ACCOUNT),
    .parse = reg_sign_parse_base64,
    .sign = reg_sign_azure_sign
};


static reg_rc_t
reg_sign_azure_sign(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out, reg_error_t *error)
{
    char           expires[REG_TIME_LEN + 1];
    reg_text_t     encoded;
    unsigned char  text[64];

    reg_time_format(expires, claims->expires);

    encoded = (reg_text_t) { .data = text, .size = sizeof(text) };

    if (reg_sign_azure_mac(signer, url, expires, &encoded) != REG_OK) {
        reg_error_set(error, "HMAC failed");
        return REG_ERROR;
    }

    reg_text_add(out, url->text);
    reg_sign_separator(out, url);

    reg_text_add(out, REG_STR("sv=" REG_SIGN_AZURE_VERSION "&sr=b&sp=r&se="));
    reg_text_escape(out, reg_str(expires), "");
    reg_text_add(out, REG_STR("&sig="));
    reg_text_escape(out, (reg_str_t) { encoded.len, text }, "");

    return REG_OK;
}


/* Sixteen fields, of which most are empty. */

static reg_rc_t
reg_sign_azure_mac(const reg_signer_t *signer, const reg_url_t *url,
    const char *expires, reg_text_t *encoded)
{
    size_t         len;
    reg_text_t     what;
    unsigned char  mac[REG_HMAC_MAX], path[REG_URL_MAX];
    unsigned char  buf[REG_URL_MAX + 512];

    what = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    /* permissions, start, expiry, canonicalised resource */

    if (reg_url_unescape(path, &len, url->path) != REG_OK) {
        return REG_ERROR;
    }

    reg_text_add(&what, REG_STR("r\n\n"));
    reg_text_add(&what, reg_str(expires));
    reg_text_add(&what, REG_STR("\n/blob/"));
    reg_text_add(&what, signer->options[REG_SIGN_ACCOUNT]);
    reg_text_add(&what, (reg_str_t) { len, path });

    /*
     * identifier, IP, protocol, version, resource, snapshot, encryption scope,
     * and five headers of the response
     */

    reg_text_add(&what, REG_STR("\n\n\n\n" REG_SIGN_AZURE_VERSION
                                "\nb\n\n\n\n\n\n\n"));

    if (what.full
        || reg_sign_mac(EVP_sha256(), signer->key.secrets[0],
                        (reg_str_t) { what.len, what.data }, mac, &len)
           != REG_OK)
    {
        return REG_ERROR;
    }

    reg_text_base64(encoded, (reg_str_t) { len, mac }, 0);
    OPENSSL_cleanse(mac, sizeof(mac));

    return REG_OK;
}
