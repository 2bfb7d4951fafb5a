/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Rows of the ledger in Redis, a day of a tenant at a time: that is what has to
 * fit into memory.
 */

#include <stdlib.h>

#include "cli_egress_redis.h"
#include "cli_progress.h"


static int cli_ledgers_wanted(void *data, reg_str_t key);
static cli_rc_t cli_egress_redis_day(const cli_ledgers_t *ledgers, size_t i,
    const cli_fields_t *fields, cli_egress_row_pt handler, void *data);
static cli_rc_t cli_egress_redis_add(reg_ledger_entry_t *sum,
    const cli_ledgers_t *ledgers, size_t i, const cli_field_t *field);
static cli_rc_t cli_egress_redis_strange(const cli_ledgers_t *ledgers,
    size_t i, const cli_field_t *field);


cli_rc_t
cli_ledgers_reach(cli_ledgers_t *ledgers, const cli_t *cli)
{
    cli_rc_t  rc;

    rc = cli_store_reach(&ledgers->store, cli, NULL);

    if (rc == CLI_DONE && ledgers->store.redis == NULL && !ledgers->optional) {
        return cli_fail(CLI_USAGE, "which ledger? --store is a file, so give "
                        "--ledger DIR");
    }

    return rc;
}


cli_rc_t
cli_ledgers_open(cli_ledgers_t *ledgers, const cli_t *cli, int64_t first,
    int64_t last)
{
    cli_rc_t  rc;

    rc = cli_ledgers_reach(ledgers, cli);

    if (rc != CLI_DONE || ledgers->store.redis == NULL) {
        return rc;
    }

    ledgers->first = first;
    ledgers->last = last;
    ledgers->names.begin = "egress:";
    ledgers->names.wanted = cli_ledgers_wanted;
    ledgers->names.data = ledgers;

    return cli_redis_names(&ledgers->store, &ledgers->names);
}


void
cli_ledgers_close(cli_ledgers_t *ledgers)
{
    cli_names_free(&ledgers->names);
    cli_store_close(&ledgers->store);
}


static int
cli_ledgers_wanted(void *data, reg_str_t key)
{
    int64_t         day;
    reg_str_t       tenant;
    cli_ledgers_t  *ledgers = data;

    return reg_ledger_redis_key_parse(&tenant, &day,
                                      ledgers->store.redis->url.prefix, key)
           == REG_OK
           && day >= ledgers->first && day <= ledgers->last;
}


void
cli_ledgers_key(const cli_ledgers_t *ledgers, size_t i, reg_str_t *tenant,
    int64_t *day)
{
    (void) reg_ledger_redis_key_parse(tenant, day,
                                      ledgers->store.redis->url.prefix,
                                      reg_str(ledgers->names.items[i]));
}


cli_rc_t
cli_egress_redis(const cli_t *cli, int64_t first, int64_t last,
    cli_egress_row_pt handler, void *data)
{
    size_t          i;
    cli_rc_t        rc;
    cli_fields_t    fields;
    cli_ledgers_t   ledgers;
    cli_progress_t  progress;

    memset(&ledgers, 0, sizeof(cli_ledgers_t));

    rc = cli_ledgers_open(&ledgers, cli, first, last);

    cli_progress_init(&progress, "days of tenants are read");

    for (i = 0; rc == CLI_DONE && i < ledgers.names.n; i++) {
        cli_progress(&progress, i, ledgers.names.n);

        rc = cli_fields_read(&fields, &ledgers.store, ledgers.names.items[i]);

        if (rc == CLI_DONE) {
            rc = cli_egress_redis_day(&ledgers, i, &fields, handler, data);
        }

        cli_fields_free(&fields);
    }

    cli_progress_end(&progress);
    cli_ledgers_close(&ledgers);

    return rc;
}


/* Fields of the same row, of whatever instance, are one row. */

static cli_rc_t
cli_egress_redis_day(const cli_ledgers_t *ledgers, size_t i,
    const cli_fields_t *fields, cli_egress_row_pt handler, void *data)
{
    size_t              k;
    int64_t             day;
    cli_rc_t            rc;
    reg_str_t           tenant;
    const cli_field_t  *field;
    reg_ledger_entry_t  sum;

    cli_ledgers_key(ledgers, i, &tenant, &day);

    memset(&sum, 0, sizeof(reg_ledger_entry_t));

    for (k = 0; k < fields->n; k++) {
        field = &fields->items[k];

        rc = cli_egress_redis_add(&sum, ledgers, i, field);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (k + 1 < fields->n
            && strcmp(field->row, fields->items[k + 1].row) == 0)
        {
            continue;
        }

        if (reg_ledger_redis_settle(&sum) != REG_OK) {
            return cli_egress_redis_strange(ledgers, i, field);
        }

        sum.key.tenant = tenant;

        rc = handler(data, day, &sum.key, sum.counts);

        if (rc != CLI_DONE) {
            return rc;
        }

        memset(&sum, 0, sizeof(reg_ledger_entry_t));
    }

    return CLI_DONE;
}


/* One that cannot be read is an error: its bytes would be missing. */

static cli_rc_t
cli_egress_redis_add(reg_ledger_entry_t *sum, const cli_ledgers_t *ledgers,
    size_t i, const cli_field_t *field)
{
    size_t              k;
    reg_str_t           instance;
    reg_ledger_entry_t  entry;

    if (reg_ledger_redis_parse(&instance, &entry, reg_str(field->field),
                               reg_str(field->value))
        != REG_OK)
    {
        return cli_egress_redis_strange(ledgers, i, field);
    }

    sum->key = entry.key;

    for (k = 0; k < REG_LEDGER_COUNTERS; k++) {

        if (sum->counts[k] > UINT64_MAX - entry.counts[k]) {
            return cli_egress_redis_strange(ledgers, i, field);
        }

        sum->counts[k] += entry.counts[k];
    }

    if (sum->taken_back > UINT64_MAX - entry.taken_back) {
        return cli_egress_redis_strange(ledgers, i, field);
    }

    sum->taken_back += entry.taken_back;

    return CLI_DONE;
}


static cli_rc_t
cli_egress_redis_strange(const cli_ledgers_t *ledgers, size_t i,
    const cli_field_t *field)
{
    return cli_fail(CLI_STORE, "%s: the field %s of %s is not what a gateway "
                    "writes there, or a later version does",
                    ledgers->store.path, field->field,
                    ledgers->names.items[i]);
}
