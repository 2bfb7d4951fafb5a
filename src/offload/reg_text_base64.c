/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_url.h"

static int reg_base64_value(unsigned char c);


void
reg_text_base64(reg_text_t *text, reg_str_t s, unsigned flags)
{
    size_t       i, j, n;
    uint32_t     group;
    const char  *alphabet;

    static const char  standard[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char  url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    alphabet = (flags & REG_BASE64_URL) ? url : standard;

    for (i = 0; i < s.len; i += 3) {

        n = s.len - i < 3 ? s.len - i : 3;
        group = 0;

        for (j = 0; j < 3; j++) {
            group = group << 8 | (j < n ? s.data[i + j] : 0);
        }

        for (j = 0; j < 4; j++) {

            if (j <= n) {
                reg_text_byte(text, (unsigned char)
                                    alphabet[group >> (18 - 6 * j) & 63]);

            } else if (!(flags & REG_BASE64_NO_PAD)) {
                reg_text_byte(text, '=');
            }
        }
    }
}


reg_rc_t
reg_base64_decode(unsigned char *out, size_t *len, reg_str_t text)
{
    int       value;
    size_t    i, n;
    uint32_t  group;

    if (text.len % 4 == 0) {
        for (i = 0; i < 2 && text.len && text.data[text.len - 1] == '='; i++) {
            text.len--;
        }
    }

    if (text.len % 4 == 1) {
        return REG_INVALID;
    }

    n = 0;
    group = 0;

    for (i = 0; i < text.len; i++) {

        value = reg_base64_value(text.data[i]);

        if (value == -1) {
            return REG_INVALID;
        }

        group = group << 6 | (uint32_t) value;

        if (i % 4) {
            out[n++] = (unsigned char) (group >> (6 - i % 4 * 2));
        }
    }

    *len = n;

    return REG_OK;
}


static int
reg_base64_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '+' || c == '-') ? 62 : (c == '/' || c == '_') ? 63 : -1;
}
