/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Events in a stream of Redis: <prefix><name>, with the event in the field
 * "event", and about a million entries that stay.
 */

#include "cli_events.h"
#include "cli_redis.h"

#define CLI_STREAM_KEEP  "1000000"
#define CLI_STREAM_MAX   128


static cli_rc_t cli_events_link(cli_events_t *events);


cli_rc_t
cli_events_stream_check(cli_events_t *events)
{
    cli_rc_t  rc;

    if (*events->stream == '\0' || strlen(events->stream) > CLI_STREAM_MAX) {
        return cli_fail(CLI_USAGE, "--stream is a name of up to %d bytes",
                        CLI_STREAM_MAX);
    }

    rc = cli_events_link(events);

    if (rc == CLI_DONE && events->store.redis == NULL) {
        return cli_fail(CLI_USAGE, "--stream needs a --store that is a Redis");
    }

    return rc;
}


int
cli_events_stream(cli_events_t *events, const char *body, reg_error_t *error)
{
    char         key[REG_STORE_PREFIX_MAX + CLI_STREAM_MAX + 1];
    cli_rc_t     rc;
    reg_str_t    argv[8];
    redisReply  *reply;

    rc = events->linked ? CLI_DONE : cli_events_link(events);

    if (rc == CLI_DONE) {
        (void) snprintf(key, sizeof(key), "%.*s%s",
                        REG_FMT(events->store.redis->url.prefix),
                        events->stream);

        argv[0] = REG_STR("XADD");
        argv[1] = reg_str(key);
        argv[2] = REG_STR("MAXLEN");
        argv[3] = REG_STR("~");
        argv[4] = REG_STR(CLI_STREAM_KEEP);
        argv[5] = REG_STR("*");
        argv[6] = REG_STR("event");
        argv[7] = reg_str(body);

        rc = cli_redis_call(&events->store, &reply, argv[1], 8, argv);
    }

    if (rc == CLI_DONE) {
        freeReplyObject(reply);
        return 1;
    }

    /* a link that has failed fails for good */

    cli_events_close(events);

    reg_error_set(error, "the stream takes no event");

    return 0;
}


void
cli_events_close(cli_events_t *events)
{
    if (events->linked) {
        cli_store_close(&events->store);
        events->linked = 0;
    }
}


static cli_rc_t
cli_events_link(cli_events_t *events)
{
    events->linked = 1;

    return cli_store_reach(&events->store, events->cli, NULL);
}
