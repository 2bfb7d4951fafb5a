/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Text of metrics and status, and the sums of the ledger that are in both.
 */

#include "ngx_http_registry_status.h"

#define NGX_HTTP_REGISTRY_TEXT_LINE  512

#define NGX_HTTP_REGISTRY_SUMS_MAX   65536


typedef struct {
    ngx_rbtree_t       tree;
    ngx_rbtree_node_t  sentinel;
    ngx_array_t        sums;                   /* of sum_t * */
} ngx_http_registry_sum_index_t;


static ngx_int_t ngx_http_registry_text_room(ngx_http_registry_text_t *text,
    size_t len);
static ngx_http_registry_sum_t *ngx_http_registry_sum(ngx_pool_t *pool,
    ngx_http_registry_sum_index_t *index, reg_str_t tenant, reg_str_t part);
static int ngx_libc_cdecl ngx_http_registry_sum_cmp(const void *one,
    const void *two);
static void ngx_http_registry_sum_add(ngx_http_registry_sum_t *sum,
    const uint64_t *counts);


void ngx_cdecl
ngx_http_registry_text_add(ngx_http_registry_text_t *text, const char *fmt,
    ...)
{
    va_list  args;

    if (ngx_http_registry_text_room(text, NGX_HTTP_REGISTRY_TEXT_LINE)
        != NGX_OK)
    {
        return;
    }

    va_start(args, fmt);
    text->pos = ngx_vslprintf(text->pos,
                              text->pos + NGX_HTTP_REGISTRY_TEXT_LINE, fmt,
                              args);
    va_end(args);
}


/* Parts of keys are printable, so there is little to escape. */

void
ngx_http_registry_text_value(ngx_http_registry_text_t *text, reg_str_t value)
{
    size_t  i;

    if (ngx_http_registry_text_room(text, 2 * value.len) != NGX_OK) {
        return;
    }

    for (i = 0; i < value.len; i++) {

        if (value.data[i] == '"' || value.data[i] == '\\') {
            *text->pos++ = '\\';
        }

        *text->pos++ = value.data[i];
    }
}


static ngx_int_t
ngx_http_registry_text_room(ngx_http_registry_text_t *text, size_t len)
{
    size_t   size;
    u_char  *p;

    if (text->failed) {
        return NGX_ERROR;
    }

    if ((size_t) (text->end - text->pos) >= len) {
        return NGX_OK;
    }

    size = 2 * (size_t) (text->end - text->start) + len + 16384;

    p = ngx_pnalloc(text->pool, size);
    if (p == NULL) {
        text->failed = 1;
        return NGX_ERROR;
    }

    text->end = p + size;
    size = (size_t) (text->pos - text->start);

    if (text->start) {
        ngx_memcpy(p, text->start, size);
        (void) ngx_pfree(text->pool, text->start);
    }

    text->start = p;
    text->pos = p + size;

    return NGX_OK;
}


ngx_array_t *
ngx_http_registry_sums(ngx_pool_t *pool, const reg_ledger_t *ledger,
    ngx_uint_t by_repository, ngx_uint_t max)
{
    size_t                           at;
    ngx_uint_t                       i, n;
    reg_ledger_entry_t               entry;
    ngx_http_registry_sum_t         *sum, **sums, *other;
    ngx_http_registry_sum_index_t    index;
    ngx_array_t                     *array;

    ngx_rbtree_init(&index.tree, &index.sentinel, ngx_str_rbtree_insert_value);

    array = ngx_array_create(pool, 64, sizeof(ngx_http_registry_sum_t *));
    if (array == NULL) {
        return NULL;
    }

    index.sums = *array;
    at = 0;

    while (ledger && reg_ledger_next_row(ledger, &at, REG_LEDGER_END,
                                         &entry))
    {

        if (entry.own == 0) {
            continue;
        }

        sum = ngx_http_registry_sum(pool, &index, entry.key.tenant,
                                    by_repository ? entry.key.repository
                                                  : entry.key.route);
        if (sum == NULL) {
            return NULL;
        }

        ngx_http_registry_sum_add(sum, entry.counts);
    }

    *array = index.sums;
    sums = array->elts;
    n = array->nelts;

    ngx_qsort(sums, n, sizeof(ngx_http_registry_sum_t *),
              ngx_http_registry_sum_cmp);

    if (n > max) {
        other = sums[max - 1];

        for (i = max; i < n; i++) {
            ngx_http_registry_sum_add(other, sums[i]->counts);
        }

        other->tenant = REG_LEDGER_OTHER;
        other->part = REG_LEDGER_OTHER;
        array->nelts = max;
    }

    return array;
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
