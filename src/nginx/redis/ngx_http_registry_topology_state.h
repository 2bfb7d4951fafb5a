/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H
#define NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H

/*
 * A topology from the inside: questions are in ngx_http_registry_topology.c,
 * servers in ngx_http_registry_topology_member.c, and who is asked is in a file
 * of each kind.
 */

#include "ngx_http_registry_topology.h"

typedef struct ngx_http_registry_member_s  ngx_http_registry_member_t;


/*
 * A server, and the questions that it has not answered yet.  It is a member if
 * it is a master as far as we know, and a guest if it has only been named.
 */

struct ngx_http_registry_member_s {
    ngx_queue_t                    queue;         /* of one of the lists */
    ngx_http_registry_topology_t  *topology;
    ngx_http_registry_node_t      *node;
    ngx_http_registry_tracker_t   *tracker;       /* NULL: it is no member */
    ngx_queue_t                    asks;
    reg_str_t                      host;          /* lies behind this */
    unsigned                       port;

    /* its lease hangs on this as well, and its epoch is no older */

    int64_t                        until;
    int64_t                        since;
    uint64_t                       epoch;

    int64_t                        used;          /* guests: at last */
    ngx_uint_t                     complained;    /* of it, already */
    unsigned                       retired:1;
    unsigned                       outcast:1;     /* by its own words */
    unsigned                       mapped:1;      /* it has slots */
};


/* What a worker knows of a slot. */

typedef struct {
    ngx_http_registry_member_t    *master;        /* NULL: nobody */
    int64_t                        since;         /* it is */
    uint64_t                       epoch;
} ngx_http_registry_place_t;


struct ngx_http_registry_ask_s {
    ngx_queue_t                    queue;         /* of the member, or of */
                                                  /* those who wait */
    ngx_http_registry_topology_t  *topology;
    ngx_http_registry_member_t    *member;        /* NULL: it waits */
    ngx_http_registry_command_t   *command;       /* NULL: the same */
    ngx_http_registry_answer_pt    handler;
    void                          *data;
    uint64_t                       epoch;         /* when it was sent */
    ngx_event_t                    timer;         /* of one that waits */
    ngx_uint_t                     sent;          /* times */
    unsigned                       slot;
    size_t                         argc;
    reg_str_t                      argv[1];       /* with what lies behind */
};


/* What the kinds do each in their way. */

typedef struct {

    /* NGX_OK, or NGX_ERROR when memory ran out */

    ngx_int_t                    (*open)(
                                     ngx_http_registry_topology_t *topology);

    /* frees what is not a member; NULL: nothing */

    void                         (*close)(
                                     ngx_http_registry_topology_t *topology);

    /* the master of a slot, or NULL */

    ngx_http_registry_member_t  *(*master)(
                                     ngx_http_registry_topology_t *topology,
                                     unsigned slot);

    /*
     * What is the reply of a server worth, which is NULL where there is none?
     *
     * NGX_OK         it is the answer
     * NGX_DECLINED   there is no answer
     * NGX_AGAIN      the question was sent on, or waits to be sent again
     *
     * No function: it always is the answer.
     */

    ngx_int_t                    (*check)(ngx_http_registry_ask_t *ask,
                                          redisReply *reply);
} ngx_http_registry_topology_kind_t;


struct ngx_http_registry_topology_s {
    const ngx_http_registry_topology_kind_t     *kind;
    ngx_http_registry_redis_conf_t               conf;
    const ngx_http_registry_tracker_handlers_t  *handlers;
    void                                        *data;
    ngx_log_t                                   *log;
    void                                        *state;     /* of the kind */

    ngx_queue_t                                  members;   /* masters */
    ngx_queue_t                                  guests;
    ngx_queue_t                                  retired;
    uint64_t                                     epochs;

    /* of each slot, and the epoch of the last change; NULL: they are one */

    ngx_http_registry_place_t                   *places;
    uint64_t                                     moved;

    /* until a master was found at first, or was not; or for a moment */

    ngx_queue_t                                  waiting;
    unsigned                                     searching:1;
};


extern const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_single;

extern const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_sentinel;

extern const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_cluster;


/*
 * The search is over: those who wait for it are sent to their masters, or get
 * no answer.
 */

void ngx_http_registry_topology_settle(ngx_http_registry_topology_t *topology);


/*
 * Sends a question, which is of no member and in no queue, to a server, behind
 * an ASKING or not.  NGX_OK, or NGX_ERROR: it is still of no member then.
 */

ngx_int_t ngx_http_registry_topology_send(ngx_http_registry_ask_t *ask,
    ngx_http_registry_member_t *member, ngx_uint_t asking);


/* The same to its master, after a pause in milliseconds. */

void ngx_http_registry_topology_delay(ngx_http_registry_ask_t *ask,
    ngx_msec_t pause);


/* Does the lease of a member hold? */

ngx_uint_t ngx_http_registry_member_holds(ngx_http_registry_member_t *member,
    int64_t now);


/* A member or a guest with this address, or NULL. */

ngx_http_registry_member_t *ngx_http_registry_member_find(
    ngx_http_registry_topology_t *topology, reg_str_t host, unsigned port);


/* A guest, which copies host.  NULL when memory ran out. */

ngx_http_registry_member_t *ngx_http_registry_member_invite(
    ngx_http_registry_topology_t *topology, reg_str_t host, unsigned port);


/* A guest becomes a member: NGX_OK, or NGX_ERROR when memory ran out. */

ngx_int_t ngx_http_registry_member_adopt(ngx_http_registry_member_t *member);


/* A server, and its tracker.  NULL when memory ran out. */

ngx_http_registry_member_t *ngx_http_registry_member_add(
    ngx_http_registry_topology_t *topology, reg_str_t host, unsigned port);


/* A master no more: it goes when it has answered what it was asked. */

void ngx_http_registry_member_retire(ngx_http_registry_member_t *member);


/* A question is no longer its own. */

void ngx_http_registry_member_leave(ngx_http_registry_ask_t *ask);


/* Frees a server and the questions to it; nobody is called any more. */

void ngx_http_registry_member_free(ngx_http_registry_member_t *member);

#endif /* NGX_HTTP_REGISTRY_TOPOLOGY_STATE_H */
