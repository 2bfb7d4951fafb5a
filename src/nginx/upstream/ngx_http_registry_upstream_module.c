/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* The directives of pull-through, and what they make of a location. */

#include "ngx_http_registry_upstream.h"
#include "ngx_http_registry_offload.h"
#include "ngx_http_registry_shm.h"

#define NGX_HTTP_REGISTRY_UPSTREAM_ZONE   (4 * 1024 * 1024)


static char *ngx_http_registry_pass_through(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_registry_upstream_proxy(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_upstream_add_variable(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_upstream_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void *ngx_http_registry_upstream_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_registry_upstream_create_conf(ngx_conf_t *cf);
static char *ngx_http_registry_upstream_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_registry_upstream_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_registry_upstream_zone(ngx_conf_t *cf,
    ngx_http_registry_upstream_main_conf_t *umcf);
static ngx_int_t ngx_http_registry_upstream_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_http_registry_upstream_set(ngx_conf_t *cf,
    ngx_http_registry_upstream_location_t *location);
static ngx_int_t ngx_http_registry_upstream_error_pages(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);


static ngx_command_t  ngx_http_registry_upstream_commands[] = {

    { ngx_string("registry_upstream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_registry_upstream,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("registry_pull_through"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_registry_pass_through,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_registry_upstream_module_ctx = {
    ngx_http_registry_upstream_add_variable,
                                           /* preconfiguration */
    ngx_http_registry_upstream_init,       /* postconfiguration */

    ngx_http_registry_upstream_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_registry_upstream_create_conf,
                                           /* create location configuration */
    ngx_http_registry_upstream_merge_conf  /* merge location configuration */
};


ngx_module_t  ngx_http_registry_upstream_module = {
    NGX_MODULE_V1,
    &ngx_http_registry_upstream_module_ctx,
                                           /* module context */
    ngx_http_registry_upstream_commands,   /* module directives */
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


static ngx_str_t  ngx_http_registry_upstream_name =
    ngx_string("registry_upstream_url");

static ngx_str_t  ngx_http_registry_upstream_sent =
    ngx_string("http_authorization");


static char *
ngx_http_registry_pass_through(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_upstream_conf_t *ulcf = conf;

    ngx_str_t                               *value;
    ngx_http_core_loc_conf_t                *clcf;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    if (ulcf->upstream) {
        return "is duplicate";
    }

    value = cf->args->elts;
    umcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_registry_upstream_module);

    ulcf->upstream = ngx_http_registry_upstream_find(umcf, &value[1]);

    if (ulcf->upstream == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is no upstream \"%V\" for "
                           "\"registry_pull_through\"; \"registry_upstream\" "
                           "must come first", &value[1]);
        return NGX_CONF_ERROR;
    }

    /* a request comes here more than once, by its path */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named || clcf->noname) {
        return "must be in a location that has a path";
    }

    return ngx_http_registry_upstream_proxy(cf);
}


/* What "proxy_pass $registry_upstream_url" does. */

static char *
ngx_http_registry_upstream_proxy(ngx_conf_t *cf)
{
    char           *rv;
    void          **loc_conf;
    ngx_str_t      *value;
    ngx_array_t    *args, *save;
    ngx_module_t   *proxy;
    ngx_command_t  *cmd;

    proxy = ngx_http_registry_proxy_module(cf);

    if (proxy == NULL) {
        return "needs the proxy module of nginx";
    }

    args = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));

    if (args == NULL || (value = ngx_array_push_n(args, 2)) == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&value[0], "proxy_pass");
    ngx_str_set(&value[1], "$registry_upstream_url");

    for (cmd = proxy->commands; ngx_strcmp(cmd->name.data, "proxy_pass"); cmd++)
    {
        /* it is the first one */
    }

    loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;

    save = cf->args;
    cf->args = args;

    rv = cmd->set(cf, cmd, loc_conf[proxy->ctx_index]);

    cf->args = save;

    return (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR)
           ? rv : "is in place of \"proxy_pass\", not with it";
}


static ngx_int_t
ngx_http_registry_upstream_add_variable(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &ngx_http_registry_upstream_name,
                                NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_registry_upstream_variable;

    return NGX_OK;
}


/* Of this turn, or of the question that a subrequest asks. */

static ngx_int_t
ngx_http_registry_upstream_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *url;
    ngx_http_registry_ctx_t   *ctx;
    ngx_http_registry_pass_t  *pull;

    ctx = ngx_http_registry_find_ctx(r);
    pull = ctx ? ctx->pull : NULL;

    if (pull == NULL || (r != r->main && r != pull->question)) {
        v->not_found = 1;
        return NGX_OK;
    }

    url = (r == r->main) ? &pull->url : &pull->question_url;

    v->data = url->data;
    v->len = (unsigned) url->len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static void *
ngx_http_registry_upstream_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_registry_upstream_main_conf_t  *umcf;

    umcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_registry_upstream_main_conf_t));
    if (umcf == NULL) {
        return NULL;
    }

    umcf->flights = ngx_palloc(cf->pool, sizeof(ngx_queue_t));

    if (umcf->flights == NULL
        || ngx_array_init(&umcf->upstreams, cf->pool, 4,
                          sizeof(ngx_http_registry_upstream_t *))
           != NGX_OK
        || ngx_array_init(&umcf->locations, cf->pool, 4,
                          sizeof(ngx_http_registry_upstream_location_t))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_queue_init(umcf->flights);

    return umcf;
}


