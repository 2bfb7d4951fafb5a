/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_URL_H
#define REG_URL_H

/*
 * Absolute URLs of http and https, and text that grows in a caller's buffer.
 *
 *     https://cdn.example.com:8443/sha256/ab/data?x=y
 *
 * RFC 3986 without user information and fragment, which have no place where a
 * client is sent: see reg_url_check_location() for what others send it to.
 */

#include "reg_core.h"

#define REG_URL_MAX  4096


/* Slices borrow from the text that was parsed. */

typedef struct {
    reg_str_t  text;
    reg_str_t  scheme;              /* "http" or "https", as written */
    reg_str_t  authority;           /* host[:port], as a Host header has it */
    reg_str_t  host;                /* without the brackets of IPv6 */
    reg_str_t  path;                /* begins with '/'; may be empty */
    reg_str_t  query;               /* without '?'; data NULL: none */
} reg_url_t;


/*
 * REG_OK        *url is set; every byte is one that may stand in a URL, and
 *               each '%' begins an escape
 * REG_INVALID   *error says what is wrong
 */

reg_rc_t reg_url_parse(reg_url_t *url, reg_str_t text, reg_error_t *error);


/*
 * May a client be sent to this Location, which somebody else made up?  It is a
 * path on this host, or a URL as above whose host is no link-local address.
 *
 * REG_OK or REG_INVALID, with *error.
 */

reg_rc_t reg_url_check_location(reg_str_t location, reg_error_t *error);


/* Text that grows; once it is full it stays so, and nothing is added. */

typedef struct {
    unsigned char  *data;
    size_t          len;
    size_t          size;
    unsigned        full:1;
} reg_text_t;


void reg_text_add(reg_text_t *text, reg_str_t s);

void reg_text_byte(reg_text_t *text, unsigned char c);

void reg_text_number(reg_text_t *text, int64_t n);

void reg_text_hex(reg_text_t *text, reg_str_t s);

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ and the bytes of safe. */

void reg_text_escape(reg_text_t *text, reg_str_t s, const char *safe);

/* Decodes the escapes of s and encodes it anew: the same for all spellings. */

void reg_text_normalise(reg_text_t *text, reg_str_t s, const char *safe);

/* The alphabet of RFC 4648 section 4 or 5, with '=' or without. */

#define REG_BASE64_URL     0x01
#define REG_BASE64_NO_PAD  0x02

void reg_text_base64(reg_text_t *text, reg_str_t s, unsigned flags);


/*
 * Decodes base64 of either alphabet, with '=' or without; out holds
 * REG_BASE64_DECODED(text.len) bytes.  REG_OK with *len set, or REG_INVALID.
 */

#define REG_BASE64_DECODED(len)  ((len) / 4 * 3 + 3)

reg_rc_t reg_base64_decode(unsigned char *out, size_t *len, reg_str_t text);


/* Writes the text that s stands for to out, which holds s.len bytes. */

reg_rc_t reg_url_unescape(unsigned char *out, size_t *len, reg_str_t s);

#endif /* REG_URL_H */
