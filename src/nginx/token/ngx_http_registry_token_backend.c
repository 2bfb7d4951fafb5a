/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * "registry_backend_auth token": what the backend gets is a token for what this
 * request does and nothing else.  A backend
 * that demands one takes nothing that did not come through the gateway.
 */

#include "ngx_http_registry_token.h"

/*
 * Distribution looks at it when a request begins, and allows for a minute.  A
 * signature costs several times what all the rest of a request does, so one is
 * made for the same requests of the same client within half of that time.
 */

#define NGX_HTTP_REGISTRY_BACKEND_TTL     60
#define NGX_HTTP_REGISTRY_BACKEND_FRESH   30
#define NGX_HTTP_REGISTRY_BACKEND_SETS    128
#define NGX_HTTP_REGISTRY_BACKEND_WAYS    4     /* places of a set */
#define NGX_HTTP_REGISTRY_BACKEND_PLACES                                      \
    (NGX_HTTP_REGISTRY_BACKEND_SETS * NGX_HTTP_REGISTRY_BACKEND_WAYS)
#define NGX_HTTP_REGISTRY_BACKEND_TEXT    2048

struct ngx_http_registry_backend_token_s {
    reg_siphash_t   hash;           /* of what it says */
    time_t          until;          /* 0: free */
    ngx_str_t       value;          /* owned */
};


static void ngx_http_registry_backend_grants(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf, reg_grants_t *grants);
static ngx_http_registry_backend_token_t *ngx_http_registry_backend_place(
    ngx_http_request_t *r, ngx_http_registry_trust_t *trust,
    ngx_uint_t libtrust, const reg_token_claims_t *claims,
    reg_siphash_t *hash);
static void ngx_http_registry_backend_keep(
    ngx_http_registry_backend_token_t *place, reg_siphash_t hash,
    const reg_token_claims_t *claims, ngx_str_t *value, ngx_log_t *log);
static ngx_int_t ngx_http_registry_backend_sign(ngx_http_request_t *r,
    const reg_jwk_t *jwk, ngx_uint_t libtrust,
    const reg_token_claims_t *claims, ngx_str_t *value);


