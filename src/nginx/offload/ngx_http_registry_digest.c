/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The directive "registry_verify_digest": what comes from a backend for
 * a digest is hashed as it comes.  If it is something else, the response ends
 * before its last part: the client sees that it is not whole, and no cache
 * keeps it.  What a cache has was hashed when it came.
 *
 * The filter of the proxy module, which takes chunks apart, stands between the
 * pipe and us: what it adds to the pipe is what is hashed.
 */

#include "ngx_http_registry_offload.h"

#include <openssl/evp.h>


typedef struct {
    ngx_int_t                 (*init)(void *data);
    ngx_event_pipe_input_filter_pt   filter;
    EVP_MD_CTX                 *md;
    reg_digest_t               *digest;
    off_t                       received;
    unsigned                    judged:1;
} ngx_http_registry_hashed_t;


static ngx_int_t ngx_http_registry_digest_header_filter(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_digest_applies(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_digest_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_int_t ngx_http_registry_digest_init(void *data);
static ngx_int_t ngx_http_registry_digest_input(ngx_event_pipe_t *p,
    ngx_buf_t *buf);
static ngx_int_t ngx_http_registry_digest_judge(ngx_http_request_t *r,
    ngx_http_registry_hashed_t *hashed);
static void ngx_http_registry_digest_free(void *data);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_registry_digest_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_digest_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_digest_header_filter(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t  *ctx;

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ngx_http_registry_digest_applies(r, ctx)
        && ngx_http_registry_digest_start(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* A part of it cannot be judged; and of a subrequest, only one for the same. */

static ngx_uint_t
ngx_http_registry_digest_applies(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_http_upstream_t               *u;
    ngx_http_registry_offload_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_offload_module);

    u = r->upstream;

    return olcf->verify_digest
           && u && u->pipe && u->conf->buffering && u->input_filter_init
           && !r->cached
           && u->headers_in.status_n == NGX_HTTP_OK
           && ctx->parsed && ctx->rc == REG_ROUTE_OK
           && ctx->route.method == REG_METHOD_GET
           && ctx->route.digest.encoded.len
           && (ctx->route.resource == REG_RESOURCE_BLOB
               || ctx->route.resource == REG_RESOURCE_MANIFEST)
           && ngx_http_registry_same_request(r)
           && ngx_http_get_module_ctx(r, ngx_http_registry_offload_module)
              == NULL;
}


static ngx_int_t
ngx_http_registry_digest_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    char                         name[16];
    const EVP_MD                *type;
    ngx_pool_cleanup_t          *cln;
    ngx_http_upstream_t         *u;
    ngx_http_registry_hashed_t  *hashed;

    u = r->upstream;

    /* the backend is not to choose, by X-Accel-Buffering */

    u->buffering = 1;

    /* there is no telling whether all of it has come */

    if (u->headers_in.content_length_n < 0 && !u->headers_in.chunked) {
        u->cacheable = 0;
        return NGX_OK;
    }

    (void) ngx_cpystrn((u_char *) name, ctx->route.digest.algorithm.data,
                       ngx_min(sizeof(name),
                               ctx->route.digest.algorithm.len + 1));

    type = EVP_get_digestbyname(name);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_hashed_t));

    if (cln == NULL || type == NULL) {
        return NGX_ERROR;
    }

    hashed = cln->data;
    ngx_memzero(hashed, sizeof(ngx_http_registry_hashed_t));

    cln->handler = ngx_http_registry_digest_free;

    hashed->md = EVP_MD_CTX_new();

    if (hashed->md == NULL || EVP_DigestInit_ex(hashed->md, type, NULL) != 1) {
        return NGX_ERROR;
    }

    hashed->digest = &ctx->route.digest;
    hashed->init = u->input_filter_init;
    u->input_filter_init = ngx_http_registry_digest_init;

    ngx_http_set_ctx(r, hashed, ngx_http_registry_offload_module);

    return NGX_OK;
}


/* The proxy module chooses its filter here; of nothing it is never called. */

static ngx_int_t
ngx_http_registry_digest_init(void *data)
{
    ngx_http_request_t *r = data;

    ngx_int_t                    rc;
    ngx_http_upstream_t         *u;
    ngx_http_registry_hashed_t  *hashed;

    u = r->upstream;
    hashed = ngx_http_get_module_ctx(r, ngx_http_registry_offload_module);

    rc = hashed->init(data);

    if (rc != NGX_OK) {
        return rc;
    }

    hashed->filter = u->pipe->input_filter;
    u->pipe->input_filter = ngx_http_registry_digest_input;

    return u->headers_in.content_length_n == 0
           ? ngx_http_registry_digest_judge(r, hashed) : NGX_OK;
}


static ngx_int_t
ngx_http_registry_digest_input(ngx_event_pipe_t *p, ngx_buf_t *buf)
{
    size_t                       n;
    ngx_chain_t                 *cl, **last;
    ngx_http_request_t          *r;
    ngx_http_registry_hashed_t  *hashed;

    r = p->input_ctx;
    hashed = ngx_http_get_module_ctx(r, ngx_http_registry_offload_module);

    last = p->in ? p->last_in : &p->in;

    if (hashed->filter(p, buf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (cl = *last; cl; cl = cl->next) {

        n = (size_t) (cl->buf->last - cl->buf->pos);
        hashed->received += (off_t) n;

        if (EVP_DigestUpdate(hashed->md, cl->buf->pos, n) != 1) {
            return NGX_ERROR;
        }
    }

    if (hashed->judged
        || (r->upstream->headers_in.chunked
            ? p->length != 0
            : hashed->received < r->upstream->headers_in.content_length_n))
    {
        return NGX_OK;
    }

    return ngx_http_registry_digest_judge(r, hashed);
}


static ngx_int_t
ngx_http_registry_digest_judge(ngx_http_request_t *r,
    ngx_http_registry_hashed_t *hashed)
{
    u_char     md[EVP_MAX_MD_SIZE], hex[2 * EVP_MAX_MD_SIZE], *last;
    unsigned   len;
    ngx_str_t  algorithm, encoded;

    hashed->judged = 1;

    if (EVP_DigestFinal_ex(hashed->md, md, &len) != 1) {
        return NGX_ERROR;
    }

    last = ngx_hex_dump(hex, md, len);

    algorithm = ngx_http_registry_ngx_str(hashed->digest->algorithm);
    encoded = ngx_http_registry_ngx_str(hashed->digest->encoded);

    if (encoded.len == (size_t) (last - hex)
        && ngx_memcmp(encoded.data, hex, encoded.len) == 0)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "registry: the backend sent %O bytes for %V:%V that are "
                  "something else: the response is cut, and not kept",
                  hashed->received, &algorithm, &encoded);

    return NGX_ERROR;
}


static void
ngx_http_registry_digest_free(void *data)
{
    ngx_http_registry_hashed_t *hashed = data;

    EVP_MD_CTX_free(hashed->md);
}
