/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_FLIGHT_H
#define NGX_HTTP_REGISTRY_FLIGHT_H

/*
 * A flight is a question that is on its way to a backend: one request leads
 * it, and those of the same worker who want to know the same wait for it.  The
 * leader may die with its client; then who waited is woken without an answer,
 * and the first of them asks anew.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "reg_siphash.h"

typedef struct ngx_http_registry_flight_s  ngx_http_registry_flight_t;


/* Of one request, for as long as it lives; zeroed but for request. */

typedef struct {
    ngx_http_request_t          *request;
    ngx_http_registry_flight_t  *leads;
    ngx_queue_t                  queue;      /* of those who wait */
    ngx_event_t                  wake;
    unsigned                     waits:1;
} ngx_http_registry_traveller_t;


/* Gives who waited the answer of the leader; NULL: there is none. */

typedef void (*ngx_http_registry_land_pt)(
    ngx_http_registry_traveller_t *waiter,
    ngx_http_registry_traveller_t *leader);


/*
 * One worker asks a question once, whoever waits.  flights is its list.
 *
 * NGX_OK        this request is to ask, and leads
 * NGX_AGAIN     another one asks already, and this one waits: the phases of its
 *               request go on once that has landed
 * NGX_ERROR     memory ran out
 */

ngx_int_t ngx_http_registry_flight_join(ngx_queue_t *flights,
    reg_siphash_t *key, ngx_http_registry_traveller_t *traveller,
    ngx_http_registry_land_pt land);

/* Whether somebody asks that. */

ngx_uint_t ngx_http_registry_flight_flies(ngx_queue_t *flights,
    reg_siphash_t *key);

/* The leader has its answer: so have they all. */

void ngx_http_registry_flight_land(ngx_http_registry_traveller_t *traveller);

/* For the end of a request: who waits has to ask instead of it. */

void ngx_http_registry_flight_leave(ngx_http_registry_traveller_t *traveller);

#endif /* NGX_HTTP_REGISTRY_FLIGHT_H */
