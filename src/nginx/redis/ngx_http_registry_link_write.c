/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_link_state.h"

#define NGX_HTTP_REGISTRY_LINK_OUT   512        /* bytes, to begin with */
#define NGX_HTTP_REGISTRY_LINK_KEEP  65536      /* bytes, when empty */


static ngx_int_t ngx_http_registry_link_queue(ngx_http_registry_link_t *link,
    reg_str_t before, size_t argc, const reg_str_t *argv);


ngx_int_t
ngx_http_registry_link_send(ngx_http_registry_link_t *link, size_t argc,
    const reg_str_t *argv)
{
    return ngx_http_registry_link_queue(link, REG_STR_NULL, argc, argv);
}


ngx_int_t
ngx_http_registry_link_send_asking(ngx_http_registry_link_t *link,
    size_t argc, const reg_str_t *argv)
{
    if (ngx_http_registry_link_queue(link,
                                     REG_STR("*1\r\n$6\r\nASKING\r\n"),
                                     argc, argv)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    link->unanswered++;

    return NGX_OK;
}


/* Nothing of it is queued when memory runs out. */

static ngx_int_t
ngx_http_registry_link_queue(ngx_http_registry_link_t *link, reg_str_t before,
    size_t argc, const reg_str_t *argv)
{
    size_t          len;
    ngx_int_t       rc;
    unsigned char  *command;

    if (reg_resp_command(&command, &len, argc, argv) != REG_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (before.len) {
        rc = ngx_http_registry_link_append(link, before.data, before.len);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_registry_link_append(link, command, len);

        if (rc != NGX_OK) {
            link->out_last -= before.len;
        }
    }

    free(command);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    link->unanswered++;
    link->connection->idle = 0;

    if (link->connection->write->ready) {
        ngx_http_registry_link_flush(link);
    }

    return NGX_OK;
}


/* What is wiped here may be a password. */

ngx_int_t
ngx_http_registry_link_append(ngx_http_registry_link_t *link,
    const u_char *data, size_t len)
{
    u_char  *out;
    size_t   size, kept;

    kept = link->out_last - link->out_pos;

    if (link->out_pos && kept == 0) {
        link->out_pos = 0;
        link->out_last = 0;
    }

    if (link->out_size - link->out_last < len) {

        size = ngx_max(NGX_HTTP_REGISTRY_LINK_OUT, 2 * (kept + len));

        out = ngx_alloc(size, &link->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        if (link->out) {
            ngx_memcpy(out, link->out + link->out_pos, kept);
            ngx_explicit_memzero(link->out, link->out_size);
            ngx_free(link->out);
        }

        link->out = out;
        link->out_size = size;
        link->out_pos = 0;
        link->out_last = kept;
    }

    ngx_memcpy(link->out + link->out_last, data, len);
    link->out_last += len;

    return NGX_OK;
}


/* A failure is left to the handler, which closes the link. */

void
ngx_http_registry_link_flush(ngx_http_registry_link_t *link)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = link->connection;

    while (link->out_pos < link->out_last) {

        n = c->send(c, link->out + link->out_pos,
                    link->out_last - link->out_pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            goto failed;
        }

        link->out_pos += n;
    }

    if (link->out_pos == link->out_last
        && link->out_size > NGX_HTTP_REGISTRY_LINK_KEEP)
    {
        ngx_free(link->out);

        link->out = NULL;
        link->out_pos = 0;
        link->out_last = 0;
        link->out_size = 0;
    }

    if (ngx_handle_write_event(c->write, 0) == NGX_OK) {
        return;
    }

failed:

    link->broken = 1;

    ngx_post_event(c->write, &ngx_posted_events);
}


void
ngx_http_registry_link_write_handler(ngx_event_t *wev)
{
    ngx_connection_t          *c;
    ngx_http_registry_link_t  *link;

    c = wev->data;
    link = c->data;

    if (!link->broken) {
        ngx_http_registry_link_flush(link);
    }

    if (link->broken) {
        ngx_http_registry_link_fail(link);
    }
}
