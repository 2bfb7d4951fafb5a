/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_USAGE_H
#define REG_USAGE_H

/*
 * What is written down of the use of an API key: an object in a line of its
 * own, for each of
 *
 *     key, address, agent, repository, operation, decision
 *
 * that was seen since the last time, with "first" and "last" (times), "count",
 * and "pushed", the manifests that went to the backend, as "<tag>@<digest>".
 * Text from clients is written as printable ASCII, with '?' for the rest.
 */

#include "reg_core.h"
#include "reg_address.h"

#define REG_USAGE_PUSHED_MAX  8
#define REG_USAGE_AGENT_MAX   128

typedef struct {
    reg_str_t   key_id;
    reg_str_t   address;
    reg_str_t   agent;
    reg_str_t   repository;         /* may be empty */
    reg_str_t   operation;
    reg_str_t   decision;
    int64_t     first;              /* seconds since the epoch */
    int64_t     last;
    uint64_t    count;              /* below 2^63 */
    size_t      npushed;
    reg_str_t   pushed[REG_USAGE_PUSHED_MAX];
} reg_usage_t;


/*
 * Writes the line, without a newline.  *line is the caller's, to be freed with
 * free().  REG_OK or REG_NOMEM.
 */

reg_rc_t reg_usage_format(char **line, const reg_usage_t *usage);


/*
 * Reads a line.  Its slices point into *json, which the caller frees with
 * reg_usage_free(); it is an object of jansson.
 *
 * REG_OK        *usage and *json are set
 * REG_INVALID   it is no such line
 * REG_NOMEM
 */

reg_rc_t reg_usage_parse(reg_usage_t *usage, void **json, reg_str_t line);

void reg_usage_free(void *json);


/*
 * Writes the network of an address to buf, with a final NUL: the /24 or the /64
 * that it is in.  "-" for what is no address.
 */

#define REG_USAGE_NETWORK_LEN  64

void reg_usage_network(char buf[REG_USAGE_NETWORK_LEN],
    const reg_address_t *address);

#endif /* REG_USAGE_H */
