/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* LDFLAGS: -Wl,--wrap=redisReaderCreate,--wrap=redisReaderFeed */
/* LDFLAGS: -Wl,--wrap=redisReaderGetReply,--wrap=redisFormatCommandArgv */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_resp.h"
#include "wrap_malloc.h"

#define ID  "a1B2c3D4e5F6"

typedef struct {
    const char  *text;
    const char  *answer;
} resp_case_t;


/* Calls of hiredis that fail: the library is beyond the reach of --wrap. */

static int     no_memory;
static int     no_reader;
static size_t  readers;             /* that were created */

#ifdef REG_RESP_PUSHES
static int     pushes;              /* feed() allows them */
#endif

/* an int in hiredis 0.14, a long long in 1.x */

typedef __typeof__(redisFormatCommandArgv(NULL, 0, NULL, NULL))  length_t;

redisReader *__real_redisReaderCreate(void);
int __real_redisReaderFeed(redisReader *reader, const char *data, size_t len);
int __real_redisReaderGetReply(redisReader *reader, void **reply);
length_t __real_redisFormatCommandArgv(char **out, int argc, const char **argv,
    const size_t *sizes);
redisReader *__wrap_redisReaderCreate(void);
int __wrap_redisReaderFeed(redisReader *reader, const char *data, size_t len);
int __wrap_redisReaderGetReply(redisReader *reader, void **reply);
length_t __wrap_redisFormatCommandArgv(char **out, int argc, const char **argv,
    const size_t *sizes);


redisReader *
__wrap_redisReaderCreate(void)
{
    readers++;

    return no_memory || no_reader ? NULL : __real_redisReaderCreate();
}


int
__wrap_redisReaderFeed(redisReader *reader, const char *data, size_t len)
{
    if (no_memory) {
        reader->err = REDIS_ERR_OOM;
        return REDIS_ERR;
    }

    return __real_redisReaderFeed(reader, data, len);
}


int
__wrap_redisReaderGetReply(redisReader *reader, void **reply)
{
    if (no_memory) {
        reader->err = REDIS_ERR_OOM;
        return REDIS_ERR;
    }

    return __real_redisReaderGetReply(reader, reply);
}


length_t
__wrap_redisFormatCommandArgv(char **out, int argc, const char **argv,
    const size_t *sizes)
{
    return no_memory ? -1
                     : __real_redisFormatCommandArgv(out, argc, argv, sizes);
}


/* Writes a reply as one would write it for a person. */

static size_t
dump(char *out, size_t size, const redisReply *reply)
{
    size_t  i, len;

    len = 0;

#define ADD(...)                                                              \
    len += (size_t) snprintf(out + len, size - len, __VA_ARGS__);             \
    assert_true(len < size)

    switch (reply->type) {

    case REDIS_REPLY_STATUS:
        ADD("+%.*s", (int) reply->len, reply->str);
        break;

    case REDIS_REPLY_ERROR:
        ADD("-%.*s", (int) reply->len, reply->str);
        break;

    case REDIS_REPLY_STRING:
        ADD("\"%.*s\"", (int) reply->len, reply->str);
        break;

    case REDIS_REPLY_INTEGER:
        ADD("%lld", reply->integer);
        break;

    case REDIS_REPLY_NIL:
        ADD("nil");
        break;

    default:
#ifdef REG_RESP_PUSHES
        if (reply->type == REDIS_REPLY_PUSH) {
            ADD(">");

        } else if (reply->type == REDIS_REPLY_MAP) {
            ADD("%%");

        } else
#endif
        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
        ADD("[");

        for (i = 0; i < reply->elements; i++) {
            ADD("%s", i ? " " : "");
            len += dump(out + len, size - len, reply->element[i]);
        }

        ADD("]");
    }

    return len;
}


/*
 * Feeds text in pieces of so many bytes and writes the replies, then "more",
 * "broken" or nothing, if the text ends with a reply.
 */

