/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LEASE_H
#define REG_LEASE_H

/*
 * Permits that a host has from Redis ahead of need, in one number that its
 * workers change by compare and swap (see reg_marks.h): until when they may be
 * used, how many are left, how many were asked for, whether Redis had no more
 * than it gave, whether somebody was refused for that, and whether somebody is
 * asking for the next ones already.
 *
 * With N permits in a window W let L be the least of 1 s and W/10.  A permit
 * may be used for 2/5 L since it was asked for, and what is left then is given
 * back, which Redis takes until 3/5 L.  So of N permits in W with a burst b
 * there pass in any time t no more than b + N t/W + N L/W: those of before that
 * are still in use and those that were given back after they had grown again
 * are within the last term.
 */

#include "reg_gcra.h"

/* Asked for at once; at the highest rate there are so many in 4 ms. */

#define REG_LEASE_ASK_MAX  4096

/* Times are cut to so many nanoseconds, about a millisecond. */

#define REG_LEASE_TICK     ((int64_t) 1 << 20)

typedef struct {
    int64_t  life;              /* ns that a permit may be used for */
    int64_t  poll;              /* ns that an answer "no more" is believed */
    int64_t  back;              /* us since it was granted that Redis takes */
} reg_lease_terms_t;            /* it back for */


void reg_lease_terms(reg_lease_terms_t *terms, const reg_rate_t *rate,
    const reg_gcra_t *gcra);


/*
 * A lease: count of asked permits, a power of two up to REG_LEASE_ASK_MAX, are
 * left, to be used before until; last if Redis had no more.
 */

int64_t reg_lease_make(int64_t until, uint32_t asked, uint32_t count,
    int last);


/* How many permits may be used now, and how many it holds, used or not. */

uint32_t reg_lease_left(int64_t lease, int64_t now);
uint32_t reg_lease_count(int64_t lease);


/* Whether it says anything yet, until when, and whether it was the last one. */

int reg_lease_live(int64_t lease, int64_t now);
int64_t reg_lease_until(int64_t lease);
int reg_lease_last(int64_t lease);


/* Nanoseconds since it was asked for. */

int64_t reg_lease_age(const reg_lease_terms_t *terms, int64_t lease,
    int64_t now);


/* One permit less; or the same, if there is none. */

int64_t reg_lease_take(int64_t lease, int64_t now);


/* So many permits more, as far as they can be counted. */

int64_t reg_lease_add(int64_t lease, uint32_t count);


/*
 * Whether it is time to ask for more, while those who come can be served yet;
 * a lease that says that somebody does, and one that says so no longer.
 */

int reg_lease_low(int64_t lease);
int64_t reg_lease_asking(int64_t lease);
int64_t reg_lease_answered(int64_t lease);


/*
 * Redis had no more: is that to be believed, so that who comes is refused and
 * need not ask?  It is for a moment; and after that, until the lease is over,
 * where others were refused already: for one that has to wait for each permit
 * that grows is not what makes them more.  Otherwise who comes asks and waits.
 */

int reg_lease_spent(const reg_lease_terms_t *terms, int64_t lease,
    int64_t now);


/*
 * A lease that says that somebody was refused; and one that says so because the
 * one before it did.
 */

int64_t reg_lease_refusing(int64_t lease);
int64_t reg_lease_after(int64_t lease, int64_t before, int64_t now);


/*
 * How many to ask for, by how fast the last ones went: a power of two.  It is
 * not more than the part of what is left that is for one of so many hosts, lest
 * the others find nothing, or what grows again meanwhile.
 */

uint32_t reg_lease_batch(const reg_lease_terms_t *terms,
    const reg_gcra_t *gcra, int64_t lease, int64_t now, uint32_t left,
    uint32_t hosts);

#endif /* REG_LEASE_H */
