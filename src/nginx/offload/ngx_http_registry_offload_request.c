/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Where a blob is answered.  The handler is the last of ours in the PRECONTENT
 * phase: who asks is known and may, what the backend gets is made.  A blob is
 * then sent by another road only if the backend has said that it is in this
 * repository.
 */

#include "ngx_http_registry_offload.h"


/* For the end of a DELETE, when nobody finds its context any more. */

typedef struct {
    ngx_http_request_t       *request;
    ngx_http_registry_ctx_t  *ctx;
} ngx_http_registry_deleted_t;


static ngx_int_t ngx_http_registry_offload_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_conf_t *olcf);
static ngx_int_t ngx_http_registry_offload_go(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload);
static ngx_int_t ngx_http_registry_offload_origin(
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_offload_redirect(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload);
static void ngx_http_registry_offload_cleanup(void *data);
static void ngx_http_registry_offload_deleted(void *data);
static ngx_int_t ngx_http_registry_offload_delete(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


ngx_int_t
ngx_http_registry_offload_handler(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t           *ctx;
    ngx_http_registry_loc_conf_t      *rlcf;
    ngx_http_registry_offload_conf_t  *olcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry != NGX_HTTP_REGISTRY_ON || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* in a dry run anything may have come so far */

    if (ngx_http_registry_parse(r, ctx) != NGX_OK
        || ctx->route.resource != REG_RESOURCE_BLOB)
    {
        return NGX_DECLINED;
    }

    if (ctx->route.method == REG_METHOD_DELETE) {
        return ngx_http_registry_offload_delete(r, ctx);
    }

    if (ctx->route.method != REG_METHOD_GET) {
        return NGX_DECLINED;
    }

    if (ctx->offload == NULL) {

        olcf = ngx_http_get_module_loc_conf(r,
                                            ngx_http_registry_offload_module);

        return ngx_http_registry_offload_start(r, ctx, olcf);
    }

    return ctx->offload->done ? NGX_DECLINED
                              : ngx_http_registry_offload_go(r, ctx,
                                                             ctx->offload);
}


/* Once for a client's request, wherever it is led afterwards. */

static ngx_int_t
ngx_http_registry_offload_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_conf_t *olcf)
{
    ngx_str_t                      value;
    ngx_pool_cleanup_t            *cln;
    ngx_http_registry_loc_conf_t  *rlcf;
    ngx_http_registry_offload_t   *offload;

    if (olcf->route == NULL && !olcf->proof) {
        return ngx_http_registry_offload_origin(ctx);
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_offload_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    offload = cln->data;
    ngx_memzero(offload, sizeof(ngx_http_registry_offload_t));

    cln->handler = ngx_http_registry_offload_cleanup;

    offload->traveller.request = r;
    ctx->offload = offload;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    /* what a dry run lets pass is not ours to send anywhere */

    if (rlcf->auth == NGX_HTTP_REGISTRY_AUTH_DRY_RUN
        && !(ctx->decided && ctx->decision.verdict == REG_ALLOW))
    {
        offload->done = 1;
        return ngx_http_registry_offload_origin(ctx);
    }

    ngx_str_null(&value);

    if (olcf->route
        && ngx_http_complex_value(r, olcf->route, &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_registry_offload_resolve(r, offload, &value);

    if (offload->kind == NGX_HTTP_REGISTRY_ROUTE_ORIGIN && !olcf->proof) {
        offload->done = 1;
        return ngx_http_registry_offload_origin(ctx);
    }

    return ngx_http_registry_offload_go(r, ctx, offload);
}


static ngx_int_t
ngx_http_registry_offload_go(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload)
{
    ngx_int_t  rc;

    if (!ctx->proven) {

        rc = ngx_http_registry_prove(r, ctx, offload);

        if (rc == NGX_AGAIN || rc == NGX_ERROR) {
            return rc;
        }

        if (rc == NGX_DECLINED) {
            offload->done = 1;
            return ngx_http_registry_offload_origin(ctx);
        }

        ctx->proven = 1;

        if (ctx->blob_size < 0) {
            ctx->blob_size = ngx_http_registry_size(r, ctx);
        }
    }

    if (offload->kind == NGX_HTTP_REGISTRY_ROUTE_CDN) {

        rc = ngx_http_registry_cdn_health(r, offload);

        if (rc == NGX_AGAIN || rc == NGX_ERROR) {
            return rc;
        }

        offload->done = 1;

        return rc == NGX_OK ? ngx_http_registry_offload_redirect(r, ctx,
                                                                 offload)
                            : ngx_http_registry_offload_origin(ctx);
    }

    offload->done = 1;

    if (offload->kind == NGX_HTTP_REGISTRY_ROUTE_ORIGIN) {
        return ngx_http_registry_offload_origin(ctx);
    }

    ctx->blob_route = offload->location;

    (void) ngx_http_named_location(r, &offload->location);
    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_registry_offload_origin(ngx_http_registry_ctx_t *ctx)
{
    if (ctx->blob_route.len == 0) {
        ngx_str_set(&ctx->blob_route, "origin");
    }

    return NGX_DECLINED;
}


/*
 * The signature is good for GET and for this blob, and nobody may keep it for
 * others.  nginx makes the page.
 */

static ngx_int_t
ngx_http_registry_offload_redirect(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload)
{
    ngx_int_t         rc;
    ngx_str_t         url;
    ngx_table_elt_t  *location;

    rc = ngx_http_registry_cdn_url(r, ctx, offload->cdn, &url);

    if (rc == NGX_DECLINED) {
        return ngx_http_registry_offload_origin(ctx);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_registry_add_header(r, NGX_HTTP_REGISTRY_STR("Cache-Control"),
                                     NGX_HTTP_REGISTRY_STR("no-store"))
        == NULL)
    {
        return NGX_ERROR;
    }

    location = ngx_http_registry_add_header(r,
                                            NGX_HTTP_REGISTRY_STR("Location"),
                                            url);
    if (location == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.location = location;

    ctx->blob_route = offload->cdn->name;

    return NGX_HTTP_TEMPORARY_REDIRECT;
}


static void
ngx_http_registry_offload_cleanup(void *data)
{
    ngx_http_registry_offload_t *offload = data;

    ngx_http_registry_flight_leave(&offload->traveller);

    if (offload->checking) {
        offload->cdn->state.checking = 0;
    }
}


/*
 * Nothing that is known of the blob counts from here on; nor what a backend
 * says before it has deleted it, so the same once it has answered, or when the
 * request ends without an answer.
 */

static ngx_int_t
ngx_http_registry_offload_delete(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_registry_deleted_t  *deleted;

    if (ctx->deletes) {
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_deleted_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    deleted = cln->data;
    deleted->request = r;
    deleted->ctx = ctx;

    cln->handler = ngx_http_registry_offload_deleted;

    ctx->deletes = 1;

    ngx_http_registry_proof_purge(r, ctx);

    return NGX_DECLINED;
}


static void
ngx_http_registry_offload_deleted(void *data)
{
    ngx_http_registry_deleted_t *deleted = data;

    ngx_http_registry_proof_purge(deleted->request, deleted->ctx);
}
