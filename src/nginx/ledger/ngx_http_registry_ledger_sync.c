/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Sends the ledger to Redis.  The worker that has the lock goes through the
 * files of today and of days that are not closed.  What was not answered is
 * sent again in the next round.
 *
 * Now and then it sends all of a file, as Redis may have lost something.  A day
 * that is over is sent until nothing of it was news, and is closed then.
 */

#include "ngx_http_registry_count.h"
#include "ngx_http_registry_ledger_sync.h"

#include "reg_ledger_redis.h"

#include <sys/file.h>

#define NGX_HTTP_REGISTRY_SYNC_ALL    60       /* rounds: then all is sent */
#define NGX_HTTP_REGISTRY_SYNC_GRACE  600      /* s: a day may be late */


static void ngx_http_registry_sync_timer(ngx_event_t *ev);
static ngx_int_t ngx_http_registry_sync_take_lock(
    ngx_http_registry_sync_t *sync);
static void ngx_http_registry_sync_drop_lock(ngx_http_registry_sync_t *sync);
static ngx_int_t ngx_http_registry_sync_begin(ngx_http_registry_sync_t *sync);
static void ngx_http_registry_sync_end(ngx_http_registry_sync_t *sync);
static ngx_int_t ngx_http_registry_sync_next_file(
    ngx_http_registry_sync_t *sync);
static ngx_int_t ngx_http_registry_sync_open(ngx_http_registry_sync_t *sync,
    char *path);
static void ngx_http_registry_sync_close(ngx_http_registry_sync_t *sync);


ngx_http_registry_sync_t *
ngx_http_registry_sync_start(ngx_http_registry_ledger_main_conf_t *lmcf,
    ngx_http_registry_store_t *store, ngx_log_t *log)
{
    ngx_http_registry_sync_t  *sync;

    sync = ngx_calloc(sizeof(ngx_http_registry_sync_t), log);
    if (sync == NULL) {
        return NULL;
    }

    sync->conf = lmcf;
    sync->store = store;
    sync->lock = -1;

    ngx_http_registry_script_init(&sync->script, reg_ledger_redis_script());

    sync->timer.handler = ngx_http_registry_sync_timer;
    sync->timer.data = sync;
    sync->timer.log = log;
    sync->timer.cancelable = 1;

    ngx_add_timer(&sync->timer, lmcf->sync);

    return sync;
}


void
ngx_http_registry_sync_stop(ngx_http_registry_sync_t *sync)
{
    if (sync->timer.timer_set) {
        ngx_del_timer(&sync->timer);
    }

    if (sync->run) {
        ngx_http_registry_script_detach(sync->run);
    }

    ngx_http_registry_sync_end(sync);
    ngx_http_registry_sync_drop_lock(sync);

    ngx_free(sync);
}


static void
ngx_http_registry_sync_timer(ngx_event_t *ev)
{
    ngx_http_registry_sync_t *sync = ev->data;

    if (sync->ledger) {
        ngx_http_registry_sync_read(sync);
        return;
    }

    /* a worker that leaves lets another one do it */

    if (ngx_exiting) {
        ngx_http_registry_sync_drop_lock(sync);
        return;
    }

    if (ngx_http_registry_sync_take_lock(sync) == NGX_OK
        && ngx_http_registry_sync_begin(sync) == NGX_OK)
    {
        return;
    }

    ngx_http_registry_sync_end(sync);
    ngx_add_timer(&sync->timer, sync->conf->sync);
}


/* The kernel takes the lock of a process that dies. */

static ngx_int_t
ngx_http_registry_sync_take_lock(ngx_http_registry_sync_t *sync)
{
    u_char  path[NGX_MAX_PATH];

    if (sync->lock != -1) {
        return NGX_OK;
    }

    (void) ngx_snprintf(path, sizeof(path), "%V/sync.lock%Z",
                        &sync->conf->directory);
    path[sizeof(path) - 1] = '\0';

    sync->lock = open((char *) path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0640);

    if (sync->lock == -1) {
        ngx_log_error(NGX_LOG_ERR, sync->timer.log, ngx_errno,
                      "registry_ledger: \"%s\" cannot be opened", path);
        return NGX_ERROR;
    }

    if (flock(sync->lock, LOCK_EX|LOCK_NB) == -1) {
        ngx_http_registry_sync_drop_lock(sync);
        return NGX_BUSY;
    }

    return NGX_OK;
}


static void
ngx_http_registry_sync_drop_lock(ngx_http_registry_sync_t *sync)
{
    if (sync->lock != -1) {
        (void) close(sync->lock);
        sync->lock = -1;
    }
}


/* NGX_OK: a file is being read. */

