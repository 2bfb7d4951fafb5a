/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_H
#define NGX_HTTP_REGISTRY_H

/*
 * What the files of the glue share.  The core (src/core, src/oci, src/access,
 * src/store) decides; the files here only bring it what nginx knows and
 * do what it says.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "reg_core.h"
#include "reg_decision.h"
#include "reg_query.h"
#include "reg_route.h"
#include "reg_store_url.h"

#include "ngx_http_registry_header.h"
#include "ngx_http_registry_identity.h"
#include "ngx_http_registry_secret.h"
#include "ngx_http_registry_store.h"

#define NGX_HTTP_REGISTRY_OFF  0
#define NGX_HTTP_REGISTRY_ON   1
#define NGX_HTTP_REGISTRY_API  2

#define NGX_HTTP_REGISTRY_AUTH_OFF      0
#define NGX_HTTP_REGISTRY_AUTH_ON       1
#define NGX_HTTP_REGISTRY_AUTH_DRY_RUN  2

#define NGX_HTTP_REGISTRY_BACKEND_AUTH_OFF          0
#define NGX_HTTP_REGISTRY_BACKEND_AUTH_PASSTHROUGH  1
#define NGX_HTTP_REGISTRY_BACKEND_AUTH_BASIC        2
#define NGX_HTTP_REGISTRY_BACKEND_AUTH_TOKEN        3


typedef struct {
    ngx_http_registry_identify_t  by;         /* by.store may be NULL */
    reg_store_url_t               url;
    size_t                        cache_size; /* 0: no registry_cache */
    ngx_msec_t                    cache_ttl;
    ngx_msec_t                    cache_stale;
    ngx_msec_t                    cache_negative;
    ngx_array_t                   secrets;    /* of secret_t *, all of them */
    ngx_array_t                   key_files;  /* of key_file_t * */
    ngx_array_t                   trusts;     /* of trust_t * */
    ngx_event_t                   watch;      /* looks after changed files */
    unsigned                      used:1;     /* "registry" is on somewhere */
} ngx_http_registry_main_conf_t;


typedef struct {
    ngx_flag_t                   used;        /* by a location of the server */
} ngx_http_registry_srv_conf_t;


typedef struct {
    ngx_uint_t                   registry;    /* NGX_HTTP_REGISTRY_* */
    ngx_str_t                    api_scope;
    reg_access_t                 api;         /* slices of api_scope */
    ngx_uint_t                   auth;        /* NGX_HTTP_REGISTRY_AUTH_* */
    ngx_uint_t                   backend_auth;
    ngx_uint_t                   inherits_auth;     /* the one above */
    ngx_http_registry_secret_t  *backend_secret;
    ngx_str_t                    backend_service;   /* aud of its tokens */
    ngx_uint_t                   backend_libtrust;  /* how it names keys */
    ngx_uint_t                   relay;       /* for a location in front */
    ngx_uint_t                   page_401;    /* is for one of a backend */
} ngx_http_registry_loc_conf_t;


/*
 * What is known of one client request.  It belongs to the main request and
 * outlives internal redirects, which wipe r->ctx: see
 * ngx_http_registry_get_ctx().
 */

typedef struct ngx_http_registry_booked_s   ngx_http_registry_booked_t;
typedef struct ngx_http_registry_limited_s  ngx_http_registry_limited_t;
typedef struct ngx_http_registry_offload_s  ngx_http_registry_offload_t;
typedef struct ngx_http_registry_pass_s     ngx_http_registry_pass_t;

typedef struct {
    reg_route_rc_t                 rc;        /* of the target */
    reg_route_t                    route;
    reg_query_t                    query;
    ngx_str_t                      target;    /* path and query, as sent */
    ngx_str_t                      path;
    ngx_str_t                      args;

    ngx_list_t                     headers;   /* the client's, all of them */
    ngx_table_elt_t               *authorization;

    ngx_http_registry_identity_t  *identity;  /* NULL: not identified */
    ngx_str_t                      anonymous_tenant;   /* if it varies */
    ngx_http_registry_waiter_t     waiter;    /* for the store */
    reg_decision_t                 decision;
    ngx_http_registry_limited_t   *limited;   /* NULL: by no limit, so far */
    void                          *download;  /* of a blob; NULL: free */
    ngx_http_registry_offload_t   *offload;   /* NULL: not looked at */
    ngx_http_registry_pass_t      *pull;      /* NULL: from no upstream */
    void                          *verified;  /* the cdn that signed it */
    ngx_str_t                      blob_route;        /* empty: no blob GET */
    int64_t                        blob_size; /* bytes; -1: unknown */
    void                          *manifest;  /* is read as it passes */
    ngx_http_registry_booked_t    *booked;    /* NULL: nothing, so far */
    const char                    *message;   /* of a limit that refused, */
    ngx_str_t                      detail;    /* and JSON; NULL: none */
    ngx_table_elt_t               *challenge; /* of ours, NULL: none */
    ngx_http_upstream_t           *challenger;        /* was answered 502 */

    unsigned                       parsed:1;
    unsigned                       decided:1;
    unsigned                       guarded:1; /* by a location it was in */
    unsigned                       dry_run:1; /* a backend may challenge */
    unsigned                       replaced:1;        /* headers_in.headers */
    unsigned                       rewritten:1;       /* the query is */
    unsigned                       deletes:1; /* a blob */
    unsigned                       proven:1;  /* the blob is in there */
    unsigned                       misled:1;  /* by a Location, to be 502 */
    unsigned                       error_body:1;      /* is to replace one */
    unsigned                       error_sent:1;
    unsigned                       warned:1;  /* of the end of the key */
} ngx_http_registry_ctx_t;