static void
feed(char *out, size_t size, reg_str_t text, size_t piece)
{
    int           ended;
    size_t        i, n, len;
    reg_rc_t      rc, fed;
    reg_str_t     copy;
    redisReply   *reply;
    reg_resp_t   *resp;

    resp = reg_resp_create();
    assert_non_null(resp);

#ifdef REG_RESP_PUSHES
    if (pushes) {
        reg_resp_allow_pushes(resp);
    }
#endif

    len = 0;
    out[0] = '\0';
    ended = 1;

    for (i = 0; i < text.len; i += n) {
        n = text.len - i < piece ? text.len - i : piece;
        copy = exact_copy((reg_str_t) { n, text.data + i });

        fed = reg_resp_feed(resp, copy.data, copy.len);

        free(copy.data);

        ended = 0;

        for ( ;; ) {
            rc = reg_resp_next(resp, &reply);

            if (rc != REG_OK) {
                break;
            }

            len += dump(out + len, size - len, reply);
            ADD(";");
            freeReplyObject(reply);

            ended = 1;
        }

        assert_null(reply);

        if (fed == REG_INVALID || rc == REG_INVALID) {
            assert_int_equal(rc, REG_INVALID);
            ADD("broken");

            /* what is broken stays broken */

            assert_int_equal(reg_resp_feed(resp, (const unsigned char *)
                                           "+OK\r\n", 5), REG_INVALID);
            assert_int_equal(reg_resp_next(resp, &reply), REG_INVALID);

            reg_resp_free(resp);

            return;
        }

        assert_int_equal(fed, REG_OK);
        assert_int_equal(rc, REG_NOTFOUND);
    }

    if (!ended) {
        ADD("more");
    }

    reg_resp_free(resp);
}


static void
check_cases(const resp_case_t *cases, size_t n)
{
    char    out[4096];
    size_t  i, piece;

    static const size_t  pieces[] = { SIZE_MAX, 1, 2, 3, 7 };

    for (i = 0; i < n; i++) {

        for (piece = 0; piece < sizeof(pieces) / sizeof(pieces[0]); piece++) {
            feed(out, sizeof(out), reg_str(cases[i].text), pieces[piece]);

            if (strcmp(out, cases[i].answer) != 0) {
                fail_msg("%s in pieces of %zu:\n got \"%s\"\n not \"%s\"",
                         cases[i].text, pieces[piece], out, cases[i].answer);
            }
        }
    }
}

#define CHECK_CASES(cases)                                                    \
    check_cases(cases, sizeof(cases) / sizeof(cases[0]))


static void
test_replies(void **state)
{
    static const resp_case_t  cases[] = {
        { "", "" },
        { "+OK\r\n", "+OK;" },
        { "+\r\n", "+;" },
        { "-ERR no\r\n", "-ERR no;" },
        { ":0\r\n:-1\r\n:9223372036854775807\r\n",
          "0;-1;9223372036854775807;" },
        { "$5\r\na\r\nb\n\r\n", "\"a\r\nb\n\";" },
        { "$0\r\n\r\n", "\"\";" },
        { "$-1\r\n", "nil;" },
        { "*-1\r\n", "nil;" },
        { "*0\r\n", "[];" },
        { "*3\r\n:1\r\n$-1\r\n*2\r\n+a\r\n*0\r\n", "[1 nil [+a []]];" },
        { "+a\r\n$1\r\nb\r\n*1\r\n:3\r\n+d\r\n", "+a;\"b\";[3];+d;" },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
          "[[[[[[[1]]]]]]];" },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n*1\r\n*0\r\n",
          "[[[[[[[1]]]]]]];[[]];" },

        { "+OK", "more" },
        { "+OK\r", "more" },
        { "$3\r\nabc", "more" },
        { "$3\r\nabc\r", "more" },
        { "*2\r\n:1\r\n", "more" },
        { "*2\r\n:1\r\n*1\r\n$-1\r", "more" }
    };

    (void) state;

    CHECK_CASES(cases);
}


/* What came before is still answered, whatever the pieces. */

