/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_STORE_URL_H
#define REG_STORE_URL_H

/*
 * Where records are:
 *
 *     file:<path>
 *     redis://host[:port]                 one server, without TLS
 *     rediss://host[:port]                with TLS
 *     redis+unix:<path>                   a Unix socket
 *     redis+sentinel://h[:p],h[:p]/name   the master that sentinels name
 *     redis+cluster://h[:p],h[:p]         the cluster that these belong to
 *
 * "rediss+sentinel" and "rediss+cluster" are the last two with TLS.  An IPv6
 * address is written in brackets.  The port is 6379, or 26379 of a sentinel.
 *
 * Options follow as words of their own ("user=gw" in nginx.conf), or in the URL
 * behind '?', joined by '&' (where there is only one word, as in --store):
 *
 *     user= password_file= db= prefix= timeout= tls_ca= tls_name=
 *
 * A password in the URL is refused: it would be seen by everybody.
 */

#include "reg_core.h"

#define REG_STORE_HOSTS_MAX        16
#define REG_STORE_PREFIX_MAX       64
#define REG_STORE_PREFIX_DEFAULT   "registry:"
#define REG_STORE_TIMEOUT_DEFAULT  50         /* milliseconds, of a command */
#define REG_STORE_TIMEOUT_MAX      60000
#define REG_STORE_DB_MAX           65535
#define REG_STORE_HOST_MAX         253        /* bytes, as DNS has it */
#define REG_STORE_UNIX_MAX         107        /* bytes, as sun_path has it */
#define REG_STORE_VALUE_MAX        1023       /* bytes of any other value */

#define REG_STORE_PORT             6379
#define REG_STORE_PORT_SENTINEL    26379

typedef enum {
    REG_STORE_FILE = 0,
    REG_STORE_REDIS,
    REG_STORE_SENTINEL,
    REG_STORE_CLUSTER
} reg_store_kind_t;

typedef struct {
    reg_str_t  host;                /* a name or an address, no brackets */
    unsigned   port;
} reg_store_host_t;


/* All slices borrow from the texts that were parsed. */

typedef struct {
    reg_store_kind_t   kind;
    unsigned           tls:1;
    unsigned           has_timeout:1;
    unsigned           has_db:1;
    unsigned           seen;        /* a bit for each option that was given */
    reg_str_t          path;        /* of the file or the Unix socket */
    size_t             nhosts;      /* 0 for a path */
    reg_store_host_t   hosts[REG_STORE_HOSTS_MAX];
    reg_str_t          master;      /* name that the sentinels know */
    reg_str_t          user;        /* empty: the default user */
    reg_str_t          password_file;
    unsigned           db;          /* 0 in a cluster */
    reg_str_t          prefix;
    unsigned           timeout;     /* milliseconds, 1 to 60,000 */
    reg_str_t          tls_ca;      /* file; empty: the system's */
    reg_str_t          tls_name;    /* to verify; empty: the host */
} reg_store_url_t;


/*
 * REG_OK        *url is set, absent options have their defaults
 * REG_INVALID   *error says what would be right
 */

reg_rc_t reg_store_url_parse(reg_store_url_t *url, reg_str_t text,
    reg_error_t *error);


/*
 * Sets one "name=value": each at most once, and only where it means something.
 * No sentence repeats a value, which may be a secret in the wrong place.
 */

reg_rc_t reg_store_url_option(reg_store_url_t *url, reg_str_t text,
    reg_error_t *error);

#endif /* REG_STORE_URL_H */
