/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdatomic.h>

#include "reg_marks.h"
#include "reg_siphash.h"

/* The last digit changes with the layout of what is below. */

#define REG_MARKS_MAGIC  0x524547204d524b31     /* "REG MRK1" */

#define REG_MARKS_ALIGN  64
#define REG_MARKS_WAYS   8                      /* slots of a bucket */

/*
 * Each round lasts some 100 ns, and a claim about as long.  After so many a
 * worker no longer waits for another that claims a slot for the same key: that
 * one is dead, or was put to sleep and will find its claim gone.
 */

#define REG_MARKS_PATIENCE  1000
#define REG_MARKS_ROUNDS    4000

/*
 * A claim, in place of a mark: 31 bits of milliseconds of the clock, 31 bits of
 * the number of the claim, so that no two are alike, and whether its key has
 * been written.  Until it has, nobody else may have the slot: the key would be
 * written over that of the new owner.
 */

#define REG_MARKS_CLAIMED  ((uint64_t) 1 << 63)
#define REG_MARKS_CLOCK    ((uint64_t) 0x7fffffff)
#define REG_MARKS_KEYED    ((uint64_t) 1)

typedef struct {
    _Atomic uint64_t    key;
    _Atomic uint64_t    mark;                   /* 0: free */
} reg_marks_slot_t;

typedef struct {
    _Alignas(REG_MARKS_ALIGN)
    reg_marks_slot_t    slots[REG_MARKS_WAYS];
} reg_marks_bucket_t;

struct reg_marks_s {
    _Atomic uint64_t    magic;                  /* stored last */
    size_t              size;
    size_t              nbuckets;
    unsigned char       secret[REG_MARKS_SECRET_LEN];

    _Alignas(REG_MARKS_ALIGN)
    _Atomic uint32_t    claims;                 /* so far */
    _Atomic uint64_t    dropped;

    reg_marks_bucket_t  buckets[];
};

_Static_assert(REG_MARKS_SECRET_LEN == REG_SIPHASH_KEY_LEN,
               "the secret is the key of the hash");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
               "a lock inside an atomic would stay taken");


static reg_marks_bucket_t *reg_marks_bucket(reg_marks_t *marks, uint64_t key);
static reg_marks_slot_t *reg_marks_find(reg_marks_bucket_t *bucket,
    uint64_t key, uint64_t *mark);
static int reg_marks_insert(reg_marks_t *marks, reg_marks_bucket_t *bucket,
    uint64_t key, int64_t mark, int64_t now, unsigned impatient);
static reg_marks_slot_t *reg_marks_victim(reg_marks_bucket_t *bucket,
    int64_t now, uint64_t *mark);
static int reg_marks_write_key(reg_marks_slot_t *slot, uint64_t claim,
    uint64_t key);
static int reg_marks_alone(reg_marks_bucket_t *bucket, reg_marks_slot_t *mine,
    uint64_t key, unsigned impatient);
static int reg_marks_swap(reg_marks_slot_t *slot, uint64_t from, uint64_t to);
static uint64_t reg_marks_claim(reg_marks_t *marks, int64_t now);
static uint64_t reg_marks_clock(int64_t now);
static int reg_marks_claimed(uint64_t mark);
static int reg_marks_stuck(uint64_t mark, int64_t now);


reg_marks_t *
reg_marks_open(void *addr, size_t size,
    const unsigned char secret[REG_MARKS_SECRET_LEN])
{
    uint64_t      magic;
    reg_marks_t  *marks;

    marks = addr;

    if (size < REG_MARKS_MIN || (uintptr_t) addr % REG_MARKS_ALIGN != 0) {
        return NULL;
    }

    magic = atomic_load(&marks->magic);

    if (magic != 0) {
        return magic == REG_MARKS_MAGIC && marks->size == size ? marks : NULL;
    }

    marks->size = size;
    marks->nbuckets = (size - sizeof(reg_marks_t)) / sizeof(reg_marks_bucket_t);

    memcpy(marks->secret, secret, REG_MARKS_SECRET_LEN);

    atomic_store(&marks->magic, REG_MARKS_MAGIC);

    return marks;
}


