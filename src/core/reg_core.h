/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_CORE_H
#define REG_CORE_H

/*
 * What every part of the core shares: borrowed text, return codes and error
 * sentences.  The core is plain C11.  It includes no nginx header, does no
 * I/O, takes the time as a parameter and writes into what the caller owns.
 */

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>


/*
 * Borrowed text: len bytes at data, not terminated, owned by somebody else.
 * Laid out like ngx_str_t, so the glue converts by copying two words.
 */

typedef struct {
    size_t          len;
    unsigned char  *data;
} reg_str_t;

#define REG_STR(literal)                                                      \
    ((reg_str_t) { sizeof(literal) - 1, (unsigned char *) (literal) })

#define REG_STR_NULL  ((reg_str_t) { 0, NULL })


typedef enum {
    REG_OK = 0,
    REG_INVALID,      /* the input breaks its grammar or a rule */
    REG_NOTFOUND,     /* well formed, but there is no such thing */
    REG_NEWER,        /* of a later version than this code understands */
    REG_NOMEM,        /* memory ran out; nothing was kept */
    REG_ERROR         /* the system or a library failed */
} reg_rc_t;


/*
 * A sentence for a person, without a final newline.  Long input is cut; the
 * bytes of input that are not printable ASCII appear as '?'.
 */

#define REG_ERROR_MAX  256

typedef struct {
    char  text[REG_ERROR_MAX];
} reg_error_t;


/* Formats into error->text as printf does; error may be NULL. */

void reg_error_set(reg_error_t *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/* Arguments for the conversion "%.*s"; a negative precision would be none. */

#define REG_FMT(s)                                                            \
    (int) ((s).len < INT_MAX ? (s).len : INT_MAX), (const char *) (s).data


static inline reg_str_t
reg_str(const char *text)
{
    return (reg_str_t) { strlen(text), (unsigned char *) text };
}


static inline int
reg_str_eq(reg_str_t a, reg_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline int
reg_str_starts(reg_str_t s, reg_str_t prefix)
{
    return s.len >= prefix.len
           && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}


/*
 * What is before c; the rest behind it is left in *text, whose data is NULL
 * where there was no c.
 */

reg_str_t reg_str_cut(reg_str_t *text, int c);


/*
 * Reads a number of up to 18 digits.  1, or 0 with *n set to 0 where the text
 * is anything else.
 */

int reg_str_number(uint64_t *n, reg_str_t text);


#endif /* REG_CORE_H */
