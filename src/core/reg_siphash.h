/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_SIPHASH_H
#define REG_SIPHASH_H

/*
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012), the
 * key of the per-worker memo of credentials.  OpenSSL has it too, but its
 * EVP_MAC costs more instructions than a whole request may spend here.
 */

#include "reg_core.h"

#define REG_SIPHASH_KEY_LEN  16

typedef struct {
    uint64_t  lo;
    uint64_t  hi;
} reg_siphash_t;


/* Hashes text under a secret key of REG_SIPHASH_KEY_LEN bytes. */

reg_siphash_t reg_siphash(const unsigned char *key, reg_str_t text);

#endif /* REG_SIPHASH_H */
