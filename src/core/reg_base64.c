/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_base64.h"


static int reg_base64url_value(unsigned char c);


static const char  reg_base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


size_t
reg_base64url_encode(unsigned char *dst, reg_str_t src)
{
    size_t          i;
    unsigned        bits, n;
    unsigned char  *p;

    p = dst;
    bits = 0;
    n = 0;

    for (i = 0; i < src.len; i++) {
        bits = (bits << 8 | src.data[i]) & 0xffff;
        n += 8;

        while (n >= 6) {
            n -= 6;
            *p++ = (unsigned char) reg_base64url_digits[bits >> n & 0x3f];
        }
    }

    if (n) {
        *p++ = (unsigned char) reg_base64url_digits[bits << (6 - n) & 0x3f];
    }

    return (size_t) (p - dst);
}


reg_rc_t
reg_base64url_decode(unsigned char *dst, size_t *len, reg_str_t src)
{
    int             value;
    size_t          i;
    unsigned        bits, n;
    unsigned char  *p;

    if (src.len % 4 == 1) {
        return REG_INVALID;
    }

    p = dst;
    bits = 0;
    n = 0;

    for (i = 0; i < src.len; i++) {
        value = reg_base64url_value(src.data[i]);

        if (value < 0) {
            return REG_INVALID;
        }

        bits = (bits << 6 | (unsigned) value) & 0xffff;
        n += 6;

        if (n >= 8) {
            n -= 8;
            *p++ = (unsigned char) (bits >> n & 0xff);
        }
    }

    if (bits & ((1U << n) - 1)) {
        return REG_INVALID;
    }

    *len = (size_t) (p - dst);

    return REG_OK;
}


static int
reg_base64url_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}
