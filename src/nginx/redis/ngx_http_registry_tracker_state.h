/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TRACKER_STATE_H
#define NGX_HTTP_REGISTRY_TRACKER_STATE_H

/*
 * A tracker from the inside: the lease is in ngx_http_registry_tracker.c, how
 * it begins in ngx_http_registry_tracker_link.c, what is said then in
 * ngx_http_registry_tracker_message.c, and which way is in use, of those that
 * Redis allows, in ngx_http_registry_tracker_way.c.
 */

#include "ngx_http_registry_tracker.h"

#define NGX_HTTP_REGISTRY_TRACKER_TICK  500       /* milliseconds */

/* Where Redis says what has changed, to whom it redirects. */

#define NGX_HTTP_REGISTRY_TRACKER_INVALIDATE  "__redis__:invalidate"


/* How changes are heard of, in the order in which it is tried. */

typedef enum {
    NGX_HTTP_REGISTRY_TRACKER_REDIRECT = 0,
    NGX_HTTP_REGISTRY_TRACKER_PUSH,
    NGX_HTTP_REGISTRY_TRACKER_CHANNEL,
    NGX_HTTP_REGISTRY_TRACKER_NOTHING
} ngx_http_registry_tracker_way_t;


typedef enum {
    NGX_HTTP_REGISTRY_TRACKER_AWAY = 0,  /* no link, or not ready */
    NGX_HTTP_REGISTRY_TRACKER_HELLO,     /* waits for HELLO */
    NGX_HTTP_REGISTRY_TRACKER_ID,        /* waits for CLIENT ID */
    NGX_HTTP_REGISTRY_TRACKER_BEGUN,     /* waits for CLIENT TRACKING */
    NGX_HTTP_REGISTRY_TRACKER_SUBSCRIBE, /* waits for SUBSCRIBE */
    NGX_HTTP_REGISTRY_TRACKER_ON
} ngx_http_registry_tracker_state_t;


/* Times are milliseconds of the monotonic clock; 0 is long ago. */

struct ngx_http_registry_tracker_s {
    ngx_http_registry_redis_conf_t              *conf;
    ngx_http_registry_node_t                    *node;
    const ngx_http_registry_tracker_handlers_t  *handlers;
    void                                        *data;
    ngx_log_t                                   *log;
    ngx_str_t                                    name;   /* lies behind this */

    ngx_http_registry_tracker_way_t              way;    /* that is tried */
    ngx_http_registry_tracker_state_t            state;
    ngx_http_registry_link_t                    *link;   /* or NULL */
    ngx_event_t                                  timer;
    ngx_uint_t                                   failures;

    uint64_t                                    *epochs;
    uint64_t                                     epoch;
    int64_t                                      since;

    int64_t                                      asked;  /* 0: was answered */
    int64_t                                      pinged; /* until then it */
    int64_t                                      master; /* holds, and this */

    ngx_http_registry_command_t                 *role;   /* under way */
    int64_t                                      role_asked;

    ngx_uint_t                                   told;   /* way + 1, or 0 */
    reg_error_t                                  reason; /* of a refusal */

    unsigned                                     passed:1;  /* to a way */
    unsigned                                     refused:1;
    unsigned                                     demoted:1;
    unsigned                                     flushed:1; /* or demoted? */
    unsigned                                     flush_asked:1;
};


extern const ngx_http_registry_link_handlers_t  ngx_http_registry_tracker_link;


/* The lease is over; tries again after a pause. */

void ngx_http_registry_tracker_restart(
    ngx_http_registry_tracker_t *tracker);


/* A new epoch. */

void ngx_http_registry_tracker_renew(
    ngx_http_registry_tracker_t *tracker);


/* The lease holds, it may be: says so, if the way is news. */

void ngx_http_registry_tracker_allowed(
    ngx_http_registry_tracker_t *tracker);


/* Everything may have changed. */

void ngx_http_registry_tracker_flushed(
    ngx_http_registry_tracker_t *tracker);


/*
 * An error of Redis.  If it lasts, the tracker passes to the next way, or to
 * none if no way could do without the command; others are logged, and pass.
 * The caller restarts the tracker.
 */

void ngx_http_registry_tracker_error(
    ngx_http_registry_tracker_t *tracker, const char *command,
    redisReply *reply);


/* The channel on which ngx-registry tells of its changes; buf holds it. */

#define NGX_HTTP_REGISTRY_TRACKER_CHANNEL_MAX                                 \
    (REG_STORE_PREFIX_MAX + sizeof("changed") - 1)

reg_str_t ngx_http_registry_tracker_channel(
    ngx_http_registry_tracker_t *tracker, u_char *buf);


/* What comes when the tracker is on.  NGX_ERROR: nothing is sure any more. */

ngx_int_t ngx_http_registry_tracker_message(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);


/* The last PING was answered. */

void ngx_http_registry_tracker_ponged(
    ngx_http_registry_tracker_t *tracker);


/* Sends ROLE, on the node, if no answer is awaited. */

void ngx_http_registry_tracker_ask_role(
    ngx_http_registry_tracker_t *tracker);


/* Sends what the lease hangs on: NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_tracker_ping(
    ngx_http_registry_tracker_t *tracker);


/* 1 when a reply is this text. */

ngx_uint_t ngx_http_registry_tracker_word(redisReply *reply,
    const char *word);

#endif /* NGX_HTTP_REGISTRY_TRACKER_STATE_H */
