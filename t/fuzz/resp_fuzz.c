/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What a Redis might send:
 *
 * -  no reply exceeds a cap;
 * -  byte by byte, in pieces and at once it is the same replies and the same
 *    end;
 * -  hiredis finds as many replies in what the scanner let through as the
 *    scanner did, unless what is inside a line does not please it;
 * -  all that with the pushes of RESP3, too, where hiredis has them: then they
 *    are allowed in what has an odd length.
 */

#include <stdlib.h>

#include "reg_resp.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

#define REPLIES_MAX  4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    size_t       n;
    redisReply  *replies[REPLIES_MAX];
    unsigned     broken:1;
} answers_t;


static void
check_reply(const redisReply *reply, size_t depth, size_t *elements,
    size_t *bytes)
{
    size_t  i;

    switch (reply->type) {

#ifdef REG_RESP_PUSHES
    case REDIS_REPLY_MAP:
    case REDIS_REPLY_PUSH:
#endif
    case REDIS_REPLY_ARRAY:
        CHECK(depth < REG_RESP_DEPTH_MAX);

        *elements += reply->elements;

        for (i = 0; i < reply->elements; i++) {
            check_reply(reply->element[i], depth + 1, elements, bytes);
        }

        break;

    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        CHECK(reply->len <= REG_RESP_LINE_MAX);
        CHECK(memchr(reply->str, '\r', reply->len) == NULL);
        CHECK(memchr(reply->str, '\n', reply->len) == NULL);

        /* fall through */

    case REDIS_REPLY_STRING:
        CHECK(reply->str[reply->len] == '\0');

        *bytes += reply->len;
        break;

    default:
        CHECK(reply->type == REDIS_REPLY_INTEGER
              || reply->type == REDIS_REPLY_NIL);
    }
}


/* Whoever gets a reply asks these about it. */

static void
check_uses(const redisReply *reply)
{
    unsigned           slot, port;
    reg_str_t          host, key, name;
    reg_error_t        text;
    unsigned char      buf[REG_REDIS_KEY_MAX];
    reg_resp_error_t   error;
    reg_record_type_t  type;

    error = reg_resp_error(reply);
    CHECK((error == REG_RESP_NO_ERROR) == (reply->type != REDIS_REPLY_ERROR));

    reg_resp_error_text(&text, reply);
    CHECK(strlen(text.text) < REG_ERROR_MAX);

    if (reg_resp_redirect(reply, &slot, &host, &port) == REG_OK) {
        CHECK(error == REG_RESP_MOVED || error == REG_RESP_ASK);
        CHECK(slot < REG_REDIS_SLOTS && port > 0 && port < 65536);
        CHECK(host.len <= REG_REDIS_HOST_MAX);
        CHECK((char *) host.data >= reply->str);
        CHECK((char *) host.data + host.len < reply->str + reply->len);
    }

    if (reply->type != REDIS_REPLY_STRING) {
        return;
    }

    key = (reg_str_t) { reply->len, (unsigned char *) reply->str };

    CHECK(reg_redis_slot(key) < REG_REDIS_SLOTS);

    if (reg_redis_key_parse(&type, &name, REG_STR("p:"), key) == REG_OK) {
        CHECK(reg_redis_key(buf, REG_STR("p:"), type, name) == key.len);
        CHECK(memcmp(buf, key.data, key.len) == 0);
    }
}


static void
ask(answers_t *answers, const uint8_t *data, size_t size, size_t piece)
{
    size_t       i, n, bytes, elements;
    reg_rc_t     rc, fed;
    redisReply  *reply;
    reg_resp_t  *resp;

    answers->n = 0;
    answers->broken = 0;

    resp = reg_resp_create();
    CHECK(resp != NULL);

#ifdef REG_RESP_PUSHES
    if (size % 2) {
        reg_resp_allow_pushes(resp);
    }
#endif

    for (i = 0; i < size && !answers->broken; i += n) {
        n = size - i < piece ? size - i : piece;

        fed = reg_resp_feed(resp, data + i, n);

        while ((rc = reg_resp_next(resp, &reply)) == REG_OK) {
            bytes = 0;
            elements = 0;

            check_reply(reply, 0, &elements, &bytes);
            CHECK(bytes <= REG_RESP_REPLY_MAX);
            CHECK(elements <= REG_RESP_ELEMENTS_MAX);

            check_uses(reply);

            if (answers->n < REPLIES_MAX) {
                answers->replies[answers->n] = reply;

            } else {
                freeReplyObject(reply);
            }

            answers->n++;
        }

        CHECK(reply == NULL);
        CHECK(fed == REG_OK || rc == REG_INVALID);
        CHECK(rc == REG_INVALID || rc == REG_NOTFOUND);

        answers->broken = (rc == REG_INVALID);
    }

    reg_resp_free(resp);
}


static int
same(const redisReply *a, const redisReply *b)
{
    size_t  i;

    if (a->type != b->type) {
        return 0;
    }

    switch (a->type) {

    case REDIS_REPLY_NIL:
        return 1;

    case REDIS_REPLY_INTEGER:
        return a->integer == b->integer;

#ifdef REG_RESP_PUSHES
    case REDIS_REPLY_MAP:
    case REDIS_REPLY_PUSH:
#endif
    case REDIS_REPLY_ARRAY:

        for (i = 0; i < a->elements && i < b->elements; i++) {

            if (!same(a->element[i], b->element[i])) {
                return 0;
            }
        }

        return a->elements == b->elements;

    default:
        return a->len == b->len && memcmp(a->str, b->str, a->len) == 0;
    }
}


static void
check_hiredis(const uint8_t *data, size_t size)
{
    void             *reply;
    size_t            good, replies, found;
    redisReader      *reader;
    reg_resp_scan_t   scan;

    replies = 0;
    found = 0;

    reg_resp_scan_init(&scan);

#ifdef REG_RESP_PUSHES
    scan.pushes = size % 2;
#endif

    good = reg_resp_scan(&scan, data, size, &replies);
    CHECK(good <= size);

    reader = redisReaderCreate();
    CHECK(reader != NULL);
    CHECK(redisReaderFeed(reader, (const char *) data, good) == REDIS_OK);

    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        freeReplyObject(reply);
        found++;
    }

    CHECK(found <= replies);
    CHECK(found == replies || reader->err == REDIS_ERR_PROTOCOL);

    redisReaderFree(reader);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t  i, j;

    static answers_t     once, again;
    static const size_t  pieces[] = { 1, 7, 1024 };

    ask(&once, data, size, SIZE_MAX);

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        ask(&again, data, size, pieces[i]);

        CHECK(again.n == once.n && again.broken == once.broken);

        for (j = 0; j < again.n && j < REPLIES_MAX; j++) {
            CHECK(same(again.replies[j], once.replies[j]));
            freeReplyObject(again.replies[j]);
        }
    }

    for (j = 0; j < once.n && j < REPLIES_MAX; j++) {
        freeReplyObject(once.replies[j]);
    }

    check_hiredis(data, size);

    return 0;
}
