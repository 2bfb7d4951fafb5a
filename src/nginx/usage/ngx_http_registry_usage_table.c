/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_usage.h"

#include "reg_issuer.h"

#include <openssl/rand.h>

/* What of a use is hashed: texts of capped lengths, and an end of each. */

#define NGX_HTTP_REGISTRY_USES_WORDS  64         /* operation and decision */

#define NGX_HTTP_REGISTRY_USES_TEXT                                           \
    (1 + 16 + REG_SUBJECT_MAX + REG_USAGE_AGENT_MAX + REG_REPOSITORY_MAX   \
     + NGX_HTTP_REGISTRY_USES_WORDS + 5)


static reg_siphash_t ngx_http_registry_uses_hash(
    ngx_http_registry_uses_t *uses, const reg_usage_t *usage,
    const reg_address_t *address);
static ngx_http_registry_use_t *ngx_http_registry_uses_find(
    ngx_http_registry_uses_t *uses, reg_siphash_t hash);
static ngx_http_registry_use_t *ngx_http_registry_uses_new(
    const reg_usage_t *usage, const reg_address_t *address, ngx_log_t *log);
static ngx_int_t ngx_http_registry_uses_push(ngx_http_registry_use_t *use,
    reg_str_t pushed, ngx_log_t *log);


static ngx_inline ngx_http_registry_use_t **
ngx_http_registry_uses_bucket(ngx_http_registry_uses_t *uses,
    reg_siphash_t hash)
{
    return &uses->buckets[hash.lo % NGX_HTTP_REGISTRY_USES_BUCKETS];
}


ngx_http_registry_uses_t *
ngx_http_registry_uses_create(ngx_log_t *log)
{
    ngx_http_registry_uses_t  *uses;

    uses = ngx_calloc(sizeof(ngx_http_registry_uses_t), log);
    if (uses == NULL) {
        return NULL;
    }

    ngx_queue_init(&uses->uses);

    if (RAND_bytes(uses->secret, REG_SIPHASH_KEY_LEN) != 1) {
        ngx_free(uses);
        return NULL;
    }

    return uses;
}


void
ngx_http_registry_uses_free(ngx_http_registry_uses_t *uses)
{
    ngx_http_registry_use_t  *use;

    while ((use = ngx_http_registry_uses_first(uses)) != NULL) {
        ngx_http_registry_uses_remove(uses, use);
    }

    ngx_free(uses);
}


ngx_int_t
ngx_http_registry_uses_add(ngx_http_registry_uses_t *uses,
    const reg_usage_t *usage, const reg_address_t *address, ngx_log_t *log)
{
    reg_siphash_t              hash;
    ngx_http_registry_use_t   *use, **bucket;

    hash = ngx_http_registry_uses_hash(uses, usage, address);
    use = ngx_http_registry_uses_find(uses, hash);

    if (use == NULL) {

        if (uses->n == NGX_HTTP_REGISTRY_USES_MAX) {
            return NGX_BUSY;
        }

        use = ngx_http_registry_uses_new(usage, address, log);
        if (use == NULL) {
            return NGX_ERROR;
        }

        bucket = ngx_http_registry_uses_bucket(uses, hash);

        use->hash = hash;
        use->next = *bucket;
        *bucket = use;

        ngx_queue_insert_tail(&uses->uses, &use->queue);
        uses->n++;
    }

    if (usage->npushed) {

        if (use->usage.npushed == REG_USAGE_PUSHED_MAX) {
            return NGX_BUSY;
        }

        if (ngx_http_registry_uses_push(use, usage->pushed[0], log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    use->usage.count++;
    use->usage.last = usage->last;

    return NGX_OK;
}


ngx_http_registry_use_t *
ngx_http_registry_uses_first(ngx_http_registry_uses_t *uses)
{
    if (ngx_queue_empty(&uses->uses)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(&uses->uses),
                          ngx_http_registry_use_t, queue);
}


void
ngx_http_registry_uses_remove(ngx_http_registry_uses_t *uses,
    ngx_http_registry_use_t *use)
{
    size_t                     i;
    ngx_http_registry_use_t  **p;

    p = ngx_http_registry_uses_bucket(uses, use->hash);

    while (*p != use) {
        p = &(*p)->next;
    }

    *p = use->next;

    ngx_queue_remove(&use->queue);
    uses->n--;

    for (i = 0; i < use->usage.npushed; i++) {
        ngx_free(use->usage.pushed[i].data);
    }

    ngx_free(use);
}


static reg_siphash_t
ngx_http_registry_uses_hash(ngx_http_registry_uses_t *uses,
    const reg_usage_t *usage, const reg_address_t *address)
{
    u_char      *p, buf[NGX_HTTP_REGISTRY_USES_TEXT];
    ngx_uint_t   i;
    reg_str_t    text;

    const reg_str_t  *texts[] = {
        &usage->key_id, &usage->agent, &usage->repository, &usage->operation,
        &usage->decision, NULL
    };

    p = buf;

    *p++ = (u_char) address->family;

    if (address->family != REG_ADDRESS_NONE) {
        p = ngx_cpymem(p, address->bytes, 16);
    }

    /* the longest are capped, and no text holds a NUL */

    for (i = 0; texts[i]; i++) {

        if (texts[i]->len) {
            p = ngx_cpymem(p, texts[i]->data, texts[i]->len);
        }

        *p++ = '\0';
    }

    text.data = buf;
    text.len = (size_t) (p - buf);

    return reg_siphash(uses->secret, text);
}


static ngx_http_registry_use_t *
ngx_http_registry_uses_find(ngx_http_registry_uses_t *uses,
    reg_siphash_t hash)
{
    ngx_http_registry_use_t  *use;

    for (use = *ngx_http_registry_uses_bucket(uses, hash);
         use;
         use = use->next)
    {
        if (use->hash.lo == hash.lo && use->hash.hi == hash.hi) {
            return use;
        }
    }

    return NULL;
}


static ngx_http_registry_use_t *
ngx_http_registry_uses_new(const reg_usage_t *usage,
    const reg_address_t *address, ngx_log_t *log)
{
    u_char                   *p;
    ngx_uint_t                i;
    ngx_http_registry_use_t  *use;

    use = ngx_alloc(sizeof(ngx_http_registry_use_t) + usage->key_id.len
                    + usage->address.len + usage->agent.len
                    + usage->repository.len, log);
    if (use == NULL) {
        return NULL;
    }

    use->address = *address;
    use->usage = *usage;
    use->usage.count = 0;
    use->usage.npushed = 0;

    reg_str_t  *texts[] = {
        &use->usage.key_id, &use->usage.address, &use->usage.agent,
        &use->usage.repository, NULL
    };

    p = (u_char *) &use[1];

    for (i = 0; texts[i]; i++) {

        if (texts[i]->len) {
            ngx_memcpy(p, texts[i]->data, texts[i]->len);
        }

        texts[i]->data = p;
        p += texts[i]->len;
    }

    return use;
}


static ngx_int_t
ngx_http_registry_uses_push(ngx_http_registry_use_t *use, reg_str_t pushed,
    ngx_log_t *log)
{
    size_t      i;
    reg_str_t  *to;

    for (i = 0; i < use->usage.npushed; i++) {
        if (reg_str_eq(use->usage.pushed[i], pushed)) {
            return NGX_OK;
        }
    }

    to = &use->usage.pushed[use->usage.npushed];

    to->data = ngx_alloc(pushed.len, log);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, pushed.data, pushed.len);
    to->len = pushed.len;

    use->usage.npushed++;

    return NGX_OK;
}
