/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_link_state.h"

#if (NGX_SSL)


static void ngx_http_registry_link_tls_handler(ngx_connection_t *c);
static ngx_int_t ngx_http_registry_link_tls_verify(
    ngx_http_registry_link_t *link);
static ngx_str_t ngx_http_registry_link_tls_name(ngx_http_registry_link_t *link,
    ngx_uint_t *numeric);


#if (NGX_SSL)

void
ngx_http_registry_link_tls(ngx_http_registry_link_t *link)
{
    ngx_str_t          name;
    ngx_uint_t         numeric;
    ngx_connection_t  *c;

    c = link->connection;

    link->log.action = "TLS handshaking";

    if (ngx_ssl_create_connection(link->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_registry_link_fail(link);
        return;
    }

    /* what waits to be written moves when more is added */

    (void) SSL_set_mode(c->ssl->connection,
                        SSL_MODE_ENABLE_PARTIAL_WRITE
                        |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    name = ngx_http_registry_link_tls_name(link, &numeric);

    /* as per RFC 6066, literal IPv4 and IPv6 addresses are not permitted */

    if (name.data == NULL
        || (!numeric && SSL_set_tlsext_host_name(c->ssl->connection,
                                                 (char *) name.data)
                        == 0))
    {
        ngx_ssl_error(NGX_LOG_ERR, &link->log, 0,
                      "SSL_set_tlsext_host_name() failed");
        ngx_http_registry_link_fail(link);
        return;
    }

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_http_registry_link_tls_handler;
        return;
    }

    ngx_http_registry_link_tls_handler(c);
}


static void
ngx_http_registry_link_tls_handler(ngx_connection_t *c)
{
    ngx_http_registry_link_t  *link;

    link = c->data;

    if (!c->ssl->handshaked
        || ngx_http_registry_link_tls_verify(link) != NGX_OK)
    {
        ngx_http_registry_link_fail(link);
        return;
    }

    c->read->handler = ngx_http_registry_link_read_handler;
    c->write->handler = ngx_http_registry_link_write_handler;

    ngx_http_registry_link_greet(link);
}


static ngx_int_t
ngx_http_registry_link_tls_verify(ngx_http_registry_link_t *link)
{
    int                match;
    long               rc;
    X509              *cert;
    ngx_str_t          name;
    ngx_uint_t         numeric;
    ngx_connection_t  *c;

    c = link->connection;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0,
                      "the certificate of Redis does not verify: (%l:%s)",
                      rc, X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    name = ngx_http_registry_link_tls_name(link, &numeric);
    match = 0;

    if (name.data && numeric) {
        cert = SSL_get_peer_certificate(c->ssl->connection);

        if (cert) {
            match = X509_check_ip_asc(cert, (char *) name.data, 0) == 1;
            X509_free(cert);
        }

    } else if (name.data) {
        match = ngx_ssl_check_host(c, &name) == NGX_OK;
    }

    if (!match) {
        ngx_log_error(NGX_LOG_ERR, &link->log, 0,
                      "the certificate of Redis does not match \"%V\"", &name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The name that the certificate has to have; data is NULL without memory. */

static ngx_str_t
ngx_http_registry_link_tls_name(ngx_http_registry_link_t *link,
    ngx_uint_t *numeric)
{
    ngx_str_t                      name;
    reg_str_t                     *text;
    ngx_http_registry_addresses_t  addresses;

    *numeric = link->numeric;

    text = &link->conf->url.tls_name;

    if (text->len == 0) {
        return link->host;
    }

    name.len = text->len;
    name.data = ngx_pnalloc(link->pool, text->len + 1);

    if (name.data) {
        (void) ngx_cpystrn(name.data, text->data, text->len + 1);

        *numeric = ngx_http_registry_resolve_address(&addresses,
                                                     (char *) name.data, 0)
                   == NGX_OK;
    }

    return name;
}

#endif

#endif
