/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_tracker.h"

#define NGX_HTTP_REGISTRY_TRACKER_CONNECT  2000   /* milliseconds */
#define NGX_HTTP_REGISTRY_TRACKER_TICK     500
#define NGX_HTTP_REGISTRY_TRACKER_ROLE     900    /* every second tick */
#define NGX_HTTP_REGISTRY_TRACKER_REFUSED  60000

#define NGX_HTTP_REGISTRY_TRACKER_CHANNEL  "__redis__:invalidate"


typedef enum {
    NGX_HTTP_REGISTRY_TRACKER_AWAY = 0,  /* no link, or not ready */
    NGX_HTTP_REGISTRY_TRACKER_ID,        /* waits for CLIENT ID */
    NGX_HTTP_REGISTRY_TRACKER_BEGUN,     /* waits for CLIENT TRACKING */
    NGX_HTTP_REGISTRY_TRACKER_SUBSCRIBE, /* waits for SUBSCRIBE */
    NGX_HTTP_REGISTRY_TRACKER_ON
} ngx_http_registry_tracker_state_t;


/* Times are milliseconds of the monotonic clock; 0 is long ago. */

struct ngx_http_registry_tracker_s {
    ngx_http_registry_redis_conf_t             *conf;
    ngx_http_registry_node_t                   *node;
    const ngx_http_registry_tracker_handlers_t *handlers;
    void                                       *data;
    ngx_log_t                                  *log;
    reg_str_t                                   host;     /* behind this */
    unsigned                                    port;

    ngx_http_registry_tracker_state_t           state;
    ngx_http_registry_link_t                   *link;     /* or NULL */
    ngx_event_t                                 timer;
    ngx_uint_t                                  failures;

    uint64_t                                    epoch;
    int64_t                                     since;

    int64_t                                     asked;    /* not answered, or 0 */
    int64_t                                     pinged;   /* until then it holds */
    int64_t                                     master;   /* likewise */

    ngx_http_registry_command_t                *role;     /* under way, or NULL */
    int64_t                                     role_asked;

    unsigned                                    refused:1;
};


