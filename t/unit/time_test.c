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

#include "reg_time.h"
#include "random.h"

#define TIMES       200000
#define END_OF_9999 253402300799
#define DAY         86400

#define CHECK_FORM  "write it as 2026-01-31T23:59:59Z"


static reg_rc_t
parse(int64_t *seconds, reg_str_t text, reg_error_t *error)
{
    reg_rc_t   rc;
    reg_str_t  copy;

    copy = exact_copy(text);
    rc = reg_time_parse(seconds, copy, error);
    free(copy.data);

    return rc;
}


static void
check_time(const char *text, int64_t expected)
{
    int64_t      seconds;
    reg_error_t  error;

    error.text[0] = '\0';
    seconds = REG_TIME_NONE;

    if (parse(&seconds, reg_str(text), &error) != REG_OK) {
        fail_msg("\"%s\": %s", text, error.text);
    }

    if (seconds != expected) {
        fail_msg("\"%s\" is %lld, not %lld", text, (long long) seconds,
                 (long long) expected);
    }
}


static void
check_no_time(const char *text, const char *sentence)
{
    int64_t      seconds;
    reg_error_t  error;

    error.text[0] = '\0';
    seconds = 42;

    if (parse(&seconds, reg_str(text), &error) != REG_INVALID) {
        fail_msg("\"%s\" was taken for a time", text);
    }

    assert_int_equal(seconds, 42);
    assert_string_equal(error.text, sentence);
    assert_int_equal(reg_time_parse(&seconds, reg_str(text), NULL),
                     REG_INVALID);
}


static void
test_known_times(void **state)
{
    (void) state;

    check_time("1970-01-01T00:00:00Z", 0);
    check_time("1970-01-01T00:00:01Z", 1);
    check_time("2000-02-29T12:00:00Z", 951825600);
    check_time("2001-09-09T01:46:40Z", 1000000000);
    check_time("2038-01-19T03:14:08Z", 2147483648);
    check_time("2100-03-01T00:00:00Z", 4107542400);
    check_time("2106-02-07T06:28:16Z", 4294967296);
    check_time("9999-12-31T23:59:59Z", END_OF_9999);

    /* RFC 3339, 5.6: "T" and "Z" may be lower case */
    check_time("2001-09-09t01:46:40z", 1000000000);
}


static void
test_a_fraction_is_dropped(void **state)
{
    (void) state;

    check_time("2001-09-09T01:46:40.0Z", 1000000000);
    check_time("2001-09-09T01:46:40.999999999Z", 1000000000);
    check_time("2001-09-09T01:46:40.5+00:00", 1000000000);
    check_time("2001-09-09T01:46:40.00000000000000000000000000000000001Z",
               1000000000);
}


static void
test_an_offset_is_applied(void **state)
{
    (void) state;

    check_time("2001-09-09T01:46:40+00:00", 1000000000);
    check_time("2001-09-09T01:46:40-00:00", 1000000000);
    check_time("2001-09-09T03:46:40+02:00", 1000000000);
    check_time("2001-09-08T20:16:40-05:30", 1000000000);
    check_time("2001-09-10T01:45:40+23:59", 1000000000);
    check_time("1970-01-01T01:00:00+01:00", 0);
    check_time("9999-12-31T00:59:59-23:00", END_OF_9999);
}


/* One second of every fourteenth day until the end. */

static void
test_the_calendar_to_its_end(void **state)
{
    char       text[32], buf[REG_TIME_LEN + 1];
    time_t     t;
    int64_t    day;
    struct tm  tm;

    (void) state;

    for (day = 0; day * DAY <= END_OF_9999; day += 14) {

        t = (time_t) (day * DAY + day % DAY);
        assert_non_null(gmtime_r(&t, &tm));
        assert_int_not_equal(strftime(text, sizeof(text),
                                      "%Y-%m-%dT%H:%M:%SZ", &tm), 0);

        reg_time_format(buf, t);
        assert_string_equal(buf, text);
        check_time(text, t);
    }
}


