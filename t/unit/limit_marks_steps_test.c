/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -pthread */

/*
 * Two workers at the same marks, each stopped and killed at every step that
 * the other may see.  The code under test is compiled into this file, so
 * that each of its atomic operations is a step and a scheduler decides whose is
 * the next.
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

#include "reg_marks.c"

#include "marks.h"
#include "random.h"

#define SIZE      REG_MARKS_MIN
#define TO_END    UINT32_MAX        /* steps */
#define PAIRS     3000              /* of schedules, of those there are */

typedef struct {
    pthread_t      thread;
    sem_t          go;
    uint64_t       key;
    int64_t        now;
    unsigned       left;            /* steps until it is stopped */
    unsigned       steps;           /* so far */
    int            passed;          /* as marks_take() says it */
    unsigned       done:1;
    unsigned       die:1;
    jmp_buf        dead;
} worker_t;


static reg_marks_t             *marks;
static reg_gcra_t               gcra;
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
            me->passed = marks_take(marks, me->key, &gcra, me->now);
        }

        me->die = 0;
        me->done = 1;
        (void) sem_post(&stopped);
    }

    return NULL;
}


/* Lets a worker do so many steps; it may be done before. */

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
        w->passed = -2;
        (void) sem_post(&w->go);
        (void) sem_wait(&stopped);
    }
}


static void
begin(worker_t *w, uint64_t key, int64_t now)
{
    w->key = key;
    w->now = now;
    w->steps = 0;
    w->passed = -3;
    w->done = 0;
}


/* How many marks a key has. */

static unsigned
count(uint64_t key)
{
    size_t               way;
    unsigned             n;
    reg_marks_slot_t    *slot;
    reg_marks_bucket_t  *bucket;

    bucket = reg_marks_bucket(marks, key);
    n = 0;

    for (way = 0; way < REG_MARKS_WAYS; way++) {
        slot = &bucket->slots[way];
        n += (slot->key == key && slot->mark != 0
              && !reg_marks_claimed(slot->mark));
    }

    return n;
}


/* The bucket: empty, or full of marks that have something to say. */

static void
set_up(unsigned full)
{
    unsigned  k;

    memset(marks->buckets, 0, SIZE - sizeof(reg_marks_t));

    for (k = 0; full && k < MARKS_WAYS; k++) {
        assert_int_equal(marks_set(marks, 100 + k, MARKS_NOW + 1000 + k,
                                   MARKS_NOW), REG_OK);
    }
}


/* The steps of one worker that nobody disturbs. */

static unsigned
alone(unsigned full)
{
    set_up(full);
    begin(&workers[0], marks_key(1), MARKS_NOW);
    run(&workers[0], TO_END);
    assert_int_equal(workers[0].passed, 1);

    return workers[0].steps;
}


/*
 * Both want the only permit of the same new key.  The first does a steps, the
 * second b, the first c more, and then both go on to their end.
 */

static void
race(unsigned full, unsigned a, unsigned b, unsigned c)
{
    worker_t  *first, *second;

    first = &workers[random_below(2)];
    second = &workers[first == workers];

    set_up(full);
    begin(first, marks_key(1), MARKS_NOW);
    begin(second, marks_key(1), MARKS_NOW);

    run(first, a);
    run(second, b);
    run(first, c);
    run(second, TO_END);
    run(first, TO_END);

    if (first->passed + second->passed != 1 || first->passed < 0
        || second->passed < 0 || count(marks_key(1)) != 1)
    {
        fail_msg("after %u, %u and %u steps %d and %d have passed, there are "
                 "%u marks", a, b, c, first->passed, second->passed,
                 count(marks_key(1)));
    }
}


static void
test_one_permit_is_taken_once(void **state)
{
    size_t    i;
    unsigned  a, b, full, steps;

    (void) state;

    for (full = 0; full < 2; full++) {

        steps = alone(full);

        for (a = 0; a <= steps; a++) {
            race(full, a, 0, 0);

            for (b = 1; b <= steps; b++) {
                race(full, a, b, 0);
            }
        }

        for (i = 0; i < rounds(PAIRS); i++) {
            race(full, (unsigned) random_below(steps),
                 (unsigned) random_below(steps), 1 + (unsigned)
                 random_below(steps));
        }
    }
}


/* A worker is killed; another has the permit, if it was not taken, at once. */

static void
test_a_worker_is_killed_at_each_step(void **state)
{
    unsigned   a, full, steps, k;
    worker_t  *first, *second;

    (void) state;

    first = &workers[0];
    second = &workers[1];

    for (full = 0; full < 2; full++) {

        steps = alone(full);

        for (a = 1; a < steps; a++) {
            set_up(full);
            begin(first, marks_key(1), MARKS_NOW);
            begin(second, marks_key(1), MARKS_NOW);

            run(first, a);
            kill_worker(first);
            run(second, TO_END);

            assert_int_equal(second->passed, 1);
            assert_int_equal(count(marks_key(1)), 1);

            /* what it left is given up later: the whole bucket can be used */

            for (k = 10; k < 10 + MARKS_WAYS; k++) {
                assert_int_equal(marks_set(marks, k, MARKS_NOW * 10 + k,
                                           MARKS_NOW + 2000000000), REG_OK);
            }

            for (k = 10; k < 10 + MARKS_WAYS; k++) {
                assert_int_equal(count(marks_key(k)), 1);
            }
        }
    }
}


