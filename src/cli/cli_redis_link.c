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
    const char             *name;
    const reg_store_url_t  *url;
    unsigned                timeout;
    cli_socket_t           *sock;
    reg_resp_t             *resp;
    unsigned char          *out;
    size_t                  len;
    size_t                  size;
};


static cli_rc_t cli_link_greet(cli_link_t *link);
static cli_rc_t cli_link_auth(cli_link_t *link);
static cli_rc_t cli_link_password(const cli_link_t *link, char **text,
    size_t *len);
static cli_rc_t cli_link_next(cli_link_t *link, redisReply **reply);
static cli_rc_t cli_link_flush(cli_link_t *link);
static cli_rc_t cli_link_error(const cli_link_t *link,
    const redisReply *reply);


cli_rc_t
cli_link_open(cli_link_t **link, const reg_store_url_t *url, const char *name)
{
    cli_rc_t     rc;
    cli_link_t  *l;

    l = calloc(1, sizeof(cli_link_t));
    *link = l;

    if (l == NULL) {
        return cli_nomem();
    }

    l->name = name;
    l->url = url;
    l->timeout = url->has_timeout ? url->timeout : CLI_LINK_TIMEOUT;
    l->resp = reg_resp_create();

    if (l->resp == NULL) {
        return cli_nomem();
    }

    rc = cli_socket_open(&l->sock, url, name, l->timeout);

    return rc == CLI_DONE ? cli_link_greet(l) : rc;
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
    cli_rc_t        rc;
    unsigned char  *text, *more;

    if (reg_resp_command(&text, &len, argc, argv) != REG_OK) {
        return cli_nomem();
    }

    if (link->size - link->len < len) {
        size = 2 * link->size + len;
        more = realloc(link->out, size);

        if (more == NULL) {
            free(text);
            return cli_nomem();
        }

        link->out = more;
        link->size = size;
    }

    memcpy(link->out + link->len, text, len);
    link->len += len;

    OPENSSL_cleanse(text, len);
    free(text);

    rc = CLI_DONE;

    if (link->len > CLI_LINK_FLUSH) {
        rc = cli_link_flush(link);
    }

    return rc;
}


cli_rc_t
cli_link_reply(cli_link_t *link, redisReply **reply)
{
    size_t     i;
    cli_rc_t   rc;

    rc = cli_link_next(link, reply);

    if (rc != CLI_DONE) {
        return rc;
    }

    if ((*reply)->type == REDIS_REPLY_ERROR) {
        rc = cli_link_error(link, *reply);
    }

    for (i = 0; rc == CLI_DONE && i < (*reply)->elements; i++) {

        if ((*reply)->element[i]->type == REDIS_REPLY_ERROR) {
            rc = cli_link_error(link, (*reply)->element[i]);
        }
    }

    if (rc != CLI_DONE) {
        freeReplyObject(*reply);
        *reply = NULL;
    }

    return rc;
}


cli_rc_t
cli_link_skip(cli_link_t *link, size_t n)
{
    cli_rc_t     rc;
    redisReply  *reply;

    for (rc = CLI_DONE; rc == CLI_DONE && n; n--) {
        rc = cli_link_reply(link, &reply);

        if (rc == CLI_DONE) {
            freeReplyObject(reply);
        }
    }

    return rc;
}


cli_rc_t
cli_link_call(cli_link_t *link, redisReply **reply, size_t argc,
    const reg_str_t *argv)
{
    cli_rc_t  rc;

    rc = cli_link_send(link, argc, argv);

    return rc == CLI_DONE ? cli_link_reply(link, reply) : rc;
}


cli_rc_t
cli_link_patience(cli_link_t *link, unsigned milliseconds)
{
    return cli_socket_timeout(link->sock, link->timeout + milliseconds);
}


cli_rc_t
cli_link_strange(const cli_link_t *link)
{
    return cli_fail(CLI_STORE, "%s: the server gives answers that Redis does "
                    "not", link->name);
}


