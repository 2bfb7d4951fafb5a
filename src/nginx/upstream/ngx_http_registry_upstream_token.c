/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Tokens for an upstream.  One is for a repository, as a credential may have
 * it, and all workers share it until it ends; a worker asks for it once at
 * a time, whoever waits.  With the token is kept what the upstream wanted when
 * it was asked for, so that the next one is asked for without a 401.
 */

#include "ngx_http_registry_upstream.h"

#include <openssl/evp.h>

#define NGX_HTTP_REGISTRY_GRANT_EARLY  5     /* a fifth of its life is left */


static ngx_int_t ngx_http_registry_grant_name(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);
static uint64_t ngx_http_registry_grant_hash(ngx_http_registry_pass_t *pull);
static reg_siphash_t ngx_http_registry_grant_key(
    ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_grant_read(ngx_http_request_t *r,
    ngx_http_registry_grant_t *grant, u_char *text, size_t len);
static void ngx_http_registry_grant_store(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_grant_question(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);
static ngx_int_t ngx_http_registry_grant_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static ngx_int_t ngx_http_registry_grant_answer(ngx_http_request_t *sr,
    ngx_http_registry_pass_t *pull, ngx_int_t rc);
static ngx_int_t ngx_http_registry_grant_take(ngx_http_request_t *sr,
    ngx_http_registry_pass_t *pull);
static void ngx_http_registry_grant_land(
    ngx_http_registry_traveller_t *waiter,
    ngx_http_registry_traveller_t *leader);


ngx_int_t
ngx_http_registry_grant_find(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    reg_str_t                                name;
    u_char                                   text[REG_ZONE_LARGE];
    reg_zone_info_t                          info;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_registry_upstream_module);

    ngx_memzero(&pull->grant, sizeof(ngx_http_registry_grant_t));

    if (ngx_http_registry_grant_name(r, pull) != NGX_OK) {
        return NGX_DECLINED;
    }

    name = (reg_str_t) { NGX_HTTP_REGISTRY_GRANT_NAME, pull->name };

    if (reg_zone_get(umcf->zone, ngx_http_registry_grant_hash(pull),
                     REG_RECORD_KEY, name, &info, text)
        != REG_OK
        || ngx_http_registry_grant_read(r, &pull->grant, text, info.len)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if ((int64_t) ngx_current_msec >= pull->grant.expires) {
        ngx_str_null(&pull->grant.token);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * Whose token for what it is, without saying so: another password in the file
 * is another name, and the old token is never found again.
 */

static ngx_int_t
ngx_http_registry_grant_name(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    u_char      *text, *p;
    size_t       size;
    unsigned     len;
    ngx_int_t    rc;
    ngx_str_t    url, realm, secret;

    url = ngx_http_registry_ngx_str(pull->upstream->core.url);
    realm = ngx_http_registry_ngx_str(pull->upstream->core.realm);

    ngx_str_null(&secret);

    if (pull->upstream->secret) {
        secret = pull->upstream->secret->value;
    }

    size = url.len + realm.len + pull->repository.len + secret.len + 3;

    text = ngx_pnalloc(r->pool, size);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text, "%V\n%V\n%V\n%V", &url, &realm, &pull->repository,
                    &secret);

    rc = EVP_Digest(text, (size_t) (p - text), pull->name, &len, EVP_sha256(),
                    NULL) == 1
         ? NGX_OK : NGX_ERROR;

    ngx_explicit_memzero(text, size);

    return rc;
}


static uint64_t
ngx_http_registry_grant_hash(ngx_http_registry_pass_t *pull)
{
    return ngx_http_registry_grant_key(pull).lo;
}


static reg_siphash_t
ngx_http_registry_grant_key(ngx_http_registry_pass_t *pull)
{
    reg_siphash_t  key;

    ngx_memcpy(&key, pull->name, sizeof(reg_siphash_t));

    return key;
}


ngx_uint_t
ngx_http_registry_grant_is_asked(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    reg_siphash_t                            key;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_registry_upstream_module);
    key = ngx_http_registry_grant_key(pull);

    return ngx_http_registry_flight_flies(umcf->flights, &key);
}


/* The two times, then service, scope and token: none holds a newline. */

static ngx_int_t
ngx_http_registry_grant_read(ngx_http_request_t *r,
    ngx_http_registry_grant_t *grant, u_char *text, size_t len)
{
    u_char      *p, *last, *end;
    ngx_str_t   *s[3];
    ngx_uint_t   i;

    if (len < 2 * sizeof(int64_t)) {
        return NGX_ERROR;
    }

    ngx_memcpy(&grant->refresh, text, sizeof(int64_t));
    ngx_memcpy(&grant->expires, text + sizeof(int64_t), sizeof(int64_t));

    len -= 2 * sizeof(int64_t);

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text + 2 * sizeof(int64_t), len);
    last = p + len;

    s[0] = &grant->service;
    s[1] = &grant->scope;
    s[2] = &grant->token;

    for (i = 0; i < 3; i++) {

        end = ngx_strlchr(p, last, '\n');

        if (end == NULL) {
            end = last;
        }

        s[i]->data = p;
        s[i]->len = (size_t) (end - p);

        p = (end < last) ? end + 1 : last;
    }

    return NGX_OK;
}


static void
ngx_http_registry_grant_store(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    u_char                                   text[REG_ZONE_LARGE], *p;
    reg_str_t                                name;
    reg_zone_info_t                          info;
    ngx_http_registry_grant_t               *grant;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_registry_upstream_module);
    grant = &pull->grant;

    if (2 * sizeof(int64_t) + grant->service.len + grant->scope.len
        + grant->token.len + 2
        > sizeof(text))
    {
        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "registry: upstream \"%V\": a token of %uz bytes is not "
                      "kept, that is too long", &pull->upstream->name,
                      grant->token.len);
        return;
    }

    p = ngx_cpymem(text, &grant->refresh, sizeof(int64_t));
    p = ngx_cpymem(p, &grant->expires, sizeof(int64_t));
    p = ngx_sprintf(p, "%V\n%V\n%V", &grant->service, &grant->scope,
                    &grant->token);

    ngx_memzero(&info, sizeof(reg_zone_info_t));
    info.fetched = (int64_t) ngx_current_msec;

    name = (reg_str_t) { NGX_HTTP_REGISTRY_GRANT_NAME, pull->name };

    reg_zone_put(umcf->zone, ngx_http_registry_grant_hash(pull),
                 REG_RECORD_KEY, name, &info,
                 (reg_str_t) { (size_t) (p - text), text }, info.fetched);

    ngx_explicit_memzero(text, sizeof(text));
}