static void
test_random_times_are_what_gmtime_says(void **state)
{
    char       text[32], buf[REG_TIME_LEN + 1];
    size_t     n;
    time_t     t;
    struct tm  tm;

    (void) state;

    for (n = 0; n < rounds(TIMES); n++) {

        t = (time_t) random_below((size_t) END_OF_9999 + 1);
        assert_non_null(gmtime_r(&t, &tm));
        assert_int_not_equal(strftime(text, sizeof(text),
                                      "%Y-%m-%dT%H:%M:%SZ", &tm), 0);

        reg_time_format(buf, t);
        assert_string_equal(buf, text);
        assert_int_equal(timegm(&tm), t);
        check_time(text, t);
    }
}


static void
test_random_offsets_are_what_timegm_says(void **state)
{
    char       text[64];
    int        offset;
    size_t     n;
    time_t     t;
    struct tm  tm;

    (void) state;

    for (n = 0; n < rounds(TIMES); n++) {

        t = DAY + (time_t) random_below((size_t) END_OF_9999 - 2 * DAY);
        offset = (int) random_below(2 * 1440 - 1) - 1439;

        t += 60 * offset;
        assert_non_null(gmtime_r(&t, &tm));
        t -= 60 * offset;

        assert_in_range(snprintf(text, sizeof(text),
                                 "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
                                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                                 tm.tm_hour, tm.tm_min, tm.tm_sec,
                                 offset < 0 ? '-' : '+', abs(offset) / 60,
                                 abs(offset) % 60),
                        25, 25);

        check_time(text, t);
    }
}


/* All dates with a day of 0 to 32 and a month of 0 to 13, over 401 years. */

static void
test_dates_that_do_not_exist(void **state)
{
    char       text[64], back[REG_TIME_LEN + 1];
    int64_t    seconds, last;
    unsigned   year, end, month, day, days, taken;
    struct tm  tm;

    (void) state;

    last = -DAY;
    taken = 0;
    end = 1970 + (unsigned) rounds(400);

    for (year = 1970; year <= end; year++) {
        for (month = 0; month <= 13; month++) {

            memset(&tm, 0, sizeof(tm));
            tm.tm_year = (int) year - 1900;
            tm.tm_mon = (int) month;        /* of the next month, ... */
            tm.tm_mday = 0;                 /* ... the day before its first */
            (void) timegm(&tm);
            days = (month < 1 || month > 12) ? 0 : (unsigned) tm.tm_mday;

            for (day = 0; day <= 32; day++) {

                (void) snprintf(text, sizeof(text), "%04u-%02u-%02uT00:00:00Z",
                                year, month, day);

                if (day < 1 || day > days) {
                    assert_int_equal(parse(&seconds, reg_str(text), NULL),
                                     REG_INVALID);
                    continue;
                }

                /* each day follows on the one before */

                last += DAY;
                check_time(text, last);
                reg_time_format(back, last);
                assert_string_equal(back, text);
                taken++;
            }
        }
    }

    assert_int_equal(taken, end == 2370 ? 401 * 365 + 97 : 14 * 365 + 3);
}


static void
test_no_time_in_the_calendar(void **state)
{
    char    sentence[REG_ERROR_MAX];
    size_t  i;

    static const char  *cases[] = {
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:60:00Z",
        "2026-01-31T23:59:60Z",
        "2016-12-31T23:59:60Z",     /* this one was; we do not have them */
        "1969-12-31T23:59:59Z",
        "1969-12-31T23:59:59-12:00",
        "0000-01-01T00:00:00Z"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(sentence, sizeof(sentence),
                        "\"%s\" is no time in the calendar", cases[i]);
        check_no_time(cases[i], sentence);
    }
}


/* In the calendar where it was written, but not in UTC. */

