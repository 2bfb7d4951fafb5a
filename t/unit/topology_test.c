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

#include "reg_topology.h"

#define NODE(host, port)   "*2\r\n" host ":" port "\r\n"
#define RANGE(first, last, node)                                              \
    "*3\r\n:" first "\r\n:" last "\r\n" node
#define A    "$1\r\na\r\n"
#define B    "$1\r\nb\r\n"
#define NIL  "$-1\r\n"

typedef struct {
    const char  *text;          /* what Redis sends */
    const char  *answer;
} topology_case_t;


static redisReply *
parse(const char *text)
{
    reg_resp_t  *resp;
    redisReply  *reply;

    resp = reg_resp_create();
    assert_non_null(resp);
    assert_int_equal(reg_resp_feed(resp, (const unsigned char *) text,
                                   strlen(text)), REG_OK);
    assert_int_equal(reg_resp_next(resp, &reply), REG_OK);

    reg_resp_free(resp);

    return reply;
}


/* "a:1 b:2 | 0-99=0 100-16383=1", or the error. */

static void
describe(char *buf, size_t size, const reg_cluster_map_t *map)
{
    size_t    n, i;
    unsigned  slot, first;

    n = 0;
    buf[0] = '\0';

    for (i = 0; i < map->n; i++) {
        n += (size_t) snprintf(buf + n, size - n, "%.*s:%u ",
                               REG_FMT(map->primaries[i].host),
                               map->primaries[i].port);
    }

    n += (size_t) snprintf(buf + n, size - n, "|");

    for (slot = 0; slot < REG_REDIS_SLOTS; slot++) {
        first = slot;

        while (slot + 1 < REG_REDIS_SLOTS
               && map->owners[slot + 1] == map->owners[first])
        {
            slot++;
        }

        if (map->owners[first] != REG_CLUSTER_NOBODY) {
            n += (size_t) snprintf(buf + n, size - n, " %u-%u=%u", first, slot,
                                   map->owners[first]);
        }
    }
}


static void
check_map(const topology_case_t *cases, size_t n)
{
    char         buf[4096];
    size_t       i;
    redisReply  *reply;
    reg_error_t  error;

    static reg_cluster_map_t  map;

    for (i = 0; i < n; i++) {
        reply = parse(cases[i].text);

        if (reg_cluster_map(&map, reply, &error) == REG_OK) {
            describe(buf, sizeof(buf), &map);
            assert_string_equal(buf, cases[i].answer);

        } else {
            assert_string_equal(error.text, cases[i].answer);
        }

        freeReplyObject(reply);
    }
}


