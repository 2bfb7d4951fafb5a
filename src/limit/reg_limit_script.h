/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LIMIT_SCRIPT_H
#define REG_LIMIT_SCRIPT_H

/*
 * What Redis does for limits, each in one step and with one key, so that any
 * node of a cluster can: Lua texts.  The time is that of Redis.
 *
 * A mark (see reg_gcra.h) is kept as "<seconds>.<nine digits>" of Unix time and
 * computed with as a distance from now, which is what fits into the 53 bits of
 * a number in Lua.  A key expires when its mark is past.
 */

#include "reg_core.h"


/*
 * take: as many permits as there are, up to the number wanted.
 *
 *     key         of the counter
 *     arguments   interval and tolerance in nanoseconds, permits wanted; 0 is
 *                 legal and asks what is left
 *     answer      permits granted, the distance of the mark from now in
 *                 nanoseconds, and now in microseconds of Unix time
 */

extern const reg_str_t  reg_limit_script_take;


/*
 * refund: gives permits back, unless they were granted longer ago than so.
 *
 *     key         of the counter
 *     arguments   interval in nanoseconds, permits, when they were granted in
 *                 microseconds of Unix time, how many microseconds ago at most
 *     answer      permits taken back: all of them or 0
 */

extern const reg_str_t  reg_limit_script_refund;


/*
 * hosts: I am here.
 *
 *     key         of the hosts
 *     arguments   an id, and for how many seconds a host is one after it has
 *                 been heard of
 *     answer      how many hosts there are
 */

extern const reg_str_t  reg_limit_script_hosts;


/*
 * admit: a pull begins, of somebody from a repository.
 *
 *     key         of both
 *     arguments   for how many seconds, within how many of them one more
 *                 manifest may follow, and the digest of this one or "-"
 *     answer      1
 */

extern const reg_str_t  reg_limit_script_admit;


/*
 * admitted: is this a part of a pull?
 *
 *     key         as above
 *     arguments   the digest of a manifest, or "" for a blob
 *     answer      0, or how many seconds it goes on.  A manifest is a part if
 *                 one may follow and it is another; then that one has followed
 */

extern const reg_str_t  reg_limit_script_admitted;

#endif /* REG_LIMIT_SCRIPT_H */
