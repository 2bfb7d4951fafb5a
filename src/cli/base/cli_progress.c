/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <time.h>
#include <unistd.h>

#include "cli_progress.h"

#define CLI_PROGRESS_PAUSE  200     /* ms; what takes less is not long */


static int64_t cli_progress_clock(void);


void
cli_progress_init(cli_progress_t *progress, const char *what)
{
    progress->what = what;
    progress->next = cli_progress_clock() + CLI_PROGRESS_PAUSE;
    progress->off = !isatty(STDERR_FILENO);
}


void
cli_progress(cli_progress_t *progress, uint64_t done, uint64_t all)
{
    int64_t  now;

    if (progress->off) {
        return;
    }

    now = cli_progress_clock();

    if (now < progress->next) {
        return;
    }

    progress->next = now + CLI_PROGRESS_PAUSE;

    (void) fprintf(stderr, "\r%llu", (unsigned long long) done);

    if (all) {
        (void) fprintf(stderr, " of %llu", (unsigned long long) all);
    }

    (void) fprintf(stderr, " %s\033[K", progress->what);
    (void) fflush(stderr);
}


void
cli_progress_end(cli_progress_t *progress)
{
    if (!progress->off) {
        (void) fprintf(stderr, "\r\033[K");
    }

    progress->off = 1;
}


static int64_t
cli_progress_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
