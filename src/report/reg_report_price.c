/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What rows cost.  A day at a time, each entry of the price list has the bytes
 * of all rows that it fits, and they follow those of the days before.  Where
 * they reach over the end of a tier, each row gets its share of both tiers, in
 * whole bytes.
 */

#include <stdlib.h>

#include "reg_report.h"
#include "reg_time.h"

#define REG_ORIGIN  REG_STR("origin")

typedef struct {
    reg_report_t        *report;
    const reg_prices_t  *prices;
    reg_report_part_pt   handler;
    void                *data;
    reg_error_t         *error;
    unsigned             origin:1;      /* as if all came from there */
    uint64_t            *volumes;       /* of this month, of each entry */
    uint64_t            *today;
} reg_charge_t;


static reg_rc_t reg_charge_all(reg_charge_t *charge);
static reg_rc_t reg_charge_find(reg_charge_t *charge, reg_report_row_t *rows,
    size_t n);
static void reg_charge_day(reg_charge_t *charge, reg_report_row_t *rows,
    size_t n);
static void reg_charge_tier(reg_charge_t *charge, reg_report_row_t *rows,
    size_t n, const reg_price_t *price, size_t tier, uint64_t bytes);
static int reg_charge_same_month(int64_t one, int64_t two);
static int reg_charge_compare(const void *one, const void *two);


reg_rc_t
reg_report_price(reg_report_t *report, const reg_prices_t *prices,
    reg_report_part_pt handler, void *data, reg_error_t *error)
{
    reg_rc_t      rc;
    reg_charge_t  charge;

    if (report->n == 0) {
        return REG_OK;
    }

    memset(&charge, 0, sizeof(reg_charge_t));

    charge.report = report;
    charge.prices = prices;
    charge.handler = handler;
    charge.data = data;
    charge.error = error;
    charge.volumes = calloc(prices->n, sizeof(uint64_t));
    charge.today = calloc(prices->n, sizeof(uint64_t));

    if (charge.volumes == NULL || charge.today == NULL) {
        rc = REG_NOMEM;

    } else {
        qsort(report->rows, report->n, sizeof(reg_report_row_t),
              reg_charge_compare);

        rc = reg_charge_all(&charge);

        if (rc == REG_OK) {
            charge.origin = 1;
            rc = reg_charge_all(&charge);
        }
    }

    free(charge.volumes);
    free(charge.today);

    return rc;
}


static reg_rc_t
reg_charge_all(reg_charge_t *charge)
{
    size_t             i, n;
    reg_rc_t           rc;
    reg_report_t      *report = charge->report;
    reg_report_row_t  *rows = report->rows;

    for (i = 0; i < report->n; i += n) {

        if (i == 0 || !reg_charge_same_month(rows[i - 1].day, rows[i].day)) {
            memset(charge->volumes, 0, charge->prices->n * sizeof(uint64_t));
        }

        for (n = 1; i + n < report->n && rows[i + n].day == rows[i].day; n++) {
            /* void */
        }

        rc = reg_charge_find(charge, rows + i, n);

        if (rc != REG_OK) {
            return rc;
        }

        reg_charge_day(charge, rows + i, n);
    }

    return REG_OK;
}


static reg_rc_t
reg_charge_find(reg_charge_t *charge, reg_report_row_t *rows, size_t n)
{
    size_t             i, entry;
    uint64_t           bytes;
    reg_str_t          route;
    const reg_str_t   *network;
    reg_report_row_t  *row;

    memset(charge->today, 0, charge->prices->n * sizeof(uint64_t));

    for (i = 0; i < n; i++) {
        row = &rows[i];
        row->left = reg_report_bytes(charge->report, row);
        row->price = NULL;

        if (row->left == 0) {
            continue;
        }

        route = charge->origin ? REG_ORIGIN : *row->keys[REG_REPORT_ROUTE];
        network = row->keys[REG_REPORT_NETWORK];

        /* most rows have what the one before has */

        if (i && rows[i - 1].price
            && network == rows[i - 1].keys[REG_REPORT_NETWORK]
            && (charge->origin || row->keys[REG_REPORT_ROUTE]
                                  == rows[i - 1].keys[REG_REPORT_ROUTE]))
        {
            row->price = rows[i - 1].price;

        } else {
            row->price = reg_prices_find(charge->prices, route, *network);
        }

        if (row->price == NULL) {
            reg_error_set(charge->error, "there is no price for route "
                          "\"%.*s\" on network \"%.*s\"", REG_FMT(route),
                          REG_FMT(*network));
            return REG_INVALID;
        }

        entry = (size_t) (row->price - charge->prices->items);
        bytes = UINT64_MAX - charge->volumes[entry] - charge->today[entry];

        if (row->left > bytes) {
            reg_error_set(charge->error, "route \"%.*s\" has more bytes than "
                          "can be", REG_FMT(route));
            return REG_INVALID;
        }

        charge->today[entry] += row->left;
    }

    return REG_OK;
}


static void
reg_charge_day(reg_charge_t *charge, reg_report_row_t *rows, size_t n)
{
    size_t              i, tier;
    uint64_t            bytes;
    const reg_price_t  *price;

    for (i = 0; i < charge->prices->n; i++) {
        price = &charge->prices->items[i];

        while (charge->today[i]) {
            tier = reg_price_tier(price, charge->volumes[i], charge->today[i],
                                  &bytes);

            reg_charge_tier(charge, rows, n, price, tier, bytes);

            charge->volumes[i] += bytes;
            charge->today[i] -= bytes;
        }
    }
}


/*
 * Gives each row its share of the bytes of a tier, which are no more than all
 * rows together still have: cut where the sums are, the shares add up, and none
 * is above what its row has.
 */

static void
reg_charge_tier(reg_charge_t *charge, reg_report_row_t *rows, size_t n,
    const reg_price_t *price, size_t tier, uint64_t bytes)
{
    size_t              i, entry;
    uint64_t            all, sum, at, end;
    reg_report_row_t   *row;
    reg_report_part_t   part;

    entry = (size_t) (price - charge->prices->items);
    all = charge->today[entry];
    at = charge->volumes[entry];
    sum = 0;

    for (i = 0; i < n; i++) {
        row = &rows[i];

        if (row->price != price || row->left == 0) {
            continue;
        }

        sum += row->left;
        end = charge->volumes[entry] + (uint64_t) ((reg_wide_t) sum * bytes
                                                   / all);

        part.row = row;
        part.price = price;
        part.tier = tier;
        part.bytes = end - at;
        part.cost = reg_money_cost(at, end, price->tiers[tier].price,
                                   charge->prices->size);

        at = end;
        row->left -= part.bytes;

        if (charge->origin) {
            row->at_origin += part.cost;
            continue;
        }

        row->cost += part.cost;

        if (charge->handler && part.bytes && !row->before) {
            charge->handler(charge->data, &part);
        }
    }
}


static int
reg_charge_same_month(int64_t one, int64_t two)
{
    char  a[REG_TIME_LEN + 1], b[REG_TIME_LEN + 1];

    reg_time_format(a, one * 86400);
    reg_time_format(b, two * 86400);

    return memcmp(a, b, sizeof("1970-01") - 1) == 0;
}


static int
reg_charge_compare(const void *one, const void *two)
{
    int                      rc;
    size_t                   i;
    const reg_report_row_t  *a = one, *b = two;

    if (a->day != b->day) {
        return a->day < b->day ? -1 : 1;
    }

    for (i = 0; i < REG_REPORT_KEYS && a->keys[i]; i++) {
        rc = reg_intern_compare(a->keys[i], b->keys[i]);

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}
