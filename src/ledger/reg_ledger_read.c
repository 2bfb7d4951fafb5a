/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Reads a ledger while others count in it.
 */

#include "reg_ledger_format.h"


static uint64_t reg_ledger_row_sum(const reg_ledger_row_t *row);
static int reg_ledger_find(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry, unsigned unsent);
static int reg_ledger_collect(const reg_ledger_t *ledger,
    reg_ledger_entry_t *entry, unsigned any);
static void reg_ledger_clear(reg_ledger_entry_t *entry);
static void reg_ledger_collect_row(reg_ledger_entry_t *entry,
    const reg_ledger_row_t *row);


int
reg_ledger_next(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry)
{
    return reg_ledger_find(ledger, at, end, entry, 0);
}


int
reg_ledger_next_unsent(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry)
{
    return reg_ledger_find(ledger, at, end, entry, 1);
}


int
reg_ledger_next_row(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry)
{
    size_t             i;
    reg_ledger_row_t  *row;

    if (end > ledger->nrows) {
        end = ledger->nrows;
    }

    for (i = *at; i < end; i++) {

        row = &ledger->rows[i];

        if ((atomic_load(&row->word) & REG_LEDGER_STATE) == REG_LEDGER_READY
            && reg_ledger_unpack(&entry->key, row))
        {
            reg_ledger_clear(entry);

            entry->row = i;
            entry->own = reg_ledger_row_sum(row);

            reg_ledger_collect_row(entry, row);

            *at = i + 1;
            return 1;
        }
    }

    *at = (i > *at) ? i : *at;

    return 0;
}


void
reg_ledger_sent(reg_ledger_t *ledger, size_t row, uint64_t own)
{
    if (row < ledger->nrows) {
        atomic_store(&ledger->rows[row].sent, own);
    }
}


int64_t
reg_ledger_day(const reg_ledger_t *ledger)
{
    return ledger->header->day;
}


const char *
reg_ledger_instance(const reg_ledger_t *ledger)
{
    return ledger->instance;
}


void
reg_ledger_stat(const reg_ledger_t *ledger, reg_ledger_stat_t *stat)
{
    reg_ledger_header_t  *header = ledger->header;

    stat->rows = ledger->nrows;
    stat->used = (size_t) atomic_load(&header->used);
    stat->overflows = atomic_load(&header->overflows);
    stat->synced_at = atomic_load(&header->synced_at);
}


void
reg_ledger_set_synced(reg_ledger_t *ledger, int64_t now)
{
    atomic_store(&ledger->header->synced_at, now);
}


int
reg_ledger_closed(const reg_ledger_t *ledger)
{
    uint64_t  closed;

    closed = atomic_load(&ledger->header->closed);

    return closed != 0 && closed == reg_ledger_sum(ledger) + 1;
}


int
reg_ledger_was_closed(const reg_ledger_t *ledger)
{
    return atomic_load(&ledger->header->closed) != 0;
}


uint64_t
reg_ledger_sum(const reg_ledger_t *ledger)
{
    size_t    i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < ledger->nrows; i++) {
        sum += reg_ledger_row_sum(&ledger->rows[i]);
    }

    return sum;
}


void
reg_ledger_set_closed(reg_ledger_t *ledger, uint64_t sum)
{
    atomic_store(&ledger->header->closed, sum + 1);
}


reg_rc_t
reg_ledger_check_rows(const reg_ledger_t *ledger, reg_error_t *error)
{
    size_t             i;
    uint64_t           word;
    reg_ledger_key_t   key;
    reg_ledger_row_t  *row;

    for (i = 0; i < ledger->nrows; i++) {

        row = &ledger->rows[i];
        word = atomic_load(&row->word);

        if (word == REG_LEDGER_EMPTY
            || (word & REG_LEDGER_STATE) == REG_LEDGER_CLAIMED)
        {
            continue;
        }

        if ((word & REG_LEDGER_STATE) != REG_LEDGER_READY
            || !reg_ledger_unpack(&key, row)
            || reg_ledger_hash(ledger, reg_ledger_row_key(row),
                               reg_ledger_row_len(row))
               != (word & ~REG_LEDGER_STATE))
        {
            reg_error_set(error, "row %llu of it is damaged",
                          (unsigned long long) i);
            return REG_INVALID;
        }
    }

    return REG_OK;
}


