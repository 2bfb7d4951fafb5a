/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_ADDRESS_H
#define REG_ADDRESS_H

/*
 * Client addresses and CIDR networks.  An IPv4-mapped IPv6 address
 * (::ffff:a.b.c.d) is the IPv4 address, in addresses and networks alike, so
 * that "10.0.0.0/8" means the same on an IPv4 and a dual-stack socket.
 */

#include "reg_core.h"

typedef enum {
    REG_ADDRESS_NONE = 0,            /* a Unix socket, say: in no network */
    REG_ADDRESS_IPV4,
    REG_ADDRESS_IPV6
} reg_family_t;

typedef struct {
    reg_family_t   family;
    unsigned char  bytes[16];        /* network order; IPv4 uses the first 4 */
} reg_address_t;

typedef struct {
    reg_address_t  address;          /* host bits are zero */
    unsigned       prefix;           /* bits: 0 to 32, or 0 to 128 */
} reg_cidr_t;


/* len is 4 or 16; the bytes are copied. */

void reg_address_set(reg_address_t *address, const unsigned char *bytes,
    size_t len);

reg_rc_t reg_address_parse(reg_address_t *address, reg_str_t text,
    reg_error_t *error);


/*
 * Parses "10.0.0.0/8", "2001:db8::/32", or a single address.  Host bits that
 * are set ("10.0.0.1/8") are refused: the writer meant something else.
 */

reg_rc_t reg_cidr_parse(reg_cidr_t *cidr, reg_str_t text, reg_error_t *error);

int reg_cidr_contains(const reg_cidr_t *cidr, const reg_address_t *address);

#endif /* REG_ADDRESS_H */
