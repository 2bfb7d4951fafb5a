/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LIMIT_H
#define REG_LIMIT_H

/*
 * What a limit counts, and for whom it counts each on its own.
 *
 *     pull      GET of a manifest; HEAD is free
 *     push      PUT of a manifest; while there is no permit no upload begins
 *     request   every request
 *     egress    bytes that leave for clients; once they are used up, no pull
 *               begins
 */

#include "reg_core.h"
#include "reg_route.h"

typedef enum {
    REG_COUNT_PULL = 0,
    REG_COUNT_PUSH,
    REG_COUNT_REQUEST,
    REG_COUNT_EGRESS
} reg_count_t;

/* Bits: one of them, or two together. */

#define REG_PER_ADDRESS     0x01
#define REG_PER_KEY         0x02
#define REG_PER_TENANT      0x04
#define REG_PER_REPOSITORY  0x08

typedef enum {
    REG_USE_NONE = 0,               /* the limit is not about this */
    REG_USE_SHOW,                   /* say what is left, and no more */
    REG_USE_LOOK,                   /* refuse if there is no permit */
    REG_USE_TAKE                    /* take one, refuse if there is none */
} reg_use_t;


/* "pull", "push", "request" or "egress"; REG_OK or REG_INVALID. */

reg_rc_t reg_count_parse(reg_count_t *count, reg_str_t text);

const char *reg_count_name(reg_count_t count);


/* "tenant", or two of them with a comma in between: REG_OK or REG_INVALID. */

reg_rc_t reg_per_parse(unsigned *per, reg_str_t text);

/* In one order, whatever the order was that it was written in. */

const char *reg_per_name(unsigned per);


/*
 * What a limit does with a request that was routed, or that is none of the
 * distribution API: route->operation is REG_OP_API then.
 */

reg_use_t reg_limit_use(reg_count_t count, const reg_route_t *route);

#endif /* REG_LIMIT_H */
