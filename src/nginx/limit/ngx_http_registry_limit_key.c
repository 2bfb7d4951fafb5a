/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * For whom a limit counts a request.  Somebody without credentials has no key
 * and maybe no tenant, and is counted by address instead: nobody escapes by
 * leaving the key at home.
 */

#include "ngx_http_registry_limit.h"


static ngx_str_t ngx_http_registry_limit_part(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned bit);


/* In this order, whatever the order in the configuration. */

static const unsigned  ngx_http_registry_limit_parts[] = {
    REG_PER_KEY, REG_PER_TENANT, REG_PER_REPOSITORY, REG_PER_ADDRESS, 0
};


size_t
ngx_http_registry_limit_key(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf)
{
    u_char          *p;
    ngx_str_t        part;
    const unsigned  *bit;

    p = buf;

    for (bit = ngx_http_registry_limit_parts; *bit; bit++) {

        if ((per & *bit) == 0) {
            continue;
        }

        part = ngx_http_registry_limit_part(r, ctx, *bit);

        if (part.len) {
            *p++ = (u_char) *bit;
            p = ngx_cpymem(p, part.data, part.len);
            *p++ = '\0';
            continue;
        }

        if (*bit == REG_PER_REPOSITORY) {
            return 0;
        }

        *p++ = REG_PER_ADDRESS;
        p += ngx_http_registry_network(r, p);
    }

    return (size_t) (p - buf);
}


size_t
ngx_http_registry_limit_source(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf)
{
    u_char          *p, *c;
    ngx_str_t        part;
    const unsigned  *bit;

    p = buf;

    for (bit = ngx_http_registry_limit_parts; *bit; bit++) {

        if ((per & *bit) == 0) {
            continue;
        }

        part = ngx_http_registry_limit_part(r, ctx, *bit);

        if (part.len == 0) {
            part = r->connection->addr_text;
            part.len = ngx_min(part.len, REG_REPOSITORY_MAX);
        }

        if (p != buf) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, part.data, part.len);
    }

    /* the tenant of anonymous clients may come from a variable */

    for (c = buf; c < p; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }

    return (size_t) (p - buf);
}


/*
 * The first part may be any text where it is the tenant of anonymous clients,
 * but no second part has a comma in it, so no two read the same.
 */

size_t
ngx_http_registry_limit_who(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned per, u_char *buf)
{
    u_char          *p, network[NGX_HTTP_REGISTRY_NETWORK_LEN];
    size_t           len;
    ngx_str_t        part;
    const unsigned  *bit;

    p = buf;

    for (bit = ngx_http_registry_limit_parts; *bit; bit++) {

        if ((per & *bit) == 0) {
            continue;
        }

        if (p != buf) {
            *p++ = ',';
        }

        part = ngx_http_registry_limit_part(r, ctx, *bit);

        if (part.len) {
            *p++ = *bit == REG_PER_KEY ? 'k' : *bit == REG_PER_TENANT ? 't'
                                                                      : 'r';
            *p++ = '=';
            p = ngx_cpymem(p, part.data, part.len);
            continue;
        }

        len = ngx_http_registry_network(r, network);

        *p++ = 'a';
        *p++ = '=';

        if (network[0] == REG_ADDRESS_IPV4) {
            p = ngx_sprintf(p, "%ud.%ud.%ud.%ud", network[1], network[2],
                            network[3], network[4]);

        } else {
            p = ngx_hex_dump(p, network + 1, len - 1);
        }
    }

    return (size_t) (p - buf);
}


/* Empty where there is none, and for the address. */

static ngx_str_t
ngx_http_registry_limit_part(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, unsigned bit)
{
    ngx_str_t        s;
    reg_identity_t  *identity;

    ngx_str_null(&s);

    identity = ctx->identity ? ctx->identity->identity : NULL;

    switch (bit) {

    case REG_PER_KEY:
        if (identity) {
            s = ngx_http_registry_ngx_str(identity->key_id);
        }

        break;

    case REG_PER_TENANT:
        if (ctx->anonymous_tenant.len) {
            s = ctx->anonymous_tenant;

        } else if (identity) {
            s = ngx_http_registry_ngx_str(identity->tenant);
        }

        break;

    case REG_PER_REPOSITORY:
        s = ngx_http_registry_ngx_str(ctx->route.repository);
        break;

    default:
        break;
    }

    s.len = ngx_min(s.len, REG_REPOSITORY_MAX);

    return s;
}
