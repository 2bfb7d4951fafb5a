/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The primaries of a cluster.
 *
 * Each is asked once a second whether the cluster works, as far as it knows,
 * and which is the latest epoch that it has heard of: CLUSTER INFO.  Its lease
 * hangs on that, for an old primary that is cut off from the others goes on
 * saying that it is a master, and answers.  It stops to call the cluster "ok"
 * before another takes its slots.
 *
 * The map of slots, CLUSTER SLOTS, is asked for when the epoch has grown or a
 * reply leads elsewhere, when something fails, and now and then.  Of the nodes
 * that work the one with the latest epoch counts, and one with the map that
 * we have confirms it.  When none answers, that map is kept.
 *
 * The nodes that registry_store names are asked when it starts, and whenever no
 * primary works.
 */

#include "ngx_http_registry_topology_cluster.h"

/*
 * Milliseconds between rounds: while all is well, while something is not, when
 * a map is wanted, and until there is one at first.
 */

#define NGX_HTTP_REGISTRY_CLUSTER_POLL     1000
#define NGX_HTTP_REGISTRY_CLUSTER_SEEK     250
#define NGX_HTTP_REGISTRY_CLUSTER_GAP      100
#define NGX_HTTP_REGISTRY_CLUSTER_BEGIN    50

/* How long a round waits, and how long questions wait for the first map. */

#define NGX_HTTP_REGISTRY_CLUSTER_ROUND    500
#define NGX_HTTP_REGISTRY_CLUSTER_SEARCH   500

/* A map is asked for after so long in any case. */

#define NGX_HTTP_REGISTRY_CLUSTER_REFRESH  10000

/*
 * An epoch below the one that is known is believed after nobody has confirmed
 * that for so long: the cluster was set up anew.
 */

#define NGX_HTTP_REGISTRY_CLUSTER_FORGET   10000


static ngx_int_t ngx_http_registry_cluster_open(
    ngx_http_registry_topology_t *topology);
static void ngx_http_registry_cluster_close(
    ngx_http_registry_topology_t *topology);
static ngx_http_registry_member_t *ngx_http_registry_cluster_master(
    ngx_http_registry_topology_t *topology, unsigned slot);
static void ngx_http_registry_cluster_tick(ngx_event_t *ev);
static void ngx_http_registry_cluster_round(
    ngx_http_registry_cluster_t *cluster);
static void ngx_http_registry_cluster_choose(
    ngx_http_registry_cluster_t *cluster, int64_t now);
static void ngx_http_registry_cluster_tidy(
    ngx_http_registry_cluster_t *cluster, int64_t now);
static ngx_uint_t ngx_http_registry_cluster_well(
    ngx_http_registry_cluster_t *cluster, int64_t now);


const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_cluster =
{
    ngx_http_registry_cluster_open,
    ngx_http_registry_cluster_close,
    ngx_http_registry_cluster_master,
    ngx_http_registry_cluster_check
};


static ngx_int_t
ngx_http_registry_cluster_open(ngx_http_registry_topology_t *topology)
{
    ngx_http_registry_cluster_t  *cluster;

    topology->places = ngx_calloc(REG_REDIS_SLOTS
                                  * sizeof(ngx_http_registry_place_t),
                                  topology->log);
    if (topology->places == NULL) {
        return NGX_ERROR;
    }

    cluster = ngx_calloc(sizeof(ngx_http_registry_cluster_t), topology->log);
    if (cluster == NULL) {
        return NGX_ERROR;
    }

    topology->state = cluster;

    cluster->topology = topology;
    cluster->conf = topology->conf;
    cluster->opened = ngx_http_registry_tracker_now();
    cluster->deaf = 1;

    /* a seed may be a replica */

    topology->conf.greeting = NGX_HTTP_REGISTRY_GREET_MASTER;

    cluster->timer.handler = ngx_http_registry_cluster_tick;
    cluster->timer.data = cluster;
    cluster->timer.log = topology->log;
    cluster->timer.cancelable = 1;

    topology->searching = 1;

    ngx_http_registry_cluster_round(cluster);

    return NGX_OK;
}


static void
ngx_http_registry_cluster_close(ngx_http_registry_topology_t *topology)
{
    ngx_uint_t                    i;
    ngx_http_registry_cluster_t  *cluster;

    cluster = topology->state;

    if (cluster == NULL) {
        return;
    }

    /* members are freed after this, without an answer to what is under way */

    for (i = 0; i < cluster->conf.url.nhosts; i++) {
        if (cluster->seeds[i].node) {
            ngx_http_registry_node_free(cluster->seeds[i].node);
        }
    }

    if (cluster->timer.timer_set) {
        ngx_del_timer(&cluster->timer);
    }

    ngx_free(cluster);
}


static ngx_http_registry_member_t *
ngx_http_registry_cluster_master(ngx_http_registry_topology_t *topology,
    unsigned slot)
{
    return topology->places[slot].master;
}


void
ngx_http_registry_cluster_want(ngx_http_registry_cluster_t *cluster)
{
    int64_t  pause;

    cluster->want = 1;

    if (cluster->under_way || !cluster->timer.timer_set) {
        return;
    }

    pause = cluster->begun + NGX_HTTP_REGISTRY_CLUSTER_GAP
            - ngx_http_registry_tracker_now();
    pause = ngx_max(pause, 1);

    if ((ngx_msec_int_t) (cluster->timer.timer.key - ngx_current_msec)
        > (ngx_msec_int_t) pause)
    {
        ngx_del_timer(&cluster->timer);
        ngx_add_timer(&cluster->timer, (ngx_msec_t) pause);
    }
}


