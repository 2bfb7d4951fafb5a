/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_DELIVERED_H
#define REG_DELIVERED_H

/*
 * What was delivered elsewhere on a day, request by request: a text that only
 * grows, beside the files of a ledger.
 *
 *     ngx-registry delivered 1 2026-01-31 0123456789abcdef
 *     =acme|cdn|office|pull|acme/app
 *     00112233445566778899aabbccddeeff 1 5000
 *
 * The first line has the version, the day, and the instance under which sums
 * go to Redis.  A line with '=' is a row: its tenant, and what is behind the
 * instance in reg_ledger_redis.h.  All others are requests: a hash of the id,
 * the number of its row, from 1, and bytes.  A last line without newline was
 * never finished, and is none.
 */

#include "reg_core.h"
#include "reg_ledger.h"

#define REG_DELIVERED_ID        16                  /* bytes */
#define REG_DELIVERED_VERSION   1
#define REG_DELIVERED_LINE_MAX  (REG_LEDGER_KEY_MAX + 64)

typedef struct {
    unsigned          row:1;                        /* else it is a request */
    reg_ledger_key_t  key;                          /* borrows from the line */
    unsigned char     id[REG_DELIVERED_ID];
    uint64_t          number;
    uint64_t          bytes;
} reg_delivered_t;


/*
 * Reads the first line.
 *
 * REG_NEWER    it is of a later version
 * REG_INVALID  it is something else
 */

reg_rc_t reg_delivered_head(int64_t *day, reg_str_t *instance, reg_str_t line);

/* Reads another line. */

reg_rc_t reg_delivered_read(reg_delivered_t *delivered, reg_str_t line);


/* Write lines with their newlines to buf and return the length. */

size_t reg_delivered_write_head(char buf[REG_DELIVERED_LINE_MAX], int64_t day,
    const char *instance);

size_t reg_delivered_write(char buf[REG_DELIVERED_LINE_MAX],
    const reg_delivered_t *delivered);

#endif /* REG_DELIVERED_H */
