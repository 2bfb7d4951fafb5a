/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_CHALLENGE_H
#define REG_CHALLENGE_H

/*
 * What a registry asks for, and what its token endpoint answers:
 *
 *     WWW-Authenticate: Bearer realm="https://auth.docker.io/token",
 *         service="registry.docker.io",scope="repository:library/app:pull"
 *
 *     {"token": "...", "expires_in": 300}
 *
 * RFC 9110 section 11.6.1, distribution docs/content/spec/auth/token.md.
 */

#include "reg_core.h"

typedef struct {
    reg_str_t  realm;               /* never empty */
    reg_str_t  service;             /* empty: none */
    reg_str_t  scope;               /* empty: none; several have spaces */
} reg_challenge_t;


/*
 * Finds the first Bearer challenge in a value of WWW-Authenticate, which may
 * hold others.  Slices lie in buf, of value.len bytes.
 *
 * REG_OK         *challenge is set; nothing in it is a control character
 * REG_NOTFOUND   there is none
 * REG_INVALID    the value breaks the grammar, or it has no realm
 */

reg_rc_t reg_challenge_parse(reg_challenge_t *challenge, reg_str_t value,
    unsigned char *buf);


/* A token that says no more lives for so long; none longer than a day. */

#define REG_BEARER_LIFE      60      /* seconds */
#define REG_BEARER_LIFE_MAX  86400

typedef struct {
    reg_str_t  token;
    int64_t    life;                /* seconds, from now; 0: none left */
} reg_bearer_t;


/*
 * Reads the answer of a token endpoint.  The token lies in buf, of text.len
 * bytes, and may stand in a header as it is.
 *
 * REG_OK, REG_INVALID or REG_NOMEM, with *error, which repeats nothing of the
 * text.
 */

reg_rc_t reg_bearer_parse(reg_bearer_t *grant, reg_str_t text,
    unsigned char *buf, reg_error_t *error);

#endif /* REG_CHALLENGE_H */
