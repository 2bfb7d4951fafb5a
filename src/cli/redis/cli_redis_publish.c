/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Tells the gateways that Redis does not tell itself: on a channel, the name of
 * each record that has changed.
 */

#include "cli_redis.h"


#define CLI_REDIS_CHANNEL  "changed"        /* behind the prefix */


cli_rc_t
cli_redis_publish_send(cli_store_t *store, cli_link_t *link,
    const cli_change_t *changes, size_t n)
{
    char            channel[REG_STORE_PREFIX_MAX + sizeof(CLI_REDIS_CHANNEL)];
    size_t          i;
    reg_str_t       argv[3], prefix;
    unsigned char   key[REG_REDIS_KEY_MAX];

    prefix = store->redis->url.prefix;

    (void) snprintf(channel, sizeof(channel), "%.*s" CLI_REDIS_CHANNEL,
                    REG_FMT(prefix));

    argv[0] = REG_STR("PUBLISH");
    argv[1] = reg_str(channel);
    argv[2].data = key;

    for (i = 0; i < n; i++) {
        argv[2].len = reg_redis_key(key, prefix, changes[i].type,
                                    reg_str(changes[i].name));

        if (cli_link_send(link, 3, argv) != CLI_DONE) {
            return CLI_STORE;
        }
    }

    return CLI_DONE;
}


void
cli_redis_publish_done(cli_store_t *store, cli_link_t *link, size_t n)
{
    redisReply   *reply;
    cli_redis_t  *redis = store->redis;

    for ( /* void */ ; n && cli_link_take(link, &reply) == CLI_DONE; n--) {

        if (reply->type == REDIS_REPLY_ERROR && !redis->silent) {
            (void) cli_link_refused(link, reply);

            cli_note("%s: the change is done, but gateways that hear of it on "
                     "the channel %.*s" CLI_REDIS_CHANNEL " alone see it when "
                     "their ttl is over: %s", store->path,
                     REG_FMT(redis->url.prefix), cli_link_error(link));

            redis->silent = 1;
        }

        freeReplyObject(reply);
    }
}
