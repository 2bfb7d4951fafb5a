/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -pthread */

/*
 * A zone with many at it at once, of whom some are killed and some are stopped:
 * it never answers with anything that was not put, and goes on to serve.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "random.h"
#include "reg_zone_slot.h"
#include "zone.h"

#define SIZE     REG_ZONE_MIN
#define RECORDS  12                 /* of two buckets of 8: there is a crowd */
#define THREADS  4
#define ROUNDS   20000              /* of each thread */
#define KILLS    300
#define STOPS    200

/* What the threads share besides the zone; children see it as well. */

typedef struct {
    reg_zone_t         *zone;
    _Atomic unsigned    current[RECORDS];   /* value of each in Redis */
    _Atomic unsigned    heard[RECORDS];     /* up to which all was heard of */
    _Atomic unsigned    seed;
    _Atomic unsigned    steps;
    _Atomic unsigned    served;
} shared_t;


static shared_t *
shared_new(void)
{
    shared_t  *shared;

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);

    shared->zone = zone_new(SIZE);

    return shared;
}


static void
shared_free(shared_t *shared)
{
    zone_free(shared->zone, SIZE);
    (void) munmap(shared, sizeof(shared_t));
}


static unsigned
below(uint64_t *seed, unsigned n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return (unsigned) ((*seed >> 16) % n);
}


static size_t
random_size(uint64_t *seed)
{
    return below(seed, 2) ? 12 + below(seed, 100) : 700 + below(seed, 3396);
}


/*
 * As a gateway does it: the counter, then the question.  No value of which the
 * change was heard of before it was looked for may be found.
 */

static void
step(shared_t *shared, uint64_t *seed)
{
    unsigned         k, value, heard, what;
    uint32_t         generation;
    reg_rc_t         rc;
    reg_zone_info_t  info;
    unsigned char    buf[REG_ZONE_LARGE];

    k = below(seed, RECORDS);
    what = below(seed, 100);

    atomic_fetch_add(&shared->steps, 1);

    if (what == 0) {
        value = atomic_fetch_add(&shared->current[k], 1) + 1;

        reg_zone_invalidate(shared->zone, zone_hash(k));

        /* others may have heard of a later one in the meantime */

        heard = atomic_load(&shared->heard[k]);

        while (heard < value
               && !atomic_compare_exchange_weak(&shared->heard[k], &heard,
                                                value)) { /* void */ }

    } else if (what < 40) {
        generation = reg_zone_generation(shared->zone, zone_hash(k));
        value = atomic_load(&shared->current[k]);

        zone_put_record(shared->zone, zone_hash(k), k, value,
                        random_size(seed), generation);

    } else {
        heard = atomic_load(&shared->heard[k]);

        rc = reg_zone_get(shared->zone, zone_hash(k), REG_RECORD_KEY,
                          zone_name(k), &info, buf);

        if (rc == REG_OK) {
            value = zone_check_record(k, &info, buf);

            if (value < heard) {
                abort();
            }

            atomic_fetch_add(&shared->served, 1);
        }
    }
}


static uint64_t
new_seed(shared_t *shared)
{
    return (atomic_fetch_add(&shared->seed, 1) + 1) * 0x9e3779b97f4a7c15;
}


static void *
thread(void *data)
{
    size_t     i;
    uint64_t   seed;
    shared_t  *shared;

    shared = data;
    seed = new_seed(shared);

    for (i = 0; i < ROUNDS; i++) {
        step(shared, &seed);
    }

    return NULL;
}


static void
test_threads(void **state)
{
    size_t      i;
    shared_t   *shared;
    pthread_t   threads[THREADS];

    (void) state;

    shared = shared_new();

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, thread, shared), 0);
    }

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }

    assert_int_equal(shared->steps, THREADS * ROUNDS);
    assert_true(shared->served > THREADS * ROUNDS / 10);

    shared_free(shared);
}


/* A worker that hammers on until it is killed. */

