/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_TOKEN_H
#define REG_TOKEN_H

/*
 * Tokens of a registry: what clients ask for at a token endpoint, and the
 * claims of the token that they get (distribution docs/content/spec/auth/
 * token.md, jwt.md and scope.md).
 *
 *     iss aud exp nbf iat jti   as usual
 *     sub                       the id of the API key that it was given for;
 *                               empty for somebody anonymous
 *     issuer, rule, record      where a token of another issuer was changed
 *                               into it: the name of its record, the number
 *                               of the rule that admitted it, and the digest
 *                               of the record; sub is theirs then
 *     access                    [{"type","name","actions":[]}]
 */

#include "reg_identity.h"
#include "reg_jwt.h"

#define REG_GRANTS_MAX         64
#define REG_TOKEN_TYP_REFRESH  "refresh+jwt"
#define REG_TOKEN_TYP_BACKEND  "backend+jwt"


/* Access to one resource; a name is literal, never a pattern. */

typedef struct {
    reg_scope_type_t  type;
    reg_str_t         name;
    unsigned          actions;      /* repository: REG_ACTION_*, no other bit */
    reg_str_t         word;         /* api: one action; "*": any */
} reg_grant_t;

typedef struct {
    size_t       n;
    reg_grant_t  items[REG_GRANTS_MAX];
} reg_grants_t;


/*
 * Adds what a "scope" parameter asks for: "<type>:<name>:<actions>", or several
 * divided by spaces.  The slices borrow from text.  What nobody could be
 * granted (another type, a name that is none, an action that is none) is
 * passed over, because clients ask for more than there is.
 *
 * REG_OK
 * REG_INVALID   it asks for more than REG_GRANTS_MAX things
 */

reg_rc_t reg_grants_parse(reg_grants_t *grants, reg_str_t text);


/* Leaves of it what the scopes of the identity grant. */

void reg_grants_intersect(reg_grants_t *grants,
    const reg_identity_t *identity);


/*
 * Writes it as the text of scopes, divided by spaces, to buf of size bytes;
 * returns the length.  What does not fit is left out.
 */

size_t reg_grants_write(unsigned char *buf, size_t size,
    const reg_grants_t *grants);


/* Who a token is for. */

typedef enum {
    REG_TOKEN_KEY = 0,
    REG_TOKEN_ANONYMOUS,
    REG_TOKEN_ISSUER                /* a subject of an issuer */
} reg_token_kind_t;


/* What a token to be written says; all of it borrowed. */

typedef struct {
    reg_token_kind_t     kind;
    reg_str_t            iss;
    reg_str_t            aud;
    reg_str_t            sub;
    reg_str_t            issuer;    /* of REG_TOKEN_ISSUER, as those below */
    size_t               rule;
    reg_str_t            record;
    int64_t              now;
    int64_t              ttl;       /* seconds */
    const reg_grants_t  *grants;    /* NULL: none, as in a refresh token */
} reg_token_claims_t;


/*
 * Writes the claims as JSON with a random jti; the caller frees *text with
 * free().  REG_OK, REG_NOMEM, or REG_ERROR: the random generator failed.
 */

reg_rc_t reg_token_claims(char **text, const reg_token_claims_t *claims);


/* A token that was verified.  One piece of memory, owned by whoever made it. */

typedef struct {
    reg_token_kind_t  kind;
    unsigned          whole:1;      /* it narrows nothing: it is theirs */
    int64_t           exp;          /* it ends then, with the leeway added */
    int64_t           iat;
    reg_str_t         sub;
    reg_str_t         issuer;       /* of REG_TOKEN_ISSUER, as those below */
    size_t            rule;         /* from 0 on */
    reg_str_t         record;
    size_t            n;
    reg_grant_t      *grants;
} reg_token_t;


/*
 * Reads the claims of a verified token of our own.
 *
 * REG_OK        *token is set, the caller frees it with free()
 * REG_INVALID   it is none that reg_token_claims() writes
 * REG_NOMEM
 */

reg_rc_t reg_token_from_jwt(reg_token_t **token, const reg_jwt_t *jwt);


/*
 * Makes one of a verified token of another issuer that a rule of its record
 * admits; record is the digest of that.  It stands for all that the rule gives.
 * The same return codes; REG_INVALID: its sub is none.
 */

reg_rc_t reg_token_of_issuer(reg_token_t **token, const reg_jwt_t *jwt,
    reg_str_t issuer, size_t rule, reg_str_t record);


/* 1 if the token grants the access: any of its actions. */

int reg_token_grants(const reg_token_t *token, const reg_access_t *access);

#endif /* REG_TOKEN_H */
