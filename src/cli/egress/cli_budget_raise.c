/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Alerts are told once, whoever finds them first: in a fleet a key in Redis
 *
 *     <prefix>alert:<budget>:<bytes>:<first day>:<percent>
 *
 * says that somebody is about to, for a minute, and then that it is done.  With
 * a file store there is a line of the same in <store>.alerts, which is locked
 * meanwhile.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli_budget.h"
#include "cli_file.h"
#include "cli_redis.h"
#include "cli_value.h"

#define CLI_ALERT_LEN    (REG_TEXT_MAX + 96)
#define CLI_ALERT_LEASE  "60"                   /* seconds */
#define CLI_ALERT_KEEP   (40 * 86400)           /* longer than any period */


typedef struct {
    cli_budgets_t  *budgets;
    int             file;               /* -1: the store is a Redis */
    char           *told;               /* what is in the file */
} cli_alerts_t;


static cli_rc_t cli_alerts_open(cli_alerts_t *alerts);
static cli_rc_t cli_alert_one(cli_alerts_t *alerts, const cli_budget_t *budget,
    unsigned percent);
static cli_rc_t cli_alert_claim(cli_alerts_t *alerts, const char *name,
    int *ours);
static cli_rc_t cli_alert_done(cli_alerts_t *alerts, const char *name,
    int told);
static cli_rc_t cli_alert_redis(cli_alerts_t *alerts, size_t argc,
    reg_str_t *argv, const char *name, int *done);
static cli_rc_t cli_alert_tell(cli_alerts_t *alerts,
    const cli_budget_t *budget, unsigned percent);


cli_rc_t
cli_budget_raise(cli_budgets_t *budgets)
{
    size_t         i, k;
    cli_rc_t       rc, one;
    cli_alerts_t   alerts;
    cli_budget_t  *budget;

    alerts.budgets = budgets;
    alerts.file = -1;
    alerts.told = NULL;

    rc = budgets->store.redis ? CLI_DONE : cli_alerts_open(&alerts);

    for (i = 0; rc != CLI_USAGE && i < budgets->n; i++) {
        budget = &budgets->items[i];

        for (k = 0; k < budget->budget->nalerts; k++) {

            if (cli_budget_percent(budget) < budget->budget->alerts[k]) {
                break;
            }

            one = cli_alert_one(&alerts, budget, budget->budget->alerts[k]);
            rc = rc == CLI_DONE ? one : rc;
        }
    }

    if (alerts.file != -1) {
        (void) close(alerts.file);
    }

    free(alerts.told);

    return rc;
}


/* There is no file where the store could not be found, either. */

static cli_rc_t
cli_alerts_open(cli_alerts_t *alerts)
{
    size_t              len;
    const cli_store_t  *store = &alerts->budgets->store;

    alerts->file = cli_file_open_beside(store->path, CLI_ALERTS_SUFFIX,
                                        O_RDWR | O_APPEND,
                                        store->exists ? &store->st : NULL);

    if (alerts->file == -1) {
        return CLI_USAGE;
    }

    if (flock(alerts->file, LOCK_EX) == -1
        || cli_file_read(alerts->file, &alerts->told, &len) == -1)
    {
        (void) cli_fail(CLI_STORE, "%s" CLI_ALERTS_SUFFIX ": %s", store->path,
                        strerror(errno));
        return CLI_USAGE;
    }

    return CLI_DONE;
}


static cli_rc_t
cli_alert_one(cli_alerts_t *alerts, const cli_budget_t *budget,
    unsigned percent)
{
    int       ours;
    char      name[CLI_ALERT_LEN], day[REG_LEDGER_DAY_LEN + 1];
    cli_rc_t  rc, told;

    reg_ledger_day_format(day, budget->begin);

    /* a budget that was changed is another one */

    (void) snprintf(name, sizeof(name), "%.*s:%llu:%s:%u",
                    REG_FMT(budget->budget->name),
                    (unsigned long long) budget->budget->amount.bytes, day,
                    percent);

    rc = cli_alert_claim(alerts, name, &ours);

    if (rc != CLI_DONE || !ours) {
        return rc;
    }

    told = cli_alert_tell(alerts, budget, percent);
    rc = cli_alert_done(alerts, name, told == CLI_DONE);

    return told == CLI_DONE ? rc : told;
}


