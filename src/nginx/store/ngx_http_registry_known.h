/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_KNOWN_H
#define NGX_HTTP_REGISTRY_KNOWN_H

/*
 * What a worker's cache knows of each name, found by hash and forgotten when it
 * was not wanted for the longest time.  Names that do not exist have places of
 * their own, so that whoever makes names up drives no record out.
 */

#include "ngx_http_registry_topology.h"

#include "reg_record.h"

#define NGX_HTTP_REGISTRY_KNOWN_BUCKETS  16384
#define NGX_HTTP_REGISTRY_KNOWN_PRESENT  65536   /* records that exist */
#define NGX_HTTP_REGISTRY_KNOWN_ABSENT   4096    /* names that do not */

typedef struct ngx_http_registry_known_s  ngx_http_registry_known_t;

typedef struct {
    void                       *cache;           /* whose knowledge it is */
    ngx_log_t                  *log;
    ngx_queue_t                 present;         /* most recently used first */
    ngx_queue_t                 absent;
    size_t                      npresent;
    size_t                      nabsent;
    ngx_http_registry_known_t  *buckets[NGX_HTTP_REGISTRY_KNOWN_BUCKETS];
} ngx_http_registry_knowledge_t;

struct ngx_http_registry_known_s {
    ngx_http_registry_known_t      *next;         /* in the bucket */
    ngx_queue_t                     lru;
    ngx_queue_t                     waiters;
    ngx_http_registry_knowledge_t  *all;
    ngx_http_registry_ask_t        *ask;          /* under way, or NULL */

    uint64_t                        hash;
    reg_record_type_t               type;
    reg_str_t                       name;         /* lies behind this */
    unsigned                        slot;

    reg_str_t                       text;         /* owned */
    unsigned                        known:1;      /* there was an answer */
    unsigned                        absent:1;     /* "there is none", if so */
    unsigned                        has_failed:1;
    unsigned                        has_slot:1;

    int64_t                         failed;       /* ms, without an answer */
    int64_t                         answered;     /* ms; 0: not this worker */

    /* what was so when it was asked for: the answer is as old as that */

    int64_t                         fetched;      /* ms */
    uint64_t                        epoch;
    uint32_t                        counter;

    /* the same of the question that is under way */

    int64_t                         asked;
    uint32_t                        asked_counter;
};


void ngx_http_registry_known_init(ngx_http_registry_knowledge_t *all,
    void *cache, ngx_log_t *log);

void ngx_http_registry_known_free(ngx_http_registry_knowledge_t *all);


/* What is known of a name, be it nothing yet.  NULL when memory ran out. */

ngx_http_registry_known_t *ngx_http_registry_known_find(
    ngx_http_registry_knowledge_t *all, uint64_t hash, reg_record_type_t type,
    reg_str_t name);


/* Notes an answer.  text is from ngx_alloc() and taken over; absent: empty. */

void ngx_http_registry_known_set(ngx_http_registry_known_t *known,
    reg_str_t text, ngx_uint_t absent);

#endif /* NGX_HTTP_REGISTRY_KNOWN_H */
