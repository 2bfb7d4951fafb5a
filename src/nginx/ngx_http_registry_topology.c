/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_state.h"


static void ngx_http_registry_topology_reply(void *data, redisReply *reply);
static void ngx_http_registry_member_free(ngx_http_registry_member_t *member);


ngx_http_registry_topology_t *
ngx_http_registry_topology_create(ngx_http_registry_redis_conf_t *conf,
    const ngx_http_registry_tracker_handlers_t *handlers, void *data,
    ngx_log_t *log)
{
    ngx_http_registry_topology_t  *topology;

    topology = ngx_calloc(sizeof(ngx_http_registry_topology_t), log);
    if (topology == NULL) {
        return NULL;
    }

    topology->kind = &ngx_http_registry_topology_single;
    topology->conf = conf;
    topology->handlers = handlers;
    topology->data = data;
    topology->log = log;

    ngx_queue_init(&topology->members);

    if (topology->kind->open(topology) != NGX_OK) {
        ngx_http_registry_topology_free(topology);
        return NULL;
    }

    return topology;
}


void
ngx_http_registry_topology_free(ngx_http_registry_topology_t *topology)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&topology->members)) {
        q = ngx_queue_head(&topology->members);

        ngx_http_registry_member_free(ngx_queue_data(q,
                                           ngx_http_registry_member_t, queue));
    }

    ngx_free(topology);
}


ngx_http_registry_ask_t *
ngx_http_registry_topology_command(ngx_http_registry_topology_t *topology,
    unsigned slot, size_t argc, const reg_str_t *argv,
    ngx_http_registry_answer_pt handler, void *data)
{
    ngx_http_registry_ask_t     *ask;
    ngx_http_registry_member_t  *member;

    member = topology->kind->master(topology, slot);
    if (member == NULL) {
        return NULL;
    }

    ask = ngx_alloc(sizeof(ngx_http_registry_ask_t), topology->log);
    if (ask == NULL) {
        return NULL;
    }

    ask->member = member;
    ask->handler = handler;
    ask->data = data;
    ask->epoch = ngx_http_registry_tracker_epoch(member->tracker);

    ask->command = ngx_http_registry_node_command(member->node, argc, argv,
                                              ngx_http_registry_topology_reply,
                                              ask);
    if (ask->command == NULL) {
        ngx_free(ask);
        return NULL;
    }

    ngx_queue_insert_tail(&member->asks, &ask->queue);

    return ask;
}


void
ngx_http_registry_topology_detach(ngx_http_registry_ask_t *ask)
{
    ngx_http_registry_command_detach(ask->command);

    ngx_queue_remove(&ask->queue);
    ngx_free(ask);
}


/* The handler may free the topology. */

static void
ngx_http_registry_topology_reply(void *data, redisReply *reply)
{
    ngx_http_registry_ask_t *ask = data;

    void                         *asker;
    ngx_http_registry_link_t     *link;
    ngx_http_registry_origin_t    origin;
    ngx_http_registry_answer_pt   handler;

    link = ngx_http_registry_node_link(ask->member->node);

    origin.epoch = ask->epoch;
    origin.source = link ? ngx_http_registry_link_source(link) : 0;

    handler = ask->handler;
    asker = ask->data;

    ngx_queue_remove(&ask->queue);
    ngx_free(ask);

    handler(asker, reply, &origin);
}


void
ngx_http_registry_topology_lease(ngx_http_registry_topology_t *topology,
    unsigned slot, ngx_http_registry_lease_t *lease)
{
    ngx_http_registry_member_t   *member;
    ngx_http_registry_tracker_t  *tracker;

    ngx_memzero(lease, sizeof(ngx_http_registry_lease_t));

    member = topology->kind->master(topology, slot);
    if (member == NULL) {
        return;
    }

    tracker = member->tracker;

    lease->epoch = ngx_http_registry_tracker_epoch(tracker);
    lease->source = ngx_http_registry_tracker_source(tracker);
    lease->since = ngx_http_registry_tracker_since(tracker);
    lease->holds = ngx_http_registry_tracker_until(tracker)
                   > ngx_http_registry_tracker_now();
    lease->refused = ngx_http_registry_tracker_refused(tracker);
}


/*
 * The clock is read for each request: nginx's own time stands still while a
 * worker is busy, and a lease must not live longer for that.
 */

uint64_t
ngx_http_registry_topology_epoch(ngx_http_registry_topology_t *topology)
{
    int64_t                       now;
    uint64_t                      epoch, latest;
    ngx_queue_t                  *q;
    ngx_http_registry_member_t   *member;

    now = ngx_http_registry_tracker_now();
    latest = 0;

    for (q = ngx_queue_head(&topology->members);
         q != ngx_queue_sentinel(&topology->members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_registry_member_t, queue);

        if (ngx_http_registry_tracker_until(member->tracker) <= now) {
            return 0;
        }

        epoch = ngx_http_registry_tracker_epoch(member->tracker);
        latest = ngx_max(latest, epoch);
    }

    return latest;
}


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

    member->node = ngx_http_registry_node_create(topology->conf, host, port,
                                                 topology->log);

    if (member->node) {
        member->tracker = ngx_http_registry_tracker_create(topology->conf,
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


static void
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
