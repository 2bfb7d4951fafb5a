/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -pthread */

/*
 * A ledger with many at it at once: threads, and processes that are killed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ledger.h"
#include "random.h"

#define THREADS  32
#define KEYS     64
#define TIMES    20000              /* each thread */
#define KILLS    100
#define SIZE     (1024 * 1024)


static reg_ledger_t  *ledger;


static reg_ledger_key_t
numbered(char name[32], size_t k)
{
    (void) snprintf(name, 32, "shared/%zu", k);

    return ledger_key("acme", name);
}


static void *
thread(void *data)
{
    char              name[32];
    size_t            i, n;
    reg_ledger_key_t  key;

    n = rounds(TIMES);

    for (i = 0; i < n; i++) {
        key = numbered(name, (i + (size_t) (uintptr_t) data) % KEYS);
        reg_ledger_add(reg_ledger_row(ledger, &key), REG_LEDGER_EGRESS_BYTES,
                       1);
    }

    return NULL;
}


static void
test_no_update_of_32_threads_is_lost(void **state)
{
    char               name[32];
    size_t             i;
    uint64_t           sum;
    pthread_t          threads[THREADS];
    const char        *directory;
    reg_ledger_key_t   key;

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, thread,
                                        (void *) i), 0);
    }

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }

    sum = 0;

    for (i = 0; i < KEYS; i++) {
        key = numbered(name, i);
        sum += ledger_egress(ledger, &key);
    }

    assert_int_equal(sum, THREADS * rounds(TIMES));

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


/* What a process has counted is told before and after, in shared memory. */

static void
count_until_killed(const char *directory, _Atomic uint64_t *before,
    _Atomic uint64_t *after)
{
    char               name[32];
    size_t             i;
    reg_error_t        error;
    reg_ledger_t      *l;
    reg_ledger_key_t   key;

    if (reg_ledger_open(&l, directory, LEDGER_DAY, SIZE, &error) != REG_OK) {
        _exit(1);
    }

    for (i = 0; ; i++) {
        key = numbered(name, i % 1500);

        atomic_fetch_add(before, 3);
        reg_ledger_add(reg_ledger_row(l, &key), REG_LEDGER_EGRESS_BYTES, 3);
        atomic_fetch_add(after, 3);
    }
}


static void
test_processes_are_killed_and_others_go_on(void **state)
{
    int                 status;
    pid_t               pid;
    size_t              i, n;
    uint64_t            sum;
    const char         *directory;
    _Atomic uint64_t   *counted;

    (void) state;

    directory = ledger_directory();
    counted = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                   -1, 0);
    assert_true(counted != MAP_FAILED);

    n = rounds(KILLS);

    for (i = 0; i < n; i++) {
        sum = atomic_load(&counted[1]);
        pid = fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            count_until_killed(directory, &counted[0], &counted[1]);
        }

        /* until it has counted something, and then anywhere */

        while (atomic_load(&counted[1]) < sum + 3 + random_below(3000)) {
            assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        }

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }

    ledger = ledger_read(directory);
    sum = reg_ledger_sum(ledger);

    assert_true(sum >= atomic_load(&counted[1]));
    assert_true(sum <= atomic_load(&counted[0]));

    reg_ledger_close(ledger);
    (void) munmap(counted, 4096);
    ledger_remove(directory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_no_update_of_32_threads_is_lost),
        cmocka_unit_test(test_processes_are_killed_and_others_go_on)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
