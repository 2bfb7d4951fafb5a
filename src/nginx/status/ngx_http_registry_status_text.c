/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Text of metrics and status, of any length.
 */

#include "ngx_http_registry_status.h"

#define NGX_HTTP_REGISTRY_TEXT_LINE  512


static ngx_int_t ngx_http_registry_text_room(ngx_http_registry_text_t *text,
    size_t len);


void ngx_cdecl
ngx_http_registry_text_add(ngx_http_registry_text_t *text, const char *fmt,
    ...)
{
    va_list  args;

    if (ngx_http_registry_text_room(text, NGX_HTTP_REGISTRY_TEXT_LINE)
        != NGX_OK)
    {
        return;
    }

    va_start(args, fmt);
    text->pos = ngx_vslprintf(text->pos,
                              text->pos + NGX_HTTP_REGISTRY_TEXT_LINE, fmt,
                              args);
    va_end(args);
}


/* Parts of keys are printable, so there is little to escape. */

void
ngx_http_registry_text_value(ngx_http_registry_text_t *text, reg_str_t value)
{
    size_t  i;

    if (ngx_http_registry_text_room(text, 2 * value.len) != NGX_OK) {
        return;
    }

    for (i = 0; i < value.len; i++) {

        if (value.data[i] == '"' || value.data[i] == '\\') {
            *text->pos++ = '\\';
        }

        *text->pos++ = value.data[i];
    }
}


static ngx_int_t
ngx_http_registry_text_room(ngx_http_registry_text_t *text, size_t len)
{
    size_t   size;
    u_char  *p;

    if (text->failed) {
        return NGX_ERROR;
    }

    if ((size_t) (text->end - text->pos) >= len) {
        return NGX_OK;
    }

    size = 2 * (size_t) (text->end - text->start) + len + 16384;

    p = ngx_pnalloc(text->pool, size);
    if (p == NULL) {
        text->failed = 1;
        return NGX_ERROR;
    }

    text->end = p + size;
    size = (size_t) (text->pos - text->start);

    if (text->start) {
        ngx_memcpy(p, text->start, size);
        (void) ngx_pfree(text->pool, text->start);
    }

    text->start = p;
    text->pos = p + size;

    return NGX_OK;
}
