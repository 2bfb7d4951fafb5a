/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

/*
 * How far long work has come, on standard error while that is a terminal.
 */

#include "cli.h"

typedef struct {
    const char  *what;              /* "days" */
    int64_t      next;              /* ms, when to print */
    unsigned     off:1;
} cli_progress_t;

void cli_progress_init(cli_progress_t *progress, const char *what);

/* all 0: how much there is is not known. */

void cli_progress(cli_progress_t *progress, uint64_t done, uint64_t all);

/* Before anything else is printed: the line is empty again. */

void cli_progress_end(cli_progress_t *progress);

#endif /* CLI_PROGRESS_H */
