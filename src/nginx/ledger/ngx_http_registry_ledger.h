/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LEDGER_H
#define NGX_HTTP_REGISTRY_LEDGER_H

/*
 * What the files of the ledger module share: the ledger of a worker, and what
 * was booked of one request.
 */

#include "ngx_http_registry.h"

#include "reg_ledger.h"
#include "reg_spent.h"

#define NGX_HTTP_REGISTRY_LEDGER_DAY  86400        /* seconds */


typedef struct ngx_http_registry_books_s  ngx_http_registry_books_t;
typedef struct ngx_http_registry_sync_s   ngx_http_registry_sync_t;

typedef struct {
    ngx_str_t                   directory;  /* empty: no ledger */
    size_t                      size;
    time_t                      keep;       /* seconds */
    ngx_msec_t                  sync;
    ngx_http_registry_books_t  *books;      /* of this worker */
    ngx_http_registry_sync_t   *syncer;     /* of this worker; NULL: none */
} ngx_http_registry_ledger_main_conf_t;


typedef struct {
    ngx_http_complex_value_t   *network;    /* NULL: "" */
} ngx_http_registry_ledger_conf_t;


/* The books of a worker: the file of today, and what goes on beside it. */

struct ngx_http_registry_books_s {
    ngx_http_registry_ledger_main_conf_t  *conf;
    reg_ledger_t                          *ledger;  /* NULL: it failed */
    reg_ledger_t                          *before;  /* for what comes late */
    int64_t                                day;     /* of the ledger */
    int64_t                                ahead;   /* made already */
    int64_t                                expired; /* on this day */
    time_t                                 tried;   /* and failed, then */
    ngx_uint_t                             number;  /* of ledgers, so far */
    ngx_event_t                            timer;
};


/*
 * What was booked of a client request.  It belongs to the context, so internal
 * redirects leave it alone; the filters have it as their own context, too, once
 * the response has begun.
 */

struct ngx_http_registry_booked_s {
    reg_ledger_row_t           *row;
    reg_ledger_row_t           *before;     /* in the ledger before; or NULL */
    reg_spent_at_t              spent;      /* of its tenant, for quotas */
    ngx_uint_t                  number;     /* of the ledger it is in */
    off_t                       base;       /* sent before the response */
    off_t                       payload;    /* given to the connection */
    off_t                       egress;     /* booked: all of it, */
    off_t                       here;       /* in the row, */
    off_t                       there;      /* and in the one before */
    off_t                       delivered;  /* if measured */
    off_t                       ingress;
    off_t                       taken;      /* of it, booked */
    unsigned                    answered:1; /* the response has begun, */
    unsigned                    known:1;    /* and it is the backend's */
    unsigned                    last:1;     /* all of it was seen */
    unsigned                    measured:1;
    unsigned                    closed:1;
};


/* The setters of "registry_ledger" and "registry_ledger_network". */

char *ngx_http_registry_ledger(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_registry_ledger_network(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * The ledger of today.  NULL when there is none, which has been logged, and is
 * again now and then.
 */

reg_ledger_t *ngx_http_registry_books_today(
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_log_t *log);


/* A worker begins, and ends. */

ngx_int_t ngx_http_registry_books_init(ngx_cycle_t *cycle,
    ngx_http_registry_ledger_main_conf_t *lmcf);

void ngx_http_registry_books_exit(ngx_http_registry_ledger_main_conf_t *lmcf);


/*
 * Sends the ledger to the Redis of the store.  One worker of all that share the
 * directory does.
 */

ngx_http_registry_sync_t *ngx_http_registry_sync_start(
    ngx_http_registry_ledger_main_conf_t *lmcf,
    ngx_http_registry_store_t *store, ngx_log_t *log);

void ngx_http_registry_sync_stop(ngx_http_registry_sync_t *sync);


/*
 * For reg_ledger_list(): keeps the path, in the ngx_array_t of u_char * that
 * data is, and its pool.
 */

reg_rc_t ngx_http_registry_ledger_keep(void *data, const char *path,
    int64_t day);


/*
 * What is booked of the request that r belongs to, made on first need.
 * NGX_DECLINED where nothing is to be booked.
 */

ngx_int_t ngx_http_registry_ledger_booked(ngx_http_request_t *r,
    ngx_http_registry_booked_t **booked);


/* Books what has come of the body, if its repository has a row already. */

void ngx_http_registry_ledger_receive(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked);


/* Books what has been sent since then; closes it when the request is over. */

void ngx_http_registry_ledger_send(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked);

void ngx_http_registry_ledger_finish(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked);


/* How much of the response has been sent, or delivered, if it has ended. */

off_t ngx_http_registry_ledger_delivered(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked);


extern ngx_module_t  ngx_http_registry_ledger_module;

#endif /* NGX_HTTP_REGISTRY_LEDGER_H */
