/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "grammar.h"
#include "reg_rate.h"

#define TEXTS     200000
#define ALPHABET  "0123456789/rsmhdw .-+kKMGTPiBdaywekonthx=burst"

/* What is taken, but for the caps. */

#define RATE      "(?<count>[0-9]+)r?/(?<n>[0-9]*)(?<unit>[smhdw])"
#define QUOTA     "[0-9]+(?:B|[kKMGTP]B|[KMGTP]iB)/(?:day|week|month)"
#define VALUE     "(?:off|" RATE "(?: burst=[0-9]+)?|" QUOTA ")"


static void
is_rate(const char *text, uint32_t count, uint32_t window)
{
    reg_str_t    copy;
    reg_rate_t   rate;
    reg_error_t  error;

    copy = exact_copy(reg_str(text));

    if (reg_rate_parse(&rate, copy, &error) != REG_OK) {
        fail_msg("%s", error.text);
    }

    free(copy.data);

    assert_int_equal(rate.count, count);
    assert_int_equal(rate.window, window);
    assert_int_equal(rate.burst, count);
}


static void
is_no_rate(const char *text, const char *sentence)
{
    reg_str_t    copy;
    reg_rate_t   rate;
    reg_error_t  error;

    copy = exact_copy(reg_str(text));

    assert_int_equal(reg_rate_parse(&rate, copy, &error), REG_INVALID);
    assert_string_equal(error.text, sentence);
    assert_int_equal(reg_rate_parse(&rate, copy, NULL), REG_INVALID);

    free(copy.data);
}


static void
is_quota(const char *text, uint64_t bytes, reg_period_t period)
{
    reg_str_t    copy;
    reg_quota_t  quota;
    reg_error_t  error;

    copy = exact_copy(reg_str(text));

    if (reg_quota_parse(&quota, copy, &error) != REG_OK) {
        fail_msg("%s", error.text);
    }

    free(copy.data);

    assert_int_equal(quota.bytes, bytes);
    assert_int_equal(quota.period, period);
}


static void
is_no_quota(const char *text, const char *sentence)
{
    reg_str_t    copy;
    reg_error_t  error;
    reg_quota_t  quota;

    copy = exact_copy(reg_str(text));

    assert_int_equal(reg_quota_parse(&quota, copy, &error), REG_INVALID);
    assert_string_equal(error.text, sentence);

    free(copy.data);
}


static void
is_no_value(const char *text, const char *sentence)
{
    reg_str_t          copy;
    reg_error_t        error;
    reg_limit_value_t  value;

    copy = exact_copy(reg_str(text));

    assert_int_equal(reg_limit_value_parse(&value, copy, &error), REG_INVALID);
    assert_string_equal(error.text, sentence);

    free(copy.data);
}


static void
test_rates(void **state)
{
    (void) state;

    is_rate("10r/s", 10, 1);
    is_rate("30r/m", 30, 60);
    is_rate("100/6h", 100, 21600);
    is_rate("100r/6h", 100, 21600);
    is_rate("1/s", 1, 1);
    is_rate("5/90s", 5, 90);
    is_rate("0007/1d", 7, 86400);
    is_rate("1000/4w", 1000, 28 * 86400);
    is_rate("1/31d", 1, 31 * 86400);
    is_rate("1000000r/s", 1000000, 1);
    is_rate("1000000000/1000s", 1000000000, 1000);
}


