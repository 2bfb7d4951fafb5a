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
#include "reg_lease.h"
#include "reg_limit.h"
#include "reg_marks.h"
#include "reg_spent.h"

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
    ngx_atomic_t             waited;       /* of all that passed: for Redis */
    ngx_atomic_t             local;        /* of them: Redis was away */
    ngx_atomic_t             granted;      /* permits, by Redis */
    ngx_atomic_t             returned;     /* of those: it took them back */
} ngx_http_registry_limit_counters_t;


typedef enum {
    NGX_HTTP_REGISTRY_LIMIT_DEFAULT = 0,   /* lease if the store is Redis */
    NGX_HTTP_REGISTRY_LIMIT_LOCAL,
    NGX_HTTP_REGISTRY_LIMIT_EXACT,
    NGX_HTTP_REGISTRY_LIMIT_LEASE,
    NGX_HTTP_REGISTRY_LIMIT_QUOTA          /* has no rate */
} ngx_http_registry_limit_mode_t;


/* What a name stands for, wherever it is given. */

typedef struct {
    ngx_str_t                            name;
    reg_count_t                          count;
    unsigned                             per;       /* REG_PER_* */
    reg_rate_t                           rate;
    reg_gcra_t                           gcra;
    reg_quota_t                          quota;
    ngx_str_t                            text;      /* "100;w=21600" */
    size_t                               size;      /* of its zone */
    ngx_http_registry_limit_mode_t       mode;
    ngx_uint_t                           dry_run;

    u_char                              *file;      /* where it was given, */
    ngx_uint_t                           line;      /* for messages */

    ngx_shm_zone_t                      *shm_zone;
    ngx_http_registry_limit_counters_t  *counters;
    reg_marks_t                         *marks;
    reg_marks_t                         *leases;    /* NULL: it has none */
    uint64_t                             salt;      /* of its keys */
} ngx_http_registry_limit_t;


typedef struct ngx_http_registry_limit_redis_s  ngx_http_registry_limit_redis_t;
typedef struct ngx_http_registry_quotas_s       ngx_http_registry_quotas_t;
typedef struct ngx_http_registry_downloads_s    ngx_http_registry_downloads_t;

