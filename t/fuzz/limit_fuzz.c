/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Limits of records: what is taken is within its caps, can be counted with, and
 * written down again it is the same; what is refused has a sentence.
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_gcra.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_error(const reg_error_t *error)
{
    const char  *p;

    CHECK(error->text[0] != '\0');

    for (p = error->text; *p; p++) {
        CHECK(*p >= 0x20 && *p <= 0x7e);
    }
}


static void
check_rate(const reg_rate_t *rate)
{
    int                len;
    char               text[64], window[REG_WINDOW_LEN];
    int64_t            mark, now;
    reg_gcra_t         gcra;
    reg_gcra_answer_t  answer;
    reg_limit_value_t  again;

    CHECK(rate->count >= 1 && rate->count <= REG_RATE_COUNT_MAX);
    CHECK(rate->window >= 1 && rate->window <= REG_RATE_WINDOW_MAX);
    CHECK(rate->burst >= 1 && rate->burst <= REG_RATE_COUNT_MAX);

    reg_gcra_init(&gcra, rate);

    CHECK(gcra.interval >= 1000000000 / REG_RATE_PER_SECOND_MAX);
    CHECK(gcra.tolerance >= gcra.interval);
    CHECK(gcra.tolerance <= REG_GCRA_AHEAD_MAX);

    now = INT64_MAX / 2 - gcra.tolerance;
    mark = reg_gcra_take(&gcra, 0, now, &answer);

    CHECK(answer.wait == 0 && answer.remaining == rate->burst - 1);
    CHECK(mark == now + gcra.interval);

    mark = reg_gcra_take(&gcra, now + gcra.tolerance, now, &answer);

    CHECK(answer.wait == gcra.interval && answer.remaining == 0);
    CHECK(mark == now + gcra.tolerance);

    reg_window_format(window, rate->window);

    len = snprintf(text, sizeof(text), "%u/%s burst=%u", rate->count, window,
                   rate->burst);
    CHECK(len > 0 && (size_t) len < sizeof(text));

    CHECK(reg_limit_value_parse(&again, reg_str(text), NULL) == REG_OK);
    CHECK(again.kind == REG_LIMIT_RATE);
    CHECK(again.u.rate.count == rate->count);
    CHECK(again.u.rate.window == rate->window);
    CHECK(again.u.rate.burst == rate->burst);
}


static void
check_quota(const reg_quota_t *quota)
{
    int                len;
    char               text[64];
    reg_limit_value_t  again;

    static const char *const  periods[] = { "day", "week", "month" };

    CHECK(quota->bytes >= 1 && quota->bytes <= REG_QUOTA_MAX);
    CHECK(quota->period <= REG_PERIOD_MONTH);

    len = snprintf(text, sizeof(text), "%lluB/%s",
                   (unsigned long long) quota->bytes, periods[quota->period]);
    CHECK(len > 0 && (size_t) len < sizeof(text));

    CHECK(reg_limit_value_parse(&again, reg_str(text), NULL) == REG_OK);
    CHECK(again.kind == REG_LIMIT_QUOTA);
    CHECK(again.u.quota.bytes == quota->bytes);
    CHECK(again.u.quota.period == quota->period);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reg_str_t          text;
    reg_error_t        error;
    reg_limit_value_t  value;

    text = (reg_str_t) { size, (unsigned char *) data };
    error.text[0] = '\0';

    if (reg_limit_value_parse(&value, text, &error) != REG_OK) {
        check_error(&error);
        return 0;
    }

    switch (value.kind) {

    case REG_LIMIT_OFF:
        CHECK(reg_str_eq(text, REG_STR("off")));
        break;

    case REG_LIMIT_RATE:
        check_rate(&value.u.rate);
        break;

    case REG_LIMIT_QUOTA:
        check_quota(&value.u.quota);
        break;
    }

    return 0;
}
