/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * egress report.
 */

#include <stdlib.h>

#include "cli_file.h"
#include "cli_report.h"
#include "reg_name.h"


typedef cli_rc_t (*cli_report_format_pt)(cli_report_t *report);

static cli_rc_t cli_report_options(cli_report_t *report);
static cli_rc_t cli_report_by(cli_report_t *report, const char *text);
static cli_rc_t cli_report_prices(cli_report_t *report);
static cli_rc_t cli_report_format(cli_report_t *report,
    cli_report_format_pt *format);
static cli_rc_t cli_report_read(cli_report_t *report,
    cli_report_format_pt format);
static cli_rc_t cli_report_row(void *data, int64_t day,
    const reg_ledger_key_t *key, const uint64_t *counts);
static reg_str_t cli_report_key(const cli_by_t *by,
    const reg_ledger_key_t *key, reg_str_t tenant, reg_str_t day,
    const json_t *labels);
static cli_rc_t cli_report_group(cli_report_t *report);
static void cli_report_free(cli_report_t *report);


static const char  *cli_by_names[] = {
    "tenant", "repository", "route", "network", "operation", "day"
};

/* What a charge has to tell apart, whatever else is asked for. */

static const cli_by_t  cli_by_focus[] = {
    { CLI_BY_DAY, "day", NULL }, { CLI_BY_TENANT, "tenant", NULL },
    { CLI_BY_REPOSITORY, "repository", NULL }, { CLI_BY_ROUTE, "route", NULL },
    { CLI_BY_NETWORK, "network", NULL },
    { CLI_BY_OPERATION, "operation", NULL }
};


cli_rc_t
cli_egress_report(cli_t *cli)
{
    cli_rc_t              rc;
    cli_report_t          report;
    cli_report_format_pt  format;

    memset(&report, 0, sizeof(cli_report_t));

    report.cli = cli;

    rc = cli_report_options(&report);

    if (rc == CLI_DONE) {
        rc = cli_report_format(&report, &format);
    }

    if (rc == CLI_DONE) {
        rc = cli_report_read(&report, format);
    }

    if (rc == CLI_DONE && format != cli_report_focus) {
        rc = cli_report_group(&report);
    }

    if (rc == CLI_DONE) {
        rc = format(&report);
    }

    cli_report_free(&report);

    return rc;
}


void
cli_report_total(const cli_report_t *report, reg_report_row_t *total)
{
    size_t             i, k;
    uint64_t          *sum;
    reg_report_row_t  *row;

    memset(total, 0, sizeof(reg_report_row_t));

    for (i = 0; i < report->report.n; i++) {
        row = &report->report.rows[i];

        total->cost += row->cost;
        total->at_origin += row->at_origin;

        for (k = 0; k < REG_LEDGER_COUNTERS; k++) {
            sum = &total->counts[k];
            *sum = *sum > UINT64_MAX - row->counts[k] ? UINT64_MAX
                                                      : *sum + row->counts[k];
        }
    }
}


cli_rc_t
cli_report_unpriced(const cli_report_t *report, reg_rc_t rc,
    const reg_error_t *error)
{
    if (rc == REG_NOMEM) {
        return cli_nomem();
    }

    return cli_fail(CLI_USAGE, "%s: %s; \"0\" is one, too",
                    cli_value(report->cli, CLI_OPT_PRICES), error->text);
}


