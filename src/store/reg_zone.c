/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_zone_slot.h"


/* The last digit changes with the layout of what is below, or of a slot. */

#define REG_ZONE_MAGIC   0x5245475a4f4e4532     /* "REGZONE2" */

#define REG_ZONE_ALIGN   64
#define REG_ZONE_WAYS    8                      /* slots of a bucket */
#define REG_ZONE_TABLES  2

typedef struct {
    size_t  offset;                             /* of the first bucket */
    size_t  nbuckets;
    size_t  room;                               /* for text in a slot */
} reg_zone_table_t;

struct reg_zone_s {
    _Atomic uint64_t   magic;                   /* stored last */
    size_t             size;
    reg_zone_table_t   tables[REG_ZONE_TABLES];

    /*
     * A generation is the sum of a counter and the epoch.  Both only grow, so
     * the sum is the same again only if both are: until one was incremented
     * four billion times, which no record outlives.
     */

    _Alignas(REG_ZONE_ALIGN)
    _Atomic uint32_t   epoch;

    _Alignas(REG_ZONE_ALIGN)
    _Atomic uint32_t   counters[REG_ZONE_GENERATIONS];
};

typedef struct {
    _Alignas(REG_ZONE_ALIGN)
    _Atomic uint64_t   tick;                    /* gets and puts so far */
} reg_zone_bucket_t;

#define REG_ZONE_BUCKET_SIZE(room)                                            \
    (sizeof(reg_zone_bucket_t) + REG_ZONE_WAYS * REG_ZONE_SLOT_SIZE(room))

_Static_assert(REG_ZONE_BUCKET_SIZE(REG_ZONE_SMALL) % REG_ZONE_ALIGN == 0
               && REG_ZONE_BUCKET_SIZE(REG_ZONE_LARGE) % REG_ZONE_ALIGN == 0,
               "buckets begin with a cache line");


static reg_zone_bucket_t *reg_zone_bucket(reg_zone_t *zone, size_t table,
    uint64_t hash);
static reg_zone_slot_t *reg_zone_slot(reg_zone_t *zone, size_t table,
    reg_zone_bucket_t *bucket, size_t way);
static void reg_zone_touch(reg_zone_bucket_t *bucket, reg_zone_slot_t *slot);
static void reg_zone_image(reg_zone_image_t *image, uint64_t hash,
    reg_record_type_t type, reg_str_t name, const reg_zone_info_t *info,
    reg_str_t text);
static int reg_zone_same(const reg_zone_image_t *a, const reg_zone_image_t *b);
static int reg_zone_replace(reg_zone_t *zone, reg_zone_image_t *image,
    size_t home, int64_t now, unsigned *older);
static int reg_zone_insert(reg_zone_t *zone, reg_zone_image_t *image,
    size_t home, int64_t now);
static unsigned reg_zone_rank(reg_zone_t *zone, reg_zone_slot_t *slot,
    uint64_t *lock, int64_t now);
static int reg_zone_store(reg_zone_bucket_t *bucket, reg_zone_slot_t *slot,
    uint64_t lock, reg_zone_image_t *image, int64_t now);


/* Which slot is given up first. */

enum {
    REG_ZONE_RANK_FREE = 0,
    REG_ZONE_RANK_OVERTAKEN,
    REG_ZONE_RANK_ABSENT,
    REG_ZONE_RANK_PRESENT,
    REG_ZONE_RANK_BUSY                          /* not at all */
};


reg_zone_t *
reg_zone_open(void *addr, size_t size)
{
    size_t       left;
    uint64_t     magic;
    reg_zone_t  *zone;

    zone = addr;

    if (size < REG_ZONE_MIN || (uintptr_t) addr % REG_ZONE_ALIGN != 0) {
        return NULL;
    }

    magic = atomic_load_explicit(&zone->magic, memory_order_acquire);

    if (magic != 0) {
        return magic == REG_ZONE_MAGIC && zone->size == size ? zone : NULL;
    }

    /* a quarter is for large slots: few records are that long */

    left = size - sizeof(reg_zone_t);

    zone->size = size;

    zone->tables[0].room = REG_ZONE_SMALL;
    zone->tables[0].offset = sizeof(reg_zone_t);
    zone->tables[0].nbuckets = left / 4 * 3
                               / REG_ZONE_BUCKET_SIZE(REG_ZONE_SMALL);

    left -= zone->tables[0].nbuckets * REG_ZONE_BUCKET_SIZE(REG_ZONE_SMALL);

    zone->tables[1].room = REG_ZONE_LARGE;
    zone->tables[1].offset = size - left;
    zone->tables[1].nbuckets = left / REG_ZONE_BUCKET_SIZE(REG_ZONE_LARGE);

    atomic_store_explicit(&zone->magic, REG_ZONE_MAGIC, memory_order_release);

    return zone;
}


