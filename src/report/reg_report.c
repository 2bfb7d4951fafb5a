/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_report.h"

#define REG_REPORT_ROWS  1024           /* at first; a power of two */


static size_t *reg_report_slot(const reg_report_t *report,
    const reg_report_row_t *row);
static int reg_report_grow(reg_report_t *report);
static void reg_report_sum(reg_report_row_t *row, const uint64_t *counts);
static uint64_t reg_report_plus(uint64_t a, uint64_t b);
static int reg_report_by_values(const void *one, const void *two);
static int reg_report_by_bytes(const void *one, const void *two);


void
reg_report_free(reg_report_t *report)
{
    free(report->rows);
    free(report->index);
    reg_intern_free(&report->texts);
    memset(report, 0, sizeof(reg_report_t));
}


reg_rc_t
reg_report_add(reg_report_t *report, int64_t day, unsigned before,
    reg_str_t route, reg_str_t network, const reg_str_t *values,
    const uint64_t *counts)
{
    size_t             i, *slot;
    reg_report_row_t   row;

    memset(&row, 0, sizeof(reg_report_row_t));

    row.before = before ? 1 : 0;

    if (report->priced) {
        row.day = day;
        row.keys[REG_REPORT_ROUTE] = reg_intern(&report->texts, route);
        row.keys[REG_REPORT_NETWORK] = reg_intern(&report->texts, network);

        if (!row.keys[REG_REPORT_ROUTE] || !row.keys[REG_REPORT_NETWORK]) {
            return REG_NOMEM;
        }

    } else if (before) {
        return REG_OK;
    }

    for (i = 0; i < report->nvalues; i++) {
        row.keys[REG_REPORT_VALUE + i] = reg_intern(&report->texts,
                                                    values[i]);

        if (row.keys[REG_REPORT_VALUE + i] == NULL) {
            return REG_NOMEM;
        }
    }

    if (report->n == report->size && !reg_report_grow(report)) {
        return REG_NOMEM;
    }

    slot = reg_report_slot(report, &row);

    if (*slot == 0) {
        report->rows[report->n++] = row;
        *slot = report->n;
    }

    reg_report_sum(&report->rows[*slot - 1], counts);

    return REG_OK;
}


uint64_t
reg_report_bytes(const reg_report_t *report, const reg_report_row_t *row)
{
    return reg_report_plus(row->counts[REG_LEDGER_EGRESS_BYTES],
                           report->measured
                           ? row->counts[REG_LEDGER_DELIVERED_BYTES]
                           : row->counts[REG_LEDGER_REDIRECTED_BYTES]);
}


void
reg_report_group(reg_report_t *report, int by_bytes)
{
    size_t             i, n;
    reg_report_row_t  *row, *last;

    if (report->n == 0) {
        return;
    }

    qsort(report->rows, report->n, sizeof(reg_report_row_t),
          reg_report_by_values);

    for (i = n = 0; i < report->n; i++) {
        row = &report->rows[i];
        last = n ? &report->rows[n - 1] : NULL;

        if (row->before) {
            continue;
        }

        if (last && reg_report_by_values(row, last) == 0) {
            reg_report_sum(last, row->counts);
            last->cost += row->cost;
            last->at_origin += row->at_origin;
            continue;
        }

        report->rows[n++] = *row;
    }

    report->n = n;

    for (i = 0; i < n; i++) {
        report->rows[i].left = reg_report_bytes(report, &report->rows[i]);
    }

    if (by_bytes) {
        qsort(report->rows, n, sizeof(reg_report_row_t),
              reg_report_by_bytes);
    }
}


/* Where the row is or, in an empty slot, would be. */

static size_t *
reg_report_slot(const reg_report_t *report, const reg_report_row_t *row)
{
    size_t                   i;
    uint64_t                 hash;
    const reg_report_row_t  *other;

    /* the same text is the same pointer */

    hash = reg_hash(REG_HASH_INIT ^ (uint64_t) row->day, row->keys,
                    sizeof(row->keys));

    for (i = (size_t) hash & report->mask; report->index[i];
         i = (i + 1) & report->mask)
    {
        other = &report->rows[report->index[i] - 1];

        if (other->day == row->day && other->before == row->before
            && memcmp(other->keys, row->keys, sizeof(row->keys)) == 0)
        {
            break;
        }
    }

    return &report->index[i];
}


static int
reg_report_grow(reg_report_t *report)
{
    size_t             i, size, *index;
    reg_report_row_t  *rows;

    size = report->size ? 2 * report->size : REG_REPORT_ROWS;

    rows = realloc(report->rows, size * sizeof(reg_report_row_t));

    if (rows == NULL) {
        return 0;
    }

    report->rows = rows;

    index = calloc(2 * size, sizeof(size_t));

    if (index == NULL) {
        return 0;
    }

    free(report->index);

    report->index = index;
    report->mask = 2 * size - 1;
    report->size = size;

    for (i = 0; i < report->n; i++) {
        *reg_report_slot(report, &rows[i]) = i + 1;
    }

    return 1;
}


static void
reg_report_sum(reg_report_row_t *row, const uint64_t *counts)
{
    unsigned  i;

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {
        row->counts[i] = reg_report_plus(row->counts[i], counts[i]);
    }
}


/* Nonsense stays large, and does not become a small number. */

static uint64_t
reg_report_plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}


static int
reg_report_by_values(const void *one, const void *two)
{
    int                      rc;
    size_t                   i;
    const reg_report_row_t  *a = one, *b = two;

    for (i = REG_REPORT_VALUE; i < REG_REPORT_KEYS && a->keys[i]; i++) {
        rc = reg_intern_compare(a->keys[i], b->keys[i]);

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


static int
reg_report_by_bytes(const void *one, const void *two)
{
    const reg_report_row_t  *a = one, *b = two;

    if (a->left != b->left) {
        return a->left < b->left ? 1 : -1;
    }

    return reg_report_by_values(one, two);
}
