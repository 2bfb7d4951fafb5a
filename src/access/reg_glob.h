/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_GLOB_H
#define REG_GLOB_H

/*
 * Globs, the plain kind of pattern (reg_pattern.h), as a row of tokens: a
 * token is a literal byte or one of the two wildcards.  Literal bytes are
 * [A-Za-z0-9._/:@-], so the wildcards have values of their own.
 */

#include "reg_core.h"
#include "reg_pattern.h"

#define REG_GLOB_RUN   0x01         /* '*': any run of bytes without '/' */
#define REG_GLOB_RUNS  0x02         /* '**': any run of bytes */
#define REG_GLOB_PART  0x03         /* of reg_issuer.c: no '/' and no ':' */

typedef struct {
    size_t         n;
    size_t         literal;         /* tokens before the first wildcard */
    size_t         wildcards;
    unsigned       tenant:1;        /* {tenant} was in the text */
    unsigned char  tokens[REG_PATTERN_MAX];
} reg_glob_t;


/* 1 if a glob may hold the byte literally, else 0. */

int reg_glob_literal(unsigned char c);


/*
 * Compiles borrowed text; nothing of text or tenant is kept.  tenant is empty
 * or passes reg_label_check().
 *
 * REG_OK        *glob is set
 * REG_INVALID   text is no glob, or longer than REG_PATTERN_MAX with the
 *               tenant filled in; *error says why and where
 */

reg_rc_t reg_glob_compile(reg_glob_t *glob, reg_str_t text, reg_str_t tenant,
    reg_error_t *error);


/*
 * 1 if name matches n tokens as a whole, else 0.  n is at most
 * REG_PATTERN_MAX.  Visits at most name.len * (n + 1) states, whatever the
 * tokens are, and allocates nothing.
 */

int reg_glob_match(const unsigned char *tokens, size_t n, reg_str_t name);

#endif /* REG_GLOB_H */
