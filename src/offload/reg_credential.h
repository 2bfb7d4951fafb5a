/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_CREDENTIAL_H
#define REG_CREDENTIAL_H

/*
 * The credential of an object storage, as files hold it:
 *
 *     [default]
 *     aws_access_key_id = AKIAIOSFODNN7EXAMPLE
 *     aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
 *     aws_session_token = ...
 *     expiration = 2026-01-31T23:59:59Z
 *
 * or as "credential_process" programs and the metadata of a machine print it:
 *
 *     {"AccessKeyId": "...", "SecretAccessKey": "...", "SessionToken": "...",
 *      "Expiration": "2026-01-31T23:59:59Z"}
 */

#include "reg_core.h"

typedef struct {
    reg_str_t  id;
    reg_str_t  secret;
    reg_str_t  token;               /* empty: none */
    int64_t    expires;             /* seconds; INT64_MAX: never */
} reg_credential_t;


/*
 * Slices lie in text, which is written to.  REG_OK, REG_INVALID or REG_NOMEM,
 * with *error, which repeats nothing of the text.
 */

reg_rc_t reg_credential_parse(reg_credential_t *credential, reg_str_t text,
    reg_error_t *error);

#endif /* REG_CREDENTIAL_H */
