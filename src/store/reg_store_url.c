/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_store_host.h"


typedef struct {
    const char        *name;        /* with the colon */
    reg_store_kind_t   kind;
    unsigned           tls:1;
    unsigned           local:1;     /* a path follows, no hosts */
} reg_store_scheme_t;


static const reg_store_scheme_t *reg_store_scheme(reg_str_t *text);
static int reg_store_printable(reg_str_t text);
static reg_rc_t reg_store_path(reg_store_url_t *url, reg_str_t text,
    reg_error_t *error);
static reg_rc_t reg_store_servers(reg_store_url_t *url, reg_str_t text,
    reg_error_t *error);
static reg_rc_t reg_store_userinfo(reg_str_t text, reg_error_t *error);
static reg_rc_t reg_store_master(reg_store_url_t *url, reg_str_t text,
    reg_error_t *error);
static reg_rc_t reg_store_options(reg_store_url_t *url, reg_str_t text,
    reg_error_t *error);


static const reg_store_scheme_t  reg_store_schemes[] = {
    { "file:", REG_STORE_FILE, 0, 1 },
    { "redis:", REG_STORE_REDIS, 0, 0 },
    { "rediss:", REG_STORE_REDIS, 1, 0 },
    { "redis+unix:", REG_STORE_REDIS, 0, 1 },
    { "redis+sentinel:", REG_STORE_SENTINEL, 0, 0 },
    { "rediss+sentinel:", REG_STORE_SENTINEL, 1, 0 },
    { "redis+cluster:", REG_STORE_CLUSTER, 0, 0 },
    { "rediss+cluster:", REG_STORE_CLUSTER, 1, 0 }
};

#define REG_STORE_NSCHEMES                                                    \
    (sizeof(reg_store_schemes) / sizeof(reg_store_schemes[0]))


reg_rc_t
reg_store_url_parse(reg_store_url_t *url, reg_str_t text, reg_error_t *error)
{
    reg_rc_t                   rc;
    reg_str_t                  options;
    unsigned char             *mark;
    const reg_store_scheme_t  *scheme;

    memset(url, 0, sizeof(reg_store_url_t));

    url->prefix = REG_STR(REG_STORE_PREFIX_DEFAULT);
    url->timeout = REG_STORE_TIMEOUT_DEFAULT;

    scheme = reg_store_scheme(&text);

    if (scheme == NULL) {
        reg_error_set(error, "a store begins with file:, redis://, rediss://, "
                      "redis+unix:, redis+sentinel://, rediss+sentinel://, "
                      "redis+cluster:// or rediss+cluster://");
        return REG_INVALID;
    }

    url->kind = scheme->kind;
    url->tls = scheme->tls;

    if (url->kind == REG_STORE_FILE) {

        /* a '?' in it is a part of the path: a file has no options */

        if (text.len == 0 || memchr(text.data, '\0', text.len)) {
            reg_error_set(error, "file: lacks a path, as in "
                          "file:/etc/nginx/registry.json");
            return REG_INVALID;
        }

        url->path = text;

        return REG_OK;
    }

    if (!reg_store_printable(text)) {
        reg_error_set(error, "a URL of Redis holds only printable ASCII and no "
                      "spaces");
        return REG_INVALID;
    }

    options = REG_STR_NULL;
    mark = text.len ? memchr(text.data, '?', text.len) : NULL;

    if (mark != NULL) {
        options.data = mark + 1;
        options.len = text.len - (size_t) (mark + 1 - text.data);
        text.len = (size_t) (mark - text.data);
    }

    rc = scheme->local ? reg_store_path(url, text, error)
                       : reg_store_servers(url, text, error);

    if (rc != REG_OK || mark == NULL) {
        return rc;
    }

    return reg_store_options(url, options, error);
}


/* Takes the scheme off the front of the text. */

static const reg_store_scheme_t *
reg_store_scheme(reg_str_t *text)
{
    size_t     i;
    reg_str_t  name;

    for (i = 0; i < REG_STORE_NSCHEMES; i++) {
        name = reg_str(reg_store_schemes[i].name);

        if (reg_str_starts(*text, name)) {
            text->data += name.len;
            text->len -= name.len;

            return &reg_store_schemes[i];
        }
    }

    return NULL;
}


