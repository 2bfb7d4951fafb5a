/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_table.h"

/*
 * The shortest entry is a record of a later version, of which nothing but the
 * version is read: "a":{"version":2}, takes 18 bytes.
 */

#define NGX_HTTP_REGISTRY_TABLE_SHORTEST  16
#define NGX_HTTP_REGISTRY_TABLE_BLOCK     1024   /* entries */


static uint32_t *ngx_http_registry_table_slot(ngx_http_registry_table_t *table,
    reg_record_type_t type, reg_str_t name);


static ngx_inline ngx_http_registry_entry_t *
ngx_http_registry_table_entry(ngx_http_registry_table_t *table, uint32_t n)
{
    return &table->blocks[n / NGX_HTTP_REGISTRY_TABLE_BLOCK]
                         [n % NGX_HTTP_REGISTRY_TABLE_BLOCK];
}


ngx_http_registry_table_t *
ngx_http_registry_table_create(size_t len, ngx_log_t *log)
{
    uint32_t                    nslots;
    ngx_http_registry_table_t  *table;

    table = ngx_calloc(sizeof(ngx_http_registry_table_t), log);
    if (table == NULL) {
        return NULL;
    }

    table->most = (uint32_t) (len / NGX_HTTP_REGISTRY_TABLE_SHORTEST) + 1;

    for (nslots = 1024; nslots <= table->most; nslots *= 2) { /* void */ }

    table->mask = nslots - 1;
    table->nblocks = table->most / NGX_HTTP_REGISTRY_TABLE_BLOCK + 1;
    table->text.len = len;

    /* calloc() of much memory takes fresh pages: nothing is cleared here */

    table->slots = calloc(nslots, sizeof(uint32_t));
    table->blocks = ngx_calloc(table->nblocks * sizeof(table->blocks[0]), log);
    table->text.data = ngx_alloc(ngx_max(len, 1), log);

    if (table->slots == NULL || table->blocks == NULL
        || table->text.data == NULL)
    {
        ngx_http_registry_table_free(table);
        return NULL;
    }

    return table;
}


void
ngx_http_registry_table_free(ngx_http_registry_table_t *table)
{
    uint32_t  i;

    if (table->blocks) {
        for (i = 0; i < table->nblocks && table->blocks[i]; i++) {
            ngx_free(table->blocks[i]);
        }

        ngx_free(table->blocks);
    }

    free(table->slots);

    if (table->text.data) {
        ngx_free(table->text.data);
    }

    ngx_free(table);
}


ngx_int_t
ngx_http_registry_table_insert(ngx_http_registry_table_t *table,
    const ngx_http_registry_entry_t *entry, ngx_log_t *log)
{
    uint32_t                    *slot;
    ngx_http_registry_entry_t  **block;

    slot = ngx_http_registry_table_slot(table, entry->type, entry->name);

    if (*slot) {
        return NGX_DECLINED;
    }

    if (table->nentries == table->most) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "registry: more records than a "
                      "file of %uz bytes can hold", table->text.len);
        return NGX_ERROR;
    }

    block = &table->blocks[table->nentries / NGX_HTTP_REGISTRY_TABLE_BLOCK];

    if (*block == NULL) {
        *block = ngx_alloc(NGX_HTTP_REGISTRY_TABLE_BLOCK
                           * sizeof(ngx_http_registry_entry_t), log);
        if (*block == NULL) {
            return NGX_ERROR;
        }
    }

    *ngx_http_registry_table_entry(table, table->nentries) = *entry;
    *slot = ++table->nentries;

    return NGX_OK;
}


ngx_http_registry_entry_t *
ngx_http_registry_table_find(ngx_http_registry_table_t *table,
    reg_record_type_t type, reg_str_t name)
{
    uint32_t  *slot;

    slot = ngx_http_registry_table_slot(table, type, name);

    return *slot ? ngx_http_registry_table_entry(table, *slot - 1) : NULL;
}


/* The slot of a name, or the free slot where it belongs. */

static uint32_t *
ngx_http_registry_table_slot(ngx_http_registry_table_t *table,
    reg_record_type_t type, reg_str_t name)
{
    uint32_t                    i;
    ngx_http_registry_entry_t  *entry;

    i = ngx_murmur_hash2(name.data, name.len) + type;

    for ( ;; i++) {
        i &= table->mask;

        if (table->slots[i] == 0) {
            return &table->slots[i];
        }

        entry = ngx_http_registry_table_entry(table, table->slots[i] - 1);

        if (entry->type == type && reg_str_eq(entry->name, name)) {
            return &table->slots[i];
        }
    }
}
