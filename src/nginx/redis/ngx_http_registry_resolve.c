/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include "ngx_http_registry_resolve.h"


struct ngx_http_registry_resolve_s {
    ngx_connection_t              *connection;    /* where the answer comes */
    ngx_http_registry_resolve_pt   handler;
    void                          *data;
    ngx_log_t                     *log;
};


/*
 * The question belongs to the thread and the answer comes through a pipe in
 * one piece, so that worker and thread have no memory in common and may end
 * in any order.
 */

typedef struct {
    ngx_fd_t                       fd;
    unsigned                       port;
    char                           host[1];
} ngx_http_registry_question_t;

typedef char  ngx_http_registry_answer_fits[
    sizeof(ngx_http_registry_addresses_t) <= 4096 /* PIPE_BUF */ ? 1 : -1];


static ngx_int_t ngx_http_registry_resolve_listen(
    ngx_http_registry_resolve_t *resolve, ngx_fd_t fd);
static ngx_int_t ngx_http_registry_resolve_ask(const char *host,
    unsigned port, ngx_fd_t fd, ngx_log_t *log);
static void *ngx_http_registry_resolve_thread(void *data);
static void ngx_http_registry_resolve_lookup(
    ngx_http_registry_addresses_t *addresses, const char *host, unsigned port,
    int flags);
static void ngx_http_registry_resolve_answer(ngx_event_t *rev);
static void ngx_http_registry_resolve_nothing(ngx_event_t *ev);


ngx_int_t
ngx_http_registry_resolve_address(ngx_http_registry_addresses_t *addresses,
    const char *host, unsigned port)
{
    ngx_http_registry_resolve_lookup(addresses, host, port, AI_NUMERICHOST);

    return addresses->n ? NGX_OK : NGX_DECLINED;
}


ngx_http_registry_resolve_t *
ngx_http_registry_resolve(const char *host, unsigned port,
    ngx_http_registry_resolve_pt handler, void *data, ngx_log_t *log)
{
    ngx_fd_t                      fds[2];
    ngx_http_registry_resolve_t  *resolve;

    resolve = ngx_calloc(sizeof(ngx_http_registry_resolve_t), log);
    if (resolve == NULL) {
        return NULL;
    }

    resolve->handler = handler;
    resolve->data = data;
    resolve->log = log;

    if (pipe(fds) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "pipe() failed");
        ngx_free(resolve);
        return NULL;
    }

    if (ngx_http_registry_resolve_listen(resolve, fds[0]) != NGX_OK) {
        (void) close(fds[1]);
        ngx_free(resolve);
        return NULL;
    }

    if (ngx_http_registry_resolve_ask(host, port, fds[1], log) != NGX_OK) {
        (void) close(fds[1]);
        ngx_http_registry_resolve_cancel(resolve);
        return NULL;
    }

    return resolve;
}


void
ngx_http_registry_resolve_cancel(ngx_http_registry_resolve_t *resolve)
{
    ngx_close_connection(resolve->connection);
    ngx_free(resolve);
}


/* Takes the descriptor, also when it fails. */

static ngx_int_t
ngx_http_registry_resolve_listen(ngx_http_registry_resolve_t *resolve,
    ngx_fd_t fd)
{
    ngx_connection_t  *c;

    c = NULL;

    if (ngx_nonblocking(fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, resolve->log, ngx_socket_errno,
                      ngx_nonblocking_n " failed");

    } else {
        c = ngx_get_connection(fd, resolve->log);
    }

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = resolve;
    c->log = resolve->log;
    c->read->log = resolve->log;
    c->write->log = resolve->log;
    c->read->handler = ngx_http_registry_resolve_answer;
    c->write->handler = ngx_http_registry_resolve_nothing;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    resolve->connection = c;

    return NGX_OK;
}


/* Starts the thread, which closes fd; a failure leaves it to the caller. */

