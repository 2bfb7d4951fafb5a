/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_cluster.h"

/* Of so many a map is asked for in a round, unless they know of another. */

#define NGX_HTTP_REGISTRY_CLUSTER_MAPS  8


static void ngx_http_registry_cluster_ask_members(
    ngx_http_registry_cluster_t *cluster);
static void ngx_http_registry_cluster_ask_seeds(
    ngx_http_registry_cluster_t *cluster);
static void ngx_http_registry_voice_ask(ngx_http_registry_voice_t *voice,
    const char *what, ngx_http_registry_reply_pt handler);
static void ngx_http_registry_voice_info(void *data, redisReply *reply);
static void ngx_http_registry_voice_told(ngx_http_registry_voice_t *voice);
static void ngx_http_registry_voice_vouch(ngx_http_registry_voice_t *voice,
    int64_t now);
static void ngx_http_registry_voice_slots(void *data, redisReply *reply);
static void ngx_http_registry_voice_complain(
    ngx_http_registry_voice_t *voice, redisReply *reply, reg_error_t *error);
static ngx_uint_t *ngx_http_registry_voice_complained(
    ngx_http_registry_voice_t *voice);
static void ngx_http_registry_cluster_done(
    ngx_http_registry_cluster_t *cluster);


void
ngx_http_registry_cluster_ask(ngx_http_registry_cluster_t *cluster)
{
    ngx_http_registry_cluster_ask_members(cluster);

    if (cluster->deaf) {
        ngx_http_registry_cluster_ask_seeds(cluster);
    }
}


static void
ngx_http_registry_cluster_ask_members(ngx_http_registry_cluster_t *cluster)
{
    ngx_queue_t                   *q, *members;
    ngx_http_registry_voice_t     *voice;
    ngx_http_registry_member_t    *member;

    members = &cluster->topology->members;

    for (q = ngx_queue_head(members);
         q != ngx_queue_sentinel(members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_registry_member_t, queue);
        voice = &cluster->voices[cluster->nvoices++];

        voice->cluster = cluster;
        voice->member = member;
        voice->node = member->node;
        voice->host = member->host;
        voice->port = member->port;

        ngx_http_registry_voice_ask(voice, "INFO",
                                    ngx_http_registry_voice_info);
    }
}


static void
ngx_http_registry_cluster_ask_seeds(ngx_http_registry_cluster_t *cluster)
{
    ngx_uint_t                  i;
    reg_store_host_t           *hosts;
    ngx_http_registry_seed_t   *seed;
    ngx_http_registry_voice_t  *voice;

    hosts = cluster->conf.url.hosts;

    for (i = 0; i < cluster->conf.url.nhosts; i++) {
        seed = &cluster->seeds[i];

        if (seed->node == NULL) {
            seed->node = ngx_http_registry_node_create(&cluster->conf,
                                                     hosts[i].host,
                                                     hosts[i].port,
                                                     cluster->topology->log);
            if (seed->node == NULL) {
                continue;
            }
        }

        voice = &cluster->voices[cluster->nvoices++];

        voice->cluster = cluster;
        voice->member = NULL;
        voice->seed = i;
        voice->node = seed->node;
        voice->host = hosts[i].host;
        voice->port = hosts[i].port;

        ngx_http_registry_voice_ask(voice, "INFO",
                                    ngx_http_registry_voice_info);
    }
}


static void
ngx_http_registry_voice_ask(ngx_http_registry_voice_t *voice,
    const char *what, ngx_http_registry_reply_pt handler)
{
    reg_str_t  argv[2];

    argv[0] = REG_STR("CLUSTER");
    argv[1] = reg_str(what);

    voice->asked = ngx_http_registry_tracker_now();
    voice->command = ngx_http_registry_node_command(voice->node, 2, argv,
                                                    handler, voice);
    if (voice->command) {
        voice->cluster->under_way++;
    }
}


