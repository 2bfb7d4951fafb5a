/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <openssl/rand.h>

#include "reg_base64.h"
#include "reg_issuer.h"
#include "reg_name.h"
#include "reg_token.h"

#define REG_TOKEN_JTI  16           /* bytes */


static json_t *reg_token_access(const reg_grants_t *grants);
static json_t *reg_token_actions(const reg_grant_t *grant);
static int reg_token_set(json_t *json, const char *name, reg_str_t text);
static reg_rc_t reg_token_read_access(reg_grants_t *grants, json_t *access);
static reg_rc_t reg_token_read_item(reg_grants_t *grants, json_t *item);
static reg_rc_t reg_token_pack(reg_token_t **packed, const reg_token_t *token);
static void reg_token_place(unsigned char **p, reg_str_t *text);
static int reg_token_known(json_t *claims);
static reg_rc_t reg_token_read_issuer(reg_token_t *token, json_t *claims);
static reg_str_t reg_token_text(json_t *json, const char *name);


static const struct {
    const char  *name;
    unsigned     action;
} reg_token_words[] = {
    { "pull", REG_ACTION_PULL },
    { "push", REG_ACTION_PUSH },
    { "delete", REG_ACTION_DELETE }
};

static const char *const  reg_token_types[] = {
    [REG_SCOPE_REPOSITORY] = "repository",
    [REG_SCOPE_REGISTRY] = "registry",
    [REG_SCOPE_API] = "api"
};


reg_rc_t
reg_token_claims(char **text, const reg_token_claims_t *claims)
{
    int            ok;
    json_t        *json;
    reg_str_t      jti;
    unsigned char  bytes[REG_TOKEN_JTI];
    unsigned char  name[REG_BASE64URL_LEN(REG_TOKEN_JTI)];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return REG_ERROR;
    }

    jti.data = name;
    jti.len = reg_base64url_encode(name, (reg_str_t) { sizeof(bytes), bytes });

    json = json_object();

    ok = json
         && reg_token_set(json, "iss", claims->iss)
         && reg_token_set(json, "sub", claims->sub)
         && reg_token_set(json, "aud", claims->aud)
         && json_object_set_new(json, "exp",
                                json_integer(claims->now + claims->ttl)) == 0
         && json_object_set_new(json, "nbf", json_integer(claims->now)) == 0
         && json_object_set_new(json, "iat", json_integer(claims->now)) == 0
         && reg_token_set(json, "jti", jti);

    if (ok && claims->kind == REG_TOKEN_ISSUER) {
        ok = reg_token_set(json, "issuer", claims->issuer)
             && json_object_set_new(json, "rule",
                                    json_integer((json_int_t) claims->rule))
                == 0
             && reg_token_set(json, "record", claims->record);
    }

    if (ok && claims->grants) {
        ok = (json_object_set_new(json, "access",
                                  reg_token_access(claims->grants)) == 0);
    }

    *text = ok ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);

    return *text ? REG_OK : REG_NOMEM;
}


reg_rc_t
reg_token_from_jwt(reg_token_t **token, const reg_jwt_t *jwt)
{
    reg_token_t    t;
    reg_grants_t   grants;

    if (!reg_token_known(jwt->claims)) {
        return REG_INVALID;
    }

    memset(&t, 0, sizeof(reg_token_t));

    t.exp = jwt->exp + REG_JWT_LEEWAY;
    t.iat = jwt->iat;
    t.sub = jwt->sub;
    t.kind = t.sub.len ? REG_TOKEN_KEY : REG_TOKEN_ANONYMOUS;

    grants.n = 0;

    if (reg_token_read_issuer(&t, jwt->claims) != REG_OK
        || reg_token_read_access(&grants,
                                 json_object_get(jwt->claims, "access"))
           != REG_OK)
    {
        return REG_INVALID;
    }

    t.n = grants.n;
    t.grants = grants.items;

    return reg_token_pack(token, &t);
}