static uint64_t
reg_ledger_row_sum(const reg_ledger_row_t *row)
{
    size_t    i;
    uint64_t  sum;

    sum = atomic_load_explicit(&row->taken_back, memory_order_relaxed);

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {
        sum += atomic_load_explicit(&row->counts[i], memory_order_relaxed);
    }

    return sum;
}


static int
reg_ledger_find(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry, unsigned unsent)
{
    size_t             i;
    reg_ledger_row_t  *row;

    if (end > ledger->nrows) {
        end = ledger->nrows;
    }

    for (i = *at; i < end; i++) {

        row = &ledger->rows[i];

        if ((atomic_load(&row->word) & REG_LEDGER_STATE) != REG_LEDGER_READY) {
            continue;
        }

        /* before its counters are read: what comes later is not sent */

        entry->row = i;
        entry->own = reg_ledger_row_sum(row);

        if (unsent && entry->own == atomic_load(&row->sent)) {
            continue;
        }

        if (reg_ledger_collect(ledger, entry, unsent)) {
            *at = i + 1;
            return 1;
        }
    }

    *at = (i > *at) ? i : *at;

    return 0;
}


/*
 * Adds up the rows of one key, which all are in its window; where one of them
 * is empty there may be more behind it, as a disk may have lost it.  Says
 * whether the entry's row is the first of them, or any will do.
 */

static int
reg_ledger_collect(const reg_ledger_t *ledger, reg_ledger_entry_t *entry,
    unsigned any)
{
    int                found;
    size_t             k, len, distance;
    uint64_t           word;
    reg_ledger_row_t  *row, *other;

    row = &ledger->rows[entry->row];

    if (!reg_ledger_unpack(&entry->key, row)) {
        return 0;
    }

    reg_ledger_clear(entry);

    if (entry->row == 0) {
        reg_ledger_collect_row(entry, row);
        return 1;
    }

    word = atomic_load(&row->word);
    len = reg_ledger_row_len(row);
    found = 0;

    for (distance = 0; distance < REG_LEDGER_WINDOW; distance++) {

        k = reg_ledger_place(ledger, word, distance);
        other = &ledger->rows[k];

        if (k == entry->row) {
            found = 1;

        } else if (atomic_load(&other->word) != word
                   || !reg_ledger_is(other, reg_ledger_row_key(row), len))
        {
            continue;

        } else if (!found && !any) {
            return 0;
        }

        reg_ledger_collect_row(entry, other);
    }

    return found;
}


static void
reg_ledger_clear(reg_ledger_entry_t *entry)
{
    memset(entry->counts, 0, sizeof(entry->counts));
    entry->taken_back = 0;
    entry->unsent = 0;
}


static void
reg_ledger_collect_row(reg_ledger_entry_t *entry, const reg_ledger_row_t *row)
{
    size_t    c;
    uint64_t  n, sum;

    /* first, so that never more is taken back than was counted */

    n = atomic_load_explicit(&row->taken_back, memory_order_acquire);

    entry->taken_back += n;
    entry->counts[REG_LEDGER_EGRESS_BYTES] -= n;
    sum = n;

    for (c = 0; c < REG_LEDGER_COUNTERS; c++) {
        n = atomic_load_explicit(&row->counts[c], memory_order_relaxed);

        entry->counts[c] += n;
        sum += n;
    }

    if (sum != atomic_load(&row->sent)) {
        entry->unsent = 1;
    }
}
