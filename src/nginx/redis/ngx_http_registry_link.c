/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_link_state.h"

#define NGX_HTTP_REGISTRY_LINK_READ    16384      /* bytes at a time */
#define NGX_HTTP_REGISTRY_LINK_READS   16         /* in one turn of the loop */


static ngx_http_registry_link_t *ngx_http_registry_link_create(
    ngx_http_registry_redis_conf_t *conf, reg_str_t host, unsigned port,
    ngx_msec_t timeout, const ngx_http_registry_link_handlers_t *handlers,
    void *data, ngx_log_t *log);
static ngx_int_t ngx_http_registry_link_init(ngx_http_registry_link_t *link,
    reg_str_t host, ngx_log_t *log);
static void ngx_http_registry_link_read(ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_replies(ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_take(ngx_http_registry_link_t *link,
    redisReply *reply);
static void ngx_http_registry_link_free(ngx_http_registry_link_t *link);
static u_char *ngx_http_registry_link_log_error(ngx_log_t *log, u_char *buf,
    size_t len);


ngx_http_registry_link_t *
ngx_http_registry_link_open(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_msec_t timeout,
    const ngx_http_registry_link_handlers_t *handlers, void *data,
    ngx_log_t *log)
{
    ngx_http_registry_link_t  *link;

    link = ngx_http_registry_link_create(conf, host, port, timeout, handlers,
                                         data, log);

    if (link && ngx_http_registry_link_start(link) != NGX_OK) {
        ngx_http_registry_link_close(link);
        return NULL;
    }

    return link;
}


ngx_http_registry_link_t *
ngx_http_registry_link_open_beside(ngx_http_registry_link_t *other,
    ngx_msec_t timeout, const ngx_http_registry_link_handlers_t *handlers,
    void *data, ngx_log_t *log)
{
    reg_str_t                  host;
    ngx_http_registry_link_t  *link;

    host.data = other->host.data;
    host.len = other->host.len;

    link = ngx_http_registry_link_create(other->conf, host, other->port,
                                         timeout, handlers, data, log);
    if (link == NULL) {
        return NULL;
    }

    link->numeric = other->numeric;
    link->addresses.n = 1;
    link->addresses.address[0] = *other->address;

    if (ngx_http_registry_link_connect(link) != NGX_OK) {
        ngx_http_registry_link_close(link);
        return NULL;
    }

    return link;
}


static ngx_http_registry_link_t *
ngx_http_registry_link_create(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_msec_t timeout,
    const ngx_http_registry_link_handlers_t *handlers, void *data,
    ngx_log_t *log)
{
    ngx_pool_t                *pool;
    struct timespec            ts;
    ngx_http_registry_link_t  *link;

    pool = ngx_create_pool(sizeof(ngx_http_registry_link_t) + 1024, log);
    if (pool == NULL) {
        return NULL;
    }

    link = ngx_pcalloc(pool, sizeof(ngx_http_registry_link_t));
    if (link == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    link->opened = (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
    link->pool = pool;
    link->conf = conf;
    link->port = port;
    link->deadline = timeout;
    link->handlers = handlers;
    link->data = data;

    if (ngx_http_registry_link_init(link, host, log) != NGX_OK) {
        ngx_http_registry_link_close(link);
        return NULL;
    }

    return link;
}


static ngx_int_t
ngx_http_registry_link_init(ngx_http_registry_link_t *link, reg_str_t host,
    ngx_log_t *log)
{
    u_char  *p;

    link->log = *log;
    link->log.handler = ngx_http_registry_link_log_error;
    link->log.data = link;

    link->timer.handler = ngx_http_registry_link_timeout;
    link->timer.data = link;
    link->timer.log = &link->log;
    link->timer.cancelable = 1;

    p = ngx_pnalloc(link->pool, host.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(p, host.data, host.len + 1);

    link->host.data = p;
    link->host.len = host.len;

    link->name = link->host;

    if (link->port) {
        p = ngx_pnalloc(link->pool, host.len + sizeof("[]:65535") - 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        link->name.data = p;
        link->name.len = ngx_sprintf(p, ngx_strchr(link->host.data, ':')
                                        ? "[%V]:%ui" : "%V:%ui",
                                     &link->host, (ngx_uint_t) link->port)
                         - p;
    }

    link->resp = reg_resp_create();

    return link->resp ? NGX_OK : NGX_ERROR;
}


#ifdef REG_RESP_PUSHES

void
ngx_http_registry_link_allow_pushes(ngx_http_registry_link_t *link)
{
    reg_resp_allow_pushes(link->resp);
}

#endif


void
ngx_http_registry_link_read_handler(ngx_event_t *rev)
{
    ngx_connection_t          *c;
    ngx_http_registry_link_t  *link;

    c = rev->data;
    link = c->data;

    if (c->close) {

        /* the worker quits, and nobody waits here */

        ngx_http_registry_link_fail(link);
        return;
    }

    link->busy = 1;

    ngx_http_registry_link_read(link);

    link->busy = 0;

    if (link->closed) {
        ngx_http_registry_link_free(link);

    } else if (link->broken) {
        ngx_http_registry_link_fail(link);
    }
}


/* Sets broken, or closed when the owner has closed the link. */

static void
ngx_http_registry_link_read(ngx_http_registry_link_t *link)
{
    u_char             buf[NGX_HTTP_REGISTRY_LINK_READ];
    ssize_t            n;
    reg_rc_t           rc;
    ngx_uint_t         i, level;
    ngx_connection_t  *c;

    c = link->connection;

    for (i = 0; i < NGX_HTTP_REGISTRY_LINK_READS; i++) {

        n = c->recv(c, buf, NGX_HTTP_REGISTRY_LINK_READ);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                link->broken = 1;
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {

            if (n == 0) {
                level = (link->ready && link->unanswered == 0) ? NGX_LOG_INFO
                                                               : NGX_LOG_ERR;

                ngx_log_error(level, &link->log, 0,
                              "Redis closed the connection");
            }

            link->broken = 1;
            return;
        }

        rc = reg_resp_feed(link->resp, buf, (size_t) n);

        if (ngx_http_registry_link_replies(link) != NGX_OK) {
            return;
        }

        if (rc != REG_OK) {
            ngx_log_error(NGX_LOG_ERR, &link->log, 0, rc == REG_NOMEM
                          ? "there is no memory for a reply"
                          : "Redis sent what is no reply, or too long");
            link->broken = 1;
            return;
        }
    }

    /* others have their turn */

    ngx_post_event(c->read, &ngx_posted_next_events);
}


static ngx_int_t
ngx_http_registry_link_replies(ngx_http_registry_link_t *link)
{
    reg_rc_t     rc;
    redisReply  *reply;

    for ( ;; ) {

        rc = reg_resp_next(link->resp, &reply);

        if (rc != REG_OK) {

            /* a broken protocol is for the caller to log */

            return NGX_OK;
        }

        if (ngx_http_registry_link_take(link, reply) != NGX_OK) {
            link->broken = 1;
        }

        freeReplyObject(reply);

        if (link->broken || link->closed) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_registry_link_take(ngx_http_registry_link_t *link, redisReply *reply)
{
    if (link->ready) {

        if (link->unanswered) {
            link->unanswered--;
        }

        link->connection->idle = (link->unanswered == 0);

        link->handlers->reply(link->data, reply);

        return NGX_OK;
    }

    if (ngx_http_registry_link_greeted(link, reply) != NGX_OK) {
        return NGX_ERROR;
    }

    if (link->step < link->nsteps) {
        return NGX_OK;
    }

    ngx_explicit_memzero(link->out, link->out_size);

    ngx_del_timer(&link->timer);

    link->log.action = "in use";
    link->ready = 1;
    link->connection->idle = 1;

    link->handlers->ready(link->data);

    return NGX_OK;
}


void
ngx_http_registry_link_fail(ngx_http_registry_link_t *link)
{
    void  *data;
    void (*closed)(void *);

    data = link->data;
    closed = link->handlers->closed;

    ngx_http_registry_link_close(link);

    closed(data);
}


void
ngx_http_registry_link_close(ngx_http_registry_link_t *link)
{
    ngx_http_registry_link_disconnect(link);

    if (link->resolve) {
        ngx_http_registry_resolve_cancel(link->resolve);
        link->resolve = NULL;
    }

    if (link->busy) {
        link->closed = 1;
        return;
    }

    ngx_http_registry_link_free(link);
}


void
ngx_http_registry_link_disconnect(ngx_http_registry_link_t *link)
{
    ngx_connection_t  *c;

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    c = link->connection;

    if (c == NULL) {
        return;
    }

#if (NGX_SSL)
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }
#endif

    ngx_close_connection(c);

    link->connection = NULL;
}


static void
ngx_http_registry_link_free(ngx_http_registry_link_t *link)
{
    if (link->out) {
        ngx_explicit_memzero(link->out, link->out_size);
        ngx_free(link->out);
    }

    reg_resp_free(link->resp);

    ngx_destroy_pool(link->pool);
}


static u_char *
ngx_http_registry_link_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_registry_link_t  *link;

    link = log->data;
    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    p = ngx_snprintf(buf, len, ", registry store: Redis at \"%V\"",
                     &link->name);

    return p;
}
