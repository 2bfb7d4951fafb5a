/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_JWS_H
#define REG_JWS_H

/*
 * Signatures as RFC 7518 section 3 and RFC 8037 write them: ES256 is r and s,
 * each of 32 bytes, not DER.
 */

#include "reg_jwk.h"

#define REG_JWS_SIGNATURE_MAX  (REG_JWK_RSA_MAX / 8)


/*
 * REG_OK        signature is that of the key over input
 * REG_INVALID   it is not
 * REG_ERROR     memory or the library failed
 */

reg_rc_t reg_jws_verify(const reg_jwk_t *jwk, reg_str_t input,
    reg_str_t signature);


/* REG_OK, or REG_ERROR: the library failed, or the key cannot sign. */

reg_rc_t reg_jws_sign(const reg_jwk_t *jwk, reg_str_t input,
    unsigned char signature[REG_JWS_SIGNATURE_MAX], size_t *len);

#endif /* REG_JWS_H */
