/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_SHM_H
#define NGX_HTTP_REGISTRY_SHM_H

/*
 * Memory that workers share, as one piece: what nginx would do to its own
 * allocator after a worker was killed then concerns nobody.
 */

#include <ngx_config.h>
#include <ngx_core.h>


/* Bytes of a zone that are not for the piece, at most. */

#define NGX_HTTP_REGISTRY_SHM_OVERHEAD(size)                                  \
    ((size) / ngx_pagesize * sizeof(ngx_slab_page_t) + 4 * ngx_pagesize)


/*
 * For the init handler of a zone: the piece, zeroed if it is new, the same as
 * before if the zone is that of the configuration before, and aligned to a
 * page.  NULL when the zone is too small.
 */

void *ngx_http_registry_shm_piece(ngx_shm_zone_t *shm_zone, void *data,
    size_t *size);

#endif /* NGX_HTTP_REGISTRY_SHM_H */
