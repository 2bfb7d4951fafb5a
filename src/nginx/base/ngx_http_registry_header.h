/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_HEADER_H
#define NGX_HTTP_REGISTRY_HEADER_H

/*
 * A walk through the headers of a request or a response:
 *
 *     at = ngx_http_registry_headers(&r->headers_in.headers);
 *
 *     while ((header = ngx_http_registry_next_header(&at)) != NULL) {
 *
 * In those of a response, one whose hash is 0 is not sent.
 */

#include <ngx_config.h>
#include <ngx_core.h>

typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        next;
} ngx_http_registry_headers_t;


static ngx_inline ngx_http_registry_headers_t
ngx_http_registry_headers(ngx_list_t *list)
{
    return (ngx_http_registry_headers_t) { &list->part, 0 };
}


/* NULL: there are no more. */

static ngx_inline ngx_table_elt_t *
ngx_http_registry_next_header(ngx_http_registry_headers_t *at)
{
    ngx_table_elt_t  *header;

    while (at->next == at->part->nelts) {

        if (at->part->next == NULL) {
            return NULL;
        }

        at->part = at->part->next;
        at->next = 0;
    }

    header = at->part->elts;

    return &header[at->next++];
}


/* Whether it has that name, in whatever case. */

static ngx_inline ngx_uint_t
ngx_http_registry_header_is(ngx_table_elt_t *header, ngx_str_t name)
{
    return header->key.len == name.len
           && ngx_strncasecmp(header->key.data, name.data, name.len) == 0;
}

#endif /* NGX_HTTP_REGISTRY_HEADER_H */
