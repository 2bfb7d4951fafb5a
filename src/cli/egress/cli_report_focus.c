/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Charges in the columns of FOCUS 1.2, the FinOps Open Cost and Usage
 * Specification: all that are mandatory, and those others that say something
 * here.  A charge is the bytes of a day, payer, repository, route, network and
 * operation that are in one tier, so that quantity and unit price make the cost
 * to the last digit.
 */

#include <stdlib.h>

#include "cli_report.h"
#include "reg_time.h"

#define CLI_FOCUS_NAME  "Registry egress"

/* Where values of --format focus are in a row. */

typedef enum {
    CLI_FOCUS_DAY = 0,
    CLI_FOCUS_TENANT,
    CLI_FOCUS_REPOSITORY,
    CLI_FOCUS_ROUTE,
    CLI_FOCUS_NETWORK,
    CLI_FOCUS_OPERATION
} cli_focus_value_t;


static void cli_focus_part(void *data, const reg_report_part_t *part);
static void cli_focus_account(const cli_report_t *report);
static void cli_focus_time(int64_t day);
static void cli_focus_sku(const reg_report_part_t *part, int tier);
static void cli_focus_tags(const cli_report_t *report,
    const reg_report_row_t *row);


cli_rc_t
cli_report_focus(cli_report_t *report)
{
    reg_rc_t     rc;
    reg_error_t  error;

    printf("BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,"
           "BillingPeriodEnd,BillingPeriodStart,ChargeCategory,ChargeClass,"
           "ChargeDescription,ChargeFrequency,ChargePeriodEnd,"
           "ChargePeriodStart,ConsumedQuantity,ConsumedUnit,ContractedCost,"
           "EffectiveCost,InvoiceIssuerName,ListCost,ListUnitPrice,"
           "PricingCategory,PricingQuantity,PricingUnit,ProviderName,"
           "PublisherName,ResourceId,ResourceName,ResourceType,"
           "ServiceCategory,ServiceName,ServiceSubcategory,SkuId,SkuMeter,"
           "SkuPriceId,SubAccountId,SubAccountName,Tags,x_Network,"
           "x_Operation,x_Route\r\n");

    rc = reg_report_price(&report->report, report->prices, cli_focus_part,
                          report, &error);

    return rc == REG_OK ? CLI_DONE : cli_report_unpriced(report, rc, &error);
}


static void
cli_focus_part(void *data, const reg_report_part_t *part)
{
    char                     cost[REG_MONEY_LEN], unit[REG_MONEY_LEN];
    char                     amount[REG_QUOTIENT_LEN];
    char                     text[REG_LEDGER_KEY_MAX + 32];
    reg_str_t                provider, tenant, repository;
    cli_report_t            *report = data;
    const reg_report_row_t  *row = part->row;

    tenant = cli_report_value(row, CLI_FOCUS_TENANT);
    repository = cli_report_value(row, CLI_FOCUS_REPOSITORY);

    provider = report->prices->provider.len ? report->prices->provider
                                            : REG_STR(CLI_NAME);

    reg_money_format(cost, part->cost);
    reg_money_format(unit,
                     (reg_money_t) part->price->tiers[part->tier].price
                     * 1000000000);
    reg_quotient_format(amount, part->bytes, report->prices->size);

    printf("%s,", cost);
    cli_focus_account(report);
    printf(",,%.*s,", REG_FMT(report->prices->currency));
    cli_focus_time(reg_month_end(row->day));
    (void) putchar(',');
    cli_focus_time(reg_month_begin(row->day));
    printf(",Usage,,");

    (void) snprintf(text, sizeof(text), "%.*s of %.*s by %.*s to %.*s",
                    REG_FMT(cli_report_value(row, CLI_FOCUS_OPERATION)),
                    REG_FMT(repository),
                    REG_FMT(cli_report_value(row, CLI_FOCUS_ROUTE)),
                    REG_FMT(cli_report_value(row, CLI_FOCUS_NETWORK)));
    cli_csv(reg_str(text));

    printf(",Usage-Based,");
    cli_focus_time(row->day + 1);
    (void) putchar(',');
    cli_focus_time(row->day);
    printf(",%s,%.*s,%s,%s,", amount, REG_FMT(report->prices->unit), cost,
           cost);
    cli_csv(provider);
    printf(",%s,%s,Standard,%s,%.*s,", cost, unit, amount,
           REG_FMT(report->prices->unit));
    cli_csv(provider);
    (void) putchar(',');
    cli_csv(provider);
    (void) putchar(',');
    cli_csv(repository);
    (void) putchar(',');
    cli_csv(repository);
    printf(",Repository,Networking," CLI_FOCUS_NAME ",Content Delivery,");
    cli_focus_sku(part, 0);
    printf(",Egress,");
    cli_focus_sku(part, 1);
    (void) putchar(',');
    cli_csv(tenant);
    (void) putchar(',');
    cli_csv(tenant);
    (void) putchar(',');
    cli_focus_tags(report, row);
    (void) putchar(',');
    cli_csv(cli_report_value(row, CLI_FOCUS_NETWORK));
    (void) putchar(',');
    cli_csv(cli_report_value(row, CLI_FOCUS_OPERATION));
    (void) putchar(',');
    cli_csv(cli_report_value(row, CLI_FOCUS_ROUTE));
    printf("\r\n");
}


static void
cli_focus_account(const cli_report_t *report)
{
    cli_csv(report->prices->account.len ? report->prices->account
                                        : REG_STR(CLI_NAME));
}


static void
cli_focus_time(int64_t day)
{
    char  text[REG_TIME_LEN + 1];

    reg_time_format(text, day * CLI_DAY);

    printf("%s", text);
}


/* An entry of the price list, and a tier of it. */

static void
cli_focus_sku(const reg_report_part_t *part, int tier)
{
    char  text[2 * REG_ERROR_MAX];

    if (tier) {
        (void) snprintf(text, sizeof(text), "egress/%.*s/%.*s/%zu",
                        REG_FMT(part->price->route),
                        REG_FMT(part->price->network), part->tier + 1);

    } else {
        (void) snprintf(text, sizeof(text), "egress/%.*s/%.*s",
                        REG_FMT(part->price->route),
                        REG_FMT(part->price->network));
    }

    cli_csv(reg_str(text));
}


static void
cli_focus_tags(const cli_report_t *report, const reg_report_row_t *row)
{
    char              *text;
    json_t            *labels;
    reg_str_t          tenant;
    reg_ledger_key_t   key;

    memset(&key, 0, sizeof(reg_ledger_key_t));

    key.tenant = cli_report_value(row, CLI_FOCUS_TENANT);
    key.repository = cli_report_value(row, CLI_FOCUS_REPOSITORY);

    if (cli_payer_find(report->payer, report->owner, row->day, &key, &tenant,
                       &labels)
        != CLI_DONE
        || json_object_size(labels) == 0)
    {
        return;
    }

    text = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);

    if (text) {
        cli_csv(reg_str(text));
    }

    free(text);
}
