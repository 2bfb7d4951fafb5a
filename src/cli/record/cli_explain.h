/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

/*
 * What the files of explain share.
 */

#include "cli_key.h"
#include "reg_decision.h"
#include "reg_issuer.h"

typedef struct {
    reg_question_t       question;
    reg_access_t         access;
    reg_address_t        address;
    char                *api;       /* what access borrows from */
    cli_store_t          store;
    reg_record_t        *record;    /* of the key or the issuer, or NULL */
    const reg_record_t  *key;       /* NULL: anonymous, or unknown */
    reg_identity_t      *identity;
    reg_decision_t       decision;

    /* of a token: what a rule makes of it, and what there is to tell */

    reg_record_t         rule;
    unsigned char        subject[REG_SUBJECT_MAX];
    char                 name[REG_RULE_NAME_MAX];
    json_t              *token;
} cli_explain_t;


/* cli_explain.c: decides about ctx->key. */

cli_rc_t cli_explain_decide(cli_explain_t *ctx);

/* cli_explain_token.c: finds who a token stands for, and decides. */

cli_rc_t cli_explain_token(const cli_t *cli, cli_explain_t *ctx);


/* cli_token_inspect.c: keys in PEM, or a JWKS; the caller frees them. */

cli_rc_t cli_token_keys(const char *path, reg_jwks_t **jwks);

/* A token of a file; it borrows from *text, which the caller frees. */

cli_rc_t cli_token_read(const char *path, char **text, reg_jwt_t *jwt);

#endif /* CLI_EXPLAIN_H */
