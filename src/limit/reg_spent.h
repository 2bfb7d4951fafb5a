/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_SPENT_H
#define REG_SPENT_H

/*
 * How many bytes each tenant has used in the periods of quotas, in memory that
 * the processes of a host share, any of which may be stopped or killed at any
 * instruction.
 *
 * What is used is the sum of what others have counted, what the ledger of this
 * host had when it was last read, and what was booked here since.  The latter
 * is one number that only its difference matters of: whoever reads the ledger
 * notes it before, and it is taken away again from what was read.  Bytes that
 * are booked in between count twice until the ledger is read again, and none
 * are left out.
 *
 * The table has a fixed size, no pointers and no lock.  Where there is no room
 * for a tenant, the one that was not asked for for longest makes it, and is
 * unknown when it is asked for again.
 */

#include "reg_core.h"
#include "reg_period.h"

#define REG_SPENT_MIN         16384      /* bytes */
#define REG_SPENT_SECRET_LEN  16
#define REG_SPENT_NAME_MAX    63         /* REG_LEDGER_TENANT_MAX */

typedef struct reg_spent_s       reg_spent_t;
typedef struct reg_spent_slot_s  reg_spent_slot_t;

/* A tenant in the table, as long as it is there. */

typedef struct {
    reg_spent_slot_t  *slot;             /* NULL: it is not there */
    uint64_t           key;
} reg_spent_at_t;


/*
 * Makes the table in zeroed memory, or finds that which is there already: see
 * reg_marks_open().
 */

reg_spent_t *reg_spent_open(void *addr, size_t size,
    const unsigned char secret[REG_SPENT_SECRET_LEN]);


/*
 * Finds a tenant, or makes room for it, as somebody asks for a period of it;
 * now is any clock in seconds that only goes forward.
 *
 * REG_OK        *at is set
 * REG_NOTFOUND  it is not there
 * REG_ERROR     others are just being put where it could be
 */

reg_rc_t reg_spent_find(reg_spent_t *spent, reg_spent_at_t *at,
    reg_str_t tenant);

reg_rc_t reg_spent_ask(reg_spent_t *spent, reg_spent_at_t *at,
    reg_str_t tenant, reg_period_t period, uint64_t now);


/* Bytes were booked here, or taken back. */

void reg_spent_add(reg_spent_at_t at, uint64_t bytes);

void reg_spent_take_back(reg_spent_at_t at, uint64_t bytes);


/*
 * What is used in the period that begins with a day.
 *
 * REG_OK        *used is set
 * REG_NOTFOUND  it is not known
 */

reg_rc_t reg_spent_get(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t *used);


/* Before the ledger of this host is read. */

void reg_spent_note(reg_spent_at_t at);


/*
 * The ledger of this host has counted own bytes, since the last note; others
 * have counted so many, which never become less.
 */

void reg_spent_set(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t others, uint64_t own);


/*
 * The same while nobody can say what others have counted: that stays as it is.
 *
 * REG_OK
 * REG_NOTFOUND  nothing is known of the period
 */

reg_rc_t reg_spent_keep(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t own);


/*
 * All together have counted so many, of which the part of this host may be a
 * little late, until it is known better.
 */

void reg_spent_guess(reg_spent_at_t at, reg_period_t period, int64_t first,
    uint64_t all);


/* Whether a period was ever asked for. */

int reg_spent_wanted(reg_spent_at_t at, reg_period_t period);


/*
 * The next tenant from *i on, which begins with 0, that was asked for since;
 * 0 when there is no more.
 */

int reg_spent_next(reg_spent_t *spent, size_t *i, reg_spent_at_t *at,
    char name[REG_SPENT_NAME_MAX + 1], uint64_t since);

#endif /* REG_SPENT_H */
