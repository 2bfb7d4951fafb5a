/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_WAIT_H
#define NGX_HTTP_REGISTRY_WAIT_H

/* A request whose phases stop for something, and go on when that is there. */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * NGX_AGAIN, for the handler of a phase to return: nothing of the request runs
 * until it is resumed, but that a client who goes away ends it.  NGX_ERROR: it
 * cannot wait.
 */

ngx_int_t ngx_http_registry_wait(ngx_http_request_t *r);

/*
 * Runs the handler that has stopped once more.  The request may be gone when
 * this returns, and others with it.
 */

void ngx_http_registry_resume(ngx_http_request_t *r);

#endif /* NGX_HTTP_REGISTRY_WAIT_H */
