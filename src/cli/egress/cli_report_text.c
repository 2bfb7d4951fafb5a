/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Reports as a table, as JSON and as CSV.  Bytes are rounded for people only,
 * and so is money.
 */

#include <stdlib.h>

#include "cli_report.h"
#include "cli_value.h"


/* A value for each --by, the counters, cost and what was saved. */

#define CLI_REPORT_COLUMNS  (REG_REPORT_VALUES + REG_LEDGER_COUNTERS + 2)

typedef struct {
    size_t        n;
    cli_column_t  columns[CLI_REPORT_COLUMNS + 1];
    char          heads[CLI_REPORT_COLUMNS][80];
} cli_report_heads_t;


static void cli_report_heads(const cli_report_t *report,
    cli_report_heads_t *heads);
static json_t *cli_report_people(const cli_report_t *report,
    const reg_report_row_t *row, int total);
static json_t *cli_report_object(const cli_report_t *report,
    const reg_report_row_t *row);
static int cli_report_bad_set(json_t *object, const char *name,
    json_t *value);


static const char  *cli_counter_heads[REG_LEDGER_COUNTERS] = {
    [REG_LEDGER_EGRESS_BYTES] = "EGRESS",
    [REG_LEDGER_INGRESS_BYTES] = "INGRESS",
    [REG_LEDGER_REDIRECTED_BYTES] = "REDIRECTED",
    [REG_LEDGER_DELIVERED_BYTES] = "DELIVERED",
    [REG_LEDGER_REQUESTS] = "REQUESTS",
    [REG_LEDGER_PULLS] = "PULLS",
    [REG_LEDGER_PUSHES] = "PUSHES"
};


cli_rc_t
cli_report_table(cli_report_t *report)
{
    size_t              i;
    cli_rows_t          rows;
    reg_report_row_t    total;
    cli_report_heads_t  heads;

    cli_report_heads(report, &heads);
    cli_rows_init(&rows, report->cli, heads.columns);

    rows.right = ~0u << report->nby;

    for (i = 0; i < report->report.n; i++) {
        cli_rows_add(&rows, cli_report_people(report, &report->report.rows[i],
                                              0));
    }

    cli_report_total(report, &total);
    cli_rows_add(&rows, cli_report_people(report, &total, 1));

    return cli_rows_end(&rows);
}


cli_rc_t
cli_report_json(cli_report_t *report)
{
    size_t              i;
    cli_rows_t          rows;
    cli_report_heads_t  heads;

    cli_report_heads(report, &heads);
    cli_rows_init(&rows, report->cli, heads.columns);

    for (i = 0; i < report->report.n; i++) {
        cli_rows_add(&rows, cli_report_object(report,
                                              &report->report.rows[i]));
    }

    return cli_rows_end(&rows);
}


cli_rc_t
cli_report_csv(cli_report_t *report)
{
    char                     cost[REG_MONEY_LEN], saved[REG_MONEY_LEN];
    size_t                   i, k;
    const reg_report_row_t  *row;

    for (i = 0; i < report->nby; i++) {
        printf("%s,", report->by[i].name);
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {
        printf("%s%s", i ? "," : "",
               reg_ledger_counter_name((reg_ledger_counter_t) i));
    }

    printf(report->prices ? ",cost,saved,currency\r\n" : "\r\n");

    for (i = 0; i < report->report.n; i++) {
        row = &report->report.rows[i];

        for (k = 0; k < report->nby; k++) {
            cli_csv(cli_report_value(row, k));
            (void) putchar(',');
        }

        for (k = 0; k < REG_LEDGER_COUNTERS; k++) {
            printf("%s%llu", k ? "," : "",
                   (unsigned long long) row->counts[k]);
        }

        if (report->prices) {
            reg_money_format(cost, row->cost);
            reg_money_format(saved, row->at_origin - row->cost);

            printf(",%s,%s,%.*s", cost, saved,
                   REG_FMT(report->prices->currency));
        }

        printf("\r\n");
    }

    return CLI_DONE;
}


void
cli_csv(reg_str_t text)
{
    size_t  i;
    int     quotes;

    quotes = 0;

    for (i = 0; i < text.len; i++) {
        quotes |= (text.data[i] == ',' || text.data[i] == '"'
                   || text.data[i] < 0x20);
    }

    if (!quotes) {
        (void) fwrite(text.data, 1, text.len, stdout);
        return;
    }

    (void) putchar('"');

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '"') {
            (void) putchar('"');
        }

        (void) putchar(text.data[i]);
    }

    (void) putchar('"');
}


