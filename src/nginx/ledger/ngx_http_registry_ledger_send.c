/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What is sent of a file: its rows are read, some in each turn of the event
 * loop, then those that have counted go to Redis, tenant by tenant, one script
 * after the other.
 */

#include "ngx_http_registry_ledger_sync.h"

#include "reg_ledger_redis.h"

#define NGX_HTTP_REGISTRY_SYNC_ROWS   2048     /* in one turn */
#define NGX_HTTP_REGISTRY_SYNC_MONTH  (62 * NGX_HTTP_REGISTRY_LEDGER_DAY)
#define NGX_HTTP_REGISTRY_SYNC_HEAD   6        /* arguments before fields */


/* What is to be sent of one tenant. */

typedef struct {
    ngx_str_node_t             node;
    ngx_queue_t                queue;
    uint64_t                   bytes;          /* of the day */
    ngx_array_t                rows;           /* of size_t */
    ngx_uint_t                 next;
} ngx_http_registry_sync_tenant_t;


/* The arguments of a script, and room for the texts of the first of them. */

typedef struct {
    reg_str_t  argv[NGX_HTTP_REGISTRY_SYNC_HEAD
                    + 2 * NGX_HTTP_REGISTRY_SYNC_BATCH];
    u_char     keys[2][REG_LEDGER_REDIS_KEY_MAX];
    u_char     keep[2][NGX_INT64_LEN];
    u_char     own[REG_LEDGER_INSTANCE_LEN + 1 + REG_LEDGER_DAY_LEN];
    u_char     bytes[NGX_INT64_LEN];
} ngx_http_registry_sync_args_t;


static ngx_int_t ngx_http_registry_sync_add(ngx_http_registry_sync_t *sync,
    reg_ledger_entry_t *entry);
static void ngx_http_registry_sync_send(ngx_http_registry_sync_t *sync);
static void ngx_http_registry_sync_head(ngx_http_registry_sync_t *sync,
    ngx_http_registry_sync_tenant_t *tenant,
    ngx_http_registry_sync_args_t *args);
static ngx_int_t ngx_http_registry_sync_script(ngx_http_registry_sync_t *sync,
    ngx_http_registry_sync_tenant_t *tenant);
static void ngx_http_registry_sync_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);


/* Reads some rows, and goes on in the next turn. */

void
ngx_http_registry_sync_read(ngx_http_registry_sync_t *sync)
{
    size_t              end;
    reg_ledger_stat_t   stat;
    reg_ledger_entry_t  entry;

    reg_ledger_stat(sync->ledger, &stat);

    end = sync->at + NGX_HTTP_REGISTRY_SYNC_ROWS;

    while (reg_ledger_next(sync->ledger, &sync->at, end, &entry)) {

        if (ngx_http_registry_sync_add(sync, &entry) != NGX_OK) {
            ngx_http_registry_sync_fail(sync, "memory ran out");
            return;
        }
    }

    if (sync->at < stat.rows) {
        ngx_add_timer(&sync->timer, 1);
        return;
    }

    ngx_http_registry_sync_send(sync);
}