static cli_rc_t
cli_alert_claim(cli_alerts_t *alerts, const char *name, int *ours)
{
    size_t      len;
    char       *p;
    reg_str_t   argv[6];

    if (alerts->file == -1) {
        argv[0] = REG_STR("SET");
        argv[2] = REG_STR("telling");
        argv[3] = REG_STR("NX");
        argv[4] = REG_STR("EX");
        argv[5] = REG_STR(CLI_ALERT_LEASE);

        return cli_alert_redis(alerts, 6, argv, name, ours);
    }

    len = strlen(name);
    *ours = 1;

    for (p = strstr(alerts->told, name); p; p = strstr(p + 1, name)) {

        if ((p == alerts->told || p[-1] == '\n') && p[len] == '\n') {
            *ours = 0;
        }
    }

    return CLI_DONE;
}


static cli_rc_t
cli_alert_done(cli_alerts_t *alerts, const char *name, int told)
{
    int        done;
    char       keep[16], line[CLI_ALERT_LEN + 1];
    ssize_t    len;
    reg_str_t  argv[5];

    if (alerts->file == -1) {
        (void) snprintf(keep, sizeof(keep), "%d", CLI_ALERT_KEEP);

        argv[0] = told ? REG_STR("SET") : REG_STR("DEL");
        argv[2] = REG_STR("told");
        argv[3] = REG_STR("EX");
        argv[4] = reg_str(keep);

        return cli_alert_redis(alerts, told ? 5 : 2, argv, name, &done);
    }

    if (!told) {
        return CLI_DONE;
    }

    len = snprintf(line, sizeof(line), "%s\n", name);

    if (write(alerts->file, line, (size_t) len) != len
        || fdatasync(alerts->file) == -1)
    {
        return cli_fail(CLI_STORE, "%s" CLI_ALERTS_SUFFIX ": %s",
                        alerts->budgets->store.path, strerror(errno));
    }

    return CLI_DONE;
}


/* *done: the command did something. */

static cli_rc_t
cli_alert_redis(cli_alerts_t *alerts, size_t argc, reg_str_t *argv,
    const char *name, int *done)
{
    char          key[REG_STORE_PREFIX_MAX + CLI_ALERT_LEN + 8];
    cli_rc_t      rc;
    redisReply   *reply;
    cli_redis_t  *redis = alerts->budgets->store.redis;

    (void) snprintf(key, sizeof(key), "%.*salert:%s",
                    REG_FMT(redis->url.prefix), name);

    argv[1] = reg_str(key);

    rc = cli_redis_call(&alerts->budgets->store, &reply, argv[1], argc, argv);

    if (rc == CLI_DONE) {
        *done = reply->type == REDIS_REPLY_STATUS;
        freeReplyObject(reply);
    }

    return rc;
}


static cli_rc_t
cli_alert_tell(cli_alerts_t *alerts, const cli_budget_t *budget,
    unsigned percent)
{
    char            used[CLI_BYTES_LEN], day[REG_LEDGER_DAY_LEN + 1], *body;
    json_t         *json, *amount;
    cli_rc_t        rc;
    reg_error_t     error;
    cli_budgets_t  *budgets = alerts->budgets;

    reg_ledger_day_format(day, budget->begin);
    cli_bytes(used, budget->used);

    amount = json_object_get(budget->record->json, "amount");
    rc = CLI_DONE;

    if (budgets->hook) {
        json = json_pack("{s:s,s:O,s:O,s:s,s:I,s:I,s:I,s:I,s:o}",
                         "type", "budget",
                         "budget", json_object_get(budget->record->json,
                                                   "name"),
                         "amount", amount, "since", day,
                         "alert_percent", (json_int_t) percent,
                         "used_percent",
                         (json_int_t) cli_budget_percent(budget),
                         "amount_bytes",
                         (json_int_t) budget->budget->amount.bytes,
                         "used_bytes", (json_int_t) budget->used,
                         "time", cli_json_time(budgets->cli->now));

        body = json ? json_dumps(json, JSON_COMPACT) : NULL;

        json_decref(json);

        if (body == NULL) {
            return cli_nomem();
        }

        if (cli_webhook_post(budgets->hook, "application/json", body, &error)
            != CLI_WEBHOOK_DONE)
        {
            rc = cli_fail(CLI_STORE, "budget %.*s: %s; the next check tries "
                          "again", REG_FMT(budget->budget->name), error.text);
        }

        free(body);
    }

    if (rc == CLI_DONE) {
        cli_note("budget %.*s: %u %% of %s is used: %s since %s",
                 REG_FMT(budget->budget->name), percent,
                 json_string_value(amount), used, day);
    }

    return rc;
}
