/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>

#include "reg_usage.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))


static reg_usage_t
sample(void)
{
    reg_usage_t  usage;

    memset(&usage, 0, sizeof(reg_usage_t));

    usage.key_id = REG_STR("7rZkV0aQ3mXw");
    usage.address = REG_STR("203.0.113.7");
    usage.agent = REG_STR("docker/20.10");
    usage.repository = REG_STR("acme/app");
    usage.operation = REG_STR("push");
    usage.decision = REG_STR("allow");
    usage.first = 1767225600;
    usage.last = 1767225610;
    usage.count = 3;
    usage.npushed = 2;
    usage.pushed[0] = REG_STR("1@sha256:aa");
    usage.pushed[1] = REG_STR("latest");

    return usage;
}


#define LINE                                                                  \
    "{\"key\":\"7rZkV0aQ3mXw\",\"first\":\"2026-01-01T00:00:00Z\","           \
    "\"last\":\"2026-01-01T00:00:10Z\",\"count\":3,"                          \
    "\"address\":\"203.0.113.7\",\"agent\":\"docker/20.10\","                 \
    "\"repository\":\"acme/app\",\"operation\":\"push\","                     \
    "\"decision\":\"allow\",\"pushed\":[\"1@sha256:aa\",\"latest\"]}"


static void
test_format(void **state)
{
    char         *line;
    reg_usage_t   usage;

    (void) state;

    usage = sample();

    assert_int_equal(reg_usage_format(&line, &usage), REG_OK);
    assert_string_equal(line, LINE);

    free(line);
}


/* Whatever a client says of itself, it is one line of ASCII. */

static void
test_hostile_text(void **state)
{
    char         *line, *p;
    void         *json;
    char          agent[2000];
    reg_usage_t   usage, again;

    (void) state;

    memset(agent, 'a', sizeof(agent));
    memcpy(agent, "\"\\\n\r\0\x80\xff\x7f\x1b[31m", 13);

    usage = sample();
    usage.agent.data = (unsigned char *) agent;
    usage.agent.len = sizeof(agent);

    assert_int_equal(reg_usage_format(&line, &usage), REG_OK);

    for (p = line; *p; p++) {
        assert_in_range(*p, 0x20, 0x7e);
    }

    assert_int_equal(reg_usage_parse(&again, &json, reg_str(line)), REG_OK);
    assert_int_equal(again.agent.len, 512);
    assert_memory_equal(again.agent.data, "\"\\???????[31m", 13);

    reg_usage_free(json);
    free(line);
}


static void
test_parse(void **state)
{
    void         *json;
    reg_usage_t   usage, same;

    (void) state;

    same = sample();

    assert_int_equal(reg_usage_parse(&usage, &json, REG_STR(LINE)), REG_OK);

    assert_true(reg_str_eq(usage.key_id, same.key_id));
    assert_true(reg_str_eq(usage.address, same.address));
    assert_true(reg_str_eq(usage.agent, same.agent));
    assert_true(reg_str_eq(usage.repository, same.repository));
    assert_true(reg_str_eq(usage.operation, same.operation));
    assert_true(reg_str_eq(usage.decision, same.decision));
    assert_int_equal(usage.first, same.first);
    assert_int_equal(usage.last, same.last);
    assert_int_equal(usage.count, 3);
    assert_int_equal(usage.npushed, 2);
    assert_true(reg_str_eq(usage.pushed[1], same.pushed[1]));

    reg_usage_free(json);
}


static void
test_no_line(void **state)
{
    size_t        i, cut;
    void         *json;
    reg_usage_t   usage;

    static const char  *lines[] = {
        "", "{}", "[]", "null", "1", "{\"key\":1}",
        "{\"key\":\"a\",\"key\":\"a\"}",
    };

    (void) state;

    for (i = 0; i < COUNT(lines); i++) {
        assert_int_equal(reg_usage_parse(&usage, &json, reg_str(lines[i])),
                         REG_INVALID);
    }

    /* as a full disk leaves it */

    for (cut = 0; cut < sizeof(LINE) - 1; cut++) {
        assert_int_equal(reg_usage_parse(&usage, &json,
                                         (reg_str_t) { cut,
                                                   (unsigned char *) LINE }),
                         REG_INVALID);
    }
}


/* Each member is needed, and of its type. */

static void
test_members(void **state)
{
    char         *p, text[sizeof(LINE)];
    size_t        i;
    void         *json;
    reg_usage_t   usage;

    static const char  *breaks[][2] = {
        { "\"key\":", "\"kez\":" },
        { "2026-01-01T00:00:00Z", "2026-01-01T00:00:60Z" },
        { "2026-01-01T00:00:10Z", "2026-13-01T00:00:10Z" },
        { "\"count\":3", "\"count\":0" },
        { "\"count\":3", "\"count\":x" },
        { "\"address\":", "\"addresz\":" },
        { "\"agent\":", "\"agenz\":" },
        { "\"repository\":", "\"repositorz\":" },
        { "\"operation\":", "\"operatioz\":" },
        { "\"decision\":", "\"decisioz\":" },
        { "\"pushed\":", "\"pusheb\":" },
        { "\"latest\"]", "\"latest\"}" },
        { "[\"1@sha256:aa\",\"", "{\"1@sha256:aa\":\"" },
        { ",\"latest\"]", ",123456789]" },
    };

    (void) state;

    for (i = 0; i < COUNT(breaks); i++) {
        strcpy(text, LINE);

        p = strstr(text, breaks[i][0]);

        assert_non_null(p);
        memcpy(p, breaks[i][1], strlen(breaks[i][1]));

        assert_int_equal(reg_usage_parse(&usage, &json, reg_str(text)),
                         REG_INVALID);
    }
}


static void
test_networks(void **state)
{
    char           buf[REG_USAGE_NETWORK_LEN];
    size_t         i;
    reg_address_t  address;

    static const char  *networks[][2] = {
        { "203.0.113.7", "203.0.113.0/24" },
        { "255.255.255.255", "255.255.255.0/24" },
        { "::ffff:203.0.113.7", "203.0.113.0/24" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "ffff:ffff:ffff:ffff::/64" },
        { "::1", "::/64" },
    };

    (void) state;

    for (i = 0; i < COUNT(networks); i++) {
        assert_int_equal(reg_address_parse(&address, reg_str(networks[i][0]),
                                           NULL), REG_OK);
        reg_usage_network(buf, &address);
        assert_string_equal(buf, networks[i][1]);
    }

    memset(&address, 0, sizeof(address));
    reg_usage_network(buf, &address);
    assert_string_equal(buf, "-");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_no_line),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_networks)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
