/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdatomic.h>

#include "reg_seats.h"
#include "reg_siphash.h"

/* The last digit changes with the layout of what is below. */

#define REG_SEATS_MAGIC  0x5245472053455431     /* "REG SET1" */

#define REG_SEATS_ALIGN  64
#define REG_SEATS_WAYS   8                      /* rows of a bucket */
#define REG_SEATS_TRIES  16

struct reg_seats_row_s {
    _Atomic uint64_t  key;                      /* 0: free */
    _Atomic uint16_t  taken[REG_SEATS_WORKERS];
};

struct reg_seats_s {
    _Atomic uint64_t  magic;                    /* stored last */
    size_t            size;
    size_t            nrows;
    unsigned char     secret[REG_SEATS_SECRET_LEN];
    _Atomic uint64_t  pids[REG_SEATS_WORKERS];  /* 0: free */

    _Alignas(REG_SEATS_ALIGN)
    reg_seats_row_t   rows[];
};

_Static_assert(REG_SEATS_SECRET_LEN == REG_SIPHASH_KEY_LEN,
               "the secret is the key of the hash");
_Static_assert(ATOMIC_SHORT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
               "a lock inside an atomic would stay taken");


static reg_seats_row_t *reg_seats_row(reg_seats_t *seats, uint64_t key);
static int reg_seats_empty(reg_seats_row_t *row);
static unsigned reg_seats_sum(reg_seats_row_t *row);
static void reg_seats_bury(reg_seats_t *seats, reg_seats_row_t *row,
    reg_seats_alive_t alive);


reg_seats_t *
reg_seats_open(void *addr, size_t size,
    const unsigned char secret[REG_SEATS_SECRET_LEN])
{
    uint64_t      magic;
    reg_seats_t  *seats;

    seats = addr;

    if (size < REG_SEATS_MIN || (uintptr_t) addr % REG_SEATS_ALIGN != 0) {
        return NULL;
    }

    magic = atomic_load(&seats->magic);

    if (magic != 0) {
        return magic == REG_SEATS_MAGIC && seats->size == size ? seats : NULL;
    }

    seats->size = size;
    seats->nrows = (size - sizeof(reg_seats_t)) / sizeof(reg_seats_row_t)
                   / REG_SEATS_WAYS * REG_SEATS_WAYS;

    memcpy(seats->secret, secret, REG_SEATS_SECRET_LEN);

    atomic_store(&seats->magic, REG_SEATS_MAGIC);

    return seats;
}


/* What the one before had, who is dead, is given up first. */

int
reg_seats_join(reg_seats_t *seats, uint64_t pid, reg_seats_alive_t alive)
{
    int       worker;
    size_t    i;
    uint64_t  was;

    for (worker = 0; worker < REG_SEATS_WORKERS; worker++) {

        was = atomic_load(&seats->pids[worker]);

        if (was == pid || was == 0 || !alive(was)) {

            if (!atomic_compare_exchange_strong(&seats->pids[worker], &was,
                                                pid))
            {
                continue;
            }

            for (i = 0; i < seats->nrows; i++) {
                atomic_store(&seats->rows[i].taken[worker], 0);
            }

            return worker;
        }
    }

    return -1;
}


reg_rc_t
reg_seats_take(reg_seats_t *seats, reg_seats_row_t **row, reg_str_t tenant,
    unsigned most, int worker, reg_seats_alive_t alive)
{
    unsigned          tries;
    uint64_t          key;
    reg_seats_row_t  *found;

    key = reg_siphash(seats->secret, tenant).lo | 1;

    for (tries = 0; tries < REG_SEATS_TRIES; tries++) {

        found = reg_seats_row(seats, key);

        if (found == NULL
            || atomic_load(&found->taken[worker]) == UINT16_MAX)
        {
            return REG_ERROR;
        }

        atomic_fetch_add(&found->taken[worker], 1);

        if (atomic_load(&found->key) != key) {

            /* another tenant has got the row, as nobody was in it */

            reg_seats_leave(found, worker);
            continue;
        }

        if (reg_seats_sum(found) > most) {
            reg_seats_bury(seats, found, alive);
        }

        if (reg_seats_sum(found) > most) {
            reg_seats_leave(found, worker);
            return REG_NOTFOUND;
        }

        *row = found;

        return REG_OK;
    }

    return REG_ERROR;
}


/* Never below nothing, should somebody have taken this worker for dead. */

void
reg_seats_leave(reg_seats_row_t *row, int worker)
{
    uint16_t  taken;

    taken = atomic_load(&row->taken[worker]);

    while (taken > 0
           && !atomic_compare_exchange_weak(&row->taken[worker], &taken,
                                            (uint16_t) (taken - 1)))
    {
        /* void */
    }
}


/* The row of a key, or one in which nobody is; NULL if there is none. */

static reg_seats_row_t *
reg_seats_row(reg_seats_t *seats, uint64_t key)
{
    size_t            i;
    uint64_t          was;
    reg_seats_row_t  *bucket;

    bucket = &seats->rows[(key >> 1) % (seats->nrows / REG_SEATS_WAYS)
                          * REG_SEATS_WAYS];

    for (i = 0; i < REG_SEATS_WAYS; i++) {

        if (atomic_load(&bucket[i].key) == key) {
            return &bucket[i];
        }
    }

    for (i = 0; i < REG_SEATS_WAYS; i++) {
        was = atomic_load(&bucket[i].key);

        if (reg_seats_empty(&bucket[i])
            && atomic_compare_exchange_strong(&bucket[i].key, &was, key))
        {
            return &bucket[i];
        }

        if (was == key) {
            return &bucket[i];
        }
    }

    return NULL;
}


static int
reg_seats_empty(reg_seats_row_t *row)
{
    return reg_seats_sum(row) == 0;
}


static unsigned
reg_seats_sum(reg_seats_row_t *row)
{
    size_t    i;
    unsigned  sum;

    sum = 0;

    for (i = 0; i < REG_SEATS_WORKERS; i++) {
        sum += atomic_load_explicit(&row->taken[i], memory_order_seq_cst);
    }

    return sum;
}


/* What dead workers had in a row is given up. */

static void
reg_seats_bury(reg_seats_t *seats, reg_seats_row_t *row,
    reg_seats_alive_t alive)
{
    size_t    i;
    uint64_t  pid;

    for (i = 0; i < REG_SEATS_WORKERS; i++) {

        if (atomic_load(&row->taken[i]) == 0) {
            continue;
        }

        pid = atomic_load(&seats->pids[i]);

        if (pid == 0 || !alive(pid)) {
            atomic_store(&row->taken[i], 0);
        }
    }
}
