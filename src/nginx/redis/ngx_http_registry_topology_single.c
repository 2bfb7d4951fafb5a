/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* One server: it answers for everything. */

#include "ngx_http_registry_topology_state.h"


static ngx_int_t ngx_http_registry_single_open(
    ngx_http_registry_topology_t *topology);
static ngx_http_registry_member_t *ngx_http_registry_single_master(
    ngx_http_registry_topology_t *topology, unsigned slot);


const ngx_http_registry_topology_kind_t
    ngx_http_registry_topology_single =
{
    ngx_http_registry_single_open,
    NULL,
    ngx_http_registry_single_master,
    NULL
};


static ngx_int_t
ngx_http_registry_single_open(ngx_http_registry_topology_t *topology)
{
    unsigned          port;
    reg_str_t         host;
    reg_store_url_t  *url;

    url = &topology->conf.url;
    host = url->path;
    port = 0;

    if (url->nhosts) {
        host = url->hosts[0].host;
        port = url->hosts[0].port;
    }

    return ngx_http_registry_member_add(topology, host, port) ? NGX_OK
                                                              : NGX_ERROR;
}


static ngx_http_registry_member_t *
ngx_http_registry_single_master(ngx_http_registry_topology_t *topology,
    unsigned slot)
{
    return ngx_queue_data(ngx_queue_head(&topology->members),
                          ngx_http_registry_member_t, queue);
}
