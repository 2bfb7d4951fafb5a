/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Writes what has changed, in parts.
 *
 * One server takes all changes in one part, and their audit with them.  In a
 * cluster each record is a part, for it has a slot of its own; the changes have
 * an order in which it may end after any of them, and each has its entry in the
 * audit before it is done.
 */

#include <stdlib.h>

#include "cli_redis.h"


/*
 * Changes in one transaction.  More than these, which only an import has, are
 * done in small parts: Redis goes through all that is watched at each WATCH,
 * and a reply with an element for each change would be too large.
 */

#define CLI_REDIS_CHANGES  10000
#define CLI_REDIS_PART     500


static cli_rc_t cli_redis_parts(cli_store_t *store, const json_t *entries,
    size_t *done);
static void cli_redis_undo(cli_store_t *store, const json_t *entries,
    size_t n, int possible);


cli_rc_t
cli_redis_commit(cli_store_t *store)
{
    size_t     done;
    json_t    *entries;
    cli_rc_t   rc;

    rc = CLI_DONE;
    done = 0;
    entries = NULL;

    if (store->redis->url.kind == REG_STORE_CLUSTER
        || store->nchanges > CLI_REDIS_CHANGES)
    {
        rc = cli_order_changes(store);
    }

    if (rc == CLI_DONE) {
        rc = cli_audit_entries(store, &entries);
    }

    if (rc == CLI_DONE) {
        rc = cli_redis_parts(store, entries, &done);
    }

    if (rc != CLI_DONE && done) {

        /* what nobody knows the end of may need the keys */

        cli_redis_undo(store, entries, done, rc != CLI_NO);

        if (rc != CLI_AGAIN) {
            rc = cli_fail(CLI_STORE, "%zu of %zu changes are done, the rest is "
                          "not: give the command again", done,
                          store->nchanges);
        }
    }

    json_decref(entries);

    return rc == CLI_NO ? CLI_STORE : rc;
}


static cli_rc_t
cli_redis_parts(cli_store_t *store, const json_t *entries, size_t *done)
{
    size_t      size;
    cli_rc_t    rc;
    cli_part_t  part;

    size = store->redis->url.kind == REG_STORE_CLUSTER ? 1
           : store->nchanges > CLI_REDIS_CHANGES ? CLI_REDIS_PART
                                                 : store->nchanges;

    for (*done = 0; *done < store->nchanges; *done += part.n) {

        memset(&part, 0, sizeof(cli_part_t));

        part.store = store;
        part.entries = entries;
        part.first = *done;
        part.n = store->nchanges - *done;
        part.n = part.n > size ? size : part.n;
        part.apart = store->redis->url.kind == REG_STORE_CLUSTER;

        rc = cli_part_do(&part);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


/*
 * A key that was made and will not be printed is of no use to anybody.  What
 * else is done stays: the command finds it so when it is given again.
 */

static void
cli_redis_undo(cli_store_t *store, const json_t *entries, size_t n,
    int possible)
{
    cli_part_t  part;

    while (n--) {

        if (!store->changes[n].fresh) {
            continue;
        }

        memset(&part, 0, sizeof(cli_part_t));

        part.store = store;
        part.entries = entries;
        part.first = n;
        part.n = 1;
        part.apart = store->redis->url.kind == REG_STORE_CLUSTER;
        part.undo = 1;

        if (!possible || cli_part_do(&part) != CLI_DONE) {
            cli_note("key %s is of no use, for nobody has seen it: revoke it",
                     store->changes[n].name);
        }
    }
}
