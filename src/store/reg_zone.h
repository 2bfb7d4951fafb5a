/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_ZONE_H
#define REG_ZONE_H

/*
 * A cache of raw records in memory that processes share, so that a new worker
 * begins warm and one worker's lookup serves all.
 *
 * A worker may be killed between any two of its stores, so the zone has no
 * pointers, no lock that could stay taken and no allocator: it is a fixed array
 * of buckets of fixed slots, each with a sequence number that is odd while the
 * slot is written.  A slot left odd by a dead writer is taken over after
 * REG_ZONE_STUCK milliseconds.  A reader that sees the sequence change has
 * read nothing.  Every slot has a checksum as well.
 *
 * Beside them stand REG_ZONE_GENERATIONS counters, chosen by the hash of the
 * record's name, that whoever hears of a change increments.  A record is stored
 * with the value that its counter had before the question was sent to Redis,
 * and is served only while the counter still has that value: so an answer that
 * was overtaken by an invalidation never gets in.
 */

#include "reg_core.h"
#include "reg_record.h"

#define REG_ZONE_GENERATIONS  65536
#define REG_ZONE_STUCK        1000       /* milliseconds */
#define REG_ZONE_MIN          (2 * 1024 * 1024)   /* bytes */

/*
 * Bytes of a record that a slot of the two sizes holds; longer ones are not
 * kept here.
 */

#define REG_ZONE_SMALL        768
#define REG_ZONE_LARGE        4096

typedef struct reg_zone_s  reg_zone_t;

typedef struct {
    int64_t   fetched;              /* when it was asked, ms, monotonic clock */
    uint64_t  source;               /* which server answered; the caller's */
    uint32_t  generation;           /* of the counter, before it was asked */
    unsigned  absent:1;             /* Redis said that there is none */
    size_t    len;
} reg_zone_info_t;


/*
 * Makes a zone of the zeroed memory at addr (aligned to 64 bytes), or finds the
 * one that is there already.  NULL if size is below REG_ZONE_MIN or what is
 * there has another layout or size.
 */

reg_zone_t *reg_zone_open(void *addr, size_t size);


/*
 * The counter of a record; hash is the caller's, 64 good bits, and the same in
 * every process.
 */

uint32_t reg_zone_generation(reg_zone_t *zone, uint64_t hash);

void reg_zone_invalidate(reg_zone_t *zone, uint64_t hash);

void reg_zone_invalidate_all(reg_zone_t *zone);


/*
 * Copies a record to buf, which holds REG_ZONE_LARGE bytes.
 *
 * REG_OK         *info is set, buf has info->len bytes
 * REG_NOTFOUND   it is not here, or not in one piece, or overtaken
 */

reg_rc_t reg_zone_get(reg_zone_t *zone, uint64_t hash, reg_record_type_t type,
    reg_str_t name, reg_zone_info_t *info, unsigned char *buf);


/*
 * Stores a record, or that there is none (info->absent, text ignored); does not
 * look at info->len.  Never waits: where it cannot, it does not.  Nothing is
 * stored over a record that was fetched later.  Makes room by evicting absent
 * records first, then the least recently used of the bucket; an absent record
 * evicts only absent ones.  now is in ms of the monotonic clock.
 */

void reg_zone_put(reg_zone_t *zone, uint64_t hash, reg_record_type_t type,
    reg_str_t name, const reg_zone_info_t *info, reg_str_t text, int64_t now);

#endif /* REG_ZONE_H */
