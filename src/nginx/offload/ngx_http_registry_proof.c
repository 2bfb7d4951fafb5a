/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A proof says that a blob is in a repository: whoever knows a digest must not
 * learn what is in the repositories of others, from no cache and no CDN.  It
 * comes from the backend, and is remembered in memory that workers share.
 */

#include "ngx_http_registry_count.h"
#include "ngx_http_registry_offload.h"


static ngx_int_t ngx_http_registry_proof_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload,
    ngx_http_registry_offload_main_conf_t *omcf);
static ngx_int_t ngx_http_registry_proof_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_proofs_t *proofs, reg_proof_key_t *key);
static ngx_int_t ngx_http_registry_proof_blob(ngx_http_registry_ctx_t *ctx,
    reg_proofs_t *proofs, reg_str_t scope, reg_proof_key_t *key);
static ngx_uint_t ngx_http_registry_proof_shared(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static void ngx_http_registry_proof_land(ngx_http_registry_traveller_t *waiter,
    ngx_http_registry_traveller_t *leader);
static ngx_int_t ngx_http_registry_proof_end(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload,
    ngx_http_registry_offload_main_conf_t *omcf);


ngx_int_t
ngx_http_registry_prove(ngx_http_request_t *r, ngx_http_registry_ctx_t *ctx,
    ngx_http_registry_offload_t *offload)
{
    ngx_http_registry_offload_main_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(r, ngx_http_registry_offload_module);

    switch (offload->ask) {

    case NGX_HTTP_REGISTRY_ASK_IDLE:
        return ngx_http_registry_proof_start(r, ctx, offload, omcf);

    case NGX_HTTP_REGISTRY_ASK_RUNNING:
    case NGX_HTTP_REGISTRY_ASK_WAITING:
        return NGX_AGAIN;

    default:
        return ngx_http_registry_proof_end(r, ctx, offload, omcf);
    }
}


static ngx_int_t
ngx_http_registry_proof_start(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload,
    ngx_http_registry_offload_main_conf_t *omcf)
{
    int64_t        now;
    ngx_int_t      rc;
    reg_siphash_t  key;

    now = (int64_t) ngx_current_msec;
    offload->remembered = 0;
    offload->shared = ngx_http_registry_proof_shared(r, ctx);

    if (ngx_http_registry_proof_key(r, ctx, omcf->proofs, &offload->key)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (offload->shared
        && reg_proofs_get(omcf->proofs, &offload->key, now, &offload->proof)
           == REG_OK)
    {
        if (now - offload->proof.asked < (int64_t) omcf->ttl) {
            ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_PROOF_HIT);
            ctx->blob_size = offload->proof.size;
            return NGX_OK;
        }

        offload->remembered = 1;
    }

    if (offload->shared) {

        key.lo = offload->key.lo;
        key.hi = offload->key.hi;

        rc = ngx_http_registry_flight_join(omcf->flights, &key,
                                           &offload->traveller,
                                           ngx_http_registry_proof_land);

        if (rc == NGX_AGAIN) {
            offload->ask = NGX_HTTP_REGISTRY_ASK_WAITING;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* before it is sent: what overtakes the question overtakes the answer */

    offload->generation = reg_proofs_generation(omcf->proofs, &offload->key);
    offload->ask = NGX_HTTP_REGISTRY_ASK_RUNNING;

    if (ngx_http_registry_proof_ask(r, ctx, offload) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


/*
 * Tenants are told apart, because configurations may choose a backend by them;
 * so are locations and their servers.
 */

static ngx_int_t
ngx_http_registry_proof_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_proofs_t *proofs, reg_proof_key_t *key)
{
    u_char                             scope[1024], *p;
    ngx_str_t                          tenant;
    ngx_http_registry_offload_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_offload_module);

    tenant = ngx_http_registry_offload_tenant(ctx);

    /* where there is no location there is no backend, and maybe no zone */

    if (proofs == NULL || olcf->scope == NULL
        || NGX_HTTP_REGISTRY_SCOPE_LEN + tenant.len > sizeof(scope))
    {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(scope, olcf->scope, NGX_HTTP_REGISTRY_SCOPE_LEN);

    if (tenant.len) {
        p = ngx_cpymem(p, tenant.data, tenant.len);
    }

    return ngx_http_registry_proof_blob(ctx, proofs,
                                        (reg_str_t) { (size_t) (p - scope),
                                                      scope },
                                        key);
}


static ngx_int_t
ngx_http_registry_proof_blob(ngx_http_registry_ctx_t *ctx,
    reg_proofs_t *proofs, reg_str_t scope, reg_proof_key_t *key)
{
    u_char         text[256], *p;
    reg_digest_t  *digest;

    digest = &ctx->route.digest;

    if (digest->algorithm.len + 1 + digest->encoded.len > sizeof(text)) {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(text, digest->algorithm.data, digest->algorithm.len);
    *p++ = ':';
    p = ngx_cpymem(p, digest->encoded.data, digest->encoded.len);

    return reg_proofs_key(proofs, key, scope, ctx->route.repository,
                          (reg_str_t) { (size_t) (p - text), text })
           == REG_OK ? NGX_OK : NGX_DECLINED;
}


/*
 * Where the backend gets what the client has sent and it is the backend that
 * judges it, its answer is for this client alone.
 */

static ngx_uint_t
ngx_http_registry_proof_shared(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    ngx_http_registry_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (ctx->decided && ctx->decision.verdict == REG_ALLOW) {
        return 1;
    }

    return rlcf->auth != NGX_HTTP_REGISTRY_AUTH_DRY_RUN
           && rlcf->backend_auth != NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH;
}


void
ngx_http_registry_proof_done(ngx_http_registry_offload_t *offload,
    ngx_http_registry_ask_t answer, int64_t size)
{
    int64_t                                 now;
    ngx_http_registry_offload_main_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(offload->traveller.request,
                                         ngx_http_registry_offload_module);

    now = (int64_t) ngx_current_msec;
    offload->ask = answer;

    switch (answer) {

    case NGX_HTTP_REGISTRY_ASK_PROVEN:

        offload->proof.size = size;
        offload->proof.asked = now;

        if (offload->shared) {
            reg_proofs_put(omcf->proofs, &offload->key, &offload->proof,
                           offload->generation, now);
        }

        break;

    case NGX_HTTP_REGISTRY_ASK_ABSENT:

        /* what an old proof says is not so any more */

        if (offload->remembered) {
            reg_proofs_purge(omcf->proofs, &offload->key);
        }

        break;

    default:
        break;
    }

    ngx_http_registry_flight_land(&offload->traveller);
}


static void
ngx_http_registry_proof_land(ngx_http_registry_traveller_t *waiter,
    ngx_http_registry_traveller_t *leader)
{
    ngx_http_registry_offload_t  *to, *from;

    to = ngx_queue_data(waiter, ngx_http_registry_offload_t, traveller);

    if (leader == NULL) {
        to->ask = NGX_HTTP_REGISTRY_ASK_IDLE;
        return;
    }

    from = ngx_queue_data(leader, ngx_http_registry_offload_t, traveller);

    to->ask = from->ask;
    to->proof = from->proof;
    to->generation = from->generation;
}


static ngx_int_t
ngx_http_registry_proof_end(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload,
    ngx_http_registry_offload_main_conf_t *omcf)
{
    int64_t  now;

    now = (int64_t) ngx_current_msec;

    if (offload->ask == NGX_HTTP_REGISTRY_ASK_PROVEN) {

        /* whoever has deleted it meanwhile has seen that it is gone */

        if (offload->generation
            != reg_proofs_generation(omcf->proofs, &offload->key))
        {
            ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_PROOF_REFUSED);
            return NGX_DECLINED;
        }

        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_PROOF_ASKED);

        ctx->blob_size = offload->proof.size;
        return NGX_OK;
    }

    /* a backend that is down has not said that it is gone */

    if (offload->ask == NGX_HTTP_REGISTRY_ASK_FAILED
        && offload->shared
        && reg_proofs_get(omcf->proofs, &offload->key, now, &offload->proof)
           == REG_OK
        && now - offload->proof.asked < (int64_t) omcf->stale)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "registry: the backend does not answer, a proof of %L "
                      "seconds ago is taken",
                      (now - offload->proof.asked) / 1000);

        ngx_http_registry_count_of(NGX_HTTP_REGISTRY_COUNT_PROOF_STALE);

        ctx->blob_size = offload->proof.size;
        return NGX_OK;
    }

    ngx_http_registry_count_of(offload->ask == NGX_HTTP_REGISTRY_ASK_FAILED
                               ? NGX_HTTP_REGISTRY_COUNT_PROOF_FAILED
                               : NGX_HTTP_REGISTRY_COUNT_PROOF_REFUSED);

    return NGX_DECLINED;
}


void
ngx_http_registry_proof_purge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    reg_proof_key_t                         key;
    ngx_http_registry_offload_main_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(r, ngx_http_registry_offload_module);

    if (omcf->proofs
        && ngx_http_registry_proof_blob(ctx, omcf->proofs, REG_STR_NULL, &key)
           == NGX_OK)
    {
        reg_proofs_purge(omcf->proofs, &key);
    }
}
