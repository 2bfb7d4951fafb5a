/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef NGX_HTTP_REGISTRY_THROTTLE_H
#define NGX_HTTP_REGISTRY_THROTTLE_H

/*
 * How often credentials may be wrong: from one address (IPv6: one /64), and
 * whichever address they come from.  Beyond that they are refused without being
 * looked at, so that guessing costs neither hashes nor questions to the store.
 *
 * Only failures are counted, and who has been let in with the same credentials
 * not long ago is never refused: nobody behind the same address can lock him
 * out.
 */

#include "ngx_http_registry.h"

#include "reg_gcra.h"

typedef struct {
    reg_rate_t       rate;
    reg_gcra_t       gcra;
    ngx_shm_zone_t  *shm_zone;         /* one for all; its data are the marks */
} ngx_http_registry_throttle_t;


/* The setter of "registry_auth_throttle"; the slot at cmd->offset is set. */

char *ngx_http_registry_auth_throttle(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * In how many seconds these credentials may be tried, which are not known to be
 * right; 0: at once.
 */

int64_t ngx_http_registry_throttle_seconds(ngx_http_request_t *r,
    ngx_http_registry_throttle_t *throttle, ngx_str_t *credentials);


/* They were tried: the reason why not, or REG_REASON_GRANTED. */

void ngx_http_registry_throttle_tried(ngx_http_request_t *r,
    ngx_http_registry_throttle_t *throttle, ngx_str_t *credentials,
    reg_reason_t reason);


/* Adds what a client is told that is refused so: NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_registry_throttle_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_throttle_t *throttle);

#endif /* NGX_HTTP_REGISTRY_THROTTLE_H */
