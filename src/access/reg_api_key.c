/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <errno.h>
#include <limits.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "reg_api_key.h"

#define REG_API_KEY_PREFIX_LEN  (sizeof(REG_API_KEY_PREFIX) - 1)
#define REG_API_KEY_SECRET_AT                                                 \
    (REG_API_KEY_PREFIX_LEN + REG_API_KEY_ID_LEN + 1)
#define REG_API_KEY_CHECK_AT    (REG_API_KEY_LEN - REG_API_KEY_CHECK_LEN)

#define REG_API_KEY_SHA256      "sha256:"
#define REG_API_KEY_HMAC        "hmac-sha256:"
#define REG_API_KEY_HEX_LEN     (2 * SHA256_DIGEST_LENGTH)

/*
 * Random bytes asked for at a time.  A key takes 44 characters and 8 bytes of
 * 256 are dropped, so one turn is nearly always enough.
 */

#define REG_API_KEY_RANDOM      64


static int reg_base62_check(const unsigned char *text, size_t len);
static reg_rc_t reg_base62_random(unsigned char *dst, size_t len);
static reg_rc_t reg_random(unsigned char *dst, size_t len);
static uint32_t reg_crc32(const unsigned char *data, size_t len);
static void reg_api_key_check_write(unsigned char *check,
    const unsigned char *key);


static const char  reg_base62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


reg_rc_t
reg_api_key_id_check(reg_str_t id)
{
    if (id.len != REG_API_KEY_ID_LEN || !reg_base62_check(id.data, id.len)) {
        return REG_INVALID;
    }

    return REG_OK;
}


int
reg_api_key_looks(reg_str_t text)
{
    return text.len == REG_API_KEY_LEN
           && reg_str_starts(text, REG_STR(REG_API_KEY_PREFIX));
}


reg_rc_t
reg_api_key_parse(reg_str_t *id, reg_str_t text)
{
    unsigned char  check[REG_API_KEY_CHECK_LEN];

    if (!reg_api_key_looks(text)
        || text.data[REG_API_KEY_SECRET_AT - 1] != '_'
        || !reg_base62_check(text.data + REG_API_KEY_PREFIX_LEN,
                             REG_API_KEY_ID_LEN)
        || !reg_base62_check(text.data + REG_API_KEY_SECRET_AT,
                             REG_API_KEY_SECRET_LEN))
    {
        return REG_INVALID;
    }

    /*
     * the check is no secret, anybody can compute it: memcmp() tells an
     * attacker nothing
     */

    reg_api_key_check_write(check, text.data);

    if (memcmp(text.data + REG_API_KEY_CHECK_AT, check, sizeof(check)) != 0) {
        return REG_INVALID;
    }

    id->len = REG_API_KEY_ID_LEN;
    id->data = text.data + REG_API_KEY_PREFIX_LEN;

    return REG_OK;
}


reg_rc_t
reg_api_key_generate(unsigned char key[REG_API_KEY_LEN])
{
    memcpy(key, REG_API_KEY_PREFIX, REG_API_KEY_PREFIX_LEN);

    if (reg_base62_random(key + REG_API_KEY_PREFIX_LEN, REG_API_KEY_ID_LEN)
        != REG_OK)
    {
        return REG_ERROR;
    }

    key[REG_API_KEY_SECRET_AT - 1] = '_';

    if (reg_base62_random(key + REG_API_KEY_SECRET_AT, REG_API_KEY_SECRET_LEN)
        != REG_OK)
    {
        return REG_ERROR;
    }

    reg_api_key_check_write(key + REG_API_KEY_CHECK_AT, key);

    return REG_OK;
}


reg_rc_t
reg_api_key_hash(char hash[REG_API_KEY_HASH_MAX], size_t *len, reg_str_t key,
    reg_str_t pepper)
{
    size_t          i, prefix;
    unsigned char   digest[SHA256_DIGEST_LENGTH], *ok;

    static const char  hex[] = "0123456789abcdef";

    if (pepper.len == 0) {
        prefix = sizeof(REG_API_KEY_SHA256) - 1;
        memcpy(hash, REG_API_KEY_SHA256, prefix);

        ok = SHA256(key.data, key.len, digest);

    } else {
        prefix = sizeof(REG_API_KEY_HMAC) - 1;
        memcpy(hash, REG_API_KEY_HMAC, prefix);

        /* HMAC() takes the length of its key as an int */

        ok = NULL;

        if (pepper.len <= INT_MAX) {
            ok = HMAC(EVP_sha256(), pepper.data, (int) pepper.len, key.data,
                      key.len, digest, NULL);
        }
    }

    if (ok == NULL) {
        return REG_ERROR;
    }

    for (i = 0; i < sizeof(digest); i++) {
        hash[prefix + 2 * i] = hex[digest[i] >> 4];
        hash[prefix + 2 * i + 1] = hex[digest[i] & 0x0f];
    }

    OPENSSL_cleanse(digest, sizeof(digest));

    *len = prefix + REG_API_KEY_HEX_LEN;

    return REG_OK;
}