reg_rc_t
reg_token_of_issuer(reg_token_t **token, const reg_jwt_t *jwt,
    reg_str_t issuer, size_t rule, reg_str_t record)
{
    size_t         len;
    reg_token_t    t;
    unsigned char  subject[REG_SUBJECT_MAX];

    if (reg_issuer_subject(subject, &len, issuer, jwt->sub) != REG_OK) {
        return REG_INVALID;
    }

    memset(&t, 0, sizeof(reg_token_t));

    t.kind = REG_TOKEN_ISSUER;
    t.whole = 1;
    t.exp = jwt->exp + REG_JWT_LEEWAY;
    t.sub = jwt->sub;
    t.issuer = issuer;
    t.rule = rule;
    t.record = record;

    return reg_token_pack(token, &t);
}


int
reg_token_grants(const reg_token_t *token, const reg_access_t *access)
{
    size_t              i;
    const reg_grant_t  *grant;

    if (token->whole) {
        return 1;
    }

    for (i = 0; i < token->n; i++) {
        grant = &token->grants[i];

        if (grant->type != access->type
            || !reg_str_eq(grant->name, access->name))
        {
            continue;
        }

        if (grant->type == REG_SCOPE_REPOSITORY
            ? (grant->actions & access->actions) != 0
            : grant->type == REG_SCOPE_REGISTRY
              || reg_str_eq(grant->word, access->word)
              || reg_str_eq(grant->word, REG_STR("*")))
        {
            return 1;
        }
    }

    return 0;
}


/* NULL when memory ran out, which json_object_set_new() takes as a failure. */

static json_t *
reg_token_access(const reg_grants_t *grants)
{
    size_t   i;
    json_t  *access, *item;

    access = json_array();

    for (i = 0; access && i < grants->n; i++) {

        item = json_pack("{s:s,s:s%,s:o}",
                         "type", reg_token_types[grants->items[i].type],
                         "name", grants->items[i].name.data,
                         grants->items[i].name.len,
                         "actions", reg_token_actions(&grants->items[i]));

        if (json_array_append_new(access, item) != 0) {
            json_decref(access);
            return NULL;
        }
    }

    return access;
}


static json_t *
reg_token_actions(const reg_grant_t *grant)
{
    size_t   i;
    json_t  *actions;

    switch (grant->type) {

    case REG_SCOPE_REGISTRY:
        return json_pack("[s]", "*");

    case REG_SCOPE_API:
        return json_pack("[s%]", grant->word.data, grant->word.len);

    default:
        break;
    }

    actions = json_array();

    for (i = 0; i < sizeof(reg_token_words) / sizeof(reg_token_words[0]); i++) {

        if ((grant->actions & reg_token_words[i].action)
            && json_array_append_new(actions,
                                     json_string(reg_token_words[i].name))
               != 0)
        {
            json_decref(actions);
            return NULL;
        }
    }

    return actions;
}


static int
reg_token_set(json_t *json, const char *name, reg_str_t text)
{
    const char  *data;

    data = text.len ? (const char *) text.data : "";

    return json_object_set_new(json, name, json_stringn(data, text.len)) == 0;
}


