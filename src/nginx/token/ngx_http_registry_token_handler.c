/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The token endpoint: GET with Basic credentials, POST with a form, as
 * distribution docs/content/spec/auth/token.md and oauth.md have it.  Who asks
 * is found as everywhere; it may take a while, so that the request is resumed
 * where it waits for the store.
 */

#include "ngx_http_registry_auth.h"
#include "ngx_http_registry_oidc.h"
#include "ngx_http_registry_throttle.h"
#include "ngx_http_registry_token_request.h"


static ngx_int_t ngx_http_registry_token_handler(ngx_http_request_t *r);
static void ngx_http_registry_token_body(ngx_http_request_t *r);
static void ngx_http_registry_token_run(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_token_identity(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_token_try(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, ngx_str_t *credentials,
    reg_reason_t *reason);
static ngx_int_t ngx_http_registry_token_anonymous(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_reason_t *reason);
static reg_reason_t ngx_http_registry_token_standing(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t);
static void ngx_http_registry_token_wait(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t);
static void ngx_http_registry_token_wake(void *data);
static ngx_int_t ngx_http_registry_token_deny(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_reason_t reason);


char *
ngx_http_registry_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_registry_loc_conf_t    *rlcf;
    ngx_http_registry_token_conf_t  *rtcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    rlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_registry_module);
    rtcf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_registry_token_module);

    if (clcf->handler) {
        return "is duplicate, or not alone";
    }

    if (clcf->named || clcf->regex || clcf->noname) {
        return "needs a location that a path stands for";
    }

    if (rtcf->endpoint.len) {
        return "is duplicate: a server has one token endpoint";
    }

    if (rlcf->registry != NGX_CONF_UNSET_UINT
        && rlcf->registry != NGX_HTTP_REGISTRY_OFF)
    {
        return "goes with no \"registry on\": it asks for the key itself";
    }

    rlcf->registry = NGX_HTTP_REGISTRY_OFF;
    clcf->handler = ngx_http_registry_token_handler;
    rtcf->endpoint = clcf->name;
    rtcf->signs = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_registry_token_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    reg_reason_t                        reason;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_registry_ctx_t            *ctx;
    ngx_http_registry_token_request_t  *t;

    /* what is known of a client request is not that of its subrequests */

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    ctx = ngx_http_registry_get_ctx(r);
    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_registry_token_request_t));

    if (ctx == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    t = cln->data;
    ngx_memzero(t, sizeof(ngx_http_registry_token_request_t));

    cln->handler = ngx_http_registry_token_cleanup;

    t->ctx = ctx;
    ctx->guarded = 1;
    ctx->route.operation = REG_OP_TOKEN;

    ngx_http_set_ctx(r, t, ngx_http_registry_token_module);

    if (r->method == NGX_HTTP_POST) {

        rc = ngx_http_registry_token_check_form(r, &reason);

        if (rc != NGX_OK) {
            return rc == NGX_ABORT ? ngx_http_registry_refuse(r, ctx, reason)
                                   : rc;
        }

        t->post = 1;

        /* a password is in it: it never lies on a disk */

        r->request_body_in_single_buf = 1;
        r->request_body_in_file_only = 0;

        rc = ngx_http_read_client_request_body(r, ngx_http_registry_token_body);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    if (r->method != NGX_HTTP_GET) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    rc = ngx_http_registry_token_query(r, t);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    ngx_http_registry_token_run(r);

    return NGX_DONE;
}


static void
ngx_http_registry_token_body(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_http_registry_token_request_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_registry_token_module);

    rc = ngx_http_registry_token_form(r, t);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_registry_token_run(r);
}


/* Finishes the request, or leaves it waiting. */

static void
ngx_http_registry_token_run(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    reg_reason_t                        reason;
    ngx_http_registry_token_request_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_registry_token_module);

    reason = REG_REASON_INTERNAL;

    switch (ngx_http_registry_token_identity(r, t, &reason)) {

    case NGX_OK:
        reason = ngx_http_registry_token_standing(r, t);

        rc = (reason == REG_REASON_GRANTED)
             ? ngx_http_registry_token_answer(r, t)
             : ngx_http_registry_token_deny(r, t, reason);
        break;

    case NGX_AGAIN:
        ngx_http_registry_token_wait(r, t);
        return;

    default:
        rc = ngx_http_registry_token_deny(r, t, reason);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_registry_token_identity(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_reason_t *reason)
{
    ngx_int_t                       rc;
    ngx_str_t                       credentials;
    ngx_http_registry_ctx_t        *ctx;
    ngx_http_registry_auth_conf_t  *racf;

    ctx = t->ctx;

    if (ctx->identity) {
        ngx_http_registry_identity_release(ctx->identity);
        ctx->identity = NULL;
    }

    if (t->post) {
        credentials = ngx_http_registry_ngx_str(t->refresh.len ? t->refresh
                                                               : t->password);

    } else if (ctx->authorization) {
        credentials = ctx->authorization->value;

    } else {
        return ngx_http_registry_token_anonymous(r, t, reason);
    }

    racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);

    /* who waits for the store already was let through */

    if (racf->throttle && ctx->waiter.asked == 0
        && ngx_http_registry_throttle_seconds(r, racf->throttle, &credentials))
    {
        *reason = REG_REASON_THROTTLED;
        return NGX_DECLINED;
    }

    rc = ngx_http_registry_token_try(r, t, &credentials, reason);

    if (racf->throttle && rc != NGX_AGAIN) {
        ngx_http_registry_throttle_tried(r, racf->throttle, &credentials,
                                         rc == NGX_OK ? REG_REASON_GRANTED
                                                      : *reason);
    }

    return rc;
}


