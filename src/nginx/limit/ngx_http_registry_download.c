/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Downloads of blobs: so many at once for a tenant, on this host.  Those that
 * are too many wait in the PRECONTENT phase, before anything is asked of the
 * backend.  Where one ends in this worker the next goes on at once; what ends
 * in the others is seen when the timer looks.
 */

#include "ngx_http_registry_download.h"
#include "ngx_http_registry_shm.h"
#include "ngx_http_registry_wait.h"

#include <openssl/rand.h>
#include <signal.h>

/* Some 3,000 tenants with something under way. */

#define NGX_HTTP_REGISTRY_DOWNLOADS_ZONE  (1024 * 1024)

#define NGX_HTTP_REGISTRY_DOWNLOADS_LOOK  50       /* ms */


/* One request for a blob. */

typedef struct {
    ngx_queue_t                     queue;         /* downloads->waiters */
    ngx_http_registry_downloads_t  *downloads;
    ngx_http_request_t             *request;
    ngx_http_registry_ctx_t        *ctx;
    reg_seats_row_t                *row;           /* NULL: it has no seat */
    unsigned                        waits:1;
} ngx_http_registry_download_t;


static ngx_int_t ngx_http_registry_downloads_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);
static void ngx_http_registry_downloads_begin(
    ngx_http_registry_downloads_t *downloads);
static void ngx_http_registry_downloads_end(void *data);
static ngx_uint_t ngx_http_registry_downloads_waits(
    ngx_http_registry_downloads_t *downloads, ngx_http_registry_ctx_t *ctx);
static ngx_uint_t ngx_http_registry_download_same(
    ngx_http_registry_download_t *download, ngx_http_registry_ctx_t *ctx);
static reg_rc_t ngx_http_registry_download_take(
    ngx_http_registry_download_t *download);
static ngx_int_t ngx_http_registry_download_wait(
    ngx_http_registry_download_t *download);
static void ngx_http_registry_download_leave(void *data);
static void ngx_http_registry_downloads_look(ngx_event_t *ev);
static ngx_http_registry_download_t *ngx_http_registry_downloads_next(
    ngx_http_registry_downloads_t *downloads);
static int ngx_http_registry_downloads_alive(uint64_t pid);


ngx_http_registry_downloads_t *
ngx_http_registry_downloads_create(ngx_conf_t *cf)
{
    ngx_str_t                       name;
    ngx_pool_cleanup_t             *cln;
    ngx_http_registry_downloads_t  *downloads;

    downloads = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_downloads_t));
    if (downloads == NULL) {
        return NULL;
    }

    /* without a master a configuration ends before its process does */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_registry_downloads_end;
    cln->data = downloads;

    ngx_str_set(&name, "registry_downloads");

    downloads->shm_zone = ngx_shared_memory_add(cf, &name,
                                              NGX_HTTP_REGISTRY_DOWNLOADS_ZONE,
                                              &ngx_http_registry_module);
    if (downloads->shm_zone == NULL) {
        return NULL;
    }

    downloads->shm_zone->init = ngx_http_registry_downloads_init_zone;
    downloads->shm_zone->data = downloads;

    return downloads;
}


static ngx_int_t
ngx_http_registry_downloads_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_downloads_t *downloads = shm_zone->data;

    void    *addr;
    u_char   secret[REG_SEATS_SECRET_LEN];
    size_t   size;

    addr = ngx_http_registry_shm_piece(shm_zone, &size);

    if (addr && RAND_bytes(secret, REG_SEATS_SECRET_LEN) == 1) {
        downloads->seats = reg_seats_open(addr, size, secret);
    }

    if (downloads->seats == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the zone \"%V\" cannot be used",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* By the first download of a worker that there is a number for. */

static void
ngx_http_registry_downloads_begin(ngx_http_registry_downloads_t *downloads)
{
    if (downloads->begun) {
        return;
    }

    downloads->worker = reg_seats_join(downloads->seats, (uint64_t) ngx_pid,
                                       ngx_http_registry_downloads_alive);

    if (downloads->worker == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "registry: there are more than %d workers, this one does "
                      "not count downloads", REG_SEATS_WORKERS);
    }

    ngx_queue_init(&downloads->waiters);
    ngx_memzero(&downloads->timer, sizeof(ngx_event_t));

    downloads->timer.handler = ngx_http_registry_downloads_look;
    downloads->timer.data = downloads;
    downloads->timer.log = ngx_cycle->log;

    downloads->begun = 1;
}


static void
ngx_http_registry_downloads_end(void *data)
{
    ngx_http_registry_downloads_t *downloads = data;

    if (downloads->begun && downloads->timer.timer_set) {
        ngx_del_timer(&downloads->timer);
    }
}


