/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>

#include "reg_record.h"
#include "reg_scope.h"
#include "wrap_malloc.h"

#define PULL    REG_ACTION_PULL
#define PUSH    REG_ACTION_PUSH
#define DELETE  REG_ACTION_DELETE


static reg_scope_t *
parse(const char *text, const char *tenant)
{
    reg_error_t   error;
    reg_scope_t  *scope;

    error.text[0] = '\0';

    if (reg_scope_parse(&scope, reg_str(text), reg_str(tenant), &error)
        != REG_OK)
    {
        fail_msg("\"%s\": %s", text, error.text);
    }

    return scope;
}


static int
grants(const char *text, reg_scope_type_t type, const char *name,
    unsigned actions, const char *word)
{
    int            rc;
    reg_scope_t   *scope;
    reg_access_t   access;

    scope = parse(text, "acme");

    access.type = type;
    access.name = reg_str(name);
    access.actions = actions;
    access.word = reg_str(word);

    rc = reg_scope_grants(scope, &access);

    reg_scope_free(scope);

    return rc;
}


static void
test_repository(void **state)
{
    size_t  i;

    static const struct {
        const char  *scope;
        const char  *name;
        unsigned     actions;
        int          granted;
    } cases[] = {
        { "repository:acme/app:pull", "acme/app", PULL, 1 },
        { "repository:acme/app:pull", "acme/app", PUSH, 0 },
        { "repository:acme/app:pull", "acme/app", DELETE, 0 },
        { "repository:acme/app:pull", "acme/web", PULL, 0 },
        { "repository:acme/app:push", "acme/app", PULL, 0 },
        { "repository:acme/app:push", "acme/app", PUSH, 1 },
        { "repository:acme/app:delete", "acme/app", DELETE, 1 },
        { "repository:acme/app:delete", "acme/app", PUSH, 0 },
        { "repository:acme/app:delete,pull", "acme/app", PULL, 1 },
        { "repository:acme/app:delete,pull", "acme/app", PUSH, 0 },
        { "repository:acme/app:*", "acme/app", PULL, 1 },
        { "repository:acme/app:*", "acme/app", PUSH, 1 },
        { "repository:acme/app:*", "acme/app", DELETE, 1 },
        { "repository:acme/app:pull,*", "acme/app", DELETE, 1 },

        /* HEAD takes pull or push: one of them is enough */

        { "repository:acme/app:pull", "acme/app", PULL | PUSH, 1 },
        { "repository:acme/app:push", "acme/app", PULL | PUSH, 1 },
        { "repository:acme/app:delete", "acme/app", PULL | PUSH, 0 },

        /* what needs no action is not granted by having them all */

        { "repository:**:*", "acme/app", 0, 0 },

        { "repository:acme/*:pull", "acme/app", PULL, 1 },
        { "repository:acme/*:pull", "acme/app/web", PULL, 0 },
        { "repository:acme/**:pull", "acme/app/web", PULL, 1 },
        { "repository:{tenant}/**:pull", "acme/app", PULL, 1 },
        { "repository:{tenant}/**:pull", "other/app", PULL, 0 },
        { "repository:**:*", "", PULL, 0 },

        /* a pattern may hold a colon: the type ends at the first one */

        { "repository:host:5000/app:pull", "host:5000/app", PULL, 1 },
        { "repository:~^acme/(?:dev|qa)-:pull", "acme/qa-x", PULL, 1 },
        { "repository:~^acme/(?:dev|qa)-:pull", "acme/prod", PULL, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (grants(cases[i].scope, REG_SCOPE_REPOSITORY, cases[i].name,
                   cases[i].actions, "")
            != cases[i].granted)
        {
            fail_msg("\"%s\" on \"%s\" for %u", cases[i].scope,
                     cases[i].name, cases[i].actions);
        }
    }
}


static void
test_registry(void **state)
{
    (void) state;

    assert_int_equal(grants("registry:catalog:*", REG_SCOPE_REGISTRY,
                            "catalog", 0, ""), 1);
    assert_int_equal(grants("registry:catalog:*", REG_SCOPE_REGISTRY,
                            "catalogue", 0, ""), 0);
    assert_int_equal(grants("registry:catalog:*", REG_SCOPE_REGISTRY,
                            "", 0, ""), 0);
}


static void
test_api(void **state)
{
    size_t  i;

    static const struct {
        const char  *scope;
        const char  *name;
        const char  *word;
        int          granted;
    } cases[] = {
        { "api:chat:invoke", "chat", "invoke", 1 },
        { "api:chat:invoke", "chat", "invok", 0 },
        { "api:chat:invoke", "chat", "invoked", 0 },
        { "api:chat:invoke", "chats", "invoke", 0 },
        { "api:chat:invoke", "chat", "", 0 },
        { "api:chat:read,invoke,write-2_x", "chat", "read", 1 },
        { "api:chat:read,invoke,write-2_x", "chat", "invoke", 1 },
        { "api:chat:read,invoke,write-2_x", "chat", "write-2_x", 1 },
        { "api:chat:read,invoke,write-2_x", "chat", "read,invoke", 0 },
        { "api:chat:az09_-,zz", "chat", "az09_-", 1 },
        { "api:chat:*", "chat", "anything", 1 },
        { "api:chat:*", "chat", "", 0 },
        { "api:chat:read,*", "chat", "anything", 1 },
        { "api:**:invoke", "chat", "invoke", 1 },
        { "api:**:invoke", "", "invoke", 0 },
        { "api:{tenant}-*:invoke", "acme-chat", "invoke", 1 },
        { "api:{tenant}-*:invoke", "other-chat", "invoke", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (grants(cases[i].scope, REG_SCOPE_API, cases[i].name, 0,
                   cases[i].word)
            != cases[i].granted)
        {
            fail_msg("\"%s\" on \"%s\" for \"%s\"", cases[i].scope,
                     cases[i].name, cases[i].word);
        }
    }
}


/* The same name and every action, but of another type: nothing. */

static void
test_types_do_not_mix(void **state)
{
    size_t  i, j;

    static const char  *scopes[] = {
        "repository:**:*", "registry:catalog:*", "api:**:*"
    };

    (void) state;

    for (i = 0; i < 3; i++) {

        for (j = 0; j < 3; j++) {
            assert_int_equal(grants(scopes[i], (reg_scope_type_t) j,
                                    "catalog", REG_ACTION_ALL, "invoke"),
                             i == j);
        }
    }

    assert_int_equal(grants(scopes[0], (reg_scope_type_t) 3, "catalog",
                            REG_ACTION_ALL, "invoke"), 0);
}


static void
test_invalid(void **state)
{
    size_t        i;
    reg_error_t   error;
    reg_scope_t  *scope;

    static const struct {
        const char  *text;
        const char  *error;
    } cases[] = {
        { "",
          "\"\" is no scope; one reads type:pattern:actions, such as "
          "\"repository:acme/app:pull\"" },
        { "repository",
          "\"repository\" is no scope; one reads type:pattern:actions, such "
          "as \"repository:acme/app:pull\"" },
        { "repository:acme/app",
          "\"repository:acme/app\" is no scope; one reads "
          "type:pattern:actions, such as \"repository:acme/app:pull\"" },
        { "repo:acme/app:pull",
          "unknown scope type \"repo\"; it is repository, registry or api" },
        { "Repository:acme/app:pull",
          "unknown scope type \"Repository\"; it is repository, registry or "
          "api" },
        { ":acme/app:pull",
          "unknown scope type \"\"; it is repository, registry or api" },
        { "repository(plugin):acme/app:pull",
          "unknown scope type \"repository(plugin)\"; it is repository, "
          "registry or api" },
        { "repository:acme/app:pul",
          "unknown action \"pul\"; a repository takes pull, push, delete or "
          "*" },
        { "repository:acme/app:Pull",
          "unknown action \"Pull\"; a repository takes pull, push, delete or "
          "*" },
        { "repository:acme/app:pull, push",
          "unknown action \" push\"; a repository takes pull, push, delete "
          "or *" },
        { "repository:acme/app:**",
          "unknown action \"**\"; a repository takes pull, push, delete or "
          "*" },
        { "repository:acme/app:",
          "no action after the last ':' of the scope" },
        { "repository:acme/app:pull,",
          "an empty action in the scope" },
        { "repository:acme/app:,pull",
          "an empty action in the scope" },
        { "repository:acme/app:pull,,push",
          "an empty action in the scope" },
        { "repository:acme/app:pull,push,pull",
          "the action \"pull\" is named twice" },
        { "repository:acme/app:*,*",
          "the action \"*\" is named twice" },
        { "repository::pull",
          "the pattern is empty; '**' matches every name" },
        { "repository:acme/app?:pull",
          "'?' at byte 9 of the pattern is no wildcard here; use '*' or a "
          "'~' expression" },
        { "repository:~(:pull",
          "at byte 1 of the expression: missing closing parenthesis" },
        { "registry:catalogue:*",
          "unknown registry resource \"catalogue\"; the only one is "
          "catalog" },
        { "registry:*:*",
          "unknown registry resource \"*\"; the only one is catalog" },
        { "registry:catalog:pull",
          "unknown action \"pull\"; the catalog takes only *" },
        { "api:chat:Invoke",
          "\"Invoke\" is no action of an api: a lower-case letter, then "
          "letters, digits, '_' or '-'; or *" },
        { "api:chat:2x",
          "\"2x\" is no action of an api: a lower-case letter, then letters, "
          "digits, '_' or '-'; or *" },
        { "api:chat:in voke",
          "\"in voke\" is no action of an api: a lower-case letter, then "
          "letters, digits, '_' or '-'; or *" },
        { "api:chat:invoke,invoke",
          "the action \"invoke\" is named twice" },
        { "api::invoke",
          "the pattern is empty; '**' matches every name" },

        /* what is not printable does not reach a terminal */

        { "\x1b[2J:x:pull",
          "unknown scope type \"?[2J\"; it is repository, registry or api" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        error.text[0] = '\0';

        assert_int_equal(reg_scope_parse(&scope, reg_str(cases[i].text),
                                         REG_STR("acme"), &error),
                         REG_INVALID);
        assert_string_equal(error.text, cases[i].error);

        assert_int_equal(reg_scope_parse(&scope, reg_str(cases[i].text),
                                         REG_STR("acme"), NULL),
                         REG_INVALID);
    }

    assert_int_equal(reg_scope_parse(&scope, REG_STR_NULL, REG_STR_NULL,
                                     &error),
                     REG_INVALID);
    assert_int_equal(reg_scope_parse(&scope, REG_STR("api:chat:a\0b"),
                                     REG_STR_NULL, &error),
                     REG_INVALID);
}


static void
test_length(void **state)
{
    char          text[REG_SCOPE_MAX + 2];
    reg_error_t   error;
    reg_scope_t  *scope;

    (void) state;

    /* "api:", 255 bytes, ':' and the rest, up to REG_SCOPE_MAX in all */

    memset(text, 'a', sizeof(text));
    memcpy(text, "api:", 4);
    text[4 + REG_PATTERN_MAX] = ':';

    text[REG_SCOPE_MAX] = '\0';
    scope = parse(text, "");
    reg_scope_free(scope);

    text[REG_SCOPE_MAX] = 'a';
    text[REG_SCOPE_MAX + 1] = '\0';
    assert_int_equal(reg_scope_parse(&scope, reg_str(text), REG_STR_NULL,
                                     &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the scope is longer than 395 bytes");
}


static void
test_text_is_kept(void **state)
{
    char           text[] = "repository:{tenant}/*:pull,push";
    char           tenant[] = "acme";
    reg_str_t      kept;
    reg_scope_t   *scope;
    reg_access_t   access;

    (void) state;

    scope = parse(text, tenant);

    memset(text, 'x', sizeof(text) - 1);
    memset(tenant, 'x', sizeof(tenant) - 1);

    kept = reg_scope_text(scope);

    assert_int_equal(kept.len, sizeof("repository:{tenant}/*:pull,push") - 1);
    assert_memory_equal(kept.data, "repository:{tenant}/*:pull,push",
                        kept.len);

    memset(&access, 0, sizeof(reg_access_t));
    access.type = REG_SCOPE_REPOSITORY;
    access.name = REG_STR("acme/app");
    access.actions = PUSH;

    assert_int_equal(reg_scope_grants(scope, &access), 1);

    reg_scope_free(scope);
    reg_scope_free(NULL);
}


static void
test_out_of_memory(void **state)
{
    size_t          i;
    reg_rc_t        rc;
    reg_scope_t    *scope;
    unsigned long   n;

    static const char  *scopes[] = {
        "registry:catalog:*", "repository:{tenant}/*:pull",
        "api:chat:invoke", "repository:~^{tenant}/:pull"
    };

    (void) state;

    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {

        for (n = 1; /* void */ ; n++) {
            wrap_malloc_arm(n);

            rc = reg_scope_parse(&scope, reg_str(scopes[i]), REG_STR("acme"),
                                 NULL);

            if (!wrap_malloc_disarm()) {
                break;
            }

            assert_int_equal(rc, REG_NOMEM);
        }

        assert_int_equal(rc, REG_OK);

        /* the scope itself, its pattern but for the registry */

        assert_true(n > (i == 0 ? 1 : 2));

        reg_scope_free(scope);
    }
}


static void
test_access_of_an_api(void **state)
{
    reg_str_t     text;
    reg_error_t   error;
    reg_access_t  access;

    (void) state;

    text = REG_STR("api:chat.example:8000/v1:invoke");
    memset(&access, 0xff, sizeof(reg_access_t));

    assert_int_equal(reg_access_parse_api(&access, text, &error), REG_OK);

    assert_int_equal(access.type, REG_SCOPE_API);
    assert_int_equal(access.actions, 0);
    assert_ptr_equal(access.name.data, text.data + 4);
    assert_int_equal(access.name.len, sizeof("chat.example:8000/v1") - 1);
    assert_ptr_equal(access.word.data, text.data + text.len - 6);
    assert_int_equal(access.word.len, sizeof("invoke") - 1);
}


static void
test_access_of_an_api_invalid(void **state)
{
    char          text[4 + REG_PATTERN_MAX + sizeof("a:invoke")];
    size_t        i;
    reg_error_t   error;
    reg_access_t  access;

    static const struct {
        const char  *text;
        const char  *error;
    } cases[] = {
        { "chat",
          "\"chat\" is no scope; one reads type:pattern:actions, such as "
          "\"repository:acme/app:pull\"" },
        { "repository:acme/app:pull",
          "\"repository:acme/app:pull\" is no scope of an api, such as "
          "\"api:chat:invoke\"" },
        { "registry:catalog:*",
          "\"registry:catalog:*\" is no scope of an api, such as "
          "\"api:chat:invoke\"" },
        { "api::invoke",
          "the name of an api has 1 to 255 bytes" },

        /* a demand is for one thing: no pattern, no list */

        { "api:*:invoke",
          "\"*\" is no name of one api: letters, digits and . _ / : @ - "
          "only" },
        { "api:{tenant}:invoke",
          "\"{tenant}\" is no name of one api: letters, digits and "
          ". _ / : @ - only" },
        { "api:~chat:invoke",
          "\"~chat\" is no name of one api: letters, digits and . _ / : @ - "
          "only" },
        { "api:chat:*",
          "\"*\" is no single action of an api, such as \"invoke\"" },
        { "api:chat:read,write",
          "\"read,write\" is no single action of an api, such as "
          "\"invoke\"" },
        { "api:chat:",
          "\"\" is no single action of an api, such as \"invoke\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(reg_access_parse_api(&access, reg_str(cases[i].text),
                                              &error),
                         REG_INVALID);
        assert_string_equal(error.text, cases[i].error);
    }

    memset(text, 'a', sizeof(text));
    memcpy(text, "api:", 4);
    strcpy(text + 4 + REG_PATTERN_MAX + 1, ":invoke");

    assert_int_equal(reg_access_parse_api(&access, reg_str(text), &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the name of an api has 1 to 255 bytes");
}


static void
check_role(const char *name, const char *first, const char *second)
{
    size_t                    i;
    reg_scope_t              *scope;
    const reg_role_record_t  *role;

    role = reg_role_builtin(reg_str(name));

    assert_non_null(role);
    assert_int_equal(role->name.len, strlen(name));
    assert_memory_equal(role->name.data, name, role->name.len);

    assert_int_equal(role->scopes.n, 2);
    assert_int_equal(role->scopes.items[0].len, strlen(first));
    assert_memory_equal(role->scopes.items[0].data, first, strlen(first));
    assert_int_equal(role->scopes.items[1].len, strlen(second));
    assert_memory_equal(role->scopes.items[1].data, second, strlen(second));

    for (i = 0; i < role->scopes.n; i++) {
        assert_int_equal(reg_scope_parse(&scope, role->scopes.items[i],
                                         REG_STR("acme"), NULL),
                         REG_OK);
        reg_scope_free(scope);
    }
}


static void
test_builtin_roles(void **state)
{
    (void) state;

    check_role("image-puller", "repository:{tenant}:pull",
               "repository:{tenant}/**:pull");
    check_role("image-pusher", "repository:{tenant}:pull,push",
               "repository:{tenant}/**:pull,push");
    check_role("registry-admin", "repository:**:*", "registry:catalog:*");

    assert_null(reg_role_builtin(REG_STR("")));
    assert_null(reg_role_builtin(REG_STR_NULL));
    assert_null(reg_role_builtin(REG_STR("image-pull")));
    assert_null(reg_role_builtin(REG_STR("image-pullers")));
    assert_null(reg_role_builtin(REG_STR("Image-Puller")));
    assert_null(reg_role_builtin(REG_STR("registry-admin\0")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_repository),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_api),
        cmocka_unit_test(test_types_do_not_mix),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_text_is_kept),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_access_of_an_api),
        cmocka_unit_test(test_access_of_an_api_invalid),
        cmocka_unit_test(test_builtin_roles)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