static void
ngx_http_registry_voice_info(void *data, redisReply *reply)
{
    ngx_http_registry_voice_t *voice = data;

    reg_error_t  error;

    voice->command = NULL;

    if (reply) {
        if (reg_cluster_info(&voice->info, reply) == REG_OK) {
            ngx_http_registry_voice_told(voice);

        } else {
            reg_error_set(&error, "it says something else");
            ngx_http_registry_voice_complain(voice, reply, &error);
        }
    }

    ngx_http_registry_cluster_done(voice->cluster);
}


static void
ngx_http_registry_voice_told(ngx_http_registry_voice_t *voice)
{
    int64_t                       now;
    ngx_http_registry_cluster_t  *cluster;

    cluster = voice->cluster;
    now = ngx_http_registry_tracker_now();

    if (voice->member) {
        ngx_http_registry_voice_vouch(voice, now);
    }

    if (!voice->info.ok) {
        return;
    }

    cluster->heard = 1;

    if (voice->info.epoch >= cluster->epoch) {
        cluster->confirmed = now;
    }

    /* the epoch was first: the map is at least as new */

    if (voice->info.epoch > cluster->epoch
        || (cluster->maps
            && cluster->nmaps < NGX_HTTP_REGISTRY_CLUSTER_MAPS))
    {
        cluster->nmaps++;
        ngx_http_registry_voice_ask(voice, "SLOTS",
                                    ngx_http_registry_voice_slots);
    }
}


/*
 * What was changed while nobody vouched for it may have been changed by another
 * primary.
 */

static void
ngx_http_registry_voice_vouch(ngx_http_registry_voice_t *voice, int64_t now)
{
    ngx_http_registry_member_t  *member;

    member = voice->member;

    if (!voice->info.ok) {

        if (!member->outcast) {
            ngx_log_error(NGX_LOG_ERR, member->topology->log, 0,
                          "registry store: Redis at \"%*s\" port %ui says that "
                          "its cluster is down", member->host.len,
                          member->host.data, (ngx_uint_t) member->port);
        }

        member->outcast = 1;
        member->until = 0;

        return;
    }

    member->outcast = 0;

    if (member->until <= now) {
        member->epoch = ++member->topology->epochs;
        member->since = now;
    }

    member->until = voice->asked + NGX_HTTP_REGISTRY_LEASE;
}


static void
ngx_http_registry_voice_slots(void *data, redisReply *reply)
{
    ngx_http_registry_voice_t *voice = data;

    reg_error_t  error;

    voice->command = NULL;

    if (reply) {
        if (ngx_http_registry_cluster_collect(voice, reply, &error)
            == NGX_OK)
        {
            *ngx_http_registry_voice_complained(voice) = 0;

        } else {
            ngx_http_registry_voice_complain(voice, reply, &error);
        }
    }

    ngx_http_registry_cluster_done(voice->cluster);
}


/* Once, until it says what is right again. */

static void
ngx_http_registry_voice_complain(ngx_http_registry_voice_t *voice,
    redisReply *reply, reg_error_t *error)
{
    ngx_uint_t  *complained;

    complained = ngx_http_registry_voice_complained(voice);

    if (*complained) {
        return;
    }

    *complained = 1;

    if (reply->type == REDIS_REPLY_ERROR) {
        reg_resp_error_text(error, reply);
    }

    ngx_log_error(NGX_LOG_ERR, voice->cluster->topology->log, 0,
                  "registry store: Redis at \"%*s\" port %ui does not tell of "
                  "its cluster: %s", voice->host.len, voice->host.data,
                  (ngx_uint_t) voice->port, error->text);
}


static ngx_uint_t *
ngx_http_registry_voice_complained(ngx_http_registry_voice_t *voice)
{
    return voice->member ? &voice->member->complained
                         : &voice->cluster->seeds[voice->seed].complained;
}


static void
ngx_http_registry_cluster_done(ngx_http_registry_cluster_t *cluster)
{
    if (--cluster->under_way == 0) {
        ngx_http_registry_cluster_conclude(cluster);
    }
}