uint64_t
reg_marks_key(const reg_marks_t *marks, reg_str_t text)
{
    return reg_siphash(marks->secret, text).lo;
}


int64_t
reg_marks_get(reg_marks_t *marks, uint64_t key)
{
    uint64_t  mark;

    if (reg_marks_find(reg_marks_bucket(marks, key), key, &mark) == NULL) {
        return 0;
    }

    return (int64_t) mark;
}


reg_rc_t
reg_marks_change(reg_marks_t *marks, uint64_t key, int64_t now,
    reg_marks_change_t change, void *data)
{
    int64_t              next;
    uint64_t             mark;
    unsigned             round;
    reg_marks_slot_t    *slot;
    reg_marks_bucket_t  *bucket;

    bucket = reg_marks_bucket(marks, key);

    for (round = 0; round < REG_MARKS_ROUNDS; round++) {

        slot = reg_marks_find(bucket, key, &mark);

        if (slot == NULL) {
            next = change(data, 0);

            if (next == 0
                || reg_marks_insert(marks, bucket, key, next, now,
                                    round >= REG_MARKS_PATIENCE))
            {
                return REG_OK;
            }

            continue;
        }

        next = change(data, (int64_t) mark);

        if (next == (int64_t) mark
            || reg_marks_swap(slot, mark, (uint64_t) next))
        {
            return REG_OK;
        }
    }

    return REG_ERROR;
}


void
reg_marks_each(reg_marks_t *marks, reg_marks_each_t each, void *data)
{
    size_t    b, i;
    uint64_t  mark;

    for (b = 0; b < marks->nbuckets; b++) {
        for (i = 0; i < REG_MARKS_WAYS; i++) {

            mark = atomic_load_explicit(&marks->buckets[b].slots[i].mark,
                                        memory_order_relaxed);

            if (mark != 0 && !reg_marks_claimed(mark)) {
                each(data, (int64_t) mark);
            }
        }
    }
}


uint64_t
reg_marks_dropped(reg_marks_t *marks)
{
    return atomic_load_explicit(&marks->dropped, memory_order_relaxed);
}


/* The upper half chooses the bucket, the whole key is compared. */

static reg_marks_bucket_t *
reg_marks_bucket(reg_marks_t *marks, uint64_t key)
{
    return &marks->buckets[(key >> 32) % marks->nbuckets];
}


/*
 * The slot of a key and its mark.  The mark is read before the key: were the
 * slot given to another key in between, the mark would have changed for good,
 * and no swap from the one that was read succeeds.  (The other key may come to
 * the same nanosecond by chance; then it pays for one permit more.)
 */

static reg_marks_slot_t *
reg_marks_find(reg_marks_bucket_t *bucket, uint64_t key, uint64_t *mark)
{
    size_t             way;
    reg_marks_slot_t  *slot;

    for (way = 0; way < REG_MARKS_WAYS; way++) {
        slot = &bucket->slots[way];

        *mark = atomic_load(&slot->mark);

        if (*mark != 0 && !reg_marks_claimed(*mark)
            && atomic_load(&slot->key) == key)
        {
            return slot;
        }
    }

    return NULL;
}


/* Says whether the key has been taken up, with this mark. */

static int
reg_marks_insert(reg_marks_t *marks, reg_marks_bucket_t *bucket, uint64_t key,
    int64_t mark, int64_t now, unsigned impatient)
{
    uint64_t           claim, old;
    reg_marks_slot_t  *slot;

    slot = reg_marks_victim(bucket, now, &old);

    if (slot == NULL) {
        return 0;
    }

    claim = reg_marks_claim(marks, now);

    if (!reg_marks_swap(slot, old, claim)) {
        return 0;
    }

    if (!reg_marks_claimed(old) && (int64_t) old > now) {
        (void) atomic_fetch_add_explicit(&marks->dropped, 1,
                                         memory_order_relaxed);
    }

    if (!reg_marks_write_key(slot, claim, key)) {
        (void) reg_marks_swap(slot, claim, 0);
        return 0;
    }

    claim |= REG_MARKS_KEYED;

    if (!reg_marks_alone(bucket, slot, key, impatient)) {
        (void) reg_marks_swap(slot, claim, 0);
        return 0;
    }

    /* from here on others see it, unless somebody has taken the claim away */

    return reg_marks_swap(slot, claim, (uint64_t) mark);
}


