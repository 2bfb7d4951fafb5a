/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_DELIVERY_H
#define REG_DELIVERY_H

/*
 * Logs of those who deliver what the gateway redirects to, line by line:
 *
 *     cloudfront  standard logs of Amazon CloudFront, version 1.0: fields with
 *                 tabs between, behind "#Version" and "#Fields"
 *     cloudflare  http_requests of Cloudflare Logpush: an object of JSON a line
 *     nginx       the log_format of conf.example/edge.conf: likewise
 *
 * Whose a request was is never guessed: an edge has verified it, and in the
 * logs of others it is in the arguments that were signed.
 */

#include <jansson.h>

#include "reg_core.h"
#include "reg_ledger.h"
#include "reg_sign.h"

#define REG_DELIVERY_LINE_MAX  65536            /* bytes */
#define REG_DELIVERY_COLUMNS   128

typedef enum {
    REG_DELIVERY_CLOUDFRONT = 0,
    REG_DELIVERY_CLOUDFLARE,
    REG_DELIVERY_NGINX
} reg_delivery_format_t;

/* Of CloudFront, what each column is; zeros and the format to begin with. */

typedef struct {
    reg_delivery_format_t  format;
    unsigned               versioned:1;
    unsigned               fields:1;            /* were named */
    size_t                 n;
    unsigned char          columns[REG_DELIVERY_COLUMNS];
} reg_delivery_log_t;

typedef struct {
    json_t     *json;           /* what slices borrow from, or NULL */
    reg_str_t   id;             /* which no other request has */
    int64_t     time;           /* seconds since the epoch */
    unsigned    status;
    unsigned    get:1;
    uint64_t    bytes;          /* of the body, or of all where only that is
                                   known */
    reg_str_t   host;
    reg_str_t   path;
    reg_str_t   query;
    reg_str_t   tenant;         /* as an edge has verified it */
    reg_str_t   repository;
} reg_delivery_t;


/* REG_NOTFOUND: there is no such format. */

reg_rc_t reg_delivery_format(reg_delivery_format_t *format, reg_str_t name);


/*
 * Reads a line, without its newline.
 *
 * REG_OK        *delivery borrows from line; for reg_delivery_done()
 * REG_NOTFOUND  it is about the log, and no request
 * REG_NEWER     the log is of a later version; see *error
 * REG_INVALID   it is no such log; see *error
 * REG_NOMEM
 */

reg_rc_t reg_delivery_read(reg_delivery_log_t *log, reg_delivery_t *delivery,
    reg_str_t line, reg_error_t *error);

void reg_delivery_done(reg_delivery_t *delivery);


/*
 * Whose it was, by what an edge says, or by the arguments that were signed:
 * ours are verified with signer; where that is NULL "x-tenant" and
 * "x-repository" are part of what the CDN verifies.  Copies lie in buf, of
 * REG_DELIVERY_LINE_MAX bytes.
 *
 * REG_OK
 * REG_NOTFOUND  it does not say so
 * REG_INVALID   it does, but the signature is wrong or cannot be verified
 */

reg_rc_t reg_delivery_claims(const reg_delivery_t *delivery,
    const reg_signer_t *signer, reg_str_t *tenant, reg_str_t *repository,
    unsigned char *buf);

#endif /* REG_DELIVERY_H */