static ngx_int_t
ngx_http_registry_resolve_ask(const char *host, unsigned port, ngx_fd_t fd,
    ngx_log_t *log)
{
    int                            err;
    size_t                         len;
    sigset_t                       all, old;
    pthread_t                      tid;
    pthread_attr_t                 attr;
    ngx_http_registry_question_t  *question;

    len = ngx_strlen(host);

    question = ngx_alloc(sizeof(ngx_http_registry_question_t) + len, log);
    if (question == NULL) {
        return NGX_ERROR;
    }

    question->fd = fd;
    question->port = port;
    ngx_memcpy(question->host, host, len + 1);

    err = pthread_attr_init(&attr);

    if (err == 0) {
        (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

        /* signals are for the worker; the thread inherits this mask */

        sigfillset(&all);
        (void) pthread_sigmask(SIG_BLOCK, &all, &old);

        err = pthread_create(&tid, &attr, ngx_http_registry_resolve_thread,
                             question);

        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        (void) pthread_attr_destroy(&attr);
    }

    if (err) {
        ngx_log_error(NGX_LOG_ALERT, log, err, "pthread_create() failed");
        ngx_free(question);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Nothing of nginx is used here: it is not made for threads. */

static void *
ngx_http_registry_resolve_thread(void *data)
{
    ngx_http_registry_question_t *question = data;

    ssize_t                        n;
    ngx_http_registry_addresses_t  addresses;

    ngx_http_registry_resolve_lookup(&addresses, question->host,
                                     question->port, 0);

    /* a worker that waits no more has closed its end: the write fails */

    do {
        n = write(question->fd, &addresses, sizeof(addresses));
    } while (n == -1 && errno == EINTR);

    (void) close(question->fd);
    free(question);

    return NULL;
}


static void
ngx_http_registry_resolve_lookup(ngx_http_registry_addresses_t *addresses,
    const char *host, unsigned port, int flags)
{
    struct addrinfo               hints, *found, *ai;
    struct sockaddr_in           *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6          *sin6;
#endif
    ngx_http_registry_address_t  *address;

    memset(addresses, 0, sizeof(ngx_http_registry_addresses_t));
    memset(&hints, 0, sizeof(struct addrinfo));

    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;

    addresses->error = getaddrinfo(host, NULL, &hints, &found);

    if (addresses->error) {
        return;
    }

    for (ai = found;
         ai && addresses->n < NGX_HTTP_REGISTRY_ADDRESSES_MAX;
         ai = ai->ai_next)
    {
        address = &addresses->address[addresses->n];

        if (ai->ai_addrlen > sizeof(address->sockaddr)) {
            continue;
        }

        memcpy(&address->sockaddr, ai->ai_addr, ai->ai_addrlen);
        address->socklen = ai->ai_addrlen;

        switch (ai->ai_family) {

        case AF_INET:
            sin = (struct sockaddr_in *) &address->sockaddr;
            sin->sin_port = htons((in_port_t) port);
            break;

#if (NGX_HAVE_INET6)
        case AF_INET6:
            sin6 = (struct sockaddr_in6 *) &address->sockaddr;
            sin6->sin6_port = htons((in_port_t) port);
            break;
#endif

        default:
            continue;
        }

        addresses->n++;
    }

    freeaddrinfo(found);
}


static void
ngx_http_registry_resolve_answer(ngx_event_t *rev)
{
    ssize_t                        n;
    ngx_connection_t              *c;
    ngx_http_registry_resolve_t   *resolve;
    ngx_http_registry_addresses_t  addresses;

    c = rev->data;
    resolve = c->data;

    n = read(c->fd, &addresses, sizeof(addresses));

    if (n == -1 && (ngx_errno == NGX_EAGAIN || ngx_errno == NGX_EINTR)) {

        if (ngx_handle_read_event(rev, 0) == NGX_OK) {
            return;
        }
    }

    if (n != (ssize_t) sizeof(addresses)) {
        ngx_memzero(&addresses, sizeof(addresses));
        addresses.error = EAI_FAIL;
    }

    resolve->handler(resolve->data, &addresses);
}


static void
ngx_http_registry_resolve_nothing(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "registry resolve: nothing to write");
}
