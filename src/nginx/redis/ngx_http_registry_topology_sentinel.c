/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The master that sentinels name.
 *
 * All of them are asked, in rounds, while the gateway serves: an old master
 * that is cut off from the others goes on saying that it is one, and answers.
 * Each sentinel tells the epoch of its configuration, which grows with every
 * failover, and the highest counts: so one that is cut off, too, leads nobody
 * back.  When none answers, the master that is known is kept.
 */

#include "ngx_http_registry_topology_state.h"

#include "reg_topology.h"

/* Milliseconds between rounds while the master works, and while it does not. */

#define NGX_HTTP_REGISTRY_SENTINEL_POLL    1000
#define NGX_HTTP_REGISTRY_SENTINEL_SEEK    250

/*
 * An epoch below the one that is known is believed after nobody has named the
 * master for so long: the sentinels were set up anew.
 */

#define NGX_HTTP_REGISTRY_SENTINEL_FORGET  10000


typedef struct ngx_http_registry_sentinels_s  ngx_http_registry_sentinels_t;

typedef struct {
    ngx_http_registry_sentinels_t   *all;
    ngx_http_registry_node_t        *node;
    const reg_store_host_t          *address;
    uint64_t                         epoch;
    unsigned                         complained:1;
} ngx_http_registry_sentinel_t;


typedef struct {
    reg_store_host_t                 address;     /* its host lies in host */
    uint64_t                         epoch;
    u_char                           host[REG_REDIS_HOST_MAX];
} ngx_http_registry_named_t;


struct ngx_http_registry_sentinels_s {
    ngx_http_registry_topology_t    *topology;
    ngx_http_registry_redis_conf_t   conf;        /* of the sentinels */
    ngx_event_t                      timer;

    ngx_http_registry_member_t      *master;      /* NULL: none was found */
    ngx_http_registry_named_t        current;     /* it, if there is one */
    int64_t                          named;       /* ms, when it was last */

    ngx_uint_t                       under_way;
    ngx_uint_t                       found;       /* in this round */
    ngx_http_registry_named_t        best;        /* if found */

    ngx_http_registry_sentinel_t     sentinels[REG_STORE_HOSTS_MAX];
};


static ngx_int_t ngx_http_registry_sentinel_open(
    ngx_http_registry_topology_t *topology);
static void ngx_http_registry_sentinel_close(
    ngx_http_registry_topology_t *topology);
static ngx_http_registry_member_t *ngx_http_registry_sentinel_master(
    ngx_http_registry_topology_t *topology, unsigned slot);
static ngx_int_t ngx_http_registry_sentinel_check(
    ngx_http_registry_ask_t *ask, redisReply *reply);
static void ngx_http_registry_sentinel_round(ngx_event_t *ev);
static ngx_int_t ngx_http_registry_sentinel_ask(
    ngx_http_registry_sentinel_t *sentinel, const char *what,
    ngx_http_registry_reply_pt handler);
static void ngx_http_registry_sentinel_epoch(void *data, redisReply *reply);
static void ngx_http_registry_sentinel_address(void *data, redisReply *reply);
static void ngx_http_registry_sentinel_name(
    ngx_http_registry_sentinel_t *sentinel, reg_store_host_t *address);
static void ngx_http_registry_sentinel_complain(
    ngx_http_registry_sentinel_t *sentinel, redisReply *reply);
static void ngx_http_registry_sentinel_done(
    ngx_http_registry_sentinels_t *all);
static void ngx_http_registry_sentinel_choose(
    ngx_http_registry_sentinels_t *all);
static void ngx_http_registry_sentinel_switch(
    ngx_http_registry_sentinels_t *all);
static ngx_uint_t ngx_http_registry_sentinel_same(
    const reg_store_host_t *a, const reg_store_host_t *b);
static void ngx_http_registry_sentinel_set(ngx_http_registry_named_t *named,
    const reg_store_host_t *address, uint64_t epoch);


const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_sentinel =
{
    ngx_http_registry_sentinel_open,
    ngx_http_registry_sentinel_close,
    ngx_http_registry_sentinel_master,
    ngx_http_registry_sentinel_check
};


