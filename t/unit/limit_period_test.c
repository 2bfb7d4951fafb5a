/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "random.h"
#include "reg_ledger.h"
#include "reg_period.h"

#define DAY   86400
#define DAYS  150000                /* more than the calendar's 400 years */


static int64_t
day_of(const char *text)
{
    int64_t  day;

    assert_int_equal(reg_ledger_day_parse(&day, reg_str(text)), REG_OK);

    return day;
}


static void
test_days_of_periods(void **state)
{
    size_t   i;
    int64_t  first, next;

    static const struct {
        const char    *day;
        reg_period_t   period;
        const char    *first;
        const char    *next;
    } cases[] = {
        { "2026-11-30", REG_PERIOD_DAY, "2026-11-30", "2026-12-01" },
        { "2026-11-30", REG_PERIOD_WEEK, "2026-11-30", "2026-12-07" },
        { "2026-11-29", REG_PERIOD_WEEK, "2026-11-23", "2026-11-30" },
        { "2026-11-30", REG_PERIOD_MONTH, "2026-11-01", "2026-12-01" },
        { "2026-12-31", REG_PERIOD_MONTH, "2026-12-01", "2027-01-01" },
        { "2027-01-01", REG_PERIOD_WEEK, "2026-12-28", "2027-01-04" },
        { "2028-02-29", REG_PERIOD_MONTH, "2028-02-01", "2028-03-01" },
        { "2027-02-28", REG_PERIOD_MONTH, "2027-02-01", "2027-03-01" },
        { "1970-01-05", REG_PERIOD_WEEK, "1970-01-05", "1970-01-12" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reg_period_days(&first, &next, cases[i].period, day_of(cases[i].day));

        assert_int_equal(first, day_of(cases[i].first));
        assert_int_equal(next, day_of(cases[i].next));
    }
}


/* As the library of C has it; and whatever is in a period has the same one. */

static void
test_all_days(void **state)
{
    time_t      t;
    int64_t     day, first[REG_PERIODS], next[REG_PERIODS];
    unsigned    p;
    struct tm   tm;

    (void) state;

    for (p = 0; p < REG_PERIODS; p++) {
        reg_period_days(&first[p], &next[p], (reg_period_t) p, 4);
    }

    for (day = 4; day < (int64_t) rounds(DAYS); day++) {

        t = (time_t) day * DAY;
        assert_non_null(gmtime_r(&t, &tm));

        if (day == next[REG_PERIOD_DAY]) {
            reg_period_days(&first[0], &next[0], REG_PERIOD_DAY, day);
            assert_int_equal(first[0], day);
        }

        if (tm.tm_wday == 1) {
            assert_true(day == next[REG_PERIOD_WEEK]
                        || first[REG_PERIOD_WEEK] == day);
            reg_period_days(&first[1], &next[1], REG_PERIOD_WEEK, day);
        }

        if (tm.tm_mday == 1) {
            assert_int_equal(day, next[REG_PERIOD_MONTH]);
            reg_period_days(&first[2], &next[2], REG_PERIOD_MONTH, day);
        }

        for (p = 0; p < REG_PERIODS; p++) {
            int64_t  a, b;

            reg_period_days(&a, &b, (reg_period_t) p, day);
            assert_int_equal(a, first[p]);
            assert_int_equal(b, next[p]);
            assert_true(a <= day && day < b);
        }
    }
}


static void
test_names(void **state)
{
    (void) state;

    assert_string_equal(reg_period_name(REG_PERIOD_DAY), "day");
    assert_string_equal(reg_period_name(REG_PERIOD_WEEK), "week");
    assert_string_equal(reg_period_name(REG_PERIOD_MONTH), "month");
}


static void
test_sizes(void **state)
{
    char      buf[REG_SIZE_LEN];
    size_t    i;
    uint64_t  bytes;

    static const char  *sizes[] = {
        "1B", "999B", "1kB", "1001B", "1KiB", "10TB", "1000PB", "1023GiB",
        "1TiB", "888PiB", "15MB"
    };

    (void) state;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(reg_size_parse(&bytes, reg_str(sizes[i]), NULL),
                         REG_OK);
        reg_size_format(buf, bytes);
        assert_string_equal(buf, sizes[i]);
    }

    reg_size_format(buf, UINT64_MAX);
    assert_string_equal(buf, "18446744073709551615B");

    reg_size_format(buf, 0);
    assert_int_equal(buf[0], '0');
}


static void
test_percents(void **state)
{
    size_t       i;
    reg_quota_t  quota;

    static const struct {
        uint64_t  bytes;
        uint64_t  used;
        uint64_t  percent;
    } cases[] = {
        { 1, 0, 0 }, { 1, 1, 100 }, { 3, 2, 66 }, { 10000, 7999, 79 },
        { 10000, 8000, 80 }, { 10000, 25000, 250 },
        { REG_QUOTA_MAX, REG_QUOTA_MAX - 1, 99 },
        { REG_QUOTA_MAX, REG_QUOTA_MAX / 5 * 4, 80 },
        { 1, UINT64_MAX / 100 - 1, UINT64_MAX / 100 * 100 - 100 },
        { 1, UINT64_MAX / 100, UINT64_MAX }, { 1, UINT64_MAX, UINT64_MAX }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        quota.bytes = cases[i].bytes;
        quota.period = REG_PERIOD_DAY;

        assert_true(reg_quota_percent(&quota, cases[i].used)
                    == cases[i].percent);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_days_of_periods),
        cmocka_unit_test(test_all_days),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_percents)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
