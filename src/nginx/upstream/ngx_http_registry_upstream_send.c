/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* What an upstream is sent, and what of its answer the client gets. */

#include "ngx_http_registry_upstream.h"


static ngx_uint_t ngx_http_registry_upstream_passes(ngx_table_elt_t *header);
static ngx_int_t ngx_http_registry_upstream_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_upstream_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_registry_upstream_status(ngx_uint_t status);
static ngx_int_t ngx_http_registry_upstream_links(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_link(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull,
    ngx_table_elt_t *header);


/*
 * What the client asks for, and which part of it.  Nothing else is an
 * upstream's business: not who the client is, and not its credentials.
 */

static ngx_str_t  ngx_http_registry_upstream_headers[] = {
    ngx_string("accept"),
    ngx_string("range"),
    ngx_string("if-range"),
    ngx_string("if-none-match"),
    ngx_string("if-modified-since"),
    ngx_string("user-agent"),
    ngx_null_string
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_registry_upstream_send(ngx_http_request_t *r, ngx_list_t *headers,
    ngx_str_t *authorization)
{
    ngx_table_elt_t                         *header, *h;
    ngx_http_registry_headers_t              at;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    /* what nginx remembers of the turn before was for another host */

    umcf = ngx_http_get_module_main_conf(r, ngx_http_registry_upstream_module);

    r->variables[umcf->sent].valid = 0;
    r->variables[umcf->sent].not_found = 0;

    if (ngx_list_init(&r->headers_in.headers, r->pool, 8,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.authorization = NULL;

    if (headers) {
        at = ngx_http_registry_headers(headers);

        while ((header = ngx_http_registry_next_header(&at)) != NULL) {

            if (!ngx_http_registry_upstream_passes(header)) {
                continue;
            }

            h = ngx_list_push(&r->headers_in.headers);
            if (h == NULL) {
                return NGX_ERROR;
            }

            *h = *header;
        }
    }

    return authorization ? ngx_http_registry_forward_add(r, authorization)
                         : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_registry_upstream_passes(ngx_table_elt_t *header)
{
    ngx_str_t  *name;

    for (name = ngx_http_registry_upstream_headers; name->len; name++) {
        if (ngx_http_registry_header_is(header, *name)) {
            return 1;
        }
    }

    return 0;
}


/* A copy, because the file may be read again meanwhile. */

ngx_str_t *
ngx_http_registry_upstream_basic(ngx_http_request_t *r,
    ngx_http_registry_upstream_t *upstream)
{
    ngx_str_t  *value;

    if (upstream->secret == NULL) {
        return NULL;
    }

    value = ngx_palloc(r->pool, sizeof(ngx_str_t));
    if (value == NULL) {
        return NULL;
    }

    value->data = ngx_pstrdup(r->pool, &upstream->secret->value);
    value->len = upstream->secret->value.len;

    return value->data ? value : NULL;
}


ngx_int_t
ngx_http_registry_upstream_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_upstream_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_registry_upstream_body_filter;

    return NGX_OK;
}


/* What a host that was redirected to says of errors is for nobody's client. */

static ngx_int_t
ngx_http_registry_upstream_header_filter(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t   *ctx;
    ngx_http_registry_pass_t  *pull;

    ctx = (r == r->main) ? ngx_http_registry_find_ctx(r) : NULL;

    pull = ctx ? ctx->pull : NULL;

    if (pull == NULL || pull->judged || r->upstream == NULL
        || pull->state != NGX_HTTP_REGISTRY_PULL_SENT
        || r->upstream->headers_in.status_n != r->headers_out.status)
    {
        return ngx_http_next_header_filter(r);
    }

    pull->judged = 1;

    /* a cookie is for one client, and the answer for all of them */

    ngx_http_registry_upstream_hide(r, NGX_HTTP_REGISTRY_STR("Set-Cookie"));

    if (ngx_http_registry_upstream_links(r, ctx, pull) != NGX_OK) {
        return NGX_ERROR;
    }

    if (pull->hops
        && !ngx_http_registry_upstream_status(r->headers_out.status))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: upstream \"%V\": where it redirects to, the "
                      "answer was %ui", &pull->upstream->name,
                      r->headers_out.status);

        return ngx_http_filter_finalize_request(r,
                                            &ngx_http_registry_upstream_module,
                                            NGX_HTTP_BAD_GATEWAY);
    }

    return ngx_http_next_header_filter(r);
}


/*
 * The answer of the realm.  Where it is longer than nginx keeps, nginx would
 * end the client's request without a word.
 */

static ngx_int_t
ngx_http_registry_upstream_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in)
{
    ngx_chain_t               *cl;
    ngx_http_registry_ctx_t   *ctx;
    ngx_http_registry_pass_t  *pull;

    ctx = r->subrequest_in_memory ? ngx_http_registry_find_ctx(r) : NULL;

    pull = ctx ? ctx->pull : NULL;

    if (pull == NULL || pull->question != r) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        pull->answer += ngx_buf_size(cl->buf);
    }

    if (pull->answer <= NGX_HTTP_REGISTRY_UPSTREAM_ANSWER
        && r->headers_out.content_length_n <= NGX_HTTP_REGISTRY_UPSTREAM_ANSWER)
    {
        return ngx_http_next_body_filter(r, in);
    }

    pull->answer = NGX_HTTP_REGISTRY_UPSTREAM_ANSWER + 1;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_registry_upstream_status(ngx_uint_t status)
{
    return status == NGX_HTTP_OK || status == NGX_HTTP_PARTIAL_CONTENT
           || status == NGX_HTTP_NOT_MODIFIED
           || status == NGX_HTTP_RANGE_NOT_SATISFIABLE;
}


void
ngx_http_registry_upstream_hide(ngx_http_request_t *r, ngx_str_t name)
{
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    at = ngx_http_registry_headers(&r->headers_out.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {
        if (ngx_http_registry_header_is(header, name)) {
            header->hash = 0;
        }
    }
}


static ngx_int_t
ngx_http_registry_upstream_links(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    at = ngx_http_registry_headers(&r->headers_out.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {
        if (ngx_http_registry_header_is(header, NGX_HTTP_REGISTRY_STR("Link"))
            && ngx_http_registry_upstream_link(r, ctx, pull, header) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The next page has a name of ours, and is had from us; a link to anything else
 * is none for our client, who might go there with credentials.
 */

static ngx_int_t
ngx_http_registry_upstream_link(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull,
    ngx_table_elt_t *header)
{
    u_char     *p;
    ngx_str_t   path, rest;
    reg_str_t   url, link;

    url = pull->upstream->core.url;
    link = ngx_http_registry_str(header->value);

    path.data = pull->url.data + url.len;
    path.len = pull->url.len - ngx_min(pull->url.len, url.len);

    p = ngx_strlchr(path.data, path.data + path.len, '?');
    path.len = p ? (size_t) (p - path.data) : path.len;

    p = link.data + 1;

    if (reg_str_starts(link, REG_STR("<"))
        && reg_str_starts((reg_str_t) { link.len - 1, p }, url))
    {
        p += url.len;
    }

    rest.data = p + path.len;
    rest.len = link.len - ngx_min(link.len, (size_t) (rest.data - link.data));

    if (pull->hops || rest.len == 0 || link.data[0] != '<'
        || ngx_strncmp(p, path.data, path.len) != 0 || rest.data[0] != '?'
        || ngx_strlchr(rest.data, rest.data + rest.len, '<'))
    {
        header->hash = 0;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 1 + ctx->path.len + rest.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    header->value.data = p;
    header->value.len = (size_t) (ngx_sprintf(p, "<%V%V", &ctx->path, &rest)
                                  - p);

    return NGX_OK;
}