static ngx_int_t
ngx_http_registry_sentinel_open(ngx_http_registry_topology_t *topology)
{
    ngx_uint_t                      i;
    reg_store_url_t                *url;
    ngx_http_registry_sentinel_t   *sentinel;
    ngx_http_registry_sentinels_t  *all;

    all = ngx_calloc(sizeof(ngx_http_registry_sentinels_t), topology->log);
    if (all == NULL) {
        return NGX_ERROR;
    }

    topology->state = all;

    all->topology = topology;
    all->conf = topology->conf;
    all->conf.greeting = NGX_HTTP_REGISTRY_GREET_SENTINEL;
    all->conf.url.db = 0;

    topology->conf.greeting = NGX_HTTP_REGISTRY_GREET_MASTER;

    url = &all->conf.url;

    for (i = 0; i < url->nhosts; i++) {
        sentinel = &all->sentinels[i];

        sentinel->all = all;
        sentinel->address = &url->hosts[i];
        sentinel->node = ngx_http_registry_node_create(&all->conf,
                                                       url->hosts[i].host,
                                                       url->hosts[i].port,
                                                       topology->log);
        if (sentinel->node == NULL) {
            return NGX_ERROR;
        }
    }

    all->timer.handler = ngx_http_registry_sentinel_round;
    all->timer.data = all;
    all->timer.log = topology->log;
    all->timer.cancelable = 1;

    topology->searching = 1;

    ngx_http_registry_sentinel_round(&all->timer);

    return NGX_OK;
}


static void
ngx_http_registry_sentinel_close(ngx_http_registry_topology_t *topology)
{
    ngx_uint_t                      i;
    ngx_http_registry_sentinels_t  *all;

    all = topology->state;

    if (all == NULL) {
        return;
    }

    for (i = 0; i < all->conf.url.nhosts; i++) {
        if (all->sentinels[i].node) {
            ngx_http_registry_node_free(all->sentinels[i].node);
        }
    }

    if (all->timer.timer_set) {
        ngx_del_timer(&all->timer);
    }

    ngx_free(all);
}


static ngx_http_registry_member_t *
ngx_http_registry_sentinel_master(ngx_http_registry_topology_t *topology,
    unsigned slot)
{
    ngx_http_registry_sentinels_t *all = topology->state;

    return all->master;
}


/*
 * A server that is not the master any more may be behind for long: what it says
 * is not an answer.
 */

static ngx_int_t
ngx_http_registry_sentinel_check(ngx_http_registry_ask_t *ask,
    redisReply *reply)
{
    ngx_http_registry_sentinels_t *all = ask->topology->state;

    return ask->member == all->master
           && !ngx_http_registry_tracker_demoted(ask->member->tracker)
           ? NGX_OK : NGX_DECLINED;
}


/* Begins a round, if the one before is over. */

static void
ngx_http_registry_sentinel_round(ngx_event_t *ev)
{
    ngx_http_registry_sentinels_t *all = ev->data;

    ngx_uint_t                     i;
    ngx_msec_t                     pause;
    ngx_http_registry_sentinel_t  *sentinel;

    if (ngx_exiting) {
        return;
    }

    if (all->under_way == 0) {
        all->found = 0;

        for (i = 0; i < all->conf.url.nhosts; i++) {
            sentinel = &all->sentinels[i];

            if (ngx_http_registry_sentinel_ask(sentinel, "MASTER",
                                              ngx_http_registry_sentinel_epoch)
                == NGX_OK)
            {
                all->under_way++;
            }
        }

        if (all->under_way == 0) {
            ngx_http_registry_sentinel_choose(all);
        }
    }

    pause = NGX_HTTP_REGISTRY_SENTINEL_SEEK;

    if (all->master
        && (ngx_http_registry_tracker_refused(all->master->tracker)
            || ngx_http_registry_tracker_until(all->master->tracker)
               > ngx_http_registry_tracker_now()))
    {
        pause = NGX_HTTP_REGISTRY_SENTINEL_POLL;
    }

    ngx_add_timer(ev, pause);
}


static ngx_int_t
ngx_http_registry_sentinel_ask(ngx_http_registry_sentinel_t *sentinel,
    const char *what, ngx_http_registry_reply_pt handler)
{
    reg_str_t  argv[3];

    argv[0] = REG_STR("SENTINEL");
    argv[1] = reg_str(what);
    argv[2] = sentinel->all->conf.url.master;

    return ngx_http_registry_node_command(sentinel->node, 3, argv, handler,
                                          sentinel)
           ? NGX_OK : NGX_ERROR;
}


/* The epoch first: the address is at least as new. */

static void
ngx_http_registry_sentinel_epoch(void *data, redisReply *reply)
{
    ngx_http_registry_sentinel_t *sentinel = data;

    if (reply) {
        if (reg_sentinel_epoch(&sentinel->epoch, reply) != REG_OK) {
            ngx_http_registry_sentinel_complain(sentinel, reply);

        } else if (ngx_http_registry_sentinel_ask(sentinel,
                                            "GET-MASTER-ADDR-BY-NAME",
                                            ngx_http_registry_sentinel_address)
                   == NGX_OK)
        {
            return;
        }
    }

    ngx_http_registry_sentinel_done(sentinel->all);
}


