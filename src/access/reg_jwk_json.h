/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_JWK_JSON_H
#define REG_JWK_JSON_H

#include <jansson.h>

#include "reg_jwk.h"


/* As reg_jwk_from_json(), of a value that is parsed. */

reg_rc_t reg_jwk_from_value(reg_jwk_t **jwk, json_t *value,
    reg_error_t *error);

#endif /* REG_JWK_JSON_H */
