/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_count.h"
#include "ngx_http_registry_node_state.h"

/*
 * Milliseconds to connect: more than a command has, for TLS takes its time,
 * and a SYN that was lost is sent again after 1 s.
 */

#define NGX_HTTP_REGISTRY_NODE_CONNECT   1500


static ngx_http_registry_command_t *ngx_http_registry_pipe_queue(
    ngx_http_registry_pipe_t *pipe, size_t argc, const reg_str_t *argv);
static ngx_int_t ngx_http_registry_pipe_send(ngx_http_registry_pipe_t *pipe,
    ngx_uint_t asking, size_t argc, const reg_str_t *argv);
static void ngx_http_registry_pipe_ready(void *data);
static void ngx_http_registry_pipe_reply(void *data, redisReply *reply);
static void ngx_http_registry_pipe_take(ngx_http_registry_command_t *command,
    redisReply *reply);
static void ngx_http_registry_pipe_closed(void *data);
static void ngx_http_registry_pipe_timeout(ngx_event_t *ev);
static void ngx_http_registry_pipe_fail(ngx_http_registry_pipe_t *pipe);
static void ngx_http_registry_pipe_failed(ngx_http_registry_node_t *node);
static void ngx_http_registry_pipe_answer(
    ngx_http_registry_command_t *command, redisReply *reply);
static void ngx_http_registry_pipe_leave(ngx_http_registry_node_t *node);


static const ngx_http_registry_link_handlers_t
    ngx_http_registry_pipe_handlers =
{
    ngx_http_registry_pipe_ready,
    ngx_http_registry_pipe_reply,
    ngx_http_registry_pipe_closed
};


void
ngx_http_registry_pipe_init(ngx_http_registry_pipe_t *pipe,
    ngx_http_registry_node_t *node)
{
    pipe->node = node;
    pipe->timer.handler = ngx_http_registry_pipe_timeout;
    pipe->timer.data = pipe;
    pipe->timer.log = node->log;

    ngx_queue_init(&pipe->commands);
}


void
ngx_http_registry_pipe_free(ngx_http_registry_pipe_t *pipe)
{
    ngx_queue_t  *q;

    if (pipe->link) {
        ngx_http_registry_link_close(pipe->link);
        pipe->link = NULL;
    }

    if (pipe->timer.timer_set) {
        ngx_del_timer(&pipe->timer);
    }

    while (!ngx_queue_empty(&pipe->commands)) {
        q = ngx_queue_head(&pipe->commands);

        ngx_http_registry_pipe_drop(ngx_queue_data(q,
                                          ngx_http_registry_command_t, queue));
    }
}


ngx_int_t
ngx_http_registry_pipe_open(ngx_http_registry_pipe_t *pipe)
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
                              &ngx_http_registry_pipe_handlers, pipe,
                              node->log);

    } else {
        pipe->link = ngx_http_registry_link_open(node->conf, node->host,
                              node->port, timeout,
                              &ngx_http_registry_pipe_handlers, pipe,
                              node->log);
    }

    if (pipe->link == NULL) {
        ngx_http_registry_pipe_failed(node);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_registry_command_t *
ngx_http_registry_pipe_command(ngx_http_registry_pipe_t *pipe,
    ngx_uint_t asking, size_t argc, const reg_str_t *argv,
    ngx_http_registry_reply_pt handler, void *data)
{
    ngx_http_registry_command_t  *command;

    command = ngx_http_registry_pipe_queue(pipe, argc, argv);
    if (command == NULL) {
        return NULL;
    }

    command->asking = asking ? 1 : 0;
    command->handler = handler;
    command->data = data;

    pipe->wanted++;

    ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_COMMANDS);

    if (pipe->ready
        && ngx_http_registry_pipe_send(pipe, asking, argc, argv) != NGX_OK)
    {
        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_COMMANDS_FAILED);
        ngx_http_registry_pipe_drop(command);
        return NULL;
    }

    if (!pipe->timer.timer_set) {
        ngx_add_timer(&pipe->timer, (ngx_msec_t) pipe->node->conf->url.timeout);
    }

    pipe->timer.cancelable = 0;

    return command;
}


/* What cannot be sent yet is copied. */

static ngx_http_registry_command_t *
ngx_http_registry_pipe_queue(ngx_http_registry_pipe_t *pipe, size_t argc,
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
    command->handler = NULL;
    command->deadline = ngx_current_msec + pipe->node->conf->url.timeout;
    command->begun = ngx_http_registry_count_now();

    ngx_queue_insert_tail(&pipe->commands, &command->queue);
    pipe->n++;

    return command;
}


void
ngx_http_registry_pipe_drop(ngx_http_registry_command_t *command)
{
    ngx_http_registry_pipe_unwant(command);

    ngx_queue_remove(&command->queue);
    command->pipe->n--;

    ngx_free(command);
}


