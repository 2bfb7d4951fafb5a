/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_node.h"

#define NGX_HTTP_REGISTRY_NODE_LINKS     2

/* A command that finds so many before it has another link opened. */

#define NGX_HTTP_REGISTRY_NODE_CROWD     8

#define NGX_HTTP_REGISTRY_NODE_COMMANDS  4096     /* under way, at most */

/*
 * Milliseconds to connect: more than a command has, for TLS takes its time,
 * and a SYN that was lost is sent again after 1 s.
 */

#define NGX_HTTP_REGISTRY_NODE_CONNECT   1500


/* A link and those who wait for it, in the order of its answers. */

typedef struct {
    ngx_http_registry_node_t    *node;
    ngx_http_registry_link_t    *link;            /* or NULL */
    ngx_queue_t                  commands;
    ngx_uint_t                   n;
    ngx_event_t                  timer;           /* cancelable: of nobody */
    unsigned                     ready:1;
    unsigned                     answered:1;      /* since it was opened */
} ngx_http_registry_pipe_t;


struct ngx_http_registry_command_s {
    ngx_queue_t                  queue;
    ngx_http_registry_pipe_t    *pipe;
    ngx_http_registry_reply_pt   handler;         /* NULL: detached */
    void                        *data;
    ngx_msec_t                   deadline;
    size_t                       argc;            /* 0: it was sent */
    reg_str_t                    argv[1];         /* with what lies behind */
};


struct ngx_http_registry_node_s {
    ngx_http_registry_redis_conf_t  *conf;
    ngx_log_t                       *log;
    reg_str_t                        host;        /* lies behind this */
    unsigned                         port;
    ngx_uint_t                       failures;    /* since the last answer */
    ngx_msec_t                       retry;       /* not before, if failures */
    ngx_uint_t                       depth;       /* handlers that run */
    ngx_http_registry_pipe_t        *answering;   /* in such, or NULL */
    unsigned                         freed:1;     /* in one of them */
    ngx_http_registry_pipe_t         pipes[NGX_HTTP_REGISTRY_NODE_LINKS];
};


static ngx_http_registry_pipe_t *ngx_http_registry_node_choose(
    ngx_http_registry_node_t *node);
static ngx_int_t ngx_http_registry_node_open(ngx_http_registry_pipe_t *pipe);
static ngx_http_registry_command_t *ngx_http_registry_node_queue(
    ngx_http_registry_pipe_t *pipe, size_t argc, const reg_str_t *argv);
static void ngx_http_registry_node_drop(ngx_http_registry_command_t *command);
static void ngx_http_registry_node_ready(void *data);
static void ngx_http_registry_node_reply(void *data, redisReply *reply);
static void ngx_http_registry_node_closed(void *data);
static void ngx_http_registry_node_timeout(ngx_event_t *ev);
static void ngx_http_registry_node_fail(ngx_http_registry_pipe_t *pipe);
static void ngx_http_registry_node_failed(ngx_http_registry_node_t *node);
static void ngx_http_registry_node_answer(
    ngx_http_registry_command_t *command, redisReply *reply);
static void ngx_http_registry_node_leave(ngx_http_registry_node_t *node);


static const ngx_http_registry_link_handlers_t
    ngx_http_registry_node_handlers =
{
    ngx_http_registry_node_ready,
    ngx_http_registry_node_reply,
    ngx_http_registry_node_closed
};


ngx_http_registry_node_t *
ngx_http_registry_node_create(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_log_t *log)
{
    ngx_uint_t                 i;
    ngx_http_registry_node_t  *node;
    ngx_http_registry_pipe_t  *pipe;

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
        pipe = &node->pipes[i];

        pipe->node = node;
        pipe->timer.handler = ngx_http_registry_node_timeout;
        pipe->timer.data = pipe;
        pipe->timer.log = log;

        ngx_queue_init(&pipe->commands);
    }

    return node;
}


