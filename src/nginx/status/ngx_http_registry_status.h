/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_STATUS_H
#define NGX_HTTP_REGISTRY_STATUS_H

/*
 * What metrics and status share: counters of requests, sums of the ledger, and
 * text that grows.
 */

#include "ngx_http_registry_count.h"
#include "ngx_http_registry_ledger.h"
#include "ngx_http_registry_limit.h"

/* More would be a load for whoever scrapes; the rest is one line. */

#define NGX_HTTP_REGISTRY_TENANTS_MAX       200
#define NGX_HTTP_REGISTRY_REPOSITORIES_MAX  20


typedef struct {
    ngx_uint_t       used;                     /* by a location */
    ngx_shm_zone_t  *shm_zone;
    void            *counters;                 /* of all workers */
    ngx_str_t        page;
    ngx_str_t        policy;
} ngx_http_registry_status_main_conf_t;


/* Text of any length, in the pool of a request. */

typedef struct {
    ngx_pool_t  *pool;
    u_char      *start;
    u_char      *pos;
    u_char      *end;
    unsigned     failed:1;                     /* memory ran out */
} ngx_http_registry_text_t;


/* Adds what is formatted, of up to 512 bytes. */

void ngx_cdecl ngx_http_registry_text_add(ngx_http_registry_text_t *text,
    const char *fmt, ...);

/* Adds a value as it stands between quotes, in JSON and in a label. */

void ngx_http_registry_text_value(ngx_http_registry_text_t *text,
    reg_str_t value);


/* What was booked today of a tenant, by route or by repository. */

typedef struct {
    ngx_str_node_t  node;
    reg_str_t       tenant;
    reg_str_t       part;
    uint64_t        counts[REG_LEDGER_COUNTERS];
} ngx_http_registry_sum_t;


typedef struct {
    ngx_rbtree_t       tree;
    ngx_rbtree_node_t  sentinel;
    ngx_array_t        sums;                   /* of ..._sum_t *, the largest */
} ngx_http_registry_sum_index_t;               /* first when all are there */


typedef struct ngx_http_registry_sums_s  ngx_http_registry_sums_t;

typedef ngx_int_t (*ngx_http_registry_sums_pt)(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums);

struct ngx_http_registry_sums_s {
    ngx_http_request_t             *request;
    ngx_http_registry_sums_pt       answer;
    ngx_http_registry_books_t      *books;     /* NULL: none */
    ngx_uint_t                      number;    /* of the ledger in them */
    reg_ledger_t                   *ledger;    /* of today; NULL: none */
    size_t                          at;        /* the next row */
    ngx_http_registry_sum_index_t   routes;
    ngx_http_registry_sum_index_t   repositories;
    ngx_event_t                     timer;
};


/*
 * Adds up the ledger of today and calls answer() with that, at once or later:
 * for a content handler, which returns what this returns; answer() returns what
 * one would.  There are no more than the greatest few of each kind, the last of
 * which is then of all others, "(other)".
 */

ngx_int_t ngx_http_registry_sums(ngx_http_request_t *r,
    ngx_http_registry_sums_pt answer);


/* The two lines that each family of metrics begins with. */

void ngx_http_registry_metrics_family(ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics, const char *name, const char *type,
    const char *help);

/* What ngx_http_registry_count.h counts, but for requests. */

void ngx_http_registry_metrics_counts(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics);


/* The bodies. */

void ngx_http_registry_metrics_text(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics);

void ngx_http_registry_status_json(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text);

/* The page, and the Content-Security-Policy that it needs. */

ngx_int_t ngx_http_registry_status_page(ngx_conf_t *cf, ngx_str_t *page,
    ngx_str_t *policy);


extern ngx_module_t  ngx_http_registry_status_module;

#endif /* NGX_HTTP_REGISTRY_STATUS_H */
