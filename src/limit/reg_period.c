/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_period.h"
#include "reg_time.h"

#define REG_DAY  86400


void
reg_period_days(int64_t *first, int64_t *next, reg_period_t period,
    int64_t day)
{
    switch (period) {

    case REG_PERIOD_WEEK:

        /* 1970-01-01 was a Thursday */

        *first = day - (day + 3) % 7;
        *next = *first + 7;
        break;

    case REG_PERIOD_MONTH:
        *first = reg_month_begin(day);
        *next = reg_month_end(day);
        break;

    default:
        *first = day;
        *next = day + 1;
    }
}


int64_t
reg_month_begin(int64_t day)
{
    char  text[REG_TIME_LEN + 1];

    reg_time_format(text, day * REG_DAY);

    return day - ((text[8] - '0') * 10 + text[9] - '0' - 1);
}


int64_t
reg_month_end(int64_t day)
{
    return reg_month_begin(reg_month_begin(day) + 31);
}


const char *
reg_period_name(reg_period_t period)
{
    static const char *const  names[REG_PERIODS] = { "day", "week", "month" };

    return names[period];
}
