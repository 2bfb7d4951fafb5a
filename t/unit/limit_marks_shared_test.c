/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Marks with many workers at them at once, of whom some are killed: no permit
 * is taken twice, and the others go on.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "marks.h"
#include "random.h"

#define SIZE      (16 * 1024 * 1024) /* so that no key has to make room */
#define WORKERS   4
#define KEYS      200000            /* one after the other */
#define KILLS     200
#define BURST     3

typedef struct {
    reg_marks_t       *marks;
    reg_gcra_t         gcra;
    _Atomic unsigned   next;        /* the key that all want now */
    _Atomic unsigned   passed[KEYS];
} shared_t;


static shared_t *
shared_new(void)
{
    shared_t    *shared;
    reg_rate_t   rate;

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);

    shared->marks = marks_new(SIZE);

    assert_int_equal(reg_rate_parse(&rate, REG_STR("1/1d"), NULL), REG_OK);
    assert_int_equal(reg_rate_burst(&rate, REG_STR("3"), NULL), REG_OK);
    reg_gcra_init(&shared->gcra, &rate);

    return shared;
}


static void
shared_free(shared_t *shared)
{
    marks_free(shared->marks, SIZE);
    (void) munmap(shared, sizeof(shared_t));
}


/* Two keys to a bucket. */

static uint64_t
key(unsigned k)
{
    return ((uint64_t) k / 2 + 1) << 32 | k;
}


/*
 * A worker takes all that it can get of the key of the moment.  Whoever finds
 * that there is nothing left goes on to the next one.
 */

static void
work(shared_t *shared, unsigned last)
{
    int       passed;
    unsigned  k;

    for ( ;; ) {
        k = atomic_load(&shared->next);

        if (k >= last) {
            return;
        }

        passed = marks_take(shared->marks, key(k), &shared->gcra, MARKS_NOW);

        if (passed < 0) {
            abort();
        }

        if (passed) {
            atomic_fetch_add(&shared->passed[k], 1);

        } else {
            (void) atomic_compare_exchange_strong(&shared->next, &k, k + 1);
        }
    }
}


static pid_t
start_worker(shared_t *shared, unsigned last)
{
    pid_t  pid;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        work(shared, last);
        _exit(0);
    }

    return pid;
}


static void
wait_for(pid_t pid, int sig)
{
    int  status;

    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (sig && WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), sig);
        return;
    }

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}


static void
test_each_key_gives_its_burst(void **state)
{
    pid_t      pids[WORKERS];
    size_t     i;
    unsigned   k, last;
    shared_t  *shared;

    (void) state;

    shared = shared_new();
    last = (unsigned) rounds(KEYS);

    for (i = 0; i < WORKERS; i++) {
        pids[i] = start_worker(shared, last);
    }

    for (i = 0; i < WORKERS; i++) {
        wait_for(pids[i], 0);
    }

    for (k = 0; k < last; k++) {
        assert_int_equal(shared->passed[k], BURST);
    }

    assert_int_equal(reg_marks_dropped(shared->marks), 0);

    shared_free(shared);
}


/* What a killed worker took and could not say is missing, and nothing else. */

static void
test_kills(void **state)
{
    pid_t      pids[2];
    size_t     i, less;
    unsigned   k, last;
    shared_t  *shared;

    (void) state;

    shared = shared_new();
    last = (unsigned) rounds(KEYS);

    for (i = 0; i < rounds(KILLS); i++) {
        pids[0] = start_worker(shared, last);
        pids[1] = start_worker(shared, last);

        (void) usleep((useconds_t) random_below(500));

        (void) kill(pids[0], SIGKILL);
        (void) kill(pids[1], SIGKILL);
        wait_for(pids[0], SIGKILL);
        wait_for(pids[1], SIGKILL);
    }

    work(shared, last);

    for (k = 0, less = 0; k < last; k++) {
        assert_in_range(shared->passed[k], 0, BURST);
        less += BURST - shared->passed[k];
    }

    assert_true(less <= 2 * KILLS);

    shared_free(shared);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_key_gives_its_burst),
        cmocka_unit_test(test_kills)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