static void
test_broken(void **state)
{
    static const resp_case_t  cases[] = {
        { "HTTP/1.1 400 Bad Request\r\n", "broken" },
        { "\r\n", "broken" },
        { "+OK\r\nx", "+OK;broken" },
        { "+OK\n", "broken" },
        { "+O\rK\r\n", "broken" },
        { "+OK\r\r\n", "broken" },
        { ":\r\n", "broken" },
        { ":x\r\n", "broken" },
        { ":9223372036854775808\r\n", "broken" },
        { ":1\r\n:1x\r\n", "1;broken" },
        { "$\r\n", "broken" },
        { "$-2\r\n", "broken" },
        { "$-0\r\n", "broken" },
        { "$+1\r\na\r\n", "broken" },
        { "$01\r\na\r\n", "broken" },
        { "$1 \r\na\r\n", "broken" },
        { "$1\r\nabc", "broken" },
        { "$1\r\na\rx", "broken" },
        { "*\r\n", "broken" },
        { "*-2\r\n", "broken" },
        { "*x\r\n", "broken" },

        /* RESP3 was not asked for */

        { "_\r\n", "broken" },
        { "#t\r\n", "broken" },
        { ",1.5\r\n", "broken" },
        { "(1\r\n", "broken" },
        { "%1\r\n+a\r\n+b\r\n", "broken" },
        { "~1\r\n+a\r\n", "broken" },
        { ">1\r\n+a\r\n", "broken" },
        { "=5\r\ntxt:a\r\n", "broken" },
        { "!1\r\na\r\n", "broken" },
        { "*?\r\n", "broken" },
        { "$?\r\n", "broken" }
    };

    (void) state;

    CHECK_CASES(cases);
}


#ifdef REG_RESP_PUSHES

/* Where they are allowed; all else of RESP3 stays unasked for. */

static void
test_pushes(void **state)
{
    static const resp_case_t  cases[] = {
        { ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"
          "+PONG\r\n",
          ">[\"invalidate\" [\"a\"]];+PONG;" },
        { ">2\r\n$10\r\ninvalidate\r\n_\r\n", ">[\"invalidate\" nil];" },
        { "%2\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*1\r\n%1\r\n+a\r\n"
          ":1\r\n",
          "%[\"proto\" 3 \"modules\" [%[+a 1]]];" },
        { "%0\r\n", "%[];" },
        { "*1\r\n>1\r\n:1\r\n", "[>[1]];" },
        { "%1\r\n:1\r\n", "more" },
        { ">1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n%1\r\n:1\r\n:2\r\n",
          ">[[[[[[%[1 2]]]]]]];" },

        { "_x\r\n", "broken" },
        { "%32769\r\n", "broken" },
        { "%9999999\r\n", "broken" },
        { ">65537\r\n", "broken" },
        { "%-2\r\n", "broken" },
        { "%x\r\n", "broken" },
        { "#t\r\n", "broken" },
        { ",1.5\r\n", "broken" },
        { "(1\r\n", "broken" },
        { "~1\r\n+a\r\n", "broken" },
        { "=5\r\ntxt:a\r\n", "broken" },
        { "|1\r\n+a\r\n+b\r\n", "broken" },
        { "!1\r\na\r\n", "broken" }
    };

    (void) state;

    pushes = 1;
    CHECK_CASES(cases);
    pushes = 0;
}

#endif


/* A length is refused when it is announced, nothing of it having come. */

static void
test_caps(void **state)
{
    static const resp_case_t  cases[] = {
        { "*1000000000\r\n", "broken" },
        { "*65537\r\n", "broken" },
        { "*65536\r\n", "more" },
        { "*2\r\n*65534\r\n", "more" },
        { "*2\r\n*65535\r\n", "broken" },
        { "*2147483647\r\n", "broken" },
        { "*4294967297\r\n", "broken" },
        { "*18446744073709551617\r\n", "broken" },
        { "$4000000000\r\n", "broken" },
        { "$9223372036854775807\r\n", "broken" },
        { "$18446744073709551615\r\n", "broken" },
        { "$4194305\r\n", "broken" },

        /* the length and the two line ends are bytes of the reply too */

        { "$4194292\r\n", "more" },
        { "$4194295\r\n", "broken" },
        { "*2\r\n+a\r\n$4194293\r\n", "broken" },

        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*", "broken" },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n", "broken" }
    };

    (void) state;

    CHECK_CASES(cases);
}


