/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The directive "registry_limit".  A name stands for one limit in all of the
 * configuration: its counters are the same wherever it is given, and records of
 * tenants and keys speak of it by name.
 */

#include "ngx_http_registry_limit.h"

#define NGX_HTTP_REGISTRY_LIMIT_ZONE  (8 * 1024 * 1024)


static char *ngx_http_registry_limit_add(ngx_conf_t *cf,
    ngx_http_registry_limit_conf_t *conf, ngx_http_registry_limit_t *limit);
static ngx_http_registry_limit_t *ngx_http_registry_limit_define(
    ngx_conf_t *cf, ngx_http_registry_limit_t *limit);
static ngx_uint_t ngx_http_registry_limit_same(ngx_http_registry_limit_t *a,
    ngx_http_registry_limit_t *b);


char *
ngx_http_registry_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_limit_conf_t *rllcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_http_registry_limit_t   limit;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (rllcf->limits != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        rllcf->limits = NULL;

        return NGX_CONF_OK;
    }

    if (rllcf->limits == NULL) {
        return "is off here already";
    }

    ngx_memzero(&limit, sizeof(ngx_http_registry_limit_t));

    limit.name = value[1];
    limit.size = NGX_HTTP_REGISTRY_LIMIT_ZONE;
    limit.file = cf->conf_file->file.name.data;
    limit.line = cf->conf_file->line;

    rv = ngx_http_registry_limit_parse(cf, &limit);

    return rv == NGX_CONF_OK ? ngx_http_registry_limit_add(cf, rllcf, &limit)
                             : rv;
}


static char *
ngx_http_registry_limit_add(ngx_conf_t *cf,
    ngx_http_registry_limit_conf_t *conf, ngx_http_registry_limit_t *limit)
{
    ngx_uint_t                    i;
    ngx_http_registry_limit_t   **here;

    if (conf->limits == NGX_CONF_UNSET_PTR) {

        conf->limits = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_http_registry_limit_t *));
        if (conf->limits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    here = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (here[i]->name.len == limit->name.len
            && ngx_strncmp(here[i]->name.data, limit->name.data,
                           limit->name.len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the limit \"%V\" is here twice", &limit->name);
            return NGX_CONF_ERROR;
        }
    }

    if (i == NGX_HTTP_REGISTRY_LIMITS_MAX) {
        return "has more than 16 limits here";
    }

    limit = ngx_http_registry_limit_define(cf, limit);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    here = ngx_array_push(conf->limits);
    if (here == NULL) {
        return NGX_CONF_ERROR;
    }

    *here = limit;

    return NGX_CONF_OK;
}


/* The one of this name; NULL after an error, such as that it is another. */

static ngx_http_registry_limit_t *
ngx_http_registry_limit_define(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit)
{
    ngx_uint_t                            i;
    ngx_http_registry_limit_t           **known, *new;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_registry_limit_module);
    known = lmcf->limits.elts;

    for (i = 0; i < lmcf->limits.nelts; i++) {

        if (known[i]->name.len != limit->name.len
            || ngx_strncmp(known[i]->name.data, limit->name.data,
                           limit->name.len) != 0)
        {
            continue;
        }

        if (ngx_http_registry_limit_same(known[i], limit)) {
            return known[i];
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the limit \"%V\" is another in %s:%ui: give it the "
                           "same parameters, or another name", &limit->name,
                           known[i]->file, known[i]->line);
        return NULL;
    }

    new = ngx_palloc(cf->pool, sizeof(ngx_http_registry_limit_t));
    if (new == NULL) {
        return NULL;
    }

    *new = *limit;

    new->text.data = ngx_pnalloc(cf->pool, NGX_HTTP_REGISTRY_LIMIT_RATE_LEN);
    if (new->text.data == NULL) {
        return NULL;
    }

    new->text.len = (size_t) (ngx_sprintf(new->text.data, "%uD;w=%uD",
                                          new->rate.count, new->rate.window)
                              - new->text.data);

    if (new->mode != NGX_HTTP_REGISTRY_LIMIT_QUOTA) {
        reg_gcra_init(&new->gcra, &new->rate);
    }

    known = ngx_array_push(&lmcf->limits);
    if (known == NULL) {
        return NULL;
    }

    *known = new;

    return new;
}


static ngx_uint_t
ngx_http_registry_limit_same(ngx_http_registry_limit_t *a,
    ngx_http_registry_limit_t *b)
{
    return a->count == b->count
           && a->per == b->per
           && a->rate.count == b->rate.count
           && a->rate.window == b->rate.window
           && a->rate.burst == b->rate.burst
           && a->quota.bytes == b->quota.bytes
           && a->quota.period == b->quota.period
           && a->size == b->size
           && a->mode == b->mode
           && a->dry_run == b->dry_run;
}
