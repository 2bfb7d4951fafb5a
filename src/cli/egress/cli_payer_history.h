/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_PAYER_HISTORY_H
#define CLI_PAYER_HISTORY_H

/*
 * What tenants and repositories were on a day, by what the audit says of their
 * changes.  A record is on a day what it is when that is over.
 */

#include "cli_store.h"

typedef struct {
    json_t     *types[REG_RECORD_TYPES];    /* name -> versions */
    size_t      n;
    size_t      size;
    int64_t    *days;               /* on which something has changed */
} cli_history_t;

/* Reads the audit of a store that is open; zeros are an empty history. */

cli_rc_t cli_history_read(cli_history_t *history, cli_store_t *store);

void cli_history_free(cli_history_t *history);


/*
 * How many days with changes are not after this one: between two of them
 * nothing changes.
 */

size_t cli_history_epoch(const cli_history_t *history, int64_t day);


/*
 * Looks for the record as it was on a day: an object with "labels", and with
 * "owner" if it is a repository.  later: where there was none, the first since.
 * Borrowed.
 *
 * CLI_DONE    *was is set
 * CLI_NO      there was none on that day
 * CLI_AGAIN   it was what it is now
 */

cli_rc_t cli_history_find(const cli_history_t *history,
    reg_record_type_t type, reg_str_t name, int64_t day, int later,
    json_t **was);


/* Names that once were records of a type, in an object; borrowed. */

json_t *cli_history_names(const cli_history_t *history,
    reg_record_type_t type);

#endif /* CLI_PAYER_HISTORY_H */