static void
ngx_http_registry_sentinel_address(void *data, redisReply *reply)
{
    ngx_http_registry_sentinel_t *sentinel = data;

    reg_store_host_t  address;

    if (reply) {
        if (reg_sentinel_address(&address, reply) == REG_OK) {
            ngx_http_registry_sentinel_name(sentinel, &address);

        } else {
            ngx_http_registry_sentinel_complain(sentinel, reply);
        }
    }

    ngx_http_registry_sentinel_done(sentinel->all);
}


/* Of those with the same epoch the master that we have is the best. */

static void
ngx_http_registry_sentinel_name(ngx_http_registry_sentinel_t *sentinel,
    reg_store_host_t *address)
{
    ngx_uint_t                      better;
    ngx_http_registry_sentinels_t  *all;

    all = sentinel->all;
    sentinel->complained = 0;

    better = !all->found || sentinel->epoch > all->best.epoch
             || (sentinel->epoch == all->best.epoch && all->master
                 && ngx_http_registry_sentinel_same(address,
                                                    &all->current.address));

    if (better) {
        ngx_http_registry_sentinel_set(&all->best, address, sentinel->epoch);
    }

    all->found = 1;
}


/* Once, until it says what is right again. */

static void
ngx_http_registry_sentinel_complain(ngx_http_registry_sentinel_t *sentinel,
    redisReply *reply)
{
    reg_str_t    name;
    reg_error_t  text;

    if (sentinel->complained) {
        return;
    }

    sentinel->complained = 1;

    reg_error_set(&text, "it says something else");

    if (reply->type == REDIS_REPLY_ERROR) {
        reg_resp_error_text(&text, reply);
    }

    name = sentinel->all->conf.url.master;

    ngx_log_error(NGX_LOG_ERR, sentinel->all->topology->log, 0,
                  "registry store: the sentinel at \"%*s\" port %ui does not "
                  "name the master \"%*s\": %s",
                  sentinel->address->host.len, sentinel->address->host.data,
                  (ngx_uint_t) sentinel->address->port, name.len, name.data,
                  text.text);
}


static void
ngx_http_registry_sentinel_done(ngx_http_registry_sentinels_t *all)
{
    if (--all->under_way == 0) {
        ngx_http_registry_sentinel_choose(all);
    }
}


/* The end of a round. */

static void
ngx_http_registry_sentinel_choose(ngx_http_registry_sentinels_t *all)
{
    int64_t     now;
    ngx_uint_t  same;

    now = ngx_http_registry_tracker_now();

    if (all->found) {
        same = all->master && all->best.epoch == all->current.epoch
               && ngx_http_registry_sentinel_same(&all->best.address,
                                                  &all->current.address);

        if (same) {
            all->named = now;

        } else if (all->master == NULL
                   || all->best.epoch >= all->current.epoch
                   || now - all->named >= NGX_HTTP_REGISTRY_SENTINEL_FORGET)
        {
            all->named = now;
            ngx_http_registry_sentinel_switch(all);
        }
    }

    if (all->topology->searching) {
        ngx_http_registry_topology_settle(all->topology);
    }
}


/*
 * Even to the same address: there was a failover, and whatever was known of the
 * master before is not certain any more.
 */

static void
ngx_http_registry_sentinel_switch(ngx_http_registry_sentinels_t *all)
{
    reg_store_host_t            *address;
    ngx_http_registry_member_t  *master;

    if (all->master) {
        ngx_http_registry_member_retire(all->master);
        all->master = NULL;
    }

    ngx_http_registry_sentinel_set(&all->current, &all->best.address,
                                   all->best.epoch);

    address = &all->current.address;

    ngx_log_error(NGX_LOG_NOTICE, all->topology->log, 0,
                  "registry store: the master is at \"%*s\" port %ui",
                  address->host.len, address->host.data,
                  (ngx_uint_t) address->port);

    master = ngx_http_registry_member_add(all->topology, address->host,
                                          address->port);
    all->master = master;
}


static ngx_uint_t
ngx_http_registry_sentinel_same(const reg_store_host_t *a,
    const reg_store_host_t *b)
{
    return a->port == b->port && reg_str_eq(a->host, b->host);
}


static void
ngx_http_registry_sentinel_set(ngx_http_registry_named_t *named,
    const reg_store_host_t *address, uint64_t epoch)
{
    named->epoch = epoch;
    named->address.port = address->port;
    named->address.host.len = address->host.len;
    named->address.host.data = named->host;

    ngx_memcpy(named->host, address->host.data, address->host.len);
}
