/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef GRAMMAR_H
#define GRAMMAR_H

/*
 * The grammars as the specifications write them, and PCRE2 to match them.
 * \A and \z, because "$" would let a final newline pass.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "reg_core.h"
#include "random.h"

#define GRAMMAR_COMPONENT  "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"
#define GRAMMAR_NAME                                                          \
    "(?=.{1,255}\\z)" GRAMMAR_COMPONENT "(?:/" GRAMMAR_COMPONENT ")*"
#define GRAMMAR_TAG        "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
#define GRAMMAR_DIGEST     "(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"
#define GRAMMAR_RAW_DIGEST                                                    \
    "(?:sha256(?::|%3[Aa])[a-f0-9]{64}|sha512(?::|%3[Aa])[a-f0-9]{128})"
#define GRAMMAR_ROOM       64       /* bytes */

#define GRAMMAR_LABEL      "[a-z0-9][a-z0-9._-]{0,62}"

typedef struct {
    pcre2_code        *code;
    pcre2_match_data  *data;
} grammar_t;


static inline grammar_t
grammar_compile(const char *expression)
{
    int         error;
    grammar_t   grammar;
    PCRE2_SIZE  offset;

    grammar.code = pcre2_compile((PCRE2_SPTR) expression, PCRE2_ZERO_TERMINATED,
                                 PCRE2_DOTALL, &error, &offset, NULL);

    if (grammar.code == NULL) {
        (void) fprintf(stderr, "error %d at %zu in %s\n", error, offset,
                       expression);
        abort();
    }

    /* compiled, it reads whole vectors, which valgrind does not forgive */

    if (!under_valgrind()) {
        (void) pcre2_jit_compile(grammar.code, PCRE2_JIT_COMPLETE);
    }

    grammar.data = pcre2_match_data_create_from_pattern(grammar.code, NULL);

    if (grammar.data == NULL) {
        abort();
    }

    return grammar;
}


/*
 * Matches a copy that has room on both sides: compiled expressions read whole
 * vectors, and valgrind would blame them for the bytes around the text.
 */

static inline int
grammar_match(const grammar_t *grammar, reg_str_t text)
{
    int             rc;
    unsigned char  *copy;

    copy = calloc(1, GRAMMAR_ROOM + text.len + GRAMMAR_ROOM);

    if (copy == NULL) {
        abort();
    }

    if (text.len) {
        memcpy(copy + GRAMMAR_ROOM, text.data, text.len);
    }

    rc = pcre2_match(grammar->code, copy + GRAMMAR_ROOM, text.len, 0, 0,
                     grammar->data, NULL);

    free(copy);

    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        (void) fprintf(stderr, "pcre2_match() is %d\n", rc);
        abort();
    }

    return rc > 0;
}


/* What a named group of the last match took; len 0 if it took no part. */

static inline reg_str_t
grammar_group(const grammar_t *grammar, reg_str_t text, const char *name)
{
    int          n;
    reg_str_t    group;
    PCRE2_SIZE  *offsets;

    n = pcre2_substring_number_from_name(grammar->code, (PCRE2_SPTR) name);
    group = REG_STR_NULL;

    if (n < 0) {
        return group;
    }

    offsets = pcre2_get_ovector_pointer(grammar->data);

    if (offsets[2 * n] != PCRE2_UNSET) {
        group.data = text.data + offsets[2 * n];
        group.len = offsets[2 * n + 1] - offsets[2 * n];
    }

    return group;
}


static inline void
grammar_free(grammar_t *grammar)
{
    pcre2_match_data_free(grammar->data);
    pcre2_code_free(grammar->code);
}

#endif /* GRAMMAR_H */
