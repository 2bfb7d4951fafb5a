/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The connection itself: TCP or a Unix socket, with TLS or without.
 */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "cli_redis_link.h"


struct cli_socket_s {
    reg_error_t  *error;
    int           fd;
    unsigned      timeout;
    unsigned      passing:1;
    SSL_CTX      *ctx;
    SSL          *ssl;              /* NULL: without TLS */
};


static cli_rc_t cli_socket_unix(cli_socket_t *sock, reg_str_t path);
static cli_rc_t cli_socket_tcp(cli_socket_t *sock,
    const reg_store_host_t *host);
static int cli_socket_try(cli_socket_t *sock, const struct sockaddr *address,
    socklen_t len);
static cli_rc_t cli_socket_tls(cli_socket_t *sock,
    const reg_store_url_t *url, const reg_store_host_t *host);
static int cli_socket_verify(cli_socket_t *sock, const reg_store_url_t *url,
    const reg_store_host_t *host);
static cli_rc_t cli_socket_tls_failed(cli_socket_t *sock, int rc,
    const char *what);
static cli_rc_t cli_socket_failed(cli_socket_t *sock, int err);
static void cli_socket_quiet(struct sigaction *old);
static void cli_socket_loud(const struct sigaction *old);


cli_rc_t
cli_socket_open(cli_socket_t **sock, const reg_store_url_t *url,
    const reg_store_host_t *host, unsigned timeout, reg_error_t *error)
{
    cli_rc_t       rc;
    cli_socket_t  *s;

    s = calloc(1, sizeof(cli_socket_t));
    *sock = s;

    if (s == NULL) {
        reg_error_set(error, "memory ran out");
        return CLI_STORE;
    }

    s->error = error;
    s->fd = -1;
    s->timeout = timeout;

    rc = host ? cli_socket_tcp(s, host) : cli_socket_unix(s, url->path);

    return rc == CLI_DONE && url->tls ? cli_socket_tls(s, url, host) : rc;
}


void
cli_socket_close(cli_socket_t *sock)
{
    if (sock == NULL) {
        return;
    }

    SSL_free(sock->ssl);
    SSL_CTX_free(sock->ctx);

    if (sock->fd != -1) {
        (void) close(sock->fd);
    }

    free(sock);
}


cli_rc_t
cli_socket_timeout(cli_socket_t *sock, unsigned milliseconds)
{
    struct timeval  tv;

    tv.tv_sec = milliseconds / 1000;
    tv.tv_usec = (milliseconds % 1000) * 1000;

    if (setsockopt(sock->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1
        || setsockopt(sock->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1)
    {
        return cli_socket_failed(sock, errno);
    }

    return CLI_DONE;
}


cli_rc_t
cli_socket_write(cli_socket_t *sock, const unsigned char *data, size_t len)
{
    int               rc;
    size_t            sent;
    ssize_t           n;
    struct sigaction  old;

    while (len) {

        if (sock->ssl) {
            cli_socket_quiet(&old);
            ERR_clear_error();
            rc = SSL_write_ex(sock->ssl, data, len, &sent);
            cli_socket_loud(&old);

            if (rc != 1) {
                return cli_socket_tls_failed(sock, rc, "TLS");
            }

        } else {
            n = send(sock->fd, data, len, MSG_NOSIGNAL);

            if (n == -1 && errno == EINTR) {
                continue;
            }

            if (n == -1) {
                return cli_socket_failed(sock, errno);
            }

            sent = (size_t) n;
        }

        data += sent;
        len -= sent;
    }

    return CLI_DONE;
}


cli_rc_t
cli_socket_read(cli_socket_t *sock, unsigned char *data, size_t size,
    size_t *len)
{
    int               rc;
    ssize_t           n;
    struct sigaction  old;

    if (sock->ssl) {
        cli_socket_quiet(&old);
        ERR_clear_error();
        rc = SSL_read_ex(sock->ssl, data, size, len);
        cli_socket_loud(&old);

        return rc == 1 ? CLI_DONE : cli_socket_tls_failed(sock, rc, "TLS");
    }

    do {
        n = recv(sock->fd, data, size, 0);
    } while (n == -1 && errno == EINTR);

    if (n > 0) {
        *len = (size_t) n;
        return CLI_DONE;
    }

    return cli_socket_failed(sock, n == 0 ? 0 : errno);
}


static cli_rc_t
cli_socket_unix(cli_socket_t *sock, reg_str_t path)
{
    int                 err;
    struct sockaddr_un  address;

    memset(&address, 0, sizeof(struct sockaddr_un));

    /* the parser of URLs has seen to it that it fits, with a NUL behind it */

    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data, path.len);

    err = cli_socket_try(sock, (struct sockaddr *) &address,
                         sizeof(struct sockaddr_un));

    return err ? cli_socket_failed(sock, err) : CLI_DONE;
}


static cli_rc_t
cli_socket_tcp(cli_socket_t *sock, const reg_store_host_t *host)
{
    int               rc, err;
    char              name[REG_STORE_HOST_MAX + 1], port[16];
    struct addrinfo   hints, *found, *a;

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(host->host));
    (void) snprintf(port, sizeof(port), "%u", host->port);

    memset(&hints, 0, sizeof(struct addrinfo));

    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(name, port, &hints, &found);

    if (rc != 0) {
        reg_error_set(sock->error, "%s", rc == EAI_SYSTEM ? strerror(errno)
                                                          : gai_strerror(rc));
        sock->passing = 1;
        return CLI_STORE;
    }

    err = 0;

    for (a = found; a; a = a->ai_next) {
        err = cli_socket_try(sock, a->ai_addr, a->ai_addrlen);

        if (err == 0) {
            break;
        }
    }

    freeaddrinfo(found);

    return err ? cli_socket_failed(sock, err) : CLI_DONE;
}


