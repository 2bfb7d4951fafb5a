/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_budget.h"
#include "reg_name.h"
#include "reg_record.h"


#define REG_BUDGET_TENANT  REG_STR("tenant:")
#define REG_BUDGET_LABEL   REG_STR("label:")


static int reg_budget_label(reg_budget_subject_t *subject, reg_str_t text);


reg_rc_t
reg_budget_parse(reg_budget_subject_t *subject, reg_str_t text,
    reg_error_t *error)
{
    memset(subject, 0, sizeof(reg_budget_subject_t));

    if (reg_str_starts(text, REG_BUDGET_TENANT)) {
        subject->tenant.data = text.data + REG_BUDGET_TENANT.len;
        subject->tenant.len = text.len - REG_BUDGET_TENANT.len;

        if (reg_label_check(subject->tenant) == REG_OK) {
            return REG_OK;
        }

    } else if (reg_str_starts(text, REG_BUDGET_LABEL)
               && reg_budget_label(subject, text))
    {
        return REG_OK;
    }

    reg_error_set(error, "a budget is for tenant:NAME or for "
                  "label:NAME=VALUE, without quotes and backslashes");

    return REG_INVALID;
}


/* The value is in the name of a record, which knows no escapes. */

static int
reg_budget_label(reg_budget_subject_t *subject, reg_str_t text)
{
    size_t          i;
    unsigned char  *equals;

    if (text.len > REG_TEXT_MAX) {
        return 0;
    }

    text.data += REG_BUDGET_LABEL.len;
    text.len -= REG_BUDGET_LABEL.len;

    equals = text.len ? memchr(text.data, '=', text.len) : NULL;

    if (equals == NULL) {
        return 0;
    }

    subject->label.data = text.data;
    subject->label.len = (size_t) (equals - text.data);
    subject->value.data = equals + 1;
    subject->value.len = text.len - subject->label.len - 1;

    if (reg_label_name_check(subject->label) != REG_OK
        || subject->value.len == 0)
    {
        return 0;
    }

    for (i = 0; i < subject->value.len; i++) {

        if (subject->value.data[i] < 0x20 || subject->value.data[i] == '"'
            || subject->value.data[i] == '\\' || subject->value.data[i] == 0x7f)
        {
            return 0;
        }
    }

    return 1;
}