static void
test_what_is_no_rate(void **state)
{
    (void) state;

#define NO_RATE  " is no rate, write digits and a window, such as 10r/s or "  \
                 "100/6h"

    is_no_rate("", "\"\"" NO_RATE);
    is_no_rate("10", "\"10\"" NO_RATE);
    is_no_rate("/s", "\"/s\"" NO_RATE);
    is_no_rate("r/s", "\"r/s\"" NO_RATE);
    is_no_rate("-1r/s", "\"-1r/s\"" NO_RATE);
    is_no_rate("+1/s", "\"+1/s\"" NO_RATE);
    is_no_rate("1.5/s", "\"1.5/s\"" NO_RATE);
    is_no_rate("1e3/s", "\"1e3/s\"" NO_RATE);
    is_no_rate("10 r/s", "\"10 r/s\"" NO_RATE);
    is_no_rate("10R/s", "\"10R/s\"" NO_RATE);
    is_no_rate("10rr/s", "\"10rr/s\"" NO_RATE);
    is_no_rate("10TB/month", "\"10TB/month\"" NO_RATE);
    is_no_rate("\x80\n", "\"??\"" NO_RATE);

#define NO_WINDOW  " is no window, it is one of s, m, h, d and w, with a "    \
                   "number before it or without, such as 6h"

    is_no_rate("10/", "\"\"" NO_WINDOW);
    is_no_rate("10/6", "\"6\"" NO_WINDOW);
    is_no_rate("10/fortnight", "\"fortnight\"" NO_WINDOW);
    is_no_rate("10/month", "\"month\"" NO_WINDOW);
    is_no_rate("10/-6h", "\"-6h\"" NO_WINDOW);
    is_no_rate("10/6h/d", "\"6h/d\"" NO_WINDOW);
    is_no_rate("10/1.5h", "\"1.5h\"" NO_WINDOW);
    is_no_rate("10/ms", "\"ms\"" NO_WINDOW);

#define WINDOW_RANGE  " is not between 1s and 31d"

    is_no_rate("10/0h", "a window of \"0h\"" WINDOW_RANGE);
    is_no_rate("10/32d", "a window of \"32d\"" WINDOW_RANGE);
    is_no_rate("10/5w", "a window of \"5w\"" WINDOW_RANGE);
    is_no_rate("10/2678401s", "a window of \"2678401s\"" WINDOW_RANGE);
    is_no_rate("10/18446744073709551617s",
               "a window of \"18446744073709551617s\"" WINDOW_RANGE);

    is_no_rate("0/s", "\"0/s\" lets nothing pass, the least is 1 in a window, "
               "such as 1/1d");
    is_no_rate("000r/m", "\"000r/m\" lets nothing pass, the least is 1 in a "
               "window, such as 1/1d");

#define TOO_MANY  " is more than 1000000 in a second or 1000000000 in a window"

    is_no_rate("1000001r/s", "\"1000001r/s\"" TOO_MANY);
    is_no_rate("60000001r/m", "\"60000001r/m\"" TOO_MANY);
    is_no_rate("1000000001/1d", "\"1000000001/1d\"" TOO_MANY);
    is_no_rate("18446744073709551617/s", "\"18446744073709551617/s\"" TOO_MANY);
}


static void
is_burst(const char *rate, const char *text, uint32_t burst)
{
    reg_rate_t   parsed;
    reg_error_t  error;

    assert_int_equal(reg_rate_parse(&parsed, reg_str(rate), &error), REG_OK);

    if (reg_rate_burst(&parsed, reg_str(text), &error) != REG_OK) {
        fail_msg("%s", error.text);
    }

    assert_int_equal(parsed.burst, burst);
}


static void
is_no_burst(const char *rate, const char *text, const char *sentence)
{
    reg_rate_t   parsed;
    reg_error_t  error;

    assert_int_equal(reg_rate_parse(&parsed, reg_str(rate), &error), REG_OK);
    assert_int_equal(reg_rate_burst(&parsed, reg_str(text), &error),
                     REG_INVALID);
    assert_string_equal(error.text, sentence);
}


static void
test_bursts(void **state)
{
    (void) state;

    is_burst("100/6h", "1", 1);
    is_burst("100/6h", "20", 20);
    is_burst("100/6h", "1000", 1000);
    is_burst("1/1d", "100", 100);
    is_burst("1000000/s", "1000000000", 1000000000);

#define NO_BURST  " is no burst, write how many may pass at once, 1 or more"

    is_no_burst("100/6h", "", "\"\"" NO_BURST);
    is_no_burst("100/6h", "0", "\"0\"" NO_BURST);
    is_no_burst("100/6h", "-1", "\"-1\"" NO_BURST);
    is_no_burst("100/6h", "10r", "\"10r\"" NO_BURST);

#define BURST_RANGE  " is more than 1000000000 or takes more than 100 days "  \
                     "to grow again"

    is_no_burst("1/1d", "101", "a burst of \"101\"" BURST_RANGE);
    is_no_burst("1000000/s", "1000000001",
                "a burst of \"1000000001\"" BURST_RANGE);
    is_no_burst("1000000/s", "18446744073709551616",
                "a burst of \"18446744073709551616\"" BURST_RANGE);
}


