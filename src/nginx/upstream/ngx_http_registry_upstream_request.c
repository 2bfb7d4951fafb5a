/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Which URL is next.  The handler runs in the PRECONTENT phase after what the
 * backend gets was made, each time that the request comes to its location: at
 * first, when a token is there, and when the upstream has answered with 401 or
 * a redirect.  All of it ends: a token is asked for twice at most, and
 * redirects are counted.
 */

#include "ngx_http_registry_upstream.h"


static ngx_int_t ngx_http_registry_upstream_question(ngx_http_request_t *r,
    ngx_http_registry_upstream_t *upstream);
static ngx_int_t ngx_http_registry_upstream_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_upstream_t *upstream);
static ngx_uint_t ngx_http_registry_upstream_ns(ngx_http_request_t *r,
    ngx_http_registry_upstream_t *upstream);
static ngx_int_t ngx_http_registry_upstream_ping(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_upstream_url(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_authorize(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_asked(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_bearer(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_answered(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_challenged(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_challenge(ngx_http_request_t *r,
    reg_challenge_t *challenge);
static ngx_int_t ngx_http_registry_upstream_redirected(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_upstream_bad(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull, const char *what);
static ngx_int_t ngx_http_registry_upstream_keep(ngx_http_request_t *r,
    ngx_str_t *to, reg_str_t from);
static void ngx_http_registry_upstream_cleanup(void *data);


ngx_int_t
ngx_http_registry_upstream_handler(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t            *ctx;
    ngx_http_registry_pass_t           *pull;
    ngx_http_registry_upstream_conf_t  *ulcf;

    ulcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_upstream_module);

    if (ulcf->upstream == NULL) {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        return ngx_http_registry_upstream_question(r, ulcf->upstream);
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    pull = ctx->pull;

    if (pull == NULL) {
        return ngx_http_registry_upstream_start(r, ctx, ulcf->upstream);
    }

    switch (pull->state) {

    case NGX_HTTP_REGISTRY_PULL_ASKING:
        return NGX_AGAIN;

    case NGX_HTTP_REGISTRY_PULL_ASKED:
        return ngx_http_registry_upstream_asked(r, ctx, pull);

    case NGX_HTTP_REGISTRY_PULL_SENT:
        return ngx_http_registry_upstream_answered(r, ctx, pull);

    default:
        return ngx_http_registry_upstream_authorize(r, ctx, pull);
    }
}


/*
 * The subrequest that asks for a token; it is sent once, and what is no answer
 * makes it come again.  No other subrequest has any business here.
 */

static ngx_int_t
ngx_http_registry_upstream_question(ngx_http_request_t *r,
    ngx_http_registry_upstream_t *upstream)
{
    ngx_http_registry_ctx_t   *ctx;
    ngx_http_registry_pass_t  *pull;

    ctx = ngx_http_registry_find_ctx(r);
    pull = ctx ? ctx->pull : NULL;

    if (pull == NULL || pull->question != r || pull->asked) {
        return NGX_HTTP_BAD_GATEWAY;
    }

    pull->asked = 1;

    return ngx_http_registry_upstream_send(r, NULL,
                                  ngx_http_registry_upstream_basic(r,
                                                                   upstream));
}


static ngx_int_t
ngx_http_registry_upstream_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_upstream_t *upstream)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_registry_pass_t  *pull;

    if (ngx_http_registry_parse(r, ctx) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        return ngx_http_registry_add_header(r, NGX_HTTP_REGISTRY_STR("Allow"),
                                            NGX_HTTP_REGISTRY_STR("GET, HEAD"))
               ? NGX_HTTP_NOT_ALLOWED : NGX_ERROR;
    }

    if (!ngx_http_registry_upstream_ns(r, upstream)) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ctx->route.resource == REG_RESOURCE_PING) {
        return ngx_http_registry_upstream_ping(r);
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_pass_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    pull = cln->data;
    ngx_memzero(pull, sizeof(ngx_http_registry_pass_t));

    cln->handler = ngx_http_registry_upstream_cleanup;

    pull->traveller.request = r;
    pull->upstream = upstream;

    switch (ngx_http_registry_upstream_url(r, ctx, pull)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NGX_HTTP_NOT_FOUND;

    default:
        return NGX_ERROR;
    }

    ctx->pull = pull;

    /* from here on pages are ours, also under "satisfy any" */

    r->error_page = 0;

    return ngx_http_registry_upstream_authorize(r, ctx, pull);
}


/*
 * A client that has this server for a mirror of several registries says which
 * one it means.  A repository of another one is not here.
 */

static ngx_uint_t
ngx_http_registry_upstream_ns(ngx_http_request_t *r,
    ngx_http_registry_upstream_t *upstream)
{
    ngx_str_t   ns, *name;
    ngx_uint_t  i;

    if (upstream->ns == NULL
        || ngx_http_arg(r, (u_char *) "ns", 2, &ns) != NGX_OK)
    {
        return 1;
    }

    name = upstream->ns->elts;

    for (i = 0; i < upstream->ns->nelts; i++) {
        if (name[i].len == ns.len
            && ngx_strncasecmp(name[i].data, ns.data, ns.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* We speak the API, whether the upstream is there or not. */

static ngx_int_t
ngx_http_registry_upstream_ping(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    if (ngx_http_registry_add_header(r,
                      NGX_HTTP_REGISTRY_STR("Docker-Distribution-Api-Version"),
                      NGX_HTTP_REGISTRY_STR("registry/2.0"))
        == NULL)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    ngx_str_set(&cv.value, "{}");
    ngx_str_set(&type, "application/json");

    rc = ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/* NGX_DECLINED: there is no such thing. */

static ngx_int_t
ngx_http_registry_upstream_url(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    u_char           name[REG_URL_MAX], url[REG_UPSTREAM_URL_MAX];
    reg_str_t        s;
    reg_text_t       text;
    reg_upstream_t  *core;

    core = &pull->upstream->core;

    text = (reg_text_t) { name, 0, sizeof(name), 0 };

    if (reg_upstream_repository(core, ctx->route.repository, &text) != REG_OK) {
        return NGX_DECLINED;
    }

    s = (reg_str_t) { text.len, text.data };

    if (ngx_http_registry_upstream_keep(r, &pull->repository, s) != NGX_OK) {
        return NGX_ERROR;
    }

    text = (reg_text_t) { url, 0, sizeof(url), 0 };

    if (reg_upstream_request(core, &ctx->route, s,
                             ngx_http_registry_str(ctx->args), &text)
        != REG_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_registry_upstream_keep(r, &pull->url,
                                       (reg_str_t) { text.len, text.data });
}


static ngx_int_t
ngx_http_registry_upstream_authorize(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    ngx_int_t  rc;

    pull->state = NGX_HTTP_REGISTRY_PULL_SENT;

    if (pull->upstream->core.realm.len == 0) {
        return ngx_http_registry_upstream_send(r, &ctx->headers,
                           ngx_http_registry_upstream_basic(r,
                                                            pull->upstream));
    }

    rc = ngx_http_registry_grant_find(r, pull);

    /* one request renews a token that ends soon, the others use it */

    if (rc == NGX_OK
        && ((int64_t) ngx_current_msec < pull->grant.refresh
            || ngx_http_registry_grant_is_asked(r, pull)))
    {
        return ngx_http_registry_upstream_bearer(r, ctx, pull);
    }

    pull->old = (rc == NGX_OK);

    /* the first time, the upstream has to say what it wants */

    if (pull->grant.scope.data == NULL) {
        return ngx_http_registry_upstream_bearer(r, ctx, pull);
    }

    return ngx_http_registry_grant_ask(r, pull);
}


/* The question is answered, or who asked it has gone. */

static ngx_int_t
ngx_http_registry_upstream_asked(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    if (pull->status == NGX_AGAIN) {
        return ngx_http_registry_grant_ask(r, pull);
    }

    if (pull->status != NGX_OK && !pull->old) {
        return pull->status;
    }

    pull->state = NGX_HTTP_REGISTRY_PULL_SENT;

    return ngx_http_registry_upstream_bearer(r, ctx, pull);
}


static ngx_int_t
ngx_http_registry_upstream_bearer(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    ngx_str_t  value;

    if (pull->grant.token.len == 0) {
        return ngx_http_registry_upstream_send(r, &ctx->headers, NULL);
    }

    value.len = sizeof("Bearer ") - 1 + pull->grant.token.len;

    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(value.data, "Bearer %V", &pull->grant.token);

    return ngx_http_registry_upstream_send(r, &ctx->headers, &value);
}


/* nginx has brought the request back instead of sending the answer on. */

static ngx_int_t
ngx_http_registry_upstream_answered(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    ngx_http_registry_upstream_hide(r,
                                    NGX_HTTP_REGISTRY_STR("WWW-Authenticate"));
    r->headers_out.www_authenticate = NULL;

    if (r->upstream == NULL) {
        return NGX_HTTP_BAD_GATEWAY;
    }

    if (r->upstream->headers_in.status_n == NGX_HTTP_UNAUTHORIZED) {
        ctx->challenger = r->upstream;
        return ngx_http_registry_upstream_challenged(r, pull);
    }

    return ngx_http_registry_upstream_redirected(r, ctx, pull);
}


static ngx_int_t
ngx_http_registry_upstream_challenged(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    u_char           url[REG_UPSTREAM_URL_MAX];
    reg_text_t       text;
    reg_error_t      error;
    reg_challenge_t  challenge;

    if (pull->hops) {
        return ngx_http_registry_upstream_bad(r, pull,
                            "where it redirects to, credentials are wanted");
    }

    /* with a token for what it wanted: so this credential may not have it */

    if (pull->challenged) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "registry: upstream \"%V\": it does not give \"%V\" to "
                      "us, or has none", &pull->upstream->name,
                      &pull->repository);
        return NGX_HTTP_FORBIDDEN;
    }

    if (pull->upstream->core.realm.len == 0) {
        return ngx_http_registry_upstream_bad(r, pull,
                   pull->upstream->secret
                   ? "it refuses the credentials of \"credential_file\""
                   : "it wants credentials, and none are configured");
    }

    switch (ngx_http_registry_upstream_challenge(r, &challenge)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_registry_upstream_bad(r, pull,
                                              "its 401 has no good challenge");

    default:
        return NGX_ERROR;
    }

    text = (reg_text_t) { url, 0, sizeof(url), 0 };

    if (reg_upstream_question(&pull->upstream->core, &challenge,
                              ngx_http_registry_str(pull->repository), &text,
                              &error)
        != REG_OK)
    {
        return ngx_http_registry_upstream_bad(r, pull, error.text);
    }

    pull->old = 0;
    pull->challenged = 1;
    pull->grant.service = ngx_http_registry_ngx_str(challenge.service);
    pull->grant.scope = ngx_http_registry_ngx_str(challenge.scope);

    return ngx_http_registry_grant_ask(r, pull);
}


/* Of several challenges, and headers, the first that is Bearer. */

static ngx_int_t
ngx_http_registry_upstream_challenge(ngx_http_request_t *r,
    reg_challenge_t *challenge)
{
    u_char                       *buf;
    reg_rc_t                      rc;
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    static ngx_str_t  name = ngx_string("WWW-Authenticate");

    at = ngx_http_registry_headers(&r->upstream->headers_in.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {

        if (!ngx_http_registry_header_is(header, name)) {
            continue;
        }

        buf = ngx_pnalloc(r->pool, header->value.len + 1);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        rc = reg_challenge_parse(challenge,
                                 ngx_http_registry_str(header->value), buf);

        if (rc != REG_NOTFOUND) {
            return rc == REG_OK ? NGX_OK : NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}


/* Without Authorization, whatever host it is. */

static ngx_int_t
ngx_http_registry_upstream_redirected(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_pass_t *pull)
{
    u_char            url[REG_UPSTREAM_URL_MAX];
    reg_text_t        text;
    reg_error_t       error;
    ngx_table_elt_t  *location;

    location = r->upstream->headers_in.location;

    if (location == NULL) {
        return ngx_http_registry_upstream_bad(r, pull,
                                              "its redirect has no Location");
    }

    if (pull->hops == REG_UPSTREAM_HOPS_MAX) {
        return ngx_http_registry_upstream_bad(r, pull,
                                              "it redirects again and again");
    }

    text = (reg_text_t) { url, 0, sizeof(url), 0 };

    if (reg_upstream_follow(&pull->upstream->core,
                            ngx_http_registry_str(pull->url),
                            ngx_http_registry_str(location->value), &text,
                            &error)
        != REG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: upstream \"%V\": its redirect is not "
                      "followed: %s", &pull->upstream->name, error.text);
        return NGX_HTTP_BAD_GATEWAY;
    }

    pull->hops++;

    if (ngx_http_registry_upstream_keep(r, &pull->url,
                                        (reg_str_t) { text.len, text.data })
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_registry_upstream_send(r, &ctx->headers, NULL);
}


static ngx_int_t
ngx_http_registry_upstream_bad(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull, const char *what)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "registry: upstream \"%V\": %s", &pull->upstream->name, what);

    return NGX_HTTP_BAD_GATEWAY;
}


static ngx_int_t
ngx_http_registry_upstream_keep(ngx_http_request_t *r, ngx_str_t *to,
    reg_str_t from)
{
    to->len = from.len;
    to->data = ngx_pnalloc(r->pool, from.len + 1);

    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, from.data, from.len);

    return NGX_OK;
}


static void
ngx_http_registry_upstream_cleanup(void *data)
{
    ngx_http_registry_pass_t *pull = data;

    ngx_http_registry_flight_leave(&pull->traveller);
}
