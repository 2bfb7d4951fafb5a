/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_query.h"


#define REG_PARAM_DIGEST  0x01
#define REG_PARAM_MOUNT   0x02
#define REG_PARAM_FROM    0x04
#define REG_PARAM_N       0x08

typedef struct {
    reg_str_t  name;
    unsigned   bit;
} reg_param_t;


/* What the API defines, and Distribution's _state and containerd's ns. */

static const reg_param_t  reg_params[] = {
    { { 6, (unsigned char *) "digest" }, REG_PARAM_DIGEST },
    { { 5, (unsigned char *) "mount" }, REG_PARAM_MOUNT },
    { { 4, (unsigned char *) "from" }, REG_PARAM_FROM },
    { { 1, (unsigned char *) "n" }, REG_PARAM_N },
    { { 4, (unsigned char *) "last" }, 0x10 },
    { { 12, (unsigned char *) "artifactType" }, 0x20 },
    { { 6, (unsigned char *) "_state" }, 0x40 },
    { { 2, (unsigned char *) "ns" }, 0x80 },
    { { 0, NULL }, 0 }
};


/* One "name=value" of a query, as it is written. */

typedef struct {
    reg_str_t  text;
    reg_str_t  name;
    reg_str_t  value;
} reg_pair_t;


static int reg_query_next(reg_str_t *rest, reg_pair_t *pair);
static unsigned reg_param_bit(reg_str_t name);
static int reg_name_is_plain(reg_str_t name);
static int reg_value_decode(reg_str_t *value, unsigned char *buf);
static int reg_hex(unsigned char c);
static reg_route_rc_t reg_query_check(reg_query_t *query, reg_route_t *route);


reg_route_rc_t
reg_query_parse(reg_query_t *query, reg_route_t *route, reg_str_t args,
    unsigned char *buf)
{
    unsigned    bit, seen;
    uint64_t    n;
    reg_str_t   value;
    reg_pair_t  pair;

    memset(query, 0, sizeof(reg_query_t));
    query->n = -1;

    if (args.len == 0) {
        return REG_ROUTE_OK;
    }

    /* some servers end a parameter at ';', and nginx the query at '#' */

    if (args.len > REG_QUERY_MAX
        || memchr(args.data, ';', args.len)
        || memchr(args.data, '#', args.len))
    {
        return REG_ROUTE_QUERY_INVALID;
    }

    seen = 0;

    while (reg_query_next(&args, &pair)) {

        bit = reg_param_bit(pair.name);
        value = pair.value;

        if ((seen & bit) || !reg_name_is_plain(pair.name)
            || !reg_value_decode(&value, buf))
        {
            return REG_ROUTE_QUERY_INVALID;
        }

        buf += value.len;
        seen |= bit;

        switch (bit) {

        case REG_PARAM_DIGEST:
            query->digest = value;
            break;

        case REG_PARAM_MOUNT:
            query->mount = value;
            query->has_mount = 1;
            break;

        case REG_PARAM_FROM:
            query->from = value;
            query->has_from = 1;
            break;

        case REG_PARAM_N:
            query->has_n = 1;

            if (!reg_str_number(&n, value)) {
                return REG_ROUTE_QUERY_INVALID;
            }

            query->n = (int64_t) n;
            break;
        }
    }

    return reg_query_check(query, route);
}


size_t
reg_query_rewrite(unsigned char *dst, reg_str_t args, const reg_query_t *query,
    int drop_mount)
{
    unsigned        bit;
    reg_str_t       text;
    reg_pair_t      pair;
    unsigned char  *p;

    p = dst;

    while (reg_query_next(&args, &pair)) {

        bit = reg_param_bit(pair.name);
        text = pair.text;

        if (drop_mount && (bit == REG_PARAM_MOUNT || bit == REG_PARAM_FROM)) {
            continue;
        }

        if (bit == REG_PARAM_N && query->n > REG_LIST_MAX) {
            text = REG_STR("n=1000");
        }

        if (p != dst) {
            *p++ = '&';
        }

        memcpy(p, text.data, text.len);
        p += text.len;
    }

    return (size_t) (p - dst);
}


