/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli_file.h"
#include "cli_redis_link.h"


#define CLI_LINK_TIMEOUT  5000      /* milliseconds, unless the URL says */
#define CLI_LINK_READ     16384
#define CLI_LINK_FLUSH    65536     /* bytes that are queued at most */
#define CLI_PASSWORD_MAX  1024


struct cli_link_s {
    const reg_store_url_t  *url;
    unsigned                timeout;    /* of the URL */
    cli_socket_t           *sock;
    reg_resp_t             *resp;
    unsigned char          *out;
    size_t                  len;
    size_t                  size;
    reg_error_t             error;
    unsigned                passing:1;
    unsigned                dead:1;
};


static cli_rc_t cli_link_greet(cli_link_t *link, cli_greet_t greet);
static cli_rc_t cli_link_auth(cli_link_t *link, cli_greet_t greet);
static cli_rc_t cli_link_password(cli_link_t *link, char **text, size_t *len);
static cli_rc_t cli_link_select(cli_link_t *link);
static cli_rc_t cli_link_role(cli_link_t *link);
static cli_rc_t cli_link_flush(cli_link_t *link);
static cli_rc_t cli_link_dead(cli_link_t *link, const char *sentence);
static cli_rc_t cli_link_socket_failed(cli_link_t *link);


cli_rc_t
cli_link_open(cli_link_t **link, const reg_store_url_t *url,
    const reg_store_host_t *host, cli_greet_t greet, unsigned milliseconds)
{
    cli_rc_t     rc;
    unsigned     timeout;
    cli_link_t  *l;

    l = calloc(1, sizeof(cli_link_t));
    *link = l;

    if (l == NULL) {
        return CLI_STORE;
    }

    l->url = url;
    l->timeout = url->has_timeout ? url->timeout : CLI_LINK_TIMEOUT;
    l->resp = reg_resp_create();

    if (l->resp == NULL) {
        return cli_link_dead(l, "memory ran out");
    }

    timeout = milliseconds && milliseconds < l->timeout ? milliseconds
                                                        : l->timeout;

    if (cli_socket_open(&l->sock, url, host, timeout, &l->error) != CLI_DONE) {
        return cli_link_socket_failed(l);
    }

    rc = cli_link_greet(l, greet);

    if (rc == CLI_DONE && timeout != l->timeout) {
        rc = cli_link_patience(l, 0);
    }

    l->dead = (rc != CLI_DONE);

    return rc;
}


void
cli_link_close(cli_link_t *link)
{
    if (link == NULL) {
        return;
    }

    cli_socket_close(link->sock);

    if (link->resp) {
        reg_resp_free(link->resp);
    }

    free(link->out);
    free(link);
}


cli_rc_t
cli_link_send(cli_link_t *link, size_t argc, const reg_str_t *argv)
{
    size_t          len, size;
    unsigned char  *text, *more;

    if (link->dead) {
        return CLI_STORE;
    }

    if (reg_resp_command(&text, &len, argc, argv) != REG_OK) {
        return cli_link_dead(link, "memory ran out");
    }

    if (link->size - link->len < len) {
        size = 2 * link->size + len;
        more = realloc(link->out, size);

        if (more == NULL) {
            free(text);
            return cli_link_dead(link, "memory ran out");
        }

        link->out = more;
        link->size = size;
    }

    memcpy(link->out + link->len, text, len);
    link->len += len;

    OPENSSL_cleanse(text, len);
    free(text);

    return link->len > CLI_LINK_FLUSH ? cli_link_flush(link) : CLI_DONE;
}


