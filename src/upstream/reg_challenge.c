/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_challenge.h"

#include "reg_json.h"


typedef struct {
    unsigned char  *p;
    unsigned char  *last;
    unsigned char  *out;            /* where the next value is written to */
} reg_challenge_text_t;


static reg_rc_t reg_challenge_param(reg_challenge_t *challenge,
    reg_str_t name, reg_str_t value);
static reg_rc_t reg_challenge_value(reg_challenge_text_t *text,
    reg_str_t *value);
static reg_rc_t reg_challenge_quoted(reg_challenge_text_t *text,
    reg_str_t *value);
static reg_str_t reg_challenge_token(reg_challenge_text_t *text);
static int reg_challenge_is_token(unsigned char c);
static void reg_challenge_skip(reg_challenge_text_t *text, const char *bytes);
static int reg_challenge_is(reg_str_t name, const char *what);


/*
 * A name with '=' and a value behind it is a parameter of the scheme that came
 * before; any other name is a scheme.
 */

reg_rc_t
reg_challenge_parse(reg_challenge_t *challenge, reg_str_t value,
    unsigned char *buf)
{
    int                    bearer;
    reg_str_t              name, parameter;
    reg_challenge_text_t   text;

    memset(challenge, 0, sizeof(reg_challenge_t));

    text.p = value.data;
    text.last = value.data + value.len;
    text.out = buf;

    bearer = 0;

    for ( ;; ) {

        reg_challenge_skip(&text, " \t,");

        if (text.p == text.last) {
            break;
        }

        name = reg_challenge_token(&text);

        if (name.len == 0) {
            return REG_INVALID;
        }

        reg_challenge_skip(&text, " \t");

        if (text.p == text.last || *text.p != '=') {

            if (bearer) {
                break;
            }

            bearer = reg_challenge_is(name, "bearer");
            continue;
        }

        text.p++;
        reg_challenge_skip(&text, " \t");

        /* credentials of another scheme, in base64, end so */

        if (!bearer && (text.p == text.last || *text.p == '='
                        || *text.p == ','))
        {
            reg_challenge_skip(&text, "=");
            continue;
        }

        if (reg_challenge_value(&text, &parameter) != REG_OK
            || (bearer && reg_challenge_param(challenge, name, parameter)
                          != REG_OK))
        {
            return REG_INVALID;
        }
    }

    if (!bearer) {
        return REG_NOTFOUND;
    }

    return challenge->realm.len ? REG_OK : REG_INVALID;
}


static reg_rc_t
reg_challenge_param(reg_challenge_t *challenge, reg_str_t name,
    reg_str_t value)
{
    size_t      i;
    reg_str_t  *slot;

    slot = reg_challenge_is(name, "realm") ? &challenge->realm
           : reg_challenge_is(name, "service") ? &challenge->service
           : reg_challenge_is(name, "scope") ? &challenge->scope : NULL;

    if (slot == NULL) {
        return REG_OK;
    }

    /* of two, somebody else might take the other one */

    if (slot->data) {
        return REG_INVALID;
    }

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] >= 0x7f) {
            return REG_INVALID;
        }
    }

    *slot = value;

    return REG_OK;
}


static reg_rc_t
reg_challenge_value(reg_challenge_text_t *text, reg_str_t *value)
{
    if (text->p < text->last && *text->p == '"') {
        return reg_challenge_quoted(text, value);
    }

    *value = reg_challenge_token(text);

    return value->len ? REG_OK : REG_INVALID;
}


static reg_rc_t
reg_challenge_quoted(reg_challenge_text_t *text, reg_str_t *value)
{
    value->data = text->out;

    for (text->p++; text->p < text->last && *text->p != '"'; text->p++) {

        if (*text->p == '\\' && ++text->p == text->last) {
            return REG_INVALID;
        }

        *text->out++ = *text->p;
    }

    if (text->p == text->last) {
        return REG_INVALID;
    }

    text->p++;
    value->len = (size_t) (text->out - value->data);

    return REG_OK;
}


/* Borrowed, as it needs no decoding; empty where none begins. */

static reg_str_t
reg_challenge_token(reg_challenge_text_t *text)
{
    reg_str_t  token;

    token.data = text->p;

    while (text->p < text->last && reg_challenge_is_token(*text->p)) {
        text->p++;
    }

    token.len = (size_t) (text->p - token.data);

    return token;
}


/* A token of RFC 9110, with what base64 and careless servers add. */

static int
reg_challenge_is_token(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~/:", c));
}


static void
reg_challenge_skip(reg_challenge_text_t *text, const char *bytes)
{
    while (text->p < text->last && *text->p && strchr(bytes, *text->p)) {
        text->p++;
    }
}


static int
reg_challenge_is(reg_str_t name, const char *what)
{
    return name.len == strlen(what)
           && strncasecmp((const char *) name.data, what, name.len) == 0;
}


reg_rc_t
reg_bearer_parse(reg_bearer_t *grant, reg_str_t text, unsigned char *buf,
    reg_error_t *error)
{
    size_t       i, len;
    json_t      *json, *token, *life;
    reg_rc_t     rc;
    const char  *value;

    rc = reg_json_load(&json, text, NULL);

    if (rc != REG_OK) {
        reg_error_set(error, "it is no JSON");
        return rc;
    }

    token = json_object_get(json, "token");

    if (!json_is_string(token)) {
        token = json_object_get(json, "access_token");
    }

    value = json_string_value(token);
    len = json_string_length(token);

    if (value == NULL || len == 0 || len > text.len) {
        reg_error_set(error, "it has no token");
        rc = REG_INVALID;
        goto done;
    }

    for (i = 0; i < len; i++) {
        if (value[i] <= 0x20 || value[i] >= 0x7f) {
            reg_error_set(error, "its token cannot stand in a header");
            rc = REG_INVALID;
            goto done;
        }
    }

    memcpy(buf, value, len);
    grant->token = (reg_str_t) { len, buf };

    life = json_object_get(json, "expires_in");

    grant->life = json_is_integer(life) ? json_integer_value(life)
                                        : REG_BEARER_LIFE;

    if (grant->life < 0) {
        grant->life = 0;
    }

    if (grant->life > REG_BEARER_LIFE_MAX) {
        grant->life = REG_BEARER_LIFE_MAX;
    }

done:

    json_decref(json);

    return rc;
}
