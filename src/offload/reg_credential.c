/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <jansson.h>

#include "reg_credential.h"
#include "reg_time.h"

static reg_rc_t reg_credential_parse_lines(reg_str_t *values, reg_str_t text,
    reg_error_t *error);
static reg_rc_t reg_credential_parse_json(reg_str_t *values, reg_str_t text,
    reg_error_t *error);
static reg_str_t reg_credential_line(reg_str_t *rest);
static reg_str_t reg_credential_trim(reg_str_t s);
static int reg_credential_printable(reg_str_t s);


enum {
    REG_CREDENTIAL_ID = 0,
    REG_CREDENTIAL_SECRET,
    REG_CREDENTIAL_TOKEN,
    REG_CREDENTIAL_EXPIRATION,
    REG_CREDENTIAL_VALUES
};

static const char *const  reg_credential_names[] = {
    "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
    "expiration"
};

static const char *const  reg_credential_members[] = {
    "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"
};


reg_rc_t
reg_credential_parse(reg_credential_t *credential, reg_str_t text,
    reg_error_t *error)
{
    size_t     i;
    reg_rc_t   rc;
    reg_str_t  values[REG_CREDENTIAL_VALUES];

    memset(values, 0, sizeof(values));

    rc = (text.len && text.data[0] == '{')
         ? reg_credential_parse_json(values, text, error)
         : reg_credential_parse_lines(values, text, error);

    if (rc != REG_OK) {
        return rc;
    }

    for (i = 0; i < REG_CREDENTIAL_VALUES; i++) {

        if (values[i].len == 0 && i <= REG_CREDENTIAL_SECRET) {
            reg_error_set(error, "it has no \"%s\"", reg_credential_names[i]);
            return REG_INVALID;
        }

        if (!reg_credential_printable(values[i])) {
            reg_error_set(error, "its \"%s\" holds a space or a control "
                          "character", reg_credential_names[i]);
            return REG_INVALID;
        }
    }

    credential->id = values[REG_CREDENTIAL_ID];
    credential->secret = values[REG_CREDENTIAL_SECRET];
    credential->token = values[REG_CREDENTIAL_TOKEN];
    credential->expires = INT64_MAX;

    if (values[REG_CREDENTIAL_EXPIRATION].len
        && reg_time_parse(&credential->expires,
                          values[REG_CREDENTIAL_EXPIRATION], NULL)
           != REG_OK)
    {
        reg_error_set(error, "its \"expiration\" is no time of RFC 3339, such "
                      "as 2026-01-31T23:59:59Z");
        return REG_INVALID;
    }

    return REG_OK;
}


/* Other names are for other programs. */

static reg_rc_t
reg_credential_parse_lines(reg_str_t *values, reg_str_t text,
    reg_error_t *error)
{
    size_t          i;
    reg_str_t       line, name, value;
    unsigned char  *p;

    while (text.len) {

        line = reg_credential_trim(reg_credential_line(&text));

        if (line.len == 0 || strchr("#;[", line.data[0])) {
            continue;
        }

        p = memchr(line.data, '=', line.len);

        if (p == NULL) {
            reg_error_set(error, "a line is not \"name = value\"");
            return REG_INVALID;
        }

        name = (reg_str_t) { (size_t) (p - line.data), line.data };
        name = reg_credential_trim(name);

        value = (reg_str_t) { line.len - (size_t) (p + 1 - line.data), p + 1 };
        value = reg_credential_trim(value);

        for (i = 0; i < REG_CREDENTIAL_VALUES; i++) {

            if (!reg_str_eq(name, reg_str(reg_credential_names[i]))) {
                continue;
            }

            if (values[i].len) {
                reg_error_set(error, "it has \"%s\" twice",
                              reg_credential_names[i]);
                return REG_INVALID;
            }

            values[i] = value;
        }
    }

    return REG_OK;
}


/* The values are written over the text that they come from. */

static reg_rc_t
reg_credential_parse_json(reg_str_t *values, reg_str_t text,
    reg_error_t *error)
{
    size_t   i, len;
    json_t  *root, *member;

    root = json_loadb((char *) text.data, text.len, JSON_REJECT_DUPLICATES,
                      NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        reg_error_set(error, "it is no JSON object");
        return REG_INVALID;
    }

    for (i = 0; i < REG_CREDENTIAL_VALUES; i++) {

        member = json_object_get(root, reg_credential_members[i]);

        if (member == NULL && i == REG_CREDENTIAL_TOKEN) {
            member = json_object_get(root, "Token");
        }

        /* no value is longer than its JSON, so they all have room */

        len = json_string_length(member);

        if (len == 0) {
            continue;
        }

        memcpy(text.data, json_string_value(member), len);
        values[i] = (reg_str_t) { len, text.data };

        text.data += len;
        text.len -= len;
    }

    json_decref(root);

    return REG_OK;
}


static reg_str_t
reg_credential_line(reg_str_t *rest)
{
    size_t          n;
    reg_str_t       line;
    unsigned char  *p;

    p = memchr(rest->data, '\n', rest->len);
    n = p ? (size_t) (p - rest->data) : rest->len;

    line = (reg_str_t) { n, rest->data };

    n += (p != NULL);
    rest->data += n;
    rest->len -= n;

    return line;
}


static reg_str_t
reg_credential_trim(reg_str_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'
                     || s.data[s.len - 1] == '\r'))
    {
        s.len--;
    }

    return s;
}


static int
reg_credential_printable(reg_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= 0x20 || s.data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}
