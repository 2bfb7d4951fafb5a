/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What a round makes of what it reads: the bytes of each tenant in the files of
 * this host, and what the others have beside it.
 */

#include "ngx_http_registry_quota_round.h"

#define NGX_HTTP_REGISTRY_QUOTA_ROWS    2048     /* in one turn */
#define NGX_HTTP_REGISTRY_QUOTA_SKIP    2048     /* fields of ours, at most */

/* "<instance>:<day>" */

#define NGX_HTTP_REGISTRY_QUOTA_FIELD                                         \
    (REG_LEDGER_INSTANCE_LEN + 1 + REG_LEDGER_DAY_LEN)


static ngx_int_t ngx_http_registry_quota_add_skip(
    ngx_http_registry_quota_round_t *round);
static ngx_int_t ngx_http_registry_quota_add(
    ngx_http_registry_quota_round_t *round, reg_ledger_entry_t *entry);
static ngx_http_registry_quota_sum_t *ngx_http_registry_quota_of(
    ngx_http_registry_quota_round_t *round, reg_str_t tenant,
    ngx_uint_t create);
static ngx_int_t ngx_http_registry_quota_others(
    ngx_http_registry_quota_round_t *round);
static void ngx_http_registry_quota_others_answer(void *data,
    redisReply *reply, const ngx_http_registry_origin_t *origin);
static void ngx_http_registry_quota_alone(
    ngx_http_registry_quota_round_t *round);
static void ngx_http_registry_quota_own(
    ngx_http_registry_quota_round_t *round, uint64_t *own, uint64_t *sent);


/*
 * What Redis has of a file is not to be added to it.  Of a day of which it has
 * all it may be in fields of others, where it was folded: then the file is left
 * out instead.
 */

void
ngx_http_registry_quota_read_file(ngx_http_registry_quota_round_t *round)
{
    int64_t  day;

    day = reg_ledger_day(round->ledger);

    round->late = (day >= round->today - 1);
    round->row = 0;

    round->sent = round->quotas->redis && day < round->today
                  && (round->late ? reg_ledger_closed(round->ledger)
                                  : reg_ledger_was_closed(round->ledger));

    if (round->quotas->redis && !round->sent) {

        round->open |= !round->late;

        if (ngx_http_registry_quota_add_skip(round) != NGX_OK) {
            ngx_http_registry_quota_done(round);
            return;
        }
    }

    ngx_http_registry_quota_read(round);
}


static ngx_int_t
ngx_http_registry_quota_add_skip(ngx_http_registry_quota_round_t *round)
{
    char          date[REG_LEDGER_DAY_LEN + 1];
    reg_str_t    *field;
    ngx_array_t  *fields;

    fields = round->late ? &round->skip_late : &round->skip;

    if (round->skip.nelts + round->skip_late.nelts
        >= NGX_HTTP_REGISTRY_QUOTA_SKIP)
    {
        return NGX_ERROR;
    }

    field = ngx_array_push(fields);
    if (field == NULL) {
        return NGX_ERROR;
    }

    field->data = ngx_pnalloc(fields->pool, NGX_HTTP_REGISTRY_QUOTA_FIELD);
    if (field->data == NULL) {
        return NGX_ERROR;
    }

    reg_ledger_day_format(date, reg_ledger_day(round->ledger));

    field->len = (size_t) (ngx_sprintf(field->data, "%s:%s",
                                       reg_ledger_instance(round->ledger), date)
                           - field->data);

    return NGX_OK;
}


/* Some rows, and the rest in the next turn. */

void
ngx_http_registry_quota_read(ngx_http_registry_quota_round_t *round)
{
    size_t              end;
    reg_ledger_stat_t   stat;
    reg_ledger_entry_t  entry;

    reg_ledger_stat(round->ledger, &stat);

    end = round->row + NGX_HTTP_REGISTRY_QUOTA_ROWS;

    while (reg_ledger_next(round->ledger, &round->row, end, &entry)) {

        if (ngx_http_registry_quota_add(round, &entry) != NGX_OK) {
            ngx_http_registry_quota_done(round);
            return;
        }
    }

    if (round->row < stat.rows) {
        ngx_add_timer(&round->timer, 1);
        return;
    }

    reg_ledger_close(round->ledger);
    round->ledger = NULL;

    ngx_http_registry_quota_next_file(round);
}


static ngx_int_t
ngx_http_registry_quota_add(ngx_http_registry_quota_round_t *round,
    reg_ledger_entry_t *entry)
{
    int64_t                         day;
    uint64_t                        bytes, *to;
    ngx_uint_t                      i;
    ngx_http_registry_quota_sum_t  *sum;

    bytes = entry->counts[REG_LEDGER_EGRESS_BYTES]
            + entry->counts[REG_LEDGER_REDIRECTED_BYTES];

    if (bytes == 0) {
        return NGX_OK;
    }

    sum = ngx_http_registry_quota_of(round, entry->key.tenant, 1);
    if (sum == NULL) {
        return NGX_ERROR;
    }

    day = reg_ledger_day(round->ledger);
    to = (round->sent ? sum->sent : sum->ours)[round->late];

    for (i = 0; i < REG_PERIODS; i++) {

        if (day >= round->first[i]) {
            to[i] += bytes;
        }
    }

    return NGX_OK;
}


