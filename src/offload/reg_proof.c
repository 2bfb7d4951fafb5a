/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdatomic.h>

#include "reg_proof.h"
#include "reg_siphash.h"

/* The last digit changes with the layout of what is below. */

#define REG_PROOF_MAGIC  0x52454750524f4f32     /* "REGPROO2" */

#define REG_PROOF_ALIGN  64
#define REG_PROOF_WAYS   8                      /* slots of a bucket */

/*
 * The sequence: a number that is odd while somebody writes, and above it the
 * milliseconds of when that began.
 */

#define REG_PROOF_NUMBER  ((uint64_t) 0xffffffff)

#define REG_PROOF_MIX     UINT64_C(0x9e3779b97f4a7c15)

typedef struct {
    _Alignas(REG_PROOF_ALIGN)
    _Atomic uint64_t  sequence;
    _Atomic uint64_t  lo;
    _Atomic uint64_t  hi;
    _Atomic uint64_t  size;
    _Atomic uint64_t  asked;
    _Atomic uint64_t  generation;
    _Atomic uint64_t  check;
    _Atomic uint64_t  used;                     /* ms; not under the check */
} reg_proof_slot_t;

typedef struct {
    uint64_t  lo;
    uint64_t  hi;
    uint64_t  size;
    uint64_t  asked;
    uint64_t  generation;
} reg_proof_image_t;

struct reg_proofs_s {
    _Atomic uint64_t  magic;                    /* stored last */
    size_t            size;
    size_t            nbuckets;
    unsigned char     secret[REG_PROOF_SECRET_LEN];

    _Alignas(REG_PROOF_ALIGN)
    _Atomic uint32_t  counters[REG_PROOF_GENERATIONS];

    reg_proof_slot_t  slots[];
};

_Static_assert(REG_PROOF_SECRET_LEN == REG_SIPHASH_KEY_LEN,
               "the secret is the key of the hash");
_Static_assert(sizeof(reg_proof_slot_t) == REG_PROOF_ALIGN,
               "a slot is a cache line");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
               "a lock inside an atomic would stay taken");


static reg_proof_slot_t *reg_proof_bucket(reg_proofs_t *proofs,
    const reg_proof_key_t *key);
static int reg_proof_read(reg_proof_slot_t *slot, reg_proof_image_t *image);
static reg_proof_slot_t *reg_proof_place(reg_proofs_t *proofs,
    const reg_proof_key_t *key, int64_t now, uint64_t *sequence);
static int reg_proof_stuck(uint64_t sequence, int64_t now);
static uint64_t reg_proof_check(const reg_proof_image_t *image);


reg_proofs_t *
reg_proofs_open(void *addr, size_t size,
    const unsigned char secret[REG_PROOF_SECRET_LEN])
{
    uint64_t       magic;
    reg_proofs_t  *proofs;

    proofs = addr;

    if (size < REG_PROOF_MIN || (uintptr_t) addr % REG_PROOF_ALIGN != 0) {
        return NULL;
    }

    magic = atomic_load(&proofs->magic);

    if (magic != 0) {
        return magic == REG_PROOF_MAGIC && proofs->size == size ? proofs
                                                                : NULL;
    }

    proofs->size = size;
    proofs->nbuckets = (size - sizeof(reg_proofs_t))
                       / (REG_PROOF_WAYS * sizeof(reg_proof_slot_t));

    memcpy(proofs->secret, secret, REG_PROOF_SECRET_LEN);

    atomic_store(&proofs->magic, REG_PROOF_MAGIC);

    return proofs;
}


/* The hash of repository and digest stands for both in that of the key. */

reg_rc_t
reg_proofs_key(const reg_proofs_t *proofs, reg_proof_key_t *key,
    reg_str_t scope, reg_str_t repository, reg_str_t digest)
{
    reg_siphash_t   hash;
    unsigned char   text[REG_PROOF_TEXT_MAX + sizeof(hash)], *p;

    if (scope.len > REG_PROOF_TEXT_MAX || repository.len > REG_PROOF_TEXT_MAX
        || digest.len > REG_PROOF_TEXT_MAX
        || scope.len + repository.len + digest.len > REG_PROOF_TEXT_MAX
        || repository.len == 0 || digest.len == 0)
    {
        return REG_INVALID;
    }

    p = text;

    memcpy(p, repository.data, repository.len);
    p += repository.len;
    *p++ = '\0';
    memcpy(p, digest.data, digest.len);
    p += digest.len;

    hash = reg_siphash(proofs->secret,
                       (reg_str_t) { (size_t) (p - text), text });
    key->counter = (uint32_t) (hash.lo % REG_PROOF_GENERATIONS);

    p = text;

    memcpy(p, &hash, sizeof(hash));
    p += sizeof(hash);

    if (scope.len) {
        memcpy(p, scope.data, scope.len);
        p += scope.len;
    }

    hash = reg_siphash(proofs->secret,
                       (reg_str_t) { (size_t) (p - text), text });
    key->lo = hash.lo;
    key->hi = hash.hi;

    return REG_OK;
}


uint32_t
reg_proofs_generation(const reg_proofs_t *proofs, const reg_proof_key_t *key)
{
    return atomic_load(&proofs->counters[key->counter]);
}


void
reg_proofs_purge(reg_proofs_t *proofs, const reg_proof_key_t *key)
{
    (void) atomic_fetch_add(&proofs->counters[key->counter], 1);
}


