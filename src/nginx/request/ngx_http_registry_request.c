/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry.h"


static ngx_uint_t ngx_http_registry_has_body(ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_has_form(ngx_http_request_t *r);
static void ngx_http_registry_cleanup_ctx(void *data);


/*
 * An internal redirect clears r->ctx, but a cleanup handler of the request's
 * pool stays: the way the realip module keeps its context.
 */

ngx_http_registry_ctx_t *
ngx_http_registry_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_registry_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_registry_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_registry_cleanup_ctx) {
                ctx = cln->data;
                ngx_http_set_ctx(r, ctx, ngx_http_registry_module);
                break;
            }
        }
    }

    return ctx;
}


ngx_http_registry_ctx_t *
ngx_http_registry_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_registry_ctx_t  *ctx;

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx) {
        return ctx;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_registry_ctx_t));

    cln->handler = ngx_http_registry_cleanup_ctx;

    /* the request as the client sent it, before anybody changes it */

    ctx->target = r->unparsed_uri;
    ctx->headers = r->headers_in.headers;
    ctx->authorization = r->headers_in.authorization;
    ctx->blob_size = -1;

    ngx_http_set_ctx(r, ctx, ngx_http_registry_module);

    return ctx;
}


ngx_int_t
ngx_http_registry_parse(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx)
{
    u_char        *p, *buf;
    reg_method_t   method;

    r = r->main;

    if (ctx->parsed) {
        return ctx->rc == REG_ROUTE_OK ? NGX_OK : NGX_ABORT;
    }

    ctx->path = ctx->target;

    p = ctx->target.len ? memchr(ctx->target.data, '?', ctx->target.len) : NULL;

    if (p) {
        ctx->path.len = (size_t) (p - ctx->target.data);
        ctx->args.data = p + 1;
        ctx->args.len = ctx->target.len - ctx->path.len - 1;
    }

    switch (r->method) {
    case NGX_HTTP_GET:
        method = REG_METHOD_GET;
        break;

    case NGX_HTTP_HEAD:
        method = REG_METHOD_HEAD;
        break;

    default:
        method = reg_method_parse(ngx_http_registry_str(r->method_name));
    }

    ctx->rc = reg_route_parse(&ctx->route, method,
                              ngx_http_registry_str(ctx->path));

    if (ctx->rc == REG_ROUTE_OK && ctx->args.len) {

        buf = ngx_pnalloc(r->pool, ctx->args.len);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        ctx->rc = reg_query_parse(&ctx->query, &ctx->route,
                                  ngx_http_registry_str(ctx->args), buf);
    }

    ctx->parsed = 1;

    return ctx->rc == REG_ROUTE_OK ? NGX_OK : NGX_ABORT;
}


ngx_int_t
ngx_http_registry_check(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    reg_reason_t *reason)
{
    switch (ngx_http_registry_parse(r, ctx)) {

    case NGX_OK:
        break;

    case NGX_ABORT:
        *reason = (ctx->rc == REG_ROUTE_UNKNOWN) ? REG_REASON_NO_ROUTE
                  : (ctx->rc == REG_ROUTE_METHOD) ? REG_REASON_METHOD
                  : REG_REASON_NOT_CANONICAL;
        return NGX_ABORT;

    default:
        return NGX_ERROR;
    }

    if (ctx->route.method == REG_METHOD_GET
        || ctx->route.method == REG_METHOD_HEAD)
    {
        if (ngx_http_registry_has_body(r)) {
            *reason = REG_REASON_BODY;
            return NGX_ABORT;
        }

        return NGX_OK;
    }

    if (ngx_http_registry_has_form(r)) {
        *reason = REG_REASON_FORM;
        return NGX_ABORT;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_registry_refuse(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    reg_reason_t reason)
{
    ngx_int_t  status;
    ngx_str_t  allow;

    ngx_memzero(&ctx->decision, sizeof(reg_decision_t));

    ctx->decision.verdict = reg_reason_verdict(reason);
    ctx->decision.reason = reason;
    ctx->decided = 1;

    status = (ngx_int_t) reg_reason_status(reason);

    if (reason == REG_REASON_METHOD) {
        allow.data = (u_char *) reg_route_methods(ctx->route.resource);
        allow.len = ngx_strlen(allow.data);

        if (ngx_http_registry_add_header(r, NGX_HTTP_REGISTRY_STR("Allow"),
                                         allow)
            == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (reason == REG_REASON_STORE_UNAVAILABLE
        && ngx_http_registry_add_header(r,
                                        NGX_HTTP_REGISTRY_STR("Retry-After"),
                                        NGX_HTTP_REGISTRY_STR("1"))
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /*
     * A client that still waits for "100 Continue" may or may not send its body
     * after the refusal; only closing leaves no doubt.
     */

    if (r->headers_in.expect && !r->expect_tested) {
        r->keepalive = 0;
    }

    return status;
}


void
ngx_http_registry_address(ngx_http_request_t *r, reg_address_t *address)
{
    struct sockaddr       *sa;
    struct sockaddr_in    *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    address->family = REG_ADDRESS_NONE;

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        reg_address_set(address, (u_char *) &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        reg_address_set(address, sin6->sin6_addr.s6_addr, 16);
        break;
#endif
    }
}


/* An IPv6 address is its /64: what one customer of a provider has at least. */

size_t
ngx_http_registry_network(ngx_http_request_t *r,
    u_char buf[NGX_HTTP_REGISTRY_NETWORK_LEN])
{
    size_t         len;
    reg_address_t  address;

    ngx_http_registry_address(r, &address);

    len = (address.family == REG_ADDRESS_IPV4) ? 4
          : (address.family == REG_ADDRESS_IPV6) ? 8 : 0;

    buf[0] = (u_char) address.family;
    ngx_memcpy(&buf[1], address.bytes, len);

    return 1 + len;
}


static ngx_uint_t
ngx_http_registry_has_body(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream && !r->stream->in_closed) {
        return 1;
    }
#endif

    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


/* Any of several Content-Type headers may be the one that a backend takes. */

static ngx_uint_t
ngx_http_registry_has_form(ngx_http_request_t *r)
{
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    at = ngx_http_registry_headers(&r->headers_in.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {
        if (ngx_http_registry_header_is(header,
                                        NGX_HTTP_REGISTRY_STR("Content-Type"))
            && reg_content_type_is_form(ngx_http_registry_str(header->value)))
        {
            return 1;
        }
    }

    return 0;
}


ngx_table_elt_t *
ngx_http_registry_add_header(ngx_http_request_t *r, ngx_str_t name,
    ngx_str_t value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);

    if (h) {
        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key = name;
        h->value = value;
    }

    return h;
}


static void
ngx_http_registry_cleanup_ctx(void *data)
{
    ngx_http_registry_ctx_t *ctx = data;

    ngx_http_registry_waiter_leave(&ctx->waiter);

    if (ctx->identity) {
        ngx_http_registry_identity_release(ctx->identity);
    }
}
