/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_intern.h"

#define REG_INTERN_SLOTS  256           /* at first; a power of two */
#define REG_INTERN_CHUNK  65536         /* bytes */


struct reg_intern_chunk_s {
    reg_intern_chunk_t  *next;
    size_t               used;
    size_t               size;
    _Alignas(16) unsigned char  data[];
};


static int reg_intern_grow(reg_intern_t *table);
static const reg_str_t *reg_intern_copy(reg_intern_t *table, reg_str_t text);


const reg_str_t *
reg_intern(reg_intern_t *table, reg_str_t text)
{
    size_t            i;
    const reg_str_t  *copy;

    if (2 * table->n >= table->mask && !reg_intern_grow(table)) {
        return NULL;
    }

    i = (size_t) reg_hash(REG_HASH_INIT, text.data, text.len) & table->mask;

    while (table->slots[i]) {

        if (reg_str_eq(*table->slots[i], text)) {
            return table->slots[i];
        }

        i = (i + 1) & table->mask;
    }

    copy = reg_intern_copy(table, text);

    if (copy) {
        table->slots[i] = copy;
        table->n++;
    }

    return copy;
}


void
reg_intern_free(reg_intern_t *table)
{
    reg_intern_chunk_t  *chunk;

    while (table->chunk) {
        chunk = table->chunk;
        table->chunk = chunk->next;
        free(chunk);
    }

    free(table->slots);
    memset(table, 0, sizeof(reg_intern_t));
}


int
reg_intern_compare(const reg_str_t *one, const reg_str_t *two)
{
    int     rc;
    size_t  len;

    if (one == two) {
        return 0;
    }

    len = one->len < two->len ? one->len : two->len;
    rc = len ? memcmp(one->data, two->data, len) : 0;

    return rc != 0 ? rc : one->len < two->len ? -1 : 1;
}


uint64_t
reg_hash(uint64_t hash, const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p = data;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    }

    return hash ^ (hash >> 32);
}


static int
reg_intern_grow(reg_intern_t *table)
{
    size_t             i, k, size;
    const reg_str_t  **slots;

    size = table->mask ? 2 * (table->mask + 1) : REG_INTERN_SLOTS;
    slots = calloc(size, sizeof(reg_str_t *));

    if (slots == NULL) {
        return 0;
    }

    for (i = 0; table->mask && i <= table->mask; i++) {

        if (table->slots[i] == NULL) {
            continue;
        }

        k = (size_t) reg_hash(REG_HASH_INIT, table->slots[i]->data,
                              table->slots[i]->len);

        while (slots[k & (size - 1)]) {
            k++;
        }

        slots[k & (size - 1)] = table->slots[i];
    }

    free(table->slots);

    table->slots = slots;
    table->mask = size - 1;

    return 1;
}


/* The text follows its slice; both stay where they are. */

static const reg_str_t *
reg_intern_copy(reg_intern_t *table, reg_str_t text)
{
    size_t               need, size;
    reg_str_t           *copy;
    reg_intern_chunk_t  *chunk = table->chunk;

    need = (sizeof(reg_str_t) + text.len + 15) & ~(size_t) 15;

    if (chunk == NULL || chunk->size - chunk->used < need) {
        size = need > REG_INTERN_CHUNK ? need : REG_INTERN_CHUNK;
        chunk = malloc(sizeof(reg_intern_chunk_t) + size);

        if (chunk == NULL) {
            return NULL;
        }

        chunk->next = table->chunk;
        chunk->used = 0;
        chunk->size = size;
        table->chunk = chunk;
    }

    copy = (reg_str_t *) (void *) (chunk->data + chunk->used);
    chunk->used += need;

    copy->len = text.len;
    copy->data = (unsigned char *) (copy + 1);

    if (text.len) {
        memcpy(copy->data, text.data, text.len);
    }

    return copy;
}