static void ngx_http_registry_tracker_connect(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_ready(void *data);
static void ngx_http_registry_tracker_reply(void *data, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_step(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static ngx_int_t ngx_http_registry_tracker_track(
    ngx_http_registry_tracker_t *tracker, long long id);
static void ngx_http_registry_tracker_begin(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_renew(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_allowed(
    ngx_http_registry_tracker_t *tracker);
static ngx_int_t ngx_http_registry_tracker_message(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static ngx_uint_t ngx_http_registry_tracker_word(redisReply *reply,
    const char *word);
static ngx_int_t ngx_http_registry_tracker_ping(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_ask_role(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_role(void *data, redisReply *reply);
static void ngx_http_registry_tracker_error(
    ngx_http_registry_tracker_t *tracker, const char *command,
    redisReply *reply);
static void ngx_http_registry_tracker_closed(void *data);
static void ngx_http_registry_tracker_restart(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_stop(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_tick(ngx_event_t *ev);
static int64_t ngx_http_registry_tracker_now(void);


static const ngx_http_registry_link_handlers_t
    ngx_http_registry_tracker_link =
{
    ngx_http_registry_tracker_ready,
    ngx_http_registry_tracker_reply,
    ngx_http_registry_tracker_closed
};


ngx_http_registry_tracker_t *
ngx_http_registry_tracker_create(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_http_registry_node_t *node,
    const ngx_http_registry_tracker_handlers_t *handlers, void *data,
    ngx_log_t *log)
{
    ngx_http_registry_tracker_t  *tracker;

    tracker = ngx_calloc(sizeof(ngx_http_registry_tracker_t) + host.len, log);
    if (tracker == NULL) {
        return NULL;
    }

    tracker->conf = conf;
    tracker->node = node;
    tracker->handlers = handlers;
    tracker->data = data;
    tracker->log = log;
    tracker->port = port;
    tracker->host.len = host.len;
    tracker->host.data = (u_char *) (tracker + 1);
    ngx_memcpy(tracker->host.data, host.data, host.len);

    tracker->timer.handler = ngx_http_registry_tracker_tick;
    tracker->timer.data = tracker;
    tracker->timer.log = log;
    tracker->timer.cancelable = 1;

    ngx_http_registry_tracker_connect(tracker);

    return tracker;
}


void
ngx_http_registry_tracker_free(ngx_http_registry_tracker_t *tracker)
{
    ngx_http_registry_tracker_stop(tracker);

    if (tracker->timer.timer_set) {
        ngx_del_timer(&tracker->timer);
    }

    if (tracker->role) {
        ngx_http_registry_command_detach(tracker->role);
    }

    ngx_free(tracker);
}


/*
 * The clock is read for each request: nginx's own time stands still while a
 * worker is busy, and a lease must not live longer for that.
 */

ngx_uint_t
ngx_http_registry_tracker_holds(ngx_http_registry_tracker_t *tracker)
{
    int64_t  now;

    if (tracker->pinged == 0) {
        return 0;
    }

    now = ngx_http_registry_tracker_now();

    return now < tracker->pinged && now < tracker->master;
}


uint64_t
ngx_http_registry_tracker_epoch(ngx_http_registry_tracker_t *tracker)
{
    return tracker->epoch;
}


int64_t
ngx_http_registry_tracker_since(ngx_http_registry_tracker_t *tracker)
{
    return tracker->since;
}


ngx_uint_t
ngx_http_registry_tracker_refused(ngx_http_registry_tracker_t *tracker)
{
    return tracker->refused;
}


static void
ngx_http_registry_tracker_connect(ngx_http_registry_tracker_t *tracker)
{
    tracker->link = ngx_http_registry_link_open(tracker->conf, tracker->host,
                              tracker->port,
                              ngx_max(tracker->conf->url.timeout,
                                      NGX_HTTP_REGISTRY_TRACKER_CONNECT),
                              &ngx_http_registry_tracker_link, tracker,
                              tracker->log);

    if (tracker->link == NULL) {
        ngx_http_registry_tracker_restart(tracker);
    }
}


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


/*
 * Nanoseconds, so that another tracker of this process, before or after this
 * one, has no epoch of the same number.
 */

static void
ngx_http_registry_tracker_renew(ngx_http_registry_tracker_t *tracker)
{
    uint64_t         epoch;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    epoch = (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;

    tracker->epoch = ngx_max(epoch, tracker->epoch + 1);
    tracker->since = ngx_http_registry_tracker_now();
}


/* Tracking and ROLE both have to be allowed before we count as not refused. */

static void
ngx_http_registry_tracker_allowed(ngx_http_registry_tracker_t *tracker)
{
    if (tracker->refused && ngx_http_registry_tracker_holds(tracker)) {
        tracker->refused = 0;
        ngx_log_error(NGX_LOG_NOTICE, tracker->log, 0,
                      "registry store: Redis lets changes be tracked again");
    }
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
        tracker->handlers->changed_all(tracker->data);
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


static ngx_uint_t
ngx_http_registry_tracker_word(redisReply *reply, const char *word)
{
    return (reply->type == REDIS_REPLY_STRING
            || reply->type == REDIS_REPLY_STATUS)
           && reply->len == ngx_strlen(word)
           && ngx_memcmp(reply->str, word, reply->len) == 0;
}


static ngx_int_t
ngx_http_registry_tracker_ping(ngx_http_registry_tracker_t *tracker)
{
    reg_str_t  argv[1];

    argv[0] = REG_STR("PING");

    tracker->asked = ngx_http_registry_tracker_now();

    return ngx_http_registry_link_send(tracker->link, 1, argv);
}


static void
ngx_http_registry_tracker_ask_role(ngx_http_registry_tracker_t *tracker)
{
    reg_str_t  argv[1];

    if (tracker->role) {
        return;
    }

    argv[0] = REG_STR("ROLE");

    tracker->role_asked = ngx_http_registry_tracker_now();
    tracker->role = ngx_http_registry_node_command(tracker->node, 1, argv,
                                               ngx_http_registry_tracker_role,
                                               tracker);
}


/*
 * No answer is no news: the last one is good until the lease is over.  Any
 * other answer than "master" ends it at once.  A server that was not known to
 * be the master for a while may have taken over changes unheard.
 */

static void
ngx_http_registry_tracker_role(void *data, redisReply *reply)
{
    ngx_http_registry_tracker_t *tracker = data;

    tracker->role = NULL;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
        && ngx_http_registry_tracker_word(reply->element[0], "master"))
    {
        if (tracker->state == NGX_HTTP_REGISTRY_TRACKER_ON
            && tracker->master <= ngx_http_registry_tracker_now())
        {
            ngx_http_registry_tracker_renew(tracker);
        }

        tracker->master = tracker->role_asked + NGX_HTTP_REGISTRY_LEASE;

        ngx_http_registry_tracker_allowed(tracker);
        return;
    }

    tracker->master = 0;

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_registry_tracker_error(tracker, "ROLE", reply);

        if (tracker->refused) {
            ngx_http_registry_tracker_restart(tracker);
        }
    }
}


/* An error that lasts means that we are refused; others pass. */

static void
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


/* The lease is over; we try again, but not in a worker that quits. */

static void
ngx_http_registry_tracker_restart(ngx_http_registry_tracker_t *tracker)
{
    ngx_msec_t  pause;

    ngx_http_registry_tracker_stop(tracker);

    if (ngx_exiting) {
        return;
    }

    pause = tracker->refused ? NGX_HTTP_REGISTRY_TRACKER_REFUSED
                             : ngx_http_registry_backoff(++tracker->failures);

    ngx_add_timer(&tracker->timer, pause);
}


static void
ngx_http_registry_tracker_stop(ngx_http_registry_tracker_t *tracker)
{
    tracker->state = NGX_HTTP_REGISTRY_TRACKER_AWAY;
    tracker->asked = 0;
    tracker->pinged = 0;
    tracker->master = 0;

    if (tracker->link) {
        ngx_http_registry_link_close(tracker->link);
        tracker->link = NULL;
    }

    if (tracker->timer.timer_set) {
        ngx_del_timer(&tracker->timer);
    }
}


static void
ngx_http_registry_tracker_tick(ngx_event_t *ev)
{
    ngx_http_registry_tracker_t *tracker = ev->data;

    int64_t  now;

    if (tracker->link == NULL) {
        ngx_http_registry_tracker_connect(tracker);
        return;
    }

    now = ngx_http_registry_tracker_now();

    if (tracker->asked && now - tracker->asked >= NGX_HTTP_REGISTRY_LEASE) {
        ngx_log_error(NGX_LOG_ERR, tracker->log, NGX_ETIMEDOUT,
                      "registry store: Redis does not answer the tracker");
        ngx_http_registry_tracker_restart(tracker);
        return;
    }

    if (tracker->state == NGX_HTTP_REGISTRY_TRACKER_ON && tracker->asked == 0
        && ngx_http_registry_tracker_ping(tracker) != NGX_OK)
    {
        ngx_http_registry_tracker_restart(tracker);
        return;
    }

    if (now - tracker->role_asked >= NGX_HTTP_REGISTRY_TRACKER_ROLE
        || now >= tracker->master)
    {
        ngx_http_registry_tracker_ask_role(tracker);
    }

    ngx_add_timer(&tracker->timer, NGX_HTTP_REGISTRY_TRACKER_TICK);
}


static int64_t
ngx_http_registry_tracker_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