void
ngx_http_registry_node_free(ngx_http_registry_node_t *node)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_registry_pipe_t  *pipe;

    for (i = 0; i < NGX_HTTP_REGISTRY_NODE_LINKS; i++) {
        pipe = &node->pipes[i];

        if (pipe->link) {
            ngx_http_registry_link_close(pipe->link);
            pipe->link = NULL;
        }

        if (pipe->timer.timer_set) {
            ngx_del_timer(&pipe->timer);
        }

        while (!ngx_queue_empty(&pipe->commands)) {
            q = ngx_queue_head(&pipe->commands);

            ngx_http_registry_node_drop(ngx_queue_data(q,
                                          ngx_http_registry_command_t, queue));
        }
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
    ngx_http_registry_pipe_t     *pipe;
    ngx_http_registry_command_t  *command;

    pipe = ngx_http_registry_node_choose(node);
    if (pipe == NULL) {
        return NULL;
    }

    command = ngx_http_registry_node_queue(pipe, argc, argv);
    if (command == NULL) {
        return NULL;
    }

    command->handler = handler;
    command->data = data;

    if (pipe->ready
        && ngx_http_registry_link_send(pipe->link, argc, argv) != NGX_OK)
    {
        ngx_http_registry_node_drop(command);
        return NULL;
    }

    if (!pipe->timer.timer_set) {
        ngx_add_timer(&pipe->timer, (ngx_msec_t) node->conf->url.timeout);
    }

    pipe->timer.cancelable = 0;

    return command;
}


void
ngx_http_registry_command_detach(ngx_http_registry_command_t *command)
{
    if (command->argc) {

        /* it was not sent */

        ngx_http_registry_node_drop(command);
        return;
    }

    command->handler = NULL;
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
            (void) ngx_http_registry_node_open(closed);
        }

        return ready;
    }

    if (opening) {

        /* after a failure the one who tries is enough */

        return node->failures ? NULL : opening;
    }

    if (waits || ngx_http_registry_node_open(closed) != NGX_OK) {
        return NULL;
    }

    return closed;
}


