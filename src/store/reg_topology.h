/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_TOPOLOGY_H
#define REG_TOPOLOGY_H

/*
 * What sentinels and the nodes of a cluster say of where the masters are.
 * Replies are untrusted: what is not of the expected form is refused whole.
 * Slices borrow from the reply.
 *
 * Sources: redis.io, "Redis Sentinel", "CLUSTER SLOTS", "CLUSTER INFO".
 */

#include "reg_resp.h"
#include "reg_store_url.h"

/*
 * Each costs a worker a tracker and a link or two; and a slot keeps the number
 * of its primary in a byte.
 */

#define REG_CLUSTER_PRIMARIES_MAX  128
#define REG_CLUSTER_NOBODY         255

typedef struct {
    size_t             n;
    reg_store_host_t   primaries[REG_CLUSTER_PRIMARIES_MAX];
    unsigned char      owners[REG_REDIS_SLOTS];    /* or REG_CLUSTER_NOBODY */
} reg_cluster_map_t;


/*
 * Reads the answer to CLUSTER SLOTS.  An empty host stands for the one that
 * answered.  The slots of a primary that has no known host or port are
 * nobody's, as are those that are not in the answer.
 *
 * REG_OK        *map is set
 * REG_INVALID   *error says why
 */

reg_rc_t reg_cluster_map(reg_cluster_map_t *map, const redisReply *reply,
    reg_error_t *error);


typedef struct {
    unsigned   ok;             /* the node serves its slots */
    uint64_t   epoch;          /* the latest of the cluster that it knows */
} reg_cluster_info_t;


/* Reads the answer to CLUSTER INFO: REG_OK or REG_INVALID. */

reg_rc_t reg_cluster_info(reg_cluster_info_t *info, const redisReply *reply);


/*
 * Reads the answer to CLUSTER NODES: whether the node that gave it is a master,
 * and none of its slots is on its way from or to another.
 */

int reg_cluster_settled(const redisReply *reply);


/*
 * Reads the answer to SENTINEL GET-MASTER-ADDR-BY-NAME.
 *
 * REG_OK         *address is set
 * REG_NOTFOUND   the sentinel knows no master of that name
 * REG_INVALID
 */

reg_rc_t reg_sentinel_address(reg_store_host_t *address,
    const redisReply *reply);


/*
 * Reads config-epoch of the answer to SENTINEL MASTER, which grows with every
 * failover: REG_OK or REG_INVALID.
 */

reg_rc_t reg_sentinel_epoch(uint64_t *epoch, const redisReply *reply);

#endif /* REG_TOPOLOGY_H */
