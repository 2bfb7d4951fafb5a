/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reg_resp.h"


static reg_rc_t
run_id(reg_str_t *id, const char *text, int type)
{
    redisReply  reply;

    memset(&reply, 0, sizeof(redisReply));

    reply.type = type;
    reply.len = strlen(text);

    /* no byte more than there is */

    reply.str = malloc(reply.len);
    assert_non_null(reply.str);
    memcpy(reply.str, text, reply.len);

    id->data = NULL;
    id->len = 0;

    switch (reg_run_id(id, &reply)) {

    case REG_OK:
        assert_true((char *) id->data >= reply.str);
        assert_true((char *) id->data + id->len <= reply.str + reply.len);

        /* what it borrows from is gone when this returns */

        id->data = (unsigned char *) text + ((char *) id->data - reply.str);
        free(reply.str);

        return REG_OK;

    case REG_NOTFOUND:
        free(reply.str);
        return REG_NOTFOUND;

    default:
        free(reply.str);
        return REG_INVALID;
    }
}


static void
test_run_id(void **state)
{
    size_t     i;
    reg_str_t  id;

    static const struct {
        const char  *text;
        const char  *id;
    } cases[] = {
        { "# Server\r\nredis_version:7.0.15\r\nrun_id:0123abcd\r\n"
          "tcp_port:1\r\n", "0123abcd" },
        { "run_id:a\r\n", "a" },
        { "run_id:a\n", "a" },
        { "x\r\nrun_id:a", "a" },
        { "xrun_id:b\r\nrun_id:a\r\nrun_id:c\r\n", "a" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(run_id(&id, cases[i].text, REDIS_REPLY_STRING),
                         REG_OK);
        assert_true(reg_str_eq(id, reg_str(cases[i].id)));
    }
}


static void
test_none(void **state)
{
    reg_str_t  id;

    (void) state;

    assert_int_equal(run_id(&id, "# Server\r\n", REDIS_REPLY_STRING),
                     REG_NOTFOUND);
    assert_int_equal(run_id(&id, "\r\n\r\n", REDIS_REPLY_STRING),
                     REG_NOTFOUND);
    assert_int_equal(run_id(&id, "run_id", REDIS_REPLY_STRING), REG_NOTFOUND);
    assert_int_equal(run_id(&id, "run_id:", REDIS_REPLY_STRING), REG_NOTFOUND);
    assert_int_equal(run_id(&id, "run_id:\r\n", REDIS_REPLY_STRING),
                     REG_INVALID);
    assert_int_equal(run_id(&id, "run_id:a\r\n", REDIS_REPLY_STATUS),
                     REG_INVALID);
    assert_int_equal(run_id(&id, "NOPERM", REDIS_REPLY_ERROR), REG_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_run_id),
        cmocka_unit_test(test_none)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
