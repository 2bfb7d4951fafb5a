/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_state.h"


static ngx_http_registry_member_t *ngx_http_registry_member_look(
    ngx_queue_t *list, reg_str_t host, unsigned port);


ngx_http_registry_member_t *
ngx_http_registry_member_invite(ngx_http_registry_topology_t *topology,
    reg_str_t host, unsigned port)
{
    ngx_http_registry_member_t  *member;

    member = ngx_calloc(sizeof(ngx_http_registry_member_t) + host.len,
                        topology->log);
    if (member == NULL) {
        return NULL;
    }

    member->topology = topology;
    member->port = port;
    member->host.len = host.len;
    member->host.data = (u_char *) (member + 1);
    ngx_memcpy(member->host.data, host.data, host.len);

    member->until = INT64_MAX;
    member->used = ngx_http_registry_tracker_now();

    ngx_queue_init(&member->asks);
    ngx_queue_insert_tail(&topology->guests, &member->queue);

    member->node = ngx_http_registry_node_create(&topology->conf, host, port,
                                                 topology->log);

    if (member->node == NULL) {
        ngx_http_registry_member_free(member);
        return NULL;
    }

    return member;
}


ngx_int_t
ngx_http_registry_member_adopt(ngx_http_registry_member_t *member)
{
    ngx_http_registry_topology_t  *topology;

    topology = member->topology;

    member->tracker = ngx_http_registry_tracker_create(&topology->conf,
                              member->host, member->port, member->node,
                              &topology->epochs, topology->handlers,
                              topology->data, topology->log);

    if (member->tracker == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_remove(&member->queue);
    ngx_queue_insert_tail(&topology->members, &member->queue);

    return NGX_OK;
}


ngx_http_registry_member_t *
ngx_http_registry_member_add(ngx_http_registry_topology_t *topology,
    reg_str_t host, unsigned port)
{
    ngx_http_registry_member_t  *member;

    member = ngx_http_registry_member_invite(topology, host, port);

    if (member && ngx_http_registry_member_adopt(member) != NGX_OK) {
        ngx_http_registry_member_free(member);
        return NULL;
    }

    return member;
}


ngx_http_registry_member_t *
ngx_http_registry_member_find(ngx_http_registry_topology_t *topology,
    reg_str_t host, unsigned port)
{
    ngx_http_registry_member_t  *member;

    member = ngx_http_registry_member_look(&topology->members, host, port);

    return member ? member
                  : ngx_http_registry_member_look(&topology->guests, host,
                                                  port);
}


static ngx_http_registry_member_t *
ngx_http_registry_member_look(ngx_queue_t *list, reg_str_t host,
    unsigned port)
{
    ngx_queue_t                 *q;
    ngx_http_registry_member_t  *member;

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_registry_member_t, queue);

        if (member->port == port && reg_str_eq(member->host, host)) {
            return member;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_registry_member_holds(ngx_http_registry_member_t *member,
    int64_t now)
{
    return member->until > now
           && ngx_http_registry_tracker_until(member->tracker) > now;
}


/* Each question has a time limit, so that this ends. */

void
ngx_http_registry_member_retire(ngx_http_registry_member_t *member)
{
    if (ngx_queue_empty(&member->asks)) {
        ngx_http_registry_member_free(member);
        return;
    }

    if (member->tracker) {
        ngx_http_registry_tracker_free(member->tracker);
        member->tracker = NULL;
    }

    member->retired = 1;

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

    if (member->retired && ngx_queue_empty(&member->asks)) {
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
