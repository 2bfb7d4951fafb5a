/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_DELIVERED_H
#define CLI_DELIVERED_H

/*
 * The files of a ledger's directory that say what was delivered elsewhere:
 *
 *     delivered-2026-01-31.v1.log
 *
 * See reg_delivered.h.  Who adds to one holds the lock of the directory.
 */

#include "cli_egress.h"
#include "reg_delivered.h"

typedef struct {
    char              *text;        /* what the key borrows from */
    reg_ledger_key_t   key;
    uint64_t           bytes;
} cli_delivered_row_t;

typedef struct {
    int64_t                day;
    char                   instance[REG_LEDGER_INSTANCE_LEN + 1];
    off_t                  size;    /* of what is whole; 0: there is no file */
    unsigned               ids:1;   /* are known */

    size_t                 nrows;
    cli_delivered_row_t   *rows;
    json_t                *numbers;     /* of rows, by their texts */

    size_t                 n;
    size_t                 mask;
    unsigned char        (*slots)[REG_DELIVERED_ID];   /* zeros: empty */

    size_t                 nnew;    /* bytes to be added to the file */
    size_t                 snew;
    char                  *new;
} cli_delivered_t;


/* Into 4096 bytes. */

void cli_delivered_path(char *path, const char *directory, int64_t day);

/* *lock is to be closed. */

cli_rc_t cli_delivered_lock(int *lock, const char *directory);

/*
 * Reads the file of a day, with ids or sums only; to be freed in any case.
 * CLI_USAGE after a sentence about one that is something else, or of a later
 * version.
 */

cli_rc_t cli_delivered_open(cli_delivered_t *delivered, const char *directory,
    int64_t day, int ids);

void cli_delivered_free(cli_delivered_t *delivered);

/* Adds a request in memory.  CLI_NO: it is there already. */

cli_rc_t cli_delivered_add(cli_delivered_t *delivered,
    const reg_ledger_key_t *key, reg_str_t id, uint64_t bytes);

/* Adds to the file what was added in memory: all of it, or nothing. */

cli_rc_t cli_delivered_save(cli_delivered_t *delivered, const char *directory);


/*
 * Calls the handler for each day from first to last, and ends when that does
 * not return CLI_DONE.
 */

typedef cli_rc_t (*cli_delivered_pt)(void *data,
    const cli_delivered_t *delivered);

cli_rc_t cli_delivered_each(const char *directory, int64_t first, int64_t last,
    cli_delivered_pt handler, void *data);

/* Removes files of days before first; returns how many. */

size_t cli_delivered_expire(const char *directory, int64_t first);

#endif /* CLI_DELIVERED_H */
