/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A new state of the file is taken up in turns of the event loop, each of
 * NGX_HTTP_REGISTRY_FILE_TURN milliseconds at most: read it, then scan it,
 * then free the old records.  What a turn does next is the function pointer
 * store->turn.  Requests see the old records until the very end; a file that
 * turns out to be wrong is dropped and logged, and they stay.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <sys/mman.h>

#include "reg_record_json.h"
#include "reg_store_scan.h"

#include "ngx_http_registry_secret.h"
#include "ngx_http_registry_store.h"
#include "ngx_http_registry_table.h"

#define NGX_HTTP_REGISTRY_FILE_TURN    4                 /* milliseconds */
#define NGX_HTTP_REGISTRY_FILE_CHUNK   (256 * 1024)      /* bytes a read */
#define NGX_HTTP_REGISTRY_FILE_BATCH   16                /* records a look */
#define NGX_HTTP_REGISTRY_FILE_MAX     (256 * 1024 * 1024)


typedef struct ngx_http_registry_file_s  ngx_http_registry_file_t;

/* NGX_AGAIN: call again; NGX_DONE: nothing is under way. */

typedef ngx_int_t (*ngx_http_registry_file_turn_t)(
    ngx_http_registry_file_t *store, ngx_log_t *log);

struct ngx_http_registry_file_s {
    ngx_http_registry_store_t       store;       /* what the others see */
    ngx_str_t                       path;
    uint64_t                        generation;
    ngx_http_registry_table_t      *table;       /* what requests see */
    ngx_http_registry_stamp_t       stamp;       /* last looked at */

    ngx_http_registry_file_turn_t  turn;        /* NULL: at rest */
    ngx_uint_t                      level;       /* of errors in the log */
    uint64_t                        until;       /* of this turn, ns */
    ngx_fd_t                        fd;
    size_t                          received;
    reg_scan_t                      scan;
    uint32_t                        changed;     /* records parsed anew */
    ngx_http_registry_table_t      *next;        /* being filled */
};