ngx_int_t
ngx_http_registry_backend_token(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf, ngx_str_t *value)
{
    const reg_jwk_t                    *jwk;
    reg_grants_t                        grants;
    reg_siphash_t                       hash;
    reg_token_claims_t                  claims;
    ngx_http_registry_ctx_t            *ctx;
    ngx_http_registry_token_conf_t     *rtcf;
    ngx_http_registry_backend_token_t  *place;

    rtcf = ngx_http_get_module_srv_conf(r, ngx_http_registry_token_module);

    jwk = ngx_http_registry_token_signer(rtcf->trust);

    if (jwk == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: no key to sign a token of the backend with");
        return NGX_ERROR;
    }

    grants.n = 0;
    ngx_http_registry_backend_grants(r, rlcf, &grants);

    ngx_memzero(&claims, sizeof(reg_token_claims_t));

    claims.iss = ngx_http_registry_str(rtcf->issuer);
    claims.aud = rlcf->backend_service.len
                 ? ngx_http_registry_str(rlcf->backend_service) : claims.iss;
    claims.now = (int64_t) ngx_time();
    claims.ttl = NGX_HTTP_REGISTRY_BACKEND_TTL;
    claims.grants = &grants;

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ctx->identity && ctx->identity->identity) {
        claims.sub = ctx->identity->identity->key_id;
    }

    ngx_memzero(&hash, sizeof(reg_siphash_t));

    place = ngx_http_registry_backend_place(r, rtcf->trust,
                                            rlcf->backend_libtrust, &claims,
                                            &hash);

    if (place && place->until > ngx_time() && place->hash.lo == hash.lo
        && place->hash.hi == hash.hi)
    {
        /* a copy: another request may take its place meanwhile */

        value->len = place->value.len;
        value->data = ngx_pstrdup(r->pool, &place->value);

        return value->data ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_registry_backend_sign(r, jwk, rlcf->backend_libtrust,
                                       &claims, value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (place) {
        ngx_http_registry_backend_keep(place, hash, &claims, value,
                                       r->connection->log);
    }

    return NGX_OK;
}


void
ngx_http_registry_backend_flush(ngx_http_registry_trust_t *trust)
{
    ngx_uint_t  i;

    if (trust->backend == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_REGISTRY_BACKEND_PLACES; i++) {
        if (trust->backend[i].value.data) {
            ngx_free(trust->backend[i].value.data);
        }
    }

    ngx_free(trust->backend);
    trust->backend = NULL;
}


/*
 * Where a token that says this is, or would be: in its set, in place of the one
 * that ends first.  NULL: it is not kept.
 */

static ngx_http_registry_backend_token_t *
ngx_http_registry_backend_place(ngx_http_request_t *r,
    ngx_http_registry_trust_t *trust, ngx_uint_t libtrust,
    const reg_token_claims_t *claims, reg_siphash_t *hash)
{
    u_char                             *p;
    u_char                              text[NGX_HTTP_REGISTRY_BACKEND_TEXT];
    reg_str_t                           s;
    ngx_uint_t                          way;
    ngx_http_registry_backend_token_t  *set, *place;

    if (claims->aud.len + claims->sub.len
        > NGX_HTTP_REGISTRY_BACKEND_TEXT / 2)
    {
        return NULL;
    }

    if (trust->backend == NULL) {
        trust->backend = ngx_calloc(NGX_HTTP_REGISTRY_BACKEND_PLACES
                                    * sizeof(ngx_http_registry_backend_token_t),
                                    r->connection->log);
        if (trust->backend == NULL) {
            return NULL;
        }
    }

    /* a NUL divides: it is in none of them */

    p = text;
    *p++ = libtrust ? 'l' : 't';
    p = ngx_cpymem(p, claims->aud.data, claims->aud.len);
    *p++ = '\0';

    if (claims->sub.len) {
        p = ngx_cpymem(p, claims->sub.data, claims->sub.len);
    }

    *p++ = '\0';
    p += reg_grants_write(p, (size_t) (text + sizeof(text) - p),
                          claims->grants);

    s.data = text;
    s.len = (size_t) (p - text);

    *hash = reg_siphash(trust->backend_key, s);

    set = &trust->backend[hash->lo % NGX_HTTP_REGISTRY_BACKEND_SETS
                          * NGX_HTTP_REGISTRY_BACKEND_WAYS];
    place = set;

    for (way = 0; way < NGX_HTTP_REGISTRY_BACKEND_WAYS; way++) {

        if (set[way].hash.lo == hash->lo && set[way].hash.hi == hash->hi) {
            return &set[way];
        }

        if (set[way].until < place->until) {
            place = &set[way];
        }
    }

    return place;
}


/* Without memory it is as if there were no place. */

static void
ngx_http_registry_backend_keep(ngx_http_registry_backend_token_t *place,
    reg_siphash_t hash, const reg_token_claims_t *claims, ngx_str_t *value,
    ngx_log_t *log)
{
    u_char  *data;

    data = ngx_alloc(value->len, log);
    if (data == NULL) {
        return;
    }

    if (place->value.data) {
        ngx_free(place->value.data);
    }

    ngx_memcpy(data, value->data, value->len);

    place->value.data = data;
    place->value.len = value->len;
    place->hash = hash;
    place->until = (time_t) claims->now + NGX_HTTP_REGISTRY_BACKEND_FRESH;
}


/* What Distribution asks for: its registry/handlers/app.go, accessRecords. */

static void
ngx_http_registry_backend_grants(ngx_http_request_t *r,
    ngx_http_registry_loc_conf_t *rlcf, reg_grants_t *grants)
{
    reg_grant_t              *grant;
    reg_route_t              *route;
    ngx_http_registry_ctx_t  *ctx;

    grant = grants->items;
    ngx_memzero(grant, 2 * sizeof(reg_grant_t));

    if (rlcf->registry == NGX_HTTP_REGISTRY_API) {
        grant->type = REG_SCOPE_API;
        grant->name = rlcf->api.name;
        grant->word = rlcf->api.word;
        grants->n = 1;
        return;
    }

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx == NULL || !ctx->parsed || ctx->rc != REG_ROUTE_OK) {
        return;
    }

    route = &ctx->route;

    if (route->resource == REG_RESOURCE_CATALOG) {
        grant->type = REG_SCOPE_REGISTRY;
        grant->name = REG_STR("catalog");
        grants->n = 1;
        return;
    }

    if (route->repository.len == 0) {
        return;
    }

    grant->type = REG_SCOPE_REPOSITORY;
    grant->name = route->repository;
    grant->actions = (route->actions & REG_ACTION_PULL) ? REG_ACTION_PULL
                     : (route->actions & REG_ACTION_PUSH)
                       ? REG_ACTION_PULL|REG_ACTION_PUSH
                       : REG_ACTION_DELETE;
    grants->n = 1;

    /* one that is not allowed is taken out of the query */

    if (ctx->query.has_from && ctx->decision.mount) {
        grant++;
        grant->type = REG_SCOPE_REPOSITORY;
        grant->name = ctx->query.from;
        grant->actions = REG_ACTION_PULL;
        grants->n = 2;
    }
}


static ngx_int_t
ngx_http_registry_backend_sign(ngx_http_request_t *r, const reg_jwk_t *jwk,
    ngx_uint_t libtrust, const reg_token_claims_t *claims, ngx_str_t *value)
{
    char        *text;
    size_t       len;
    u_char      *p, name[REG_JWK_LIBTRUST];
    reg_rc_t     rc;
    reg_str_t    kid;

    kid.data = (u_char *) jwk->kid;
    kid.len = jwk->kid_len;

    if (libtrust) {

        if (reg_jwk_libtrust(name, jwk) != REG_OK) {
            return NGX_ERROR;
        }

        kid.data = name;
        kid.len = sizeof(name);
    }

    value->data = ngx_pnalloc(r->pool, sizeof("Bearer ") - 1
                                       + NGX_HTTP_REGISTRY_TOKEN_MAX);
    if (value->data == NULL || reg_token_claims(&text, claims) != REG_OK) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value->data, "Bearer ", sizeof("Bearer ") - 1);

    rc = reg_jwt_write(p, NGX_HTTP_REGISTRY_TOKEN_MAX, &len, jwk, kid,
                       REG_STR(REG_TOKEN_TYP_BACKEND), reg_str(text));

    free(text);

    if (rc != REG_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: a token of the backend could not be signed");
        return NGX_ERROR;
    }

    value->len = (size_t) (p - value->data) + len;

    return NGX_OK;
}
