/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_NODE_H
#define NGX_HTTP_REGISTRY_NODE_H

/*
 * One Redis server as one worker sees it: a few connections on nginx's events,
 * each a pipeline that answers in order.
 *
 * Commands have a time limit each.  A connection that misses it is closed, for
 * its answers cannot be told apart any more.  After failures the node waits
 * before it connects again, longer each time and with jitter; meanwhile
 * commands fail at once (the breaker), but for one that tries.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_registry_secret.h"
#include "reg_resp.h"
#include "reg_store_url.h"

typedef struct ngx_http_registry_node_s     ngx_http_registry_node_t;
typedef struct ngx_http_registry_command_s  ngx_http_registry_command_t;


/* What all nodes of a store share; lives as long as the configuration. */

typedef struct {
    reg_store_url_t              url;
    ngx_http_registry_secret_t  *secret;     /* NULL: no password */
#if (NGX_SSL)
    ngx_ssl_t                   *ssl;        /* NULL: no TLS */
#endif
    ngx_log_t                   *log;        /* of the cycle */
} ngx_http_registry_redis_conf_t;


/*
 * The answer to a command, once and only once: reply is lent for the call, and
 * NULL where there is none (no connection, time ran out, a broken protocol).
 * Errors of Redis are replies.  It is never called before
 * ngx_http_registry_node_command() returns.
 */

typedef void (*ngx_http_registry_reply_pt)(void *data, redisReply *reply);


/* host is copied.  NULL when memory ran out. */

ngx_http_registry_node_t *ngx_http_registry_node_create(
    ngx_http_registry_redis_conf_t *conf, reg_str_t host, unsigned port);

/* Answers what is under way with NULL and frees everything. */

void ngx_http_registry_node_free(ngx_http_registry_node_t *node);


/*
 * Sends a command.  NULL when the breaker is open or memory ran out; handler is
 * not called then.
 */

ngx_http_registry_command_t *ngx_http_registry_node_command(
    ngx_http_registry_node_t *node, size_t argc, const reg_str_t *argv,
    ngx_http_registry_reply_pt handler, void *data);

/* Whoever asked is gone: its handler is not called any more. */

void ngx_http_registry_command_detach(ngx_http_registry_command_t *command);


/* 1 while the breaker is open. */

ngx_uint_t ngx_http_registry_node_down(ngx_http_registry_node_t *node);

#endif /* NGX_HTTP_REGISTRY_NODE_H */
