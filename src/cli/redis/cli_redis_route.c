/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <time.h>

#include "cli_redis.h"


#define CLI_ROUTE_PAUSE         100     /* milliseconds */
#define CLI_ROUTE_REDIRECTIONS  16
#define CLI_ROUTE_PATIENCE      5000    /* milliseconds, unless the URL says */


static cli_rc_t cli_redis_find(cli_redis_t *redis, reg_error_t *error);
static cli_rc_t cli_route_redirect(cli_route_t *route,
    const redisReply *reply);


int64_t
cli_redis_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int64_t
cli_redis_until(const cli_redis_t *redis)
{
    return cli_redis_clock() + (redis->url.has_timeout ? redis->url.timeout
                                                       : CLI_ROUTE_PATIENCE);
}


cli_rc_t
cli_redis_again(cli_store_t *store, cli_node_t *node, int64_t until)
{
    int               passing;
    cli_rc_t          rc;
    reg_error_t       error;
    cli_redis_t      *redis = store->redis;
    struct timespec   pause;

    passing = redis->url.kind != REG_STORE_REDIS;

    if (node) {
        passing = passing && cli_link_passing(node->link);
        reg_error_set(&error, "%s", cli_link_error(node->link));

        cli_node_close(node);

    } else {
        reg_error_set(&error, "a part of the slots is served by nobody");
    }

    pause.tv_sec = 0;
    pause.tv_nsec = CLI_ROUTE_PAUSE * 1000000L;

    while (passing && cli_redis_clock() < until) {

        (void) nanosleep(&pause, NULL);

        rc = cli_redis_find(redis, &error);

        if (rc == CLI_DONE) {
            return CLI_DONE;
        }

        node = NULL;
        passing = rc == CLI_AGAIN;
    }

    return cli_fail(CLI_STORE, "%s: %s", node ? node->name : store->path,
                    error.text);
}


static cli_rc_t
cli_redis_find(cli_redis_t *redis, reg_error_t *error)
{
    return redis->url.kind == REG_STORE_SENTINEL
           ? cli_sentinel_find(redis, error)
           : cli_cluster_find(redis, error);
}


void
cli_route_init(cli_route_t *route, cli_store_t *store, reg_str_t key)
{
    cli_redis_t  *redis = store->redis;

    memset(route, 0, sizeof(cli_route_t));

    route->store = store;
    route->until = cli_redis_until(redis);
    route->slot = reg_redis_slot(key);
}


cli_rc_t
cli_route_open(cli_route_t *route)
{
    unsigned      n;
    cli_greet_t   greet;
    cli_redis_t  *redis = route->store->redis;

    greet = redis->url.kind == REG_STORE_SENTINEL ? CLI_GREET_MASTER
                                                  : CLI_GREET_SERVER;

    for ( ;; ) {

        if (!route->asking) {
            n = redis->url.kind == REG_STORE_CLUSTER
                ? redis->owners[route->slot] : redis->master;
            route->node = n == CLI_NOBODY ? NULL : redis->nodes[n];
        }

        if (route->node
            && cli_node_open(redis, route->node, greet, 0) == CLI_DONE)
        {
            return CLI_DONE;
        }

        route->asking = 0;

        if (cli_redis_again(route->store, route->node, route->until)
            != CLI_DONE)
        {
            return CLI_STORE;
        }
    }
}


cli_rc_t
cli_route_send(cli_route_t *route, size_t argc, const reg_str_t *argv)
{
    reg_str_t  asking;

    asking = REG_STR("ASKING");

    if (route->asking
        && cli_link_send(route->node->link, 1, &asking) != CLI_DONE)
    {
        return CLI_STORE;
    }

    return cli_link_send(route->node->link, argc, argv);
}


cli_rc_t
cli_route_take(cli_route_t *route, redisReply **reply)
{
    *reply = NULL;

    if (route->asking && cli_link_skip(route->node->link, 1) != CLI_DONE) {
        return CLI_STORE;
    }

    return cli_link_take(route->node->link, reply);
}


cli_rc_t
cli_route_follow(cli_route_t *route, const redisReply *reply)
{
    reg_resp_error_t  error;

    if (reply) {
        error = cli_link_cause(reply);

        if (route->store->redis->url.kind == REG_STORE_CLUSTER
            && (error == REG_RESP_MOVED || error == REG_RESP_ASK)
            && route->redirections++ < CLI_ROUTE_REDIRECTIONS
            && cli_route_redirect(route, reply) == CLI_DONE)
        {
            return CLI_DONE;
        }

        (void) cli_link_refused(route->node->link, reply);
    }

    route->asking = 0;

    return cli_redis_again(route->store, route->node, route->until);
}


/* CLI_STORE, without a sentence: it does not say where to. */

static cli_rc_t
cli_route_redirect(cli_route_t *route, const redisReply *reply)
{
    unsigned           i, slot;
    cli_node_t        *node;
    cli_redis_t       *redis = route->store->redis;
    reg_store_host_t   host;

    if (reg_resp_redirect(reply, &slot, &host.host, &host.port) != REG_OK
        || slot != route->slot)
    {
        return CLI_STORE;
    }

    if (host.host.len == 0) {
        host.host = route->node->host.host;
    }

    node = cli_node_get(redis, &host);

    if (node == NULL) {
        return CLI_STORE;
    }

    route->node = node;
    route->asking = cli_link_cause(reply) == REG_RESP_ASK;

    for (i = 0; !route->asking && i < redis->nnodes; i++) {

        if (redis->nodes[i] == node) {
            redis->owners[slot] = (unsigned short) i;
        }
    }

    return CLI_DONE;
}
