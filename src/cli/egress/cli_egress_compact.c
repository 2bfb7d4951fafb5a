/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * egress compact: in Redis it folds what many instances have counted on days
 * that are over into one field for each row, and in a directory it removes
 * files that are old enough.  It may be stopped anywhere, run twice and at
 * once, and an instance may still send what it has: the sums stay.
 */

#include <stdlib.h>

#include "cli_delivered.h"
#include "cli_egress_redis.h"
#include "cli_output.h"
#include "cli_progress.h"

#define CLI_FOLD_BATCH  512             /* rows of one script */
#define CLI_FOLD_HEAD   8               /* arguments before them */

/*
 * Rows of an instance that are folded: the script goes through all that it has
 * kept of the instance, and Redis does nothing else meanwhile.
 */

#define CLI_FOLD_MAX    32768

/* Who sleeps over midnight counts in the day before; others are through. */

#define CLI_FOLD_AFTER  2               /* days */


typedef struct {
    const cli_t      *cli;
    cli_ledgers_t     ledgers;
    int64_t           keep;             /* seconds */
    uint64_t          instances;
    uint64_t          fields;
    uint64_t          files;

    /* of a day */

    const char       *key;
    reg_str_t         tenant;
    char              date[REG_LEDGER_DAY_LEN + 1];
    int64_t           day;
} cli_fold_t;


static cli_rc_t cli_fold_redis(cli_fold_t *fold);
static cli_rc_t cli_fold_day(cli_fold_t *fold, cli_fields_t *fields);
static size_t cli_fold_instance(const cli_fields_t *fields, size_t first);
static int cli_fold_compare(const void *one, const void *two);
static cli_rc_t cli_fold_rows(cli_fold_t *fold, const cli_field_t *items,
    size_t n);
static cli_rc_t cli_fold_expire(cli_fold_t *fold);
static cli_rc_t cli_fold_call(cli_fold_t *fold, size_t argc,
    const reg_str_t *argv, long long *n);
static cli_rc_t cli_fold_files(cli_fold_t *fold, const char *directory);
static reg_rc_t cli_fold_file(void *data, const char *path, int64_t day);
static cli_rc_t cli_fold_print(const cli_fold_t *fold);


cli_rc_t
cli_egress_compact(cli_t *cli)
{
    cli_rc_t     rc;
    cli_fold_t   fold;
    const char  *directory;

    memset(&fold, 0, sizeof(cli_fold_t));

    fold.cli = cli;
    directory = cli_value(cli, CLI_OPT_LEDGER);

    rc = cli_egress_keep(cli, &fold.keep);

    if (rc != CLI_DONE) {
        return rc;
    }

    /* with a directory there may be no Redis to do anything in */

    fold.ledgers.optional = (directory != NULL);

    rc = cli_ledgers_open(&fold.ledgers, cli, 0,
                          cli->now / CLI_DAY - CLI_FOLD_AFTER);

    if (rc == CLI_DONE) {
        rc = cli_fold_redis(&fold);
    }

    if (rc == CLI_DONE && directory) {
        rc = cli_fold_files(&fold, directory);
    }

    if (rc == CLI_DONE) {
        rc = cli_fold_print(&fold);
    }

    cli_ledgers_close(&fold.ledgers);

    return rc;
}


static cli_rc_t
cli_fold_redis(cli_fold_t *fold)
{
    size_t          i;
    cli_rc_t        rc;
    cli_fields_t    fields;
    cli_progress_t  progress;

    rc = CLI_DONE;

    cli_progress_init(&progress, "days of tenants are done");

    for (i = 0; rc == CLI_DONE && i < fold->ledgers.names.n; i++) {
        cli_progress(&progress, i, fold->ledgers.names.n);

        fold->key = fold->ledgers.names.items[i];

        cli_ledgers_key(&fold->ledgers, i, &fold->tenant, &fold->day);
        reg_ledger_day_format(fold->date, fold->day);

        rc = cli_fields_read(&fields, &fold->ledgers.store, fold->key);

        if (rc == CLI_DONE) {
            rc = cli_fold_day(fold, &fields);
        }

        cli_fields_free(&fields);
    }

    cli_progress_end(&progress);

    return rc;
}


/* One instance is as good as none that is folded. */

static cli_rc_t
cli_fold_day(cli_fold_t *fold, cli_fields_t *fields)
{
    size_t    i, n, instances;
    cli_rc_t  rc;

    if (fields->n == 0) {
        return CLI_DONE;
    }

    rc = cli_fold_expire(fold);

    qsort(fields->items, fields->n, sizeof(cli_field_t), cli_fold_compare);

    instances = 0;

    for (i = 0; i < fields->n; i += cli_fold_instance(fields, i)) {
        instances++;
    }

    for (i = 0; rc == CLI_DONE && instances > 1 && i < fields->n; i += n) {
        n = cli_fold_instance(fields, i);

        if (n <= CLI_FOLD_MAX
            && strncmp(fields->items[i].field, REG_LEDGER_REDIS_FOLDED "|",
                       sizeof(REG_LEDGER_REDIS_FOLDED))
               != 0)
        {
            fold->instances++;
            rc = cli_fold_rows(fold, &fields->items[i], n);
        }
    }

    return rc;
}