void
ngx_http_registry_pipe_unwant(ngx_http_registry_command_t *command)
{
    ngx_http_registry_pipe_t  *pipe;

    if (command->handler == NULL) {
        return;
    }

    command->handler = NULL;
    pipe = command->pipe;

    if (--pipe->wanted == 0) {
        pipe->timer.cancelable = 1;
    }
}


/* Both in one piece: what Redis takes behind an ASKING must be its command. */

static ngx_int_t
ngx_http_registry_pipe_send(ngx_http_registry_pipe_t *pipe, ngx_uint_t asking,
    size_t argc, const reg_str_t *argv)
{
    if (asking) {
        return ngx_http_registry_link_send_asking(pipe->link, argc, argv);
    }

    return ngx_http_registry_link_send(pipe->link, argc, argv);
}


static void
ngx_http_registry_pipe_ready(void *data)
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

        if (ngx_http_registry_pipe_send(pipe, command->asking, command->argc,
                                        command->argv)
            != NGX_OK)
        {
            ngx_http_registry_pipe_fail(pipe);
            return;
        }

        command->argc = 0;
    }
}


static void
ngx_http_registry_pipe_reply(void *data, redisReply *reply)
{
    ngx_http_registry_pipe_t *pipe = data;

    ngx_queue_t               *q;
    ngx_http_registry_node_t  *node;

    node = pipe->node;

    if (ngx_queue_empty(&pipe->commands)) {
        ngx_log_error(NGX_LOG_ERR, node->log, 0,
                      "registry store: Redis answers what was not asked");
        ngx_http_registry_pipe_fail(pipe);
        return;
    }

    pipe->answered = 1;
    node->failures = 0;

    q = ngx_queue_head(&pipe->commands);

    node->depth++;
    node->answering = pipe;

    ngx_http_registry_pipe_take(ngx_queue_data(q,
                                          ngx_http_registry_command_t, queue),
                                reply);

    node->answering = NULL;

    ngx_http_registry_pipe_leave(node);
}


/*
 * Where ASKING is refused, that is the answer, and what follows is none: its
 * command was taken for one that came without.
 */

static void
ngx_http_registry_pipe_take(ngx_http_registry_command_t *command,
    redisReply *reply)
{
    ngx_http_registry_reply_pt  handler;

    if (!command->asking) {
        ngx_http_registry_pipe_answer(command, reply);
        return;
    }

    command->asking = 0;

    if (reply->type == REDIS_REPLY_ERROR && command->handler) {
        handler = command->handler;
        ngx_http_registry_pipe_unwant(command);

        handler(command->data, reply);
    }
}


static void
ngx_http_registry_pipe_closed(void *data)
{
    ngx_http_registry_pipe_t *pipe = data;

    pipe->link = NULL;

    ngx_http_registry_pipe_fail(pipe);
}


/*
 * A worker that was busy for long finds answers and the timer at once; nginx
 * reads what has come before it looks at timers.
 */

static void
ngx_http_registry_pipe_timeout(ngx_event_t *ev)
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

            ngx_http_registry_pipe_fail(pipe);
            break;
        }

        /* the link may still come, but too late for this one */

        if (node->failures == 0) {
            ngx_http_registry_pipe_failed(node);
        }

        ngx_http_registry_pipe_answer(command, NULL);
    }

    ngx_http_registry_pipe_leave(node);
}


/* Closes the link; nobody who waits for it gets an answer. */

static void
ngx_http_registry_pipe_fail(ngx_http_registry_pipe_t *pipe)
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
        ngx_http_registry_pipe_failed(node);
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

        ngx_http_registry_pipe_answer(command, NULL);
    }

    ngx_http_registry_pipe_leave(node);
}


static void
ngx_http_registry_pipe_failed(ngx_http_registry_node_t *node)
{
    node->failures++;
    node->retry = ngx_current_msec
                  + ngx_http_registry_backoff(node->failures);
}


/* Takes the command off and frees it. */

static void
ngx_http_registry_pipe_answer(ngx_http_registry_command_t *command,
    redisReply *reply)
{
    void                        *data;
    ngx_http_registry_reply_pt   handler;

    if (reply) {
        ngx_http_registry_count_answer((ngx_uint_t)
                                       (ngx_http_registry_count_now()
                                        - command->begun));

    } else {
        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_COMMANDS_FAILED);
    }

    data = command->data;
    handler = command->pipe->node->freed ? NULL : command->handler;

    ngx_http_registry_pipe_drop(command);

    if (handler) {
        handler(data, reply);
    }
}


/* The owner may have freed the node in a handler that we called. */

static void
ngx_http_registry_pipe_leave(ngx_http_registry_node_t *node)
{
    node->depth--;

    if (node->freed && node->depth == 0) {
        ngx_free(node);
    }
}
