/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The first byte says what the rest is: a whole token; the header and the
 * claims of one, divided by a newline, which is then signed rightly; or a JWKS.
 * What is accepted says what it must, and nothing that was not signed is
 * accepted.
 */

#include <stdlib.h>

#include "reg_base64.h"
#include "reg_json.h"
#include "reg_jwt.h"

#define NOW  1800000000

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static reg_jwks_t  keys;

static const reg_jwt_expected_t  expected = {
    { 2, (unsigned char *) "us" }, { 4, (unsigned char *) "here" }, { 0, NULL },
    REG_JWT_LEEWAY
};


static void
make_keys(void)
{
    CHECK(reg_jwk_generate(&keys.keys[0], REG_ALG_EDDSA, 0) == REG_OK);
    CHECK(reg_jwk_generate(&keys.keys[1], REG_ALG_ES256, 0) == REG_OK);

    keys.n = 2;
}


static void
check_error(const reg_error_t *error)
{
    const char  *p;

    CHECK(error->text[0] != '\0');

    for (p = error->text; *p; p++) {
        CHECK(*p >= 0x20 && *p <= 0x7e);
    }
}


static void
check_text(reg_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        CHECK(text.data[i] >= 0x20 && text.data[i] != 0x7f);
    }
}


static reg_jwt_rc_t
check_token(reg_str_t token)
{
    json_t        *aud;
    reg_jwt_t      jwt;
    reg_error_t    error;
    reg_jwt_rc_t   rc;

    error.text[0] = '\0';
    rc = reg_jwt_read(&jwt, token, &error);

    if (rc != REG_JWT_OK) {

        if (rc == REG_JWT_MALFORMED) {
            check_error(&error);
        }

        return rc;
    }

    check_text(jwt.iss);
    check_text(jwt.sub);
    check_text(jwt.kid);
    check_text(jwt.typ);
    CHECK(token.len <= REG_JWT_MAX);

    rc = reg_jwt_verify(&jwt, &keys, &expected, NOW);

    if (rc == REG_JWT_OK) {
        CHECK(reg_str_eq(jwt.iss, REG_STR("us")));
        CHECK(jwt.exp > NOW - REG_JWT_LEEWAY);
        CHECK(jwt.nbf <= NOW + REG_JWT_LEEWAY);
        CHECK(json_object_get(jwt.header, "crit") == NULL);

        aud = json_object_get(jwt.claims, "aud");
        CHECK(json_is_array(aud)
              || strcmp(json_string_value(aud), "here") == 0);
    }

    reg_jwt_clear(&jwt);

    return rc;
}


static void
check_signed(reg_str_t text)
{
    size_t          len, head;
    reg_str_t       header, claims;
    unsigned char  *p, *newline, *buf, sig[REG_JWS_SIGNATURE_MAX];

    newline = text.len ? memchr(text.data, '\n', text.len) : NULL;

    if (newline == NULL) {
        return;
    }

    header.data = text.data;
    header.len = (size_t) (newline - text.data);
    claims.data = newline + 1;
    claims.len = text.len - header.len - 1;

    buf = malloc(REG_BASE64URL_LEN(text.len) + 8
                 + REG_BASE64URL_LEN(REG_JWS_SIGNATURE_MAX));
    CHECK(buf != NULL);

    p = buf + reg_base64url_encode(buf, header);
    *p++ = '.';
    p += reg_base64url_encode(p, claims);
    head = (size_t) (p - buf);

    CHECK(reg_jws_sign(keys.keys[0], (reg_str_t) { head, buf }, sig, &len)
          == REG_OK);

    *p++ = '.';
    p += reg_base64url_encode(p, (reg_str_t) { len, sig });

    if (check_token((reg_str_t) { (size_t) (p - buf), buf }) == REG_JWT_OK) {

        /* one bit less and it is nobody's */

        sig[0] ^= 1;
        p = buf + head + 1;
        p += reg_base64url_encode(p, (reg_str_t) { len, sig });

        CHECK(check_token((reg_str_t) { (size_t) (p - buf), buf })
              == REG_JWT_SIGNATURE);
    }

    free(buf);
}


static void
check_jwks(reg_str_t text)
{
    size_t          i, len;
    reg_jwk_t      *again;
    reg_jwks_t     *jwks;
    reg_error_t     error;
    unsigned char   json[REG_JWK_JSON_MAX];
    unsigned char   one[REG_JWK_THUMB_LEN], two[REG_JWK_THUMB_LEN];

    error.text[0] = '\0';

    switch (reg_jwks_parse(&jwks, text, &error)) {

    case REG_OK:
        break;

    case REG_INVALID:
        check_error(&error);
        return;

    default:
        return;
    }

    CHECK(jwks->n > 0 && jwks->n <= REG_JWKS_MAX);

    for (i = 0; i < jwks->n; i++) {
        CHECK(jwks->keys[i]->alg != REG_ALG_NONE && !jwks->keys[i]->secret);

        CHECK(reg_jwk_write(json, &len, jwks->keys[i]) == REG_OK);
        CHECK(len <= sizeof(json));
        CHECK(reg_jwk_from_json(&again, (reg_str_t) { len, json }, NULL)
              == REG_OK);
        CHECK(reg_jwk_thumbprint(one, jwks->keys[i]) == REG_OK);
        CHECK(reg_jwk_thumbprint(two, again) == REG_OK);
        CHECK(memcmp(one, two, sizeof(one)) == 0);

        reg_jwk_free(again);
    }

    reg_jwks_free(jwks);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reg_str_t  text;

    if (size == 0) {
        return 0;
    }

    if (keys.n == 0) {
        make_keys();
    }

    text = (reg_str_t) { size - 1, (unsigned char *) data + 1 };

    switch (data[0]) {

    case 't':
        CHECK(check_token(text) != REG_JWT_OK);
        break;

    case 's':
        check_signed(text);
        break;

    case 'k':
        check_jwks(text);
        break;
    }

    return 0;
}
