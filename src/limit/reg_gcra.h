/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_GCRA_H
#define REG_GCRA_H

/*
 * The generic cell rate algorithm (ITU-T I.371, annex A; ATM Forum TM 4.0,
 * section 4.4.2) in whole nanoseconds.
 *
 * All that is kept of a counter is one point in time, its mark: when all that
 * was taken will have grown again.  A permit moves the mark by one interval; it
 * is there as long as the mark then lies no further ahead than the tolerance,
 * which is what a burst takes to grow.  So a rate of N permits in a window W
 * with a burst b lets pass, in any time t, b + N t/W permits at most.  A mark
 * that lies in the past says the same as none.
 *
 * An interval that is no whole number of nanoseconds is rounded up: never more
 * than the rate, and less by 0.1 % at worst.
 */

#include "reg_rate.h"

/* Further ahead than this no mark lies, whatever the rate. */

#define REG_GCRA_AHEAD_MAX  ((int64_t) REG_RATE_REFILL_MAX * 1000000000)

typedef struct {
    int64_t  interval;              /* nanoseconds from permit to permit */
    int64_t  tolerance;             /* nanoseconds that a burst takes to grow */
} reg_gcra_t;

typedef struct {
    int64_t   wait;                 /* nanoseconds until there is a permit; 0 */
                                    /* if there was one */
    uint32_t  remaining;            /* permits that are left now */
} reg_gcra_answer_t;


/* The rate has passed reg_rate_parse() and reg_rate_burst(). */

void reg_gcra_init(reg_gcra_t *gcra, const reg_rate_t *rate);


/*
 * Takes one permit, if there is one, and returns the new mark; the same mark if
 * there is none.  Marks and now are nanoseconds of one clock, from 0 to
 * INT64_MAX / 2.
 */

int64_t reg_gcra_take(const reg_gcra_t *gcra, int64_t mark, int64_t now,
    reg_gcra_answer_t *answer);


/* What reg_gcra_take() would answer, but that no permit is taken. */

void reg_gcra_look(const reg_gcra_t *gcra, int64_t mark, int64_t now,
    reg_gcra_answer_t *answer);


/* Gives back a permit that was taken just now: the new mark. */

int64_t reg_gcra_refund(const reg_gcra_t *gcra, int64_t mark);


/* Whole seconds, rounded up, as in Retry-After. */

int64_t reg_gcra_seconds(int64_t nanoseconds);

#endif /* REG_GCRA_H */
