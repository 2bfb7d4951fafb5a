/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A store in Redis.  All records are read; those that change are written, in
 * one transaction with their audit, if they still are what was read.
 */

#include <stdlib.h>

#include "cli_redis.h"
#include "cli_redis_link.h"
#include "cli_store.h"


#define CLI_REDIS_NAME_MAX  (REG_STORE_HOST_MAX + 64)


static cli_rc_t cli_redis_open(cli_store_t *store,
    const reg_store_url_t *url);
static char *cli_redis_name(const reg_store_url_t *url);
static cli_rc_t cli_redis_wait(cli_store_t *store, unsigned n,
    unsigned milliseconds);
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
    store->redis = calloc(1, sizeof(cli_redis_t));
    store->path = cli_redis_name(url);

    if (store->redis == NULL || store->path == NULL) {
        return cli_nomem();
    }

    store->redis->url = *url;

    return cli_link_open(&store->redis->link, &store->redis->url,
                         store->path);
}


/* The URL less its options. */

static char *
cli_redis_name(const reg_store_url_t *url)
{
    char        *name;
    reg_str_t    host;
    const char  *left, *right;

    name = malloc(CLI_REDIS_NAME_MAX);

    if (name == NULL) {
        return NULL;
    }

    if (url->nhosts == 0) {
        (void) snprintf(name, CLI_REDIS_NAME_MAX, "redis+unix:%.*s",
                        REG_FMT(url->path));
        return name;
    }

    host = url->hosts[0].host;
    left = memchr(host.data, ':', host.len) ? "[" : "";
    right = *left ? "]" : "";

    (void) snprintf(name, CLI_REDIS_NAME_MAX, "%s://%s%.*s%s:%u",
                    url->tls ? "rediss" : "redis", left, REG_FMT(host), right,
                    url->hosts[0].port);

    return name;
}


static cli_rc_t
cli_redis_wait(cli_store_t *store, unsigned n, unsigned milliseconds)
{
    char          count[16], timeout[16];
    cli_rc_t      rc;
    long long     got;
    reg_str_t     argv[3];
    redisReply   *reply;
    cli_redis_t  *redis = store->redis;

    (void) snprintf(count, sizeof(count), "%u", n);
    (void) snprintf(timeout, sizeof(timeout), "%u", milliseconds);

    argv[0] = REG_STR("WAIT");
    argv[1] = reg_str(count);
    argv[2] = reg_str(timeout);

    rc = cli_link_patience(redis->link, milliseconds);

    if (rc == CLI_DONE) {
        rc = cli_link_call(redis->link, &reply, 3, argv);
    }

    if (rc != CLI_DONE) {
        return cli_fail(CLI_STORE, "the change is done, but whether the "
                        "replicas have it is not known");
    }

    got = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;

    freeReplyObject(reply);

    if (got < (long long) n) {
        return cli_fail(CLI_STORE, "the change is done, but only %lld of %u "
                        "replicas acknowledged it in time", got, n);
    }

    cli_note("%lld replica%s acknowledged the change", got,
             got == 1 ? "" : "s");

    return cli_link_patience(redis->link, 0);
}


static void
cli_redis_close(cli_store_t *store)
{
    size_t  i;

    if (store->redis == NULL) {
        return;
    }

    for (i = 0; i < store->redis->ntexts; i++) {
        free(store->redis->texts[i]);
    }

    free(store->redis->texts);
    cli_link_close(store->redis->link);
    free(store->redis);
}
