/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_COUNT_H
#define NGX_HTTP_REGISTRY_COUNT_H

/*
 * What is counted for "registry_metrics", wherever it happens.  Each worker has
 * counters of its own in memory that all share, so that no two of them write to
 * one cache line.  Those of before a reload count in the same, so it is done
 * atomically, which costs little where nobody else wants the line.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_decision.h"
#include "reg_route.h"
#include "reg_sign.h"

#define NGX_HTTP_REGISTRY_VERDICTS    3
#define NGX_HTTP_REGISTRY_REASONS     (REG_REASON_INTERNAL + 1)
#define NGX_HTTP_REGISTRY_OPERATIONS  (REG_OP_API + 1)

/* Up to 5 ms, …, 60 s, and more; of Redis up to 250 us, …, 1 s, and more. */

#define NGX_HTTP_REGISTRY_BUCKETS        12
#define NGX_HTTP_REGISTRY_STORE_BUCKETS  11


typedef enum {

    /* who is behind a credential: remembered, or made of records */

    NGX_HTTP_REGISTRY_COUNT_IDENTITY_WORKER = 0,
    NGX_HTTP_REGISTRY_COUNT_IDENTITY_RECORDS,

    /* where a record of Redis came from */

    NGX_HTTP_REGISTRY_COUNT_RECORD_WORKER,
    NGX_HTTP_REGISTRY_COUNT_RECORD_ZONE,
    NGX_HTTP_REGISTRY_COUNT_RECORD_NEGATIVE,
    NGX_HTTP_REGISTRY_COUNT_RECORD_STORE,
    NGX_HTTP_REGISTRY_COUNT_RECORD_STALE,
    NGX_HTTP_REGISTRY_COUNT_RECORD_NONE,

    /* commands to Redis, and those that got no answer */

    NGX_HTTP_REGISTRY_COUNT_COMMANDS,
    NGX_HTTP_REGISTRY_COUNT_COMMANDS_FAILED,

    /* proofs that were remembered, asked for, and what came of that */

    NGX_HTTP_REGISTRY_COUNT_PROOF_HIT,
    NGX_HTTP_REGISTRY_COUNT_PROOF_ASKED,
    NGX_HTTP_REGISTRY_COUNT_PROOF_REFUSED,
    NGX_HTTP_REGISTRY_COUNT_PROOF_FAILED,
    NGX_HTTP_REGISTRY_COUNT_PROOF_STALE,

    /* clients that were sent elsewhere for a blob, of a size or of none */

    NGX_HTTP_REGISTRY_COUNT_REDIRECT_KNOWN,
    NGX_HTTP_REGISTRY_COUNT_REDIRECT_UNKNOWN,

    NGX_HTTP_REGISTRY_COUNT_TOKENS_ISSUED,
    NGX_HTTP_REGISTRY_COUNT_TOKENS_REFUSED,

    NGX_HTTP_REGISTRY_COUNT_SYNCS,
    NGX_HTTP_REGISTRY_COUNT_SYNCS_FAILED,

    /* signed URLs that were made, by scheme, and that were remembered */

    NGX_HTTP_REGISTRY_COUNT_SIGNED,
    NGX_HTTP_REGISTRY_COUNT_SIGNED_BEFORE = NGX_HTTP_REGISTRY_COUNT_SIGNED
                                            + REG_SIGN_SCHEMES,

    NGX_HTTP_REGISTRY_COUNTS = NGX_HTTP_REGISTRY_COUNT_SIGNED_BEFORE
                               + REG_SIGN_SCHEMES
} ngx_http_registry_count_t;


typedef struct {
    ngx_atomic_t  counts[NGX_HTTP_REGISTRY_COUNTS];

    ngx_atomic_t  decisions[NGX_HTTP_REGISTRY_VERDICTS]
                           [NGX_HTTP_REGISTRY_REASONS];

    /* of requests, by operation */

    ngx_atomic_t  buckets[NGX_HTTP_REGISTRY_OPERATIONS]
                         [NGX_HTTP_REGISTRY_BUCKETS + 1];
    ngx_atomic_t  milliseconds[NGX_HTTP_REGISTRY_OPERATIONS];

    /* of answers of Redis */

    ngx_atomic_t  store_buckets[NGX_HTTP_REGISTRY_STORE_BUCKETS + 1];
    ngx_atomic_t  store_microseconds;
} ngx_http_registry_counters_t;


/* Those of this worker; never NULL. */

extern ngx_http_registry_counters_t  *ngx_http_registry_counters;


/* Up to how many milliseconds, or microseconds, a bucket is for. */

extern const ngx_uint_t  ngx_http_registry_buckets[NGX_HTTP_REGISTRY_BUCKETS];
extern const ngx_uint_t
    ngx_http_registry_store_buckets[NGX_HTTP_REGISTRY_STORE_BUCKETS];


static ngx_inline void
ngx_http_registry_count_of(ngx_uint_t count)
{
    (void) ngx_atomic_fetch_add(&ngx_http_registry_counters->counts[count], 1);
}


/* A request has ended, or Redis has answered, after so long a time. */

void ngx_http_registry_count_request(ngx_uint_t operation, ngx_uint_t ms);

void ngx_http_registry_count_answer(ngx_uint_t microseconds);


/* How many bytes the counters of all workers need. */

size_t ngx_http_registry_counters_size(void);

/* Begins with those at addr, which all share; NULL: nobody wants to know. */

void ngx_http_registry_counters_use(void *addr, ngx_uint_t worker);

/* The sums of all workers. */

void ngx_http_registry_counters_sum(void *addr,
    ngx_http_registry_counters_t *sum);


/* Microseconds of the monotonic clock. */

int64_t ngx_http_registry_count_now(void);

#endif /* NGX_HTTP_REGISTRY_COUNT_H */
