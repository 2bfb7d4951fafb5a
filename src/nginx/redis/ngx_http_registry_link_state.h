/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LINK_STATE_H
#define NGX_HTTP_REGISTRY_LINK_STATE_H

/*
 * A link from the inside.  It goes through the files in this order: connect,
 * tls, greet, and then ngx_http_registry_link.c for as long as it lasts, which
 * reads; what is sent is in ngx_http_registry_link_write.c.
 */

#include "ngx_http_registry_link.h"
#include "ngx_http_registry_resolve.h"

/* AUTH, SELECT, PING, ROLE, INFO */

#define NGX_HTTP_REGISTRY_LINK_STEPS  5

struct ngx_http_registry_link_s {
    ngx_http_registry_redis_conf_t           *conf;
    const ngx_http_registry_link_handlers_t  *handlers;
    void                                     *data;

    uint64_t                        opened;       /* ns, monotonic clock */
    uint64_t                        run;          /* of whom, 0: not known */

    ngx_pool_t                     *pool;
    ngx_log_t                       log;
    ngx_str_t                       host;         /* ends with a zero byte */
    unsigned                        port;
    ngx_str_t                       name;         /* for the log */

    ngx_event_t                     timer;
    ngx_msec_t                      deadline;

    ngx_http_registry_resolve_t    *resolve;
    ngx_http_registry_addresses_t   addresses;
    ngx_http_registry_address_t    *address;      /* that is in use */
    ngx_uint_t                      next;         /* to try */

    ngx_connection_t               *connection;
    reg_resp_t                     *resp;

    const char                     *steps[NGX_HTTP_REGISTRY_LINK_STEPS];
    ngx_uint_t                      nsteps;       /* to be answered */
    ngx_uint_t                      step;         /* answered already */

    u_char                         *out;
    size_t                          out_pos;
    size_t                          out_last;
    size_t                          out_size;
    ngx_uint_t                      unanswered;   /* commands */

    unsigned                        numeric:1;    /* host is an address */
    unsigned                        ready:1;
    unsigned                        broken:1;     /* a write failed */
    unsigned                        busy:1;       /* in a handler of ours */
    unsigned                        closed:1;     /* meanwhile */
};


/* Begins to resolve and to connect.  NGX_ERROR after an error was logged. */

ngx_int_t ngx_http_registry_link_start(ngx_http_registry_link_t *link);


/* Connects to the addresses.  NGX_ERROR after an error was logged. */

ngx_int_t ngx_http_registry_link_connect(ngx_http_registry_link_t *link);


/* The next address, if there is one: NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_link_connect_next(
    ngx_http_registry_link_t *link);


/* The connection took too long: the next address, or the end of the link. */

void ngx_http_registry_link_timeout(ngx_event_t *ev);


#if (NGX_SSL)

/* Connected: the handshake, and who is it? */

void ngx_http_registry_link_tls(ngx_http_registry_link_t *link);

#endif


/* Connected: authenticates and selects the database. */

void ngx_http_registry_link_greet(ngx_http_registry_link_t *link);


/* An answer to that: NGX_OK, or NGX_ERROR after an error was logged. */

ngx_int_t ngx_http_registry_link_greeted(ngx_http_registry_link_t *link,
    redisReply *reply);


/* Bytes to be written: NGX_OK, or NGX_ERROR without memory. */

ngx_int_t ngx_http_registry_link_append(ngx_http_registry_link_t *link,
    const u_char *data, size_t len);


/* Writes what the socket takes; a failure is left to the write handler. */

void ngx_http_registry_link_flush(ngx_http_registry_link_t *link);


void ngx_http_registry_link_read_handler(ngx_event_t *rev);

void ngx_http_registry_link_write_handler(ngx_event_t *wev);


/* Ends the connection and its timer, not the link. */

void ngx_http_registry_link_disconnect(ngx_http_registry_link_t *link);


/* Closes and frees the link, and tells its owner. */

void ngx_http_registry_link_fail(ngx_http_registry_link_t *link);

#endif /* NGX_HTTP_REGISTRY_LINK_STATE_H */
