/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_form.h"


static reg_rc_t reg_form_decode(reg_str_t *text);
static int reg_form_hex(unsigned char c);


reg_rc_t
reg_form_next(reg_str_t *text, reg_str_t *name, reg_str_t *value)
{
    reg_str_t       pair;
    unsigned char  *end;

    do {
        if (text->len == 0) {
            return REG_NOTFOUND;
        }

        pair = *text;
        end = memchr(text->data, '&', text->len);

        if (end) {
            pair.len = (size_t) (end - text->data);
            text->len -= pair.len + 1;
            text->data = end + 1;

        } else {
            text->len = 0;
        }

    } while (pair.len == 0);

    *name = pair;
    *value = REG_STR_NULL;

    end = memchr(pair.data, '=', pair.len);

    if (end) {
        name->len = (size_t) (end - pair.data);
        value->data = end + 1;
        value->len = pair.len - name->len - 1;
    }

    if (reg_form_decode(name) != REG_OK || reg_form_decode(value) != REG_OK) {
        return REG_INVALID;
    }

    return REG_OK;
}


static reg_rc_t
reg_form_decode(reg_str_t *text)
{
    int             high, low;
    size_t          i, n;
    unsigned char   c;

    n = 0;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c == '+') {
            c = ' ';

        } else if (c == '%') {

            if (text->len - i < 3) {
                return REG_INVALID;
            }

            high = reg_form_hex(text->data[i + 1]);
            low = reg_form_hex(text->data[i + 2]);

            if (high < 0 || low < 0) {
                return REG_INVALID;
            }

            c = (unsigned char) (high << 4 | low);
            i += 2;
        }

        if (c < 0x20 || c == 0x7f) {
            return REG_INVALID;
        }

        text->data[n++] = c;
    }

    text->len = n;

    return REG_OK;
}


static int
reg_form_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
