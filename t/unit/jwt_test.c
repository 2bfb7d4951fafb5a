/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "jwt.h"


static reg_jwk_t   *es256, *rs256, *eddsa, *stranger;
static reg_jwks_t   all, one;
static token_t      token;


static int
make_keys(void **state)
{
    (void) state;

    if (reg_jwk_generate(&es256, REG_ALG_ES256, 0) != REG_OK
        || reg_jwk_generate(&rs256, REG_ALG_RS256, 2048) != REG_OK
        || reg_jwk_generate(&eddsa, REG_ALG_EDDSA, 0) != REG_OK
        || reg_jwk_generate(&stranger, REG_ALG_ES256, 0) != REG_OK)
    {
        return -1;
    }

    all.n = 3;
    all.keys[0] = es256;
    all.keys[1] = rs256;
    all.keys[2] = eddsa;

    one.n = 1;
    one.keys[0] = es256;

    return 0;
}


static int
free_keys(void **state)
{
    (void) state;

    reg_jwk_free(es256);
    reg_jwk_free(rs256);
    reg_jwk_free(eddsa);
    reg_jwk_free(stranger);

    return 0;
}


/* {"alg":"ES256","kid":"<that of the key>" and more members. */

static const char *
header_of(const reg_jwk_t *jwk, const char *more)
{
    static char  header[2048];

    (void) snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%.*s\""
                    "%s}", reg_alg_name(jwk->alg), (int) jwk->kid_len,
                    (const char *) jwk->kid, more);

    return header;
}


static void
claims_are(const char *claims, reg_jwt_rc_t rc)
{
    token_sign(&token, es256, header_of(es256, ""), claims);

    if (token_check(&token, &one) != rc) {
        fail_msg("%s: %s", claims, reg_jwt_rc_text(token_check(&token, &one)));
    }
}


static void
header_is(const char *header, reg_jwt_rc_t rc)
{
    token_sign(&token, es256, header, JWT_CLAIMS);

    if (token_check(&token, &one) != rc) {
        fail_msg("%s: %s", header, reg_jwt_rc_text(token_check(&token, &one)));
    }
}


static void
every_algorithm_signs_and_verifies(void **state)
{
    size_t      i;
    reg_str_t   kid;

    (void) state;

    for (i = 0; i < all.n; i++) {
        kid = (reg_str_t) { all.keys[i]->kid_len, all.keys[i]->kid };

        assert_int_equal(reg_jwt_write(token.data, sizeof(token.data),
                                       &token.len, all.keys[i], kid,
                                       REG_STR_NULL, REG_STR(JWT_CLAIMS)),
                         REG_OK);
        assert_true(reg_jwt_looks((reg_str_t) { token.len, token.data }));
        assert_int_equal(token_check(&token, &all), REG_JWT_OK);
    }
}


static void
a_token_without_kid_is_tried_with_the_keys_of_its_algorithm(void **state)
{
    (void) state;

    token_sign(&token, es256, "{\"alg\":\"ES256\"}", JWT_CLAIMS);
    assert_int_equal(token_check(&token, &all), REG_JWT_OK);

    token_sign(&token, stranger, "{\"alg\":\"ES256\"}", JWT_CLAIMS);
    assert_int_equal(token_check(&token, &all), REG_JWT_SIGNATURE);
}


static void
each_bit_of_a_token_counts(void **state)
{
    size_t        i;
    reg_jwt_rc_t  rc;

    (void) state;

    token_sign(&token, es256, header_of(es256, ""), JWT_CLAIMS);
    assert_int_equal(token_check(&token, &one), REG_JWT_OK);

    for (i = 0; i < token.len * 8; i++) {
        token.data[i / 8] ^= (unsigned char) (1U << i % 8);

        rc = token_check(&token, &one);
        assert_int_not_equal(rc, REG_JWT_OK);
        assert_int_not_equal(rc, REG_JWT_FAILED);

        token.data[i / 8] ^= (unsigned char) (1U << i % 8);
    }

    for (i = 0; i < token.len; i++) {
        token_t  cut = token;

        cut.len = i;
        assert_int_equal(token_check(&cut, &one) == REG_JWT_OK, 0);
    }
}


