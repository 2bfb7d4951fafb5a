/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_NODE_H
#define NGX_HTTP_REGISTRY_NODE_H

/*
 * One Redis server as one worker sees it: a few links, each a pipeline that
 * answers in order.
 *
 * Commands have a time limit each.  A link that misses one is closed, for its
 * answers cannot be told apart any more.  After failures the node waits before
 * it connects again, longer each time and with jitter; meanwhile commands
 * fail at once (the breaker), but for one that tries.
 */

#include "ngx_http_registry_link.h"

typedef struct ngx_http_registry_node_s     ngx_http_registry_node_t;
typedef struct ngx_http_registry_command_s  ngx_http_registry_command_t;


/*
 * The answer to a command, once: reply is lent for the call, and NULL where
 * there is none (no connection, time ran out, a broken protocol).  Errors of
 * Redis are replies; LOADING, READONLY, NOAUTH, NOPERM and their like are for
 * the caller to judge.  Never called before the command function returns.
 */

typedef void (*ngx_http_registry_reply_pt)(void *data, redisReply *reply);


/* host is copied.  NULL when memory ran out. */

ngx_http_registry_node_t *ngx_http_registry_node_create(
    ngx_http_registry_redis_conf_t *conf, reg_str_t host, unsigned port,
    ngx_log_t *log);

/* Frees all; nobody is called any more.  A handler may do it too. */

void ngx_http_registry_node_free(ngx_http_registry_node_t *node);


/*
 * Sends a command.  NULL when the breaker is open or memory ran out; handler is
 * not called then.
 */

ngx_http_registry_command_t *ngx_http_registry_node_command(
    ngx_http_registry_node_t *node, size_t argc, const reg_str_t *argv,
    ngx_http_registry_reply_pt handler, void *data);

/* The same behind an ASKING, the refusal of which is an answer, too. */

ngx_http_registry_command_t *ngx_http_registry_node_asking(
    ngx_http_registry_node_t *node, size_t argc, const reg_str_t *argv,
    ngx_http_registry_reply_pt handler, void *data);

/* Whoever asked is gone: its handler is not called any more. */

void ngx_http_registry_command_detach(ngx_http_registry_command_t *command);


/*
 * A link that is ready, or NULL; lent until the next event.  While a reply is
 * handled it is the one by which that came.  All links of a node have one
 * address: a name is resolved again when none is left.
 */

ngx_http_registry_link_t *ngx_http_registry_node_link(
    ngx_http_registry_node_t *node);


/* How long to wait, in milliseconds, after so many failures in a row. */

ngx_msec_t ngx_http_registry_backoff(ngx_uint_t failures);

#endif /* NGX_HTTP_REGISTRY_NODE_H */
