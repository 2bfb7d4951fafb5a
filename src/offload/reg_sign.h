/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_SIGN_H
#define REG_SIGN_H

/*
 * Signed URLs: who has one may GET what it names, until it expires.
 *
 *     hmac         this module's own, which registry_verify_url verifies
 *     secure_link  ngx_http_secure_link_module
 *     cloudfront   Amazon CloudFront, canned policy (RSA, SHA-1 or SHA-256)
 *     google_cdn   Google Cloud CDN (HMAC-SHA1)
 *     cloudflare   Cloudflare WAF token authentication (HMAC-SHA256)
 *     s3           AWS Signature Version 4, presigned (HMAC-SHA256)
 *     gcs          Google Cloud Storage V4 (RSA, or HMAC-SHA256)
 *     azure        Azure Blob Storage, service SAS (HMAC-SHA256)
 *
 * A signer has a scheme, options and a key, which is the text of a file:
 *
 *     hmac secure_link  a secret of 16 bytes or more; of hmac up to four lines,
 *     cloudflare        the first signs, and each verifies
 *     cloudfront        an RSA private key in PEM, 2048 bits or more
 *     google_cdn        16 bytes in base64url, as Google gives it
 *     s3                lines "name = value": aws_access_key_id,
 *                       aws_secret_access_key, and optionally
 *                       aws_session_token and expiration (RFC 3339); or the
 *                       JSON of a credential_process
 *     gcs               like cloudfront, or like s3 with an HMAC key
 *     azure             the key of the account, in base64
 */

#include "reg_core.h"
#include "reg_url.h"

#define REG_SIGN_KEY_MAX     8192     /* bytes of a key file */
#define REG_SIGN_SECRET_MIN  16
#define REG_SIGN_SECRETS     4        /* lines of an hmac key */
#define REG_SIGNED_URL_MAX   8192
#define REG_SIGN_TTL_MAX     604800   /* seconds: what S3 and GCS allow */

typedef struct reg_signer_s  reg_signer_t;

typedef struct {
    reg_str_t  tenant;          /* whose traffic it is; may be empty */
    reg_str_t  repository;
    int64_t    issued;          /* seconds since the epoch */
    int64_t    expires;
} reg_claims_t;


/*
 * REG_OK        *signer has a scheme and no key; freed with reg_signer_free()
 * REG_INVALID   there is no such scheme, says *error
 * REG_NOMEM
 */

reg_rc_t reg_signer_create(reg_signer_t **signer, reg_str_t scheme,
    reg_error_t *error);

void reg_signer_free(reg_signer_t *signer);


/* Schemes by number, from 0 on, and that of a signer. */

#define REG_SIGN_SCHEMES  8

const char *reg_sign_scheme_name(unsigned scheme);

unsigned reg_signer_scheme(const reg_signer_t *signer);


/*
 * Sets one option "name=value"; the value is copied.
 *
 *     cloudfront  key_pair_id= (required), hash=sha1 or sha256
 *     google_cdn  key_name= (required)
 *     s3          region= (required)
 *     gcs         email= (required with an RSA key), region= ("auto")
 *     azure       account= (required)
 *     cloudfront, google_cdn, s3, gcs    claims=on: tenant and repository are
 *                                        arguments of the URL, and signed
 *
 * REG_INVALID: not an option of this scheme, or not such a value.
 */

reg_rc_t reg_signer_option(reg_signer_t *signer, reg_str_t text,
    reg_error_t *error);


/* REG_INVALID if an option is missing; the key has been set before. */

reg_rc_t reg_signer_check(reg_signer_t *signer, reg_error_t *error);


/*
 * Parses the text of a key file and takes it from now on.  After any error the
 * old key stays.  No sentence repeats what is in the file.
 */

reg_rc_t reg_signer_key(reg_signer_t *signer, reg_str_t text,
    reg_error_t *error);


/*
 * Whether it may sign what "hmac" has signed.  The query of that is left as it
 * is, and there is somebody behind who may verify it: a storage has nobody.
 */

int reg_signer_wraps(const reg_signer_t *signer);


/* When the key itself expires; INT64_MAX: never. */

int64_t reg_signer_expires(const reg_signer_t *signer);


/*
 * Writes the signed URL to out, which holds REG_SIGNED_URL_MAX bytes.
 *
 * REG_OK        *len is set
 * REG_INVALID   this URL, or these claims, cannot be signed: *error says why
 * REG_ERROR     OpenSSL failed, or there is no room
 */

reg_rc_t reg_signer_sign(const reg_signer_t *signer, reg_str_t url,
    const reg_claims_t *claims, unsigned char *out, size_t *len,
    reg_error_t *error);


/*
 * Verifies what a signer of scheme "hmac" has signed for GET.  host is the
 * authority of the URL, path its path and query what follows, all raw.
 *
 * REG_OK        *claims is set, its slices lie in buf, which holds query.len
 *               bytes; *plain is what of the query was there before it was
 *               signed: the rest is nobody's word
 * REG_NOTFOUND  it is not signed, or not so
 * REG_INVALID   the signature is wrong
 * REG_ERROR     it was right, and has expired
 */

reg_rc_t reg_signer_verify(const reg_signer_t *signer, reg_str_t host,
    reg_str_t path, reg_str_t query, int64_t now, reg_claims_t *claims,
    reg_str_t *plain, unsigned char *buf);

#endif /* REG_SIGN_H */
