/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Who used a key, from where, and what was pushed with it: for the night on
 * which one has leaked.  Requests are only counted when they are logged; it is
 * written down by a timer.
 */

#include "ngx_http_registry_shm.h"
#include "ngx_http_registry_usage.h"

#define NGX_HTTP_REGISTRY_USAGE_INTERVAL  10000              /* milliseconds */
#define NGX_HTTP_REGISTRY_USAGE_ZONE      (1024 * 1024)

#define NGX_HTTP_REGISTRY_USAGE_SUFFIX    ".usage"

/* In a stream of Redis: entries of a key, or a few more, for so long. */

#define NGX_HTTP_REGISTRY_USAGE_SCRIPT                                        \
    "redis.call('XADD', KEYS[1], 'MAXLEN', '~', 10000, '*', 'use', ARGV[1]) " \
    "redis.call('EXPIRE', KEYS[1], 34560000) "                                \
    "local known, new = redis.call('SCARD', KEYS[2]), 0 "                     \
    "if known < 1000 then "                                                   \
    "  new = redis.call('SADD', KEYS[2], ARGV[2]) "                           \
    "end "                                                                    \
    "redis.call('EXPIRE', KEYS[2], 34560000) "                                \
    "return known > 0 and new or 0"


static ngx_int_t ngx_http_registry_usage_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_usage_count(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_usage_conf_t *ucf);
static ngx_uint_t ngx_http_registry_usage_pushed(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, u_char *buf, reg_str_t *pushed);
static void ngx_http_registry_usage_timer(ngx_event_t *ev);
static char *ngx_http_registry_usage(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_registry_usage_create_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_usage_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_usage_open(ngx_conf_t *cf,
    ngx_http_registry_usage_conf_t *ucf);
static ngx_int_t ngx_http_registry_usage_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_registry_usage_cleanup(void *data);


static ngx_command_t  ngx_http_registry_usage_commands[] = {

    { ngx_string("registry_usage"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_registry_usage,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_usage_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_registry_usage_init,          /* postconfiguration */

    ngx_http_registry_usage_create_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_registry_usage_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_usage_module_ctx,   /* module context */
    ngx_http_registry_usage_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_registry_usage_handler(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t         *ctx;
    ngx_http_registry_usage_conf_t  *ucf;

    ctx = ngx_http_registry_find_ctx(r);

    /* somebody without a key uses none */

    if (ctx == NULL || ctx->identity == NULL || !ctx->decided
        || ctx->identity->identity->key_id.len == 0)
    {
        return NGX_OK;
    }

    ucf = ngx_http_get_module_main_conf(r, ngx_http_registry_usage_module);

    if (ucf->uses == NULL) {
        ucf->uses = ngx_http_registry_uses_create(ucf->timer.log);

        if (ucf->uses == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_registry_usage_count(r, ctx, ucf) == NGX_BUSY) {

        ngx_http_registry_usage_write(ucf, ucf->timer.log);

        (void) ngx_http_registry_usage_count(r, ctx, ucf);
    }

    if (!ucf->timer.timer_set && !ngx_exiting) {
        ngx_add_timer(&ucf->timer, ucf->interval);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_usage_count(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_usage_conf_t *ucf)
{
    u_char            buf[REG_TAG_MAX + 1 + REG_DIGEST_MAX];
    reg_usage_t       usage;
    reg_address_t     address;
    ngx_table_elt_t  *agent;

    ngx_memzero(&usage, sizeof(reg_usage_t));

    agent = r->headers_in.user_agent;

    usage.key_id = ctx->identity->identity->key_id;
    usage.address = ngx_http_registry_str(r->connection->addr_text);
    usage.repository = ctx->route.repository;
    usage.operation = reg_str(reg_operation_name(ctx->route.operation));
    usage.decision = reg_str(reg_verdict_name(ctx->decision.verdict));

    if (agent) {
        usage.agent = ngx_http_registry_str(agent->value);
        usage.agent.len = ngx_min(usage.agent.len, REG_USAGE_AGENT_MAX);
    }

    usage.first = (int64_t) ngx_time();
    usage.last = usage.first;

    usage.npushed = ngx_http_registry_usage_pushed(r, ctx, buf,
                                                   &usage.pushed[0]);

    ngx_http_registry_address(r, &address);

    return ngx_http_registry_uses_add(ucf->uses, &usage, &address,
                                      ucf->timer.log);
}


/* A manifest that the backend has taken: its tag, and the digest it names. */

static ngx_uint_t
ngx_http_registry_usage_pushed(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, u_char *buf, reg_str_t *pushed)
{
    u_char                       *p;
    ngx_str_t                     digest;
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    static ngx_str_t  name = ngx_string("Docker-Content-Digest");

    if (ctx->route.resource != REG_RESOURCE_MANIFEST
        || ctx->route.method != REG_METHOD_PUT
        || r->headers_out.status != NGX_HTTP_CREATED)
    {
        return 0;
    }

    ngx_str_null(&digest);

    at = ngx_http_registry_headers(&r->headers_out.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {

        if (header->hash && ngx_http_registry_header_is(header, name)) {
            digest = header->value;
            break;
        }
    }

    p = ngx_cpymem(buf, ctx->route.reference.data, ctx->route.reference.len);

    if (digest.len && digest.len <= REG_DIGEST_MAX
        && ctx->route.digest.encoded.len == 0)
    {
        *p++ = '@';
        p = ngx_cpymem(p, digest.data, digest.len);
    }

    pushed->data = buf;
    pushed->len = (size_t) (p - buf);

    return 1;
}


static void
ngx_http_registry_usage_timer(ngx_event_t *ev)
{
    ngx_http_registry_usage_conf_t *ucf = ev->data;

    ngx_http_registry_usage_write(ucf, ev->log);

    /* as long as there is something that could not be written */

    if (ucf->nlines && !ngx_exiting) {
        ngx_add_timer(ev, ucf->interval);
    }
}


void
ngx_http_registry_usage_end(ngx_cycle_t *cycle)
{
    ngx_http_registry_usage_conf_t  *ucf;

    ucf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_registry_usage_module);

    if (ucf && ucf->enable == 1) {
        ngx_http_registry_usage_write(ucf, cycle->log);
        ngx_http_registry_usage_forget(ucf);
    }
}


static char *
ngx_http_registry_usage(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_usage_conf_t *ucf = conf;

    ngx_str_t  *value, s;

    if (ucf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        ucf->enable = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"registry_usage\", it "
                           "must be \"off\", or \"on\" and perhaps "
                           "\"interval=\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    ucf->enable = 1;
    ucf->interval = NGX_HTTP_REGISTRY_USAGE_INTERVAL;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "interval=", 9) == 0) {
        s.len = value[2].len - 9;
        s.data = value[2].data + 9;

        ucf->interval = ngx_parse_time(&s, 0);

        if (ucf->interval != (ngx_msec_t) NGX_ERROR && ucf->interval > 0) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"registry_usage\", it "
                       "must be \"interval=\" and a time, such as "
                       "\"interval=10s\"", &value[2]);

    return NGX_CONF_ERROR;
}


static void *
ngx_http_registry_usage_create_conf(ngx_conf_t *cf)
{
    ngx_http_registry_usage_conf_t  *ucf;

    ucf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_usage_conf_t));
    if (ucf == NULL) {
        return NULL;
    }

    ucf->enable = NGX_CONF_UNSET;

    return ucf;
}


static ngx_int_t
ngx_http_registry_usage_init(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_registry_main_conf_t   *rmcf;
    ngx_http_registry_usage_conf_t  *ucf;

    ucf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_registry_usage_module);
    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    if (ucf->enable != 1) {
        return NGX_OK;
    }

    if (rmcf->by.store == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"registry_usage\" needs "
                      "\"registry_store\", beside which it is written down");
        return NGX_ERROR;
    }

    /* it has to run before that of the store, which was added earlier */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_registry_usage_cleanup;
    cln->data = ucf;

    ngx_queue_init(&ucf->lines);

    ucf->store = rmcf->by.store;
    ucf->prefix = rmcf->url.prefix;

    ucf->timer.handler = ngx_http_registry_usage_timer;
    ucf->timer.data = ucf;
    ucf->timer.log = &cf->cycle->new_log;
    ucf->timer.cancelable = 1;

    ngx_http_registry_script_init(&ucf->script,
                                  REG_STR(NGX_HTTP_REGISTRY_USAGE_SCRIPT));

    if (ucf->store->path && ngx_http_registry_usage_open(cf, ucf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_usage_handler;

    return NGX_OK;
}


/* Like a log: the master opens it, and does so anew when told to. */

static ngx_int_t
ngx_http_registry_usage_open(ngx_conf_t *cf,
    ngx_http_registry_usage_conf_t *ucf)
{
    ngx_str_t  name;

    name.len = ucf->store->path->len
               + sizeof(NGX_HTTP_REGISTRY_USAGE_SUFFIX) - 1;

    name.data = ngx_pnalloc(cf->pool, name.len + 1);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name.data, "%V" NGX_HTTP_REGISTRY_USAGE_SUFFIX "%Z",
                ucf->store->path);

    ucf->file = ngx_conf_open_file(cf->cycle, &name);
    if (ucf->file == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&name, "registry_usage");

    ucf->shm_zone = ngx_shared_memory_add(cf, &name,
                                          NGX_HTTP_REGISTRY_USAGE_ZONE,
                                          &ngx_http_registry_usage_module);
    if (ucf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    ucf->shm_zone->init = ngx_http_registry_usage_init_zone;
    ucf->shm_zone->data = ucf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_usage_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_usage_conf_t *ucf = shm_zone->data;

    reg_marks_t  *marks;

    marks = ngx_http_registry_shm_marks(shm_zone, 0);
    if (marks == NULL) {
        return NGX_ERROR;
    }

    if (data == NULL) {
        ngx_http_registry_usage_read(marks, &ucf->file->name,
                                     shm_zone->shm.log);
    }

    shm_zone->data = marks;

    return NGX_OK;
}


static void
ngx_http_registry_usage_cleanup(void *data)
{
    ngx_http_registry_usage_conf_t *ucf = data;

    if (ucf->timer.timer_set) {
        ngx_del_timer(&ucf->timer);
    }

    ngx_http_registry_usage_forget(ucf);

    if (ucf->uses) {
        ngx_http_registry_uses_free(ucf->uses);
    }
}
