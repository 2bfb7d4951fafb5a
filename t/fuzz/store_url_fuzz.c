/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * URLs of stores: what is taken is within its caps and borrows from the text,
 * and written down again it is the same; what is refused has a sentence, which
 * does not repeat the text, as a password may be in it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_store_url.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_borrowed(reg_str_t slice, reg_str_t text)
{
    if (slice.len) {
        CHECK(slice.data >= text.data);
        CHECK(slice.data + slice.len <= text.data + text.len);
    }
}


static void
check_url(const reg_store_url_t *url, reg_str_t text)
{
    size_t  i;

    check_borrowed(url->path, text);
    check_borrowed(url->master, text);
    check_borrowed(url->user, text);
    check_borrowed(url->password_file, text);
    check_borrowed(url->tls_ca, text);
    check_borrowed(url->tls_name, text);

    for (i = 0; i < url->nhosts; i++) {
        check_borrowed(url->hosts[i].host, text);
        CHECK(url->hosts[i].host.len > 0);
        CHECK(url->hosts[i].host.len <= REG_STORE_HOST_MAX);
        CHECK(url->hosts[i].port > 0 && url->hosts[i].port < 65536);
    }

    CHECK(url->nhosts <= REG_STORE_HOSTS_MAX);
    CHECK((url->nhosts == 0) == (url->path.len > 0));
    CHECK((url->kind == REG_STORE_SENTINEL) == (url->master.len > 0));
    CHECK(url->kind != REG_STORE_REDIS || url->nhosts <= 1);
    CHECK(url->kind != REG_STORE_CLUSTER || (url->db == 0 && !url->has_db));
    CHECK(url->kind != REG_STORE_FILE || url->seen == 0);
    CHECK(url->db <= REG_STORE_DB_MAX);
    CHECK(url->prefix.len > 0 && url->prefix.len <= REG_STORE_PREFIX_MAX);
    CHECK(memchr(url->prefix.data, '{', url->prefix.len) == NULL);
    CHECK(url->timeout > 0 && url->timeout <= REG_STORE_TIMEOUT_MAX);
    CHECK(url->tls || (url->tls_ca.len == 0 && url->tls_name.len == 0));
    CHECK(!url->tls || url->nhosts > 0);
}


static size_t
write_url(char *out, size_t size, const reg_store_url_t *url)
{
    size_t       i, len;
    const char  *mark;

    static const char *const  schemes[] = {
        "file", "redis", "redis+sentinel", "redis+cluster"
    };

    len = 0;
    mark = "?";

#define ADD(...)                                                              \
    len += (size_t) snprintf(out + len, size - len, __VA_ARGS__);             \
    CHECK(len < size)

#define ADD_OPTION(name, s)                                                   \
    if ((s).len) {                                                            \
        ADD("%s" name "=%.*s", mark, REG_FMT(s));                             \
        mark = "&";                                                           \
    }

    if (url->kind == REG_STORE_FILE) {
        ADD("file:%.*s", REG_FMT(url->path));
        return len;
    }

    if (url->nhosts == 0) {
        ADD("redis+unix:%.*s", REG_FMT(url->path));

    } else {
        ADD("redis%s%s://", url->tls ? "s" : "", schemes[url->kind] + 5);
    }

    for (i = 0; i < url->nhosts; i++) {
        ADD("%s", i ? "," : "");

        if (memchr(url->hosts[i].host.data, ':', url->hosts[i].host.len)) {
            ADD("[%.*s]", REG_FMT(url->hosts[i].host));

        } else {
            ADD("%.*s", REG_FMT(url->hosts[i].host));
        }

        ADD(":%u", url->hosts[i].port);
    }

    if (url->kind == REG_STORE_SENTINEL) {
        ADD("/%.*s", REG_FMT(url->master));
    }

    ADD_OPTION("user", url->user)
    ADD_OPTION("password_file", url->password_file)
    ADD_OPTION("tls_ca", url->tls_ca)
    ADD_OPTION("tls_name", url->tls_name)
    ADD_OPTION("prefix", url->prefix)

    if (url->has_db) {
        ADD("%sdb=%u", mark, url->db);
        mark = "&";
    }

    ADD("%stimeout=%ums", mark, url->timeout);

    return len;
}


static void
check_again(const reg_store_url_t *url)
{
    char             *text;
    size_t            i, size;
    reg_error_t       error;
    reg_store_url_t   again;

    size = 16384 + url->path.len;
    text = malloc(size);
    CHECK(text != NULL);

    size = write_url(text, size, url);

    CHECK(reg_store_url_parse(&again, (reg_str_t)
                              { size, (unsigned char *) text }, &error)
          == REG_OK);

    CHECK(again.kind == url->kind && again.tls == url->tls);
    CHECK(again.nhosts == url->nhosts);

    for (i = 0; i < url->nhosts; i++) {
        CHECK(reg_str_eq(again.hosts[i].host, url->hosts[i].host));
        CHECK(again.hosts[i].port == url->hosts[i].port);
    }

    CHECK(reg_str_eq(again.path, url->path));
    CHECK(reg_str_eq(again.master, url->master));
    CHECK(reg_str_eq(again.user, url->user));
    CHECK(reg_str_eq(again.password_file, url->password_file));
    CHECK(reg_str_eq(again.prefix, url->prefix));
    CHECK(reg_str_eq(again.tls_ca, url->tls_ca));
    CHECK(reg_str_eq(again.tls_name, url->tls_name));
    CHECK(again.db == url->db && again.has_db == url->has_db);
    CHECK(again.timeout == url->timeout);

    free(text);
}


/* None of ours has one of these, so one that has repeats the input. */

static void
check_sentence(const reg_error_t *error)
{
    CHECK(error->text[0] != '\0');
    CHECK(strpbrk(error->text, "@%~!#$^*|<>\\`'") == NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reg_str_t         text;
    reg_error_t       error;
    reg_store_url_t   url;

    text = (reg_str_t) { size, (unsigned char *) data };
    error.text[0] = '\0';

    if (reg_store_url_parse(&url, text, &error) == REG_OK) {
        check_url(&url, text);

        if (url.path.len < 65536) {
            check_again(&url);
        }

    } else {
        check_sentence(&error);
    }

    /* the same text as an option, as in a configuration */

    CHECK(reg_store_url_parse(&url, REG_STR("rediss://h"), &error) == REG_OK);

    error.text[0] = '\0';

    if (reg_store_url_option(&url, text, &error) == REG_OK) {
        check_borrowed(url.user, text);
        CHECK(url.seen != 0);

    } else {
        check_sentence(&error);
    }

    return 0;
}