/* How many fields there are of the instance of the first. */

static size_t
cli_fold_instance(const cli_fields_t *fields, size_t first)
{
    size_t              n, len;
    const cli_field_t  *items = &fields->items[first];

    len = (size_t) (items[0].row - items[0].field);

    for (n = 1; first + n < fields->n; n++) {

        if (strncmp(items[n].field, items[0].field, len) != 0) {
            break;
        }
    }

    return n;
}


static int
cli_fold_compare(const void *one, const void *two)
{
    const cli_field_t  *a = one, *b = two;

    return strcmp(a->field, b->field);
}


/* See reg_ledger_redis_fold_script(). */

static cli_rc_t
cli_fold_rows(cli_fold_t *fold, const cli_field_t *items, size_t n)
{
    char            instance[REG_LEDGER_REDIS_FIELD_MAX + 1], rest[32];
    size_t          i, k;
    int64_t         end;
    cli_rc_t        rc;
    long long       folded;
    reg_str_t       argv[CLI_FOLD_HEAD + CLI_FOLD_BATCH];
    unsigned char   keys[2][REG_LEDGER_REDIS_KEY_MAX];

    (void) snprintf(instance, sizeof(instance), "%.*s",
                    (int) (items[0].row - items[0].field - 1), items[0].field);

    end = reg_month_end(fold->day) * CLI_DAY - fold->cli->now;

    (void) snprintf(rest, sizeof(rest), "%lld",
                    (long long) (end > 0 ? end : 0));

    argv[0] = REG_STR("EVAL");
    argv[1] = reg_ledger_redis_fold_script();
    argv[2] = REG_STR("2");

    cli_egress_keys(keys, argv + 3, &fold->ledgers.store, fold->tenant,
                    fold->date);

    argv[5] = reg_str(instance);
    argv[6] = reg_str(fold->date);
    argv[7] = reg_str(rest);

    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < n; i += k) {

        for (k = 0; k < CLI_FOLD_BATCH && i + k < n; k++) {
            argv[CLI_FOLD_HEAD + k] = reg_str(items[i + k].row);
        }

        rc = cli_fold_call(fold, CLI_FOLD_HEAD + k, argv, &folded);

        fold->fields += (uint64_t) folded;
    }

    return rc;
}


/* A day that was restored or written by hand may have no end. */

static cli_rc_t
cli_fold_expire(cli_fold_t *fold)
{
    char       keep[32];
    cli_rc_t   rc;
    long long  ttl;
    reg_str_t  argv[3];

    argv[0] = REG_STR("TTL");
    argv[1] = reg_str(fold->key);

    rc = cli_fold_call(fold, 2, argv, &ttl);

    if (rc == CLI_DONE && ttl == -1) {
        (void) snprintf(keep, sizeof(keep), "%lld", (long long) fold->keep);

        argv[0] = REG_STR("EXPIRE");
        argv[2] = reg_str(keep);

        rc = cli_fold_call(fold, 3, argv, &ttl);
    }

    return rc;
}


static cli_rc_t
cli_fold_call(cli_fold_t *fold, size_t argc, const reg_str_t *argv,
    long long *n)
{
    cli_rc_t     rc;
    redisReply  *reply;

    *n = 0;

    rc = cli_redis_call(&fold->ledgers.store, &reply, reg_str(fold->key),
                        argc, argv);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (reply->type == REDIS_REPLY_INTEGER) {
        *n = reply->integer;

    } else {
        rc = cli_redis_strange(fold->ledgers.store.path);
    }

    freeReplyObject(reply);

    return rc;
}


/* As a gateway does: what is older than --keep, and of this version. */

static cli_rc_t
cli_fold_files(cli_fold_t *fold, const char *directory)
{
    reg_rc_t     rc;
    int64_t      first;
    reg_error_t  error;

    first = (fold->cli->now - fold->keep) / CLI_DAY;
    error.text[0] = '\0';

    rc = reg_ledger_list(directory, 0, first - 1, cli_fold_file, NULL, &error);

    if (rc != REG_OK) {
        return cli_egress_no_directory(rc, directory, &error);
    }

    fold->files = reg_ledger_expire(directory, first)
                  + cli_delivered_expire(directory, first);

    return CLI_DONE;
}


static reg_rc_t
cli_fold_file(void *data, const char *path, int64_t day)
{
    (void) data;
    (void) path;
    (void) day;

    return REG_OK;
}


static cli_rc_t
cli_fold_print(const cli_fold_t *fold)
{
    cli_rows_t  rows;

    static const cli_column_t  columns[] = {
        { "DAYS", "days" }, { "INSTANCES", "instances" },
        { "FIELDS", "fields" }, { "FILES", "files" }, { NULL, NULL }
    };

    cli_rows_init(&rows, fold->cli, columns);

    rows.right = 0x0f;

    cli_rows_add(&rows, json_pack("{s:I,s:I,s:I,s:I}",
                                  "days", (json_int_t) fold->ledgers.names.n,
                                  "instances", (json_int_t) fold->instances,
                                  "fields", (json_int_t) fold->fields,
                                  "files", (json_int_t) fold->files));
    return cli_rows_end(&rows);
}
