/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * API keys.  The input is a credential, a newline and the hash of a record.
 * As no fuzzer finds a checksum, the credential is also put right: its bytes
 * become base62, framed and checked as a key should be, and must then pass.
 */

#include <stdlib.h>

#include "reg_api_key.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char  base62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


/* bit by bit, unlike the one that is tested */

static uint32_t
crc32_model(const unsigned char *data, size_t len)
{
    size_t    i;
    uint32_t  crc;
    unsigned  bit;

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {
        crc ^= data[i];

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 1) ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
        }
    }

    return ~crc;
}


static void
put_check(unsigned char *key)
{
    size_t    i;
    uint32_t  crc;

    crc = crc32_model(key, REG_API_KEY_LEN - REG_API_KEY_CHECK_LEN);

    for (i = REG_API_KEY_LEN; i-- > REG_API_KEY_LEN - REG_API_KEY_CHECK_LEN;
         /* void */ )
    {
        key[i] = (unsigned char) base62[crc % 62];
        crc /= 62;
    }
}


static void
check_valid(reg_str_t key, reg_str_t id)
{
    char           hash[REG_API_KEY_HASH_MAX];
    size_t         i, len;
    reg_str_t      stored;
    unsigned char  copy[REG_API_KEY_LEN];

    CHECK(key.len == REG_API_KEY_LEN);
    CHECK(reg_api_key_looks(key));
    CHECK(id.data == key.data + 4 && id.len == REG_API_KEY_ID_LEN);
    CHECK(reg_api_key_id_check(id) == REG_OK);

    /* nothing but base62 and the two '_' where they belong */

    for (i = 0; i < key.len; i++) {
        CHECK((i == 3 || i == 16) ? key.data[i] == '_'
                                  : strchr(base62, key.data[i]) != NULL
                                    && key.data[i] != '\0');
    }

    memcpy(copy, key.data, sizeof(copy));
    put_check(copy);
    CHECK(memcmp(copy, key.data, sizeof(copy)) == 0);

    /* it is its own key, with and without a pepper, and no other's */

    CHECK(reg_api_key_hash(hash, &len, key, REG_STR_NULL) == REG_OK);
    stored.len = len;
    stored.data = (unsigned char *) hash;
    CHECK(reg_api_key_hash_check(stored) == REG_OK);
    CHECK(reg_api_key_verify(key, stored, REG_STR_NULL) == REG_OK);

    copy[20] ^= 1;
    CHECK(reg_api_key_verify((reg_str_t) { sizeof(copy), copy }, stored,
                             REG_STR_NULL) == REG_INVALID);

    CHECK(reg_api_key_hash(hash, &len, key, REG_STR("0123456789abcdef"))
          == REG_OK);
    stored.len = len;
    CHECK(reg_api_key_hash_check(stored) == REG_OK);
    CHECK(reg_api_key_verify(key, stored, REG_STR("0123456789abcdef"))
          == REG_OK);
    CHECK(reg_api_key_verify(key, stored, REG_STR_NULL) == REG_INVALID);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i;
    reg_rc_t        rc;
    reg_str_t       text, hash, id;
    unsigned char   key[REG_API_KEY_LEN];
    const uint8_t  *newline;

    newline = size ? memchr(data, '\n', size) : NULL;

    text.data = (unsigned char *) data;
    text.len = newline ? (size_t) (newline - data) : size;

    hash = REG_STR_NULL;

    if (newline) {
        hash.data = text.data + text.len + 1;
        hash.len = size - text.len - 1;
    }

    if (reg_api_key_parse(&id, text) == REG_OK) {
        check_valid(text, id);
    }

    (void) reg_api_key_looks(text);
    (void) reg_api_key_id_check(text);

    /* a hash from the store: only a well formed one can ever fit */

    rc = reg_api_key_verify(text, hash, REG_STR("0123456789abcdef"));
    CHECK(rc == REG_OK || rc == REG_INVALID);

    if (rc == REG_OK) {
        CHECK(reg_api_key_hash_check(hash) == REG_OK);
    }

    memset(key, '0', sizeof(key));

    for (i = 0; i < text.len && i < sizeof(key); i++) {
        key[i] = (unsigned char) base62[text.data[i] % 62];
    }

    memcpy(key, "ngr_", 4);
    key[16] = '_';
    put_check(key);

    text.len = sizeof(key);
    text.data = key;

    CHECK(reg_api_key_parse(&id, text) == REG_OK);
    check_valid(text, id);

    return 0;
}
