/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What a subrequest for keys is answered is read here, and goes no further: the
 * client of the request that it belongs to must not see it.
 */

#include "ngx_http_registry_oidc.h"


static ngx_http_registry_remote_t *ngx_http_registry_oidc_remote(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_oidc_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_oidc_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_registry_oidc_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_oidc_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_registry_oidc_body_filter;

    return NGX_OK;
}


static ngx_http_registry_remote_t *
ngx_http_registry_oidc_remote(ngx_http_request_t *r)
{
    ngx_uint_t                       i;
    ngx_http_registry_oidc_t        *oidc;
    ngx_http_registry_token_conf_t  *rtcf;

    if (r == r->main) {
        return NULL;
    }

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    if (rtcf->trust == NULL || rtcf->trust->oidc == NULL) {
        return NULL;
    }

    oidc = rtcf->trust->oidc->elts;

    for (i = 0; i < rtcf->trust->oidc->nelts; i++) {
        if (oidc[i].remote && ngx_http_registry_remote_is(oidc[i].remote, r)) {
            return oidc[i].remote;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_registry_oidc_header_filter(ngx_http_request_t *r)
{
    if (ngx_http_registry_oidc_remote(r)) {
        r->filter_need_in_memory = 1;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_registry_oidc_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                   *b;
    ngx_chain_t                 *cl;
    ngx_http_registry_remote_t  *remote;

    remote = ngx_http_registry_oidc_remote(r);

    if (remote == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            ngx_http_registry_remote_read(remote, b->pos,
                                          (size_t) (b->last - b->pos));
            b->pos = b->last;
        }

        b->file_pos = b->file_last;
    }

    return NGX_OK;
}
