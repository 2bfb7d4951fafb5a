/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_scope.h"
#include "reg_glob.h"

/* the three parts of a text, borrowed from it */

typedef struct {
    reg_scope_type_t  type;
    reg_str_t         name;
    reg_str_t         actions;
} reg_scope_parts_t;

_Static_assert(REG_SCOPE_MAX <= UINT16_MAX && REG_ACTION_ALL <= UINT8_MAX,
               "a scope has small numbers");

/*
 * One piece without pointers into itself, so that it can be moved: the pattern,
 * which the registry has not, and the text, which the words are the end of.
 */

struct reg_scope_s {
    uint8_t           type;
    uint8_t           actions;      /* repository: REG_ACTION_* */
    uint16_t          text_len;
    uint16_t          words_at;     /* api: the actions, within text */
    uint16_t          pattern_size; /* 0: none */

    _Alignas(void *)
    unsigned char     data[];
};


static reg_rc_t reg_scope_split(reg_scope_parts_t *parts, reg_str_t text,
    reg_error_t *error);
static reg_rc_t reg_scope_type(reg_scope_type_t *type, reg_str_t text,
    reg_error_t *error);
static reg_rc_t reg_scope_check_actions(const reg_scope_parts_t *parts,
    unsigned *actions, reg_error_t *error);
static reg_rc_t reg_scope_check_action(reg_scope_type_t type, reg_str_t word,
    unsigned *actions, reg_error_t *error);
static int reg_scope_next_word(reg_str_t *list, reg_str_t *word);
static int reg_scope_has_word(reg_str_t list, reg_str_t word);
static int reg_scope_is_word(reg_str_t text);


static const reg_str_t  reg_scope_any = {
    sizeof("*") - 1, (unsigned char *) "*"
};


reg_rc_t
reg_scope_parse(reg_scope_t **scope, reg_str_t text, reg_str_t tenant,
    reg_error_t *error)
{
    size_t              size;
    reg_rc_t            rc;
    unsigned            actions;
    reg_scope_t        *s;
    reg_pattern_t      *pattern;
    reg_scope_parts_t   parts;

    rc = reg_scope_split(&parts, text, error);

    if (rc != REG_OK) {
        return rc;
    }

    rc = reg_scope_check_actions(&parts, &actions, error);

    if (rc != REG_OK) {
        return rc;
    }

    size = 0;
    pattern = NULL;

    if (parts.type != REG_SCOPE_REGISTRY) {
        rc = reg_pattern_compile(&pattern, parts.name, tenant, error);

        if (rc != REG_OK) {
            return rc;
        }

        size = reg_pattern_size(pattern);
    }

    s = malloc(sizeof(reg_scope_t) + size + text.len);

    if (s == NULL) {
        reg_pattern_free(pattern);
        return REG_NOMEM;
    }

    s->type = (uint8_t) parts.type;
    s->actions = (uint8_t) actions;
    s->text_len = (uint16_t) text.len;
    s->words_at = (uint16_t) (parts.actions.data - text.data);
    s->pattern_size = (uint16_t) size;

    if (pattern != NULL) {
        reg_pattern_move(s->data, pattern);
    }

    memcpy(s->data + size, text.data, text.len);

    *scope = s;

    return REG_OK;
}


int
reg_scope_grants(const reg_scope_t *scope, const reg_access_t *access)
{
    reg_str_t  words;

    if (scope->type != access->type) {
        return 0;
    }

    switch (scope->type) {

    case REG_SCOPE_REPOSITORY:

        if ((scope->actions & access->actions) == 0) {
            return 0;
        }

        break;

    case REG_SCOPE_REGISTRY:
        return reg_str_eq(access->name, REG_STR("catalog"));

    case REG_SCOPE_API:

        words = reg_scope_text(scope);
        words.data += scope->words_at;
        words.len -= scope->words_at;

        if (access->word.len == 0
            || (!reg_scope_has_word(words, access->word)
                && !reg_scope_has_word(words, reg_scope_any)))
        {
            return 0;
        }

        break;

    default:
        return 0;
    }

    /* "**" matches the empty name too, and nothing is called that */

    return access->name.len != 0
           && reg_pattern_match((const reg_pattern_t *) scope->data,
                                access->name);
}


