/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_delivered.h"

#define CLI_DELIVERED_NAME  "delivered-"


static cli_rc_t cli_delivered_days(const char *directory, int64_t **days,
    size_t *n);
static cli_rc_t cli_delivered_name(const char *directory, const char *name,
    int64_t *day, int *found);
static int cli_delivered_compare(const void *one, const void *two);


cli_rc_t
cli_delivered_each(const char *directory, int64_t first, int64_t last,
    cli_delivered_pt handler, void *data)
{
    size_t            i, n;
    int64_t          *days;
    cli_rc_t          rc;
    cli_delivered_t   delivered;

    rc = cli_delivered_days(directory, &days, &n);

    for (i = 0; rc == CLI_DONE && i < n; i++) {

        if (days[i] < first || days[i] > last) {
            continue;
        }

        rc = cli_delivered_open(&delivered, directory, days[i], 0);

        if (rc == CLI_DONE) {
            rc = handler(data, &delivered);
        }

        cli_delivered_free(&delivered);
    }

    free(days);

    return rc;
}


size_t
cli_delivered_expire(const char *directory, int64_t first)
{
    char      path[4096];
    size_t    i, n, removed;
    int64_t  *days;

    removed = 0;

    if (cli_delivered_days(directory, &days, &n) == CLI_DONE) {

        for (i = 0; i < n; i++) {
            cli_delivered_path(path, directory, days[i]);

            removed += (days[i] < first && unlink(path) == 0);
        }
    }

    free(days);

    return removed;
}


/* Sorted. */

static cli_rc_t
cli_delivered_days(const char *directory, int64_t **days, size_t *n)
{
    DIR            *dir;
    int             found;
    int64_t         day, *list;
    cli_rc_t        rc;
    struct dirent  *entry;

    *days = NULL;
    *n = 0;

    dir = opendir(directory);

    if (dir == NULL) {
        return cli_fail(errno == ENOENT ? CLI_USAGE : CLI_STORE,
                        "--ledger: %s: %s", directory, strerror(errno));
    }

    rc = CLI_DONE;

    while (rc == CLI_DONE && (entry = readdir(dir)) != NULL) {
        rc = cli_delivered_name(directory, entry->d_name, &day, &found);

        if (rc != CLI_DONE || !found) {
            continue;
        }

        list = realloc(*days, (*n + 1) * sizeof(int64_t));

        if (list == NULL) {
            rc = cli_nomem();
            break;
        }

        *days = list;
        list[(*n)++] = day;
    }

    (void) closedir(dir);

    if (*n) {
        qsort(*days, *n, sizeof(int64_t), cli_delivered_compare);
    }

    return rc;
}


static cli_rc_t
cli_delivered_name(const char *directory, const char *name, int64_t *day,
    int *found)
{
    size_t       len;
    reg_str_t    date;
    const char  *end;

    *found = 0;
    len = sizeof(CLI_DELIVERED_NAME) - 1;

    if (strncmp(name, CLI_DELIVERED_NAME, len) != 0
        || strlen(name) < len + REG_LEDGER_DAY_LEN)
    {
        return CLI_DONE;
    }

    date.data = (unsigned char *) name + len;
    date.len = REG_LEDGER_DAY_LEN;
    end = name + len + REG_LEDGER_DAY_LEN;

    if (reg_ledger_day_parse(day, date) != REG_OK) {
        return CLI_DONE;
    }

    *found = strcmp(end, ".v1.log") == 0;

    len = strlen(end);

    if (!*found && end[0] == '.' && end[1] == 'v' && len > 4
        && strcmp(end + len - 4, ".log") == 0)
    {
        return cli_fail(CLI_USAGE, "%s/%s was written by a later version of "
                        CLI_NAME, directory, name);
    }

    return CLI_DONE;
}


static int
cli_delivered_compare(const void *one, const void *two)
{
    int64_t  a, b;

    memcpy(&a, one, sizeof(a));
    memcpy(&b, two, sizeof(b));

    return a < b ? -1 : a > b;
}