static ngx_inline reg_str_t
ngx_http_registry_str(ngx_str_t s)
{
    return (reg_str_t) { s.len, s.data };
}


static ngx_inline ngx_str_t
ngx_http_registry_ngx_str(reg_str_t s)
{
    return (ngx_str_t) { s.len, s.data };
}


/*
 * The context of the client request that r belongs to, created on first need.
 * NULL when memory ran out.
 */

ngx_http_registry_ctx_t *ngx_http_registry_get_ctx(ngx_http_request_t *r);


/* The same, but NULL where none was created yet. */

ngx_http_registry_ctx_t *ngx_http_registry_find_ctx(ngx_http_request_t *r);


/*
 * Parses the target of the client request, once.
 *
 * NGX_OK      ctx->route and ctx->query are set
 * NGX_ABORT   it is no request of the API: ctx->rc says why
 * NGX_ERROR   memory ran out
 */

ngx_int_t ngx_http_registry_parse(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/*
 * Parses the request and checks what needs no identity: its target and what
 * it says about its body.
 *
 * NGX_OK      it may be forwarded, should somebody allow it
 * NGX_ABORT   it is refused, for *reason
 * NGX_ERROR   memory ran out
 */

ngx_int_t ngx_http_registry_check(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t *reason);


/*
 * Denies the request for a reason.  Returns the status that a phase handler
 * is to return; the filter adds the body.
 */

ngx_int_t ngx_http_registry_refuse(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_reason_t reason);


/* Adds a header to the response; NULL when memory ran out. */

ngx_table_elt_t *ngx_http_registry_add_header(ngx_http_request_t *r,
    ngx_str_t name, ngx_str_t value);

#define NGX_HTTP_REGISTRY_STR(literal)  ((ngx_str_t) ngx_string(literal))


/*
 * Adds a warning to the response, of printable ASCII without quotes: for people
 * who read what their tool prints.  NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_registry_add_warning(ngx_http_request_t *r,
    ngx_str_t *text);

/* The same, once, if the key that is used ends soon. */

ngx_int_t ngx_http_registry_warn_of_end(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* The address of the client, as nginx knows it. */

void ngx_http_registry_address(ngx_http_request_t *r, reg_address_t *address);


/*
 * The network of the client, by which strangers are counted, as bytes that no
 * other network has.  Returns how many.
 */

#define NGX_HTTP_REGISTRY_NETWORK_LEN  9

size_t ngx_http_registry_network(ngx_http_request_t *r,
    u_char buf[NGX_HTTP_REGISTRY_NETWORK_LEN]);


/* PRECONTENT: makes what the backend gets: see ngx_http_registry_forward.c. */

ngx_int_t ngx_http_registry_forward_handler(ngx_http_request_t *r);

/* Of a secret "user:password": the value of an Authorization header. */

const char *ngx_http_registry_make_basic(u_char *value, size_t *len,
    ngx_str_t text);

/* Adds an Authorization to what is sent.  NGX_DECLINED or NGX_ERROR. */

ngx_int_t ngx_http_registry_forward_add(ngx_http_request_t *r,
    ngx_str_t *value);

/* PRECONTENT: where a blob is answered: see ..._offload_module.c. */

ngx_int_t ngx_http_registry_offload_handler(ngx_http_request_t *r);

/* PRECONTENT: from where it is pulled: see ..._upstream_request.c. */

ngx_int_t ngx_http_registry_upstream_handler(ngx_http_request_t *r);

/* Of $registry_cache_key and $registry_cache_bypass. */

ngx_int_t ngx_http_registry_cache_key_variable(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_str_t *s);

ngx_uint_t ngx_http_registry_cache_bypass(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


ngx_int_t ngx_http_registry_add_variables(ngx_conf_t *cf);

ngx_int_t ngx_http_registry_error_filter_init(ngx_conf_t *cf);


/*
 * Warns of "return" with a status below limit and of "rewrite" in a location
 * that the registry guards, or in its server.
 */

void ngx_http_registry_check_bypass(ngx_conf_t *cf, ngx_http_conf_ctx_t *ctx,
    ngx_uint_t limit);


/* Prepares the timer that looks after changed files. */

ngx_int_t ngx_http_registry_watch_init(ngx_conf_t *cf,
    ngx_http_registry_main_conf_t *rmcf);


/* Makes sure that the timer of this worker runs; cheap. */

void ngx_http_registry_watch(ngx_http_registry_main_conf_t *rmcf);


extern ngx_module_t  ngx_http_registry_module;
extern ngx_module_t  ngx_http_registry_auth_module;

#endif /* NGX_HTTP_REGISTRY_H */
