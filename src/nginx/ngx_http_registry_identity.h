/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_IDENTITY_H
#define NGX_HTTP_REGISTRY_IDENTITY_H

/*
 * From the Authorization header to an identity.  One memo is for headers: a
 * known one costs a short hash; base64, checksum, SHA-256 and records are for
 * the first time only.  The other is for keys: any user name goes with a key,
 * so one key may come in many headers, and they share one identity; no number
 * of names drives another key out of its place.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "reg_decision.h"

#include "ngx_http_registry_memo.h"
#include "ngx_http_registry_secret.h"
#include "ngx_http_registry_store.h"

typedef struct {
    ngx_http_registry_memo_t    *headers;
    ngx_http_registry_memo_t    *keys;
    ngx_http_registry_store_t   *store;
    ngx_http_registry_secret_t  *pepper;     /* NULL: none */
} ngx_http_registry_identify_t;


/*
 * Finds who the value of an Authorization header stands for.
 *
 * REG_REASON_NONE   *identity is set and one reference is the caller's
 * otherwise         why it stands for nobody, which has been logged
 */

reg_reason_t ngx_http_registry_identify(ngx_http_registry_identify_t *by,
    ngx_str_t *authorization, ngx_http_registry_identity_t **identity,
    ngx_log_t *log);

#endif /* NGX_HTTP_REGISTRY_IDENTITY_H */