reg_str_t
reg_scope_text(const reg_scope_t *scope)
{
    reg_str_t  text;

    text.len = scope->text_len;
    text.data = (unsigned char *) scope->data + scope->pattern_size;

    return text;
}


size_t
reg_scope_size(const reg_scope_t *scope)
{
    return sizeof(reg_scope_t) + scope->pattern_size + scope->text_len;
}


void
reg_scope_move(void *to, reg_scope_t *scope)
{
    memcpy(to, scope, reg_scope_size(scope));

    free(scope);
}


void
reg_scope_clear(reg_scope_t *scope)
{
    if (scope->pattern_size != 0) {
        reg_pattern_clear((reg_pattern_t *) scope->data);
    }
}


void
reg_scope_free(reg_scope_t *scope)
{
    if (scope != NULL) {
        reg_scope_clear(scope);
        free(scope);
    }
}


reg_rc_t
reg_access_parse_api(reg_access_t *access, reg_str_t text,
    reg_error_t *error)
{
    size_t             i;
    reg_rc_t           rc;
    reg_scope_parts_t  parts;

    rc = reg_scope_split(&parts, text, error);

    if (rc != REG_OK) {
        return rc;
    }

    if (parts.type != REG_SCOPE_API) {
        reg_error_set(error, "\"%.*s\" is no scope of an api, such as "
                      "\"api:chat:invoke\"", REG_FMT(text));
        return REG_INVALID;
    }

    if (parts.name.len == 0 || parts.name.len > REG_PATTERN_MAX) {
        reg_error_set(error, "the name of an api has 1 to %d bytes",
                      REG_PATTERN_MAX);
        return REG_INVALID;
    }

    for (i = 0; i < parts.name.len; i++) {

        if (!reg_glob_literal(parts.name.data[i])) {
            reg_error_set(error, "\"%.*s\" is no name of one api: letters, "
                          "digits and . _ / : @ - only", REG_FMT(parts.name));
            return REG_INVALID;
        }
    }

    if (!reg_scope_is_word(parts.actions)) {
        reg_error_set(error, "\"%.*s\" is no single action of an api, such as "
                      "\"invoke\"", REG_FMT(parts.actions));
        return REG_INVALID;
    }

    access->type = REG_SCOPE_API;
    access->name = parts.name;
    access->actions = 0;
    access->word = parts.actions;

    return REG_OK;
}


/* The type ends at the first ':', the actions begin after the last one. */

static reg_rc_t
reg_scope_split(reg_scope_parts_t *parts, reg_str_t text, reg_error_t *error)
{
    size_t     i, first, last;
    reg_rc_t   rc;
    unsigned   colons;
    reg_str_t  type;

    if (text.len > REG_SCOPE_MAX) {
        reg_error_set(error, "the scope is longer than %zu bytes",
                      REG_SCOPE_MAX);
        return REG_INVALID;
    }

    first = 0;
    last = 0;
    colons = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == ':') {
            first = (colons == 0) ? i : first;
            last = i;
            colons++;
        }
    }

    if (colons < 2) {
        reg_error_set(error, "\"%.*s\" is no scope; one reads "
                      "type:pattern:actions, such as "
                      "\"repository:acme/app:pull\"", REG_FMT(text));
        return REG_INVALID;
    }

    type.len = first;
    type.data = text.data;

    rc = reg_scope_type(&parts->type, type, error);

    if (rc != REG_OK) {
        return rc;
    }

    parts->name.len = last - first - 1;
    parts->name.data = text.data + first + 1;

    parts->actions.len = text.len - last - 1;
    parts->actions.data = text.data + last + 1;

    if (parts->type == REG_SCOPE_REGISTRY
        && !reg_str_eq(parts->name, REG_STR("catalog")))
    {
        reg_error_set(error, "unknown registry resource \"%.*s\"; the only "
                      "one is catalog", REG_FMT(parts->name));
        return REG_INVALID;
    }

    return REG_OK;
}


