/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The bandwidth of a tenant: that of each of its downloads.  It is set when the
 * response begins, behind whatever the backend has said of it, and the least of
 * all that was said holds.
 */

#include "ngx_http_registry_download.h"


static ngx_int_t ngx_http_registry_bandwidth_filter(ngx_http_request_t *r);
static void ngx_http_registry_bandwidth_set(ngx_http_request_t *r,
    uint64_t bandwidth);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


void
ngx_http_registry_bandwidth_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_bandwidth_filter;
}


static ngx_int_t
ngx_http_registry_bandwidth_filter(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t  *ctx;

    if (r != r->main
        || (r->headers_out.status != NGX_HTTP_OK
            && r->headers_out.status != NGX_HTTP_PARTIAL_CONTENT))
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ctx->identity && ctx->identity->identity->bandwidth
        && ctx->route.method == REG_METHOD_GET
        && (ctx->route.resource == REG_RESOURCE_BLOB
            || ctx->route.resource == REG_RESOURCE_MANIFEST))
    {
        ngx_http_registry_bandwidth_set(r, ctx->identity->identity->bandwidth);
    }

    return ngx_http_next_header_filter(r);
}


static void
ngx_http_registry_bandwidth_set(ngx_http_request_t *r, uint64_t bandwidth)
{
    size_t                     rate;
    ngx_http_core_loc_conf_t  *clcf;

    rate = (size_t) ngx_min(bandwidth, (uint64_t) NGX_MAX_SIZE_T_VALUE);

    if (!r->limit_rate_set) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        r->limit_rate = ngx_http_complex_value_size(r, clcf->limit_rate, 0);
        r->limit_rate_set = 1;
    }

    if (r->limit_rate == 0 || rate < r->limit_rate) {
        r->limit_rate = rate;
    }
}
