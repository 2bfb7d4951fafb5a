/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_LOOKUP_H
#define NGX_HTTP_REGISTRY_LOOKUP_H

/*
 * From an API key to an identity, through the records of the key, of its tenant
 * and of its roles.  Where the store has to be asked, a lookup ends with
 * NGX_AGAIN and is begun anew when the answer is there: what has been answered
 * is known by then.  The key is asked for first, tenant and roles together.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "reg_core.h"
#include "reg_decision.h"
#include "reg_identity.h"
#include "reg_issuer.h"

#include "ngx_http_registry_secret.h"
#include "ngx_http_registry_store.h"

typedef struct {
    ngx_http_registry_store_t   *store;
    ngx_http_registry_secret_t  *pepper;      /* NULL: none */
    ngx_http_registry_waiter_t  *waiter;
    ngx_log_t                   *log;
} ngx_http_registry_lookup_t;


/*
 * NGX_OK         *identity is set and the caller's
 * NGX_AGAIN      lookup->waiter waits for the store
 * NGX_DECLINED   the key stands for nobody, for *reason, which has been logged
 */

ngx_int_t ngx_http_registry_lookup(ngx_http_registry_lookup_t *lookup,
    reg_str_t key, reg_identity_t **identity, reg_reason_t *reason);


/* The same for the id of a key, whose holder has shown that he is it. */

ngx_int_t ngx_http_registry_lookup_id(ngx_http_registry_lookup_t *lookup,
    reg_str_t id, reg_identity_t **identity, reg_reason_t *reason);


/*
 * The record of an issuer, which the caller frees; the same return codes.  Of
 * NGX_DECLINED, REG_REASON_TOKEN says that there is none.
 */

ngx_int_t ngx_http_registry_lookup_issuer(ngx_http_registry_lookup_t *lookup,
    reg_str_t name, reg_record_t **issuer, reg_reason_t *reason);

/* The same as for a key, for a subject whom a rule of the issuer admits. */

ngx_int_t ngx_http_registry_lookup_subject(ngx_http_registry_lookup_t *lookup,
    const reg_record_t *issuer, size_t rule, reg_str_t subject,
    reg_identity_t **identity, reg_reason_t *reason);

#endif /* NGX_HTTP_REGISTRY_LOOKUP_H */
