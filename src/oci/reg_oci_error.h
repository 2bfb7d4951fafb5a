/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_OCI_ERROR_H
#define REG_OCI_ERROR_H

/*
 * Error bodies: {"errors":[{"code":"…","message":"…","detail":…}]}.
 * Source: distribution specification v1.1, "Error Codes"; UNKNOWN, UNAVAILABLE,
 * RANGE_INVALID and TAG_INVALID as Distribution adds them.
 */

#include "reg_core.h"
#include "reg_route.h"

#define REG_OCI_ERROR_MAX  1024     /* bytes of a body */

/* The code for an HTTP status where nothing more is known. */

const char *reg_oci_error_code(unsigned status);

/* A sentence for an HTTP status where nothing more is known. */

const char *reg_oci_error_message(unsigned status);


/* The same for a target that was not routed. */

const char *reg_route_error_code(reg_route_rc_t rc);

const char *reg_route_error_message(reg_route_rc_t rc);


/*
 * Writes a body to buf, which holds REG_OCI_ERROR_MAX bytes, and returns its
 * length.  code, message and detail are constants or already checked; they are
 * JSON-escaped all the same, and detail is left out when NULL.
 */

size_t reg_oci_error_body(unsigned char *buf, const char *code,
    const char *message, const char *detail);


/* The same with a detail that is JSON; left out if it does not fit. */

size_t reg_oci_error_body_json(unsigned char *buf, const char *code,
    const char *message, reg_str_t detail);

#endif /* REG_OCI_ERROR_H */
