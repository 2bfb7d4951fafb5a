/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_INTERN_H
#define REG_INTERN_H

/*
 * Texts that are kept once: the same text is the same pointer.
 */

#include "reg_core.h"

typedef struct reg_intern_chunk_s  reg_intern_chunk_t;

typedef struct {
    size_t                n;
    size_t                mask;
    const reg_str_t     **slots;        /* hash table; NULL: empty */
    reg_intern_chunk_t   *chunk;
} reg_intern_t;


/* A table of zeros is an empty one.  Returns NULL if memory ran out. */

const reg_str_t *reg_intern(reg_intern_t *table, reg_str_t text);

void reg_intern_free(reg_intern_t *table);

/* Less than, equal to or greater than 0, by bytes. */

int reg_intern_compare(const reg_str_t *one, const reg_str_t *two);


/* FNV-1a: nobody who could choose these texts gains by collisions. */

#define REG_HASH_INIT  UINT64_C(0xcbf29ce484222325)

uint64_t reg_hash(uint64_t hash, const void *data, size_t len);

#endif /* REG_INTERN_H */
