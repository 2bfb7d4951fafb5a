/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_MARKS_H
#define REG_MARKS_H

/*
 * Points in time by key, in memory that processes share, any of which may be
 * stopped or killed at any instruction.
 *
 * A mark is a time up to which something holds: a counter of a limit is ahead
 * by so much (see reg_gcra.h), a pull is admitted for so long.  A mark that
 * lies in the past says nothing.  So it is known at each moment which marks may
 * be dropped, and when there is no room for a new one, the one that has least
 * to say makes it.
 *
 * There are no pointers, no allocator and no lock: it is a fixed array of
 * buckets of fixed slots, each of a key and a mark.  What is there already is
 * changed by one compare and swap.  To take up a new key, a worker claims a
 * slot by its mark, writes the key and says so in the claim, looks whether
 * somebody is doing the same for this key, and turns the claim into a mark;
 * a claim that was left by a dead worker is taken over, and until then is one
 * slot less.
 */

#include "reg_core.h"

#define REG_MARKS_MIN         16384      /* bytes */
#define REG_MARKS_SECRET_LEN  16
#define REG_MARKS_STUCK       1000       /* ms: nobody claims for that long */

typedef struct reg_marks_s  reg_marks_t;


/*
 * Makes marks in the zeroed memory at addr (aligned to 64 bytes), or finds
 * those that are there already and their secret, so that nobody can choose keys
 * of one bucket.  NULL if size is below REG_MARKS_MIN or what is there has
 * another layout or size.
 */

reg_marks_t *reg_marks_open(void *addr, size_t size,
    const unsigned char secret[REG_MARKS_SECRET_LEN]);


/* The key that stands for a text; any number may be one. */

uint64_t reg_marks_key(const reg_marks_t *marks, reg_str_t text);


/* The mark of a key; 0 if there is none. */

int64_t reg_marks_get(reg_marks_t *marks, uint64_t key);


/*
 * Changes a mark: change() is given the one that is there, or 0 for none, and
 * returns what it is to be, from 0 to INT64_MAX / 2; the same leaves it alone.
 * It may be called several times, and the last one counts.  now is in
 * nanoseconds of the monotonic clock, like all marks.
 *
 * REG_OK      it is done
 * REG_ERROR   there was no place, nothing was changed
 */

typedef int64_t (*reg_marks_change_t)(void *data, int64_t mark);

reg_rc_t reg_marks_change(reg_marks_t *marks, uint64_t key, int64_t now,
    reg_marks_change_t change, void *data);


/* Calls for each mark there is, in no order; others may change meanwhile. */

typedef void (*reg_marks_each_t)(void *data, int64_t mark);

void reg_marks_each(reg_marks_t *marks, reg_marks_each_t each, void *data);


/* How many marks had to go that still had something to say. */

uint64_t reg_marks_dropped(reg_marks_t *marks);

#endif /* REG_MARKS_H */
