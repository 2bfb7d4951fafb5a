/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_oidc.h"


static void ngx_http_registry_watch_handler(ngx_event_t *ev);
static void ngx_http_registry_watch_cleanup(void *data);


ngx_int_t
ngx_http_registry_watch_init(ngx_conf_t *cf,
    ngx_http_registry_main_conf_t *rmcf)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_registry_watch_cleanup;
    cln->data = rmcf;

    rmcf->watch.handler = ngx_http_registry_watch_handler;
    rmcf->watch.data = rmcf;
    rmcf->watch.log = &cf->cycle->new_log;
    rmcf->watch.cancelable = 1;

    return NGX_OK;
}


/*
 * The timer of a worker.  In a process that has no init_process for a new
 * configuration ("master_process off" and HUP) the first request starts it.
 */

void
ngx_http_registry_watch(ngx_http_registry_main_conf_t *rmcf)
{
    if (rmcf->watch.timer_set || ngx_exiting) {
        return;
    }

    ngx_add_timer(&rmcf->watch, 1);
}


static void
ngx_http_registry_watch_handler(ngx_event_t *ev)
{
    ngx_msec_t                      wait;
    ngx_uint_t                      i, changed;
    ngx_http_registry_trust_t     **trust;
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ev->data;
    changed = 0;

    wait = rmcf->by.store
           ? rmcf->by.store->refresh(rmcf->by.store, ev->log)
           : NGX_HTTP_REGISTRY_STORE_POLL;

    if (ngx_http_registry_secrets_refresh(&rmcf->secrets, ev->log)
        && rmcf->by.store)
    {
        /* a hash that was right with the old pepper is no proof any more */

        ngx_http_registry_memo_flush(rmcf->by.headers);
        ngx_http_registry_memo_flush(rmcf->by.keys);
        changed = 1;
    }

    /* keys that were replaced are gone: nobody may borrow them any more */

    if (ngx_http_registry_key_files_refresh(&rmcf->key_files, ev->log)) {
        changed = 1;
    }

    trust = rmcf->trusts.elts;

    for (i = 0; i < rmcf->trusts.nelts; i++) {

        if (changed) {
            ngx_http_registry_trust_renew(trust[i]);
        }

        ngx_http_registry_oidc_watch(trust[i]);
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, wait);
    }
}


static void
ngx_http_registry_watch_cleanup(void *data)
{
    ngx_http_registry_main_conf_t *rmcf = data;

    if (rmcf->watch.timer_set) {
        ngx_del_timer(&rmcf->watch);
    }
}
