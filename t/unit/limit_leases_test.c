/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "marks.h"
#include "random.h"
#include "reg_leases.h"

#define KEY    marks_key(1)
#define NOW    (1000 * REG_LEASE_TICK)
#define STEPS  100000

static reg_marks_t  *marks;


static reg_leases_t
leases_of(uint64_t key)
{
    reg_leases_t  leases;

    reg_leases_find(&leases, marks, key);

    return leases;
}


/* A permit at this time: the tick until which it may be used, or 0. */

static int64_t
take(int64_t now)
{
    reg_leases_t  leases;

    leases = leases_of(KEY);

    return reg_leases_take(&leases, now) == REG_OK
           ? reg_lease_until(reg_leases_at(&leases)) / REG_LEASE_TICK : 0;
}


/* So many permits of as many that were asked for, until this tick. */

static void
put(int64_t tick, uint32_t count, int last, int64_t now)
{
    reg_leases_t  leases;

    leases = leases_of(KEY);
    reg_leases_put(&leases,
                   reg_lease_make(tick * REG_LEASE_TICK, count, count, last),
                   now);
}


static int
ask(int64_t now)
{
    reg_leases_t  leases;

    leases = leases_of(KEY);

    return reg_leases_ask(&leases, now);
}


static void
test_what_is_over_first_is_used_first(void **state)
{
    reg_leases_t  leases;

    (void) state;

    assert_int_equal(take(NOW), 0);

    put(1020, 2, 0, NOW);
    put(1010, 1, 0, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_left(&leases, NOW), 3);
    assert_int_equal(reg_lease_until(reg_leases_at(&leases)),
                     1020 * REG_LEASE_TICK);

    /* the other key of the pair is not another counter */

    leases = leases_of(KEY ^ 1);
    assert_int_equal(reg_leases_left(&leases, NOW), 3);

    leases = leases_of(marks_key(3));
    assert_int_equal(reg_leases_left(&leases, NOW), 0);

    assert_int_equal(take(NOW), 1010);
    assert_int_equal(take(NOW), 1020);
    assert_int_equal(take(1020 * REG_LEASE_TICK), 0);
    assert_int_equal(take(NOW), 1020);
    assert_int_equal(take(NOW), 0);
}


static void
test_one_asks_when_the_last_ones_are_low(void **state)
{
    reg_leases_t  leases, other;

    (void) state;

    put(1010, 4, 0, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
    assert_false(reg_leases_low(&leases, NOW));

    assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
    assert_true(reg_leases_low(&leases, NOW));

    other = leases_of(KEY);
    assert_true(reg_leases_low(&other, NOW));

    assert_true(reg_leases_ask(&leases, NOW));
    assert_false(reg_leases_ask(&other, NOW));

    other = leases_of(KEY);
    assert_false(reg_leases_low(&other, NOW));

    /* there are others beside them */

    put(1020, 4, 0, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
    assert_false(reg_leases_low(&leases, NOW));

    /* of these, and no longer of those */

    assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
    assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
    assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
    assert_int_equal(reg_lease_until(reg_leases_at(&leases)),
                     1020 * REG_LEASE_TICK);
    assert_true(reg_leases_low(&leases, NOW));
    assert_true(reg_leases_ask(&leases, NOW));

    /* nobody asks for what another lease has to say */

    leases = leases_of(KEY);
    put(1030, 4, 0, 1020 * REG_LEASE_TICK);
    put(1030, 4, 0, 1020 * REG_LEASE_TICK);
    assert_false(reg_leases_ask(&leases, 1020 * REG_LEASE_TICK));
}


/* The other one is there, and has no permit. */

static void
test_one_asks_though_an_answer_of_none_is_over_later(void **state)
{
    size_t        i;
    reg_leases_t  leases;

    (void) state;

    put(1010, 4, 0, NOW);
    put(1020, 0, 1, NOW);

    for (i = 0; i < 2; i++) {
        assert_int_equal(take(NOW), 1010);

        leases = leases_of(KEY);
        assert_int_equal(reg_leases_take(&leases, NOW), REG_OK);
        assert_int_equal(reg_lease_until(reg_leases_at(&leases)),
                         1010 * REG_LEASE_TICK);
        assert_true(reg_leases_low(&leases, NOW));
        assert_true(reg_leases_ask(&leases, NOW));
        assert_false(reg_leases_ask(&leases, NOW));

        /* once more, in the lease that is over first */

        put(1020, 0, 1, NOW);

        assert_int_equal(reg_leases_refund(&leases, 1010 * REG_LEASE_TICK, NOW),
                         REG_OK);
        assert_int_equal(reg_leases_refund(&leases, 1010 * REG_LEASE_TICK, NOW),
                         REG_OK);
    }
}


/*
 * Two leases end in the same tick.  The older one, where somebody asked, does
 * not hide the answer of the younger one, and when both are used up, somebody
 * may ask again.
 */

static void
test_an_answer_ends_the_asking(void **state)
{
    int           last;
    reg_leases_t  leases;

    (void) state;

    for (last = 0; last < 2; last++) {
        put(1010 + last, 2, 0, NOW);

        assert_true(ask(NOW));
        assert_false(ask(NOW));

        put(1010 + last, 2, last, NOW);

        while (take(NOW)) {
            /* void */
        }

        leases = leases_of(KEY);
        assert_int_equal(reg_lease_last(reg_leases_at(&leases)), last);

        assert_true(ask(NOW));

        /* nothing is left for the next turn */

        put(1010 + last, 0, 0, NOW);
    }
}


static void
test_who_was_refused_is_remembered(void **state)
{
    reg_leases_t  leases;

    (void) state;

    put(1010, 1, 1, NOW);
    assert_int_equal(take(NOW), 1010);

    leases = leases_of(KEY);
    reg_leases_refuse(&leases, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_lease_refusing(reg_leases_at(&leases)),
                     reg_leases_at(&leases));

    /* in the next ones as well, while it is not over */

    put(1020, 1, 1, NOW);
    leases = leases_of(KEY);
    assert_int_equal(reg_lease_until(reg_leases_at(&leases)),
                     1020 * REG_LEASE_TICK);
    assert_int_equal(reg_lease_refusing(reg_leases_at(&leases)),
                     reg_leases_at(&leases));

    put(1040, 1, 1, 1030 * REG_LEASE_TICK);
    leases = leases_of(KEY);
    assert_int_not_equal(reg_lease_refusing(reg_leases_at(&leases)),
                         reg_leases_at(&leases));

    /* what came in its place meanwhile has refused nobody */

    put(1060, 1, 1, 1050 * REG_LEASE_TICK);
    put(1060, 1, 1, 1050 * REG_LEASE_TICK);
    reg_leases_refuse(&leases, 1050 * REG_LEASE_TICK);

    leases = leases_of(KEY);
    assert_int_not_equal(reg_lease_refusing(reg_leases_at(&leases)),
                         reg_leases_at(&leases));
}


static void
test_a_third_one_is_added_to_one_that_is_over_no_later(void **state)
{
    reg_leases_t  leases;

    (void) state;

    put(1010, 1, 0, NOW);
    put(1020, 1, 0, NOW);
    put(1015, 4, 0, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_left(&leases, NOW), 6);
    assert_int_equal(reg_leases_left(&leases, 1010 * REG_LEASE_TICK), 1);

    /* where both are over later it is lost: nobody may use it for longer */

    put(1009, 4, 0, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_left(&leases, NOW), 6);
}


static void
test_a_permit_goes_back_where_it_is_from(void **state)
{
    reg_leases_t  leases;

    (void) state;

    put(1010, 1, 0, NOW);
    put(1020, 1, 0, NOW);

    assert_int_equal(take(NOW), 1010);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_refund(&leases, 1010 * REG_LEASE_TICK, NOW),
                     REG_OK);
    assert_int_equal(take(NOW), 1010);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_refund(&leases, 1010 * REG_LEASE_TICK,
                                       1010 * REG_LEASE_TICK), REG_NOTFOUND);
    assert_int_equal(reg_leases_refund(&leases, 1005 * REG_LEASE_TICK, NOW),
                     REG_NOTFOUND);
}


