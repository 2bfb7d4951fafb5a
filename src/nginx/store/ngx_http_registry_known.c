/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_known.h"


static ngx_http_registry_known_t *ngx_http_registry_known_add(
    ngx_http_registry_knowledge_t *all, uint64_t hash,
    reg_record_type_t type, reg_str_t name);
static void ngx_http_registry_known_touch(ngx_http_registry_known_t *known);
static void ngx_http_registry_known_unlink(ngx_http_registry_known_t *known);
static void ngx_http_registry_known_evict(ngx_http_registry_knowledge_t *all,
    ngx_queue_t *lru, size_t *n, size_t max);
static void ngx_http_registry_known_remove(ngx_http_registry_known_t *known);


void
ngx_http_registry_known_init(ngx_http_registry_knowledge_t *all, void *cache,
    ngx_log_t *log)
{
    ngx_memzero(all, sizeof(ngx_http_registry_knowledge_t));

    all->cache = cache;
    all->log = log;

    ngx_queue_init(&all->present);
    ngx_queue_init(&all->absent);
}


void
ngx_http_registry_known_free(ngx_http_registry_knowledge_t *all)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_REGISTRY_KNOWN_BUCKETS; i++) {
        while (all->buckets[i]) {
            ngx_http_registry_known_remove(all->buckets[i]);
        }
    }
}


ngx_http_registry_known_t *
ngx_http_registry_known_find(ngx_http_registry_knowledge_t *all,
    uint64_t hash, reg_record_type_t type, reg_str_t name)
{
    ngx_http_registry_known_t  *known;

    known = all->buckets[hash % NGX_HTTP_REGISTRY_KNOWN_BUCKETS];

    for ( /* void */ ; known; known = known->next) {
        if (known->hash == hash && known->type == type
            && reg_str_eq(known->name, name))
        {
            ngx_http_registry_known_touch(known);
            return known;
        }
    }

    return ngx_http_registry_known_add(all, hash, type, name);
}


static ngx_http_registry_known_t *
ngx_http_registry_known_add(ngx_http_registry_knowledge_t *all, uint64_t hash,
    reg_record_type_t type, reg_str_t name)
{
    ngx_http_registry_known_t  *known, **bucket;

    ngx_http_registry_known_evict(all, &all->absent, &all->nabsent,
                                  NGX_HTTP_REGISTRY_KNOWN_ABSENT - 1);

    known = ngx_calloc(sizeof(ngx_http_registry_known_t) + name.len,
                       all->log);
    if (known == NULL) {
        return NULL;
    }

    known->all = all;
    known->hash = hash;
    known->type = type;
    known->name.len = name.len;
    known->name.data = (u_char *) (known + 1);
    ngx_memcpy(known->name.data, name.data, name.len);

    ngx_queue_init(&known->waiters);

    /* until there is an answer it counts as one that does not exist */

    known->absent = 1;
    ngx_queue_insert_head(&all->absent, &known->lru);
    all->nabsent++;

    bucket = &all->buckets[hash % NGX_HTTP_REGISTRY_KNOWN_BUCKETS];
    known->next = *bucket;
    *bucket = known;

    return known;
}


void
ngx_http_registry_known_set(ngx_http_registry_known_t *known, reg_str_t text,
    ngx_uint_t absent)
{
    ngx_http_registry_knowledge_t  *all;

    all = known->all;

    if (known->text.data) {
        ngx_free(known->text.data);
    }

    known->text = text;
    known->known = 1;

    ngx_http_registry_known_unlink(known);

    known->absent = absent ? 1 : 0;

    if (absent) {
        ngx_queue_insert_head(&all->absent, &known->lru);
        all->nabsent++;
        return;
    }

    ngx_http_registry_known_evict(all, &all->present, &all->npresent,
                                  NGX_HTTP_REGISTRY_KNOWN_PRESENT - 1);

    ngx_queue_insert_head(&all->present, &known->lru);
    all->npresent++;
}


static void
ngx_http_registry_known_unlink(ngx_http_registry_known_t *known)
{
    ngx_queue_remove(&known->lru);

    if (known->absent) {
        known->all->nabsent--;

    } else {
        known->all->npresent--;
    }
}


static void
ngx_http_registry_known_touch(ngx_http_registry_known_t *known)
{
    ngx_queue_remove(&known->lru);
    ngx_queue_insert_head(known->absent ? &known->all->absent
                                        : &known->all->present,
                          &known->lru);
}


/* What is being asked for stays, however long ago it was wanted. */

static void
ngx_http_registry_known_evict(ngx_http_registry_knowledge_t *all,
    ngx_queue_t *lru, size_t *n, size_t max)
{
    ngx_queue_t                *q, *prev;
    ngx_http_registry_known_t  *known;

    for (q = ngx_queue_last(lru);
         *n > max && q != ngx_queue_sentinel(lru);
         q = prev)
    {
        prev = ngx_queue_prev(q);
        known = ngx_queue_data(q, ngx_http_registry_known_t, lru);

        if (known->ask == NULL && ngx_queue_empty(&known->waiters)) {
            ngx_http_registry_known_remove(known);
        }
    }
}


static void
ngx_http_registry_known_remove(ngx_http_registry_known_t *known)
{
    ngx_http_registry_known_t  **p;

    p = &known->all->buckets[known->hash % NGX_HTTP_REGISTRY_KNOWN_BUCKETS];

    while (*p != known) {
        p = &(*p)->next;
    }

    *p = known->next;

    ngx_http_registry_known_unlink(known);

    if (known->text.data) {
        ngx_free(known->text.data);
    }

    ngx_free(known);
}
