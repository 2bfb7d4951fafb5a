/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"
#include "reg_seats.h"

#define MOST     5
#define WORKERS  6
#define STEPS    20000

static uint64_t  dead;              /* a number that nobody has any more */


static int
alive(uint64_t pid)
{
    return pid != dead;
}


static int
alive_process(uint64_t pid)
{
    return kill((pid_t) pid, 0) == 0 || errno != ESRCH;
}


static void *
shared(size_t size)
{
    void  *memory;

    memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    assert_true(memory != MAP_FAILED);

    return memory;
}


static reg_seats_t *
seats_new(size_t size)
{
    void         *memory;
    reg_seats_t  *seats;

    static const unsigned char  secret[REG_SEATS_SECRET_LEN] = "test's secret";

    memory = shared(size);
    seats = reg_seats_open(memory, size, secret);

    assert_non_null(seats);
    assert_ptr_equal(reg_seats_open(memory, size, secret), seats);
    assert_null(reg_seats_open(memory, size + 64, secret));
    assert_null(reg_seats_open(memory, REG_SEATS_MIN - 1, secret));

    return seats;
}


static reg_rc_t
take(reg_seats_t *seats, reg_seats_row_t **row, const char *tenant, int worker)
{
    return reg_seats_take(seats, row, reg_str(tenant), MOST, worker, alive);
}


static void
test_so_many_and_no_more(void **state)
{
    int               a, b;
    size_t            i;
    reg_seats_t      *seats;
    reg_seats_row_t  *rows[MOST], *other;

    (void) state;

    dead = 0;
    seats = seats_new(REG_SEATS_MIN);
    a = reg_seats_join(seats, 100, alive);
    b = reg_seats_join(seats, 101, alive);
    assert_int_equal(a, 0);
    assert_int_equal(b, 1);

    for (i = 0; i < MOST; i++) {
        assert_int_equal(take(seats, &rows[i], "acme", i % 2 ? b : a), REG_OK);
    }

    assert_int_equal(take(seats, &other, "acme", a), REG_NOTFOUND);
    assert_int_equal(take(seats, &other, "acme", b), REG_NOTFOUND);
    assert_int_equal(take(seats, &other, "other", b), REG_OK);

    reg_seats_leave(rows[1], b);
    assert_int_equal(take(seats, &rows[1], "acme", a), REG_OK);
    assert_int_equal(take(seats, &other, "acme", b), REG_NOTFOUND);
}


static void
test_the_dead_have_no_seats(void **state)
{
    int               a, b, c;
    size_t            i;
    reg_seats_t      *seats;
    reg_seats_row_t  *row;

    (void) state;

    dead = 0;
    seats = seats_new(REG_SEATS_MIN);
    a = reg_seats_join(seats, 100, alive);
    b = reg_seats_join(seats, 101, alive);

    for (i = 0; i < MOST; i++) {
        assert_int_equal(take(seats, &row, "acme", a), REG_OK);
        assert_int_equal(take(seats, &row, "other", a), REG_OK);
    }

    assert_int_equal(take(seats, &row, "acme", b), REG_NOTFOUND);

    dead = 100;
    assert_int_equal(take(seats, &row, "acme", b), REG_OK);

    /* whoever gets its number begins with nothing, of any tenant */

    c = reg_seats_join(seats, 102, alive);
    assert_int_equal(c, a);

    for (i = 0; i < MOST; i++) {
        assert_int_equal(take(seats, &row, "other", c), REG_OK);
    }

    assert_int_equal(take(seats, &row, "other", b), REG_NOTFOUND);

    /* one that was only taken for dead leaves nothing below nothing */

    for (i = 0; i < 2 * MOST; i++) {
        reg_seats_leave(row, a);
    }

    for (i = 0; i < MOST; i++) {
        assert_int_equal(take(seats, &row, "other", b), REG_OK);
    }

    assert_int_equal(take(seats, &row, "other", b), REG_NOTFOUND);
}


static void
test_too_many(void **state)
{
    int               i;
    char              name[16];
    size_t            n;
    reg_seats_t      *seats;
    reg_seats_row_t  *row;

    (void) state;

    dead = 0;
    seats = seats_new(REG_SEATS_MIN);

    for (i = 0; i < REG_SEATS_WORKERS; i++) {
        assert_int_equal(reg_seats_join(seats, 1000 + (uint64_t) i, alive), i);
    }

    assert_int_equal(reg_seats_join(seats, 5000, alive), -1);
    dead = 1007;
    assert_int_equal(reg_seats_join(seats, 5000, alive), 7);

    /* tenants that are there stay; for others there is no room */

    for (n = 0; n < 10000; n++) {
        (void) snprintf(name, sizeof(name), "t%zu", n);

        if (take(seats, &row, name, 0) == REG_ERROR) {
            break;
        }
    }

    assert_true(n > 30 && n < 10000);

    /* who has left makes room */

    seats = seats_new(REG_SEATS_MIN);
    assert_int_equal(reg_seats_join(seats, 1, alive), 0);

    for (n = 0; n < 10000; n++) {
        (void) snprintf(name, sizeof(name), "t%zu", n);
        assert_int_equal(take(seats, &row, name, 0), REG_OK);
        reg_seats_leave(row, 0);
    }
}


/* Workers that are killed at any point: never more at once, and none lost. */

static void
test_workers(void **state)
{
    int               worker;
    pid_t             child[WORKERS];
    size_t            i, n, round;
    reg_seats_t      *seats;
    reg_seats_row_t  *row, *rows[MOST];
    _Atomic int      *at_once;

    (void) state;

    seats = seats_new(REG_SEATS_MIN);
    at_once = shared(sizeof(int) * 2);

    for (round = 0; round < 5; round++) {
        *at_once = 0;

        for (i = 0; i < WORKERS; i++) {
            child[i] = fork();
            assert_true(child[i] != -1);

            if (child[i] == 0) {
                worker = reg_seats_join(seats, (uint64_t) getpid(),
                                        alive_process);

                for (n = 0; n < rounds(STEPS) || i < 2; n++) {

                    if (worker == -1
                        || reg_seats_take(seats, &row, REG_STR("acme"), MOST,
                                          worker, alive_process)
                           != REG_OK)
                    {
                        continue;
                    }

                    if (i >= 2 && ++*at_once > MOST) {
                        _exit(1);
                    }

                    if (i >= 2) {
                        --*at_once;
                    }

                    reg_seats_leave(row, worker);
                }

                _exit(0);
            }
        }

        (void) usleep(5000);
        (void) kill(child[0], SIGKILL);
        (void) kill(child[1], SIGKILL);

        for (i = 0; i < WORKERS; i++) {
            int  status;

            assert_int_equal(waitpid(child[i], &status, 0), child[i]);
            assert_true(i < 2 || (WIFEXITED(status)
                                  && WEXITSTATUS(status) == 0));
        }

        worker = reg_seats_join(seats, (uint64_t) getpid(), alive_process);
        assert_true(worker != -1);

        for (i = 0; i < MOST; i++) {
            assert_int_equal(reg_seats_take(seats, &rows[i], REG_STR("acme"),
                                            MOST, worker, alive_process),
                             REG_OK);
        }

        for (i = 0; i < MOST; i++) {
            reg_seats_leave(rows[i], worker);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_so_many_and_no_more),
        cmocka_unit_test(test_the_dead_have_no_seats),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_workers)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
