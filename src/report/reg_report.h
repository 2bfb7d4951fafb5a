/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_REPORT_H
#define REG_REPORT_H

/*
 * A report: rows of the ledger, added up by what the reader asks for, and
 * priced.  What a row is asked for (its tenant, the label of that, its day)
 * are the values that the caller gives; to price a row its day, route and
 * network are kept apart until then.
 */

#include "reg_intern.h"
#include "reg_ledger.h"
#include "reg_price.h"

#define REG_REPORT_VALUES   8           /* of a row, at most */

/* In the keys of a row; the values begin at REG_REPORT_VALUE. */

#define REG_REPORT_ROUTE    0
#define REG_REPORT_NETWORK  1
#define REG_REPORT_VALUE    2
#define REG_REPORT_KEYS     (REG_REPORT_VALUE + REG_REPORT_VALUES)

typedef struct {
    int64_t             day;
    const reg_str_t    *keys[REG_REPORT_KEYS];      /* NULL: is not told */
    uint64_t            counts[REG_LEDGER_COUNTERS];
    reg_money_t         cost;
    reg_money_t         at_origin;      /* what it had cost from there */
    const reg_price_t  *price;
    uint64_t            left;           /* bytes that have no price yet */
    unsigned            before:1;       /* fills tiers, but is not asked for */
} reg_report_row_t;

typedef struct {
    size_t              nvalues;
    unsigned            priced:1;
    unsigned            measured:1;     /* delivered bytes count, not
                                           redirected ones */
    size_t              n;
    size_t              size;
    reg_report_row_t   *rows;
    size_t             *index;          /* hash table: row + 1, or 0 */
    size_t              mask;
    reg_intern_t        texts;
} reg_report_t;


/*
 * A report of zeros with nvalues, priced and measured set is an empty one.
 * Rows are added, then priced, then grouped.
 */

void reg_report_free(reg_report_t *report);


/*
 * Adds a row; nothing is kept of the arguments.  REG_NOMEM if memory ran out.
 */

reg_rc_t reg_report_add(reg_report_t *report, int64_t day, unsigned before,
    reg_str_t route, reg_str_t network, const reg_str_t *values,
    const uint64_t *counts);


/*
 * Bytes that left for clients: sent by gateways, and from elsewhere after a
 * redirect.
 */

uint64_t reg_report_bytes(const reg_report_t *report,
    const reg_report_row_t *row);


/* A part of a row: those of its bytes that are in one tier. */

typedef struct {
    const reg_report_row_t  *row;
    const reg_price_t       *price;
    size_t                   tier;
    uint64_t                 bytes;
    reg_money_t              cost;
} reg_report_part_t;

typedef void (*reg_report_part_pt)(void *data, const reg_report_part_t *part);


/*
 * Sets the cost of all rows, and what the same bytes had cost from the route
 * "origin".  Costs add up exactly: those of the rows of a day to the cost of
 * the day, and those of days to that of the month.  handler, which may be NULL,
 * is called for each part of a row that has bytes.
 *
 * REG_OK
 * REG_INVALID   there is no price for a row; *error names route and network
 * REG_NOMEM
 */

reg_rc_t reg_report_price(reg_report_t *report, const reg_prices_t *prices,
    reg_report_part_pt handler, void *data, reg_error_t *error);


/*
 * Adds up rows of the same values, and leaves out those before.  They are then
 * in the order of their values, or of their bytes, largest first.
 */

void reg_report_group(reg_report_t *report, int by_bytes);

#endif /* REG_REPORT_H */
