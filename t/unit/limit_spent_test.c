/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"
#include "reg_spent.h"

#define NOW      1000
#define FIRST    20000
#define TENANTS  40
#define STEPS    100000
#define WORKERS  4


static reg_spent_t *
spent_new(size_t size)
{
    void         *memory;
    reg_spent_t  *spent;

    static const unsigned char  secret[REG_SPENT_SECRET_LEN] = "test's secret";

    memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    assert_true(memory != MAP_FAILED);

    spent = reg_spent_open(memory, size, secret);
    assert_non_null(spent);
    assert_ptr_equal(reg_spent_open(memory, size, secret), spent);
    assert_null(reg_spent_open(memory, size + 64, secret));

    return spent;
}


static reg_spent_at_t
ask(reg_spent_t *spent, const char *tenant, uint64_t now)
{
    reg_spent_at_t  at;

    assert_int_equal(reg_spent_ask(spent, &at, reg_str(tenant),
                                   REG_PERIOD_MONTH, now), REG_OK);

    return at;
}


static uint64_t
used(reg_spent_at_t at)
{
    uint64_t  bytes;

    assert_int_equal(reg_spent_get(at, REG_PERIOD_MONTH, FIRST, &bytes),
                     REG_OK);

    return bytes;
}


static void
test_what_is_used(void **state)
{
    uint64_t        bytes;
    reg_spent_t    *spent;
    reg_spent_at_t  at, found;

    (void) state;

    spent = spent_new(REG_SPENT_MIN);

    assert_int_equal(reg_spent_find(spent, &at, REG_STR("acme")),
                     REG_NOTFOUND);

    at = ask(spent, "acme", NOW);
    assert_int_equal(reg_spent_find(spent, &found, REG_STR("acme")), REG_OK);
    assert_ptr_equal(found.slot, at.slot);
    assert_true(reg_spent_wanted(at, REG_PERIOD_MONTH));
    assert_false(reg_spent_wanted(at, REG_PERIOD_DAY));

    reg_spent_add(at, 100);
    assert_int_equal(reg_spent_get(at, REG_PERIOD_MONTH, FIRST, &bytes),
                     REG_NOTFOUND);

    /* a guess is of all that was there when it was made */

    reg_spent_guess(at, REG_PERIOD_MONTH, FIRST, 1000);
    assert_int_equal(used(at), 1000);
    reg_spent_add(at, 10);
    assert_int_equal(used(at), 1010);

    assert_int_equal(reg_spent_keep(at, REG_PERIOD_MONTH, FIRST, 1), REG_OK);
    assert_int_equal(used(at), 1010);

    /* and is no news where something is known */

    reg_spent_guess(at, REG_PERIOD_MONTH, FIRST, 5);
    assert_int_equal(used(at), 1010);

    reg_spent_note(at);
    reg_spent_add(at, 7);
    reg_spent_set(at, REG_PERIOD_MONTH, FIRST, 500, 110);
    assert_int_equal(used(at), 617);

    reg_spent_take_back(at, 2);
    assert_int_equal(used(at), 615);

    /* others never have less, in one period */

    reg_spent_note(at);
    reg_spent_set(at, REG_PERIOD_MONTH, FIRST, 0, 115);
    assert_int_equal(used(at), 615);
    reg_spent_set(at, REG_PERIOD_MONTH, FIRST, 600, 115);
    assert_int_equal(used(at), 715);

    /* while nobody knows, others stay as they are */

    assert_int_equal(reg_spent_keep(at, REG_PERIOD_MONTH, FIRST, 125), REG_OK);
    assert_int_equal(used(at), 725);
    assert_int_equal(reg_spent_keep(at, REG_PERIOD_DAY, FIRST, 125),
                     REG_NOTFOUND);

    /* another period is not known, and a new one */

    assert_int_equal(reg_spent_get(at, REG_PERIOD_MONTH, FIRST + 30, &bytes),
                     REG_NOTFOUND);
    assert_int_equal(reg_spent_get(at, REG_PERIOD_DAY, FIRST, &bytes),
                     REG_NOTFOUND);

    reg_spent_set(at, REG_PERIOD_MONTH, FIRST + 30, 3, 4);
    assert_int_equal(reg_spent_get(at, REG_PERIOD_MONTH, FIRST + 30, &bytes),
                     REG_OK);
    assert_int_equal(bytes, 7);
}


static void
test_numbers_that_are_too_large(void **state)
{
    reg_spent_t    *spent;
    reg_spent_at_t  at;

    (void) state;

    spent = spent_new(REG_SPENT_MIN);
    at = ask(spent, "acme", NOW);

    reg_spent_set(at, REG_PERIOD_MONTH, FIRST, UINT64_MAX, 10);
    assert_true(used(at) == UINT64_MAX);

    /* taken back from the ledger already, but not here */

    at = ask(spent, "other", NOW);
    reg_spent_add(at, 100);
    reg_spent_note(at);
    reg_spent_take_back(at, 30);
    reg_spent_set(at, REG_PERIOD_MONTH, FIRST, 0, 20);
    assert_int_equal(used(at), 0);
}


