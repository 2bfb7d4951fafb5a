/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_admission.h"
#include "ngx_http_registry_limit.h"

#define NGX_HTTP_REGISTRY_SECOND  ((int64_t) 1000000000)

/*
 * How many manifests may follow is in the lower bits of a mark, which are 67 ms
 * of its time: a count, and some bits of the digest that was asked for last.
 */

#define NGX_HTTP_REGISTRY_FOLLOW_COUNT   0x3ff
#define NGX_HTTP_REGISTRY_FOLLOW_DIGEST  16             /* bits */
#define NGX_HTTP_REGISTRY_FOLLOW_SHIFT   10
#define NGX_HTTP_REGISTRY_FOLLOW_BITS    26


typedef struct {
    int64_t     now;
    int64_t     until;
    int64_t     digest;                 /* bits of it; 0: a tag */
    ngx_uint_t  found;
} ngx_http_registry_follow_t;


static uint64_t ngx_http_registry_admission_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_marks_t *marks, u_char what);
static int64_t ngx_http_registry_admission_digest(
    ngx_http_registry_ctx_t *ctx, reg_marks_t *marks);
static int64_t ngx_http_registry_admission_extend(void *data, int64_t mark);
static int64_t ngx_http_registry_follow_give(void *data, int64_t mark);
static int64_t ngx_http_registry_follow_take(void *data, int64_t mark);


void
ngx_http_registry_admit(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    reg_marks_t *marks, int64_t now, ngx_uint_t follow)
{
    ngx_http_registry_follow_t  f;

    f.now = now;
    f.until = now + NGX_HTTP_REGISTRY_ADMISSION_TIME * NGX_HTTP_REGISTRY_SECOND;

    /* where there is no place, limits apply as if it had begun before */

    (void) reg_marks_change(marks,
                            ngx_http_registry_admission_key(r, ctx, marks, 'A'),
                            now, ngx_http_registry_admission_extend, &f);

    if (!follow) {
        return;
    }

    f.until = now + NGX_HTTP_REGISTRY_FOLLOW_TIME * NGX_HTTP_REGISTRY_SECOND;
    f.digest = ngx_http_registry_admission_digest(ctx, marks);

    (void) reg_marks_change(marks,
                            ngx_http_registry_admission_key(r, ctx, marks, 'F'),
                            now, ngx_http_registry_follow_give, &f);
}


ngx_uint_t
ngx_http_registry_admitted(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    reg_marks_t *marks, int64_t now)
{
    return reg_marks_get(marks,
                         ngx_http_registry_admission_key(r, ctx, marks, 'A'))
           > now;
}


ngx_uint_t
ngx_http_registry_follows(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    reg_marks_t *marks, int64_t now)
{
    ngx_http_registry_follow_t  f;

    f.now = now;
    f.digest = ngx_http_registry_admission_digest(ctx, marks);

    if (f.digest == 0
        || reg_marks_change(marks,
                            ngx_http_registry_admission_key(r, ctx, marks, 'F'),
                            now, ngx_http_registry_follow_take, &f)
           != REG_OK)
    {
        return 0;
    }

    return f.found;
}


/* Of who asks, and for which repository. */

static uint64_t
ngx_http_registry_admission_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_marks_t *marks, u_char what)
{
    u_char     buf[1 + NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    reg_str_t  text;

    buf[0] = what;

    text.data = buf;
    text.len = 1 + ngx_http_registry_limit_key(r, ctx,
                                               REG_PER_KEY|REG_PER_REPOSITORY,
                                               buf + 1);

    return reg_marks_key(marks, text);
}


static int64_t
ngx_http_registry_admission_digest(ngx_http_registry_ctx_t *ctx,
    reg_marks_t *marks)
{
    uint64_t  bits;

    if (ctx->route.digest.algorithm.len == 0) {
        return 0;
    }

    bits = reg_marks_key(marks, ctx->route.digest.encoded)
           % (1 << NGX_HTTP_REGISTRY_FOLLOW_DIGEST);

    return bits ? (int64_t) bits : 1;
}


static int64_t
ngx_http_registry_admission_extend(void *data, int64_t mark)
{
    ngx_http_registry_follow_t *f = data;

    return ngx_max(mark, f->until);
}


static int64_t
ngx_http_registry_follow_give(void *data, int64_t mark)
{
    ngx_http_registry_follow_t *f = data;

    int64_t  count;

    count = (mark > f->now) ? mark & NGX_HTTP_REGISTRY_FOLLOW_COUNT : 0;

    if (count < NGX_HTTP_REGISTRY_FOLLOW_COUNT) {
        count++;
    }

    mark = f->until >> NGX_HTTP_REGISTRY_FOLLOW_BITS
                    << NGX_HTTP_REGISTRY_FOLLOW_BITS;

    return mark | f->digest << NGX_HTTP_REGISTRY_FOLLOW_SHIFT | count;
}


static int64_t
ngx_http_registry_follow_take(void *data, int64_t mark)
{
    ngx_http_registry_follow_t *f = data;

    int64_t  digest;

    digest = mark >> NGX_HTTP_REGISTRY_FOLLOW_SHIFT
             & ((1 << NGX_HTTP_REGISTRY_FOLLOW_DIGEST) - 1);

    f->found = (mark > f->now && (mark & NGX_HTTP_REGISTRY_FOLLOW_COUNT)
                && digest != f->digest);

    return f->found ? mark - 1 : mark;
}
