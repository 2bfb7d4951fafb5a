/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "random.h"
#include "reg_lease.h"

#define MILLISECOND  1000000LL
#define SECOND       1000000000LL
#define START        (1000 * REG_LEASE_TICK)


static reg_lease_terms_t
terms_of(const char *rate, const char *burst, reg_gcra_t *gcra)
{
    reg_rate_t         parsed;
    reg_error_t        error;
    reg_lease_terms_t  terms;

    if (reg_rate_parse(&parsed, reg_str(rate), &error) != REG_OK
        || (burst && reg_rate_burst(&parsed, reg_str(burst), &error) != REG_OK))
    {
        fail_msg("%s", error.text);
    }

    reg_gcra_init(gcra, &parsed);
    reg_lease_terms(&terms, &parsed, gcra);

    return terms;
}


static void
test_the_terms_keep_within_the_bound(void **state)
{
    reg_gcra_t         gcra;
    reg_lease_terms_t  terms;

    (void) state;

    /* L is 1 s: used for 2/5 of it, and given back until 3/5 */

    terms = terms_of("100/6h", NULL, &gcra);
    assert_int_equal(terms.life, 400 * MILLISECOND);
    assert_int_equal(terms.back, 600 * 1000);
    assert_int_equal(terms.poll, 50 * MILLISECOND);

    /* L is a tenth of a window of 1 s */

    terms = terms_of("1000r/s", NULL, &gcra);
    assert_int_equal(terms.life, 40 * MILLISECOND);
    assert_int_equal(terms.back, 60 * 1000);
    assert_int_equal(terms.poll, 5 * MILLISECOND);

    /* and a small burst must not overflow while nobody asks */

    terms = terms_of("1000r/s", "4", &gcra);
    assert_int_equal(terms.poll, MILLISECOND);
}


static void
test_permits_are_taken_until_it_is_over(void **state)
{
    int64_t  lease;

    (void) state;

    lease = reg_lease_make(START, 4, 3, 0);

    assert_int_equal(reg_lease_until(lease), START);
    assert_int_equal(reg_lease_left(lease, START - 1), 3);
    assert_int_equal(reg_lease_left(lease, START), 0);
    assert_int_equal(reg_lease_count(lease), 3);
    assert_false(reg_lease_last(lease));

    assert_int_equal(reg_lease_take(lease, START), lease);

    lease = reg_lease_take(lease, START - 1);
    lease = reg_lease_take(lease, START - 1);
    lease = reg_lease_take(lease, START - 1);
    assert_int_equal(reg_lease_left(lease, START - 1), 0);
    assert_int_equal(reg_lease_take(lease, START - 1), lease);
    assert_int_equal(reg_lease_until(lease), START);

    assert_true(reg_lease_live(lease, START - 1));
    assert_false(reg_lease_live(lease, START));
    assert_true(reg_lease_last(reg_lease_make(START, 1, 0, 1)));

    /* none at all is one that was over long ago */

    assert_int_equal(reg_lease_left(0, 1), 0);
    assert_false(reg_lease_live(0, 1));
}


static void
test_nothing_runs_over(void **state)
{
    int64_t   lease;
    uint32_t  i, count, asked;

    (void) state;

    for (i = 0; i < 100000; i++) {
        asked = (uint32_t) 1 << random_below(13);
        count = (uint32_t) random_below(asked + 1);

        lease = reg_lease_make(START + 5, asked, count, (int) (i & 1));

        assert_int_equal(reg_lease_until(lease), START);
        assert_int_equal(reg_lease_count(lease), count);
        assert_int_equal(reg_lease_last(lease), i & 1);

        lease = reg_lease_asking(lease);

        assert_int_equal(reg_lease_until(lease), START);
        assert_int_equal(reg_lease_count(lease), count);
        assert_int_equal(reg_lease_last(lease), i & 1);
        assert_false(reg_lease_low(lease));

        lease = reg_lease_add(lease, (uint32_t) random_below(1 << 20));

        assert_int_equal(reg_lease_until(lease), START);
        assert_true(reg_lease_count(lease) >= count);
        assert_int_equal(reg_lease_last(lease), i & 1);
    }
}


static void
test_more_is_asked_for_at_the_half(void **state)
{
    (void) state;

    assert_false(reg_lease_low(reg_lease_make(START, 8, 5, 0)));
    assert_true(reg_lease_low(reg_lease_make(START, 8, 4, 0)));
    assert_false(reg_lease_low(reg_lease_asking(reg_lease_make(START, 8, 4,
                                                               0))));

    assert_true(reg_lease_low(reg_lease_answered(
                              reg_lease_asking(reg_lease_make(START, 8, 4,
                                                              0)))));

    /* of a single one there is no half: nobody knows whether more come */

    assert_false(reg_lease_low(reg_lease_make(START, 1, 0, 0)));
}


