/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_address.h"
#include "reg_url.h"

static reg_rc_t reg_url_parse_authority(reg_url_t *url, reg_error_t *error);
static reg_rc_t reg_url_check_port(reg_str_t port, reg_error_t *error);
static reg_rc_t reg_url_check_bytes(reg_str_t text, reg_error_t *error);
static reg_str_t reg_url_cut(reg_str_t *rest, size_t n);
static int reg_url_link_local(reg_str_t host);
static int reg_url_is_0x(const unsigned char *number, size_t n,
    unsigned char c);
static int reg_url_link_local6(reg_str_t host);
static int reg_url_is_host(unsigned char c);
static int reg_is_hex(unsigned char c);


reg_rc_t
reg_url_parse(reg_url_t *url, reg_str_t text, reg_error_t *error)
{
    size_t     i, n;
    reg_str_t  rest;

    memset(url, 0, sizeof(reg_url_t));
    url->text = text;

    if (text.len > REG_URL_MAX) {
        reg_error_set(error, "a URL of %zu bytes is too long", text.len);
        return REG_INVALID;
    }

    if (text.len > 8 && strncasecmp((char *) text.data, "https://", 8) == 0) {
        n = 5;

    } else if (text.len > 7
               && strncasecmp((char *) text.data, "http://", 7) == 0)
    {
        n = 4;

    } else {
        reg_error_set(error, "\"%.*s\" is no absolute URL, such as "
                      "https://cdn.example.com/", REG_FMT(text));
        return REG_INVALID;
    }

    if (reg_url_check_bytes(text, error) != REG_OK) {
        return REG_INVALID;
    }

    rest = text;
    url->scheme = reg_url_cut(&rest, n);
    (void) reg_url_cut(&rest, 3);

    for (i = 0; i < rest.len && strchr("/?", rest.data[i]) == NULL; i++) {
        /* void */
    }

    url->authority = reg_url_cut(&rest, i);

    for (i = 0; i < rest.len && rest.data[i] != '?'; i++) { /* void */ }

    url->path = reg_url_cut(&rest, i);

    if (rest.len) {
        (void) reg_url_cut(&rest, 1);
        url->query = rest;
    }

    return reg_url_parse_authority(url, error);
}


static reg_rc_t
reg_url_parse_authority(reg_url_t *url, reg_error_t *error)
{
    size_t     i;
    reg_str_t  rest;

    rest = url->authority;

    if (rest.len && memchr(rest.data, '@', rest.len)) {
        reg_error_set(error, "a URL may not name a user");
        return REG_INVALID;
    }

    if (rest.len && rest.data[0] == '[') {

        for (i = 1; i < rest.len && rest.data[i] != ']'; i++) {
            if (!reg_is_hex(rest.data[i]) && rest.data[i] != ':'
                && rest.data[i] != '.')
            {
                break;
            }
        }

        if (i == rest.len || rest.data[i] != ']') {
            reg_error_set(error, "\"%.*s\" is no host", REG_FMT(rest));
            return REG_INVALID;
        }

        url->host = (reg_str_t) { i - 1, rest.data + 1 };
        (void) reg_url_cut(&rest, i + 1);

    } else {

        for (i = 0; i < rest.len && rest.data[i] != ':'; i++) {
            if (!reg_url_is_host(rest.data[i])) {
                reg_error_set(error, "\"%.*s\" is no host",
                              REG_FMT(url->authority));
                return REG_INVALID;
            }
        }

        url->host = reg_url_cut(&rest, i);
    }

    if (url->host.len == 0) {
        reg_error_set(error, "a URL needs a host");
        return REG_INVALID;
    }

    return reg_url_check_port(rest, error);
}


static reg_rc_t
reg_url_check_port(reg_str_t port, reg_error_t *error)
{
    size_t    i;
    unsigned  n;

    if (port.len == 0) {
        return REG_OK;
    }

    n = 0;

    for (i = 1; i < port.len && i < 6; i++) {
        if (port.data[i] < '0' || port.data[i] > '9') {
            break;
        }

        n = n * 10 + (unsigned) (port.data[i] - '0');
    }

    if (port.data[0] != ':' || i != port.len || n == 0 || n > 65535) {
        reg_error_set(error, "\"%.*s\" is no port", REG_FMT(port));
        return REG_INVALID;
    }

    return REG_OK;
}


/* What a client might read in another way than a signature was made for. */

static reg_rc_t
reg_url_check_bytes(reg_str_t text, reg_error_t *error)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}#", c)) {
            reg_error_set(error, "a URL may not hold the byte 0x%02x", c);
            return REG_INVALID;
        }

        if (c == '%' && (text.len - i < 3 || !reg_is_hex(text.data[i + 1])
                         || !reg_is_hex(text.data[i + 2])))
        {
            reg_error_set(error, "\"%%\" in a URL needs two hexadecimal "
                          "digits behind it");
            return REG_INVALID;
        }
    }

    return REG_OK;
}


reg_rc_t
reg_url_check_location(reg_str_t location, reg_error_t *error)
{
    reg_url_t  url;

    if (location.len && location.data[0] == '/') {

        if (location.len > 1 && location.data[1] == '/') {
            reg_error_set(error, "it names a host without a scheme");
            return REG_INVALID;
        }

        return reg_url_check_bytes(location, error);
    }

    if (reg_url_parse(&url, location, error) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_url_link_local(url.host)) {
        reg_error_set(error, "\"%.*s\" is an address that is not for clients",
                      REG_FMT(url.host));
        return REG_INVALID;
    }

    return REG_OK;
}


