/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_block.h"


static char *ngx_http_registry_block_read(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);


char *
ngx_http_registry_block(ngx_conf_t *cf, ngx_http_registry_block_t *block)
{
    char        *rv;
    ngx_conf_t   save;

    save = *cf;
    cf->handler = ngx_http_registry_block_read;
    cf->handler_conf = (void *) block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_registry_block_read(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_registry_block_t *block = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_http_registry_block_line_t  *line;

    value = cf->args->elts;

    for (line = block->lines; line->name.len; line++) {

        if (value[0].len != line->name.len
            || ngx_strcmp(value[0].data, line->name.data) != 0)
        {
            continue;
        }

        if (cf->args->nelts - 1 < line->least
            || cf->args->nelts - 1 > line->most)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of words in \"%V\" of the %s "
                               "\"%V\"", &value[0], block->kind, &block->name);
            return NGX_CONF_ERROR;
        }

        rv = line->set(cf, block->conf);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" of the %s \"%V\" %s", &value[0],
                               block->kind, &block->name, rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown \"%V\" in the %s \"%V\", it must be %s",
                       &value[0], block->kind, &block->name, block->names);

    return NGX_CONF_ERROR;
}
