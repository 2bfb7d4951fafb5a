/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_ISSUER_H
#define REG_ISSUER_H

/*
 * Issuers whose tokens are good here (OpenID Connect Core 1.0): which rule of a
 * record admits the claims of a token.  All claims of a rule have to match, and
 * the first rule whose claims do counts.
 *
 * A claim is named as it is, or by the way to it: "kubernetes.io/namespace" is
 * the member "namespace" of the claim "kubernetes.io", unless there is a claim
 * of that whole name.
 *
 *     "main"       text that is exactly this, byte for byte
 *     "acme:*"     '*' is any run of bytes without '/' and ':', so that it
 *                  ends where the next part of a sub or a ref begins
 *     "refs:**"    '**' is any run of bytes
 *     7, true      the same integer or boolean; never the text "7"
 *
 * Of a claim that is an array one member has to match.
 */

#include <jansson.h>

#include "reg_core.h"
#include "reg_record.h"

#define REG_SUBJECT_MAX        255  /* bytes: a part of a key of a limit */
#define REG_ISSUER_DIGEST_LEN  22   /* base64url of 16 bytes */
#define REG_RULE_NAME_MAX      (REG_NAME_MAX + sizeof("/64"))


/* REG_OK, or REG_INVALID: text is no pattern of a claim; *error says why. */

reg_rc_t reg_claim_check(reg_str_t text, reg_error_t *error);

/* 1 if what such a pattern matches has anything in common. */

int reg_claim_pins(reg_str_t text);

/* The claim of that name or way; NULL if there is none. */

json_t *reg_claim_find(json_t *claims, reg_str_t name);


/* The number of the first claim that does not match; rule->nclaims: all do. */

size_t reg_rule_match(const reg_rule_t *rule, json_t *claims);

/* The number of the first rule that matches; issuer->nrules: none does. */

size_t reg_issuer_match(const reg_issuer_record_t *issuer, json_t *claims);


/*
 * Writes "<name of the record>:<sub>", which no key has as its id.
 *
 * REG_OK
 * REG_INVALID   sub is empty, or this were longer than REG_SUBJECT_MAX
 */

reg_rc_t reg_issuer_subject(unsigned char buf[REG_SUBJECT_MAX], size_t *len,
    reg_str_t name, reg_str_t sub);


/*
 * Makes of a rule what reg_identity_create() takes for the record of a key.  It
 * borrows from all that it is made of, also from name, which gets the name of
 * the rule: "github/1".
 */

void reg_issuer_key(reg_record_t *key, const reg_issuer_record_t *issuer,
    size_t rule, reg_str_t subject, char name[REG_RULE_NAME_MAX]);


/*
 * What tells one state of a record from any other.  REG_OK, REG_NOMEM or
 * REG_ERROR: the library failed.
 */

reg_rc_t reg_issuer_digest(unsigned char buf[REG_ISSUER_DIGEST_LEN],
    const reg_record_t *issuer);

#endif /* REG_ISSUER_H */
