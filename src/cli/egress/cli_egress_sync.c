/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * egress sync: sends the files of a ledger to Redis as a gateway does, for one
 * whose nginx is gone.  All rows are sent, as totals, whether they were sent
 * before or not: that changes nothing.  The files are only read.
 */

#include <stdlib.h>

#include "cli_delivered.h"
#include "cli_egress_redis.h"
#include "cli_output.h"
#include "cli_progress.h"
#include "reg_intern.h"

#define CLI_SYNC_BATCH  64              /* fields of one script, as a gateway */
#define CLI_SYNC_HEAD   9               /* arguments before them */
#define CLI_SYNC_MONTH  (62 * CLI_DAY)


typedef struct {
    reg_str_t             tenant;
    reg_ledger_entry_t    entry;        /* lent by the ledger */
} cli_sync_row_t;

typedef struct {
    const cli_t          *cli;
    cli_ledgers_t         ledgers;
    int64_t               keep;         /* seconds */
    uint64_t              files;
    uint64_t              rows;
    uint64_t              news;
    cli_progress_t        progress;
    cli_rc_t              rc;

    /* of a file */

    const char           *instance;
    int64_t               day;
    size_t                n;
    size_t                size;
    cli_sync_row_t       *items;        /* sorted by tenant */
} cli_sync_t;


static reg_rc_t cli_sync_file(void *data, const char *path, int64_t day);
static cli_rc_t cli_sync_delivered(void *data,
    const cli_delivered_t *delivered);
static cli_rc_t cli_sync_tenants(cli_sync_t *sync);
static cli_rc_t cli_sync_rows(cli_sync_t *sync, const reg_ledger_t *ledger);
static cli_rc_t cli_sync_row(cli_sync_t *sync,
    const reg_ledger_entry_t *entry);
static int cli_sync_compare(const void *one, const void *two);
static cli_rc_t cli_sync_tenant(cli_sync_t *sync, size_t first, size_t n);
static cli_rc_t cli_sync_script(cli_sync_t *sync, size_t first, size_t n,
    uint64_t bytes);
static cli_rc_t cli_sync_print(const cli_sync_t *sync);


cli_rc_t
cli_egress_sync(cli_t *cli)
{
    reg_rc_t      rc;
    cli_sync_t    sync;
    reg_error_t   error;
    const char   *directory;

    memset(&sync, 0, sizeof(cli_sync_t));

    sync.cli = cli;
    sync.rc = cli_egress_keep(cli, &sync.keep);

    if (sync.rc != CLI_DONE) {
        return sync.rc;
    }

    directory = cli_value(cli, CLI_OPT_LEDGER);
    error.text[0] = '\0';
    rc = REG_OK;

    sync.rc = cli_ledgers_reach(&sync.ledgers, cli);

    cli_progress_init(&sync.progress, "rows are sent");

    if (sync.rc == CLI_DONE) {
        rc = reg_ledger_list(directory, 0, cli->now / CLI_DAY + 1,
                             cli_sync_file, &sync, &error);
    }

    if (sync.rc == CLI_DONE && rc == REG_OK) {
        sync.rc = cli_delivered_each(directory, 0, INT64_MAX,
                                     cli_sync_delivered, &sync);
    }

    cli_progress_end(&sync.progress);

    if (sync.rc == CLI_DONE && rc != REG_OK) {
        sync.rc = cli_egress_no_directory(rc, directory, &error);
    }

    if (sync.rc == CLI_DONE) {
        sync.rc = cli_sync_print(&sync);
    }

    free(sync.items);
    cli_ledgers_close(&sync.ledgers);

    return sync.rc;
}


static reg_rc_t
cli_sync_file(void *data, const char *path, int64_t day)
{
    cli_sync_t    *sync = data;
    reg_ledger_t  *ledger;

    (void) day;

    sync->rc = cli_egress_open(&ledger, path);

    if (sync->rc != CLI_DONE || ledger == NULL) {
        return sync->rc == CLI_DONE ? REG_OK : REG_ERROR;
    }

    sync->instance = reg_ledger_instance(ledger);
    sync->day = reg_ledger_day(ledger);
    sync->rc = cli_sync_rows(sync, ledger);

    if (sync->rc == CLI_DONE) {
        sync->rc = cli_sync_tenants(sync);
    }

    reg_ledger_close(ledger);

    return sync->rc == CLI_DONE ? REG_OK : REG_ERROR;
}


/* What was delivered elsewhere, of a day. */

static cli_rc_t
cli_sync_delivered(void *data, const cli_delivered_t *delivered)
{
    size_t               i;
    cli_rc_t             rc;
    cli_sync_t          *sync = data;
    reg_ledger_entry_t   entry;

    sync->instance = delivered->instance;
    sync->day = delivered->day;
    sync->n = 0;

    for (i = 0; i < delivered->nrows; i++) {
        memset(&entry, 0, sizeof(reg_ledger_entry_t));

        entry.key = delivered->rows[i].key;
        entry.counts[REG_LEDGER_DELIVERED_BYTES] = delivered->rows[i].bytes;

        rc = cli_sync_row(sync, &entry);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return cli_sync_tenants(sync);
}


/* Sends the rows of a file, tenant by tenant. */

static cli_rc_t
cli_sync_tenants(cli_sync_t *sync)
{
    size_t    i, n;
    cli_rc_t  rc;

    rc = CLI_DONE;

    if (sync->n) {
        qsort(sync->items, sync->n, sizeof(cli_sync_row_t), cli_sync_compare);
    }

    for (i = 0; rc == CLI_DONE && i < sync->n; i += n) {

        for (n = 1; i + n < sync->n; n++) {

            if (!reg_str_eq(sync->items[i + n].tenant,
                            sync->items[i].tenant))
            {
                break;
            }
        }

        rc = cli_sync_tenant(sync, i, n);
    }

    sync->files++;

    return rc;
}


static cli_rc_t
cli_sync_rows(cli_sync_t *sync, const reg_ledger_t *ledger)
{
    size_t              at;
    cli_rc_t            rc;
    reg_ledger_entry_t  entry;

    at = 0;
    sync->n = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE
           && reg_ledger_next(ledger, &at, REG_LEDGER_END, &entry))
    {
        /* "(other)" is there also when there was none */

        if (entry.own) {
            rc = cli_sync_row(sync, &entry);
        }
    }

    return rc;
}


