/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=getrandom,--wrap=SHA256,--wrap=HMAC */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include <openssl/hmac.h>

#include "reg_api_key.h"

#define ID      "0aZ9bY8cX7dW"
#define KEY     "ngr_0aZ9bY8cX7dW_0123456789ABCDEFGHIJKLMNOPQRSTUV28ijN6"
#define PEPPER  "0123456789abcdef"

/* printf %s KEY | sha256sum; openssl dgst -sha256 -hmac PEPPER */

#define SHA                                                                   \
    "sha256:"                                                                 \
    "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d18"
#define HMAC_SHA                                                              \
    "hmac-sha256:"                                                            \
    "c30dcb5717b5707d58c0aa42399c96154542f8d06b96730078730fc0fce6100d"

#define BASE62                                                                \
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

ssize_t __real_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
unsigned char *__real_SHA256(const unsigned char *data, size_t len,
    unsigned char *digest);
unsigned char *__wrap_SHA256(const unsigned char *data, size_t len,
    unsigned char *digest);
unsigned char *__real_HMAC(const EVP_MD *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *digest,
    unsigned *digest_len);
unsigned char *__wrap_HMAC(const EVP_MD *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *digest,
    unsigned *digest_len);

static enum { RANDOM_REAL, RANDOM_DRIP, RANDOM_SEEDED, RANDOM_FAIL }  source;
static unsigned  random_calls;
static int       library_fails;


/*
 * DRIP is interrupted each other time and else gives one byte, SEEDED gives
 * the same uniform bytes in each run (xorshift64*), FAIL fails from the second
 * call on.
 */

ssize_t
__wrap_getrandom(void *buf, size_t len, unsigned flags)
{
    size_t           i;
    static uint64_t  x = 88172645463325252;

    random_calls++;

    switch (source) {

    case RANDOM_DRIP:

        if (random_calls % 2) {
            errno = EINTR;
            return -1;
        }

        return __real_getrandom(buf, 1, flags);

    case RANDOM_SEEDED:

        for (i = 0; i < len; i++) {
            x ^= x >> 12;
            x ^= x << 25;
            x ^= x >> 27;

            ((unsigned char *) buf)[i] =
                (unsigned char) ((x * 2685821657736338717) >> 56);
        }

        return (ssize_t) len;

    case RANDOM_FAIL:

        if (random_calls > 1) {
            errno = ENOSYS;
            return -1;
        }

        return __real_getrandom(buf, len, flags);

    default:
        return __real_getrandom(buf, len, flags);
    }
}


unsigned char *
__wrap_SHA256(const unsigned char *data, size_t len, unsigned char *digest)
{
    return library_fails ? NULL : __real_SHA256(data, len, digest);
}


unsigned char *
__wrap_HMAC(const EVP_MD *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *digest,
    unsigned *digest_len)
{
    return library_fails ? NULL
                         : __real_HMAC(md, key, key_len, data, len, digest,
                                       digest_len);
}


/* CRC-32 once more, by its definition: bit by bit, not reflected. */

static uint32_t
crc32_model(const unsigned char *data, size_t len)
{
    size_t    i;
    uint32_t  crc, result;
    unsigned  bit;

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {

        for (bit = 0; bit < 8; bit++) {
            crc ^= (uint32_t) ((data[i] >> bit) & 1) << 31;
            crc = (crc & 0x80000000) ? (crc << 1) ^ 0x04c11db7 : crc << 1;
        }
    }

    result = 0;

    for (bit = 0; bit < 32; bit++) {
        result = (result << 1) | ((~crc >> bit) & 1);
    }

    return result;
}


/* The key that the independent checksum gives for an id and a secret. */

static void
key_model(char key[REG_API_KEY_LEN + 1], const char *id, const char *secret)
{
    int       i;
    uint32_t  crc;

    memcpy(key, "ngr_", 4);
    memcpy(key + 4, id, 12);
    key[16] = '_';
    memcpy(key + 17, secret, 32);

    crc = crc32_model((unsigned char *) key, 49);

    for (i = 54; i >= 49; i--) {
        key[i] = BASE62[crc % 62];
        crc /= 62;
    }

    key[55] = '\0';
}


static void
test_length(void **state)
{
    (void) state;

    assert_int_equal(REG_API_KEY_LEN, 55);
    assert_int_equal(sizeof(KEY) - 1, 55);
}


