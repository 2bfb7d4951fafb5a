/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TABLE_H
#define NGX_HTTP_REGISTRY_TABLE_H

/*
 * The records of one reading of a store file: its text, and a hash table
 * of where each record lies in it.  A table is filled once and then read.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "reg_record.h"

typedef struct {
    reg_str_t          name;
    reg_str_t          text;
    reg_record_type_t  type;
} ngx_http_registry_entry_t;

typedef struct {
    reg_str_t                    text;         /* owned */
    ngx_http_registry_entry_t  **blocks;
    uint32_t                     nblocks;      /* that may be */
    uint32_t                     most;         /* entries */
    uint32_t                     nentries;
    uint32_t                    *slots;        /* entry number + 1; 0: free */
    uint32_t                     mask;
} ngx_http_registry_table_t;


/*
 * Makes an empty table for a text of len bytes, which the caller then writes
 * to table->text.data.  All its memory is had here or in steps of one block,
 * so that no insertion takes long.  NULL when memory ran out.
 */

ngx_http_registry_table_t *ngx_http_registry_table_create(size_t len,
    ngx_log_t *log);

void ngx_http_registry_table_free(ngx_http_registry_table_t *table);


/*
 * NGX_OK         the entry was copied into the table
 * NGX_DECLINED   there is an entry of this type and name already
 * NGX_ERROR      memory ran out
 */

ngx_int_t ngx_http_registry_table_insert(ngx_http_registry_table_t *table,
    const ngx_http_registry_entry_t *entry, ngx_log_t *log);


/* NULL if there is none. */

ngx_http_registry_entry_t *ngx_http_registry_table_find(
    ngx_http_registry_table_t *table, reg_record_type_t type, reg_str_t name);

#endif /* NGX_HTTP_REGISTRY_TABLE_H */
