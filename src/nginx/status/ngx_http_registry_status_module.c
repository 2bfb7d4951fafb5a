/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * "registry_metrics" and "registry_status", and the counters of requests that
 * both show.  Requests are counted where one of the two is anywhere.
 */

#include "ngx_http_registry_status.h"
#include "ngx_http_registry_shm.h"


static ngx_int_t ngx_http_registry_status_log_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_metrics_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_metrics_answer(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums);
static ngx_int_t ngx_http_registry_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_status_answer(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums);
static ngx_int_t ngx_http_registry_status_begin(ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_status_accepts(ngx_http_request_t *r,
    const char *type);
static ngx_int_t ngx_http_registry_status_send_text(ngx_http_request_t *r,
    ngx_str_t *type, ngx_http_registry_text_t *text);
static ngx_int_t ngx_http_registry_status_send(ngx_http_request_t *r,
    ngx_str_t *type, ngx_str_t *body);
static char *ngx_http_registry_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_registry_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_registry_status_set(ngx_conf_t *cf,
    ngx_http_handler_pt handler);
static void *ngx_http_registry_status_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_status_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_status_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_registry_status_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_registry_status_init_process(ngx_cycle_t *cycle);
static void ngx_http_registry_status_count(ngx_cycle_t *cycle,
    ngx_uint_t worker);


static ngx_command_t  ngx_http_registry_status_commands[] = {

    { ngx_string("registry_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_registry_metrics,
      0,
      0,
      NULL },

    { ngx_string("registry_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_registry_status,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_status_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_registry_status_init,         /* postconfiguration */

    ngx_http_registry_status_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_registry_status_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_status_module_ctx,  /* module context */
    ngx_http_registry_status_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_registry_status_init_module,  /* init module */
    ngx_http_registry_status_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_registry_prometheus_type =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");

static ngx_str_t  ngx_http_registry_openmetrics_type =
    ngx_string("application/openmetrics-text; version=1.0.0; charset=utf-8");

static ngx_str_t  ngx_http_registry_json_type =
    ngx_string("application/json");

static ngx_str_t  ngx_http_registry_html_type =
    ngx_string("text/html; charset=utf-8");


static ngx_int_t
ngx_http_registry_status_log_handler(ngx_http_request_t *r)
{
    ngx_time_t               *tp;
    ngx_msec_int_t            ms;
    ngx_http_registry_ctx_t  *ctx;

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx == NULL) {
        return NGX_OK;
    }

    if (ctx->decided && ctx->decision.verdict < NGX_HTTP_REGISTRY_VERDICTS) {
        (void) ngx_atomic_fetch_add(&ngx_http_registry_counters
                                       ->decisions[ctx->decision.verdict]
                                                  [ctx->decision.reason],
                                    1);

        if (ctx->route.operation == REG_OP_TOKEN) {
            ngx_http_registry_count_of(ctx->decision.verdict == REG_ALLOW
                                     ? NGX_HTTP_REGISTRY_COUNT_TOKENS_ISSUED
                                     : NGX_HTTP_REGISTRY_COUNT_TOKENS_REFUSED);
        }
    }

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    ngx_http_registry_count_request(ctx->route.operation,
                                    (ngx_uint_t) ngx_max(ms, 0));

    /* of unknown size nothing is booked: somebody has to know how often */

    if (ctx->blob_route.len
        && r->headers_out.status > NGX_HTTP_SPECIAL_RESPONSE
        && r->headers_out.status < NGX_HTTP_BAD_REQUEST
        && r->headers_out.status != NGX_HTTP_NOT_MODIFIED)
    {
        ngx_http_registry_count_of(ctx->blob_size >= 0
                                   ? NGX_HTTP_REGISTRY_COUNT_REDIRECT_KNOWN
                                   : NGX_HTTP_REGISTRY_COUNT_REDIRECT_UNKNOWN);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_registry_status_begin(r);

    return rc == NGX_OK ? ngx_http_registry_sums(r,
                                           ngx_http_registry_metrics_answer)
                        : rc;
}


static ngx_int_t
ngx_http_registry_metrics_answer(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums)
{
    ngx_uint_t                openmetrics;
    ngx_http_registry_text_t  text;

    ngx_memzero(&text, sizeof(ngx_http_registry_text_t));
    text.pool = r->pool;

    openmetrics = ngx_http_registry_status_accepts(r,
                                              "application/openmetrics-text");

    ngx_http_registry_metrics_text(r, sums, &text, openmetrics);

    return ngx_http_registry_status_send_text(r, openmetrics
                                         ? &ngx_http_registry_openmetrics_type
                                         : &ngx_http_registry_prometheus_type,
                                         &text);
}


static ngx_int_t
ngx_http_registry_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_http_registry_status_main_conf_t  *smcf;

    rc = ngx_http_registry_status_begin(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!ngx_http_registry_status_accepts(r, "text/html")) {
        return ngx_http_registry_sums(r, ngx_http_registry_status_answer);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_registry_status_module);

    if (ngx_http_registry_add_header(r,
                              NGX_HTTP_REGISTRY_STR("Content-Security-Policy"),
                              smcf->policy)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_registry_status_send(r, &ngx_http_registry_html_type,
                                         &smcf->page);
}


static ngx_int_t
ngx_http_registry_status_answer(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums)
{
    ngx_http_registry_text_t  text;

    ngx_memzero(&text, sizeof(ngx_http_registry_text_t));
    text.pool = r->pool;

    ngx_http_registry_status_json(r, sums, &text);

    return ngx_http_registry_status_send_text(r, &ngx_http_registry_json_type,
                                              &text);
}


static ngx_int_t
ngx_http_registry_status_begin(ngx_http_request_t *r)
{
    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_discard_request_body(r);
}


/* Whether an Accept header names a type; who takes anything gets another. */

static ngx_uint_t
ngx_http_registry_status_accepts(ngx_http_request_t *r, const char *type)
{
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    at = ngx_http_registry_headers(&r->headers_in.headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {
        if (ngx_http_registry_header_is(header,
                                        NGX_HTTP_REGISTRY_STR("Accept"))
            && ngx_strcasestrn(header->value.data, (char *) type,
                               ngx_strlen(type) - 1))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_registry_status_send_text(ngx_http_request_t *r, ngx_str_t *type,
    ngx_http_registry_text_t *text)
{
    ngx_str_t  body;

    if (text->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = text->start;
    body.len = (size_t) (text->pos - text->start);

    return ngx_http_registry_status_send(r, type, &body);
}


static ngx_int_t
ngx_http_registry_status_send(ngx_http_request_t *r, ngx_str_t *type,
    ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_registry_add_header(r, NGX_HTTP_REGISTRY_STR("Cache-Control"),
                                     NGX_HTTP_REGISTRY_STR("no-store"))
        == NULL
        || ngx_http_registry_add_header(r,
                               NGX_HTTP_REGISTRY_STR("X-Content-Type-Options"),
                               NGX_HTTP_REGISTRY_STR("nosniff"))
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t) body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = (body->len != 0);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static char *
ngx_http_registry_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_registry_status_set(cf, ngx_http_registry_status_handler);
}


static char *
ngx_http_registry_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_registry_status_set(cf, ngx_http_registry_metrics_handler);
}


static char *
ngx_http_registry_status_set(ngx_conf_t *cf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_registry_status_main_conf_t  *smcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is duplicate, or the location has another handler";
    }

    clcf->handler = handler;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_status_module);
    smcf->used = 1;

    return NGX_CONF_OK;
}


static void *
ngx_http_registry_status_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_status_main_conf_t));
}


static ngx_int_t
ngx_http_registry_status_init(ngx_conf_t *cf)
{
    size_t                                 size;
    ngx_str_t                              name;
    ngx_http_handler_pt                   *h;
    ngx_http_core_main_conf_t             *cmcf;
    ngx_http_registry_status_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_status_module);

    if (!smcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_status_log_handler;

    if (ngx_http_registry_status_page(cf, &smcf->page, &smcf->policy)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&name, "registry_status");

    size = ngx_align(ngx_http_registry_counters_size(), ngx_pagesize)
           + ngx_pagesize;
    size += NGX_HTTP_REGISTRY_SHM_OVERHEAD(size) + 4 * ngx_pagesize;

    smcf->shm_zone = ngx_shared_memory_add(cf, &name, size,
                                           &ngx_http_registry_status_module);
    if (smcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    smcf->shm_zone->init = ngx_http_registry_status_init_zone;
    smcf->shm_zone->data = smcf;

    return NGX_OK;
}


/* After an upgrade the counters of before may have another layout. */

static ngx_int_t
ngx_http_registry_status_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_status_main_conf_t *smcf = shm_zone->data;

    size_t         size, wanted;
    ngx_atomic_t  *layout;

    wanted = ngx_http_registry_counters_size();
    layout = ngx_http_registry_shm_piece(shm_zone, &size);

    if (layout == NULL || size < ngx_pagesize + wanted) {
        return NGX_ERROR;
    }

    smcf->counters = (u_char *) layout + ngx_pagesize;

    if (*layout != sizeof(ngx_http_registry_counters_t)) {
        ngx_memzero(smcf->counters, wanted);
        *layout = sizeof(ngx_http_registry_counters_t);
    }

    return NGX_OK;
}


/* "master_process off" has no other worker, and init_process but once. */

static ngx_int_t
ngx_http_registry_status_init_module(ngx_cycle_t *cycle)
{
    ngx_http_registry_status_count(cycle, 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_status_init_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_status_count(cycle, ngx_worker);

    return NGX_OK;
}


static void
ngx_http_registry_status_count(ngx_cycle_t *cycle, ngx_uint_t worker)
{
    ngx_http_registry_status_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_registry_status_module);

    ngx_http_registry_counters_use(smcf ? smcf->counters : NULL, worker);
}
