/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Pulls that were admitted by another host.  Whoever admits one tells Redis;
 * who would refuse a part of one asks there before it does.
 */

#include "ngx_http_registry_admission.h"

/* Seconds: of an admission and until it is told again, and to follow. */

#define NGX_HTTP_REGISTRY_PULL_TIME    "900"
#define NGX_HTTP_REGISTRY_PULL_FOLLOW  "60"


typedef struct {
    ngx_queue_t                       queue;     /* redis->pulls */
    ngx_http_registry_limit_redis_t  *redis;
    ngx_http_registry_run_t          *run;
    ngx_http_registry_limited_t      *limited;   /* NULL: nobody waits */
    reg_marks_t                      *marks;
    uint64_t                          key;
    ngx_uint_t                        follows;   /* a manifest */
} ngx_http_registry_pull_t;


static ngx_http_registry_pull_t *ngx_http_registry_pull_send(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, const ngx_http_registry_script_t *script,
    size_t argc, reg_str_t *argv);
static void ngx_http_registry_pull_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);
static void ngx_http_registry_pull_free(ngx_http_registry_pull_t *pull);


void
ngx_http_registry_admission_tell(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx)
{
    reg_str_t  argv[4];

    argv[1] = REG_STR(NGX_HTTP_REGISTRY_PULL_TIME);
    argv[2] = REG_STR(NGX_HTTP_REGISTRY_PULL_FOLLOW);
    argv[3] = ctx->route.digest.algorithm.len ? ctx->route.digest.encoded
                                              : REG_STR("-");

    (void) ngx_http_registry_pull_send(redis, r, ctx, &redis->admit, 4, argv);
}


void
ngx_http_registry_admission_tell_followed(
    ngx_http_registry_limit_redis_t *redis, ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    reg_str_t  argv[2];

    argv[1] = ctx->route.digest.encoded;

    (void) ngx_http_registry_pull_send(redis, r, ctx, &redis->admitted, 2,
                                       argv);
}


ngx_int_t
ngx_http_registry_admission_ask(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx)
{
    reg_str_t                             argv[2];
    ngx_uint_t                            manifest;
    ngx_http_registry_pull_t             *pull;
    ngx_http_registry_limited_t          *limited;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    limited = ctx->limited;

    manifest = (ctx->route.resource == REG_RESOURCE_MANIFEST
                && ctx->route.method == REG_METHOD_GET
                && ctx->route.digest.algorithm.len);

    if (redis == NULL || limited->asked
        || !(manifest || ngx_http_registry_admission_blob(ctx)))
    {
        return NGX_DECLINED;
    }

    limited->asked = 1;

    argv[1] = manifest ? ctx->route.digest.encoded : REG_STR("");

    pull = ngx_http_registry_pull_send(redis, r, ctx, &redis->admitted, 2,
                                       argv);
    if (pull == NULL) {
        return NGX_DECLINED;
    }

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    pull->limited = limited;
    pull->marks = lmcf->admissions;
    pull->key = ngx_http_registry_admission_key(r, ctx, lmcf->admissions);
    pull->follows = manifest;

    limited->asking = pull;
    limited->waiting++;

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_registry_admission_blob(ngx_http_registry_ctx_t *ctx)
{
    return ctx->route.resource == REG_RESOURCE_BLOB
           && (ctx->route.method == REG_METHOD_GET
               || ctx->route.method == REG_METHOD_HEAD);
}


void
ngx_http_registry_admission_leave(ngx_http_registry_limited_t *limited)
{
    ngx_http_registry_pull_t  *pull;

    pull = limited->asking;

    if (pull) {
        limited->asking = NULL;
        pull->limited = NULL;
    }
}


void
ngx_http_registry_admission_end(ngx_http_registry_limit_redis_t *redis)
{
    ngx_queue_t               *q;
    ngx_http_registry_pull_t  *pull;

    while (!ngx_queue_empty(&redis->pulls)) {
        q = ngx_queue_head(&redis->pulls);
        pull = ngx_queue_data(q, ngx_http_registry_pull_t, queue);

        ngx_http_registry_script_abandon(pull->run);
        ngx_http_registry_pull_free(pull);
    }
}


/* The first argument is the key, which is made here. */

static ngx_http_registry_pull_t *
ngx_http_registry_pull_send(ngx_http_registry_limit_redis_t *redis,
    ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    const ngx_http_registry_script_t *script, size_t argc, reg_str_t *argv)
{
    u_char                     *p;
    u_char                      key[REG_REDIS_KEY_MAX
                                    + NGX_HTTP_REGISTRY_LIMIT_KEY_MAX];
    ngx_http_registry_pull_t   *pull;

    ngx_http_registry_limit_redis_begin(redis);

    pull = ngx_calloc(sizeof(ngx_http_registry_pull_t), ngx_cycle->log);
    if (pull == NULL) {
        return NULL;
    }

    p = ngx_sprintf(key, "%*slimit:pull:", redis->prefix.len,
                    redis->prefix.data);
    p += ngx_http_registry_limit_who(r, ctx, REG_PER_KEY|REG_PER_REPOSITORY, p);

    argv[0].data = key;
    argv[0].len = (size_t) (p - key);

    pull->redis = redis;
    ngx_queue_insert_tail(&redis->pulls, &pull->queue);

    pull->run = ngx_http_registry_limit_run(redis, script, 1, argc, argv,
                                            ngx_http_registry_pull_answer,
                                            pull);
    if (pull->run == NULL) {
        ngx_http_registry_pull_free(pull);
        return NULL;
    }

    return pull;
}


static void
ngx_http_registry_pull_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_pull_t *pull = data;

    ngx_http_registry_limited_t  *limited;

    limited = pull->limited;

    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        ngx_http_registry_limit_away(pull->redis, reply);

    } else if (limited && reply->integer > 0) {
        limited->admitted = 1;
        limited->follows = pull->follows;

        ngx_http_registry_admission_learn(pull->marks, pull->key,
                                          ngx_http_registry_limit_now(),
                                          reply->integer);
    }

    ngx_http_registry_pull_free(pull);

    if (limited) {
        limited->asking = NULL;
        ngx_http_registry_limit_answered(limited);
    }
}


static void
ngx_http_registry_pull_free(ngx_http_registry_pull_t *pull)
{
    ngx_queue_remove(&pull->queue);
    ngx_free(pull);
}