cli_rc_t
cli_link_take(cli_link_t *link, redisReply **reply)
{
    size_t         n;
    reg_rc_t       got;
    unsigned char  data[CLI_LINK_READ];

    *reply = NULL;

    if (link->dead || cli_link_flush(link) != CLI_DONE) {
        return CLI_STORE;
    }

    for ( ;; ) {
        got = reg_resp_next(link->resp, reply);

        if (got == REG_OK) {
            return CLI_DONE;
        }

        if (got == REG_NOTFOUND) {

            if (cli_socket_read(link->sock, data, sizeof(data), &n)
                != CLI_DONE)
            {
                return cli_link_socket_failed(link);
            }

            got = reg_resp_feed(link->resp, data, n);

            /* what is broken says so again when the good ones are taken */

            got = got == REG_INVALID ? REG_OK : got;

            if (got == REG_OK) {
                continue;
            }
        }

        return cli_link_dead(link, got == REG_INVALID
                                   ? "the server gives answers that Redis "
                                     "does not"
                                   : "memory ran out");
    }
}


cli_rc_t
cli_link_skip(cli_link_t *link, size_t n)
{
    redisReply  *reply;

    for ( /* void */ ; n; n--) {

        if (cli_link_take(link, &reply) != CLI_DONE) {
            return CLI_STORE;
        }

        freeReplyObject(reply);
    }

    return CLI_DONE;
}


cli_rc_t
cli_link_call(cli_link_t *link, redisReply **reply, size_t argc,
    const reg_str_t *argv)
{
    *reply = NULL;

    if (cli_link_send(link, argc, argv) != CLI_DONE) {
        return CLI_STORE;
    }

    return cli_link_take(link, reply);
}


cli_rc_t
cli_link_patience(cli_link_t *link, unsigned milliseconds)
{
    if (link->dead) {
        return CLI_STORE;
    }

    return cli_socket_timeout(link->sock, link->timeout + milliseconds)
           == CLI_DONE ? CLI_DONE : cli_link_socket_failed(link);
}


cli_rc_t
cli_link_refused(cli_link_t *link, const redisReply *reply)
{
    int          passing;
    reg_error_t  text;
    const char  *sentence;

    if (reply->type != REDIS_REPLY_ERROR) {
        link->passing = 0;
        reg_error_set(&link->error, "the server gives answers that Redis "
                      "does not");
        return CLI_STORE;
    }

    sentence = cli_link_sentence(reply, &passing);

    link->passing = passing ? 1 : 0;

    reg_resp_error_text(&text, reply);
    reg_error_set(&link->error, "%s (%s)", sentence, text.text);

    return CLI_STORE;
}


const char *
cli_link_error(const cli_link_t *link)
{
    return link ? link->error.text : "memory ran out";
}


int
cli_link_passing(const cli_link_t *link)
{
    return link ? link->passing : 0;
}


static cli_rc_t
cli_link_greet(cli_link_t *link, cli_greet_t greet)
{
    cli_rc_t  rc;

    rc = CLI_DONE;

    if (link->url->user.len || link->url->password_file.len) {
        rc = cli_link_auth(link, greet);
    }

    if (rc == CLI_DONE && link->url->db && greet != CLI_GREET_SENTINEL) {
        rc = cli_link_select(link);
    }

    if (rc == CLI_DONE && greet == CLI_GREET_MASTER) {
        rc = cli_link_role(link);
    }

    return rc;
}