uint32_t
reg_zone_generation(reg_zone_t *zone, uint64_t hash)
{
    uint32_t  counter, epoch;

    counter = atomic_load(&zone->counters[hash % REG_ZONE_GENERATIONS]);
    epoch = atomic_load(&zone->epoch);

    return counter + epoch;
}


void
reg_zone_invalidate(reg_zone_t *zone, uint64_t hash)
{
    (void) atomic_fetch_add(&zone->counters[hash % REG_ZONE_GENERATIONS], 1);
}


void
reg_zone_invalidate_all(reg_zone_t *zone)
{
    (void) atomic_fetch_add(&zone->epoch, 1);
}


reg_rc_t
reg_zone_get(reg_zone_t *zone, uint64_t hash, reg_record_type_t type,
    reg_str_t name, reg_zone_info_t *info, unsigned char *buf)
{
    size_t              table, way;
    unsigned            state;
    reg_zone_slot_t    *slot, *best;
    reg_zone_image_t    image, wanted;
    reg_zone_bucket_t  *bucket, *best_bucket;

    if (name.len > REG_ZONE_NAME) {
        return REG_NOTFOUND;
    }

    reg_zone_image(&wanted, hash, type, name, NULL, REG_STR_NULL);

    best = NULL;
    best_bucket = NULL;
    state = REG_ZONE_EMPTY;

    /* workers that stored it at the same time may have left two of it */

    for (table = 0; table < REG_ZONE_TABLES; table++) {
        bucket = reg_zone_bucket(zone, table, hash);

        for (way = 0; way < REG_ZONE_WAYS; way++) {
            slot = reg_zone_slot(zone, table, bucket, way);

            if (reg_zone_slot_hash(slot) != hash
                || !reg_zone_slot_read(slot, zone->tables[table].room, &image)
                || !reg_zone_same(&image, &wanted)
                || image.generation != reg_zone_generation(zone, hash)
                || (best != NULL && image.fetched <= info->fetched))
            {
                continue;
            }

            best = slot;
            best_bucket = bucket;
            state = image.state;

            info->fetched = image.fetched;
            info->source = image.source;
            info->generation = image.generation;
            info->absent = (image.state == REG_ZONE_ABSENT);
            info->len = image.len;

            memcpy(buf, image.text, image.len);
        }
    }

    if (best == NULL || state == REG_ZONE_TOO_LONG) {
        return REG_NOTFOUND;
    }

    reg_zone_touch(best_bucket, best);

    return REG_OK;
}


void
reg_zone_put(reg_zone_t *zone, uint64_t hash, reg_record_type_t type,
    reg_str_t name, const reg_zone_info_t *info, reg_str_t text, int64_t now)
{
    size_t            home;
    unsigned          older;
    reg_zone_image_t  image;

    if (name.len > REG_ZONE_NAME
        || info->generation != reg_zone_generation(zone, hash))
    {
        return;
    }

    reg_zone_image(&image, hash, type, name, info, text);

    home = (image.len > REG_ZONE_SMALL);

    if (reg_zone_replace(zone, &image, home, now, &older)
        || reg_zone_insert(zone, &image, home, now))
    {
        return;
    }

    /* what is known to be older must not be served instead */

    if (older) {
        reg_zone_invalidate(zone, hash);
    }
}


static reg_zone_bucket_t *
reg_zone_bucket(reg_zone_t *zone, size_t table, uint64_t hash)
{
    size_t             i;
    reg_zone_table_t  *t;

    t = &zone->tables[table];

    /* the lower bits choose the counter */

    i = (size_t) (hash >> 16) % t->nbuckets;

    return (reg_zone_bucket_t *) ((unsigned char *) zone + t->offset
                                  + i * REG_ZONE_BUCKET_SIZE(t->room));
}


static reg_zone_slot_t *
reg_zone_slot(reg_zone_t *zone, size_t table, reg_zone_bucket_t *bucket,
    size_t way)
{
    return (reg_zone_slot_t *)
               ((unsigned char *) bucket + sizeof(reg_zone_bucket_t)
                + way * REG_ZONE_SLOT_SIZE(zone->tables[table].room));
}


static void
reg_zone_touch(reg_zone_bucket_t *bucket, reg_zone_slot_t *slot)
{
    uint64_t  tick;

    tick = atomic_fetch_add_explicit(&bucket->tick, 1, memory_order_relaxed);

    atomic_store_explicit(&slot->used, tick + 1, memory_order_relaxed);
}


/* With no info, it is an image to compare others with. */

static void
reg_zone_image(reg_zone_image_t *image, uint64_t hash, reg_record_type_t type,
    reg_str_t name, const reg_zone_info_t *info, reg_str_t text)
{
    memset(image, 0, REG_ZONE_HEAD);

    image->hash = hash;
    image->type = (uint8_t) type;
    image->name_len = (uint8_t) name.len;

    if (name.len) {
        memcpy(image->name, name.data, name.len);
    }

    if (info == NULL) {
        return;
    }

    image->fetched = info->fetched;
    image->source = info->source;
    image->generation = info->generation;

    if (info->absent) {
        image->state = REG_ZONE_ABSENT;

    } else if (text.len > REG_ZONE_LARGE) {
        image->state = REG_ZONE_TOO_LONG;

    } else {
        image->state = REG_ZONE_PRESENT;
        image->len = (uint32_t) text.len;

        if (text.len) {
            memcpy(image->text, text.data, text.len);
        }
    }
}


