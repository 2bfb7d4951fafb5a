/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_RATE_H
#define REG_RATE_H

/*
 * How limits are written:
 *
 *     10r/s  30r/m      a rate, as limit_req of nginx writes it
 *     100/6h  5/m       a rate: a count in a window of so long
 *     10TB/month        a quota: bytes in a day, week or month of UTC
 *     50MB/s            a bandwidth: bytes in a second
 *
 * In a record of a tenant or a key, "off" lifts the limit, and a rate may be
 * followed by a burst: "100/6h burst=20".
 */

#include "reg_core.h"


/*
 * The caps keep all that is computed from a rate within 53 bits of nanoseconds,
 * which is what Lua in Redis can count to: see reg_gcra.h.
 */

#define REG_RATE_PER_SECOND_MAX  1000000        /* a permit in 1 us */
#define REG_RATE_COUNT_MAX       1000000000
#define REG_RATE_WINDOW_MAX      (31 * 86400)   /* seconds */
#define REG_RATE_REFILL_MAX      (100 * 86400)  /* seconds: a whole burst */

#define REG_QUOTA_MAX            1000000000000000000  /* bytes: 1000 PB */

typedef struct {
    uint32_t  count;                /* permits, from 1 */
    uint32_t  window;               /* seconds, from 1 */
    uint32_t  burst;                /* permits that may be taken at once */
} reg_rate_t;

typedef enum {
    REG_PERIOD_DAY = 0,
    REG_PERIOD_WEEK,                /* begins on Monday, as in ISO 8601 */
    REG_PERIOD_MONTH
} reg_period_t;

typedef struct {
    uint64_t      bytes;            /* from 1 */
    reg_period_t  period;
} reg_quota_t;

typedef enum {
    REG_LIMIT_OFF = 0,
    REG_LIMIT_RATE,
    REG_LIMIT_QUOTA
} reg_limit_kind_t;

typedef struct {
    reg_limit_kind_t  kind;

    union {
        reg_rate_t    rate;
        reg_quota_t   quota;
    } u;
} reg_limit_value_t;


/*
 * Parses a rate without a burst, which then is the count.
 *
 * REG_OK        *rate is set
 * REG_INVALID   text is no rate; *error says what would be
 */

reg_rc_t reg_rate_parse(reg_rate_t *rate, reg_str_t text, reg_error_t *error);


/* Parses a burst and puts it into a rate that is set.  As above. */

reg_rc_t reg_rate_burst(reg_rate_t *rate, reg_str_t text, reg_error_t *error);


/* Parses a quota.  As above. */

reg_rc_t reg_quota_parse(reg_quota_t *quota, reg_str_t text,
    reg_error_t *error);


/* Parses bytes with a unit, such as 10TB, up to REG_QUOTA_MAX.  As above. */

reg_rc_t reg_size_parse(uint64_t *bytes, reg_str_t text, reg_error_t *error);


/* Parses bytes in a second, such as 50MB/s, from 1kB/s on.  As above. */

#define REG_BANDWIDTH_MIN  1000

reg_rc_t reg_bandwidth_parse(uint64_t *bandwidth, reg_str_t text,
    reg_error_t *error);


/* Parses what a record may say of a limit.  As above. */

reg_rc_t reg_limit_value_parse(reg_limit_value_t *value, reg_str_t text,
    reg_error_t *error);


/*
 * Writes a window to buf in its largest whole unit, "6h" or "90s", with a final
 * NUL.
 */

#define REG_WINDOW_LEN  16

void reg_window_format(char buf[REG_WINDOW_LEN], uint32_t window);


/* Writes bytes to buf in the largest whole unit, "10TB", with a final NUL. */

#define REG_SIZE_LEN  24

void reg_size_format(char buf[REG_SIZE_LEN], uint64_t bytes);


/* How many percent of a quota are used, rounded down. */

uint64_t reg_quota_percent(const reg_quota_t *quota, uint64_t used);

#endif /* REG_RATE_H */
