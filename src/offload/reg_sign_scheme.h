/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_SIGN_SCHEME_H
#define REG_SIGN_SCHEME_H

/* What the files of the schemes share; for others there is reg_sign.h. */

#include <openssl/evp.h>

#include "reg_credential.h"
#include "reg_sign.h"
#include "reg_url.h"

#define REG_HMAC_MAX  64

typedef struct {
    reg_str_t         text;                /* owned; secrets lie in it */
    size_t            nsecrets;
    reg_str_t         secrets[REG_SIGN_SECRETS];
    EVP_PKEY         *pkey;                /* NULL: a secret */
    reg_credential_t  credential;          /* slices of text */
} reg_sign_key_t;

typedef enum {
    REG_SIGN_KEY_PAIR_ID = 0,
    REG_SIGN_HASH,
    REG_SIGN_KEY_NAME,
    REG_SIGN_REGION,
    REG_SIGN_EMAIL,
    REG_SIGN_ACCOUNT,
    REG_SIGN_CLAIMS,
    REG_SIGN_NOPTIONS
} reg_sign_option_t;

#define REG_SIGN_BIT(option)  (1u << (option))


/* One for each scheme; parse and sign are as the functions of reg_sign.h. */

typedef struct {
    const char  *name;
    unsigned     options;                  /* REG_SIGN_BIT of each */
    unsigned     required;
    unsigned     wraps;                    /* see reg_signer_wraps() */

    /* key->text is set and may be written to; what is parsed lies in it */

    reg_rc_t   (*parse)(reg_sign_key_t *key, reg_error_t *error);

    reg_rc_t   (*sign)(const reg_signer_t *signer, const reg_url_t *url,
                       const reg_claims_t *claims, reg_text_t *out,
                       reg_error_t *error);
} reg_sign_scheme_t;

struct reg_signer_s {
    const reg_sign_scheme_t  *scheme;
    reg_str_t                 options[REG_SIGN_NOPTIONS];
    reg_sign_key_t            key;
};


extern const reg_sign_scheme_t  reg_sign_hmac;
extern const reg_sign_scheme_t  reg_sign_secure_link;
extern const reg_sign_scheme_t  reg_sign_cloudfront;
extern const reg_sign_scheme_t  reg_sign_google_cdn;
extern const reg_sign_scheme_t  reg_sign_cloudflare;
extern const reg_sign_scheme_t  reg_sign_s3;
extern const reg_sign_scheme_t  reg_sign_gcs;
extern const reg_sign_scheme_t  reg_sign_azure;


/* Keys of several schemes. */

reg_rc_t reg_sign_parse_secret(reg_sign_key_t *key, reg_error_t *error);

reg_rc_t reg_sign_parse_base64(reg_sign_key_t *key, reg_error_t *error);

reg_rc_t reg_sign_parse_rsa(reg_sign_key_t *key, reg_error_t *error);

void reg_sign_key_clear(reg_sign_key_t *key);


/* mac holds REG_HMAC_MAX bytes.  REG_OK or REG_ERROR. */

reg_rc_t reg_sign_mac(const EVP_MD *md, reg_str_t secret, reg_str_t text,
    unsigned char *mac, size_t *len);


/* Signs by PKCS #1 v1.5; *len is what signature holds, and then its length. */

#define REG_RSA_MAX  1024                  /* bytes: keys up to 8192 bits */

reg_rc_t reg_sign_rsa(EVP_PKEY *pkey, const EVP_MD *md, reg_str_t text,
    unsigned char *signature, size_t *len);


/* '?' or '&', as the URL so far needs it, and the claims if they are wanted. */

void reg_sign_separator(reg_text_t *out, const reg_url_t *url);

int reg_sign_add_claims(const reg_signer_t *signer, const reg_url_t *url,
    const reg_claims_t *claims, reg_text_t *out);


/* What S3 and GCS have in common: see reg_sign_v4.c. */

typedef struct {
    const char            *algorithm;      /* AWS4-HMAC-SHA256 */
    const char            *prefix;         /* X-Amz- */
    const char            *secret;         /* AWS4 */
    const char            *service;
    const char            *request;        /* aws4_request */
    reg_str_t              host;           /* as it is signed */
    reg_str_t              region;
    reg_str_t              id;             /* of the credential */
    const reg_sign_key_t  *key;
} reg_sign_v4_t;

reg_rc_t reg_sign_v4(const reg_signer_t *signer, const reg_sign_v4_t *v4,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error);

#endif /* REG_SIGN_SCHEME_H */
