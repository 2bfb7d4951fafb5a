/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What backends answer.  Where one sends the client elsewhere, by a redirect or
 * to an upload, that must be a place that a client may be sent to: a path here
 * or a plain URL.  A redirect of a blob is the route "backend".  And when
 * a backend has answered a DELETE, what it said of the blob until then is
 * forgotten before the client hears of it.
 */

#include "ngx_http_registry_offload.h"


static ngx_int_t ngx_http_registry_offload_header_filter(
    ngx_http_request_t *r);
static reg_rc_t ngx_http_registry_offload_check_location(
    ngx_http_request_t *r, reg_error_t *error);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_registry_offload_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_offload_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_offload_header_filter(ngx_http_request_t *r)
{
    reg_error_t               error;
    ngx_http_registry_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx == NULL || !ctx->guarded) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx->deletes) {
        ngx_http_registry_proof_purge(r, ctx);
    }

    if (r->upstream == NULL || ctx->misled) {
        return ngx_http_next_header_filter(r);
    }

    switch (ngx_http_registry_offload_check_location(r, &error)) {

    case REG_NOTFOUND:
        return ngx_http_next_header_filter(r);

    case REG_OK:
        break;

    default:
        ctx->misled = 1;

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: the backend sends the client to a place that "
                      "is not for it: %s", error.text);

        return ngx_http_filter_finalize_request(r,
                                             &ngx_http_registry_offload_module,
                                             NGX_HTTP_BAD_GATEWAY);
    }

    if (r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE
        && r->headers_out.status < NGX_HTTP_BAD_REQUEST
        && ctx->blob_route.len)
    {
        ngx_str_set(&ctx->blob_route, "backend");

        if (ctx->blob_size < 0) {
            ctx->blob_size = ngx_http_registry_size(r, ctx);
        }
    }

    return ngx_http_next_header_filter(r);
}


/*
 * Each that the client will see, whoever has put it there.  REG_OK if there is
 * one and it is good, REG_NOTFOUND if there is none.
 */

static reg_rc_t
ngx_http_registry_offload_check_location(ngx_http_request_t *r,
    reg_error_t *error)
{
    reg_rc_t                      rc;
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    rc = REG_NOTFOUND;
    at = ngx_http_registry_headers(&r->headers_out.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {

        if (header->hash == 0
            || !ngx_http_registry_header_is(header,
                                            NGX_HTTP_REGISTRY_STR("Location")))
        {
            continue;
        }

        /* of two, a client takes the one or the other */

        if (rc == REG_OK) {
            reg_error_set(error, "there are two");
            return REG_INVALID;
        }

        rc = reg_url_check_location(ngx_http_registry_str(header->value),
                                    error);

        if (rc != REG_OK) {
            return rc;
        }
    }

    return rc;
}
