/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_BUDGET_H
#define REG_BUDGET_H

/*
 * Whom a budget is for, which is its name in the store:
 *
 *     tenant:acme              one tenant
 *     label:cost_center=4711   all tenants with that label
 */

#include "reg_core.h"

typedef struct {
    reg_str_t  tenant;              /* len 0: a label */
    reg_str_t  label;
    reg_str_t  value;
} reg_budget_subject_t;


/*
 * Takes borrowed text apart; the slices of *subject point into it.
 *
 * REG_OK        *subject is set
 * REG_INVALID   text is no such name; *error says what would be
 */

reg_rc_t reg_budget_parse(reg_budget_subject_t *subject, reg_str_t text,
    reg_error_t *error);

#endif /* REG_BUDGET_H */
