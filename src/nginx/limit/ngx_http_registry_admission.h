/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_ADMISSION_H
#define NGX_HTTP_REGISTRY_ADMISSION_H

/*
 * What follows from a pull that was admitted at its manifest.  Whoever it was
 * gets the blobs of that repository, whatever a limit says meanwhile; and where
 * the manifest is an index, the one manifest that it is read for.
 */

#include "ngx_http_registry_limit_redis.h"


/*
 * How long a pull may take to begin its last blob.  Slow clients of large
 * images need minutes; a transfer that has begun goes on to its end anyway.
 */

#define NGX_HTTP_REGISTRY_ADMISSION_TIME  600       /* seconds */

/*
 * Of whom it is known that the others know of him for so long, they are told no
 * more; so they are told at most twice in that time, and for so much longer.
 */

#define NGX_HTTP_REGISTRY_ADMISSION_TOLD  300       /* seconds */

/* A client asks for the manifest right after it has read the index. */

#define NGX_HTTP_REGISTRY_FOLLOW_TIME     60        /* seconds */


/* The key in marks of who asks and the repository. */

uint64_t ngx_http_registry_admission_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_marks_t *marks);


/* Admits a pull; with follow set, one more manifest follows. */

void ngx_http_registry_admit(ngx_http_registry_ctx_t *ctx, reg_marks_t *marks,
    uint64_t key, int64_t now, ngx_uint_t follow);


/* 1 if a pull was admitted. */

ngx_uint_t ngx_http_registry_admitted(reg_marks_t *marks, uint64_t key,
    int64_t now);


/*
 * 1 if this is a manifest that follows: asked for by its digest, which is not
 * that of the manifest before.  It is the only one then.
 */

ngx_uint_t ngx_http_registry_follows(ngx_http_registry_ctx_t *ctx,
    reg_marks_t *marks, uint64_t key, int64_t now);


/* How many seconds an admission goes on, 0 if there is none. */

int64_t ngx_http_registry_admission_left(reg_marks_t *marks, uint64_t key,
    int64_t now);


/* Another host has admitted a pull, which goes on for so many seconds. */

void ngx_http_registry_admission_learn(reg_marks_t *marks, uint64_t key,
    int64_t now, int64_t seconds);


/*
 * Tells the other hosts of a pull, and that another manifest may follow.
 * Nobody waits for it.
 */

void ngx_http_registry_admission_tell(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx);


/* The same, of a manifest that has followed here. */

void ngx_http_registry_admission_tell_followed(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/*
 * Asks whether another host has admitted the pull that a request is a part of,
 * once for each request; it sets limited->admitted then.
 *
 * NGX_AGAIN      limited waits for the answer
 * NGX_DECLINED   nobody can be asked, or has been, or it is no part of a pull
 */

ngx_int_t ngx_http_registry_admission_ask(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* 1 if the request is for a blob, as a part of a pull. */

ngx_uint_t ngx_http_registry_admission_blob(ngx_http_registry_ctx_t *ctx);


/* The request ends; or the worker. */

void ngx_http_registry_admission_leave(
    ngx_http_registry_limited_t *limited);

void ngx_http_registry_admission_end(ngx_http_registry_limit_redis_t *redis);

#endif /* NGX_HTTP_REGISTRY_ADMISSION_H */
