/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>

#include "cli.h"


#define CLI_ERROR_MAX  1024


static void cli_print_sentence(const char *fmt, va_list args)
    __attribute__((format(printf, 1, 0)));


cli_rc_t
cli_fail(cli_rc_t rc, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    cli_print_sentence(fmt, args);
    va_end(args);

    return rc;
}


void
cli_note(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    cli_print_sentence(fmt, args);
    va_end(args);
}


cli_rc_t
cli_nomem(void)
{
    return cli_fail(CLI_STORE, "memory ran out");
}


/*
 * Text may come from a file or an argument that somebody else made up, and a
 * terminal obeys the controls of ASCII as well as those at U+0080 to U+009F.
 */

void
cli_print_text(FILE *file, const char *text)
{
    const unsigned char  *p;

    for (p = (const unsigned char *) text; *p; p++) {

        if (*p < 0x20 || *p == 0x7f) {
            (void) putc('?', file);

        } else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
            (void) putc('?', file);
            p++;

        } else {
            (void) putc(*p, file);
        }
    }
}


static void
cli_print_sentence(const char *fmt, va_list args)
{
    char  text[CLI_ERROR_MAX];

    (void) vsnprintf(text, sizeof(text), fmt, args);

    (void) fputs(CLI_NAME ": ", stderr);
    cli_print_text(stderr, text);
    (void) putc('\n', stderr);
}