static cli_rc_t
cli_link_auth(cli_link_t *link, cli_greet_t greet)
{
    char              *text;
    size_t             len, argc;
    cli_rc_t           rc;
    reg_str_t          argv[3];
    redisReply        *reply;
    reg_resp_error_t   error;

    text = NULL;
    len = 0;

    if (link->url->password_file.len) {
        rc = cli_link_password(link, &text, &len);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    argc = 0;
    argv[argc++] = REG_STR("AUTH");

    if (link->url->user.len) {
        argv[argc++] = link->url->user;
    }

    argv[argc++] = (reg_str_t) { len, (unsigned char *) (text ? text : "") };

    rc = cli_link_call(link, &reply, argc, argv);

    if (text) {
        OPENSSL_cleanse(text, len);
        free(text);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    error = reg_resp_error(reply);

    freeReplyObject(reply);

    /* a sentinel that wants somebody else says so when it is asked */

    if (error == REG_RESP_NO_ERROR || greet == CLI_GREET_SENTINEL) {
        return CLI_DONE;
    }

    /* some errors repeat what was sent, which is the password here */

    return cli_link_dead(link, error == REG_RESP_NOAUTH
                               ? "wrong user or password"
                               : "AUTH is refused");
}


/* Less the newline that editors end a file with. */

static cli_rc_t
cli_link_password(cli_link_t *link, char **text, size_t *len)
{
    int   fd, rc, err;
    char  path[REG_STORE_VALUE_MAX + 1];

    (void) snprintf(path, sizeof(path), "%.*s",
                    REG_FMT(link->url->password_file));

    rc = -1;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    err = errno;

    if (fd != -1) {
        rc = cli_file_read(fd, text, len);
        err = errno;

        (void) close(fd);
    }

    if (rc == -1) {
        link->dead = 1;
        reg_error_set(&link->error, "password_file=%s: %s", path,
                      strerror(err));
        return CLI_STORE;
    }

    while (*len && ((*text)[*len - 1] == '\n' || (*text)[*len - 1] == '\r')) {
        (*len)--;
    }

    if (*len && *len <= CLI_PASSWORD_MAX && !memchr(*text, '\n', *len)) {
        return CLI_DONE;
    }

    OPENSSL_cleanse(*text, *len);
    free(*text);

    link->dead = 1;
    reg_error_set(&link->error, "password_file=%s must hold one line, the "
                  "password", path);

    return CLI_STORE;
}


static cli_rc_t
cli_link_select(cli_link_t *link)
{
    char         db[16];
    cli_rc_t     rc;
    reg_str_t    argv[2];
    redisReply  *reply;

    (void) snprintf(db, sizeof(db), "%u", link->url->db);

    argv[0] = REG_STR("SELECT");
    argv[1] = reg_str(db);

    rc = cli_link_call(link, &reply, 2, argv);

    if (rc == CLI_DONE && reply->type == REDIS_REPLY_ERROR) {
        rc = cli_link_refused(link, reply);
    }

    freeReplyObject(reply);

    return rc;
}


/* Who may not ask is believed to be right about the master. */

static cli_rc_t
cli_link_role(cli_link_t *link)
{
    cli_rc_t     rc;
    reg_str_t    role;
    redisReply  *reply;

    role = REG_STR("ROLE");

    rc = cli_link_call(link, &reply, 1, &role);

    if (rc != CLI_DONE || reg_resp_error(reply) == REG_RESP_NOPERM) {
        freeReplyObject(reply);
        return rc;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        rc = cli_link_refused(link, reply);

    } else if (strcmp(reply->element[0]->str, "master") != 0) {
        link->passing = 1;
        reg_error_set(&link->error, "the server is a replica, and no master");
        rc = CLI_STORE;
    }

    freeReplyObject(reply);

    return rc;
}


static cli_rc_t
cli_link_flush(cli_link_t *link)
{
    cli_rc_t  rc;

    if (link->len == 0) {
        return CLI_DONE;
    }

    rc = cli_socket_write(link->sock, link->out, link->len);

    /* the first of them may be a password */

    OPENSSL_cleanse(link->out, link->len);
    link->len = 0;

    return rc == CLI_DONE ? CLI_DONE : cli_link_socket_failed(link);
}


static cli_rc_t
cli_link_dead(cli_link_t *link, const char *sentence)
{
    link->dead = 1;
    link->passing = 0;
    reg_error_set(&link->error, "%s", sentence);

    return CLI_STORE;
}


static cli_rc_t
cli_link_socket_failed(cli_link_t *link)
{
    link->dead = 1;
    link->passing = link->sock && cli_socket_passing(link->sock) ? 1 : 0;

    return CLI_STORE;
}
