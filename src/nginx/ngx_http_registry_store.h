/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_STORE_H
#define NGX_HTTP_REGISTRY_STORE_H

/*
 * The file store of a worker.  The master reads it with the configuration, so
 * that workers begin with all records and share their memory; each worker then
 * follows the file by itself.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "reg_record.h"

#define NGX_HTTP_REGISTRY_STORE_POLL  500     /* milliseconds */

typedef struct ngx_http_registry_store_s  ngx_http_registry_store_t;


/*
 * Opens the store that a directive names and reads it wholly.  Memory is freed
 * with cf->pool.  NULL after an error has been logged.
 */

ngx_http_registry_store_t *ngx_http_registry_store_open(ngx_conf_t *cf,
    ngx_str_t *path);


/*
 * Looks whether the file has changed and takes it up, a few milliseconds a
 * call.  Returns how long the caller should wait before the next call, in
 * milliseconds; 0 means soon, for there is more to do.
 */

ngx_msec_t ngx_http_registry_store_refresh(ngx_http_registry_store_t *store,
    ngx_log_t *log);


/*
 * Reads one record; it is parsed anew at each call, and the caller frees it
 * with reg_record_free().
 *
 * NGX_OK         *record is set
 * NGX_DECLINED   there is no such record
 * NGX_ERROR      memory ran out
 */

ngx_int_t ngx_http_registry_store_get(ngx_http_registry_store_t *store,
    reg_record_type_t type, reg_str_t name, reg_record_t **record);


ngx_str_t *ngx_http_registry_store_path(ngx_http_registry_store_t *store);


/* Changes whenever a record may have changed. */

uint64_t ngx_http_registry_store_generation(ngx_http_registry_store_t *store);

#endif /* NGX_HTTP_REGISTRY_STORE_H */