static void
test_map(void **state)
{
    static const topology_case_t  cases[] = {
        { "*0\r\n", "|" },
        { "*1\r\n" RANGE("0", "16383", NODE(A, "1")), "a:1 | 0-16383=0" },
        { "*3\r\n" RANGE("0", "5460", NODE(A, "1"))
          RANGE("5461", "10922", NODE(A, "2"))
          RANGE("10923", "16383", NODE(B, "1")),
          "a:1 a:2 b:1 | 0-5460=0 5461-10922=1 10923-16383=2" },

        /* a primary with several ranges, one of a single slot, and a gap */
        { "*3\r\n" RANGE("7", "7", NODE(A, "1")) RANGE("9", "9", NODE(B, "1"))
          RANGE("100", "200", NODE(A, "1")),
          "a:1 b:1 | 7-7=0 9-9=1 100-200=0" },

        /* replicas, ids and what later versions add are none of ours */
        { "*1\r\n*5\r\n:0\r\n:1\r\n"
          "*4\r\n" A ":1\r\n$2\r\nid\r\n*2\r\n" A B NODE(B, "2")
          NODE("$1\r\nc\r\n", "3"), "a:1 | 0-1=0" },

        /* the host of whoever answers */
        { "*2\r\n" RANGE("0", "1", NODE(NIL, "1"))
          RANGE("2", "3", NODE("$0\r\n\r\n", "1")), ":1 | 0-3=0" },

        /* nobody can get there */
        { "*2\r\n" RANGE("0", "1", NODE("$1\r\n?\r\n", "1"))
          RANGE("2", "3", NODE(A, "0")), "|" },

        { "*1\r\n" RANGE("0", "1", NODE("$3\r\n::1\r\n", "65535")),
          "::1:65535 | 0-1=0" }
    };

    (void) state;

    check_map(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_map_hostile(void **state)
{
    static const topology_case_t  cases[] = {
        { "$-1\r\n", "it is no list" },
        { "+OK\r\n", "it is no list" },
        { "-ERR no\r\n", "it is no list" },
        { ":3\r\n", "it is no list" },
        { "*1\r\n:3\r\n", "a range of slots is none" },
        { "*1\r\n*0\r\n", "a range of slots is none" },
        { "*1\r\n*2\r\n:0\r\n:1\r\n", "a range of slots is none" },
        { "*1\r\n" RANGE("0", "1", "$-1\r\n"), "a node is none" },
        { "*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" NODE(A, "1"),
          "a range of slots is none" },
        { "*1\r\n*3\r\n:0\r\n" NODE(A, "1") ":1\r\n",
          "a range of slots is none" },
        { "*1\r\n" RANGE("-1", "1", NODE(A, "1")),
          "there are no slots -1 to 1" },
        { "*1\r\n" RANGE("2", "1", NODE(A, "1")), "there are no slots 2 to 1" },
        { "*1\r\n" RANGE("0", "16384", NODE(A, "1")),
          "there are no slots 0 to 16384" },
        { "*1\r\n" RANGE("0", "9223372036854775807", NODE(A, "1")),
          "there are no slots 0 to 9223372036854775807" },
        { "*2\r\n" RANGE("0", "5", NODE(A, "1"))
          RANGE("5", "9", NODE(B, "1")), "slot 5 is there twice" },
        { "*2\r\n" RANGE("0", "5", NODE(A, "1"))
          RANGE("3", "3", NODE(A, "1")), "slot 3 is there twice" },
        { "*1\r\n" RANGE("0", "1", "*1\r\n" A), "a node is none" },
        { "*1\r\n" RANGE("0", "1", "*2\r\n" A "$1\r\n1\r\n"),
          "a node is none" },
        { "*1\r\n" RANGE("0", "1", NODE(":1\r\n", "1")),
          "a node has no address" },
        { "*1\r\n" RANGE("0", "1", NODE("*0\r\n", "1")),
          "a node has no address" },
        { "*1\r\n" RANGE("0", "1", NODE("$3\r\na b\r\n", "1")),
          "a node has no address" },
        { "*1\r\n" RANGE("0", "1", NODE("$2\r\n/a\r\n", "1")),
          "a node has no address" },
        { "*1\r\n" RANGE("0", "1", NODE(A, "65536")), "a node has no address" },
        { "*1\r\n" RANGE("0", "1", NODE(A, "-1")), "a node has no address" }
    };

    (void) state;

    check_map(cases, sizeof(cases) / sizeof(cases[0]));
}


static void
test_map_caps(void **state)
{
    char          text[16384], host[300];
    size_t        n;
    unsigned      i, k;
    redisReply   *reply;
    reg_error_t   error;

    static reg_cluster_map_t  map;

    (void) state;

    /* as many primaries as there may be, and one more */

    for (i = REG_CLUSTER_PRIMARIES_MAX; i <= REG_CLUSTER_PRIMARIES_MAX + 1;
         i++)
    {
        n = (size_t) snprintf(text, sizeof(text), "*%u\r\n", i);

        for (k = 0; k < i; k++) {
            n += (size_t) snprintf(text + n, sizeof(text) - n,
                                   RANGE("%u", "%u", NODE(A, "%u")),
                                   k * 2, k * 2 + 1, k + 1);
        }

        reply = parse(text);

        if (i == REG_CLUSTER_PRIMARIES_MAX) {
            assert_int_equal(reg_cluster_map(&map, reply, &error), REG_OK);
            assert_int_equal(map.n, i);
            assert_int_equal(map.owners[2 * i - 1], i - 1);
            assert_int_equal(map.owners[2 * i], REG_CLUSTER_NOBODY);

        } else {
            assert_int_equal(reg_cluster_map(&map, reply, &error),
                             REG_INVALID);
            assert_string_equal(error.text,
                                "there are more than 128 primaries");
        }

        freeReplyObject(reply);
    }

    /* the longest host, and a longer one */

    memset(host, 'h', sizeof(host));

    for (i = REG_REDIS_HOST_MAX; i <= REG_REDIS_HOST_MAX + 1; i++) {
        (void) snprintf(text, sizeof(text),
                        "*1\r\n" RANGE("0", "1", NODE("$%u\r\n%.*s\r\n", "1")),
                        i, (int) i, host);

        reply = parse(text);
        assert_int_equal(reg_cluster_map(&map, reply, &error),
                         i == REG_REDIS_HOST_MAX ? REG_OK : REG_INVALID);
        freeReplyObject(reply);
    }
}


static void
test_info(void **state)
{
    size_t              i;
    reg_rc_t            rc;
    redisReply          reply;
    reg_cluster_info_t  info;

    static const struct {
        const char  *text;
        reg_rc_t     rc;
        unsigned     ok;
        uint64_t     epoch;
    } cases[] = {
        { "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"
          "cluster_current_epoch:6\r\ncluster_my_epoch:2\r\n", REG_OK, 1, 6 },
        { "cluster_state:fail\r\ncluster_current_epoch:0\r\n", REG_OK, 0, 0 },
        { "cluster_state:okay\r\ncluster_current_epoch:0\r\n", REG_OK, 0, 0 },
        { "cluster_state\r\ncluster_current_epoch:0", REG_OK, 0, 0 },
        { "cluster_current_epoch:999999999999999999\ncluster_state:ok", REG_OK,
          1, 999999999999999999 },
        { "cluster_current_epoch:1000000000000000000\r\ncluster_state:ok\r\n",
          REG_INVALID, 0, 0 },
        { "cluster_state:ok\r\n", REG_INVALID, 0, 0 },
        { "cluster_current_epoch:6\r\n", REG_INVALID, 0, 0 },
        { "xcluster_state:ok\r\ncluster_current_epoch:6\r\n", REG_INVALID, 0,
          0 },
        { "cluster_state:fail\r\ncluster_state:ok\r\n"
          "cluster_current_epoch:6\r\n", REG_INVALID, 0, 0 },
        { "cluster_state:ok\r\ncluster_current_epoch:\r\n", REG_INVALID, 0, 0 },
        { "cluster_state:ok\r\ncluster_current_epoch:-6\r\n", REG_INVALID, 0,
          0 },
        { "cluster_state:ok\r\ncluster_current_epoch:6 \r\n", REG_INVALID, 0,
          0 },
        { "", REG_INVALID, 0, 0 },
        { "\r\n\n:\r\n", REG_INVALID, 0, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&reply, 0, sizeof(reply));

        reply.type = REDIS_REPLY_STRING;
        reply.str = (char *) cases[i].text;
        reply.len = strlen(cases[i].text);

        rc = reg_cluster_info(&info, &reply);
        assert_int_equal(rc, cases[i].rc);

        if (rc == REG_OK) {
            assert_int_equal(info.ok, cases[i].ok);
            assert_true(info.epoch == cases[i].epoch);
        }

        /* an error that says so is none */

        reply.type = REDIS_REPLY_ERROR;
        assert_int_equal(reg_cluster_info(&info, &reply), REG_INVALID);
    }
}


/* A node that answers is "myself", and only what it says of itself counts. */

static void
test_settled(void **state)
{
    size_t      i;
    redisReply  reply;

    static const struct {
        const char  *text;
        int          settled;
    } cases[] = {
        { "a 1.2.3.4:1@2 myself,master - 0 0 1 connected 0-5460\n", 1 },
        { "b 1.2.3.4:3@4,host master - 0 0 1 connected 0-9 [3->-a]\n"
          "a 1.2.3.4:1@2,host myself,master - 0 0 1 connected 10-20\n", 1 },
        { "a :1@2 myself,master - 0 0 1 connected\n", 1 },
        { "a 1.2.3.4:1@2 myself,master - 0 0 1 connected 0-9 [3->-b]\n", 0 },
        { "a 1.2.3.4:1@2 myself,master - 0 0 1 connected 0-9 [11-<-b]", 0 },
        { "a 1.2.3.4:1@2 myself,slave b 0 0 1 connected\n", 0 },
        { "a 1.2.3.4:1@2 myself,master,fail? - 0 0 1 connected 0\n", 0 },
        { "a 1.2.3.4:1@2 myself,master\n", 0 },
        { "b 1.2.3.4:3@4 master - 0 0 1 connected 0-9\n", 0 },
        { "", 0 }, { "\n\n", 0 }, { "myself,master", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&reply, 0, sizeof(reply));

        reply.type = REDIS_REPLY_STRING;
        reply.str = (char *) cases[i].text;
        reply.len = strlen(cases[i].text);

        assert_int_equal(reg_cluster_settled(&reply), cases[i].settled);

        reply.type = REDIS_REPLY_ERROR;
        assert_int_equal(reg_cluster_settled(&reply), 0);
    }
}


static void
test_address(void **state)
{
    char               buf[64];
    size_t             i;
    reg_rc_t           rc;
    redisReply        *reply;
    reg_store_host_t   address;

    static const topology_case_t  cases[] = {
        { "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "127.0.0.1 6379" },
        { "*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", "::1 65535" },
        { "*2\r\n$7\r\nredis-1\r\n$1\r\n1\r\n", "redis-1 1" },
        { "*-1\r\n", "none" },
        { "$-1\r\n", "none" },
        { "*0\r\n", "invalid" },
        { "*1\r\n" A, "invalid" },
        { "*3\r\n" A A A, "invalid" },
        { "*2\r\n" A "$1\r\n0\r\n", "invalid" },
        { "*2\r\n" A "$5\r\n65536\r\n", "invalid" },
        { "*2\r\n" A ":1\r\n", "invalid" },
        { "*2\r\n$0\r\n\r\n$1\r\n1\r\n", "invalid" },
        { "*2\r\n$1\r\n?\r\n$1\r\n1\r\n", "invalid" },
        { "*2\r\n" NIL "$1\r\n1\r\n", "invalid" },
        { "-IDONTKNOW no idea\r\n", "invalid" },
        { "+a\r\n", "invalid" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = parse(cases[i].text);
        rc = reg_sentinel_address(&address, reply);

        if (rc == REG_OK) {
            (void) snprintf(buf, sizeof(buf), "%.*s %u", REG_FMT(address.host),
                            address.port);
        } else {
            (void) snprintf(buf, sizeof(buf), "%s",
                            rc == REG_NOTFOUND ? "none" : "invalid");
        }

        assert_string_equal(buf, cases[i].answer);
        freeReplyObject(reply);
    }
}


static void
test_epoch(void **state)
{
    char         buf[64];
    size_t       i;
    uint64_t     epoch;
    redisReply  *reply;

    static const topology_case_t  cases[] = {
        { "*2\r\n$12\r\nconfig-epoch\r\n$1\r\n7\r\n", "7" },
        { "*6\r\n" A B "$12\r\nconfig-epoch\r\n$2\r\n10\r\n" A B, "10" },

        /* a value of that name is no name */
        { "*4\r\n" A "$12\r\nconfig-epoch\r\n$12\r\nconfig-epoch\r\n"
          "$1\r\n3\r\n", "3" },
        { "*3\r\n" A "$12\r\nconfig-epoch\r\n$1\r\n3\r\n", "invalid" },
        { "*1\r\n$12\r\nconfig-epoch\r\n", "invalid" },
        { "*2\r\n$12\r\nconfig-epoch\r\n$2\r\n-1\r\n", "invalid" },
        { "*2\r\n$12\r\nconfig-epoch\r\n" NIL, "invalid" },
        { "*2\r\n:1\r\n$1\r\n1\r\n", "invalid" },
        { "*0\r\n", "invalid" },
        { "*-1\r\n", "invalid" },
        { "-ERR No such master with that name\r\n", "invalid" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = parse(cases[i].text);

        if (reg_sentinel_epoch(&epoch, reply) == REG_OK) {
            (void) snprintf(buf, sizeof(buf), "%llu",
                            (unsigned long long) epoch);
        } else {
            (void) snprintf(buf, sizeof(buf), "invalid");
        }

        assert_string_equal(buf, cases[i].answer);
        freeReplyObject(reply);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_hostile),
        cmocka_unit_test(test_map_caps),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_settled),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_epoch)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
