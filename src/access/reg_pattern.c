/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "reg_pattern.h"
#include "reg_glob.h"
#include "reg_name.h"

#define REG_PATTERN_TENANT_LEN  (sizeof(REG_PATTERN_TENANT) - 1)

/* stands for the tenant where a text is only checked */

#define REG_PATTERN_ANY_TENANT  REG_STR("tenant")

/*
 * Names are ASCII.  UTF and Unicode properties would only add work, and \C
 * could stop within a character.  '$' is the end and nothing else.
 */

#define REG_PATTERN_OPTIONS                                                   \
    (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C              \
     | PCRE2_DOLLAR_ENDONLY)

typedef enum {
    REG_PATTERN_NEVER = 0,          /* {tenant} without a tenant */
    REG_PATTERN_LITERAL,            /* no wildcard: all of the tokens */
    REG_PATTERN_PREFIX,             /* the only wildcard is a final '**' */
    REG_PATTERN_GLOB,
    REG_PATTERN_EXPRESSION
} reg_pattern_kind_t;

/*
 * All numbers of a glob fit a byte, and a worker keeps thousands of patterns.
 * An expression begins alike.
 */

struct reg_pattern_s {
    unsigned char         kind;
    unsigned char         literal;  /* tokens before the first wildcard */
    unsigned char         ntokens;
    unsigned char         tokens[];
};

typedef struct {
    unsigned char         kind;
    unsigned char         none[2];  /* no literal beginning, no tokens */
    pcre2_code           *code;
    pcre2_match_context  *limits;
} reg_expression_t;

_Static_assert(REG_PATTERN_MAX <= UCHAR_MAX, "a glob has a byte for numbers");


static reg_rc_t reg_pattern_compile_glob(reg_pattern_t **pattern,
    reg_str_t text, reg_str_t tenant, reg_error_t *error);
static reg_rc_t reg_pattern_compile_expression(reg_pattern_t **pattern,
    reg_str_t text, reg_str_t tenant, reg_error_t *error);
static reg_rc_t reg_pattern_fill_in(unsigned char *buf, size_t *len,
    unsigned *filled, reg_str_t text, reg_str_t tenant, reg_error_t *error);
static size_t reg_pattern_quote(unsigned char *dst, reg_str_t name);
static reg_rc_t reg_pattern_code(reg_expression_t *e, reg_str_t expression,
    reg_error_t *error);
static int reg_pattern_match_expression(const reg_expression_t *e,
    reg_str_t name);
static void *reg_pattern_malloc(size_t size, void *data);
static void reg_pattern_mfree(void *p, void *data);


reg_rc_t
reg_pattern_compile(reg_pattern_t **pattern, reg_str_t text, reg_str_t tenant,
    reg_error_t *error)
{
    if (text.len == 0) {
        reg_error_set(error, "the pattern is empty; '**' matches every name");
        return REG_INVALID;
    }

    if (text.len > REG_PATTERN_MAX) {
        reg_error_set(error, "the pattern is longer than %d bytes",
                      REG_PATTERN_MAX);
        return REG_INVALID;
    }

    if (tenant.len != 0 && reg_label_check(tenant) != REG_OK) {
        reg_error_set(error, "\"%.*s\" is no name of a tenant",
                      REG_FMT(tenant));
        return REG_INVALID;
    }

    if (text.data[0] == '~') {
        text.len--;
        text.data++;

        return reg_pattern_compile_expression(pattern, text, tenant, error);
    }

    return reg_pattern_compile_glob(pattern, text, tenant, error);
}


int
reg_pattern_match(const reg_pattern_t *pattern, reg_str_t name)
{
    reg_str_t  rest;

    if (pattern->kind == REG_PATTERN_NEVER) {
        return 0;
    }

    if (name.len == 0) {

        /* an empty slice may be NULL, which takes no offset */

        name = REG_STR("");
    }

    if (pattern->kind == REG_PATTERN_EXPRESSION) {
        return reg_pattern_match_expression((const reg_expression_t *) pattern,
                                            name);
    }

    /* the literal beginning refuses most names at once */

    if (name.len < pattern->literal
        || (pattern->literal
            && memcmp(name.data, pattern->tokens, pattern->literal) != 0))
    {
        return 0;
    }

    if (pattern->kind == REG_PATTERN_PREFIX) {
        return 1;
    }

    rest.len = name.len - pattern->literal;

    if (pattern->kind == REG_PATTERN_LITERAL) {
        return rest.len == 0;
    }

    rest.data = name.data + pattern->literal;

    return reg_glob_match(pattern->tokens + pattern->literal,
                          pattern->ntokens - pattern->literal, rest);
}


