/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What one request books.  Buffers that are given to the connection are not
 * yet sent: of a file that sendfile sends, an aborted download would book all
 * of it.  So it is what the connection says it has sent, less the header, and
 * never more than the payload.
 *
 * Of a client that has gone, the kernel may still hold bytes that nobody will
 * get: they are taken back.
 */

#include "ngx_http_registry_quota.h"

#if (NGX_LINUX)
#include <sys/ioctl.h>
#include <linux/sockios.h>
#endif

/* What TLS adds to a record, at most: header, explicit nonce and tag. */

#define NGX_HTTP_REGISTRY_TLS_RECORD  30


static reg_ledger_row_t *ngx_http_registry_ledger_row(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked);
static void ngx_http_registry_ledger_take_back(
    ngx_http_registry_booked_t *booked, off_t bytes);
static void ngx_http_registry_ledger_key(ngx_http_request_t *r,
    ngx_uint_t known, reg_ledger_key_t *key, u_char *network);
static void ngx_http_registry_ledger_spend(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked, off_t bytes);
static reg_str_t ngx_http_registry_ledger_tenant(ngx_http_registry_ctx_t *ctx,
    ngx_uint_t known);
static reg_str_t ngx_http_registry_ledger_route(ngx_http_request_t *r,
    ngx_uint_t known, ngx_http_registry_ctx_t *ctx);
