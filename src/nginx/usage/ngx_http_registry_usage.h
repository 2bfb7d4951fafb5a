/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_USAGE_H
#define NGX_HTTP_REGISTRY_USAGE_H

/*
 * What the files of the usage module share.  A worker counts the uses of keys
 * in a table (ngx_http_registry_usage_table.c), and now and then hands what it
 * has to a file or to Redis (ngx_http_registry_usage_write.c).
 */

#include "ngx_http_registry.h"
#include "ngx_http_registry_script.h"

#include "reg_marks.h"
#include "reg_siphash.h"
#include "reg_usage.h"

/* Kinds of uses that a worker counts, or has to write down, at most. */

#define NGX_HTTP_REGISTRY_USES_MAX      4096
#define NGX_HTTP_REGISTRY_USES_BUCKETS  1024


/* Uses that differ in nothing but their time; its texts lie behind it. */

typedef struct ngx_http_registry_use_s  ngx_http_registry_use_t;

struct ngx_http_registry_use_s {
    ngx_http_registry_use_t   *next;        /* of the bucket */
    ngx_queue_t                queue;
    reg_siphash_t              hash;
    reg_address_t              address;
    reg_usage_t                usage;       /* pushed: allocated each */
};


typedef struct {
    u_char                     secret[REG_SIPHASH_KEY_LEN];
    ngx_uint_t                 n;
    ngx_queue_t                uses;        /* oldest first */
    ngx_http_registry_use_t   *buckets[NGX_HTTP_REGISTRY_USES_BUCKETS];
} ngx_http_registry_uses_t;


typedef struct {
    ngx_flag_t                      enable;
    ngx_msec_t                      interval;

    ngx_open_file_t                *file;       /* NULL: they go to Redis */
    ngx_shm_zone_t                 *shm_zone;   /* networks, with a file */
    ngx_http_registry_script_t      script;
    ngx_http_registry_store_t      *store;
    reg_str_t                       prefix;

    /* of a worker */

    ngx_event_t                     timer;
    ngx_http_registry_uses_t       *uses;       /* NULL: none so far */
    ngx_queue_t                     lines;      /* that are to be written */
    ngx_uint_t                      nlines;
    ngx_uint_t                      lost;       /* lines, since the last word */
    unsigned                        complained:1;
    unsigned                        cut:1;      /* the last line, in the file */
} ngx_http_registry_usage_conf_t;


/* NULL when memory or randomness ran out. */

ngx_http_registry_uses_t *ngx_http_registry_uses_create(ngx_log_t *log);

void ngx_http_registry_uses_free(ngx_http_registry_uses_t *uses);


/*
 * Counts one use, whose texts are copied; first and last are the same, and
 * npushed is 0 or 1.
 *
 * NGX_OK      it is counted
 * NGX_BUSY    there is no room: empty it first
 * NGX_ERROR   memory ran out
 */

ngx_int_t ngx_http_registry_uses_add(ngx_http_registry_uses_t *uses,
    const reg_usage_t *usage, const reg_address_t *address, ngx_log_t *log);

/* The oldest kind; NULL: there is none.  It is removed by the next call. */

ngx_http_registry_use_t *ngx_http_registry_uses_first(
    ngx_http_registry_uses_t *uses);

void ngx_http_registry_uses_remove(ngx_http_registry_uses_t *uses,
    ngx_http_registry_use_t *use);


/* Writes down what was counted, and what could not be written before. */

void ngx_http_registry_usage_write(ngx_http_registry_usage_conf_t *ucf,
    ngx_log_t *log);

/* Forgets what is still to be written. */

void ngx_http_registry_usage_forget(ngx_http_registry_usage_conf_t *ucf);


/* Fills new marks with the networks that are in a file.  NGX_OK always. */

void ngx_http_registry_usage_read(reg_marks_t *marks, ngx_str_t *name,
    ngx_log_t *log);


/* The worker ends: writes, as far as that needs no answer. */

void ngx_http_registry_usage_end(ngx_cycle_t *cycle);


extern ngx_module_t  ngx_http_registry_usage_module;

#endif /* NGX_HTTP_REGISTRY_USAGE_H */