static ngx_int_t
ngx_http_registry_sync_begin(ngx_http_registry_sync_t *sync)
{
    int64_t      first, today;
    reg_error_t  error;

    today = (int64_t) ngx_time() / NGX_HTTP_REGISTRY_LEDGER_DAY;
    first = today - 1;

    if (sync->backlog || sync->listed != today) {
        first = today - sync->conf->keep / NGX_HTTP_REGISTRY_LEDGER_DAY;
    }

    sync->pool = ngx_create_pool(4096, sync->timer.log);
    if (sync->pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_array_init(&sync->files, sync->pool, 4, sizeof(u_char *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reg_ledger_list((char *) sync->conf->directory.data, first, today,
                        ngx_http_registry_ledger_keep, &sync->files, &error)
        != REG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, sync->timer.log, 0, "registry_ledger: %s",
                      error.text);
        return NGX_ERROR;
    }

    sync->listed = today;
    sync->backlog = 0;
    sync->file = 0;
    sync->round++;

    return ngx_http_registry_sync_next_file(sync);
}


static void
ngx_http_registry_sync_end(ngx_http_registry_sync_t *sync)
{
    ngx_http_registry_sync_close(sync);

    if (sync->pool) {
        ngx_destroy_pool(sync->pool);
        sync->pool = NULL;
    }
}


/* NGX_DECLINED: there is no more. */

static ngx_int_t
ngx_http_registry_sync_next_file(ngx_http_registry_sync_t *sync)
{
    char  **file;

    file = sync->files.elts;

    while (sync->file < sync->files.nelts) {

        if (ngx_http_registry_sync_open(sync, file[sync->file++]) == NGX_OK) {
            ngx_http_registry_sync_read(sync);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* NGX_DECLINED: there is nothing to do, or it cannot be done. */

static ngx_int_t
ngx_http_registry_sync_open(ngx_http_registry_sync_t *sync, char *path)
{
    int64_t      today;
    ngx_uint_t   closed;
    reg_error_t  error;

    if (reg_ledger_open_to_send(&sync->ledger, path, &error) != REG_OK) {

        if (sync->round % NGX_HTTP_REGISTRY_SYNC_ALL == 1) {
            ngx_log_error(NGX_LOG_ERR, sync->timer.log, 0,
                          "registry_ledger: nothing is sent of this file: %s",
                          error.text);
        }

        sync->ledger = NULL;
        return NGX_DECLINED;
    }

    today = (int64_t) ngx_time() / NGX_HTTP_REGISTRY_LEDGER_DAY;

    sync->over = (reg_ledger_day(sync->ledger) < today);
    sync->all = (sync->over
                 || sync->round % NGX_HTTP_REGISTRY_SYNC_ALL == 1);

    /* whoever sleeps over midnight hardly does so for another day */

    closed = (reg_ledger_day(sync->ledger) < today - 1)
             ? reg_ledger_was_closed(sync->ledger)
             : sync->over && reg_ledger_closed(sync->ledger);

    sync->file_pool = closed ? NULL : ngx_create_pool(16384, sync->timer.log);

    if (sync->file_pool == NULL) {
        ngx_http_registry_sync_close(sync);
        return NGX_DECLINED;
    }

    sync->sum = sync->over ? reg_ledger_sum(sync->ledger) : 0;
    sync->news = 0;
    sync->at = 0;

    ngx_rbtree_init(&sync->tenants, &sync->sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&sync->queue);

    return NGX_OK;
}


static void
ngx_http_registry_sync_close(ngx_http_registry_sync_t *sync)
{
    if (sync->ledger) {
        reg_ledger_close(sync->ledger);
        sync->ledger = NULL;
    }

    if (sync->file_pool) {
        ngx_destroy_pool(sync->file_pool);
        sync->file_pool = NULL;
    }
}


/* All of a file has arrived. */

void
ngx_http_registry_sync_done(ngx_http_registry_sync_t *sync)
{
    if (sync->failing) {
        sync->failing = 0;
        ngx_log_error(NGX_LOG_NOTICE, sync->timer.log, 0,
                      "registry_ledger: Redis takes what is sent again");
    }

    ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_SYNCS);

    reg_ledger_set_synced(sync->ledger, (int64_t) ngx_time());

    if (sync->over) {

        if (sync->news == 0
            && (int64_t) ngx_time() - NGX_HTTP_REGISTRY_SYNC_GRACE
               >= (reg_ledger_day(sync->ledger) + 1)
                  * NGX_HTTP_REGISTRY_LEDGER_DAY)
        {
            reg_ledger_set_closed(sync->ledger, sync->sum);

        } else {
            sync->backlog = 1;
        }
    }

    ngx_http_registry_sync_close(sync);

    if (ngx_http_registry_sync_next_file(sync) != NGX_OK) {
        ngx_http_registry_sync_end(sync);
        ngx_add_timer(&sync->timer, sync->conf->sync);
    }
}


void
ngx_http_registry_sync_fail(ngx_http_registry_sync_t *sync, const char *what)
{
    ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_SYNCS_FAILED);

    if (!sync->failing) {
        sync->failing = 1;
        ngx_log_error(NGX_LOG_ERR, sync->timer.log, 0,
                      "registry_ledger: Redis does not take what is sent, "
                      "which is kept here, and tried again: %s", what);
    }

    sync->backlog = 1;

    ngx_http_registry_sync_end(sync);
    ngx_add_timer(&sync->timer, sync->conf->sync);
}
