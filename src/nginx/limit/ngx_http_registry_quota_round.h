/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_QUOTA_ROUND_H
#define NGX_HTTP_REGISTRY_QUOTA_ROUND_H

/*
 * What the two files of a round share: who reads and which files is in one,
 * what is read and made of it in the other.
 */

#include "ngx_http_registry_quota.h"


/*
 * Bytes of a tenant in the files, by period: of earlier days, and of the two
 * last.  What is sent is in Redis, too, and may be in other fields there.
 */

typedef struct {
    ngx_str_node_t                node;
    ngx_queue_t                   queue;
    uint64_t                      ours[2][REG_PERIODS];
    uint64_t                      sent[2][REG_PERIODS];
} ngx_http_registry_quota_sum_t;


struct ngx_http_registry_quota_round_s {
    ngx_http_registry_quotas_t   *quotas;
    ngx_event_t                   timer;
    ngx_atomic_uint_t             due;          /* ms */

    /* of this day */

    ngx_pool_t                   *pool;
    int64_t                       today;        /* 0: none, so far */
    int64_t                       first[REG_PERIODS];
    int64_t                       next[REG_PERIODS];
    ngx_rbtree_t                  tree;         /* of sums */
    ngx_rbtree_node_t             sentinel;
    ngx_queue_t                   sums;
    ngx_array_t                   skip;         /* of reg_str_t, over */
    ngx_uint_t                    over;         /* earlier days were read */

    /* of this round */

    ngx_pool_t                   *files_pool;
    ngx_array_t                   files;        /* of u_char * */
    ngx_uint_t                    file;
    reg_ledger_t                 *ledger;       /* NULL: none is being read */
    ngx_uint_t                    late;         /* one of the two last days */
    ngx_uint_t                    sent;         /* Redis has all of it */
    ngx_uint_t                    open;         /* an earlier day is not so */
    size_t                        row;
    ngx_array_t                   skip_late;    /* of reg_str_t */

    /* of this tenant */

    size_t                        slot;
    reg_spent_at_t                at;
    ngx_uint_t                    period;
    ngx_http_registry_run_t      *run;
    char                          name[REG_SPENT_NAME_MAX + 1];
};


/* Begins to read the file that is open, and goes on with it. */

void ngx_http_registry_quota_read_file(ngx_http_registry_quota_round_t *round);

void ngx_http_registry_quota_read(ngx_http_registry_quota_round_t *round);


/* Goes on with the next file; and the round is over. */

void ngx_http_registry_quota_next_file(
    ngx_http_registry_quota_round_t *round);

void ngx_http_registry_quota_done(ngx_http_registry_quota_round_t *round);


/* All has been read: sets what tenants have used. */

void ngx_http_registry_quota_publish(ngx_http_registry_quota_round_t *round);


/* Whom nobody has asked for since then is left out. */

uint64_t ngx_http_registry_quota_lately(void);


/* Milliseconds of the monotonic clock. */

ngx_atomic_uint_t ngx_http_registry_quota_ms(void);

#endif /* NGX_HTTP_REGISTRY_QUOTA_ROUND_H */
