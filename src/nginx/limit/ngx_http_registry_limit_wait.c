/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* A request that waits for Redis, in the PRECONTENT phase. */

#include "ngx_http_registry_admission.h"
#include "ngx_http_registry_wait.h"


static void ngx_http_registry_limit_leave(void *data);


ngx_int_t
ngx_http_registry_limit_wait(ngx_http_request_t *r,
    ngx_http_registry_limited_t *limited)
{
    ngx_pool_cleanup_t  *cln;

    if (!limited->leaves) {
        cln = ngx_pool_cleanup_add(r->pool, 0);

        if (cln == NULL) {

            /* nobody may wake a request that could be gone */

            ngx_http_registry_limit_leave(limited);
            return NGX_ERROR;
        }

        cln->handler = ngx_http_registry_limit_leave;
        cln->data = limited;

        limited->leaves = 1;
    }

    return ngx_http_registry_wait(r);
}


void
ngx_http_registry_limit_answered(ngx_http_registry_limited_t *limited)
{
    if (--limited->waiting == 0) {
        ngx_http_registry_resume(limited->request);
    }
}


/*
 * To wake one may end others that wait here: they leave the queue then, so only
 * its head is sure to be there.
 */

void
ngx_http_registry_limit_wake(ngx_queue_t *served)
{
    ngx_queue_t                 *q;
    ngx_http_registry_charge_t  *charge;

    while (!ngx_queue_empty(served)) {
        q = ngx_queue_head(served);
        ngx_queue_remove(q);

        charge = ngx_queue_data(q, ngx_http_registry_charge_t, queue);
        charge->waiting = 0;

        ngx_http_registry_limit_answered(charge->limited);
    }
}


/* The request ends: it waits no more.  Questions are answered all the same. */

static void
ngx_http_registry_limit_leave(void *data)
{
    ngx_http_registry_limited_t *limited = data;

    ngx_uint_t                   i;
    ngx_http_registry_charge_t  *charge;

    for (i = 0; i < limited->n; i++) {
        charge = &limited->charges[i];

        if (charge->waiting) {
            charge->waiting = 0;
            ngx_queue_remove(&charge->queue);
        }
    }

    ngx_http_registry_admission_leave(limited);

    limited->waiting = 0;
}
