/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stdio.h>

#include "reg_core.h"


void
reg_error_set(reg_error_t *error, const char *fmt, ...)
{
    char     *p;
    va_list   args;

    if (error == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(error->text, REG_ERROR_MAX, fmt, args);
    va_end(args);

    for (p = error->text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }
}


reg_str_t
reg_str_cut(reg_str_t *text, int c)
{
    reg_str_t       part;
    unsigned char  *p;

    part = *text;
    p = text->len ? memchr(text->data, c, text->len) : NULL;

    if (p == NULL) {
        *text = REG_STR_NULL;
        return part;
    }

    part.len = (size_t) (p - text->data);
    text->data = p + 1;
    text->len -= part.len + 1;

    return part;
}


int
reg_str_number(uint64_t *n, reg_str_t text)
{
    size_t    i;
    uint64_t  number;

    *n = 0;

    if (text.len == 0 || text.len > 18) {
        return 0;
    }

    for (i = 0, number = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        number = number * 10 + (uint64_t) (text.data[i] - '0');
    }

    *n = number;

    return 1;
}