static ngx_msec_t ngx_http_registry_file_refresh(
    ngx_http_registry_store_t *s, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_get(ngx_http_registry_store_t *s,
    reg_record_type_t type, reg_str_t name,
    ngx_http_registry_waiter_t *waiter, reg_record_t **record);
static uint64_t ngx_http_registry_file_generation(
    ngx_http_registry_store_t *s);
static ngx_int_t ngx_http_registry_file_start(
    ngx_http_registry_file_t *store, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_read(
    ngx_http_registry_file_t *store, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_scan(
    ngx_http_registry_file_t *store, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_take(
    ngx_http_registry_file_t *store, reg_scan_item_t *item, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_swap(
    ngx_http_registry_file_t *store, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_discard(
    ngx_http_registry_file_t *store, ngx_log_t *log);
static ngx_int_t ngx_http_registry_file_abandon(
    ngx_http_registry_file_t *store);
static void ngx_http_registry_file_close_file(
    ngx_http_registry_file_t *store);
static void ngx_http_registry_file_cleanup(void *data);


static ngx_inline uint64_t
ngx_http_registry_file_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static ngx_inline ngx_uint_t
ngx_http_registry_file_late(ngx_http_registry_file_t *store)
{
    return ngx_http_registry_file_now() >= store->until;
}


ngx_http_registry_store_t *
ngx_http_registry_file_open(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_registry_file_t  *store;

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_file_t));
    if (store == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    store->fd = NGX_INVALID_FILE;

    cln->handler = ngx_http_registry_file_cleanup;
    cln->data = store;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NULL;
    }

    store->path = *path;
    store->until = (uint64_t) -1;
    store->level = NGX_LOG_EMERG;
    store->turn = ngx_http_registry_file_start;

    while (store->turn) {
        (void) store->turn(store, cf->log);
    }

    store->level = NGX_LOG_ERR;

    store->store.path = &store->path;
    store->store.refresh = ngx_http_registry_file_refresh;
    store->store.get = ngx_http_registry_file_get;
    store->store.generation = ngx_http_registry_file_generation;

    return store->table ? &store->store : NULL;
}


static ngx_msec_t
ngx_http_registry_file_refresh(ngx_http_registry_store_t *s, ngx_log_t *log)
{
    ngx_http_registry_file_t *store = (ngx_http_registry_file_t *) s;

    ngx_http_registry_stamp_t  stamp;

    if (store->turn == NULL) {

        if (ngx_http_registry_stamp(&stamp, &store->path) == NGX_OK
            && ngx_http_registry_stamp_same(&stamp, &store->stamp))
        {
            return NGX_HTTP_REGISTRY_STORE_POLL;
        }

        if (stamp.ino == 0 && store->stamp.ino == 0) {

            /* it is still away, which has been logged */

            return NGX_HTTP_REGISTRY_STORE_POLL;
        }

        store->turn = ngx_http_registry_file_start;
    }

    store->until = ngx_http_registry_file_now()
                   + NGX_HTTP_REGISTRY_FILE_TURN * 1000000;

    while (store->turn && !ngx_http_registry_file_late(store)) {
        if (store->turn(store, log) == NGX_DONE) {
            break;
        }
    }

    return store->turn ? 1 : NGX_HTTP_REGISTRY_STORE_POLL;
}


static ngx_int_t
ngx_http_registry_file_get(ngx_http_registry_store_t *s,
    reg_record_type_t type, reg_str_t name,
    ngx_http_registry_waiter_t *waiter, reg_record_t **record)
{
    ngx_http_registry_file_t *store = (ngx_http_registry_file_t *) s;

    ngx_http_registry_entry_t  *entry;

    entry = ngx_http_registry_table_find(store->table, type, name);

    if (entry == NULL) {
        return NGX_DECLINED;
    }

    /* it was parsed when it was taken up, so only memory can fail */

    if (reg_record_parse(record, type, name, entry->text, NULL) != REG_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static uint64_t
ngx_http_registry_file_generation(ngx_http_registry_store_t *s)
{
    ngx_http_registry_file_t *store = (ngx_http_registry_file_t *) s;

    return store->generation;
}


static ngx_int_t
ngx_http_registry_file_start(ngx_http_registry_file_t *store, ngx_log_t *log)
{
    struct stat  st;

    ngx_memzero(&store->stamp, sizeof(ngx_http_registry_stamp_t));

    store->fd = ngx_open_file(store->path.data,
                              NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                              NGX_FILE_OPEN, 0);

    if (store->fd == NGX_INVALID_FILE) {
        ngx_log_error(store->level, log, ngx_errno,
                      "registry store: cannot open \"%V\"%s", &store->path,
                      store->table ? "; the last good records are kept"
                                   : "; \"ngx-registry tenant set\" makes one");

        (void) ngx_http_registry_stamp(&store->stamp, &store->path);

        return ngx_http_registry_file_abandon(store);
    }

    if (ngx_fd_info(store->fd, &st) == NGX_FILE_ERROR) {
        ngx_log_error(store->level, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", &store->path);
        return ngx_http_registry_file_abandon(store);
    }

    ngx_http_registry_stamp_set(&store->stamp, &st);

    if (!ngx_is_file(&st) || st.st_size > NGX_HTTP_REGISTRY_FILE_MAX) {
        ngx_log_error(store->level, log, 0, "registry store \"%V\" is no file "
                      "or larger than 256 MiB", &store->path);
        return ngx_http_registry_file_abandon(store);
    }

    store->next = ngx_http_registry_table_create((size_t) st.st_size, log);

    if (store->next == NULL) {
        return ngx_http_registry_file_abandon(store);
    }

    store->received = 0;
    store->changed = 0;
    store->turn = ngx_http_registry_file_read;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_registry_file_read(ngx_http_registry_file_t *store, ngx_log_t *log)
{
    size_t                     size;
    ssize_t                    n;
    struct stat                st;
    reg_str_t                 *text;
    ngx_http_registry_stamp_t  stamp;

    text = &store->next->text;

    while (store->received < text->len) {

        if (ngx_http_registry_file_late(store)) {
            return NGX_AGAIN;
        }

        size = ngx_min(text->len - store->received,
                       NGX_HTTP_REGISTRY_FILE_CHUNK);

        n = ngx_read_fd(store->fd, text->data + store->received, size);

        if (n == -1) {
            ngx_log_error(store->level, log, ngx_errno,
                          ngx_read_fd_n " \"%V\" failed", &store->path);
            return ngx_http_registry_file_abandon(store);
        }

        if (n == 0) {
            text->len = store->received;
            break;
        }

        store->received += (size_t) n;
    }

    if (ngx_fd_info(store->fd, &st) == NGX_FILE_ERROR) {
        ngx_log_error(store->level, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", &store->path);
        return ngx_http_registry_file_abandon(store);
    }

    ngx_http_registry_file_close_file(store);

    ngx_http_registry_stamp_set(&stamp, &st);

    if (stamp.size != store->stamp.size
        || stamp.mtime.tv_sec != store->stamp.mtime.tv_sec
        || stamp.mtime.tv_nsec != store->stamp.mtime.tv_nsec)
    {
        /* somebody writes into it; the next look sees the end of that */

        ngx_memzero(&store->stamp, sizeof(ngx_http_registry_stamp_t));
        store->stamp.ino = 1;

        ngx_log_error(store->level, log, 0, "registry store \"%V\" changed "
                      "while it was read; it should be replaced by rename",
                      &store->path);

        return ngx_http_registry_file_abandon(store);
    }

    reg_scan_init(&store->scan, *text);
    store->turn = ngx_http_registry_file_scan;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_registry_file_scan(ngx_http_registry_file_t *store, ngx_log_t *log)
{
    ngx_uint_t       i;
    reg_error_t      error;
    reg_scan_item_t  item;

    while (!ngx_http_registry_file_late(store)) {

        for (i = 0; i < NGX_HTTP_REGISTRY_FILE_BATCH; i++) {

            switch (reg_scan_next(&store->scan, &item, &error)) {

            case REG_SCAN_RECORD:

                if (ngx_http_registry_file_take(store, &item, log)
                    != NGX_OK)
                {
                    return ngx_http_registry_file_abandon(store);
                }

                break;

            case REG_SCAN_END:
                return ngx_http_registry_file_swap(store, log);

            default: /* REG_SCAN_INVALID */

                ngx_log_error(store->level, log, 0, "registry store \"%V\" "
                              "%s%s", &store->path, error.text,
                              store->table ? "; the last good records are kept"
                                           : "");

                return ngx_http_registry_file_abandon(store);
            }
        }
    }

    return NGX_AGAIN;
}


/* Checks a record, unless the same bytes have been checked before. */

static ngx_int_t
ngx_http_registry_file_take(ngx_http_registry_file_t *store,
    reg_scan_item_t *item, ngx_log_t *log)
{
    ngx_int_t                   rc;
    const char                 *kept;
    reg_error_t                 error;
    reg_record_t               *record;
    ngx_http_registry_entry_t  *old, entry;

    kept = store->table ? "; the last good records are kept" : "";

    old = store->table ? ngx_http_registry_table_find(store->table, item->type,
                                                      item->name)
                       : NULL;

    if (old == NULL || !reg_str_eq(old->text, item->text)) {

        if (reg_record_parse(&record, item->type, item->name, item->text,
                             &error)
            != REG_OK)
        {
            ngx_log_error(store->level, log, 0,
                          "registry store \"%V\" line %uz: %s%s",
                          &store->path, item->line, error.text, kept);
            return NGX_ERROR;
        }

        if (record->newer) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "registry store \"%V\" line %uz: the %s \"%*s\" is "
                          "of a later version than this module knows and is "
                          "denied", &store->path, item->line,
                          reg_record_type_name(item->type),
                          item->name.len, item->name.data);
        }

        reg_record_free(record);
        store->changed++;
    }

    entry.type = item->type;
    entry.name = item->name;
    entry.text = item->text;

    rc = ngx_http_registry_table_insert(store->next, &entry, log);

    if (rc == NGX_DECLINED) {
        ngx_log_error(store->level, log, 0,
                      "registry store \"%V\" line %uz: the %s \"%*s\" is "
                      "there twice%s", &store->path, item->line,
                      reg_record_type_name(item->type),
                      item->name.len, item->name.data, kept);
    }

    return rc;
}


/* The new records are good: requests see them from here on. */

static ngx_int_t
ngx_http_registry_file_swap(ngx_http_registry_file_t *store, ngx_log_t *log)
{
    ngx_uint_t                  level;
    ngx_http_registry_table_t  *old;

    old = store->table;
    level = old ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_log_error(level, log, 0,
                  "registry store \"%V\": %uD records, %uD new or changed",
                  &store->path, store->next->nentries, store->changed);

    if (old == NULL || store->changed || old->nentries != store->next->nentries)
    {
        store->generation++;
    }

    store->table = store->next;
    store->next = old;
    store->turn = old ? ngx_http_registry_file_discard : NULL;

    return old ? NGX_AGAIN : NGX_DONE;
}


/*
 * Gives back what is not needed any more.  The pages of a large text go
 * from its end, a piece a turn, because one munmap() of all takes too long.
 */

static ngx_int_t
ngx_http_registry_file_discard(ngx_http_registry_file_t *store,
    ngx_log_t *log)
{
    u_char     *from, *to;
    uintptr_t   page;
    reg_str_t  *text;

    text = &store->next->text;
    page = (uintptr_t) ngx_pagesize - 1;

    while (text->len > NGX_HTTP_REGISTRY_FILE_CHUNK) {

        if (ngx_http_registry_file_late(store)) {
            return NGX_AGAIN;
        }

        to = (u_char *) ((uintptr_t) (text->data + text->len) & ~page);
        text->len -= NGX_HTTP_REGISTRY_FILE_CHUNK;
        from = (u_char *) (((uintptr_t) (text->data + text->len) + page)
                           & ~page);

        if (from < to) {
            (void) madvise(from, (size_t) (to - from), MADV_DONTNEED);
        }
    }

    ngx_http_registry_table_free(store->next);

    store->next = NULL;
    store->turn = NULL;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_registry_file_abandon(ngx_http_registry_file_t *store)
{
    ngx_http_registry_file_close_file(store);

    store->turn = store->next ? ngx_http_registry_file_discard : NULL;

    return store->turn ? NGX_AGAIN : NGX_DONE;
}


static void
ngx_http_registry_file_close_file(ngx_http_registry_file_t *store)
{
    if (store->fd == NGX_INVALID_FILE) {
        return;
    }

    if (ngx_close_file(store->fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &store->path);
    }

    store->fd = NGX_INVALID_FILE;
}


static void
ngx_http_registry_file_cleanup(void *data)
{
    ngx_http_registry_file_t *store = data;

    ngx_http_registry_file_close_file(store);

    if (store->next) {
        ngx_http_registry_table_free(store->next);
    }

    if (store->table) {
        ngx_http_registry_table_free(store->table);
    }
}
