/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_state.h"


static ngx_http_registry_ask_t *ngx_http_registry_topology_ask(
    ngx_http_registry_topology_t *topology, size_t argc,
    const reg_str_t *argv);
static ngx_int_t ngx_http_registry_topology_send(ngx_http_registry_ask_t *ask,
    ngx_http_registry_member_t *member);
static void ngx_http_registry_topology_reply(void *data, redisReply *reply);
static void ngx_http_registry_topology_answer(ngx_http_registry_ask_t *ask,
    redisReply *reply, uint64_t source);


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

    if (conf->url.kind == REG_STORE_SENTINEL) {
        topology->kind = &ngx_http_registry_topology_sentinel;
    }

    topology->conf = *conf;
    topology->handlers = handlers;
    topology->data = data;
    topology->log = log;

    ngx_queue_init(&topology->members);
    ngx_queue_init(&topology->retired);
    ngx_queue_init(&topology->waiting);

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

    if (topology->kind->close) {
        topology->kind->close(topology);
    }

    ngx_queue_add(&topology->members, &topology->retired);

    while (!ngx_queue_empty(&topology->members)) {
        q = ngx_queue_head(&topology->members);

        ngx_http_registry_member_free(ngx_queue_data(q,
                                           ngx_http_registry_member_t, queue));
    }

    while (!ngx_queue_empty(&topology->waiting)) {
        q = ngx_queue_head(&topology->waiting);
        ngx_queue_remove(q);

        ngx_free(ngx_queue_data(q, ngx_http_registry_ask_t, queue));
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

    if (member == NULL && !topology->searching) {
        return NULL;
    }

    ask = ngx_http_registry_topology_ask(topology, argc, argv);
    if (ask == NULL) {
        return NULL;
    }

    ask->slot = slot;
    ask->handler = handler;
    ask->data = data;

    if (member == NULL) {
        ngx_queue_insert_tail(&topology->waiting, &ask->queue);
        return ask;
    }

    if (ngx_http_registry_topology_send(ask, member) != NGX_OK) {
        ngx_free(ask);
        return NULL;
    }

    return ask;
}


/* It is copied, for it may have to wait. */

static ngx_http_registry_ask_t *
ngx_http_registry_topology_ask(ngx_http_registry_topology_t *topology,
    size_t argc, const reg_str_t *argv)
{
    size_t                    i, size;
    u_char                   *p;
    ngx_http_registry_ask_t  *ask;

    size = sizeof(ngx_http_registry_ask_t) + argc * sizeof(reg_str_t);

    for (i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    ask = ngx_alloc(size, topology->log);
    if (ask == NULL) {
        return NULL;
    }

    ngx_memzero(ask, sizeof(ngx_http_registry_ask_t));

    ask->topology = topology;
    ask->argc = argc;

    p = (u_char *) &ask->argv[argc];

    for (i = 0; i < argc; i++) {
        ask->argv[i].data = p;
        ask->argv[i].len = argv[i].len;

        p = ngx_cpymem(p, argv[i].data, argv[i].len);
    }

    return ask;
}


static ngx_int_t
ngx_http_registry_topology_send(ngx_http_registry_ask_t *ask,
    ngx_http_registry_member_t *member)
{
    ask->command = ngx_http_registry_node_command(member->node, ask->argc,
                              ask->argv, ngx_http_registry_topology_reply, ask);

    if (ask->command == NULL) {
        return NGX_ERROR;
    }

    ask->member = member;
    ask->epoch = ngx_http_registry_tracker_epoch(member->tracker);

    ngx_queue_insert_tail(&member->asks, &ask->queue);

    return NGX_OK;
}


void
ngx_http_registry_topology_detach(ngx_http_registry_ask_t *ask)
{
    if (ask->member) {
        ngx_http_registry_command_detach(ask->command);
        ngx_http_registry_member_leave(ask);

    } else {
        ngx_queue_remove(&ask->queue);
    }

    ngx_free(ask);
}


static void
ngx_http_registry_topology_reply(void *data, redisReply *reply)
{
    ngx_http_registry_ask_t *ask = data;

    uint64_t                       source;
    ngx_http_registry_link_t      *link;
    ngx_http_registry_topology_t  *topology;

    topology = ask->topology;

    link = ngx_http_registry_node_link(ask->member->node);
    source = link ? ngx_http_registry_link_source(link) : 0;

    if (reply && topology->kind->check
        && topology->kind->check(ask, reply) != NGX_OK)
    {
        reply = NULL;
    }

    ngx_http_registry_member_leave(ask);

    ngx_http_registry_topology_answer(ask, reply, source);
}


static void
ngx_http_registry_topology_answer(ngx_http_registry_ask_t *ask,
    redisReply *reply, uint64_t source)
{
    void                         *data;
    ngx_http_registry_origin_t    origin;
    ngx_http_registry_answer_pt   handler;

    origin.epoch = ask->epoch;
    origin.source = source;

    handler = ask->handler;
    data = ask->data;

    ngx_free(ask);

    handler(data, reply, &origin);
}


void
ngx_http_registry_topology_settle(ngx_http_registry_topology_t *topology)
{
    ngx_queue_t                 *q;
    ngx_http_registry_ask_t     *ask;
    ngx_http_registry_member_t  *member;

    topology->searching = 0;

    while (!ngx_queue_empty(&topology->waiting)) {
        q = ngx_queue_head(&topology->waiting);
        ngx_queue_remove(q);

        ask = ngx_queue_data(q, ngx_http_registry_ask_t, queue);
        member = topology->kind->master(topology, ask->slot);

        if (member == NULL
            || ngx_http_registry_topology_send(ask, member) != NGX_OK)
        {
            ngx_http_registry_topology_answer(ask, NULL, 0);
        }
    }
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
