/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_SECRET_H
#define NGX_HTTP_REGISTRY_SECRET_H

/*
 * Files that are read again when they change: secrets here, the store's
 * file with the same stamp in ngx_http_registry_store.c.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"


/* Tells two states of a file apart. */

typedef struct {
    dev_t            dev;
    ino_t            ino;
    off_t            size;
    struct timespec  mtime;
    struct timespec  ctime;
} ngx_http_registry_stamp_t;


/* NGX_OK, or NGX_ERROR with errno; zero when the file cannot be looked at. */

ngx_int_t ngx_http_registry_stamp(ngx_http_registry_stamp_t *stamp,
    ngx_str_t *path);

void ngx_http_registry_stamp_set(ngx_http_registry_stamp_t *stamp,
    struct stat *st);

ngx_uint_t ngx_http_registry_stamp_same(const ngx_http_registry_stamp_t *a,
    const ngx_http_registry_stamp_t *b);


typedef struct ngx_http_registry_secret_s  ngx_http_registry_secret_t;


/*
 * Makes a value of the text of a file, whose final newline is cut: writes it to
 * value, which holds NGX_HTTP_REGISTRY_SECRET_VALUE_MAX bytes, and sets *len.
 * Returns NULL, or a sentence that says what is wrong with the file.
 */

typedef const char *(*ngx_http_registry_secret_make_t)(u_char *value,
    size_t *len, ngx_str_t text);

#define NGX_HTTP_REGISTRY_SECRET_MAX        1024
#define NGX_HTTP_REGISTRY_SECRET_VALUE_MAX  2048

/* A private key in PEM is longer: so much is read of one, and its value. */

#define NGX_HTTP_REGISTRY_SECRET_KEY_MAX    8192

struct ngx_http_registry_secret_s {
    ngx_str_t                        path;
    ngx_http_registry_secret_make_t  make;
    size_t                           max;       /* bytes of the file, */
    size_t                           room;      /* and of the value */
    ngx_uint_t                       version;   /* another one: another value */
    ngx_http_registry_stamp_t        stamp;
    ngx_str_t                        value;     /* lies in buf */
    u_char                          *buf;
};


/*
 * Reads the file of a directive's argument; a file that is named twice is read
 * once.  The value is wiped when the configuration goes.  NULL after an error
 * has been logged.
 */

ngx_http_registry_secret_t *ngx_http_registry_secret_add(ngx_conf_t *cf,
    ngx_array_t *secrets, ngx_str_t *path,
    ngx_http_registry_secret_make_t make);

/* The same for a file of up to NGX_HTTP_REGISTRY_SECRET_KEY_MAX bytes. */

ngx_http_registry_secret_t *ngx_http_registry_secret_add_key(ngx_conf_t *cf,
    ngx_array_t *secrets, ngx_str_t *path,
    ngx_http_registry_secret_make_t make);


/*
 * Reads again what has changed.  A file that cannot be read or is wrong keeps
 * the last good value and is logged once.  Returns 1 if a value changed.
 */

ngx_uint_t ngx_http_registry_secrets_refresh(ngx_array_t *secrets,
    ngx_log_t *log);



/*
 * Warns of a file that the master could read and the workers cannot: they would
 * serve what it held at the start and never hear of a revocation.
 */

void ngx_http_registry_check_readable(ngx_cycle_t *cycle, ngx_str_t *path);

#endif /* NGX_HTTP_REGISTRY_SECRET_H */
