/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_sha1.h>

#include "ngx_http_registry_script.h"

/* EVALSHA, SHA-1 and the number of keys, before those. */

#define NGX_HTTP_REGISTRY_SCRIPT_HEAD  3


struct ngx_http_registry_run_s {
    ngx_http_registry_topology_t      *topology;
    ngx_http_registry_ask_t           *ask;
    reg_str_t                          text;      /* of the script */
    ngx_http_registry_answer_pt        handler;
    void                              *data;
    unsigned                           slot;
    unsigned                           whole:1;   /* it was sent so */
    u_char                             nkeys[NGX_SIZE_T_LEN];
    u_char                             sha1[40];
    size_t                             argc;
    reg_str_t                          argv[1];   /* with what lies behind */
};


static ngx_http_registry_run_t *ngx_http_registry_script_copy(
    const ngx_http_registry_script_t *script, size_t nkeys, size_t argc,
    const reg_str_t *argv, ngx_log_t *log);
static ngx_int_t ngx_http_registry_script_send(ngx_http_registry_run_t *run);
static void ngx_http_registry_script_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);


void
ngx_http_registry_script_init(ngx_http_registry_script_t *script,
    reg_str_t text)
{
    u_char      digest[20];
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, text.data, text.len);
    ngx_sha1_final(digest, &sha1);

    ngx_hex_dump(script->sha1, digest, sizeof(digest));

    script->text = text;
}


ngx_http_registry_run_t *
ngx_http_registry_script_run(ngx_http_registry_topology_t *topology,
    const ngx_http_registry_script_t *script, size_t nkeys, size_t argc,
    const reg_str_t *argv, ngx_http_registry_answer_pt handler, void *data)
{
    ngx_http_registry_run_t  *run;

    if (nkeys == 0 || nkeys > argc
        || argc > NGX_HTTP_REGISTRY_SCRIPT_ARGS_MAX)
    {
        return NULL;
    }

    run = ngx_http_registry_script_copy(script, nkeys, argc, argv,
                                        ngx_cycle->log);
    if (run == NULL) {
        return NULL;
    }

    run->topology = topology;
    run->slot = reg_redis_slot(argv[0]);
    run->handler = handler;
    run->data = data;

    if (ngx_http_registry_script_send(run) != NGX_OK) {
        ngx_free(run);
        return NULL;
    }

    return run;
}


/* It is kept until Redis has answered: it may have to be sent again. */

static ngx_http_registry_run_t *
ngx_http_registry_script_copy(const ngx_http_registry_script_t *script,
    size_t nkeys, size_t argc, const reg_str_t *argv, ngx_log_t *log)
{
    size_t                    i, size;
    u_char                   *p;
    reg_str_t                *to;
    ngx_http_registry_run_t  *run;

    size = sizeof(ngx_http_registry_run_t)
           + (NGX_HTTP_REGISTRY_SCRIPT_HEAD + argc) * sizeof(reg_str_t);

    for (i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    run = ngx_alloc(size, log);
    if (run == NULL) {
        return NULL;
    }

    ngx_memzero(run, sizeof(ngx_http_registry_run_t));

    run->text = script->text;
    run->argc = NGX_HTTP_REGISTRY_SCRIPT_HEAD + argc;

    ngx_memcpy(run->sha1, script->sha1, sizeof(run->sha1));

    run->argv[0] = REG_STR("EVALSHA");

    run->argv[1].data = run->sha1;
    run->argv[1].len = sizeof(run->sha1);

    run->argv[2].data = run->nkeys;
    run->argv[2].len = (size_t) (ngx_sprintf(run->nkeys, "%uz", nkeys)
                                 - run->nkeys);

    to = &run->argv[NGX_HTTP_REGISTRY_SCRIPT_HEAD];
    p = (u_char *) &to[argc];

    for (i = 0; i < argc; i++) {
        to[i].data = p;
        to[i].len = argv[i].len;

        p = ngx_cpymem(p, argv[i].data, argv[i].len);
    }

    return run;
}


static ngx_int_t
ngx_http_registry_script_send(ngx_http_registry_run_t *run)
{
    run->ask = ngx_http_registry_topology_command(run->topology, run->slot,
                                      run->argc, run->argv,
                                      ngx_http_registry_script_answer, run);

    return run->ask ? NGX_OK : NGX_ERROR;
}


void
ngx_http_registry_script_detach(ngx_http_registry_run_t *run)
{
    ngx_http_registry_topology_detach(run->ask);
    ngx_free(run);
}


void
ngx_http_registry_script_abandon(ngx_http_registry_run_t *run)
{
    ngx_free(run);
}


static void
ngx_http_registry_script_answer(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_run_t *run = data;

    void                         *whose;
    ngx_http_registry_answer_pt   handler;

    if (reply && reg_resp_error(reply) == REG_RESP_NOSCRIPT) {

        if (!run->whole) {
            run->whole = 1;
            run->argv[0] = REG_STR("EVAL");
            run->argv[1] = run->text;

            if (ngx_http_registry_script_send(run) == NGX_OK) {
                return;
            }
        }

        reply = NULL;
    }

    handler = run->handler;
    whose = run->data;

    ngx_free(run);

    handler(whose, reply, origin);
}
