/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_BLOCK_H
#define NGX_HTTP_REGISTRY_BLOCK_H

/*
 * A directive with a block, "registry_cdn name { ... }", whose lines are a name
 * and words each.
 */

#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Takes up one line, which is cf->args.  NGX_CONF_OK, NGX_CONF_ERROR after a
 * message, or what is said of the line, such as "is there twice".
 */

typedef char *(*ngx_http_registry_block_set_pt)(ngx_conf_t *cf, void *conf);

typedef struct {
    ngx_str_t                        name;
    ngx_http_registry_block_set_pt   set;
    ngx_uint_t                       least;  /* words behind the name */
    ngx_uint_t                       most;
} ngx_http_registry_block_line_t;

typedef struct {
    const char                      *kind;   /* "cdn", for messages */
    const char                      *names;  /* of all lines, for messages */
    ngx_http_registry_block_line_t  *lines;  /* ends with an empty name */
    ngx_str_t                        name;   /* that the block was given */
    void                            *conf;   /* for set() */
} ngx_http_registry_block_t;


/* Reads the block that begins here: NGX_CONF_OK or NGX_CONF_ERROR. */

char *ngx_http_registry_block(ngx_conf_t *cf,
    ngx_http_registry_block_t *block);

#endif /* NGX_HTTP_REGISTRY_BLOCK_H */
