/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The usage of a key in Redis: a stream for each, whose entries have one field,
 * the line.
 */

#include "cli_redis.h"


static cli_rc_t cli_redis_usage_entry(void *data, const char *id,
    const redisReply *fields);


cli_rc_t
cli_redis_usage(cli_store_t *store, cli_usage_t *usage)
{
    char  key[REG_REDIS_KEY_MAX];

    (void) snprintf(key, sizeof(key), "%.*susage:{%s}",
                    REG_FMT(store->redis->url.prefix), usage->id);

    return cli_redis_stream(store, reg_str(key), cli_redis_usage_entry,
                            usage);
}


static cli_rc_t
cli_redis_usage_entry(void *data, const char *id, const redisReply *fields)
{
    reg_str_t     line;
    cli_usage_t  *usage = data;

    (void) id;

    if (fields->elements != 2
        || fields->element[1]->type != REDIS_REPLY_STRING)
    {
        usage->broken++;
        return CLI_DONE;
    }

    line.len = (size_t) fields->element[1]->len;
    line.data = (unsigned char *) fields->element[1]->str;

    return cli_usage_add(usage, line);
}
