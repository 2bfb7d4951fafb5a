/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H
#define NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H

/*
 * A topology from the inside: questions are in ngx_http_registry_topology.c,
 * servers in ngx_http_registry_topology_member.c, and who is asked is in a file
 * of each kind.
 */

#include "ngx_http_registry_topology.h"

typedef struct ngx_http_registry_member_s  ngx_http_registry_member_t;


/* A server, and the questions that it has not answered yet. */

struct ngx_http_registry_member_s {
    ngx_queue_t                    queue;         /* members or retired */
    ngx_http_registry_topology_t  *topology;
    ngx_http_registry_node_t      *node;
    ngx_http_registry_tracker_t   *tracker;       /* NULL: it is retired */
    ngx_queue_t                    asks;
};


struct ngx_http_registry_ask_s {
    ngx_queue_t                    queue;         /* of the member, or of */
                                                  /* those who wait for one */
    ngx_http_registry_topology_t  *topology;
    ngx_http_registry_member_t    *member;
    ngx_http_registry_command_t   *command;       /* NULL: it waits */
    ngx_http_registry_answer_pt    handler;
    void                          *data;
    uint64_t                       epoch;         /* when it was sent */
    unsigned                       slot;
    size_t                         argc;
    reg_str_t                      argv[1];       /* with what lies behind */
};


/* What the kinds do each in their way. */

typedef struct {

    /* NGX_OK, or NGX_ERROR when memory ran out */

    ngx_int_t                    (*open)(
                                     ngx_http_registry_topology_t *topology);

    /* frees what is not a member; NULL: nothing */

    void                         (*close)(
                                     ngx_http_registry_topology_t *topology);

    /* the master of a slot, or NULL */

    ngx_http_registry_member_t  *(*master)(
                                     ngx_http_registry_topology_t *topology,
                                     unsigned slot);

    /*
     * Is the reply of a server that of a master: NGX_OK or NGX_DECLINED.  NULL:
     * it always is.
     */

    ngx_int_t                    (*check)(ngx_http_registry_ask_t *ask,
                                          redisReply *reply);
} ngx_http_registry_topology_kind_t;


struct ngx_http_registry_topology_s {
    const ngx_http_registry_topology_kind_t     *kind;
    ngx_http_registry_redis_conf_t               conf;
    const ngx_http_registry_tracker_handlers_t  *handlers;
    void                                        *data;
    ngx_log_t                                   *log;
    void                                        *state;     /* of the kind */

    ngx_queue_t                                  members;   /* masters */
    ngx_queue_t                                  retired;
    uint64_t                                     epochs;

    /* until a master was found at first, or was not */

    ngx_queue_t                                  waiting;
    unsigned                                     searching:1;
};


extern const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_single;

extern const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_sentinel;


/*
 * The search is over: those who wait are sent to their masters, or get no
 * answer.
 */

void ngx_http_registry_topology_settle(ngx_http_registry_topology_t *topology);


/* A server, and its tracker.  NULL when memory ran out. */

ngx_http_registry_member_t *ngx_http_registry_member_add(
    ngx_http_registry_topology_t *topology, reg_str_t host, unsigned port);


/* A master no more: it goes when it has answered what it was asked. */

void ngx_http_registry_member_retire(ngx_http_registry_member_t *member);


/* A question is no longer its own. */

void ngx_http_registry_member_leave(ngx_http_registry_ask_t *ask);


/* Frees a server and the questions to it; nobody is called any more. */

void ngx_http_registry_member_free(ngx_http_registry_member_t *member);

#endif /* NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H */
