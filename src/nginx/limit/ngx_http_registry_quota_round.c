/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Reading for quotas what was counted.  One worker of a host does, the keeper:
 * in each round it adds up the files of the ledger by tenant, some rows in each
 * turn of the event loop, and then asks Redis what the other hosts have sent
 * there, tenant by tenant, of those that somebody has asked for lately.
 *
 * Files of days that are over are read once in a day, and when a worker becomes
 * the keeper, if Redis has all of them; those of today and yesterday, which may
 * be late, in each round.
 */

#include "ngx_http_registry_quota_round.h"

#include <signal.h>

#define NGX_HTTP_REGISTRY_QUOTA_LATELY  600      /* seconds */
#define NGX_HTTP_REGISTRY_QUOTA_NAP     100      /* ms */
#define NGX_HTTP_REGISTRY_QUOTA_LOST    30000    /* ms: a keeper that hangs */


static void ngx_http_registry_quota_tick(ngx_event_t *ev);
static ngx_uint_t ngx_http_registry_quota_keeps(
    ngx_http_registry_keeper_t *shared);
static ngx_int_t ngx_http_registry_quota_open_day(
    ngx_http_registry_quota_round_t *round);
static ngx_int_t ngx_http_registry_quota_open_round(
    ngx_http_registry_quota_round_t *round);
static void ngx_http_registry_quota_note(
    ngx_http_registry_quota_round_t *round);
static void ngx_http_registry_quota_close(
    ngx_http_registry_quota_round_t *round);
static void ngx_http_registry_quota_sleep(
    ngx_http_registry_quota_round_t *round);


ngx_int_t
ngx_http_registry_quota_round_begin(ngx_http_registry_quotas_t *quotas)
{
    ngx_http_registry_quota_round_t  *round;

    round = ngx_calloc(sizeof(ngx_http_registry_quota_round_t),
                       ngx_cycle->log);
    if (round == NULL) {
        return NGX_ERROR;
    }

    round->quotas = quotas;

    round->timer.handler = ngx_http_registry_quota_tick;
    round->timer.data = round;
    round->timer.log = ngx_cycle->log;
    round->timer.cancelable = 1;

    quotas->round = round;

    ngx_add_timer(&round->timer, 1);

    return NGX_OK;
}


void
ngx_http_registry_quota_round_end(ngx_http_registry_quotas_t *quotas)
{
    ngx_http_registry_quota_round_t  *round;

    round = quotas->round;

    if (round == NULL) {
        return;
    }

    if (round->timer.timer_set) {
        ngx_del_timer(&round->timer);
    }

    if (round->run) {
        ngx_http_registry_script_abandon(round->run);
    }

    ngx_http_registry_quota_close(round);

    if (round->pool) {
        ngx_destroy_pool(round->pool);
    }

    (void) ngx_atomic_cmp_set(&quotas->shared->keeper,
                              (ngx_atomic_uint_t) ngx_pid, 0);

    ngx_free(round);
    quotas->round = NULL;
}


static void
ngx_http_registry_quota_tick(ngx_event_t *ev)
{
    ngx_http_registry_quota_round_t *round = ev->data;

    ngx_http_registry_keeper_t  *shared;

    shared = round->quotas->shared;

    if (round->ledger) {
        shared->beat = ngx_http_registry_quota_ms();
        ngx_http_registry_quota_read(round);
        return;
    }

    /* a worker that leaves lets another one do it */

    if (ngx_exiting) {
        (void) ngx_atomic_cmp_set(&shared->keeper, (ngx_atomic_uint_t) ngx_pid,
                                  0);
        return;
    }

    if (!ngx_http_registry_quota_keeps(shared)) {
        ngx_http_registry_quota_sleep(round);
        return;
    }

    shared->beat = ngx_http_registry_quota_ms();

    if (shared->beat < round->due && !shared->wanted) {
        ngx_http_registry_quota_sleep(round);
        return;
    }

    shared->wanted = 0;

    if (ngx_http_registry_quota_open_day(round) != NGX_OK
        || ngx_http_registry_quota_open_round(round) != NGX_OK)
    {
        ngx_http_registry_quota_done(round);
        return;
    }

    ngx_http_registry_quota_next_file(round);
}


/* Whether this worker is the keeper, or becomes it. */

static ngx_uint_t
ngx_http_registry_quota_keeps(ngx_http_registry_keeper_t *shared)
{
    ngx_atomic_uint_t  keeper, beat;

    keeper = shared->keeper;
    beat = shared->beat;

    if (keeper == (ngx_atomic_uint_t) ngx_pid) {
        return 1;
    }

    if (keeper != 0
        && !(kill((pid_t) keeper, 0) == -1 && ngx_errno == ESRCH)
        && ngx_http_registry_quota_ms() - beat < NGX_HTTP_REGISTRY_QUOTA_LOST)
    {
        return 0;
    }

    return ngx_atomic_cmp_set(&shared->keeper, keeper,
                              (ngx_atomic_uint_t) ngx_pid);
}


/* On another day than the last round all is read again. */