ngx_int_t
ngx_http_registry_download(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_downloads_t *downloads)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_registry_download_t  *download;

    if (ctx->download) {
        download = ctx->download;
        return download->waits ? NGX_AGAIN : NGX_DECLINED;
    }

    if (ctx->identity == NULL || ctx->identity->identity->downloads == 0
        || ctx->route.resource != REG_RESOURCE_BLOB
        || ctx->route.method != REG_METHOD_GET)
    {
        return NGX_DECLINED;
    }

    ngx_http_registry_downloads_begin(downloads);

    if (downloads->worker == -1) {
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_download_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    download = cln->data;
    ngx_memzero(download, sizeof(ngx_http_registry_download_t));

    download->downloads = downloads;
    download->request = r;
    download->ctx = ctx;

    cln->handler = ngx_http_registry_download_leave;
    ctx->download = download;

    /* who comes later waits longer */

    if (!ngx_queue_empty(&downloads->waiters)
        && ngx_http_registry_downloads_waits(downloads, ctx))
    {
        return ngx_http_registry_download_wait(download);
    }

    return ngx_http_registry_download_take(download) == REG_NOTFOUND
           ? ngx_http_registry_download_wait(download) : NGX_DECLINED;
}


/* Whether somebody of the tenant waits already. */

static ngx_uint_t
ngx_http_registry_downloads_waits(ngx_http_registry_downloads_t *downloads,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_queue_t                   *q;
    ngx_http_registry_download_t  *download;

    for (q = ngx_queue_head(&downloads->waiters);
         q != ngx_queue_sentinel(&downloads->waiters);
         q = ngx_queue_next(q))
    {
        download = ngx_queue_data(q, ngx_http_registry_download_t, queue);

        if (ngx_http_registry_download_same(download, ctx)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_registry_download_same(ngx_http_registry_download_t *download,
    ngx_http_registry_ctx_t *ctx)
{
    return reg_str_eq(download->ctx->identity->identity->tenant,
                      ctx->identity->identity->tenant);
}


static reg_rc_t
ngx_http_registry_download_take(ngx_http_registry_download_t *download)
{
    reg_identity_t  *identity;

    identity = download->ctx->identity->identity;

    return reg_seats_take(download->downloads->seats, &download->row,
                          identity->tenant, identity->downloads,
                          download->downloads->worker,
                          ngx_http_registry_downloads_alive);
}


static ngx_int_t
ngx_http_registry_download_wait(ngx_http_registry_download_t *download)
{
    ngx_http_registry_downloads_t  *downloads;

    downloads = download->downloads;

    if (ngx_http_registry_wait(download->request) != NGX_AGAIN) {
        return NGX_ERROR;
    }

    download->waits = 1;
    ngx_queue_insert_tail(&downloads->waiters, &download->queue);

    if (!downloads->timer.timer_set) {
        ngx_add_timer(&downloads->timer, NGX_HTTP_REGISTRY_DOWNLOADS_LOOK);
    }

    return NGX_AGAIN;
}


/*
 * The request ends, whichever way: whoever waits is looked for in the next turn
 * of the event loop, as this may be in the midst of anything.
 */

static void
ngx_http_registry_download_leave(void *data)
{
    ngx_http_registry_download_t *download = data;

    ngx_http_registry_downloads_t  *downloads;

    downloads = download->downloads;

    if (download->waits) {
        download->waits = 0;
        ngx_queue_remove(&download->queue);
    }

    if (download->row) {
        reg_seats_leave(download->row, downloads->worker);

        if (!ngx_queue_empty(&downloads->waiters)
            && !downloads->timer.posted)
        {
            ngx_post_event(&downloads->timer, &ngx_posted_events);
        }
    }
}


/* Gives seats to those who wait, as long as there are any. */

static void
ngx_http_registry_downloads_look(ngx_event_t *ev)
{
    ngx_http_registry_downloads_t *downloads = ev->data;

    ngx_http_registry_download_t  *download;

    for ( ;; ) {
        download = ngx_http_registry_downloads_next(downloads);

        if (download == NULL) {
            break;
        }

        ngx_http_registry_resume(download->request);
    }

    if (!ngx_queue_empty(&downloads->waiters) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_REGISTRY_DOWNLOADS_LOOK);
    }
}


/* The first who gets a seat, in the order of each tenant; NULL: none does. */

static ngx_http_registry_download_t *
ngx_http_registry_downloads_next(ngx_http_registry_downloads_t *downloads)
{
    ngx_queue_t                   *q;
    ngx_http_registry_download_t  *download, *refused;

    refused = NULL;

    for (q = ngx_queue_head(&downloads->waiters);
         q != ngx_queue_sentinel(&downloads->waiters);
         q = ngx_queue_next(q))
    {
        download = ngx_queue_data(q, ngx_http_registry_download_t, queue);

        if (refused
            && ngx_http_registry_download_same(refused, download->ctx))
        {
            continue;
        }

        if (ngx_http_registry_download_take(download) != REG_NOTFOUND) {
            ngx_queue_remove(q);
            download->waits = 0;
            return download;
        }

        refused = download;
    }

    return NULL;
}


static int
ngx_http_registry_downloads_alive(uint64_t pid)
{
    return kill((pid_t) pid, 0) == 0 || ngx_errno != ESRCH;
}
