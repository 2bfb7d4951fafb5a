/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LEDGER_H
#define REG_LEDGER_H

/*
 * The ledger: who is to pay for how many bytes.  A directory holds a file for
 * each UTC day, "egress-2026-01-31.v1.ledger", which processes map, count in
 * without any lock, and read while others count.  Each of them may be stopped
 * or killed at any instruction.
 *
 * A file is a header and a fixed number of rows.  A row is found by a hash of
 * its key, taken up once and never given up; its counters only grow.  There
 * may be several rows of one key, when two took it up at once or the disk lost
 * something: whoever reads adds them up, as reg_ledger_next() does.  Where
 * there is no row left, the row "(other)" takes what comes, so that totals stay
 * exact.
 *
 * Days are counted from 1970-01-01, UTC.  The day of a file is that in which
 * the bytes were sent.
 */

#include "reg_core.h"

#define REG_LEDGER_VERSION       1

#define REG_LEDGER_SIZE_MIN      65536             /* bytes of a file */
#define REG_LEDGER_SIZE_MAX      (1LL << 40)
#define REG_LEDGER_INSTANCE_LEN  16                /* hexadecimal digits */
#define REG_LEDGER_PATH_MAX      4096              /* with its NUL */
#define REG_LEDGER_DAY_LEN       (sizeof("1970-01-01") - 1)


/*
 * Of whom and what a row counts.  Any part may be empty.  Their bytes are
 * printable ASCII without space, '|', '{' and '}', which have a meaning in the
 * names that Redis knows rows by.  Tenants that nobody has chosen are in
 * parentheses.
 */

#define REG_LEDGER_TENANT_MAX      63
#define REG_LEDGER_REPOSITORY_MAX  255
#define REG_LEDGER_OPERATION_MAX   9               /* "referrers" */
#define REG_LEDGER_ROUTE_MAX       64              /* '@' and a name */
#define REG_LEDGER_NETWORK_MAX     32
#define REG_LEDGER_KEY_MAX         423             /* all of them */

#define REG_LEDGER_ANONYMOUS  REG_STR("(anonymous)")  /* has no tenant */
#define REG_LEDGER_UNKNOWN    REG_STR("(unknown)")    /* no such repository */
#define REG_LEDGER_OTHER      REG_STR("(other)")      /* there was no room */

typedef struct {
    reg_str_t  tenant;
    reg_str_t  repository;
    reg_str_t  operation;       /* as reg_operation_name() has it */
    reg_str_t  route;           /* "origin", the name of a CDN, "backend", … */
    reg_str_t  network;         /* of the client, as the operator calls it */
} reg_ledger_key_t;


/* What a row counts; each is a uint64_t. */

typedef enum {
    REG_LEDGER_EGRESS_BYTES = 0,    /* sent to clients by this gateway, less
                                       what was taken back, see below */
    REG_LEDGER_INGRESS_BYTES,       /* of request bodies */
    REG_LEDGER_REDIRECTED_BYTES,    /* clients were sent elsewhere for these */
    REG_LEDGER_DELIVERED_BYTES,     /* of those, what the logs of that other
                                       place say was delivered: by imports,
                                       never by a gateway */
    REG_LEDGER_REQUESTS,
    REG_LEDGER_PULLS,               /* GETs of a manifest, answered 2xx */
    REG_LEDGER_PUSHES,              /* PUTs of a manifest, answered 2xx */
    REG_LEDGER_COUNTERS             /* how many there are */
} reg_ledger_counter_t;


/* "egress_bytes", …: the names of all reports. */

const char *reg_ledger_counter_name(reg_ledger_counter_t counter);


typedef struct reg_ledger_s      reg_ledger_t;
typedef struct reg_ledger_row_s  reg_ledger_row_t;


/* Whether text may be a part of a key, of up to max bytes. */

int reg_ledger_part_valid(reg_str_t text, size_t max);


/*
 * Opens the file of a day to count in, or makes it: of size bytes, all of which
 * the disk has then given.  A file that is there already keeps its size.  One
 * that is no ledger of this version is left alone, and another is made beside
 * it, under another instance.
 *
 * REG_OK       the caller closes *ledger; *error is empty, or a sentence about
 *              a file that was left alone
 * REG_INVALID  directory, or what is in it, cannot be used; see *error
 * REG_NOMEM
 * REG_ERROR    the system failed, or the disk is full; see *error
 */

reg_rc_t reg_ledger_open(reg_ledger_t **ledger, const char *directory,
    int64_t day, size_t size, reg_error_t *error);


/*
 * Opens a file to read, also one that others count in.
 *
 * REG_OK        the caller closes *ledger
 * REG_NOTFOUND  there is no such file
 * REG_NEWER     it is of a later version
 * REG_INVALID   it is cut, damaged, or something else
 * REG_NOMEM, REG_ERROR
 */

reg_rc_t reg_ledger_open_file(reg_ledger_t **ledger, const char *path,
    reg_error_t *error);