static int
reg_zone_same(const reg_zone_image_t *a, const reg_zone_image_t *b)
{
    return a->hash == b->hash && a->type == b->type
           && a->name_len == b->name_len
           && memcmp(a->name, b->name, REG_ZONE_NAME) == 0;
}


/*
 * Stores an image where an older one of the same record is, if any, and removes
 * the others.  Says whether nothing is left to do, which is so as well when a
 * later one is there; *older says that there is an older one.
 */

static int
reg_zone_replace(reg_zone_t *zone, reg_zone_image_t *image, size_t home,
    int64_t now, unsigned *older)
{
    int                 stored;
    size_t              table, way;
    uint64_t            lock;
    reg_zone_slot_t    *slot;
    reg_zone_image_t    there;
    reg_zone_bucket_t  *bucket;

    stored = 0;
    *older = 0;

    for (table = 0; table < REG_ZONE_TABLES; table++) {
        bucket = reg_zone_bucket(zone, table, image->hash);

        for (way = 0; way < REG_ZONE_WAYS; way++) {
            slot = reg_zone_slot(zone, table, bucket, way);

            if (reg_zone_slot_hash(slot) != image->hash
                || !reg_zone_slot_head(slot, &there, &lock)
                || there.state == REG_ZONE_EMPTY
                || !reg_zone_same(&there, image))
            {
                continue;
            }

            if (there.generation == image->generation
                && there.fetched > image->fetched
                && reg_zone_slot_read(slot, zone->tables[table].room, &there)
                && reg_zone_same(&there, image)
                && there.generation == image->generation
                && there.fetched > image->fetched)
            {
                return 1;
            }

            if (table == home && !stored) {
                stored = reg_zone_store(bucket, slot, lock, image, now);
                *older |= !stored;
                continue;
            }

            memset(&there, 0, REG_ZONE_HEAD);

            *older |= !reg_zone_store(bucket, slot, lock, &there, now);
        }
    }

    return stored;
}


/* Stores an image in the slot of its bucket that is worth the least. */

static int
reg_zone_insert(reg_zone_t *zone, reg_zone_image_t *image, size_t home,
    int64_t now)
{
    size_t              way;
    uint64_t            lock, used, best_lock, best_used;
    unsigned            rank, best_rank;
    reg_zone_slot_t    *slot, *best;
    reg_zone_bucket_t  *bucket;

    bucket = reg_zone_bucket(zone, home, image->hash);

    best = NULL;
    best_lock = 0;
    best_used = 0;

    /* names that do not exist must not drive out those that do */

    best_rank = (image->state == REG_ZONE_ABSENT) ? REG_ZONE_RANK_PRESENT
                                                  : REG_ZONE_RANK_BUSY;

    for (way = 0; way < REG_ZONE_WAYS; way++) {
        slot = reg_zone_slot(zone, home, bucket, way);
        used = atomic_load_explicit(&slot->used, memory_order_relaxed);
        rank = reg_zone_rank(zone, slot, &lock, now);

        if (rank < best_rank
            || (rank == best_rank && best != NULL && used < best_used))
        {
            best = slot;
            best_lock = lock;
            best_rank = rank;
            best_used = used;
        }
    }

    return best != NULL
           && reg_zone_store(bucket, best, best_lock, image, now);
}


static unsigned
reg_zone_rank(reg_zone_t *zone, reg_zone_slot_t *slot, uint64_t *lock,
    int64_t now)
{
    reg_zone_image_t  there;

    if (!reg_zone_slot_head(slot, &there, lock)) {
        return reg_zone_slot_stuck(*lock, now) ? REG_ZONE_RANK_FREE
                                               : REG_ZONE_RANK_BUSY;
    }

    if (there.state == REG_ZONE_EMPTY) {
        return REG_ZONE_RANK_FREE;
    }

    if (there.generation != reg_zone_generation(zone, there.hash)) {
        return REG_ZONE_RANK_OVERTAKEN;
    }

    return there.state == REG_ZONE_ABSENT ? REG_ZONE_RANK_ABSENT
                                          : REG_ZONE_RANK_PRESENT;
}


static int
reg_zone_store(reg_zone_bucket_t *bucket, reg_zone_slot_t *slot, uint64_t lock,
    reg_zone_image_t *image, int64_t now)
{
    if (!reg_zone_slot_claim(slot, &lock, now)) {
        return 0;
    }

    reg_zone_touch(bucket, slot);

    return reg_zone_slot_write(slot, lock, image);
}
