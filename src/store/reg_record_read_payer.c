/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Values of the records that say who pays: repositories and budgets.
 */

#include "reg_budget.h"
#include "reg_pattern.h"
#include "reg_record_read.h"


/* The scanner of the file store knows no escape in the name of a record. */

reg_rc_t
reg_read_own_pattern(reg_reader_t *reader, json_t *value, void *field)
{
    reg_rc_t        rc;
    reg_str_t      *text = field;
    reg_error_t     why;
    reg_pattern_t  *pattern;

    if (reg_read_text(reader, value, text) != REG_OK) {
        return REG_INVALID;
    }

    if (!reg_str_eq(*text, reader->name)) {
        return reg_read_fail(reader, "differs from the name of the record");
    }

    if (text->len && (memchr(text->data, '\\', text->len)
                      || memchr(text->data, '"', text->len)))
    {
        return reg_read_fail(reader, "holds a backslash or a quote: write "
                             "[0-9] for \\d, [.] for \\.");
    }

    if (text->len && strstr((char *) text->data, REG_PATTERN_TENANT)) {
        return reg_read_fail(reader, "{tenant} stands for nobody here");
    }

    rc = reg_pattern_compile(&pattern, *text, REG_STR_NULL, &why);

    if (rc == REG_OK) {
        reg_pattern_free(pattern);

    } else if (rc == REG_INVALID) {
        return reg_read_fail(reader, why.text);
    }

    return rc;
}


reg_rc_t
reg_read_own_budget(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t            *name = field;
    reg_error_t           why;
    reg_budget_subject_t  subject;

    if (reg_read_text(reader, value, name) != REG_OK) {
        return REG_INVALID;
    }

    if (!reg_str_eq(*name, reader->name)) {
        return reg_read_fail(reader, "differs from the name of the record");
    }

    if (reg_budget_parse(&subject, *name, &why) != REG_OK) {
        return reg_read_fail(reader, why.text);
    }

    return REG_OK;
}


reg_rc_t
reg_read_quota(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t    text;
    reg_error_t  why;

    if (reg_read_string(reader, value, &text) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_quota_parse(field, text, &why) != REG_OK) {
        return reg_read_fail(reader, why.text);
    }

    return REG_OK;
}


reg_rc_t
reg_read_alerts(reg_reader_t *reader, json_t *value, void *field)
{
    size_t                i;
    json_t               *item;
    json_int_t            percent, last;
    reg_budget_record_t  *budget;

    (void) field;

    budget = &reader->record->u.budget;

    if (!json_is_array(value)) {
        return reg_read_fail(reader, "must be a list of percentages");
    }

    if (json_array_size(value) > REG_ALERTS_MAX) {
        return reg_read_fail(reader, "has more than 16 entries");
    }

    last = 0;

    json_array_foreach(value, i, item) {
        percent = json_integer_value(item);

        if (!json_is_integer(item) || percent <= last
            || percent > REG_ALERT_MAX)
        {
            return reg_read_item_fail(reader, i, "must be a percentage, from "
                                      "1 to 1000, and more than the one "
                                      "before");
        }

        budget->alerts[budget->nalerts++] = (uint32_t) percent;
        last = percent;
    }

    return REG_OK;
}
