/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The names of the records: those of one server, or of all primaries of a
 * cluster.
 */

#include <stdlib.h>

#include "cli_redis.h"


#define CLI_REDIS_SCAN  "1000"


static cli_rc_t cli_scan_nodes(cli_store_t *store, cli_node_t **failed);
static cli_rc_t cli_scan_node(cli_store_t *store, cli_node_t *node);
static int cli_scan_ok(const redisReply *reply, size_t max);
static cli_rc_t cli_scan_page(cli_redis_t *redis, const redisReply *page);


cli_rc_t
cli_redis_scan(cli_store_t *store, int *settled)
{
    int64_t          until;
    cli_rc_t         rc;
    cli_node_t      *failed;
    reg_error_t      error;
    cli_redis_t     *redis = store->redis;
    unsigned short  *owners;

    until = cli_redis_until(redis);

    for ( ;; ) {
        rc = cli_scan_nodes(store, &failed);

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
cli_scan_nodes(cli_store_t *store, cli_node_t **failed)
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

        rc = cli_scan_node(store, redis->nodes[i]);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


static cli_rc_t
cli_scan_node(cli_store_t *store, cli_node_t *node)
{
    char          match[REG_STORE_PREFIX_MAX + 2], cursor[32];
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

    (void) snprintf(match, sizeof(match), "%.*s*", REG_FMT(redis->url.prefix));
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
            rc = cli_scan_page(redis, reply->element[1]);

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
cli_scan_page(cli_redis_t *redis, const redisReply *page)
{
    char              **texts;
    size_t              i, size;
    reg_str_t           name, key;
    reg_record_type_t   type;

    for (i = 0; i < page->elements; i++) {
        key.len = (size_t) page->element[i]->len;
        key.data = (unsigned char *) page->element[i]->str;

        if (reg_redis_key_parse(&type, &name, redis->url.prefix, key)
            != REG_OK)
        {
            continue;
        }

        if (redis->ntexts == redis->size) {
            size = redis->size ? 2 * redis->size : 1024;
            texts = realloc(redis->texts, size * sizeof(char *));

            if (texts == NULL) {
                return cli_nomem();
            }

            redis->texts = texts;
            redis->size = size;
        }

        redis->texts[redis->ntexts] = strndup(page->element[i]->str, key.len);

        if (redis->texts[redis->ntexts] == NULL) {
            return cli_nomem();
        }

        redis->ntexts++;
    }

    return CLI_DONE;
}
