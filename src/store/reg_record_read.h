/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_RECORD_READ_H
#define REG_RECORD_READ_H

/*
 * Readers of the values of a record: one for each kind of member.  Only
 * reg_record_json.c, which has the tables of members, calls them.
 */

#include <jansson.h>

#include "reg_core.h"
#include "reg_record.h"

typedef struct {
    reg_record_t  *record;
    reg_str_t      name;            /* under which the store keeps it */
    reg_str_t      tenant;          /* what {tenant} in scopes stands for */
    const char    *member;          /* that is being read */
    reg_error_t   *error;
} reg_reader_t;


/*
 * Reads a value into the field of the record that its member stands for; the
 * slices in it borrow from the value.  What was allocated for the record when
 * a reader fails goes with reg_record_free().
 *
 * REG_OK        the field is set
 * REG_INVALID   *reader->error says why and begins with the member's name
 * REG_NOMEM
 */

typedef reg_rc_t (*reg_read_t)(reg_reader_t *reader, json_t *value,
    void *field);


/* reg_str_t: text for people, an id of a key, its own id, ... */

reg_rc_t reg_read_text(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_key_id(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_own_id(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_own_name(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_role_name(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_name(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_own_pattern(reg_reader_t *reader, json_t *value,
    void *field);
reg_rc_t reg_read_own_budget(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_hash(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_iss(reg_reader_t *reader, json_t *value, void *field);

/* The same; sets reader->tenant, so it comes before scopes. */

reg_rc_t reg_read_tenant(reg_reader_t *reader, json_t *value, void *field);

/* int64_t */

reg_rc_t reg_read_time(reg_reader_t *reader, json_t *value, void *field);

/* reg_list_t */

reg_rc_t reg_read_roles(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_scopes(reg_reader_t *reader, json_t *value, void *field);

/* reg_overrides_t */

reg_rc_t reg_read_limits(reg_reader_t *reader, json_t *value, void *field);

/* uint64_t, and uint32_t */

reg_rc_t reg_read_bandwidth(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_downloads(reg_reader_t *reader, json_t *value, void *field);

/* reg_quota_t */

reg_rc_t reg_read_quota(reg_reader_t *reader, json_t *value, void *field);

/* These know their place in the record and leave field alone. */

reg_rc_t reg_read_networks(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_suspended(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_labels(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_alerts(reg_reader_t *reader, json_t *value, void *field);
reg_rc_t reg_read_rules(reg_reader_t *reader, json_t *value, void *field);

void reg_read_free_rules(reg_issuer_record_t *issuer);


/* What the readers themselves read with: any string. */

reg_rc_t reg_read_string(reg_reader_t *reader, json_t *value, reg_str_t *text);

/* Sets "<member>: <sentence>" and returns REG_INVALID. */

reg_rc_t reg_read_fail(reg_reader_t *reader, const char *sentence);

/* The same for entry i of a list. */

reg_rc_t reg_read_item_fail(reg_reader_t *reader, size_t i,
    const char *sentence);

#endif /* REG_RECORD_READ_H */
