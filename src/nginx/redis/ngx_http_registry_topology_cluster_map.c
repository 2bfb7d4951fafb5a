/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_topology_cluster.h"


static void ngx_http_registry_atlas_copy(ngx_http_registry_atlas_t *atlas,
    const reg_cluster_map_t *map);
static void ngx_http_registry_atlas_merge(ngx_http_registry_atlas_t *atlas,
    const reg_cluster_map_t *map, reg_str_t host, unsigned port);
static size_t ngx_http_registry_atlas_primary(ngx_http_registry_atlas_t *atlas,
    reg_str_t host, unsigned port);
static ngx_http_registry_member_t *ngx_http_registry_cluster_primary(
    ngx_http_registry_cluster_t *cluster, reg_store_host_t *address);
static void ngx_http_registry_cluster_dismiss(
    ngx_http_registry_cluster_t *cluster);
static void ngx_http_registry_cluster_log(ngx_http_registry_member_t *member,
    const char *what);


ngx_int_t
ngx_http_registry_cluster_collect(ngx_http_registry_voice_t *voice,
    redisReply *reply, reg_error_t *error)
{
    size_t                        i;
    reg_cluster_map_t             map;
    ngx_http_registry_atlas_t    *atlas;
    ngx_http_registry_cluster_t  *cluster;

    cluster = voice->cluster;
    atlas = &cluster->atlas;

    if (reg_cluster_map(&map, reply, error) != REG_OK) {
        return NGX_DECLINED;
    }

    for (i = 0; i < map.n; i++) {

        if (map.primaries[i].host.len == 0) {
            map.primaries[i].host = voice->host;
        }
    }

    if (!cluster->found || voice->info.epoch > atlas->epoch) {
        atlas->epoch = voice->info.epoch;
        ngx_http_registry_atlas_copy(atlas, &map);

    } else if (voice->info.epoch == atlas->epoch) {
        ngx_http_registry_atlas_merge(atlas, &map, voice->host, voice->port);
    }

    cluster->found = 1;

    return NGX_OK;
}


/* Two of a map may be one: a host that was empty is that of who answered. */

static void
ngx_http_registry_atlas_copy(ngx_http_registry_atlas_t *atlas,
    const reg_cluster_map_t *map)
{
    size_t  i, slot;
    u_char  number[REG_CLUSTER_PRIMARIES_MAX];

    atlas->map.n = 0;

    for (i = 0; i < map->n; i++) {
        number[i] = (u_char) ngx_http_registry_atlas_primary(atlas,
                                                      map->primaries[i].host,
                                                      map->primaries[i].port);
    }

    for (slot = 0; slot < REG_REDIS_SLOTS; slot++) {
        atlas->map.owners[slot] = REG_CLUSTER_NOBODY;

        if (map->owners[slot] != REG_CLUSTER_NOBODY) {
            atlas->map.owners[slot] = number[map->owners[slot]];
        }
    }
}


/*
 * Nodes that have heard of the same epoch may still differ for a moment in
 * where a slot is that was moved: then a primary knows its own best.
 */

static void
ngx_http_registry_atlas_merge(ngx_http_registry_atlas_t *atlas,
    const reg_cluster_map_t *map, reg_str_t host, unsigned port)
{
    size_t      i, slot;
    ngx_uint_t  n;

    for (i = 0; i < map->n; i++) {

        if (map->primaries[i].port == port
            && reg_str_eq(map->primaries[i].host, host))
        {
            break;
        }
    }

    if (i == map->n) {
        return;
    }

    n = ngx_http_registry_atlas_primary(atlas, host, port);

    if (n == REG_CLUSTER_PRIMARIES_MAX) {
        return;
    }

    for (slot = 0; slot < REG_REDIS_SLOTS; slot++) {

        if (map->owners[slot] == i) {
            atlas->map.owners[slot] = (u_char) n;
        }
    }
}


/* The number of a primary, which may be new; MAX when there are too many. */

