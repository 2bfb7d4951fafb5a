/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Counts in the file of any day, as a gateway would have on that day:
 *
 *     ledger_day DIRECTORY YYYY-MM-DD TENANT REPOSITORY BYTES
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_ledger.h"


int
main(int argc, char **argv)
{
    int64_t            day;
    reg_error_t        error;
    reg_ledger_t      *ledger;
    reg_ledger_key_t   key;
    reg_ledger_row_t  *row;

    if (argc != 6 || reg_ledger_day_parse(&day, reg_str(argv[2])) != REG_OK) {
        return 2;
    }

    if (reg_ledger_open(&ledger, argv[1], day, 1024 * 1024, &error) != REG_OK) {
        (void) fprintf(stderr, "ledger_day: %s\n", error.text);
        return 1;
    }

    key.tenant = reg_str(argv[3]);
    key.repository = reg_str(argv[4]);
    key.operation = REG_STR("pull");
    key.route = REG_STR("origin");
    key.network = REG_STR("");

    row = reg_ledger_row(ledger, &key);

    reg_ledger_add(row, REG_LEDGER_EGRESS_BYTES, strtoull(argv[5], NULL, 10));
    reg_ledger_add(row, REG_LEDGER_REQUESTS, 1);

    reg_ledger_close(ledger);

    return 0;
}
