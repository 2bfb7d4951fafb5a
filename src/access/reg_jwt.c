/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_base64.h"
#include "reg_json.h"
#include "reg_jwt.h"
#include "reg_time.h"

/* The end of the year 9999: with a leeway added it is still a number. */

#define REG_JWT_TIME_MAX  253402300799

#define REG_JWT_AUDIENCES_MAX  32


static reg_jwt_rc_t reg_jwt_split(reg_str_t token, reg_str_t part[3],
    reg_error_t *error);
static reg_jwt_rc_t reg_jwt_read_part(json_t **json, reg_str_t part,
    const char *name, reg_error_t *error);
static reg_jwt_rc_t reg_jwt_read_header(reg_jwt_t *jwt, reg_error_t *error);
static reg_jwt_rc_t reg_jwt_read_claims(reg_jwt_t *jwt, reg_error_t *error);
static int reg_jwt_text(reg_str_t *text, json_t *json, const char *name,
    size_t max, reg_error_t *error);
static int reg_jwt_time(int64_t *time, json_t *json, const char *name,
    reg_error_t *error);
static int reg_jwt_audience_ok(json_t *aud, reg_error_t *error);
static int reg_jwt_for(const reg_jwt_t *jwt, reg_str_t aud);
static int reg_jwt_type_is(reg_str_t typ, reg_str_t expected);


reg_jwt_rc_t
reg_jwt_read(reg_jwt_t *jwt, reg_str_t token, reg_error_t *error)
{
    reg_str_t     part[3];
    reg_jwt_rc_t  rc;

    memset(jwt, 0, sizeof(reg_jwt_t));

    rc = reg_jwt_split(token, part, error);

    if (rc != REG_JWT_OK) {
        return rc;
    }

    jwt->input.data = token.data;
    jwt->input.len = part[0].len + 1 + part[1].len;

    if (part[2].len == 0
        || REG_BASE64URL_DECODED(part[2].len) > REG_JWS_SIGNATURE_MAX
        || reg_base64url_decode(jwt->signature, &jwt->signature_len, part[2])
           != REG_OK)
    {
        reg_error_set(error, "its signature is missing or no base64url");
        return REG_JWT_MALFORMED;
    }

    rc = reg_jwt_read_part(&jwt->header, part[0], "header", error);

    if (rc == REG_JWT_OK) {
        rc = reg_jwt_read_header(jwt, error);
    }

    if (rc == REG_JWT_OK) {
        rc = reg_jwt_read_part(&jwt->claims, part[1], "payload", error);
    }

    if (rc == REG_JWT_OK) {
        rc = reg_jwt_read_claims(jwt, error);
    }

    if (rc != REG_JWT_OK) {
        reg_jwt_clear(jwt);
    }

    return rc;
}


void
reg_jwt_clear(reg_jwt_t *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);

    jwt->header = NULL;
    jwt->claims = NULL;
}


reg_jwt_rc_t
reg_jwt_verify(const reg_jwt_t *jwt, const reg_jwks_t *jwks,
    const reg_jwt_expected_t *expected, int64_t now)
{
    reg_jwt_rc_t  rc;

    rc = reg_jwt_verify_signature(jwt, jwks);

    return rc == REG_JWT_OK ? reg_jwt_verify_claims(jwt, expected, now) : rc;
}


reg_jwt_rc_t
reg_jwt_verify_claims(const reg_jwt_t *jwt,
    const reg_jwt_expected_t *expected, int64_t now)
{
    int64_t  leeway;

    if (!reg_jwt_type_is(jwt->typ, expected->typ)) {
        return REG_JWT_TYPE;
    }

    if (expected->iss.len && !reg_str_eq(jwt->iss, expected->iss)) {
        return REG_JWT_ISSUER;
    }

    if (expected->aud.len && !reg_jwt_for(jwt, expected->aud)) {
        return REG_JWT_AUDIENCE;
    }

    leeway = expected->leeway < REG_JWT_LEEWAY ? expected->leeway
                                               : REG_JWT_LEEWAY;

    if (jwt->nbf > now + leeway || jwt->iat > now + leeway) {
        return REG_JWT_NOT_YET;
    }

    return now >= jwt->exp + leeway ? REG_JWT_EXPIRED : REG_JWT_OK;
}


reg_rc_t
reg_jwt_write(unsigned char *buf, size_t size, size_t *len,
    const reg_jwk_t *jwk, reg_str_t kid, reg_str_t typ, reg_str_t claims)
{
    char           *text;
    size_t          n;
    json_t         *json;
    reg_str_t       header;
    unsigned char  *p, signature[REG_JWS_SIGNATURE_MAX];

    if (typ.len == 0) {
        typ = REG_STR("JWT");
    }

    json = json_pack("{s:s,s:s%,s:s%}", "alg", reg_alg_name(jwk->alg),
                     "kid", kid.data, kid.len, "typ", typ.data, typ.len);
    text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);

    if (text == NULL) {
        return REG_ERROR;
    }

    header = reg_str(text);

    if (REG_BASE64URL_LEN(header.len) + 1 + REG_BASE64URL_LEN(claims.len) + 1
        + REG_BASE64URL_LEN(REG_JWS_SIGNATURE_MAX) > size)
    {
        free(text);
        return REG_INVALID;
    }

    p = buf + reg_base64url_encode(buf, header);
    *p++ = '.';
    p += reg_base64url_encode(p, claims);

    free(text);

    if (reg_jws_sign(jwk, (reg_str_t) { (size_t) (p - buf), buf }, signature,
                     &n)
        != REG_OK)
    {
        return REG_ERROR;
    }

    *p++ = '.';
    p += reg_base64url_encode(p, (reg_str_t) { n, signature });

    *len = (size_t) (p - buf);

    return REG_OK;
}


