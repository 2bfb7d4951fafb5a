/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Scopes and patterns.  The input is a scope, the tenant, and the name and the
 * action that are asked for, one to a line.
 */

#define _GNU_SOURCE                 /* memmem() */
#include <stdlib.h>

#include "reg_name.h"
#include "reg_scope.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static reg_str_t
take_line(reg_str_t *rest)
{
    reg_str_t       line;
    unsigned char  *newline;

    line = *rest;
    newline = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;

    if (newline == NULL) {
        *rest = REG_STR_NULL;
        return line;
    }

    line.len = (size_t) (newline - rest->data);
    rest->len -= line.len + 1;
    rest->data = newline + 1;

    return line;
}


/* A sentence: some text, all of it printable. */

static void
check_error(const reg_error_t *error)
{
    const char  *p;

    CHECK(error->text[0] != '\0');

    for (p = error->text; *p; p++) {
        CHECK(*p >= 0x20 && *p <= 0x7e);
    }
}


/*
 * Globs once more, from the right to the left: match[j] says that the part of
 * the name that was seen matches the pattern from j on.
 */

static int
glob_model(reg_str_t glob, reg_str_t name)
{
    int     match[2][REG_PATTERN_MAX + 1], run, any;
    size_t  i, j, now, next;

    for (i = name.len + 1; i-- > 0; /* void */ ) {
        now = i % 2;
        next = 1 - now;

        for (j = glob.len + 1; j-- > 0; /* void */ ) {

            if (j == glob.len) {
                match[now][j] = (i == name.len);
                continue;
            }

            if (glob.data[j] != '*') {
                match[now][j] = i < name.len
                                && glob.data[j] == name.data[i]
                                && match[next][j + 1];
                continue;
            }

            /* the second '*' of "**" is no state that is asked about */

            any = (j + 1 < glob.len && glob.data[j + 1] == '*');
            run = i < name.len && (any || name.data[i] != '/');

            match[now][j] = match[now][j + 1 + (size_t) any]
                            || (run && match[next][j]);
        }
    }

    return match[0][0];
}


static void
check_glob(reg_str_t text, reg_str_t name)
{
    size_t          i;
    reg_error_t     error;
    reg_pattern_t  *pattern;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '~' || text.data[i] == '{') {
            return;
        }
    }

    if (name.len > REG_REPOSITORY_MAX
        || reg_pattern_compile(&pattern, text, REG_STR_NULL, &error) != REG_OK)
    {
        return;
    }

    CHECK(reg_pattern_match(pattern, name) == glob_model(text, name));

    reg_pattern_free(pattern);
}


/* What "registry api" demands is a scope as well, and grants just that. */

static void
check_demand(reg_str_t text)
{
    reg_error_t    error;
    reg_scope_t   *scope;
    reg_access_t   access;

    memset(&error, 0, sizeof(reg_error_t));

    if (reg_access_parse_api(&access, text, &error) != REG_OK) {
        check_error(&error);
        return;
    }

    CHECK(reg_scope_parse(&scope, text, REG_STR_NULL, &error) == REG_OK);
    CHECK(reg_scope_grants(scope, &access));

    reg_scope_free(scope);
}


static void
check_scope(const reg_scope_t *scope, reg_str_t text, reg_str_t name,
    reg_str_t word)
{
    int            one, any;
    unsigned       action;
    reg_access_t   access;
    reg_scope_t   *again;

    CHECK(reg_str_eq(reg_scope_text(scope), text));

    access.type = REG_SCOPE_REPOSITORY;
    access.name = name;
    access.word = word;
    any = 0;

    for (action = 1; action <= REG_ACTION_DELETE; action <<= 1) {
        access.actions = action;
        one = reg_scope_grants(scope, &access);
        any |= one;

        if (one) {
            CHECK(reg_str_starts(text, REG_STR("repository:")));
            CHECK(name.len != 0);
        }
    }

    /* any one of the actions suffices, and none is never enough */

    access.actions = REG_ACTION_PULL | REG_ACTION_PUSH | REG_ACTION_DELETE;
    CHECK(reg_scope_grants(scope, &access) == any);

    access.actions = 0;
    CHECK(!reg_scope_grants(scope, &access));

    access.type = REG_SCOPE_REGISTRY;
    CHECK(reg_scope_grants(scope, &access)
          == (reg_str_starts(text, REG_STR("registry:"))
              && reg_str_eq(name, REG_STR("catalog"))));

    access.type = REG_SCOPE_API;

    if (reg_scope_grants(scope, &access)) {
        CHECK(reg_str_starts(text, REG_STR("api:")));
        CHECK(name.len != 0 && word.len != 0);
    }

    /* whoever has no tenant gets nothing by a scope that names it */

    if (memmem(text.data, text.len, "{tenant}", 8) != NULL) {
        CHECK(reg_scope_parse(&again, text, REG_STR_NULL, NULL) == REG_OK);

        for (action = 1; action <= REG_ACTION_DELETE; action <<= 1) {
            access.type = REG_SCOPE_REPOSITORY;
            access.actions = action;
            CHECK(!reg_scope_grants(again, &access));
        }

        access.type = REG_SCOPE_API;
        CHECK(!reg_scope_grants(again, &access));

        reg_scope_free(again);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reg_rc_t       rc;
    reg_str_t      rest, text, tenant, name, word;
    reg_error_t    error;
    reg_scope_t   *scope;

    rest.len = size;
    rest.data = (unsigned char *) data;

    text = take_line(&rest);
    tenant = take_line(&rest);
    name = take_line(&rest);
    word = take_line(&rest);

    memset(&error, 0, sizeof(reg_error_t));

    rc = reg_scope_parse(&scope, text, tenant, &error);

    if (rc == REG_OK) {
        check_scope(scope, text, name, word);
        reg_scope_free(scope);

    } else {
        CHECK(rc == REG_INVALID);
        check_error(&error);
    }

    check_demand(text);
    check_glob(text, name);

    return 0;
}
