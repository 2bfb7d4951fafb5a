/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The scripts in a Redis of their own answer what reg_gcra.h does.  In most
 * tests the time is given to them, and keys do not expire.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "random.h"
#include "reg_gcra.h"
#include "reg_limit_script.h"

#define MICROSECOND  1000LL
#define SECOND       1000000000LL
#define START        1700000000LL               /* seconds of Unix time */
#define RUNS         200
#define STEPS        50                         /* of a run */

#define TIME         "redis.call('TIME')"
#define GIVEN        "{ARGV[#ARGV - 1], ARGV[#ARGV]}"
#define EXPIRY       ",\n    'PX'"

typedef struct {
    char           dir[32];
    char           path[64];
    pid_t          pid;
    redisContext  *redis;
} server_t;


static int
start(void **state)
{
    size_t           i;
    static server_t  server;

    strcpy(server.dir, "/tmp/registry-test.XXXXXX");

    if (mkdtemp(server.dir) == NULL) {
        return -1;
    }

    snprintf(server.path, sizeof(server.path), "%s/redis", server.dir);

    server.pid = fork();

    if (server.pid == 0) {
        (void) unsetenv("LD_PRELOAD");
        (void) !freopen("/dev/null", "w", stdout);

        execlp("redis-server", "redis-server", "--port", "0", "--save", "",
               "--unixsocket", server.path, "--dir", server.dir,
               (char *) NULL);
        _exit(127);
    }

    for (i = 0; i < 1000; i++) {
        server.redis = redisConnectUnix(server.path);

        if (server.redis && server.redis->err == 0) {
            *state = &server;
            return 0;
        }

        redisFree(server.redis);
        usleep(10000);
    }

    return -1;
}


static int
leave(void **state)
{
    server_t *server = *state;

    redisFree(server->redis);

    kill(server->pid, SIGTERM);
    waitpid(server->pid, NULL, 0);

    unlink(server->path);

    return rmdir(server->dir);
}


/* A script that is given the time behind its arguments. */

static char *
timed(reg_str_t script)
{
    char  *text, *to, *from, *expiry;

    from = strndup((char *) script.data, script.len);
    text = malloc(script.len + sizeof(GIVEN));

    assert_non_null(from);
    assert_non_null(text);

    to = strstr(from, TIME);
    assert_non_null(to);

    sprintf(text, "%.*s" GIVEN "%s", (int) (to - from), from,
            to + sizeof(TIME) - 1);
    free(from);

    expiry = strstr(text, EXPIRY);
    assert_non_null(expiry);

    to = strstr(expiry, "+ 1))");
    assert_non_null(to);
    to += sizeof("+ 1)") - 1;

    memmove(expiry, to, strlen(to) + 1);

    return text;
}


static reg_rate_t
random_rate(void)
{
    char         text[64];
    reg_rate_t   rate;
    reg_error_t  error;

    static const char  *rates[] = {
        "1/1s", "1/31d", "1000000r/s", "1000000000/31d", "100/6h", "7/3d",
        "3r/s", "999983/1h"
    };

    do {
        if (random_below(2)) {
            assert_int_equal(reg_rate_parse(&rate, reg_str(rates[
                                 random_below(sizeof(rates)
                                              / sizeof(rates[0]))]), &error),
                             REG_OK);

        } else {
            snprintf(text, sizeof(text), "%zu/%zus",
                     random_below(1000000) + 1,
                     random_below(REG_RATE_WINDOW_MAX) + 1);

            if (reg_rate_parse(&rate, reg_str(text), &error) != REG_OK) {
                continue;
            }
        }

        snprintf(text, sizeof(text), "%zu",
                 random_below(random_below(2) ? 10 : 1000000) + 1);

    } while (reg_rate_burst(&rate, reg_str(text), &error) != REG_OK);

    return rate;
}


/* The same time for both; a Redis has whole microseconds. */

static void
step(server_t *server, char *const scripts[2], const reg_gcra_t *gcra,
    int64_t *mark, int64_t now)
{
    int64_t             ahead, mine;
    uint32_t            want, n;
    redisReply         *reply;
    reg_gcra_answer_t   answer;

    want = (uint32_t) random_below(random_below(4) ? 4 : 5000);

    if (random_below(4) == 0) {
        reply = redisCommand(server->redis,
                             "EVAL %s 1 k %lld %u %lld 0 %lld %lld",
                             scripts[1], (long long) gcra->interval, want,
                             (long long) (now / MICROSECOND),
                             (long long) (now / SECOND),
                             (long long) (now % SECOND / MICROSECOND));

        assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
        assert_int_equal(reply->integer, want);

        for (n = 0; n < want; n++) {
            *mark = reg_gcra_refund(gcra, *mark);
        }

        freeReplyObject(reply);
        return;
    }

    for (n = 0; n < want; n++) {
        *mark = reg_gcra_take(gcra, *mark, now, &answer);

        if (answer.wait > 0) {
            break;
        }
    }

    mine = *mark > now ? *mark - now : 0;

    reply = redisCommand(server->redis, "EVAL %s 1 k %lld %lld %u %lld %lld",
                         scripts[0], (long long) gcra->interval,
                         (long long) gcra->tolerance, want,
                         (long long) (now / SECOND),
                         (long long) (now % SECOND / MICROSECOND));

    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 3);

    ahead = reply->element[1]->integer;

    if (reply->element[0]->integer != n || ahead != mine) {
        fail_msg("of %u Redis grants %lld, and is ahead by %lld; here it is "
                 "%u and %lld, with %lld for each and %lld for all", want,
                 reply->element[0]->integer, (long long) ahead, n,
                 (long long) mine, (long long) gcra->interval,
                 (long long) gcra->tolerance);
    }

    assert_int_equal(reply->element[2]->integer, now / MICROSECOND);

    freeReplyObject(reply);
}


