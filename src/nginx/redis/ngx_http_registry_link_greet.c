/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_siphash.h"

#include "ngx_http_registry_link_state.h"


static ngx_int_t ngx_http_registry_link_step(ngx_http_registry_link_t *link,
    const char *name, size_t argc, const reg_str_t *argv);
static void ngx_http_registry_link_introduced(ngx_http_registry_link_t *link,
    redisReply *reply);


/*
 * PING tells a server that works from one that only takes connections, or is
 * still loading its data; ROLE tells a master from a replica that was taken for
 * one; INFO tells one server from another behind the same address.
 */

void
ngx_http_registry_link_greet(ngx_http_registry_link_t *link)
{
    size_t                           argc;
    u_char                           db[NGX_INT_T_LEN];
    reg_str_t                        argv[3];
    ngx_http_registry_redis_conf_t  *conf;

    conf = link->conf;

    link->log.action = "authenticating";

    if (conf->url.user.len || conf->password) {
        argc = 0;
        argv[argc++] = REG_STR("AUTH");

        if (conf->url.user.len) {
            argv[argc++] = conf->url.user;
        }

        argv[argc] = REG_STR("");

        if (conf->password) {
            argv[argc].data = conf->password->value.data;
            argv[argc].len = conf->password->value.len;
        }

        if (ngx_http_registry_link_step(link, "AUTH", argc + 1, argv)
            != NGX_OK)
        {
            goto failed;
        }
    }

    if (conf->url.db) {
        argv[0] = REG_STR("SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%ui", (ngx_uint_t) conf->url.db) - db;

        if (ngx_http_registry_link_step(link, "SELECT", 2, argv) != NGX_OK) {
            goto failed;
        }
    }

    argv[0] = REG_STR("PING");

    if (ngx_http_registry_link_step(link, "PING", 1, argv) != NGX_OK) {
        goto failed;
    }

    argv[0] = REG_STR("ROLE");

    if (conf->greeting == NGX_HTTP_REGISTRY_GREET_MASTER
        && ngx_http_registry_link_step(link, "ROLE", 1, argv) != NGX_OK)
    {
        goto failed;
    }

    argv[0] = REG_STR("INFO");
    argv[1] = REG_STR("server");

    if (conf->greeting != NGX_HTTP_REGISTRY_GREET_SENTINEL
        && ngx_http_registry_link_step(link, "INFO", 2, argv) != NGX_OK)
    {
        goto failed;
    }

    ngx_http_registry_link_flush(link);

    return;

failed:

    ngx_http_registry_link_fail(link);
}


static ngx_int_t
ngx_http_registry_link_step(ngx_http_registry_link_t *link, const char *name,
    size_t argc, const reg_str_t *argv)
{
    size_t          len;
    ngx_int_t       rc;
    unsigned char  *command;

    if (reg_resp_command(&command, &len, argc, argv) != REG_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_registry_link_append(link, command, len);

    ngx_explicit_memzero(command, len);
    free(command);

    link->steps[link->nsteps++] = name;

    return rc;
}


/* NGX_OK, or NGX_ERROR after an error has been logged. */

ngx_int_t
ngx_http_registry_link_greeted(ngx_http_registry_link_t *link,
    redisReply *reply)
{
    const char        *step;
    reg_error_t        text;
    reg_resp_error_t   error;

    step = link->steps[link->step++];

    /* who may not know is told nothing: that is no failure */

    if (*step == 'I') {
        ngx_http_registry_link_introduced(link, reply);
        return NGX_OK;
    }

    error = reg_resp_error(reply);

    if (error == REG_RESP_NO_ERROR) {

        if (*step == 'R' && !ngx_http_registry_link_is_master(reply)) {
            ngx_log_error(NGX_LOG_ERR, &link->log, 0, "Redis is no master");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if ((*step == 'P' || *step == 'R') && error == REG_RESP_NOPERM) {
        return NGX_OK;
    }

    /* PING tells whether a sentinel wants somebody else */

    if (*step == 'A'
        && link->conf->greeting == NGX_HTTP_REGISTRY_GREET_SENTINEL)
    {
        return NGX_OK;
    }

    /* it cannot write to its disk, for which PING is refused and GET is not */

    if (error == REG_RESP_MISCONF) {
        return NGX_OK;
    }

    /* some errors repeat what was sent, which in AUTH is the password */

    if (*step == 'A') {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0, "Redis refuses AUTH: %s",
                      error == REG_RESP_NOAUTH ? "wrong user or password"
                                               : "it does not say why");
        return NGX_ERROR;
    }

    reg_resp_error_text(&text, reply);

    ngx_log_error(NGX_LOG_ERR, &link->log, 0, "Redis refuses %s: %s", step,
                  text.text);

    return NGX_ERROR;
}


static void
ngx_http_registry_link_introduced(ngx_http_registry_link_t *link,
    redisReply *reply)
{
    reg_str_t  id;

    static const u_char  key[REG_SIPHASH_KEY_LEN];

    if (reg_run_id(&id, reply) == REG_OK) {
        link->run = reg_siphash(key, id).lo;
    }
}


ngx_uint_t
ngx_http_registry_link_is_master(redisReply *role)
{
    redisReply  *word;

    if (role->type != REDIS_REPLY_ARRAY || role->elements == 0) {
        return 0;
    }

    word = role->element[0];

    return word->type == REDIS_REPLY_STRING
           && reg_str_eq((reg_str_t) { word->len, (u_char *) word->str },
                         REG_STR("master"));
}