reg_rc_t
reg_proofs_get(reg_proofs_t *proofs, const reg_proof_key_t *key, int64_t now,
    reg_proof_t *proof)
{
    size_t              way;
    reg_rc_t            rc;
    reg_proof_slot_t   *slot, *found;
    reg_proof_image_t   image;

    slot = reg_proof_bucket(proofs, key);
    found = NULL;
    rc = REG_NOTFOUND;

    /* workers that stored it at the same time may have left two of it */

    for (way = 0; way < REG_PROOF_WAYS; way++, slot++) {

        if (atomic_load_explicit(&slot->lo, memory_order_relaxed) != key->lo
            || !reg_proof_read(slot, &image)
            || image.lo != key->lo || image.hi != key->hi
            || image.generation != reg_proofs_generation(proofs, key)
            || (found && (int64_t) image.asked <= proof->asked))
        {
            continue;
        }

        proof->size = (int64_t) image.size;
        proof->asked = (int64_t) image.asked;
        found = slot;
        rc = REG_OK;
    }

    if (found) {
        atomic_store_explicit(&found->used, (uint64_t) now,
                              memory_order_relaxed);
    }

    return rc;
}


void
reg_proofs_put(reg_proofs_t *proofs, const reg_proof_key_t *key,
    const reg_proof_t *proof, uint32_t generation, int64_t now)
{
    uint64_t            sequence, claim;
    reg_proof_slot_t   *slot;
    reg_proof_image_t   image;

    if (generation != reg_proofs_generation(proofs, key)) {
        return;
    }

    slot = reg_proof_place(proofs, key, now, &sequence);

    if (slot == NULL) {
        return;
    }

    /* odd, and another number than that of who may be stuck here */

    claim = (((sequence & REG_PROOF_NUMBER) + 1) | 1) & REG_PROOF_NUMBER;

    if (claim == (sequence & REG_PROOF_NUMBER)) {
        claim = (claim + 2) & REG_PROOF_NUMBER;
    }

    claim |= (uint64_t) now << 32;

    if (!atomic_compare_exchange_strong(&slot->sequence, &sequence, claim)) {
        return;
    }

    image.lo = key->lo;
    image.hi = key->hi;
    image.size = (uint64_t) proof->size;
    image.asked = (uint64_t) proof->asked;
    image.generation = generation;

    atomic_store(&slot->lo, image.lo);
    atomic_store(&slot->hi, image.hi);
    atomic_store(&slot->size, image.size);
    atomic_store(&slot->asked, image.asked);
    atomic_store(&slot->generation, image.generation);
    atomic_store(&slot->check, reg_proof_check(&image));
    atomic_store(&slot->used, (uint64_t) now);

    /* if somebody has taken the slot over, it is that one's */

    (void) atomic_compare_exchange_strong(&slot->sequence, &claim,
                                          (claim + 1) & REG_PROOF_NUMBER);
}


static reg_proof_slot_t *
reg_proof_bucket(reg_proofs_t *proofs, const reg_proof_key_t *key)
{
    return &proofs->slots[key->hi % proofs->nbuckets * REG_PROOF_WAYS];
}


/*
 * Says whether the image is whole.  The check is for a writer that slept for so
 * long that its slot was taken over, and then went on.
 */

static int
reg_proof_read(reg_proof_slot_t *slot, reg_proof_image_t *image)
{
    uint64_t  before, check;

    before = atomic_load(&slot->sequence);

    if (before & 1) {
        return 0;
    }

    image->lo = atomic_load(&slot->lo);
    image->hi = atomic_load(&slot->hi);
    image->size = atomic_load(&slot->size);
    image->asked = atomic_load(&slot->asked);
    image->generation = atomic_load(&slot->generation);
    check = atomic_load(&slot->check);

    return atomic_load(&slot->sequence) == before
           && check == reg_proof_check(image);
}


/*
 * Where a proof of this key goes: over an older one, into a free place, or over
 * the one least lately used.
 */

static reg_proof_slot_t *
reg_proof_place(reg_proofs_t *proofs, const reg_proof_key_t *key, int64_t now,
    uint64_t *sequence)
{
    size_t             way;
    uint64_t           seq, used, least;
    reg_proof_slot_t  *slot, *place;

    slot = reg_proof_bucket(proofs, key);
    place = NULL;
    least = 0;

    for (way = 0; way < REG_PROOF_WAYS; way++, slot++) {

        seq = atomic_load(&slot->sequence);

        if ((seq & 1) && !reg_proof_stuck(seq, now)) {
            continue;
        }

        if (atomic_load(&slot->lo) == key->lo
            && atomic_load(&slot->hi) == key->hi)
        {
            *sequence = seq;
            return slot;
        }

        /* 0 is a place that was never used */

        used = (seq & 1) ? 0 : atomic_load(&slot->used);

        if (place == NULL || used < least) {
            place = slot;
            least = used;
            *sequence = seq;
        }
    }

    return place;
}


static int
reg_proof_stuck(uint64_t sequence, int64_t now)
{
    uint32_t  age;

    age = (uint32_t) now - (uint32_t) (sequence >> 32);

    /* workers differ a little in what they take for the present */

    return age > REG_PROOF_STUCK && age < UINT32_MAX - REG_PROOF_STUCK;
}


/*
 * Finds what two writers have left together, of whom one was killed or slept.
 * Nobody chooses these words, so it takes no more than mixing.
 */

static uint64_t
reg_proof_check(const reg_proof_image_t *image)
{
    size_t          i;
    uint64_t        check;
    const uint64_t  words[] = { image->lo, image->hi, image->size,
                                image->asked, image->generation };

    check = 0;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        check = (check ^ words[i]) * REG_PROOF_MIX;
        check ^= check >> 32;
    }

    return check;
}
