/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_SCOPE_H
#define REG_SCOPE_H

/*
 * A scope grants actions on resources that match a pattern:
 *
 *     repository:acme/app:pull,push      one repository
 *     repository:acme-*:pull             one path component for each '*'
 *     repository:acme-**:*               any depth, every action
 *     repository:~^acme/(dev|qa)-:pull   PCRE2, anchored by its author
 *     registry:catalog:*                 the list of all repositories
 *     api:chat:invoke                    an API behind "registry api"
 *
 * The type ends at the first ':', the actions begin after the last one, so a
 * pattern may hold "host:port".  Grammar: distribution docs/content/spec/auth/
 * scope.md, with patterns in place of names.
 *
 * Actions of a repository are pull, push, delete and '*'; of registry:catalog
 * only '*'; of an api, words of [a-z][a-z0-9_-]* and '*'.
 */

#include "reg_core.h"
#include "reg_pattern.h"
#include "reg_route.h"

#define REG_SCOPE_MAX  (sizeof("repository:") - 1 + REG_PATTERN_MAX + 1 + 128)

typedef enum {
    REG_SCOPE_REPOSITORY = 0,
    REG_SCOPE_REGISTRY,
    REG_SCOPE_API
} reg_scope_type_t;

typedef struct reg_scope_s  reg_scope_t;


/* What a request needs: all of it borrowed. */

typedef struct {
    reg_scope_type_t  type;
    reg_str_t         name;         /* repository, "catalog", or API name */
    unsigned          actions;      /* repository: REG_ACTION_*, any of them */
    reg_str_t         word;         /* api: the action, such as "invoke" */
} reg_access_t;


/*
 * Parses one scope from borrowed text; nothing of text is kept.
 *
 * REG_OK        *scope is set, the caller frees it with reg_scope_free()
 * REG_INVALID   text is no scope; *error says why and where
 * REG_NOMEM     nothing was allocated that the caller has to free
 */

reg_rc_t reg_scope_parse(reg_scope_t **scope, reg_str_t text,
    reg_str_t tenant, reg_error_t *error);


/* 1 if the scope grants the access, else 0. */

int reg_scope_grants(const reg_scope_t *scope, const reg_access_t *access);


/* The text that was parsed, {tenant} unexpanded; lives as long as scope. */

reg_str_t reg_scope_text(const reg_scope_t *scope);

void reg_scope_free(reg_scope_t *scope);


/*
 * Moves a scope to reg_scope_size() bytes of the caller's, aligned for a
 * pointer.  There it needs no reg_scope_free(), but reg_scope_clear() before
 * those bytes are freed.
 */

size_t reg_scope_size(const reg_scope_t *scope);

void reg_scope_move(void *to, reg_scope_t *scope);

void reg_scope_clear(reg_scope_t *scope);


/*
 * Parses the access that "registry api <scope>" demands: the scope of an api
 * with a literal name and one action, no '*'.  The slices borrow from text.
 */

reg_rc_t reg_access_parse_api(reg_access_t *access, reg_str_t text,
    reg_error_t *error);

#endif /* REG_SCOPE_H */
