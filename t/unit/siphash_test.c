/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#include "reg_siphash.h"
#include "random.h"

#define LENGTHS  301
#define ROUNDS   8                  /* keys and texts of each length */


/* Least significant byte first, as the reference writes it. */

static void
hash(unsigned char out[16], const unsigned char *key, reg_str_t text)
{
    unsigned       i;
    reg_siphash_t  h;

    h = reg_siphash(key, text);

    for (i = 0; i < 8; i++) {
        out[i] = (unsigned char) (h.lo >> (8 * i));
        out[8 + i] = (unsigned char) (h.hi >> (8 * i));
    }
}


static void
test_published_vectors(void **state)
{
    size_t         i;
    unsigned char  key[16], text[63], out[16];

    /* vectors_sip128 of the reference implementation: key and text count up */

    static const struct {
        size_t         len;
        unsigned char  hash[16];
    } cases[] = {
        { 0,  { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 } },
        { 1,  { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 } },
        { 15, { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11,
                0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9 } }
    };

    (void) state;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char) i;
    }

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (unsigned char) i;
    }

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hash(out, key, (reg_str_t) { cases[i].len, text });
        assert_memory_equal(out, cases[i].hash, sizeof(out));
    }

    hash(out, key, REG_STR_NULL);
    assert_memory_equal(out, cases[0].hash, sizeof(out));
}


static void
test_every_length_is_what_openssl_says(void **state)
{
    size_t         len, n, size;
    EVP_MAC       *mac;
    reg_str_t      text, copy;
    OSSL_PARAM     params[2];
    EVP_MAC_CTX   *ctx;
    unsigned char  key[16], data[LENGTHS], out[16], expected[16];

    (void) state;

    size = sizeof(expected);
    params[0] = OSSL_PARAM_construct_size_t("size", &size);
    params[1] = OSSL_PARAM_construct_end();

    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);

    ctx = EVP_MAC_CTX_new(mac);
    assert_non_null(ctx);

    text.data = data;

    for (len = 0; len < LENGTHS; len++) {
        for (n = 0; n < ROUNDS; n++) {

            random_bytes(key, sizeof(key));
            random_bytes(data, len);
            text.len = len;

            assert_int_equal(EVP_MAC_init(ctx, key, sizeof(key), params), 1);
            assert_int_equal(EVP_MAC_update(ctx, data, len), 1);
            assert_int_equal(EVP_MAC_final(ctx, expected, &size,
                                           sizeof(expected)), 1);
            assert_int_equal(size, 16);

            copy = exact_copy(text);
            hash(out, key, copy);
            free(copy.data);

            assert_memory_equal(out, expected, sizeof(out));
        }
    }

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}


/* A credential begins anywhere in a header buffer. */

static void
test_alignment_does_not_matter(void **state)
{
    size_t         i;
    unsigned char  key[16 + 8], data[64 + 8], out[16], expected[16];

    (void) state;

    random_bytes(key, 16);
    random_bytes(data, 64);
    hash(expected, key, (reg_str_t) { 64, data });

    for (i = 1; i < 8; i++) {
        memmove(key + i, key + i - 1, 16);
        memmove(data + i, data + i - 1, 64);

        hash(out, key + i, (reg_str_t) { 64, data + i });
        assert_memory_equal(out, expected, sizeof(out));
    }
}


static void
test_every_bit_counts(void **state)
{
    size_t         i;
    reg_siphash_t  a, b;
    unsigned char  key[16], data[40];

    (void) state;

    random_bytes(key, sizeof(key));
    random_bytes(data, sizeof(data));
    a = reg_siphash(key, (reg_str_t) { sizeof(data), data });

    for (i = 0; i < sizeof(data) * 8; i++) {
        data[i / 8] ^= (unsigned char) (1 << i % 8);
        b = reg_siphash(key, (reg_str_t) { sizeof(data), data });
        data[i / 8] ^= (unsigned char) (1 << i % 8);

        assert_true(a.lo != b.lo && a.hi != b.hi);
    }

    for (i = 0; i < sizeof(key) * 8; i++) {
        key[i / 8] ^= (unsigned char) (1 << i % 8);
        b = reg_siphash(key, (reg_str_t) { sizeof(data), data });
        key[i / 8] ^= (unsigned char) (1 << i % 8);

        assert_true(a.lo != b.lo && a.hi != b.hi);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_every_length_is_what_openssl_says),
        cmocka_unit_test(test_alignment_does_not_matter),
        cmocka_unit_test(test_every_bit_counts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
