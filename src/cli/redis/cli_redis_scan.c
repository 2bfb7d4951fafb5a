/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The names of keys: those of one server, or of all primaries of a cluster.
 */

#include <stdlib.h>

#include "cli_redis.h"


#define CLI_REDIS_SCAN    "1000"
#define CLI_REDIS_PASSES  8         /* over a cluster whose slots move */


static cli_rc_t cli_scan(cli_store_t *store, cli_names_t *names,
    int *settled);
static cli_rc_t cli_scan_nodes(cli_store_t *store, cli_names_t *names,
    cli_node_t **failed);
static cli_rc_t cli_scan_node(cli_store_t *store, cli_names_t *names,
    cli_node_t *node);
static int cli_scan_ok(const redisReply *reply, size_t max);
static cli_rc_t cli_scan_page(cli_names_t *names, const redisReply *page);
static void cli_scan_sort(cli_names_t *names);
static int cli_scan_compare(const void *one, const void *two);


/*
 * A key that goes from one node to another may not be seen on either.  While
 * slots move the nodes are gone through until that brings nothing new.
 */

cli_rc_t
cli_redis_names(cli_store_t *store, cli_names_t *names)
{
    int       settled;
    size_t    known;
    cli_rc_t  rc;
    unsigned  passes;

    passes = 0;

    do {
        known = names->n;

        rc = cli_scan(store, names, &settled);

        if (rc != CLI_DONE) {
            return rc;
        }

        /* SCAN has no order, and may return a name twice */

        cli_scan_sort(names);

        if (++passes > CLI_REDIS_PASSES) {
            return cli_fail(CLI_STORE, "%s: slots of the cluster keep moving: "
                            "try again", store->path);
        }

    } while (!settled && names->n != known);

    return CLI_DONE;
}


void
cli_names_free(cli_names_t *names)
{
    size_t  i;

    for (i = 0; i < names->n; i++) {
        free(names->items[i]);
    }

    free(names->items);
    memset(names, 0, sizeof(cli_names_t));
}


/* *settled: none can have been overseen. */

static cli_rc_t
cli_scan(cli_store_t *store, cli_names_t *names, int *settled)
{
    int64_t          until;
    cli_rc_t         rc;
    cli_node_t      *failed;
    reg_error_t      error;
    cli_redis_t     *redis = store->redis;
    unsigned short  *owners;

    until = cli_redis_until(redis);

    for ( ;; ) {
        rc = cli_scan_nodes(store, names, &failed);

        if (rc != CLI_AGAIN) {
            break;
        }

        rc = cli_redis_again(store, failed, until);

        if (rc != CLI_DONE) {
            break;
        }
    }

    *settled = 1;

    if (rc != CLI_DONE || redis->url.kind != REG_STORE_CLUSTER) {
        return rc;
    }

    owners = malloc(sizeof(redis->owners));

    if (owners == NULL) {
        return cli_nomem();
    }

    memcpy(owners, redis->owners, sizeof(redis->owners));

    *settled = cli_cluster_find(redis, &error) == CLI_DONE
               && memcmp(owners, redis->owners, sizeof(redis->owners)) == 0
               && cli_cluster_settled(redis);

    free(owners);

    return CLI_DONE;
}


/* CLI_AGAIN: a node has failed, or NULL, for it has nobody's slots. */