/*
 * The same, to say what of it was sent and to close days.  Rows are not looked
 * at beforehand; a damaged one is left out.
 */

reg_rc_t reg_ledger_open_to_send(reg_ledger_t **ledger, const char *path,
    reg_error_t *error);


/* The same for the bytes of a file, which have to outlive the ledger. */

reg_rc_t reg_ledger_open_memory(reg_ledger_t **ledger, const void *addr,
    size_t size, reg_error_t *error);

void reg_ledger_close(reg_ledger_t *ledger);


/*
 * Calls the handler for each file in a directory, of the days from first to
 * last, whatever its version, sorted by name and so by day.  It ends when the
 * handler does not return REG_OK, and returns that; path is lent.
 *
 * REG_NOTFOUND  there is no such directory
 * REG_NOMEM, REG_ERROR
 */

typedef reg_rc_t (*reg_ledger_file_pt)(void *data, const char *path,
    int64_t day);

reg_rc_t reg_ledger_list(const char *directory, int64_t first, int64_t last,
    reg_ledger_file_pt handler, void *data, reg_error_t *error);


/*
 * Removes the files of this version of days before first, and what a killed
 * process left of one that it was making.  Returns how many.
 */

size_t reg_ledger_expire(const char *directory, int64_t first);


/* "2026-01-31"; buf has room for the NUL. */

void reg_ledger_day_format(char buf[REG_LEDGER_DAY_LEN + 1], int64_t day);

reg_rc_t reg_ledger_day_parse(int64_t *day, reg_str_t text);


/*
 * The row of a key, taken up if it is new.  It is "(other)" where there is no
 * room or a part of the key is not valid; never NULL.  Only of a ledger that
 * was opened to count in.
 */

reg_ledger_row_t *reg_ledger_row(reg_ledger_t *ledger,
    const reg_ledger_key_t *key);

/* The same, but NULL where it would be a new one, or "(other)". */

reg_ledger_row_t *reg_ledger_row_if_any(reg_ledger_t *ledger,
    const reg_ledger_key_t *key);

void reg_ledger_add(reg_ledger_row_t *row, reg_ledger_counter_t counter,
    uint64_t n);


/*
 * Takes back bytes of egress that never reached a client that is gone.  They
 * are counted apart, as nothing that grows only could be sent otherwise.
 */

void reg_ledger_take_back(reg_ledger_row_t *row, uint64_t n);


/* One key, and what all rows of it have counted; lent by the ledger. */

typedef struct {
    reg_ledger_key_t  key;
    uint64_t          counts[REG_LEDGER_COUNTERS];
    uint64_t          taken_back;   /* from egress_bytes, already */
    size_t            row;      /* for reg_ledger_sent() */
    uint64_t          own;
    unsigned          unsent:1; /* a row of it has counted since then */
} reg_ledger_entry_t;


/*
 * The next entry at or behind row *at and before row end, in no order; begin
 * with 0.  Returns 0 when there is no more.
 */

#define REG_LEDGER_END  SIZE_MAX

int reg_ledger_next(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry);


/* The same, of those only that have counted since they were sent. */

int reg_ledger_next_unsent(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry);


/*
 * The same, of each row by itself: for sums, which need not know what is of one
 * key, this is faster by far.
 */

int reg_ledger_next_row(const reg_ledger_t *ledger, size_t *at, size_t end,
    reg_ledger_entry_t *entry);


/* What an entry says has reached its destination. */

void reg_ledger_sent(reg_ledger_t *ledger, size_t row, uint64_t own);


int64_t reg_ledger_day(const reg_ledger_t *ledger);

/* Who has counted: what two files of one day differ by; REG_LEDGER_INSTANCE_LEN
   hexadecimal digits and a NUL. */

const char *reg_ledger_instance(const reg_ledger_t *ledger);


typedef struct {
    size_t    rows;             /* that the file has */
    size_t    used;
    uint64_t  overflows;        /* how often "(other)" was taken instead */
    int64_t   synced_at;        /* when all was last sent, in seconds; or 0 */
} reg_ledger_stat_t;

void reg_ledger_stat(const reg_ledger_t *ledger, reg_ledger_stat_t *stat);

void reg_ledger_set_synced(reg_ledger_t *ledger, int64_t now);


/*
 * A day that is over is closed once what it counted was found wherever it was
 * sent.  It is open again when somebody has counted in it since, who had slept
 * over midnight.
 */

int reg_ledger_closed(const reg_ledger_t *ledger);

/* Whether it was ever closed, which costs nothing to know. */

int reg_ledger_was_closed(const reg_ledger_t *ledger);

/* The sum of all counters, to be taken before anything is sent. */

uint64_t reg_ledger_sum(const reg_ledger_t *ledger);

void reg_ledger_set_closed(reg_ledger_t *ledger, uint64_t sum);

#endif /* REG_LEDGER_H */
