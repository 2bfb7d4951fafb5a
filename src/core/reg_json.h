/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_JSON_H
#define REG_JSON_H

/*
 * JSON (jansson), read strictly: duplicate members, NUL bytes and numbers that
 * do not fit are refused.
 */

#include <jansson.h>

#include "reg_core.h"


/*
 * REG_OK        *json is the caller's: an object or an array
 * REG_INVALID   it is no JSON; *error says where
 * REG_NOMEM     inside jansson this may look like REG_INVALID
 */

reg_rc_t reg_json_load(json_t **json, reg_str_t text, reg_error_t *error);

#endif /* REG_JSON_H */