static reg_rc_t
reg_token_read_access(reg_grants_t *grants, json_t *access)
{
    size_t   i;
    json_t  *item;

    if (access && !json_is_array(access)) {
        return REG_INVALID;
    }

    json_array_foreach(access, i, item) {

        if (reg_token_read_item(grants, item) != REG_OK) {
            return REG_INVALID;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_token_read_item(reg_grants_t *grants, json_t *item)
{
    size_t        i, n;
    json_t       *actions;
    reg_str_t     type, word;
    reg_grant_t  *grant;

    if (grants->n == REG_GRANTS_MAX) {
        return REG_INVALID;
    }

    grant = &grants->items[grants->n++];
    memset(grant, 0, sizeof(reg_grant_t));

    type = reg_token_text(item, "type");
    grant->name = reg_token_text(item, "name");
    actions = json_object_get(item, "actions");

    while (!reg_str_eq(type, reg_str(reg_token_types[grant->type]))) {

        if (grant->type == REG_SCOPE_API) {
            return REG_INVALID;
        }

        grant->type++;
    }

    for (i = 0; i < json_array_size(actions); i++) {
        word.len = json_string_length(json_array_get(actions, i));
        word.data = (unsigned char *) json_string_value(json_array_get(actions,
                                                                       i));
        grant->word = word;

        for (n = 0; n < sizeof(reg_token_words) / sizeof(reg_token_words[0]);
             n++)
        {
            if (reg_str_eq(word, reg_str(reg_token_words[n].name))) {
                grant->actions |= reg_token_words[n].action;
            }
        }
    }

    return REG_OK;
}


/* One piece: the token, its grants, then all texts. */

static reg_rc_t
reg_token_pack(reg_token_t **packed, const reg_token_t *token)
{
    size_t          i, size;
    reg_token_t    *t;
    unsigned char  *p;

    size = sizeof(reg_token_t) + token->n * sizeof(reg_grant_t)
           + token->sub.len + token->issuer.len + token->record.len;

    for (i = 0; i < token->n; i++) {
        size += token->grants[i].name.len + token->grants[i].word.len;
    }

    t = malloc(size);

    if (t == NULL) {
        return REG_NOMEM;
    }

    *t = *token;
    t->grants = (reg_grant_t *) (t + 1);

    if (t->n) {
        memcpy(t->grants, token->grants, t->n * sizeof(reg_grant_t));
    }

    p = (unsigned char *) (t->grants + t->n);

    reg_token_place(&p, &t->sub);
    reg_token_place(&p, &t->issuer);
    reg_token_place(&p, &t->record);

    for (i = 0; i < t->n; i++) {
        reg_token_place(&p, &t->grants[i].name);
        reg_token_place(&p, &t->grants[i].word);
    }

    *packed = t;

    return REG_OK;
}


static void
reg_token_place(unsigned char **p, reg_str_t *text)
{
    if (text->len == 0) {
        text->data = NULL;
        return;
    }

    memcpy(*p, text->data, text->len);
    text->data = *p;
    *p += text->len;
}


/*
 * Whether there is no claim that reg_token_claims() does not write: one of a
 * later version may be a restriction.
 */

static int
reg_token_known(json_t *claims)
{
    size_t       i;
    json_t      *value;
    const char  *name;

    static const char  *names[] = {
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "access", "issuer",
        "rule", "record"
    };

    json_object_foreach(claims, name, value) {

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strcmp(name, names[i]) == 0) {
                break;
            }
        }

        if (i == sizeof(names) / sizeof(names[0])) {
            return 0;
        }
    }

    return 1;
}


/* All of the three claims or none of them. */

static reg_rc_t
reg_token_read_issuer(reg_token_t *token, json_t *claims)
{
    json_t      *rule;
    json_int_t   n;

    rule = json_object_get(claims, "rule");

    if (rule == NULL && json_object_get(claims, "issuer") == NULL
        && json_object_get(claims, "record") == NULL)
    {
        return REG_OK;
    }

    token->kind = REG_TOKEN_ISSUER;
    token->issuer = reg_token_text(claims, "issuer");
    token->record = reg_token_text(claims, "record");

    n = json_integer_value(rule);
    token->rule = (size_t) n;

    return (json_is_integer(rule) && n >= 0 && n < REG_RULES_MAX
            && token->sub.len
            && reg_label_check(token->issuer) == REG_OK
            && token->record.len == REG_ISSUER_DIGEST_LEN)
           ? REG_OK : REG_INVALID;
}


/* Empty where it is no text. */

static reg_str_t
reg_token_text(json_t *json, const char *name)
{
    json_t  *value;

    value = json_object_get(json, name);

    return (reg_str_t) { json_string_length(value),
                         (unsigned char *) json_string_value(value) };
}