static ngx_uint_t ngx_http_registry_ledger_redirects(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static uint64_t ngx_http_registry_ledger_redirected(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx);
static reg_str_t ngx_http_registry_ledger_networked(ngx_http_request_t *r,
    u_char *buf);
static off_t ngx_http_registry_ledger_held(ngx_connection_t *c);
static ngx_uint_t ngx_http_registry_ledger_counts(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_method_t method);


ngx_int_t
ngx_http_registry_ledger_booked(ngx_http_request_t *r,
    ngx_http_registry_booked_t **booked)
{
    ngx_http_registry_ctx_t       *ctx;
    ngx_http_registry_loc_conf_t  *rlcf;

    ctx = ngx_http_registry_find_ctx(r);

    if (ctx && ctx->booked) {
        *booked = ctx->booked;
        return NGX_OK;
    }

    rlcf = ngx_http_get_module_loc_conf(r->main, ngx_http_registry_module);

    if (rlcf->relay || (rlcf->registry == NGX_HTTP_REGISTRY_OFF && ctx == NULL))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_registry_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->booked = ngx_pcalloc(r->main->pool,
                              sizeof(ngx_http_registry_booked_t));

    *booked = ctx->booked;

    return ctx->booked ? NGX_OK : NGX_ERROR;
}


/*
 * A worker that is killed loses what it has not booked.  But the backend has
 * not answered yet, and a name that nobody has heard of gets no row for that:
 * whose upload has begun has one, as the backend has opened it.  Where it is
 * not decided yet who the client is, nobody knows whose row it would be.
 */

void
ngx_http_registry_ledger_receive(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked)
{
    u_char                                 network[REG_LEDGER_NETWORK_MAX];
    reg_ledger_t                          *ledger;
    reg_ledger_key_t                       key;
    reg_ledger_row_t                      *row;
    ngx_http_registry_ctx_t               *ctx;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    ctx = ngx_http_registry_get_ctx(r);
    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    ledger = ctx && ctx->decided
             ? ngx_http_registry_books_today(lmcf, r->connection->log) : NULL;

    if (ledger == NULL || booked->ingress == booked->taken) {
        return;
    }

    ngx_http_registry_ledger_key(r, 1, &key, network);

    row = reg_ledger_row_if_any(ledger, &key);

    if (row) {
        reg_ledger_add(row, REG_LEDGER_INGRESS_BYTES,
                       (uint64_t) (booked->ingress - booked->taken));
        booked->taken = booked->ingress;
    }
}


void
ngx_http_registry_ledger_send(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked)
{
    off_t              sent;
    reg_ledger_row_t  *row;

    sent = r->connection->sent - booked->base - (off_t) r->header_size;
    sent = ngx_min(sent, booked->payload);

    if (sent <= booked->egress) {
        return;
    }

    row = ngx_http_registry_ledger_row(r, booked);

    if (row) {
        reg_ledger_add(row, REG_LEDGER_EGRESS_BYTES,
                       (uint64_t) (sent - booked->egress));
        ngx_http_registry_ledger_spend(r, booked, sent - booked->egress);
        booked->here += sent - booked->egress;
        booked->egress = sent;
    }
}


void
ngx_http_registry_ledger_finish(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked)
{
    off_t                     delivered;
    uint64_t                  redirected;
    reg_ledger_row_t         *row;
    ngx_http_registry_ctx_t  *ctx;

    if (booked->closed) {
        return;
    }

    booked->closed = 1;

    ngx_http_registry_ledger_send(r, booked);

    row = ngx_http_registry_ledger_row(r, booked);

    if (row == NULL) {
        return;
    }

    delivered = ngx_http_registry_ledger_delivered(r, booked);

    if (delivered < booked->egress) {
        ngx_http_registry_ledger_take_back(booked, booked->egress - delivered);
        ngx_http_registry_ledger_spend(r, booked, delivered - booked->egress);
        booked->egress = delivered;
    }

    reg_ledger_add(row, REG_LEDGER_INGRESS_BYTES,
                   (uint64_t) (booked->ingress - booked->taken));
    reg_ledger_add(row, REG_LEDGER_REQUESTS, 1);

    ctx = ngx_http_registry_get_ctx(r);

    if (ctx && ngx_http_registry_ledger_counts(r, ctx, REG_METHOD_GET)) {
        reg_ledger_add(row, REG_LEDGER_PULLS, 1);
    }

    if (ctx && ngx_http_registry_ledger_counts(r, ctx, REG_METHOD_PUT)) {
        reg_ledger_add(row, REG_LEDGER_PUSHES, 1);
    }

    if (ctx && booked->known) {
        redirected = ngx_http_registry_ledger_redirected(r, ctx);

        reg_ledger_add(row, REG_LEDGER_REDIRECTED_BYTES, redirected);
        ngx_http_registry_ledger_spend(r, booked, (off_t) redirected);
    }
}


off_t
ngx_http_registry_ledger_delivered(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked)
{
    off_t              sent;
    ngx_connection_t  *c;

    c = r->connection;

    if (booked->measured) {
        return booked->delivered;
    }

    if (!booked->answered) {
        return 0;
    }

    sent = c->sent - booked->base - (off_t) r->header_size;

    /* what was wholly given to the kernel counts, whoever gets it when */

    if (!c->error || (booked->last && r->out == NULL && !c->buffered)) {
        return ngx_max(ngx_min(sent, booked->payload), 0);
    }

#if (NGX_HTTP_V2)
    if (r->stream == NULL)
#endif
    {
        sent -= ngx_http_registry_ledger_held(c);
    }

    /* the client is gone, and there is nothing left to change */

    booked->delivered = ngx_max(ngx_min(sent, booked->payload), 0);
    booked->measured = 1;

    return booked->delivered;
}


/*
 * What the kernel has not sent yet, headers and all; TLS adds to it.  What is
 * on its way may have arrived, as a client that goes away does not say so.
 */

static off_t
ngx_http_registry_ledger_held(ngx_connection_t *c)
{
    off_t  n;
#if (NGX_LINUX)
    int    held;
#endif
#if (NGX_HTTP_SSL)
    off_t  record;
#endif

    n = 0;

#if (NGX_LINUX)
    if (ioctl(c->fd, SIOCOUTQNSD, &held) == 0) {
        n = held;
    }
#endif

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        record = (off_t) c->ssl->buffer_size + NGX_HTTP_REGISTRY_TLS_RECORD;
        n -= (n + record - 1) / record * NGX_HTTP_REGISTRY_TLS_RECORD;
    }
#endif

    return ngx_max(n, 0);
}


