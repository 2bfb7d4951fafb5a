/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_REDIS_LINK_H
#define CLI_REDIS_LINK_H

/*
 * A connection to a Redis server that waits for what it asks.  Every function
 * that fails says why, with the server's name and never with a password; what
 * comes after that fails as well.
 */

#include "cli.h"
#include "reg_resp.h"
#include "reg_store_url.h"

typedef struct cli_link_s  cli_link_t;


/*
 * Connects, greets and logs in.  name is what messages call the server; both
 * url and name are borrowed.  *link is to be closed in any case.
 */

cli_rc_t cli_link_open(cli_link_t **link, const reg_store_url_t *url,
    const char *name);

void cli_link_close(cli_link_t *link);


/* Queues a command, which goes out when a reply is asked for. */

cli_rc_t cli_link_send(cli_link_t *link, size_t argc, const reg_str_t *argv);

/*
 * The next reply, which the caller frees with freeReplyObject().  One that is
 * an error, or has one in it, is a failure.
 */

cli_rc_t cli_link_reply(cli_link_t *link, redisReply **reply);

/* Reads n replies that only have to be no errors. */

cli_rc_t cli_link_skip(cli_link_t *link, size_t n);

/* A command and its reply. */

cli_rc_t cli_link_call(cli_link_t *link, redisReply **reply, size_t argc,
    const reg_str_t *argv);


/* Longer than usual, for a command that waits; 0: as usual again. */

cli_rc_t cli_link_patience(cli_link_t *link, unsigned milliseconds);


/* A reply of a kind that the command does not have. */

cli_rc_t cli_link_strange(const cli_link_t *link);


/* cli_redis_socket.c: the bytes. */

typedef struct cli_socket_s  cli_socket_t;

cli_rc_t cli_socket_open(cli_socket_t **sock, const reg_store_url_t *url,
    const char *name, unsigned timeout);

void cli_socket_close(cli_socket_t *sock);

/* Milliseconds that a read or a write may take. */

cli_rc_t cli_socket_timeout(cli_socket_t *sock, unsigned milliseconds);

cli_rc_t cli_socket_write(cli_socket_t *sock, const unsigned char *data,
    size_t len);

/* At least one byte. */

cli_rc_t cli_socket_read(cli_socket_t *sock, unsigned char *data, size_t size,
    size_t *len);

#endif /* CLI_REDIS_LINK_H */
