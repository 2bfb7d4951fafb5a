/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A store in Redis.  All records are read; those that change are written if
 * they still are what was read.
 */

#include <stdlib.h>

#include "cli_redis.h"
#include "reg_topology.h"


#define CLI_REDIS_NAME_MAX                                                    \
    (64 + REG_STORE_HOSTS_MAX * (REG_STORE_HOST_MAX + 16) + REG_STORE_HOST_MAX)


static cli_rc_t cli_redis_open(cli_store_t *store,
    const reg_store_url_t *url);
static cli_rc_t cli_redis_open_single(cli_redis_t *redis,
    reg_error_t *error);
static cli_rc_t cli_redis_wait(cli_store_t *store, unsigned n,
    unsigned milliseconds);
static cli_rc_t cli_redis_wait_node(cli_node_t *node, unsigned n,
    unsigned milliseconds, long long *got);
static void cli_redis_close(cli_store_t *store);


const cli_backend_t  cli_store_redis = {
    cli_redis_open,
    cli_redis_load,
    cli_redis_commit,
    cli_redis_audit,
    cli_redis_usage,
    cli_redis_wait,
    cli_redis_close
};


static cli_rc_t
cli_redis_open(cli_store_t *store, const reg_store_url_t *url)
{
    cli_rc_t      rc;
    reg_error_t   error;
    cli_redis_t  *redis;

    redis = calloc(1, sizeof(cli_redis_t));

    store->redis = redis;
    store->path = cli_redis_name(url, NULL);

    if (redis == NULL || store->path == NULL) {
        return cli_nomem();
    }

    redis->url = *url;

    switch (url->kind) {

    case REG_STORE_SENTINEL:
        rc = cli_sentinel_find(redis, &error);
        break;

    case REG_STORE_CLUSTER:
        rc = cli_cluster_find(redis, &error);
        break;

    default:
        rc = cli_redis_open_single(redis, &error);
    }

    return rc == CLI_DONE ? CLI_DONE
                          : cli_fail(CLI_STORE, "%s: %s", store->path,
                                     error.text);
}


/* One of several primaries would be taken for all that there is. */

static cli_rc_t
cli_redis_open_single(cli_redis_t *redis, reg_error_t *error)
{
    cli_rc_t             rc;
    reg_str_t            argv[2];
    cli_node_t          *node;
    redisReply          *reply;
    reg_store_host_t     host;
    reg_cluster_info_t   info;

    memset(&host, 0, sizeof(reg_store_host_t));

    node = cli_node_get(redis, redis->url.nhosts ? &redis->url.hosts[0]
                                                 : &host);
    if (node == NULL) {
        reg_error_set(error, "memory ran out");
        return CLI_STORE;
    }

    rc = cli_node_open(redis, node, CLI_GREET_SERVER, 0);

    argv[0] = REG_STR("CLUSTER");
    argv[1] = REG_STR("INFO");

    if (rc == CLI_DONE) {
        rc = cli_link_call(node->link, &reply, 2, argv);
    }

    if (rc != CLI_DONE) {
        reg_error_set(error, "%s", cli_link_error(node->link));
        return rc;
    }

    /* who may not ask, or is no Redis, has said so */

    if (reg_cluster_info(&info, reply) == REG_OK) {
        reg_error_set(error, "the server is part of a cluster: write "
                      "redis+cluster://");
        rc = CLI_STORE;
    }

    freeReplyObject(reply);

    return rc;
}


char *
cli_redis_name(const reg_store_url_t *url, const reg_store_host_t *host)
{
    char                    *name, *p, *end;
    size_t                   i, n;
    const char              *kind, *left, *right;
    const reg_store_host_t  *hosts;

    name = malloc(CLI_REDIS_NAME_MAX);

    if (name == NULL) {
        return NULL;
    }

    if (url->nhosts == 0) {
        (void) snprintf(name, CLI_REDIS_NAME_MAX, "redis+unix:%.*s",
                        REG_FMT(url->path));
        return name;
    }

    kind = host ? "" : url->kind == REG_STORE_SENTINEL ? "+sentinel"
                     : url->kind == REG_STORE_CLUSTER ? "+cluster" : "";
    hosts = host ? host : url->hosts;
    n = host ? 1 : url->nhosts;

    p = name;
    end = name + CLI_REDIS_NAME_MAX;

    p += snprintf(p, (size_t) (end - p), "%s%s://",
                  url->tls ? "rediss" : "redis", kind);

    for (i = 0; i < n; i++) {
        left = memchr(hosts[i].host.data, ':', hosts[i].host.len) ? "[" : "";
        right = *left ? "]" : "";

        p += snprintf(p, (size_t) (end - p), "%s%s%.*s%s:%u", i ? "," : "",
                      left, REG_FMT(hosts[i].host), right, hosts[i].port);
    }

    if (host == NULL && url->master.len) {
        (void) snprintf(p, (size_t) (end - p), "/%.*s", REG_FMT(url->master));
    }

    return name;
}


