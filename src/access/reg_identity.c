/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_identity.h"

/* Pointers may follow. */

#define REG_IDENTITY_ALIGN(size)                                              \
    (((size) + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *))


/* Where scopes come from, for the sentence about one that does not parse. */

typedef struct {
    const char  *what;
    reg_str_t    name;
} reg_scope_owner_t;


static reg_rc_t reg_identity_set_key(reg_identity_t *identity,
    const reg_key_record_t *key);
static reg_rc_t reg_identity_set_tenant(reg_identity_t *identity,
    const reg_record_t *tenant);
static reg_rc_t reg_identity_add_roles(reg_identity_t *identity,
    const reg_list_t *roles, reg_role_find_t find, void *data,
    reg_error_t *error);
static reg_rc_t reg_identity_add_scopes(reg_identity_t *identity,
    const reg_str_t *scopes, size_t nscopes, const reg_scope_owner_t *owner,
    reg_error_t *error);
static reg_rc_t reg_identity_add_limits(reg_identity_t *identity,
    const reg_overrides_t *limits);
static reg_identity_t *reg_identity_alloc(void);
static void reg_identity_discard(reg_identity_t *identity);
static reg_rc_t reg_identity_copy(reg_str_t *dst, reg_str_t src);
static reg_rc_t reg_identity_pack(reg_identity_t **packed,
    reg_identity_t *identity);
static size_t reg_identity_size(const reg_identity_t *identity);
static void *reg_identity_place(unsigned char **p, const void *data,
    size_t size);
static void reg_identity_place_text(unsigned char **p, reg_str_t *text);


reg_rc_t
reg_identity_create(reg_identity_t **identity, const reg_record_t *key,
    const reg_record_t *tenant, reg_role_find_t find, void *data,
    reg_error_t *error)
{
    reg_rc_t                 rc;
    reg_identity_t          *id;
    reg_scope_owner_t        owner;
    const reg_key_record_t  *record;

    if (key->type != REG_RECORD_KEY
        || (tenant != NULL && tenant->type != REG_RECORD_TENANT))
    {
        /* another member of the union would be read */

        reg_error_set(error, "the records are not those of a key and its "
                      "tenant");
        return REG_INVALID;
    }

    id = reg_identity_alloc();

    if (id == NULL) {
        return REG_NOMEM;
    }

    if (key->newer) {

        /* nothing of it is known; the decision denies it for that */

        id->newer = 1;
        *identity = id;

        return REG_OK;
    }

    record = &key->u.key;

    rc = reg_identity_set_key(id, record);

    if (rc == REG_OK) {
        rc = reg_identity_set_tenant(id, tenant);
    }

    if (rc == REG_OK) {
        owner.what = "key";
        owner.name = record->id;

        rc = reg_identity_add_scopes(id, record->scopes.items,
                                     record->scopes.n, &owner, error);
    }

    if (rc == REG_OK) {
        rc = reg_identity_add_roles(id, &record->roles, find, data, error);
    }

    if (rc != REG_OK) {
        reg_identity_discard(id);
        return rc;
    }

    return reg_identity_pack(identity, id);
}


reg_rc_t
reg_identity_create_anonymous(reg_identity_t **identity,
    const reg_str_t *scopes, size_t nscopes, reg_str_t tenant,
    reg_error_t *error)
{
    reg_rc_t            rc;
    reg_identity_t     *id;
    reg_scope_owner_t   owner;

    id = reg_identity_alloc();

    if (id == NULL) {
        return REG_NOMEM;
    }

    rc = reg_identity_copy(&id->tenant, tenant);

    if (rc == REG_OK) {
        owner.what = "anonymous";
        owner.name = REG_STR_NULL;

        rc = reg_identity_add_scopes(id, scopes, nscopes, &owner, error);
    }

    if (rc != REG_OK) {
        reg_identity_discard(id);
        return rc;
    }

    return reg_identity_pack(identity, id);
}


void
reg_identity_free(reg_identity_t *identity)
{
    size_t  i;

    if (identity == NULL) {
        return;
    }

    for (i = 0; i < identity->nscopes; i++) {
        reg_scope_clear(identity->scopes[i]);
    }

    free(identity);
}


const reg_limit_value_t *
reg_identity_limit(const reg_identity_t *identity, reg_str_t name)
{
    size_t           i;
    reg_override_t  *item;

    for (i = 0; i < identity->limits.n; i++) {
        item = &identity->limits.items[i];

        if (reg_str_eq(item->name, name)) {
            return &item->value;
        }
    }

    return NULL;
}


