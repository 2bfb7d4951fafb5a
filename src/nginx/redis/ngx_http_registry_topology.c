/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_state.h"


static ngx_http_registry_ask_t *ngx_http_registry_topology_ask(
    ngx_http_registry_topology_t *topology, size_t argc,
    const reg_str_t *argv);
static void ngx_http_registry_topology_reply(void *data, redisReply *reply);
static void ngx_http_registry_topology_answer(ngx_http_registry_ask_t *ask,
    redisReply *reply, uint64_t source);
static void ngx_http_registry_topology_again(ngx_event_t *ev);
static void ngx_http_registry_topology_resume(ngx_http_registry_ask_t *ask);
static uint64_t ngx_http_registry_topology_since(
    ngx_http_registry_topology_t *topology,
    ngx_http_registry_member_t *member, unsigned slot, int64_t *since);


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

    switch (conf->url.kind) {

    case REG_STORE_SENTINEL:
        topology->kind = &ngx_http_registry_topology_sentinel;
        break;

    case REG_STORE_CLUSTER:
        topology->kind = &ngx_http_registry_topology_cluster;
        break;

    default:
        topology->kind = &ngx_http_registry_topology_single;
        break;
    }

    topology->conf = *conf;
    topology->handlers = handlers;
    topology->data = data;
    topology->log = log;

    ngx_queue_init(&topology->members);
    ngx_queue_init(&topology->guests);
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

    ngx_queue_add(&topology->members, &topology->guests);
    ngx_queue_add(&topology->members, &topology->retired);

    while (!ngx_queue_empty(&topology->members)) {
        q = ngx_queue_head(&topology->members);

        ngx_http_registry_member_free(ngx_queue_data(q,
                                           ngx_http_registry_member_t, queue));
    }

    while (!ngx_queue_empty(&topology->waiting)) {
        q = ngx_queue_head(&topology->waiting);

        ngx_http_registry_topology_detach(ngx_queue_data(q,
                                              ngx_http_registry_ask_t, queue));
    }

    if (topology->places) {
        ngx_free(topology->places);
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

    if (ngx_http_registry_topology_send(ask, member, 0) != NGX_OK) {
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


/*
 * Who does not answer for the slot, as far as we know, may know the answer, but
 * nobody who tells us of changes vouches for it.
 */

ngx_int_t
ngx_http_registry_topology_send(ngx_http_registry_ask_t *ask,
    ngx_http_registry_member_t *member, ngx_uint_t asking)
{
    int64_t                        since;
    ngx_http_registry_topology_t  *topology;

    topology = ask->topology;

    if (asking) {
        ask->command = ngx_http_registry_node_asking(member->node, ask->argc,
                              ask->argv, ngx_http_registry_topology_reply, ask);

    } else {
        ask->command = ngx_http_registry_node_command(member->node, ask->argc,
                              ask->argv, ngx_http_registry_topology_reply, ask);
    }

    if (ask->command == NULL) {
        return NGX_ERROR;
    }

    ask->sent++;
    ask->member = member;
    ask->epoch = 0;

    if (member == topology->kind->master(topology, ask->slot)) {
        ask->epoch = ngx_http_registry_topology_since(topology, member,
                                                      ask->slot, &since);
    }

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

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    ngx_free(ask);
}


static void
ngx_http_registry_topology_reply(void *data, redisReply *reply)
{
    ngx_http_registry_ask_t *ask = data;

    uint64_t                       source;
    ngx_int_t                      rc;
    ngx_http_registry_link_t      *link;
    ngx_http_registry_topology_t  *topology;

    topology = ask->topology;

    link = ngx_http_registry_node_link(ask->member->node);
    source = link ? ngx_http_registry_link_source(link) : 0;

    rc = topology->kind->check ? topology->kind->check(ask, reply) : NGX_OK;

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_DECLINED) {
        reply = NULL;
    }

    if (ask->member) {
        ngx_http_registry_member_leave(ask);
    }

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
    ngx_queue_t  *q;

    topology->searching = 0;

    while (!ngx_queue_empty(&topology->waiting)) {
        q = ngx_queue_head(&topology->waiting);
        ngx_queue_remove(q);

        ngx_http_registry_topology_resume(ngx_queue_data(q,
                                              ngx_http_registry_ask_t, queue));
    }
}


void
ngx_http_registry_topology_delay(ngx_http_registry_ask_t *ask,
    ngx_msec_t pause)
{
    ask->timer.handler = ngx_http_registry_topology_again;
    ask->timer.data = ask;
    ask->timer.log = ask->topology->log;

    ngx_queue_insert_tail(&ask->topology->waiting, &ask->queue);
    ngx_add_timer(&ask->timer, pause);
}


static void
ngx_http_registry_topology_again(ngx_event_t *ev)
{
    ngx_http_registry_ask_t *ask = ev->data;

    ngx_queue_remove(&ask->queue);

    ngx_http_registry_topology_resume(ask);
}


/* A question that has waited, and is in no queue any more. */

static void
ngx_http_registry_topology_resume(ngx_http_registry_ask_t *ask)
{
    ngx_http_registry_member_t    *member;
    ngx_http_registry_topology_t  *topology;

    topology = ask->topology;

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    member = topology->kind->master(topology, ask->slot);

    if (member == NULL
        || ngx_http_registry_topology_send(ask, member, 0) != NGX_OK)
    {
        ngx_http_registry_topology_answer(ask, NULL, 0);
    }
}


void
ngx_http_registry_topology_lease(ngx_http_registry_topology_t *topology,
    unsigned slot, ngx_http_registry_lease_t *lease)
{
    ngx_http_registry_member_t  *member;

    ngx_memzero(lease, sizeof(ngx_http_registry_lease_t));

    member = topology->kind->master(topology, slot);
    if (member == NULL) {
        return;
    }

    lease->epoch = ngx_http_registry_topology_since(topology, member, slot,
                                                    &lease->since);
    lease->source = ngx_http_registry_tracker_source(member->tracker);
    lease->holds = ngx_http_registry_member_holds(member,
                                              ngx_http_registry_tracker_now());
    lease->refused = ngx_http_registry_tracker_refused(member->tracker);
}


/*
 * The epoch of a slot, and since when it is.  All are counted by one counter,
 * so whichever began last is a new one for all that it is made of.
 */

static uint64_t
ngx_http_registry_topology_since(ngx_http_registry_topology_t *topology,
    ngx_http_registry_member_t *member, unsigned slot, int64_t *since)
{
    uint64_t                    epoch;
    ngx_http_registry_place_t  *place;

    epoch = ngx_max(member->epoch,
                    ngx_http_registry_tracker_epoch(member->tracker));
    *since = ngx_max(member->since,
                     ngx_http_registry_tracker_since(member->tracker));

    if (topology->places) {
        place = &topology->places[slot];

        epoch = ngx_max(epoch, place->epoch);
        *since = ngx_max(*since, place->since);
    }

    return epoch;
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

    if (ngx_queue_empty(&topology->members)) {
        return 0;
    }

    now = ngx_http_registry_tracker_now();
    latest = topology->moved;

    for (q = ngx_queue_head(&topology->members);
         q != ngx_queue_sentinel(&topology->members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_registry_member_t, queue);

        if (!ngx_http_registry_member_holds(member, now)) {
            return 0;
        }

        epoch = ngx_http_registry_tracker_epoch(member->tracker);
        latest = ngx_max(latest, ngx_max(epoch, member->epoch));
    }

    return latest;
}
