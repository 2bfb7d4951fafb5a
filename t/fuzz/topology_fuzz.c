/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What a sentinel or a node of a cluster might answer:
 *
 * -  every slot of a map has a primary of the map, or nobody;
 * -  every primary and every master has an address that may be connected to;
 * -  what is refused has a reason.
 */

#include <stdlib.h>

#include "reg_topology.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_address(const reg_store_host_t *address)
{
    CHECK(address->port >= 1 && address->port <= 65535);
    CHECK(address->host.len <= REG_REDIS_HOST_MAX);
    CHECK(reg_redis_host_check(address->host) == REG_OK);
}


static void
check_map(const redisReply *reply)
{
    size_t       i;
    reg_error_t  error;

    static reg_cluster_map_t  map;

    error.text[0] = '\0';

    if (reg_cluster_map(&map, reply, &error) != REG_OK) {
        CHECK(error.text[0] != '\0');
        return;
    }

    CHECK(error.text[0] == '\0');
    CHECK(reply->type == REDIS_REPLY_ARRAY);
    CHECK(map.n <= REG_CLUSTER_PRIMARIES_MAX);

    for (i = 0; i < map.n; i++) {
        check_address(&map.primaries[i]);
    }

    for (i = 0; i < REG_REDIS_SLOTS; i++) {
        CHECK(map.owners[i] < map.n || map.owners[i] == REG_CLUSTER_NOBODY);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t             epoch;
    reg_resp_t          *resp;
    redisReply          *reply;
    reg_store_host_t     address;
    reg_cluster_info_t   info;

    resp = reg_resp_create();
    CHECK(resp != NULL);

    (void) reg_resp_feed(resp, data, size);

    while (reg_resp_next(resp, &reply) == REG_OK) {

        check_map(reply);

        if (reg_cluster_info(&info, reply) == REG_OK) {
            CHECK(info.ok <= 1);
            CHECK(info.epoch < 1000000000000000000);
        }

        CHECK(reg_cluster_settled(reply) <= 1);

        if (reg_sentinel_address(&address, reply) == REG_OK) {
            CHECK(address.host.len > 0);
            check_address(&address);
        }

        if (reg_sentinel_epoch(&epoch, reply) == REG_OK) {
            CHECK(epoch < 1000000000000000000);
        }

        freeReplyObject(reply);
    }

    reg_resp_free(resp);

    return 0;
}
