/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_tracker_state.h"


static void ngx_http_registry_tracker_ready(void *data);
static ngx_int_t ngx_http_registry_tracker_first(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_reply(void *data, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_step(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_redirect(
    ngx_http_registry_tracker_t *tracker, long long id);
static ngx_int_t ngx_http_registry_tracker_track(
    ngx_http_registry_tracker_t *tracker, reg_str_t redirect);
static ngx_int_t ngx_http_registry_tracker_subscribe(
    ngx_http_registry_tracker_t *tracker, reg_str_t channel);
static ngx_int_t ngx_http_registry_tracker_begin(
    ngx_http_registry_tracker_t *tracker);
static ngx_int_t ngx_http_registry_tracker_send(
    ngx_http_registry_tracker_t *tracker, const char *first,
    const char *second);
static void ngx_http_registry_tracker_closed(void *data);


const ngx_http_registry_link_handlers_t
    ngx_http_registry_tracker_link =
{
    ngx_http_registry_tracker_ready,
    ngx_http_registry_tracker_reply,
    ngx_http_registry_tracker_closed
};


static void
ngx_http_registry_tracker_ready(void *data)
{
    ngx_http_registry_tracker_t *tracker = data;

    tracker->asked = ngx_http_registry_tracker_now();

    if (ngx_http_registry_tracker_first(tracker) != NGX_OK) {
        ngx_http_registry_tracker_restart(tracker);
        return;
    }

    ngx_add_timer(&tracker->timer, NGX_HTTP_REGISTRY_TRACKER_TICK);

    ngx_http_registry_tracker_ask_role(tracker);
}


static ngx_int_t
ngx_http_registry_tracker_first(ngx_http_registry_tracker_t *tracker)
{
    u_char  channel[NGX_HTTP_REGISTRY_TRACKER_CHANNEL_MAX];

    switch (tracker->way) {

    case NGX_HTTP_REGISTRY_TRACKER_REDIRECT:
        tracker->state = NGX_HTTP_REGISTRY_TRACKER_ID;
        return ngx_http_registry_tracker_send(tracker, "CLIENT", "ID");

#ifdef REG_RESP_PUSHES

    case NGX_HTTP_REGISTRY_TRACKER_PUSH:
        tracker->state = NGX_HTTP_REGISTRY_TRACKER_HELLO;
        ngx_http_registry_link_allow_pushes(tracker->link);
        return ngx_http_registry_tracker_send(tracker, "HELLO", "3");

#endif

    case NGX_HTTP_REGISTRY_TRACKER_CHANNEL:
        return ngx_http_registry_tracker_subscribe(tracker,
                         ngx_http_registry_tracker_channel(tracker, channel));

    default:
        return NGX_ERROR;
    }
}


static void
ngx_http_registry_tracker_reply(void *data, redisReply *reply)
{
    ngx_http_registry_tracker_t *tracker = data;

    if (ngx_http_registry_tracker_step(tracker, reply) != NGX_OK) {
        ngx_http_registry_tracker_restart(tracker);
    }
}


/* NGX_ERROR: the link is to be opened anew, which has been logged. */

static ngx_int_t
ngx_http_registry_tracker_step(ngx_http_registry_tracker_t *tracker,
    redisReply *reply)
{
    static const char  *commands[] = {
        "", "HELLO", "CLIENT ID", "CLIENT TRACKING", "SUBSCRIBE", "PING"
    };

    if (tracker->state == NGX_HTTP_REGISTRY_TRACKER_ON) {
        return ngx_http_registry_tracker_message(tracker, reply);
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_registry_tracker_error(tracker, commands[tracker->state],
                                        reply);
        return NGX_ERROR;
    }

    switch (tracker->state) {

#ifdef REG_RESP_PUSHES

    case NGX_HTTP_REGISTRY_TRACKER_HELLO:

        if (reply->type == REDIS_REPLY_MAP) {
            return ngx_http_registry_tracker_track(tracker, REG_STR_NULL);
        }

        break;

#endif

    case NGX_HTTP_REGISTRY_TRACKER_ID:

        if (reply->type == REDIS_REPLY_INTEGER) {
            return ngx_http_registry_tracker_redirect(tracker, reply->integer);
        }

        break;

    case NGX_HTTP_REGISTRY_TRACKER_BEGUN:

        if (reply->type != REDIS_REPLY_STATUS) {
            break;
        }

        if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_PUSH) {
            return ngx_http_registry_tracker_begin(tracker);
        }

        return ngx_http_registry_tracker_subscribe(tracker,
                                REG_STR(NGX_HTTP_REGISTRY_TRACKER_INVALIDATE));

    case NGX_HTTP_REGISTRY_TRACKER_SUBSCRIBE:

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
            && ngx_http_registry_tracker_word(reply->element[0], "subscribe"))
        {
            return ngx_http_registry_tracker_begin(tracker);
        }

        break;

    default:
        break;
    }

    ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                  "registry store: Redis answers %s with something else",
                  commands[tracker->state]);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_registry_tracker_redirect(ngx_http_registry_tracker_t *tracker,
    long long id)
{
    u_char     digits[NGX_INT64_LEN];
    reg_str_t  redirect;

    redirect.data = digits;
    redirect.len = ngx_sprintf(digits, "%L", (int64_t) id) - digits;

    return ngx_http_registry_tracker_track(tracker, redirect);
}


/*
 * The prefixes of records only: the whole prefix would have every write of a
 * limit or of the ledger sent to every worker.
 */

static ngx_int_t
ngx_http_registry_tracker_track(ngx_http_registry_tracker_t *tracker,
    reg_str_t redirect)
{
    size_t        argc;
    u_char        prefixes[4][REG_STORE_PREFIX_MAX + sizeof("tenant:")];
    reg_str_t     argv[14], prefix;
    ngx_uint_t    i;
    static char  *types[] = { "key:", "tenant:", "role:", "issuer:" };

    prefix = tracker->conf->url.prefix;
    argc = 0;

    argv[argc++] = REG_STR("CLIENT");
    argv[argc++] = REG_STR("TRACKING");
    argv[argc++] = REG_STR("ON");

    if (redirect.len) {
        argv[argc++] = REG_STR("REDIRECT");
        argv[argc++] = redirect;
    }

    argv[argc++] = REG_STR("BCAST");

    for (i = 0; i < 4; i++) {
        argv[argc++] = REG_STR("PREFIX");
        argv[argc].data = prefixes[i];
        argv[argc++].len = ngx_snprintf(prefixes[i], sizeof(prefixes[i]),
                                        "%*s%s", prefix.len, prefix.data,
                                        types[i])
                           - prefixes[i];
    }

    tracker->state = NGX_HTTP_REGISTRY_TRACKER_BEGUN;
    tracker->asked = ngx_http_registry_tracker_now();

    return ngx_http_registry_link_send(tracker->link, argc, argv);
}


static ngx_int_t
ngx_http_registry_tracker_subscribe(ngx_http_registry_tracker_t *tracker,
    reg_str_t channel)
{
    reg_str_t  argv[2];

    argv[0] = REG_STR("SUBSCRIBE");
    argv[1] = channel;

    tracker->state = NGX_HTTP_REGISTRY_TRACKER_SUBSCRIBE;
    tracker->asked = ngx_http_registry_tracker_now();

    return ngx_http_registry_link_send(tracker->link, 2, argv);
}


/* From now on what changes is heard of. */

static ngx_int_t
ngx_http_registry_tracker_begin(ngx_http_registry_tracker_t *tracker)
{
    tracker->state = NGX_HTTP_REGISTRY_TRACKER_ON;
    tracker->failures = 0;

    ngx_http_registry_tracker_ponged(tracker);
    ngx_http_registry_tracker_renew(tracker);
    ngx_http_registry_tracker_allowed(tracker);

    return NGX_OK;
}


ngx_int_t
ngx_http_registry_tracker_ping(ngx_http_registry_tracker_t *tracker)
{
    tracker->asked = ngx_http_registry_tracker_now();

    return ngx_http_registry_tracker_send(tracker, "PING", NULL);
}


static ngx_int_t
ngx_http_registry_tracker_send(ngx_http_registry_tracker_t *tracker,
    const char *first, const char *second)
{
    reg_str_t  argv[2];

    argv[0] = reg_str(first);

    if (second) {
        argv[1] = reg_str(second);
    }

    return ngx_http_registry_link_send(tracker->link, second ? 2 : 1, argv);
}


static void
ngx_http_registry_tracker_closed(void *data)
{
    ngx_http_registry_tracker_t *tracker = data;

    tracker->link = NULL;

    ngx_http_registry_tracker_restart(tracker);
}
