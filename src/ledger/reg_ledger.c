/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_ledger_format.h"

#define REG_LEDGER_PARTS  5

/* An odd number without a pattern, to spread what differs by little. */

#define REG_LEDGER_MIX    0x9e3779b97f4a7c15ULL

/* A key as a row holds it: the lengths of its parts, and the parts. */

typedef struct {
    uint8_t        len[REG_LEDGER_PARTS];
    unsigned char  text[REG_LEDGER_KEY_MAX];
} reg_ledger_packed_t;

static const size_t  reg_ledger_max[REG_LEDGER_PARTS] = {
    REG_LEDGER_TENANT_MAX,
    REG_LEDGER_REPOSITORY_MAX,
    REG_LEDGER_OPERATION_MAX,
    REG_LEDGER_ROUTE_MAX,
    REG_LEDGER_NETWORK_MAX
};


static reg_ledger_row_t *reg_ledger_recall(reg_ledger_t *ledger,
    const reg_ledger_key_t *key, unsigned claim);
static reg_ledger_row_t *reg_ledger_find(reg_ledger_t *ledger,
    const reg_ledger_key_t *key, unsigned claim);
static size_t reg_ledger_recent(const reg_ledger_key_t *key);
static uint64_t reg_ledger_tail(reg_str_t text);
static void reg_ledger_parts(const reg_str_t *part[REG_LEDGER_PARTS],
    const reg_ledger_key_t *key);
static int reg_ledger_row_is(const reg_ledger_row_t *row,
    const reg_ledger_key_t *key);
static size_t reg_ledger_pack(reg_ledger_packed_t *packed,
    const reg_ledger_key_t *key);
static void reg_ledger_write(reg_ledger_row_t *row,
    const reg_ledger_packed_t *packed, size_t len);


const char *
reg_ledger_counter_name(reg_ledger_counter_t counter)
{
    static const char *const  names[] = {
        "egress_bytes", "ingress_bytes", "redirected_bytes", "delivered_bytes",
        "requests", "pulls", "pushes"
    };

    return counter < REG_LEDGER_COUNTERS ? names[counter] : "-";
}


int
reg_ledger_part_valid(reg_str_t text, size_t max)
{
    size_t         i;
    unsigned char  c;

    if (text.len > max) {
        return 0;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c <= 0x20 || c > 0x7e || c == '|' || c == '{' || c == '}') {
            return 0;
        }
    }

    return 1;
}


reg_ledger_row_t *
reg_ledger_row(reg_ledger_t *ledger, const reg_ledger_key_t *key)
{
    reg_ledger_row_t  *row;

    row = reg_ledger_recall(ledger, key, 1);

    if (row) {
        return row;
    }

    (void) atomic_fetch_add(&ledger->header->overflows, 1);

    return &ledger->rows[0];
}


reg_ledger_row_t *
reg_ledger_row_if_any(reg_ledger_t *ledger, const reg_ledger_key_t *key)
{
    return reg_ledger_recall(ledger, key, 0);
}


/*
 * What comes in is mostly of rows that were had a moment ago, which need not be
 * looked up: rows are never given up.
 */

static reg_ledger_row_t *
reg_ledger_recall(reg_ledger_t *ledger, const reg_ledger_key_t *key,
    unsigned claim)
{
    reg_ledger_row_t             *row;
    _Atomic(reg_ledger_row_t *)  *recent;

    recent = &ledger->recent[reg_ledger_recent(key)];
    row = atomic_load_explicit(recent, memory_order_relaxed);

    if (row && reg_ledger_row_is(row, key)) {
        return row;
    }

    row = reg_ledger_find(ledger, key, claim);

    if (row) {
        atomic_store_explicit(recent, row, memory_order_relaxed);
    }

    return row;
}


/* NULL: there is none, and none was claimed. */

