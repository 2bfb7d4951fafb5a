/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Replies of a cluster that lead elsewhere:
 *
 *     MOVED      another has the slot: the question is sent there, and a map is
 *                asked for
 *     ASK        the slot is on its way, and its key has gone before: the
 *                question is sent there behind an ASKING, this one alone
 *     TRYAGAIN   of several keys some have gone and some have not: it is sent
 *                again after a pause
 */

#include "ngx_http_registry_topology_cluster.h"

/* How often a question is sent, at most, and the pause before it is again. */

#define NGX_HTTP_REGISTRY_CLUSTER_SENT   6
#define NGX_HTTP_REGISTRY_CLUSTER_PAUSE  20       /* milliseconds */


static ngx_int_t ngx_http_registry_cluster_redirect(
    ngx_http_registry_ask_t *ask, redisReply *reply, ngx_uint_t asking);
static ngx_http_registry_member_t *ngx_http_registry_cluster_target(
    ngx_http_registry_ask_t *ask, redisReply *reply);
static ngx_uint_t ngx_http_registry_cluster_full(
    ngx_http_registry_topology_t *topology);


/*
 * A primary that has lost its slots may be one that was cut off, and so may one
 * that says that its cluster is down: what they say of a key is no answer.
 */

ngx_int_t
ngx_http_registry_cluster_check(ngx_http_registry_ask_t *ask,
    redisReply *reply)
{
    ngx_http_registry_member_t   *member;
    ngx_http_registry_cluster_t  *cluster;

    member = ask->member;
    cluster = ask->topology->state;

    if (reply == NULL) {
        ngx_http_registry_cluster_want(cluster);
        return NGX_DECLINED;
    }

    switch (reg_resp_error(reply)) {

    case REG_RESP_NO_ERROR:
        return member->retired || member->outcast
               || (member->tracker
                   && ngx_http_registry_tracker_demoted(member->tracker))
               ? NGX_DECLINED : NGX_OK;

    case REG_RESP_MOVED:
        ngx_http_registry_cluster_want(cluster);
        return ngx_http_registry_cluster_redirect(ask, reply, 0);

    case REG_RESP_ASK:
        return ngx_http_registry_cluster_redirect(ask, reply, 1);

    case REG_RESP_TRYAGAIN:

        if (ask->sent >= NGX_HTTP_REGISTRY_CLUSTER_SENT) {
            return NGX_OK;
        }

        ngx_http_registry_member_leave(ask);
        ngx_http_registry_topology_delay(ask, NGX_HTTP_REGISTRY_CLUSTER_PAUSE);

        return NGX_AGAIN;

    case REG_RESP_CLUSTERDOWN:
    case REG_RESP_READONLY:
    case REG_RESP_MASTERDOWN:
        ngx_http_registry_cluster_want(cluster);
        return NGX_OK;

    default:
        return NGX_OK;
    }
}


/* What cannot be followed is the answer: an error. */

static ngx_int_t
ngx_http_registry_cluster_redirect(ngx_http_registry_ask_t *ask,
    redisReply *reply, ngx_uint_t asking)
{
    ngx_http_registry_member_t  *target;

    if (ask->sent >= NGX_HTTP_REGISTRY_CLUSTER_SENT) {
        return NGX_OK;
    }

    target = ngx_http_registry_cluster_target(ask, reply);

    if (target == NULL) {
        return NGX_OK;
    }

    target->used = ngx_http_registry_tracker_now();

    ngx_http_registry_member_leave(ask);

    return ngx_http_registry_topology_send(ask, target, asking) == NGX_OK
           ? NGX_AGAIN : NGX_DECLINED;
}


static ngx_http_registry_member_t *
ngx_http_registry_cluster_target(ngx_http_registry_ask_t *ask,
    redisReply *reply)
{
    unsigned                       slot, port;
    reg_str_t                      host;
    ngx_http_registry_member_t    *target;
    ngx_http_registry_topology_t  *topology;

    topology = ask->topology;

    if (reg_resp_redirect(reply, &slot, &host, &port) != REG_OK
        || slot != ask->slot)
    {
        return NULL;
    }

    if (host.len == 0) {
        host = ask->member->host;
    }

    target = ngx_http_registry_member_find(topology, host, port);

    if (target == NULL && !ngx_http_registry_cluster_full(topology)) {
        target = ngx_http_registry_member_invite(topology, host, port);
    }

    return target;
}


static ngx_uint_t
ngx_http_registry_cluster_full(ngx_http_registry_topology_t *topology)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    n = 0;

    for (q = ngx_queue_head(&topology->guests);
         q != ngx_queue_sentinel(&topology->guests);
         q = ngx_queue_next(q))
    {
        n++;
    }

    return n >= NGX_HTTP_REGISTRY_CLUSTER_GUESTS;
}
