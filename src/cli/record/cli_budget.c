/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * budget set, list and remove.
 */

#include <stdlib.h>

#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_BUDGET_ALERTS  "80,100"


static cli_rc_t cli_budget_change(cli_store_t *store);
static cli_rc_t cli_budget_alerts(const char *text, json_t *json);
static json_t *cli_budget_view(const cli_store_t *store,
    const reg_record_t *record);


cli_rc_t
cli_budget_set(cli_t *cli)
{
    return cli_list_set(cli, REG_RECORD_BUDGET, cli_budget_change);
}


cli_rc_t
cli_budget_list(cli_t *cli)
{
    static const cli_column_t  columns[] = {
        { "SUBJECT", "subject" }, { "AMOUNT", "amount" },
        { "ALERTS", "alerts" }, { NULL, NULL }
    };

    return cli_list(cli, REG_RECORD_BUDGET, columns, NULL, cli_budget_view);
}


cli_rc_t
cli_budget_remove(cli_t *cli)
{
    return cli_list_remove(cli, REG_RECORD_BUDGET);
}


static cli_rc_t
cli_budget_change(cli_store_t *store)
{
    json_t        *json;
    cli_rc_t       rc;
    const cli_t   *cli;
    const char    *alerts;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cli = store->cli;
    record = NULL;
    alerts = cli_value(cli, CLI_OPT_ALERT);

    entry = cli_document_find(&store->doc, REG_RECORD_BUDGET,
                              reg_str(cli->operand));
    if (entry) {
        rc = cli_document_current(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        json = json_incref(record->json);

    } else {
        alerts = alerts ? alerts : CLI_BUDGET_ALERTS;

        json = json_pack("{s:i}", "version", REG_RECORD_VERSION);
        rc = json ? cli_json_set_text(json, "name", cli->operand)
                  : cli_nomem();
    }

    if (rc == CLI_DONE) {
        rc = cli_json_set_text(json, "amount", cli->operands[1]);
    }

    if (rc == CLI_DONE && alerts) {
        rc = cli_budget_alerts(alerts, json);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_BUDGET, cli->operand, json);
    }

    json_decref(json);
    reg_record_free(record);

    return rc;
}


/* "50,80,100" */

static cli_rc_t
cli_budget_alerts(const char *text, json_t *json)
{
    char     *end;
    long      percent;
    json_t   *list;
    cli_rc_t  rc;

    list = json_array();

    for (rc = list ? CLI_DONE : cli_nomem(); rc == CLI_DONE; text = end + 1) {
        percent = (*text >= '0' && *text <= '9') ? strtol(text, &end, 10) : 0;

        if (percent < 1 || percent > REG_ALERT_MAX
            || (*end != ',' && *end != '\0'))
        {
            rc = cli_fail(CLI_USAGE, "--alert takes percentages from 1 to %d, "
                          "such as 50,80,100", REG_ALERT_MAX);

        } else if (json_array_append_new(list, json_integer(percent)) != 0) {
            rc = cli_nomem();

        } else if (*end == '\0') {
            return cli_json_set(json, "alerts", list);
        }
    }

    json_decref(list);

    return rc;
}


static json_t *
cli_budget_view(const cli_store_t *store, const reg_record_t *record)
{
    size_t                      i;
    json_t                     *list;
    const reg_budget_record_t  *budget = &record->u.budget;

    list = json_array();

    for (i = 0; list && i < budget->nalerts; i++) {

        if (json_array_append_new(list, store->cli->json
                                        ? json_integer(budget->alerts[i])
                                        : json_sprintf("%u %%",
                                                       budget->alerts[i]))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return json_pack("{s:O,s:O,s:o}",
                     "subject", json_object_get(record->json, "name"),
                     "amount", json_object_get(record->json, "amount"),
                     "alerts", list);
}