static void
test_out_of_range(void **state)
{
    (void) state;

    check_no_time("1970-01-01T00:00:00+00:01",
                  "\"1970-01-01T00:00:00+00:01\" is not between the years "
                  "1970 and 9999");
    check_no_time("9999-12-31T23:59:00-00:01",
                  "\"9999-12-31T23:59:00-00:01\" is not between the years "
                  "1970 and 9999");
    check_no_time("9999-12-31T23:59:59-00:01",
                  "\"9999-12-31T23:59:59-00:01\" is not between the years "
                  "1970 and 9999");
}


static void
test_malformed(void **state)
{
    char    sentence[REG_ERROR_MAX];
    size_t  i;

    static const char  *cases[] = {
        "",
        "Z",
        "now",
        "2026-01-31",
        "2026-01-31T23:59Z",
        "2026-01-31T23:59:59",
        "2026-01-31 23:59:59Z",
        "2026-01-31T23:59:59 Z",
        " 2026-01-31T23:59:59Z",
        "2026-01-31T23:59:59Z ",
        "2026-01-31T23:59:59ZZ",
        "2026-01-31T23:59:59UTC",
        "2026-01-31T23:59:59.Z",
        "2026-01-31T23:59:59.",
        "2026-01-31T23:59:59.5",
        "2026-01-31T23:59:59,5Z",
        "2026-01-31T23:59:59.5.5Z",
        "2026-01-31T23:59:59.-5Z",
        "2026-01-31T23:59:59.+01:00",
        "2026-01-31T23:59:59.-01:00",
        "2026-01-31T23:59:59+",
        "2026-01-31T23:59:59+01",
        "2026-01-31T23:59:59+0100",
        "2026-01-31T23:59:59+1:000",
        "2026-01-31T23:59:59+01-00",
        "2026-01-31T23:59:59+24:00",
        "2026-01-31T23:59:59-01:60",
        "2026-01-31T23:59:59+-1:00",
        "2026-01-31T23:59:59*01:00",
        "2026-01-31T23:59:59+01:00Z",
        "20260131T235959Z0000",
        "2026/01/31T23:59:59Z",
        "2026-01-31T23.59.59Z",
        "2026-1-31T23:59:59Z0",
        "-026-01-31T23:59:59Z",
        "+2026-01-31T23:59:59Z",
        "12026-01-31T23:59:59Z",
        "2026-0x-31T23:59:59Z",
        "2026-01-31T2 :59:59Z",
        "2026-01-31T23:5:059Z",
        "2026-01-31T23:59:5aZ",
        "1769903999",
        "2026-W05-6T23:59:59Z"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(sentence, sizeof(sentence),
                        "\"%s\" is no time, " CHECK_FORM, cases[i]);
        check_no_time(cases[i], sentence);
    }
}


/* Any one byte of a good time, replaced by any other. */

static void
test_no_byte_is_overlooked(void **state)
{
    size_t         i;
    int64_t        seconds;
    unsigned       c, good;
    unsigned char  text[] = "2026-01-31T23:59:59Z";

    (void) state;

    good = 0;

    for (i = 0; i < REG_TIME_LEN; i++) {
        for (c = 0; c < 256; c++) {

            unsigned char  kept = text[i];

            text[i] = (unsigned char) c;

            if (parse(&seconds, (reg_str_t) { REG_TIME_LEN, text }, NULL)
                == REG_OK)
            {
                good++;
            }

            text[i] = kept;
        }
    }

    /*
     * Years 2 to 9 in the first digit, any in the next three; months 01 (11 has
     * 30 days), 01 03 05 07 08; days 01 11 21 31, 30 31; hours 03 13 23, 20 to
     * 23; minutes and seconds; four separators; and the two cases of "T", "Z".
     */

    assert_int_equal(good, 8 + 10 + 10 + 10 + 1 + 5 + 4 + 2 + 3 + 4
                           + 6 + 10 + 6 + 10 + 4 + 2 + 2);
}