size_t
reg_pattern_size(const reg_pattern_t *pattern)
{
    if (pattern->kind == REG_PATTERN_EXPRESSION) {
        return sizeof(reg_expression_t);
    }

    return offsetof(reg_pattern_t, tokens) + pattern->ntokens;
}


void
reg_pattern_move(void *to, reg_pattern_t *pattern)
{
    memcpy(to, pattern, reg_pattern_size(pattern));

    free(pattern);
}


void
reg_pattern_clear(reg_pattern_t *pattern)
{
    reg_expression_t  *e;

    if (pattern->kind == REG_PATTERN_EXPRESSION) {
        e = (reg_expression_t *) pattern;

        /* both take NULL */

        pcre2_match_context_free(e->limits);
        pcre2_code_free(e->code);
    }
}


void
reg_pattern_free(reg_pattern_t *pattern)
{
    if (pattern != NULL) {
        reg_pattern_clear(pattern);
        free(pattern);
    }
}


static reg_rc_t
reg_pattern_compile_glob(reg_pattern_t **pattern, reg_str_t text,
    reg_str_t tenant, reg_error_t *error)
{
    reg_rc_t        rc;
    reg_glob_t      glob;
    reg_pattern_t  *p;

    rc = reg_glob_compile(&glob, text, tenant, error);

    if (rc != REG_OK) {
        return rc;
    }

    p = calloc(1, offsetof(reg_pattern_t, tokens) + glob.n);

    if (p == NULL) {
        return REG_NOMEM;
    }

    p->literal = (unsigned char) glob.literal;
    p->ntokens = (unsigned char) glob.n;

    if (glob.n) {
        memcpy(p->tokens, glob.tokens, glob.n);
    }

    if (glob.tenant && tenant.len == 0) {
        p->kind = REG_PATTERN_NEVER;

    } else if (p->literal == p->ntokens) {
        p->kind = REG_PATTERN_LITERAL;

    } else if (p->literal + 1 == p->ntokens
               && p->tokens[p->literal] == REG_GLOB_RUNS)
    {
        p->kind = REG_PATTERN_PREFIX;

    } else {
        p->kind = REG_PATTERN_GLOB;
    }

    *pattern = p;

    return REG_OK;
}


static reg_rc_t
reg_pattern_compile_expression(reg_pattern_t **pattern, reg_str_t text,
    reg_str_t tenant, reg_error_t *error)
{
    reg_rc_t           rc;
    unsigned           filled;
    reg_str_t          expression;
    unsigned char      buf[REG_PATTERN_EXPRESSION_MAX];
    reg_expression_t  *e;

    if (text.len == 0) {
        reg_error_set(error, "no expression after '~'");
        return REG_INVALID;
    }

    rc = reg_pattern_fill_in(buf, &expression.len, &filled, text, tenant,
                             error);

    if (rc != REG_OK) {
        return rc;
    }

    expression.data = buf;

    e = calloc(1, sizeof(reg_expression_t));

    if (e == NULL) {
        return REG_NOMEM;
    }

    e->kind = REG_PATTERN_EXPRESSION;

    rc = reg_pattern_code(e, expression, error);

    if (rc != REG_OK || (filled && tenant.len == 0)) {

        /* a pattern that never matches has no code */

        reg_pattern_clear((reg_pattern_t *) e);
        e->kind = REG_PATTERN_NEVER;
    }

    if (rc != REG_OK) {
        free(e);
        return rc;
    }

    *pattern = (reg_pattern_t *) e;

    return REG_OK;
}