/* Returns 0 or an errno.  On Linux the time to send bounds connect(), too. */

static int
cli_socket_try(cli_socket_t *sock, const struct sockaddr *address,
    socklen_t len)
{
    int  err, on;

    sock->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (sock->fd == -1) {
        return errno;
    }

    on = 1;

    if (cli_socket_timeout(sock, sock->timeout) != CLI_DONE) {
        err = EINVAL;

    } else if (connect(sock->fd, address, len) == 0) {

        if (address->sa_family != AF_UNIX) {
            (void) setsockopt(sock->fd, IPPROTO_TCP, TCP_NODELAY, &on,
                              sizeof(on));
        }

        return 0;

    } else {
        err = errno;
    }

    (void) close(sock->fd);
    sock->fd = -1;

    return err;
}


static cli_rc_t
cli_socket_tls(cli_socket_t *sock, const reg_store_url_t *url,
    const reg_store_host_t *host)
{
    int               rc;
    char              ca[REG_STORE_VALUE_MAX + 1];
    struct sigaction  old;

    sock->ctx = SSL_CTX_new(TLS_client_method());

    if (sock->ctx == NULL
        || SSL_CTX_set_min_proto_version(sock->ctx, TLS1_2_VERSION) != 1)
    {
        return cli_socket_tls_failed(sock, 0, "TLS");
    }

    SSL_CTX_set_verify(sock->ctx, SSL_VERIFY_PEER, NULL);

    (void) snprintf(ca, sizeof(ca), "%.*s", REG_FMT(url->tls_ca));

    if (url->tls_ca.len == 0) {
        rc = SSL_CTX_set_default_verify_paths(sock->ctx);

    } else {
        rc = SSL_CTX_load_verify_locations(sock->ctx, ca, NULL);
    }

    if (rc != 1) {
        return cli_socket_tls_failed(sock, 0, url->tls_ca.len ? ca : "TLS");
    }

    sock->ssl = SSL_new(sock->ctx);

    if (sock->ssl == NULL || SSL_set_fd(sock->ssl, sock->fd) != 1
        || !cli_socket_verify(sock, url, host))
    {
        return cli_socket_tls_failed(sock, 0, "TLS");
    }

    cli_socket_quiet(&old);
    ERR_clear_error();
    rc = SSL_connect(sock->ssl);
    cli_socket_loud(&old);

    return rc == 1 ? CLI_DONE : cli_socket_tls_failed(sock, rc, "TLS");
}


/* Whom the certificate must be for: a name, or an address. */

static int
cli_socket_verify(cli_socket_t *sock, const reg_store_url_t *url,
    const reg_store_host_t *host)
{
    char                name[REG_STORE_VALUE_MAX + 1];
    X509_VERIFY_PARAM  *param;

    (void) snprintf(name, sizeof(name), "%.*s",
                    REG_FMT(url->tls_name.len ? url->tls_name : host->host));

    param = SSL_get0_param(sock->ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return 1;
    }

    ERR_clear_error();

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    return SSL_set1_host(sock->ssl, name) == 1
           && SSL_set_tlsext_host_name(sock->ssl, name) == 1;
}


static cli_rc_t
cli_socket_tls_failed(cli_socket_t *sock, int rc, const char *what)
{
    int             err, error;
    long            verified;
    unsigned long   code;

    err = errno;
    error = sock->ssl ? SSL_get_error(sock->ssl, rc) : SSL_ERROR_SSL;
    verified = sock->ssl ? SSL_get_verify_result(sock->ssl) : X509_V_OK;

    if (verified != X509_V_OK) {
        reg_error_set(sock->error, "the certificate of the server is not "
                      "trusted: %s", X509_verify_cert_error_string(verified));
        return CLI_STORE;
    }

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return cli_socket_failed(sock, EAGAIN);
    }

    if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL) {
        return cli_socket_failed(sock, error == SSL_ERROR_SYSCALL ? err : 0);
    }

    code = ERR_peek_error();

    reg_error_set(sock->error, "%s: %s", what,
                  code && ERR_reason_error_string(code)
                  ? ERR_reason_error_string(code) : "failed");

    return CLI_STORE;
}


/* err 0: the other side has closed. */

static cli_rc_t
cli_socket_failed(cli_socket_t *sock, int err)
{
    sock->passing = 1;

    switch (err) {

    case 0:
        reg_error_set(sock->error, "the server has closed the connection");
        break;

    /* what EAGAIN and EINPROGRESS mean where a call may take its time */

    case EAGAIN:
    case EINPROGRESS:
        reg_error_set(sock->error, "no answer in time");
        break;

    default:
        reg_error_set(sock->error, "%s", strerror(err));
    }

    return CLI_STORE;
}


int
cli_socket_passing(const cli_socket_t *sock)
{
    return sock->passing;
}


/* libssl writes with write(), which signals where send() need not. */

static void
cli_socket_quiet(struct sigaction *old)
{
    struct sigaction  ignore;

    memset(&ignore, 0, sizeof(struct sigaction));

    ignore.sa_handler = SIG_IGN;

    (void) sigaction(SIGPIPE, &ignore, old);
}


static void
cli_socket_loud(const struct sigaction *old)
{
    int  err;

    err = errno;
    (void) sigaction(SIGPIPE, old, NULL);
    errno = err;
}
