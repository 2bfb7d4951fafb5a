/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Prints a script of the ledger in Redis: "sync" or "fold".
 */

#include <stdio.h>

#include "reg_ledger_redis.h"


int
main(int argc, char **argv)
{
    reg_str_t  text;

    if (argc != 2) {
        return 1;
    }

    text = argv[1][0] == 's' ? reg_ledger_redis_script()
                             : reg_ledger_redis_fold_script();

    printf("%.*s", REG_FMT(text));

    return 0;
}
