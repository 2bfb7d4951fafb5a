/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_store_url.h"

#define SCHEMES                                                               \
    "a store begins with file:, redis://, rediss://, redis+unix:, "           \
    "redis+sentinel://, rediss+sentinel://, redis+cluster:// or "             \
    "rediss+cluster://"

#define PRINTABLE                                                             \
    "a URL of Redis holds only printable ASCII and no spaces"

#define SLASHES                                                               \
    "after the scheme of Redis come two slashes and a host, as in "           \
    "redis://localhost"

#define PASSWORD                                                              \
    "a password in the URL would be seen by everybody: put it into a file "   \
    "and give password_file="

#define HOST                                                                  \
    "a host is a name, an IPv4 address, or an IPv6 address in brackets"

#define PORT      "a port is a number from 1 to 65535"

#define ONE                                                                   \
    "this scheme takes one host; several are for redis+sentinel and "         \
    "redis+cluster"

#define SOCKET                                                                \
    "redis+unix: takes the absolute path of a socket, as in "                 \
    "redis+unix:/run/redis/redis.sock"

#define MASTER                                                                \
    "the name of the master follows the sentinels, as in "                    \
    "redis+sentinel://a,b,c/mymaster"

#define MASTER_NAME                                                           \
    "the name of a master has letters, digits and \".-_\", at most 253"

#define OPTION                                                                \
    "an option is one of user=, password_file=, db=, prefix=, timeout=, "     \
    "tls_ca= and tls_name="

#define USER      "user= takes a name without spaces, at most 1023 bytes"

#define PREFIX                                                                \
    "prefix= takes letters, digits and \":._-/\", at most 64 bytes"

#define TIMEOUT                                                               \
    "timeout= takes milliseconds or seconds, as in 50ms or 2s, from 1ms to 60s"

#define TLS_NAME                                                              \
    "tls_name= takes the name that the certificate of the server has"

#define REPEAT_16(s)                                                          \
    s s s s s s s s s s s s s s s s

typedef struct {
    const char  *text;
    const char  *answer;
} url_case_t;


/* What was parsed in one line; members with their defaults are left out. */

static void
dump(char *out, size_t size, const reg_store_url_t *url)
{
    static const char *const  kinds[] =
        { "file", "redis", "sentinel", "cluster" };

    size_t  i, len;

    len = 0;

#define ADD(...)                                                              \
    len += (size_t) snprintf(out + len, size - len, __VA_ARGS__);             \
    assert_true(len < size)

#define ADD_STR(name, s)                                                      \
    if ((s).len) {                                                            \
        ADD(" " name "=%.*s", REG_FMT(s));                                    \
    }

    ADD("%s%s", kinds[url->kind], url->tls ? " tls" : "");

    ADD_STR("path", url->path)

    for (i = 0; i < url->nhosts; i++) {
        ADD(" %.*s|%u", REG_FMT(url->hosts[i].host), url->hosts[i].port);
    }

    ADD_STR("master", url->master)
    ADD_STR("user", url->user)
    ADD_STR("password_file", url->password_file)

    if (url->has_db) {
        ADD(" db=%u", url->db);

    } else {
        assert_int_equal(url->db, 0);
    }

    if (!reg_str_eq(url->prefix, REG_STR("registry:"))) {
        ADD_STR("prefix", url->prefix)
    }

    if (url->has_timeout) {
        ADD(" timeout=%u", url->timeout);

    } else {
        assert_int_equal(url->timeout, 50);
    }

    ADD_STR("tls_ca", url->tls_ca)
    ADD_STR("tls_name", url->tls_name)
}


static void
check_cases(const url_case_t *cases, size_t n)
{
    char              out[2048];
    size_t            i;
    reg_str_t         copy;
    reg_error_t       error;
    reg_store_url_t   url;

    for (i = 0; i < n; i++) {
        copy = exact_copy(reg_str(cases[i].text));

        if (reg_store_url_parse(&url, copy, &error) == REG_OK) {
            dump(out, sizeof(out), &url);

        } else {
            (void) snprintf(out, sizeof(out), "%s", error.text);
        }

        if (strcmp(out, cases[i].answer) != 0) {
            fail_msg("%s:\n got \"%s\"\n not \"%s\"", cases[i].text, out,
                     cases[i].answer);
        }

        free(copy.data);
    }
}

#define CHECK_CASES(cases)                                                    \
    check_cases(cases, sizeof(cases) / sizeof(cases[0]))


