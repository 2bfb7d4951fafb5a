/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_RECORD_JSON_H
#define REG_RECORD_JSON_H

/*
 * Records from and to JSON (jansson).  Reading is strict: duplicate and unknown
 * members, wrong types, times, scopes, networks and names that do not parse are
 * all refused, with the member's name in the sentence.
 *
 *     key         version id tenant hash [name roles scopes allow_from
 *                 not_before expires_at revoked_at reason rotated_to
 *                 created_at limits tokens_not_before]
 *     tenant      version name [suspended labels limits]
 *     role        version name scopes
 *     repository  version pattern owner [labels]
 *     budget      version name amount [alerts]
 *     issuer      version name issuer audience rules; a rule is
 *                 claims tenant [roles scopes]
 *
 * A member in brackets may be absent or null.  The id of a key, the pattern of
 * a repository and the name of the others must equal the name under which the
 * store keeps the record.
 */

#include <jansson.h>

#include "reg_core.h"
#include "reg_record.h"


/*
 * Reads a record from borrowed text.
 *
 * REG_OK        *record is set, the caller frees it with reg_record_free();
 *               it is marked newer where its version is
 * REG_INVALID   no such record; *error says why and names the member
 * REG_NOMEM     nothing was allocated that the caller has to free; inside
 *               jansson this may look like REG_INVALID
 */

reg_rc_t reg_record_parse(reg_record_t **record, reg_record_type_t type,
    reg_str_t name, reg_str_t text, reg_error_t *error);


/* The same from a value that is already parsed; takes a reference to it. */

reg_rc_t reg_record_from_json(reg_record_t **record, reg_record_type_t type,
    reg_str_t name, json_t *json, reg_error_t *error);

void reg_record_free(reg_record_t *record);


/* "key", "tenant", ...; and the sections of a store: "keys", ... */

const char *reg_record_type_name(reg_record_type_t type);

const char *reg_record_section(reg_record_type_t type);

#endif /* REG_RECORD_JSON_H */