static void
test_quotas(void **state)
{
    (void) state;

    is_quota("10TB/month", 10000000000000, REG_PERIOD_MONTH);
    is_quota("500GB/week", 500000000000, REG_PERIOD_WEEK);
    is_quota("1B/day", 1, REG_PERIOD_DAY);
    is_quota("2kB/day", 2000, REG_PERIOD_DAY);
    is_quota("2KB/day", 2000, REG_PERIOD_DAY);
    is_quota("3MB/day", 3000000, REG_PERIOD_DAY);
    is_quota("1KiB/day", 1024, REG_PERIOD_DAY);
    is_quota("1MiB/day", 1048576, REG_PERIOD_DAY);
    is_quota("1GiB/day", 1073741824, REG_PERIOD_DAY);
    is_quota("1TiB/day", 1099511627776, REG_PERIOD_DAY);
    is_quota("1PiB/day", 1125899906842624, REG_PERIOD_DAY);
    is_quota("1000PB/month", 1000000000000000000, REG_PERIOD_MONTH);
}


static void
test_what_is_no_quota(void **state)
{
    (void) state;

    is_no_quota("1e9TB", "\"1e9TB\" is no quota, write bytes and a period, "
                "such as 10TB/month");
    is_no_quota("", "\"\" is no quota, write bytes and a period, such as "
                "10TB/month");

#define NO_UNIT  " is no unit of bytes, it is one of B, kB, MB, GB, TB, PB, " \
                 "KiB, MiB, GiB, TiB and PiB"

    is_no_quota("1e9TB/month", "\"e9TB\" in \"1e9TB\"" NO_UNIT);
    is_no_quota("10/month", "\"\" in \"10\"" NO_UNIT);
    is_no_quota("10T/month", "\"T\" in \"10T\"" NO_UNIT);
    is_no_quota("10tb/month", "\"tb\" in \"10tb\"" NO_UNIT);
    is_no_quota("1.5TB/month", "\".5TB\" in \"1.5TB\"" NO_UNIT);

#define NO_BYTES  " is no number of bytes, write digits and a unit, such as " \
                  "10TB"

    is_no_quota("-1TB/month", "\"-1TB\"" NO_BYTES);
    is_no_quota("TB/month", "\"TB\"" NO_BYTES);

    is_no_quota("0TB/month", "\"0TB\" lets nothing pass, the least is 1B");
    is_no_quota("1000000000TB/month", "\"1000000000TB\" is more than 1000PB");
    is_no_quota("1001PB/month", "\"1001PB\" is more than 1000PB");
    is_no_quota("18446744073709551617B/day",
                "\"18446744073709551617B\" is more than 1000PB");

    is_no_quota("10TB/fortnight", "\"fortnight\" is no period of a quota, it "
                "is one of day, week and month");
    is_no_quota("10TB/1month", "\"1month\" is no period of a quota, it is one "
                "of day, week and month");
}


static void
test_values_of_records(void **state)
{
    reg_limit_value_t  value;

    (void) state;

    assert_int_equal(reg_limit_value_parse(&value, REG_STR("off"), NULL),
                     REG_OK);
    assert_int_equal(value.kind, REG_LIMIT_OFF);

    assert_int_equal(reg_limit_value_parse(&value, REG_STR("5r/m"), NULL),
                     REG_OK);
    assert_int_equal(value.kind, REG_LIMIT_RATE);
    assert_int_equal(value.u.rate.count, 5);
    assert_int_equal(value.u.rate.window, 60);
    assert_int_equal(value.u.rate.burst, 5);

    assert_int_equal(reg_limit_value_parse(&value,
                                           REG_STR("100/6h burst=20"), NULL),
                     REG_OK);
    assert_int_equal(value.kind, REG_LIMIT_RATE);
    assert_int_equal(value.u.rate.count, 100);
    assert_int_equal(value.u.rate.burst, 20);

    assert_int_equal(reg_limit_value_parse(&value, REG_STR("1GB/day"), NULL),
                     REG_OK);
    assert_int_equal(value.kind, REG_LIMIT_QUOTA);
    assert_int_equal(value.u.quota.bytes, 1000000000);
    assert_int_equal(value.u.quota.period, REG_PERIOD_DAY);

#define NO_VALUE  " is no limit, write \"off\", a rate such as 100/6h or a "   \
                  "quota such as 10TB/month"

    is_no_value("none", "\"none\"" NO_VALUE);
    is_no_value("-5/s", "\"-5/s\"" NO_VALUE);
    is_no_value("", "\"\"" NO_VALUE);
    is_no_value("5", "\"5\"" NO_RATE);
    is_no_value("10/fortnight", "\"fortnight\"" NO_WINDOW);
    is_no_value("1e9TB/month", "\"e9TB\" in \"1e9TB\"" NO_UNIT);
    is_no_value("5r/m burst=0", "\"0\"" NO_BURST);
    is_no_value("5r/m  burst=1", "\" burst=1\" behind a rate is nothing, write "
                "\"burst=\" there or nothing at all");
    is_no_value("5r/m nodelay", "\"nodelay\" behind a rate is nothing, write "
                "\"burst=\" there or nothing at all");
}


