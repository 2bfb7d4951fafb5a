/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_PERIOD_H
#define REG_PERIOD_H

/*
 * Days, weeks and months of UTC, in days since 1970-01-01, up to the end of the
 * year 9999.
 */

#include "reg_rate.h"

#define REG_PERIODS  (REG_PERIOD_MONTH + 1)


/* Sets the first day of the period that a day is in, and that of the next. */

void reg_period_days(int64_t *first, int64_t *next, reg_period_t period,
    int64_t day);

int64_t reg_month_begin(int64_t day);

/* The first day of the next month. */

int64_t reg_month_end(int64_t day);


/* "day", "week" or "month". */

const char *reg_period_name(reg_period_t period);

#endif /* REG_PERIOD_H */