static void
test_longest(void **state)
{
    char            out[64];
    size_t          len, room;
    redisReply     *reply;
    reg_resp_t     *resp;
    unsigned char  *text;

    (void) state;

    room = REG_RESP_REPLY_MAX + 64;
    text = malloc(room);
    assert_non_null(text);

    /* a reply of exactly the cap */

    len = (size_t) snprintf((char *) text, room, "$4194292\r\n");
    memset(text + len, 'x', 4194292);
    memcpy(text + len + 4194292, "\r\n", 2);
    len += 4194294;
    assert_int_equal(len, REG_RESP_REPLY_MAX);

    resp = reg_resp_create();
    assert_non_null(resp);

    assert_int_equal(reg_resp_feed(resp, text, len), REG_OK);
    assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
    assert_int_equal(reply->len, 4194292);
    freeReplyObject(reply);
    assert_int_equal(reg_resp_next(resp, &reply), REG_NOTFOUND);

    /* and the next one finds everything as at first */

    assert_int_equal(reg_resp_feed(resp, text, len), REG_OK);
    assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
    freeReplyObject(reply);

    assert_int_equal(reg_resp_feed(resp, (const unsigned char *) ":1\r\n", 4),
                     REG_OK);
    assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
    assert_int_equal(reply->integer, 1);
    freeReplyObject(reply);

    /* who does not take replies gets no more of them */

    assert_int_equal(reg_resp_feed(resp, text, len), REG_OK);
    assert_int_equal(reg_resp_feed(resp, text, 1), REG_OK);
    assert_int_equal(reg_resp_feed(resp, text + 1, 1), REG_INVALID);
    assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
    freeReplyObject(reply);
    assert_int_equal(reg_resp_next(resp, &reply), REG_INVALID);

    reg_resp_free(resp);

    /* a line */

    memset(text, 'x', room);
    text[0] = '+';
    memcpy(text + 1 + REG_RESP_LINE_MAX, "\r\n", 2);

    resp = reg_resp_create();
    assert_non_null(resp);

    assert_int_equal(reg_resp_feed(resp, text, REG_RESP_LINE_MAX + 3), REG_OK);
    assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
    assert_int_equal(reply->len, REG_RESP_LINE_MAX);
    freeReplyObject(reply);

    reg_resp_free(resp);

    text[1 + REG_RESP_LINE_MAX] = 'x';
    feed(out, sizeof(out), (reg_str_t) { REG_RESP_LINE_MAX + 2, text },
         SIZE_MAX);
    assert_string_equal(out, "broken");

    free(text);
}


static void
test_most_elements(void **state)
{
    size_t          i, len;
    redisReply     *reply;
    reg_resp_t     *resp;
    unsigned char  *text;

    (void) state;

    text = malloc(16 + REG_RESP_ELEMENTS_MAX * 4);
    assert_non_null(text);

    len = (size_t) snprintf((char *) text, 16, "*65536\r\n");

    for (i = 0; i < REG_RESP_ELEMENTS_MAX; i++) {
        memcpy(text + len, ":1\r\n", 4);
        len += 4;
    }

    resp = reg_resp_create();
    assert_non_null(resp);

    /* each reply has its own count */

    for (i = 0; i < 2; i++) {
        assert_int_equal(reg_resp_feed(resp, text, len), REG_OK);
        assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
        assert_int_equal(reply->elements, REG_RESP_ELEMENTS_MAX);
        freeReplyObject(reply);
    }

    reg_resp_free(resp);
    free(text);
}


/* Random replies come out as they went in, however they are cut. */

static size_t
random_reply(unsigned char *p, char *out, unsigned depth)
{
    size_t      i, n, len, shown;
    reg_str_t   text;

    unsigned char  buf[64];

    switch (random_below(depth < REG_RESP_DEPTH_MAX ? 6 : 5)) {

    case 0:
        text = random_text(buf, 40, "ab c:*$");
        len = (size_t) sprintf((char *) p, "+%.*s\r\n", REG_FMT(text));
        (void) sprintf(out, "+%.*s", REG_FMT(text));
        return len;

    case 1:
        text = random_text(buf, 40, "AB c-");
        len = (size_t) sprintf((char *) p, "-%.*s\r\n", REG_FMT(text));
        (void) sprintf(out, "-%.*s", REG_FMT(text));
        return len;

    case 2:
        n = random_below(100000);
        len = (size_t) sprintf((char *) p, ":-%zu\r\n", n + 1);
        (void) sprintf(out, "-%zu", n + 1);
        return len;

    case 3:
        text = random_text(buf, 40, "ab\r\n+-:$*");
        len = (size_t) sprintf((char *) p, "$%zu\r\n%.*s\r\n", text.len,
                               REG_FMT(text));
        (void) sprintf(out, "\"%.*s\"", REG_FMT(text));
        return len;

    case 4:
        (void) sprintf(out, "nil");
        return (size_t) sprintf((char *) p, "%c-1\r\n",
                                random_below(2) ? '*' : '$');

    default:
        n = random_below(4);
        len = (size_t) sprintf((char *) p, "*%zu\r\n", n);
        shown = (size_t) sprintf(out, "[");

        for (i = 0; i < n; i++) {
            shown += (size_t) sprintf(out + shown, "%s", i ? " " : "");
            len += random_reply(p + len, out + shown, depth + 1);
            shown += strlen(out + shown);
        }

        (void) sprintf(out + shown, "]");
        return len;
    }
}


