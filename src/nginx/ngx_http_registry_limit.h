/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LIMIT_H
#define NGX_HTTP_REGISTRY_LIMIT_H

/*
 * What the files of the limit module share: the limits of the configuration,
 * and what was said of one request.
 */

#include "ngx_http_registry.h"

#include "reg_gcra.h"
#include "reg_limit.h"
#include "reg_marks.h"

/* Of one location; more would be hard to explain to anybody. */

#define NGX_HTTP_REGISTRY_LIMITS_MAX  16


/* Of "100;w=21600", with the largest numbers. */

#define NGX_HTTP_REGISTRY_LIMIT_RATE_LEN  (2 * NGX_INT32_LEN + sizeof(";w="))


/* In the zone of a limit: what workers share, before its marks. */

typedef struct {
    ngx_atomic_t             passed;
    ngx_atomic_t             refused;
    ngx_atomic_t             refused_dry_run;
    ngx_atomic_t             exempt;       /* would be, but a pull goes on */
    ngx_atomic_t             failed;       /* no place for a mark: refused */
} ngx_http_registry_limit_counters_t;


/* What a name stands for, wherever it is given. */

typedef struct {
    ngx_str_t                            name;
    reg_count_t                          count;
    unsigned                             per;       /* REG_PER_* */
    reg_rate_t                           rate;
    reg_gcra_t                           gcra;
    ngx_str_t                            text;      /* "100;w=21600" */
    size_t                               size;      /* of its zone */
    ngx_uint_t                           dry_run;

    u_char                              *file;      /* where it was given, */
    ngx_uint_t                           line;      /* for messages */

    ngx_shm_zone_t                      *shm_zone;
    ngx_http_registry_limit_counters_t  *counters;
    reg_marks_t                         *marks;
    uint64_t                             salt;      /* of its keys */
} ngx_http_registry_limit_t;


typedef struct {
    ngx_array_t                  limits;    /* of limit_t * */
    ngx_shm_zone_t              *shm_zone;
    reg_marks_t                 *admissions;
} ngx_http_registry_limit_main_conf_t;


typedef struct {
    ngx_array_t                 *limits;    /* of limit_t *; NULL: none */
} ngx_http_registry_limit_conf_t;


typedef enum {
    NGX_HTTP_REGISTRY_LIMIT_PASSED = 0,
    NGX_HTTP_REGISTRY_LIMIT_EXEMPT,
    NGX_HTTP_REGISTRY_LIMIT_REFUSED_DRY_RUN,
    NGX_HTTP_REGISTRY_LIMIT_REFUSED
} ngx_http_registry_limit_status_t;


/* One limit and one request. */

typedef struct {
    ngx_http_registry_limit_t        *limit;
    reg_use_t                         use;
    reg_rate_t                        rate;    /* the limit's, or a record's */
    reg_gcra_t                        gcra;
    uint64_t                          key;     /* in its marks */
    reg_gcra_answer_t                 answer;
    unsigned                          taken:1;
    unsigned                          refused:1;
} ngx_http_registry_charge_t;


/* What was said of a client request; it is limited once. */

struct ngx_http_registry_limited_s {
    ngx_http_registry_limit_status_t  status;
    ngx_http_registry_charge_t       *by;      /* that refuses; NULL: none */
    unsigned                          follows:1;   /* a manifest of a pull */
    ngx_uint_t                        n;
    ngx_http_registry_charge_t        charges[];
};


/* The setter of the directive "registry_limit". */

char *ngx_http_registry_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/*
 * Asks the limits of a location, once for each client request; NULL: there are
 * none here.  Returns what a phase handler does.
 */

ngx_int_t ngx_http_registry_limit_request(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits);


/* What a rate adds to the keys in the marks of a limit. */

uint64_t ngx_http_registry_limit_salt(ngx_http_registry_limit_t *limit,
    reg_rate_t *rate);


/*
 * Writes what a limit counts by to buf, which holds so many bytes, and returns
 * the length; 0 where there is no such thing, so that the limit is not about
 * this request.  Who has no key or tenant is counted by address.
 */

#define NGX_HTTP_REGISTRY_LIMIT_KEY_MAX  (2 * (REG_REPOSITORY_MAX + 2))

size_t ngx_http_registry_limit_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf);


/* The same for people, into as many bytes. */

size_t ngx_http_registry_limit_source(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf);


/*
 * Adds what clients read: headers to a response that is on its way, and the
 * error of one that is refused by limited->by.  NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_registry_limit_headers(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);

ngx_int_t ngx_http_registry_limit_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* Nanoseconds of the monotonic clock, the time of all marks. */

int64_t ngx_http_registry_limit_now(void);


extern ngx_module_t  ngx_http_registry_limit_module;

#endif /* NGX_HTTP_REGISTRY_LIMIT_H */
