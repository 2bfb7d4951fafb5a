/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * $registry_cache_key: one copy of a blob serves all repositories, but only
 * those that have it.  So the key is the digest alone where this request holds
 * a proof; any other key names the repository, too, and cannot be confused with
 * one of these, for no digest begins with a word and a space.
 */

#include "ngx_http_registry_offload.h"

static ngx_str_t ngx_http_registry_ns(ngx_str_t args);
static u_char *ngx_http_registry_accept(ngx_list_t *headers, u_char *p);
static ngx_uint_t ngx_http_registry_accept_bits(ngx_str_t *value);


/* What backends choose the form of a manifest by, each a letter of the key. */

static struct {
    ngx_str_t  type;
    u_char     letter;
} ngx_http_registry_accept_types[] = {
    { ngx_string("application/vnd.docker.distribution.manifest.list.v2+json"),
      'l' },
    { ngx_string("application/vnd.docker.distribution.manifest.v2+json"),
      'm' },
    { ngx_string("application/vnd.docker.distribution.manifest.v1+prettyjws"),
      's' },
    { ngx_string("application/vnd.docker.distribution.manifest.v1+json"),
      '1' },
    { ngx_string("application/vnd.oci.image.index.v1+json"), 'i' },
    { ngx_string("application/vnd.oci.image.manifest.v1+json"), 'o' },
    { ngx_string("*/*"), '*' },
    { ngx_string("application/*"), 'a' },
    { ngx_null_string, 0 }
};

#define NGX_HTTP_REGISTRY_ACCEPT_LEN  8


ngx_int_t
ngx_http_registry_cache_key_variable(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_str_t *s)
{
    u_char     *p;
    ngx_str_t   repository, algorithm, encoded, method, ns;

    repository = ngx_http_registry_ngx_str(ctx->route.repository);
    algorithm = ngx_http_registry_ngx_str(ctx->route.digest.algorithm);
    encoded = ngx_http_registry_ngx_str(ctx->route.digest.encoded);
    method = r->method_name;

    s->data = ngx_pnalloc(r->pool, sizeof("manifest       :") + method.len
                                   + repository.len + algorithm.len
                                   + encoded.len + ctx->target.len + r->uri.len
                                   + NGX_HTTP_REGISTRY_ACCEPT_LEN);
    if (s->data == NULL) {
        return NGX_ERROR;
    }

    /* another request of ours, or a page of the operator's, is no blob */

    if (!ngx_http_registry_same_request(r) || r->error_page) {
        p = ngx_sprintf(s->data, "other %V %V", &method, &r->uri);

    } else if (ctx->verified) {

        /* whatever the URL was signed for, without its signature */

        p = ngx_sprintf(s->data, "signed %V %V", &method, &r->unparsed_uri);

    } else if (ctx->route.resource == REG_RESOURCE_BLOB && ctx->proven) {
        p = ngx_sprintf(s->data, "%V:%V", &algorithm, &encoded);

    } else if (ctx->route.resource == REG_RESOURCE_BLOB) {
        p = ngx_sprintf(s->data, "blob %V %V %V:%V", &method, &repository,
                        &algorithm, &encoded);

    } else if (ctx->route.resource == REG_RESOURCE_MANIFEST) {

        encoded = ngx_http_registry_ngx_str(ctx->route.reference);

        p = ngx_sprintf(s->data, "manifest %V %V %V ", &method, &repository,
                        &encoded);
        p = ngx_http_registry_accept(&ctx->headers, p);

        /* one registry for several: see ?ns= of containerd */

        ns = ngx_http_registry_ns(ctx->args);

        if (ns.len) {
            p = ngx_sprintf(p, " %V", &ns);
        }

    } else {
        p = ngx_sprintf(s->data, "target %V %V", &method, &ctx->target);
    }

    s->len = (size_t) (p - s->data);

    return NGX_OK;
}


ngx_uint_t
ngx_http_registry_same_request(ngx_http_request_t *r)
{
    return r == r->main
           || (!r->subrequest_in_memory
               && r->loc_conf == r->main->loc_conf
               && r->method == r->main->method
               && r->uri.len == r->main->uri.len
               && ngx_memcmp(r->uri.data, r->main->uri.data, r->uri.len) == 0);
}


/*
 * "ns=" and what it says, as it was sent: that which $arg_ns of nginx has, the
 * first in whatever case, or a client would choose by one and name the other.
 */

static ngx_str_t
ngx_http_registry_ns(ngx_str_t args)
{
    u_char     *p, *last;
    ngx_str_t   ns;

    ngx_str_null(&ns);

    last = args.data + args.len;

    for (p = args.data; p && p < last; p = ns.data + ns.len + 1) {

        ns.data = p;
        ns.len = args.len - (size_t) (p - args.data);

        p = ngx_strlchr(p, last, '&');

        if (p) {
            ns.len = (size_t) (p - ns.data);
        }

        if (ns.len >= 3
            && ngx_strncasecmp(ns.data, (u_char *) "ns=", 3) == 0)
        {
            return ns;
        }
    }

    ngx_str_null(&ns);

    return ns;
}


/* The same for all who take the same types, in whatever order and lines. */

static u_char *
ngx_http_registry_accept(ngx_list_t *headers, u_char *p)
{
    ngx_uint_t                    i, bits;
    ngx_table_elt_t              *header;
    ngx_http_registry_headers_t   at;

    bits = 0;
    at = ngx_http_registry_headers(headers);

    while ((header = ngx_http_registry_next_header(&at)) != NULL) {
        if (ngx_http_registry_header_is(header,
                                        NGX_HTTP_REGISTRY_STR("Accept")))
        {
            bits |= ngx_http_registry_accept_bits(&header->value);
        }
    }

    if (bits == 0) {
        *p++ = '-';
    }

    for (i = 0; ngx_http_registry_accept_types[i].letter; i++) {
        if (bits & ((ngx_uint_t) 1 << i)) {
            *p++ = ngx_http_registry_accept_types[i].letter;
        }
    }

    return p;
}


static ngx_uint_t
ngx_http_registry_accept_bits(ngx_str_t *value)
{
    u_char      *p, *last, *end;
    ngx_str_t   *type;
    ngx_uint_t   i, bits;

    bits = 0;
    p = value->data;
    last = value->data + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        for (end = p; end < last && *end != ',' && *end != ';' && *end != ' ';
             end++)
        {
            /* void */
        }

        for (i = 0; ngx_http_registry_accept_types[i].letter; i++) {
            type = &ngx_http_registry_accept_types[i].type;

            if (type->len == (size_t) (end - p)
                && ngx_strncasecmp(p, type->data, type->len) == 0)
            {
                bits |= (ngx_uint_t) 1 << i;
            }
        }

        for (p = end; p < last && *p != ','; p++) { /* void */ }
    }

    return bits;
}


/* A HEAD is for the backend: what a cache would make of it is a GET. */

ngx_uint_t
ngx_http_registry_cache_bypass(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx)
{
    return r != r->main || ctx->route.method != REG_METHOD_GET;
}