/*
 * One takes from a key that is there while the other makes room for a new one:
 * it has its permit or not, and no other key pays for it.
 */

static void
test_a_key_is_dropped_while_it_is_used(void **state)
{
    unsigned   a, b, k, steps;
    worker_t  *first, *second;

    (void) state;

    first = &workers[0];
    second = &workers[1];
    steps = alone(1);

    for (a = 0; a <= steps; a++) {
        for (b = 0; b <= steps; b++) {
            set_up(1);

            /* the least of them, so it is the one that has to go */

            begin(first, marks_key(100), MARKS_NOW + 500);
            begin(second, marks_key(1), MARKS_NOW + 500);

            run(first, a);
            run(second, b);
            run(first, TO_END);
            run(second, TO_END);

            assert_int_equal(second->passed, 1);
            assert_in_range(first->passed, 0, 1);
            assert_true(count(marks_key(100)) <= 1);
            assert_true(count(marks_key(1)) <= 1);

            for (k = 103; k < 100 + MARKS_WAYS; k++) {
                assert_int_equal(reg_marks_get(marks, marks_key(k)),
                                 MARKS_NOW + 900 + k);
            }
        }
    }
}


/*
 * Two race for a key that was lost in races before, so that all slots have it
 * still.  While the one that has claimed its slot last waits, a third takes up
 * another key, which stays as it is.
 */

static void
test_another_key_is_left_alone(void **state)
{
    size_t     way;
    unsigned   a, b, steps;
    worker_t  *first, *second;

    (void) state;

    first = &workers[0];
    second = &workers[1];
    steps = alone(0);

    for (a = 0; a <= steps; a++) {
        for (b = 0; b <= steps; b++) {
            set_up(0);

            for (way = 0; way < REG_MARKS_WAYS; way++) {
                reg_marks_bucket(marks, marks_key(1))->slots[way].key =
                                                                  marks_key(1);
            }

            begin(first, marks_key(1), MARKS_NOW);
            begin(second, marks_key(1), MARKS_NOW);

            run(first, a);
            run(second, b);
            run(first, TO_END);

            assert_int_equal(marks_set(marks, 2, MARKS_NOW * 2, MARKS_NOW),
                             REG_OK);

            run(second, TO_END);

            assert_int_equal(first->passed + second->passed, 1);
            assert_int_equal(count(marks_key(1)), 1);
            assert_int_equal(count(marks_key(2)), 1);
            assert_int_equal(reg_marks_get(marks, marks_key(2)), MARKS_NOW * 2);
        }
    }
}


/*
 * A worker sleeps for longer than a claim is waited for, while others use the
 * whole bucket.  It may take the place of one when it wakes, as a new key does
 * in a full bucket, and nothing else.
 */

static void
test_a_worker_sleeps_at_each_step(void **state)
{
    unsigned   a, full, k, left, steps;
    worker_t  *first;

    (void) state;

    first = &workers[0];

    for (full = 0; full < 2; full++) {

        steps = alone(full);

        for (a = 1; a < steps; a++) {
            set_up(full);
            begin(first, marks_key(1), MARKS_NOW);
            run(first, a);

            for (k = 10; k < 10 + MARKS_WAYS; k++) {
                assert_int_equal(marks_set(marks, k, MARKS_NOW * 10 + k,
                                           MARKS_NOW + 2000000000), REG_OK);
            }

            run(first, TO_END);

            assert_int_equal(first->passed, 1);
            assert_int_equal(count(marks_key(1)), 1);

            for (k = 10, left = 0; k < 10 + MARKS_WAYS; k++) {
                left += count(marks_key(k));
            }

            assert_int_equal(left, MARKS_WAYS - 1);
        }
    }
}


static int
start(void **state)
{
    size_t      i;
    reg_rate_t  rate;

    (void) state;

    marks = marks_new(SIZE);

    if (reg_rate_parse(&rate, REG_STR("1/1h"), NULL) != REG_OK) {
        return -1;
    }

    reg_gcra_init(&gcra, &rate);

    if (sem_init(&stopped, 0, 0) != 0) {
        return -1;
    }

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
group_stop(void **state)
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
    marks_free(marks, SIZE);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_one_permit_is_taken_once),
        cmocka_unit_test(test_a_worker_is_killed_at_each_step),
        cmocka_unit_test(test_a_key_is_dropped_while_it_is_used),
        cmocka_unit_test(test_another_key_is_left_alone),
        cmocka_unit_test(test_a_worker_sleeps_at_each_step)
    };

    return cmocka_run_group_tests(tests, start, group_stop);
}