int
reg_jwt_looks(reg_str_t text)
{
    size_t  i, dots;

    if (!reg_str_starts(text, REG_STR("eyJ"))) {
        return 0;
    }

    for (i = 0, dots = 0; i < text.len; i++) {
        dots += (text.data[i] == '.');
    }

    return dots == 2;
}


const char *
reg_jwt_rc_text(reg_jwt_rc_t rc)
{
    static const char *const  texts[] = {
        [REG_JWT_OK] = "it is valid",
        [REG_JWT_MALFORMED] = "it is malformed",
        [REG_JWT_ALGORITHM] = "its algorithm is not that of the key",
        [REG_JWT_UNKNOWN_KEY] = "no key has its kid",
        [REG_JWT_SIGNATURE] = "its signature is wrong",
        [REG_JWT_TYPE] = "its typ is another",
        [REG_JWT_ISSUER] = "it is of another issuer",
        [REG_JWT_AUDIENCE] = "it is for another audience",
        [REG_JWT_NOT_YET] = "it is not valid yet",
        [REG_JWT_EXPIRED] = "it has expired",
        [REG_JWT_FAILED] = "memory or a library failed"
    };

    return texts[rc];
}


/* Exactly three parts; those of a JWE are five. */

static reg_jwt_rc_t
reg_jwt_split(reg_str_t token, reg_str_t part[3], reg_error_t *error)
{
    size_t          i;
    unsigned char  *dot;

    if (token.len == 0 || token.len > REG_JWT_MAX) {
        reg_error_set(error, "a token has 1 to %d bytes", REG_JWT_MAX);
        return REG_JWT_MALFORMED;
    }

    for (i = 0; i < 3; i++) {
        dot = token.len ? memchr(token.data, '.', token.len) : NULL;

        if ((dot == NULL) != (i == 2)) {
            reg_error_set(error, "a token has three parts");
            return REG_JWT_MALFORMED;
        }

        part[i] = token;

        if (dot) {
            part[i].len = (size_t) (dot - token.data);
            token.len -= part[i].len + 1;
            token.data = dot + 1;
        }
    }

    return REG_JWT_OK;
}


static reg_jwt_rc_t
reg_jwt_read_part(json_t **json, reg_str_t part, const char *name,
    reg_error_t *error)
{
    reg_rc_t       rc;
    reg_str_t      text;
    unsigned char  buf[REG_BASE64URL_DECODED(REG_JWT_MAX)];

    if (reg_base64url_decode(buf, &text.len, part) != REG_OK) {
        reg_error_set(error, "its %s is no base64url", name);
        return REG_JWT_MALFORMED;
    }

    text.data = buf;

    rc = reg_json_load(json, text, error);

    if (rc != REG_OK) {
        return rc == REG_INVALID ? REG_JWT_MALFORMED : REG_JWT_FAILED;
    }

    if (!json_is_object(*json)) {
        reg_error_set(error, "its %s is no object", name);
        return REG_JWT_MALFORMED;
    }

    return REG_JWT_OK;
}


static reg_jwt_rc_t
reg_jwt_read_header(reg_jwt_t *jwt, reg_error_t *error)
{
    reg_str_t  alg;

    if (!reg_jwt_text(&alg, jwt->header, "alg", REG_JWT_TEXT_MAX, error)
        || !reg_jwt_text(&jwt->kid, jwt->header, "kid", REG_JWK_KID_MAX, error)
        || !reg_jwt_text(&jwt->typ, jwt->header, "typ", REG_JWT_TEXT_MAX,
                         error))
    {
        return REG_JWT_MALFORMED;
    }

    if (alg.len == 0) {
        reg_error_set(error, "its header lacks alg");
        return REG_JWT_MALFORMED;
    }

    /* no extension is understood, and an unencoded payload is none of ours */

    if (json_object_get(jwt->header, "crit")
        || json_object_get(jwt->header, "b64"))
    {
        reg_error_set(error, "its header asks for an extension (crit, b64)");
        return REG_JWT_MALFORMED;
    }

    jwt->alg = reg_alg_parse(alg);

    return REG_JWT_OK;
}


