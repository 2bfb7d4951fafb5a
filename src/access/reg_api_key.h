/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_API_KEY_H
#define REG_API_KEY_H

/*
 * API keys: ngr_<id>_<secret><check>
 *
 *     ngr_     tells secret scanners and people what it is
 *     id       12 characters of base62: public, names the record, is logged
 *     secret   32 characters of base62: 190 bits from the system's generator
 *     check    CRC-32 (IEEE) of all that stands before it, as 6 characters of
 *              base62, most significant first: a typing error or a random
 *              string is refused without a look into the store
 *
 * base62 is 0-9A-Za-z.  The key is shown once; the store holds its hash,
 * "sha256:<hex of SHA-256(key)>" or, with a pepper, "hmac-sha256:<hex of
 * HMAC-SHA-256(pepper, key)>".
 */

#include "reg_core.h"

#define REG_API_KEY_PREFIX      "ngr_"
#define REG_API_KEY_ID_LEN      12
#define REG_API_KEY_SECRET_LEN  32
#define REG_API_KEY_CHECK_LEN   6
#define REG_API_KEY_LEN                                                       \
    (sizeof(REG_API_KEY_PREFIX) - 1 + REG_API_KEY_ID_LEN + 1                  \
     + REG_API_KEY_SECRET_LEN + REG_API_KEY_CHECK_LEN)

/* "hmac-sha256:" and 64 hex digits */

#define REG_API_KEY_HASH_MAX    (12 + 64)

#define REG_PEPPER_MIN          16  /* bytes; a shorter one can be guessed */
#define REG_PEPPER_MAX          1024


/* REG_OK if id is 12 characters of base62, else REG_INVALID. */

reg_rc_t reg_api_key_id_check(reg_str_t id);


/*
 * REG_OK        text is a key with a right check; *id is the slice of its id
 * REG_INVALID   it is not
 */

reg_rc_t reg_api_key_parse(reg_str_t *id, reg_str_t text);


/* Says whether text looks like a key at all: the prefix and the length. */

int reg_api_key_looks(reg_str_t text);


/*
 * Writes a new key of REG_API_KEY_LEN bytes, without a final NUL.
 * REG_ERROR if the system's random generator fails.
 */

reg_rc_t reg_api_key_generate(unsigned char key[REG_API_KEY_LEN]);


/*
 * Writes the hash of a key and returns its length in *len.  pepper.len 0
 * means SHA-256 without a pepper.  REG_ERROR if the library fails.
 */

reg_rc_t reg_api_key_hash(char hash[REG_API_KEY_HASH_MAX], size_t *len,
    reg_str_t key, reg_str_t pepper);


/* REG_OK if hash has one of the two forms, else REG_INVALID. */

reg_rc_t reg_api_key_hash_check(reg_str_t hash);


/*
 * Compares key with the hash of its record in constant time.
 *
 * REG_OK        it is the key
 * REG_INVALID   it is not, or the hash is peppered and pepper is empty
 * REG_ERROR     the library failed
 */

reg_rc_t reg_api_key_verify(reg_str_t key, reg_str_t hash, reg_str_t pepper);

#endif /* REG_API_KEY_H */
