/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_event_connect.h>

#include "reg_siphash.h"

#include "ngx_http_registry_link_state.h"


static void ngx_http_registry_link_resolved(void *data,
    const ngx_http_registry_addresses_t *addresses);
static void ngx_http_registry_link_connect_handler(ngx_event_t *ev);
static void ngx_http_registry_link_connected(ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_test_connect(ngx_connection_t *c);


ngx_int_t
ngx_http_registry_link_start(ngx_http_registry_link_t *link)
{
    struct sockaddr_un           *saun;
    ngx_http_registry_address_t  *address;

    if (link->port == 0) {
        address = &link->addresses.address[0];
        saun = (struct sockaddr_un *) &address->sockaddr;

        if (link->host.len >= sizeof(saun->sun_path)) {
            ngx_log_error(NGX_LOG_ERR, &link->log, 0,
                          "the path of the socket is too long");
            return NGX_ERROR;
        }

        saun->sun_family = AF_UNIX;
        ngx_memcpy(saun->sun_path, link->host.data, link->host.len + 1);

        address->socklen = sizeof(struct sockaddr_un);
        link->addresses.n = 1;

        return ngx_http_registry_link_connect(link);
    }

    if (ngx_http_registry_resolve_address(&link->addresses,
                                          (char *) link->host.data, link->port)
        == NGX_OK)
    {
        link->numeric = 1;
        return ngx_http_registry_link_connect(link);
    }

    link->log.action = "resolving the name";

    link->resolve = ngx_http_registry_resolve((char *) link->host.data,
                                              link->port,
                                              ngx_http_registry_link_resolved,
                                              link, &link->log);

    return link->resolve ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_registry_link_resolved(void *data,
    const ngx_http_registry_addresses_t *addresses)
{
    ngx_http_registry_link_t *link = data;

    link->addresses = *addresses;

    ngx_http_registry_resolve_cancel(link->resolve);
    link->resolve = NULL;

    if (link->addresses.n == 0) {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0, "host not found (%s)",
                      gai_strerror(link->addresses.error));

    } else if (ngx_http_registry_link_connect(link) == NGX_OK) {
        return;
    }

    ngx_http_registry_link_fail(link);
}


/* The time limit begins here: to resolve takes what the system takes. */

ngx_int_t
ngx_http_registry_link_connect(ngx_http_registry_link_t *link)
{
    link->deadline += ngx_current_msec;

    return ngx_http_registry_link_connect_next(link);
}


/* The addresses that were not tried yet share the time that is left. */

ngx_int_t
ngx_http_registry_link_connect_next(ngx_http_registry_link_t *link)
{
    ngx_int_t                     rc;
    ngx_msec_int_t                left;
    ngx_connection_t             *c;
    ngx_peer_connection_t         peer;
    ngx_http_registry_address_t  *address;

    link->log.action = "connecting";

    while (link->next < link->addresses.n) {

        left = (ngx_msec_int_t) (link->deadline - ngx_current_msec);
        left /= (ngx_msec_int_t) (link->addresses.n - link->next);

        address = &link->addresses.address[link->next++];

        ngx_memzero(&peer, sizeof(ngx_peer_connection_t));

        peer.sockaddr = (struct sockaddr *) &address->sockaddr;
        peer.socklen = address->socklen;
        peer.name = &link->name;
        peer.get = ngx_event_get_peer;
        peer.log = &link->log;
        peer.log_error = NGX_ERROR_ERR;
        peer.so_keepalive = (link->port != 0);

        rc = ngx_event_connect_peer(&peer);

        if (rc != NGX_OK && rc != NGX_AGAIN) {
            continue;
        }

        c = peer.connection;

        c->data = link;
        c->pool = link->pool;
        c->log = &link->log;
        c->addr_text = link->name;
        c->read->handler = ngx_http_registry_link_connect_handler;
        c->write->handler = ngx_http_registry_link_connect_handler;

        link->connection = c;
        link->address = address;

        ngx_add_timer(&link->timer, (ngx_msec_t) ngx_max(left, 1));

        if (rc == NGX_OK) {
            ngx_post_event(c->write, &ngx_posted_next_events);
        }

        return NGX_OK;
    }

    return NGX_ERROR;
}


static void
ngx_http_registry_link_connect_handler(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_registry_link_t  *link;

    c = ev->data;
    link = c->data;

    if (ngx_http_registry_link_test_connect(c) == NGX_OK) {
        ngx_http_registry_link_connected(link);
        return;
    }

    ngx_http_registry_link_disconnect(link);

    if (ngx_http_registry_link_connect_next(link) != NGX_OK) {
        ngx_http_registry_link_fail(link);
    }
}


/* From here on there is no other address: what answers is Redis or nothing. */

static void
ngx_http_registry_link_connected(ngx_http_registry_link_t *link)
{
    ngx_msec_int_t     left;
    ngx_connection_t  *c;

    c = link->connection;

    left = (ngx_msec_int_t) (link->deadline - ngx_current_msec);
    ngx_add_timer(&link->timer, (ngx_msec_t) ngx_max(left, 1));

    link->next = link->addresses.n;

    c->read->handler = ngx_http_registry_link_read_handler;
    c->write->handler = ngx_http_registry_link_write_handler;

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_registry_link_fail(link);
        return;
    }

#if (NGX_SSL)
    if (link->conf->ssl) {
        ngx_http_registry_link_tls(link);
        return;
    }
#endif

    ngx_http_registry_link_greet(link);
}


static ngx_int_t
ngx_http_registry_link_test_connect(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    /* BSDs and Linux return 0 and set a pending error in err */

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_registry_link_timeout(ngx_event_t *ev)
{
    ngx_http_registry_link_t *link = ev->data;

    ngx_log_error(NGX_LOG_ERR, &link->log, NGX_ETIMEDOUT, "Redis timed out");

    ngx_http_registry_link_disconnect(link);

    if (ngx_http_registry_link_connect_next(link) != NGX_OK) {
        ngx_http_registry_link_fail(link);
    }
}


ngx_uint_t
ngx_http_registry_link_same(ngx_http_registry_link_t *a,
    ngx_http_registry_link_t *b)
{
    if (ngx_cmp_sockaddr((struct sockaddr *) &a->address->sockaddr,
                         a->address->socklen,
                         (struct sockaddr *) &b->address->sockaddr,
                         b->address->socklen, 1)
        != NGX_OK)
    {
        return 0;
    }

    return (a->run && b->run) ? a->run == b->run : b->opened <= a->opened;
}


/* The port and the path of a socket are part of it, padding is not. */

uint64_t
ngx_http_registry_link_source(ngx_http_registry_link_t *link)
{
    u_char            text[NGX_SOCKADDR_STRLEN];
    reg_str_t         name;
    struct sockaddr  *sockaddr;

    static const u_char  key[REG_SIPHASH_KEY_LEN];

    sockaddr = (struct sockaddr *) &link->address->sockaddr;

    name.data = text;
    name.len = ngx_sock_ntop(sockaddr, link->address->socklen, text,
                             NGX_SOCKADDR_STRLEN, 1);

    return reg_siphash(key, name).lo;
}