reg_rc_t
reg_api_key_hash_check(reg_str_t hash)
{
    size_t  i, prefix;

    if (reg_str_starts(hash, REG_STR(REG_API_KEY_SHA256))) {
        prefix = sizeof(REG_API_KEY_SHA256) - 1;

    } else if (reg_str_starts(hash, REG_STR(REG_API_KEY_HMAC))) {
        prefix = sizeof(REG_API_KEY_HMAC) - 1;

    } else {
        return REG_INVALID;
    }

    if (hash.len != prefix + REG_API_KEY_HEX_LEN) {
        return REG_INVALID;
    }

    for (i = prefix; i < hash.len; i++) {

        if ((hash.data[i] < '0' || hash.data[i] > '9')
            && (hash.data[i] < 'a' || hash.data[i] > 'f'))
        {
            return REG_INVALID;
        }
    }

    return REG_OK;
}


reg_rc_t
reg_api_key_verify(reg_str_t key, reg_str_t hash, reg_str_t pepper)
{
    char      expected[REG_API_KEY_HASH_MAX];
    size_t    len;
    reg_rc_t  rc;

    if (reg_api_key_hash_check(hash) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_str_starts(hash, REG_STR(REG_API_KEY_SHA256))) {

        /* made before there was a pepper; it stays good until rotated */

        pepper = REG_STR_NULL;

    } else if (pepper.len == 0) {
        return REG_INVALID;
    }

    if (reg_api_key_hash(expected, &len, key, pepper) != REG_OK) {
        return REG_ERROR;
    }

    rc = REG_INVALID;

    if (len == hash.len && CRYPTO_memcmp(expected, hash.data, len) == 0) {
        rc = REG_OK;
    }

    OPENSSL_cleanse(expected, sizeof(expected));

    return rc;
}


static int
reg_base62_check(const unsigned char *text, size_t len)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < len; i++) {
        c = text[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z'))
        {
            return 0;
        }
    }

    return 1;
}


static reg_rc_t
reg_base62_random(unsigned char *dst, size_t len)
{
    size_t         i, n;
    reg_rc_t       rc;
    unsigned char  buf[REG_API_KEY_RANDOM];

    n = 0;
    rc = REG_OK;

    while (n < len) {
        rc = reg_random(buf, sizeof(buf));

        if (rc != REG_OK) {
            break;
        }

        for (i = 0; i < sizeof(buf) && n < len; i++) {

            /* 248 is 4 * 62: the rest would favour the first characters */

            if (buf[i] < 248) {
                dst[n++] = (unsigned char) reg_base62[buf[i] % 62];
            }
        }
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static reg_rc_t
reg_random(unsigned char *dst, size_t len)
{
    ssize_t  n;

    while (len) {
        n = getrandom(dst, len, 0);

        if (n < 0) {

            if (errno == EINTR) {
                continue;
            }

            return REG_ERROR;
        }

        dst += n;
        len -= (size_t) n;
    }

    return REG_OK;
}


/*
 * IEEE 802.3, reflected, four bits at a time: 49 bytes once per unknown
 * credential do not deserve a table of a kilobyte.
 */

static uint32_t
reg_crc32(const unsigned char *data, size_t len)
{
    size_t    i;
    uint32_t  crc;

    static const uint32_t  table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
        0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
    };

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {
        crc ^= data[i];
        crc = (crc >> 4) ^ table[crc & 0x0f];
        crc = (crc >> 4) ^ table[crc & 0x0f];
    }

    return ~crc;
}


static void
reg_api_key_check_write(unsigned char *check, const unsigned char *key)
{
    size_t    i;
    uint32_t  crc;

    crc = reg_crc32(key, REG_API_KEY_CHECK_AT);

    for (i = REG_API_KEY_CHECK_LEN; i-- > 0; /* void */ ) {
        check[i] = (unsigned char) reg_base62[crc % 62];
        crc /= 62;
    }
}
