/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Counts in the ledger of a directory what lines on standard input say, as a
 * gateway would:
 *
 *     DAY TENANT REPOSITORY OPERATION ROUTE NETWORK COUNTERS...
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_ledger.h"

#define SIZE  (1024 * 1024)


static reg_str_t
word(char **rest)
{
    return reg_str(strsep(rest, " \n"));
}


int
main(int argc, char **argv)
{
    char              *rest, line[2048];
    int64_t            day;
    unsigned           i;
    reg_str_t          text;
    reg_error_t        error;
    reg_ledger_t      *ledger;
    reg_ledger_key_t   key;
    reg_ledger_row_t  *row;

    while (argc == 2 && fgets(line, sizeof(line), stdin)) {
        rest = line;

        text = word(&rest);

        if (reg_ledger_day_parse(&day, text) != REG_OK
            || reg_ledger_open(&ledger, argv[1], day, SIZE, &error) != REG_OK)
        {
            fprintf(stderr, "%s: %s\n", line, error.text);
            return 1;
        }

        key.tenant = word(&rest);
        key.repository = word(&rest);
        key.operation = word(&rest);
        key.route = word(&rest);
        key.network = word(&rest);

        row = reg_ledger_row(ledger, &key);

        for (i = 0; i < REG_LEDGER_COUNTERS && rest && *rest; i++) {
            reg_ledger_add(row, (reg_ledger_counter_t) i,
                           strtoull((char *) word(&rest).data, NULL, 10));
        }

        reg_ledger_close(ledger);
    }

    return argc != 2;
}
