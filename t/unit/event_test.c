/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_event.h"

#define LINE(operation, request, status, agent)                               \
    "{\"time\":\"2026-01-31T12:00:00+00:00\",\"id\":\"1\",\"host\":\"h\","    \
    "\"address\":\"192.0.2.7\",\"tenant\":\"acme\",\"key\":\"\","             \
    "\"operation\":\"" operation "\",\"repository\":\"a/b\","                 \
    "\"reference\":\"v1\",\"request\":\"" request "\",\"status\":" status     \
    ",\"digest\":\"\",\"request_type\":\"t/x\",\"request_length\":\"7\","     \
    "\"response_type\":\"t/y\",\"response_length\":\"8x\","                   \
    "\"agent\":\"" agent "\"}"


static reg_rc_t
make(json_t **event, const char *line, reg_error_t *error)
{
    reg_rc_t   rc;
    reg_str_t  copy;

    copy = exact_copy(reg_str(line));
    rc = reg_event_make(event, REG_EVENT_DISTRIBUTION, copy, error);

    free(copy.data);

    return rc;
}


static void
test_actions(void **state)
{
    size_t        i;
    json_t       *event;
    const char   *action;
    reg_error_t   error;

    static const struct {
        const char  *line;
        const char  *action;        /* NULL: it is no event */
    } cases[] = {
        { LINE("pull", "GET /v2/a/b/manifests/v1", "200", ""), "pull" },
        { LINE("pull", "GET /v2/a/b/blobs/x", "206", ""), "pull" },
        { LINE("pull", "GET /v2/a/b/blobs/x", "302", ""), "pull" },
        { LINE("pull", "GET /v2/a/b/blobs/x", "307", ""), "pull" },
        { LINE("pull", "HEAD /v2/a/b/blobs/x", "200", ""), NULL },
        { LINE("pull", "GET /v2/a/b/blobs/x", "304", ""), NULL },
        { LINE("pull", "GET /v2/a/b/blobs/x", "404", ""), NULL },
        { LINE("push", "PUT /v2/a/b/manifests/v1", "201", ""), "push" },
        { LINE("push", "PATCH /v2/a/b/blobs/uploads/x", "202", ""), NULL },
        { LINE("push", "PUT /v2/a/b/manifests/v1", "403", ""), NULL },
        { LINE("mount", "POST /v2/a/b/blobs/uploads/", "201", ""), "mount" },
        { LINE("mount", "POST /v2/a/b/blobs/uploads/", "202", ""), NULL },
        { LINE("delete", "DELETE /v2/a/b/manifests/x", "202", ""), "delete" },
        { LINE("delete", "DELETE /v2/a/b/blobs/uploads/x", "204", ""), NULL },
        { LINE("list", "GET /v2/a/b/tags/list", "200", ""), NULL },
        { LINE("", "GET /", "200", ""), NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (cases[i].action == NULL) {
            assert_int_equal(make(&event, cases[i].line, &error),
                             REG_NOTFOUND);
            continue;
        }

        assert_int_equal(make(&event, cases[i].line, &error), REG_OK);

        action = json_string_value(json_object_get(json_array_get(
                     json_object_get(event, "events"), 0), "action"));

        assert_string_equal(action, cases[i].action);
        json_decref(event);
    }
}


static void
test_bad(void **state)
{
    size_t        i;
    json_t       *event;
    reg_str_t     line;
    reg_error_t   error;

    static const char *const  cases[] = {
        "", "x", "[]", "{}", "{\"status\":\"200\"}", "{\"status\":200}",
        "{\"status\":200,\"time\":7}", "{\"status\":200,\"status\":200}"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(make(&event, cases[i], &error), REG_INVALID);
        assert_true(error.text[0] != '\0');
    }

    line.len = REG_EVENT_LINE_MAX + 1;
    line.data = calloc(1, line.len);
    assert_non_null(line.data);

    assert_int_equal(reg_event_make(&event, REG_EVENT_CLOUDEVENTS, line,
                                    &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the line is longer than 262144 bytes");
    free(line.data);
}


/* Whatever bytes a client calls itself, its event is there. */

static void
test_utf8(void **state)
{
    size_t        i;
    json_t       *event, *agent;
    reg_error_t   error;

    static const struct {
        const char  *line;
        const char  *agent;
    } cases[] = {
        { LINE("pull", "GET /v2/", "200", "\xc3\xa4"), "\xc3\xa4" },
        { LINE("pull", "GET /v2/", "200", "\xf0\x9f\x98\x80"),
          "\xf0\x9f\x98\x80" },
        { LINE("pull", "GET /v2/", "200", "\xff\xc3"), "??" },
        { LINE("pull", "GET /v2/", "200", "\xc0\xaf" "a"), "??a" },
        { LINE("pull", "GET /v2/", "200", "\xe0\x80\x80"), "???" },
        { LINE("pull", "GET /v2/", "200", "\xed\xa0\x80"), "???" },
        { LINE("pull", "GET /v2/", "200", "\xf4\x90\x80\x80"), "????" },
        { LINE("pull", "GET /v2/", "200", "\\u0000x"), "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(make(&event, cases[i].line, &error), REG_OK);

        agent = json_object_get(json_object_get(json_array_get(
                    json_object_get(event, "events"), 0), "request"),
                    "useragent");

        assert_string_equal(json_string_value(agent), cases[i].agent);
        json_decref(event);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_utf8)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
