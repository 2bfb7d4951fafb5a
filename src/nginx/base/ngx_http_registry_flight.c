/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_flight.h"
#include "ngx_http_registry_wait.h"

struct ngx_http_registry_flight_s {
    ngx_queue_t                 queue;        /* of the flights of the worker */
    reg_siphash_t               key;
    ngx_queue_t                 waiters;      /* of traveller_t */
    ngx_http_registry_land_pt   land;
};


static ngx_http_registry_flight_t *ngx_http_registry_flight_find(
    ngx_queue_t *flights, reg_siphash_t *key);
static void ngx_http_registry_flight_end(ngx_http_registry_flight_t *flight,
    ngx_http_registry_traveller_t *leader);
static void ngx_http_registry_flight_wake(ngx_event_t *ev);


ngx_int_t
ngx_http_registry_flight_join(ngx_queue_t *flights, reg_siphash_t *key,
    ngx_http_registry_traveller_t *traveller, ngx_http_registry_land_pt land)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_registry_flight_t  *flight;

    r = traveller->request;
    c = r->connection;

    flight = ngx_http_registry_flight_find(flights, key);

    if (flight) {
        traveller->waits = 1;

        traveller->wake.handler = ngx_http_registry_flight_wake;
        traveller->wake.data = traveller;
        traveller->wake.log = c->log;

        ngx_queue_insert_tail(&flight->waiters, &traveller->queue);

        return ngx_http_registry_wait(r);
    }

    flight = ngx_alloc(sizeof(ngx_http_registry_flight_t), c->log);
    if (flight == NULL) {
        return NGX_ERROR;
    }

    flight->key = *key;
    flight->land = land;
    ngx_queue_init(&flight->waiters);
    ngx_queue_insert_head(flights, &flight->queue);

    traveller->leads = flight;

    return NGX_OK;
}


ngx_uint_t
ngx_http_registry_flight_flies(ngx_queue_t *flights, reg_siphash_t *key)
{
    return ngx_http_registry_flight_find(flights, key) != NULL;
}


static ngx_http_registry_flight_t *
ngx_http_registry_flight_find(ngx_queue_t *flights, reg_siphash_t *key)
{
    ngx_queue_t                 *q;
    ngx_http_registry_flight_t  *flight;

    for (q = ngx_queue_head(flights);
         q != ngx_queue_sentinel(flights);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_registry_flight_t, queue);

        if (flight->key.lo == key->lo && flight->key.hi == key->hi) {
            return flight;
        }
    }

    return NULL;
}


void
ngx_http_registry_flight_land(ngx_http_registry_traveller_t *traveller)
{
    if (traveller->leads) {
        ngx_http_registry_flight_end(traveller->leads, traveller);
        traveller->leads = NULL;
    }
}


void
ngx_http_registry_flight_leave(ngx_http_registry_traveller_t *traveller)
{
    if (traveller->leads) {
        ngx_http_registry_flight_end(traveller->leads, NULL);
        traveller->leads = NULL;
    }

    if (traveller->waits) {
        ngx_queue_remove(&traveller->queue);
        traveller->waits = 0;
    }

    if (traveller->wake.posted) {
        ngx_delete_posted_event(&traveller->wake);
    }
}


/* Without a leader there is no answer. */

static void
ngx_http_registry_flight_end(ngx_http_registry_flight_t *flight,
    ngx_http_registry_traveller_t *leader)
{
    ngx_queue_t                    *q;
    ngx_http_registry_traveller_t  *waiter;

    ngx_queue_remove(&flight->queue);

    while (!ngx_queue_empty(&flight->waiters)) {

        q = ngx_queue_head(&flight->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_http_registry_traveller_t, queue);
        waiter->waits = 0;

        flight->land(waiter, leader);

        ngx_post_event(&waiter->wake, &ngx_posted_events);
    }

    ngx_free(flight);
}


/* Not from where the answer came: that is in the middle of its own request. */

static void
ngx_http_registry_flight_wake(ngx_event_t *ev)
{
    ngx_http_registry_traveller_t  *waiter;

    waiter = ev->data;

    ngx_http_registry_resume(waiter->request);
}
