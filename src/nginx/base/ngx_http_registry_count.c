/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_count.h"

/*
 * More workers than that share.  Two lines at a time is what processors fetch.
 */

#define NGX_HTTP_REGISTRY_COUNT_WORKERS  64
#define NGX_HTTP_REGISTRY_COUNT_LINE     128

#define NGX_HTTP_REGISTRY_COUNT_SIZE                                          \
    ngx_align(sizeof(ngx_http_registry_counters_t),                           \
              NGX_HTTP_REGISTRY_COUNT_LINE)


/* Where nobody asks for metrics. */

static ngx_http_registry_counters_t  ngx_http_registry_uncounted;

ngx_http_registry_counters_t  *ngx_http_registry_counters =
    &ngx_http_registry_uncounted;


const ngx_uint_t  ngx_http_registry_buckets[NGX_HTTP_REGISTRY_BUCKETS] = {
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 60000
};

const ngx_uint_t
    ngx_http_registry_store_buckets[NGX_HTTP_REGISTRY_STORE_BUCKETS] =
{
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000
};


void
ngx_http_registry_count_request(ngx_uint_t operation, ngx_uint_t ms)
{
    ngx_uint_t                     i;
    ngx_http_registry_counters_t  *counters;

    counters = ngx_http_registry_counters;

    for (i = 0; i < NGX_HTTP_REGISTRY_BUCKETS; i++) {
        if (ms <= ngx_http_registry_buckets[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&counters->buckets[operation][i], 1);
    (void) ngx_atomic_fetch_add(&counters->milliseconds[operation], ms);
}


void
ngx_http_registry_count_answer(ngx_uint_t microseconds)
{
    ngx_uint_t                     i;
    ngx_http_registry_counters_t  *counters;

    counters = ngx_http_registry_counters;

    for (i = 0; i < NGX_HTTP_REGISTRY_STORE_BUCKETS; i++) {
        if (microseconds <= ngx_http_registry_store_buckets[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&counters->store_buckets[i], 1);
    (void) ngx_atomic_fetch_add(&counters->store_microseconds, microseconds);
}


size_t
ngx_http_registry_counters_size(void)
{
    return NGX_HTTP_REGISTRY_COUNT_WORKERS * NGX_HTTP_REGISTRY_COUNT_SIZE;
}


void
ngx_http_registry_counters_use(void *addr, ngx_uint_t worker)
{
    worker %= NGX_HTTP_REGISTRY_COUNT_WORKERS;

    ngx_http_registry_counters = addr
        ? (ngx_http_registry_counters_t *)
          ((u_char *) addr + worker * NGX_HTTP_REGISTRY_COUNT_SIZE)
        : &ngx_http_registry_uncounted;
}


void
ngx_http_registry_counters_sum(void *addr, ngx_http_registry_counters_t *sum)
{
    ngx_uint_t     i, worker;
    ngx_atomic_t  *to, *from;

    ngx_memzero(sum, sizeof(ngx_http_registry_counters_t));

    for (worker = 0; worker < NGX_HTTP_REGISTRY_COUNT_WORKERS; worker++) {

        to = (ngx_atomic_t *) sum;
        from = (ngx_atomic_t *)
               ((u_char *) addr + worker * NGX_HTTP_REGISTRY_COUNT_SIZE);

        for (i = 0;
             i < sizeof(ngx_http_registry_counters_t) / sizeof(ngx_atomic_t);
             i++)
        {
            to[i] += from[i];
        }
    }
}


int64_t
ngx_http_registry_count_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
