/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Readers of how fast a tenant may download, and how much at once. */

#include "reg_record_read.h"


reg_rc_t
reg_read_bandwidth(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t    text;
    reg_error_t  why;

    if (reg_read_string(reader, value, &text) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_bandwidth_parse(field, text, &why) != REG_OK) {
        return reg_read_fail(reader, why.text);
    }

    return REG_OK;
}


reg_rc_t
reg_read_downloads(reg_reader_t *reader, json_t *value, void *field)
{
    json_int_t   n;
    uint32_t    *downloads = field;

    n = json_is_integer(value) ? json_integer_value(value) : 0;

    if (n < 1 || n > REG_DOWNLOADS_MAX) {
        return reg_read_fail(reader, "must be a number from 1 to 10000");
    }

    *downloads = (uint32_t) n;

    return REG_OK;
}
