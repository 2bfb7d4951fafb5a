/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_tracker_state.h"

#define NGX_HTTP_REGISTRY_TRACKER_CHANNEL  "__redis__:invalidate"


static void ngx_http_registry_tracker_ready(void *data);
static void ngx_http_registry_tracker_reply(void *data, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_step(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_track(
    ngx_http_registry_tracker_t *tracker, long long id);
static void ngx_http_registry_tracker_begin(
    ngx_http_registry_tracker_t *tracker);
static ngx_int_t ngx_http_registry_tracker_message(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
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

    reg_str_t  argv[2];

    argv[0] = REG_STR("CLIENT");
    argv[1] = REG_STR("ID");

    tracker->asked = ngx_http_registry_tracker_now();
    tracker->state = NGX_HTTP_REGISTRY_TRACKER_ID;

    if (ngx_http_registry_link_send(tracker->link, 2, argv) != NGX_OK) {
        ngx_http_registry_tracker_restart(tracker);
        return;
    }

    ngx_add_timer(&tracker->timer, NGX_HTTP_REGISTRY_TRACKER_TICK);

    ngx_http_registry_node_works(tracker->node);
    ngx_http_registry_tracker_ask_role(tracker);
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
        "", "CLIENT ID", "CLIENT TRACKING", "SUBSCRIBE", "PING"
    };

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_registry_tracker_error(tracker, commands[tracker->state],
                                        reply);
        return NGX_ERROR;
    }

    switch (tracker->state) {

    case NGX_HTTP_REGISTRY_TRACKER_ID:

        if (reply->type == REDIS_REPLY_INTEGER) {
            return ngx_http_registry_tracker_track(tracker, reply->integer);
        }

        break;

    case NGX_HTTP_REGISTRY_TRACKER_BEGUN:

        if (reply->type == REDIS_REPLY_STATUS) {
            tracker->state = NGX_HTTP_REGISTRY_TRACKER_SUBSCRIBE;
            return NGX_OK;
        }

        break;

    case NGX_HTTP_REGISTRY_TRACKER_SUBSCRIBE:

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
            && ngx_http_registry_tracker_word(reply->element[0], "subscribe"))
        {
            ngx_http_registry_tracker_begin(tracker);
            return NGX_OK;
        }

        break;

    case NGX_HTTP_REGISTRY_TRACKER_ON:
        return ngx_http_registry_tracker_message(tracker, reply);

    default:
        break;
    }

    ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                  "registry store: Redis answers %s with something else",
                  commands[tracker->state]);

    return NGX_ERROR;
}


/*
 * The prefixes of records only: the whole prefix would have every write of a
 * limit or of the ledger sent to every worker.
 */

static ngx_int_t
ngx_http_registry_tracker_track(ngx_http_registry_tracker_t *tracker,
    long long id)
{
    size_t        argc;
    u_char        digits[NGX_INT64_LEN];
    u_char        prefixes[3][REG_STORE_PREFIX_MAX + sizeof("tenant:")];
    reg_str_t     argv[12], prefix;
    ngx_uint_t    i;
    static char  *types[] = { "key:", "tenant:", "role:" };

    prefix = tracker->conf->url.prefix;
    argc = 0;

    argv[argc++] = REG_STR("CLIENT");
    argv[argc++] = REG_STR("TRACKING");
    argv[argc++] = REG_STR("ON");
    argv[argc++] = REG_STR("REDIRECT");
    argv[argc].data = digits;
    argv[argc++].len = ngx_sprintf(digits, "%L", (int64_t) id) - digits;
    argv[argc++] = REG_STR("BCAST");

    for (i = 0; i < 3; i++) {
        argv[argc++] = REG_STR("PREFIX");
        argv[argc].data = prefixes[i];
        argv[argc++].len = ngx_snprintf(prefixes[i], sizeof(prefixes[i]),
                                        "%*s%s", prefix.len, prefix.data,
                                        types[i])
                           - prefixes[i];
    }

    tracker->asked = ngx_http_registry_tracker_now();

    if (ngx_http_registry_link_send(tracker->link, argc, argv) != NGX_OK) {
        return NGX_ERROR;
    }

    argv[0] = REG_STR("SUBSCRIBE");
    argv[1] = REG_STR(NGX_HTTP_REGISTRY_TRACKER_CHANNEL);

    tracker->state = NGX_HTTP_REGISTRY_TRACKER_BEGUN;

    return ngx_http_registry_link_send(tracker->link, 2, argv);
}