cli_rc_t
cli_redis_call(cli_store_t *store, redisReply **reply, reg_str_t key,
    size_t argc, const reg_str_t *argv)
{
    cli_rc_t     rc;
    cli_route_t  route;

    cli_route_init(&route, store, key);

    for ( ;; ) {
        *reply = NULL;

        if (cli_route_open(&route) != CLI_DONE) {
            return CLI_STORE;
        }

        rc = cli_route_send(&route, argc, argv);

        if (rc == CLI_DONE) {
            rc = cli_route_take(&route, reply);
        }

        if (rc == CLI_DONE && (*reply)->type != REDIS_REPLY_ERROR) {
            return CLI_DONE;
        }

        rc = cli_route_follow(&route, rc == CLI_DONE ? *reply : NULL);

        freeReplyObject(*reply);

        if (rc != CLI_DONE) {
            return rc;
        }
    }
}


cli_rc_t
cli_redis_strange(const char *name)
{
    return cli_fail(CLI_STORE, "%s: the server gives answers that Redis does "
                    "not", name);
}


/* The replicas of each node that has taken a record, in the time for all. */

static cli_rc_t
cli_redis_wait(cli_store_t *store, unsigned n, unsigned milliseconds)
{
    size_t        i;
    int64_t       until, left;
    long long     got, least;
    cli_node_t   *node;
    cli_redis_t  *redis = store->redis;

    least = -1;
    until = cli_redis_clock() + (int64_t) milliseconds;

    for (i = 0; i < redis->nnodes; i++) {
        node = redis->nodes[i];

        if (!node->wrote) {
            continue;
        }

        left = until - cli_redis_clock();

        /* 0 would be for ever */

        if (cli_redis_wait_node(node, n, left > 0 ? (unsigned) left : 1, &got)
            != CLI_DONE)
        {
            return cli_fail(CLI_STORE, "the change is done, but whether the "
                            "replicas have it is not known");
        }

        least = least == -1 || got < least ? got : least;
    }

    if (least < (long long) n) {
        return cli_fail(CLI_STORE, "the change is done, but only %lld of %u "
                        "replicas acknowledged it in time",
                        least < 0 ? 0 : least, n);
    }

    cli_note("%lld replica%s acknowledged the change", least,
             least == 1 ? "" : "s");

    return CLI_DONE;
}


static cli_rc_t
cli_redis_wait_node(cli_node_t *node, unsigned n, unsigned milliseconds,
    long long *got)
{
    char         count[16], timeout[16];
    cli_rc_t     rc;
    reg_str_t    argv[3];
    redisReply  *reply;

    /* over another link WAIT would know nothing of what was written */

    if (node->lost || node->link == NULL) {
        return CLI_STORE;
    }

    (void) snprintf(count, sizeof(count), "%u", n);
    (void) snprintf(timeout, sizeof(timeout), "%u", milliseconds);

    argv[0] = REG_STR("WAIT");
    argv[1] = reg_str(count);
    argv[2] = reg_str(timeout);

    rc = cli_link_patience(node->link, milliseconds);

    if (rc == CLI_DONE) {
        rc = cli_link_call(node->link, &reply, 3, argv);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    *got = reply->integer;

    rc = reply->type == REDIS_REPLY_INTEGER ? CLI_DONE : CLI_STORE;

    freeReplyObject(reply);

    return rc == CLI_DONE ? cli_link_patience(node->link, 0) : rc;
}


static void
cli_redis_close(cli_store_t *store)
{
    if (store->redis == NULL) {
        return;
    }

    cli_names_free(&store->redis->records);
    cli_nodes_free(store->redis);
    free(store->redis);
}
