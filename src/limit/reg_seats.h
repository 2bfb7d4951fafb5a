/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_SEATS_H
#define REG_SEATS_H

/*
 * How much each tenant has under way, in memory that the workers of a host
 * share, any of which may be stopped or killed at any instruction.
 *
 * Each worker counts what is its own, so that what a dead one had is known, and
 * given up by whoever finds no room.  A worker counts itself in before it looks
 * at the sum, and out again where that is too much: there are never more than
 * may be, though two that come at once may both have to come again.
 */

#include "reg_core.h"

#define REG_SEATS_MIN         65536      /* bytes */
#define REG_SEATS_SECRET_LEN  16
#define REG_SEATS_WORKERS     128        /* of all that are running */

typedef struct reg_seats_s       reg_seats_t;
typedef struct reg_seats_row_s   reg_seats_row_t;


/* Whether there is a process of that number. */

typedef int (*reg_seats_alive_t)(uint64_t pid);


/* As reg_marks_open(). */

reg_seats_t *reg_seats_open(void *addr, size_t size,
    const unsigned char secret[REG_SEATS_SECRET_LEN]);


/*
 * A worker begins: its number, for the calls below.  -1 where there are too
 * many of them.
 */

int reg_seats_join(reg_seats_t *seats, uint64_t pid, reg_seats_alive_t alive);


/*
 * Takes a seat of so many that a tenant has.
 *
 * REG_OK        *row is for reg_seats_leave(), of the same worker
 * REG_NOTFOUND  there is none left now
 * REG_ERROR     there is no room to count in
 */

reg_rc_t reg_seats_take(reg_seats_t *seats, reg_seats_row_t **row,
    reg_str_t tenant, unsigned most, int worker, reg_seats_alive_t alive);

void reg_seats_leave(reg_seats_row_t *row, int worker);

#endif /* REG_SEATS_H */
