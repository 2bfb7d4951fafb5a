/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The parameters of "registry_limit": of a rate, or of a quota.
 */

#include "ngx_http_registry_limit.h"
#include "ngx_http_registry_shm.h"

#include "reg_name.h"


/* Takes the value of a parameter.  NGX_CONF_OK or NGX_CONF_ERROR. */

typedef char *(*ngx_http_registry_limit_pt)(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);

typedef struct {
    ngx_str_t                   name;
    ngx_http_registry_limit_pt  set;
} ngx_http_registry_limit_parameter_t;


static char *ngx_http_registry_limit_parameter(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *text, ngx_uint_t *seen);
static char *ngx_http_registry_limit_check(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_uint_t seen);
static char *ngx_http_registry_limit_check_quota(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_uint_t seen);
static char *ngx_http_registry_limit_set_count(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_per(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_rate(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_quota(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_burst(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_mode(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_zone(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);
static char *ngx_http_registry_limit_set_dry_run(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value);


/* Their places in the table below. */

#define NGX_HTTP_REGISTRY_LIMIT_HAS_COUNT  0x01
#define NGX_HTTP_REGISTRY_LIMIT_HAS_PER    0x02
#define NGX_HTTP_REGISTRY_LIMIT_HAS_RATE   0x04
#define NGX_HTTP_REGISTRY_LIMIT_HAS_QUOTA  0x08
#define NGX_HTTP_REGISTRY_LIMIT_HAS_BURST  0x10
#define NGX_HTTP_REGISTRY_LIMIT_HAS_MODE   0x20
#define NGX_HTTP_REGISTRY_LIMIT_HAS_ZONE   0x40

static ngx_http_registry_limit_parameter_t
    ngx_http_registry_limit_parameters[] =
{
    { ngx_string("count="), ngx_http_registry_limit_set_count },
    { ngx_string("per="), ngx_http_registry_limit_set_per },
    { ngx_string("rate="), ngx_http_registry_limit_set_rate },
    { ngx_string("quota="), ngx_http_registry_limit_set_quota },
    { ngx_string("burst="), ngx_http_registry_limit_set_burst },
    { ngx_string("mode="), ngx_http_registry_limit_set_mode },
    { ngx_string("zone="), ngx_http_registry_limit_set_zone },
    { ngx_string("dry_run"), ngx_http_registry_limit_set_dry_run },
    { ngx_null_string, NULL }
};


char *
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

    return ngx_http_registry_limit_check(cf, limit, seen);
}


/* What is there goes together. */

static char *
ngx_http_registry_limit_check(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_uint_t seen)
{
    if (!(seen & NGX_HTTP_REGISTRY_LIMIT_HAS_COUNT)
        || !(seen & NGX_HTTP_REGISTRY_LIMIT_HAS_PER)
        || !(seen & (NGX_HTTP_REGISTRY_LIMIT_HAS_RATE
                     |NGX_HTTP_REGISTRY_LIMIT_HAS_QUOTA)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the limit \"%V\" needs \"count=\", \"per=\" and "
                           "\"rate=\", or of egress \"quota=\"",
                           &limit->name);
        return NGX_CONF_ERROR;
    }

    if (limit->count == REG_COUNT_EGRESS) {
        return ngx_http_registry_limit_check_quota(cf, limit, seen);
    }

    if (seen & NGX_HTTP_REGISTRY_LIMIT_HAS_QUOTA) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the limit \"%V\" counts no bytes, \"quota=\" "
                           "needs \"count=egress\"", &limit->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_limit_check_quota(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_uint_t seen)
{
    if (seen & NGX_HTTP_REGISTRY_LIMIT_HAS_RATE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the limit \"%V\" counts bytes, for which there is "
                           "no \"rate=\", write \"quota=\", such as "
                           "\"quota=10TB/month\"", &limit->name);
        return NGX_CONF_ERROR;
    }

    if (limit->per != REG_PER_TENANT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the quota \"%V\" must be \"per=tenant\", for "
                           "whom the ledger adds up bytes", &limit->name);
        return NGX_CONF_ERROR;
    }

    if (seen & (NGX_HTTP_REGISTRY_LIMIT_HAS_BURST
                |NGX_HTTP_REGISTRY_LIMIT_HAS_MODE
                |NGX_HTTP_REGISTRY_LIMIT_HAS_ZONE))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"burst=\", \"mode=\" and \"zone=\" are for "
                           "rates, and \"%V\" is a quota", &limit->name);
        return NGX_CONF_ERROR;
    }

    limit->mode = NGX_HTTP_REGISTRY_LIMIT_QUOTA;
    limit->size = NGX_HTTP_REGISTRY_QUOTA_ZONE;

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
                       "be \"count=\", \"per=\", \"rate=\", \"quota=\", "
                       "\"burst=\", \"mode=\", \"zone=\" or \"dry_run\"",
                       text, &limit->name);

    return NGX_CONF_ERROR;
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
                       "pull, push, request or egress", value, &limit->name);

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
ngx_http_registry_limit_set_quota(ngx_conf_t *cf,
    ngx_http_registry_limit_t *limit, ngx_str_t *value)
{
    reg_error_t  error;

    if (reg_quota_parse(&limit->quota, ngx_http_registry_str(*value), &error)
        == REG_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"quota=\" in the limit \"%V\": %s",
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
