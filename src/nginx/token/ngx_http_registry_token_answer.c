/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_token_request.h"

/* Scopes of an answer, as text: not more than fits in a token. */

#define NGX_HTTP_REGISTRY_TOKEN_SCOPES  4096


static ngx_int_t ngx_http_registry_token_sign(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, const reg_token_claims_t *claims,
    reg_str_t typ, ngx_str_t *token);
static u_char *ngx_http_registry_token_json(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, ngx_str_t *token,
    ngx_str_t *refresh, time_t ttl, size_t *len);
static void ngx_http_registry_token_subject(
    ngx_http_registry_token_request_t *t, reg_token_claims_t *claims);


ngx_int_t
ngx_http_registry_token_answer(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t)
{
    size_t                           len;
    u_char                          *json;
    ngx_int_t                        rc;
    ngx_str_t                        token, refresh;
    reg_token_claims_t               claims;
    ngx_http_registry_token_conf_t  *rtcf;

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    reg_grants_intersect(&t->grants, t->ctx->identity->identity);

    ngx_memzero(&claims, sizeof(reg_token_claims_t));
    ngx_str_null(&refresh);

    ngx_http_registry_token_subject(t, &claims);

    claims.iss = ngx_http_registry_str(rtcf->issuer);
    claims.aud = claims.iss;
    claims.now = (int64_t) ngx_time();
    claims.ttl = rtcf->ttl;
    claims.grants = &t->grants;

    rc = ngx_http_registry_token_sign(r, t, &claims, REG_STR_NULL, &token);

    if (rc == NGX_OK && t->offline && rtcf->refresh
        && claims.kind == REG_TOKEN_KEY)
    {
        claims.ttl = rtcf->refresh;
        claims.grants = NULL;

        rc = ngx_http_registry_token_sign(r, t, &claims,
                                          REG_STR(REG_TOKEN_TYP_REFRESH),
                                          &refresh);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    t->ctx->decision.verdict = REG_ALLOW;
    t->ctx->decision.reason = REG_REASON_GRANTED;
    t->ctx->decided = 1;

    json = ngx_http_registry_token_json(r, t, &token, &refresh, rtcf->ttl,
                                        &len);

    return json ? ngx_http_registry_token_send(r, json, len, "no-store")
                : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_registry_token_send(ngx_http_request_t *r, u_char *json, size_t len,
    const char *cache_control)
{
    ngx_int_t     rc;
    ngx_str_t     value;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    value.data = (u_char *) cache_control;
    value.len = ngx_strlen(cache_control);

    b = ngx_calloc_buf(r->pool);

    if (b == NULL
        || ngx_http_registry_add_header(r,
                                        NGX_HTTP_REGISTRY_STR("Cache-Control"),
                                        value)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t) len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = json;
    b->last = json + len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_registry_token_subject(ngx_http_registry_token_request_t *t,
    reg_token_claims_t *claims)
{
    ngx_http_registry_identity_t  *identity;

    identity = t->ctx->identity;

    if (t->anonymous) {
        claims->kind = REG_TOKEN_ANONYMOUS;

    } else if (identity->token) {
        claims->kind = REG_TOKEN_ISSUER;
        claims->sub = identity->token->sub;
        claims->issuer = identity->token->issuer;
        claims->rule = identity->token->rule;
        claims->record = identity->token->record;

    } else {
        claims->kind = REG_TOKEN_KEY;
        claims->sub = identity->identity->key_id;
    }
}


/* NGX_OK or a status. */

static ngx_int_t
ngx_http_registry_token_sign(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, const reg_token_claims_t *claims,
    reg_str_t typ, ngx_str_t *token)
{
    char                            *text;
    reg_rc_t                         rc;
    const reg_jwk_t                 *jwk;
    ngx_http_registry_token_conf_t  *rtcf;

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    jwk = ngx_http_registry_token_signer(rtcf->trust);

    token->data = ngx_pnalloc(r->pool, NGX_HTTP_REGISTRY_TOKEN_MAX);

    if (jwk == NULL || token->data == NULL
        || reg_token_claims(&text, claims) != REG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: no key to sign a token with, or no memory");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = reg_jwt_write(token->data, NGX_HTTP_REGISTRY_TOKEN_MAX, &token->len,
                       jwk, (reg_str_t) { jwk->kid_len,
                                          (u_char *) jwk->kid },
                       typ, reg_str(text));

    free(text);

    if (rc == REG_INVALID) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "registry: a token request asks for too much: the token "
                      "would fit in no header");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (rc != REG_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: a token could not be signed");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


/*
 * Tokens are base64url and dots, and names of scopes hold no quotes, but for
 * those of an API: see reg_grants_split().
 */

static u_char *
ngx_http_registry_token_json(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, ngx_str_t *token,
    ngx_str_t *refresh, time_t ttl, size_t *len)
{
    char        issued[REG_TIME_LEN + 1];
    u_char     *p, *json;
    ngx_str_t   scope;

    json = ngx_pnalloc(r->pool, 256 + 2 * token->len + refresh->len
                                + 7 * NGX_HTTP_REGISTRY_TOKEN_SCOPES);
    if (json == NULL) {
        return NULL;
    }

    reg_time_format(issued, (int64_t) ngx_time());

    p = json;

    if (t->post) {

        scope.data = ngx_pnalloc(r->pool, NGX_HTTP_REGISTRY_TOKEN_SCOPES);
        if (scope.data == NULL) {
            return NULL;
        }

        scope.len = reg_grants_write(scope.data,
                                     NGX_HTTP_REGISTRY_TOKEN_SCOPES,
                                     &t->grants);

        p = ngx_sprintf(p, "{\"access_token\":\"%V\",\"scope\":\"", token);
        p = (u_char *) ngx_escape_json(p, scope.data, scope.len);
        *p++ = '"';

    } else {
        p = ngx_sprintf(p, "{\"token\":\"%V\",\"access_token\":\"%V\"", token,
                        token);
    }

    p = ngx_sprintf(p, ",\"expires_in\":%T,\"issued_at\":\"%s\"", ttl, issued);

    if (refresh->len) {
        p = ngx_sprintf(p, ",\"refresh_token\":\"%V\"", refresh);
    }

    *p++ = '}';
    *p++ = LF;

    *len = (size_t) (p - json);

    return json;
}
