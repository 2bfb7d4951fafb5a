/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_auth.h"
#include "ngx_http_registry_oidc.h"
#include "ngx_http_registry_wait.h"


static ngx_int_t ngx_http_registry_auth_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_auth_deny(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t reason);
static ngx_int_t ngx_http_registry_auth_identify(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_auth_stranger(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_auth_anonymous(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_auth_anonymous_token(
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_auth_wait(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static void ngx_http_registry_auth_wake(void *data);
static void ngx_http_registry_auth_decide(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static void *ngx_http_registry_auth_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_auth_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_registry_auth_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_registry_auth_commands[] = {

    { ngx_string("registry_challenge"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_registry_challenge,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_anonymous"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_registry_anonymous,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_auth_throttle"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_registry_auth_throttle,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_registry_auth_conf_t, throttle),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_auth_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_registry_auth_init,           /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_registry_auth_create_conf,    /* create location configuration */
    ngx_http_registry_auth_merge_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_registry_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_auth_module_ctx,    /* module context */
    ngx_http_registry_auth_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_registry_auth_handler(ngx_http_request_t *r)
{
    reg_reason_t                   reason;
    ngx_http_registry_ctx_t       *ctx;
    ngx_http_registry_loc_conf_t  *rlcf;

    /* who comes next, such as auth_basic, judges what the client sent */

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ctx->replaced) {
        r->headers_in.headers = ctx->headers;
        r->headers_in.authorization = ctx->authorization;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry == NGX_HTTP_REGISTRY_OFF
        || rlcf->auth == NGX_HTTP_REGISTRY_AUTH_OFF)
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->dry_run = (rlcf->auth == NGX_HTTP_REGISTRY_AUTH_DRY_RUN
                    && rlcf->backend_auth
                       == NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH);

    if (rlcf->registry == NGX_HTTP_REGISTRY_ON) {

        switch (ngx_http_registry_check(r, ctx, &reason)) {

        case NGX_OK:
            break;

        case NGX_ABORT:
            return ngx_http_registry_auth_deny(r, ctx, reason);

        default:
            return NGX_ERROR;
        }

    } else {
        ctx->route.operation = REG_OP_API;
    }

    switch (ngx_http_registry_auth_identify(r, ctx, &reason)) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        return ngx_http_registry_auth_wait(r, ctx);

    default:
        return ngx_http_registry_auth_deny(r, ctx, reason);
    }

    ngx_http_registry_auth_decide(r, ctx);

    if (ctx->decision.verdict == REG_ALLOW) {

        /* a dry run tells nobody, and opens nothing under "satisfy any" */

        if (rlcf->auth == NGX_HTTP_REGISTRY_AUTH_DRY_RUN) {
            return NGX_DECLINED;
        }

        return ngx_http_registry_warn_of_end(r, ctx);
    }

    return ngx_http_registry_auth_deny(r, ctx, ctx->decision.reason);
}


/* In a dry run the refusal is noted and the request goes its way. */

static ngx_int_t
ngx_http_registry_auth_deny(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t reason)
{
    ngx_int_t                       status;
    ngx_uint_t                      level;
    reg_identity_t                 *identity;
    ngx_http_registry_loc_conf_t   *rlcf;
    ngx_http_registry_auth_conf_t  *racf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    identity = ctx->identity ? ctx->identity->identity : NULL;

    /*
     * Every pull begins with a request without credentials, and what follows
     * after many failures is no news, either.
     */

    level = (reason == REG_REASON_NO_CREDENTIALS
             || reason == REG_REASON_THROTTLED) ? NGX_LOG_INFO : NGX_LOG_WARN;

    ngx_log_error(level, r->connection->log, 0,
                  "registry: %s: reason %s, key \"%*s\", operation %s, "
                  "repository \"%*s\"",
                  rlcf->auth == NGX_HTTP_REGISTRY_AUTH_DRY_RUN
                  ? "would be denied" : "denied",
                  reg_reason_name(reason),
                  identity ? identity->key_id.len : 0,
                  identity ? identity->key_id.data : (u_char *) "",
                  reg_operation_name(ctx->route.operation),
                  ctx->route.repository.len, ctx->route.repository.data);

    if (rlcf->auth == NGX_HTTP_REGISTRY_AUTH_DRY_RUN) {
        ctx->decision.verdict = reg_reason_verdict(reason);
        ctx->decision.reason = reason;
        ctx->decided = 1;

        return NGX_DECLINED;
    }

    status = ngx_http_registry_refuse(r, ctx, reason);

    if (reason == REG_REASON_THROTTLED) {
        racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);

        if (ngx_http_registry_throttle_error(r, ctx, racf->throttle)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (status != NGX_HTTP_UNAUTHORIZED) {
        return status;
    }

    if (ngx_http_registry_auth_challenge(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    /* it would lead here again, and again */

    if (rlcf->page_401) {
        r->error_page = 1;
    }

    return status;
}


/*
 * Credentials that are wrong are refused even where nobody needs any, or
 * "docker login" would take every password.
 */

static ngx_int_t
ngx_http_registry_auth_identify(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason)
{
    ngx_int_t                        rc;
    ngx_http_registry_main_conf_t   *rmcf;
    ngx_http_registry_token_conf_t  *rtcf;

    if (ctx->authorization == NULL) {
        return ngx_http_registry_auth_anonymous(r, ctx, reason);
    }

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    if (ctx->identity == NULL) {

        rmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_module);

        ngx_http_registry_watch(rmcf);

        ctx->identity = ngx_http_registry_identify_known(&rmcf->by,
                                                  rtcf->trust,
                                                  &ctx->authorization->value,
                                                  r->connection->number);
    }

    if (ctx->identity == NULL) {

        rc = ngx_http_registry_auth_stranger(r, ctx, reason);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* keys that have become old are fetched anew, and nobody waits for that */

    if (ngx_http_registry_oidc_fetch(r, rtcf->trust) != NGX_OK) {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    if (ctx->identity->token
        && ctx->identity->token->kind == REG_TOKEN_ANONYMOUS)
    {
        return ngx_http_registry_auth_anonymous_token(r, ctx, reason);
    }

    return NGX_OK;
}


/* Somebody whom this worker does not remember. */

static ngx_int_t
ngx_http_registry_auth_stranger(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason)
{
    ngx_int_t                        rc;
    ngx_str_t                       *credentials;
    ngx_http_registry_auth_conf_t   *racf;
    ngx_http_registry_main_conf_t   *rmcf;
    ngx_http_registry_token_conf_t  *rtcf;

    racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_module);
    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    credentials = &ctx->authorization->value;

    /* who waits for the store already was let through */

    if (racf->throttle && ctx->waiter.asked == 0
        && ngx_http_registry_throttle_seconds(r, racf->throttle, credentials))
    {
        *reason = REG_REASON_THROTTLED;
        return NGX_DECLINED;
    }

    rc = ngx_http_registry_identify(&rmcf->by, rtcf->trust, credentials,
                                    &ctx->waiter, &ctx->identity, reason,
                                    r->connection->log);

    if (racf->throttle && rc != NGX_AGAIN) {
        ngx_http_registry_throttle_tried(r, racf->throttle, credentials,
                                         rc == NGX_OK ? REG_REASON_GRANTED
                                                      : *reason);
    }

    return rc;
}


static ngx_int_t
ngx_http_registry_auth_anonymous(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason)
{
    ngx_http_registry_auth_conf_t  *racf;

    racf = ngx_http_get_module_loc_conf(r, ngx_http_registry_auth_module);

    if (racf->anonymous == NULL) {
        *reason = REG_REASON_NO_CREDENTIALS;
        return NGX_DECLINED;
    }

    if (ctx->identity) {
        ngx_http_registry_identity_release(ctx->identity);
    }

    ctx->identity = racf->anonymous;
    ctx->identity->refs++;

    if (racf->anonymous_tenant
        && ngx_http_complex_value(r, racf->anonymous_tenant,
                                  &ctx->anonymous_tenant)
           != NGX_OK)
    {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* It stands for what this location allows everybody, and no more than that. */

static ngx_int_t
ngx_http_registry_auth_anonymous_token(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason)
{
    ngx_int_t                      rc;
    ngx_http_registry_identity_t  *token, *what;

    token = ctx->identity;
    what = token->what ? token->what : token;

    ctx->identity = NULL;

    rc = ngx_http_registry_auth_anonymous(r, ctx, reason);

    if (ctx->identity) {

        what = ngx_http_registry_identity_join(ctx->identity, what);

        ngx_http_registry_identity_release(ctx->identity);
        ctx->identity = what;

        if (what == NULL) {
            *reason = REG_REASON_INTERNAL;
            rc = NGX_DECLINED;
        }
    }

    ngx_http_registry_identity_release(token);

    return rc;
}


/* The phases stop here and go on in ngx_http_registry_auth_wake(). */

static ngx_int_t
ngx_http_registry_auth_wait(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_http_registry_token_conf_t  *rtcf;

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    ctx->waiter.wake = ngx_http_registry_auth_wake;
    ctx->waiter.data = r;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK
        || ngx_http_registry_oidc_fetch(r, rtcf->trust) != NGX_OK)
    {
        ngx_http_registry_waiter_leave(&ctx->waiter);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_http_registry_auth_wake(void *data)
{
    ngx_http_registry_resume(data);
}


static void
ngx_http_registry_auth_decide(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    reg_access_t                   access;
    reg_address_t                  address;
    reg_question_t                 question;
    ngx_http_registry_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    ngx_memzero(&access, sizeof(reg_access_t));
    question.access = &access;

    if (rlcf->registry == NGX_HTTP_REGISTRY_API) {
        access = rlcf->api;

    } else if (ctx->route.resource == REG_RESOURCE_PING) {
        question.access = NULL;

    } else if (ctx->route.resource == REG_RESOURCE_CATALOG) {
        access.type = REG_SCOPE_REGISTRY;
        access.name = REG_STR("catalog");

    } else {
        access.type = REG_SCOPE_REPOSITORY;
        access.name = ctx->route.repository;
        access.actions = ctx->route.actions;
    }

    ngx_http_registry_address(r, &address);

    question.from = ctx->query.from;
    question.address = &address;
    question.token = ctx->identity->token;
    question.now = (int64_t) ngx_time();

    ctx->decision = reg_decide(ctx->identity->identity, &question);
    ctx->decided = 1;
}


static void *
ngx_http_registry_auth_create_conf(ngx_conf_t *cf)
{
    ngx_http_registry_auth_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_auth_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->challenge = NGX_CONF_UNSET_UINT;
    conf->anonymous_scopes = NGX_CONF_UNSET_PTR;
    conf->throttle = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_registry_auth_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_registry_auth_conf_t *prev = parent;
    ngx_http_registry_auth_conf_t *conf = child;

    if (conf->challenge == NGX_CONF_UNSET_UINT) {
        conf->realm = prev->realm;
        conf->service = prev->service;
    }

    ngx_conf_merge_uint_value(conf->challenge, prev->challenge,
                              NGX_HTTP_REGISTRY_CHALLENGE_AUTO);

    if (conf->realm.data == NULL) {
        ngx_str_set(&conf->realm, "registry");
    }

    ngx_conf_merge_ptr_value(conf->throttle, prev->throttle, NULL);

    if (conf->anonymous_scopes == NGX_CONF_UNSET_PTR) {
        conf->anonymous_scopes = prev->anonymous_scopes;
        conf->anonymous_tenant = prev->anonymous_tenant;
        conf->anonymous = prev->anonymous;
    }

    if (conf->anonymous_scopes == NGX_CONF_UNSET_PTR) {
        conf->anonymous_scopes = NULL;
    }

    ngx_http_registry_challenge_check(cf, conf);

    return ngx_http_registry_anonymous_compile(cf, conf);
}


static ngx_int_t
ngx_http_registry_auth_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_auth_handler;

    return NGX_OK;
}