/* NULL where there is none, or memory ran out. */

static ngx_http_registry_quota_sum_t *
ngx_http_registry_quota_of(ngx_http_registry_quota_round_t *round,
    reg_str_t tenant, ngx_uint_t create)
{
    uint32_t                        hash;
    ngx_str_t                       name;
    ngx_http_registry_quota_sum_t  *sum;

    name = ngx_http_registry_ngx_str(tenant);
    hash = ngx_crc32_short(name.data, name.len);

    sum = (ngx_http_registry_quota_sum_t *)
          ngx_str_rbtree_lookup(&round->tree, &name, hash);

    if (sum || !create) {
        return sum;
    }

    sum = ngx_pcalloc(round->pool, sizeof(ngx_http_registry_quota_sum_t));
    if (sum == NULL) {
        return NULL;
    }

    sum->node.str.data = ngx_pstrdup(round->pool, &name);
    if (sum->node.str.data == NULL) {
        return NULL;
    }

    sum->node.str.len = name.len;
    sum->node.node.key = hash;

    ngx_rbtree_insert(&round->tree, &sum->node.node);
    ngx_queue_insert_tail(&round->sums, &sum->queue);

    return sum;
}


/* Period after period of tenant after tenant, from where it is on. */

void
ngx_http_registry_quota_publish(ngx_http_registry_quota_round_t *round)
{
    ngx_http_registry_quotas_t  *quotas;

    quotas = round->quotas;

    for ( ;; ) {

        /* what was read was for the periods of another day */

        if ((int64_t) ngx_time() / NGX_HTTP_REGISTRY_LEDGER_DAY
            != round->today)
        {
            ngx_http_registry_quota_done(round);
            return;
        }

        if (round->at.slot == NULL) {

            if (!reg_spent_next(quotas->spent, &round->slot, &round->at,
                                round->name, ngx_http_registry_quota_lately()))
            {
                break;
            }

            round->period = 0;
        }

        if (round->period == REG_PERIODS) {
            round->at.slot = NULL;
            continue;
        }

        if (!reg_spent_wanted(round->at, (reg_period_t) round->period)) {
            round->period++;
            continue;
        }

        if (quotas->redis
            && ngx_http_registry_quota_others(round) == NGX_AGAIN)
        {
            return;
        }

        ngx_http_registry_quota_alone(round);
        round->period++;
    }

    ngx_http_registry_quota_done(round);
}


static ngx_int_t
ngx_http_registry_quota_others(ngx_http_registry_quota_round_t *round)
{
    size_t      n;
    reg_str_t  *skip;

    n = round->skip.nelts + round->skip_late.nelts;

    skip = ngx_alloc((n + 1) * sizeof(reg_str_t), round->timer.log);
    if (skip == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(skip, round->skip.elts, round->skip.nelts * sizeof(reg_str_t));
    ngx_memcpy(skip + round->skip.nelts, round->skip_late.elts,
               round->skip_late.nelts * sizeof(reg_str_t));

    round->run = ngx_http_registry_quota_sum(round->quotas,
                                        reg_str(round->name),
                                        round->first[round->period],
                                        round->next[round->period], skip, n,
                                        ngx_http_registry_quota_others_answer,
                                        round);
    ngx_free(skip);

    return round->run ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_http_registry_quota_others_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_quota_round_t *round = data;

    uint64_t    others, own, sent;
    ngx_uint_t  i;

    round->run = NULL;
    round->quotas->shared->beat = ngx_http_registry_quota_ms();

    if (ngx_http_registry_quota_summed(round->quotas, reply, &others)
        == NGX_OK)
    {
        i = round->period;
        ngx_http_registry_quota_own(round, &own, &sent);

        reg_spent_set(round->at, (reg_period_t) i, round->first[i], others,
                      own);

    } else {
        ngx_http_registry_quota_alone(round);
    }

    round->period++;

    ngx_http_registry_quota_publish(round);
}


/*
 * There are no others; or Redis is away, and what it said last goes on to hold.
 * Where it never said anything, the files are all there is.
 */

static void
ngx_http_registry_quota_alone(ngx_http_registry_quota_round_t *round)
{
    uint64_t    own, sent;
    ngx_uint_t  i;

    i = round->period;
    ngx_http_registry_quota_own(round, &own, &sent);

    if (round->quotas->redis == NULL) {
        reg_spent_set(round->at, (reg_period_t) i, round->first[i], 0, own);

    } else if (reg_spent_keep(round->at, (reg_period_t) i, round->first[i],
                              own)
               == REG_NOTFOUND)
    {
        reg_spent_guess(round->at, (reg_period_t) i, round->first[i],
                        own + sent);
    }
}


/* What the files have of a tenant in a period, but for what is in Redis. */

static void
ngx_http_registry_quota_own(ngx_http_registry_quota_round_t *round,
    uint64_t *own, uint64_t *sent)
{
    ngx_uint_t                      i;
    ngx_http_registry_quota_sum_t  *sum;

    i = round->period;
    sum = ngx_http_registry_quota_of(round, reg_str(round->name), 0);

    *own = sum ? sum->ours[0][i] + sum->ours[1][i] : 0;
    *sent = sum ? sum->sent[0][i] + sum->sent[1][i] : 0;
}
