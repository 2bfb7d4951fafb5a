/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LEDGER_FORMAT_H
#define REG_LEDGER_FORMAT_H

/*
 * What is in the file of a day.  Any change here is a new version, and that is
 * a new name.  Numbers are those of the machine, all of whose processes share
 * the file; another byte order shows in the magic.
 */

#include <stdatomic.h>

#include "reg_ledger.h"
#include "reg_siphash.h"

#define REG_LEDGER_MAGIC    0x315247444c47524e     /* "NRGLDGR1" */
#define REG_LEDGER_HEADER   4096                   /* bytes */

/*
 * How far from its place a row may be.  Where three rows of four are taken, one
 * key of some hundred thousand finds none.
 */

#define REG_LEDGER_WINDOW   64

/* Rows that were had lately, in the memory of a process; a power of two. */

#define REG_LEDGER_RECENT   256

#define REG_LEDGER_EMPTY    ((uint64_t) 0)
#define REG_LEDGER_CLAIMED  ((uint64_t) 1)         /* by who writes its key */
#define REG_LEDGER_READY    ((uint64_t) 2)
#define REG_LEDGER_STATE    ((uint64_t) 3)


/*
 * The word is the hash of the key, its two lowest bits the state.  Whatever is
 * counted is in one cache line, and the key behind it.
 */

struct reg_ledger_row_s {
    _Atomic uint64_t   word;
    _Atomic uint64_t   counts[REG_LEDGER_COUNTERS];

    _Atomic uint64_t   taken_back;
    _Atomic uint64_t   sent;                       /* their sum, when sent */
    uint8_t            len[5];                     /* of tenant, … */
    unsigned char      key[REG_LEDGER_KEY_MAX];
};


/* What never changes is under the checksum, and the rest behind it. */

typedef struct {
    uint64_t           magic;
    uint32_t           version;
    uint32_t           row_size;
    uint64_t           nrows;                      /* row 0 is "(other)" */
    uint64_t           size;                       /* of the file */
    int64_t            day;
    char               instance[REG_LEDGER_INSTANCE_LEN];
    unsigned char      secret[REG_SIPHASH_KEY_LEN];
    uint64_t           checksum;

    _Alignas(64)
    _Atomic uint64_t   used;
    _Atomic uint64_t   overflows;
    _Atomic int64_t    synced_at;
    _Atomic uint64_t   closed;                     /* the sum then, plus 1 */
} reg_ledger_header_t;


struct reg_ledger_s {
    reg_ledger_header_t          *header;
    reg_ledger_row_t             *rows;
    size_t                        nrows;
    size_t                        size;
    char                          instance[REG_LEDGER_INSTANCE_LEN + 1];
    unsigned                      mapped:1;
    _Atomic(reg_ledger_row_t *)   recent[REG_LEDGER_RECENT];
};

_Static_assert(sizeof(reg_ledger_row_t) == 512, "rows do not straddle pages");
_Static_assert(sizeof(reg_ledger_header_t) <= REG_LEDGER_HEADER, "");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
               "a lock inside an atomic would stay taken");
_Static_assert(REG_LEDGER_TENANT_MAX + REG_LEDGER_REPOSITORY_MAX
               + REG_LEDGER_OPERATION_MAX + REG_LEDGER_ROUTE_MAX
               + REG_LEDGER_NETWORK_MAX == REG_LEDGER_KEY_MAX, "");


/* The checksum of a header. */

uint64_t reg_ledger_checksum(const reg_ledger_header_t *header);


/* Makes the row "(other)" in a new file, which nobody sees yet. */

void reg_ledger_init_other(reg_ledger_t *ledger);


/* Whether each row that can be read is what was once written. */

reg_rc_t reg_ledger_check_rows(const reg_ledger_t *ledger, reg_error_t *error);


/*
 * The key of a row: as it is compared and hashed, and as it is read, which says
 * whether it may be one.
 */

const unsigned char *reg_ledger_row_key(const reg_ledger_row_t *row);

size_t reg_ledger_row_len(const reg_ledger_row_t *row);

int reg_ledger_is(const reg_ledger_row_t *row, const void *packed, size_t len);

uint64_t reg_ledger_hash(const reg_ledger_t *ledger, const void *packed,
    size_t len);

int reg_ledger_unpack(reg_ledger_key_t *key, const reg_ledger_row_t *row);


/* The row at some distance from where those of a hash begin. */

size_t reg_ledger_place(const reg_ledger_t *ledger, uint64_t hash,
    size_t distance);

#endif /* REG_LEDGER_FORMAT_H */
