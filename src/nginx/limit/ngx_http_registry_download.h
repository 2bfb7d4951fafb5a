/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_DOWNLOAD_H
#define NGX_HTTP_REGISTRY_DOWNLOAD_H

/*
 * How fast the downloads of a tenant are, and how many there are at once on
 * this host, as its record says.  Nobody is refused: who is too many waits.
 */

#include "ngx_http_registry_limit.h"

#include "reg_seats.h"

struct ngx_http_registry_downloads_s {
    ngx_shm_zone_t  *shm_zone;
    reg_seats_t     *seats;

    /* of each worker, from here on */

    ngx_uint_t       begun;
    int              worker;            /* in the seats; -1: it has no place */
    ngx_queue_t      waiters;           /* downloads, in their order */
    ngx_event_t      timer;
};


/* For the configuration: NULL after an error. */

ngx_http_registry_downloads_t *ngx_http_registry_downloads_create(
    ngx_conf_t *cf);


/*
 * Takes a seat for the download of a blob; it is left when the request ends.
 * Returns what a phase handler does; after NGX_AGAIN the phases go on by
 * themselves, and it is to be called again.
 */

ngx_int_t ngx_http_registry_download(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_downloads_t *downloads);


/* The filter that slows downloads. */

void ngx_http_registry_bandwidth_init(void);

#endif /* NGX_HTTP_REGISTRY_DOWNLOAD_H */
