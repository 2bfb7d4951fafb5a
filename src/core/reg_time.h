/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_TIME_H
#define REG_TIME_H

/*
 * Points in time are seconds since the epoch, UTC.  In records they are
 * written as RFC 3339 in UTC: "2026-01-31T23:59:59Z".
 */

#include "reg_core.h"

#define REG_TIME_NONE  INT64_MIN               /* the member is absent */
#define REG_TIME_LEN   (sizeof("1970-01-01T00:00:00Z") - 1)


/*
 * Parses RFC 3339 (section 5.6): date, "T", time, an optional fraction that
 * is dropped, and "Z" or a numeric offset that is applied.  Years 1970 to
 * 9999; days are checked against the calendar; second 60 is refused.
 *
 * REG_OK        *seconds is set
 * REG_INVALID   text is no such time; *error says why
 */

reg_rc_t reg_time_parse(int64_t *seconds, reg_str_t text, reg_error_t *error);


/*
 * Parses a duration: a positive integer and one of s m h d w, such as "90d".
 *
 * REG_OK        *seconds is set, from 1 to 100 years
 * REG_INVALID   text is no duration; *error says why
 */

reg_rc_t reg_duration_parse(int64_t *seconds, reg_str_t text,
    reg_error_t *error);


/*
 * Writes REG_TIME_LEN bytes and a NUL to buf; seconds from 0 to the end of
 * year 9999, which is what reg_time_parse() yields.
 */

void reg_time_format(char buf[REG_TIME_LEN + 1], int64_t seconds);

#endif /* REG_TIME_H */
