/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The directive "registry_limit".  A name stands for one limit in all of the
 * configuration: its counters are the same wherever it is given, and records of
 * tenants and keys speak of it by name.
 */

#include "ngx_http_registry_limit.h"
#include "ngx_http_registry_shm.h"

#include "reg_name.h"

#define NGX_HTTP_REGISTRY_LIMIT_ZONE  (8 * 1024 * 1024)


/* Takes the value of a parameter.  NGX_CONF_OK or NGX_CONF_ERROR. */

typedef char *(*ngx_http_registry_limit_pt)(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);

typedef struct {
    ngx_str_t                   name;
    ngx_http_registry_limit_pt  set;
} ngx_http_registry_limit_parameter_t;


static char *ngx_http_registry_limit_parse(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit);
static char *ngx_http_registry_limit_parameter(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *text, ngx_uint_t *seen);
static char *ngx_http_registry_limit_add(ngx_conf_t *cf,
    ngx_http_registry_limit_conf_t *conf, ngx_http_registry_limit_t *limit);
static ngx_http_registry_limit_t *ngx_http_registry_limit_define(
    ngx_conf_t *cf, ngx_http_registry_limit_t *limit);
static char *ngx_http_registry_limit_set_count(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_per(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_rate(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_burst(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_mode(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_zone(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_dry_run(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);


#define NGX_HTTP_REGISTRY_LIMIT_REQUIRED  3     /* the first of them */

static ngx_http_registry_limit_parameter_t
    ngx_http_registry_limit_parameters[] =
{
    { ngx_string("count="), ngx_http_registry_limit_set_count },
    { ngx_string("per="), ngx_http_registry_limit_set_per },
    { ngx_string("rate="), ngx_http_registry_limit_set_rate },
    { ngx_string("burst="), ngx_http_registry_limit_set_burst },
    { ngx_string("mode="), ngx_http_registry_limit_set_mode },
    { ngx_string("zone="), ngx_http_registry_limit_set_zone },
    { ngx_string("dry_run"), ngx_http_registry_limit_set_dry_run },
    { ngx_null_string, NULL }
};


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
ngx_http_registry_limit_parse(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit)
{
    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i, seen;

    value = cf->args->elts;

    if (reg_label_check(ngx_http_registry_str(limit->name)) != REG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"registry_limit\", it must "
                           "match [a-z0-9][a-z0-9._-]{0,62}", &limit->name);
        return NGX_CONF_ERROR;
    }

    seen = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        rv = ngx_http_registry_limit_parameter(cf, limit, &value[i], &seen);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    for (i = 0; i < NGX_HTTP_REGISTRY_LIMIT_REQUIRED; i++) {

        if (!(seen & (1 << i))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the limit \"%V\" needs \"count=\", \"per=\" "
                               "and \"rate=\"", &limit->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* burst= counts in permits of a rate, so rate= comes before it. */

static char *
ngx_http_registry_limit_parameter(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *text, ngx_uint_t *seen)
{
    ngx_str_t                             value;
    ngx_uint_t                            i;
    ngx_http_registry_limit_parameter_t  *p;

    for (i = 0; ngx_http_registry_limit_parameters[i].name.len; i++) {
        p = &ngx_http_registry_limit_parameters[i];

        if (text->len < p->name.len
            || ngx_strncmp(text->data, p->name.data, p->name.len) != 0)
        {
            continue;
        }

        if (*seen & (1 << i)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is there twice in the limit \"%V\"",
                               &p->name, &limit->name);
            return NGX_CONF_ERROR;
        }

        *seen |= 1 << i;

        value.data = text->data + p->name.len;
        value.len = text->len - p->name.len;

        return p->set(cf, limit, &value);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in the limit \"%V\", it must "
                       "be \"count=\", \"per=\", \"rate=\", \"burst=\", "
                       "\"mode=\", \"zone=\" or \"dry_run\"", text,
                       &limit->name);

    return NGX_CONF_ERROR;
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

        if (known[i]->count == limit->count
            && known[i]->per == limit->per
            && known[i]->rate.count == limit->rate.count
            && known[i]->rate.window == limit->rate.window
            && known[i]->rate.burst == limit->rate.burst
            && known[i]->size == limit->size
            && known[i]->mode == limit->mode
            && known[i]->dry_run == limit->dry_run)
        {
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

    reg_gcra_init(&new->gcra, &new->rate);

    known = ngx_array_push(&lmcf->limits);
    if (known == NULL) {
        return NULL;
    }

    *known = new;

    return new;
}


static char *
ngx_http_registry_limit_set_count(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    if (reg_count_parse(&limit->count, ngx_http_registry_str(*value))
        == REG_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"count=%V\" in the limit \"%V\", it must be "
                       "pull, push or request", value, &limit->name);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_registry_limit_set_per(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    if (reg_per_parse(&limit->per, ngx_http_registry_str(*value)) == REG_OK) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"per=%V\" in the limit \"%V\", it must be "
                       "address, key, tenant or repository, or two of them "
                       "separated by a comma", value, &limit->name);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_registry_limit_set_rate(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    reg_error_t  error;

    if (reg_rate_parse(&limit->rate, ngx_http_registry_str(*value), &error)
        == REG_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"rate=\" in the limit \"%V\": %s",
                       &limit->name, error.text);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_registry_limit_set_burst(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    reg_error_t  error;

    if (limit->rate.count == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"burst=\" of the limit \"%V\" must come behind "
                           "\"rate=\"", &limit->name);
        return NGX_CONF_ERROR;
    }

    if (reg_rate_burst(&limit->rate, ngx_http_registry_str(*value), &error)
        == REG_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"burst=\" in the limit \"%V\": %s",
                       &limit->name, error.text);

    return NGX_CONF_ERROR;
}


/* Whether the store is one that takes it is seen when all is read. */

static char *
ngx_http_registry_limit_set_mode(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "local") == 0) {
        limit->mode = NGX_HTTP_REGISTRY_LIMIT_LOCAL;

    } else if (ngx_strcmp(value->data, "exact") == 0) {
        limit->mode = NGX_HTTP_REGISTRY_LIMIT_EXACT;

    } else if (ngx_strcmp(value->data, "lease") == 0) {
        limit->mode = NGX_HTTP_REGISTRY_LIMIT_LEASE;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"mode=%V\" in the limit \"%V\", it must "
                           "be local, exact or lease", value, &limit->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_limit_set_zone(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size != NGX_ERROR
        && size >= (ssize_t) (2 * REG_MARKS_MIN
                              + NGX_HTTP_REGISTRY_SHM_OVERHEAD(size)))
    {
        limit->size = (size_t) size;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"zone=%V\" in the limit \"%V\", a zone has "
                       "64k or more", value, &limit->name);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_registry_limit_set_dry_run(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    if (value->len == 0) {
        limit->dry_run = 1;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"dry_run\" of the limit \"%V\" takes no value",
                       &limit->name);

    return NGX_CONF_ERROR;
}
