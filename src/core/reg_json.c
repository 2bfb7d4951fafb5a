/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_json.h"


static size_t reg_json_text_bytes(reg_str_t text);
static size_t reg_json_escape(const unsigned char **p,
    const unsigned char *last);
static size_t reg_json_value_bytes(json_t *json);


reg_rc_t
reg_json_load(json_t **json, reg_str_t text, reg_error_t *error)
{
    json_error_t  je;

    /* jansson passes over one behind a number */

    if (text.len && memchr(text.data, '\0', text.len)) {
        reg_error_set(error, "there is a NUL byte in the record");
        return REG_INVALID;
    }

    /* jansson does not set all of it where it fails early */

    memset(&je, 0, sizeof(json_error_t));

    *json = json_loadb((const char *) text.data, text.len,
                       JSON_REJECT_DUPLICATES, &je);

    if (*json == NULL) {

        /* where memory runs out jansson often says nothing, or blames a byte */

        if (json_error_code(&je) == json_error_out_of_memory
            || je.text[0] == '\0')
        {
            return REG_NOMEM;
        }

        /* the caller knows in which line the record begins */

        if (je.line == 1) {
            reg_error_set(error, "column %d: %s", je.column, je.text);

        } else {
            reg_error_set(error, "line %d of the record, column %d: %s",
                          je.line, je.column, je.text);
        }

        return REG_INVALID;
    }

    /*
     * The lexer of jansson does not look whether its buffer could grow: where
     * memory runs out a string lacks a byte, and a scope might mean more.
     */

    if (reg_json_text_bytes(text) != reg_json_value_bytes(*json)) {
        json_decref(*json);
        return REG_NOMEM;
    }

    return REG_OK;
}


/* How many bytes the strings of valid JSON have once they are decoded. */

static size_t
reg_json_text_bytes(reg_str_t text)
{
    size_t                n;
    const unsigned char  *p, *last;

    n = 0;
    last = text.data + text.len;

    for (p = text.data; p < last; p++) {

        if (*p != '"') {
            continue;
        }

        for (p++; p < last && *p != '"'; p++) {
            n += (*p == '\\') ? reg_json_escape(&p, last) : 1;
        }
    }

    return n;
}


/* The same for an escape, to whose last byte *p is moved. */

static size_t
reg_json_escape(const unsigned char **p, const unsigned char *last)
{
    unsigned  i, c, code;

    if (last - *p < 2 || *++*p != 'u') {
        return 1;
    }

    code = 0;

    for (i = 0; i < 4 && last - *p > 1; i++) {
        c = *++*p;
        code = code * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }

    /* both halves of a pair make one character of four bytes */

    return code < 0x80 ? 1
           : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
}


static size_t
reg_json_value_bytes(json_t *json)
{
    size_t       i, n;
    json_t      *value;
    const char  *name;

    n = json_string_length(json);

    json_object_foreach(json, name, value) {
        n += strlen(name) + reg_json_value_bytes(value);
    }

    json_array_foreach(json, i, value) {
        n += reg_json_value_bytes(value);
    }

    return n;
}