static cli_rc_t
cli_sync_row(cli_sync_t *sync, const reg_ledger_entry_t *entry)
{
    size_t           size;
    cli_sync_row_t  *items;

    if (sync->n == sync->size) {
        size = sync->size ? 2 * sync->size : 256;
        items = realloc(sync->items, size * sizeof(cli_sync_row_t));

        if (items == NULL) {
            return cli_nomem();
        }

        sync->items = items;
        sync->size = size;
    }

    sync->items[sync->n].tenant = entry->key.tenant;
    sync->items[sync->n].entry = *entry;
    sync->n++;

    return CLI_DONE;
}


static int
cli_sync_compare(const void *one, const void *two)
{
    const cli_sync_row_t  *a = one, *b = two;

    return reg_intern_compare(&a->tenant, &b->tenant);
}


static cli_rc_t
cli_sync_tenant(cli_sync_t *sync, size_t first, size_t n)
{
    size_t               i, batch;
    cli_rc_t             rc;
    uint64_t             bytes;
    reg_ledger_entry_t  *entry;

    bytes = 0;

    for (i = first; i < first + n; i++) {
        entry = &sync->items[i].entry;
        bytes += entry->counts[REG_LEDGER_EGRESS_BYTES]
                 + entry->counts[REG_LEDGER_REDIRECTED_BYTES];
    }

    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < n; i += batch) {
        batch = n - i > CLI_SYNC_BATCH ? CLI_SYNC_BATCH : n - i;

        rc = cli_sync_script(sync, first + i, batch, bytes);

        sync->rows += batch;
        cli_progress(&sync->progress, sync->rows, 0);
    }

    return rc;
}


/* See reg_ledger_redis_script(). */

static cli_rc_t
cli_sync_script(cli_sync_t *sync, size_t first, size_t n, uint64_t bytes)
{
    char            keep[2][32], own[64], amount[32];
    char            date[REG_LEDGER_DAY_LEN + 1];
    size_t          i, argc;
    cli_rc_t        rc;
    reg_str_t       argv[CLI_SYNC_HEAD + 2 * CLI_SYNC_BATCH], tenant;
    redisReply     *reply;
    unsigned char   keys[2][REG_LEDGER_REDIS_KEY_MAX];
    unsigned char   fields[CLI_SYNC_BATCH][REG_LEDGER_REDIS_FIELD_MAX];
    unsigned char   values[CLI_SYNC_BATCH][REG_LEDGER_REDIS_VALUE_MAX];

    tenant = sync->items[first].tenant;

    reg_ledger_day_format(date, sync->day);

    (void) snprintf(keep[0], sizeof(keep[0]), "%lld",
                    (long long) sync->keep);
    (void) snprintf(keep[1], sizeof(keep[1]), "%lld",
                    (long long) (sync->keep > CLI_SYNC_MONTH
                                 ? sync->keep : CLI_SYNC_MONTH));
    (void) snprintf(own, sizeof(own), "%s:%s", sync->instance, date);
    (void) snprintf(amount, sizeof(amount), "%llu",
                    (unsigned long long) bytes);

    argv[0] = REG_STR("EVAL");
    argv[1] = reg_ledger_redis_script();
    argv[2] = REG_STR("2");

    cli_egress_keys(keys, argv + 3, &sync->ledgers.store, tenant, date);

    argv[5] = reg_str(keep[0]);
    argv[6] = reg_str(keep[1]);
    argv[7] = reg_str(own);
    argv[8] = reg_str(amount);

    argc = CLI_SYNC_HEAD;

    for (i = 0; i < n; i++) {
        argv[argc].data = fields[i];
        argv[argc++].len = reg_ledger_redis_field(fields[i], sync->instance,
                                         &sync->items[first + i].entry.key);
        argv[argc].data = values[i];
        argv[argc++].len = reg_ledger_redis_value(values[i],
                                         &sync->items[first + i].entry);
    }

    rc = cli_redis_call(&sync->ledgers.store, &reply, argv[3], argc, argv);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (reply->type == REDIS_REPLY_INTEGER) {
        sync->news += (uint64_t) reply->integer;

    } else {
        rc = cli_redis_strange(sync->ledgers.store.path);
    }

    freeReplyObject(reply);

    return rc;
}


static cli_rc_t
cli_sync_print(const cli_sync_t *sync)
{
    cli_rows_t  rows;

    static const cli_column_t  columns[] = {
        { "FILES", "files" }, { "ROWS", "rows" }, { "NEWS", "news" },
        { NULL, NULL }
    };

    cli_rows_init(&rows, sync->cli, columns);

    rows.right = 0x07;

    cli_rows_add(&rows, json_pack("{s:I,s:I,s:I}",
                                  "files", (json_int_t) sync->files,
                                  "rows", (json_int_t) sync->rows,
                                  "news", (json_int_t) sync->news));
    return cli_rows_end(&rows);
}