static void
test_names(void **state)
{
    char            name[REG_SPENT_NAME_MAX + 2];
    reg_spent_t    *spent;
    reg_spent_at_t  at;

    (void) state;

    spent = spent_new(REG_SPENT_MIN);

    memset(name, 'a', sizeof(name));

    assert_int_equal(reg_spent_ask(spent, &at,
                         (reg_str_t) { REG_SPENT_NAME_MAX + 1,
                                       (unsigned char *) name },
                         REG_PERIOD_DAY, NOW), REG_ERROR);
    assert_null(at.slot);

    assert_int_equal(reg_spent_ask(spent, &at, REG_STR_NULL, REG_PERIOD_DAY,
                                   NOW), REG_ERROR);

    assert_int_equal(reg_spent_ask(spent, &at,
                         (reg_str_t) { REG_SPENT_NAME_MAX,
                                       (unsigned char *) name },
                         REG_PERIOD_DAY, NOW), REG_OK);

    /* nobody is at no place */

    at.slot = NULL;
    reg_spent_add(at, 1);
    reg_spent_note(at);
    reg_spent_set(at, REG_PERIOD_DAY, FIRST, 1, 1);
    assert_false(reg_spent_wanted(at, REG_PERIOD_DAY));
}


/* Who was asked for last stays; who has gone is asked for anew. */

static void
test_there_is_room_for_the_last(void **state)
{
    char            name[16], found[REG_SPENT_NAME_MAX + 1];
    size_t          i, n;
    uint64_t        bytes;
    reg_spent_t    *spent;
    reg_spent_at_t  busy, at;

    (void) state;

    spent = spent_new(REG_SPENT_MIN);

    busy = ask(spent, "busy", NOW);
    reg_spent_set(busy, REG_PERIOD_MONTH, FIRST, 42, 0);

    for (i = 0; i < 1000; i++) {
        (void) snprintf(name, sizeof(name), "t%zu", i);
        at = ask(spent, name, NOW + i);
        (void) ask(spent, "busy", NOW + i);
    }

    assert_int_equal(used(busy), 42);

    /* what was booked for one that has gone is nobody's */

    assert_int_equal(reg_spent_find(spent, &at, REG_STR("t0")), REG_NOTFOUND);

    i = n = 0;

    while (reg_spent_next(spent, &i, &at, found, NOW + 990)) {
        assert_true(strcmp(found, "busy") == 0
                    || strncmp(found, "t99", 3) == 0);
        n++;
    }

    assert_true(n >= 2);

    at = ask(spent, "t0", NOW + 2000);
    assert_int_equal(reg_spent_get(at, REG_PERIOD_MONTH, FIRST, &bytes),
                     REG_NOTFOUND);
}


/* Whatever order things happen in, nothing is left out or stays twice. */

static void
test_as_a_model_has_it(void **state)
{
    char            name[16];
    size_t          i, step, who;
    uint64_t        n;
    reg_spent_t    *spent;
    reg_spent_at_t  at[TENANTS];

    struct {
        uint64_t  booked;
        uint64_t  others;
    } model[TENANTS];

    (void) state;

    spent = spent_new(1 << 20);
    memset(model, 0, sizeof(model));

    for (i = 0; i < TENANTS; i++) {
        (void) snprintf(name, sizeof(name), "t%zu", i);
        at[i] = ask(spent, name, NOW);
        reg_spent_set(at[i], REG_PERIOD_MONTH, FIRST, 0, 0);
    }

    for (step = 0; step < rounds(STEPS); step++) {
        who = random_below(TENANTS);
        n = random_next() >> (20 + random_below(40));

        switch (random_below(4)) {

        case 0:
            reg_spent_add(at[who], n);
            model[who].booked += n;
            break;

        case 1:
            n = n < model[who].booked ? n : model[who].booked;
            reg_spent_take_back(at[who], n);
            model[who].booked -= n;
            break;

        case 2:
            model[who].others = n > model[who].others ? n : model[who].others;
            reg_spent_note(at[who]);
            reg_spent_set(at[who], REG_PERIOD_MONTH, FIRST, n,
                          model[who].booked);
            break;

        default:
            assert_true(used(at[who])
                        == model[who].booked + model[who].others);
        }
    }
}


/* Workers that come and go, and are killed, for the same few tenants. */

static void
test_workers(void **state)
{
    char            name[16];
    pid_t           child[WORKERS];
    size_t          i, round;
    uint64_t        bytes;
    reg_spent_t    *spent;
    reg_spent_at_t  at;

    (void) state;

    spent = spent_new(REG_SPENT_MIN);

    for (round = 0; round < rounds(20); round++) {

        for (i = 0; i < WORKERS; i++) {
            child[i] = fork();
            assert_true(child[i] != -1);

            if (child[i] == 0) {
                random_state += i * 77777 + round;

                for ( ;; ) {
                    (void) snprintf(name, sizeof(name), "t%zu",
                                    random_below(200));
                    if (reg_spent_ask(spent, &at, reg_str(name),
                                      REG_PERIOD_DAY, NOW + round)
                        == REG_OK)
                    {
                        reg_spent_add(at, 1);
                        reg_spent_note(at);
                        reg_spent_set(at, REG_PERIOD_DAY, FIRST, 1, 1);
                    }
                }
            }
        }

        (void) usleep(2000);

        for (i = 0; i < WORKERS; i++) {
            (void) kill(child[i], SIGKILL);
            (void) waitpid(child[i], NULL, 0);
        }
    }

    /* claims of the dead are taken over: there is room for anybody */

    for (i = 0; i < 1000; i++) {
        (void) snprintf(name, sizeof(name), "n%zu", i);
        at = ask(spent, name, NOW + 1000 + i);
        reg_spent_set(at, REG_PERIOD_MONTH, FIRST, 1, 2);
        assert_int_equal(reg_spent_get(at, REG_PERIOD_MONTH, FIRST, &bytes),
                         REG_OK);
        assert_int_equal(bytes, 3);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_is_used),
        cmocka_unit_test(test_numbers_that_are_too_large),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_there_is_room_for_the_last),
        cmocka_unit_test(test_as_a_model_has_it),
        cmocka_unit_test(test_workers)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
