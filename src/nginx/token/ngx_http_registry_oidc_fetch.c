/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The keys of an issuer, fetched by a subrequest to a location of the server.
 * One fetch is under way at a time, and whoever needs its keys waits for it.  A
 * flood of tokens with keys that nobody knows asks no oftener than every few
 * seconds, and keys that are known are served while the issuer is away.
 *
 * The subrequest has nothing of the client's request but the connection: no
 * headers, no body, no variables.
 */

#include "ngx_http_registry_oidc.h"

#define NGX_HTTP_REGISTRY_JWKS_PAUSE  5000          /* milliseconds */
#define NGX_HTTP_REGISTRY_JWKS_RETRY  30000         /* the same, unasked */
#define NGX_HTTP_REGISTRY_JWKS_STALE  86400000
#define NGX_HTTP_REGISTRY_JWKS_LOST   8             /* clients that left */


/* What a fetch and the request that leads it know of each other. */

typedef struct {
    ngx_http_registry_remote_t  *remote;            /* NULL: it is over */
} ngx_http_registry_fetch_t;


struct ngx_http_registry_remote_s {
    ngx_str_t                   name;               /* of the issuer */
    ngx_str_t                   uri;
    ngx_msec_t                  refresh;
    ngx_http_registry_trust_t  *trust;

    reg_jwks_t                 *jwks;               /* NULL: none */
    reg_str_t                   text;               /* that they are from */
    ngx_msec_t                  fetched;

    ngx_http_registry_fetch_t  *fetch;              /* NULL: none, as below */
    ngx_http_request_t         *sr;
    u_char                     *buf;
    size_t                      len;
    ngx_msec_t                  tried;              /* begun, or ended */
    ngx_uint_t                  lost;

    ngx_queue_t                 waiters;
    ngx_event_t                 wake;

    unsigned                    tried_once:1;
    unsigned                    wanted:1;
};


static ngx_int_t ngx_http_registry_remote_start(ngx_http_request_t *r,
    ngx_http_registry_remote_t *remote);
static ngx_int_t ngx_http_registry_remote_subrequest(ngx_http_request_t *r,
    ngx_http_registry_remote_t *remote, ngx_http_registry_fetch_t *fetch);
static ngx_int_t ngx_http_registry_remote_strip(ngx_http_request_t *sr);
static ngx_int_t ngx_http_registry_remote_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_registry_remote_take(ngx_http_registry_remote_t *remote,
    ngx_uint_t status, ngx_log_t *log);
static void ngx_http_registry_remote_end(ngx_http_registry_remote_t *remote);
static void ngx_http_registry_remote_lost(void *data);
static void ngx_http_registry_remote_wake(ngx_event_t *ev);
static void ngx_http_registry_remote_drop(ngx_http_registry_remote_t *remote);
static void ngx_http_registry_remote_cleanup(void *data);


ngx_http_registry_remote_t *
ngx_http_registry_remote_create(ngx_conf_t *cf,
    ngx_http_registry_trust_t *trust, ngx_http_registry_oidc_t *oidc)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_registry_remote_t  *remote;

    remote = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_remote_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (remote == NULL || cln == NULL) {
        return NULL;
    }

    remote->name = oidc->name;
    remote->uri = oidc->uri;
    remote->refresh = (ngx_msec_t) oidc->refresh * 1000;
    remote->trust = trust;

    ngx_queue_init(&remote->waiters);

    remote->wake.handler = ngx_http_registry_remote_wake;
    remote->wake.data = remote;
    remote->wake.log = &cf->cycle->new_log;

    cln->handler = ngx_http_registry_remote_cleanup;
    cln->data = remote;

    return remote;
}


const reg_jwks_t *
ngx_http_registry_remote_keys(ngx_http_registry_remote_t *remote)
{
    return remote->jwks;
}


ngx_int_t
ngx_http_registry_remote_want(ngx_http_registry_remote_t *remote,
    ngx_http_registry_waiter_t *waiter)
{
    if (remote->fetch == NULL) {

        if (remote->tried_once && ngx_current_msec - remote->tried
                                    < NGX_HTTP_REGISTRY_JWKS_PAUSE)
        {
            return NGX_DECLINED;
        }

        remote->wanted = 1;
        remote->trust->wanted = 1;
    }

    ngx_http_registry_waiter_leave(waiter);

    ngx_queue_insert_tail(&remote->waiters, &waiter->queue);
    waiter->waiting = 1;

    return NGX_AGAIN;
}


/* By its address, which an internal redirect leaves as it is. */

ngx_uint_t
ngx_http_registry_remote_is(ngx_http_registry_remote_t *remote,
    ngx_http_request_t *sr)
{
    return remote->sr == sr;
}


