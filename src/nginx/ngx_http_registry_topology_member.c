/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_state.h"


ngx_http_registry_member_t *
ngx_http_registry_member_add(ngx_http_registry_topology_t *topology,
    reg_str_t host, unsigned port)
{
    ngx_http_registry_member_t  *member;

    member = ngx_calloc(sizeof(ngx_http_registry_member_t), topology->log);
    if (member == NULL) {
        return NULL;
    }

    member->topology = topology;

    ngx_queue_init(&member->asks);
    ngx_queue_insert_tail(&topology->members, &member->queue);

    member->node = ngx_http_registry_node_create(&topology->conf, host, port,
                                                 topology->log);

    if (member->node) {
        member->tracker = ngx_http_registry_tracker_create(&topology->conf,
                              host, port, member->node, &topology->epochs,
                              topology->handlers, topology->data,
                              topology->log);
    }

    if (member->tracker == NULL) {
        ngx_http_registry_member_free(member);
        return NULL;
    }

    return member;
}


/* Each question has a time limit, so that this ends. */

void
ngx_http_registry_member_retire(ngx_http_registry_member_t *member)
{
    if (ngx_queue_empty(&member->asks)) {
        ngx_http_registry_member_free(member);
        return;
    }

    ngx_http_registry_tracker_free(member->tracker);
    member->tracker = NULL;

    ngx_queue_remove(&member->queue);
    ngx_queue_insert_tail(&member->topology->retired, &member->queue);
}


void
ngx_http_registry_member_leave(ngx_http_registry_ask_t *ask)
{
    ngx_http_registry_member_t  *member;

    member = ask->member;

    ngx_queue_remove(&ask->queue);

    ask->member = NULL;
    ask->command = NULL;

    if (member->tracker == NULL && ngx_queue_empty(&member->asks)) {
        ngx_http_registry_member_free(member);
    }
}


void
ngx_http_registry_member_free(ngx_http_registry_member_t *member)
{
    ngx_queue_t  *q;

    if (member->tracker) {
        ngx_http_registry_tracker_free(member->tracker);
    }

    if (member->node) {
        ngx_http_registry_node_free(member->node);
    }

    while (!ngx_queue_empty(&member->asks)) {
        q = ngx_queue_head(&member->asks);
        ngx_queue_remove(q);

        ngx_free(ngx_queue_data(q, ngx_http_registry_ask_t, queue));
    }

    ngx_queue_remove(&member->queue);
    ngx_free(member);
}