static cli_rc_t
cli_link_greet(cli_link_t *link)
{
    char       db[16];
    cli_rc_t   rc;
    reg_str_t  argv[2];

    rc = CLI_DONE;

    if (link->url->user.len || link->url->password_file.len) {
        rc = cli_link_auth(link);
    }

    if (rc == CLI_DONE && link->url->db) {
        (void) snprintf(db, sizeof(db), "%u", link->url->db);

        argv[0] = REG_STR("SELECT");
        argv[1] = reg_str(db);

        rc = cli_link_send(link, 2, argv);

        if (rc == CLI_DONE) {
            rc = cli_link_skip(link, 1);
        }
    }

    return rc;
}


static cli_rc_t
cli_link_auth(cli_link_t *link)
{
    char        *text;
    size_t       len, argc;
    cli_rc_t     rc;
    reg_str_t    argv[3];
    redisReply  *reply;

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

    rc = cli_link_send(link, argc, argv);

    if (rc == CLI_DONE) {
        rc = cli_link_next(link, &reply);
    }

    if (text) {
        OPENSSL_cleanse(text, len);
        free(text);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    /* some errors repeat what was sent, which is the password here */

    if (reply->type == REDIS_REPLY_ERROR) {
        rc = cli_fail(CLI_STORE, "%s: %s", link->name,
                      reg_resp_error(reply) == REG_RESP_NOAUTH
                      ? "wrong user or password" : "AUTH is refused");
    }

    freeReplyObject(reply);

    return rc;
}


/* Less the newline that editors end a file with. */

static cli_rc_t
cli_link_password(const cli_link_t *link, char **text, size_t *len)
{
    int   fd, rc, err;
    char  path[REG_STORE_VALUE_MAX + 1];

    (void) snprintf(path, sizeof(path), "%.*s",
                    REG_FMT(link->url->password_file));

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    rc = cli_file_read(fd, text, len);
    err = errno;

    (void) close(fd);

    if (rc == -1) {
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(err));
    }

    while (*len && ((*text)[*len - 1] == '\n' || (*text)[*len - 1] == '\r')) {
        (*len)--;
    }

    if (*len && *len <= CLI_PASSWORD_MAX && !memchr(*text, '\n', *len)) {
        return CLI_DONE;
    }

    OPENSSL_cleanse(*text, *len);
    free(*text);

    return cli_fail(CLI_STORE, "%s: it must hold one line, the password",
                    path);
}


static cli_rc_t
cli_link_next(cli_link_t *link, redisReply **reply)
{
    size_t         n;
    cli_rc_t       rc;
    reg_rc_t       got;
    unsigned char  data[CLI_LINK_READ];

    *reply = NULL;

    rc = cli_link_flush(link);

    while (rc == CLI_DONE) {
        got = reg_resp_next(link->resp, reply);

        if (got == REG_OK) {
            return CLI_DONE;
        }

        if (got == REG_NOTFOUND) {
            rc = cli_socket_read(link->sock, data, sizeof(data), &n);

            if (rc != CLI_DONE) {
                return rc;
            }

            got = reg_resp_feed(link->resp, data, n);

            /* what is broken says so again when the good ones are taken */

            got = got == REG_INVALID ? REG_OK : got;

            if (got == REG_OK) {
                continue;
            }
        }

        rc = got == REG_INVALID ? cli_link_strange(link) : cli_nomem();
    }

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

    return rc;
}


static cli_rc_t
cli_link_error(const cli_link_t *link, const redisReply *reply)
{
    reg_error_t  text;
    const char  *sentence;

    switch (reg_resp_error(reply)) {

    case REG_RESP_NOAUTH:
        sentence = "Redis wants a user or password: give password_file=";
        break;

    case REG_RESP_NOPERM:
        sentence = "the user may not do that, see docs/redis.acl";
        break;

    case REG_RESP_READONLY:
        sentence = "the server is a replica, which takes no writes";
        break;

    case REG_RESP_LOADING:
        sentence = "the server is loading its data: try again soon";
        break;

    case REG_RESP_OOM:
        sentence = "the server has no memory left for more records";
        break;

    case REG_RESP_MOVED:
    case REG_RESP_ASK:
    case REG_RESP_CLUSTERDOWN:
        sentence = "the server is part of a cluster, which is not supported "
                   "here";
        break;

    default:
        sentence = "the server refuses the command";
        break;
    }

    reg_resp_error_text(&text, reply);

    return cli_fail(CLI_STORE, "%s: %s (%s)", link->name, sentence, text.text);
}