static void
the_algorithm_is_that_of_the_key(void **state)
{
    unsigned       len;
    size_t         n;
    unsigned char  mac[EVP_MAX_MD_SIZE], pub[REG_JWK_JSON_MAX];

    static const char *const  algs[] = {
        "none", "None", "NONE", "nOnE", "", "ES384", "ES256K", "RS256",
        "EdDSA", "PS256", "HS256", "es256", "ES256 "
    };

    (void) state;

    for (n = 0; n < sizeof(algs) / sizeof(algs[0]); n++) {
        char  header[64];

        (void) snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", algs[n]);
        header_is(header, algs[n][0] ? REG_JWT_ALGORITHM : REG_JWT_MALFORMED);

        token_sign(&token, NULL, header, JWT_CLAIMS);
        assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);
    }

    header_is("{\"alg\":256}", REG_JWT_MALFORMED);
    header_is("{\"alg\":null}", REG_JWT_MALFORMED);
    header_is("{\"alg\":[\"ES256\"]}", REG_JWT_MALFORMED);
    header_is("{}", REG_JWT_MALFORMED);

    /* HS256 with what everybody knows of the key as the secret */

    assert_int_equal(reg_jwk_write(pub, &n, es256), REG_OK);

    token_sign(&token, NULL, "{\"alg\":\"HS256\"}", JWT_CLAIMS);
    (void) HMAC(EVP_sha256(), pub, (int) n, token.data, token.len - 1, mac,
                &len);
    token_part(&token, (const char *) mac, len);
    assert_int_equal(token_check(&token, &all), REG_JWT_ALGORITHM);

    /* a key of another algorithm by its name */

    token_sign(&token, es256, header_of(rs256, ""), JWT_CLAIMS);
    assert_int_equal(token_check(&token, &all), REG_JWT_SIGNATURE);
}


static void
keys_in_the_header_are_not_looked_at(void **state)
{
    size_t         n;
    char           more[3000];
    unsigned char  pub[REG_JWK_JSON_MAX];

    (void) state;

    assert_int_equal(reg_jwk_write(pub, &n, stranger), REG_OK);

    (void) snprintf(more, sizeof(more), "{\"alg\":\"ES256\",\"jwk\":%.*s}",
                    (int) n, (char *) pub);
    token_sign(&token, stranger, more, JWT_CLAIMS);
    assert_int_equal(token_check(&token, &one), REG_JWT_SIGNATURE);

    (void) snprintf(more, sizeof(more), "{\"alg\":\"ES256\",\"kid\":\"%.*s\","
                    "\"jwk\":%.*s,\"jku\":\"http://127.0.0.1/k\",\"x5u\":1,"
                    "\"x5c\":[\"MII\"]}", (int) stranger->kid_len,
                    (char *) stranger->kid, (int) n, (char *) pub);
    token_sign(&token, stranger, more, JWT_CLAIMS);
    assert_int_equal(token_check(&token, &one), REG_JWT_UNKNOWN_KEY);

    /* they do no harm, either */

    token_sign(&token, es256, header_of(es256, ",\"x5c\":[],\"jwk\":{}"),
               JWT_CLAIMS);
    assert_int_equal(token_check(&token, &one), REG_JWT_OK);
}