/* The time of a round is over, or that until the next. */

static void
ngx_http_registry_cluster_tick(ngx_event_t *ev)
{
    ngx_http_registry_cluster_t *cluster = ev->data;

    if (cluster->under_way) {
        ngx_http_registry_cluster_conclude(cluster);

    } else if (!ngx_exiting) {
        ngx_http_registry_cluster_round(cluster);
    }
}


static void
ngx_http_registry_cluster_round(ngx_http_registry_cluster_t *cluster)
{
    int64_t  now;

    now = ngx_http_registry_tracker_now();

    cluster->maps = cluster->want || !cluster->has_map
                    || now - cluster->mapped
                       >= NGX_HTTP_REGISTRY_CLUSTER_REFRESH;

    cluster->begun = now;
    cluster->want = 0;
    cluster->heard = 0;
    cluster->found = 0;
    cluster->nmaps = 0;
    cluster->nvoices = 0;

    ngx_http_registry_cluster_ask(cluster);

    if (cluster->under_way == 0) {
        ngx_http_registry_cluster_conclude(cluster);
        return;
    }

    ngx_add_timer(&cluster->timer, NGX_HTTP_REGISTRY_CLUSTER_ROUND);
}


/*
 * The end of a round.  Who has not answered by now is not waited for; and only
 * here, where nobody is waited for, do members come and go.
 */

void
ngx_http_registry_cluster_conclude(ngx_http_registry_cluster_t *cluster)
{
    int64_t                     now;
    ngx_uint_t                  i;
    ngx_msec_t                  pause;
    ngx_http_registry_voice_t  *voice;

    for (i = 0; i < cluster->nvoices; i++) {
        voice = &cluster->voices[i];

        if (voice->command) {
            ngx_http_registry_command_detach(voice->command);
            voice->command = NULL;
        }
    }

    now = ngx_http_registry_tracker_now();

    cluster->under_way = 0;
    cluster->deaf = !cluster->heard;

    if (cluster->found) {
        ngx_http_registry_cluster_choose(cluster, now);
    }

    ngx_http_registry_cluster_tidy(cluster, now);

    if (cluster->want) {
        pause = NGX_HTTP_REGISTRY_CLUSTER_GAP;

    } else if (ngx_http_registry_cluster_well(cluster, now)) {
        pause = NGX_HTTP_REGISTRY_CLUSTER_POLL;

    } else {
        pause = cluster->topology->searching
                ? NGX_HTTP_REGISTRY_CLUSTER_BEGIN
                : NGX_HTTP_REGISTRY_CLUSTER_SEEK;
        cluster->want = 1;
    }

    if (cluster->timer.timer_set) {
        ngx_del_timer(&cluster->timer);
    }

    ngx_add_timer(&cluster->timer, pause);

    if (cluster->topology->searching
        && (cluster->has_map || ngx_exiting
            || now - cluster->opened >= NGX_HTTP_REGISTRY_CLUSTER_SEARCH))
    {
        ngx_http_registry_topology_settle(cluster->topology);
    }
}


static void
ngx_http_registry_cluster_choose(ngx_http_registry_cluster_t *cluster,
    int64_t now)
{
    if (cluster->has_map && cluster->atlas.epoch < cluster->epoch
        && now - cluster->confirmed < NGX_HTTP_REGISTRY_CLUSTER_FORGET)
    {
        return;
    }

    cluster->epoch = cluster->atlas.epoch;
    cluster->confirmed = now;
    cluster->mapped = now;

    ngx_http_registry_cluster_apply(cluster);

    cluster->has_map = 1;
}


/* Whom nobody has needed for long, and seeds where primaries answer. */

static void
ngx_http_registry_cluster_tidy(ngx_http_registry_cluster_t *cluster,
    int64_t now)
{
    ngx_uint_t                     i;
    ngx_queue_t                   *q, *next, *guests;
    ngx_http_registry_member_t    *guest;

    guests = &cluster->topology->guests;

    for (q = ngx_queue_head(guests); q != ngx_queue_sentinel(guests); q = next)
    {
        next = ngx_queue_next(q);
        guest = ngx_queue_data(q, ngx_http_registry_member_t, queue);

        if (ngx_queue_empty(&guest->asks)
            && now - guest->used >= NGX_HTTP_REGISTRY_CLUSTER_IDLE)
        {
            ngx_http_registry_member_free(guest);
        }
    }

    if (cluster->deaf || !cluster->has_map) {
        return;
    }

    for (i = 0; i < cluster->conf.url.nhosts; i++) {
        if (cluster->seeds[i].node) {
            ngx_http_registry_node_free(cluster->seeds[i].node);
            cluster->seeds[i].node = NULL;
        }
    }
}


static ngx_uint_t
ngx_http_registry_cluster_well(ngx_http_registry_cluster_t *cluster,
    int64_t now)
{
    ngx_queue_t                 *q, *members;
    ngx_http_registry_member_t  *member;

    if (!cluster->has_map || !cluster->whole || cluster->deaf) {
        return 0;
    }

    members = &cluster->topology->members;

    for (q = ngx_queue_head(members);
         q != ngx_queue_sentinel(members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_registry_member_t, queue);

        if (!ngx_http_registry_member_holds(member, now)
            && !ngx_http_registry_tracker_refused(member->tracker))
        {
            return 0;
        }
    }

    return 1;
}