static void
test_check_is_crc32_in_base62(void **state)
{
    char       key[REG_API_KEY_LEN + 1];
    reg_str_t  id;

    (void) state;

    /* the published check value of CRC-32 (IEEE) vouches for the model */

    assert_int_equal(crc32_model((const unsigned char *) "123456789", 9),
                     0xcbf43926);

    key_model(key, ID, "0123456789ABCDEFGHIJKLMNOPQRSTUV");
    assert_string_equal(key, KEY);
    assert_int_equal(reg_api_key_parse(&id, reg_str(key)), REG_OK);

    /* a small checksum is padded with zeros */

    key_model(key, "000000000055", "00000000000000000000000000000000");
    assert_string_equal(key, "ngr_000000000055_"
                        "00000000000000000000000000000000006DVB");
    assert_int_equal(reg_api_key_parse(&id, reg_str(key)), REG_OK);
}


static void
test_parse_yields_the_id(void **state)
{
    reg_str_t  id, text;

    (void) state;

    text = REG_STR(KEY);

    assert_int_equal(reg_api_key_parse(&id, text), REG_OK);
    assert_ptr_equal(id.data, text.data + 4);
    assert_int_equal(id.len, 12);
    assert_int_equal(reg_api_key_id_check(id), REG_OK);
}


static void
test_parse_refuses_any_other_byte(void **state)
{
    int            c;
    size_t         i;
    reg_str_t      id;
    unsigned char  key[REG_API_KEY_LEN];

    (void) state;

    /* a CRC notices every single error, wherever it is */

    for (i = 0; i < sizeof(key); i++) {

        for (c = 0; c < 256; c++) {
            memcpy(key, KEY, sizeof(key));

            if (key[i] == c) {
                continue;
            }

            key[i] = (unsigned char) c;

            assert_int_equal(reg_api_key_parse(&id,
                                 (reg_str_t) { sizeof(key), key }),
                             REG_INVALID);
        }
    }
}


static void
test_parse_refuses_swapped_neighbours(void **state)
{
    size_t         i;
    reg_str_t      id;
    unsigned char  c, key[REG_API_KEY_LEN];

    (void) state;

    for (i = 0; i + 1 < sizeof(key); i++) {
        memcpy(key, KEY, sizeof(key));

        c = key[i];
        key[i] = key[i + 1];
        key[i + 1] = c;

        assert_int_equal(reg_api_key_parse(&id,
                             (reg_str_t) { sizeof(key), key }),
                         REG_INVALID);
    }
}


static void
test_parse_refuses_other_lengths(void **state)
{
    size_t         len;
    reg_str_t      id, text;
    unsigned char  buf[2 * REG_API_KEY_LEN];

    (void) state;

    memcpy(buf, KEY, REG_API_KEY_LEN);
    memcpy(buf + REG_API_KEY_LEN, KEY, REG_API_KEY_LEN);

    for (len = 0; len <= sizeof(buf); len++) {
        text.len = len;
        text.data = buf;

        assert_int_equal(reg_api_key_parse(&id, text),
                         len == REG_API_KEY_LEN ? REG_OK : REG_INVALID);
        assert_int_equal(reg_api_key_looks(text), len == REG_API_KEY_LEN);
    }

    assert_int_equal(reg_api_key_parse(&id, REG_STR_NULL), REG_INVALID);
    assert_int_equal(reg_api_key_looks(REG_STR_NULL), 0);
}


static void
test_looks(void **state)
{
    (void) state;

    /* prefix and length, no more: "explain" tells a typing error from a JWT */

    assert_int_equal(reg_api_key_looks(REG_STR(KEY)), 1);
    assert_int_equal(reg_api_key_looks(REG_STR("ngr_"
        "???????????????????????????????????????????????????")), 1);
    assert_int_equal(reg_api_key_looks(REG_STR("ngx_"
        "0aZ9bY8cX7dW_0123456789ABCDEFGHIJKLMNOPQRSTUV28ijN6")), 0);
    assert_int_equal(reg_api_key_looks(REG_STR("NGR_"
        "0aZ9bY8cX7dW_0123456789ABCDEFGHIJKLMNOPQRSTUV28ijN6")), 0);
}


