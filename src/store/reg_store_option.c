/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_store_host.h"


typedef reg_rc_t (*reg_store_set_t)(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);

typedef struct {
    const char       *name;         /* with the '=' */
    reg_store_set_t   set;
} reg_store_option_t;


static reg_rc_t reg_store_user(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_password_file(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_db(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_prefix(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_timeout(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_tls_ca(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_tls_name(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error);
static reg_rc_t reg_store_file(reg_str_t *path, reg_str_t value,
    const char *name, reg_error_t *error);
static reg_rc_t reg_store_tls_only(const reg_store_url_t *url,
    const char *name, reg_error_t *error);


static const reg_store_option_t  reg_store_options[] = {
    { "user=", reg_store_user },
    { "password_file=", reg_store_password_file },
    { "db=", reg_store_db },
    { "prefix=", reg_store_prefix },
    { "timeout=", reg_store_timeout },
    { "tls_ca=", reg_store_tls_ca },
    { "tls_name=", reg_store_tls_name }
};

#define REG_STORE_NOPTIONS                                                    \
    (sizeof(reg_store_options) / sizeof(reg_store_options[0]))


reg_rc_t
reg_store_url_option(reg_store_url_t *url, reg_str_t text, reg_error_t *error)
{
    size_t     i;
    reg_str_t  name;

    if (url->kind == REG_STORE_FILE) {
        reg_error_set(error, "options are for Redis, a file has none");
        return REG_INVALID;
    }

    if (reg_str_starts(text, REG_STR("password="))) {
        reg_error_set(error, "a password in the configuration would be seen by "
                      "everybody: put it into a file and give password_file=");
        return REG_INVALID;
    }

    for (i = 0; i < REG_STORE_NOPTIONS; i++) {
        name = reg_str(reg_store_options[i].name);

        if (!reg_str_starts(text, name)) {
            continue;
        }

        if (url->seen & (1U << i)) {
            reg_error_set(error, "%s is there twice",
                          reg_store_options[i].name);
            return REG_INVALID;
        }

        url->seen |= 1U << i;
        text.data += name.len;
        text.len -= name.len;

        return reg_store_options[i].set(url, text, error);
    }

    reg_error_set(error, "an option is one of user=, password_file=, db=, "
                  "prefix=, timeout=, tls_ca= and tls_name=");

    return REG_INVALID;
}


static reg_rc_t
reg_store_user(reg_store_url_t *url, reg_str_t value, reg_error_t *error)
{
    size_t  i;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] <= 0x20 || value.data[i] == 0x7f) {
            break;
        }
    }

    if (value.len == 0 || i < value.len || value.len > REG_STORE_VALUE_MAX) {
        reg_error_set(error, "user= takes a name without spaces, at most %d "
                      "bytes", REG_STORE_VALUE_MAX);
        return REG_INVALID;
    }

    url->user = value;

    return REG_OK;
}


static reg_rc_t
reg_store_password_file(reg_store_url_t *url, reg_str_t value,
    reg_error_t *error)
{
    return reg_store_file(&url->password_file, value, "password_file=", error);
}


static reg_rc_t
reg_store_db(reg_store_url_t *url, reg_str_t value, reg_error_t *error)
{
    if (url->kind == REG_STORE_CLUSTER) {
        reg_error_set(error, "db= is not for a cluster, which has only "
                      "database 0");
        return REG_INVALID;
    }

    if (reg_store_number(&url->db, value, REG_STORE_DB_MAX) != REG_OK) {
        reg_error_set(error, "db= takes a number from 0 to %d",
                      REG_STORE_DB_MAX);
        return REG_INVALID;
    }

    url->has_db = 1;

    return REG_OK;
}


/*
 * Braces would be hash tags of Redis Cluster, and the rest of what is left out
 * are patterns in the ACL of Redis.
 */

static reg_rc_t
reg_store_prefix(reg_store_url_t *url, reg_str_t value, reg_error_t *error)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < value.len; i++) {
        c = value.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == ':' || c == '.' || c == '_'
              || c == '-' || c == '/'))
        {
            break;
        }
    }

    if (value.len == 0 || i < value.len || value.len > REG_STORE_PREFIX_MAX) {
        reg_error_set(error, "prefix= takes letters, digits and \":._-/\", at "
                      "most %d bytes", REG_STORE_PREFIX_MAX);
        return REG_INVALID;
    }

    url->prefix = value;

    return REG_OK;
}


static reg_rc_t
reg_store_timeout(reg_store_url_t *url, reg_str_t value, reg_error_t *error)
{
    unsigned  n, unit;

    unit = 0;

    if (value.len > 2 && memcmp(value.data + value.len - 2, "ms", 2) == 0) {
        unit = 1;
        value.len -= 2;

    } else if (value.len > 1 && value.data[value.len - 1] == 's') {
        unit = 1000;
        value.len -= 1;
    }

    if (unit == 0
        || reg_store_number(&n, value, REG_STORE_TIMEOUT_MAX / unit) != REG_OK
        || n == 0)
    {
        reg_error_set(error, "timeout= takes milliseconds or seconds, as in "
                      "50ms or 2s, from 1ms to %ds",
                      REG_STORE_TIMEOUT_MAX / 1000);
        return REG_INVALID;
    }

    url->timeout = n * unit;
    url->has_timeout = 1;

    return REG_OK;
}


static reg_rc_t
reg_store_tls_ca(reg_store_url_t *url, reg_str_t value, reg_error_t *error)
{
    if (reg_store_tls_only(url, "tls_ca=", error) != REG_OK) {
        return REG_INVALID;
    }

    return reg_store_file(&url->tls_ca, value, "tls_ca=", error);
}


static reg_rc_t
reg_store_tls_name(reg_store_url_t *url, reg_str_t value, reg_error_t *error)
{
    if (reg_store_tls_only(url, "tls_name=", error) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_store_name_check(value) != REG_OK) {
        reg_error_set(error, "tls_name= takes the name that the certificate of "
                      "the server has");
        return REG_INVALID;
    }

    url->tls_name = value;

    return REG_OK;
}


static reg_rc_t
reg_store_file(reg_str_t *path, reg_str_t value, const char *name,
    reg_error_t *error)
{
    if (value.len == 0 || value.len > REG_STORE_VALUE_MAX
        || memchr(value.data, '\0', value.len))
    {
        reg_error_set(error, "%s takes the path of a file, at most %d bytes",
                      name, REG_STORE_VALUE_MAX);
        return REG_INVALID;
    }

    *path = value;

    return REG_OK;
}


static reg_rc_t
reg_store_tls_only(const reg_store_url_t *url, const char *name,
    reg_error_t *error)
{
    if (url->tls) {
        return REG_OK;
    }

    reg_error_set(error, "%s is for TLS: the URL has to begin with rediss",
                  name);

    return REG_INVALID;
}
