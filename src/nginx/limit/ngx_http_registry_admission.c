/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * An admission is a mark, the time until which it holds, in whole 4.3 seconds;
 * the lower half of it says which manifests may follow:
 *
 *     16 bits   of the digest of the manifest before; 0: it was a tag
 *     10 bits   the second until which they may, modulo 1024
 *      6 bits   how many may
 *
 * The admission outlives that second by far less than 1024 seconds.
 */

#include "ngx_http_registry_admission.h"

#define NGX_HTTP_REGISTRY_SECOND         ((int64_t) 1000000000)

#define NGX_HTTP_REGISTRY_FOLLOW_DIGEST  16     /* bits to the left of it */
#define NGX_HTTP_REGISTRY_FOLLOW_UNTIL   6
#define NGX_HTTP_REGISTRY_FOLLOW_MOST    0x3f
#define NGX_HTTP_REGISTRY_FOLLOW_CLOCK   0x3ff


typedef struct {
    int64_t     now;
    int64_t     seconds;                /* that the pull goes on */
    int64_t     digest;                 /* bits of it; 0: a tag */
    ngx_uint_t  follow;                 /* in: one more; out: it does */
} ngx_http_registry_follow_t;


static int64_t ngx_http_registry_admission_digest(
    ngx_http_registry_ctx_t *ctx);
static int64_t ngx_http_registry_admission_change(void *data, int64_t mark);
static int64_t ngx_http_registry_follow_change(void *data, int64_t mark);
static int64_t ngx_http_registry_follow_count(int64_t mark, int64_t now);


uint64_t
ngx_http_registry_admission_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_marks_t *marks)
{
    u_char     buf[NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    reg_str_t  text;

    text.data = buf;
    text.len = ngx_http_registry_limit_key(r, ctx,
                                           REG_PER_KEY|REG_PER_REPOSITORY, buf);

    return reg_marks_key(marks, text);
}


void
ngx_http_registry_admit(ngx_http_registry_ctx_t *ctx, reg_marks_t *marks,
    uint64_t key, int64_t now, ngx_uint_t follow)
{
    ngx_http_registry_follow_t  f;

    f.now = now;
    f.seconds = NGX_HTTP_REGISTRY_ADMISSION_TIME;
    f.digest = ngx_http_registry_admission_digest(ctx);
    f.follow = follow;

    /* where there is no place, limits apply as if it had begun before */

    (void) reg_marks_change(marks, key, now,
                            ngx_http_registry_admission_change, &f);
}


int64_t
ngx_http_registry_admission_left(reg_marks_t *marks, uint64_t key, int64_t now)
{
    int64_t  mark;

    mark = reg_marks_get(marks, key);

    return mark > now ? (mark - now) / NGX_HTTP_REGISTRY_SECOND : 0;
}


void
ngx_http_registry_admission_learn(reg_marks_t *marks, uint64_t key, int64_t now,
    int64_t seconds)
{
    ngx_http_registry_follow_t  f;

    f.now = now;
    f.seconds = ngx_min(seconds, NGX_HTTP_REGISTRY_ADMISSION_TIME);
    f.follow = 0;

    (void) reg_marks_change(marks, key, now,
                            ngx_http_registry_admission_change, &f);
}


ngx_uint_t
ngx_http_registry_admitted(reg_marks_t *marks, uint64_t key, int64_t now)
{
    return reg_marks_get(marks, key) > now;
}


ngx_uint_t
ngx_http_registry_follows(ngx_http_registry_ctx_t *ctx, reg_marks_t *marks,
    uint64_t key, int64_t now)
{
    ngx_http_registry_follow_t  f;

    f.now = now;
    f.digest = ngx_http_registry_admission_digest(ctx);

    return f.digest
           && reg_marks_change(marks, key, now,
                               ngx_http_registry_follow_change, &f)
              == REG_OK
           && f.follow;
}


/* The last four digits of what has passed the grammar of digests. */

static int64_t
ngx_http_registry_admission_digest(ngx_http_registry_ctx_t *ctx)
{
    ngx_int_t      bits;
    reg_digest_t  *digest;

    digest = &ctx->route.digest;

    if (digest->algorithm.len == 0) {
        return 0;
    }

    bits = ngx_hextoi(digest->encoded.data + digest->encoded.len - 4, 4);

    return bits > 0 ? bits : 1;
}


static int64_t
ngx_http_registry_admission_change(void *data, int64_t mark)
{
    ngx_http_registry_follow_t *f = data;

    int64_t  until, next, count;

    until = f->now + f->seconds * NGX_HTTP_REGISTRY_SECOND;

    /* rounded up, and the lower half filled in */

    next = ((until >> 32) + 1) << 32;

    if (!f->follow) {
        return next | (mark & UINT32_MAX);
    }

    count = ngx_http_registry_follow_count(mark, f->now);

    if (count < NGX_HTTP_REGISTRY_FOLLOW_MOST) {
        count++;
    }

    until = f->now / NGX_HTTP_REGISTRY_SECOND + NGX_HTTP_REGISTRY_FOLLOW_TIME;

    return next | f->digest << NGX_HTTP_REGISTRY_FOLLOW_DIGEST
           | (until & NGX_HTTP_REGISTRY_FOLLOW_CLOCK)
             << NGX_HTTP_REGISTRY_FOLLOW_UNTIL
           | count;
}


static int64_t
ngx_http_registry_follow_change(void *data, int64_t mark)
{
    ngx_http_registry_follow_t *f = data;

    int64_t  digest;

    digest = mark >> NGX_HTTP_REGISTRY_FOLLOW_DIGEST & UINT16_MAX;

    f->follow = (digest != f->digest
                 && ngx_http_registry_follow_count(mark, f->now) > 0);

    return f->follow ? mark - 1 : mark;
}


/* How many manifests may follow now. */

static int64_t
ngx_http_registry_follow_count(int64_t mark, int64_t now)
{
    int64_t  left;

    if (mark <= now) {
        return 0;
    }

    left = (mark >> NGX_HTTP_REGISTRY_FOLLOW_UNTIL)
           - now / NGX_HTTP_REGISTRY_SECOND;
    left &= NGX_HTTP_REGISTRY_FOLLOW_CLOCK;

    return left <= NGX_HTTP_REGISTRY_FOLLOW_TIME
           ? mark & NGX_HTTP_REGISTRY_FOLLOW_MOST : 0;
}
