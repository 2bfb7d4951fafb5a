/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_RESP_H
#define REG_RESP_H

/*
 * The Redis protocol: commands out, replies in.  hiredis (0.14 and 1.x) is the
 * codec; this adds the caps that keep a hostile or broken server from
 * taking our memory, and names for the errors that call for an action.
 *
 * Source: redis.io, "Redis serialization protocol specification".
 */

#include <hiredis/hiredis.h>

#include "reg_core.h"
#include "reg_record.h"
#include "reg_resp_scan.h"

typedef struct reg_resp_s  reg_resp_t;


/* NULL when memory ran out. */

reg_resp_t *reg_resp_create(void);

void reg_resp_free(reg_resp_t *resp);


/*
 * From now on replies may be what comes after HELLO 3 as well: maps, pushes and
 * RESP3's nil, as hiredis reads them from 1.0 on.
 */

#ifdef REDIS_REPLY_PUSH

#define REG_RESP_PUSHES  1

void reg_resp_allow_pushes(reg_resp_t *resp);

#endif


/*
 * Takes bytes as they came from the server.  The replies that are whole are to
 * be taken before more is fed: what waits is capped as well.
 *
 * REG_OK        they were kept
 * REG_INVALID   the protocol or a cap was broken: close the connection; the
 *               replies before that may still be taken
 * REG_NOMEM     close the connection
 */

reg_rc_t reg_resp_feed(reg_resp_t *resp, const unsigned char *data, size_t len);


/*
 * The next whole reply.
 *
 * REG_OK         *reply is set, the caller frees it with freeReplyObject()
 * REG_NOTFOUND   there is none yet
 * REG_INVALID    the protocol or a cap was broken: close the connection
 * REG_NOMEM      likewise
 */

reg_rc_t reg_resp_next(reg_resp_t *resp, redisReply **reply);


/*
 * Formats a command; arguments are binary safe.  *out is the caller's, to be
 * freed with free().
 *
 * REG_OK        *out and *len are set
 * REG_INVALID   no argument at all, or more than the caps below
 * REG_NOMEM
 */

#define REG_RESP_COMMAND_MAX  (16 * 1024 * 1024)  /* bytes of all arguments */
#define REG_RESP_ARGS_MAX     65536

reg_rc_t reg_resp_command(unsigned char **out, size_t *len, size_t argc,
    const reg_str_t *argv);


typedef enum {
    REG_RESP_NO_ERROR = 0,          /* the reply is no error */
    REG_RESP_OTHER,
    REG_RESP_MOVED,                 /* see reg_resp_redirect() */
    REG_RESP_ASK,
    REG_RESP_TRYAGAIN,
    REG_RESP_CLUSTERDOWN,
    REG_RESP_LOADING,
    REG_RESP_READONLY,
    REG_RESP_MASTERDOWN,
    REG_RESP_BUSY,
    REG_RESP_OOM,
    REG_RESP_NOSCRIPT,
    REG_RESP_NOAUTH,                /* NOAUTH and WRONGPASS */
    REG_RESP_NOPERM,
    REG_RESP_MISCONF                /* it cannot write to its disk */
} reg_resp_error_t;

reg_resp_error_t reg_resp_error(const redisReply *reply);

/* For logs: the text of an error reply, cut, with "?" for what is no ASCII. */

void reg_resp_error_text(reg_error_t *text, const redisReply *reply);


/*
 * Finds the run_id in an answer to INFO, which no two servers share, nor one
 * before and after it was started again.
 *
 * REG_OK         *id is set, and borrows from info
 * REG_NOTFOUND   there is none
 * REG_INVALID    it is empty, or info is no string
 */

reg_rc_t reg_run_id(reg_str_t *id, const redisReply *info);


/*
 * "MOVED 3999 127.0.0.1:6381" and ASK: the slot and where it is.  The slices
 * borrow from the reply.  An empty host stands for the one that answered; that
 * Redis does not know the host ("?") is REG_INVALID.  REG_OK or REG_INVALID.
 */

#define REG_REDIS_SLOTS     16384
#define REG_REDIS_HOST_MAX  255

reg_rc_t reg_resp_redirect(const redisReply *reply, unsigned *slot,
    reg_str_t *host, unsigned *port);


/*
 * Whether text could be the host of a server: a name or an address without
 * brackets, or nothing.  REG_OK or REG_INVALID.
 */

reg_rc_t reg_redis_host_check(reg_str_t text);


/* The slot of a key, hash tags heeded: CRC-16/XMODEM modulo 16384. */

unsigned reg_redis_slot(reg_str_t key);


/*
 * Writes "<prefix>key:<id>", "<prefix>tenant:<name>" or "<prefix>role:<name>"
 * to buf and returns its length; buf holds REG_REDIS_KEY_MAX bytes, and prefix
 * and name are within their caps.
 */

#define REG_REDIS_KEY_MAX  (64 + 16 + REG_TEXT_MAX)

size_t reg_redis_key(unsigned char *buf, reg_str_t prefix,
    reg_record_type_t type, reg_str_t name);


/*
 * The reverse, for invalidations: REG_OK with *type and *name (borrowed from
 * key), or REG_NOTFOUND for a key that is no record.
 */

reg_rc_t reg_redis_key_parse(reg_record_type_t *type, reg_str_t *name,
    reg_str_t prefix, reg_str_t key);

#endif /* REG_RESP_H */