static void
test_schemes(void **state)
{
    static const url_case_t  cases[] = {
        { "file:/etc/nginx/registry.json", "file path=/etc/nginx/registry.json"
        },
        { "redis://localhost", "redis localhost|6379" },
        { "redis://localhost:7000", "redis localhost|7000" },
        { "rediss://redis.example.com", "redis tls redis.example.com|6379" },
        { "redis+unix:/run/redis.sock", "redis path=/run/redis.sock" },
        { "redis+sentinel://a,b:1,c/mymaster",
          "sentinel a|26379 b|1 c|26379 master=mymaster" },
        { "rediss+sentinel://a/my-master_1.x",
          "sentinel tls a|26379 master=my-master_1.x" },
        { "redis+cluster://a,b:7001", "cluster a|6379 b|7001" },
        { "rediss+cluster://a", "cluster tls a|6379" },

        { "", SCHEMES },
        { "redis", SCHEMES },
        { "/etc/nginx/registry.json", SCHEMES },
        { "http://localhost", SCHEMES },
        { "REDIS://localhost", SCHEMES },
        { "valkey://localhost", SCHEMES },
        { "rediss+unix:/run/redis.sock", SCHEMES },
        { "redis+sentinels://a/b", SCHEMES },
        { "redis:", SLASHES },
        { "redis:/localhost", SLASHES },
        { "redis:localhost:6379", SLASHES },
        { "redis://local host", PRINTABLE },
        { "redis://localhost\n", PRINTABLE },
        { "redis://r\xc3\xa9" "dis", PRINTABLE },
        { "redis+unix:/run/a b", PRINTABLE }
    };

    (void) state;

    CHECK_CASES(cases);
}


static void
test_paths(void **state)
{
    static const url_case_t  cases[] = {

        /* a file may have any name, so nothing of it is an option */

        { "file:keys.json?db=1&x", "file path=keys.json?db=1&x" },
        { "file:/a b\xc3\xa9", "file path=/a b\xc3\xa9" },
        { "file://x", "file path=//x" },
        { "file:", "file: lacks a path, as in file:/etc/nginx/registry.json" },

        { "redis+unix:///run/redis.sock", "redis path=/run/redis.sock" },
        { "redis+unix:/run/redis.sock?db=3&user=gw",
          "redis path=/run/redis.sock user=gw db=3" },
        { "redis+unix:/0123456789" REPEAT_16("abcdef"),
          "redis path=/0123456789" REPEAT_16("abcdef") },
        { "redis+unix:/0123456789" REPEAT_16("abcdef") "x",
          "the path of a Unix socket has at most 107 bytes" },
        { "redis+unix:", SOCKET },
        { "redis+unix:/", SOCKET },
        { "redis+unix:run/redis.sock", SOCKET },
        { "redis+unix://run/redis.sock", SOCKET },
        { "redis+unix:////run/redis.sock", SOCKET },
        { "redis+unix:?db=3", SOCKET }
    };

    reg_error_t       error;
    reg_store_url_t   url;

    (void) state;

    CHECK_CASES(cases);

    /* the system would read the path up to the NUL only */

    assert_int_equal(reg_store_url_parse(&url, REG_STR("file:/a\0b"), &error),
                     REG_INVALID);
}


static void
test_hosts(void **state)
{
    static const url_case_t  cases[] = {
        { "redis://10.0.0.1:65535", "redis 10.0.0.1|65535" },
        { "redis://my_redis-1.example.com.",
          "redis my_redis-1.example.com.|6379" },
        { "redis://[::1]", "redis ::1|6379" },
        { "redis://[2001:db8::1]:6380", "redis 2001:db8::1|6380" },
        { "redis://[::ffff:10.0.0.1]", "redis ::ffff:10.0.0.1|6379" },
        { "redis://3com", "redis 3com|6379" },
        { "redis+cluster://[::1]:1,a,[::2]", "cluster ::1|1 a|6379 ::2|6379" },

        { "redis://", "a host is missing" },
        { "redis://?db=1", "a host is missing" },
        { "redis://:6379", "a host is missing before the port" },
        { "redis+cluster://a,", "a host is missing" },
        { "redis+cluster://,a", "a host is missing" },
        { "redis+cluster://a,,b", "a host is missing" },
        { "redis://a,b", ONE },
        { "redis+unix:/a,b", "redis path=/a,b" },
        { "rediss://a:1,b:2", ONE },
        { "redis://a:", PORT },
        { "redis://a:0", PORT },
        { "redis://a:65536", PORT },
        { "redis://a:99999999999999999999", PORT },
        { "redis://a:+1", PORT },
        { "redis://a:1x", PORT },
        { "redis://[::1]:", PORT },
        { "redis://[::1]:0", PORT },
        { "redis://::1", "an IPv6 address is written in brackets, as in "
                         "[::1]:6379" },
        { "redis+sentinel://a,fe80::1:26379/m",
          "an IPv6 address is written in brackets, as in [::1]:26379" },
        { "redis://[::1", "the bracket of an IPv6 address is not closed" },
        { "redis://[]", "there is no IPv6 address in the brackets" },
        { "redis://[10.0.0.1]", "there is no IPv6 address in the brackets" },
        { "redis://[redis]", "there is no IPv6 address in the brackets" },
        { "redis://[fe80::1%eth0]", "there is no IPv6 address in the brackets"
        },
        { "redis://[::1]6379",
          "after an IPv6 address comes a colon and a port" },
        { "redis://-a", HOST },
        { "redis://.a", HOST },
        { "redis://a]", HOST },
        { "redis://a;b", HOST },
        { "redis://a%41", HOST },
        { "redis://10.0.0", HOST },
        { "redis://10.0.0.256", HOST },
        { "redis://1", HOST },
        { "redis://" REPEAT_16("0123456789abcdef"), HOST }
    };

    (void) state;

    CHECK_CASES(cases);
}