/* The row, found anew on each day. */

static reg_ledger_row_t *
ngx_http_registry_ledger_row(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked)
{
    u_char                                 network[REG_LEDGER_NETWORK_MAX];
    reg_ledger_t                          *ledger;
    reg_ledger_key_t                       key;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    ledger = ngx_http_registry_books_today(lmcf, r->connection->log);

    if (ledger == NULL) {
        return NULL;
    }

    if (booked->row && booked->number == lmcf->books->number) {
        return booked->row;
    }

    ngx_http_registry_ledger_key(r, booked->known, &key, network);

    /* of older ledgers nothing is left */

    booked->before = NULL;

    if (booked->number + 1 == lmcf->books->number) {
        booked->before = booked->row;
        booked->there = booked->here;
    }

    booked->row = reg_ledger_row(ledger, &key);
    booked->number = lmcf->books->number;
    booked->here = 0;

    return booked->row;
}


/* What was booked last; never more than a day has of this request. */

static void
ngx_http_registry_ledger_take_back(ngx_http_registry_booked_t *booked,
    off_t bytes)
{
    off_t  here;

    here = ngx_min(bytes, booked->here);
    reg_ledger_take_back(booked->row, (uint64_t) here);

    if (booked->before) {
        reg_ledger_take_back(booked->before,
                             (uint64_t) ngx_min(bytes - here, booked->there));
    }
}


/* A repository has a row once the backend has said that it is there. */

static void
ngx_http_registry_ledger_key(ngx_http_request_t *r, ngx_uint_t known,
    reg_ledger_key_t *key, u_char *network)
{
    ngx_http_registry_ctx_t       *ctx;
    ngx_http_registry_loc_conf_t  *rlcf;

    ctx = ngx_http_registry_get_ctx(r);
    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_registry_module);

    if (rlcf->registry == NGX_HTTP_REGISTRY_API) {
        ctx->route.operation = REG_OP_API;

    } else if (ctx->route.operation != REG_OP_TOKEN) {
        (void) ngx_http_registry_parse(r, ctx);
    }

    key->tenant = ngx_http_registry_ledger_tenant(ctx, known);
    key->operation = reg_str(reg_operation_name(ctx->route.operation));
    key->network = ngx_http_registry_ledger_networked(r, network);
    key->route = ngx_http_registry_ledger_route(r, known, ctx);

    if (known || ctx->route.operation == REG_OP_API
        || ctx->route.operation == REG_OP_TOKEN)
    {
        key->repository = ctx->route.repository;

    } else {
        key->repository = REG_LEDGER_UNKNOWN;
    }
}


/* Where the bytes of a blob come from; of all else it is the backend. */

static reg_str_t
ngx_http_registry_ledger_route(ngx_http_request_t *r, ngx_uint_t known,
    ngx_http_registry_ctx_t *ctx)
{
    if (ngx_http_registry_ledger_redirects(r, ctx) && r->upstream) {
        return known ? REG_STR("backend") : REG_STR("origin");
    }

    if (ctx->blob_route.len && known) {
        return ngx_http_registry_str(ctx->blob_route);
    }

    return REG_STR("origin");
}


/* Whether the client is sent elsewhere for a blob. */

static ngx_uint_t
ngx_http_registry_ledger_redirects(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    return ctx->route.resource == REG_RESOURCE_BLOB
           && ctx->route.method == REG_METHOD_GET
           && (r->headers_out.status == NGX_HTTP_MOVED_PERMANENTLY
               || r->headers_out.status == NGX_HTTP_MOVED_TEMPORARILY
               || r->headers_out.status == NGX_HTTP_SEE_OTHER
               || r->headers_out.status == NGX_HTTP_TEMPORARY_REDIRECT
               || r->headers_out.status == NGX_HTTP_PERMANENT_REDIRECT);
}