void
ngx_http_registry_remote_read(ngx_http_registry_remote_t *remote, u_char *p,
    size_t len)
{
    len = ngx_min(len, REG_JWKS_TEXT_MAX + 1 - remote->len);

    ngx_memcpy(remote->buf + remote->len, p, len);
    remote->len += len;
}


void
ngx_http_registry_oidc_watch(ngx_http_registry_trust_t *trust)
{
    ngx_msec_t                   age;
    ngx_uint_t                   i;
    ngx_http_registry_oidc_t    *oidc;
    ngx_http_registry_remote_t  *remote;

    oidc = trust->oidc ? trust->oidc->elts : NULL;

    for (i = 0; oidc && i < trust->oidc->nelts; i++) {
        remote = oidc[i].remote;

        if (remote == NULL || remote->jwks == NULL) {
            continue;
        }

        age = ngx_current_msec - remote->fetched;

        if (age >= NGX_HTTP_REGISTRY_JWKS_STALE) {
            ngx_http_registry_remote_drop(remote);
            ngx_http_registry_trust_renew(trust);
            continue;
        }

        if (age >= remote->refresh && remote->fetch == NULL
            && ngx_current_msec - remote->tried
               >= ngx_min(remote->refresh, NGX_HTTP_REGISTRY_JWKS_RETRY))
        {
            remote->wanted = 1;
            trust->wanted = 1;
        }
    }
}


ngx_int_t
ngx_http_registry_oidc_fetch(ngx_http_request_t *r,
    ngx_http_registry_trust_t *trust)
{
    ngx_uint_t                   i;
    ngx_http_registry_oidc_t    *oidc;
    ngx_http_registry_remote_t  *remote;

    if (trust == NULL || !trust->wanted) {
        return NGX_OK;
    }

    trust->wanted = 0;

    oidc = trust->oidc->elts;

    for (i = 0; i < trust->oidc->nelts; i++) {
        remote = oidc[i].remote;

        if (remote == NULL || !remote->wanted) {
            continue;
        }

        remote->wanted = 0;

        if (remote->fetch == NULL
            && ngx_http_registry_remote_start(r, remote) != NGX_OK)
        {
            ngx_http_registry_remote_end(remote);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_remote_start(ngx_http_request_t *r,
    ngx_http_registry_remote_t *remote)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_registry_fetch_t  *fetch;

    remote->tried = ngx_current_msec;
    remote->tried_once = 1;
    remote->len = 0;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_fetch_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    fetch = cln->data;
    fetch->remote = NULL;

    cln->handler = ngx_http_registry_remote_lost;

    /* one byte more than may be is enough to see the excess */

    remote->buf = ngx_alloc(REG_JWKS_TEXT_MAX + 1, r->connection->log);

    if (remote->buf == NULL
        || ngx_http_registry_remote_subrequest(r, remote, fetch) != NGX_OK)
    {
        return NGX_ERROR;
    }

    fetch->remote = remote;
    remote->fetch = fetch;

    return NGX_OK;
}


/* If nobody waits for it, it is none that the client has to wait for, either */

static ngx_int_t
ngx_http_registry_remote_subrequest(ngx_http_request_t *r,
    ngx_http_registry_remote_t *remote, ngx_http_registry_fetch_t *fetch)
{
    ngx_uint_t                   flags;
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_registry_remote_done;
    ps->data = fetch;

    flags = ngx_queue_empty(&remote->waiters) ? NGX_HTTP_SUBREQUEST_BACKGROUND
                                              : NGX_HTTP_SUBREQUEST_WAITED;

    if (ngx_http_subrequest(r, &remote->uri, NULL, &sr, ps, flags) != NGX_OK) {
        return NGX_ERROR;
    }

    remote->sr = sr;
    sr->unparsed_uri = remote->uri;

    return ngx_http_registry_remote_strip(sr);
}


/* What the client sent is for nobody else: no Authorization, no Host. */

static ngx_int_t
ngx_http_registry_remote_strip(ngx_http_request_t *sr)
{
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_main_conf_t  *cmcf;

    cscf = ngx_http_get_module_srv_conf(sr, ngx_http_core_module);
    cmcf = ngx_http_get_module_main_conf(sr, ngx_http_core_module);

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.server = cscf->server_name;
    sr->headers_in.content_length_n = -1;
    sr->headers_in.keep_alive_n = -1;

    if (ngx_list_init(&sr->headers_in.headers, sr->pool, 1,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sr->request_body = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));

    /* what is remembered of $http_authorization and others is not shared */

    sr->variables = ngx_pcalloc(sr->pool, cmcf->variables.nelts
                                          * sizeof(ngx_http_variable_value_t));

    return sr->request_body && sr->variables ? NGX_OK : NGX_ERROR;
}


/* Whatever has happened, the subrequest is over and well. */

static ngx_int_t
ngx_http_registry_remote_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_registry_fetch_t *fetch = data;

    ngx_uint_t                   status;
    ngx_http_registry_remote_t  *remote;

    remote = fetch->remote;

    if (remote == NULL) {
        return NGX_OK;
    }

    /* a client that went away says nothing of the issuer; what has come does */

    if (sr->connection->error && rc != NGX_OK) {
        ngx_http_registry_remote_lost(fetch);
        return NGX_OK;
    }

    fetch->remote = NULL;
    remote->lost = 0;

    /* however long it took: who has waited for it does not wait for another */

    remote->tried = ngx_current_msec;

    status = rc >= NGX_HTTP_SPECIAL_RESPONSE ? (ngx_uint_t) rc
             : rc == NGX_OK ? sr->headers_out.status : 0;

    ngx_http_registry_remote_take(remote, status, sr->connection->log);
    ngx_http_registry_remote_end(remote);

    return NGX_OK;
}


static void
ngx_http_registry_remote_take(ngx_http_registry_remote_t *remote,
    ngx_uint_t status, ngx_log_t *log)
{
    reg_rc_t      rc;
    reg_str_t     text;
    reg_jwks_t   *jwks;
    reg_error_t   error;

    text.data = remote->buf;
    text.len = remote->len;

    if (status == NGX_HTTP_OK && remote->jwks
        && reg_str_eq(text, remote->text))
    {
        remote->fetched = ngx_current_msec;
        return;
    }

    reg_error_set(&error, "memory or a library failed");
    rc = REG_ERROR;

    if (status == NGX_HTTP_OK) {
        rc = reg_jwks_parse(&jwks, text, &error);

    } else {
        reg_error_set(&error, "its status is %u", (unsigned) status);
    }

    if (rc != REG_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "registry: \"%V\" has no keys of the issuer \"%V\": %s",
                      &remote->uri, &remote->name, error.text);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "registry: %uz keys of the issuer \"%V\"", jwks->n,
                  &remote->name);

    ngx_http_registry_remote_drop(remote);

    remote->jwks = jwks;
    remote->text = text;
    remote->fetched = ngx_current_msec;
    remote->buf = NULL;

    /* what other keys have verified is so no more */

    ngx_http_registry_trust_renew(remote->trust);
}


