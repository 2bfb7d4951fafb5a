/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What was booked today, as metrics and status show it: by tenant and route,
 * and by tenant and repository.  A day may have a million rows, and who serves
 * pulls beside it has no time for all of them at once: some are read in each
 * turn of the event loop, and the request waits.
 */

#include "ngx_http_registry_status.h"
#include "ngx_http_registry_wait.h"

#define NGX_HTTP_REGISTRY_SUMS_MAX   65536
#define NGX_HTTP_REGISTRY_SUMS_ROWS  2048      /* in one turn */


static ngx_http_registry_sums_t *ngx_http_registry_sums_create(
    ngx_http_request_t *r, ngx_http_registry_sums_pt answer);
static ngx_int_t ngx_http_registry_sums_read(ngx_http_registry_sums_t *sums);
static ngx_int_t ngx_http_registry_sums_answer(ngx_http_registry_sums_t *sums,
    ngx_int_t rc);
static void ngx_http_registry_sums_timer(ngx_event_t *ev);
static void ngx_http_registry_sums_cleanup(void *data);
static ngx_int_t ngx_http_registry_sums_init(
    ngx_http_registry_sum_index_t *index, ngx_pool_t *pool);
static ngx_int_t ngx_http_registry_sum_row(ngx_pool_t *pool,
    ngx_http_registry_sum_index_t *index, reg_ledger_entry_t *entry,
    reg_str_t part);
static ngx_http_registry_sum_t *ngx_http_registry_sum(ngx_pool_t *pool,
    ngx_http_registry_sum_index_t *index, reg_str_t tenant, reg_str_t part);
static void ngx_http_registry_sums_cut(ngx_http_registry_sum_index_t *index,
    ngx_uint_t max);
static int ngx_libc_cdecl ngx_http_registry_sum_cmp(const void *one,
    const void *two);
static void ngx_http_registry_sum_add(ngx_http_registry_sum_t *sum,
    const uint64_t *counts);


ngx_int_t
ngx_http_registry_sums(ngx_http_request_t *r, ngx_http_registry_sums_pt answer)
{
    ngx_int_t                  rc;
    ngx_http_registry_sums_t  *sums;

    sums = ngx_http_registry_sums_create(r, answer);
    if (sums == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_registry_sums_read(sums);

    if (rc != NGX_AGAIN) {
        return ngx_http_registry_sums_answer(sums, rc);
    }

    if (ngx_http_registry_wait(r) != NGX_AGAIN) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_add_timer(&sums->timer, 1);

    r->main->count++;

    return NGX_DONE;
}


static ngx_http_registry_sums_t *
ngx_http_registry_sums_create(ngx_http_request_t *r,
    ngx_http_registry_sums_pt answer)
{
    ngx_pool_cleanup_t                    *cln;
    ngx_http_registry_sums_t              *sums;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_registry_sums_t));
    if (cln == NULL) {
        return NULL;
    }

    sums = cln->data;
    ngx_memzero(sums, sizeof(ngx_http_registry_sums_t));

    sums->request = r;
    sums->answer = answer;

    sums->timer.handler = ngx_http_registry_sums_timer;
    sums->timer.data = sums;
    sums->timer.log = r->connection->log;

    cln->handler = ngx_http_registry_sums_cleanup;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    if (lmcf->directory.len) {
        sums->ledger = ngx_http_registry_books_today(lmcf, r->connection->log);
        sums->books = lmcf->books;
    }

    if (sums->ledger) {
        sums->number = sums->books->number;
    }

    if (ngx_http_registry_sums_init(&sums->routes, r->pool) != NGX_OK
        || ngx_http_registry_sums_init(&sums->repositories, r->pool) != NGX_OK)
    {
        return NULL;
    }

    return sums;
}


/* NGX_AGAIN: there are more rows. */

