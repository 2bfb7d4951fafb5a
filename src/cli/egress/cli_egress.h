/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_EGRESS_H
#define CLI_EGRESS_H

/*
 * Rows of the ledger, in the files of --ledger or else in the Redis of --store.
 * Days are counted from 1970-01-01, UTC.
 */

#include "cli_store.h"
#include "reg_ledger.h"
#include "reg_period.h"

#define CLI_DAY  86400


/* Called for each row; anything but CLI_DONE ends the reading with that. */

typedef cli_rc_t (*cli_egress_row_pt)(void *data, int64_t day,
    const reg_ledger_key_t *key, const uint64_t *counts);

/* Reads the rows of the days from first to last, in no order. */

cli_rc_t cli_egress_read(const cli_t *cli, int64_t first, int64_t last,
    cli_egress_row_pt handler, void *data);


/*
 * Opens a file to read it.  NULL: it is gone.  CLI_USAGE after a sentence about
 * one that is none, or of a later version.
 */

cli_rc_t cli_egress_open(reg_ledger_t **ledger, const char *path);

/* What reg_ledger_list() says of --ledger, as a sentence. */

cli_rc_t cli_egress_no_directory(reg_rc_t rc, const char *directory,
    const reg_error_t *error);

/* How long --keep says that days are kept; 400 days by default. */

cli_rc_t cli_egress_keep(const cli_t *cli, int64_t *seconds);


/*
 * The days of --month, or of --from and --to; the current month by default.
 */

cli_rc_t cli_egress_period(const cli_t *cli, int64_t *first, int64_t *last);

/* "1.23 TB" */

#define CLI_BYTES_LEN  32

void cli_bytes(char buf[CLI_BYTES_LEN], uint64_t n);


/* cli_payer.c: who pays for a row, and what labels that one has. */

#define CLI_UNLABELLED  "(unlabelled)"
#define CLI_UNOWNED     "(unowned)"

typedef struct cli_payer_s  cli_payer_t;

/*
 * Reads tenants and repositories from --records, as they are there, or else
 * from --store, with what they were before; with neither, and not required,
 * there are none.
 */

cli_rc_t cli_payer_open(cli_payer_t **payer, const cli_t *cli, int required);

void cli_payer_close(cli_payer_t *payer);

/* The tenant of a row, or the owner of its repository, on a day. */

cli_rc_t cli_payer_find(cli_payer_t *payer, int owner, int64_t day,
    const reg_ledger_key_t *key, reg_str_t *tenant, json_t **labels);

/* The value of a label, or "(unlabelled)"; labels may be NULL. */

reg_str_t cli_payer_label(const json_t *labels, const char *name);

/* The labels of a tenant on a day; NULL: it had none.  Borrowed. */

json_t *cli_payer_labels(const cli_payer_t *payer, reg_str_t tenant,
    int64_t day);

#endif /* CLI_EGRESS_H */
