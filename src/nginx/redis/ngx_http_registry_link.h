/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LINK_H
#define NGX_HTTP_REGISTRY_LINK_H

/*
 * One connection to a Redis server, on nginx's events: it resolves and
 * connects, does TLS, authenticates and selects its database, and then carries
 * commands out and replies in, without knowing which belongs to which.
 *
 * A link lives until it is closed, by its owner or by a failure; it never
 * connects again.  It has a pool and a log of its own.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "reg_resp.h"
#include "reg_store_url.h"

#include "ngx_http_registry_secret.h"


/* What a link makes sure of before it is ready. */

typedef enum {
    NGX_HTTP_REGISTRY_GREET_SERVER = 0,      /* that it works */
    NGX_HTTP_REGISTRY_GREET_MASTER,          /* and is no replica */
    NGX_HTTP_REGISTRY_GREET_SENTINEL         /* no matter who we are to it */
} ngx_http_registry_greeting_t;


/* What all links of a store share; outlives them. */

typedef struct {
    reg_store_url_t                url;
    ngx_http_registry_greeting_t   greeting;
    ngx_http_registry_secret_t    *password; /* NULL: none */
#if (NGX_SSL)
    ngx_ssl_t                     *ssl;      /* NULL: no TLS */
#endif
    ngx_msec_t                     ttl;      /* of what may change unheard */
} ngx_http_registry_redis_conf_t;


typedef struct ngx_http_registry_link_s  ngx_http_registry_link_t;

typedef struct {

    /* authenticated: commands may be sent */
    void  (*ready)(void *data);

    /* a whole reply, lent for the call; the owner may close the link in it */
    void  (*reply)(void *data, redisReply *reply);

    /* it failed, which has been logged; the link is freed after the call */
    void  (*closed)(void *data);

} ngx_http_registry_link_handlers_t;


/*
 * Begins to connect; timeout (milliseconds) is for everything until ready() but
 * the resolving of a name, which takes what the system's resolver takes.  host
 * is copied; port 0 means that host is the path of a Unix socket.  No handler
 * is called before this returns.  NULL when it cannot even begin, or the
 * connection is refused at once, which has been logged.
 */

ngx_http_registry_link_t *ngx_http_registry_link_open(
    ngx_http_registry_redis_conf_t *conf, reg_str_t host, unsigned port,
    ngx_msec_t timeout, const ngx_http_registry_link_handlers_t *handlers,
    void *data, ngx_log_t *log);


/*
 * The same, to the very address that another link, which is ready, has: a name
 * may lead elsewhere by now.
 */

ngx_http_registry_link_t *ngx_http_registry_link_open_beside(
    ngx_http_registry_link_t *other, ngx_msec_t timeout,
    const ngx_http_registry_link_handlers_t *handlers, void *data,
    ngx_log_t *log);


/*
 * 1 when two links, which are ready, lead to one server.  Where Redis does not
 * say who it is, they have one address, and b is not younger than a: links that
 * are opened later may lead to another server behind that.
 */

ngx_uint_t ngx_http_registry_link_same(ngx_http_registry_link_t *a,
    ngx_http_registry_link_t *b);


/* A number for the address of a link that is ready, the same in any worker. */

uint64_t ngx_http_registry_link_source(ngx_http_registry_link_t *link);


/*
 * Queues a command and writes what the socket takes.  NGX_OK, or NGX_ERROR when
 * memory ran out; a failure to write closes the link later, with closed().
 */

ngx_int_t ngx_http_registry_link_send(ngx_http_registry_link_t *link,
    size_t argc, const reg_str_t *argv);


/* The same behind an ASKING, which gets an answer of its own before. */

ngx_int_t ngx_http_registry_link_send_asking(ngx_http_registry_link_t *link,
    size_t argc, const reg_str_t *argv);


/* 1 when an answer to ROLE is that of a master. */

ngx_uint_t ngx_http_registry_link_is_master(redisReply *role);


#ifdef REG_RESP_PUSHES

/* The replies from now on are those of RESP3, if HELLO is answered so. */

void ngx_http_registry_link_allow_pushes(ngx_http_registry_link_t *link);

#endif


/* Closes and frees; no handler is called any more. */

void ngx_http_registry_link_close(ngx_http_registry_link_t *link);

#endif /* NGX_HTTP_REGISTRY_LINK_H */
