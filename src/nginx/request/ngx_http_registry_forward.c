/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What the backend gets.  This runs first in the PRECONTENT phase: ACCESS would
 * be too early, for auth_basic runs after us there and wants the header.  It
 * is the last gate, too: under "satisfy any" the access handler may have
 * been skipped.
 *
 * Request headers cannot be hidden one by one, so the backend gets a new list.
 * It is made from the client's list each time, as an internal redirect may lead
 * to a location with another registry_backend_auth, or with another backend:
 * what was added for one is not for the next, even where the registry is off.
 * A subrequest has a list of its own.
 */

#include "ngx_http_registry_token.h"


static ngx_int_t ngx_http_registry_forward_unguarded(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf);
static ngx_int_t ngx_http_registry_forward_headers(ngx_http_request_t *r,
    ngx_uint_t mode, ngx_http_registry_loc_conf_t *rlcf, ngx_list_t headers,
    ngx_table_elt_t *authorization);
static ngx_uint_t ngx_http_registry_is_credential(ngx_table_elt_t *header);
static ngx_int_t ngx_http_registry_forward_basic(ngx_http_request_t *r,
    ngx_http_registry_secret_t *secret);
static ngx_int_t ngx_http_registry_forward_token(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf);
static ngx_int_t ngx_http_registry_forward_query(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


ngx_int_t
ngx_http_registry_forward_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    reg_reason_t                   reason;
    ngx_http_registry_ctx_t       *ctx;
    ngx_http_registry_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry == NGX_HTTP_REGISTRY_OFF
        || rlcf->auth == NGX_HTTP_REGISTRY_AUTH_DRY_RUN)
    {
        return ngx_http_registry_forward_unguarded(r, rlcf);
    }

    if (r != r->main) {
        return ngx_http_registry_forward_headers(r, rlcf->backend_auth, rlcf,
                                                 r->headers_in.headers,
                                                 r->headers_in.authorization);
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->guarded = 1;

    if (rlcf->registry == NGX_HTTP_REGISTRY_ON) {

        rc = ngx_http_registry_check(r, ctx, &reason);

        if (rc == NGX_ABORT) {
            return ngx_http_registry_refuse(r, ctx, reason);
        }

        if (rc != NGX_OK
            || ngx_http_registry_forward_query(r, ctx) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_registry_forward_headers(r, rlcf->backend_auth, rlcf,
                                             ctx->headers, ctx->authorization);
}


/*
 * The request has come from a location that is guarded, or else there is no
 * list of ours to take back.
 */

static ngx_int_t
ngx_http_registry_forward_unguarded(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf)
{
    ngx_uint_t                mode;
    ngx_http_registry_ctx_t  *ctx;

    ctx = ngx_http_registry_find_ctx(r);

    /*
     * A signed URL needs no credentials, and a client that sends some errs.
     * Where a blob is sent to instead of the backend, they are not for it.
     */

    if (ctx == NULL
        || (!ctx->replaced && ctx->verified == NULL
            && (ctx->blob_route.len == 0 || ctx->blob_route.data[0] != '@')))
    {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        return ngx_http_registry_forward_headers(r,
                                           NGX_HTTP_REGISTRY_BACKEND_AUTH_OFF,
                                           rlcf, r->headers_in.headers, NULL);
    }

    mode = (rlcf->registry == NGX_HTTP_REGISTRY_OFF)
           ? NGX_HTTP_REGISTRY_BACKEND_AUTH_OFF
           : NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH;

    return ngx_http_registry_forward_headers(r, mode, rlcf, ctx->headers,
                                             ctx->authorization);
}


/* NGX_DECLINED, for the phase goes on, or NGX_ERROR. */

static ngx_int_t
ngx_http_registry_forward_headers(ngx_http_request_t *r, ngx_uint_t mode,
    ngx_http_registry_loc_conf_t *rlcf, ngx_list_t headers,
    ngx_table_elt_t *authorization)
{
    ngx_table_elt_t              *header, *h;
    ngx_http_registry_ctx_t      *ctx;
    ngx_http_registry_headers_t   at;

    if (mode == NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH) {
        r->headers_in.headers = headers;
        r->headers_in.authorization = authorization;
        return NGX_DECLINED;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.authorization = NULL;

    at = ngx_http_registry_headers(&headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {

        if (ngx_http_registry_is_credential(header)) {
            continue;
        }

        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = *header;
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx) {
        ctx->replaced = 1;
    }

    if (mode == NGX_HTTP_REGISTRY_BACKEND_AUTH_BASIC) {
        return ngx_http_registry_forward_basic(r, rlcf->backend_secret);
    }

    if (mode == NGX_HTTP_REGISTRY_BACKEND_AUTH_TOKEN) {
        return ngx_http_registry_forward_token(r, rlcf);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_registry_is_credential(ngx_table_elt_t *header)
{
    switch (header->key.len) {

    case sizeof("authorization") - 1:
        return ngx_memcmp(header->lowcase_key, "authorization",
                          sizeof("authorization") - 1) == 0;

    case sizeof("proxy-authorization") - 1:
        return ngx_memcmp(header->lowcase_key, "proxy-authorization",
                          sizeof("proxy-authorization") - 1) == 0;
    }

    return 0;
}


static ngx_int_t
ngx_http_registry_forward_basic(ngx_http_request_t *r,
    ngx_http_registry_secret_t *secret)
{
    ngx_str_t  value;

    /* a copy, because the file may be read again meanwhile */

    value.data = ngx_pstrdup(r->pool, &secret->value);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = secret->value.len;

    return ngx_http_registry_forward_add(r, &value);
}


static ngx_int_t
ngx_http_registry_forward_token(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf)
{
    ngx_str_t  value;

    if (ngx_http_registry_backend_token(r, rlcf, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_registry_forward_add(r, &value);
}


ngx_int_t
ngx_http_registry_forward_add(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    ngx_str_set(&h->key, "Authorization");
    h->value = *value;
    h->lowcase_key = (u_char *) "authorization";
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);

    r->headers_in.authorization = h;

    return NGX_DECLINED;
}


/*
 * Takes mount and from out of the query unless this identity may do both sides
 * of the mount, and caps n.  args and unparsed_uri both have to change, or
 * proxy_pass sends the old query.
 */

static ngx_int_t
ngx_http_registry_forward_query(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    u_char       *p, *uri;
    reg_query_t  *query;
    ngx_uint_t    drop;

    query = &ctx->query;

    drop = (query->has_mount || query->has_from) && !ctx->decision.mount;

    if (ctx->rewritten || (!drop && query->n <= REG_LIST_MAX)) {
        return NGX_OK;
    }

    uri = ngx_pnalloc(r->pool, ctx->target.len);
    if (uri == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(uri, ctx->path.data, ctx->path.len);
    *p++ = '?';

    r->args.data = p;
    r->args.len = reg_query_rewrite(p, ngx_http_registry_str(ctx->args), query,
                                    drop);

    r->unparsed_uri.data = uri;
    r->unparsed_uri.len = ctx->path.len;

    if (r->args.len) {
        r->unparsed_uri.len += 1 + r->args.len;
    }

    ctx->rewritten = 1;

    return NGX_OK;
}
