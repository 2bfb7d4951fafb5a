/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A tenant that is asked for for the first time, and another worker that asks,
 * too, at any step of that.  The code under test is compiled into this file, so
 * that each of its atomic operations is a step.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void step(void);

#undef atomic_load
#undef atomic_store
#undef atomic_compare_exchange_strong

#define atomic_load(p)                                                        \
    (step(), atomic_load_explicit(p, memory_order_seq_cst))
#define atomic_store(p, value)                                                \
    (step(), atomic_store_explicit(p, value, memory_order_seq_cst))
#define atomic_compare_exchange_strong(p, from, to)                           \
    (step(), atomic_compare_exchange_strong_explicit(p, from, to,             \
                 memory_order_seq_cst, memory_order_seq_cst))

#include "reg_spent.c"

#define NOW  1000


static reg_spent_t  *spent;
static const char   *other;             /* whom the other worker asks for */
static unsigned      left;              /* steps until it does */
static int           asks;


/* The other worker is as fast as it can be. */

static void
step(void)
{
    reg_spent_at_t  at;

    if (!asks || left-- != 0) {
        return;
    }

    asks = 0;

    assert_int_equal(reg_spent_ask(spent, &at, reg_str(other), REG_PERIOD_DAY,
                                   NOW), REG_OK);
}


/* Both find room, whoever was there first: nobody is refused for nothing. */

static void
asked_by_two(const char *one, const char *two)
{
    void            *memory;
    unsigned         n;
    uint64_t         bytes;
    reg_spent_at_t   at, again;

    static const unsigned char  secret[REG_SPENT_SECRET_LEN] = "test's secret";

    other = two;

    for (n = 0; ; n++) {
        memory = aligned_alloc(REG_SPENT_ALIGN, REG_SPENT_MIN);
        assert_non_null(memory);
        memset(memory, 0, REG_SPENT_MIN);

        spent = reg_spent_open(memory, REG_SPENT_MIN, secret);
        assert_non_null(spent);

        left = n;
        asks = 1;

        assert_int_equal(reg_spent_ask(spent, &at, reg_str(one),
                                       REG_PERIOD_DAY, NOW), REG_OK);

        if (asks) {

            /* it has fewer steps than that */

            asks = 0;
            free(memory);
            break;
        }

        reg_spent_set(at, REG_PERIOD_DAY, 1, 7, 0);

        assert_int_equal(reg_spent_find(spent, &again, reg_str(one)), REG_OK);
        assert_int_equal(reg_spent_get(again, REG_PERIOD_DAY, 1, &bytes),
                         REG_OK);
        assert_int_equal(bytes, 7);

        assert_int_equal(reg_spent_find(spent, &again, reg_str(two)), REG_OK);

        free(memory);
    }

    assert_true(n > REG_SPENT_WAYS);
}


static void
test_the_same_tenant(void **state)
{
    (void) state;

    asked_by_two("acme", "acme");
}


/* Of many, some have the same bucket. */

static void
test_another_tenant(void **state)
{
    char    name[16];
    size_t  i;

    (void) state;

    for (i = 0; i < 100; i++) {
        (void) snprintf(name, sizeof(name), "t%zu", i);
        asked_by_two("acme", name);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_same_tenant),
        cmocka_unit_test(test_another_tenant)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