/*
 * 169.254.0.0/16, where clouds keep the credentials of a machine, in each way
 * that a client's resolver may read: inet_aton() takes one to four numbers,
 * each of them decimal, octal or hexadecimal.
 */

static int
reg_url_link_local(reg_str_t host)
{
    int            trick;
    size_t         i, first, dots;
    unsigned char  c;

    if (memchr(host.data, ':', host.len)) {
        return reg_url_link_local6(host);
    }

    first = 0;
    dots = 0;
    trick = 0;

    for (i = 0; i < host.len; i++) {
        c = host.data[i];

        if (c == '.') {
            first = i + 1;
            dots++;
            continue;
        }

        /* a number that goes on behind a zero is not decimal */

        trick |= (i > first && host.data[first] == '0');

        if ((c < '0' || c > '9')
            && !reg_url_is_0x(host.data + first, i - first, c))
        {
            return 0;
        }
    }

    /* numbers only: either plain dotted decimal, or a trick */

    return trick || dots != 3
           || (host.len >= 8
               && strncmp((char *) host.data, "169.254.", 8) == 0);
}


/* May c, which is no digit, come behind n bytes of a hexadecimal number? */

static int
reg_url_is_0x(const unsigned char *number, size_t n, unsigned char c)
{
    if (n == 0 || number[0] != '0') {
        return 0;
    }

    return n == 1 ? (c | 0x20) == 'x'
                  : (number[1] | 0x20) == 'x' && reg_is_hex(c);
}


/*
 * fe80::/10; where a cloud keeps them in IPv6; and IPv4 inside of IPv6: mapped,
 * compatible or translated.  Nobody sends clients to those with good reason.
 */

static int
reg_url_link_local6(reg_str_t host)
{
    reg_address_t  address;

    static const unsigned char  zeros[12], one[4] = { 0, 0, 0, 1 };
    static const unsigned char  nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    static const unsigned char  cloud[16] =
        { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54 };

    if (reg_address_parse(&address, host, NULL) != REG_OK
        || address.family != REG_ADDRESS_IPV6)
    {
        return 1;
    }

    return (address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80)
           || memcmp(address.bytes, cloud, sizeof(cloud)) == 0
           || memcmp(address.bytes, nat64, sizeof(nat64)) == 0
           || (memcmp(address.bytes, zeros, sizeof(zeros)) == 0
               && memcmp(address.bytes + sizeof(zeros), one, sizeof(one))
                  != 0);
}


void
reg_text_add(reg_text_t *text, reg_str_t s)
{
    if (s.len > text->size - text->len) {
        text->full = 1;
    }

    if (text->full || s.len == 0) {
        return;
    }

    memcpy(text->data + text->len, s.data, s.len);
    text->len += s.len;
}


void
reg_text_byte(reg_text_t *text, unsigned char c)
{
    reg_text_add(text, (reg_str_t) { 1, &c });
}


void
reg_text_number(reg_text_t *text, int64_t n)
{
    uint64_t        u;
    unsigned char   digits[20], *p;

    p = digits + sizeof(digits);
    u = n < 0 ? 0 : (uint64_t) n;

    do {
        *--p = (unsigned char) ('0' + u % 10);
        u /= 10;
    } while (u);

    reg_text_add(text,
                 (reg_str_t) { (size_t) (digits + sizeof(digits) - p), p });
}


void
reg_text_hex(reg_text_t *text, reg_str_t s)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < s.len; i++) {
        reg_text_byte(text, (unsigned char) hex[s.data[i] >> 4]);
        reg_text_byte(text, (unsigned char) hex[s.data[i] & 15]);
    }
}


void
reg_text_escape(reg_text_t *text, reg_str_t s, const char *safe)
{
    size_t         i;
    unsigned char  c;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || (c && strchr("-._~", c))
            || (c && strchr(safe, c)))
        {
            reg_text_byte(text, c);
            continue;
        }

        reg_text_byte(text, '%');
        reg_text_byte(text, (unsigned char) hex[c >> 4]);
        reg_text_byte(text, (unsigned char) hex[c & 15]);
    }
}


void
reg_text_normalise(reg_text_t *text, reg_str_t s, const char *safe)
{
    size_t         i, n, len;
    unsigned char  c;

    for (i = 0; i < s.len; i += n) {
        n = (s.data[i] == '%' && s.len - i >= 3) ? 3 : 1;

        if (reg_url_unescape(&c, &len, (reg_str_t) { n, s.data + i }) != REG_OK)
        {
            n = 1;
            c = s.data[i];
        }

        /* an escaped byte never becomes one that separates */

        reg_text_escape(text, (reg_str_t) { 1, &c }, n == 3 ? "" : safe);
    }
}


reg_rc_t
reg_url_unescape(unsigned char *out, size_t *len, reg_str_t s)
{
    size_t         i, j, n;
    unsigned char  c, d;

    n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] != '%') {
            out[n++] = s.data[i];
            continue;
        }

        c = 0;

        for (j = 1; j <= 2; j++) {

            if (s.len - i <= j || !reg_is_hex(s.data[i + j])) {
                return REG_INVALID;
            }

            d = s.data[i + j];
            d = (unsigned char) (d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
            c = (unsigned char) (c << 4 | d);
        }

        out[n++] = c;
        i += 2;
    }

    *len = n;

    return REG_OK;
}


static reg_str_t
reg_url_cut(reg_str_t *rest, size_t n)
{
    reg_str_t  head;

    head = (reg_str_t) { n, rest->data };

    rest->data += n;
    rest->len -= n;

    return head;
}


static int
reg_url_is_host(unsigned char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9')
           || c == '-' || c == '.' || c == '_';
}


static int
reg_is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}
