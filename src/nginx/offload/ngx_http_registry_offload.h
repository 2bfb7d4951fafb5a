/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_OFFLOAD_H
#define NGX_HTTP_REGISTRY_OFFLOAD_H

/*
 * Where a blob is answered.  What the files of the offload module share:
 *
 *     offload_module   the directives
 *     offload_request  the handler that decides
 *     offload_route    what a value of registry_blob_route stands for
 *     offload_key      $registry_cache_key and $registry_cache_bypass
 *     offload_filter   what backends answer: redirects, deletions
 *     proof            whether the blob is in the repository
 *     proof_ask        the HEAD that finds out
 *     size             what manifests say of the size of blobs
 *     cdn              registry_cdn
 *     cdn_url          its signed URLs
 *     signed           those that are signed already
 *     cdn_health       whether it is up
 *     verify           registry_verify_url
 *     digest           registry_verify_digest
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_flight.h"

#include "reg_proof.h"
#include "reg_sign.h"

#define NGX_HTTP_REGISTRY_CDN_SIGNS  2
#define NGX_HTTP_REGISTRY_SCOPE_LEN  16


typedef struct {
    reg_signer_t                *signer;
    ngx_http_registry_secret_t  *secret;
    ngx_uint_t                   version;    /* of the secret in the signer */
    unsigned                     hmac:1;
} ngx_http_registry_sign_t;


/* Signed URLs of a worker: see ngx_http_registry_cdn_url.c. */

typedef struct ngx_http_registry_signed_s  ngx_http_registry_signed_t;


/* What one worker thinks of a CDN. */

typedef struct {
    ngx_msec_t                   checked;
    unsigned                     known:1;
    unsigned                     down:1;
    unsigned                     checking:1;
} ngx_http_registry_health_t;


typedef struct {
    ngx_str_t                    name;
    ngx_http_complex_value_t    *url;
    ngx_str_t                    prefix;     /* of the url, up to a variable */
    ngx_uint_t                   nsigns;     /* the inner one comes first */
    ngx_http_registry_sign_t     signs[NGX_HTTP_REGISTRY_CDN_SIGNS];
    time_t                       ttl;
    ngx_str_t                    health;     /* uri; empty: none */

    ngx_http_registry_signed_t  *cache;      /* of this worker, as is */
    ngx_http_registry_health_t   state;

    u_char                      *file;       /* where it was given, */
    ngx_uint_t                   line;       /* for messages */
} ngx_http_registry_cdn_t;


/* A location that sends blobs somewhere, for the checks at the end. */

typedef struct {
    ngx_http_core_srv_conf_t    *cscf;
    ngx_str_t                    name;       /* of the location */
    void                       **loc_conf;
} ngx_http_registry_offload_location_t;


typedef struct {
    ngx_array_t                  cdns;       /* of cdn_t * */
    ngx_array_t                  locations;  /* of offload_location_t */

    size_t                       size;       /* of the zone */
    ngx_msec_t                   ttl;
    ngx_msec_t                   stale;
    ngx_shm_zone_t              *shm_zone;   /* NULL: nobody needs proofs */
    reg_proofs_t                *proofs;

    ngx_shm_zone_t              *size_zone;  /* NULL: backends always say */
    reg_proofs_t                *sizes;
    ngx_uint_t                   sized;      /* some location needs them */

    ngx_queue_t                 *flights;    /* of this worker */
} ngx_http_registry_offload_main_conf_t;


typedef struct {
    ngx_http_complex_value_t    *route;      /* NULL: origin */
    ngx_flag_t                   proof;
    ngx_flag_t                   verify_digest;
    ngx_array_t                 *hosts;      /* of ngx_str_t; NULL: none */
    u_char                      *scope;      /* of proofs; NULL: none */
    ngx_http_registry_cdn_t     *verify;     /* NULL: nothing */

    u_char                      *file;
    ngx_uint_t                   line;
} ngx_http_registry_offload_conf_t;


typedef enum {
    NGX_HTTP_REGISTRY_ROUTE_ORIGIN = 0,
    NGX_HTTP_REGISTRY_ROUTE_CDN,
    NGX_HTTP_REGISTRY_ROUTE_LOCATION
} ngx_http_registry_route_kind_t;


/* What a subrequest has found out. */

typedef enum {
    NGX_HTTP_REGISTRY_ASK_IDLE = 0,
    NGX_HTTP_REGISTRY_ASK_RUNNING,           /* its own subrequest */
    NGX_HTTP_REGISTRY_ASK_WAITING,           /* for that of another request */
    NGX_HTTP_REGISTRY_ASK_PROVEN,
    NGX_HTTP_REGISTRY_ASK_ABSENT,            /* the backend has said no */
    NGX_HTTP_REGISTRY_ASK_FAILED             /* the backend has said nothing */
} ngx_http_registry_ask_t;


/* Of one client request for a blob; lives as long as the request. */

struct ngx_http_registry_offload_s {
    ngx_http_registry_traveller_t    traveller;
    ngx_http_registry_route_kind_t   kind;
    ngx_http_registry_cdn_t         *cdn;
    ngx_str_t                        location;

    ngx_http_registry_ask_t          ask;
    reg_proof_key_t                  key;
    reg_proof_t                      proof;
    uint32_t                         generation;

