/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The ledger of a worker from day to day.  Tomorrow's file is made an hour
 * ahead, when there is time; should it fail all the same, the bytes of the new
 * day go on into the old file rather than nowhere.
 */

#include "ngx_http_registry_ledger.h"

#include "reg_ledger_directory.h"

#define NGX_HTTP_REGISTRY_LEDGER_TICK   10000      /* ms */
#define NGX_HTTP_REGISTRY_LEDGER_RETRY  10         /* seconds */
#define NGX_HTTP_REGISTRY_LEDGER_AHEAD  3600       /* seconds */


static ngx_http_registry_books_t *ngx_http_registry_books_get(
    ngx_http_registry_ledger_main_conf_t *lmcf);
static ngx_int_t ngx_http_registry_books_open(ngx_http_registry_books_t *books,
    int64_t day, ngx_log_t *log);
static void ngx_http_registry_books_timer(ngx_event_t *ev);
static void ngx_http_registry_books_look_ahead(
    ngx_http_registry_books_t *books, ngx_log_t *log);
static void ngx_http_registry_books_expire(ngx_http_registry_books_t *books,
    ngx_log_t *log);
static int64_t ngx_http_registry_books_day(void);


reg_ledger_t *
ngx_http_registry_books_today(ngx_http_registry_ledger_main_conf_t *lmcf,
    ngx_log_t *log)
{
    int64_t                     day;
    ngx_http_registry_books_t  *books;

    books = lmcf->books;
    day = ngx_http_registry_books_day();

    if (books && books->ledger && books->day == day) {
        return books->ledger;
    }

    books = ngx_http_registry_books_get(lmcf);

    if (books == NULL) {
        return NULL;
    }

    if (books->tried == 0
        || ngx_time() - books->tried >= NGX_HTTP_REGISTRY_LEDGER_RETRY
        || ngx_time() < books->tried)
    {
        if (ngx_http_registry_books_open(books, day, log) != NGX_OK) {
            books->tried = ngx_time();
        }
    }

    return books->ledger;
}


ngx_int_t
ngx_http_registry_books_init(ngx_cycle_t *cycle,
    ngx_http_registry_ledger_main_conf_t *lmcf)
{
    (void) ngx_http_registry_books_today(lmcf, cycle->log);

    return lmcf->books ? NGX_OK : NGX_ERROR;
}


void
ngx_http_registry_books_exit(ngx_http_registry_ledger_main_conf_t *lmcf)
{
    ngx_http_registry_books_t  *books;

    books = lmcf->books;

    if (books == NULL) {
        return;
    }

    if (books->timer.timer_set) {
        ngx_del_timer(&books->timer);
    }

    if (books->ledger) {
        reg_ledger_close(books->ledger);
    }

    if (books->before) {
        reg_ledger_close(books->before);
    }

    ngx_free(books);

    lmcf->books = NULL;
}


/*
 * In a process that has no init_process for a new configuration
 * ("master_process off" and HUP) the first request makes them.
 */

static ngx_http_registry_books_t *
ngx_http_registry_books_get(ngx_http_registry_ledger_main_conf_t *lmcf)
{
    ngx_http_registry_books_t  *books;

    if (lmcf->books) {
        return lmcf->books;
    }

    books = ngx_calloc(sizeof(ngx_http_registry_books_t), ngx_cycle->log);
    if (books == NULL) {
        return NULL;
    }

    books->conf = lmcf;

    books->timer.handler = ngx_http_registry_books_timer;
    books->timer.data = books;
    books->timer.log = ngx_cycle->log;
    books->timer.cancelable = 1;

    ngx_add_timer(&books->timer, 1);

    lmcf->books = books;

    return books;
}


static ngx_int_t
ngx_http_registry_books_open(ngx_http_registry_books_t *books, int64_t day,
    ngx_log_t *log)
{
    reg_error_t    error;
    reg_ledger_t  *ledger;

    if (reg_ledger_open(&ledger, (char *) books->conf->directory.data, day,
                        books->conf->size, &error)
        != REG_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "registry_ledger: %s, so %s",
                      error.text,
                      books->ledger ? "the bytes of today are booked to an "
                                      "earlier day"
                                    : "nothing is booked");
        return NGX_ERROR;
    }

    if (error.text[0]) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "registry_ledger: %s",
                      error.text);
    }

    /* requests have rows in it, and may take back what they have booked */

    if (books->before) {
        reg_ledger_close(books->before);
    }

    books->before = books->ledger;
    books->ledger = ledger;
    books->day = day;
    books->number++;
    books->tried = 0;

    return NGX_OK;
}


static void
ngx_http_registry_books_timer(ngx_event_t *ev)
{
    ngx_http_registry_books_t  *books;

    books = ev->data;

    (void) ngx_http_registry_books_today(books->conf, ev->log);

    ngx_http_registry_books_look_ahead(books, ev->log);
    ngx_http_registry_books_expire(books, ev->log);

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HTTP_REGISTRY_LEDGER_TICK);
    }
}


static void
ngx_http_registry_books_look_ahead(ngx_http_registry_books_t *books,
    ngx_log_t *log)
{
    int64_t        day;
    reg_error_t    error;
    reg_ledger_t  *ledger;

    day = ((int64_t) ngx_time() + NGX_HTTP_REGISTRY_LEDGER_AHEAD)
          / NGX_HTTP_REGISTRY_LEDGER_DAY;

    if (day == ngx_http_registry_books_day() || day == books->ahead) {
        return;
    }

    if (reg_ledger_open(&ledger, (char *) books->conf->directory.data, day,
                        books->conf->size, &error)
        != REG_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "registry_ledger: the file of tomorrow: %s", error.text);
        return;
    }

    reg_ledger_close(ledger);

    books->ahead = day;
}


/*
 * Where there is no file of yesterday the clock may just have gone wrong, and
 * all others would be too old: there is one tomorrow.
 */

static void
ngx_http_registry_books_expire(ngx_http_registry_books_t *books,
    ngx_log_t *log)
{
    char     path[REG_LEDGER_PATH_MAX];
    size_t   n;
    int64_t  day;

    day = ngx_http_registry_books_day();

    if (day == books->expired) {
        return;
    }

    books->expired = day;

    if (reg_ledger_path(path, (char *) books->conf->directory.data, day - 1, 1)
        != REG_OK
        || access(path, F_OK) == -1)
    {
        return;
    }

    n = reg_ledger_expire((char *) books->conf->directory.data,
                          day - books->conf->keep
                                / NGX_HTTP_REGISTRY_LEDGER_DAY);
    if (n) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "registry_ledger: %uz files were older than is kept, "
                      "and removed", n);
    }
}


static int64_t
ngx_http_registry_books_day(void)
{
    return (int64_t) ngx_time() / NGX_HTTP_REGISTRY_LEDGER_DAY;
}


reg_rc_t
ngx_http_registry_ledger_keep(void *data, const char *path, int64_t day)
{
    ngx_array_t *files = data;

    size_t    len;
    u_char  **file;

    len = ngx_strlen(path) + 1;
    file = ngx_array_push(files);

    if (file == NULL) {
        return REG_NOMEM;
    }

    *file = ngx_pnalloc(files->pool, len);

    if (*file == NULL) {
        return REG_NOMEM;
    }

    ngx_memcpy(*file, path, len);

    return REG_OK;
}
