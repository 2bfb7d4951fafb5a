/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A flight is a question that is on its way to a backend: one request leads
 * it, and those of the same worker who want to know the same wait for it.  The
 * leader may die with its client; then who waited is woken without an answer,
 * and the first of them asks anew.
 */

#include "ngx_http_registry_offload.h"

struct ngx_http_registry_flight_s {
    ngx_queue_t      queue;        /* of the flights of the worker */
    reg_proof_key_t  key;
    ngx_queue_t      waiters;      /* of offload_t */
};


static void ngx_http_registry_flight_end(ngx_http_registry_flight_t *flight,
    ngx_http_registry_offload_t *leader);
static void ngx_http_registry_flight_wake(ngx_event_t *ev);


ngx_int_t
ngx_http_registry_flight_join(ngx_http_registry_offload_main_conf_t *omcf,
    ngx_http_registry_offload_t *offload)
{
    ngx_log_t                   *log;
    ngx_queue_t                 *q;
    ngx_http_registry_flight_t  *flight;

    log = offload->request->connection->log;

    for (q = ngx_queue_head(omcf->flights);
         q != ngx_queue_sentinel(omcf->flights);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_registry_flight_t, queue);

        if (flight->key.lo == offload->key.lo
            && flight->key.hi == offload->key.hi)
        {
            offload->ask = NGX_HTTP_REGISTRY_ASK_WAITING;

            offload->wake.handler = ngx_http_registry_flight_wake;
            offload->wake.data = offload;
            offload->wake.log = log;

            ngx_queue_insert_tail(&flight->waiters, &offload->queue);

            return NGX_AGAIN;
        }
    }

    flight = ngx_alloc(sizeof(ngx_http_registry_flight_t), log);
    if (flight == NULL) {
        return NGX_ERROR;
    }

    flight->key = offload->key;
    ngx_queue_init(&flight->waiters);
    ngx_queue_insert_head(omcf->flights, &flight->queue);

    offload->flight = flight;

    return NGX_OK;
}


void
ngx_http_registry_flight_land(ngx_http_registry_offload_t *offload)
{
    if (offload->flight) {
        ngx_http_registry_flight_end(offload->flight, offload);
        offload->flight = NULL;
    }
}


void
ngx_http_registry_flight_leave(ngx_http_registry_offload_t *offload)
{
    if (offload->flight) {
        ngx_http_registry_flight_end(offload->flight, NULL);
        offload->flight = NULL;
    }

    if (offload->ask == NGX_HTTP_REGISTRY_ASK_WAITING) {
        ngx_queue_remove(&offload->queue);
        offload->ask = NGX_HTTP_REGISTRY_ASK_IDLE;
    }

    if (offload->wake.posted) {
        ngx_delete_posted_event(&offload->wake);
    }
}


/* Without a leader there is no answer. */

static void
ngx_http_registry_flight_end(ngx_http_registry_flight_t *flight,
    ngx_http_registry_offload_t *leader)
{
    ngx_queue_t                  *q;
    ngx_http_registry_offload_t  *waiter;

    ngx_queue_remove(&flight->queue);

    while (!ngx_queue_empty(&flight->waiters)) {

        q = ngx_queue_head(&flight->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_http_registry_offload_t, queue);

        waiter->ask = leader ? leader->ask : NGX_HTTP_REGISTRY_ASK_IDLE;

        if (leader) {
            waiter->proof = leader->proof;
            waiter->generation = leader->generation;
        }

        ngx_post_event(&waiter->wake, &ngx_posted_events);
    }

    ngx_free(flight);
}


/* Not from where the answer came: that is in the middle of its own request. */

static void
ngx_http_registry_flight_wake(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_registry_offload_t  *waiter;

    waiter = ev->data;

    r = waiter->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}