static void
tokens_have_their_room(void **state)
{
    size_t  i, len, need;
    char    claims[REG_JWT_MAX];

    (void) state;

    /* one as long as may be, and longer */

    for (i = 0, len = 0; len < REG_JWT_MAX + 8; i++) {
        (void) snprintf(claims, sizeof(claims),
                        "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,"
                        "\"x\":\"%0*d\"}", (int) (5900 + i), 0);
        token_sign(&token, es256, header_of(es256, ""), claims);

        len = token.len;
        assert_int_equal(token_check(&token, &one), len <= REG_JWT_MAX
                                                    ? REG_JWT_OK
                                                    : REG_JWT_MALFORMED);
    }

    assert_true(i > 8);

    /* what is written needs room for the longest signature */

    need = REG_BASE64URL_LEN(strlen("{\"alg\":\"ES256\",\"kid\":\"k\","
                                    "\"typ\":\"JWT\"}"))
           + 1 + REG_BASE64URL_LEN(strlen(JWT_CLAIMS))
           + 1 + REG_BASE64URL_LEN(REG_JWS_SIGNATURE_MAX);

    assert_int_equal(reg_jwt_write(token.data, need, &len, es256, REG_STR("k"),
                                   REG_STR_NULL, REG_STR(JWT_CLAIMS)), REG_OK);
    assert_int_equal(reg_jwt_write(token.data, need - 1, &len, es256,
                                   REG_STR("k"), REG_STR_NULL,
                                   REG_STR(JWT_CLAIMS)), REG_INVALID);
}


static void
headers_that_are_refused(void **state)
{
    size_t  i;

    static const char *const  malformed[] = {
        ",\"crit\":[\"exp\"]", ",\"crit\":[]", ",\"crit\":null",
        ",\"b64\":false", ",\"alg\":\"ES256\"", ",\"kid\":7",
        ",\"typ\":7", ",\"x\":1e400", ",\"x\":\"\\u0000\"",
        ",\"typ\":\"a\\u0007b\""
    };

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        char  header[256];

        (void) snprintf(header, sizeof(header), "{\"alg\":\"ES256\"%s}",
                        malformed[i]);
        header_is(header, REG_JWT_MALFORMED);
    }

    header_is("[]", REG_JWT_MALFORMED);
    header_is("null", REG_JWT_MALFORMED);
    header_is("\"ES256\"", REG_JWT_MALFORMED);
    header_is("{\"alg\":\"ES256\"} ", REG_JWT_OK);
    header_is("{\"alg\":\"ES256\"}{}", REG_JWT_MALFORMED);
    header_is("{\"alg\":\"ES256\"", REG_JWT_MALFORMED);
    header_is("", REG_JWT_MALFORMED);

    header_is("{\"alg\":\"ES256\",\"kid\":\"../../../dev/null\"}",
              REG_JWT_UNKNOWN_KEY);
    header_is("{\"alg\":\"ES256\",\"kid\":\"' OR 1=1\"}", REG_JWT_UNKNOWN_KEY);
    header_is("{\"alg\":\"ES256\",\"typ\":\"refresh+jwt\"}", REG_JWT_TYPE);
    header_is("{\"alg\":\"ES256\",\"typ\":\"jwt\"}", REG_JWT_OK);
}


static void
signatures_that_are_none(void **state)
{
    size_t         i, head;
    unsigned char  signature[97];

    /* r and s: 0, the order of the curve, and all ones */

    static const unsigned char  order[32] = {
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
        0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
    };

    (void) state;

    token_sign(&token, NULL, header_of(es256, ""), JWT_CLAIMS);
    assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);

    head = token.len;

    for (i = 0; i < 4; i++) {
        memset(signature, i == 3 ? 0xff : 0, sizeof(signature));

        if (i == 1) {
            memcpy(signature, order, 32);

        } else if (i == 2) {
            memcpy(signature + 32, order, 32);
            signature[31] = 1;
        }

        token.len = head;
        token_part(&token, (char *) signature, 64);
        assert_int_equal(token_check(&token, &one), REG_JWT_SIGNATURE);
    }

    /* any other length */

    for (i = 1; i < sizeof(signature); i++) {

        if (i != 64) {
            token.len = head;
            token_part(&token, (char *) signature, i);
            assert_int_equal(token_check(&token, &one), REG_JWT_SIGNATURE);
        }
    }

    /* padded, and longer than any */

    token.len = head;
    token_part(&token, (char *) signature, 64);
    token.data[token.len++] = '=';
    assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);

    token.len = head;
    memset(token.data + head, 'A', 2000);
    token.len += 2000;
    assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);
}


/* One in 256 of all r or s begins with a zero byte. */