static void
test_round_trip(void **state)
{
    size_t     round, i, n, len, shown;
    reg_str_t  text;

    static char           wanted[1 << 20], got[1 << 20];
    static unsigned char  bytes[1 << 20];

    (void) state;

    for (round = 0; round < 3000; round++) {
        n = 1 + random_below(5);
        len = 0;
        shown = 0;

        for (i = 0; i < n; i++) {
            len += random_reply(bytes + len, wanted + shown, 0);
            shown += strlen(wanted + shown);
            wanted[shown++] = ';';
            wanted[shown] = '\0';
        }

        text = (reg_str_t) { len, bytes };

        feed(got, sizeof(got), text, SIZE_MAX);
        assert_string_equal(got, wanted);

        feed(got, sizeof(got), text, 1 + random_below(20));
        assert_string_equal(got, wanted);
    }
}


static void
test_command(void **state)
{
    size_t          i, len;
    reg_str_t       many[17], *most, huge;
    unsigned char  *out;

    static const char  wanted[] =
        "*3\r\n$3\r\nSET\r\n$5\r\na\0\r\nb\r\n$0\r\n\r\n";

    const reg_str_t  argv[] = {
        REG_STR("SET"), REG_STR("a\0\r\nb"), REG_STR_NULL
    };

    (void) state;

    assert_int_equal(reg_resp_command(&out, &len, 3, argv), REG_OK);
    assert_int_equal(len, sizeof(wanted) - 1);
    assert_memory_equal(out, wanted, len);
    free(out);

    /* more than are kept without asking for memory */

    for (i = 0; i < 17; i++) {
        many[i] = REG_STR("x");
    }

    assert_int_equal(reg_resp_command(&out, &len, 17, many), REG_OK);
    assert_int_equal(len, 5 + 17 * 7);
    assert_memory_equal(out, "*17\r\n$1\r\nx\r\n", 12);
    free(out);

    for (i = 1; i <= 2; i++) {
        wrap_malloc_arm(i);
        assert_int_equal(reg_resp_command(&out, &len, 17, many), REG_NOMEM);
        assert_true(wrap_malloc_disarm());
    }

    no_memory = 1;
    assert_int_equal(reg_resp_command(&out, &len, 3, argv), REG_NOMEM);
    no_memory = 0;

    /* caps */

    assert_int_equal(reg_resp_command(&out, &len, 0, argv), REG_INVALID);

    huge.len = REG_RESP_COMMAND_MAX + 1;
    huge.data = calloc(1, huge.len);
    assert_non_null(huge.data);

    assert_int_equal(reg_resp_command(&out, &len, 1, &huge), REG_INVALID);

    huge.len--;
    assert_int_equal(reg_resp_command(&out, &len, 1, &huge), REG_OK);
    assert_int_equal(len, huge.len + sizeof("*1\r\n$16777216\r\n\r\n") - 1);
    free(out);

    many[0] = huge;
    assert_int_equal(reg_resp_command(&out, &len, 2, many), REG_INVALID);

    free(huge.data);

    most = calloc(REG_RESP_ARGS_MAX + 1, sizeof(reg_str_t));
    assert_non_null(most);

    assert_int_equal(reg_resp_command(&out, &len, REG_RESP_ARGS_MAX + 1, most),
                     REG_INVALID);
    assert_int_equal(reg_resp_command(&out, &len, REG_RESP_ARGS_MAX, most),
                     REG_OK);
    free(out);
    free(most);
}


