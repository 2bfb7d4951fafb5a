/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_delivered.h"
#include "cli_egress_redis.h"
#include "reg_time.h"

#define CLI_KEEP  "400d"            /* as registry_ledger has it */


typedef struct {
    cli_egress_row_pt   handler;
    void               *data;
    cli_rc_t            rc;
} cli_egress_files_t;


static cli_rc_t cli_egress_files(const char *directory, int64_t first,
    int64_t last, cli_egress_row_pt handler, void *data);
static cli_rc_t cli_egress_delivered(void *data,
    const cli_delivered_t *delivered);
static reg_rc_t cli_egress_file(void *data, const char *path, int64_t day);
static cli_rc_t cli_egress_day(const cli_t *cli, cli_opt_t opt,
    const char *name, int64_t *day);


cli_rc_t
cli_egress_read(const cli_t *cli, int64_t first, int64_t last,
    cli_egress_row_pt handler, void *data)
{
    const char  *directory;

    directory = cli_value(cli, CLI_OPT_LEDGER);

    return directory ? cli_egress_files(directory, first, last, handler, data)
                     : cli_egress_redis(cli, first, last, handler, data);
}


static cli_rc_t
cli_egress_files(const char *directory, int64_t first, int64_t last,
    cli_egress_row_pt handler, void *data)
{
    reg_rc_t            rc;
    reg_error_t         error;
    cli_egress_files_t  files;

    files.handler = handler;
    files.data = data;
    files.rc = CLI_DONE;

    error.text[0] = '\0';

    rc = reg_ledger_list(directory, first, last, cli_egress_file, &files,
                         &error);

    if (files.rc == CLI_DONE && rc == REG_OK) {
        return cli_delivered_each(directory, first, last,
                                  cli_egress_delivered, &files);
    }

    if (files.rc != CLI_DONE) {
        return files.rc;
    }

    return cli_egress_no_directory(rc, directory, &error);
}


/* What was delivered elsewhere, of a day. */

static cli_rc_t
cli_egress_delivered(void *data, const cli_delivered_t *delivered)
{
    size_t               i;
    uint64_t             counts[REG_LEDGER_COUNTERS];
    cli_rc_t             rc;
    cli_egress_files_t  *files = data;

    memset(counts, 0, sizeof(counts));

    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < delivered->nrows; i++) {
        counts[REG_LEDGER_DELIVERED_BYTES] = delivered->rows[i].bytes;

        rc = files->handler(files->data, delivered->day,
                            &delivered->rows[i].key, counts);
    }

    return rc;
}


cli_rc_t
cli_egress_no_directory(reg_rc_t rc, const char *directory,
    const reg_error_t *error)
{
    if (rc == REG_NOTFOUND) {
        return cli_fail(CLI_USAGE, "--ledger: %s: no such directory",
                        directory);
    }

    return rc == REG_NOMEM ? cli_nomem()
                           : cli_fail(CLI_STORE, "--ledger: %s: %s",
                                      directory, error->text);
}


/* A file that cannot be read is an error: its bytes would be missing. */

cli_rc_t
cli_egress_open(reg_ledger_t **ledger, const char *path)
{
    reg_rc_t     rc;
    reg_error_t  error;

    rc = reg_ledger_open_file(ledger, path, &error);

    if (rc == REG_OK) {
        return CLI_DONE;
    }

    *ledger = NULL;

    /* one that was removed since the directory was read is over */

    if (rc == REG_NOTFOUND) {
        return CLI_DONE;
    }

    return rc == REG_NOMEM ? cli_nomem()
                           : cli_fail(rc == REG_ERROR ? CLI_STORE : CLI_USAGE,
                                      "%s: %s", path, error.text);
}


static reg_rc_t
cli_egress_file(void *data, const char *path, int64_t day)
{
    size_t               at;
    reg_ledger_t        *ledger;
    cli_egress_files_t  *files = data;
    reg_ledger_entry_t   entry;

    (void) day;

    files->rc = cli_egress_open(&ledger, path);

    if (files->rc != CLI_DONE || ledger == NULL) {
        return files->rc == CLI_DONE ? REG_OK : REG_ERROR;
    }

    at = 0;

    while (files->rc == CLI_DONE
           && reg_ledger_next(ledger, &at, REG_LEDGER_END, &entry))
    {
        files->rc = files->handler(files->data, reg_ledger_day(ledger),
                                   &entry.key, entry.counts);
    }

    reg_ledger_close(ledger);

    return files->rc == CLI_DONE ? REG_OK : REG_ERROR;
}