static ngx_int_t
ngx_http_registry_sums_read(ngx_http_registry_sums_t *sums)
{
    size_t              end;
    ngx_pool_t         *pool;
    reg_ledger_stat_t   stat;
    reg_ledger_entry_t  entry;

    if (sums->ledger == NULL) {
        return NGX_OK;
    }

    /* a clock that went ahead and back has closed what is being read */

    if (sums->books->number - sums->number > 1) {
        return NGX_ERROR;
    }

    pool = sums->request->pool;
    end = sums->at + NGX_HTTP_REGISTRY_SUMS_ROWS;

    while (reg_ledger_next_row(sums->ledger, &sums->at, end, &entry)) {

        /* "(other)" is there also when there was none */

        if (entry.own == 0) {
            continue;
        }

        if (ngx_http_registry_sum_row(pool, &sums->routes, &entry,
                                      entry.key.route)
            != NGX_OK
            || ngx_http_registry_sum_row(pool, &sums->repositories, &entry,
                                         entry.key.repository)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    reg_ledger_stat(sums->ledger, &stat);

    return sums->at < stat.rows ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_http_registry_sums_answer(ngx_http_registry_sums_t *sums, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_registry_sums_cut(&sums->routes, NGX_HTTP_REGISTRY_TENANTS_MAX);
    ngx_http_registry_sums_cut(&sums->repositories,
                               NGX_HTTP_REGISTRY_REPOSITORIES_MAX);

    return sums->answer(sums->request, sums);
}


static void
ngx_http_registry_sums_timer(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_registry_sums_t  *sums;

    sums = ev->data;
    r = sums->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_registry_sums_read(sums);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, 1);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_finalize_request(r, ngx_http_registry_sums_answer(sums, rc));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_registry_sums_cleanup(void *data)
{
    ngx_http_registry_sums_t *sums = data;

    if (sums->timer.timer_set) {
        ngx_del_timer(&sums->timer);
    }
}


static ngx_int_t
ngx_http_registry_sums_init(ngx_http_registry_sum_index_t *index,
    ngx_pool_t *pool)
{
    ngx_rbtree_init(&index->tree, &index->sentinel,
                    ngx_str_rbtree_insert_value);

    return ngx_array_init(&index->sums, pool, 64,
                          sizeof(ngx_http_registry_sum_t *));
}


static ngx_int_t
ngx_http_registry_sum_row(ngx_pool_t *pool,
    ngx_http_registry_sum_index_t *index, reg_ledger_entry_t *entry,
    reg_str_t part)
{
    ngx_http_registry_sum_t  *sum;

    sum = ngx_http_registry_sum(pool, index, entry->key.tenant, part);
    if (sum == NULL) {
        return NGX_ERROR;
    }

    ngx_http_registry_sum_add(sum, entry->counts);

    return NGX_OK;
}


static ngx_http_registry_sum_t *
ngx_http_registry_sum(ngx_pool_t *pool, ngx_http_registry_sum_index_t *index,
    reg_str_t tenant, reg_str_t part)
{
    u_char                    name[REG_LEDGER_KEY_MAX + 1];
    uint32_t                  hash;
    ngx_str_t                 key;
    ngx_http_registry_sum_t  *sum, **new;

    key.data = name;
    key.len = (size_t) (ngx_sprintf(name, "%*s|%*s", tenant.len, tenant.data,
                                    part.len, part.data)
                        - name);
    hash = ngx_crc32_short(key.data, key.len);

    sum = (ngx_http_registry_sum_t *)
          ngx_str_rbtree_lookup(&index->tree, &key, hash);

    if (sum) {
        return sum;
    }

    /* one name more would hardly have a line, and costs memory */

    if (index->sums.nelts >= NGX_HTTP_REGISTRY_SUMS_MAX
        && !reg_str_eq(tenant, REG_LEDGER_OTHER))
    {
        return ngx_http_registry_sum(pool, index, REG_LEDGER_OTHER,
                                     REG_LEDGER_OTHER);
    }

    sum = ngx_pcalloc(pool, sizeof(ngx_http_registry_sum_t));
    new = ngx_array_push(&index->sums);

    if (sum == NULL || new == NULL) {
        return NULL;
    }

    sum->node.str.len = key.len;
    sum->node.str.data = ngx_pstrdup(pool, &key);

    if (sum->node.str.data == NULL) {
        return NULL;
    }

    sum->node.node.key = hash;
    sum->tenant = tenant;
    sum->part = part;

    ngx_rbtree_insert(&index->tree, &sum->node.node);

    *new = sum;

    return sum;
}


/* The largest come first; from the last one on they are one. */

static void
ngx_http_registry_sums_cut(ngx_http_registry_sum_index_t *index,
    ngx_uint_t max)
{
    ngx_uint_t                 i, n;
    ngx_http_registry_sum_t  **sums, *other;

    sums = index->sums.elts;
    n = index->sums.nelts;

    ngx_qsort(sums, n, sizeof(ngx_http_registry_sum_t *),
              ngx_http_registry_sum_cmp);

    if (n <= max) {
        return;
    }

    other = sums[max - 1];

    for (i = max; i < n; i++) {
        ngx_http_registry_sum_add(other, sums[i]->counts);
    }

    other->tenant = REG_LEDGER_OTHER;
    other->part = REG_LEDGER_OTHER;
    index->sums.nelts = max;
}


static int ngx_libc_cdecl
ngx_http_registry_sum_cmp(const void *one, const void *two)
{
    uint64_t                  a, b;
    ngx_http_registry_sum_t  *first, *second;

    first = *(ngx_http_registry_sum_t *const *) one;
    second = *(ngx_http_registry_sum_t *const *) two;

    a = first->counts[REG_LEDGER_EGRESS_BYTES]
        + first->counts[REG_LEDGER_REDIRECTED_BYTES];
    b = second->counts[REG_LEDGER_EGRESS_BYTES]
        + second->counts[REG_LEDGER_REDIRECTED_BYTES];

    return a < b ? 1 : a > b ? -1 : 0;
}


static void
ngx_http_registry_sum_add(ngx_http_registry_sum_t *sum, const uint64_t *counts)
{
    ngx_uint_t  i;

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {
        sum->counts[i] += counts[i];
    }
}
