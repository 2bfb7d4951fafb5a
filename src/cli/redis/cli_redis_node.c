/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_redis.h"


cli_node_t *
cli_node_get(cli_redis_t *redis, const reg_store_host_t *host)
{
    size_t       i;
    cli_node_t  *node;

    for (i = 0; i < redis->nnodes; i++) {
        node = redis->nodes[i];

        if (node->host.port == host->port
            && reg_str_eq(node->host.host, host->host))
        {
            return node;
        }
    }

    node = i < CLI_NODES_MAX ? calloc(1, sizeof(cli_node_t)) : NULL;

    if (node == NULL) {
        return NULL;
    }

    node->text = host->host.len ? strndup((char *) host->host.data,
                                          host->host.len)
                                : strdup("");
    node->name = cli_redis_name(&redis->url, host);

    if (node->text == NULL || node->name == NULL) {
        free(node->text);
        free(node->name);
        free(node);
        return NULL;
    }

    node->host.host = reg_str(node->text);
    node->host.port = host->port;

    redis->nodes[redis->nnodes++] = node;

    return node;
}


cli_rc_t
cli_node_open(cli_redis_t *redis, cli_node_t *node, cli_greet_t greet,
    unsigned milliseconds)
{
    if (node->link) {
        return CLI_DONE;
    }

    node->opened++;

    return cli_link_open(&node->link, &redis->url,
                         node->host.host.len ? &node->host : NULL, greet,
                         milliseconds);
}


void
cli_node_close(cli_node_t *node)
{
    cli_link_close(node->link);

    node->link = NULL;
    node->lost = node->wrote;
}


void
cli_nodes_free(cli_redis_t *redis)
{
    size_t  i;

    for (i = 0; i < redis->nnodes; i++) {
        cli_node_close(redis->nodes[i]);
        free(redis->nodes[i]->text);
        free(redis->nodes[i]->name);
        free(redis->nodes[i]);
    }
}
