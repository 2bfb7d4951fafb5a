/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_lease.h"

/*
 * From the left: the time in ticks, and the 20 bits that a tick leaves.  Other
 * workers have read it before they change it, so no bit is ever half there.
 */

#define REG_LEASE_LAST     ((int64_t) 1 << 19)
#define REG_LEASE_ASKING   ((int64_t) 1 << 18)
#define REG_LEASE_REFUSED  ((int64_t) 1 << 17)
#define REG_LEASE_SCALE    13                   /* bits to the right of it */
#define REG_LEASE_COUNT    (((int64_t) 1 << REG_LEASE_SCALE) - 1)

#define REG_LEASE_SECOND   ((int64_t) 1000000000)

/* The next batch is not larger than this many of those before. */

#define REG_LEASE_GROWTH   4

_Static_assert(REG_LEASE_ASK_MAX <= REG_LEASE_COUNT, "they can be counted");


static int64_t reg_lease_demand(const reg_lease_terms_t *terms,
    const reg_gcra_t *gcra, int64_t lease, int64_t now);
static uint32_t reg_lease_asked(int64_t lease);
static unsigned reg_lease_scale(uint32_t n);


void
reg_lease_terms(reg_lease_terms_t *terms, const reg_rate_t *rate,
    const reg_gcra_t *gcra)
{
    int64_t  l;

    l = (int64_t) rate->window * REG_LEASE_SECOND / 10;

    if (l > REG_LEASE_SECOND) {
        l = REG_LEASE_SECOND;
    }

    terms->life = l / 5 * 2;
    terms->back = l / 5 * 3 / 1000;

    /* whatever grows meanwhile must find a place in the burst */

    terms->poll = gcra->tolerance / 4;

    if (terms->poll > terms->life / 8) {
        terms->poll = terms->life / 8;
    }
}


int64_t
reg_lease_make(int64_t until, uint32_t asked, uint32_t count, int last)
{
    return (until & ~(REG_LEASE_TICK - 1))
           | (last ? REG_LEASE_LAST : 0)
           | (int64_t) reg_lease_scale(asked) << REG_LEASE_SCALE
           | (int64_t) count;
}


uint32_t
reg_lease_left(int64_t lease, int64_t now)
{
    return reg_lease_live(lease, now) ? reg_lease_count(lease) : 0;
}


uint32_t
reg_lease_count(int64_t lease)
{
    return (uint32_t) (lease & REG_LEASE_COUNT);
}


int
reg_lease_live(int64_t lease, int64_t now)
{
    return now < reg_lease_until(lease);
}


int64_t
reg_lease_until(int64_t lease)
{
    return lease & ~(REG_LEASE_TICK - 1);
}


int
reg_lease_last(int64_t lease)
{
    return (lease & REG_LEASE_LAST) != 0;
}


int64_t
reg_lease_take(int64_t lease, int64_t now)
{
    return reg_lease_left(lease, now) ? lease - 1 : lease;
}


int64_t
reg_lease_add(int64_t lease, uint32_t count)
{
    int64_t  room;

    room = REG_LEASE_COUNT - (lease & REG_LEASE_COUNT);

    return lease + (count < room ? (int64_t) count : room);
}


int
reg_lease_spent(const reg_lease_terms_t *terms, int64_t lease, int64_t now)
{
    if (!reg_lease_live(lease, now) || !reg_lease_last(lease)) {
        return 0;
    }

    return (lease & REG_LEASE_REFUSED) != 0
           || reg_lease_age(terms, lease, now) < terms->poll;
}


int64_t
reg_lease_refusing(int64_t lease)
{
    return lease | REG_LEASE_REFUSED;
}


int64_t
reg_lease_after(int64_t lease, int64_t before, int64_t now)
{
    return reg_lease_live(before, now) ? lease | (before & REG_LEASE_REFUSED)
                                       : lease;
}


int64_t
reg_lease_age(const reg_lease_terms_t *terms, int64_t lease, int64_t now)
{
    return now - (reg_lease_until(lease) - terms->life);
}


int
reg_lease_low(int64_t lease)
{
    return (lease & REG_LEASE_ASKING) == 0
           && reg_lease_asked(lease) > 1
           && (lease & REG_LEASE_COUNT) <= reg_lease_asked(lease) / 2;
}


int64_t
reg_lease_asking(int64_t lease)
{
    return lease | REG_LEASE_ASKING;
}


int64_t
reg_lease_answered(int64_t lease)
{
    return lease & ~REG_LEASE_ASKING;
}


uint32_t
reg_lease_batch(const reg_lease_terms_t *terms, const reg_gcra_t *gcra,
    int64_t lease, int64_t now, uint32_t left, uint32_t hosts)
{
    int64_t   most, part, batch;
    unsigned  scale;

    batch = reg_lease_demand(terms, gcra, lease, now);

    most = terms->life / 2 / gcra->interval;
    part = left / (2 * hosts);

    if (most < part) {
        most = part;
    }

    if (most > REG_LEASE_ASK_MAX) {
        most = REG_LEASE_ASK_MAX;
    }

    if (batch > most) {
        batch = most;
    }

    scale = reg_lease_scale(batch > 1 ? (uint32_t) batch : 1);

    /* rounded up, but not beyond the most */

    while (scale && (int64_t) 1 << scale > most) {
        scale--;
    }

    return (uint32_t) 1 << scale;
}


/*
 * As many as go in half the life of a lease.  Where Redis had no more than what
 * is gone, nobody knows how many would have gone, and it stays as it is; but
 * where some were refused, what grows while that is believed has takers.
 */

static int64_t
reg_lease_demand(const reg_lease_terms_t *terms, const reg_gcra_t *gcra,
    int64_t lease, int64_t now)
{
    int64_t  asked, grown, gone, since, batch;

    if (!reg_lease_live(lease, now)) {
        return 1;
    }

    asked = reg_lease_asked(lease);

    if (reg_lease_last(lease) && reg_lease_count(lease) == 0) {
        grown = lease & REG_LEASE_REFUSED ? terms->poll / gcra->interval : 0;

        return asked < grown ? grown : asked;
    }

    gone = asked - (int64_t) reg_lease_count(lease);
    since = reg_lease_age(terms, lease, now);

    if (since < REG_LEASE_TICK) {
        since = REG_LEASE_TICK;
    }

    batch = gone * (terms->life / 2) / since;

    return batch < asked * REG_LEASE_GROWTH ? batch : asked * REG_LEASE_GROWTH;
}


static uint32_t
reg_lease_asked(int64_t lease)
{
    return (uint32_t) 1 << (lease >> REG_LEASE_SCALE & 0x0f);
}


/* How often 1 is doubled until it is n or more. */

static unsigned
reg_lease_scale(uint32_t n)
{
    unsigned  scale;

    scale = 0;

    while (((uint32_t) 1 << scale) < n) {
        scale++;
    }

    return scale;
}
