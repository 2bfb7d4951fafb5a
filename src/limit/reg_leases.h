/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LEASES_H
#define REG_LEASES_H

/*
 * The leases of a key (see reg_lease.h), which the workers of a host share in
 * marks (see reg_marks.h): two, so that the next is there before the last one
 * is used up, and none is used for longer than it may be.
 */

#include "reg_lease.h"
#include "reg_marks.h"

#define REG_LEASES  2


/*
 * Both, as they were when they were looked for or changed by this worker; the
 * first is the one that is over first, or both are at once.
 */

typedef struct {
    reg_marks_t  *marks;                /* not owned */
    uint64_t      keys[REG_LEASES];
    int64_t       leases[REG_LEASES];
    size_t        at;                   /* the one that was taken from, or 1 */
} reg_leases_t;


void reg_leases_find(reg_leases_t *leases, reg_marks_t *marks, uint64_t key);


/* How many permits may be used now. */

uint32_t reg_leases_left(const reg_leases_t *leases, int64_t now);


/*
 * Takes a permit.
 *
 * REG_OK         there was one
 * REG_NOTFOUND   there is none
 */

reg_rc_t reg_leases_take(reg_leases_t *leases, int64_t now);


/*
 * The lease that a permit was taken of; otherwise the one that is over last, or
 * 0, which has what Redis said last.
 */

int64_t reg_leases_at(const reg_leases_t *leases);


/* Whether it is time to ask for the next ones. */

int reg_leases_low(const reg_leases_t *leases, int64_t now);


/*
 * Notes in that lease that somebody asks for the next ones, or that somebody
 * was refused.  The first says whether it was not noted before: this worker is
 * to ask.
 */

int reg_leases_ask(reg_leases_t *leases, int64_t now);

void reg_leases_refuse(reg_leases_t *leases, int64_t now);


/*
 * Keeps what was granted to who asked, so nobody does any more.  Where there is
 * no place for it, it is lost.
 */

void reg_leases_put(reg_leases_t *leases, int64_t lease, int64_t now);


/* Takes away all that is left of a lease that is over: so many permits. */

uint32_t reg_leases_end(reg_leases_t *leases, int64_t until, int64_t now);


/*
 * Puts a permit back into the lease that it is of.
 *
 * REG_OK         it may be taken again
 * REG_NOTFOUND   that lease is over
 */

reg_rc_t reg_leases_refund(reg_leases_t *leases, int64_t until, int64_t now);

#endif /* REG_LEASES_H */
