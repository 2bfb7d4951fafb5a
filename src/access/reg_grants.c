/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_name.h"
#include "reg_token.h"


static int reg_grants_split(reg_grant_t *grant, reg_str_t text,
    reg_str_t *actions);
static reg_rc_t reg_grants_add(reg_grants_t *grants, const reg_grant_t *grant);
static int reg_grants_next(reg_str_t *list, reg_str_t *word, int divider);
static int reg_grants_has(const reg_identity_t *identity,
    const reg_access_t *access);
static unsigned char *reg_grants_put(unsigned char *p,
    const unsigned char *last, reg_str_t text);


static const struct {
    reg_str_t  name;
    unsigned   action;
} reg_grant_actions[] = {
    { { 4, (unsigned char *) "pull" }, REG_ACTION_PULL },
    { { 4, (unsigned char *) "push" }, REG_ACTION_PUSH },
    { { 6, (unsigned char *) "delete" }, REG_ACTION_DELETE },
    { { 1, (unsigned char *) "*" },
      REG_ACTION_PULL | REG_ACTION_PUSH | REG_ACTION_DELETE }
};

#define REG_GRANT_ACTIONS  3        /* the last one is all of them */


reg_rc_t
reg_grants_parse(reg_grants_t *grants, reg_str_t text)
{
    size_t       i;
    reg_rc_t     rc;
    reg_str_t    scope, actions, word;
    reg_grant_t  grant;

    while (reg_grants_next(&text, &scope, ' ')) {

        if (!reg_grants_split(&grant, scope, &actions)) {
            continue;
        }

        while (reg_grants_next(&actions, &word, ',')) {

            for (i = 0; grant.type == REG_SCOPE_REPOSITORY
                        && i <= REG_GRANT_ACTIONS; i++)
            {
                if (reg_str_eq(word, reg_grant_actions[i].name)) {
                    grant.actions |= reg_grant_actions[i].action;
                }
            }

            if (grant.type == REG_SCOPE_REGISTRY
                && reg_str_eq(word, REG_STR("*")))
            {
                grant.actions = REG_ACTION_ALL;
            }

            if (grant.type == REG_SCOPE_API && word.len) {
                grant.actions = REG_ACTION_ALL;
                grant.word = word;

                rc = reg_grants_add(grants, &grant);

                if (rc != REG_OK) {
                    return rc;
                }
            }
        }

        if (grant.type != REG_SCOPE_API && grant.actions) {
            rc = reg_grants_add(grants, &grant);

            if (rc != REG_OK) {
                return rc;
            }
        }
    }

    return REG_OK;
}


void
reg_grants_intersect(reg_grants_t *grants, const reg_identity_t *identity)
{
    size_t         i, j, n;
    unsigned       actions;
    reg_grant_t   *grant;
    reg_access_t   access;

    n = 0;

    for (i = 0; i < grants->n; i++) {
        grant = &grants->items[i];
        actions = 0;

        memset(&access, 0, sizeof(reg_access_t));

        access.type = grant->type;
        access.name = grant->name;
        access.word = grant->word;

        if (grant->type != REG_SCOPE_REPOSITORY) {
            access.actions = grant->actions;
            actions = reg_grants_has(identity, &access) ? grant->actions : 0;
        }

        for (j = 0; grant->type == REG_SCOPE_REPOSITORY
                    && j < REG_GRANT_ACTIONS; j++)
        {
            access.actions = reg_grant_actions[j].action;

            if ((grant->actions & access.actions)
                && reg_grants_has(identity, &access))
            {
                actions |= access.actions;
            }
        }

        if (actions) {
            grants->items[n] = *grant;
            grants->items[n++].actions = actions;
        }
    }

    grants->n = n;
}


