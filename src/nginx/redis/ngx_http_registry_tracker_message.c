/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_tracker_state.h"


static redisReply *ngx_http_registry_tracker_changes(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static ngx_uint_t ngx_http_registry_tracker_pong(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_changed(
    ngx_http_registry_tracker_t *tracker, redisReply *key);


ngx_int_t
ngx_http_registry_tracker_message(ngx_http_registry_tracker_t *tracker,
    redisReply *reply)
{
    size_t       i;
    redisReply  *changes;

    if (ngx_http_registry_tracker_pong(tracker, reply)) {

        if (tracker->asked == 0) {
            goto failed;
        }

        ngx_http_registry_tracker_ponged(tracker);

        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_registry_tracker_error(tracker, "PING", reply);
        return NGX_ERROR;
    }

    changes = ngx_http_registry_tracker_changes(tracker, reply);

    if (changes == NULL) {
        goto failed;
    }

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_CHANNEL) {

        if (ngx_http_registry_tracker_changed(tracker, changes) != NGX_OK) {
            goto failed;
        }

        return NGX_OK;
    }

    if (changes->type == REDIS_REPLY_NIL) {
        ngx_http_registry_tracker_flushed(tracker);
        return NGX_OK;
    }

    if (changes->type != REDIS_REPLY_ARRAY) {
        goto failed;
    }

    for (i = 0; i < changes->elements; i++) {

        if (ngx_http_registry_tracker_changed(tracker, changes->element[i])
            != NGX_OK)
        {
            goto failed;
        }
    }

    return NGX_OK;

failed:

    /* what it was to tell is unknown, so nothing is sure any more */

    ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                  "registry store: Redis sent no message of its own");

    return NGX_ERROR;
}


void
ngx_http_registry_tracker_ponged(ngx_http_registry_tracker_t *tracker)
{
    tracker->pinged = tracker->asked + NGX_HTTP_REGISTRY_LEASE;
    tracker->asked = 0;
}


/*
 * In RESP2 whoever has subscribed gets an array.  MISCONF says that Redis
 * cannot write to its disk, and is an answer: what was to be heard before has
 * been heard.
 */

static ngx_uint_t
ngx_http_registry_tracker_pong(ngx_http_registry_tracker_t *tracker,
    redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY) {
        return reply->elements > 0
               && ngx_http_registry_tracker_word(reply->element[0], "pong");
    }

    return ngx_http_registry_tracker_word(reply, "PONG")
           || reg_resp_error(reply) == REG_RESP_MISCONF;
}


/* What a message carries, or NULL if it is another. */

static redisReply *
ngx_http_registry_tracker_changes(ngx_http_registry_tracker_t *tracker,
    redisReply *reply)
{
    u_char       buf[NGX_HTTP_REGISTRY_TRACKER_CHANNEL_MAX];
    reg_str_t    channel;
    redisReply  *name;

#ifdef REG_RESP_PUSHES

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_PUSH) {
        return reply->type == REDIS_REPLY_PUSH && reply->elements == 2
               && ngx_http_registry_tracker_word(reply->element[0],
                                                 "invalidate")
               ? reply->element[1] : NULL;
    }

#endif

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3
        || !ngx_http_registry_tracker_word(reply->element[0], "message"))
    {
        return NULL;
    }

    channel = REG_STR(NGX_HTTP_REGISTRY_TRACKER_INVALIDATE);

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_CHANNEL) {
        channel = ngx_http_registry_tracker_channel(tracker, buf);
    }

    name = reply->element[1];

    return name->type == REDIS_REPLY_STRING
           && reg_str_eq((reg_str_t) { name->len, (u_char *) name->str },
                         channel)
           ? reply->element[2] : NULL;
}


static ngx_int_t
ngx_http_registry_tracker_changed(ngx_http_registry_tracker_t *tracker,
    redisReply *key)
{
    if (key->type != REDIS_REPLY_STRING) {
        return NGX_ERROR;
    }

    tracker->handlers->changed(tracker->data,
                           (reg_str_t) { key->len, (u_char *) key->str });

    return NGX_OK;
}


ngx_uint_t
ngx_http_registry_tracker_word(redisReply *reply, const char *word)
{
    return (reply->type == REDIS_REPLY_STRING
            || reply->type == REDIS_REPLY_STATUS)
           && reply->len == ngx_strlen(word)
           && ngx_memcmp(reply->str, word, reply->len) == 0;
}