static reg_rc_t
reg_scope_type(reg_scope_type_t *type, reg_str_t text, reg_error_t *error)
{
    if (reg_str_eq(text, REG_STR("repository"))) {
        *type = REG_SCOPE_REPOSITORY;

    } else if (reg_str_eq(text, REG_STR("registry"))) {
        *type = REG_SCOPE_REGISTRY;

    } else if (reg_str_eq(text, REG_STR("api"))) {
        *type = REG_SCOPE_API;

    } else {
        reg_error_set(error, "unknown scope type \"%.*s\"; it is repository, "
                      "registry or api", REG_FMT(text));
        return REG_INVALID;
    }

    return REG_OK;
}


static reg_rc_t
reg_scope_check_actions(const reg_scope_parts_t *parts, unsigned *actions,
    reg_error_t *error)
{
    reg_rc_t   rc;
    reg_str_t  list, word;

    *actions = 0;

    if (parts->actions.len == 0) {
        reg_error_set(error, "no action after the last ':' of the scope");
        return REG_INVALID;
    }

    list = parts->actions;

    while (reg_scope_next_word(&list, &word)) {

        rc = reg_scope_check_action(parts->type, word, actions, error);

        if (rc != REG_OK) {
            return rc;
        }

        if (reg_scope_has_word(list, word)) {
            reg_error_set(error, "the action \"%.*s\" is named twice",
                          REG_FMT(word));
            return REG_INVALID;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_scope_check_action(reg_scope_type_t type, reg_str_t word,
    unsigned *actions, reg_error_t *error)
{
    size_t  i;

    static const struct {
        reg_str_t  name;
        unsigned   action;
    } repository[] = {
        { { 4, (unsigned char *) "pull" }, REG_ACTION_PULL },
        { { 4, (unsigned char *) "push" }, REG_ACTION_PUSH },
        { { 6, (unsigned char *) "delete" }, REG_ACTION_DELETE }
    };

    if (word.len == 0) {
        reg_error_set(error, "an empty action in the scope");
        return REG_INVALID;
    }

    if (reg_str_eq(word, reg_scope_any)) {
        *actions = REG_ACTION_ALL;
        return REG_OK;
    }

    switch (type) {

    case REG_SCOPE_REPOSITORY:

        for (i = 0; i < sizeof(repository) / sizeof(repository[0]); i++) {

            if (reg_str_eq(word, repository[i].name)) {
                *actions |= repository[i].action;
                return REG_OK;
            }
        }

        reg_error_set(error, "unknown action \"%.*s\"; a repository takes "
                      "pull, push, delete or *", REG_FMT(word));
        return REG_INVALID;

    case REG_SCOPE_REGISTRY:
        reg_error_set(error, "unknown action \"%.*s\"; the catalog takes "
                      "only *", REG_FMT(word));
        return REG_INVALID;

    default: /* REG_SCOPE_API */

        if (reg_scope_is_word(word)) {
            return REG_OK;
        }

        reg_error_set(error, "\"%.*s\" is no action of an api: a lower-case "
                      "letter, then letters, digits, '_' or '-'; or *",
                      REG_FMT(word));
        return REG_INVALID;
    }
}


/*
 * Takes the next word off a list separated by commas; 0 at its end.  A list
 * that was used up has no data, which tells it from a last word that is empty.
 */

static int
reg_scope_next_word(reg_str_t *list, reg_str_t *word)
{
    size_t          n;
    unsigned char  *comma;

    if (list->data == NULL) {
        return 0;
    }

    comma = memchr(list->data, ',', list->len);

    *word = *list;

    if (comma == NULL) {
        *list = REG_STR_NULL;
        return 1;
    }

    n = (size_t) (comma - list->data);

    word->len = n;

    list->len -= n + 1;
    list->data += n + 1;

    return 1;
}


static int
reg_scope_has_word(reg_str_t list, reg_str_t word)
{
    reg_str_t  other;

    while (reg_scope_next_word(&list, &other)) {

        if (reg_str_eq(other, word)) {
            return 1;
        }
    }

    return 0;
}


/* [a-z][a-z0-9_-]* */

static int
reg_scope_is_word(reg_str_t text)
{
    size_t         i;
    unsigned char  c;

    if (text.len == 0 || text.data[0] < 'a' || text.data[0] > 'z') {
        return 0;
    }

    for (i = 1; i < text.len; i++) {
        c = text.data[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')
            && c != '_' && c != '-')
        {
            return 0;
        }
    }

    return 1;
}