/* From now on what changes is heard of. */

static void
ngx_http_registry_tracker_begin(ngx_http_registry_tracker_t *tracker)
{
    tracker->state = NGX_HTTP_REGISTRY_TRACKER_ON;
    tracker->pinged = tracker->asked + NGX_HTTP_REGISTRY_LEASE;
    tracker->asked = 0;
    tracker->failures = 0;

    ngx_http_registry_tracker_renew(tracker);
    ngx_http_registry_tracker_allowed(tracker);
}


static ngx_int_t
ngx_http_registry_tracker_message(ngx_http_registry_tracker_t *tracker,
    redisReply *reply)
{
    size_t       i;
    redisReply  *keys, *key;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        goto failed;
    }

    if (ngx_http_registry_tracker_word(reply->element[0], "pong")) {

        if (tracker->asked == 0) {
            goto failed;
        }

        tracker->pinged = tracker->asked + NGX_HTTP_REGISTRY_LEASE;
        tracker->asked = 0;

        return NGX_OK;
    }

    if (reply->elements != 3
        || !ngx_http_registry_tracker_word(reply->element[0], "message")
        || !ngx_http_registry_tracker_word(reply->element[1],
                                           NGX_HTTP_REGISTRY_TRACKER_CHANNEL))
    {
        goto failed;
    }

    keys = reply->element[2];

    if (keys->type == REDIS_REPLY_NIL) {
        ngx_http_registry_tracker_flushed(tracker);
        return NGX_OK;
    }

    if (keys->type != REDIS_REPLY_ARRAY) {
        goto failed;
    }

    for (i = 0; i < keys->elements; i++) {
        key = keys->element[i];

        if (key->type != REDIS_REPLY_STRING) {
            goto failed;
        }

        tracker->handlers->changed(tracker->data,
                    (reg_str_t) { key->len, (unsigned char *) key->str });
    }

    return NGX_OK;

failed:

    /* what it was to tell is unknown, so nothing is sure any more */

    ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                  "registry store: Redis sent no message of its own");

    return NGX_ERROR;
}


ngx_uint_t
ngx_http_registry_tracker_word(redisReply *reply, const char *word)
{
    return (reply->type == REDIS_REPLY_STRING
            || reply->type == REDIS_REPLY_STATUS)
           && reply->len == ngx_strlen(word)
           && ngx_memcmp(reply->str, word, reply->len) == 0;
}


ngx_int_t
ngx_http_registry_tracker_ping(ngx_http_registry_tracker_t *tracker)
{
    reg_str_t  argv[1];

    argv[0] = REG_STR("PING");

    tracker->asked = ngx_http_registry_tracker_now();

    return ngx_http_registry_link_send(tracker->link, 1, argv);
}


/* An error that lasts means that we are refused; others pass. */

void
ngx_http_registry_tracker_error(ngx_http_registry_tracker_t *tracker,
    const char *command, redisReply *reply)
{
    reg_error_t  text;

    reg_resp_error_text(&text, reply);

    switch (reg_resp_error(reply)) {

    case REG_RESP_OTHER:
    case REG_RESP_NOPERM:

        if (!tracker->refused) {
            ngx_log_error(NGX_LOG_WARN, tracker->log, 0,
                          "registry store: Redis refuses %s, so that changes "
                          "are seen only when the ttl of a record is over: %s",
                          command, text.text);
        }

        tracker->refused = 1;
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                      "registry store: Redis answers %s: %s", command,
                      text.text);
        return;
    }
}


static void
ngx_http_registry_tracker_closed(void *data)
{
    ngx_http_registry_tracker_t *tracker = data;

    tracker->link = NULL;

    ngx_http_registry_tracker_restart(tracker);
}
