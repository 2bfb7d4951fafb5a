/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_event_connect.h>

#include "ngx_http_registry_link.h"
#include "ngx_http_registry_resolve.h"

#define NGX_HTTP_REGISTRY_LINK_READ    16384      /* bytes at a time */
#define NGX_HTTP_REGISTRY_LINK_READS   16         /* in one turn of the loop */
#define NGX_HTTP_REGISTRY_LINK_OUT     512        /* bytes, to begin with */
#define NGX_HTTP_REGISTRY_LINK_KEEP    65536      /* bytes, when empty */

/* AUTH, SELECT, PING */

#define NGX_HTTP_REGISTRY_LINK_STEPS   3

struct ngx_http_registry_link_s {
    ngx_http_registry_redis_conf_t           *conf;
    const ngx_http_registry_link_handlers_t  *handlers;
    void                                     *data;

    ngx_pool_t                     *pool;
    ngx_log_t                       log;
    ngx_str_t                       host;         /* ends with a zero byte */
    unsigned                        port;
    ngx_str_t                       name;         /* for the log */

    ngx_event_t                     timer;
    ngx_msec_t                      deadline;

    ngx_http_registry_resolve_t    *resolve;
    ngx_http_registry_addresses_t   addresses;
    ngx_uint_t                      next;         /* address to try */

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


static ngx_int_t ngx_http_registry_link_init(ngx_http_registry_link_t *link,
    reg_str_t host, ngx_log_t *log);
static ngx_int_t ngx_http_registry_link_start(ngx_http_registry_link_t *link);
static void ngx_http_registry_link_resolved(void *data,
    const ngx_http_registry_addresses_t *addresses);
static ngx_int_t ngx_http_registry_link_connect(
    ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_connect_next(
    ngx_http_registry_link_t *link);
static void ngx_http_registry_link_connect_handler(ngx_event_t *ev);
static void ngx_http_registry_link_connected(ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_test_connect(ngx_connection_t *c);
#if (NGX_SSL)
static void ngx_http_registry_link_tls(ngx_http_registry_link_t *link);
static void ngx_http_registry_link_tls_handler(ngx_connection_t *c);
static ngx_int_t ngx_http_registry_link_tls_verify(
    ngx_http_registry_link_t *link);
static ngx_str_t ngx_http_registry_link_tls_name(
    ngx_http_registry_link_t *link, ngx_uint_t *numeric);
#endif
static void ngx_http_registry_link_greet(ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_step(ngx_http_registry_link_t *link,
    const char *name, size_t argc, const reg_str_t *argv);
static ngx_int_t ngx_http_registry_link_greeted(
    ngx_http_registry_link_t *link, redisReply *reply);
static ngx_int_t ngx_http_registry_link_append(
    ngx_http_registry_link_t *link, const u_char *data, size_t len);
static void ngx_http_registry_link_flush(ngx_http_registry_link_t *link);
static void ngx_http_registry_link_write_handler(ngx_event_t *wev);
static void ngx_http_registry_link_read_handler(ngx_event_t *rev);
static void ngx_http_registry_link_read(ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_replies(
    ngx_http_registry_link_t *link);
static ngx_int_t ngx_http_registry_link_take(ngx_http_registry_link_t *link,
    redisReply *reply);
static void ngx_http_registry_link_timeout(ngx_event_t *ev);
static void ngx_http_registry_link_fail(ngx_http_registry_link_t *link);
static void ngx_http_registry_link_disconnect(ngx_http_registry_link_t *link);
static void ngx_http_registry_link_free(ngx_http_registry_link_t *link);
static u_char *ngx_http_registry_link_log_error(ngx_log_t *log, u_char *buf,
    size_t len);


ngx_http_registry_link_t *
ngx_http_registry_link_open(ngx_http_registry_redis_conf_t *conf,
    reg_str_t host, unsigned port, ngx_msec_t timeout,
    const ngx_http_registry_link_handlers_t *handlers, void *data,
    ngx_log_t *log)
{
    ngx_pool_t                *pool;
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

    link->pool = pool;
    link->conf = conf;
    link->port = port;
    link->deadline = timeout;
    link->handlers = handlers;
    link->data = data;

    if (ngx_http_registry_link_init(link, host, log) != NGX_OK
        || ngx_http_registry_link_start(link) != NGX_OK)
    {
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


static ngx_int_t
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

static ngx_int_t
ngx_http_registry_link_connect(ngx_http_registry_link_t *link)
{
    link->deadline += ngx_current_msec;

    return ngx_http_registry_link_connect_next(link);
}


/* The addresses that were not tried yet share the time that is left. */

static ngx_int_t
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


#if (NGX_SSL)

static void
ngx_http_registry_link_tls(ngx_http_registry_link_t *link)
{
    ngx_str_t          name;
    ngx_uint_t         numeric;
    ngx_connection_t  *c;

    c = link->connection;

    link->log.action = "TLS handshaking";

    if (ngx_ssl_create_connection(link->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_registry_link_fail(link);
        return;
    }

    /* what waits to be written moves when more is added */

    (void) SSL_set_mode(c->ssl->connection,
                        SSL_MODE_ENABLE_PARTIAL_WRITE
                        |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    name = ngx_http_registry_link_tls_name(link, &numeric);

    /* as per RFC 6066, literal IPv4 and IPv6 addresses are not permitted */

    if (name.data == NULL
        || (!numeric && SSL_set_tlsext_host_name(c->ssl->connection,
                                                 (char *) name.data)
                        == 0))
    {
        ngx_ssl_error(NGX_LOG_ERR, &link->log, 0,
                      "SSL_set_tlsext_host_name() failed");
        ngx_http_registry_link_fail(link);
        return;
    }

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_http_registry_link_tls_handler;
        return;
    }

    ngx_http_registry_link_tls_handler(c);
}


static void
ngx_http_registry_link_tls_handler(ngx_connection_t *c)
{
    ngx_http_registry_link_t  *link;

    link = c->data;

    if (!c->ssl->handshaked
        || ngx_http_registry_link_tls_verify(link) != NGX_OK)
    {
        ngx_http_registry_link_fail(link);
        return;
    }

    c->read->handler = ngx_http_registry_link_read_handler;
    c->write->handler = ngx_http_registry_link_write_handler;

    ngx_http_registry_link_greet(link);
}


static ngx_int_t
ngx_http_registry_link_tls_verify(ngx_http_registry_link_t *link)
{
    int                match;
    long               rc;
    X509              *cert;
    ngx_str_t          name;
    ngx_uint_t         numeric;
    ngx_connection_t  *c;

    c = link->connection;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0,
                      "the certificate of Redis does not verify: (%l:%s)",
                      rc, X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    name = ngx_http_registry_link_tls_name(link, &numeric);
    match = 0;

    if (name.data && numeric) {
        cert = SSL_get_peer_certificate(c->ssl->connection);

        if (cert) {
            match = X509_check_ip_asc(cert, (char *) name.data, 0) == 1;
            X509_free(cert);
        }

    } else if (name.data) {
        match = ngx_ssl_check_host(c, &name) == NGX_OK;
    }

    if (!match) {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0,
                      "the certificate of Redis does not match \"%V\"", &name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The name that the certificate has to have; data is NULL without memory. */

static ngx_str_t
ngx_http_registry_link_tls_name(ngx_http_registry_link_t *link,
    ngx_uint_t *numeric)
{
    ngx_str_t                      name;
    reg_str_t                     *text;
    ngx_http_registry_addresses_t  addresses;

    *numeric = link->numeric;

    text = &link->conf->url.tls_name;

    if (text->len == 0) {
        return link->host;
    }

    name.len = text->len;
    name.data = ngx_pnalloc(link->pool, text->len + 1);

    if (name.data) {
        (void) ngx_cpystrn(name.data, text->data, text->len + 1);

        *numeric = ngx_http_registry_resolve_address(&addresses,
                                                     (char *) name.data, 0)
                   == NGX_OK;
    }

    return name;
}

#endif


/*
 * PING tells a server that works from one that only takes connections, or is
 * still loading its data.
 */

static void
ngx_http_registry_link_greet(ngx_http_registry_link_t *link)
{
    size_t                           argc;
    u_char                           db[NGX_INT_T_LEN];
    reg_str_t                        argv[3];
    ngx_http_registry_redis_conf_t  *conf;

    conf = link->conf;

    link->log.action = "authenticating";

    if (conf->url.user.len || conf->password) {
        argc = 0;
        argv[argc++] = REG_STR("AUTH");

        if (conf->url.user.len) {
            argv[argc++] = conf->url.user;
        }

        argv[argc] = REG_STR("");

        if (conf->password) {
            argv[argc].data = conf->password->value.data;
            argv[argc].len = conf->password->value.len;
        }

        if (ngx_http_registry_link_step(link, "AUTH", argc + 1, argv)
            != NGX_OK)
        {
            goto failed;
        }
    }

    if (conf->url.db) {
        argv[0] = REG_STR("SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%ui", (ngx_uint_t) conf->url.db) - db;

        if (ngx_http_registry_link_step(link, "SELECT", 2, argv) != NGX_OK) {
            goto failed;
        }
    }

    argv[0] = REG_STR("PING");

    if (ngx_http_registry_link_step(link, "PING", 1, argv) != NGX_OK) {
        goto failed;
    }

    ngx_http_registry_link_flush(link);

    return;

failed:

    ngx_http_registry_link_fail(link);
}


static ngx_int_t
ngx_http_registry_link_step(ngx_http_registry_link_t *link, const char *name,
    size_t argc, const reg_str_t *argv)
{
    size_t          len;
    ngx_int_t       rc;
    unsigned char  *command;

    if (reg_resp_command(&command, &len, argc, argv) != REG_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_registry_link_append(link, command, len);

    ngx_explicit_memzero(command, len);
    free(command);

    link->steps[link->nsteps++] = name;

    return rc;
}


/* NGX_OK, or NGX_ERROR after an error has been logged. */

static ngx_int_t
ngx_http_registry_link_greeted(ngx_http_registry_link_t *link,
    redisReply *reply)
{
    const char        *step;
    reg_error_t        text;
    reg_resp_error_t   error;

    step = link->steps[link->step++];
    error = reg_resp_error(reply);

    if (error == REG_RESP_NO_ERROR) {
        return NGX_OK;
    }

    if (*step == 'P' && error == REG_RESP_NOPERM) {
        return NGX_OK;
    }

    /* some errors repeat what was sent, which in AUTH is the password */

    if (*step == 'A') {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0, "Redis refuses AUTH: %s",
                      error == REG_RESP_NOAUTH ? "wrong user or password"
                                               : "it does not say why");
        return NGX_ERROR;
    }

    reg_resp_error_text(&text, reply);

    ngx_log_error(NGX_LOG_ERR, &link->log, 0, "Redis refuses %s: %s", step,
                  text.text);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_registry_link_send(ngx_http_registry_link_t *link, size_t argc,
    const reg_str_t *argv)
{
    size_t          len;
    ngx_int_t       rc;
    unsigned char  *command;

    if (reg_resp_command(&command, &len, argc, argv) != REG_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_registry_link_append(link, command, len);
    free(command);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    link->unanswered++;
    link->connection->idle = 0;

    if (link->connection->write->ready) {
        ngx_http_registry_link_flush(link);
    }

    return NGX_OK;
}


/* What is wiped here may be a password. */

static ngx_int_t
ngx_http_registry_link_append(ngx_http_registry_link_t *link,
    const u_char *data, size_t len)
{
    u_char  *out;
    size_t   size, kept;

    kept = link->out_last - link->out_pos;

    if (link->out_pos && kept == 0) {
        link->out_pos = 0;
        link->out_last = 0;
    }

    if (link->out_size - link->out_last < len) {

        size = ngx_max(NGX_HTTP_REGISTRY_LINK_OUT, 2 * (kept + len));

        out = ngx_alloc(size, &link->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        if (link->out) {
            ngx_memcpy(out, link->out + link->out_pos, kept);
            ngx_explicit_memzero(link->out, link->out_size);
            ngx_free(link->out);
        }

        link->out = out;
        link->out_size = size;
        link->out_pos = 0;
        link->out_last = kept;
    }

    ngx_memcpy(link->out + link->out_last, data, len);
    link->out_last += len;

    return NGX_OK;
}


/* A failure is left to the handler, which closes the link. */

static void
ngx_http_registry_link_flush(ngx_http_registry_link_t *link)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = link->connection;

    while (link->out_pos < link->out_last) {

        n = c->send(c, link->out + link->out_pos,
                    link->out_last - link->out_pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            goto failed;
        }

        link->out_pos += n;
    }

    if (link->out_pos == link->out_last
        && link->out_size > NGX_HTTP_REGISTRY_LINK_KEEP)
    {
        ngx_free(link->out);

        link->out = NULL;
        link->out_pos = 0;
        link->out_last = 0;
        link->out_size = 0;
    }

    if (ngx_handle_write_event(c->write, 0) == NGX_OK) {
        return;
    }

failed:

    link->broken = 1;

    ngx_post_event(c->write, &ngx_posted_events);
}


static void
ngx_http_registry_link_write_handler(ngx_event_t *wev)
{
    ngx_connection_t          *c;
    ngx_http_registry_link_t  *link;

    c = wev->data;
    link = c->data;

    if (!link->broken) {
        ngx_http_registry_link_flush(link);
    }

    if (link->broken) {
        ngx_http_registry_link_fail(link);
    }
}


static void
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


static void
ngx_http_registry_link_timeout(ngx_event_t *ev)
{
    ngx_http_registry_link_t *link = ev->data;

    ngx_log_error(NGX_LOG_ERR, &link->log, NGX_ETIMEDOUT, "Redis timed out");

    ngx_http_registry_link_disconnect(link);

    if (ngx_http_registry_link_connect_next(link) != NGX_OK) {
        ngx_http_registry_link_fail(link);
    }
}


static void
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


static void
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
