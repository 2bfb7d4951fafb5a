/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "reg_gcra.h"
#include "random.h"

#define SECOND    1000000000LL
#define HOUR      (3600 * SECOND)
#define DAY       (24 * HOUR)

#define START     (1000 * DAY)      /* of the clock in most tests */
#define RUNS      2000
#define REQUESTS  400               /* of a run */
#define BURST     64                /* the most of a run */

__extension__ typedef __int128  wide_t;


static reg_gcra_t
make(const char *rate, const char *burst)
{
    reg_gcra_t   gcra;
    reg_rate_t   parsed;
    reg_error_t  error;

    if (reg_rate_parse(&parsed, reg_str(rate), &error) != REG_OK
        || (burst && reg_rate_burst(&parsed, reg_str(burst), &error) != REG_OK))
    {
        fail_msg("%s", error.text);
    }

    reg_gcra_init(&gcra, &parsed);

    return gcra;
}


/* Takes a permit that must be there, or must not, until wait is over. */

static void
takes(const reg_gcra_t *gcra, int64_t *mark, int64_t now, uint32_t remaining)
{
    reg_gcra_answer_t  answer, look;

    reg_gcra_look(gcra, *mark, now, &look);
    *mark = reg_gcra_take(gcra, *mark, now, &answer);

    assert_int_equal(answer.wait, 0);
    assert_int_equal(answer.remaining, remaining);
    assert_int_equal(look.wait, 0);
    assert_int_equal(look.remaining, remaining + 1);
}


static void
refuses(const reg_gcra_t *gcra, int64_t mark, int64_t now, int64_t wait)
{
    reg_gcra_answer_t  answer, look;

    reg_gcra_look(gcra, mark, now, &look);

    assert_int_equal(reg_gcra_take(gcra, mark, now, &answer), mark);
    assert_int_equal(answer.wait, wait);
    assert_int_equal(answer.remaining, 0);
    assert_int_equal(look.wait, wait);
    assert_int_equal(look.remaining, 0);
}


static void
test_a_burst_then_one_by_one(void **state)
{
    int64_t     mark, now;
    reg_gcra_t  gcra;

    (void) state;

    gcra = make("2/1h", "3");
    mark = 0;
    now = START;

    takes(&gcra, &mark, now, 2);
    takes(&gcra, &mark, now, 1);
    takes(&gcra, &mark, now, 0);
    refuses(&gcra, mark, now, HOUR / 2);
    refuses(&gcra, mark, now + HOUR / 2 - 1, 1);
    takes(&gcra, &mark, now + HOUR / 2, 0);
    refuses(&gcra, mark, now + HOUR / 2, HOUR / 2);

    /* and all of it is there again after so long */

    takes(&gcra, &mark, now + 2 * HOUR, 2);
}


static void
test_a_burst_is_the_count_where_none_is_given(void **state)
{
    int         i;
    int64_t     mark;
    reg_gcra_t  gcra;

    (void) state;

    gcra = make("100/6h", NULL);
    mark = 0;

    for (i = 99; i >= 0; i--) {
        takes(&gcra, &mark, START, (uint32_t) i);
    }

    refuses(&gcra, mark, START, 6 * HOUR / 100);
}


static void
test_a_refund_makes_it_as_it_was(void **state)
{
    int64_t     mark;
    reg_gcra_t  gcra;

    (void) state;

    gcra = make("2/1h", NULL);
    mark = 0;

    takes(&gcra, &mark, START, 1);
    takes(&gcra, &mark, START + 1, 0);
    refuses(&gcra, mark, START + 2, HOUR / 2 - 2);

    mark = reg_gcra_refund(&gcra, mark);

    takes(&gcra, &mark, START + 2, 0);
    refuses(&gcra, mark, START + 2, HOUR / 2 - 2);

    assert_int_equal(reg_gcra_refund(&gcra, 0), 0);
    assert_int_equal(reg_gcra_refund(&gcra, 1), 0);
}


/* An override that is lower comes into force while more has been taken. */

static void
test_a_mark_of_another_rate(void **state)
{
    int         i;
    int64_t     mark;
    reg_gcra_t  high, low;

    (void) state;

    high = make("1000/1h", NULL);
    low = make("1/1h", NULL);
    mark = 0;

    for (i = 999; i >= 0; i--) {
        takes(&high, &mark, START, (uint32_t) i);
    }

    refuses(&low, mark, START, HOUR);
    takes(&low, &mark, START + HOUR, 0);
    refuses(&high, mark, START, HOUR + HOUR / 1000);
}


static void
test_an_interval_is_rounded_up(void **state)
{
    (void) state;

    assert_int_equal(make("7r/s", NULL).interval, 142857143);
    assert_int_equal(make("3/2s", NULL).interval, 666666667);
    assert_int_equal(make("1000000r/s", NULL).interval, 1000);
    assert_int_equal(make("30r/m", NULL).interval, 2 * SECOND);
}


static void
test_the_largest_values(void **state)
{
    int64_t     mark, now;
    reg_gcra_t  gcra;

    (void) state;

    /* the longest interval with the largest burst */

    gcra = make("1/31d", "3");
    mark = 0;
    now = INT64_MAX / 2 - 100 * DAY;

    takes(&gcra, &mark, now, 2);
    takes(&gcra, &mark, now, 1);
    takes(&gcra, &mark, now, 0);
    refuses(&gcra, mark, now, 31 * DAY);
    assert_true(mark - now <= REG_GCRA_AHEAD_MAX);

    /* the shortest */

    gcra = make("1000000/s", "1000000000");
    mark = 0;

    takes(&gcra, &mark, now, 999999999);
    assert_int_equal(gcra.tolerance, 1000 * SECOND);

    /* the most permits of one window */

    gcra = make("1000000000/31d", NULL);
    mark = 0;

    takes(&gcra, &mark, now, 999999999);
    assert_true(gcra.tolerance <= 31 * DAY + SECOND);
}