static ngx_int_t
ngx_http_registry_node_open(ngx_http_registry_pipe_t *pipe)
{
    ngx_msec_t                 timeout;
    ngx_http_registry_node_t  *node;
    ngx_http_registry_link_t  *other;

    node = pipe->node;

    pipe->ready = 0;
    pipe->answered = 0;

    timeout = ngx_max(node->conf->url.timeout, NGX_HTTP_REGISTRY_NODE_CONNECT);

    other = ngx_http_registry_node_link(node);

    if (other) {
        pipe->link = ngx_http_registry_link_open_beside(other, timeout,
                              &ngx_http_registry_node_handlers, pipe,
                              node->log);

    } else {
        pipe->link = ngx_http_registry_link_open(node->conf, node->host,
                              node->port, timeout,
                              &ngx_http_registry_node_handlers, pipe,
                              node->log);
    }

    if (pipe->link == NULL) {
        ngx_http_registry_node_failed(node);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What cannot be sent yet is copied. */

static ngx_http_registry_command_t *
ngx_http_registry_node_queue(ngx_http_registry_pipe_t *pipe, size_t argc,
    const reg_str_t *argv)
{
    size_t                        i, size;
    u_char                       *p;
    ngx_http_registry_command_t  *command;

    if (pipe->ready) {
        argc = 0;
    }

    size = sizeof(ngx_http_registry_command_t) + argc * sizeof(reg_str_t);

    for (i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    command = ngx_alloc(size, pipe->node->log);
    if (command == NULL) {
        return NULL;
    }

    p = (u_char *) &command->argv[argc];

    for (i = 0; i < argc; i++) {
        command->argv[i].data = p;
        command->argv[i].len = argv[i].len;

        p = ngx_cpymem(p, argv[i].data, argv[i].len);
    }

    command->argc = argc;
    command->pipe = pipe;
    command->deadline = ngx_current_msec + pipe->node->conf->url.timeout;

    ngx_queue_insert_tail(&pipe->commands, &command->queue);
    pipe->n++;

    return command;
}


static void
ngx_http_registry_node_drop(ngx_http_registry_command_t *command)
{
    ngx_queue_remove(&command->queue);
    command->pipe->n--;

    ngx_free(command);
}


static void
ngx_http_registry_node_ready(void *data)
{
    ngx_http_registry_pipe_t *pipe = data;

    ngx_queue_t                  *q;
    ngx_http_registry_command_t  *command;

    pipe->ready = 1;

    for (q = ngx_queue_head(&pipe->commands);
         q != ngx_queue_sentinel(&pipe->commands);
         q = ngx_queue_next(q))
    {
        command = ngx_queue_data(q, ngx_http_registry_command_t, queue);

        if (ngx_http_registry_link_send(pipe->link, command->argc,
                                        command->argv)
            != NGX_OK)
        {
            ngx_http_registry_node_fail(pipe);
            return;
        }

        command->argc = 0;
    }
}


static void
ngx_http_registry_node_reply(void *data, redisReply *reply)
{
    ngx_http_registry_pipe_t *pipe = data;

    ngx_queue_t               *q;
    ngx_http_registry_node_t  *node;

    node = pipe->node;

    if (ngx_queue_empty(&pipe->commands)) {
        ngx_log_error(NGX_LOG_ERR, node->log, 0,
                      "registry store: Redis answers what was not asked");
        ngx_http_registry_node_fail(pipe);
        return;
    }

    pipe->answered = 1;
    node->failures = 0;

    q = ngx_queue_head(&pipe->commands);

    node->depth++;
    node->answering = pipe;

    ngx_http_registry_node_answer(ngx_queue_data(q,
                                          ngx_http_registry_command_t, queue),
                                  reply);

    node->answering = NULL;
    pipe->timer.cancelable = ngx_queue_empty(&pipe->commands) ? 1 : 0;

    ngx_http_registry_node_leave(node);
}


static void
ngx_http_registry_node_closed(void *data)
{
    ngx_http_registry_pipe_t *pipe = data;

    pipe->link = NULL;

    ngx_http_registry_node_fail(pipe);
}


/*
 * A worker that was busy for long finds answers and the timer at once; nginx
 * reads what has come before it looks at timers.
 */

static void
ngx_http_registry_node_timeout(ngx_event_t *ev)
{
    ngx_http_registry_pipe_t *pipe = ev->data;

    ngx_queue_t                  *q;
    ngx_msec_int_t                left;
    ngx_http_registry_node_t     *node;
    ngx_http_registry_command_t  *command;

    node = pipe->node;

    node->depth++;

    while (!ngx_queue_empty(&pipe->commands)) {

        q = ngx_queue_head(&pipe->commands);
        command = ngx_queue_data(q, ngx_http_registry_command_t, queue);

        left = (ngx_msec_int_t) (command->deadline - ngx_current_msec);

        if (left > 0) {

            if (!pipe->timer.timer_set) {
                ngx_add_timer(&pipe->timer, (ngx_msec_t) left);
            }

            break;
        }

        if (pipe->ready) {
            ngx_log_error(NGX_LOG_ERR, node->log, NGX_ETIMEDOUT,
                          "registry store: Redis at \"%*s\" does not answer",
                          node->host.len, node->host.data);

            ngx_http_registry_node_fail(pipe);
            break;
        }

        /* the link may still come, but too late for this one */

        if (node->failures == 0) {
            ngx_http_registry_node_failed(node);
        }

        ngx_http_registry_node_answer(command, NULL);
    }

    ngx_http_registry_node_leave(node);
}


/* Closes the link; nobody who waits for it gets an answer. */

static void
ngx_http_registry_node_fail(ngx_http_registry_pipe_t *pipe)
{
    ngx_queue_t                   lost, *q;
    ngx_http_registry_node_t     *node;
    ngx_http_registry_command_t  *command;

    node = pipe->node;

    if (pipe->link) {
        ngx_http_registry_link_close(pipe->link);
        pipe->link = NULL;
    }

    pipe->ready = 0;

    /* that Redis closes what it has served and nobody uses is no failure */

    if (!pipe->answered || !ngx_queue_empty(&pipe->commands)) {
        ngx_http_registry_node_failed(node);
    }

    node->depth++;

    /* those who ask again meanwhile are not among them */

    ngx_queue_init(&lost);

    while (!ngx_queue_empty(&pipe->commands)) {
        q = ngx_queue_head(&pipe->commands);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&lost, q);
    }

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        command = ngx_queue_data(q, ngx_http_registry_command_t, queue);

        ngx_http_registry_node_answer(command, NULL);
    }

    ngx_http_registry_node_leave(node);
}


static void
ngx_http_registry_node_failed(ngx_http_registry_node_t *node)
{
    node->failures++;
    node->retry = ngx_current_msec
                  + ngx_http_registry_backoff(node->failures);
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


/* Takes the command off and frees it. */

static void
ngx_http_registry_node_answer(ngx_http_registry_command_t *command,
    redisReply *reply)
{
    void                        *data;
    ngx_http_registry_reply_pt   handler;

    data = command->data;
    handler = command->pipe->node->freed ? NULL : command->handler;

    ngx_http_registry_node_drop(command);

    if (handler) {
        handler(data, reply);
    }
}


/* The owner may have freed the node in a handler that we called. */

static void
ngx_http_registry_node_leave(ngx_http_registry_node_t *node)
{
    node->depth--;

    if (node->freed && node->depth == 0) {
        ngx_free(node);
    }
}
