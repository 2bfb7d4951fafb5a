/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The usage of a key in Redis: a stream for each, whose entries have one field,
 * the line.
 */

#include "cli_redis.h"

#define CLI_REDIS_USAGE_PAGE  "1000"
#define CLI_REDIS_ID_MAX      64


static cli_rc_t cli_redis_usage_page(cli_store_t *store,
    const redisReply *page, cli_usage_t *usage, char *start);


cli_rc_t
cli_redis_usage(cli_store_t *store, cli_usage_t *usage)
{
    char         key[REG_REDIS_KEY_MAX], start[CLI_REDIS_ID_MAX];
    cli_rc_t     rc;
    reg_str_t    argv[6];
    redisReply  *reply;

    (void) snprintf(key, sizeof(key), "%.*susage:{%s}",
                    REG_FMT(store->redis->url.prefix), usage->id);

    argv[0] = REG_STR("XRANGE");
    argv[1] = reg_str(key);
    argv[3] = REG_STR("+");
    argv[4] = REG_STR("COUNT");
    argv[5] = REG_STR(CLI_REDIS_USAGE_PAGE);

    (void) snprintf(start, sizeof(start), "-");

    do {
        argv[2] = reg_str(start);

        rc = cli_redis_call(store, &reply, argv[1], 6, argv);

        if (rc != CLI_DONE) {
            return rc;
        }

        start[0] = '\0';

        rc = cli_redis_usage_page(store, reply, usage, start);

        freeReplyObject(reply);

    } while (rc == CLI_DONE && start[0]);

    return rc;
}


/* start is set to where the next page begins; it stays "" behind the last. */

static cli_rc_t
cli_redis_usage_page(cli_store_t *store, const redisReply *page,
    cli_usage_t *usage, char *start)
{
    size_t       i;
    cli_rc_t     rc;
    redisReply  *item, *fields;

    if (page->type != REDIS_REPLY_ARRAY) {
        return cli_redis_strange(store->path);
    }

    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < page->elements; i++) {
        item = page->element[i];

        if (item->type != REDIS_REPLY_ARRAY || item->elements != 2
            || item->element[0]->type != REDIS_REPLY_STRING
            || item->element[0]->len >= CLI_REDIS_ID_MAX - 1)
        {
            return cli_redis_strange(store->path);
        }

        fields = item->element[1];

        if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2
            || fields->element[1]->type != REDIS_REPLY_STRING)
        {
            usage->broken++;

        } else {
            rc = cli_usage_add(usage,
                               (reg_str_t) { (size_t) fields->element[1]->len,
                                             (unsigned char *)
                                             fields->element[1]->str });
        }

        /* '(': what comes behind it */

        (void) snprintf(start, CLI_REDIS_ID_MAX, "(%s", item->element[0]->str);
    }

    return rc;
}
