/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The master that sentinels name.  All of them are asked, and the one with the
 * highest epoch, which grows with each failover, is believed: so one that is
 * cut off from the others leads nobody to an old master.
 */

#include "cli_redis.h"
#include "reg_topology.h"


#define CLI_SENTINEL_TIMEOUT  1000  /* milliseconds: there are others to ask */


typedef struct {
    uint64_t           epoch;
    reg_store_host_t   host;        /* in text */
    char               text[REG_REDIS_HOST_MAX + 1];
} cli_named_t;


static cli_rc_t cli_sentinel_ask(cli_redis_t *redis,
    const reg_store_host_t *sentinel, cli_named_t *named, reg_error_t *error);
static cli_rc_t cli_sentinel_question(cli_redis_t *redis, cli_link_t *link,
    const char *what, redisReply **reply);
static cli_rc_t cli_sentinel_epoch(cli_redis_t *redis, cli_link_t *link,
    cli_named_t *named);
static cli_rc_t cli_sentinel_address(cli_redis_t *redis, cli_link_t *link,
    cli_named_t *named);
static cli_rc_t cli_sentinel_take(cli_redis_t *redis,
    const cli_named_t *named);


cli_rc_t
cli_sentinel_find(cli_redis_t *redis, reg_error_t *error)
{
    size_t        i;
    unsigned      found, unknown;
    cli_rc_t      rc;
    cli_named_t   best, named;
    reg_error_t   one;

    found = 0;
    unknown = 0;

    for (i = 0; i < redis->url.nhosts; i++) {
        rc = cli_sentinel_ask(redis, &redis->url.hosts[i], &named, &one);

        if (rc == CLI_DONE && (!found || named.epoch > best.epoch)) {
            best = named;
            best.host.host.data = (unsigned char *) best.text;
        }

        found += (rc == CLI_DONE);
        unknown += (rc == CLI_NO);

        if (rc != CLI_DONE) {
            *error = one;
        }
    }

    if (found && best.epoch >= redis->epoch) {

        if (cli_sentinel_take(redis, &best) == CLI_DONE) {
            return CLI_DONE;
        }

        reg_error_set(error, "memory ran out");
        return CLI_STORE;
    }

    if (found) {
        reg_error_set(error, "the sentinels that answer are behind the others");
        return CLI_AGAIN;
    }

    if (unknown) {
        reg_error_set(error, "no sentinel knows a master of the name \"%.*s\"",
                      REG_FMT(redis->url.master));
        return CLI_STORE;
    }

    one = *error;
    reg_error_set(error, "no sentinel answers as one: %s", one.text);

    return CLI_STORE;
}


/* CLI_NO: it knows no such master; both this and CLI_STORE with *error. */

static cli_rc_t
cli_sentinel_ask(cli_redis_t *redis, const reg_store_host_t *sentinel,
    cli_named_t *named, reg_error_t *error)
{
    cli_rc_t     rc;
    cli_link_t  *link;

    rc = cli_link_open(&link, &redis->url, sentinel, CLI_GREET_SENTINEL,
                       CLI_SENTINEL_TIMEOUT);

    /* the epoch first: the address is at least as new */

    if (rc == CLI_DONE) {
        rc = cli_sentinel_epoch(redis, link, named);
    }

    if (rc == CLI_DONE) {
        rc = cli_sentinel_address(redis, link, named);
    }

    if (rc != CLI_DONE) {
        reg_error_set(error, "%.*s:%u: %s", REG_FMT(sentinel->host),
                      sentinel->port, cli_link_error(link));
    }

    cli_link_close(link);

    return rc;
}


static cli_rc_t
cli_sentinel_question(cli_redis_t *redis, cli_link_t *link, const char *what,
    redisReply **reply)
{
    reg_str_t  argv[3];

    argv[0] = REG_STR("SENTINEL");
    argv[1] = reg_str(what);
    argv[2] = redis->url.master;

    return cli_link_call(link, reply, 3, argv);
}


static cli_rc_t
cli_sentinel_epoch(cli_redis_t *redis, cli_link_t *link, cli_named_t *named)
{
    cli_rc_t     rc;
    redisReply  *reply;

    rc = cli_sentinel_question(redis, link, "MASTER", &reply);

    if (rc == CLI_DONE
        && reg_sentinel_epoch(&named->epoch, reply) != REG_OK)
    {
        rc = cli_link_refused(link, reply);

        if (reply->type == REDIS_REPLY_ERROR
            && strstr(reply->str, "No such master"))
        {
            rc = CLI_NO;
        }
    }

    freeReplyObject(reply);

    return rc;
}


static cli_rc_t
cli_sentinel_address(cli_redis_t *redis, cli_link_t *link,
    cli_named_t *named)
{
    cli_rc_t     rc;
    redisReply  *reply;

    rc = cli_sentinel_question(redis, link, "GET-MASTER-ADDR-BY-NAME", &reply);

    if (rc != CLI_DONE) {
        return rc;
    }

    switch (reg_sentinel_address(&named->host, reply)) {

    case REG_OK:
        memcpy(named->text, named->host.host.data, named->host.host.len);
        named->host.host.data = (unsigned char *) named->text;
        break;

    case REG_NOTFOUND:
        rc = CLI_NO;
        break;

    default:
        rc = cli_link_refused(link, reply);
    }

    freeReplyObject(reply);

    return rc;
}


static cli_rc_t
cli_sentinel_take(cli_redis_t *redis, const cli_named_t *named)
{
    unsigned     i;
    cli_node_t  *node;

    node = cli_node_get(redis, &named->host);

    if (node == NULL) {
        return CLI_STORE;
    }

    for (i = 0; redis->nodes[i] != node; i++) { /* void */ }

    redis->master = i;
    redis->epoch = named->epoch;

    return CLI_DONE;
}