static size_t
ngx_http_registry_atlas_primary(ngx_http_registry_atlas_t *atlas,
    reg_str_t host, unsigned port)
{
    size_t             i;
    reg_store_host_t  *primary;

    for (i = 0; i < atlas->map.n; i++) {
        primary = &atlas->map.primaries[i];

        if (primary->port == port && reg_str_eq(primary->host, host)) {
            return i;
        }
    }

    if (i == REG_CLUSTER_PRIMARIES_MAX) {
        return i;
    }

    primary = &atlas->map.primaries[i];

    primary->port = port;
    primary->host.len = host.len;
    primary->host.data = atlas->hosts[i];
    ngx_memcpy(atlas->hosts[i], host.data, host.len);

    atlas->map.n++;

    return i;
}


/* A slot that gets another primary loses what was known of its keys. */

void
ngx_http_registry_cluster_apply(ngx_http_registry_cluster_t *cluster)
{
    size_t                         i;
    int64_t                        now;
    uint64_t                       epoch;
    reg_cluster_map_t             *map;
    ngx_http_registry_place_t     *place;
    ngx_http_registry_member_t    *master;
    ngx_http_registry_topology_t  *topology;
    ngx_http_registry_member_t    *masters[REG_CLUSTER_PRIMARIES_MAX];

    topology = cluster->topology;
    map = &cluster->atlas.map;

    for (i = 0; i < map->n; i++) {
        masters[i] = ngx_http_registry_cluster_primary(cluster,
                                                       &map->primaries[i]);
    }

    now = ngx_http_registry_tracker_now();
    epoch = topology->epochs + 1;
    cluster->whole = 1;

    for (i = 0; i < REG_REDIS_SLOTS; i++) {
        place = &topology->places[i];
        master = NULL;

        if (map->owners[i] != REG_CLUSTER_NOBODY) {
            master = masters[map->owners[i]];
        }

        if (master) {
            master->mapped = 1;

        } else {
            cluster->whole = 0;
        }

        if (place->master != master) {
            place->master = master;
            place->since = now;
            place->epoch = epoch;

            topology->epochs = epoch;
            topology->moved = epoch;
        }
    }

    ngx_http_registry_cluster_dismiss(cluster);
}


/* NULL when memory ran out. */

static ngx_http_registry_member_t *
ngx_http_registry_cluster_primary(ngx_http_registry_cluster_t *cluster,
    reg_store_host_t *address)
{
    ngx_http_registry_member_t    *member;
    ngx_http_registry_topology_t  *topology;

    topology = cluster->topology;

    member = ngx_http_registry_member_find(topology, address->host,
                                           address->port);

    if (member == NULL) {
        member = ngx_http_registry_member_invite(topology, address->host,
                                                 address->port);
    }

    if (member == NULL || member->tracker) {
        return member;
    }

    if (ngx_http_registry_member_adopt(member) != NGX_OK) {
        return NULL;
    }

    ngx_http_registry_cluster_log(member, "a primary");

    /* until it has said that its cluster works */

    member->until = 0;
    ngx_http_registry_cluster_want(cluster);

    return member;
}


/* Those without a slot are no primaries any more. */

static void
ngx_http_registry_cluster_dismiss(ngx_http_registry_cluster_t *cluster)
{
    ngx_queue_t                 *q, *next, *members;
    ngx_http_registry_member_t  *member;

    members = &cluster->topology->members;

    for (q = ngx_queue_head(members); q != ngx_queue_sentinel(members);
         q = next)
    {
        next = ngx_queue_next(q);
        member = ngx_queue_data(q, ngx_http_registry_member_t, queue);

        if (member->mapped) {
            member->mapped = 0;
            continue;
        }

        ngx_http_registry_cluster_log(member, "no primary any more");
        ngx_http_registry_member_retire(member);
    }
}


static void
ngx_http_registry_cluster_log(ngx_http_registry_member_t *member,
    const char *what)
{
    ngx_log_error(NGX_LOG_NOTICE, member->topology->log, 0,
                  "registry store: Redis at \"%*s\" port %ui is %s of the "
                  "cluster", member->host.len, member->host.data,
                  (ngx_uint_t) member->port, what);
}
