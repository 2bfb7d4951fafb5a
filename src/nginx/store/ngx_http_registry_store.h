/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_STORE_H
#define NGX_HTTP_REGISTRY_STORE_H

/*
 * Where a worker has records from: the file store, which knows them all, or
 * Redis, which has to be asked.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "reg_record.h"

#define NGX_HTTP_REGISTRY_STORE_POLL  500     /* milliseconds */


/*
 * Somebody who waits for a record.  wake() is called once, after the waiter was
 * taken off: it may ask again, and wait again.
 *
 * An answer that comes after its own first question is good enough for it,
 * whatever the store thinks of it by then, or it would ask forever where
 * nothing is sure.  What it was given so is marked with once: it must not be
 * kept for others.
 */

typedef struct {
    ngx_queue_t   queue;
    void        (*wake)(void *data);
    void         *data;
    int64_t       asked;        /* at first: ms, monotonic; 0: not yet */
    unsigned      waiting:1;
    unsigned      once:1;       /* set by the store, cleared by who asks */
} ngx_http_registry_waiter_t;


/* The waiter waits no more. */

static ngx_inline void
ngx_http_registry_waiter_leave(ngx_http_registry_waiter_t *waiter)
{
    if (waiter->waiting) {
        ngx_queue_remove(&waiter->queue);
        waiter->waiting = 0;
    }
}


typedef struct ngx_http_registry_store_s     ngx_http_registry_store_t;
typedef struct ngx_http_registry_topology_s  ngx_http_registry_topology_t;

struct ngx_http_registry_store_s {
    ngx_str_t   *path;                        /* of the file, or NULL */

    /*
     * Called now and then by each worker, at first when it starts.  Returns
     * when to call again, in milliseconds.
     */

    ngx_msec_t  (*refresh)(ngx_http_registry_store_t *store, ngx_log_t *log);

    /*
     * Reads one record; it is parsed anew at each call, and the caller frees
     * it with reg_record_free().
     *
     * NGX_OK         *record is set
     * NGX_DECLINED   there is no such record
     * NGX_AGAIN      it is asked for, and waiter waits for it and for nothing
     *                else any more
     * NGX_BUSY       the store does not answer, and nothing is known
     * NGX_ERROR      memory ran out, or the record is broken
     */

    ngx_int_t   (*get)(ngx_http_registry_store_t *store,
                       reg_record_type_t type, reg_str_t name,
                       ngx_http_registry_waiter_t *waiter,
                       reg_record_t **record);

    /*
     * Changes whenever a record may have changed; 0 while that is not known, so
     * that everything has to be read again.
     */

    uint64_t    (*generation)(ngx_http_registry_store_t *store);

    /*
     * The Redis of this worker, for what is no record; valid until the worker
     * ends.  NULL when memory ran out.  The function is NULL where there is
     * none.
     */

    ngx_http_registry_topology_t  *(*redis)(ngx_http_registry_store_t *store);

    /* The worker ends: closes what it has open.  NULL: nothing. */

    void        (*close)(ngx_http_registry_store_t *store);
};


/*
 * Opens a file store and reads it wholly, in the master, so that workers begin
 * with all records and share their memory.  It is freed with cf->pool.  NULL
 * after an error has been logged.
 */

ngx_http_registry_store_t *ngx_http_registry_file_open(ngx_conf_t *cf,
    ngx_str_t *path);

#endif /* NGX_HTTP_REGISTRY_STORE_H */
