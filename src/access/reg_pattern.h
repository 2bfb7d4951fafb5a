/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_PATTERN_H
#define REG_PATTERN_H

/*
 * Patterns of names:
 *
 *     acme/app     itself
 *     acme-*       '*' is any run of bytes without '/', the empty one included
 *     acme-**      '**' is any run of bytes, '/' included
 *     ~^acme/v\d   a PCRE2 expression, anchored by its author
 *     {tenant}     the tenant's name, literally, in either kind
 *
 * The literal bytes of the first three are [A-Za-z0-9._/:@-]; an expression
 * is printable ASCII.  What holds {tenant} matches nothing while there is no
 * tenant: "{tenant}**" must not turn into "**".
 */

#include "reg_core.h"

#define REG_PATTERN_MAX        255      /* bytes of the text of a pattern */
#define REG_PATTERN_WILDCARDS  16       /* '*' and '**' in one pattern */
#define REG_PATTERN_TENANT     "{tenant}"

/*
 * An expression with each {tenant} filled in and quoted, and its groups in
 * groups: what anybody writes on purpose, and soon compiled.
 */

#define REG_PATTERN_EXPRESSION_MAX  1024
#define REG_PATTERN_NEST_LIMIT      32

/*
 * What one match of an expression may cost, so that a careless pattern in a
 * record is a denied request and not a stopped worker.  "(a|b)*" goes two
 * deeper for each byte, which a name of 255 bytes must be able to do.
 */

#define REG_PATTERN_MATCH_LIMIT  20000
#define REG_PATTERN_DEPTH_LIMIT  1000
#define REG_PATTERN_HEAP_LIMIT   1024   /* KiB */

typedef struct reg_pattern_s  reg_pattern_t;


/*
 * Compiles borrowed text; nothing of text or tenant is kept.  tenant is put
 * in place of each {tenant}, quoted in an expression; empty, the text is
 * checked all the same.
 *
 * REG_OK        *pattern is set, the caller frees it
 * REG_INVALID   text is no pattern, or tenant no name (reg_label_check);
 *               *error says why and where
 * REG_NOMEM     nothing was allocated that the caller has to free
 */

reg_rc_t reg_pattern_compile(reg_pattern_t **pattern, reg_str_t text,
    reg_str_t tenant, reg_error_t *error);


/*
 * 1 if name matches as a whole (an expression: somewhere), else 0.  An
 * expression that meets a limit or runs out of memory does not match.  The
 * pattern is only read, so it may be shared.
 */

int reg_pattern_match(const reg_pattern_t *pattern, reg_str_t name);

void reg_pattern_free(reg_pattern_t *pattern);


/*
 * Moves a pattern to reg_pattern_size() bytes of the caller's, aligned for a
 * pointer.  There it needs no reg_pattern_free(), but reg_pattern_clear()
 * before those bytes are freed.
 */

size_t reg_pattern_size(const reg_pattern_t *pattern);

void reg_pattern_move(void *to, reg_pattern_t *pattern);

void reg_pattern_clear(reg_pattern_t *pattern);

#endif /* REG_PATTERN_H */
