/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_node.h"

#define NGX_HTTP_REGISTRY_BACKOFF_MIN  50         /* milliseconds */
#define NGX_HTTP_REGISTRY_BACKOFF_MAX  5000


ngx_msec_t
ngx_http_registry_backoff(ngx_uint_t failures)
{
    ngx_msec_t  pause;

    pause = NGX_HTTP_REGISTRY_BACKOFF_MIN;

    while (failures-- > 1 && pause < NGX_HTTP_REGISTRY_BACKOFF_MAX) {
        pause *= 2;
    }

    pause = ngx_min(pause, NGX_HTTP_REGISTRY_BACKOFF_MAX);

    /* +-25 %, or all workers of all gateways came at once */

    return pause - pause / 4 + (ngx_msec_t) ngx_random() % (pause / 2 + 1);
}
