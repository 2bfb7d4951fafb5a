/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_address.h"
#include "reg_store_host.h"


static reg_rc_t reg_store_host(reg_store_host_t *host, reg_str_t text,
    unsigned port, reg_error_t *error);
static reg_rc_t reg_store_bracketed(reg_store_host_t *host, reg_str_t *rest,
    reg_error_t *error);


reg_rc_t
reg_store_hosts_parse(reg_store_url_t *url, reg_str_t text, unsigned port,
    size_t max, reg_error_t *error)
{
    reg_str_t       item;
    unsigned char  *comma;

    url->nhosts = 0;

    for ( ;; ) {
        item = text;
        comma = text.len ? memchr(text.data, ',', text.len) : NULL;

        if (comma != NULL) {
            item.len = (size_t) (comma - text.data);
        }

        if (url->nhosts == max) {

            if (max == 1) {
                reg_error_set(error, "this scheme takes one host; several are "
                              "for redis+sentinel and redis+cluster");

            } else {
                reg_error_set(error, "there are more than %zu hosts", max);
            }

            return REG_INVALID;
        }

        if (reg_store_host(&url->hosts[url->nhosts], item, port, error)
            != REG_OK)
        {
            return REG_INVALID;
        }

        url->nhosts++;

        if (comma == NULL) {
            return REG_OK;
        }

        text.data += item.len + 1;
        text.len -= item.len + 1;
    }
}


static reg_rc_t
reg_store_host(reg_store_host_t *host, reg_str_t text, unsigned port,
    reg_error_t *error)
{
    reg_str_t       rest;
    unsigned char  *colon;

    host->port = port;
    rest = text;

    if (text.len == 0) {
        reg_error_set(error, "a host is missing");
        return REG_INVALID;
    }

    if (text.data[0] == '[') {

        if (reg_store_bracketed(host, &rest, error) != REG_OK) {
            return REG_INVALID;
        }

    } else {
        colon = memchr(text.data, ':', text.len);

        host->host = text;
        host->host.len = colon ? (size_t) (colon - text.data) : text.len;

        rest.data += host->host.len;
        rest.len -= host->host.len;

        if (rest.len > 1 && memchr(rest.data + 1, ':', rest.len - 1)) {
            reg_error_set(error, "an IPv6 address is written in brackets, as "
                          "in [::1]:%u", port);
            return REG_INVALID;
        }

        if (host->host.len == 0) {
            reg_error_set(error, "a host is missing before the port");
            return REG_INVALID;
        }

        if (reg_store_name_check(host->host) != REG_OK) {
            reg_error_set(error, "a host is a name, an IPv4 address, or an "
                          "IPv6 address in brackets");
            return REG_INVALID;
        }
    }

    if (rest.len == 0) {
        return REG_OK;
    }

    rest.data++;
    rest.len--;

    if (reg_store_number(&host->port, rest, 65535) != REG_OK
        || host->port == 0)
    {
        reg_error_set(error, "a port is a number from 1 to 65535");
        return REG_INVALID;
    }

    return REG_OK;
}


/* Takes "[address]" off the front of the text: nothing or a port remains. */

static reg_rc_t
reg_store_bracketed(reg_store_host_t *host, reg_str_t *rest,
    reg_error_t *error)
{
    size_t          len;
    unsigned char  *close;
    reg_address_t   address;

    close = memchr(rest->data, ']', rest->len);

    if (close == NULL) {
        reg_error_set(error, "the bracket of an IPv6 address is not closed");
        return REG_INVALID;
    }

    len = (size_t) (close - rest->data);

    host->host.data = rest->data + 1;
    host->host.len = len - 1;

    rest->data += len + 1;
    rest->len -= len + 1;

    /* a mapped IPv4 address counts as IPv4, but is written like IPv6 */

    if (reg_address_parse(&address, host->host, NULL) != REG_OK
        || memchr(host->host.data, ':', host->host.len) == NULL)
    {
        reg_error_set(error, "there is no IPv6 address in the brackets");
        return REG_INVALID;
    }

    if (rest->len > 0 && rest->data[0] != ':') {
        reg_error_set(error, "after an IPv6 address comes a colon and a port");
        return REG_INVALID;
    }

    return REG_OK;
}


reg_rc_t
reg_store_name_check(reg_str_t text)
{
    size_t         i;
    unsigned       numeric;
    reg_address_t  address;
    unsigned char  c;

    if (text.len == 0 || text.len > REG_STORE_HOST_MAX
        || text.data[0] == '-' || text.data[0] == '.')
    {
        return REG_INVALID;
    }

    numeric = 1;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if ((c >= '0' && c <= '9') || c == '.') {
            continue;
        }

        numeric = 0;

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'
              || c == '_'))
        {
            return REG_INVALID;
        }
    }

    /* "10.0.0" is no name, and resolvers differ in what they make of it */

    if (numeric && reg_address_parse(&address, text, NULL) != REG_OK) {
        return REG_INVALID;
    }

    return REG_OK;
}


reg_rc_t
reg_store_number(unsigned *n, reg_str_t text, unsigned max)
{
    size_t  i;

    if (text.len == 0 || text.len > 6) {
        return REG_INVALID;
    }

    *n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return REG_INVALID;
        }

        *n = *n * 10 + (unsigned) (text.data[i] - '0');
    }

    return *n <= max ? REG_OK : REG_INVALID;
}