typedef struct {
    ngx_array_t                       limits;    /* of limit_t * */
    ngx_shm_zone_t                   *shm_zone;
    reg_marks_t                      *admissions;
    ngx_http_registry_limit_redis_t  *redis;     /* NULL: the store is none */
    ngx_http_registry_quotas_t       *quotas;    /* NULL: there are none */
    ngx_http_registry_downloads_t    *downloads; /* NULL: no registry */
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


/* What a quota leaves of a period to the tenant of a request. */

typedef struct {
    reg_quota_t       quota;         /* the limit's, or a record's */
    int64_t           first;         /* day of the period, and that of the */
    int64_t           next;          /* one behind it */
    uint64_t          used;          /* bytes */
    reg_str_t         tenant;
    reg_spent_at_t    at;
    ngx_msec_t        since;         /* it waits */
    unsigned          unknown:1;     /* how much is used */
} ngx_http_registry_quota_t;


/* One limit and one request. */

typedef struct {
    ngx_http_registry_limit_t        *limit;
    ngx_http_registry_quota_t        *quota;   /* NULL: it is a rate */
    reg_use_t                         use;
    reg_rate_t                        rate;    /* the limit's, or a record's */
    reg_gcra_t                        gcra;
    reg_gcra_t                        share;   /* of this host, if local */
    uint64_t                          key;     /* in its marks */
    reg_gcra_answer_t                 answer;

    ngx_queue_t                       queue;   /* of those who wait for Redis */
    ngx_http_registry_limited_t      *limited;
    int64_t                           granted; /* us, of Redis; 0: not so */
    int64_t                           until;   /* of the lease it is from */

    unsigned                          waiting:1;
    unsigned                          waited:1;
    unsigned                          local:1; /* Redis is away */
    unsigned                          taken:1;
    unsigned                          refused:1;
} ngx_http_registry_charge_t;


/*
 * What is done next for a request.  NGX_OK: go on; anything else is what the
 * phase handler returns, with NGX_AGAIN to be called again.
 */

typedef ngx_int_t (*ngx_http_registry_limit_step_pt)(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* What was said of a client request; it is limited once. */

struct ngx_http_registry_limited_s {
    ngx_http_registry_limit_status_t  status;
    ngx_http_registry_charge_t       *by;      /* that refuses; NULL: none */
    ngx_http_registry_limit_step_pt   step;    /* NULL: all is said */
    ngx_http_request_t               *request;
    int64_t                           now;     /* since the last wait */
    uint64_t                          pull;    /* its key in the admissions */
    ngx_uint_t                        waiting; /* for so many answers */
    void                             *asking;  /* of other hosts' pulls */
    unsigned                          follows:1;   /* a manifest of a pull */
    unsigned                          asked:1;     /* the other hosts */
    unsigned                          admitted:1;  /* by one of them */
    unsigned                          leaves:1;    /* will, when r ends */
    ngx_uint_t                        n;
    ngx_http_registry_charge_t        charges[];
};


/* The setter of the directive "registry_limit". */

char *ngx_http_registry_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* Reads its parameters.  NGX_CONF_OK or NGX_CONF_ERROR. */

char *ngx_http_registry_limit_parse(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit);

#define NGX_HTTP_REGISTRY_QUOTA_ZONE  (64 * 1024)  /* it only has counters */


/*
 * Asks the limits of a location, once for each client request; NULL: there are
 * none here.  Returns what a phase handler does; after NGX_AGAIN the phases go
 * on by themselves, and it is to be called again.
 */

ngx_int_t ngx_http_registry_limit_request(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits);


/*
 * The phases stop here; they go on when limited->waiting answers have come, of
 * which each is told by ngx_http_registry_limit_answered().  Returns NGX_AGAIN,
 * or NGX_ERROR.
 */

ngx_int_t ngx_http_registry_limit_wait(ngx_http_request_t *r,
    ngx_http_registry_limited_t *limited);

void ngx_http_registry_limit_answered(ngx_http_registry_limited_t *limited);

/* The same for all charges in a queue, which have what they waited for. */

void ngx_http_registry_limit_wake(ngx_queue_t *served);


/* Makes ctx->limited, with those limits that have to do with the request. */

ngx_int_t ngx_http_registry_limit_charges(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_array_t *limits);


/* What a rate adds to the keys in the marks of a limit. */

uint64_t ngx_http_registry_limit_salt(ngx_http_registry_limit_t *limit,
    reg_rate_t *rate);


/*
 * What the marks of this host say to a charge, and a permit by them: sets the
 * answer and what follows from it.
 */

void ngx_http_registry_limit_look(ngx_http_registry_charge_t *charge,
    int64_t now);

void ngx_http_registry_limit_take(ngx_http_registry_charge_t *charge,
    int64_t now);


/* Gives back what a charge has taken, wherever that was, if anything. */

void ngx_http_registry_limit_refund(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_charge_t *charge,
    int64_t now);


/*
 * Writes what a limit counts by to buf, which holds so many bytes, and returns
 * the length; 0 where there is no such thing, so that the limit is not about
 * this request.  Who has no key or tenant is counted by address.
 */

#define NGX_HTTP_REGISTRY_LIMIT_KEY_MAX  (2 * (REG_REPOSITORY_MAX + 3))

size_t ngx_http_registry_limit_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf);


/* The same for people, into as many bytes. */

size_t ngx_http_registry_limit_source(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf);


/* The same for keys in Redis, which people read as well: "k=7rZkV0aQ3mXw". */

size_t ngx_http_registry_limit_who(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf);


/*
 * Adds what clients read: headers to a response that is on its way, and the
 * error of one that is refused by limited->by.  NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_registry_limit_headers(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);

ngx_int_t ngx_http_registry_limit_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* What became of the request: for the counters of limits, and the log. */

void ngx_http_registry_limit_count(ngx_http_registry_limited_t *limited);

void ngx_http_registry_limit_log(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);


/* Nanoseconds of the monotonic clock, the time of all marks. */

int64_t ngx_http_registry_limit_now(void);


extern ngx_module_t  ngx_http_registry_limit_module;

#endif /* NGX_HTTP_REGISTRY_LIMIT_H */