static void
test_what_is_left_is_taken_away_once(void **state)
{
    reg_leases_t  leases;

    (void) state;

    put(1010, 8, 0, NOW);
    put(1020, 4, 0, NOW);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_end(&leases, 1010 * REG_LEASE_TICK,
                                    1010 * REG_LEASE_TICK - 1), 0);
    assert_int_equal(reg_leases_end(&leases, 1010 * REG_LEASE_TICK,
                                    1010 * REG_LEASE_TICK), 8);
    assert_int_equal(reg_leases_end(&leases, 1010 * REG_LEASE_TICK,
                                    1010 * REG_LEASE_TICK), 0);

    leases = leases_of(KEY);
    assert_int_equal(reg_leases_left(&leases, NOW), 4);
}


/* Whatever is done, nobody has a permit that was not granted. */

static void
test_no_permit_comes_from_nowhere(void **state)
{
    int64_t       now, until, tick;
    size_t        i, n;
    uint32_t      count;
    uint64_t      granted, used;
    reg_leases_t  leases;

    (void) state;

    granted = 0;
    used = 0;
    until = 0;
    now = NOW;
    n = rounds(STEPS);

    for (i = 0; i < n; i++) {
        tick = now / REG_LEASE_TICK;
        leases = leases_of(KEY);

        switch (random_below(8)) {

        case 0:
            count = (uint32_t) random_below(9);
            put(tick + (int64_t) random_below(20), count,
                (int) random_below(2), now);
            granted += count;
            break;

        case 1:
            now += (int64_t) random_below(4 * REG_LEASE_TICK);
            break;

        case 2:
            used += reg_leases_end(&leases, (tick - (int64_t) random_below(8))
                                            * REG_LEASE_TICK, now);
            break;

        case 3:
            if (until
                && reg_leases_refund(&leases, until, now) == REG_OK)
            {
                used--;
                until = 0;
            }

            break;

        case 4:
            (void) reg_leases_ask(&leases, now);
            break;

        case 5:
            reg_leases_refuse(&leases, now);
            break;

        default:
            if (reg_leases_take(&leases, now) == REG_OK) {
                used++;
                until = reg_lease_until(reg_leases_at(&leases));
                assert_true(until > now);
            }
        }

        leases = leases_of(KEY);
        assert_true(used + reg_leases_left(&leases, now) <= granted);
    }

    assert_true(used > granted / 8);
}


static int
start(void **state)
{
    (void) state;

    marks = marks_new(REG_MARKS_MIN);

    return 0;
}


static int
end(void **state)
{
    (void) state;

    marks_free(marks, REG_MARKS_MIN);

    return 0;
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, start, end)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_what_is_over_first_is_used_first),
        TEST(test_one_asks_when_the_last_ones_are_low),
        TEST(test_one_asks_though_an_answer_of_none_is_over_later),
        TEST(test_an_answer_ends_the_asking),
        TEST(test_who_was_refused_is_remembered),
        TEST(test_a_third_one_is_added_to_one_that_is_over_no_later),
        TEST(test_a_permit_goes_back_where_it_is_from),
        TEST(test_what_is_left_is_taken_away_once),
        TEST(test_no_permit_comes_from_nowhere)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
