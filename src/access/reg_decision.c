/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_decision.h"

typedef struct {
    const char  *name;
    const char  *text;
    unsigned     status;
} reg_reason_info_t;


static reg_reason_t reg_decide_standing(const reg_identity_t *identity,
    const reg_question_t *question);
static int reg_decide_address(const reg_identity_t *identity,
    const reg_address_t *address);
static const reg_scope_t *reg_decide_scope(const reg_identity_t *identity,
    const reg_access_t *access);
static const reg_reason_info_t *reg_reason_info(reg_reason_t reason);


/*
 * The texts of unknown_key and wrong_secret are the same, so that nobody
 * learns which ids exist.  What follows them is told to a holder of the key
 * alone.
 */

static const reg_reason_info_t  reg_reasons[] = {

    [REG_REASON_NONE] =
        { "none", "no decision was needed", 200 },

    [REG_REASON_GRANTED] =
        { "granted", "access is granted", 200 },

    [REG_REASON_NOT_CANONICAL] =
        { "not_canonical", "the request target is not canonical", 400 },

    [REG_REASON_NO_ROUTE] =
        { "no_route", "there is no such endpoint", 404 },

    [REG_REASON_METHOD] =
        { "method", "the endpoint does not take this method", 405 },

    [REG_REASON_BODY] =
        { "body", "the request may not have a body", 400 },

    [REG_REASON_FORM] =
        { "form", "the request body may not be a form", 415 },

    [REG_REASON_NO_CREDENTIALS] =
        { "no_credentials", "authentication required", 401 },

    [REG_REASON_THROTTLED] =
        { "throttled", "too many failed logins", 429 },

    [REG_REASON_MALFORMED] =
        { "malformed", "the credentials are not an API key", 401 },

    [REG_REASON_STORE_UNAVAILABLE] =
        { "store_unavailable", "the service is temporarily unavailable", 503 },

    [REG_REASON_UNKNOWN_KEY] =
        { "unknown_key", "the API key is not valid", 401 },

    [REG_REASON_WRONG_SECRET] =
        { "wrong_secret", "the API key is not valid", 401 },

    [REG_REASON_TOKEN] =
        { "token", "the token is not valid", 401 },

    [REG_REASON_TOKEN_EXPIRED] =
        { "token_expired", "the token has expired", 401 },

    [REG_REASON_NO_RULE] =
        { "no_rule", "no rule of the issuer admits the token", 403 },

    [REG_REASON_RECORD_VERSION] =
        { "record_version", "access to the requested resource is denied",
          403 },

    [REG_REASON_REVOKED] =
        { "revoked", "the API key has been revoked", 401 },

    [REG_REASON_NOT_YET_VALID] =
        { "not_yet_valid", "the API key is not valid yet", 401 },

    [REG_REASON_EXPIRED] =
        { "expired", "the API key has expired", 401 },

    [REG_REASON_NO_TENANT] =
        { "no_tenant", "the tenant of the API key does not exist", 403 },

    [REG_REASON_SUSPENDED] =
        { "suspended", "the tenant of the API key is suspended", 403 },

    [REG_REASON_ADDRESS] =
        { "address", "the API key may not be used from this address", 403 },

    [REG_REASON_TOKEN_SCOPE] =
        { "token_scope", "the token does not grant access to the requested "
          "resource", 401 },

    [REG_REASON_SCOPE] =
        { "scope", "access to the requested resource is denied", 403 },

    [REG_REASON_RATE] =
        { "rate", "too many requests", 429 },

    [REG_REASON_QUOTA] =
        { "quota", "the quota is used up", 403 },

    [REG_REASON_SIGNATURE] =
        { "signature", "the URL is not signed, or has expired", 403 },

    [REG_REASON_INTERNAL] =
        { "internal", "internal error", 500 }
};


reg_decision_t
reg_decide(const reg_identity_t *identity, const reg_question_t *question)
{
    int             anonymous;
    reg_access_t    from;
    reg_decision_t  decision;

    memset(&decision, 0, sizeof(reg_decision_t));

    decision.verdict = REG_DENY;
    decision.reason = reg_decide_standing(identity, question);

    if (decision.reason != REG_REASON_NONE) {
        return decision;
    }

    anonymous = (identity->key_id.len == 0);

    if (question->access == NULL) {

        if (anonymous && question->token == NULL) {
            decision.reason = REG_REASON_NO_CREDENTIALS;
            return decision;
        }

        decision.verdict = REG_ALLOW;
        decision.reason = REG_REASON_GRANTED;

        return decision;
    }

    if (question->token && !reg_token_grants(question->token,
                                             question->access))
    {
        decision.reason = REG_REASON_TOKEN_SCOPE;
        return decision;
    }

    decision.scope = reg_decide_scope(identity, question->access);

    if (decision.scope == NULL) {
        decision.reason = anonymous ? REG_REASON_NO_CREDENTIALS
                                    : REG_REASON_SCOPE;
        return decision;
    }

    decision.verdict = REG_ALLOW;
    decision.reason = REG_REASON_GRANTED;

    if (question->from.len != 0
        && question->access->type == REG_SCOPE_REPOSITORY)
    {
        memset(&from, 0, sizeof(reg_access_t));

        from.type = REG_SCOPE_REPOSITORY;
        from.name = question->from;
        from.actions = REG_ACTION_PULL;

        decision.mount = (question->token == NULL
                          || reg_token_grants(question->token, &from))
                         && reg_decide_scope(identity, &from) != NULL;
    }

    return decision;
}


