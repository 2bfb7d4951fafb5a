/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_node_state.h"

/* A command that finds so many before it has another link opened. */

#define NGX_HTTP_REGISTRY_NODE_CROWD     8

#define NGX_HTTP_REGISTRY_NODE_COMMANDS  4096     /* under way, at most */


static ngx_http_registry_command_t *ngx_http_registry_node_send(
    ngx_http_registry_node_t *node, ngx_uint_t asking, size_t argc,
    const reg_str_t *argv, ngx_http_registry_reply_pt handler, void *data);
static ngx_http_registry_pipe_t *ngx_http_registry_node_choose(
    ngx_http_registry_node_t *node);


ngx_http_registry_node_t *
ngx_http_registry_node_create(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_log_t *log)
{
    ngx_uint_t                 i;
    ngx_http_registry_node_t  *node;

    node = ngx_calloc(sizeof(ngx_http_registry_node_t) + host.len, log);
    if (node == NULL) {
        return NULL;
    }

    node->conf = conf;
    node->log = log;
    node->port = port;
    node->host.len = host.len;
    node->host.data = (u_char *) (node + 1);
    ngx_memcpy(node->host.data, host.data, host.len);

    for (i = 0; i < NGX_HTTP_REGISTRY_NODE_LINKS; i++) {
        ngx_http_registry_pipe_init(&node->pipes[i], node);
    }

    return node;
}


void
ngx_http_registry_node_free(ngx_http_registry_node_t *node)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_REGISTRY_NODE_LINKS; i++) {
        ngx_http_registry_pipe_free(&node->pipes[i]);
    }

    if (node->depth) {
        node->freed = 1;
        return;
    }

    ngx_free(node);
}


ngx_http_registry_command_t *
ngx_http_registry_node_command(ngx_http_registry_node_t *node, size_t argc,
    const reg_str_t *argv, ngx_http_registry_reply_pt handler, void *data)
{
    return ngx_http_registry_node_send(node, 0, argc, argv, handler, data);
}


ngx_http_registry_command_t *
ngx_http_registry_node_asking(ngx_http_registry_node_t *node, size_t argc,
    const reg_str_t *argv, ngx_http_registry_reply_pt handler, void *data)
{
    return ngx_http_registry_node_send(node, 1, argc, argv, handler, data);
}


static ngx_http_registry_command_t *
ngx_http_registry_node_send(ngx_http_registry_node_t *node, ngx_uint_t asking,
    size_t argc, const reg_str_t *argv, ngx_http_registry_reply_pt handler,
    void *data)
{
    ngx_http_registry_pipe_t  *pipe;

    pipe = ngx_http_registry_node_choose(node);
    if (pipe == NULL) {
        return NULL;
    }

    return ngx_http_registry_pipe_command(pipe, asking, argc, argv, handler,
                                          data);
}


void
ngx_http_registry_command_detach(ngx_http_registry_command_t *command)
{
    if (command->argc) {

        /* it was not sent */

        ngx_http_registry_pipe_drop(command);
        return;
    }

    ngx_http_registry_pipe_unwant(command);
}


/* Where a command is to wait; opens what is missing.  NULL: nowhere. */

static ngx_http_registry_pipe_t *
ngx_http_registry_node_choose(ngx_http_registry_node_t *node)
{
    ngx_uint_t                 i, n, waits;
    ngx_http_registry_pipe_t  *pipe, *ready, *opening, *closed;

    n = 0;
    ready = NULL;
    opening = NULL;
    closed = NULL;

    for (i = 0; i < NGX_HTTP_REGISTRY_NODE_LINKS; i++) {
        pipe = &node->pipes[i];
        n += pipe->n;

        if (pipe->link == NULL) {
            closed = pipe;

        } else if (!pipe->ready) {
            opening = pipe;

        } else if (ready == NULL || pipe->n < ready->n) {
            ready = pipe;
        }
    }

    if (n >= NGX_HTTP_REGISTRY_NODE_COMMANDS) {
        return NULL;
    }

    waits = node->failures
            && (ngx_msec_int_t) (node->retry - ngx_current_msec) > 0;

    if (ready) {
        if (closed && !waits && ready->n >= NGX_HTTP_REGISTRY_NODE_CROWD) {
            (void) ngx_http_registry_pipe_open(closed);
        }

        return ready;
    }

    if (opening) {

        /* after a failure the one who tries is enough */

        return node->failures ? NULL : opening;
    }

    if (waits || ngx_http_registry_pipe_open(closed) != NGX_OK) {
        return NULL;
    }

    return closed;
}


ngx_http_registry_link_t *
ngx_http_registry_node_link(ngx_http_registry_node_t *node)
{
    ngx_uint_t  i;

    if (node->answering && node->answering->ready) {
        return node->answering->link;
    }

    for (i = 0; i < NGX_HTTP_REGISTRY_NODE_LINKS; i++) {
        if (node->pipes[i].ready) {
            return node->pipes[i].link;
        }
    }

    return NULL;
}
