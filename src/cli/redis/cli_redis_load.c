/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Reads the records: their names with SCAN, in an order of their own, and then
 * what they are.
 */

#include <stdlib.h>

#include "cli_redis.h"


#define CLI_REDIS_BATCH  256        /* GETs at a time */


static int cli_redis_record(void *data, reg_str_t key);
static cli_rc_t cli_redis_get(cli_store_t *store, char **names, size_t n);
static cli_rc_t cli_redis_get_one(cli_store_t *store, char **name);
static cli_rc_t cli_redis_got(cli_store_t *store, char **name,
    const redisReply *reply);
static cli_rc_t cli_redis_take(cli_store_t *store, char **name,
    const redisReply *reply);
static cli_rc_t cli_redis_still_master(cli_store_t *store);


cli_rc_t
cli_redis_load(cli_store_t *store, unsigned flags)
{
    size_t        i, n;
    cli_rc_t      rc;
    cli_redis_t  *redis = store->redis;

    (void) flags;

    redis->records.begin = "";
    redis->records.wanted = cli_redis_record;
    redis->records.data = redis;

    rc = cli_redis_names(store, &redis->records);

    for (i = 0; rc == CLI_DONE && i < redis->records.n; i += n) {
        n = redis->records.n - i;
        n = n > CLI_REDIS_BATCH ? CLI_REDIS_BATCH : n;

        rc = cli_redis_get(store, redis->records.items + i, n);
    }

    if (rc == CLI_DONE && redis->url.kind == REG_STORE_SENTINEL) {
        rc = cli_redis_still_master(store);
    }

    return rc;
}


static int
cli_redis_record(void *data, reg_str_t key)
{
    reg_str_t           name;
    cli_redis_t        *redis = data;
    reg_record_type_t   type;

    return reg_redis_key_parse(&type, &name, redis->url.prefix, key)
           == REG_OK;
}


/*
 * All at once.  What is no answer, for its slot or its node has gone elsewhere,
 * is asked for again when all others are here: a link on which replies are
 * under way is good for nothing else.
 */

static cli_rc_t
cli_redis_get(cli_store_t *store, char **names, size_t n)
{
    size_t        i;
    cli_rc_t      rc;
    reg_str_t     argv[2];
    redisReply   *reply;
    cli_route_t   routes[CLI_REDIS_BATCH];
    unsigned      again[CLI_REDIS_BATCH];

    for (i = 0; i < n; i++) {
        cli_route_init(&routes[i], store, reg_str(names[i]));

        if (cli_route_open(&routes[i]) != CLI_DONE) {
            return CLI_STORE;
        }
    }

    argv[0] = REG_STR("GET");

    for (i = 0; i < n; i++) {
        argv[1] = reg_str(names[i]);

        again[i] = routes[i].node->link == NULL
                   || cli_route_send(&routes[i], 2, argv) != CLI_DONE;
    }

    rc = CLI_DONE;

    for (i = 0; i < n; i++) {

        if (again[i] || cli_route_take(&routes[i], &reply) != CLI_DONE) {
            again[i] = 1;
            continue;
        }

        again[i] = reply->type == REDIS_REPLY_ERROR;

        if (rc == CLI_DONE && !again[i]) {
            rc = cli_redis_got(store, &names[i], reply);
        }

        freeReplyObject(reply);
    }

    for (i = 0; rc == CLI_DONE && i < n; i++) {

        if (again[i]) {
            rc = cli_redis_get_one(store, &names[i]);
        }
    }

    return rc;
}


static cli_rc_t
cli_redis_get_one(cli_store_t *store, char **name)
{
    cli_rc_t     rc;
    reg_str_t    argv[2];
    redisReply  *reply;

    argv[0] = REG_STR("GET");
    argv[1] = reg_str(*name);

    rc = cli_redis_call(store, &reply, argv[1], 2, argv);

    if (rc != CLI_DONE) {
        return cli_fail(CLI_STORE, "%s: the record %s could not be read",
                        store->path, *name);
    }

    rc = cli_redis_got(store, name, reply);

    freeReplyObject(reply);

    return rc;
}


/* One that somebody has removed meanwhile is not there. */

static cli_rc_t
cli_redis_got(cli_store_t *store, char **name, const redisReply *reply)
{
    switch (reply->type) {

    case REDIS_REPLY_STRING:
        return cli_redis_take(store, name, reply);

    case REDIS_REPLY_NIL:
        return CLI_DONE;

    default:
        return cli_redis_strange(store->path);
    }
}


/* Makes of *name a text that has the value behind the name. */

static cli_rc_t
cli_redis_take(cli_store_t *store, char **name, const redisReply *reply)
{
    char             *text;
    size_t            len;
    reg_str_t         key;
    reg_scan_item_t   item;

    memset(&item, 0, sizeof(reg_scan_item_t));

    len = strlen(*name);
    text = realloc(*name, len + (size_t) reply->len + 1);

    if (text == NULL) {
        return cli_nomem();
    }

    *name = text;

    memcpy(text + len, reply->str, (size_t) reply->len + 1);

    key = (reg_str_t) { len, (unsigned char *) text };

    (void) reg_redis_key_parse(&item.type, &item.name,
                               store->redis->url.prefix, key);

    item.text.data = (unsigned char *) text + len;
    item.text.len = (size_t) reply->len;

    return cli_document_take(&store->doc, &item);
}


/* If it is none any more, what was read may have been old. */

static cli_rc_t
cli_redis_still_master(cli_store_t *store)
{
    cli_rc_t      rc;
    reg_str_t     role;
    cli_node_t   *node;
    redisReply   *reply;
    cli_redis_t  *redis = store->redis;

    node = redis->nodes[redis->master];
    role = REG_STR("ROLE");

    if (node->link == NULL
        || cli_link_call(node->link, &reply, 1, &role) != CLI_DONE)
    {
        return CLI_AGAIN;
    }

    rc = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
         && reply->element[0]->type == REDIS_REPLY_STRING
         && strcmp(reply->element[0]->str, "master") != 0
         ? CLI_AGAIN : CLI_DONE;

    freeReplyObject(reply);

    return rc;
}
