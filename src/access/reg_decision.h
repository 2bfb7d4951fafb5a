/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_DECISION_H
#define REG_DECISION_H

/*
 * The decision: may this identity do this, from there, now?  One pure function
 * that the module and "ngx-registry explain" share, so that what the tool
 * explains is what the gateway does.
 */

#include "reg_core.h"
#include "reg_identity.h"
#include "reg_route.h"
#include "reg_token.h"

typedef enum {
    REG_ALLOW = 0,
    REG_DENY,
    REG_LIMITED                     /* allowed, but not now */
} reg_verdict_t;


/*
 * Why, for logs, $registry_reason and programs.  The order is that of the
 * checks: the first that fails is the reason.
 */

typedef enum {
    REG_REASON_NONE = 0,            /* no decision was needed */
    REG_REASON_GRANTED,
    REG_REASON_NOT_CANONICAL,
    REG_REASON_NO_ROUTE,
    REG_REASON_METHOD,
    REG_REASON_BODY,                /* a body on GET or HEAD */
    REG_REASON_FORM,                /* a form body, see reg_query.h */
    REG_REASON_NO_CREDENTIALS,
    REG_REASON_THROTTLED,           /* too many credentials were wrong */
    REG_REASON_MALFORMED,           /* credentials that are no API key */
    REG_REASON_STORE_UNAVAILABLE,
    REG_REASON_UNKNOWN_KEY,
    REG_REASON_WRONG_SECRET,
    REG_REASON_TOKEN,               /* a token that is none, see reg_jwt.h */
    REG_REASON_TOKEN_EXPIRED,
    REG_REASON_NO_RULE,             /* of its issuer admits the token */
    REG_REASON_RECORD_VERSION,      /* a record is newer than this code */
    REG_REASON_REVOKED,
    REG_REASON_NOT_YET_VALID,
    REG_REASON_EXPIRED,
    REG_REASON_NO_TENANT,
    REG_REASON_SUSPENDED,
    REG_REASON_ADDRESS,
    REG_REASON_TOKEN_SCOPE,         /* the token grants less than the key */
    REG_REASON_SCOPE,
    REG_REASON_RATE,
    REG_REASON_QUOTA,                /* a limit, see reg_limit.h */
    REG_REASON_SIGNATURE,           /* of a URL: see reg_sign.h */
    REG_REASON_INTERNAL             /* memory or a library failed */
} reg_reason_t;


/* What is asked, all of it borrowed. */

typedef struct {
    const reg_access_t   *access;   /* NULL: a ping, any valid key will do */
    reg_str_t             from;     /* source of a mount, empty if none */
    const reg_address_t  *address;  /* of the client */
    const reg_token_t    *token;    /* NULL: the key itself was presented */
    int64_t               now;      /* seconds since the epoch */
} reg_question_t;

typedef struct {
    reg_verdict_t       verdict;
    reg_reason_t        reason;
    unsigned            mount:1;    /* allowed, and from may be read too */
    const reg_scope_t  *scope;      /* that grants it, NULL if none is needed */
} reg_decision_t;


/*
 * Decides.  A token grants no more than its own scopes, and no more than the
 * identity that it stands for has at this moment.  An anonymous identity never
 * passes a ping without a token, because a client that gets 200 there never
 * sends its credentials; and what it lacks a scope for is
 * REG_REASON_NO_CREDENTIALS rather than REG_REASON_SCOPE.
 */

reg_decision_t reg_decide(const reg_identity_t *identity,
    const reg_question_t *question);


/*
 * Whether a token, of this age, is good for a key that had all tokens of until
 * then ended.  One of that very second may be older or younger, and is not.
 */

int reg_token_current(const reg_identity_t *identity,
    const reg_token_t *token);


/* "granted", "no_credentials", ...: machine readable, never changed. */

const char *reg_reason_name(reg_reason_t reason);

/* A sentence for the client; tells nothing that the holder may not know. */

const char *reg_reason_text(reg_reason_t reason);

/* "allow", "deny" or "limit". */

const char *reg_verdict_name(reg_verdict_t verdict);

/* What was decided, if this is why. */

reg_verdict_t reg_reason_verdict(reg_reason_t reason);

/* Whether credentials were wrong, rather than missing or not enough. */

int reg_reason_is_failed_login(reg_reason_t reason);

/* 200, 400, 401, 403, 404, 405, 415, 429, 500 or 503. */

unsigned reg_reason_status(reg_reason_t reason);

#endif /* REG_DECISION_H */