static void
short_numbers_of_a_signature_are_padded(void **state)
{
    size_t         len, padded;
    unsigned       i;
    unsigned char  signature[REG_JWS_SIGNATURE_MAX];
    reg_str_t      input;

    (void) state;

    padded = 0;

    for (i = 0; i < 4096 && padded < 4; i++) {
        input = (reg_str_t) { sizeof(i), (unsigned char *) &i };

        assert_int_equal(reg_jws_sign(es256, input, signature, &len), REG_OK);
        assert_int_equal(len, 64);
        assert_int_equal(reg_jws_verify(es256, input,
                                        (reg_str_t) { len, signature }),
                         REG_OK);

        padded += (signature[0] == 0 || signature[32] == 0);
    }

    assert_true(padded > 0);
}


static void
a_token_has_three_parts_and_an_end(void **state)
{
    size_t  i;

    static const char *const  texts[] = {
        "", ".", "..", "...", "....", "a.b", "a.b.c", "eyJ", "eyJ.eyJ.",
        "e30.e30.AAAA", "e30.e30.AAAA.AAAA.AAAA", "bearer", "%00", "a b.c.d"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        token.len = strlen(texts[i]);
        memcpy(token.data, texts[i], token.len);
        assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);
    }

    /* five: a JWE */

    token_sign(&token, es256, header_of(es256, ""), JWT_CLAIMS);
    memcpy(token.data + token.len, ".AAAA.AAAA", 10);
    token.len += 10;
    assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);

    token_sign(&token, es256, header_of(es256, ""), JWT_CLAIMS);
    token.data[token.len++] = '\n';
    assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);

    /* 64 KiB */

    memset(token.data, 'A', 65536);
    token.data[20] = '.';
    token.data[65000] = '.';
    token.len = 65536;
    assert_int_equal(token_check(&token, &one), REG_JWT_MALFORMED);
}


static void
claims_that_are_refused(void **state)
{
    size_t  i;

    static const struct {
        const char    *claims;
        reg_jwt_rc_t   rc;
    } table[] = {
        { JWT_CLAIMS, REG_JWT_OK },
        { "{\"iss\":\"us\",\"aud\":[\"there\",\"here\"],\"exp\":1800000300}",
          REG_JWT_OK },

        { "{\"iss\":\"us\",\"aud\":\"here\"}", REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":null}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":\"1800000300\"}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300.5}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1.8e9}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1e400}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":-1}", REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":9223372036854775807}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":99999999999999999999}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":true}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1,\"exp\":1800000300}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,\"nbf\":0.5}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,"
          "\"iat\":\"now\"}", REG_JWT_MALFORMED },

        { "{\"iss\":\"us\",\"aud\":7,\"exp\":1800000300}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":[\"here\",7],\"exp\":1800000300}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":{\"here\":1},\"exp\":1800000300}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":[],\"exp\":1800000300}",
          REG_JWT_AUDIENCE },
        { "{\"iss\":\"us\",\"exp\":1800000300}", REG_JWT_AUDIENCE },
        { "{\"iss\":\"us\",\"aud\":\"her\",\"exp\":1800000300}",
          REG_JWT_AUDIENCE },
        { "{\"iss\":\"us\",\"aud\":\"here \",\"exp\":1800000300}",
          REG_JWT_AUDIENCE },

        { "{\"aud\":\"here\",\"exp\":1800000300}", REG_JWT_ISSUER },
        { "{\"iss\":\"us/\",\"aud\":\"here\",\"exp\":1800000300}",
          REG_JWT_ISSUER },
        { "{\"iss\":[\"us\"],\"aud\":\"here\",\"exp\":1800000300}",
          REG_JWT_MALFORMED },

        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,\"sub\":7}",
          REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,"
          "\"sub\":\"a\\nb\"}", REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,"
          "\"sub\":\"a\\u0000b\"}", REG_JWT_MALFORMED },

        { "[]", REG_JWT_MALFORMED }, { "{}", REG_JWT_MALFORMED },
        { "", REG_JWT_MALFORMED }, { "null", REG_JWT_MALFORMED },
        { "{\"iss\":\"us\",", REG_JWT_MALFORMED },
        { "{\"\xff\":1}", REG_JWT_MALFORMED }
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        claims_are(table[i].claims, table[i].rc);
    }
}


