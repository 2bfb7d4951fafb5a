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

#include "ngx_http_registry.h"

#include "reg_marks.h"


/*
 * How long a pull may take to begin its last blob.  Slow clients of large
 * images need minutes; a transfer that has begun goes on to its end anyway.
 */

#define NGX_HTTP_REGISTRY_ADMISSION_TIME  600       /* seconds */

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

#endif /* NGX_HTTP_REGISTRY_ADMISSION_H */