static cli_rc_t
cli_report_options(cli_report_t *report)
{
    size_t       cursor;
    cli_rc_t     rc;
    const char  *text;

    rc = cli_egress_period(report->cli, &report->first, &report->last);

    if (rc != CLI_DONE) {
        return rc;
    }

    report->begin = reg_month_begin(report->first);

    text = cli_value(report->cli, CLI_OPT_PAYER);

    if (text && strcmp(text, "owner") == 0) {
        report->owner = 1;

    } else if (text && strcmp(text, "puller") != 0) {
        return cli_fail(CLI_USAGE, "--payer is puller or owner");
    }

    cursor = 0;

    for ( ;; ) {
        text = cli_next_value(report->cli, CLI_OPT_BY, &cursor);

        if (text == NULL) {
            break;
        }

        rc = cli_report_by(report, text);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    if (report->nby == 0) {
        rc = cli_report_by(report, "tenant");
    }

    return rc == CLI_DONE ? cli_report_prices(report) : rc;
}


static cli_rc_t
cli_report_by(cli_report_t *report, const char *text)
{
    size_t     i;
    cli_by_t  *by;

    if (report->nby == REG_REPORT_VALUES) {
        return cli_fail(CLI_USAGE, "--by may be given %d times at most",
                        REG_REPORT_VALUES);
    }

    for (i = 0; i < report->nby; i++) {

        if (strcmp(report->by[i].name, text) == 0) {
            return cli_fail(CLI_USAGE, "--by %s is given twice", text);
        }
    }

    by = &report->by[report->nby++];
    by->name = text;
    by->label = NULL;

    for (i = 0; i < CLI_BY_LABEL; i++) {

        if (strcmp(cli_by_names[i], text) == 0) {
            by->kind = (cli_by_kind_t) i;
            return CLI_DONE;
        }
    }

    by->kind = CLI_BY_LABEL;
    by->label = text + sizeof("label:") - 1;

    if (strncmp(text, "label:", sizeof("label:") - 1) == 0
        && reg_label_name_check(reg_str(by->label)) == REG_OK)
    {
        return CLI_DONE;
    }

    return cli_fail(CLI_USAGE, "--by is one of tenant, repository, route, "
                    "network, operation, day and label:NAME");
}


static cli_rc_t
cli_report_prices(cli_report_t *report)
{
    char         *data;
    size_t        len;
    reg_rc_t      rc;
    cli_rc_t      read;
    const char   *path;
    reg_error_t   error;

    path = cli_value(report->cli, CLI_OPT_PRICES);

    if (path == NULL) {
        return CLI_DONE;
    }

    read = cli_input_read(path, &data, &len);

    if (read != CLI_DONE) {
        return read;
    }

    rc = reg_prices_parse(&report->prices,
                          (reg_str_t) { len, (unsigned char *) data }, &error);

    free(data);

    if (rc == REG_NOMEM) {
        return cli_nomem();
    }

    return rc == REG_OK ? CLI_DONE : cli_fail(CLI_USAGE, "%s: %s", path,
                                              error.text);
}


static cli_rc_t
cli_report_format(cli_report_t *report, cli_report_format_pt *format)
{
    const char  *text;

    text = cli_value(report->cli, CLI_OPT_FORMAT);

    if (text == NULL || strcmp(text, "table") == 0) {
        *format = cli_report_table;

    } else if (strcmp(text, "json") == 0) {
        *format = cli_report_json;

    } else if (strcmp(text, "csv") == 0) {
        *format = cli_report_csv;

    } else if (strcmp(text, "html") == 0) {
        *format = cli_report_html;

    } else if (strcmp(text, "focus") == 0) {
        *format = cli_report_focus;

        if (report->prices == NULL) {
            return cli_fail(CLI_USAGE, "--format focus is about costs, and so "
                            "needs --prices");
        }

        if (cli_value(report->cli, CLI_OPT_BY)) {
            return cli_fail(CLI_USAGE, "--format focus has a row for each "
                            "charge, and so takes no --by");
        }

        report->nby = sizeof(cli_by_focus) / sizeof(cli_by_focus[0]);
        memcpy(report->by, cli_by_focus, sizeof(cli_by_focus));

    } else {
        return cli_fail(CLI_USAGE, "--format is table, csv, json, focus or "
                        "html");
    }

    return CLI_DONE;
}


static cli_rc_t
cli_report_read(cli_report_t *report, cli_report_format_pt format)
{
    size_t    i;
    int       required;
    cli_rc_t  rc;

    report->report.nvalues = report->nby;
    report->report.priced = (report->prices != NULL);
    report->report.measured = cli_value(report->cli, CLI_OPT_MEASURED) != NULL;

    if (format == cli_report_html) {
        report->days.nvalues = 2;
        report->days.measured = report->report.measured;
    }

    required = report->owner
               || cli_value(report->cli, CLI_OPT_RECORDS) != NULL;

    for (i = 0; i < report->nby; i++) {
        required |= (report->by[i].kind == CLI_BY_LABEL);
    }

    rc = cli_payer_open(&report->payer, report->cli, required);

    if (rc != CLI_DONE) {
        return rc;
    }

    /* what was before in the month says in which tier the first day begins */

    return cli_egress_read(report->cli,
                           report->prices ? report->begin : report->first,
                           report->last, cli_report_row, report);
}


static cli_rc_t
cli_report_row(void *data, int64_t day, const reg_ledger_key_t *key,
    const uint64_t *counts)
{
    char           text[REG_LEDGER_DAY_LEN + 1];
    size_t         i;
    json_t        *labels;
    cli_rc_t       rc;
    reg_rc_t       added;
    reg_str_t      tenant, values[REG_REPORT_VALUES];
    cli_report_t  *report = data;

    for (i = 0; i < REG_LEDGER_COUNTERS && counts[i] == 0; i++) {
        /* void */
    }

    /* such as the row that a ledger always has, for what it has no room for */

    if (i == REG_LEDGER_COUNTERS) {
        return CLI_DONE;
    }

    rc = cli_payer_find(report->payer, report->owner, day, key, &tenant,
                        &labels);

    if (rc != CLI_DONE) {
        return rc;
    }

    reg_ledger_day_format(text, day);

    for (i = 0; i < report->nby; i++) {
        values[i] = cli_report_key(&report->by[i], key, tenant, reg_str(text),
                                   labels);
    }

    added = reg_report_add(&report->report, day, day < report->first,
                           key->route, key->network, values, counts);

    if (added == REG_OK && report->days.nvalues && day >= report->first) {
        values[0] = reg_str(text);
        values[1] = key->route;

        added = reg_report_add(&report->days, day, 0, key->route,
                               key->network, values, counts);
    }

    return added == REG_OK ? CLI_DONE : cli_nomem();
}


static reg_str_t
cli_report_key(const cli_by_t *by, const reg_ledger_key_t *key,
    reg_str_t tenant, reg_str_t day, const json_t *labels)
{
    switch (by->kind) {

    case CLI_BY_TENANT:
        return tenant;

    case CLI_BY_REPOSITORY:
        return key->repository;

    case CLI_BY_ROUTE:
        return key->route;

    case CLI_BY_NETWORK:
        return key->network;

    case CLI_BY_OPERATION:
        return key->operation;

    case CLI_BY_DAY:
        return day;

    default:
        return cli_payer_label(labels, by->label);
    }
}


static cli_rc_t
cli_report_group(cli_report_t *report)
{
    reg_rc_t     rc;
    reg_error_t  error;

    if (report->prices) {
        rc = reg_report_price(&report->report, report->prices, NULL, NULL,
                              &error);

        if (rc != REG_OK) {
            return cli_report_unpriced(report, rc, &error);
        }
    }

    reg_report_group(&report->report, report->by[0].kind != CLI_BY_DAY);
    reg_report_group(&report->days, 0);

    return CLI_DONE;
}


static void
cli_report_free(cli_report_t *report)
{
    reg_report_free(&report->report);
    reg_report_free(&report->days);
    reg_prices_free(report->prices);
    cli_payer_close(report->payer);
}
