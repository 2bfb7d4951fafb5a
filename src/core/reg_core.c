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