static ngx_int_t
ngx_http_registry_quota_open_day(ngx_http_registry_quota_round_t *round)
{
    int64_t     today;
    ngx_uint_t  i;

    today = (int64_t) ngx_time() / NGX_HTTP_REGISTRY_LEDGER_DAY;

    if (round->today == today) {
        return NGX_OK;
    }

    if (round->pool) {
        ngx_destroy_pool(round->pool);
    }

    round->today = 0;
    round->over = 0;

    round->pool = ngx_create_pool(16384, round->timer.log);
    if (round->pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_array_init(&round->skip, round->pool, 32, sizeof(reg_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < REG_PERIODS; i++) {
        reg_period_days(&round->first[i], &round->next[i], (reg_period_t) i,
                        today);
    }

    ngx_rbtree_init(&round->tree, &round->sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&round->sums);

    round->today = today;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_quota_open_round(ngx_http_registry_quota_round_t *round)
{
    int64_t                         first;
    ngx_queue_t                    *q;
    reg_error_t                     error;
    ngx_http_registry_quota_sum_t  *sum;

    round->files_pool = ngx_create_pool(4096, round->timer.log);
    if (round->files_pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_array_init(&round->files, round->files_pool, 4, sizeof(u_char *))
        != NGX_OK
        || ngx_array_init(&round->skip_late, round->files_pool, 4,
                          sizeof(reg_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the longest period may be the week, in the first days of a month */

    first = round->over ? round->today - 1
                        : ngx_min(ngx_min(round->first[REG_PERIOD_WEEK],
                                          round->first[REG_PERIOD_MONTH]),
                                  round->today - 1);

    if (reg_ledger_list((char *) round->quotas->ledger->directory.data, first,
                        round->today, ngx_http_registry_ledger_keep,
                        &round->files, &error)
        != REG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, round->timer.log, 0,
                      "registry_limit: the ledger cannot be read for quotas: "
                      "%s", error.text);
        return NGX_ERROR;
    }

    for (q = ngx_queue_head(&round->sums);
         q != ngx_queue_sentinel(&round->sums);
         q = ngx_queue_next(q))
    {
        sum = ngx_queue_data(q, ngx_http_registry_quota_sum_t, queue);

        ngx_memzero(sum->ours[1], sizeof(sum->ours[1]));
        ngx_memzero(sum->sent[1], sizeof(sum->sent[1]));

        if (!round->over) {
            ngx_memzero(sum->ours[0], sizeof(sum->ours[0]));
            ngx_memzero(sum->sent[0], sizeof(sum->sent[0]));
        }
    }

    if (!round->over) {
        round->skip.nelts = 0;
        round->open = 0;
    }

    round->file = 0;

    ngx_http_registry_quota_note(round);

    return NGX_OK;
}


/*
 * What is booked from here on may be in the files or not: see reg_spent.h.  It
 * is noted of all, as somebody may be asked for again before this is over.
 */

static void
ngx_http_registry_quota_note(ngx_http_registry_quota_round_t *round)
{
    size_t          slot;
    reg_spent_at_t  at;

    slot = 0;

    while (reg_spent_next(round->quotas->spent, &slot, &at, round->name, 0)) {
        reg_spent_note(at);
    }
}


/*
 * A file that cannot be read is told of by who sends it, or reports.  For want
 * of memory or descriptors the round ends: without the file, what Redis has of
 * it would be taken for bytes of others, and these never become less.
 */

void
ngx_http_registry_quota_next_file(ngx_http_registry_quota_round_t *round)
{
    char      **file;
    reg_rc_t    rc;

    file = round->files.elts;

    while (round->file < round->files.nelts) {

        rc = reg_ledger_open_to_send(&round->ledger, file[round->file++], NULL);

        if (rc == REG_OK) {
            ngx_http_registry_quota_read_file(round);
            return;
        }

        round->ledger = NULL;

        if (rc == REG_NOMEM) {
            ngx_http_registry_quota_done(round);
            return;
        }
    }

    round->over = !round->open;
    round->slot = 0;
    round->at.slot = NULL;

    ngx_http_registry_quota_publish(round);
}


static void
ngx_http_registry_quota_close(ngx_http_registry_quota_round_t *round)
{
    if (round->ledger) {
        reg_ledger_close(round->ledger);
        round->ledger = NULL;
    }

    if (round->files_pool) {
        ngx_destroy_pool(round->files_pool);
        round->files_pool = NULL;
    }
}


void
ngx_http_registry_quota_done(ngx_http_registry_quota_round_t *round)
{
    ngx_http_registry_quota_close(round);

    round->due = ngx_http_registry_quota_ms() + round->quotas->ledger->sync;

    ngx_http_registry_quota_sleep(round);
}


/* Until the next round, or somebody wants one. */

static void
ngx_http_registry_quota_sleep(ngx_http_registry_quota_round_t *round)
{
    ngx_add_timer(&round->timer, ngx_min(round->quotas->ledger->sync,
                                         NGX_HTTP_REGISTRY_QUOTA_NAP));
}


uint64_t
ngx_http_registry_quota_lately(void)
{
    uint64_t  now;

    now = ngx_http_registry_quota_now();

    return now - ngx_min(now, NGX_HTTP_REGISTRY_QUOTA_LATELY);
}


ngx_atomic_uint_t
ngx_http_registry_quota_ms(void)
{
    return (ngx_atomic_uint_t) (ngx_http_registry_limit_now() / 1000000);
}