/*
 * What the client will get there: all of the blob, or the one range it asks
 * for.  Of several ranges, and of what is no range, it is all, too.
 */

static uint64_t
ngx_http_registry_ledger_redirected(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    u_char     *p, *last, *dash;
    off_t       size, from, to;
    ngx_str_t  *range;

    if (ctx->blob_size < 0 || !ngx_http_registry_ledger_redirects(r, ctx)) {
        return 0;
    }

    size = (off_t) ctx->blob_size;

    if (r->headers_in.range == NULL) {
        return (uint64_t) size;
    }

    range = &r->headers_in.range->value;

    if (range->len < 8 || ngx_strncasecmp(range->data, (u_char *) "bytes=", 6)
                          != 0)
    {
        return (uint64_t) size;
    }

    p = range->data + 6;
    last = range->data + range->len;
    dash = ngx_strlchr(p, last, '-');

    if (dash == NULL) {
        return (uint64_t) size;
    }

    from = ngx_atoof(p, (size_t) (dash - p));
    to = ngx_atoof(dash + 1, (size_t) (last - dash - 1));

    if (dash == p && to != NGX_ERROR) {
        return (uint64_t) ngx_min(to, size);
    }

    if (from == NGX_ERROR || (to == NGX_ERROR && dash + 1 != last)
        || (to != NGX_ERROR && to < from))
    {
        return (uint64_t) size;
    }

    if (dash + 1 == last || to >= size) {
        to = size - 1;
    }

    return from <= to ? (uint64_t) (to - from + 1) : 0;
}


/* What was booked in the ledger counts for quotas at once. */

static void
ngx_http_registry_ledger_spend(ngx_http_request_t *r,
    ngx_http_registry_booked_t *booked, off_t bytes)
{
    ngx_http_registry_ctx_t  *ctx;

    ctx = bytes ? ngx_http_registry_get_ctx(r) : NULL;

    if (ctx) {
        ngx_http_registry_quota_book(r, &booked->spent,
                                     ngx_http_registry_ledger_tenant(ctx,
                                                              booked->known),
                                     bytes);
    }
}


/* Who is not known may choose a name only if it leads to something. */

static reg_str_t
ngx_http_registry_ledger_tenant(ngx_http_registry_ctx_t *ctx,
    ngx_uint_t known)
{
    reg_str_t  tenant;

    if (ctx->anonymous_tenant.len) {
        tenant = ngx_http_registry_str(ctx->anonymous_tenant);

        return known
               && reg_ledger_part_valid(tenant, REG_LEDGER_TENANT_MAX)
               ? tenant : REG_LEDGER_ANONYMOUS;
    }

    if (ctx->identity && ctx->identity->identity->tenant.len) {
        return ctx->identity->identity->tenant;
    }

    return REG_LEDGER_ANONYMOUS;
}


/* What the operator says, made fit. */

static reg_str_t
ngx_http_registry_ledger_networked(ngx_http_request_t *r, u_char *buf)
{
    size_t                            i;
    ngx_str_t                         value;
    reg_str_t                         part, byte;
    ngx_http_registry_ledger_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_registry_ledger_module);

    if (conf->network == NULL
        || ngx_http_complex_value(r, conf->network, &value) != NGX_OK)
    {
        return REG_STR_NULL;
    }

    part.data = buf;
    part.len = ngx_min(value.len, REG_LEDGER_NETWORK_MAX);

    for (i = 0; i < part.len; i++) {
        byte.data = &value.data[i];
        byte.len = 1;

        buf[i] = reg_ledger_part_valid(byte, 1) ? value.data[i] : '_';
    }

    return part;
}


/* Whether it is a manifest, and what was done with it succeeded. */

static ngx_uint_t
ngx_http_registry_ledger_counts(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, reg_method_t method)
{
    return ctx->booked->known
           && ctx->route.resource == REG_RESOURCE_MANIFEST
           && ctx->route.method == method
           && r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE;
}
