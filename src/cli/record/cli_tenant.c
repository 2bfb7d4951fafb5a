/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * tenant set, tenant list and tenant show.
 */

#include <stdlib.h>

#include "cli_list.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_tenant_change(cli_store_t *store);
static cli_rc_t cli_tenant_pace(const cli_t *cli, json_t *json);
static cli_rc_t cli_tenant_number(int64_t *n, const char *text);
static json_t *cli_tenant_view(const cli_store_t *store,
    const reg_record_t *record);


cli_rc_t
cli_tenant_set(cli_t *cli)
{
    if (cli_value(cli, CLI_OPT_SUSPEND) && cli_value(cli, CLI_OPT_RESUME)) {
        return cli_fail(CLI_USAGE, "--suspend and --resume contradict each "
                        "other");
    }

    return cli_list_set(cli, REG_RECORD_TENANT, cli_tenant_change);
}


cli_rc_t
cli_tenant_list(cli_t *cli)
{
    static const cli_column_t  columns[] = {
        { "NAME", "name" }, { "SUSPENDED", "suspended" },
        { "LABELS", "labels" }, { NULL, NULL }
    };

    return cli_list(cli, REG_RECORD_TENANT, columns, NULL, cli_tenant_view);
}


cli_rc_t
cli_tenant_show(cli_t *cli)
{
    return cli_list_one(cli, REG_RECORD_TENANT, cli_tenant_view);
}


static cli_rc_t
cli_tenant_change(cli_store_t *store)
{
    json_t         *json;
    cli_rc_t        rc;
    const cli_t    *cli;
    cli_entry_t    *entry;
    reg_record_t   *record;

    cli = store->cli;
    record = NULL;

    entry = cli_document_find(&store->doc, REG_RECORD_TENANT,
                              reg_str(cli->operand));
    if (entry) {
        rc = cli_document_current(&store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        json = json_incref(record->json);

    } else {
        json = json_pack("{s:i}", "version", REG_RECORD_VERSION);
        rc = json ? cli_json_set_text(json, "name", cli->operand)
                  : cli_nomem();
    }

    if (rc == CLI_DONE) {
        rc = cli_json_change(cli, json, "labels", CLI_OPT_UNLABEL,
                             CLI_OPT_LABEL, "label");
    }

    if (rc == CLI_DONE) {
        rc = cli_json_change(cli, json, "limits", CLI_OPT_UNLIMIT,
                             CLI_OPT_LIMIT, "limit");
    }

    if (rc == CLI_DONE) {
        rc = cli_tenant_pace(cli, json);
    }

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_SUSPEND)) {
        rc = cli_json_set(json, "suspended", json_true());
    }

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_RESUME)
        && json_object_get(json, "suspended"))
    {
        rc = cli_json_set(json, "suspended", json_false());
    }

    if (rc == CLI_DONE) {
        rc = cli_store_put(store, REG_RECORD_TENANT, cli->operand, json);
    }

    json_decref(json);
    reg_record_free(record);

    return rc;
}


/* Whether a bandwidth is one is seen when the record is read again. */

static cli_rc_t
cli_tenant_pace(const cli_t *cli, json_t *json)
{
    int64_t      n;
    cli_rc_t     rc;
    const char  *bandwidth, *downloads;

    bandwidth = cli_value(cli, CLI_OPT_BANDWIDTH);
    downloads = cli_value(cli, CLI_OPT_DOWNLOADS);
    rc = CLI_DONE;

    if (bandwidth && strcmp(bandwidth, "off") == 0) {
        (void) json_object_del(json, "bandwidth");

    } else if (bandwidth) {
        rc = cli_json_set_text(json, "bandwidth", bandwidth);
    }

    if (rc != CLI_DONE || downloads == NULL) {
        return rc;
    }

    if (strcmp(downloads, "off") == 0) {
        (void) json_object_del(json, "downloads");
        return CLI_DONE;
    }

    rc = cli_tenant_number(&n, downloads);

    return rc == CLI_DONE ? cli_json_set(json, "downloads", json_integer(n))
                          : rc;
}


static cli_rc_t
cli_tenant_number(int64_t *n, const char *text)
{
    const char  *p;

    *n = 0;

    for (p = text; *p >= '0' && *p <= '9' && *n <= REG_DOWNLOADS_MAX; p++) {
        *n = *n * 10 + (*p - '0');
    }

    if (p == text || *p != '\0' || *n < 1 || *n > REG_DOWNLOADS_MAX) {
        return cli_fail(CLI_USAGE, "--downloads is \"off\" or a number from 1 "
                        "to %d", REG_DOWNLOADS_MAX);
    }

    return CLI_DONE;
}


static json_t *
cli_tenant_view(const cli_store_t *store, const reg_record_t *record)
{
    (void) store;

    return json_pack("{s:O,s:b,s:o,s:o,s:O*,s:O*}",
                     "name", json_object_get(record->json, "name"),
                     "suspended", (int) record->u.tenant.suspended,
                     "labels", cli_json_object(record->json, "labels"),
                     "limits", cli_json_object(record->json, "limits"),
                     "bandwidth", json_object_get(record->json, "bandwidth"),
                     "downloads", json_object_get(record->json, "downloads"));
}
