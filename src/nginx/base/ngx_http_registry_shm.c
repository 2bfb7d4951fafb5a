/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_shm.h"

#include <openssl/rand.h>


void *
ngx_http_registry_shm_piece(ngx_shm_zone_t *shm_zone, size_t *size)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* what the allocator keeps about its pages, and the page it rounds to */

    *size = shm_zone->shm.size
            - NGX_HTTP_REGISTRY_SHM_OVERHEAD(shm_zone->shm.size);

    if (shpool->data == NULL) {
        shpool->data = ngx_slab_calloc(shpool, *size);
    }

    return shpool->data;
}


/* The secret is only used for marks that are new. */

reg_marks_t *
ngx_http_registry_shm_marks(ngx_shm_zone_t *shm_zone, size_t before)
{
    u_char       *addr;
    size_t        size;
    u_char        secret[REG_MARKS_SECRET_LEN];
    reg_marks_t  *marks;

    if (RAND_bytes(secret, REG_MARKS_SECRET_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the random generator failed");
        return NULL;
    }

    addr = ngx_http_registry_shm_piece(shm_zone, &size);

    marks = (addr && size > before)
            ? reg_marks_open(addr + before, size - before, secret) : NULL;

    if (marks == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the zone \"%V\" cannot be used",
                      &shm_zone->shm.name);
    }

    return marks;
}
