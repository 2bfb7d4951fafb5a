/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_NODE_STATE_H
#define NGX_HTTP_REGISTRY_NODE_STATE_H

/*
 * A node from the inside: who is given which link is in
 * ngx_http_registry_node.c, and what becomes of it there in
 * ngx_http_registry_node_pipe.c.
 */

#include "ngx_http_registry_node.h"

#define NGX_HTTP_REGISTRY_NODE_LINKS     2


/* A link and those who wait for it, in the order of its answers. */

typedef struct {
    ngx_http_registry_node_t    *node;
    ngx_http_registry_link_t    *link;            /* or NULL */
    ngx_queue_t                  commands;
    ngx_uint_t                   n;
    ngx_uint_t                   wanted;          /* by those who still wait */
    ngx_event_t                  timer;           /* cancelable: by nobody */
    unsigned                     ready:1;
    unsigned                     answered:1;      /* since it was opened */
} ngx_http_registry_pipe_t;


struct ngx_http_registry_command_s {
    ngx_queue_t                  queue;
    ngx_http_registry_pipe_t    *pipe;
    ngx_http_registry_reply_pt   handler;         /* NULL: detached */
    void                        *data;
    ngx_msec_t                   deadline;
    int64_t                      begun;           /* us */
    unsigned                     asking:1;        /* behind an ASKING that */
                                                  /* was not answered yet */
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


void ngx_http_registry_pipe_init(ngx_http_registry_pipe_t *pipe,
    ngx_http_registry_node_t *node);

/* Closes the link; nobody who waits for it is called any more. */

void ngx_http_registry_pipe_free(ngx_http_registry_pipe_t *pipe);


/* Begins to connect: NGX_OK or NGX_ERROR, which counts as a failure. */

ngx_int_t ngx_http_registry_pipe_open(ngx_http_registry_pipe_t *pipe);


/* Adds a command, which is sent when the link is ready.  NULL: no memory. */

ngx_http_registry_command_t *ngx_http_registry_pipe_command(
    ngx_http_registry_pipe_t *pipe, ngx_uint_t asking, size_t argc,
    const reg_str_t *argv, ngx_http_registry_reply_pt handler, void *data);

/* Takes a command off and frees it. */

void ngx_http_registry_pipe_drop(ngx_http_registry_command_t *command);


/*
 * Nobody waits for a command any more, which stays for its answer: a worker
 * that quits does not.
 */

void ngx_http_registry_pipe_unwant(ngx_http_registry_command_t *command);

#endif /* NGX_HTTP_REGISTRY_NODE_STATE_H */