static pid_t
start_child(shared_t *shared)
{
    pid_t      pid;
    uint64_t   seed;
    unsigned   steps;

    steps = atomic_load(&shared->steps);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        seed = new_seed(shared);

        for ( ;; ) {
            step(shared, &seed);
        }
    }

    while (atomic_load(&shared->steps) < steps + 10) {
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        (void) usleep(100);
    }

    return pid;
}


static void
kill_child(pid_t pid)
{
    int  status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    /* not by its own abort() */

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}


/* All the records that are there are what they say. */

static void
check_all(shared_t *shared)
{
    unsigned         k;
    reg_zone_info_t  info;
    unsigned char    buf[REG_ZONE_LARGE];

    for (k = 0; k < RECORDS; k++) {

        if (reg_zone_get(shared->zone, zone_hash(k), REG_RECORD_KEY,
                         zone_name(k), &info, buf) == REG_OK)
        {
            assert_true(zone_check_record(k, &info, buf)
                        >= shared->heard[k]);
        }
    }
}


/* Every slot of the two buckets can be had once the dead are known to be. */

static void
check_usable(shared_t *shared, int64_t now)
{
    size_t           len;
    unsigned         k;
    uint32_t         generation;
    reg_zone_info_t  info;
    unsigned char    buf[REG_ZONE_LARGE];

    reg_zone_invalidate_all(shared->zone);

    for (len = 100; len <= 1000; len += 900) {

        for (k = 0; k < 8; k++) {
            generation = reg_zone_generation(shared->zone, zone_hash(k));
            zone_put_record_at(shared->zone, zone_hash(k), k,
                               shared->current[k], len, generation, now);
        }

        for (k = 0; k < 8; k++) {
            assert_int_equal(reg_zone_get(shared->zone, zone_hash(k),
                                          REG_RECORD_KEY, zone_name(k), &info,
                                          buf), REG_OK);
            assert_int_equal(info.len, len);
            (void) zone_check_record(k, &info, buf);
        }
    }
}


/*
 * How many slots are being written.  Sizes and places of slots are reg_zone.c's
 * own, so this goes by the time in a lock word, which no text of these holds.
 */

static size_t
count_busy(shared_t *shared)
{
    size_t     i, n;
    uint64_t  *p;

    p = (uint64_t *) (void *) shared->zone;
    n = 0;

    for (i = 0; i < SIZE / 8; i++) {
        n += (p[i] >> 32 == ZONE_NOW && (p[i] & 1));
    }

    return n;
}


static void
test_kills(void **state)
{
    size_t     i, busy;
    pid_t      pid;
    shared_t  *shared;

    (void) state;

    shared = shared_new();
    busy = 0;

    for (i = 0; i < KILLS; i++) {
        pid = start_child(shared);
        (void) usleep((useconds_t) random_below(500));
        kill_child(pid);

        check_all(shared);

        if (i % 10 == 9) {
            busy += count_busy(shared);
            check_usable(shared, ZONE_NOW + REG_ZONE_STUCK + 1);
            check_all(shared);
        }
    }

    /* or else none was killed where it matters */

    assert_true(busy > 0);

    shared_free(shared);
}


/* Stopped for so long that they are thought dead, and then they go on. */

static void
test_stops(void **state)
{
    int        status;
    size_t     i;
    pid_t      pid;
    shared_t  *shared;

    (void) state;

    shared = shared_new();
    pid = start_child(shared);

    for (i = 0; i < STOPS; i++) {
        (void) usleep((useconds_t) random_below(500));

        assert_int_equal(kill(pid, SIGSTOP), 0);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));

        check_all(shared);
        check_usable(shared, ZONE_NOW + REG_ZONE_STUCK + 1);

        assert_int_equal(kill(pid, SIGCONT), 0);

        check_all(shared);
    }

    kill_child(pid);
    check_all(shared);
    check_usable(shared, ZONE_NOW + REG_ZONE_STUCK + 1);

    shared_free(shared);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_stops)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