static reg_rc_t
reg_pattern_fill_in(unsigned char *buf, size_t *len, unsigned *filled,
    reg_str_t text, reg_str_t tenant, reg_error_t *error)
{
    size_t         i, n, part;
    reg_str_t      rest;
    unsigned char  quoted[2 * REG_PATTERN_EXPRESSION_MAX];

    if (tenant.len == 0) {
        tenant = REG_PATTERN_ANY_TENANT;
    }

    n = 0;
    *filled = 0;

    for (i = 0; i < text.len; i += part) {
        rest.len = text.len - i;
        rest.data = text.data + i;

        if (rest.data[0] < 0x20 || rest.data[0] > 0x7e) {

            /* the position counts the '~' */

            reg_error_set(error, "byte 0x%02x at byte %zu of the pattern; an "
                          "expression is printable ASCII", rest.data[0],
                          i + 2);
            return REG_INVALID;
        }

        if (reg_str_starts(rest, REG_STR(REG_PATTERN_TENANT))) {
            *filled = 1;
            part = REG_PATTERN_TENANT_LEN;
            rest.len = reg_pattern_quote(quoted, tenant);
            rest.data = quoted;

        } else {
            part = 1;
            rest.len = 1;
        }

        if (rest.len > REG_PATTERN_EXPRESSION_MAX - n) {
            reg_error_set(error, "the expression is longer than %d bytes with "
                          "%s filled in", REG_PATTERN_EXPRESSION_MAX,
                          REG_PATTERN_TENANT);
            return REG_INVALID;
        }

        memcpy(buf + n, rest.data, rest.len);
        n += rest.len;
    }

    *len = n;

    return REG_OK;
}


/*
 * The name is a group, so that what follows {tenant} repeats all of it.  It
 * has passed reg_label_check(), which makes it short enough for any buffer
 * of REG_PATTERN_EXPRESSION_MAX.
 */

static size_t
reg_pattern_quote(unsigned char *dst, reg_str_t name)
{
    size_t          i;
    unsigned char   c, *p;

    p = dst;

    *p++ = '(';
    *p++ = '?';
    *p++ = ':';

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        /* before a letter or a digit, '\' would give it a meaning */

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z'))
        {
            *p++ = '\\';
        }

        *p++ = c;
    }

    *p++ = ')';

    return (size_t) (p - dst);
}


/*
 * Callouts stay without effect: no callout function is ever set.  The match
 * is interpreted and never compiled by JIT, which knows neither the depth
 * nor the heap limit and counts its match limit in another unit.
 */

static reg_rc_t
reg_pattern_code(reg_expression_t *e, reg_str_t expression,
    reg_error_t *error)
{
    int                     number;
    size_t                  at;
    unsigned char           message[128];
    pcre2_compile_context  *compile;
    pcre2_general_context  *general;

    compile = NULL;
    number = PCRE2_ERROR_HEAP_FAILED;

    general = pcre2_general_context_create(reg_pattern_malloc,
                                           reg_pattern_mfree, NULL);
    if (general == NULL) {
        return REG_NOMEM;
    }

    compile = pcre2_compile_context_create(general);
    e->limits = pcre2_match_context_create(general);

    if (compile != NULL && e->limits != NULL) {

        pcre2_set_max_pattern_length(compile, REG_PATTERN_EXPRESSION_MAX);
        pcre2_set_parens_nest_limit(compile, REG_PATTERN_NEST_LIMIT);

        pcre2_set_match_limit(e->limits, REG_PATTERN_MATCH_LIMIT);
        pcre2_set_depth_limit(e->limits, REG_PATTERN_DEPTH_LIMIT);
        pcre2_set_heap_limit(e->limits, REG_PATTERN_HEAP_LIMIT);

        e->code = pcre2_compile(expression.data, expression.len,
                                REG_PATTERN_OPTIONS, &number, &at, compile);
    }

    pcre2_compile_context_free(compile);
    pcre2_general_context_free(general);

    if (e->code != NULL) {
        return REG_OK;
    }

    if (number == PCRE2_ERROR_HEAP_FAILED) {
        return REG_NOMEM;
    }

    pcre2_get_error_message(number, message, sizeof(message));

    reg_error_set(error, "at byte %zu of the expression: %s", at,
                  (char *) message);

    return REG_INVALID;
}


/*
 * The match data is made for each match: kept in the pattern, PCRE2 would
 * leave in it the 20 KiB and more of frames of the first match, for every
 * scope in the cache of a worker.
 */

static int
reg_pattern_match_expression(const reg_expression_t *e, reg_str_t name)
{
    int                rc;
    pcre2_match_data  *data;

    data = pcre2_match_data_create_from_pattern(e->code, NULL);

    if (data == NULL) {
        return 0;
    }

    rc = pcre2_match(e->code, name.data, name.len, 0, 0, data, e->limits);

    pcre2_match_data_free(data);

    return rc >= 0;
}


static void *
reg_pattern_malloc(size_t size, void *data)
{
    (void) data;

    return malloc(size);
}


static void
reg_pattern_mfree(void *p, void *data)
{
    (void) data;

    free(p);
}