static ngx_int_t
ngx_http_registry_token_try(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, ngx_str_t *credentials,
    reg_reason_t *reason)
{
    ngx_http_registry_ctx_t         *ctx;
    ngx_http_registry_main_conf_t   *rmcf;
    ngx_http_registry_token_conf_t  *rtcf;

    ctx = t->ctx;
    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_module);

    ngx_http_registry_watch(rmcf);

    if (t->refresh.len) {
        return ngx_http_registry_token_refresh(&rmcf->by, rtcf->trust,
                                               t->refresh, &ctx->waiter,
                                               &ctx->identity, reason,
                                               r->connection->log);
    }

    if (t->post) {
        return ngx_http_registry_identify_text(&rmcf->by, rtcf->trust,
                                               t->password, &ctx->waiter,
                                               &ctx->identity, reason,
                                               r->connection->log);
    }

    return ngx_http_registry_identify(&rmcf->by, rtcf->trust, credentials,
                                      &ctx->waiter, &ctx->identity, reason,
                                      r->connection->log);
}


static ngx_int_t
ngx_http_registry_token_anonymous(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_reason_t *reason)
{
    ngx_http_registry_auth_conf_t  *racf;

    racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);

    if (racf->anonymous == NULL) {
        *reason = REG_REASON_NO_CREDENTIALS;
        return NGX_DECLINED;
    }

    t->ctx->identity = racf->anonymous;
    racf->anonymous->refs++;

    t->anonymous = 1;

    return NGX_OK;
}


/* May this identity have any token, whatever is in it? */

static reg_reason_t
ngx_http_registry_token_standing(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t)
{
    reg_address_t    address;
    reg_question_t   question;

    if (t->anonymous) {
        return REG_REASON_GRANTED;
    }

    /*
     * A token of ours is no credential here: whoever has one for a repository
     * would have one for all that its key may do, and forever.
     */

    if (t->ctx->identity->token && !t->ctx->identity->token->whole) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "registry: a token is refused: it cannot be exchanged "
                      "for another");
        return REG_REASON_TOKEN;
    }

    ngx_memzero(&question, sizeof(reg_question_t));
    ngx_http_registry_address(r, &address);

    question.address = &address;
    question.token = t->ctx->identity->token;
    question.now = (int64_t) ngx_time();

    return reg_decide(t->ctx->identity->identity, &question).reason;
}


static void
ngx_http_registry_token_wait(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t)
{
    ngx_http_registry_token_conf_t  *rtcf;

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    t->ctx->waiter.wake = ngx_http_registry_token_wake;
    t->ctx->waiter.data = r;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK
        || ngx_http_registry_oidc_fetch(r, rtcf->trust) != NGX_OK)
    {
        ngx_http_registry_waiter_leave(&t->ctx->waiter);
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static void
ngx_http_registry_token_wake(void *data)
{
    ngx_http_request_t *r = data;

    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_registry_token_run(r);

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_registry_token_deny(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_reason_t reason)
{
    ngx_int_t                       status;
    ngx_uint_t                      level;
    ngx_table_elt_t                *h;
    reg_identity_t                 *identity;
    ngx_http_registry_auth_conf_t  *racf;

    identity = t->ctx->identity ? t->ctx->identity->identity : NULL;

    level = (reason == REG_REASON_NO_CREDENTIALS) ? NGX_LOG_INFO
                                                  : NGX_LOG_WARN;

    ngx_log_error(level, r->connection->log, 0,
                  "registry: denied: reason %s, key \"%*s\", operation token",
                  reg_reason_name(reason),
                  identity ? identity->key_id.len : 0,
                  identity ? identity->key_id.data : (u_char *) "");

    status = ngx_http_registry_refuse(r, t->ctx, reason);

    racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);

    if (reason == REG_REASON_THROTTLED
        && ngx_http_registry_throttle_error(r, t->ctx, racf->throttle)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (status != NGX_HTTP_UNAUTHORIZED) {
        return status;
    }

    /* RFC 9110 wants one with a 401; it is Basic that is taken here */

    h = ngx_http_registry_add_header(r,
                            NGX_HTTP_REGISTRY_STR("WWW-Authenticate"),
                            NGX_HTTP_REGISTRY_STR("Basic realm=\"registry\""));
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.www_authenticate = h;
    t->ctx->challenge = h;

    return status;
}
