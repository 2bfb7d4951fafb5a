/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_REDIS_LINK_H
#define CLI_REDIS_LINK_H

/*
 * A connection to a Redis server or a sentinel that waits for what it asks.
 * What fails is kept as a sentence, without the server's name and never with a
 * password; nothing is printed, for another server may do better.  After
 * CLI_STORE everything else fails as well.
 */

#include "cli.h"
#include "reg_resp.h"
#include "reg_store_url.h"

typedef struct cli_link_s  cli_link_t;

typedef enum {
    CLI_GREET_SERVER = 0,
    CLI_GREET_MASTER,               /* one that is none is a failure */
    CLI_GREET_SENTINEL              /* it may know nothing of our user */
} cli_greet_t;


/*
 * Connects, logs in and asks who is there, with milliseconds for each of it, or
 * as many as the URL says if 0.  host NULL: the Unix socket of the URL.  Both
 * are borrowed.  *link, unless NULL, is to be closed in any case.
 */

cli_rc_t cli_link_open(cli_link_t **link, const reg_store_url_t *url,
    const reg_store_host_t *host, cli_greet_t greet, unsigned milliseconds);

void cli_link_close(cli_link_t *link);


/* Queues a command, which goes out when a reply is asked for. */

cli_rc_t cli_link_send(cli_link_t *link, size_t argc, const reg_str_t *argv);

/*
 * The next reply, which the caller frees with freeReplyObject().  One that is
 * an error is a reply, too.
 */

cli_rc_t cli_link_take(cli_link_t *link, redisReply **reply);

/* Reads n replies and forgets what they are. */

cli_rc_t cli_link_skip(cli_link_t *link, size_t n);

/* A command and its reply. */

cli_rc_t cli_link_call(cli_link_t *link, redisReply **reply, size_t argc,
    const reg_str_t *argv);


/* Milliseconds more than usual, for a command that waits. */

cli_rc_t cli_link_patience(cli_link_t *link, unsigned milliseconds);


/*
 * Keeps a sentence about a reply that is an error, or of a kind that the
 * command does not have: CLI_STORE.  The connection is as good as before.
 */

cli_rc_t cli_link_refused(cli_link_t *link, const redisReply *reply);

/* The sentence of what failed last. */

const char *cli_link_error(const cli_link_t *link);

/* Whether that may be over soon, or is so of this server alone. */

int cli_link_passing(const cli_link_t *link);


/* cli_redis_error.c */

/* The error of a reply; that of EXEC is the one for which nothing was done. */

reg_resp_error_t cli_link_cause(const redisReply *reply);

/* What the error means, and whether it may be over soon. */

const char *cli_link_sentence(const redisReply *reply, int *passing);


/* cli_redis_socket.c: the bytes. */

typedef struct cli_socket_s  cli_socket_t;

/* error, where sentences go, is borrowed. */

cli_rc_t cli_socket_open(cli_socket_t **sock, const reg_store_url_t *url,
    const reg_store_host_t *host, unsigned timeout, reg_error_t *error);

void cli_socket_close(cli_socket_t *sock);

/* Milliseconds that a read or a write may take. */

cli_rc_t cli_socket_timeout(cli_socket_t *sock, unsigned milliseconds);

cli_rc_t cli_socket_write(cli_socket_t *sock, const unsigned char *data,
    size_t len);

/* At least one byte. */

cli_rc_t cli_socket_read(cli_socket_t *sock, unsigned char *data, size_t size,
    size_t *len);

/* Whether the server is to blame, and not its certificate or our files. */

int cli_socket_passing(const cli_socket_t *sock);

#endif /* CLI_REDIS_LINK_H */
