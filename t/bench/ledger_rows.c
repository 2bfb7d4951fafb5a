/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Rows of a ledger, found and added to: of a thousand, of the same thousand when
 * there are many, of all of these, and by 32 threads that all want the same few.
 *
 *     ledger_rows DIRECTORY ROWS
 *
 * Prints nanoseconds of processor for each, and how many additions of the
 * threads were lost.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "reg_ledger.h"

#define FEW      1000
#define TIMES    2000000
#define THREADS  32
#define EACH     200000
#define SHARED   64
#define ROW      512                /* bytes */


static reg_ledger_t  *ledger;


static double
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static reg_ledger_row_t *
row(const char *what, size_t i)
{
    char              name[64];
    reg_ledger_key_t  key;

    (void) snprintf(name, sizeof(name), "%s/app-%zu", what, i);

    key.tenant = REG_STR("acme");
    key.repository = reg_str(name);
    key.operation = REG_STR("pull");
    key.route = REG_STR("origin");
    key.network = REG_STR("office");

    return reg_ledger_row(ledger, &key);
}


/* The names cost the same, whatever there is of rows. */

static double
lookups(size_t n)
{
    size_t    i;
    double    begun;
    uint64_t  random;

    random = 88172645463325252;
    begun = now();

    for (i = 0; i < TIMES; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;

        reg_ledger_add(row("many", random % n), REG_LEDGER_EGRESS_BYTES, 1);
    }

    return (now() - begun) / TIMES;
}


static void *
thread(void *data)
{
    size_t  i;

    for (i = 0; i < EACH; i++) {
        reg_ledger_add(row("shared", (i + (size_t) (uintptr_t) data) % SHARED),
                       REG_LEDGER_EGRESS_BYTES, 1);
    }

    return NULL;
}


static double
threads(void)
{
    size_t     i;
    double     begun;
    pthread_t  all[THREADS];

    begun = now();

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&all[i], NULL, thread, (void *) i) != 0) {
            exit(1);
        }
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(all[i], NULL);
    }

    return (now() - begun) / ((double) THREADS * EACH);
}


static uint64_t
shared(void)
{
    size_t              at;
    uint64_t            sum;
    reg_ledger_entry_t  entry;

    at = 0;
    sum = 0;

    while (reg_ledger_next(ledger, &at, REG_LEDGER_END, &entry)) {
        if (entry.key.repository.data[0] == 's') {
            sum += entry.counts[REG_LEDGER_EGRESS_BYTES];
        }
    }

    return sum;
}


int
main(int argc, char **argv)
{
    double       few, still, many, each;
    size_t       i, rows;
    reg_error_t  error;

    rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

    if (rows < FEW
        || reg_ledger_open(&ledger, argv[1], 20000, 2 * rows * ROW, &error)
           != REG_OK)
    {
        (void) fprintf(stderr, "ledger_rows: %s\n", rows ? error.text : "?");
        return 1;
    }

    for (i = 0; i < FEW; i++) {
        (void) row("many", i);
    }

    few = lookups(FEW);

    for (i = FEW; i < rows; i++) {
        (void) row("many", i);
    }

    still = lookups(FEW);
    many = lookups(rows);
    each = threads();

    (void) printf("%.0f %.0f %.0f %.0f %lld\n", few, still, many, each,
                  (long long) THREADS * EACH - (long long) shared());

    reg_ledger_close(ledger);

    return 0;
}
