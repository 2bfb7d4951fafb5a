/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_tracker_state.h"

#define NGX_HTTP_REGISTRY_TRACKER_CONNECT  2000   /* milliseconds */
#define NGX_HTTP_REGISTRY_TRACKER_ROLE     900    /* every second tick */
#define NGX_HTTP_REGISTRY_TRACKER_REFUSED  60000


static void ngx_http_registry_tracker_connect(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_met(
    ngx_http_registry_tracker_t *tracker, redisReply *reply);
static void ngx_http_registry_tracker_role(void *data, redisReply *reply);
static void ngx_http_registry_tracker_judge(
    ngx_http_registry_tracker_t *tracker, ngx_uint_t master);
static void ngx_http_registry_tracker_stop(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_tick(ngx_event_t *ev);


/* On the channel not all is heard, so an epoch is no longer than the ttl. */

static ngx_inline int64_t
ngx_http_registry_tracker_expires(ngx_http_registry_tracker_t *tracker)
{
    return tracker->since + (int64_t) tracker->conf->ttl;
}


ngx_http_registry_tracker_t *
ngx_http_registry_tracker_create(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_http_registry_node_t *node,
    uint64_t *epochs,
    const ngx_http_registry_tracker_handlers_t *handlers, void *data,
    ngx_log_t *log)
{
    u_char                       *p;
    ngx_http_registry_tracker_t  *tracker;

    tracker = ngx_calloc(sizeof(ngx_http_registry_tracker_t) + host.len
                         + sizeof("[]:65535") - 1, log);
    if (tracker == NULL) {
        return NULL;
    }

    tracker->conf = conf;
    tracker->node = node;
    tracker->epochs = epochs;
    tracker->handlers = handlers;
    tracker->data = data;
    tracker->log = log;
    tracker->name.data = (u_char *) (tracker + 1);
    p = tracker->name.data;

    if (port == 0) {
        p = ngx_cpymem(p, host.data, host.len);

    } else {
        p = ngx_sprintf(p, ngx_strlchr(host.data, host.data + host.len, ':')
                           ? "[%*s]:%ui" : "%*s:%ui",
                        host.len, host.data, (ngx_uint_t) port);
    }

    tracker->name.len = p - tracker->name.data;

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


int64_t
ngx_http_registry_tracker_until(ngx_http_registry_tracker_t *tracker)
{
    int64_t  until;

    until = ngx_min(tracker->pinged, tracker->master);

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_CHANNEL) {
        until = ngx_min(until, ngx_http_registry_tracker_expires(tracker));
    }

    return until;
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


uint64_t
ngx_http_registry_tracker_source(ngx_http_registry_tracker_t *tracker)
{
    return tracker->state == NGX_HTTP_REGISTRY_TRACKER_ON
           ? ngx_http_registry_link_source(tracker->link) : 0;
}


ngx_uint_t
ngx_http_registry_tracker_refused(ngx_http_registry_tracker_t *tracker)
{
    return tracker->refused;
}


ngx_uint_t
ngx_http_registry_tracker_demoted(ngx_http_registry_tracker_t *tracker)
{
    return tracker->demoted;
}


/*
 * Beside a link for commands, which ROLE opens where there is none.  So ours is
 * the younger of the two, as ngx_http_registry_link_same() wants it where Redis
 * does not say who it is.
 */

static void
ngx_http_registry_tracker_connect(ngx_http_registry_tracker_t *tracker)
{
    ngx_msec_t                 timeout;
    ngx_http_registry_link_t  *other;

    other = ngx_http_registry_node_link(tracker->node);

    if (other == NULL) {
        ngx_http_registry_tracker_ask_role(tracker);

        if (tracker->role == NULL) {
            ngx_add_timer(&tracker->timer, NGX_HTTP_REGISTRY_TRACKER_TICK);
        }

        return;
    }

    timeout = ngx_max(tracker->conf->url.timeout,
                      NGX_HTTP_REGISTRY_TRACKER_CONNECT);

    tracker->link = ngx_http_registry_link_open_beside(other, timeout,
                              &ngx_http_registry_tracker_link, tracker,
                              tracker->log);

    if (tracker->link == NULL) {
        ngx_http_registry_tracker_restart(tracker);
    }
}


/* There is an answer to ROLE, or none, and no link of ours yet. */

static void
ngx_http_registry_tracker_met(ngx_http_registry_tracker_t *tracker,
    redisReply *reply)
{
    if (tracker->timer.timer_set || ngx_exiting) {
        return;
    }

    if (reply) {
        ngx_http_registry_tracker_connect(tracker);
        return;
    }

    /* the node knows when to try again */

    ngx_add_timer(&tracker->timer, NGX_HTTP_REGISTRY_TRACKER_TICK);
}


void
ngx_http_registry_tracker_renew(ngx_http_registry_tracker_t *tracker)
{
    tracker->epoch = ++*tracker->epochs;
    tracker->since = ngx_http_registry_tracker_now();
}


/*
 * So says a master of which everything was removed, and a replica that begins
 * to take over all that its master has: of which it has lost nothing.  ROLE
 * tells which, and nothing is sure until then.
 */

void
ngx_http_registry_tracker_flushed(ngx_http_registry_tracker_t *tracker)
{
    tracker->flushed = 1;
    tracker->master = 0;

    ngx_http_registry_tracker_ask_role(tracker);
}


void
ngx_http_registry_tracker_ask_role(ngx_http_registry_tracker_t *tracker)
{
    reg_str_t  argv[1];

    if (tracker->role) {
        return;
    }

    argv[0] = REG_STR("ROLE");

    tracker->flush_asked = tracker->flushed;
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

    ngx_http_registry_link_t  *other;

    tracker->role = NULL;

    if (reply && reply->type != REDIS_REPLY_ERROR) {
        ngx_http_registry_tracker_judge(tracker,
                                    ngx_http_registry_link_is_master(reply));
    }

    if (tracker->link == NULL) {
        ngx_http_registry_tracker_met(tracker, reply);
        return;
    }

    if (reply == NULL || tracker->state == NGX_HTTP_REGISTRY_TRACKER_AWAY) {
        return;
    }

    other = ngx_http_registry_node_link(tracker->node);

    if (other == NULL
        || !ngx_http_registry_link_same(tracker->link, other))
    {
        /* the name or the address leads elsewhere by now */

        ngx_log_error(NGX_LOG_NOTICE, tracker->log, 0,
                      "registry store: the tracker follows the commands");
        ngx_http_registry_tracker_restart(tracker);
        return;
    }

    if (tracker->flushed && !tracker->flush_asked) {
        ngx_http_registry_tracker_ask_role(tracker);
        return;
    }

    if (tracker->flushed && (reply->type == REDIS_REPLY_ERROR
                             || ngx_http_registry_link_is_master(reply)))
    {
        tracker->handlers->changed_all(tracker->data);
    }

    tracker->flushed = 0;

    if (ngx_http_registry_link_is_master(reply)) {
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

        if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_NOTHING) {
            ngx_http_registry_tracker_restart(tracker);
        }
    }
}


/* Who answers the commands, whatever has become of our own link? */

static void
ngx_http_registry_tracker_judge(ngx_http_registry_tracker_t *tracker,
    ngx_uint_t master)
{
    if (!master && !tracker->demoted) {
        ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                      "registry store: Redis at \"%V\" is no master",
                      &tracker->name);
    }

    tracker->demoted = !master;
}


/*
 * The lease is over; we try again, but not in a worker that quits.  A link that
 * has failed tells nothing of what is refused: all ways are tried again then.
 */

void
ngx_http_registry_tracker_restart(ngx_http_registry_tracker_t *tracker)
{
    ngx_msec_t  pause;

    ngx_http_registry_tracker_stop(tracker);

    if (ngx_exiting) {
        return;
    }

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_NOTHING) {
        pause = NGX_HTTP_REGISTRY_TRACKER_REFUSED;

    } else if (tracker->passed) {
        pause = 1;

    } else {
        pause = ngx_http_registry_backoff(++tracker->failures);
    }

    if (!tracker->passed || tracker->way == NGX_HTTP_REGISTRY_TRACKER_NOTHING) {
        tracker->way = NGX_HTTP_REGISTRY_TRACKER_REDIRECT;
    }

    tracker->passed = 0;

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

    /* no gap between two epochs: until the next tick this one has to last */

    if (tracker->state == NGX_HTTP_REGISTRY_TRACKER_ON
        && tracker->way == NGX_HTTP_REGISTRY_TRACKER_CHANNEL
        && ngx_http_registry_tracker_expires(tracker)
           <= now + NGX_HTTP_REGISTRY_TRACKER_TICK)
    {
        ngx_http_registry_tracker_renew(tracker);
    }

    if (now - tracker->role_asked >= NGX_HTTP_REGISTRY_TRACKER_ROLE
        || now >= tracker->master)
    {
        ngx_http_registry_tracker_ask_role(tracker);
    }

    ngx_add_timer(&tracker->timer, NGX_HTTP_REGISTRY_TRACKER_TICK);
}


int64_t
ngx_http_registry_tracker_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