    unsigned                         shared:1;       /* the proof is for all */
    unsigned                         remembered:1;   /* an old one is there */
    unsigned                         checking:1;     /* asks for the health */
    unsigned                         done:1;
};


/* Whose request it is; empty if that is nobody. */

static ngx_inline ngx_str_t
ngx_http_registry_offload_tenant(ngx_http_registry_ctx_t *ctx)
{
    ngx_str_t  none = ngx_null_string;

    if (ctx->anonymous_tenant.len) {
        return ctx->anonymous_tenant;
    }

    return ctx->identity
           ? ngx_http_registry_ngx_str(ctx->identity->identity->tenant) : none;
}


/* Decides what value, of registry_blob_route, stands for. */

void ngx_http_registry_offload_resolve(ngx_http_request_t *r,
    ngx_http_registry_offload_t *offload, ngx_str_t *value);

ngx_http_registry_cdn_t *ngx_http_registry_cdn_find(
    ngx_http_registry_offload_main_conf_t *omcf, ngx_str_t *name);

/* That of nginx; NULL where it was built without. */

ngx_module_t *ngx_http_registry_proxy_module(ngx_conf_t *cf);

/* Checks what is constant, once the configuration is known. */

ngx_int_t ngx_http_registry_offload_check(ngx_conf_t *cf,
    ngx_http_registry_offload_main_conf_t *omcf);

/* Names the place that proofs are seen from; NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_offload_scope(ngx_conf_t *cf,
    ngx_http_registry_offload_conf_t *conf);


/*
 * Is the blob in the repository?
 *
 * NGX_OK         it is; ctx->blob_size is set, or -1
 * NGX_AGAIN      somebody is asked, and the phases go on when that is known
 * NGX_DECLINED   nobody says so
 * NGX_ERROR      memory ran out
 */

ngx_int_t ngx_http_registry_prove(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload);

/* The blob of the request is deleted, or may be: no proof of it counts. */

void ngx_http_registry_proof_purge(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);

/* NGX_OK or NGX_ERROR; the answer comes to ngx_http_registry_proof_done(). */

ngx_int_t ngx_http_registry_proof_ask(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_offload_t *offload);

void ngx_http_registry_proof_done(ngx_http_registry_offload_t *offload,
    ngx_http_registry_ask_t answer, int64_t size);

/*
 * Starts a HEAD request for uri to this server.  method is NGX_HTTP_UNKNOWN
 * for one that no cache answers.
 */

ngx_int_t ngx_http_registry_subrequest(ngx_http_request_t *r, ngx_str_t *uri,
    ngx_uint_t method, ngx_http_post_subrequest_pt handler, void *data);


char *ngx_http_registry_cdn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

char *ngx_http_registry_verify_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ACCESS. */

ngx_int_t ngx_http_registry_verify_handler(ngx_http_request_t *r);


/*
 * The signed URL of the blob of a request, as it is sent.
 *
 * NGX_OK         *url is set, and lives as long as the request
 * NGX_DECLINED   there is none, which has been logged
 * NGX_ERROR      memory ran out
 */

ngx_int_t ngx_http_registry_cdn_url(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_cdn_t *cdn,
    ngx_str_t *url);

/* The signer with the key that its file holds now. */

reg_signer_t *ngx_http_registry_cdn_signer(ngx_http_registry_cdn_t *cdn,
    ngx_http_registry_sign_t *sign, ngx_log_t *log);

/* NULL if memory ran out. */

ngx_http_registry_signed_t *ngx_http_registry_signed_create(ngx_conf_t *cf);

/*
 * The signed form of the URL plain, for what the key of the proof and the
 * times of the claims stand for.  NGX_OK: *url is set, good until the next
 * call; NGX_DECLINED: it is not remembered.
 */

ngx_int_t ngx_http_registry_signed_find(ngx_http_registry_signed_t *cache,
    const reg_proof_key_t *key, ngx_str_t *plain, const reg_claims_t *claims,
    ngx_str_t *url);

void ngx_http_registry_signed_put(ngx_http_registry_signed_t *cache,
    const reg_proof_key_t *key, ngx_str_t *plain, const reg_claims_t *claims,
    ngx_str_t *url);

/* Forgets them all: the key that signed them is another now. */

void ngx_http_registry_signed_flush(ngx_http_registry_signed_t *cache);


/* NGX_OK: it is up; NGX_DECLINED: down; NGX_AGAIN: asked; NGX_ERROR. */

ngx_int_t ngx_http_registry_cdn_health(ngx_http_request_t *r,
    ngx_http_registry_offload_t *offload);


ngx_int_t ngx_http_registry_offload_filter_init(ngx_conf_t *cf);

ngx_int_t ngx_http_registry_size_filter_init(ngx_conf_t *cf);

ngx_int_t ngx_http_registry_digest_filter_init(ngx_conf_t *cf);


/* The size of the blob of the request, as manifests have said, or -1. */

int64_t ngx_http_registry_size(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/*
 * Whether r asks for what the client asks for: it is its request, or one that
 * nginx has made of it, for a slice or to renew what a cache has.
 */

ngx_uint_t ngx_http_registry_same_request(ngx_http_request_t *r);


extern ngx_module_t  ngx_http_registry_offload_module;

#endif /* NGX_HTTP_REGISTRY_OFFLOAD_H */