size_t
reg_grants_write(unsigned char *buf, size_t size, const reg_grants_t *grants)
{
    size_t               i, j, words;
    unsigned char       *p, *last, *q;
    const reg_grant_t   *grant;

    static const char *const  types[] = {
        [REG_SCOPE_REPOSITORY] = "repository:",
        [REG_SCOPE_REGISTRY] = "registry:",
        [REG_SCOPE_API] = "api:"
    };

    p = buf;
    last = buf + size;

    for (i = 0; i < grants->n; i++) {
        grant = &grants->items[i];

        q = p;
        q = (i > 0) ? reg_grants_put(q, last, REG_STR(" ")) : q;
        q = reg_grants_put(q, last, reg_str(types[grant->type]));
        q = reg_grants_put(q, last, grant->name);
        q = reg_grants_put(q, last, REG_STR(":"));

        if (grant->type == REG_SCOPE_API) {
            q = reg_grants_put(q, last, grant->word);

        } else if (grant->type == REG_SCOPE_REGISTRY) {
            q = reg_grants_put(q, last, REG_STR("*"));
        }

        for (j = 0, words = 0; grant->type == REG_SCOPE_REPOSITORY
                               && j < REG_GRANT_ACTIONS; j++)
        {
            if (grant->actions & reg_grant_actions[j].action) {
                q = words++ ? reg_grants_put(q, last, REG_STR(",")) : q;
                q = reg_grants_put(q, last, reg_grant_actions[j].name);
            }
        }

        if (q == NULL) {
            break;
        }

        p = q;
    }

    return (size_t) (p - buf);
}


/* The type ends at the first colon, the actions begin after the last. */

static int
reg_grants_split(reg_grant_t *grant, reg_str_t text, reg_str_t *actions)
{
    size_t          i;
    reg_str_t       type;
    unsigned char  *first;

    memset(grant, 0, sizeof(reg_grant_t));

    first = text.len ? memchr(text.data, ':', text.len) : NULL;

    if (first == NULL) {
        return 0;
    }

    for (i = text.len; text.data[i - 1] != ':'; i--) {
        /* there is one */
    }

    if (text.data + i - 1 == first) {
        return 0;
    }

    type.data = text.data;
    type.len = (size_t) (first - text.data);

    grant->name.data = first + 1;
    grant->name.len = i - 1 - type.len - 1;

    actions->data = text.data + i;
    actions->len = text.len - i;

    if (reg_str_eq(type, REG_STR("repository"))) {
        grant->type = REG_SCOPE_REPOSITORY;
        return reg_repository_check(grant->name) == REG_OK;
    }

    if (reg_str_eq(type, REG_STR("registry"))) {
        grant->type = REG_SCOPE_REGISTRY;
        return reg_str_eq(grant->name, REG_STR("catalog"));
    }

    grant->type = REG_SCOPE_API;

    if (!reg_str_eq(type, REG_STR("api")) || grant->name.len == 0
        || grant->name.len > REG_PATTERN_MAX)
    {
        return 0;
    }

    for (i = 0; i < grant->name.len; i++) {

        if (grant->name.data[i] <= 0x20 || grant->name.data[i] > 0x7e) {
            return 0;
        }
    }

    return 1;
}


/* Two of one name become one: clients repeat themselves. */

static reg_rc_t
reg_grants_add(reg_grants_t *grants, const reg_grant_t *grant)
{
    size_t        i;
    reg_grant_t  *item;

    for (i = 0; i < grants->n; i++) {
        item = &grants->items[i];

        if (item->type == grant->type && reg_str_eq(item->name, grant->name)
            && reg_str_eq(item->word, grant->word))
        {
            item->actions |= grant->actions;
            return REG_OK;
        }
    }

    if (grants->n == REG_GRANTS_MAX) {
        return REG_INVALID;
    }

    grants->items[grants->n++] = *grant;

    return REG_OK;
}


static int
reg_grants_next(reg_str_t *list, reg_str_t *word, int divider)
{
    unsigned char  *end;

    if (list->len == 0) {
        return 0;
    }

    *word = *list;
    end = memchr(list->data, divider, list->len);

    if (end) {
        word->len = (size_t) (end - list->data);
        list->len -= word->len + 1;
        list->data = end + 1;

    } else {
        list->len = 0;
    }

    return 1;
}


static int
reg_grants_has(const reg_identity_t *identity, const reg_access_t *access)
{
    size_t  i;

    for (i = 0; i < identity->nscopes; i++) {

        if (reg_scope_grants(identity->scopes[i], access)) {
            return 1;
        }
    }

    return 0;
}


/* NULL if it does not fit, or something before it did not. */

static unsigned char *
reg_grants_put(unsigned char *p, const unsigned char *last, reg_str_t text)
{
    if (p == NULL || text.len > (size_t) (last - p)) {
        return NULL;
    }

    memcpy(p, text.data, text.len);

    return p + text.len;
}
