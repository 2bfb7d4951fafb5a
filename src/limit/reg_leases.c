/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_leases.h"


/* A change of a lease, as reg_marks_change() wants it. */

typedef struct {
    int64_t   now;
    int64_t   lease;                    /* to be put, or as it became */
    int64_t   until;
    uint32_t  count;                    /* taken, or put back */
    int       done;
} reg_leases_change_t;


static int reg_leases_change(reg_leases_t *leases, size_t i,
    reg_marks_change_t how, reg_leases_change_t *change);
static int64_t reg_leases_change_take(void *data, int64_t lease);
static int64_t reg_leases_change_ask(void *data, int64_t lease);
static int64_t reg_leases_change_refuse(void *data, int64_t lease);
static int64_t reg_leases_change_answered(void *data, int64_t lease);
static int64_t reg_leases_change_put(void *data, int64_t lease);
static int64_t reg_leases_change_add(void *data, int64_t lease);
static int64_t reg_leases_change_end(void *data, int64_t lease);


void
reg_leases_find(reg_leases_t *leases, reg_marks_t *marks, uint64_t key)
{
    int64_t  one, other;

    one = reg_marks_get(marks, key);
    other = reg_marks_get(marks, key ^ 1);

    leases->marks = marks;
    leases->at = 1;

    if (one <= other) {
        leases->keys[0] = key;
        leases->keys[1] = key ^ 1;

        leases->leases[0] = one;
        leases->leases[1] = other;

    } else {
        leases->keys[0] = key ^ 1;
        leases->keys[1] = key;

        leases->leases[0] = other;
        leases->leases[1] = one;
    }
}


uint32_t
reg_leases_left(const reg_leases_t *leases, int64_t now)
{
    return reg_lease_left(leases->leases[0], now)
           + reg_lease_left(leases->leases[1], now);
}


reg_rc_t
reg_leases_take(reg_leases_t *leases, int64_t now)
{
    int                  taken;
    size_t               i;
    reg_leases_change_t  change;

    change.now = now;

    for (i = 0; i < REG_LEASES; i++) {

        if (reg_lease_left(leases->leases[i], now) == 0) {
            continue;
        }

        taken = reg_leases_change(leases, i, reg_leases_change_take, &change);

        leases->leases[i] = change.lease;

        if (taken) {
            leases->at = i;
            return REG_OK;
        }
    }

    return REG_NOTFOUND;
}


int64_t
reg_leases_at(const reg_leases_t *leases)
{
    return leases->leases[leases->at];
}


/* The other one may hold the next ones already. */

int
reg_leases_low(const reg_leases_t *leases, int64_t now)
{
    return reg_lease_low(reg_leases_at(leases))
           && (leases->at == 1 || reg_lease_left(leases->leases[1], now) == 0);
}


int
reg_leases_ask(reg_leases_t *leases, int64_t now)
{
    reg_leases_change_t  change;

    change.now = now;
    change.until = reg_lease_until(reg_leases_at(leases));

    return reg_leases_change(leases, leases->at, reg_leases_change_ask,
                             &change);
}


void
reg_leases_refuse(reg_leases_t *leases, int64_t now)
{
    int64_t              lease;
    reg_leases_change_t  change;

    lease = reg_leases_at(leases);

    if (reg_lease_refusing(lease) == lease) {
        return;
    }

    change.now = now;
    change.until = reg_lease_until(lease);

    (void) reg_leases_change(leases, leases->at, reg_leases_change_refuse,
                             &change);
}


void
reg_leases_put(reg_leases_t *leases, int64_t lease, int64_t now)
{
    int                  done;
    size_t               i;
    reg_leases_change_t  change;

    change.now = now;
    change.lease = reg_lease_after(lease, leases->leases[1], now);
    change.until = reg_lease_until(lease);
    change.count = reg_lease_left(lease, now);

    /* both may say that somebody asks, though this is what was asked for */

    for (i = 0; i < REG_LEASES; i++) {
        (void) reg_leases_change(leases, i, reg_leases_change_answered,
                                 &change);
    }

    done = 0;

    /* in place of one that is over or used up */

    for (i = 0; i < REG_LEASES && !done; i++) {
        done = reg_leases_change(leases, i, reg_leases_change_put, &change);
    }

    /* or to one that is over no later */

    for (i = REG_LEASES; i-- && !done; /* void */ ) {
        done = reg_leases_change(leases, i, reg_leases_change_add, &change);
    }
}


uint32_t
reg_leases_end(reg_leases_t *leases, int64_t until, int64_t now)
{
    size_t               i;
    uint32_t             count;
    reg_leases_change_t  change;

    change.now = now;
    change.until = until;

    count = 0;

    for (i = 0; i < REG_LEASES; i++) {

        if (reg_lease_until(leases->leases[i]) == until
            && reg_leases_change(leases, i, reg_leases_change_end, &change))
        {
            count += change.count;
        }
    }

    return count;
}


reg_rc_t
reg_leases_refund(reg_leases_t *leases, int64_t until, int64_t now)
{
    size_t               i;
    reg_leases_change_t  change;

    change.now = now;
    change.until = until;
    change.count = 1;

    for (i = 0; i < REG_LEASES; i++) {

        if (reg_lease_until(leases->leases[i]) == until
            && reg_leases_change(leases, i, reg_leases_change_add, &change))
        {
            return REG_OK;
        }
    }

    return REG_NOTFOUND;
}


/* Says whether it was done; what was not is as if it had not been tried. */

static int
reg_leases_change(reg_leases_t *leases, size_t i, reg_marks_change_t how,
    reg_leases_change_t *change)
{
    return reg_marks_change(leases->marks, leases->keys[i], change->now, how,
                            change)
           == REG_OK && change->done;
}


static int64_t
reg_leases_change_take(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    change->lease = reg_lease_take(lease, change->now);
    change->done = (change->lease != lease);

    return change->lease;
}


static int64_t
reg_leases_change_ask(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    int64_t  asking;

    asking = reg_lease_asking(lease);

    change->done = (asking != lease && reg_lease_until(lease) == change->until);

    return change->done ? asking : lease;
}


static int64_t
reg_leases_change_refuse(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    change->done = (reg_lease_until(lease) == change->until);

    return change->done ? reg_lease_refusing(lease) : lease;
}


static int64_t
reg_leases_change_answered(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    change->done = 1;

    return reg_lease_answered(lease);
}


static int64_t
reg_leases_change_put(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    change->done = (reg_lease_left(lease, change->now) == 0);

    return change->done ? change->lease : lease;
}


static int64_t
reg_leases_change_add(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    change->done = (reg_lease_live(lease, change->now)
                    && reg_lease_until(lease) <= change->until);

    return change->done ? reg_lease_add(lease, change->count) : lease;
}


/* The time is over, so nobody takes any more of what is left. */

static int64_t
reg_leases_change_end(void *data, int64_t lease)
{
    reg_leases_change_t *change = data;

    change->done = (reg_lease_until(lease) == change->until
                    && !reg_lease_live(lease, change->now));

    change->count = change->done ? reg_lease_count(lease) : 0;

    return lease - (int64_t) change->count;
}