ngx_int_t
ngx_http_registry_grant_ask(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    ngx_int_t                                rc;
    reg_siphash_t                            key;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_registry_upstream_module);
    key = ngx_http_registry_grant_key(pull);

    rc = ngx_http_registry_flight_join(umcf->flights, &key, &pull->traveller,
                                       ngx_http_registry_grant_land);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    pull->state = NGX_HTTP_REGISTRY_PULL_ASKING;

    return rc == NGX_AGAIN ? NGX_AGAIN
                           : ngx_http_registry_grant_question(r, pull);
}


static ngx_int_t
ngx_http_registry_grant_question(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull)
{
    u_char                       url[REG_UPSTREAM_URL_MAX];
    reg_text_t                   text;
    reg_error_t                  error;
    reg_challenge_t              challenge;
    ngx_http_post_subrequest_t  *ps;

    static ngx_str_t  get = ngx_string("GET");

    challenge.realm = pull->upstream->core.realm;
    challenge.service = ngx_http_registry_str(pull->grant.service);
    challenge.scope = ngx_http_registry_str(pull->grant.scope);

    text = (reg_text_t) { url, 0, sizeof(url), 0 };

    if (reg_upstream_question(&pull->upstream->core, &challenge,
                              ngx_http_registry_str(pull->repository), &text,
                              &error)
        != REG_OK)
    {
        return NGX_HTTP_BAD_GATEWAY;
    }

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    pull->question_url.data = ngx_pnalloc(r->pool, text.len);

    if (ps == NULL || pull->question_url.data == NULL) {
        return NGX_ERROR;
    }

    pull->question_url.len = text.len;
    ngx_memcpy(pull->question_url.data, text.data, text.len);

    ps->handler = ngx_http_registry_grant_done;
    ps->data = pull;

    pull->asked = 0;
    pull->answer = 0;

    if (ngx_http_subrequest(r, &r->uri, NULL, &pull->question, ps,
                            NGX_HTTP_SUBREQUEST_IN_MEMORY
                            |NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* whatever the client's request is, nothing of it is asked there */

    pull->question->method = NGX_HTTP_GET;
    pull->question->method_name = get;
    pull->question->header_only = 0;

    ngx_memzero(&pull->question->headers_in, sizeof(ngx_http_headers_in_t));
    pull->question->headers_in.server = r->headers_in.server;
    pull->question->headers_in.content_length_n = -1;
    pull->question->headers_in.keep_alive_n = -1;

    pull->question->request_body = ngx_pcalloc(r->pool,
                                            sizeof(ngx_http_request_body_t));

    return pull->question->request_body
           && ngx_list_init(&pull->question->headers_in.headers, r->pool, 1,
                            sizeof(ngx_table_elt_t))
              == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


static ngx_int_t
ngx_http_registry_grant_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_registry_pass_t *pull = data;

    if (pull->question != sr) {
        return NGX_OK;
    }

    pull->question = NULL;

    /* a client that went away says nothing of the realm: others ask anew */

    if (sr->connection->error) {
        ngx_http_registry_flight_leave(&pull->traveller);
        return NGX_OK;
    }

    pull->status = ngx_http_registry_grant_answer(sr, pull, rc);
    pull->state = NGX_HTTP_REGISTRY_PULL_ASKED;

    ngx_http_registry_flight_land(&pull->traveller);

    return NGX_OK;
}


/* NGX_OK, or the status that the client gets. */

static ngx_int_t
ngx_http_registry_grant_answer(ngx_http_request_t *sr,
    ngx_http_registry_pass_t *pull, ngx_int_t rc)
{
    ngx_uint_t  status;

    status = sr->upstream ? sr->upstream->headers_in.status_n : 0;

    if (pull->answer > NGX_HTTP_REGISTRY_UPSTREAM_ANSWER) {
        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "registry: upstream \"%V\": the answer of the realm is "
                      "no token: it is too long", &pull->upstream->name);
        return NGX_HTTP_BAD_GATEWAY;
    }

    if (rc == NGX_OK && status == NGX_HTTP_OK
        && sr->headers_out.status == NGX_HTTP_OK && sr->out)
    {
        return ngx_http_registry_grant_take(sr, pull);
    }

    if (status == NGX_HTTP_OK) {
        status = 0;
    }

    ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                  "registry: upstream \"%V\": there is no token for \"%V\", "
                  "the realm %s %ui", &pull->upstream->name,
                  &pull->repository,
                  status ? "answers" : "does not answer well:",
                  status ? status : sr->headers_out.status);

    return (status == 0 || status == NGX_HTTP_TOO_MANY_REQUESTS
            || status >= NGX_HTTP_INTERNAL_SERVER_ERROR)
           ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_BAD_GATEWAY;
}