static void
test_seconds_are_rounded_up(void **state)
{
    (void) state;

    assert_int_equal(reg_gcra_seconds(0), 0);
    assert_int_equal(reg_gcra_seconds(1), 1);
    assert_int_equal(reg_gcra_seconds(SECOND), 1);
    assert_int_equal(reg_gcra_seconds(SECOND + 1), 2);
    assert_int_equal(reg_gcra_seconds(INT64_MAX), 9223372037);
}


/*
 * The model: each permit that was taken grows again, one after the other, and
 * each takes an interval.  There is a permit while fewer than a burst are gone.
 */

typedef struct {
    int64_t  back[REQUESTS];        /* when each of the taken is there again */
    size_t   n;
} model_t;


static int
model_take(model_t *model, const reg_gcra_t *gcra, uint32_t burst, int64_t now,
    int64_t *wait, uint32_t *remaining)
{
    size_t    i;
    int64_t   last;
    uint32_t  gone;

    gone = 0;

    for (i = 0; i < model->n; i++) {
        gone += model->back[i] > now;
    }

    if (gone >= burst) {
        *wait = model->back[model->n - burst] - now;
        *remaining = 0;
        return 0;
    }

    last = model->n ? model->back[model->n - 1] : 0;
    model->back[model->n++] = (last > now ? last : now) + gcra->interval;

    *wait = 0;
    *remaining = burst - gone - 1;

    return 1;
}


/* In any time t no more than b + N t/W: all pairs of those that passed. */

static void
check_bound(const int64_t *passed, size_t n, const reg_rate_t *rate)
{
    size_t  i, j;
    wide_t  t;

    for (i = 0; i < n; i++) {
        for (j = i; j < n; j++) {
            t = passed[j] - passed[i];

            if ((wide_t) (j - i + 1)
                > rate->burst + t * rate->count / rate->window / SECOND)
            {
                fail_msg("%zu have passed in %lld ns with %u in %u s, burst %u",
                         j - i + 1, (long long) t, rate->count, rate->window,
                         rate->burst);
            }
        }
    }
}


static void
test_it_is_what_the_model_is(void **state)
{
    size_t             run, i, npassed;
    int64_t            mark, now, wait, passed[REQUESTS];
    uint32_t           remaining;
    reg_gcra_t         gcra;
    reg_rate_t         rate;
    reg_gcra_answer_t  answer;

    static model_t  model;

    (void) state;

    for (run = 0; run < rounds(RUNS); run++) {

        rate.window = (uint32_t) (random_below(8) ? 1 + random_below(100)
                                          : 1 + random_below(31 * 86400));
        rate.count = (uint32_t) (1 + random_below(random_below(4) ? 20
                                                                  : 1000000));
        rate.burst = (uint32_t) (1 + random_below(BURST));

        if ((wide_t) rate.window * SECOND / rate.count * rate.burst
            > 99 * DAY)
        {
            rate.burst = 1;
        }

        reg_gcra_init(&gcra, &rate);

        model.n = 0;
        npassed = 0;
        mark = 0;
        now = (int64_t) random_below(START);

        for (i = 0; i < REQUESTS; i++) {

            mark = reg_gcra_take(&gcra, mark, now, &answer);

            if (model_take(&model, &gcra, rate.burst, now, &wait, &remaining)) {
                passed[npassed++] = now;
            }

            assert_int_equal(answer.wait, wait);
            assert_int_equal(answer.remaining, remaining);

            switch (random_below(4)) {
            case 0:
                break;
            case 1:
                now += answer.wait;
                break;
            case 2:
                now += (int64_t) random_below((size_t) gcra.interval * 2);
                break;
            default:
                now += (int64_t) random_below((size_t) gcra.interval / 4 + 1);
            }
        }

        check_bound(passed, npassed, &rate);
    }
}


/* Whoever always asks again when it says so gets all that there is. */

static void
test_nothing_is_lost_to_those_who_wait(void **state)
{
    int64_t            mark, now, passed;
    reg_gcra_t         gcra;
    reg_gcra_answer_t  answer;

    (void) state;

    gcra = make("7r/s", "5");
    mark = 0;
    passed = 0;

    for (now = START; now <= START + 100 * SECOND; now += answer.wait) {
        mark = reg_gcra_take(&gcra, mark, now, &answer);
        passed += (answer.wait == 0);
    }

    assert_int_equal(passed, 5 + 100 * SECOND / gcra.interval);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_burst_then_one_by_one),
        cmocka_unit_test(test_a_burst_is_the_count_where_none_is_given),
        cmocka_unit_test(test_a_refund_makes_it_as_it_was),
        cmocka_unit_test(test_a_mark_of_another_rate),
        cmocka_unit_test(test_an_interval_is_rounded_up),
        cmocka_unit_test(test_the_largest_values),
        cmocka_unit_test(test_seconds_are_rounded_up),
        cmocka_unit_test(test_it_is_what_the_model_is),
        cmocka_unit_test(test_nothing_is_lost_to_those_who_wait)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
