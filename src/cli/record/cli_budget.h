/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_BUDGET_H
#define CLI_BUDGET_H

/*
 * What budget check knows of budgets.
 */

#include "cli_egress.h"
#include "cli_webhook.h"
#include "reg_budget.h"
#include "reg_money.h"

#define CLI_RATIO_LEN      32

#define CLI_ALERTS_SUFFIX  ".alerts"

typedef struct {
    reg_record_t               *record;
    const reg_budget_record_t  *budget;
    reg_budget_subject_t        subject;
    int64_t                     begin;      /* of the period, in days */
    int64_t                     end;        /* first day of the next */
    uint64_t                    used;
} cli_budget_t;

typedef struct {
    const cli_t     *cli;
    cli_webhook_t   *hook;              /* NULL: there is none */
    cli_store_t      store;
    cli_payer_t     *payer;
    size_t           n;
    cli_budget_t    *items;
} cli_budgets_t;


/* Percent that are used, rounded down. */

unsigned cli_budget_percent(const cli_budget_t *budget);


/*
 * cli_budget_raise.c: tells of each alert that was crossed and that nobody has
 * told of yet.  CLI_STORE if that failed for some, which is tried again.
 */

cli_rc_t cli_budget_raise(cli_budgets_t *budgets);

#endif /* CLI_BUDGET_H */
