/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * budget check: how much of each budget is used in its period, which is a
 * calendar one of UTC; and who has to be told.
 */

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "cli_budget.h"
#include "cli_file.h"
#include "reg_record_json.h"
#include "reg_time.h"


static cli_rc_t cli_budget_once(cli_t *cli, cli_webhook_t *hook);
static cli_rc_t cli_budget_load(cli_budgets_t *budgets);
static cli_rc_t cli_budget_row(void *data, int64_t day,
    const reg_ledger_key_t *key, const uint64_t *counts);
static cli_rc_t cli_budget_print(const cli_budgets_t *budgets);
static json_t *cli_budget_object(const cli_budgets_t *budgets,
    const cli_budget_t *budget);
static cli_rc_t cli_budget_metrics(cli_budgets_t *budgets);
static cli_rc_t cli_budget_metrics_print(FILE *file, void *data);
static void cli_budget_ratio(char buf[CLI_RATIO_LEN],
    const cli_budget_t *budget);


cli_rc_t
cli_budget_check(cli_t *cli)
{
    int64_t          pause;
    cli_rc_t         rc;
    const char      *loop;
    reg_error_t      error;
    cli_webhook_t   *hook;
    struct timespec  ts;

    loop = cli_value(cli, CLI_OPT_LOOP);

    if (loop && reg_duration_parse(&pause, reg_str(loop), &error) != REG_OK) {
        return cli_fail(CLI_USAGE, "--loop: %s", error.text);
    }

    rc = cli_webhook_open(&hook, cli);

    if (rc == CLI_DONE) {
        rc = cli_budget_once(cli, hook);
    }

    /* a loop outlives a store that is away, but not a wrong command */

    while (loop && (rc == CLI_DONE || rc == CLI_STORE)) {

        if (fflush(stdout) != 0) {
            rc = cli_fail(CLI_STORE, "cannot write to standard output");
            break;
        }

        ts.tv_sec = (time_t) pause;
        ts.tv_nsec = 0;

        (void) nanosleep(&ts, NULL);

        cli->now = (int64_t) time(NULL);
        rc = cli_budget_once(cli, hook);
    }

    cli_webhook_close(hook);

    return rc;
}


static cli_rc_t
cli_budget_once(cli_t *cli, cli_webhook_t *hook)
{
    size_t          i;
    int64_t         first, today;
    cli_rc_t        rc, raised;
    cli_budgets_t   budgets;

    memset(&budgets, 0, sizeof(cli_budgets_t));

    budgets.cli = cli;
    budgets.hook = hook;
    today = cli->now / CLI_DAY;
    first = today;

    rc = cli_store_open(&budgets.store, cli, CLI_STORE_READ);

    if (rc == CLI_DONE) {
        rc = cli_budget_load(&budgets);
    }

    for (i = 0; i < budgets.n; i++) {
        reg_period_days(&budgets.items[i].begin, &budgets.items[i].end,
                        budgets.items[i].budget->amount.period, today);
        first = budgets.items[i].begin < first ? budgets.items[i].begin
                                               : first;
    }

    if (rc == CLI_DONE) {
        rc = cli_payer_open(&budgets.payer, cli, 1);
    }

    if (rc == CLI_DONE && budgets.n) {
        rc = cli_egress_read(cli, first, today, cli_budget_row, &budgets);
    }

    if (rc == CLI_DONE) {
        raised = cli_budget_raise(&budgets);
        rc = cli_budget_print(&budgets);
        rc = rc == CLI_DONE ? cli_budget_metrics(&budgets) : rc;
        rc = rc == CLI_DONE ? raised : rc;
    }

    for (i = 0; i < budgets.n; i++) {
        reg_record_free(budgets.items[i].record);
    }

    free(budgets.items);
    cli_payer_close(budgets.payer);
    cli_store_close(&budgets.store);

    return rc;
}


static cli_rc_t
cli_budget_load(cli_budgets_t *budgets)
{
    size_t         cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    cli_budget_t  *items, *item;
    reg_record_t  *record;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&budgets->store.doc, REG_RECORD_BUDGET,
                                  &cursor);
        if (entry == NULL) {
            return CLI_DONE;
        }

        rc = cli_document_current(&budgets->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        items = realloc(budgets->items,
                        (budgets->n + 1) * sizeof(cli_budget_t));

        if (items == NULL) {
            reg_record_free(record);
            return cli_nomem();
        }

        budgets->items = items;
        item = &items[budgets->n++];

        memset(item, 0, sizeof(cli_budget_t));

        item->record = record;
        item->budget = &record->u.budget;

        (void) reg_budget_parse(&item->subject, item->budget->name, NULL);
    }
}


/* What left for clients: sent, or redirected. */

