/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The primaries of a cluster, and which slots each has.  Every node that is
 * known is asked, and the one of the highest epoch that says that the cluster
 * works is believed.
 */

#include <stdlib.h>

#include "cli_redis.h"
#include "reg_topology.h"


#define CLI_CLUSTER_TIMEOUT  1000   /* milliseconds: there are others to ask */


static cli_rc_t cli_cluster_seeds(cli_redis_t *redis);
static cli_rc_t cli_cluster_ask(cli_redis_t *redis, cli_node_t *node,
    reg_cluster_info_t *info);
static cli_rc_t cli_cluster_question(cli_link_t *link, const char *what,
    redisReply **reply);
static cli_rc_t cli_cluster_map(cli_redis_t *redis, cli_node_t *node,
    reg_error_t *error);
static cli_rc_t cli_cluster_take(cli_redis_t *redis, const cli_node_t *from,
    reg_cluster_map_t *map, reg_error_t *error);


cli_rc_t
cli_cluster_find(cli_redis_t *redis, reg_error_t *error)
{
    size_t               i, n;
    unsigned             down;
    uint64_t             epoch;
    cli_node_t          *node, *best;
    reg_cluster_info_t   info;

    if (cli_cluster_seeds(redis) != CLI_DONE) {
        reg_error_set(error, "memory ran out");
        return CLI_STORE;
    }

    down = 0;
    best = NULL;
    epoch = redis->epoch;
    n = redis->nnodes;

    for (i = 0; i < n; i++) {
        node = redis->nodes[i];

        if (cli_cluster_ask(redis, node, &info) != CLI_DONE) {
            reg_error_set(error, "no node answers as one of a cluster: "
                          "%.*s:%u: %s", REG_FMT(node->host.host),
                          node->host.port, cli_link_error(node->link));
            cli_node_close(node);
            continue;
        }

        down += !info.ok;

        if (info.ok && (best == NULL ? info.epoch >= epoch
                                     : info.epoch > epoch))
        {
            best = node;
            epoch = info.epoch;
        }
    }

    if (best) {
        redis->epoch = epoch;
        return cli_cluster_map(redis, best, error);
    }

    if (down) {
        reg_error_set(error, "the cluster is down: its nodes say so "
                      "(CLUSTERDOWN)");
        return CLI_AGAIN;
    }

    return redis->epoch ? CLI_AGAIN : CLI_STORE;
}


static cli_rc_t
cli_cluster_seeds(cli_redis_t *redis)
{
    size_t  i;

    for (i = 0; i < redis->url.nhosts; i++) {

        if (cli_node_get(redis, &redis->url.hosts[i]) == NULL) {
            return CLI_STORE;
        }
    }

    return CLI_DONE;
}


static cli_rc_t
cli_cluster_ask(cli_redis_t *redis, cli_node_t *node,
    reg_cluster_info_t *info)
{
    cli_rc_t     rc;
    redisReply  *reply;

    if (cli_node_open(redis, node, CLI_GREET_SERVER, CLI_CLUSTER_TIMEOUT)
        != CLI_DONE)
    {
        return CLI_STORE;
    }

    rc = cli_cluster_question(node->link, "INFO", &reply);

    if (rc == CLI_DONE && reg_cluster_info(info, reply) != REG_OK) {
        rc = cli_link_refused(node->link, reply);
    }

    freeReplyObject(reply);

    return rc;
}


static cli_rc_t
cli_cluster_question(cli_link_t *link, const char *what, redisReply **reply)
{
    reg_str_t  argv[2];

    argv[0] = REG_STR("CLUSTER");
    argv[1] = reg_str(what);

    return cli_link_call(link, reply, 2, argv);
}


static cli_rc_t
cli_cluster_map(cli_redis_t *redis, cli_node_t *node, reg_error_t *error)
{
    cli_rc_t            rc;
    redisReply         *reply;
    reg_error_t         why;
    reg_cluster_map_t  *map;

    map = malloc(sizeof(reg_cluster_map_t));

    if (map == NULL) {
        reg_error_set(error, "memory ran out");
        return CLI_STORE;
    }

    rc = cli_cluster_question(node->link, "SLOTS", &reply);

    if (rc != CLI_DONE || reply->type == REDIS_REPLY_ERROR) {

        if (rc == CLI_DONE) {
            (void) cli_link_refused(node->link, reply);
        }

        reg_error_set(error, "%.*s:%u: %s", REG_FMT(node->host.host),
                      node->host.port, cli_link_error(node->link));

        rc = cli_link_passing(node->link) ? CLI_AGAIN : CLI_STORE;

        cli_node_close(node);

    } else if (reg_cluster_map(map, reply, &why) != REG_OK) {
        reg_error_set(error, "%.*s:%u: the map of the slots: %s",
                      REG_FMT(node->host.host), node->host.port, why.text);
        rc = CLI_STORE;

    } else {
        rc = cli_cluster_take(redis, node, map, error);
    }

    freeReplyObject(reply);
    free(map);

    return rc;
}


static cli_rc_t
cli_cluster_take(cli_redis_t *redis, const cli_node_t *from,
    reg_cluster_map_t *map, reg_error_t *error)
{
    size_t          i;
    unsigned        owner;
    cli_node_t     *node;
    unsigned short  numbers[REG_CLUSTER_PRIMARIES_MAX];

    for (i = 0; i < redis->nnodes; i++) {
        redis->nodes[i]->primary = 0;
    }

    for (i = 0; i < map->n; i++) {

        /* a node that does not know its own name is where we have found it */

        if (map->primaries[i].host.len == 0) {
            map->primaries[i].host = from->host.host;
        }

        node = cli_node_get(redis, &map->primaries[i]);

        if (node == NULL) {
            reg_error_set(error, "memory ran out");
            return CLI_STORE;
        }

        node->primary = 1;
        numbers[i] = 0;

        while (redis->nodes[numbers[i]] != node) {
            numbers[i]++;
        }
    }

    for (i = 0; i < REG_REDIS_SLOTS; i++) {
        owner = map->owners[i];

        redis->owners[i] = owner == REG_CLUSTER_NOBODY ? CLI_NOBODY
                                                       : numbers[owner];
    }

    return CLI_DONE;
}


int
cli_cluster_settled(cli_redis_t *redis)
{
    int          settled;
    size_t       i;
    cli_node_t  *node;
    redisReply  *reply;

    settled = 1;

    for (i = 0; settled && i < redis->nnodes; i++) {
        node = redis->nodes[i];

        if (!node->primary) {
            continue;
        }

        settled = node->link
                  && cli_cluster_question(node->link, "NODES", &reply)
                     == CLI_DONE;

        if (settled) {
            settled = reg_cluster_settled(reply);
            freeReplyObject(reply);
        }
    }

    return settled;
}