int
reg_content_type_is_form(reg_str_t value)
{
    static const char  urlencoded[] = "application/x-www-form-urlencoded";
    static const char  multipart[] = "multipart/";

    size_t         i;
    unsigned char  c;

    for (i = 0; i < value.len && value.data[i] != ';'; i++) {

        c = value.data[i];

        if (c >= 0x7f || (c < 0x20 && c != '\t')) {
            return 1;
        }
    }

    while (value.len && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value.data++;
        value.len--;
    }

    return (value.len >= sizeof(urlencoded) - 1
            && strncasecmp((char *) value.data, urlencoded,
                           sizeof(urlencoded) - 1) == 0)
           || (value.len >= sizeof(multipart) - 1
               && strncasecmp((char *) value.data, multipart,
                              sizeof(multipart) - 1) == 0);
}


/* The next pair that is not empty; 0 when there is none. */

static int
reg_query_next(reg_str_t *rest, reg_pair_t *pair)
{
    reg_str_t       text;
    unsigned char  *end;

    do {
        if (rest->len == 0) {
            return 0;
        }

        text = *rest;
        end = memchr(text.data, '&', text.len);

        if (end) {
            text.len = (size_t) (end - text.data);
        }

        rest->data += text.len + (end != NULL);
        rest->len -= text.len + (end != NULL);

    } while (text.len == 0);

    pair->text = text;
    pair->name = text;
    pair->value = REG_STR_NULL;

    end = memchr(text.data, '=', text.len);

    if (end) {
        pair->name.len = (size_t) (end - text.data);
        pair->value.data = end + 1;
        pair->value.len = text.len - pair->name.len - 1;
    }

    return 1;
}


static unsigned
reg_param_bit(reg_str_t name)
{
    const reg_param_t  *param;

    for (param = reg_params; param->name.len; param++) {
        if (reg_str_eq(param->name, name)) {
            return param->bit;
        }
    }

    return 0;
}


/* An escaped name may be one that the backend knows and we do not see. */

static int
reg_name_is_plain(reg_str_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] <= 0x20 || name.data[i] >= 0x7f
            || name.data[i] == '%' || name.data[i] == '+')
        {
            return 0;
        }
    }

    return name.len > 0;
}


/* Decodes into buf, where value then lies; 0 if it is malformed. */

static int
reg_value_decode(reg_str_t *value, unsigned char *buf)
{
    int             high, low;
    size_t          i;
    unsigned char   c, *p;

    p = buf;

    for (i = 0; i < value->len; i++) {

        c = value->data[i];

        if (c == '+') {
            c = ' ';

        } else if (c == '%') {

            if (value->len - i < 3) {
                return 0;
            }

            high = reg_hex(value->data[i + 1]);
            low = reg_hex(value->data[i + 2]);

            if (high < 0 || low < 0) {
                return 0;
            }

            c = (unsigned char) (high * 16 + low);
            i += 2;
        }

        if (c < 0x20 || c == 0x7f) {
            return 0;
        }

        *p++ = c;
    }

    value->data = buf;
    value->len = (size_t) (p - buf);

    return 1;
}


static int
reg_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* What the endpoint makes of the values; elsewhere they mean nothing. */

static reg_route_rc_t
reg_query_check(reg_query_t *query, reg_route_t *route)
{
    reg_digest_t  digest;

    if (route->resource == REG_RESOURCE_UPLOADS
        || (route->resource == REG_RESOURCE_UPLOAD
            && route->method == REG_METHOD_PUT))
    {
        if (query->digest.len
            && reg_digest_parse(&digest, query->digest) != REG_OK)
        {
            return REG_ROUTE_DIGEST_INVALID;
        }

    } else {
        query->digest = REG_STR_NULL;
    }

    if (route->resource != REG_RESOURCE_UPLOADS) {
        query->mount = REG_STR_NULL;
        query->from = REG_STR_NULL;

        return REG_ROUTE_OK;
    }

    if (query->from.len && reg_repository_check(query->from) != REG_OK) {
        return REG_ROUTE_NAME_INVALID;
    }

    if (query->mount.len) {

        if (reg_digest_parse(&digest, query->mount) != REG_OK) {
            return REG_ROUTE_DIGEST_INVALID;
        }

        route->operation = REG_OP_MOUNT;
    }

    return REG_ROUTE_OK;
}
