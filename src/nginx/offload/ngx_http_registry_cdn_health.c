/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Whether a CDN is up is what a location of this server says: any status but
 * 2xx and 3xx means down.  Every few seconds one request of a worker asks with
 * a HEAD of its own, and waits for it; the others go by what is known.
 */

#include "ngx_http_registry_offload.h"

#define NGX_HTTP_REGISTRY_HEALTH_INTERVAL  5000      /* milliseconds */


static ngx_int_t ngx_http_registry_health_handler(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);


ngx_int_t
ngx_http_registry_cdn_health(ngx_http_request_t *r,
    ngx_http_registry_offload_t *offload)
{
    ngx_http_registry_cdn_t     *cdn;
    ngx_http_registry_health_t  *state;

    cdn = offload->cdn;
    state = &cdn->state;

    if (cdn->health.len == 0) {
        return NGX_OK;
    }

    if (offload->checking) {
        return NGX_AGAIN;
    }

    if (!state->checking
        && (!state->known || ngx_current_msec - state->checked
                             >= NGX_HTTP_REGISTRY_HEALTH_INTERVAL))
    {
        if (ngx_http_registry_subrequest(r, &cdn->health, NGX_HTTP_HEAD,
                                         ngx_http_registry_health_handler,
                                         offload)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        state->checking = 1;
        offload->checking = 1;

        return NGX_AGAIN;
    }

    return state->down ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_registry_health_handler(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_registry_offload_t *offload = data;

    ngx_uint_t                   status, down, level;
    ngx_http_registry_health_t  *state;

    if (!offload->checking) {
        return NGX_OK;
    }

    offload->checking = 0;

    state = &offload->cdn->state;

    status = rc >= NGX_HTTP_SPECIAL_RESPONSE ? (ngx_uint_t) rc
                                             : sr->headers_out.status;

    down = (rc < NGX_OK || status < NGX_HTTP_OK
            || status >= NGX_HTTP_BAD_REQUEST);

    /* a client that went away says nothing of a CDN */

    if (sr->connection->error) {
        state->checking = 0;
        return NGX_OK;
    }

    if (down != state->down) {
        level = down ? NGX_LOG_ERR : NGX_LOG_NOTICE;

        ngx_log_error(level, sr->connection->log, 0,
                      "registry: the cdn \"%V\" is %s (status %ui of \"%V\")",
                      &offload->cdn->name, down ? "down" : "up again", status,
                      &offload->cdn->health);
    }

    state->down = down;
    state->known = 1;
    state->checking = 0;
    state->checked = ngx_current_msec;

    return NGX_OK;
}