static void
test_no_memory(void **state)
{
    redisReply  *reply;
    reg_resp_t  *resp;

    (void) state;

    wrap_malloc_arm(1);
    assert_null(reg_resp_create());
    assert_true(wrap_malloc_disarm());

    no_memory = 1;
    assert_null(reg_resp_create());
    no_memory = 0;

    resp = reg_resp_create();
    assert_non_null(resp);

    no_memory = 1;
    assert_int_equal(reg_resp_feed(resp, (const unsigned char *) "+OK\r\n", 5),
                     REG_NOMEM);
    no_memory = 0;

    /* half of a reply may be lost, so nothing more is taken */

    assert_int_equal(reg_resp_feed(resp, (const unsigned char *) "+OK\r\n", 5),
                     REG_NOMEM);
    assert_int_equal(reg_resp_next(resp, &reply), REG_NOMEM);
    assert_null(reply);

    reg_resp_free(resp);

    resp = reg_resp_create();
    assert_non_null(resp);

    assert_int_equal(reg_resp_feed(resp, (const unsigned char *) "+OK\r\n", 5),
                     REG_OK);
    no_memory = 1;
    assert_int_equal(reg_resp_next(resp, &reply), REG_NOMEM);
    no_memory = 0;
    assert_null(reply);

    reg_resp_free(resp);
    reg_resp_free(NULL);
}


/*
 * After a long reply the buffer is given back with its reader, unless a part of
 * the next reply is in it, and kept where that fails.
 */

static void
test_buffer(void **state)
{
    size_t          i, len;
    redisReply     *reply;
    reg_resp_t     *resp;
    unsigned char  *text;

    static const struct {
        size_t  behind;             /* bytes of the next reply */
        int     no_reader;
        size_t  readers;
    } cases[] = {
        { 0, 0, 1 },
        { 1, 0, 1 },                /* once the next reply is complete */
        { 0, 1, 1 },
        { 0, 0, 1 }
    };

    (void) state;

    text = malloc(200000);
    assert_non_null(text);

    len = (size_t) snprintf((char *) text, 16, "$100000\r\n");
    memset(text + len, 'x', 100000);
    memcpy(text + len + 100000, "\r\n+", 3);
    len += 100002;

    resp = reg_resp_create();
    assert_non_null(resp);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        readers = 0;
        no_reader = cases[i].no_reader;

        assert_int_equal(reg_resp_feed(resp, text, len + cases[i].behind),
                         REG_OK);
        assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
        assert_int_equal(reply->len, 100000);
        freeReplyObject(reply);

        no_reader = 0;

        if (cases[i].behind) {
            assert_int_equal(readers, 0);
            assert_int_equal(reg_resp_feed(resp, (const unsigned char *)
                                           "OK\r\n", 4), REG_OK);
            assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
            assert_string_equal(reply->str, "OK");
            freeReplyObject(reply);
        }

        assert_int_equal(readers, cases[i].readers);
    }

    /* a short one keeps what there is */

    readers = 0;

    for (i = 0; i < 3; i++) {
        assert_int_equal(reg_resp_feed(resp, (const unsigned char *)
                                       ":1\r\n", 4), REG_OK);
        assert_int_equal(reg_resp_next(resp, &reply), REG_OK);
        freeReplyObject(reply);
    }

    assert_int_equal(readers, 0);

    reg_resp_free(resp);
    free(text);
}


static redisReply *
error_reply(const char *text)
{
    static redisReply  reply;
    static char        buf[1024];

    memset(&reply, 0, sizeof(reply));

    reply.type = REDIS_REPLY_ERROR;
    reply.len = strlen(text);
    reply.str = memcpy(buf, text, reply.len + 1);

    return &reply;
}