static ngx_int_t
ngx_http_registry_sync_add(ngx_http_registry_sync_t *sync,
    reg_ledger_entry_t *entry)
{
    size_t                           *row;
    uint32_t                          hash;
    ngx_str_t                         name;
    ngx_http_registry_sync_tenant_t  *tenant;

    /* "(other)" is there also when there was none */

    if (entry->own == 0) {
        return NGX_OK;
    }

    name = ngx_http_registry_ngx_str(entry->key.tenant);
    hash = ngx_crc32_short(name.data, name.len);

    tenant = (ngx_http_registry_sync_tenant_t *)
             ngx_str_rbtree_lookup(&sync->tenants, &name, hash);

    if (tenant == NULL) {
        tenant = ngx_pcalloc(sync->file_pool,
                             sizeof(ngx_http_registry_sync_tenant_t));
        if (tenant == NULL
            || ngx_array_init(&tenant->rows, sync->file_pool, 8,
                              sizeof(size_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        tenant->node.str = name;
        tenant->node.node.key = hash;

        ngx_rbtree_insert(&sync->tenants, &tenant->node.node);
        ngx_queue_insert_tail(&sync->queue, &tenant->queue);
    }

    tenant->bytes += entry->counts[REG_LEDGER_EGRESS_BYTES]
                     + entry->counts[REG_LEDGER_REDIRECTED_BYTES];

    if (!entry->unsent && !sync->all) {
        return NGX_OK;
    }

    row = ngx_array_push(&tenant->rows);
    if (row == NULL) {
        return NGX_ERROR;
    }

    *row = entry->row;

    return NGX_OK;
}


/* Sends the next script, or is done with the file. */

static void
ngx_http_registry_sync_send(ngx_http_registry_sync_t *sync)
{
    ngx_queue_t                      *q;
    ngx_http_registry_sync_tenant_t  *tenant;

    while (!ngx_queue_empty(&sync->queue)) {

        q = ngx_queue_head(&sync->queue);
        tenant = ngx_queue_data(q, ngx_http_registry_sync_tenant_t, queue);

        if (tenant->next < tenant->rows.nelts) {

            if (ngx_http_registry_sync_script(sync, tenant) != NGX_OK) {
                ngx_http_registry_sync_fail(sync, "there is no connection");
            }

            return;
        }

        ngx_queue_remove(q);
    }

    ngx_http_registry_sync_done(sync);
}


static ngx_int_t
ngx_http_registry_sync_script(ngx_http_registry_sync_t *sync,
    ngx_http_registry_sync_tenant_t *tenant)
{
    size_t                         at, *row;
    u_char                        *p, *buf;
    reg_str_t                     *arg;
    reg_ledger_entry_t             entry;
    ngx_http_registry_topology_t  *redis;
    ngx_http_registry_sync_args_t  args;

    redis = sync->store->redis(sync->store);

    buf = ngx_pnalloc(sync->file_pool, NGX_HTTP_REGISTRY_SYNC_BATCH
                                       * (REG_LEDGER_REDIS_FIELD_MAX
                                          + REG_LEDGER_REDIS_VALUE_MAX));
    if (redis == NULL || buf == NULL) {
        return NGX_ERROR;
    }

    ngx_http_registry_sync_head(sync, tenant, &args);

    arg = &args.argv[NGX_HTTP_REGISTRY_SYNC_HEAD];
    p = buf;
    row = tenant->rows.elts;
    sync->nsent = 0;

    while (tenant->next < tenant->rows.nelts
           && sync->nsent < NGX_HTTP_REGISTRY_SYNC_BATCH)
    {
        at = row[tenant->next++];

        if (!reg_ledger_next(sync->ledger, &at, at + 1, &entry)) {
            continue;
        }

        arg->data = p;
        arg->len = reg_ledger_redis_field(p, reg_ledger_instance(sync->ledger),
                                          &entry.key);
        p += arg->len;
        arg++;

        arg->data = p;
        arg->len = reg_ledger_redis_value(p, &entry);
        p += arg->len;
        arg++;

        sync->sent[sync->nsent].row = entry.row;
        sync->sent[sync->nsent].own = entry.own;
        sync->nsent++;
    }

    sync->run = ngx_http_registry_script_run(redis, &sync->script, 2,
                                             (size_t) (arg - args.argv),
                                             args.argv,
                                             ngx_http_registry_sync_answer,
                                             sync);

    (void) ngx_pfree(sync->file_pool, buf);

    return sync->run ? NGX_OK : NGX_ERROR;
}


/* What comes before fields of the day: see reg_ledger_redis_script(). */

static void
ngx_http_registry_sync_head(ngx_http_registry_sync_t *sync,
    ngx_http_registry_sync_tenant_t *tenant,
    ngx_http_registry_sync_args_t *args)
{
    char                            date[REG_LEDGER_DAY_LEN + 1];
    time_t                          keep[2];
    reg_str_t                       name, period;
    ngx_uint_t                      i;
    ngx_http_registry_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_registry_module);

    reg_ledger_day_format(date, reg_ledger_day(sync->ledger));

    name = ngx_http_registry_str(tenant->node.str);
    period = reg_str(date);

    keep[0] = sync->conf->keep;
    keep[1] = ngx_max(sync->conf->keep, NGX_HTTP_REGISTRY_SYNC_MONTH);

    for (i = 0; i < 2; i++) {
        args->argv[i].data = args->keys[i];
        args->argv[i].len = reg_ledger_redis_key(args->keys[i],
                                                 rmcf->url.prefix, name,
                                                 period);

        args->argv[2 + i].data = args->keep[i];
        args->argv[2 + i].len = (size_t) (ngx_sprintf(args->keep[i], "%T",
                                                      keep[i])
                                          - args->keep[i]);

        period.len = sizeof("2026-01") - 1;
    }

    args->argv[4].data = args->own;
    args->argv[4].len = (size_t) (ngx_sprintf(args->own, "%s:%s",
                                             reg_ledger_instance(sync->ledger),
                                             date)
                                  - args->own);

    args->argv[5].data = args->bytes;
    args->argv[5].len = (size_t) (ngx_sprintf(args->bytes, "%uL",
                                              tenant->bytes)
                                  - args->bytes);
}


static void
ngx_http_registry_sync_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_sync_t *sync = data;

    ngx_uint_t   i;
    reg_error_t  text;

    sync->run = NULL;

    if (reply == NULL) {
        ngx_http_registry_sync_fail(sync, "it does not answer");
        return;
    }

    if (reply->type != REDIS_REPLY_INTEGER) {
        reg_resp_error_text(&text, reply);
        ngx_http_registry_sync_fail(sync, text.text);
        return;
    }

    for (i = 0; i < sync->nsent; i++) {
        reg_ledger_sent(sync->ledger, sync->sent[i].row, sync->sent[i].own);
    }

    sync->news += (uint64_t) reply->integer;

    ngx_http_registry_sync_send(sync);
}
