/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Streams in Redis, read from the oldest entry to the latest, a page at a time.
 */

#include "cli_redis.h"

#define CLI_STREAM_PAGE    "1000"
#define CLI_STREAM_ID_MAX  64


static cli_rc_t cli_stream_page(cli_store_t *store, const redisReply *page,
    cli_stream_pt handler, void *data, char *start);


cli_rc_t
cli_redis_stream(cli_store_t *store, reg_str_t key, cli_stream_pt handler,
    void *data)
{
    char         start[CLI_STREAM_ID_MAX];
    cli_rc_t     rc;
    reg_str_t    argv[6];
    redisReply  *reply;

    argv[0] = REG_STR("XRANGE");
    argv[1] = key;
    argv[3] = REG_STR("+");
    argv[4] = REG_STR("COUNT");
    argv[5] = REG_STR(CLI_STREAM_PAGE);

    (void) snprintf(start, sizeof(start), "-");

    do {
        argv[2] = reg_str(start);

        rc = cli_redis_call(store, &reply, key, 6, argv);

        if (rc != CLI_DONE) {
            return rc;
        }

        start[0] = '\0';

        rc = cli_stream_page(store, reply, handler, data, start);

        freeReplyObject(reply);

    } while (rc == CLI_DONE && start[0]);

    return rc;
}


/* start is set to where the next page begins; it stays "" behind the last. */

static cli_rc_t
cli_stream_page(cli_store_t *store, const redisReply *page,
    cli_stream_pt handler, void *data, char *start)
{
    size_t             i;
    cli_rc_t           rc;
    const redisReply  *item;

    if (page->type != REDIS_REPLY_ARRAY) {
        return cli_redis_strange(store->path);
    }

    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < page->elements; i++) {
        item = page->element[i];

        if (item->type != REDIS_REPLY_ARRAY || item->elements != 2
            || item->element[0]->type != REDIS_REPLY_STRING
            || item->element[0]->len >= CLI_STREAM_ID_MAX - 1
            || item->element[1]->type != REDIS_REPLY_ARRAY)
        {
            return cli_redis_strange(store->path);
        }

        rc = handler(data, item->element[0]->str, item->element[1]);

        /* '(': what comes behind it */

        (void) snprintf(start, CLI_STREAM_ID_MAX, "(%s",
                        item->element[0]->str);
    }

    return rc;
}
