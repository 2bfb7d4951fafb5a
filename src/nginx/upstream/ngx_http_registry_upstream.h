/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_UPSTREAM_H
#define NGX_HTTP_REGISTRY_UPSTREAM_H

/*
 * A registry that is pulled through.  nginx does the transport: each URL of
 * reg_upstream.h is one turn of the same location, whose proxy_pass is
 * $registry_upstream_url.  A 401 or a redirect of the upstream is an error page
 * for nginx, namely the request itself, and so comes back to our handler, which
 * chooses the next URL.  The question for a token is a subrequest, which is
 * kept in memory, to the same location.
 *
 *     upstream_module   the directives
 *     upstream_block    registry_upstream
 *     upstream_request  the handler: which URL is next
 *     upstream_send     what is sent there, and what comes back
 *     upstream_token    tokens: had, remembered, asked for
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_flight.h"

#include "reg_upstream.h"
#include "reg_zone.h"

typedef struct {
    ngx_str_t                      name;
    reg_upstream_t                 core;
    ngx_array_t                   *follow;    /* of reg_str_t; NULL: none */
    ngx_array_t                   *ns;        /* of ngx_str_t; NULL: any */
    ngx_http_registry_secret_t    *secret;    /* NULL: none */
} ngx_http_registry_upstream_t;


/* Bytes of an answer of the realm, which is kept in memory. */

#define NGX_HTTP_REGISTRY_UPSTREAM_ANSWER  32768


/* A location that has one, for what is set and checked at the end. */

typedef struct {
    ngx_http_core_loc_conf_t      *clcf;
    void                         **loc_conf;
    ngx_http_registry_upstream_t  *upstream;
} ngx_http_registry_upstream_location_t;


typedef struct {
    ngx_array_t                    upstreams; /* of upstream_t * */
    ngx_array_t                    locations; /* of upstream_location_t */
    ngx_queue_t                   *flights;   /* of this worker */
    reg_zone_t                    *zone;      /* of tokens; NULL: no realm */
    ngx_int_t                      sent;      /* $http_authorization */
} ngx_http_registry_upstream_main_conf_t;


typedef struct {
    ngx_http_registry_upstream_t  *upstream;  /* NULL: none */
} ngx_http_registry_upstream_conf_t;


typedef enum {
    NGX_HTTP_REGISTRY_PULL_NEW = 0,
    NGX_HTTP_REGISTRY_PULL_ASKING,            /* for a token, or waiting */
    NGX_HTTP_REGISTRY_PULL_ASKED,
    NGX_HTTP_REGISTRY_PULL_SENT               /* the upstream has its turn */
} ngx_http_registry_pass_state_t;


/* Names what a token is for: see ngx_http_registry_upstream_token.c. */

#define NGX_HTTP_REGISTRY_GRANT_NAME  32

typedef struct {
    ngx_str_t                      service;
    ngx_str_t                      scope;
    ngx_str_t                      token;
    int64_t                        refresh;   /* ms, monotonic clock */
    int64_t                        expires;
} ngx_http_registry_grant_t;


/* Of one client request; lives as long as the request. */

struct ngx_http_registry_pass_s {
    ngx_http_registry_traveller_t   traveller;
    ngx_http_registry_upstream_t   *upstream;
    ngx_http_registry_pass_state_t  state;
    ngx_str_t                       repository;      /* as it is there */
    ngx_str_t                       url;             /* of this turn */
    ngx_uint_t                      hops;            /* redirects, so far */

    u_char                          name[NGX_HTTP_REGISTRY_GRANT_NAME];
    ngx_http_registry_grant_t       grant;           /* token empty: none */
    ngx_http_request_t             *question;        /* a subrequest */
    ngx_str_t                       question_url;
    off_t                           answer;          /* its bytes, so far */
    ngx_int_t                       status;          /* 0, or why no token */

    unsigned                        challenged:1;    /* by the upstream, once */
    unsigned                        old:1;           /* one is there as well */
    unsigned                        asked:1;         /* the question is sent */
    unsigned                        judged:1;        /* the answer is */
};


ngx_http_registry_upstream_t *ngx_http_registry_upstream_find(
    ngx_http_registry_upstream_main_conf_t *umcf, ngx_str_t *name);

char *ngx_http_registry_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * Finds the token for the request, which may be there already.
 *
 * NGX_OK         pull->grant has it, with its end ahead
 * NGX_DECLINED   there is none; pull->grant.scope is set if what it was for the
 *                last time is known
 */

ngx_int_t ngx_http_registry_grant_find(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);

/*
 * Asks for a token for pull->grant.service and scope.
 *
 * NGX_AGAIN      the phases go on when the answer is there; pull->status says
 *                which it was
 * NGX_ERROR      memory ran out
 * else           a status
 */

ngx_int_t ngx_http_registry_grant_ask(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);

/* Whether somebody of this worker asks for that token. */

ngx_uint_t ngx_http_registry_grant_is_asked(ngx_http_request_t *r,
    ngx_http_registry_pass_t *pull);


/*
 * Makes what this turn sends: of the client's headers those that choose what
 * is sent back, and an Authorization.  NGX_DECLINED or NGX_ERROR.
 */

ngx_int_t ngx_http_registry_upstream_send(ngx_http_request_t *r,
    ngx_list_t *headers, ngx_str_t *authorization);

/* The Basic credentials of the upstream; NULL: none, or memory ran out. */

ngx_str_t *ngx_http_registry_upstream_basic(ngx_http_request_t *r,
    ngx_http_registry_upstream_t *upstream);

/* Takes headers of that name from what the client gets, however many. */

void ngx_http_registry_upstream_hide(ngx_http_request_t *r, ngx_str_t name);

ngx_int_t ngx_http_registry_upstream_filter_init(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_registry_upstream_module;

#endif /* NGX_HTTP_REGISTRY_UPSTREAM_H */
