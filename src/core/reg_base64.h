/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_BASE64_H
#define REG_BASE64_H

/*
 * base64url without padding (RFC 4648 section 5, RFC 7515 section 2).  Each
 * text has one encoding only: a token that was changed in bits that nobody
 * reads would be another text with the same meaning.
 */

#include "reg_core.h"

#define REG_BASE64URL_LEN(n)      (((n) * 4 + 2) / 3)
#define REG_BASE64URL_DECODED(n)  ((n) * 3 / 4)


/* Writes REG_BASE64URL_LEN(src.len) bytes; returns how many. */

size_t reg_base64url_encode(unsigned char *dst, reg_str_t src);


/*
 * Writes REG_BASE64URL_DECODED(src.len) bytes at most.
 *
 * REG_OK        *len is set
 * REG_INVALID   another byte, a length or final bits that no encoder yields
 */

reg_rc_t reg_base64url_decode(unsigned char *dst, size_t *len, reg_str_t src);

#endif /* REG_BASE64_H */