static void *
ngx_http_registry_upstream_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_upstream_conf_t));
}


/* Not inherited, just as proxy_pass. */

static char *
ngx_http_registry_upstream_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_registry_upstream_conf_t *conf = child;

    ngx_http_registry_loc_conf_t            *rlcf;
    ngx_http_registry_offload_conf_t        *olcf;
    ngx_http_registry_upstream_location_t   *location;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    if (conf->upstream == NULL) {
        return NGX_CONF_OK;
    }

    rlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_registry_module);
    olcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_registry_offload_module);

    if (rlcf->registry != NGX_HTTP_REGISTRY_ON) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"registry_pull_through\" needs \"registry on\" in "
                           "the same location");
        return NGX_CONF_ERROR;
    }

    if (olcf->route || olcf->proof) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" belongs to a location in front of the one "
                           "with \"registry_pull_through\"",
                           olcf->route ? "registry_blob_route"
                                       : "registry_proof");
        return NGX_CONF_ERROR;
    }

    /* what goes out by it is booked by the location in front */

    rlcf->relay = (rlcf->auth == NGX_HTTP_REGISTRY_AUTH_OFF);
    rlcf->page_401 = 1;

    umcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_registry_upstream_module);

    location = ngx_array_push(&umcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    location->clcf = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);
    location->loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    location->upstream = conf->upstream;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_registry_upstream_init(ngx_conf_t *cf)
{
    ngx_uint_t                               i;
    ngx_http_registry_upstream_location_t   *location;
    ngx_http_registry_upstream_main_conf_t  *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_registry_upstream_module);

    location = umcf->locations.elts;

    for (i = 0; i < umcf->locations.nelts; i++) {
        if (ngx_http_registry_upstream_set(cf, &location[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (umcf->locations.nelts == 0) {
        return NGX_OK;
    }

    umcf->sent = ngx_http_get_variable_index(cf,
                                            &ngx_http_registry_upstream_sent);

    if (umcf->sent == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_registry_upstream_filter_init(cf) == NGX_OK
           ? ngx_http_registry_upstream_zone(cf, umcf) : NGX_ERROR;
}


static ngx_int_t
ngx_http_registry_upstream_zone(ngx_conf_t *cf,
    ngx_http_registry_upstream_main_conf_t *umcf)
{
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    ngx_str_set(&name, "registry_upstream_tokens");

    shm_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_REGISTRY_UPSTREAM_ZONE,
                                     &ngx_http_registry_upstream_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_registry_upstream_init_zone;
    shm_zone->data = umcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_upstream_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_registry_upstream_main_conf_t *umcf = shm_zone->data;

    void    *addr;
    size_t   size;

    addr = ngx_http_registry_shm_piece(shm_zone, &size);

    umcf->zone = addr ? reg_zone_open(addr, size) : NULL;

    if (umcf->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "registry: the zone \"%V\" cannot be used",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * What makes it work, and safe, is not left to whoever writes the location.
 * The structure of the proxy module begins with the one of upstreams, as those
 * of all its kind do.
 */

static ngx_int_t
ngx_http_registry_upstream_set(ngx_conf_t *cf,
    ngx_http_registry_upstream_location_t *location)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_upstream_conf_t  *u;

    clcf = location->clcf;
    u = location->loc_conf[ngx_http_registry_proxy_module(cf)->ctx_index];

#if (NGX_HTTP_CACHE)

    if (u->cache) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"proxy_cache\" belongs to a location in front of \"%V\""
                      ", the one with \"registry_pull_through\"", &clcf->name);
        return NGX_ERROR;
    }

#endif

#if (NGX_HTTP_SSL)

    if (reg_str_starts(location->upstream->core.url, REG_STR("https:"))) {

        u->ssl_server_name = 1;

        if (!u->ssl_verify) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "without \"proxy_ssl_verify on\" in \"%V\" anybody "
                          "may be the upstream \"%V\"", &clcf->name,
                          &location->upstream->name);
        }
    }

#endif

    /* an upstream has no say in what nginx does */

    u->ignore_headers |= NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                         |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                         |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                         |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                         |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET;

    u->pass_request_body = 0;
    u->intercept_errors = 1;
    clcf->recursive_error_pages = 1;

    clcf->subrequest_output_buffer_size = NGX_HTTP_REGISTRY_UPSTREAM_ANSWER;

    return ngx_http_registry_upstream_error_pages(cf, clcf);
}


/*
 * The page of what is not for the client is the same request again.  They come
 * first, so that no page of the operator's takes their place; the list may be
 * that of the level above, and so is copied.
 */

static ngx_int_t
ngx_http_registry_upstream_error_pages(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_str_t                          uri;
    ngx_uint_t                         i;
    ngx_array_t                       *pages;
    ngx_http_err_page_t               *page, *first;
    ngx_http_compile_complex_value_t   ccv;

    static ngx_int_t  statuses[] = {
        NGX_HTTP_MOVED_PERMANENTLY,
        NGX_HTTP_MOVED_TEMPORARILY,
        NGX_HTTP_SEE_OTHER,
        NGX_HTTP_TEMPORARY_REDIRECT,
        NGX_HTTP_PERMANENT_REDIRECT,
        NGX_HTTP_UNAUTHORIZED,
        0
    };

    pages = ngx_array_create(cf->pool, 8, sizeof(ngx_http_err_page_t));
    if (pages == NULL) {
        return NGX_ERROR;
    }

    first = NULL;

    for (i = 0; statuses[i]; i++) {

        page = ngx_array_push(pages);
        if (page == NULL) {
            return NGX_ERROR;
        }

        if (first) {
            *page = *first;
            page->status = statuses[i];
            continue;
        }

        ngx_memzero(page, sizeof(ngx_http_err_page_t));
        page->status = statuses[i];

        ngx_str_set(&uri, "$uri");
        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &uri;
        ccv.complex_value = &page->value;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_ERROR;
        }

        first = page;
    }

    page = clcf->error_pages ? clcf->error_pages->elts : NULL;

    for (i = 0; page && i < clcf->error_pages->nelts; i++) {

        first = ngx_array_push(pages);
        if (first == NULL) {
            return NGX_ERROR;
        }

        *first = page[i];
    }

    clcf->error_pages = pages;

    return NGX_OK;
}