static cli_rc_t
cli_scan_nodes(cli_store_t *store, cli_names_t *names, cli_node_t **failed)
{
    size_t        i;
    cli_rc_t      rc;
    cli_redis_t  *redis = store->redis;

    *failed = NULL;

    for (i = 0; i < REG_REDIS_SLOTS; i++) {

        if (redis->owners[i] == CLI_NOBODY) {
            return CLI_AGAIN;
        }
    }

    for (i = 0; i < redis->nnodes; i++) {

        if (redis->url.kind == REG_STORE_CLUSTER ? !redis->nodes[i]->primary
                                                 : i != redis->master)
        {
            continue;
        }

        *failed = redis->nodes[i];

        rc = cli_scan_node(store, names, redis->nodes[i]);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


static cli_rc_t
cli_scan_node(cli_store_t *store, cli_names_t *names, cli_node_t *node)
{
    char          match[REG_STORE_PREFIX_MAX + 32], cursor[32];
    cli_rc_t      rc;
    reg_str_t     argv[6];
    redisReply   *reply;
    cli_redis_t  *redis = store->redis;

    if (cli_node_open(redis, node, redis->url.kind == REG_STORE_SENTINEL
                                   ? CLI_GREET_MASTER : CLI_GREET_SERVER, 0)
        != CLI_DONE)
    {
        return CLI_AGAIN;
    }

    /* a prefix has no characters that mean something in a pattern */

    (void) snprintf(match, sizeof(match), "%.*s%s*", REG_FMT(redis->url.prefix),
                    names->begin);
    (void) snprintf(cursor, sizeof(cursor), "0");

    argv[0] = REG_STR("SCAN");
    argv[2] = REG_STR("MATCH");
    argv[3] = reg_str(match);
    argv[4] = REG_STR("COUNT");
    argv[5] = REG_STR(CLI_REDIS_SCAN);

    do {
        argv[1] = reg_str(cursor);

        rc = cli_link_call(node->link, &reply, 6, argv);

        if (rc == CLI_DONE && !cli_scan_ok(reply, sizeof(cursor))) {
            rc = cli_link_refused(node->link, reply);
        }

        if (rc == CLI_DONE) {
            (void) snprintf(cursor, sizeof(cursor), "%s",
                            reply->element[0]->str);
            rc = cli_scan_page(names, reply->element[1]);

            freeReplyObject(reply);

            if (rc != CLI_DONE) {
                return rc;
            }

        } else {
            freeReplyObject(reply);
            return CLI_AGAIN;
        }

    } while (strcmp(cursor, "0") != 0);

    return CLI_DONE;
}


static int
cli_scan_ok(const redisReply *reply, size_t max)
{
    size_t             i;
    const redisReply  *page;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY
        || (size_t) reply->element[0]->len >= max)
    {
        return 0;
    }

    page = reply->element[1];

    for (i = 0; i < page->elements; i++) {

        if (page->element[i]->type != REDIS_REPLY_STRING) {
            return 0;
        }
    }

    return 1;
}


static cli_rc_t
cli_scan_page(cli_names_t *names, const redisReply *page)
{
    char       **items;
    size_t       i, size;
    reg_str_t    key;

    for (i = 0; i < page->elements; i++) {
        key.len = (size_t) page->element[i]->len;
        key.data = (unsigned char *) page->element[i]->str;

        if (!names->wanted(names->data, key)) {
            continue;
        }

        if (names->n == names->size) {
            size = names->size ? 2 * names->size : 1024;
            items = realloc(names->items, size * sizeof(char *));

            if (items == NULL) {
                return cli_nomem();
            }

            names->items = items;
            names->size = size;
        }

        names->items[names->n] = strndup(page->element[i]->str, key.len);

        if (names->items[names->n] == NULL) {
            return cli_nomem();
        }

        names->n++;
    }

    return CLI_DONE;
}


static void
cli_scan_sort(cli_names_t *names)
{
    size_t  i, n;

    if (names->n == 0) {
        return;
    }

    qsort(names->items, names->n, sizeof(char *), cli_scan_compare);

    for (i = n = 1; i < names->n; i++) {

        if (strcmp(names->items[i], names->items[n - 1]) == 0) {
            free(names->items[i]);

        } else {
            names->items[n++] = names->items[i];
        }
    }

    names->n = n;
}


static int
cli_scan_compare(const void *one, const void *two)
{
    return strcmp(*(char *const *) one, *(char *const *) two);
}