static void
test_windows_are_written_in_their_largest_unit(void **state)
{
    size_t  i;
    char    buf[REG_WINDOW_LEN];

    static const struct {
        uint32_t     window;
        const char  *text;
    } windows[] = {
        { 1, "1s" }, { 59, "59s" }, { 60, "1m" }, { 90, "90s" },
        { 3600, "1h" }, { 21600, "6h" }, { 86400, "1d" }, { 604800, "1w" },
        { 2678400, "31d" }, { 2678399, "2678399s" }
    };

    (void) state;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        reg_window_format(buf, windows[i].window);
        assert_string_equal(buf, windows[i].text);
    }
}


/* Against the grammar as an expression; caps refuse some that match. */

static void
test_random_texts(void **state)
{
    size_t             i;
    reg_rc_t           rc;
    reg_str_t          text;
    grammar_t          grammar;
    reg_error_t        error;
    unsigned char      buf[16];
    reg_limit_value_t  value;

    (void) state;

    grammar = grammar_compile("\\A" VALUE "\\z");

    for (i = 0; i < rounds(TEXTS); i++) {
        text = random_text(buf, sizeof(buf), ALPHABET);

        /* most random texts are nothing: begin like a value now and then */

        if (random_below(2) && text.len > 5) {
            memcpy(buf, random_below(2) ? "7r/6h" : "12/1m", 5);
        }

        error.text[0] = '\0';
        rc = reg_limit_value_parse(&value, text, &error);

        if (rc == REG_OK) {
            assert_true(grammar_match(&grammar, text));

        } else if (grammar_match(&grammar, text)) {
            assert_true(strstr(error.text, "more than")
                        || strstr(error.text, "nothing pass")
                        || strstr(error.text, "between")
                        || strstr(error.text, "1 or more"));
        }

        assert_int_equal(rc == REG_OK, error.text[0] == '\0');
    }

    grammar_free(&grammar);
}


static void
test_bandwidths(void **state)
{
    size_t       i;
    uint64_t     bytes;
    reg_str_t    copy;
    reg_error_t  error;

    static const struct {
        const char  *text;
        uint64_t     bytes;         /* 0: it is none */
    } cases[] = {
        { "1kB/s", 1000 }, { "50MB/s", 50000000 }, { "1GiB/s", 1073741824 },
        { "1000PB/s", REG_QUOTA_MAX }, { "999B/s", 0 }, { "0MB/s", 0 },
        { "50MB", 0 }, { "50MB/", 0 }, { "50MB/m", 0 }, { "50MB/s ", 0 },
        { "-1MB/s", 0 }, { "50/s", 0 }, { "1001PB/s", 0 }, { "", 0 },
        { "/s", 0 }, { "50MB/s/s", 0 }, { "18446744073709551617B/s", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy = exact_copy(reg_str(cases[i].text));
        error.text[0] = '\0';

        if (cases[i].bytes) {
            assert_int_equal(reg_bandwidth_parse(&bytes, copy, &error),
                             REG_OK);
            assert_int_equal(bytes, cases[i].bytes);

        } else {
            assert_int_equal(reg_bandwidth_parse(&bytes, copy, &error),
                             REG_INVALID);
            assert_int_not_equal(error.text[0], '\0');
        }

        free(copy.data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_what_is_no_rate),
        cmocka_unit_test(test_bursts),
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_what_is_no_quota),
        cmocka_unit_test(test_values_of_records),
        cmocka_unit_test(test_windows_are_written_in_their_largest_unit),
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_bandwidths)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
