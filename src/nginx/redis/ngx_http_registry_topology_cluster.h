/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOPOLOGY_CLUSTER_H
#define NGX_HTTP_REGISTRY_TOPOLOGY_CLUSTER_H

/*
 * A cluster from the inside: when nodes are asked is in
 * ngx_http_registry_topology_cluster.c, what they are asked and say in
 * ngx_http_registry_topology_cluster_ask.c, what becomes of the maps of slots
 * in ngx_http_registry_topology_cluster_map.c, and of replies that lead
 * elsewhere in ngx_http_registry_topology_cluster_redirect.c.
 */

#include "ngx_http_registry_topology_state.h"

#include "reg_topology.h"

#define NGX_HTTP_REGISTRY_CLUSTER_GUESTS  16      /* at a time */
#define NGX_HTTP_REGISTRY_CLUSTER_IDLE    10000   /* ms, of a guest */

typedef struct ngx_http_registry_cluster_s  ngx_http_registry_cluster_t;


/* A node that is asked in a round. */

typedef struct {
    ngx_http_registry_cluster_t     *cluster;
    ngx_http_registry_member_t      *member;      /* NULL: it is a seed */
    ngx_uint_t                       seed;        /* which, then */
    ngx_http_registry_node_t        *node;
    reg_str_t                        host;
    unsigned                         port;
    ngx_http_registry_command_t     *command;     /* under way, or NULL */
    int64_t                          asked;       /* ms */
    reg_cluster_info_t               info;
} ngx_http_registry_voice_t;


/* The best map of a round, and the epoch of who told it. */

typedef struct {
    uint64_t                         epoch;
    reg_cluster_map_t                map;         /* its hosts lie in hosts */
    u_char                           hosts[REG_CLUSTER_PRIMARIES_MAX]
                                          [REG_REDIS_HOST_MAX];
} ngx_http_registry_atlas_t;


typedef struct {
    ngx_http_registry_node_t        *node;        /* NULL: not in use */
    ngx_uint_t                       complained;
} ngx_http_registry_seed_t;


/* Times are milliseconds of the monotonic clock. */

struct ngx_http_registry_cluster_s {
    ngx_http_registry_topology_t    *topology;
    ngx_http_registry_redis_conf_t   conf;        /* of the seeds */
    ngx_event_t                      timer;       /* of a round, or until it */

    uint64_t                         epoch;       /* of the map in use */
    int64_t                          confirmed;   /* when it was at last */
    int64_t                          mapped;      /* when a map was read */
    int64_t                          opened;
    int64_t                          begun;       /* the last round */

    ngx_uint_t                       under_way;
    ngx_uint_t                       nmaps;       /* asked for */

    unsigned                         has_map:1;
    unsigned                         whole:1;     /* it has all slots */
    unsigned                         want:1;      /* maps, in the next round */
    unsigned                         maps:1;      /* in this round */
    unsigned                         heard:1;     /* of one that works */
    unsigned                         deaf:1;      /* not in the last round */
    unsigned                         found:1;     /* a map, in this round */

    ngx_http_registry_seed_t         seeds[REG_STORE_HOSTS_MAX];

    ngx_uint_t                       nvoices;
    ngx_http_registry_voice_t        voices[REG_STORE_HOSTS_MAX
                                            + REG_CLUSTER_PRIMARIES_MAX];
    ngx_http_registry_atlas_t        atlas;       /* if found */
};


/* Something has changed, or fails: a round with maps, soon. */

void ngx_http_registry_cluster_want(ngx_http_registry_cluster_t *cluster);


/* Begins a round: under_way says how many are waited for. */

void ngx_http_registry_cluster_ask(ngx_http_registry_cluster_t *cluster);


/* The end of a round: all have answered, or its time is over. */

void ngx_http_registry_cluster_conclude(ngx_http_registry_cluster_t *cluster);


/*
 * A map has come from a node that works.  NGX_OK, or NGX_DECLINED with *error.
 */

ngx_int_t ngx_http_registry_cluster_collect(ngx_http_registry_voice_t *voice,
    redisReply *reply, reg_error_t *error);


/* The map of this round is that of the topology from now on. */

void ngx_http_registry_cluster_apply(ngx_http_registry_cluster_t *cluster);


/* See check() of ngx_http_registry_topology_kind_t. */

ngx_int_t ngx_http_registry_cluster_check(ngx_http_registry_ask_t *ask,
    redisReply *reply);

#endif /* NGX_HTTP_REGISTRY_TOPOLOGY_CLUSTER_H */