static void
clocks_may_differ_by_half_a_minute(void **state)
{
    reg_jwt_expected_t  expected;

    (void) state;

    claims_are("{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1799999971}",
               REG_JWT_OK);
    claims_are("{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1799999970}",
               REG_JWT_EXPIRED);
    claims_are("{\"iss\":\"us\",\"aud\":\"here\",\"exp\":0}", REG_JWT_EXPIRED);
    claims_are("{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,"
               "\"nbf\":1800000030}", REG_JWT_OK);
    claims_are("{\"iss\":\"us\",\"aud\":\"here\",\"exp\":1800000300,"
               "\"nbf\":1800000031}", REG_JWT_NOT_YET);

    /* and never by more, whatever the caller thinks */

    expected.iss = REG_STR("us");
    expected.aud = REG_STR("here");
    expected.typ = REG_STR_NULL;
    expected.leeway = INT64_MAX;

    token_sign(&token, es256, header_of(es256, ""), JWT_CLAIMS);
    assert_int_equal(token_check_as(&token, &one, &expected, 1800000329),
                     REG_JWT_OK);
    assert_int_equal(token_check_as(&token, &one, &expected, 1800000330),
                     REG_JWT_EXPIRED);

    expected.leeway = 0;
    assert_int_equal(token_check_as(&token, &one, &expected, 1800000300),
                     REG_JWT_EXPIRED);
}


static void
a_type_is_expected_or_the_usual_one(void **state)
{
    const reg_jwt_expected_t  refresh = {
        REG_STR("us"), REG_STR("here"), REG_STR("refresh+jwt"), 0
    };

    (void) state;

    token_sign(&token, es256, header_of(es256, ",\"typ\":\"refresh+jwt\""),
               JWT_CLAIMS);
    assert_int_equal(token_check(&token, &one), REG_JWT_TYPE);
    assert_int_equal(token_check_as(&token, &one, &refresh, JWT_NOW),
                     REG_JWT_OK);

    token_sign(&token, es256, header_of(es256, ""), JWT_CLAIMS);
    assert_int_equal(token_check_as(&token, &one, &refresh, JWT_NOW),
                     REG_JWT_TYPE);
}


static void
an_empty_set_verifies_nothing(void **state)
{
    static const reg_jwks_t  none;

    (void) state;

    token_sign(&token, es256, header_of(es256, ""), JWT_CLAIMS);
    assert_int_equal(token_check(&token, &none), REG_JWT_UNKNOWN_KEY);
}


static void
what_does_not_fit_is_not_written(void **state)
{
    size_t  len;

    (void) state;

    assert_int_equal(reg_jwt_write(token.data, 64, &len, es256, REG_STR("k"),
                                   REG_STR_NULL, REG_STR(JWT_CLAIMS)),
                     REG_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_algorithm_signs_and_verifies),
        cmocka_unit_test(
            a_token_without_kid_is_tried_with_the_keys_of_its_algorithm),
        cmocka_unit_test(each_bit_of_a_token_counts),
        cmocka_unit_test(the_algorithm_is_that_of_the_key),
        cmocka_unit_test(keys_in_the_header_are_not_looked_at),
        cmocka_unit_test(tokens_have_their_room),
        cmocka_unit_test(headers_that_are_refused),
        cmocka_unit_test(signatures_that_are_none),
        cmocka_unit_test(short_numbers_of_a_signature_are_padded),
        cmocka_unit_test(a_token_has_three_parts_and_an_end),
        cmocka_unit_test(claims_that_are_refused),
        cmocka_unit_test(clocks_may_differ_by_half_a_minute),
        cmocka_unit_test(a_type_is_expected_or_the_usual_one),
        cmocka_unit_test(an_empty_set_verifies_nothing),
        cmocka_unit_test(what_does_not_fit_is_not_written)
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