static void
cli_report_heads(const cli_report_t *report, cli_report_heads_t *heads)
{
    size_t  i, k;

    memset(heads, 0, sizeof(cli_report_heads_t));

    for (i = 0; i < report->nby; i++) {

        for (k = 0; report->by[i].name[k] && k < sizeof(heads->heads[i]) - 1;
             k++)
        {
            heads->heads[i][k] = report->by[i].name[k];

            if (heads->heads[i][k] >= 'a' && heads->heads[i][k] <= 'z') {
                heads->heads[i][k] ^= 0x20;
            }
        }

        heads->columns[heads->n].head = heads->heads[i];
        heads->columns[heads->n++].member = report->by[i].name;
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {
        heads->columns[heads->n].head = cli_counter_heads[i];
        heads->columns[heads->n++].member
            = reg_ledger_counter_name((reg_ledger_counter_t) i);
    }

    if (report->prices == NULL) {
        return;
    }

    (void) snprintf(heads->heads[i], sizeof(heads->heads[i]), "COST/%.*s",
                    REG_FMT(report->prices->currency));
    (void) snprintf(heads->heads[i + 1], sizeof(heads->heads[i + 1]),
                    "SAVED/%.*s", REG_FMT(report->prices->currency));

    heads->columns[heads->n].head = heads->heads[i];
    heads->columns[heads->n++].member = "cost";
    heads->columns[heads->n].head = heads->heads[i + 1];
    heads->columns[heads->n++].member = "saved";
}


static json_t *
cli_report_people(const cli_report_t *report, const reg_report_row_t *row,
    int total)
{
    int           bad;
    char          text[REG_MONEY_LEN > CLI_BYTES_LEN ? REG_MONEY_LEN
                                                     : CLI_BYTES_LEN];
    size_t        i;
    json_t       *object;

    object = json_object();
    bad = (object == NULL);

    for (i = 0; !total && i < report->nby; i++) {
        bad |= cli_report_bad_set(object, report->by[i].name,
                                  cli_json_text(cli_report_value(row, i)));
    }

    if (total) {
        bad |= cli_report_bad_set(object, report->by[0].name,
                                  json_string("TOTAL"));

        for (i = 1; i < report->nby; i++) {
            bad |= cli_report_bad_set(object, report->by[i].name,
                                      json_string(" "));
        }
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {

        if (i < REG_LEDGER_REQUESTS) {
            cli_bytes(text, row->counts[i]);

        } else {
            (void) snprintf(text, sizeof(text), "%llu",
                            (unsigned long long) row->counts[i]);
        }

        bad |= cli_report_bad_set(object,
                                  reg_ledger_counter_name(
                                      (reg_ledger_counter_t) i),
                                  json_string(text));
    }

    if (report->prices) {
        reg_money_round(text, row->cost, report->prices->digits);
        bad |= cli_report_bad_set(object, "cost", json_string(text));

        reg_money_round(text, row->at_origin - row->cost,
                        report->prices->digits);
        bad |= cli_report_bad_set(object, "saved", json_string(text));
    }

    if (bad) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static json_t *
cli_report_object(const cli_report_t *report, const reg_report_row_t *row)
{
    int      bad;
    char     text[REG_MONEY_LEN];
    size_t   i;
    json_t  *object;

    object = json_object();
    bad = (object == NULL);

    for (i = 0; i < report->nby; i++) {
        bad |= cli_report_bad_set(object, report->by[i].name,
                                  cli_json_text(cli_report_value(row, i)));
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {
        bad |= cli_report_bad_set(object,
                                  reg_ledger_counter_name(
                                      (reg_ledger_counter_t) i),
                                  json_integer(row->counts[i] > INT64_MAX
                                               ? INT64_MAX
                                               : (json_int_t) row->counts[i]));
    }

    /* text, for a number of JSON is a float to many who read it */

    if (report->prices) {
        reg_money_format(text, row->cost);
        bad |= cli_report_bad_set(object, "cost", json_string(text));

        reg_money_format(text, row->at_origin - row->cost);
        bad |= cli_report_bad_set(object, "saved", json_string(text));

        bad |= cli_report_bad_set(object, "currency",
                                  cli_json_text(report->prices->currency));
    }

    if (bad) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static int
cli_report_bad_set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) != 0;
}
