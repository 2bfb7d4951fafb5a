/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdatomic.h>

#include "reg_siphash.h"
#include "reg_spent.h"

/* The last digit changes with the layout of what is below. */

#define REG_SPENT_MAGIC  0x5245472053504e31     /* "REG SPN1" */

#define REG_SPENT_ALIGN  64
#define REG_SPENT_WAYS   8                      /* slots of a bucket */
#define REG_SPENT_TRIES  16

/*
 * A slot is claimed by a time in place of its key, while its tenant is written.
 * A claim takes microseconds; that of a dead worker is taken over.
 */

#define REG_SPENT_CLAIMED  ((uint64_t) 1 << 63)
#define REG_SPENT_STUCK    2                    /* seconds */

/* Of the first day of a period, behind it: what others have is known. */

#define REG_SPENT_FIRM     ((int64_t) 1)

typedef struct {
    _Atomic int64_t     first;                  /* shifted by one; 0: unknown */
    _Atomic uint64_t    others;
    _Atomic uint64_t    own;                    /* less what was noted */
} reg_spent_period_t;

struct reg_spent_slot_s {
    _Atomic uint64_t    key;                    /* 0: free */
    _Atomic uint64_t    asked;                  /* seconds */
    _Atomic uint64_t    wanted;                 /* a bit for each period */
    _Atomic uint64_t    booked;                 /* here, modulo 2^64 */
    _Atomic uint64_t    noted;
    reg_spent_period_t  periods[REG_PERIODS];
    char                name[REG_SPENT_NAME_MAX + 1];
};

struct reg_spent_s {
    _Atomic uint64_t    magic;                  /* stored last */
    size_t              size;
    size_t              nslots;
    unsigned char       secret[REG_SPENT_SECRET_LEN];

    _Alignas(REG_SPENT_ALIGN)
    reg_spent_slot_t    slots[];
};

_Static_assert(REG_SPENT_SECRET_LEN == REG_SIPHASH_KEY_LEN,
               "the secret is the key of the hash");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
               "a lock inside an atomic would stay taken");


static uint64_t reg_spent_key(const reg_spent_t *spent, reg_str_t tenant);
static reg_spent_slot_t *reg_spent_bucket(reg_spent_t *spent, uint64_t key);
static void reg_spent_want(reg_spent_slot_t *slot, reg_period_t period,
    uint64_t now);
static reg_rc_t reg_spent_claim(reg_spent_slot_t *bucket, reg_spent_at_t *at,
    reg_str_t tenant, uint64_t key, uint64_t now);
static reg_spent_slot_t *reg_spent_victim(reg_spent_slot_t *bucket,
    uint64_t now, uint64_t *was);
static int reg_spent_is(reg_spent_at_t at);
static void reg_spent_put(reg_spent_period_t *period, int64_t first,
    uint64_t others, uint64_t own);


reg_spent_t *
reg_spent_open(void *addr, size_t size,
    const unsigned char secret[REG_SPENT_SECRET_LEN])
{
    uint64_t      magic;
    reg_spent_t  *spent;

    spent = addr;

    if (size < REG_SPENT_MIN || (uintptr_t) addr % REG_SPENT_ALIGN != 0) {
        return NULL;
    }

    magic = atomic_load(&spent->magic);

    if (magic != 0) {
        return magic == REG_SPENT_MAGIC && spent->size == size ? spent : NULL;
    }

    spent->size = size;
    spent->nslots = (size - sizeof(reg_spent_t)) / sizeof(reg_spent_slot_t)
                    / REG_SPENT_WAYS * REG_SPENT_WAYS;

    memcpy(spent->secret, secret, REG_SPENT_SECRET_LEN);

    atomic_store(&spent->magic, REG_SPENT_MAGIC);

    return spent;
}


reg_rc_t
reg_spent_find(reg_spent_t *spent, reg_spent_at_t *at, reg_str_t tenant)
{
    size_t             i;
    reg_spent_slot_t  *bucket;

    at->key = reg_spent_key(spent, tenant);
    bucket = reg_spent_bucket(spent, at->key);

    for (i = 0; i < REG_SPENT_WAYS; i++) {

        if (atomic_load(&bucket[i].key) == at->key) {
            at->slot = &bucket[i];
            return REG_OK;
        }
    }

    at->slot = NULL;

    return REG_NOTFOUND;
}


