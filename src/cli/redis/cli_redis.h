/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_REDIS_H
#define CLI_REDIS_H

/*
 * What the files of the Redis store share.
 *
 * A node is a server that keeps records: the only one, the master that the
 * sentinels name, or the primaries of a cluster, each with the slots that the
 * map says.  A route leads a command to the node that has its key, and behind
 * whatever that node's answer says of another.
 */

#include "cli_redis_link.h"
#include "cli_store.h"

#define CLI_NODES_MAX  256          /* primaries, and those asked for the map */
#define CLI_NOBODY     CLI_NODES_MAX

typedef struct {
    reg_store_host_t   host;        /* of the URL, or in text; empty: a path */
    char              *text;
    char              *name;        /* for messages */
    cli_link_t        *link;        /* NULL: none, or it has failed */
    unsigned           opened;      /* how often there was a new link */
    unsigned           primary:1;   /* as the map has it */
    unsigned           wrote:1;     /* it has taken a record */
    unsigned           lost:1;      /* and the link, over which it was sent */
} cli_node_t;

/* The names of keys that begin so behind the prefix, and that are wanted. */

typedef struct {
    const char    *begin;
    int          (*wanted)(void *data, reg_str_t key);
    void          *data;
    size_t         n;
    size_t         size;
    char         **items;
} cli_names_t;

struct cli_redis_s {
    reg_store_url_t   url;
    size_t            nnodes;
    cli_node_t       *nodes[CLI_NODES_MAX];
    unsigned          master;       /* number of the node with all slots */
    unsigned short    owners[REG_REDIS_SLOTS];
    uint64_t          epoch;        /* of who named them */
    unsigned          silent:1;     /* PUBLISH was refused, which was said */

    cli_names_t       records;      /* each name with the JSON behind it */
};

typedef struct {
    cli_store_t   *store;
    unsigned       slot;
    cli_node_t    *node;            /* NULL: nobody has the slot */
    int64_t        until;           /* ms, to look for another */
    unsigned       redirections;
    unsigned       asking:1;        /* the slot is on its way to the node */
} cli_route_t;


/* cli_redis.c */

/*
 * The URL of a server, or with host NULL that of the store, less its options.
 * The caller frees it; NULL: memory ran out.
 */

char *cli_redis_name(const reg_store_url_t *url,
    const reg_store_host_t *host);

/* A command about a key, and its reply, which is no error. */

cli_rc_t cli_redis_call(cli_store_t *store, redisReply **reply, reg_str_t key,
    size_t argc, const reg_str_t *argv);

/* A reply that the command does not have: CLI_STORE after a sentence. */

cli_rc_t cli_redis_strange(const char *name);


/* cli_redis_node.c */

/* NULL: memory ran out, or there are too many. */

cli_node_t *cli_node_get(cli_redis_t *redis, const reg_store_host_t *host);

/* Connects if need be. */

cli_rc_t cli_node_open(cli_redis_t *redis, cli_node_t *node,
    cli_greet_t greet, unsigned milliseconds);

void cli_node_close(cli_node_t *node);

void cli_nodes_free(cli_redis_t *redis);


/* cli_redis_route.c */

/* Milliseconds that never go back. */

int64_t cli_redis_clock(void);

/* Until when something that passes is waited for. */

int64_t cli_redis_until(const cli_redis_t *redis);

/*
 * After a failure of a node: CLI_DONE if it may be over soon and there is time
 * to look again where the nodes are, which has been done then.  CLI_STORE
 * after a sentence.
 */

cli_rc_t cli_redis_again(cli_store_t *store, cli_node_t *node, int64_t until);

void cli_route_init(cli_route_t *route, cli_store_t *store, reg_str_t key);

/* Connects to the node, or to the one that has taken its place. */

cli_rc_t cli_route_open(cli_route_t *route);

/* As cli_link_send(), and its counterpart, but for commands outside MULTI. */

cli_rc_t cli_route_send(cli_route_t *route, size_t argc,
    const reg_str_t *argv);

cli_rc_t cli_route_take(cli_route_t *route, redisReply **reply);

/*
 * Follows a reply that is an error, or NULL when the link has failed: CLI_DONE
 * if the command may be given again, behind cli_route_open().  CLI_STORE after
 * a sentence.
 */

cli_rc_t cli_route_follow(cli_route_t *route, const redisReply *reply);


/* cli_redis_sentinel.c and cli_redis_cluster.c */

/*
 * Look for the nodes.  CLI_AGAIN: they may be there soon; both this and
 * CLI_STORE with *error.
 */

cli_rc_t cli_sentinel_find(cli_redis_t *redis, reg_error_t *error);

cli_rc_t cli_cluster_find(cli_redis_t *redis, reg_error_t *error);

/* Whether the primaries are what they were, and no slot is on its way. */

int cli_cluster_settled(cli_redis_t *redis);


/* cli_redis_scan.c */

/* Adds names, sorted and each once; to be freed in any case. */

cli_rc_t cli_redis_names(cli_store_t *store, cli_names_t *names);

void cli_names_free(cli_names_t *names);


/* cli_redis_load.c */

cli_rc_t cli_redis_load(cli_store_t *store, unsigned flags);


/* cli_redis_commit.c */

cli_rc_t cli_redis_commit(cli_store_t *store);


/* cli_redis_part.c */

typedef struct {
    cli_store_t    *store;
    const json_t   *entries;        /* of the audit, as many as changes */
    size_t          first;          /* of the changes */
    size_t          n;
    unsigned        apart:1;        /* the audit is elsewhere */
    unsigned        undo:1;         /* the change is taken back */

    cli_route_t     route;
    unsigned        audited:1;
} cli_part_t;

/*
 * CLI_AGAIN: somebody else has changed a record.  CLI_NO after a sentence:
 * whether it is done is not known.
 */

cli_rc_t cli_part_do(cli_part_t *part);


/* cli_redis_stream.c */

/*
 * Gives each entry of a stream to the handler, its id and an array of fields
 * and values, until that does not return CLI_DONE.
 */

typedef cli_rc_t (*cli_stream_pt)(void *data, const char *id,
    const redisReply *fields);

cli_rc_t cli_redis_stream(cli_store_t *store, reg_str_t key,
    cli_stream_pt handler, void *data);


/* cli_redis_publish.c */

/* Queues a message about each of some changes, behind EXEC. */

cli_rc_t cli_redis_publish_send(cli_store_t *store, cli_link_t *link,
    const cli_change_t *changes, size_t n);

/* Takes the replies: what is done is done, whoever has heard of it. */

void cli_redis_publish_done(cli_store_t *store, cli_link_t *link, size_t n);


/* cli_redis_audit.c */

#define CLI_REDIS_AUDIT  "audit"    /* behind the prefix */

/*
 * Queues the XADD of an entry, or adds one at once, where the audit is not on
 * the node of the record; with another action than its own, unless NULL.
 */

cli_rc_t cli_redis_audit_send(cli_store_t *store, cli_link_t *link,
    json_t *entry, const char *action);

cli_rc_t cli_redis_audit_write(cli_store_t *store, json_t *entry,
    const char *action);

cli_rc_t cli_redis_audit(cli_store_t *store, unsigned flags,
    cli_audit_pt handler, void *data);


/* cli_redis_usage.c */

cli_rc_t cli_redis_usage(cli_store_t *store, cli_usage_t *usage);


/* cli_order.c */

/*
 * Puts the changes into an order that may end after any of them: first what
 * denies, last what is removed.
 */

cli_rc_t cli_order_changes(cli_store_t *store);

#endif /* CLI_REDIS_H */
