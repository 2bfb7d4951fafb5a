/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_KEY_FILE_H
#define NGX_HTTP_REGISTRY_KEY_FILE_H

/*
 * Files with keys, read again when they change: private keys in PEM, or the
 * public ones of somebody else as a JWKS.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_jwk.h"

#include "ngx_http_registry_secret.h"

typedef struct {
    ngx_str_t                  path;
    reg_alg_t                  alg;           /* REG_ALG_NONE: any */
    unsigned                   is_jwks:1;
    ngx_http_registry_stamp_t  stamp;
    reg_jwks_t                *jwks;          /* the first one signs */
} ngx_http_registry_key_file_t;


/*
 * Reads the file of a directive's argument.  A file that is named twice is read
 * once.  It is freed with cf->pool.  NULL after an error has been logged.
 */

ngx_http_registry_key_file_t *ngx_http_registry_key_file_add(ngx_conf_t *cf,
    ngx_array_t *files, ngx_str_t *path, reg_alg_t alg, ngx_uint_t is_jwks);


/*
 * Reads again what has changed; a file that is wrong keeps the last good keys
 * and is logged once.  Returns 1 if any keys changed.
 */

ngx_uint_t ngx_http_registry_key_files_refresh(ngx_array_t *files,
    ngx_log_t *log);

#endif /* NGX_HTTP_REGISTRY_KEY_FILE_H */