static reg_ledger_row_t *
reg_ledger_find(reg_ledger_t *ledger, const reg_ledger_key_t *key,
    unsigned claim)
{
    size_t                distance, len;
    uint64_t              hash, word;
    reg_ledger_row_t     *row;
    reg_ledger_packed_t   packed;

    len = reg_ledger_pack(&packed, key);

    if (len == 0) {
        return NULL;
    }

    hash = reg_ledger_hash(ledger, &packed, len);

    for (distance = 0; distance < REG_LEDGER_WINDOW; distance++) {

        row = &ledger->rows[reg_ledger_place(ledger, hash, distance)];
        __builtin_prefetch(row->key);
        word = atomic_load(&row->word);

        if (word == REG_LEDGER_EMPTY) {

            if (!claim) {
                return NULL;
            }

            if (atomic_compare_exchange_strong(&row->word, &word,
                                               hash | REG_LEDGER_CLAIMED))
            {
                (void) atomic_fetch_add(&ledger->header->used, 1);
                reg_ledger_write(row, &packed, len);

                /* from here on others read it */

                atomic_store(&row->word, hash | REG_LEDGER_READY);

                return row;
            }

            /* word is what somebody else was faster to make of it */
        }

        /* whoever has claimed a row may be dead: nobody waits for it */

        if (word == (hash | REG_LEDGER_READY)
            && reg_ledger_is(row, &packed, len))
        {
            return row;
        }
    }

    return NULL;
}


void
reg_ledger_add(reg_ledger_row_t *row, reg_ledger_counter_t counter, uint64_t n)
{
    if (n != 0) {
        (void) atomic_fetch_add_explicit(&row->counts[counter], n,
                                         memory_order_relaxed);
    }
}


void
reg_ledger_take_back(reg_ledger_row_t *row, uint64_t n)
{
    (void) atomic_fetch_add_explicit(&row->taken_back, n, memory_order_release);
}


uint64_t
reg_ledger_checksum(const reg_ledger_header_t *header)
{
    reg_str_t  text;

    static const unsigned char  key[REG_SIPHASH_KEY_LEN] = "ledger's header";

    text.data = (unsigned char *) header;
    text.len = offsetof(reg_ledger_header_t, checksum);

    return reg_siphash(key, text).lo;
}


void
reg_ledger_init_other(reg_ledger_t *ledger)
{
    size_t               len;
    uint64_t             hash;
    reg_ledger_key_t     key;
    reg_ledger_packed_t  packed;

    key.tenant = REG_LEDGER_OTHER;
    key.repository = REG_LEDGER_OTHER;
    key.operation = REG_LEDGER_OTHER;
    key.route = REG_LEDGER_OTHER;
    key.network = REG_LEDGER_OTHER;

    len = reg_ledger_pack(&packed, &key);
    hash = reg_ledger_hash(ledger, &packed, len);

    reg_ledger_write(&ledger->rows[0], &packed, len);
    atomic_store(&ledger->rows[0].word, hash | REG_LEDGER_READY);
}


/*
 * The place of a key among the recent ones, by what differs most and costs
 * least: if somebody makes two of them meet, both are looked up.
 */

static size_t
reg_ledger_recent(const reg_ledger_key_t *key)
{
    uint64_t  hash;

    hash = reg_ledger_tail(key->repository);
    hash = hash * REG_LEDGER_MIX ^ reg_ledger_tail(key->tenant);
    hash = hash * REG_LEDGER_MIX ^ reg_ledger_tail(key->operation);
    hash = hash * REG_LEDGER_MIX ^ reg_ledger_tail(key->route);
    hash = hash * REG_LEDGER_MIX ^ reg_ledger_tail(key->network);

    return (size_t) (hash * REG_LEDGER_MIX >> 32) & (REG_LEDGER_RECENT - 1);
}


/* The length, and up to eight bytes at the end. */

static uint64_t
reg_ledger_tail(reg_str_t text)
{
    uint32_t  first, last;
    uint64_t  word;

    if (text.len >= sizeof(word)) {
        memcpy(&word, text.data + text.len - sizeof(word), sizeof(word));

    } else if (text.len >= sizeof(first)) {
        memcpy(&first, text.data, sizeof(first));
        memcpy(&last, text.data + text.len - sizeof(last), sizeof(last));
        word = (uint64_t) first << 32 | last;

    } else {
        word = text.len ? text.data[text.len - 1] : 0;
    }

    return word ^ text.len;
}


/* In the order in which a row holds them. */