static void
test_durations(void **state)
{
    size_t       i;
    int64_t      seconds;
    reg_str_t    copy;
    reg_error_t  error;

    static const struct {
        const char  *text;
        int64_t      seconds;
    } cases[] = {
        { "1s", 1 },
        { "90s", 90 },
        { "2m", 120 },
        { "3h", 10800 },
        { "90d", 90 * DAY },
        { "007d", 7 * DAY },
        { "2w", 14 * DAY },
        { "36525d", (int64_t) 36525 * DAY },
        { "876600h", (int64_t) 36525 * DAY },
        { "52596000m", (int64_t) 36525 * DAY },
        { "3155760000s", (int64_t) 36525 * DAY },
        { "5217w", (int64_t) 5217 * 7 * DAY }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy = exact_copy(reg_str(cases[i].text));
        assert_int_equal(reg_duration_parse(&seconds, copy, &error), REG_OK);
        assert_int_equal(seconds, cases[i].seconds);
        free(copy.data);
    }
}


static void
check_no_duration(const char *text, const char *sentence)
{
    char         expected[REG_ERROR_MAX];
    int64_t      seconds;
    reg_str_t    copy;
    reg_error_t  error;

    seconds = 42;
    copy = exact_copy(reg_str(text));

    if (reg_duration_parse(&seconds, copy, &error) != REG_INVALID) {
        fail_msg("\"%s\" was taken for a duration", text);
    }

    assert_int_equal(reg_duration_parse(&seconds, copy, NULL), REG_INVALID);
    assert_int_equal(seconds, 42);
    free(copy.data);

    (void) snprintf(expected, sizeof(expected), "\"%s\" %s", text, sentence);
    assert_string_equal(error.text, expected);
}


static void
test_no_durations(void **state)
{
    size_t  i;

    static const char  *malformed[] = {
        "", "s", "0s", "00d", "1", "90", "1y", "1D", "1S", "1 d", " 1d", "1d ",
        "-1d", "+1d", "1.5d", "1d12h", "1dd", "d1", "0x1d", "1ms", "1e3s"
    };

    static const char  *too_long[] = {
        "36526d", "876601h", "52596001m", "3155760001s", "5218w", "36525w",
        "9223372036854775807s", "9223372036854775808s", "18446744073709551617s",
        "99999999999999999999999999999999999999d",

        /* seconds that would be 1 in 64 bits, if nobody looked */
        "307445734561825861m", "5124095576030432h", "213503982334602d"
    };

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        check_no_duration(malformed[i], "is no duration, write a positive "
                          "number and one of s, m, h, d, w, such as 90d");
    }

    for (i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
        check_no_duration(too_long[i], "is longer than 100 years");
    }
}


/* What a person reads is cut and printable, whatever was in the record. */

static void
test_sentences_are_printable(void **state)
{
    size_t         i;
    int64_t        seconds;
    reg_error_t    error;
    unsigned char  text[1000];

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (unsigned char) (1 + i % 255);
    }

    assert_int_equal(reg_time_parse(&seconds,
                                    (reg_str_t) { sizeof(text), text },
                                    &error),
                     REG_INVALID);

    assert_int_equal(strlen(error.text), REG_ERROR_MAX - 1);

    for (i = 0; i < REG_ERROR_MAX - 1; i++) {
        assert_in_range(error.text[i], 0x20, 0x7e);
    }

    assert_memory_equal(error.text, "\"??????????????????????????????? !\"#",
                        36);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known_times),
        cmocka_unit_test(test_a_fraction_is_dropped),
        cmocka_unit_test(test_an_offset_is_applied),
        cmocka_unit_test(test_the_calendar_to_its_end),
        cmocka_unit_test(test_random_times_are_what_gmtime_says),
        cmocka_unit_test(test_random_offsets_are_what_timegm_says),
        cmocka_unit_test(test_dates_that_do_not_exist),
        cmocka_unit_test(test_no_time_in_the_calendar),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_byte_is_overlooked),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_no_durations),
        cmocka_unit_test(test_sentences_are_printable)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
