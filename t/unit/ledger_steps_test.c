/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -pthread */

/*
 * Two workers take up the same row, each stopped and killed at every step that
 * the other may see.  The code under test is compiled into this file, so
 * that each of its atomic operations is a step.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

static void step(void);

#undef atomic_load
#undef atomic_store
#undef atomic_fetch_add
#undef atomic_compare_exchange_strong

#define atomic_load(p)                                                        \
    (step(), atomic_load_explicit(p, memory_order_seq_cst))
#define atomic_store(p, value)                                                \
    (step(), atomic_store_explicit(p, value, memory_order_seq_cst))
#define atomic_fetch_add(p, n)                                                \
    (step(), atomic_fetch_add_explicit(p, n, memory_order_seq_cst))
#define atomic_compare_exchange_strong(p, from, to)                           \
    (step(), atomic_compare_exchange_strong_explicit(p, from, to,             \
                 memory_order_seq_cst, memory_order_seq_cst))

#include "reg_ledger.c"

#include "ledger.h"

#define TO_END  UINT32_MAX          /* steps */
#define BYTES   1000

typedef struct {
    pthread_t    thread;
    sem_t        go;
    unsigned     left;              /* steps until it is stopped */
    unsigned     steps;             /* so far */
    unsigned     done:1;
    unsigned     die:1;
    jmp_buf      dead;
} worker_t;


static reg_ledger_t            *ledger;
static reg_ledger_key_t         key;
static sem_t                    stopped;
static worker_t                 workers[2];
static _Thread_local worker_t  *me;


/* Called before each atomic operation; those of the test itself pass. */

static void
step(void)
{
    if (me == NULL) {
        return;
    }

    while (me->left == 0) {
        (void) sem_post(&stopped);
        (void) sem_wait(&me->go);

        if (me->die) {
            longjmp(me->dead, 1);
        }
    }

    me->left--;
    me->steps++;
}


static void *
worker(void *data)
{
    me = data;

    for ( ;; ) {
        (void) sem_wait(&me->go);

        if (me->die) {
            break;
        }

        if (setjmp(me->dead) == 0) {
            reg_ledger_add(reg_ledger_row(ledger, &key),
                           REG_LEDGER_EGRESS_BYTES, BYTES);
        }

        me->die = 0;
        me->done = 1;
        (void) sem_post(&stopped);
    }

    return NULL;
}


static void
run(worker_t *w, unsigned steps)
{
    if (w->done || steps == 0) {
        return;
    }

    w->left = steps;
    (void) sem_post(&w->go);
    (void) sem_wait(&stopped);
}


static void
kill_worker(worker_t *w)
{
    if (!w->done) {
        w->die = 1;
        (void) sem_post(&w->go);
        (void) sem_wait(&stopped);
    }
}


static void
begin(void)
{
    size_t  i;

    memset(ledger->rows, 0, ledger->nrows * sizeof(reg_ledger_row_t));
    memset(ledger->recent, 0, sizeof(ledger->recent));
    reg_ledger_init_other(ledger);

    for (i = 0; i < 2; i++) {
        workers[i].steps = 0;
        workers[i].done = 0;
    }
}


/* What whoever reads finds of it, at any moment; and that rows are sound. */

static uint64_t
egress(void)
{
    assert_int_equal(reg_ledger_check_rows(ledger, NULL), REG_OK);

    return ledger_egress(ledger, &key);
}


static unsigned
alone(void)
{
    begin();
    run(&workers[0], TO_END);
    assert_int_equal(egress(), BYTES);

    return workers[0].steps;
}


static void
test_both_are_counted_wherever_they_meet(void **state)
{
    unsigned  a, b, c, steps;

    (void) state;

    steps = alone();
    assert_in_range(steps, 3, 10);

    for (a = 0; a <= steps; a++) {
        for (b = 0; b <= steps + 2; b++) {
            for (c = 0; c <= steps + 2; c++) {
                begin();

                run(&workers[0], a);
                assert_true(egress() <= 2 * BYTES);
                run(&workers[1], b);
                assert_true(egress() <= 2 * BYTES);
                run(&workers[0], c);
                assert_true(egress() <= 2 * BYTES);
                run(&workers[1], TO_END);
                run(&workers[0], TO_END);

                assert_int_equal(egress(), 2 * BYTES);
            }
        }
    }
}


static void
test_one_is_killed_at_each_step(void **state)
{
    unsigned  a, b, steps;

    (void) state;

    steps = alone();

    for (a = 1; a <= steps; a++) {
        for (b = 0; b <= steps; b++) {
            begin();

            run(&workers[1], b);
            run(&workers[0], a);
            kill_worker(&workers[0]);
            run(&workers[1], TO_END);

            /* the other one has lost nothing, nor waited for anybody */

            assert_true(egress() == BYTES || egress() == 2 * BYTES);

            reg_ledger_add(reg_ledger_row(ledger, &key),
                           REG_LEDGER_EGRESS_BYTES, 1);
            assert_int_equal(egress() % BYTES, 1);
        }
    }
}


static int
start(void **state)
{
    size_t       i;
    reg_error_t  error;
    const char  *directory;

    (void) state;

    directory = ledger_directory();
    key = ledger_key("acme", "acme/app");

    if (reg_ledger_open(&ledger, directory, LEDGER_DAY, REG_LEDGER_SIZE_MIN,
                        &error)
        != REG_OK
        || sem_init(&stopped, 0, 0) != 0)
    {
        return -1;
    }

    ledger_remove(directory);

    for (i = 0; i < 2; i++) {

        if (sem_init(&workers[i].go, 0, 0) != 0
            || pthread_create(&workers[i].thread, NULL, worker, &workers[i])
               != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
leave(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < 2; i++) {
        workers[i].die = 1;
        (void) sem_post(&workers[i].go);
        (void) pthread_join(workers[i].thread, NULL);
        (void) sem_destroy(&workers[i].go);
    }

    (void) sem_destroy(&stopped);
    reg_ledger_close(ledger);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_both_are_counted_wherever_they_meet),
        cmocka_unit_test(test_one_is_killed_at_each_step)
    };

    return cmocka_run_group_tests(tests, start, leave);
}
