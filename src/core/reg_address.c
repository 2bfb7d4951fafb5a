/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <arpa/inet.h>

#include "reg_address.h"


static const unsigned char  reg_mapped[12] =
    { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };


static int reg_prefix_parse(unsigned *prefix, reg_str_t text);
static unsigned char reg_mask(unsigned prefix, size_t byte);


void
reg_address_set(reg_address_t *address, const unsigned char *bytes, size_t len)
{
    memset(address, 0, sizeof(reg_address_t));

    if (len == 16 && memcmp(bytes, reg_mapped, sizeof(reg_mapped)) == 0) {
        bytes += sizeof(reg_mapped);
        len = 4;
    }

    address->family = (len == 4) ? REG_ADDRESS_IPV4 : REG_ADDRESS_IPV6;
    memcpy(address->bytes, bytes, len);
}


reg_rc_t
reg_address_parse(reg_address_t *address, reg_str_t text, reg_error_t *error)
{
    char           buf[INET6_ADDRSTRLEN];
    unsigned char  bytes[16];

    if (text.len > 0 && text.len < sizeof(buf)
        && memchr(text.data, '\0', text.len) == NULL)
    {
        memcpy(buf, text.data, text.len);
        buf[text.len] = '\0';

        if (inet_pton(AF_INET, buf, bytes) == 1) {
            reg_address_set(address, bytes, 4);
            return REG_OK;
        }

        if (inet_pton(AF_INET6, buf, bytes) == 1) {
            reg_address_set(address, bytes, 16);
            return REG_OK;
        }
    }

    reg_error_set(error, "\"%.*s\" is no IPv4 or IPv6 address", REG_FMT(text));

    return REG_INVALID;
}


reg_rc_t
reg_cidr_parse(reg_cidr_t *cidr, reg_str_t text, reg_error_t *error)
{
    size_t          i;
    unsigned        bits, prefix;
    reg_str_t       address;
    unsigned char  *slash;

    address = text;
    slash = text.len ? memchr(text.data, '/', text.len) : NULL;

    if (slash) {
        address.len = (size_t) (slash - text.data);
    }

    if (reg_address_parse(&cidr->address, address, error) != REG_OK) {
        return REG_INVALID;
    }

    bits = (cidr->address.family == REG_ADDRESS_IPV4) ? 32 : 128;
    prefix = bits;

    if (slash) {

        if (!reg_prefix_parse(&prefix, (reg_str_t) {
                                  text.len - address.len - 1, slash + 1 }))
        {
            goto malformed;
        }

        /* a mapped network is written with the prefix of IPv6 */

        if (bits == 32 && memchr(address.data, ':', address.len)) {
            if (prefix < 96) {
                goto malformed;
            }

            prefix -= 96;
        }

        if (prefix > bits) {
            goto malformed;
        }
    }

    for (i = 0; i < bits / 8; i++) {
        if (cidr->address.bytes[i] & ~reg_mask(prefix, i)) {
            reg_error_set(error, "\"%.*s\" has bits set behind its prefix",
                          REG_FMT(text));
            return REG_INVALID;
        }
    }

    cidr->prefix = prefix;

    return REG_OK;

malformed:

    reg_error_set(error, "\"%.*s\" has no valid prefix length", REG_FMT(text));

    return REG_INVALID;
}


int
reg_cidr_contains(const reg_cidr_t *cidr, const reg_address_t *address)
{
    size_t         i;
    unsigned char  differ;

    if (address->family == REG_ADDRESS_NONE
        || cidr->address.family != address->family)
    {
        return 0;
    }

    for (i = 0; i * 8 < cidr->prefix; i++) {

        differ = cidr->address.bytes[i] ^ address->bytes[i];

        if (differ & reg_mask(cidr->prefix, i)) {
            return 0;
        }
    }

    return 1;
}


static int
reg_prefix_parse(unsigned *prefix, reg_str_t text)
{
    size_t  i;

    if (text.len < 1 || text.len > 3
        || (text.len > 1 && text.data[0] == '0'))
    {
        return 0;
    }

    *prefix = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        *prefix = *prefix * 10 + (unsigned) (text.data[i] - '0');
    }

    return 1;
}


/* The bits of one byte of an address that belong to its network. */

static unsigned char
reg_mask(unsigned prefix, size_t byte)
{
    if (prefix >= (byte + 1) * 8) {
        return 0xff;
    }

    if (prefix <= byte * 8) {
        return 0;
    }

    return (unsigned char) (0xff << (8 - prefix % 8));
}
