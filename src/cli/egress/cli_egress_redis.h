/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_EGRESS_REDIS_H
#define CLI_EGRESS_REDIS_H

/*
 * The ledger that all gateways have sent to the Redis of --store: see
 * reg_ledger_redis.h.
 */

#include "cli_egress.h"
#include "cli_redis.h"
#include "reg_ledger_redis.h"

/* The days of tenants there are, as keys, sorted; zeros to begin with. */

typedef struct {
    unsigned      optional:1;       /* a file may do, which has none */
    cli_store_t   store;
    int64_t       first;
    int64_t       last;
    cli_names_t   names;
} cli_ledgers_t;

/*
 * Reaches the store, which must be a Redis, and looks for days from first to
 * last; to be closed in any case.  cli_ledgers_reach() does not look.
 */

cli_rc_t cli_ledgers_reach(cli_ledgers_t *ledgers, const cli_t *cli);

cli_rc_t cli_ledgers_open(cli_ledgers_t *ledgers, const cli_t *cli,
    int64_t first, int64_t last);

void cli_ledgers_close(cli_ledgers_t *ledgers);

/* What a key of names is of; *tenant is lent by it. */

void cli_ledgers_key(const cli_ledgers_t *ledgers, size_t i,
    reg_str_t *tenant, int64_t *day);


/* The fields of a day, each once, and none that is kept of what was folded. */

typedef struct {
    char         *field;            /* a NUL behind it, and then the value */
    const char   *row;              /* behind the instance */
    const char   *value;
} cli_field_t;

typedef struct {
    size_t        n;
    size_t        size;
    cli_field_t  *items;            /* sorted by row, then by instance */
} cli_fields_t;

/*
 * Reads a day as it was at one moment, for those who add up its fields: none
 * is there both as it was and folded.  To be freed in any case.
 */

cli_rc_t cli_fields_read(cli_fields_t *fields, cli_store_t *store,
    const char *key);

void cli_fields_free(cli_fields_t *fields);


/* The keys of a tenant's day and of its month; texts are two. */

void cli_egress_keys(unsigned char keys[2][REG_LEDGER_REDIS_KEY_MAX],
    reg_str_t *texts, const cli_store_t *store, reg_str_t tenant,
    const char *day);


/* Reads all rows of the days from first to last. */

cli_rc_t cli_egress_redis(const cli_t *cli, int64_t first, int64_t last,
    cli_egress_row_pt handler, void *data);

#endif /* CLI_EGRESS_REDIS_H */