static reg_jwt_rc_t
reg_jwt_read_claims(reg_jwt_t *jwt, reg_error_t *error)
{
    json_t  *aud;

    if (!reg_jwt_text(&jwt->iss, jwt->claims, "iss", REG_JWT_TEXT_MAX, error)
        || !reg_jwt_text(&jwt->sub, jwt->claims, "sub", REG_JWT_TEXT_MAX, error)
        || !reg_jwt_time(&jwt->exp, jwt->claims, "exp", error)
        || !reg_jwt_time(&jwt->nbf, jwt->claims, "nbf", error)
        || !reg_jwt_time(&jwt->iat, jwt->claims, "iat", error))
    {
        return REG_JWT_MALFORMED;
    }

    if (json_object_get(jwt->claims, "exp") == NULL) {
        reg_error_set(error, "it lacks exp: it would be valid forever");
        return REG_JWT_MALFORMED;
    }

    aud = json_object_get(jwt->claims, "aud");

    if (aud && !reg_jwt_audience_ok(aud, error)) {
        return REG_JWT_MALFORMED;
    }

    return REG_JWT_OK;
}


/* 0 if it is there and no printable text; len 0 where it is absent. */

static int
reg_jwt_text(reg_str_t *text, json_t *json, const char *name, size_t max,
    reg_error_t *error)
{
    size_t   i;
    json_t  *value;

    *text = REG_STR_NULL;
    value = json_object_get(json, name);

    if (value == NULL) {
        return 1;
    }

    text->len = json_string_length(value);
    text->data = (unsigned char *) json_string_value(value);

    if (text->data == NULL || text->len > max) {
        reg_error_set(error, "its %s is no text, or too long", name);
        return 0;
    }

    /* it may end up in logs and variables */

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            reg_error_set(error, "its %s holds a control character", name);
            return 0;
        }
    }

    return 1;
}


/* A fraction would be legal (RFC 7519 section 2), but nobody sends one. */

static int
reg_jwt_time(int64_t *time, json_t *json, const char *name,
    reg_error_t *error)
{
    json_t  *value;

    *time = 0;
    value = json_object_get(json, name);

    if (value == NULL) {
        return 1;
    }

    *time = json_integer_value(value);

    if (!json_is_integer(value) || *time < 0 || *time > REG_JWT_TIME_MAX) {
        reg_error_set(error, "its %s is no number of whole seconds", name);
        return 0;
    }

    return 1;
}


static int
reg_jwt_audience_ok(json_t *aud, reg_error_t *error)
{
    size_t   i;
    json_t  *item;

    if (json_is_string(aud)) {
        return 1;
    }

    if (!json_is_array(aud) || json_array_size(aud) > REG_JWT_AUDIENCES_MAX) {
        reg_error_set(error, "its aud is neither text nor a list of at most "
                      "%d", REG_JWT_AUDIENCES_MAX);
        return 0;
    }

    json_array_foreach(aud, i, item) {

        if (!json_is_string(item)) {
            reg_error_set(error, "its aud holds what is no text");
            return 0;
        }
    }

    return 1;
}


reg_jwt_rc_t
reg_jwt_verify_signature(const reg_jwt_t *jwt, const reg_jwks_t *jwks)
{
    size_t            i;
    reg_str_t         kid, signature;
    reg_jwt_rc_t      rc;
    const reg_jwk_t  *jwk;

    rc = REG_JWT_UNKNOWN_KEY;

    for (i = 0; i < jwks->n; i++) {
        jwk = jwks->keys[i];

        kid.len = jwk->kid_len;
        kid.data = (unsigned char *) jwk->kid;

        if (jwt->kid.len && !reg_str_eq(jwt->kid, kid)) {
            continue;
        }

        if (jwk->alg != jwt->alg) {

            if (rc == REG_JWT_UNKNOWN_KEY) {
                rc = REG_JWT_ALGORITHM;
            }

            continue;
        }

        signature.len = jwt->signature_len;
        signature.data = (unsigned char *) jwt->signature;

        switch (reg_jws_verify(jwk, jwt->input, signature)) {

        case REG_OK:
            return REG_JWT_OK;

        case REG_INVALID:
            rc = REG_JWT_SIGNATURE;
            break;

        default:
            return REG_JWT_FAILED;
        }
    }

    return rc;
}


static int
reg_jwt_for(const reg_jwt_t *jwt, reg_str_t aud)
{
    size_t   i;
    json_t  *value, *item;

    value = json_object_get(jwt->claims, "aud");

    if (json_is_string(value)) {
        return reg_str_eq(aud, reg_str(json_string_value(value)));
    }

    json_array_foreach(value, i, item) {

        if (reg_str_eq(aud, reg_str(json_string_value(item)))) {
            return 1;
        }
    }

    return 0;
}


/* Types are media types, so their case says nothing (RFC 7515 4.1.9). */

static int
reg_jwt_type_is(reg_str_t typ, reg_str_t expected)
{
    if (expected.len == 0) {

        if (typ.len == 0) {
            return 1;
        }

        expected = REG_STR("JWT");
    }

    return typ.len == expected.len
           && strncasecmp((const char *) typ.data,
                          (const char *) expected.data, typ.len)
              == 0;
}
