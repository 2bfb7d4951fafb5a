/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_glob.h"


static reg_rc_t reg_glob_wildcard(reg_glob_t *glob, reg_str_t text, size_t *pos,
    reg_error_t *error);
static reg_rc_t reg_glob_append(reg_glob_t *glob, const unsigned char *data,
    size_t len, reg_error_t *error);
static reg_rc_t reg_glob_unexpected(unsigned char c, size_t pos,
    reg_error_t *error);
static size_t reg_glob_reach(unsigned char *reached,
    const unsigned char *tokens, size_t n, size_t state);


int
reg_glob_literal(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
           || (c >= 'A' && c <= 'Z') || c == '/' || c == '-' || c == '.'
           || c == '_' || c == ':' || c == '@';
}


reg_rc_t
reg_glob_compile(reg_glob_t *glob, reg_str_t text, reg_str_t tenant,
    reg_error_t *error)
{
    size_t     i;
    reg_rc_t   rc;
    reg_str_t  rest;

    memset(glob, 0, sizeof(reg_glob_t));

    i = 0;

    while (i < text.len) {
        rest.len = text.len - i;
        rest.data = text.data + i;

        if (rest.data[0] == '*') {
            rc = reg_glob_wildcard(glob, text, &i, error);

        } else if (reg_str_starts(rest, REG_STR(REG_PATTERN_TENANT))) {
            glob->tenant = 1;
            i += sizeof(REG_PATTERN_TENANT) - 1;

            rc = reg_glob_append(glob, tenant.data, tenant.len, error);

        } else if (reg_glob_literal(rest.data[0])) {
            i++;

            rc = reg_glob_append(glob, rest.data, 1, error);

        } else {
            rc = reg_glob_unexpected(rest.data[0], i + 1, error);
        }

        if (rc != REG_OK) {
            return rc;
        }

        if (glob->wildcards == 0) {
            glob->literal = glob->n;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_glob_wildcard(reg_glob_t *glob, reg_str_t text, size_t *pos,
    reg_error_t *error)
{
    size_t         i, run;
    unsigned char  token;

    i = *pos;
    run = 1;

    while (i + run < text.len && text.data[i + run] == '*') {
        run++;
    }

    if (run > 2) {
        reg_error_set(error, "%zu '*' in a row at byte %zu of the pattern; "
                      "use '*' for one component or '**' for any depth",
                      run, i + 1);
        return REG_INVALID;
    }

    if (++glob->wildcards > REG_PATTERN_WILDCARDS) {
        reg_error_set(error, "more than %d wildcards in the pattern",
                      REG_PATTERN_WILDCARDS);
        return REG_INVALID;
    }

    *pos = i + run;
    token = (run == 1) ? REG_GLOB_RUN : REG_GLOB_RUNS;

    return reg_glob_append(glob, &token, 1, error);
}


static reg_rc_t
reg_glob_append(reg_glob_t *glob, const unsigned char *data, size_t len,
    reg_error_t *error)
{
    if (len > sizeof(glob->tokens) - glob->n) {
        reg_error_set(error, "the pattern is longer than %d bytes with %s "
                      "filled in", REG_PATTERN_MAX, REG_PATTERN_TENANT);
        return REG_INVALID;
    }

    if (len) {
        memcpy(glob->tokens + glob->n, data, len);
        glob->n += len;
    }

    return REG_OK;
}


static reg_rc_t
reg_glob_unexpected(unsigned char c, size_t pos, reg_error_t *error)
{
    switch (c) {

    case '?':
    case '[':
    case ']':
        reg_error_set(error, "'%c' at byte %zu of the pattern is no wildcard "
                      "here; use '*' or a '~' expression", c, pos);
        break;

    case '{':
    case '}':
        reg_error_set(error, "'%c' at byte %zu of the pattern; the only "
                      "placeholder is %s", c, pos, REG_PATTERN_TENANT);
        break;

    case '~':
        reg_error_set(error, "'~' at byte %zu of the pattern; an expression "
                      "begins with it", pos);
        break;

    default:

        if (c > 0x20 && c < 0x7f) {
            reg_error_set(error, "'%c' at byte %zu of the pattern; a name has "
                          "letters, digits and . _ / : @ -", c, pos);
            break;
        }

        reg_error_set(error, "byte 0x%02x at byte %zu of the pattern; a name "
                      "has letters, digits and . _ / : @ -", c, pos);
    }

    return REG_INVALID;
}


/*
 * All ways to match go forward together, so that no pattern can make it go
 * back: reached[i] says that the first i tokens have matched all of the name
 * so far.  Each byte of the name visits each state at most once.  States are
 * visited from the last to the first, because a state only ever leads to
 * itself and to later ones.
 */

int
reg_glob_match(const unsigned char *tokens, size_t n, reg_str_t name)
{
    int            alive;
    size_t         i, j, top, last;
    unsigned char  c, token, reached[REG_PATTERN_MAX + 1];

    memset(reached, 0, n + 1);

    top = reg_glob_reach(reached, tokens, n, 0);

    for (i = 0; i < name.len; i++) {
        c = name.data[i];
        alive = 0;

        for (j = top + 1; j-- > 0; /* void */ ) {

            if (!reached[j]) {
                continue;
            }

            reached[j] = 0;

            if (j == n) {
                continue;
            }

            token = tokens[j];

            if (token == REG_GLOB_RUNS
                || (token == REG_GLOB_RUN && c != '/')
                || (token == REG_GLOB_PART && c != '/' && c != ':'))
            {
                last = reg_glob_reach(reached, tokens, n, j);

            } else if (token == c) {
                last = reg_glob_reach(reached, tokens, n, j + 1);

            } else {
                continue;
            }

            /* the first that lives on has the highest state */

            if (!alive) {
                alive = 1;
                top = last;
            }
        }

        if (!alive) {
            return 0;
        }
    }

    return reached[n];
}


/* Marks a state, and those behind it that empty runs lead to. */

static size_t
reg_glob_reach(unsigned char *reached, const unsigned char *tokens, size_t n,
    size_t state)
{
    reached[state] = 1;

    while (state < n
           && tokens[state] >= REG_GLOB_RUN && tokens[state] <= REG_GLOB_PART)
    {
        reached[++state] = 1;
    }

    return state;
}
