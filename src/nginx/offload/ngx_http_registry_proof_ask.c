/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Asks the backend for a blob with a HEAD subrequest to the place where the
 * client's GET would go.  What it sends is made anew: a subrequest copies
 * the headers of its parent, and a Content-Length without a body, kept alive,
 * would make the next answer somebody else's.
 *
 * A method that nginx does not know is no method of a cache, so none is asked:
 * it would answer for any repository.  The name of the method is HEAD all the
 * same, which is what the backend sees.
 */

#include "ngx_http_registry_offload.h"


static ngx_int_t ngx_http_registry_proof_uri(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_str_t *uri);
static ngx_int_t ngx_http_registry_subrequest_headers(ngx_http_request_t *sr,
    ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_proof_handler(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static ngx_http_registry_ask_t ngx_http_registry_proof_answer(
    ngx_http_request_t *sr, ngx_int_t rc, int64_t *size);
static ngx_uint_t ngx_http_registry_proof_same_place(ngx_http_request_t *sr);
static ngx_uint_t ngx_http_registry_storage_host(ngx_http_request_t *sr);


ngx_int_t
ngx_http_registry_proof_ask(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload)
{
    ngx_str_t  uri;

    if (ngx_http_registry_proof_uri(r, ctx, &uri) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_registry_subrequest(r, &uri, NGX_HTTP_UNKNOWN,
                                        ngx_http_registry_proof_handler,
                                        offload);
}


/*
 * The path of the client in its one canonical form, without its query: what
 * a proof is remembered for has no query, either.
 */

static ngx_int_t
ngx_http_registry_proof_uri(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_str_t *uri)
{
    ngx_str_t      repository, algorithm, encoded;
    reg_digest_t  *digest;

    digest = &ctx->route.digest;

    repository = ngx_http_registry_ngx_str(ctx->route.repository);
    algorithm = ngx_http_registry_ngx_str(digest->algorithm);
    encoded = ngx_http_registry_ngx_str(digest->encoded);

    uri->len = sizeof("/v2//blobs/:") - 1 + repository.len + algorithm.len
               + encoded.len;

    uri->data = ngx_pnalloc(r->pool, uri->len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(uri->data, "/v2/%V/blobs/%V:%V", &repository, &algorithm,
                &encoded);

    return NGX_OK;
}


ngx_int_t
ngx_http_registry_subrequest(ngx_http_request_t *r, ngx_str_t *uri,
    ngx_uint_t method, ngx_http_post_subrequest_pt handler, void *data)
{
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    static ngx_str_t  head = ngx_string("HEAD");

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = handler;
    ps->data = data;

    if (ngx_http_subrequest(r, uri, NULL, &sr, ps, NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sr->method = method;
    sr->method_name = head;
    sr->header_only = 1;
    sr->unparsed_uri = *uri;

    sr->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (sr->request_body == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_registry_subrequest_headers(sr, r);
}


/*
 * Who asks and for which host; and what ties logs together.  Anything else that
 * the client sent could change the answer for this client, and the proof is for
 * all of them.
 */

static ngx_int_t
ngx_http_registry_subrequest_headers(ngx_http_request_t *sr,
    ngx_http_request_t *r)
{
    ngx_str_t                     server;
    ngx_uint_t                    n;
    ngx_table_elt_t              *header, *h;
    ngx_http_registry_headers_t   at;

    static ngx_str_t  names[] = {
        ngx_string("host"),
        ngx_string("user-agent"),
        ngx_string("authorization"),
        ngx_string("x-request-id"),
        ngx_string("traceparent"),
        ngx_string("tracestate"),
        ngx_null_string
    };

    server = r->headers_in.server;

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.server = server;
    sr->headers_in.content_length_n = -1;
    sr->headers_in.keep_alive_n = -1;

    if (ngx_list_init(&sr->headers_in.headers, r->pool, 8,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    at = ngx_http_registry_headers(&r->headers_in.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {

        for (n = 0; names[n].len; n++) {
            if (ngx_http_registry_header_is(header, names[n])) {
                break;
            }
        }

        if (names[n].len == 0) {
            continue;
        }

        /* the registry judges who asks, nobody else does */

        if (n == 2 && sr->method != NGX_HTTP_UNKNOWN) {
            continue;
        }

        h = ngx_list_push(&sr->headers_in.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = *header;

        switch (n) {

        case 0:
            sr->headers_in.host = h;
            break;

        case 1:
            sr->headers_in.user_agent = h;
            break;

        case 2:
            sr->headers_in.authorization = h;
            break;
        }
    }

    return NGX_OK;
}


/*
 * Whatever has happened, the subrequest is over and well: were its status
 * returned here, nginx would answer it by an error page and come again.
 */

static ngx_int_t
ngx_http_registry_proof_handler(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_registry_offload_t *offload = data;

    int64_t                  size;
    ngx_http_registry_ask_t  answer;

    if (offload->ask != NGX_HTTP_REGISTRY_ASK_RUNNING) {
        return NGX_OK;
    }

    /* a client that went away says nothing of the backend: others ask anew */

    if (sr->connection->error) {
        ngx_http_registry_flight_leave(&offload->traveller);
        return NGX_OK;
    }

    answer = ngx_http_registry_proof_answer(sr, rc, &size);
    ngx_http_registry_proof_done(offload, answer, size);

    return NGX_OK;
}


static ngx_http_registry_ask_t
ngx_http_registry_proof_answer(ngx_http_request_t *sr, ngx_int_t rc,
    int64_t *size)
{
    ngx_uint_t            status;
    ngx_http_upstream_t  *u;

    *size = -1;

    u = sr->upstream;

    if (rc != NGX_OK && rc < NGX_HTTP_SPECIAL_RESPONSE) {
        return NGX_HTTP_REGISTRY_ASK_FAILED;
    }

    if (u == NULL || !ngx_http_registry_proof_same_place(sr)) {
        return NGX_HTTP_REGISTRY_ASK_ABSENT;
    }

    status = u->headers_in.status_n;

    if (status == 0 || status == NGX_HTTP_TOO_MANY_REQUESTS
        || status >= NGX_HTTP_INTERNAL_SERVER_ERROR
        || rc >= NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        return NGX_HTTP_REGISTRY_ASK_FAILED;
    }

    if (rc != NGX_OK || sr->headers_out.status != status) {
        return NGX_HTTP_REGISTRY_ASK_ABSENT;
    }

    switch (status) {

    case NGX_HTTP_OK:

        if (sr->headers_out.content_length_n < 0) {
            return NGX_HTTP_REGISTRY_ASK_ABSENT;
        }

        *size = (int64_t) sr->headers_out.content_length_n;

        return NGX_HTTP_REGISTRY_ASK_PROVEN;

    case NGX_HTTP_MOVED_TEMPORARILY:
    case NGX_HTTP_TEMPORARY_REDIRECT:

        return ngx_http_registry_storage_host(sr)
               ? NGX_HTTP_REGISTRY_ASK_PROVEN : NGX_HTTP_REGISTRY_ASK_ABSENT;
    }

    return NGX_HTTP_REGISTRY_ASK_ABSENT;
}


/*
 * An answer counts only where the client's request is, too, and not if it was
 * led elsewhere, by "if", X-Accel-Redirect or an error page.  limit_except has
 * a configuration of its own for a method that it does not know.
 */

static ngx_uint_t
ngx_http_registry_proof_same_place(ngx_http_request_t *sr)
{
    ngx_http_core_loc_conf_t  *clcf, *main;

    clcf = ngx_http_get_module_loc_conf(sr, ngx_http_core_module);
    main = ngx_http_get_module_loc_conf(sr->main, ngx_http_core_module);

    return (clcf == main
            || (clcf->lmt_excpt && clcf->name.data == main->name.data))
           && sr->upstream->headers_in.x_accel_redirect == NULL;
}


/* Does the backend redirect to a host that has what the backend has? */

static ngx_uint_t
ngx_http_registry_storage_host(ngx_http_request_t *sr)
{
    reg_url_t                          url;
    ngx_str_t                         *host;
    ngx_uint_t                         i;
    ngx_table_elt_t                   *location;
    ngx_http_registry_offload_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(sr->main,
                                        ngx_http_registry_offload_module);

    location = sr->upstream->headers_in.location;

    if (olcf->hosts == NULL || location == NULL
        || reg_url_check_location(ngx_http_registry_str(location->value), NULL)
           != REG_OK
        || reg_url_parse(&url, ngx_http_registry_str(location->value), NULL)
           != REG_OK)
    {
        return 0;
    }

    host = olcf->hosts->elts;

    for (i = 0; i < olcf->hosts->nelts; i++) {

        if ((host[i].len == url.host.len
             && ngx_strncasecmp(host[i].data, url.host.data, host[i].len) == 0)
            || (host[i].len == url.authority.len
                && ngx_strncasecmp(host[i].data, url.authority.data,
                                   host[i].len)
                   == 0))
        {
            return 1;
        }
    }

    return 0;
}
