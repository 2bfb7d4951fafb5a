/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_tracker_state.h"


static void ngx_http_registry_tracker_pass(
    ngx_http_registry_tracker_t *tracker);
static void ngx_http_registry_tracker_tell(
    ngx_http_registry_tracker_t *tracker);


/*
 * There is no lease without PING and ROLE, however changes are heard of; and
 * nobody goes on from the last way.
 */

void
ngx_http_registry_tracker_error(ngx_http_registry_tracker_t *tracker,
    const char *command, redisReply *reply)
{
    reg_error_t  text;

    reg_resp_error_text(&text, reply);

    switch (reg_resp_error(reply)) {

    case REG_RESP_OTHER:
    case REG_RESP_NOPERM:
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, tracker->log, 0,
                      "registry store: Redis answers %s: %s", command,
                      text.text);
        return;
    }

    reg_error_set(&tracker->reason, "%s: %s", command, text.text);

    tracker->passed = 1;

    if (*command == 'P' || *command == 'R') {
        tracker->way = NGX_HTTP_REGISTRY_TRACKER_NOTHING;

    } else {
        ngx_http_registry_tracker_pass(tracker);
    }

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_NOTHING) {
        tracker->refused = 1;
        ngx_http_registry_tracker_tell(tracker);
    }
}


static void
ngx_http_registry_tracker_pass(ngx_http_registry_tracker_t *tracker)
{
    tracker->way++;

#ifndef REG_RESP_PUSHES

    if (tracker->way == NGX_HTTP_REGISTRY_TRACKER_PUSH) {
        tracker->way++;
    }

#endif
}


void
ngx_http_registry_tracker_allowed(ngx_http_registry_tracker_t *tracker)
{
    if (ngx_http_registry_tracker_until(tracker)
        > ngx_http_registry_tracker_now())
    {
        tracker->refused = 0;
        ngx_http_registry_tracker_tell(tracker);
    }
}


static void
ngx_http_registry_tracker_tell(ngx_http_registry_tracker_t *tracker)
{
    u_char      buf[NGX_HTTP_REGISTRY_TRACKER_CHANNEL_MAX];
    reg_str_t   channel;
    ngx_log_t  *log;

    if (tracker->told == (ngx_uint_t) tracker->way + 1) {
        return;
    }

    tracker->told = (ngx_uint_t) tracker->way + 1;
    log = tracker->log;

    switch (tracker->way) {

    case NGX_HTTP_REGISTRY_TRACKER_REDIRECT:
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "registry store: Redis at \"%V\" tells of changes by "
                      "CLIENT TRACKING REDIRECT; each is seen within %d ms",
                      &tracker->name, NGX_HTTP_REGISTRY_LEASE);
        return;

    case NGX_HTTP_REGISTRY_TRACKER_PUSH:
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "registry store: Redis at \"%V\" tells of changes by "
                      "push messages; each is seen within %d ms",
                      &tracker->name, NGX_HTTP_REGISTRY_LEASE);
        return;

    case NGX_HTTP_REGISTRY_TRACKER_CHANNEL:
        channel = ngx_http_registry_tracker_channel(tracker, buf);

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "registry store: Redis at \"%V\" lets changes be heard "
                      "on the channel \"%*s\" only; those of ngx-registry are "
                      "seen within %d ms, others within the ttl, %M ms; it "
                      "refuses %s",
                      &tracker->name, channel.len, channel.data,
                      NGX_HTTP_REGISTRY_LEASE, tracker->conf->ttl,
                      tracker->reason.text);
        return;

    case NGX_HTTP_REGISTRY_TRACKER_NOTHING:
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "registry store: Redis at \"%V\" lets no change be "
                      "heard; each is seen within the ttl, %M ms; it refuses "
                      "%s",
                      &tracker->name, tracker->conf->ttl,
                      tracker->reason.text);
        return;
    }
}


reg_str_t
ngx_http_registry_tracker_channel(ngx_http_registry_tracker_t *tracker,
    u_char *buf)
{
    u_char     *p;
    reg_str_t   prefix;

    prefix = tracker->conf->url.prefix;

    p = ngx_cpymem(buf, prefix.data, prefix.len);
    p = ngx_cpymem(p, "changed", sizeof("changed") - 1);

    return (reg_str_t) { (size_t) (p - buf), buf };
}