static void
test_errors(void **state)
{
    size_t  i;

    static const struct {
        const char        *text;
        reg_resp_error_t   error;
    } cases[] = {
        { "MOVED 3999 127.0.0.1:6381", REG_RESP_MOVED },
        { "ASK 3999 127.0.0.1:6381", REG_RESP_ASK },
        { "TRYAGAIN Multiple keys request during rehashing of slot",
          REG_RESP_TRYAGAIN },
        { "CLUSTERDOWN The cluster is down", REG_RESP_CLUSTERDOWN },
        { "LOADING Redis is loading the dataset in memory", REG_RESP_LOADING },
        { "READONLY You can't write against a read only replica.",
          REG_RESP_READONLY },
        { "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is "
          "set to 'no'.", REG_RESP_MASTERDOWN },
        { "BUSY Redis is busy running a script.", REG_RESP_BUSY },
        { "OOM command not allowed when used memory > 'maxmemory'.",
          REG_RESP_OOM },
        { "NOSCRIPT No matching script. Please use EVAL.", REG_RESP_NOSCRIPT },
        { "NOAUTH Authentication required.", REG_RESP_NOAUTH },
        { "WRONGPASS invalid username-password pair or user is disabled.",
          REG_RESP_NOAUTH },
        { "NOPERM this user has no permissions to run the 'get' command",
          REG_RESP_NOPERM },
        { "MISCONF Redis is configured to save RDB snapshots, but it's "
          "currently unable to persist to disk.", REG_RESP_MISCONF },
        { "READONLY", REG_RESP_READONLY },
        { "ERR unknown command 'MOVED'", REG_RESP_OTHER },
        { "BUSYGROUP Consumer Group name already exists", REG_RESP_OTHER },
        { "BUS", REG_RESP_OTHER },
        { "moved 1 a:1", REG_RESP_OTHER },
        { " MOVED 1 a:1", REG_RESP_OTHER },
        { "", REG_RESP_OTHER }
    };

    redisReply  *reply;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = error_reply(cases[i].text);
        assert_int_equal(reg_resp_error(reply), cases[i].error);
    }

    /* a string that says LOADING is a string */

    reply = error_reply("LOADING");
    reply->type = REDIS_REPLY_STRING;
    assert_int_equal(reg_resp_error(reply), REG_RESP_NO_ERROR);
}


static void
test_error_text(void **state)
{
    char          longest[600], wanted[256];
    redisReply   *reply;
    reg_error_t   text;

    (void) state;

    reg_resp_error_text(&text, error_reply("ERR a\tb\x1b[31m\xc3\xa9"));
    assert_string_equal(text.text, "ERR a?b?[31m??");

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memset(wanted, 'x', sizeof(wanted) - 1);
    wanted[sizeof(wanted) - 1] = '\0';

    reg_resp_error_text(&text, error_reply(longest));
    assert_string_equal(text.text, wanted);

    /* values of records do not get into logs */

    reply = error_reply("secret");
    reply->type = REDIS_REPLY_STRING;
    reg_resp_error_text(&text, reply);
    assert_string_equal(text.text, "no error");
}


static void
test_redirect(void **state)
{
    static const resp_case_t  cases[] = {
        { "MOVED 3999 127.0.0.1:6381", "3999 127.0.0.1 6381" },
        { "ASK 0 redis_1.example-a.com:1", "0 redis_1.example-a.com 1" },
        { "MOVED 16383 2001:db8::1:65535", "16383 2001:db8::1 65535" },
        { "MOVED 16383 ::1:65535", "16383 ::1 65535" },
        { "MOVED 1 :6379", "1  6379" },

        { "MOVED 1 ?:6379", "invalid" },
        { "MOVED 16384 a:1", "invalid" },
        { "MOVED 99999999999 a:1", "invalid" },
        { "MOVED -1 a:1", "invalid" },
        { "MOVED  1 a:1", "invalid" },
        { "MOVED a:1", "invalid" },
        { "MOVED 1", "invalid" },
        { "MOVED 1 ", "invalid" },
        { "MOVED", "invalid" },
        { "MOVED 1 a", "invalid" },
        { "MOVED 1 a:", "invalid" },
        { "MOVED 1 a:0", "invalid" },
        { "MOVED 1 a:65536", "invalid" },
        { "MOVED 1 a:1 x", "invalid" },
        { "MOVED 1 [::1]:1", "invalid" },
        { "MOVED 1 a/b:1", "invalid" },
        { "MOVED 1 a\r\nb:1", "invalid" },
        { "ERR 1 a:1", "invalid" },
        { "MOVED 1 "
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          ":1", "invalid" }
    };

    char         out[512];
    size_t       i;
    unsigned     slot, port;
    reg_str_t    host;
    redisReply  *reply;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = error_reply(cases[i].text);

        (void) snprintf(out, sizeof(out), "invalid");

        if (reg_resp_redirect(reply, &slot, &host, &port) == REG_OK) {
            (void) snprintf(out, sizeof(out), "%u %.*s %u", slot,
                            REG_FMT(host), port);
        }

        assert_string_equal(out, cases[i].answer);
    }
}


/* The vector of the specification, and what CLUSTER KEYSLOT of Redis says. */