/* Whoever waits goes on, but not from here: this is in another request. */

static void
ngx_http_registry_remote_end(ngx_http_registry_remote_t *remote)
{
    if (remote->buf) {
        ngx_free(remote->buf);
        remote->buf = NULL;
    }

    remote->fetch = NULL;
    remote->sr = NULL;

    if (!ngx_queue_empty(&remote->waiters)) {
        ngx_post_event(&remote->wake, &ngx_posted_events);
    }
}


/* The request that led it is gone: the next one may ask at once. */

static void
ngx_http_registry_remote_lost(void *data)
{
    ngx_http_registry_fetch_t *fetch = data;

    ngx_http_registry_remote_t  *remote;

    remote = fetch->remote;

    if (remote == NULL) {
        return;
    }

    fetch->remote = NULL;

    if (remote->lost++ < NGX_HTTP_REGISTRY_JWKS_LOST) {
        remote->tried_once = 0;
    }

    ngx_http_registry_remote_end(remote);
}


/*
 * Those who are woken may wait again, even here, so the list is taken off
 * first; and may end others, who then take themselves off it.
 */

static void
ngx_http_registry_remote_wake(ngx_event_t *ev)
{
    ngx_queue_t                  woken, *q;
    ngx_http_registry_remote_t  *remote;
    ngx_http_registry_waiter_t  *waiter;

    remote = ev->data;

    if (ngx_queue_empty(&remote->waiters)) {
        return;
    }

    ngx_queue_init(&woken);
    ngx_queue_add(&woken, &remote->waiters);
    ngx_queue_init(&remote->waiters);

    while (!ngx_queue_empty(&woken)) {

        q = ngx_queue_head(&woken);
        waiter = ngx_queue_data(q, ngx_http_registry_waiter_t, queue);

        ngx_http_registry_waiter_leave(waiter);

        waiter->wake(waiter->data);
    }
}


static void
ngx_http_registry_remote_drop(ngx_http_registry_remote_t *remote)
{
    reg_jwks_free(remote->jwks);
    remote->jwks = NULL;

    if (remote->text.data) {
        ngx_free(remote->text.data);
        remote->text = REG_STR_NULL;
    }
}


static void
ngx_http_registry_remote_cleanup(void *data)
{
    ngx_http_registry_remote_t *remote = data;

    ngx_http_registry_remote_drop(remote);

    if (remote->buf) {
        ngx_free(remote->buf);
    }

    if (remote->wake.posted) {
        ngx_delete_posted_event(&remote->wake);
    }
}
