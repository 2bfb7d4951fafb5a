/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_siphash.h"
#include "reg_zone_slot.h"


static uint64_t reg_zone_lock(uint64_t sequence, int64_t now);
static uint64_t reg_zone_checksum(const reg_zone_image_t *image);
static void reg_zone_load(reg_zone_slot_t *slot, void *to, size_t first,
    size_t last);


/*
 * The words are copied by relaxed loads between an acquiring load of the lock
 * word and an acquiring fence before its second load: see H. Boehm, "Can
 * seqlocks get along with programming language memory models?", 2012.
 */

int
reg_zone_slot_head(reg_zone_slot_t *slot, reg_zone_image_t *image,
    uint64_t *lock)
{
    *lock = atomic_load_explicit(&slot->lock, memory_order_acquire);

    if (reg_zone_slot_busy(*lock)) {
        return 0;
    }

    reg_zone_load(slot, image, 0, REG_ZONE_HEAD);

    atomic_thread_fence(memory_order_acquire);

    return atomic_load_explicit(&slot->lock, memory_order_relaxed) == *lock;
}


int
reg_zone_slot_read(reg_zone_slot_t *slot, size_t room, reg_zone_image_t *image)
{
    uint64_t  lock;

    if (!reg_zone_slot_head(slot, image, &lock)) {
        return 0;
    }

    if (image->state == REG_ZONE_EMPTY || image->len > room
        || image->name_len > REG_ZONE_NAME)
    {
        return 0;
    }

    reg_zone_load(slot, image, REG_ZONE_HEAD,
                  REG_ZONE_HEAD + (image->len + (size_t) 7) / 8 * 8);

    atomic_thread_fence(memory_order_acquire);

    if (atomic_load_explicit(&slot->lock, memory_order_relaxed) != lock) {
        return 0;
    }

    return image->checksum == reg_zone_checksum(image);
}


int
reg_zone_slot_busy(uint64_t lock)
{
    return lock & 1;
}


/*
 * Workers differ in what they take for the present, so a claim may lie a little
 * in the future; one far in the future is a claim of 25 to 50 days ago.
 */

int
reg_zone_slot_stuck(uint64_t lock, int64_t now)
{
    int64_t  age;

    if (!reg_zone_slot_busy(lock)) {
        return 0;
    }

    age = (int32_t) (uint32_t) ((uint64_t) now - (lock >> 32));

    return age > REG_ZONE_STUCK || age < -REG_ZONE_STUCK;
}


int
reg_zone_slot_claim(reg_zone_slot_t *slot, uint64_t *lock, int64_t now)
{
    uint64_t  expected, claimed;

    expected = *lock;

    claimed = reg_zone_lock(expected + (reg_zone_slot_busy(expected) ? 2 : 1),
                            now);

    if (!atomic_compare_exchange_strong_explicit(&slot->lock, &expected,
                                                 claimed, memory_order_acquire,
                                                 memory_order_relaxed))
    {
        return 0;
    }

    *lock = claimed;

    return 1;
}


int
reg_zone_slot_write(reg_zone_slot_t *slot, uint64_t lock,
    reg_zone_image_t *image)
{
    size_t    i, n, len;
    uint64_t  expected, word;

    image->checksum = reg_zone_checksum(image);

    len = REG_ZONE_HEAD + image->len;
    n = (len + 7) / 8;

    /* nobody may see a word of the image before the lock word is odd */

    atomic_thread_fence(memory_order_release);

    for (i = 0; i < n; i++) {
        word = 0;

        memcpy(&word, (unsigned char *) image + i * 8,
               len - i * 8 < 8 ? len - i * 8 : 8);

        atomic_store_explicit(&slot->words[i], word, memory_order_relaxed);
    }

    expected = lock;

    return atomic_compare_exchange_strong_explicit(&slot->lock, &expected,
               reg_zone_lock(lock + 1, (int64_t) (lock >> 32)),
               memory_order_release, memory_order_relaxed);
}


static uint64_t
reg_zone_lock(uint64_t sequence, int64_t now)
{
    return (sequence & UINT32_MAX) | ((uint64_t) now << 32);
}


/* It is against accidents: the key is no secret. */

static uint64_t
reg_zone_checksum(const reg_zone_image_t *image)
{
    static const unsigned char  key[REG_SIPHASH_KEY_LEN] = "registry zone 1";

    size_t     from;
    reg_str_t  text;

    from = offsetof(reg_zone_image_t, hash);

    text.data = (unsigned char *) image + from;
    text.len = REG_ZONE_HEAD - from + image->len;

    return reg_siphash(key, text).lo;
}


static void
reg_zone_load(reg_zone_slot_t *slot, void *to, size_t first, size_t last)
{
    size_t    i;
    uint64_t  word;

    for (i = first; i < last; i += 8) {
        word = atomic_load_explicit(&slot->words[i / 8], memory_order_relaxed);

        memcpy((unsigned char *) to + i, &word, 8);
    }
}