static void
test_host_caps(void **state)
{
    char              text[64 + 2 * REG_STORE_HOSTS_MAX];
    size_t            i, len;
    reg_error_t       error;
    reg_store_url_t   url;

    (void) state;

    len = (size_t) snprintf(text, sizeof(text), "redis+cluster://a");

    for (i = 1; i < REG_STORE_HOSTS_MAX; i++) {
        text[len++] = ',';
        text[len++] = (char) ('a' + i);
    }

    assert_int_equal(reg_store_url_parse(&url, (reg_str_t)
                         { len, (unsigned char *) text }, &error), REG_OK);
    assert_int_equal(url.nhosts, 16);
    assert_true(reg_str_eq(url.hosts[15].host, REG_STR("p")));

    text[len++] = ',';
    text[len++] = 'z';

    assert_int_equal(reg_store_url_parse(&url, (reg_str_t)
                         { len, (unsigned char *) text }, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "there are more than 16 hosts");
}


/* Whatever the secret looks like, no sentence repeats it. */

static void
test_secrets(void **state)
{
    static const url_case_t  cases[] = {
        { "redis://:s3cret@h", PASSWORD },
        { "redis://user:s3cret@h:6379", PASSWORD },
        { "redis://user:s3/cret@h", PASSWORD },
        { "redis+cluster://a,user:s3cret@h", PASSWORD },
        { "redis+sentinel://user:s3cret@a/m", PASSWORD },
        { "redis://user:@h", PASSWORD },
        { "redis://user@h",
          "a user is given as user=, and the password as password_file=" },
        { "redis://@h",
          "a user is given as user=, and the password as password_file=" },
        { "redis://user:s3?cret@h", PORT },
        { "redis://user?s3cret@h", OPTION },
        { "redis://h?password=s3cret",
          "a password in the configuration would be seen by everybody: put it "
          "into a file and give password_file=" }
    };

    (void) state;

    CHECK_CASES(cases);
}


static void
test_masters(void **state)
{
    static const url_case_t  cases[] = {
        { "redis+sentinel://a", MASTER },
        { "redis+sentinel://a/", MASTER },
        { "redis+sentinel://a?db=1", MASTER },
        { "redis+sentinel://a/?db=1", MASTER },
        { "redis+sentinel:///m", "a host is missing" },
        { "redis+sentinel://a/m/", MASTER_NAME },
        { "redis+sentinel://a/m/0", MASTER_NAME },
        { "redis+sentinel://a/m:1", MASTER_NAME },
        { "redis+sentinel://a/" REPEAT_16("0123456789abcdef"), MASTER_NAME },
        { "redis+sentinel://a/m?db=0", "sentinel a|26379 master=m db=0" },

        { "redis://a/", "nothing follows the host; a database is given as db=1"
        },
        { "redis://a/1", "nothing follows the host; a database is given as db=1"
        },
        { "rediss://a/m?db=1",
          "nothing follows the host; a database is given as db=1" },
        { "redis+cluster://a,b/", "nothing follows the hosts of a cluster" },
        { "redis+cluster://a,b/m", "nothing follows the hosts of a cluster" }
    };

    (void) state;

    CHECK_CASES(cases);
}


static void
test_options(void **state)
{
    static const url_case_t  cases[] = {
        { "rediss://h?user=gw&password_file=/etc/pw&db=2&prefix=a:&timeout=2s&"
          "tls_ca=/etc/ca.pem&tls_name=redis.internal",
          "redis tls h|6379 user=gw password_file=/etc/pw db=2 prefix=a: "
          "timeout=2000 tls_ca=/etc/ca.pem tls_name=redis.internal" },

        { "redis://h?", OPTION },
        { "redis://h?db=1&", OPTION },
        { "redis://h?&db=1", OPTION },
        { "redis://h?db", OPTION },
        { "redis://h?DB=1", OPTION },
        { "redis://h?=1", OPTION },
        { "redis://h?pool=4", OPTION },
        { "redis://h?db=1&db=1", "db= is there twice" },
        { "redis://h?prefix=registry:&prefix=registry:",
          "prefix= is there twice" },

        { "redis://h?user=", USER },
        { "redis://h?user=a=b", "redis h|6379 user=a=b" },

        { "redis://h?password_file=",
          "password_file= takes the path of a file, at most 1023 bytes" },

        { "redis://h?db=0", "redis h|6379 db=0" },
        { "redis://h?db=65535", "redis h|6379 db=65535" },
        { "redis://h?db=65536", "db= takes a number from 0 to 65535" },
        { "redis://h?db=", "db= takes a number from 0 to 65535" },
        { "redis://h?db=-1", "db= takes a number from 0 to 65535" },
        { "redis://h?db=1?", "db= takes a number from 0 to 65535" },
        { "redis+cluster://h?db=0",
          "db= is not for a cluster, which has only database 0" },

        { "redis://h?prefix=a.b_c-d/e:", "redis h|6379 prefix=a.b_c-d/e:" },
        { "redis://h?prefix=" REPEAT_16("abcd"),
          "redis h|6379 prefix=" REPEAT_16("abcd") },
        { "redis://h?prefix=" REPEAT_16("abcd") "e", PREFIX },
        { "redis://h?prefix=", PREFIX },
        { "redis://h?prefix={a}", PREFIX },
        { "redis://h?prefix=a*", PREFIX },
        { "redis://h?prefix=a?", PREFIX },

        { "redis://h?timeout=1ms", "redis h|6379 timeout=1" },
        { "redis://h?timeout=50ms", "redis h|6379 timeout=50" },
        { "redis://h?timeout=1s", "redis h|6379 timeout=1000" },
        { "redis://h?timeout=60s", "redis h|6379 timeout=60000" },
        { "redis://h?timeout=60000ms", "redis h|6379 timeout=60000" },
        { "redis://h?timeout=60001ms", TIMEOUT },
        { "redis://h?timeout=61s", TIMEOUT },
        { "redis://h?timeout=0ms", TIMEOUT },
        { "redis://h?timeout=0s", TIMEOUT },
        { "redis://h?timeout=50", TIMEOUT },
        { "redis://h?timeout=1m", TIMEOUT },
        { "redis://h?timeout=ms", TIMEOUT },
        { "redis://h?timeout=s", TIMEOUT },
        { "redis://h?timeout=", TIMEOUT },
        { "redis://h?timeout=-1s", TIMEOUT },
        { "redis://h?timeout=1.5s", TIMEOUT },
        { "redis://h?timeout=4294967297ms", TIMEOUT },

        { "redis://h?tls_ca=/etc/ca.pem",
          "tls_ca= is for TLS: the URL has to begin with rediss" },
        { "redis+unix:/h?tls_name=a",
          "tls_name= is for TLS: the URL has to begin with rediss" },
        { "rediss+cluster://h?tls_ca=",
          "tls_ca= takes the path of a file, at most 1023 bytes" },
        { "rediss+sentinel://h/m?tls_name=", TLS_NAME },
        { "rediss://h?tls_name=a:b", TLS_NAME },
        { "rediss://h?tls_name=10.0.0.1", "redis tls h|6379 tls_name=10.0.0.1" }
    };

    (void) state;

    CHECK_CASES(cases);
}


/* Options behind the URL may be words of their own, with '&' and the like. */

static void
test_words(void **state)
{
    static const url_case_t  cases[] = {
        { "user=a&b", "redis h|6379 user=a&b db=1" },
        { "password_file=/a b&c", "redis h|6379 password_file=/a b&c db=1" },
        { "db=1", "db= is there twice" },
        { "prefix=a&db=1", PREFIX },
        { "prefix=a b", PREFIX },
        { "user=a b", USER },
        { "user=a\tb", USER },
        { "", OPTION }
    };

    char              out[2048];
    size_t            i;
    reg_str_t         copy;
    reg_error_t       error;
    reg_store_url_t   url;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy = exact_copy(reg_str(cases[i].text));

        assert_int_equal(reg_store_url_parse(&url, REG_STR("redis://h?db=1"),
                                             &error), REG_OK);

        if (reg_store_url_option(&url, copy, &error) == REG_OK) {
            dump(out, sizeof(out), &url);

        } else {
            (void) snprintf(out, sizeof(out), "%s", error.text);
        }

        assert_string_equal(out, cases[i].answer);

        free(copy.data);
    }

    assert_int_equal(reg_store_url_parse(&url, REG_STR("file:x"), &error),
                     REG_OK);
    assert_int_equal(reg_store_url_option(&url, REG_STR("db=1"), &error),
                     REG_INVALID);
    assert_string_equal(error.text,
                        "options are for Redis, a file has none");

    /* the sentence is not for everybody */

    assert_int_equal(reg_store_url_option(&url, REG_STR("db=1"), NULL),
                     REG_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_host_caps),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_masters),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_words)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
