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


static ngx_int_t ngx_http_registry_ledger_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_ledger_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_registry_ledger_request_body_filter(
    ngx_http_request_t *r, ngx_chain_t *in);
static ngx_int_t ngx_http_registry_ledger_log_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_registry_ledger_known(ngx_http_request_t *r);
static ngx_int_t ngx_http_registry_egress_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static char *ngx_http_registry_ledger(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_registry_ledger_directory(ngx_conf_t *cf,
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_registry_ledger_parameter(ngx_conf_t *cf,
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_registry_ledger_network(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
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
 * asked for.
 */

static ngx_uint_t
ngx_http_registry_ledger_known(ngx_http_request_t *r)
{
    return r->headers_out.status >= NGX_HTTP_OK
           && r->headers_out.status < NGX_HTTP_BAD_REQUEST
           && r->upstream
           && r->upstream->headers_in.status_n >= NGX_HTTP_OK
           && r->upstream->headers_in.status_n < NGX_HTTP_BAD_REQUEST;
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


static char *
ngx_http_registry_ledger(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_ledger_main_conf_t *lmcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (lmcf->directory.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_registry_ledger_directory(cf, lmcf, &value[1]) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_registry_ledger_parameter(cf, lmcf, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * Workers make the files, after nginx has become their user; a test of the
 * configuration makes nothing.
 */

static char *
ngx_http_registry_ledger_directory(ngx_conf_t *cf,
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_str_t *value)
{
    ngx_str_t         name;
    ngx_file_info_t   fi;

    name = *value;

    if (name.len == 0
        || ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(name.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"registry_ledger\" needs the directory \"%V\", "
                           "which the user of the workers can write to",
                           &name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"registry_ledger\" is no directory",
                           &name);
        return NGX_CONF_ERROR;
    }

    lmcf->directory = name;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_ledger_parameter(ngx_conf_t *cf,
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_str_t *value)
{
    off_t      size;
    time_t     keep;
    ngx_str_t  text;

    if (ngx_strncmp(value->data, "size=", 5) == 0) {

        text.data = value->data + 5;
        text.len = value->len - 5;
        size = ngx_parse_offset(&text);

        if (size < REG_LEDGER_SIZE_MIN || size > REG_LEDGER_SIZE_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size in \"%V\", it must be from 64k "
                               "to 1024g, such as \"size=16m\"", value);
            return NGX_CONF_ERROR;
        }

        lmcf->size = (size_t) size;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "keep=", 5) == 0) {

        text.data = value->data + 5;
        text.len = value->len - 5;
        keep = ngx_parse_time(&text, 1);

        if (keep == (time_t) NGX_ERROR || keep < NGX_HTTP_REGISTRY_LEDGER_DAY) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time in \"%V\", it must be at least "
                               "a day, such as \"keep=400d\"", value);
            return NGX_CONF_ERROR;
        }

        lmcf->keep = keep;

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"registry_ledger\", there "
                       "are \"size=\" and \"keep=\"", value);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_registry_ledger_network(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_registry_ledger_conf_t *rlcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (rlcf->network != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rlcf->network = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (rlcf->network == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = rlcf->network;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (rlcf->network->lengths == NULL
        && !reg_ledger_part_valid(ngx_http_registry_str(value[1]),
                                  REG_LEDGER_NETWORK_MAX))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid network \"%V\", it must be of up to %d "
                           "printable characters without spaces, \"|\", \"{\" "
                           "and \"}\"", &value[1], REG_LEDGER_NETWORK_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_registry_ledger_main_conf(cycle);

    return lmcf ? ngx_http_registry_books_init(cycle, lmcf) : NGX_OK;
}


static void
ngx_http_registry_ledger_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_registry_ledger_main_conf(cycle);

    if (lmcf) {
        ngx_http_registry_books_exit(lmcf);
    }
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