reg_rc_t
reg_spent_ask(reg_spent_t *spent, reg_spent_at_t *at, reg_str_t tenant,
    reg_period_t period, uint64_t now)
{
    unsigned        tries;
    reg_rc_t        rc;
    reg_spent_at_t  before;

    if (tenant.len == 0 || tenant.len > REG_SPENT_NAME_MAX) {
        at->slot = NULL;
        return REG_ERROR;
    }

    rc = REG_ERROR;

    for (tries = 0; rc != REG_OK && tries < REG_SPENT_TRIES; tries++) {

        if (reg_spent_find(spent, at, tenant) == REG_OK) {
            reg_spent_want(at->slot, period, now);
            return REG_OK;
        }

        /* somebody may be faster, also for the same tenant */

        rc = reg_spent_claim(reg_spent_bucket(spent, at->key), at, tenant,
                             at->key, now);
    }

    if (rc != REG_OK) {
        at->slot = NULL;
        return rc;
    }

    /* another may have done the same: who comes first in the bucket stays */

    if (reg_spent_find(spent, &before, tenant) == REG_OK
        && before.slot != at->slot)
    {
        (void) atomic_compare_exchange_strong(&at->slot->key, &at->key, 0);
        *at = before;
    }

    reg_spent_want(at->slot, period, now);

    return REG_OK;
}


void
reg_spent_add(reg_spent_at_t at, uint64_t bytes)
{
    if (reg_spent_is(at)) {
        atomic_fetch_add(&at.slot->booked, bytes);
    }
}


void
reg_spent_take_back(reg_spent_at_t at, uint64_t bytes)
{
    if (reg_spent_is(at)) {
        atomic_fetch_sub(&at.slot->booked, bytes);
    }
}


reg_rc_t
reg_spent_get(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t *used)
{
    int64_t              known;
    uint64_t             own, others;
    reg_spent_period_t  *p;

    if (!reg_spent_is(at)) {
        return REG_NOTFOUND;
    }

    p = &at.slot->periods[period];

    known = atomic_load(&p->first);
    others = atomic_load(&p->others);
    own = atomic_load(&p->own) + atomic_load(&at.slot->booked);

    if (known >> 1 != first || known == 0 || known != atomic_load(&p->first)
        || !reg_spent_is(at))
    {
        return REG_NOTFOUND;
    }

    /* bytes that are taken back may be gone from the ledger already */

    if (own > INT64_MAX) {
        own = 0;
    }

    *used = others > UINT64_MAX - own ? UINT64_MAX : others + own;

    return REG_OK;
}


void
reg_spent_note(reg_spent_at_t at)
{
    if (reg_spent_is(at)) {
        atomic_store(&at.slot->noted, atomic_load(&at.slot->booked));
    }
}


void
reg_spent_set(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t others, uint64_t own)
{
    uint64_t             was;
    reg_spent_period_t  *p;

    if (!reg_spent_is(at)) {
        return;
    }

    p = &at.slot->periods[period];

    if (atomic_load(&p->first) == (first << 1 | REG_SPENT_FIRM)) {
        was = atomic_load(&p->others);
        others = was > others ? was : others;
    }

    reg_spent_put(p, first << 1 | REG_SPENT_FIRM, others,
                  own - atomic_load(&at.slot->noted));
}


reg_rc_t
reg_spent_keep(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t own)
{
    int64_t  known;

    if (!reg_spent_is(at)) {
        return REG_OK;
    }

    known = atomic_load(&at.slot->periods[period].first);

    if (known >> 1 != first) {
        return REG_NOTFOUND;
    }

    if (known & REG_SPENT_FIRM) {
        reg_spent_set(at, period, first, 0, own);
    }

    return REG_OK;
}


void
reg_spent_guess(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t all)
{
    reg_spent_period_t  *p;

    if (!reg_spent_is(at)) {
        return;
    }

    p = &at.slot->periods[period];

    if (atomic_load(&p->first) >> 1 != first) {
        reg_spent_put(p, first << 1, all, 0 - atomic_load(&at.slot->booked));
    }
}


int
reg_spent_wanted(reg_spent_at_t at, reg_period_t period)
{
    return reg_spent_is(at)
           && (atomic_load(&at.slot->wanted) & (uint64_t) 1 << period);
}


