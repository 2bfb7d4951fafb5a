/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_REPORT_H
#define CLI_REPORT_H

/*
 * egress report: what was asked for, and what the formats have to print.
 */

#include "cli_egress.h"
#include "reg_report.h"

typedef enum {
    CLI_BY_TENANT = 0,
    CLI_BY_REPOSITORY,
    CLI_BY_ROUTE,
    CLI_BY_NETWORK,
    CLI_BY_OPERATION,
    CLI_BY_DAY,
    CLI_BY_LABEL
} cli_by_kind_t;

typedef struct {
    cli_by_kind_t   kind;
    const char     *name;               /* as --by has it: "label:project" */
    const char     *label;              /* "project" */
} cli_by_t;

typedef struct {
    const cli_t    *cli;
    int64_t         first;              /* days */
    int64_t         last;
    int64_t         begin;              /* of the month of the first */
    unsigned        owner:1;            /* pays */
    size_t          nby;
    cli_by_t        by[REG_REPORT_VALUES];
    reg_prices_t   *prices;             /* NULL: costs are not asked for */
    cli_payer_t    *payer;
    reg_report_t    report;
    reg_report_t    days;               /* of day and route, for charts */
} cli_report_t;


/* The formats; report.report is grouped. */

cli_rc_t cli_report_table(cli_report_t *report);
cli_rc_t cli_report_json(cli_report_t *report);
cli_rc_t cli_report_csv(cli_report_t *report);
cli_rc_t cli_report_html(cli_report_t *report);

/* Prints a charge for each part; report.report is not even priced. */

cli_rc_t cli_report_focus(cli_report_t *report);


/* The sum of all rows. */

void cli_report_total(const cli_report_t *report, reg_report_row_t *total);

/* Value i of a row. */

static inline reg_str_t
cli_report_value(const reg_report_row_t *row, size_t i)
{
    return *row->keys[REG_REPORT_VALUE + i];
}


/* A field of CSV (RFC 4180), in quotes if it needs them. */

void cli_csv(reg_str_t text);

/* Fails with the sentence of a lack of a price. */

cli_rc_t cli_report_unpriced(const cli_report_t *report, reg_rc_t rc,
    const reg_error_t *error);

#endif /* CLI_REPORT_H */
