/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_ZONE_SLOT_H
#define REG_ZONE_SLOT_H

/*
 * A slot of a zone: one record in memory that processes share, any of which may
 * be stopped or killed at any instruction.
 *
 * The lock word has a sequence number in its lower half, odd while the slot is
 * written, and in its upper half when it was made odd: so one compare and swap
 * says both, and there is no moment at which a slot is odd since never.
 *
 * A writer that was only slow, whose slot was taken over, may still store into
 * it, and then finds at the end that the slot is not its own any more.  What it
 * did meanwhile the checksum shows.
 *
 * Only reg_zone.c is to include this.
 */

#include <stdatomic.h>

#include "reg_zone.h"

#define REG_ZONE_NAME  64           /* bytes; REG_NAME_MAX and one */

typedef enum {
    REG_ZONE_EMPTY = 0,
    REG_ZONE_PRESENT,
    REG_ZONE_ABSENT,                /* Redis said that there is none */
    REG_ZONE_TOO_LONG               /* there is one, and it is not kept here */
} reg_zone_state_t;


/* What a slot says, as a copy of one's own; the head is all before the text. */

typedef struct {
    uint64_t       checksum;        /* of all that follows */
    uint64_t       hash;
    int64_t        fetched;
    uint64_t       source;
    uint32_t       generation;
    uint32_t       len;
    uint8_t        state;
    uint8_t        type;
    uint8_t        name_len;
    uint8_t        unused[5];
    unsigned char  name[REG_ZONE_NAME];
    unsigned char  text[REG_ZONE_LARGE];
} reg_zone_image_t;

#define REG_ZONE_HEAD  offsetof(reg_zone_image_t, text)

typedef struct {
    _Atomic uint64_t  lock;
    _Atomic uint64_t  used;         /* tick of the bucket */
    _Atomic uint64_t  words[];      /* the image, its text cut to the room */
} reg_zone_slot_t;

#define REG_ZONE_SLOT_SIZE(room)                                              \
    (sizeof(reg_zone_slot_t) + REG_ZONE_HEAD + (room))

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
               "a lock inside an atomic would stay taken");
_Static_assert(REG_ZONE_HEAD % 8 == 0 && REG_ZONE_SMALL % 8 == 0
               && REG_ZONE_LARGE % 8 == 0, "images are copied word by word");


/* The hash of the record that is there, or was, or is about to be. */

static inline uint64_t
reg_zone_slot_hash(reg_zone_slot_t *slot)
{
    return atomic_load_explicit(
               &slot->words[offsetof(reg_zone_image_t, hash) / 8],
               memory_order_relaxed);
}


/*
 * Copies the head, without looking at the checksum.  Says whether the slot was
 * in one piece; *lock is what reg_zone_slot_claim() wants, in either case.
 */

int reg_zone_slot_head(reg_zone_slot_t *slot, reg_zone_image_t *image,
    uint64_t *lock);


/*
 * Copies a record from a slot with so much room for text.  Says whether there
 * is one in one piece, and its checksum right.
 */

int reg_zone_slot_read(reg_zone_slot_t *slot, size_t room,
    reg_zone_image_t *image);


/* Says whether somebody writes to a slot, and whether for too long already. */

int reg_zone_slot_busy(uint64_t lock);

int reg_zone_slot_stuck(uint64_t lock, int64_t now);


/*
 * Makes a slot one's own, if its lock word still is *lock, which becomes what
 * reg_zone_slot_write() wants.  Says whether that was so.
 */

int reg_zone_slot_claim(reg_zone_slot_t *slot, uint64_t *lock, int64_t now);


/*
 * Computes the checksum, writes the image to a slot that is one's own and gives
 * the slot free.  Says whether it was still one's own at the end.
 */

int reg_zone_slot_write(reg_zone_slot_t *slot, uint64_t lock,
    reg_zone_image_t *image);

#endif /* REG_ZONE_SLOT_H */