static void
test_it_grants_what_gcra_does(void **state)
{
    server_t *server = *state;

    char        *scripts[2];
    size_t       run, i;
    int64_t      mark, now, pause;
    reg_rate_t   rate;
    reg_gcra_t   gcra;

    scripts[0] = timed(reg_limit_script_take);
    scripts[1] = timed(reg_limit_script_refund);

    for (run = 0; run < rounds(RUNS); run++) {
        rate = random_rate();
        reg_gcra_init(&gcra, &rate);

        mark = 0;
        now = START * SECOND + (int64_t) random_below(1000000) * MICROSECOND;

        freeReplyObject(redisCommand(server->redis, "DEL k"));

        for (i = 0; i < STEPS; i++) {
            step(server, scripts, &gcra, &mark, now);

            pause = gcra.interval * (int64_t) random_below(10) / 4;
            now += (pause + (int64_t) random_below(5000)) / MICROSECOND
                   * MICROSECOND;
        }
    }

    free(scripts[0]);
    free(scripts[1]);
}


static redisReply *
ask(server_t *server, reg_str_t script, const char *arguments)
{
    char         command[256];
    redisReply  *reply;

    snprintf(command, sizeof(command), "EVAL %%b 1 %s", arguments);

    reply = redisCommand(server->redis, command, script.data, script.len);
    assert_non_null(reply);

    return reply;
}


static void
test_a_mark_is_gone_when_it_is_past(void **state)
{
    server_t *server = *state;

    redisReply  *reply;

    /* 5 permits of 100 s each */

    freeReplyObject(ask(server, reg_limit_script_take,
                        "m 100000000000 1000000000000 5"));

    reply = redisCommand(server->redis, "PTTL m");
    assert_in_range(reply->integer, 500000 - 60000, 500001);
    freeReplyObject(reply);

    /* who only looks writes nothing */

    freeReplyObject(ask(server, reg_limit_script_take,
                        "looked 100000000000 1000000000000 0"));

    reply = redisCommand(server->redis, "EXISTS looked");
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);
}


static void
test_a_clock_that_went_back_locks_nobody_out(void **state)
{
    server_t *server = *state;

    redisReply  *reply;

    /* the mark is ten years ahead: nothing is left, and it grows from now */

    freeReplyObject(redisCommand(server->redis,
                                 "SET back %lld.000000000 EX 1000",
                                 (long long) time(NULL) + 315360000));

    reply = ask(server, reg_limit_script_take,
                "back 1000000000 10000000000 3");
    assert_int_equal(reply->element[0]->integer, 0);
    assert_int_equal(reply->element[1]->integer, 10 * SECOND);
    freeReplyObject(reply);

    /* which it does only if that is what is kept */

    reply = redisCommand(server->redis, "GET back");
    assert_true(strtoll(reply->str, NULL, 10) <= time(NULL) + 10);
    freeReplyObject(reply);
}


static void
test_what_is_too_old_is_not_taken_back(void **state)
{
    server_t *server = *state;

    char         arguments[128];
    long long    at;
    redisReply  *reply;

    reply = ask(server, reg_limit_script_take,
                "r 100000000000 1000000000000 5");
    at = reply->element[2]->integer;
    freeReplyObject(reply);

    snprintf(arguments, sizeof(arguments), "r 100000000000 5 %lld 1000000",
             at - 1000001);
    reply = ask(server, reg_limit_script_refund, arguments);
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);

    snprintf(arguments, sizeof(arguments), "r 100000000000 5 %lld 1000000",
             at + 60000000);
    reply = ask(server, reg_limit_script_refund, arguments);
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);

    snprintf(arguments, sizeof(arguments), "r 100000000000 5 %lld 60000000",
             at);
    reply = ask(server, reg_limit_script_refund, arguments);
    assert_int_equal(reply->integer, 5);
    freeReplyObject(reply);

    reply = redisCommand(server->redis, "EXISTS r");
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);
}


static void
test_hosts_are_counted(void **state)
{
    server_t *server = *state;

    int          i;
    char         arguments[64];
    redisReply  *reply;

    for (i = 1; i <= 3; i++) {
        snprintf(arguments, sizeof(arguments), "h host%d 10", i);
        reply = ask(server, reg_limit_script_hosts, arguments);
        assert_int_equal(reply->integer, i);
        freeReplyObject(reply);
    }

    /* one that was not heard of for long is none */

    freeReplyObject(redisCommand(server->redis, "ZADD h 1000 host2"));

    reply = ask(server, reg_limit_script_hosts, "h host1 10");
    assert_int_equal(reply->integer, 2);
    freeReplyObject(reply);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_it_grants_what_gcra_does),
        cmocka_unit_test(test_a_mark_is_gone_when_it_is_past),
        cmocka_unit_test(test_a_clock_that_went_back_locks_nobody_out),
        cmocka_unit_test(test_what_is_too_old_is_not_taken_back),
        cmocka_unit_test(test_hosts_are_counted)
    };

    return cmocka_run_group_tests(tests, start, leave);
}