static reg_rc_t
reg_identity_set_key(reg_identity_t *identity, const reg_key_record_t *key)
{
    size_t  size;

    if (reg_identity_copy(&identity->key_id, key->id) != REG_OK
        || reg_identity_copy(&identity->tenant, key->tenant) != REG_OK
        || reg_identity_copy(&identity->name, key->name) != REG_OK
        || reg_identity_copy(&identity->rotated_to, key->rotated_to) != REG_OK
        || reg_identity_copy(&identity->rule, key->rule) != REG_OK)
    {
        return REG_NOMEM;
    }

    identity->not_before = key->not_before;
    identity->expires_at = key->expires_at;
    identity->revoked_at = key->revoked_at;
    identity->tokens_not_before = key->tokens_not_before;

    if (reg_identity_add_limits(identity, &key->limits) != REG_OK) {
        return REG_NOMEM;
    }

    if (key->nallow_from == 0) {
        return REG_OK;
    }

    size = key->nallow_from * sizeof(reg_cidr_t);

    identity->allow_from = malloc(size);

    if (identity->allow_from == NULL) {
        return REG_NOMEM;
    }

    memcpy(identity->allow_from, key->allow_from, size);
    identity->nallow_from = key->nallow_from;

    return REG_OK;
}


static reg_rc_t
reg_identity_set_tenant(reg_identity_t *identity, const reg_record_t *tenant)
{
    size_t                      i;
    reg_label_t                *label;
    const reg_tenant_record_t  *record;

    if (tenant == NULL) {
        identity->no_tenant = 1;
        return REG_OK;
    }

    if (tenant->newer) {
        identity->newer = 1;
        return REG_OK;
    }

    record = &tenant->u.tenant;

    identity->suspended = record->suspended;
    identity->bandwidth = record->bandwidth;
    identity->downloads = record->downloads;

    if (reg_identity_add_limits(identity, &record->limits) != REG_OK) {
        return REG_NOMEM;
    }

    if (record->nlabels == 0) {
        return REG_OK;
    }

    identity->labels = calloc(record->nlabels, sizeof(reg_label_t));

    if (identity->labels == NULL) {
        return REG_NOMEM;
    }

    /* all of them are zero, so whatever was copied can be freed */

    identity->nlabels = record->nlabels;

    for (i = 0; i < record->nlabels; i++) {
        label = &identity->labels[i];

        if (reg_identity_copy(&label->name, record->labels[i].name) != REG_OK
            || reg_identity_copy(&label->value, record->labels[i].value)
               != REG_OK)
        {
            return REG_NOMEM;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_identity_add_roles(reg_identity_t *identity, const reg_list_t *roles,
    reg_role_find_t find, void *data, reg_error_t *error)
{
    size_t                    i;
    reg_rc_t                  rc;
    reg_scope_owner_t         owner;
    const reg_record_t       *record;
    const reg_role_record_t  *role;

    for (i = 0; i < roles->n; i++) {
        role = reg_role_builtin(roles->items[i]);

        if (role == NULL) {
            record = find(data, roles->items[i]);

            if (record == NULL || record->type != REG_RECORD_ROLE) {
                continue;
            }

            if (record->newer) {
                identity->newer = 1;
                continue;
            }

            role = &record->u.role;
        }

        owner.what = "role";
        owner.name = roles->items[i];

        rc = reg_identity_add_scopes(identity, role->scopes.items,
                                     role->scopes.n, &owner, error);
        if (rc != REG_OK) {
            return rc;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_identity_add_scopes(reg_identity_t *identity, const reg_str_t *scopes,
    size_t nscopes, const reg_scope_owner_t *owner, reg_error_t *error)
{
    size_t         i;
    reg_rc_t       rc;
    reg_error_t    why;
    reg_scope_t  **list;

    if (nscopes == 0) {
        return REG_OK;
    }

    list = realloc(identity->scopes,
                   (identity->nscopes + nscopes) * sizeof(reg_scope_t *));

    if (list == NULL) {
        return REG_NOMEM;
    }

    identity->scopes = list;

    for (i = 0; i < nscopes; i++) {
        rc = reg_scope_parse(&list[identity->nscopes], scopes[i],
                             identity->tenant, &why);

        if (rc == REG_INVALID) {

            /* the scope comes last: it is what may be cut */

            reg_error_set(error, "%s%s%.*s: %s, in scope \"%.*s\"",
                          owner->what, owner->name.len ? " " : "",
                          REG_FMT(owner->name), why.text, REG_FMT(scopes[i]));
        }

        if (rc != REG_OK) {
            return rc;
        }

        identity->nscopes++;
    }

    return REG_OK;
}


static reg_rc_t
reg_identity_add_limits(reg_identity_t *identity,
    const reg_overrides_t *limits)
{
    size_t           i;
    reg_override_t  *items, *item;

    if (limits->n == 0) {
        return REG_OK;
    }

    items = realloc(identity->limits.items,
                    (identity->limits.n + limits->n) * sizeof(reg_override_t));

    if (items == NULL) {
        return REG_NOMEM;
    }

    identity->limits.items = items;

    for (i = 0; i < limits->n; i++) {
        item = &items[identity->limits.n];
        item->name = REG_STR_NULL;
        item->value = limits->items[i].value;

        if (reg_identity_copy(&item->name, limits->items[i].name) != REG_OK) {
            return REG_NOMEM;
        }

        identity->limits.n++;
    }

    return REG_OK;
}


static reg_identity_t *
reg_identity_alloc(void)
{
    reg_identity_t  *identity;

    identity = calloc(1, sizeof(reg_identity_t));

    if (identity == NULL) {
        return NULL;
    }

    identity->not_before = REG_TIME_NONE;
    identity->expires_at = REG_TIME_NONE;
    identity->revoked_at = REG_TIME_NONE;
    identity->tokens_not_before = REG_TIME_NONE;

    return identity;
}


/* As long as it is being made, all of it is allocated one by one. */

static void
reg_identity_discard(reg_identity_t *identity)
{
    size_t  i;

    for (i = 0; i < identity->nscopes; i++) {
        reg_scope_free(identity->scopes[i]);
    }

    for (i = 0; i < identity->nlabels; i++) {
        free(identity->labels[i].name.data);
        free(identity->labels[i].value.data);
    }

    for (i = 0; i < identity->limits.n; i++) {
        free(identity->limits.items[i].name.data);
    }

    free(identity->scopes);
    free(identity->labels);
    free(identity->limits.items);
    free(identity->allow_from);
    free(identity->key_id.data);
    free(identity->tenant.data);
    free(identity->name.data);
    free(identity->rotated_to.data);
    free(identity->rule.data);

    free(identity);
}


static reg_rc_t
reg_identity_copy(reg_str_t *dst, reg_str_t src)
{
    if (src.len == 0) {
        return REG_OK;
    }

    dst->data = malloc(src.len);

    if (dst->data == NULL) {
        return REG_NOMEM;
    }

    memcpy(dst->data, src.data, src.len);
    dst->len = src.len;

    return REG_OK;
}


/*
 * Moves all of an identity into one piece of memory: a worker keeps thousands
 * of them.  What is made of pointers comes first, so that it is aligned.
 */

static reg_rc_t
reg_identity_pack(reg_identity_t **packed, reg_identity_t *identity)
{
    size_t           i, size;
    reg_identity_t  *id;
    unsigned char   *p;

    p = malloc(reg_identity_size(identity));

    if (p == NULL) {
        reg_identity_discard(identity);
        return REG_NOMEM;
    }

    id = reg_identity_place(&p, identity, sizeof(reg_identity_t));

    id->scopes = reg_identity_place(&p, identity->scopes,
                                    identity->nscopes * sizeof(reg_scope_t *));
    id->labels = reg_identity_place(&p, identity->labels,
                                    identity->nlabels * sizeof(reg_label_t));
    id->limits.items = reg_identity_place(&p, identity->limits.items,
                              identity->limits.n * sizeof(reg_override_t));

    for (i = 0; i < id->nscopes; i++) {
        size = REG_IDENTITY_ALIGN(reg_scope_size(identity->scopes[i]));

        reg_scope_move(p, identity->scopes[i]);

        id->scopes[i] = (reg_scope_t *) p;
        p += size;
    }

    identity->nscopes = 0;

    id->allow_from = reg_identity_place(&p, identity->allow_from,
                                   identity->nallow_from * sizeof(reg_cidr_t));

    reg_identity_place_text(&p, &id->key_id);
    reg_identity_place_text(&p, &id->tenant);
    reg_identity_place_text(&p, &id->name);
    reg_identity_place_text(&p, &id->rotated_to);
    reg_identity_place_text(&p, &id->rule);

    for (i = 0; i < id->nlabels; i++) {
        reg_identity_place_text(&p, &id->labels[i].name);
        reg_identity_place_text(&p, &id->labels[i].value);
    }

    for (i = 0; i < id->limits.n; i++) {
        reg_identity_place_text(&p, &id->limits.items[i].name);
    }

    reg_identity_discard(identity);

    *packed = id;

    return REG_OK;
}


static size_t
reg_identity_size(const reg_identity_t *identity)
{
    size_t  i, size;

    size = sizeof(reg_identity_t)
           + identity->nscopes * sizeof(reg_scope_t *)
           + identity->nlabels * sizeof(reg_label_t)
           + identity->limits.n * sizeof(reg_override_t)
           + identity->nallow_from * sizeof(reg_cidr_t)
           + identity->key_id.len + identity->tenant.len + identity->name.len
           + identity->rotated_to.len + identity->rule.len;

    for (i = 0; i < identity->nscopes; i++) {
        size += REG_IDENTITY_ALIGN(reg_scope_size(identity->scopes[i]));
    }

    for (i = 0; i < identity->nlabels; i++) {
        size += identity->labels[i].name.len + identity->labels[i].value.len;
    }

    for (i = 0; i < identity->limits.n; i++) {
        size += identity->limits.items[i].name.len;
    }

    return size;
}


/* Copies to *p, which is moved behind it; NULL where there is nothing. */

static void *
reg_identity_place(unsigned char **p, const void *data, size_t size)
{
    void  *placed;

    if (size == 0) {
        return NULL;
    }

    placed = memcpy(*p, data, size);
    *p += size;

    return placed;
}


static void
reg_identity_place_text(unsigned char **p, reg_str_t *text)
{
    text->data = reg_identity_place(p, text->data, text->len);
}
