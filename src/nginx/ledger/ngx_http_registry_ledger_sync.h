/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LEDGER_SYNC_H
#define NGX_HTTP_REGISTRY_LEDGER_SYNC_H

/*
 * What the two files of the sync share: rounds and files are in one, what is
 * sent of a file in the other.
 */

#include "ngx_http_registry_ledger.h"
#include "ngx_http_registry_script.h"

#define NGX_HTTP_REGISTRY_SYNC_BATCH  64       /* fields of one script */


/* A row that was sent, and what it had counted then. */

typedef struct {
    size_t                                 row;
    uint64_t                               own;
} ngx_http_registry_sync_row_t;


struct ngx_http_registry_sync_s {
    ngx_http_registry_ledger_main_conf_t  *conf;
    ngx_http_registry_store_t             *store;
    ngx_http_registry_script_t             script;
    ngx_http_registry_run_t               *run;
    ngx_event_t                            timer;
    int                                    lock;       /* -1: not ours */
    ngx_uint_t                             round;
    int64_t                                listed;     /* all files, then */
    unsigned                               backlog:1;  /* an old one is open */
    unsigned                               failing:1;  /* which was logged */

    /* of this round */

    ngx_pool_t                            *pool;
    ngx_array_t                            files;      /* of u_char * */
    ngx_uint_t                             file;

    /* of this file; its rows are lent */

    ngx_pool_t                            *file_pool;
    reg_ledger_t                          *ledger;
    size_t                                 at;
    uint64_t                               sum;
    uint64_t                               news;
    unsigned                               over:1;     /* its day is */
    unsigned                               all:1;      /* is sent */
    ngx_rbtree_t                           tenants;
    ngx_rbtree_node_t                      sentinel;
    ngx_queue_t                            queue;

    /* of this script */

    ngx_uint_t                             nsent;
    ngx_http_registry_sync_row_t           sent[NGX_HTTP_REGISTRY_SYNC_BATCH];
};


/* Reads some rows of the file, and sends what there is at its end. */

void ngx_http_registry_sync_read(ngx_http_registry_sync_t *sync);


/* All of a file has arrived, and a round cannot go on. */

void ngx_http_registry_sync_done(ngx_http_registry_sync_t *sync);

void ngx_http_registry_sync_fail(ngx_http_registry_sync_t *sync,
    const char *what);

#endif /* NGX_HTTP_REGISTRY_LEDGER_SYNC_H */