static void
test_no_more_is_believed_for_a_moment(void **state)
{
    int64_t            lease, sent;
    reg_gcra_t         gcra;
    reg_lease_terms_t  terms;

    (void) state;

    terms = terms_of("1000r/s", NULL, &gcra);
    sent = START - terms.life;

    lease = reg_lease_make(START, 4, 0, 1);

    assert_int_equal(reg_lease_age(&terms, lease, sent + 7), 7);
    assert_true(reg_lease_spent(&terms, lease, sent + terms.poll - 1));
    assert_false(reg_lease_spent(&terms, lease, sent + terms.poll));

    /* there was as much as was asked for: nobody said "no more" */

    assert_false(reg_lease_spent(&terms, reg_lease_make(START, 4, 0, 0), sent));
    assert_false(reg_lease_spent(&terms,
                           reg_lease_refusing(reg_lease_make(START, 4, 0, 0)),
                           sent));
}


static void
test_where_some_were_refused_it_is_believed_until_it_is_over(void **state)
{
    int64_t            lease, next;
    reg_gcra_t         gcra;
    reg_lease_terms_t  terms;

    (void) state;

    terms = terms_of("1000r/s", NULL, &gcra);
    lease = reg_lease_refusing(reg_lease_make(START, 4, 3, 1));

    assert_int_equal(reg_lease_until(lease), START);
    assert_int_equal(reg_lease_count(lease), 3);
    assert_true(reg_lease_spent(&terms, lease, START - 1));
    assert_false(reg_lease_spent(&terms, lease, START));

    /* the next one goes on so, if there was no time between */

    next = reg_lease_make(START + SECOND, 4, 0, 1);

    assert_int_equal(reg_lease_after(next, lease, START - 1),
                     reg_lease_refusing(next));
    assert_int_equal(reg_lease_after(next, lease, START), next);
    assert_int_equal(reg_lease_after(next, reg_lease_make(START, 4, 0, 1),
                                     START - 1), next);
}


static void
test_a_batch_is_what_goes_in_half_its_life(void **state)
{
    int64_t            now, until;
    reg_gcra_t         gcra;
    reg_lease_terms_t  terms;

    (void) state;

    terms = terms_of("1000000/1h", NULL, &gcra);
    now = START + SECOND;

    /* nothing is known, or not any more */

    assert_int_equal(reg_lease_batch(&terms, &gcra, 0, now, 1000000, 1), 1);
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(now, 64, 0, 0), now,
                                     1000000, 1), 1);

    /* 32 have gone in 100 ms: so do 64 in 200 ms */

    until = now - 100 * MILLISECOND + terms.life;
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 64, 32, 0), now,
                                     1000000, 1), 64);

    /* 4 have: less are enough */

    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 64, 60, 0), now,
                                     1000000, 1), 8);

    /* at once: four times as many, and no more than there may be */

    until = now + terms.life;
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 64, 0, 0), now,
                                     1000000, 1), 256);
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, REG_LEASE_ASK_MAX, 0,
                                                    0), now,
                                     1000000, 1), REG_LEASE_ASK_MAX);

    /* no more than the part of this host, or what grows in 200 ms: 55 */

    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 64, 0, 0), now,
                                     1000, 4), 64);
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 64, 0, 0), now,
                                     0, 4), 32);

    /* where nothing was left it is as it was */

    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 16, 0, 1), now,
                                     1000, 4), 16);

    /* but where some were refused, what grows in 50 ms: 13 */

    assert_int_equal(reg_lease_batch(&terms, &gcra,
                           reg_lease_refusing(reg_lease_make(until, 1, 0, 1)),
                           now, 0, 4), 16);
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 1, 0, 1), now, 0,
                                     4), 1);

    /* a slow one is taken one by one */

    terms = terms_of("100/6h", NULL, &gcra);
    assert_int_equal(reg_lease_batch(&terms, &gcra,
                                     reg_lease_make(until, 64, 0, 0), now,
                                     7, 4), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_terms_keep_within_the_bound),
        cmocka_unit_test(test_permits_are_taken_until_it_is_over),
        cmocka_unit_test(test_nothing_runs_over),
        cmocka_unit_test(test_more_is_asked_for_at_the_half),
        cmocka_unit_test(test_no_more_is_believed_for_a_moment),
        cmocka_unit_test(
            test_where_some_were_refused_it_is_believed_until_it_is_over),
        cmocka_unit_test(test_a_batch_is_what_goes_in_half_its_life)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
