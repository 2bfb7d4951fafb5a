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

#include "reg_marks.h"


/* Bytes of a zone that are not for the piece, at most. */

#define NGX_HTTP_REGISTRY_SHM_OVERHEAD(size)                                  \
    ((size) / ngx_pagesize * sizeof(ngx_slab_page_t) + 4 * ngx_pagesize)


/*
 * For the init handler of a zone: the piece, zeroed if it is new, the same as
 * before if the zone is that of the configuration before, and aligned to a
 * page.  NULL when the zone is too small.
 */

void *ngx_http_registry_shm_piece(ngx_shm_zone_t *shm_zone, size_t *size);

/*
 * The same with marks in it, behind so many bytes (a multiple of 64) that are
 * for something else.  NULL after an error has been logged.
 */

reg_marks_t *ngx_http_registry_shm_marks(ngx_shm_zone_t *shm_zone,
    size_t before);

#endif /* NGX_HTTP_REGISTRY_SHM_H */