static void
test_slots(void **state)
{
    size_t  i;

    static const struct {
        const char  *key;
        unsigned     slot;
    } cases[] = {
        { "123456789", 0x31c3 },       /* less than 16384 as it is */
        { "", 0 },
        { "foo", 12182 },
        { "bar", 5061 },
        { "{foo}", 12182 },
        { "{foo}bar", 12182 },
        { "x{foo}{bar}", 12182 },
        { "x{foo}bar}", 12182 },
        { "foo{}{bar}", 8363 },
        { "foo{{bar}}zap", 4015 },
        { "foo{bar}{zap}", 5061 },
        { "{foo", 13308 },
        { "foo}", 15679 },
        { "}{foo}", 12182 },
        { "foo{", 7673 },
        { "{}", 15257 },
        { "registry:key:" ID, 9519 }
    };

    unsigned    slot;
    reg_str_t   copy;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy = exact_copy(reg_str(cases[i].key));
        slot = reg_redis_slot(copy);

        if (slot != cases[i].slot) {
            fail_msg("%s is in slot %u, not in %u", cases[i].key, slot,
                     cases[i].slot);
        }

        free(copy.data);
    }
}


static void
test_keys(void **state)
{
    static const struct {
        reg_record_type_t   type;
        const char         *name;
        const char         *key;
    } cases[] = {
        { REG_RECORD_KEY, ID, "p:key:" ID },
        { REG_RECORD_TENANT, "acme", "p:tenant:acme" },
        { REG_RECORD_ROLE, "a.b_c-d", "p:role:a.b_c-d" },
        { REG_RECORD_REPOSITORY, "~^a/[0-9]{2}$",
          "p:repository:~^a/[0-9]{2}$" },
        { REG_RECORD_BUDGET, "label:a=b c", "p:budget:label:a=b c" },
        { REG_RECORD_ISSUER, "gh", "p:issuer:gh" }
    };

    static const char *const  others[] = {
        "", "p:", "p:key", "p:key:", "p:key:short", "p:key:a1B2c3D4e5F67",
        "p:key:a1B2c3D4e5F/", "p:tenant:", "p:tenant:Acme", "p:tenant:a/b",
        "p:tenant:a{b}", "p:keys:" ID, "p:role", "p:rolex", "p:audit",
        "p:issuers:x", "p:issuer:A", "p:repository:",
        "p:repository:a\"", "p:budget:a\\", "p:budget:a\n",
        "q:key:" ID, "key:" ID, "p:p:key:" ID, "P:key:" ID
    };

    size_t             i, len;
    reg_str_t          name, prefix, copy;
    unsigned char      buf[REG_REDIS_KEY_MAX];
    reg_record_type_t  type;

    (void) state;

    prefix = REG_STR("p:");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = reg_redis_key(buf, prefix, cases[i].type,
                            reg_str(cases[i].name));

        assert_int_equal(len, strlen(cases[i].key));
        assert_memory_equal(buf, cases[i].key, len);

        copy = exact_copy(reg_str(cases[i].key));

        assert_int_equal(reg_redis_key_parse(&type, &name, prefix, copy),
                         REG_OK);
        assert_int_equal(type, cases[i].type);
        assert_true(reg_str_eq(name, reg_str(cases[i].name)));

        free(copy.data);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        copy = exact_copy(reg_str(others[i]));

        assert_int_equal(reg_redis_key_parse(&type, &name, prefix, copy),
                         REG_NOTFOUND);

        free(copy.data);
    }

    /* without a prefix */

    len = reg_redis_key(buf, REG_STR_NULL, REG_RECORD_ROLE, REG_STR("a"));
    assert_int_equal(len, 6);
    assert_memory_equal(buf, "role:a", 6);

    /* the longest */

    memset(buf, 'x', sizeof(buf));
    prefix.data = malloc(64 + REG_TEXT_MAX);
    assert_non_null(prefix.data);
    memset(prefix.data, 'x', 64 + REG_TEXT_MAX);
    prefix.len = 64;
    name.data = prefix.data + 64;
    name.len = REG_TEXT_MAX;

    assert_true(reg_redis_key(buf, prefix, REG_RECORD_TENANT, name)
                <= REG_REDIS_KEY_MAX);

    free(prefix.data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_broken),
#ifdef REG_RESP_PUSHES
        cmocka_unit_test(test_pushes),
#endif
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_most_elements),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_error_text),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_keys)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
