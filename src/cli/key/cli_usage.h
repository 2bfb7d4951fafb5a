/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_USAGE_H
#define CLI_USAGE_H

/*
 * The uses of one key, as gateways have written them down: lines that differ in
 * nothing but their time are one.
 */

#include <jansson.h>

#include "cli.h"

typedef struct {
    const char  *id;                /* of the key */
    int64_t      since;             /* REG_TIME_NONE: from the beginning */
    json_t      *uses;              /* by all that they have in common */
    size_t       broken;            /* lines that are none */
} cli_usage_t;


/*
 * Takes one line: that of another key, or one that is older, is left out.
 * CLI_STORE after a sentence: memory ran out.
 */

cli_rc_t cli_usage_add(cli_usage_t *usage, reg_str_t line);

#endif /* CLI_USAGE_H */
