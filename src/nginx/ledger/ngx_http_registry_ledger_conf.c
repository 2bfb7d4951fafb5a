/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The directives "registry_ledger" and "registry_ledger_network".
 */

#include "ngx_http_registry_ledger.h"


static char *ngx_http_registry_ledger_directory(ngx_conf_t *cf,
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_str_t *value);
static char *ngx_http_registry_ledger_parameter(ngx_conf_t *cf,
    ngx_http_registry_ledger_main_conf_t *lmcf, ngx_str_t *value);


char *
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
    ngx_int_t  sync;
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

    if (ngx_strncmp(value->data, "sync=", 5) == 0) {

        text.data = value->data + 5;
        text.len = value->len - 5;
        sync = ngx_parse_time(&text, 0);

        if (sync < 100 || sync > 3600000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time in \"%V\", it must be from 100ms "
                               "to 1h, such as \"sync=5s\"", value);
            return NGX_CONF_ERROR;
        }

        lmcf->sync = (ngx_msec_t) sync;

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"registry_ledger\", there "
                       "are \"size=\", \"sync=\" and \"keep=\"", value);

    return NGX_CONF_ERROR;
}


char *
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
