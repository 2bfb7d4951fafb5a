/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * How large blobs are, for where the backend does not say but sends clients to
 * its storage: manifests say, on their way to who is about to get the blobs.
 *
 * That is no proof of anything, and the word of whoever has pushed the
 * manifest.  So it is kept apart from proofs, counts for the tenant who has got
 * it and for the repository it came from, and where two manifests do not agree
 * nobody knows.
 */

#include "ngx_http_registry_offload.h"

#include "reg_descriptors.h"


static ngx_int_t ngx_http_registry_size_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_size_says(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_size_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_registry_size_read(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_str_t piece);
static void ngx_http_registry_size_put(reg_proofs_t *sizes,
    const reg_proof_key_t *key, int64_t size);
static ngx_int_t ngx_http_registry_size_key(
    ngx_http_registry_offload_main_conf_t *omcf, ngx_http_registry_ctx_t *ctx,
    reg_str_t digest, reg_proof_key_t *key);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_registry_size_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_size_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_registry_size_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_size_header_filter(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ngx_http_registry_size_says(r, ctx)) {

        ctx->manifest = ngx_palloc(r->pool, sizeof(reg_descriptors_t));
        if (ctx->manifest == NULL) {
            return NGX_ERROR;
        }

        reg_descriptors_init(ctx->manifest);
        r->filter_need_in_memory = 1;
    }

    return ngx_http_next_header_filter(r);
}


/* Is it a manifest, for who may have it, of a registry that redirects? */

static ngx_uint_t
ngx_http_registry_size_says(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_http_registry_offload_conf_t       *olcf;
    ngx_http_registry_offload_main_conf_t  *omcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_offload_module);
    omcf = ngx_http_get_module_main_conf(r, ngx_http_registry_offload_module);

    if (olcf->hosts == NULL || omcf->sizes == NULL || r->header_only
        || r->headers_out.status != NGX_HTTP_OK
        || r->headers_out.content_encoding
        || r->headers_out.content_length_n > REG_MANIFEST_MAX)
    {
        return 0;
    }

    return ctx->guarded && ctx->parsed && ctx->rc == REG_ROUTE_OK
           && ctx->route.resource == REG_RESOURCE_MANIFEST
           && ctx->route.method == REG_METHOD_GET
           && (!ctx->decided || ctx->decision.verdict == REG_ALLOW);
}


static ngx_int_t
ngx_http_registry_size_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t              *cl;
    ngx_http_registry_ctx_t  *ctx;

    ctx = (r == r->main) ? ngx_http_registry_find_ctx(r) : NULL;

    /* a range of a manifest is none */

    if (ctx && ctx->manifest && r->headers_out.status == NGX_HTTP_OK) {
        for (cl = in; cl; cl = cl->next) {
            if (ngx_buf_in_memory(cl->buf)) {
                ngx_http_registry_size_read(r, ctx,
                           (reg_str_t) { (size_t) ngx_buf_size(cl->buf),
                                         cl->buf->pos });
            }
        }
    }

    return ngx_http_next_body_filter(r, in);
}


static void
ngx_http_registry_size_read(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_str_t piece)
{
    int64_t                                 size;
    reg_str_t                               digest;
    reg_proof_key_t                         key;
    ngx_http_registry_offload_main_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(r, ngx_http_registry_offload_module);

    while (reg_descriptors_next(ctx->manifest, &piece, &digest, &size)
           == REG_OK)
    {
        if (ngx_http_registry_size_key(omcf, ctx, digest, &key) == NGX_OK) {
            ngx_http_registry_size_put(omcf->sizes, &key, size);
        }
    }
}


static void
ngx_http_registry_size_put(reg_proofs_t *sizes, const reg_proof_key_t *key,
    int64_t size)
{
    int64_t      now;
    reg_proof_t  known, said;

    now = (int64_t) ngx_current_msec;

    said.size = size;
    said.asked = now;

    if (reg_proofs_get(sizes, key, now, &known) == REG_OK) {

        if (known.size == size || known.size < 0) {
            return;
        }

        said.size = -1;
    }

    reg_proofs_put(sizes, key, &said, reg_proofs_generation(sizes, key), now);
}


static ngx_int_t
ngx_http_registry_size_key(ngx_http_registry_offload_main_conf_t *omcf,
    ngx_http_registry_ctx_t *ctx, reg_str_t digest, reg_proof_key_t *key)
{
    reg_str_t  tenant;

    tenant = ngx_http_registry_str(ngx_http_registry_offload_tenant(ctx));

    return reg_proofs_key(omcf->sizes, key, tenant, ctx->route.repository,
                          digest)
           == REG_OK ? NGX_OK : NGX_DECLINED;
}


int64_t
ngx_http_registry_size(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx)
{
    u_char                                  text[REG_DIGEST_MAX], *p;
    ngx_str_t                               algorithm, encoded;
    reg_proof_t                             said;
    reg_proof_key_t                         key;
    ngx_http_registry_offload_main_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(r, ngx_http_registry_offload_module);

    if (omcf->sizes == NULL) {
        return -1;
    }

    algorithm = ngx_http_registry_ngx_str(ctx->route.digest.algorithm);
    encoded = ngx_http_registry_ngx_str(ctx->route.digest.encoded);

    p = ngx_snprintf(text, sizeof(text), "%V:%V", &algorithm, &encoded);

    if (ngx_http_registry_size_key(omcf, ctx,
                                   (reg_str_t) { (size_t) (p - text), text },
                                   &key)
        != NGX_OK
        || reg_proofs_get(omcf->sizes, &key, (int64_t) ngx_current_msec, &said)
           != REG_OK)
    {
        return -1;
    }

    return said.size;
}
