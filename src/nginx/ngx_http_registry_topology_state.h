/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H
#define NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H

/*
 * A topology from the inside: questions and members are in
 * ngx_http_registry_topology.c, who is asked is in a file of each kind.
 */

#include "ngx_http_registry_topology.h"

typedef struct ngx_http_registry_member_s  ngx_http_registry_member_t;


/* A server, and the questions that it has not answered yet. */

struct ngx_http_registry_member_s {
    ngx_queue_t                    queue;         /* of the topology */
    ngx_http_registry_topology_t  *topology;
    ngx_http_registry_node_t      *node;
    ngx_http_registry_tracker_t   *tracker;
    ngx_queue_t                    asks;
};


struct ngx_http_registry_ask_s {
    ngx_queue_t                    queue;         /* of the member */
    ngx_http_registry_member_t    *member;
    ngx_http_registry_command_t   *command;
    ngx_http_registry_answer_pt    handler;
    void                          *data;
    uint64_t                       epoch;         /* when it was sent */
};


/* What the kinds do each in their way. */

typedef struct {

    /* NGX_OK, or NGX_ERROR when memory ran out */

    ngx_int_t                    (*open)(
                                     ngx_http_registry_topology_t *topology);

    /* the master of a slot, or NULL */

    ngx_http_registry_member_t  *(*master)(
                                     ngx_http_registry_topology_t *topology,
                                     unsigned slot);
} ngx_http_registry_topology_kind_t;


struct ngx_http_registry_topology_s {
    const ngx_http_registry_topology_kind_t     *kind;
    ngx_http_registry_redis_conf_t              *conf;
    const ngx_http_registry_tracker_handlers_t  *handlers;
    void                                        *data;
    ngx_log_t                                   *log;
    ngx_queue_t                                  members;
    uint64_t                                     epochs;
};


extern const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_single;


/* A server, and its tracker.  NULL when memory ran out. */

ngx_http_registry_member_t *ngx_http_registry_member_add(
    ngx_http_registry_topology_t *topology, reg_str_t host, unsigned port);

#endif /* NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H */