int
reg_spent_next(reg_spent_t *spent, size_t *i, reg_spent_at_t *at,
    char name[REG_SPENT_NAME_MAX + 1], uint64_t since)
{
    uint64_t           key;
    reg_spent_slot_t  *slot;

    while (*i < spent->nslots) {
        slot = &spent->slots[(*i)++];
        key = atomic_load(&slot->key);

        if (key == 0 || (key & REG_SPENT_CLAIMED)
            || atomic_load(&slot->asked) < since)
        {
            continue;
        }

        memcpy(name, slot->name, REG_SPENT_NAME_MAX + 1);
        name[REG_SPENT_NAME_MAX] = '\0';

        /* it may be another's by now, or half of it */

        if (reg_spent_key(spent, reg_str(name)) == key) {
            at->slot = slot;
            at->key = key;
            return 1;
        }
    }

    return 0;
}


/* Never 0, and never a claim. */

static uint64_t
reg_spent_key(const reg_spent_t *spent, reg_str_t tenant)
{
    return (reg_siphash(spent->secret, tenant).lo & ~REG_SPENT_CLAIMED) | 1;
}


static reg_spent_slot_t *
reg_spent_bucket(reg_spent_t *spent, uint64_t key)
{
    return &spent->slots[(key >> 1) % (spent->nslots / REG_SPENT_WAYS)
                         * REG_SPENT_WAYS];
}


/* A line that workers share is written to once in a second. */

static void
reg_spent_want(reg_spent_slot_t *slot, reg_period_t period, uint64_t now)
{
    uint64_t  bit;

    bit = (uint64_t) 1 << period;

    if (atomic_load_explicit(&slot->asked, memory_order_relaxed) != now) {
        atomic_store(&slot->asked, now);
    }

    if (!(atomic_load_explicit(&slot->wanted, memory_order_relaxed) & bit)) {
        atomic_fetch_or(&slot->wanted, bit);
    }
}


static reg_rc_t
reg_spent_claim(reg_spent_slot_t *bucket, reg_spent_at_t *at, reg_str_t tenant,
    uint64_t key, uint64_t now)
{
    size_t             i;
    uint64_t           was, claim;
    reg_spent_slot_t  *slot;

    claim = REG_SPENT_CLAIMED | now;
    slot = reg_spent_victim(bucket, now, &was);

    if (slot == NULL
        || !atomic_compare_exchange_strong(&slot->key, &was, claim))
    {
        return REG_ERROR;
    }

    for (i = 0; i < REG_PERIODS; i++) {
        atomic_store(&slot->periods[i].first, 0);
    }

    atomic_store(&slot->booked, 0);
    atomic_store(&slot->noted, 0);
    atomic_store(&slot->asked, now);
    atomic_store(&slot->wanted, 0);

    memset(slot->name, 0, sizeof(slot->name));
    memcpy(slot->name, tenant.data, tenant.len);

    at->slot = slot;
    at->key = key;

    return atomic_compare_exchange_strong(&slot->key, &claim, key) ? REG_OK
                                                                   : REG_ERROR;
}


/* A free one, the claim of somebody who is dead, or who was asked for last. */

static reg_spent_slot_t *
reg_spent_victim(reg_spent_slot_t *bucket, uint64_t now, uint64_t *was)
{
    size_t             i;
    uint64_t           key, asked, least;
    reg_spent_slot_t  *victim;

    victim = NULL;
    least = UINT64_MAX;

    for (i = 0; i < REG_SPENT_WAYS; i++) {
        key = atomic_load(&bucket[i].key);

        if (key == 0) {
            *was = key;
            return &bucket[i];
        }

        if (key & REG_SPENT_CLAIMED) {

            if ((key & ~REG_SPENT_CLAIMED) + REG_SPENT_STUCK >= now) {
                continue;
            }

            asked = 0;

        } else {
            asked = atomic_load(&bucket[i].asked);
        }

        if (asked < least) {
            least = asked;
            victim = &bucket[i];
            *was = key;
        }
    }

    return victim;
}


static int
reg_spent_is(reg_spent_at_t at)
{
    return at.slot != NULL && atomic_load(&at.slot->key) == at.key;
}


/* Unknown in between: whoever reads meanwhile finds nothing. */

static void
reg_spent_put(reg_spent_period_t *period, int64_t first, uint64_t others,
    uint64_t own)
{
    atomic_store(&period->first, 0);
    atomic_store(&period->others, others);
    atomic_store(&period->own, own);
    atomic_store(&period->first, first);
}
