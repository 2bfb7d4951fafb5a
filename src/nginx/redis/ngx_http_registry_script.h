/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_SCRIPT_H
#define NGX_HTTP_REGISTRY_SCRIPT_H

/*
 * A Lua script that Redis runs in one step.  It is called by its SHA-1, and
 * sent whole where Redis does not know it: when it was never there, after
 * SCRIPT FLUSH, a restart or a failover, and on another node of a cluster.
 */

#include "ngx_http_registry_topology.h"

/* Keys and arguments of a call. */

#define NGX_HTTP_REGISTRY_SCRIPT_ARGS_MAX  4096

typedef struct {
    reg_str_t   text;                   /* lent */
    u_char      sha1[40];               /* in hexadecimal digits */
} ngx_http_registry_script_t;

typedef struct ngx_http_registry_run_s  ngx_http_registry_run_t;


/* text has to outlive the script. */

void ngx_http_registry_script_init(ngx_http_registry_script_t *script,
    reg_str_t text);


/*
 * Runs a script; argv are its keys, nkeys of them and at least one, which all
 * have one slot, and then its arguments.  They are copied.  The handler is
 * called as that of ngx_http_registry_topology_command(), and never with
 * NOSCRIPT.  NULL when there is nobody to ask, or memory ran out.
 */

ngx_http_registry_run_t *ngx_http_registry_script_run(
    ngx_http_registry_topology_t *topology,
    const ngx_http_registry_script_t *script, size_t nkeys, size_t argc,
    const reg_str_t *argv, ngx_http_registry_answer_pt handler, void *data);


/* Whoever asked is gone: its handler is not called any more. */

void ngx_http_registry_script_detach(ngx_http_registry_run_t *run);


/* The same, where the topology was freed before, which does not tell. */

void ngx_http_registry_script_abandon(ngx_http_registry_run_t *run);

#endif /* NGX_HTTP_REGISTRY_SCRIPT_H */