static void
reg_ledger_parts(const reg_str_t *part[REG_LEDGER_PARTS],
    const reg_ledger_key_t *key)
{
    part[0] = &key->tenant;
    part[1] = &key->repository;
    part[2] = &key->operation;
    part[3] = &key->route;
    part[4] = &key->network;
}


/* Nothing that is no part of a key is ever in a row. */

static int
reg_ledger_row_is(const reg_ledger_row_t *row, const reg_ledger_key_t *key)
{
    size_t                i;
    const unsigned char  *p;
    const reg_str_t      *part[REG_LEDGER_PARTS];

    reg_ledger_parts(part, key);

    p = row->key;

    for (i = 0; i < REG_LEDGER_PARTS; i++) {

        if (part[i]->len != row->len[i]
            || (part[i]->len && memcmp(part[i]->data, p, part[i]->len) != 0))
        {
            return 0;
        }

        p += part[i]->len;
    }

    return 1;
}


/* The length, with that of the lengths; 0 if a part is not valid. */

static size_t
reg_ledger_pack(reg_ledger_packed_t *packed, const reg_ledger_key_t *key)
{
    size_t            i;
    unsigned char    *p;
    const reg_str_t  *part[REG_LEDGER_PARTS];

    reg_ledger_parts(part, key);

    p = packed->text;

    for (i = 0; i < REG_LEDGER_PARTS; i++) {

        if (!reg_ledger_part_valid(*part[i], reg_ledger_max[i])) {
            return 0;
        }

        packed->len[i] = (uint8_t) part[i]->len;

        if (part[i]->len) {
            memcpy(p, part[i]->data, part[i]->len);
            p += part[i]->len;
        }
    }

    return (size_t) (p - (unsigned char *) packed);
}


/* Says whether what a row holds may be a key. */

int
reg_ledger_unpack(reg_ledger_key_t *key, const reg_ledger_row_t *row)
{
    size_t          i;
    reg_str_t      *part[REG_LEDGER_PARTS];
    unsigned char  *p;

    part[0] = &key->tenant;
    part[1] = &key->repository;
    part[2] = &key->operation;
    part[3] = &key->route;
    part[4] = &key->network;

    p = (unsigned char *) row->key;

    for (i = 0; i < REG_LEDGER_PARTS; i++) {

        part[i]->data = p;
        part[i]->len = row->len[i];

        if (!reg_ledger_part_valid(*part[i], reg_ledger_max[i])) {
            return 0;
        }

        p += part[i]->len;
    }

    return 1;
}


/* It has no state, and is never that of an empty row. */

uint64_t
reg_ledger_hash(const reg_ledger_t *ledger, const void *packed, size_t len)
{
    reg_str_t  text;

    text.data = (unsigned char *) packed;
    text.len = len;

    return reg_siphash(ledger->header->secret, text).lo & ~REG_LEDGER_STATE;
}


/* Row 0 is nobody's place. */

size_t
reg_ledger_place(const reg_ledger_t *ledger, uint64_t hash, size_t distance)
{
    size_t  n;

    n = ledger->nrows - 1;

    return 1 + ((size_t) ((hash >> 2) % n) + distance) % n;
}


/* The lengths and, right behind them, the parts. */

const unsigned char *
reg_ledger_row_key(const reg_ledger_row_t *row)
{
    return (const unsigned char *) row + offsetof(reg_ledger_row_t, len);
}


int
reg_ledger_is(const reg_ledger_row_t *row, const void *packed, size_t len)
{
    return memcmp(reg_ledger_row_key(row), packed, len) == 0;
}


size_t
reg_ledger_row_len(const reg_ledger_row_t *row)
{
    size_t  i, len;

    len = sizeof(row->len);

    for (i = 0; i < REG_LEDGER_PARTS; i++) {
        len += row->len[i];
    }

    return len;
}


static void
reg_ledger_write(reg_ledger_row_t *row, const reg_ledger_packed_t *packed,
    size_t len)
{
    memcpy(row->len, packed->len, sizeof(row->len));

    if (len > sizeof(row->len)) {
        memcpy(row->key, packed->text, len - sizeof(row->len));
    }
}
