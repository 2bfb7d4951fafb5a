/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_limit.h"

#define REG_NAMES(names)  (sizeof(names) / sizeof((names)[0]))


static const char  *reg_counts[] = {
    [REG_COUNT_PULL] = "pull",
    [REG_COUNT_PUSH] = "push",
    [REG_COUNT_REQUEST] = "request",
    [REG_COUNT_EGRESS] = "egress"
};

/* By the bits; three of them have no name. */

static const char  *reg_pers[] = {
    [REG_PER_ADDRESS] = "address",
    [REG_PER_KEY] = "key",
    [REG_PER_TENANT] = "tenant",
    [REG_PER_REPOSITORY] = "repository",
    [REG_PER_KEY|REG_PER_ADDRESS] = "key,address",
    [REG_PER_KEY|REG_PER_TENANT] = "key,tenant",
    [REG_PER_KEY|REG_PER_REPOSITORY] = "key,repository",
    [REG_PER_TENANT|REG_PER_ADDRESS] = "tenant,address",
    [REG_PER_TENANT|REG_PER_REPOSITORY] = "tenant,repository",
    [REG_PER_REPOSITORY|REG_PER_ADDRESS] = "repository,address"
};


static unsigned reg_per_bit(reg_str_t name);
static reg_use_t reg_limit_use_pull(const reg_route_t *route);
static reg_use_t reg_limit_use_push(const reg_route_t *route);
static reg_use_t reg_limit_use_egress(const reg_route_t *route);


reg_rc_t
reg_count_parse(reg_count_t *count, reg_str_t text)
{
    size_t  i;

    for (i = 0; i < REG_NAMES(reg_counts); i++) {

        if (reg_str_eq(text, reg_str(reg_counts[i]))) {
            *count = (reg_count_t) i;
            return REG_OK;
        }
    }

    return REG_INVALID;
}


const char *
reg_count_name(reg_count_t count)
{
    return reg_counts[count];
}


reg_rc_t
reg_per_parse(unsigned *per, reg_str_t text)
{
    unsigned        first, second;
    reg_str_t       rest;
    unsigned char  *comma;

    comma = text.len ? memchr(text.data, ',', text.len) : NULL;

    if (comma == NULL) {
        *per = reg_per_bit(text);
        return *per ? REG_OK : REG_INVALID;
    }

    rest.data = comma + 1;
    rest.len = text.len - (size_t) (rest.data - text.data);
    text.len = (size_t) (comma - text.data);

    first = reg_per_bit(text);
    second = reg_per_bit(rest);

    if (first == 0 || second == 0 || first == second) {
        return REG_INVALID;
    }

    *per = first | second;

    return REG_OK;
}


const char *
reg_per_name(unsigned per)
{
    return reg_pers[per];
}


reg_use_t
reg_limit_use(reg_count_t count, const reg_route_t *route)
{
    switch (count) {

    case REG_COUNT_PULL:
        return reg_limit_use_pull(route);

    case REG_COUNT_PUSH:
        return reg_limit_use_push(route);

    case REG_COUNT_EGRESS:
        return reg_limit_use_egress(route);

    default:
        return REG_USE_TAKE;
    }
}


static unsigned
reg_per_bit(reg_str_t name)
{
    unsigned  bit;

    for (bit = REG_PER_ADDRESS; bit <= REG_PER_REPOSITORY; bit <<= 1) {

        if (reg_str_eq(name, reg_str(reg_pers[bit]))) {
            return bit;
        }
    }

    return 0;
}


static reg_use_t
reg_limit_use_pull(const reg_route_t *route)
{
    if (route->resource != REG_RESOURCE_MANIFEST) {
        return REG_USE_NONE;
    }

    switch (route->method) {

    case REG_METHOD_GET:
        return REG_USE_TAKE;

    case REG_METHOD_HEAD:
        return REG_USE_SHOW;

    default:
        return REG_USE_NONE;
    }
}


/* Who is refused only at the manifest has sent all the blobs for nothing. */

static reg_use_t
reg_limit_use_push(const reg_route_t *route)
{
    if (route->resource == REG_RESOURCE_MANIFEST
        && route->method == REG_METHOD_PUT)
    {
        return REG_USE_TAKE;
    }

    if (route->resource == REG_RESOURCE_UPLOADS) {
        return REG_USE_LOOK;
    }

    return REG_USE_NONE;
}


/*
 * What is sent to whoever may not have more, such as lists and errors, is
 * little.  Blobs of a pull that has begun are let pass by whoever asks.
 */

static reg_use_t
reg_limit_use_egress(const reg_route_t *route)
{
    if (route->operation == REG_OP_API) {
        return REG_USE_LOOK;
    }

    if (route->method == REG_METHOD_GET
        && (route->resource == REG_RESOURCE_MANIFEST
            || route->resource == REG_RESOURCE_BLOB))
    {
        return REG_USE_LOOK;
    }

    return REG_USE_NONE;
}