static ngx_int_t
ngx_http_registry_grant_take(ngx_http_request_t *sr,
    ngx_http_registry_pass_t *pull)
{
    u_char       *buf;
    int64_t       now;
    ngx_buf_t    *b;
    reg_str_t     text;
    reg_error_t   error;
    reg_bearer_t  grant;

    b = sr->out->buf;

    text.data = b->pos;
    text.len = (size_t) (b->last - b->pos);

    buf = ngx_pnalloc(sr->pool, text.len + 1);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (reg_bearer_parse(&grant, text, buf, &error) != REG_OK) {
        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "registry: upstream \"%V\": the answer of the realm is "
                      "no token: %s", &pull->upstream->name, error.text);
        return NGX_HTTP_BAD_GATEWAY;
    }

    now = (int64_t) ngx_current_msec;

    pull->grant.token = ngx_http_registry_ngx_str(grant.token);
    pull->grant.expires = now + grant.life * 1000;
    pull->grant.refresh = pull->grant.expires
                          - grant.life * 1000 / NGX_HTTP_REGISTRY_GRANT_EARLY;

    ngx_http_registry_grant_store(sr, pull);

    return NGX_OK;
}


/* What it is given lies in the pool of another request. */

static void
ngx_http_registry_grant_land(ngx_http_registry_traveller_t *waiter,
    ngx_http_registry_traveller_t *leader)
{
    u_char                    *p;
    ngx_http_registry_pass_t  *to, *from;

    to = ngx_queue_data(waiter, ngx_http_registry_pass_t, traveller);
    to->state = NGX_HTTP_REGISTRY_PULL_ASKED;

    if (leader == NULL) {
        to->status = NGX_AGAIN;
        return;
    }

    from = ngx_queue_data(leader, ngx_http_registry_pass_t, traveller);
    to->status = from->status;

    if (from->status != NGX_OK) {
        return;
    }

    p = ngx_pstrdup(waiter->request->pool, &from->grant.token);

    if (p == NULL) {
        to->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return;
    }

    to->grant.token.data = p;
    to->grant.token.len = from->grant.token.len;
}