cli_rc_t
cli_egress_period(const cli_t *cli, int64_t *first, int64_t *last)
{
    char         text[sizeof("1970-01-01")];
    cli_rc_t     rc;
    const char  *month;

    month = cli_value(cli, CLI_OPT_MONTH);

    *last = cli->now / CLI_DAY;
    *first = reg_month_begin(*last);

    if (month && (cli_value(cli, CLI_OPT_FROM) || cli_value(cli, CLI_OPT_TO))) {
        return cli_fail(CLI_USAGE, "--month and --from or --to contradict "
                        "each other");
    }

    if (month) {
        (void) snprintf(text, sizeof(text), "%s-01", month);

        if (strlen(month) != sizeof("1970-01") - 1
            || reg_ledger_day_parse(first, reg_str(text)) != REG_OK)
        {
            return cli_fail(CLI_USAGE, "--month is a month, such as 2026-01");
        }

        *last = reg_month_end(*first) - 1;

        return CLI_DONE;
    }

    rc = cli_egress_day(cli, CLI_OPT_TO, "to", last);

    if (rc == CLI_DONE && !cli_value(cli, CLI_OPT_FROM)) {
        *first = reg_month_begin(*last);
    }

    if (rc == CLI_DONE) {
        rc = cli_egress_day(cli, CLI_OPT_FROM, "from", first);
    }

    if (rc == CLI_DONE && *first > *last) {
        return cli_fail(CLI_USAGE, "--from is later than --to");
    }

    return rc;
}


static cli_rc_t
cli_egress_day(const cli_t *cli, cli_opt_t opt, const char *name, int64_t *day)
{
    const char  *text;

    text = cli_value(cli, opt);

    if (text && reg_ledger_day_parse(day, reg_str(text)) != REG_OK) {
        return cli_fail(CLI_USAGE, "--%s is a day, such as 2026-01-31", name);
    }

    return CLI_DONE;
}


cli_rc_t
cli_egress_keep(const cli_t *cli, int64_t *seconds)
{
    reg_error_t  error;
    const char  *text;

    text = cli_value(cli, CLI_OPT_KEEP);

    if (reg_duration_parse(seconds, reg_str(text ? text : CLI_KEEP), &error)
        != REG_OK)
    {
        return cli_fail(CLI_USAGE, "--keep: %s", error.text);
    }

    if (*seconds < CLI_DAY) {
        return cli_fail(CLI_USAGE, "--keep is a day at least");
    }

    return CLI_DONE;
}


void
cli_egress_keys(unsigned char keys[2][REG_LEDGER_REDIS_KEY_MAX],
    reg_str_t *texts, const cli_store_t *store, reg_str_t tenant,
    const char *day)
{
    size_t     i;
    reg_str_t  period;

    period = reg_str(day);

    for (i = 0; i < 2; i++) {
        texts[i].data = keys[i];
        texts[i].len = reg_ledger_redis_key(keys[i], store->redis->url.prefix,
                                            tenant, period);
        period.len = sizeof("2026-01") - 1;
    }
}


/* Three digits, rounded, of the largest decimal unit. */

void
cli_bytes(char buf[CLI_BYTES_LEN], uint64_t n)
{
    unsigned  unit, digits;
    uint64_t  size, parts;

    static const char *const  units[] = { "B", "kB", "MB", "GB", "TB", "PB",
                                          "EB" };

    for (unit = 0, size = 1; unit < 6 && n / size >= 1000; unit++) {
        size *= 1000;
    }

    digits = n / size >= 100 ? 0 : n / size >= 10 ? 1 : 2;

    if (unit == 0) {
        (void) snprintf(buf, CLI_BYTES_LEN, "%llu B", (unsigned long long) n);
        return;
    }

    /* size is at least 1000 here, and 18 EB are less than UINT64_MAX / 10 */

    size /= digits == 0 ? 1 : digits == 1 ? 10 : 100;
    parts = n / size + (n % size >= size - n % size);

    if (digits == 0) {
        (void) snprintf(buf, CLI_BYTES_LEN, "%llu %s",
                        (unsigned long long) parts, units[unit]);
        return;
    }

    (void) snprintf(buf, CLI_BYTES_LEN, "%llu.%0*llu %s",
                    (unsigned long long) (parts / (digits == 1 ? 10 : 100)),
                    (int) digits,
                    (unsigned long long) (parts % (digits == 1 ? 10 : 100)),
                    units[unit]);
}
