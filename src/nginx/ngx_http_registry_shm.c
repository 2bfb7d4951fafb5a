/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_shm.h"


void *
ngx_http_registry_shm_piece(ngx_shm_zone_t *shm_zone, void *data, size_t *size)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* what the allocator keeps about its pages, and the page it rounds to */

    *size = shm_zone->shm.size
            - NGX_HTTP_REGISTRY_SHM_OVERHEAD(shm_zone->shm.size);

    if (!shm_zone->shm.exists && data == NULL) {
        shpool->data = ngx_slab_calloc(shpool, *size);
    }

    return shpool->data;
}