/* The slot of a bucket that has least to say; NULL if all are claimed. */

static reg_marks_slot_t *
reg_marks_victim(reg_marks_bucket_t *bucket, int64_t now, uint64_t *mark)
{
    size_t             way;
    uint64_t           m, least, says;
    reg_marks_slot_t  *slot, *victim;

    victim = NULL;
    least = 0;

    for (way = 0; way < REG_MARKS_WAYS; way++) {
        slot = &bucket->slots[way];

        m = atomic_load(&slot->mark);

        if (reg_marks_claimed(m)) {

            if (!reg_marks_stuck(m, now)) {
                continue;
            }

            says = 0;

        } else {
            says = m;
        }

        if (victim == NULL || says < least) {
            victim = slot;
            least = says;
            *mark = m;
        }
    }

    return victim;
}


/*
 * Whoever sleeps here until its claim is given up as stuck finds another key in
 * the slot when it wakes, and leaves that alone.  (Only if this is the key that
 * was there before, come back, does it lose its mark, to the key of the other.)
 */

static int
reg_marks_write_key(reg_marks_slot_t *slot, uint64_t claim, uint64_t key)
{
    uint64_t  old;

    old = atomic_load(&slot->key);

    return atomic_load(&slot->mark) == claim
           && atomic_compare_exchange_strong(&slot->key, &old, key)
           && reg_marks_swap(slot, claim, claim | REG_MARKS_KEYED);
}


/*
 * Two workers may take up the same key at once.  Each has said that its key is
 * written before it looks at the others, so one of them at least sees the
 * other, and only one may go on: whoever has a mark already, or the lower slot.
 * The loser's claim is taken away, so that it cannot become a mark any more.
 */

static int
reg_marks_alone(reg_marks_bucket_t *bucket, reg_marks_slot_t *mine,
    uint64_t key, unsigned impatient)
{
    size_t             way;
    uint64_t           mark;
    reg_marks_slot_t  *slot;

    for (way = 0; way < REG_MARKS_WAYS; way++) {
        slot = &bucket->slots[way];

        if (slot == mine || atomic_load(&slot->key) != key) {
            continue;
        }

        mark = atomic_load(&slot->mark);

        if (mark == 0
            || (reg_marks_claimed(mark) && !(mark & REG_MARKS_KEYED)))
        {
            continue;
        }

        if (!reg_marks_claimed(mark) || (slot < mine && !impatient)
            || !reg_marks_swap(slot, mark, 0))
        {
            return 0;
        }
    }

    return 1;
}


static int
reg_marks_swap(reg_marks_slot_t *slot, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong(&slot->mark, &from, to);
}


static uint64_t
reg_marks_claim(reg_marks_t *marks, int64_t now)
{
    return REG_MARKS_CLAIMED | reg_marks_clock(now) << 32
           | (uint32_t) (atomic_fetch_add(&marks->claims, 1) << 1);
}


static uint64_t
reg_marks_clock(int64_t now)
{
    return ((uint64_t) now / 1000000) & REG_MARKS_CLOCK;
}


static int
reg_marks_claimed(uint64_t mark)
{
    return (mark & REG_MARKS_CLAIMED) != 0;
}


/*
 * Workers differ a little in what they take for the present, so a claim may lie
 * a little in the future; one far in the future is 12 to 24 days old.
 */

static int
reg_marks_stuck(uint64_t mark, int64_t now)
{
    uint64_t  age;

    age = (reg_marks_clock(now) - (mark >> 32)) & REG_MARKS_CLOCK;

    return age > REG_MARKS_STUCK && age < REG_MARKS_CLOCK - REG_MARKS_STUCK;
}