static int
reg_store_printable(reg_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


static reg_rc_t
reg_store_path(reg_store_url_t *url, reg_str_t text, reg_error_t *error)
{
    /* "redis+unix:///run/redis.sock" is what others write */

    if (reg_str_starts(text, REG_STR("///"))) {
        text.data += 2;
        text.len -= 2;
    }

    if (text.len < 2 || text.data[0] != '/' || text.data[1] == '/') {
        reg_error_set(error, "redis+unix: takes the absolute path of a socket, "
                      "as in redis+unix:/run/redis/redis.sock");
        return REG_INVALID;
    }

    if (text.len > REG_STORE_UNIX_MAX) {
        reg_error_set(error, "the path of a Unix socket has at most %d bytes",
                      REG_STORE_UNIX_MAX);
        return REG_INVALID;
    }

    url->path = text;

    return REG_OK;
}


static reg_rc_t
reg_store_servers(reg_store_url_t *url, reg_str_t text, reg_error_t *error)
{
    unsigned        port;
    reg_str_t       path;
    unsigned char  *slash;

    if (!reg_str_starts(text, REG_STR("//"))) {
        reg_error_set(error, "after the scheme of Redis come two slashes and a "
                      "host, as in redis://localhost");
        return REG_INVALID;
    }

    text.data += 2;
    text.len -= 2;

    if (reg_store_userinfo(text, error) != REG_OK) {
        return REG_INVALID;
    }

    path = REG_STR_NULL;
    slash = text.len ? memchr(text.data, '/', text.len) : NULL;

    if (slash != NULL) {
        path.data = slash;
        path.len = text.len - (size_t) (slash - text.data);
        text.len -= path.len;
    }

    port = url->kind == REG_STORE_SENTINEL ? REG_STORE_PORT_SENTINEL
                                           : REG_STORE_PORT;

    if (reg_store_hosts_parse(url, text, port,
                              url->kind == REG_STORE_REDIS
                              ? 1 : REG_STORE_HOSTS_MAX, error)
        != REG_OK)
    {
        return REG_INVALID;
    }

    if (url->kind == REG_STORE_SENTINEL) {
        return reg_store_master(url, path, error);
    }

    if (path.len > 0) {
        reg_error_set(error, "nothing follows the host%s",
                      url->kind == REG_STORE_CLUSTER ? "s of a cluster"
                      : "; a database is given as db=1");
        return REG_INVALID;
    }

    return REG_OK;
}


static reg_rc_t
reg_store_userinfo(reg_str_t text, reg_error_t *error)
{
    unsigned char  *at;

    at = text.len ? memchr(text.data, '@', text.len) : NULL;

    if (at == NULL) {
        return REG_OK;
    }

    if (memchr(text.data, ':', (size_t) (at - text.data))) {
        reg_error_set(error, "a password in the URL would be seen by everybody:"
                      " put it into a file and give password_file=");

    } else {
        reg_error_set(error, "a user is given as user=, and the password as "
                      "password_file=");
    }

    return REG_INVALID;
}


/* A name as sentinels accept it; text begins with the slash. */

static reg_rc_t
reg_store_master(reg_store_url_t *url, reg_str_t text, reg_error_t *error)
{
    size_t         i;
    unsigned char  c;

    if (text.len < 2) {
        reg_error_set(error, "the name of the master follows the sentinels, as "
                      "in redis+sentinel://a,b,c/mymaster");
        return REG_INVALID;
    }

    text.data++;
    text.len--;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (text.len > REG_STORE_HOST_MAX
            || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                 || (c >= '0' && c <= '9') || c == '.' || c == '-'
                 || c == '_'))
        {
            reg_error_set(error, "the name of a master has letters, digits and "
                          "\".-_\", at most %d", REG_STORE_HOST_MAX);
            return REG_INVALID;
        }
    }

    url->master = text;

    return REG_OK;
}


static reg_rc_t
reg_store_options(reg_store_url_t *url, reg_str_t text, reg_error_t *error)
{
    reg_str_t       option;
    unsigned char  *next;

    for ( ;; ) {
        option = text;
        next = text.len ? memchr(text.data, '&', text.len) : NULL;

        if (next != NULL) {
            option.len = (size_t) (next - text.data);
        }

        if (reg_store_url_option(url, option, error) != REG_OK) {
            return REG_INVALID;
        }

        if (next == NULL) {
            return REG_OK;
        }

        text.data += option.len + 1;
        text.len -= option.len + 1;
    }
}