int
reg_token_current(const reg_identity_t *identity, const reg_token_t *token)
{
    return identity->tokens_not_before == REG_TIME_NONE
           || token->iat > identity->tokens_not_before;
}


const char *
reg_reason_name(reg_reason_t reason)
{
    return reg_reason_info(reason)->name;
}


const char *
reg_reason_text(reg_reason_t reason)
{
    return reg_reason_info(reason)->text;
}


const char *
reg_verdict_name(reg_verdict_t verdict)
{
    static const char  *names[] = { "allow", "deny", "limit" };

    return names[verdict];
}


reg_verdict_t
reg_reason_verdict(reg_reason_t reason)
{
    switch (reason) {

    case REG_REASON_NONE:
    case REG_REASON_GRANTED:
        return REG_ALLOW;

    case REG_REASON_THROTTLED:
    case REG_REASON_RATE:
    case REG_REASON_QUOTA:
        return REG_LIMITED;

    default:
        return REG_DENY;
    }
}


int
reg_reason_is_failed_login(reg_reason_t reason)
{
    switch (reason) {

    case REG_REASON_MALFORMED:
    case REG_REASON_UNKNOWN_KEY:
    case REG_REASON_WRONG_SECRET:
    case REG_REASON_TOKEN:
    case REG_REASON_REVOKED:
    case REG_REASON_EXPIRED:
        return 1;

    default:
        return 0;
    }
}


unsigned
reg_reason_status(reg_reason_t reason)
{
    return reg_reason_info(reason)->status;
}


/* All that is wrong with an identity whatever it asks for. */

static reg_reason_t
reg_decide_standing(const reg_identity_t *identity,
    const reg_question_t *question)
{
    if (question->token && question->now >= question->token->exp) {
        return REG_REASON_TOKEN_EXPIRED;
    }

    if (identity->newer) {
        return REG_REASON_RECORD_VERSION;
    }

    if (question->token && !reg_token_current(identity, question->token)) {
        return REG_REASON_TOKEN;
    }

    /* at once, whatever time it says: a slow clock revives no key */

    if (identity->revoked_at != REG_TIME_NONE) {
        return REG_REASON_REVOKED;
    }

    if (identity->not_before != REG_TIME_NONE
        && question->now < identity->not_before)
    {
        return REG_REASON_NOT_YET_VALID;
    }

    if (identity->expires_at != REG_TIME_NONE
        && question->now >= identity->expires_at)
    {
        return REG_REASON_EXPIRED;
    }

    if (identity->no_tenant) {
        return REG_REASON_NO_TENANT;
    }

    if (identity->suspended) {
        return REG_REASON_SUSPENDED;
    }

    if (!reg_decide_address(identity, question->address)) {
        return REG_REASON_ADDRESS;
    }

    return REG_REASON_NONE;
}


static int
reg_decide_address(const reg_identity_t *identity,
    const reg_address_t *address)
{
    size_t  i;

    if (identity->nallow_from == 0) {
        return 1;
    }

    if (address == NULL) {
        return 0;
    }

    for (i = 0; i < identity->nallow_from; i++) {

        if (reg_cidr_contains(&identity->allow_from[i], address)) {
            return 1;
        }
    }

    return 0;
}


static const reg_scope_t *
reg_decide_scope(const reg_identity_t *identity, const reg_access_t *access)
{
    size_t  i;

    for (i = 0; i < identity->nscopes; i++) {

        if (reg_scope_grants(identity->scopes[i], access)) {
            return identity->scopes[i];
        }
    }

    return NULL;
}


static const reg_reason_info_t *
reg_reason_info(reg_reason_t reason)
{
    if ((size_t) reason >= sizeof(reg_reasons) / sizeof(reg_reasons[0])) {
        reason = REG_REASON_INTERNAL;
    }

    return &reg_reasons[reason];
}
