/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Clients of a registry read JSON.  Handlers only return a status, and nginx
 * makes its page as ever; this filter puts the registry's body in place of it:
 * of our refusals, and of what nginx says itself (413, 502, ...).  A page that
 * error_page names and an answer of the backend stay as they are.
 *
 * It also keeps a challenge of the backend from the client, which would
 * answer it with its key.
 */

#include "ngx_http_registry.h"

#include "reg_api_key.h"
#include "reg_oci_error.h"


static ngx_int_t ngx_http_registry_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_registry_guards(ngx_http_request_t *r);
static void ngx_http_registry_hide_user(ngx_http_request_t *r);
static void ngx_http_registry_keep_one_challenge(ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_backend_challenges(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static ngx_uint_t ngx_http_registry_is_nginx_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_replace_page(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static size_t ngx_http_registry_error_text(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, u_char *buf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_registry_error_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_registry_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_header_filter(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t  *ctx;

    if (r != r->main
        || (r->headers_out.status < NGX_HTTP_BAD_REQUEST
            && r->upstream == NULL)
        || !ngx_http_registry_guards(r))
    {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_registry_hide_user(r);
    ngx_http_registry_keep_one_challenge(r);

    ctx = ngx_http_registry_find_ctx(r);

    if (ngx_http_registry_backend_challenges(r, ctx)) {

        ctx = ngx_http_registry_get_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        ctx->challenger = r->upstream;
        ctx->challenge = NULL;   /* it goes with the other headers */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: the backend wants credentials (status %ui), "
                      "see registry_backend_auth",
                      r->upstream->headers_in.status_n);

        return ngx_http_filter_finalize_request(r, &ngx_http_registry_module,
                                                NGX_HTTP_BAD_GATEWAY);
    }

    if (ngx_http_registry_is_nginx_page(r)) {

        ctx = ngx_http_registry_get_ctx(r);
        if (ctx == NULL || ngx_http_registry_replace_page(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_registry_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                    len;
    u_char                   *body;
    ngx_buf_t                *b;
    ngx_chain_t               out, *cl;
    ngx_http_registry_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_registry_module);

    if (ctx == NULL || !ctx->error_body || in == NULL || r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->error_sent) {
        return NGX_OK;
    }

    ctx->error_sent = 1;

    body = ngx_pnalloc(r->pool, REG_OCI_ERROR_MAX);
    b = ngx_calloc_buf(r->pool);

    if (body == NULL || b == NULL) {
        return NGX_ERROR;
    }

    len = ngx_http_registry_error_text(r, ctx, body);

    b->pos = body;
    b->last = body + len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/*
 * Does the registry answer here?  A request that failed before it had a
 * location is judged by its path, or by its request line if it has none.
 */

static ngx_uint_t
ngx_http_registry_guards(ngx_http_request_t *r)
{
    u_char                        *p;
    ngx_str_t                      path;
    ngx_http_registry_ctx_t       *ctx;
    ngx_http_registry_loc_conf_t  *rlcf;
    ngx_http_registry_srv_conf_t  *rscf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry != NGX_HTTP_REGISTRY_OFF) {
        return 1;
    }

    /* who has been guarded once, whatever error_page then leads to */

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && (ctx->decided || ctx->guarded)) {
        return 1;
    }

    rscf = ngx_http_get_module_srv_conf(r, ngx_http_registry_module);

    if (!rscf->used || r->phase_handler != 0 || r->internal) {
        return 0;
    }

    path = r->uri;

    if (path.len == 0 && r->request_start && r->header_in) {

        p = ngx_strlchr(r->request_start, r->header_in->last, ' ');

        if (p) {
            path.data = p + 1;
            path.len = (size_t) (r->header_in->last - path.data);
        }
    }

    return path.len >= sizeof("/v2/") - 1
           && ngx_strncmp(path.data, "/v2/", sizeof("/v2/") - 1) == 0;
}


/*
 * Somebody may have put the key, or a token, where the user name belongs.  That
 * would be in every access log as $remote_user, which comes from here.
 */

static void
ngx_http_registry_hide_user(ngx_http_request_t *r)
{
    if (r->headers_in.authorization == NULL
        || ngx_http_auth_basic_user(r) != NGX_OK)
    {
        return;
    }

    if (ngx_strlcasestrn(r->headers_in.user.data,
                         r->headers_in.user.data + r->headers_in.user.len,
                         (u_char *) REG_API_KEY_PREFIX,
                         sizeof(REG_API_KEY_PREFIX) - 2)
        != NULL
        || reg_jwt_looks(ngx_http_registry_str(r->headers_in.user)))
    {
        ngx_str_set(&r->headers_in.user, "");
    }
}


/* Under "satisfy any" auth_basic adds its own; one is what clients expect. */

static void
ngx_http_registry_keep_one_challenge(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t  *ctx;

    if (r->headers_out.status != NGX_HTTP_UNAUTHORIZED
        || r->headers_out.www_authenticate == NULL)
    {
        return;
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ctx->challenge
        && ctx->challenge != r->headers_out.www_authenticate)
    {
        r->headers_out.www_authenticate->hash = 0;
        r->headers_out.www_authenticate = ctx->challenge;
    }
}


/*
 * Whether the response asks for credentials and it is not us who ask.  The
 * response may be a page that error_page made of the backend's.
 */

static ngx_uint_t
ngx_http_registry_backend_challenges(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_table_elt_t               *challenge;
    ngx_http_upstream_t           *u;
    ngx_http_registry_loc_conf_t  *rlcf;

    u = r->upstream;

    if (u == NULL || (ctx && u == ctx->challenger)) {
        return 0;
    }

    if (u->headers_in.status_n != NGX_HTTP_UNAUTHORIZED
        && u->headers_in.www_authenticate == NULL)
    {
        challenge = r->headers_out.www_authenticate;

        if (challenge && challenge->hash == 0) {
            challenge = NULL;
        }

        if (challenge ? (ctx && challenge == ctx->challenge)
                      : r->headers_out.status != NGX_HTTP_UNAUTHORIZED)
        {
            return 0;
        }
    }

    if (ctx == NULL) {
        return 1;
    }

    /* a migration runs with both: the backend's challenge is what it needs */

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    return !(ctx->dry_run
             && (rlcf->registry == NGX_HTTP_REGISTRY_OFF
                 || rlcf->backend_auth
                    == NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH));
}


static ngx_uint_t
ngx_http_registry_is_nginx_page(ngx_http_request_t *r)
{
    return r->err_status >= NGX_HTTP_BAD_REQUEST
           && r->headers_out.content_type.len == sizeof("text/html") - 1
           && ngx_strncmp(r->headers_out.content_type.data, "text/html",
                          sizeof("text/html") - 1) == 0
           && !(r->error_page && r->internal);
}


static ngx_int_t
ngx_http_registry_replace_page(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    u_char  body[REG_OCI_ERROR_MAX];

    ctx->error_body = 1;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    r->headers_out.content_length_n =
                          (off_t) ngx_http_registry_error_text(r, ctx, body);

    return ngx_http_registry_add_header(r,
                      NGX_HTTP_REGISTRY_STR("Docker-Distribution-Api-Version"),
                      NGX_HTTP_REGISTRY_STR("registry/2.0"))
           ? NGX_OK : NGX_ERROR;
}


/* Our own refusal has a reason; any other status speaks for itself. */

static size_t
ngx_http_registry_error_text(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, u_char *buf)
{
    ngx_uint_t   status;
    const char  *code, *message;

    status = r->err_status;
    code = reg_oci_error_code(status);
    message = reg_oci_error_message(status);

    if (ctx->decided && ctx->decision.verdict != REG_ALLOW
        && reg_reason_status(ctx->decision.reason) == status)
    {
        message = reg_reason_text(ctx->decision.reason);

        if (ctx->decision.reason == REG_REASON_NOT_CANONICAL) {
            code = reg_route_error_code(ctx->rc);
            message = reg_route_error_message(ctx->rc);
        }

        if (ctx->message && ctx->decision.verdict == REG_LIMITED) {
            return reg_oci_error_body_json(buf, code, ctx->message,
                                           ngx_http_registry_str(ctx->detail));
        }
    }

    return reg_oci_error_body(buf, code, message, NULL);
}