static cli_rc_t
cli_budget_row(void *data, int64_t day, const reg_ledger_key_t *key,
    const uint64_t *counts)
{
    char            label[REG_NAME_MAX + 1];
    size_t          i;
    json_t         *labels;
    uint64_t        bytes, part;
    cli_budget_t   *item;
    cli_budgets_t  *budgets = data;

    labels = cli_payer_labels(budgets->payer, key->tenant, day);

    for (i = 0; i < budgets->n; i++) {
        item = &budgets->items[i];

        if (day < item->begin) {
            continue;
        }

        if (item->subject.tenant.len) {

            if (!reg_str_eq(item->subject.tenant, key->tenant)) {
                continue;
            }

        } else {
            (void) snprintf(label, sizeof(label), "%.*s",
                            REG_FMT(item->subject.label));

            if (!reg_str_eq(item->subject.value,
                            cli_payer_label(labels, label)))
            {
                continue;
            }
        }

        bytes = counts[REG_LEDGER_EGRESS_BYTES];
        part = counts[REG_LEDGER_REDIRECTED_BYTES];
        bytes = bytes > UINT64_MAX - part ? UINT64_MAX : bytes + part;

        item->used = item->used > UINT64_MAX - bytes ? UINT64_MAX
                                                     : item->used + bytes;
    }

    return CLI_DONE;
}


unsigned
cli_budget_percent(const cli_budget_t *budget)
{
    reg_wide_t  percent;

    percent = (reg_wide_t) budget->used * 100 / budget->budget->amount.bytes;

    return percent > UINT32_MAX ? UINT32_MAX : (unsigned) percent;
}


static cli_rc_t
cli_budget_print(const cli_budgets_t *budgets)
{
    size_t      i;
    cli_rows_t  rows;

    static const cli_column_t  columns[] = {
        { "SUBJECT", "subject" }, { "SINCE", "since" }, { "AMOUNT", "amount" },
        { "USED", "used" }, { "PERCENT", "percent" }, { "ALERT", "alert" },
        { NULL, NULL }
    };

    cli_rows_init(&rows, budgets->cli, columns);

    rows.right = 0x38;

    for (i = 0; i < budgets->n; i++) {
        cli_rows_add(&rows, cli_budget_object(budgets, &budgets->items[i]));
    }

    return cli_rows_end(&rows);
}


/* The last alert that was crossed is the one to show. */

static json_t *
cli_budget_object(const cli_budgets_t *budgets, const cli_budget_t *budget)
{
    char      since[REG_LEDGER_DAY_LEN + 1], used[CLI_BYTES_LEN];
    size_t    i;
    json_t   *alert;
    uint32_t  crossed;
    int       json = budgets->cli->json;

    crossed = 0;

    for (i = 0; i < budget->budget->nalerts; i++) {

        if (budget->budget->alerts[i] <= cli_budget_percent(budget)) {
            crossed = budget->budget->alerts[i];
        }
    }

    alert = crossed ? json_integer(crossed) : json_null();

    reg_ledger_day_format(since, budget->begin);
    cli_bytes(used, budget->used);

    return json_pack("{s:O,s:s,s:O,s:o,s:I,s:o}",
                     "subject", json_object_get(budget->record->json, "name"),
                     "since", since,
                     "amount", json_object_get(budget->record->json, "amount"),
                     "used", json ? json_integer((json_int_t) budget->used)
                                  : json_string(used),
                     "percent", (json_int_t) cli_budget_percent(budget),
                     "alert", alert);
}


static cli_rc_t
cli_budget_metrics(cli_budgets_t *budgets)
{
    const char  *path;

    path = cli_value(budgets->cli, CLI_OPT_METRICS);

    return path ? cli_file_replace(path, NULL, cli_budget_metrics_print,
                                   budgets)
                : CLI_DONE;
}


/* Text for the collector of node_exporter that reads files. */

static cli_rc_t
cli_budget_metrics_print(FILE *file, void *data)
{
    char            ratio[CLI_RATIO_LEN];
    size_t          i;
    cli_budgets_t  *budgets = data;

    (void) fprintf(file, "# HELP registry_budget_used_ratio Part of a budget "
                   "that is used in its period.\n"
                   "# TYPE registry_budget_used_ratio gauge\n");

    for (i = 0; i < budgets->n; i++) {
        cli_budget_ratio(ratio, &budgets->items[i]);

        /* the name of a budget has neither quotes nor backslashes */

        (void) fprintf(file, "registry_budget_used_ratio{budget=\"%.*s\"} "
                       "%s\n", REG_FMT(budgets->items[i].budget->name), ratio);
    }

    return CLI_DONE;
}


static void
cli_budget_ratio(char buf[CLI_RATIO_LEN], const cli_budget_t *budget)
{
    reg_wide_t  millionths;

    millionths = (reg_wide_t) budget->used * 1000000
                 / budget->budget->amount.bytes;

    (void) snprintf(buf, CLI_RATIO_LEN, "%llu.%06llu",
                    (unsigned long long) (millionths / 1000000),
                    (unsigned long long) (millionths % 1000000));
}
