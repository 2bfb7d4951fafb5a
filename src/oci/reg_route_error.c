/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_oci_error.h"

typedef struct {
    const char  *code;
    const char  *message;
} reg_route_error_t;


static const reg_route_error_t  reg_route_errors[] = {

    [REG_ROUTE_OK] =
        { "UNKNOWN", "unknown error" },

    [REG_ROUTE_NOT_CANONICAL] =
        { "NAME_INVALID", "the request target is not in canonical form" },

    [REG_ROUTE_NAME_INVALID] =
        { "NAME_INVALID", "invalid repository name" },

    [REG_ROUTE_TAG_INVALID] =
        { "TAG_INVALID", "invalid tag" },

    [REG_ROUTE_DIGEST_INVALID] =
        { "DIGEST_INVALID", "invalid digest" },

    [REG_ROUTE_QUERY_INVALID] =
        { "UNSUPPORTED", "repeated, malformed or overlong query parameter" },

    [REG_ROUTE_UNKNOWN] =
        { "NAME_UNKNOWN", "there is no such endpoint" },

    [REG_ROUTE_METHOD] =
        { "UNSUPPORTED", "the method is not allowed here" }
};


const char *
reg_route_error_code(reg_route_rc_t rc)
{
    return reg_route_errors[rc].code;
}


const char *
reg_route_error_message(reg_route_rc_t rc)
{
    return reg_route_errors[rc].message;
}
