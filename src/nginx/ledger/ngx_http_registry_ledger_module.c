/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The ledger.  Its filters stand between gzip, ranges and chunks, so that they
 * see the body as the client gets it, but no framing; see "config".
 */

#include "ngx_http_registry_ledger.h"

#define NGX_HTTP_REGISTRY_LEDGER_SIZE  (16 * 1024 * 1024)
#define NGX_HTTP_REGISTRY_LEDGER_KEEP  (400 * NGX_HTTP_REGISTRY_LEDGER_DAY)
#define NGX_HTTP_REGISTRY_LEDGER_SYNC  5000        /* ms */


static ngx_int_t ngx_http_registry_ledger_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_ledger_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_registry_ledger_request_body_filter(
    ngx_http_request_t *r, ngx_chain_t *in);
static ngx_int_t ngx_http_registry_ledger_log_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_ledger_known(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_egress_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_registry_ledger_add_variables(ngx_conf_t *cf);
static void *ngx_http_registry_ledger_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_registry_ledger_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_ledger_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_registry_ledger_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_ledger_init_process(ngx_cycle_t *cycle);
static void ngx_http_registry_ledger_exit_process(ngx_cycle_t *cycle);
static ngx_http_registry_ledger_main_conf_t *
    ngx_http_registry_ledger_main_conf(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_registry_ledger_commands[] = {

    { ngx_string("registry_ledger"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_registry_ledger,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_ledger_network"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_registry_ledger_network,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_ledger_module_ctx = {
    ngx_http_registry_ledger_add_variables,
                                           /* preconfiguration */
    ngx_http_registry_ledger_init,         /* postconfiguration */

    ngx_http_registry_ledger_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_registry_ledger_create_conf,  /* create location configuration */
    ngx_http_registry_ledger_merge_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_registry_ledger_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_ledger_module_ctx,  /* module context */
    ngx_http_registry_ledger_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_registry_ledger_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_registry_ledger_exit_process, /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_registry_egress_name =
    ngx_string("registry_egress_bytes");

static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;
static ngx_http_request_body_filter_pt   ngx_http_next_request_body_filter;


static ngx_int_t
ngx_http_registry_ledger_header_filter(ngx_http_request_t *r)
{
    ngx_http_registry_booked_t  *booked;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    switch (ngx_http_registry_ledger_booked(r, &booked)) {

    case NGX_OK:
        booked->answered = 1;
        booked->known = ngx_http_registry_ledger_known(r);
        booked->base = r->connection->sent;

        ngx_http_set_ctx(r, booked, ngx_http_registry_ledger_module);

        break;

    case NGX_DECLINED:
        break;

    default:
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_registry_ledger_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                    rc;
    ngx_chain_t                 *cl;
    ngx_http_registry_booked_t  *booked;

    booked = ngx_http_get_module_ctx(r, ngx_http_registry_ledger_module);

    if (booked == NULL || r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        booked->payload += ngx_buf_size(cl->buf);
        booked->last |= cl->buf->last_buf;
    }

    rc = ngx_http_next_body_filter(r, in);

    ngx_http_registry_ledger_send(r, booked);

    return rc;
}


static ngx_int_t
ngx_http_registry_ledger_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in)
{
    ngx_chain_t                 *cl;
    ngx_http_registry_booked_t  *booked;

    if (in && r == r->main
        && ngx_http_registry_ledger_booked(r, &booked) == NGX_OK)
    {
        for (cl = in; cl; cl = cl->next) {
            booked->ingress += ngx_buf_size(cl->buf);
        }

        ngx_http_registry_ledger_receive(r, booked);
    }

    return ngx_http_next_request_body_filter(r, in);
}


static ngx_int_t
ngx_http_registry_ledger_log_handler(ngx_http_request_t *r)
{
    ngx_http_registry_booked_t  *booked;

    if (r == r->main && ngx_http_registry_ledger_booked(r, &booked) == NGX_OK)
    {
        ngx_http_registry_ledger_finish(r, booked);
    }

    return NGX_OK;
}


/*
 * Whether the backend, or what is cached of its answers, has what the client
 * asked for; or has said so in a proof, or the gateway by its signature.
 */

static ngx_uint_t
ngx_http_registry_ledger_known(ngx_http_request_t *r)
{
    ngx_http_registry_ctx_t  *ctx;

    if (r->headers_out.status < NGX_HTTP_OK
        || r->headers_out.status >= NGX_HTTP_BAD_REQUEST)
    {
        return 0;
    }

    if (r->upstream) {
        return r->upstream->headers_in.status_n >= NGX_HTTP_OK
               && r->upstream->headers_in.status_n < NGX_HTTP_BAD_REQUEST;
    }

    ctx = ngx_http_registry_find_ctx(r);

    return ctx && (ctx->proven || ctx->verified);
}


static ngx_int_t
ngx_http_registry_egress_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                                *p;
    ngx_http_registry_booked_t            *booked;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    if (lmcf->directory.len == 0
        || ngx_http_registry_ledger_booked(r, &booked) != NGX_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = (unsigned) (ngx_sprintf(p, "%O",
                                     ngx_http_registry_ledger_delivered(r->main,
                                                                    booked))
                         - p);
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_ledger_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &ngx_http_registry_egress_name,
                                NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_registry_egress_variable;

    return NGX_OK;
}


static void *
ngx_http_registry_ledger_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_ledger_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    lmcf->size = NGX_HTTP_REGISTRY_LEDGER_SIZE;
    lmcf->keep = NGX_HTTP_REGISTRY_LEDGER_KEEP;
    lmcf->sync = NGX_HTTP_REGISTRY_LEDGER_SYNC;

    return lmcf;
}


static void *
ngx_http_registry_ledger_create_conf(ngx_conf_t *cf)
{
    ngx_http_registry_ledger_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_ledger_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->network = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_registry_ledger_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_registry_ledger_conf_t *prev = parent;
    ngx_http_registry_ledger_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->network, prev->network, NULL);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_registry_ledger_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                   *h;
    ngx_http_core_main_conf_t             *cmcf;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_ledger_module);

    if (lmcf->directory.len == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_registry_ledger_log_handler;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_registry_ledger_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_registry_ledger_body_filter;

    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter =
                                  ngx_http_registry_ledger_request_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_ledger_init_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_main_conf_t         *rmcf;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_registry_ledger_main_conf(cycle);

    if (lmcf == NULL) {
        return NGX_OK;
    }

    rmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_registry_module);

    if (rmcf->by.store && rmcf->by.store->redis) {

        lmcf->syncer = ngx_http_registry_sync_start(lmcf, rmcf->by.store,
                                                    cycle->log);
        if (lmcf->syncer == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_registry_books_init(cycle, lmcf);
}


static void
ngx_http_registry_ledger_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_registry_ledger_main_conf(cycle);

    if (lmcf == NULL) {
        return;
    }

    if (lmcf->syncer) {
        ngx_http_registry_sync_stop(lmcf->syncer);
        lmcf->syncer = NULL;
    }

    ngx_http_registry_books_exit(lmcf);
}


/* NULL if there is no ledger, or this process serves nobody. */

static ngx_http_registry_ledger_main_conf_t *
ngx_http_registry_ledger_main_conf(ngx_cycle_t *cycle)
{
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NULL;
    }

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_registry_ledger_module);

    return lmcf && lmcf->directory.len ? lmcf : NULL;
}