static void
test_id_check(void **state)
{
    (void) state;

    assert_int_equal(reg_api_key_id_check(REG_STR(ID)), REG_OK);
    assert_int_equal(reg_api_key_id_check(REG_STR("azAZ09azAZ09")), REG_OK);

    assert_int_equal(reg_api_key_id_check(REG_STR_NULL), REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7dW0")),
                     REG_INVALID);

    /* the neighbours of the three ranges, and what would hurt in a log */

    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d/")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d:")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d@")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d[")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d`")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8cX7d{")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8\nX7dW")),
                     REG_INVALID);
    assert_int_equal(reg_api_key_id_check(REG_STR("0aZ9bY8\0X7dW")),
                     REG_INVALID);
}


static void
test_generate_yields_valid_keys(void **state)
{
    int            i;
    reg_str_t      id;
    unsigned char  last[REG_API_KEY_LEN], key[REG_API_KEY_LEN];

    (void) state;

    memset(last, 0, sizeof(last));

    for (i = 0; i < 1000; i++) {
        assert_int_equal(reg_api_key_generate(key), REG_OK);
        assert_int_equal(reg_api_key_parse(&id,
                             (reg_str_t) { sizeof(key), key }),
                         REG_OK);
        assert_memory_not_equal(key + 4, last + 4, 12);
        assert_memory_not_equal(key + 17, last + 17, 32);

        memcpy(last, key, sizeof(key));
    }
}


/*
 * Dropping the bytes from 248 on leaves 4 values for each of 62 characters,
 * where a plain remainder gives the first 8 one more.
 */

static void
test_generate_has_no_bias(void **state)
{
    int            i;
    char           base62[] = BASE62;
    size_t         j;
    unsigned       count[256], low, high;
    unsigned char  key[REG_API_KEY_LEN];

    (void) state;

    memset(count, 0, sizeof(count));
    source = RANDOM_SEEDED;

    for (i = 0; i < 62 * 100; i++) {
        assert_int_equal(reg_api_key_generate(key), REG_OK);

        for (j = 4; j < 49; j++) {
            count[key[j]]++;
        }
    }

    source = RANDOM_REAL;

    count['_'] = 0;
    low = count['0'];
    high = low;

    for (j = 0; j < 62; j++) {
        low = count[(unsigned char) base62[j]] < low
              ? count[(unsigned char) base62[j]] : low;
        high = count[(unsigned char) base62[j]] > high
               ? count[(unsigned char) base62[j]] : high;
    }

    /* 4400 each, and 66 the deviation; with a bias '0' would get 5300 */

    assert_in_range(low, 4100, 4400);
    assert_in_range(high, 4400, 4700);
}


static void
test_generate_takes_short_and_interrupted_reads(void **state)
{
    reg_str_t      id;
    unsigned char  key[REG_API_KEY_LEN];

    (void) state;

    source = RANDOM_DRIP;
    assert_int_equal(reg_api_key_generate(key), REG_OK);
    source = RANDOM_REAL;

    assert_int_equal(reg_api_key_parse(&id,
                         (reg_str_t) { sizeof(key), key }),
                     REG_OK);
}


static void
test_generate_without_random_bytes(void **state)
{
    unsigned char  key[REG_API_KEY_LEN];

    (void) state;

    /* at the first read and in the middle of the key */

    source = RANDOM_FAIL;

    random_calls = 1;
    assert_int_equal(reg_api_key_generate(key), REG_ERROR);

    random_calls = 0;
    assert_int_equal(reg_api_key_generate(key), REG_ERROR);
    assert_in_range(random_calls, 2, 2);

    source = RANDOM_REAL;
}


static void
test_hash(void **state)
{
    char    hash[REG_API_KEY_HASH_MAX];
    size_t  len;

    (void) state;

    assert_int_equal(reg_api_key_hash(hash, &len, REG_STR(KEY), REG_STR_NULL),
                     REG_OK);
    assert_int_equal(len, sizeof(SHA) - 1);
    assert_memory_equal(hash, SHA, len);

    assert_int_equal(reg_api_key_hash(hash, &len, REG_STR(KEY),
                                      REG_STR(PEPPER)),
                     REG_OK);
    assert_int_equal(len, sizeof(HMAC_SHA) - 1);
    assert_int_equal(len, REG_API_KEY_HASH_MAX);
    assert_memory_equal(hash, HMAC_SHA, len);
}


static void
test_hash_check(void **state)
{
    size_t  i;

    static const char  *invalid[] = {
        "", "sha256:", "hmac-sha256:", "md5:00", "sha256", "plain",

        /* a digit less, a digit more, upper case, no hex, other prefixes */

        "sha256:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d1",
        "sha256:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d180",
        "sha256:"
        "E87D43A89255128E331835A90FF6C49D054B1C6D99CD3DE159D6CF3B46313D18",
        "sha256:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d1g",
        "sha512:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d18",
        "SHA256:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d18",
        "hmac-sha256:"
        "c30dcb5717b5707d58c0aa42399c96154542f8d06b96730078730fc0fce6100",
        " sha256:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d18",
        "sha256:"
        "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d18\n"
    };

    (void) state;

    assert_int_equal(reg_api_key_hash_check(REG_STR(SHA)), REG_OK);
    assert_int_equal(reg_api_key_hash_check(REG_STR(HMAC_SHA)), REG_OK);

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        assert_int_equal(reg_api_key_hash_check(reg_str(invalid[i])),
                         REG_INVALID);
    }
}


static void
test_verify(void **state)
{
    size_t  i;

    static const struct {
        const char  *key;
        const char  *hash;
        const char  *pepper;
        reg_rc_t     rc;
    } cases[] = {
        { KEY, SHA, "", REG_OK },
        { KEY, HMAC_SHA, PEPPER, REG_OK },

        /* keys made before the pepper stay good */

        { KEY, SHA, PEPPER, REG_OK },

        /* a pepper that is missing or another one */

        { KEY, HMAC_SHA, "", REG_INVALID },
        { KEY, HMAC_SHA, "0123456789abcdeF", REG_INVALID },

        /* another secret, and no key at all */

        { "ngr_0aZ9bY8cX7dW_0123456789ABCDEFGHIJKLMNOPQRSTUW28ijN6", SHA, "",
          REG_INVALID },
        { "ngr_0aZ9bY8cX7dW_0123456789ABCDEFGHIJKLMNOPQRSTUW28ijN6", HMAC_SHA,
          PEPPER, REG_INVALID },
        { "", SHA, "", REG_INVALID },

        /* hashes that no key has */

        { KEY, "", "", REG_INVALID },
        { KEY, "sha256:", "", REG_INVALID },
        { KEY, KEY, "", REG_INVALID },
        { KEY, "sha256:"
          "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d1",
          "", REG_INVALID },
        { KEY, "sha256:"
          "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d19",
          "", REG_INVALID },

        /* the digest of one form under the name of the other */

        { KEY, "sha256:"
          "c30dcb5717b5707d58c0aa42399c96154542f8d06b96730078730fc0fce6100d",
          PEPPER, REG_INVALID },
        { KEY, "hmac-sha256:"
          "e87d43a89255128e331835a90ff6c49d054b1c6d99cd3de159d6cf3b46313d18",
          PEPPER, REG_INVALID }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(reg_api_key_verify(reg_str(cases[i].key),
                                            reg_str(cases[i].hash),
                                            reg_str(cases[i].pepper)),
                         cases[i].rc);
    }
}


static void
test_verify_refuses_every_other_digest(void **state)
{
    size_t         i;
    unsigned char  hash[sizeof(SHA) - 1];

    (void) state;

    /* one that compares only a part of it would pass here */

    for (i = sizeof("sha256:") - 1; i < sizeof(hash); i++) {
        memcpy(hash, SHA, sizeof(hash));
        hash[i] = (hash[i] == '0') ? '1' : '0';

        assert_int_equal(reg_api_key_verify(REG_STR(KEY),
                             (reg_str_t) { sizeof(hash), hash },
                             REG_STR_NULL),
                         REG_INVALID);
    }
}


static void
test_library_failure_is_no_match(void **state)
{
    char       hash[REG_API_KEY_HASH_MAX];
    size_t     len;
    reg_str_t  pepper;

    (void) state;

    library_fails = 1;

    assert_int_equal(reg_api_key_hash(hash, &len, REG_STR(KEY), REG_STR_NULL),
                     REG_ERROR);
    assert_int_equal(reg_api_key_hash(hash, &len, REG_STR(KEY),
                                      REG_STR(PEPPER)),
                     REG_ERROR);
    assert_int_equal(reg_api_key_verify(REG_STR(KEY), REG_STR(SHA),
                                        REG_STR_NULL),
                     REG_ERROR);
    assert_int_equal(reg_api_key_verify(REG_STR(KEY), REG_STR(HMAC_SHA),
                                        REG_STR(PEPPER)),
                     REG_ERROR);

    library_fails = 0;

    /* more than the library's int can say */

    pepper.len = (size_t) INT32_MAX + 1;
    pepper.data = (unsigned char *) hash;

    assert_int_equal(reg_api_key_hash(hash, &len, REG_STR(KEY), pepper),
                     REG_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_check_is_crc32_in_base62),
        cmocka_unit_test(test_parse_yields_the_id),
        cmocka_unit_test(test_parse_refuses_any_other_byte),
        cmocka_unit_test(test_parse_refuses_swapped_neighbours),
        cmocka_unit_test(test_parse_refuses_other_lengths),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_id_check),
        cmocka_unit_test(test_generate_yields_valid_keys),
        cmocka_unit_test(test_generate_has_no_bias),
        cmocka_unit_test(test_generate_takes_short_and_interrupted_reads),
        cmocka_unit_test(test_generate_without_random_bytes),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_check),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_verify_refuses_every_other_digest),
        cmocka_unit_test(test_library_failure_is_no_match)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
