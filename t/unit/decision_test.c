/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>

#include "reg_decision.h"
#include "reg_time.h"

#define NOW       1000000
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* scopes of the identity of all tests, by index */

enum {
    PULL_ACME = 0, PUSH_ACME, PULL_SHARED, PUSH_DROP, INVOKE_CHAT, NSCOPES
};

static const char  *scope_texts[NSCOPES] = {
    "repository:{tenant}/**:pull",
    "repository:{tenant}/**:push",
    "repository:shared/**:pull",
    "repository:drop/**:push,delete",
    "api:chat:invoke"
};

static reg_scope_t  *scopes[NSCOPES];

/* 10.0.0.0/8 and fd00::/8 */

static reg_cidr_t  networks[2];

static reg_address_t  inside4, inside6, outside, nowhere;


static int
setup(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < NSCOPES; i++) {

        if (reg_scope_parse(&scopes[i], reg_str(scope_texts[i]),
                            REG_STR("acme"), NULL)
            != REG_OK)
        {
            return -1;
        }
    }

    networks[0].address.family = REG_ADDRESS_IPV4;
    networks[0].address.bytes[0] = 10;
    networks[0].prefix = 8;

    networks[1].address.family = REG_ADDRESS_IPV6;
    networks[1].address.bytes[0] = 0xfd;
    networks[1].prefix = 8;

    inside4.family = REG_ADDRESS_IPV4;
    inside4.bytes[0] = 10;
    inside4.bytes[3] = 1;

    inside6.family = REG_ADDRESS_IPV6;
    inside6.bytes[0] = 0xfd;
    inside6.bytes[15] = 1;

    outside.family = REG_ADDRESS_IPV4;
    outside.bytes[0] = 11;

    return 0;
}


static int
teardown(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < NSCOPES; i++) {
        reg_scope_free(scopes[i]);
    }

    return 0;
}


/*
 * The dimensions of the truth table.  What each value means is said here, in
 * the words of the documents, and nowhere computed the way the code does it.
 */

static const struct {
    int64_t  time;
    int      revoked;
} revoked[] = {
    { REG_TIME_NONE, 0 }, { 1, 1 }, { NOW, 1 },

    /* a clock that is ahead must not keep a key alive here */

    { NOW + 3600, 1 }
};

static const struct {
    int64_t  time;
    int      early;
} not_before[] = {
    { REG_TIME_NONE, 0 }, { NOW - 1, 0 }, { NOW, 0 }, { NOW + 1, 1 }
};

static const struct {
    int64_t  time;
    int      late;
} expires_at[] = {
    { REG_TIME_NONE, 0 }, { NOW + 1, 0 }, { NOW, 1 }, { NOW - 1, 1 }
};

static const struct {
    size_t                first, n;         /* of networks */
    const reg_address_t  *address;
    int                   refused;
} addresses[] = {
    { 0, 0, NULL, 0 },
    { 0, 0, &outside, 0 },
    { 0, 1, &inside4, 0 },
    { 0, 1, &inside6, 1 },
    { 0, 1, &outside, 1 },
    { 0, 1, &nowhere, 1 },
    { 0, 1, NULL, 1 },
    { 0, 2, &inside4, 0 },
    { 0, 2, &inside6, 0 },
    { 0, 2, &outside, 1 },
    { 1, 1, &inside6, 0 },
    { 1, 1, &inside4, 1 }
};

static const struct {
    int               ping;
    reg_scope_type_t  type;
    const char       *name;
    unsigned          actions;
    const char       *word;
    const char       *from;
    int               scope;                /* that grants it, -1: none */
    unsigned          mount;
} questions[] = {
    { 1, 0, "", 0, "", "", -1, 0 },
    { 1, 0, "", 0, "", "acme/app", -1, 0 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_PULL, "", "",
      PULL_ACME, 0 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_PUSH, "", "",
      PUSH_ACME, 0 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_DELETE, "", "", -1, 0 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app",
      REG_ACTION_PULL | REG_ACTION_PUSH, "", "", PULL_ACME, 0 },
    { 0, REG_SCOPE_REPOSITORY, "shared/base", REG_ACTION_PULL, "", "",
      PULL_SHARED, 0 },
    { 0, REG_SCOPE_REPOSITORY, "shared/base", REG_ACTION_PUSH, "", "", -1, 0 },
    { 0, REG_SCOPE_REPOSITORY, "other/app", REG_ACTION_PULL, "", "", -1, 0 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", 0, "", "", -1, 0 },

    /* mounts: the source needs pull, the target push */

    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_PUSH, "", "acme/web",
      PUSH_ACME, 1 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_PUSH, "",
      "shared/base", PUSH_ACME, 1 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_PUSH, "", "other/app",
      PUSH_ACME, 0 },
    { 0, REG_SCOPE_REPOSITORY, "acme/app", REG_ACTION_PUSH, "", "drop/app",
      PUSH_ACME, 0 },
    { 0, REG_SCOPE_REPOSITORY, "drop/app", REG_ACTION_PUSH, "", "acme/app",
      PUSH_DROP, 1 },
    { 0, REG_SCOPE_REPOSITORY, "shared/base", REG_ACTION_PUSH, "",
      "acme/app", -1, 0 },

    { 0, REG_SCOPE_REGISTRY, "catalog", 0, "", "", -1, 0 },
    { 0, REG_SCOPE_API, "chat", 0, "invoke", "", INVOKE_CHAT, 0 },
    { 0, REG_SCOPE_API, "chat", 0, "invoke", "acme/app", INVOKE_CHAT, 0 },
    { 0, REG_SCOPE_API, "chat", 0, "read", "", -1, 0 }
};

/* one row of the table: an index into each of the dimensions */

typedef struct {
    unsigned  anonymous, newer, revoked, not_before, expires_at, no_tenant;
    unsigned  suspended, address, question;
} row_t;


/* What the documents say: of all that is wrong, what stands first. */

static reg_decision_t
model(const row_t *row)
{
    size_t          i;
    reg_decision_t  expected;

    const struct {
        int           wrong;
        reg_reason_t  reason;
    } faults[] = {
        { row->newer == 1, REG_REASON_RECORD_VERSION },
        { revoked[row->revoked].revoked, REG_REASON_REVOKED },
        { not_before[row->not_before].early, REG_REASON_NOT_YET_VALID },
        { expires_at[row->expires_at].late, REG_REASON_EXPIRED },
        { row->no_tenant == 1, REG_REASON_NO_TENANT },
        { row->suspended == 1, REG_REASON_SUSPENDED },
        { addresses[row->address].refused, REG_REASON_ADDRESS },
        { questions[row->question].ping && row->anonymous,
          REG_REASON_NO_CREDENTIALS },
        { !questions[row->question].ping
          && questions[row->question].scope == -1 && row->anonymous,
          REG_REASON_NO_CREDENTIALS },
        { !questions[row->question].ping
          && questions[row->question].scope == -1,
          REG_REASON_SCOPE }
    };

    memset(&expected, 0, sizeof(reg_decision_t));

    for (i = 0; i < COUNT(faults); i++) {

        if (faults[i].wrong) {
            expected.verdict = REG_DENY;
            expected.reason = faults[i].reason;
            return expected;
        }
    }

    expected.verdict = REG_ALLOW;
    expected.reason = REG_REASON_GRANTED;
    expected.mount = (questions[row->question].mount == 1);

    if (questions[row->question].scope != -1) {
        expected.scope = scopes[questions[row->question].scope];
    }

    return expected;
}


static reg_decision_t
decide(const row_t *row)
{
    reg_access_t    access;
    reg_identity_t  identity;
    reg_question_t  question;

    memset(&identity, 0, sizeof(reg_identity_t));
    memset(&question, 0, sizeof(reg_question_t));

    identity.key_id = row->anonymous ? REG_STR_NULL : REG_STR("0aZ9bY8cX7dW");
    identity.tenant = REG_STR("acme");
    identity.newer = (row->newer == 1);
    identity.revoked_at = revoked[row->revoked].time;
    identity.not_before = not_before[row->not_before].time;
    identity.expires_at = expires_at[row->expires_at].time;
    identity.no_tenant = (row->no_tenant == 1);
    identity.suspended = (row->suspended == 1);
    identity.nallow_from = addresses[row->address].n;
    identity.allow_from = &networks[addresses[row->address].first];
    identity.nscopes = NSCOPES;
    identity.scopes = scopes;

    access.type = questions[row->question].type;
    access.name = reg_str(questions[row->question].name);
    access.actions = questions[row->question].actions;
    access.word = reg_str(questions[row->question].word);

    question.access = questions[row->question].ping ? NULL : &access;
    question.from = reg_str(questions[row->question].from);
    question.address = addresses[row->address].address;
    question.now = NOW;

    return reg_decide(&identity, &question);
}


static void
test_truth_table(void **state)
{
    row_t           row;
    unsigned long   n, rest, allowed;
    reg_decision_t  actual, expected;

    const unsigned long  rows = 2 * 2 * COUNT(revoked) * COUNT(not_before)
                                * COUNT(expires_at) * 2 * 2
                                * COUNT(addresses) * COUNT(questions);

    (void) state;

    allowed = 0;

    for (n = 0; n < rows; n++) {
        rest = n;

#define TAKE(member, count)                                                   \
        row.member = (unsigned) (rest % (count));                             \
        rest /= (count)

        TAKE(anonymous, 2);
        TAKE(newer, 2);
        TAKE(revoked, COUNT(revoked));
        TAKE(not_before, COUNT(not_before));
        TAKE(expires_at, COUNT(expires_at));
        TAKE(no_tenant, 2);
        TAKE(suspended, 2);
        TAKE(address, COUNT(addresses));
        TAKE(question, COUNT(questions));

        expected = model(&row);
        actual = decide(&row);

        if (actual.verdict != expected.verdict
            || actual.reason != expected.reason
            || actual.mount != expected.mount
            || actual.scope != expected.scope)
        {
            fail_msg("row %lu: %s instead of %s, mount %u, question %u", n,
                     reg_reason_name(actual.reason),
                     reg_reason_name(expected.reason), actual.mount,
                     row.question);
        }

        allowed += (actual.verdict == REG_ALLOW);
    }

    /*
     * 1 of 4 revoked_at, 3 of 4 not_before, 2 of 4 expires_at, 6 of 12
     * addresses; the key gets 2 pings and 11 of 18, the anonymous 11
     */

    assert_int_equal(allowed, 3 * 2 * 6 * (13 + 11));
}


static reg_question_t
pull(const reg_access_t *access)
{
    reg_question_t  question;

    memset(&question, 0, sizeof(reg_question_t));

    question.access = access;
    question.now = NOW;

    return question;
}


/* An identity that is all zero is 1970's: no time of it is absent. */

static void
test_times_are_not_guessed(void **state)
{
    reg_identity_t  identity;
    reg_question_t  question;

    (void) state;

    memset(&identity, 0, sizeof(reg_identity_t));
    identity.key_id = REG_STR("0aZ9bY8cX7dW");
    question = pull(NULL);

    assert_int_equal(reg_decide(&identity, &question).reason,
                     REG_REASON_REVOKED);

    identity.revoked_at = REG_TIME_NONE;
    assert_int_equal(reg_decide(&identity, &question).reason,
                     REG_REASON_EXPIRED);

    identity.expires_at = REG_TIME_NONE;
    assert_int_equal(reg_decide(&identity, &question).reason,
                     REG_REASON_GRANTED);
}


static void
test_without_scopes(void **state)
{
    reg_access_t    access;
    reg_identity_t  identity;
    reg_question_t  question;

    (void) state;

    memset(&identity, 0, sizeof(reg_identity_t));
    identity.not_before = REG_TIME_NONE;
    identity.expires_at = REG_TIME_NONE;
    identity.revoked_at = REG_TIME_NONE;

    memset(&access, 0, sizeof(reg_access_t));
    access.type = REG_SCOPE_REPOSITORY;
    access.name = REG_STR("acme/app");
    access.actions = REG_ACTION_PULL;

    question = pull(&access);

    assert_int_equal(reg_decide(&identity, &question).reason,
                     REG_REASON_NO_CREDENTIALS);

    identity.key_id = REG_STR("0aZ9bY8cX7dW");
    assert_int_equal(reg_decide(&identity, &question).reason,
                     REG_REASON_SCOPE);
}


/* What a whole identity decides, from its records on. */

static void
test_role_of_the_tenant(void **state)
{
    reg_str_t        role;
    reg_record_t     key, tenant;
    reg_access_t     access;
    reg_decision_t   decision;
    reg_question_t   question;
    reg_identity_t  *identity;

    (void) state;

    memset(&key, 0, sizeof(reg_record_t));
    memset(&tenant, 0, sizeof(reg_record_t));

    role = REG_STR("image-puller");

    key.type = REG_RECORD_KEY;
    key.u.key.id = REG_STR("0aZ9bY8cX7dW");
    key.u.key.tenant = REG_STR("acme");
    key.u.key.roles.n = 1;
    key.u.key.roles.items = &role;
    key.u.key.not_before = REG_TIME_NONE;
    key.u.key.expires_at = REG_TIME_NONE;
    key.u.key.revoked_at = REG_TIME_NONE;

    tenant.type = REG_RECORD_TENANT;
    tenant.u.tenant.name = REG_STR("acme");

    assert_int_equal(reg_identity_create(&identity, &key, &tenant, NULL, NULL,
                                         NULL),
                     REG_OK);

    memset(&access, 0, sizeof(reg_access_t));
    access.type = REG_SCOPE_REPOSITORY;
    access.actions = REG_ACTION_PULL;
    question = pull(&access);

    /* the repository called like the tenant, and those below it */

    access.name = REG_STR("acme");
    decision = reg_decide(identity, &question);
    assert_int_equal(decision.verdict, REG_ALLOW);
    assert_ptr_equal(decision.scope, identity->scopes[0]);

    access.name = REG_STR("acme/a/b");
    decision = reg_decide(identity, &question);
    assert_int_equal(decision.verdict, REG_ALLOW);
    assert_ptr_equal(decision.scope, identity->scopes[1]);

    access.name = REG_STR("acme2/app");
    decision = reg_decide(identity, &question);
    assert_int_equal(decision.verdict, REG_DENY);
    assert_int_equal(decision.reason, REG_REASON_SCOPE);
    assert_null(decision.scope);

    reg_identity_free(identity);

    /* a key whose record is newer is nobody, but not the anonymous */

    memset(&key.u, 0, sizeof(key.u));
    key.newer = 1;

    assert_int_equal(reg_identity_create(&identity, &key, &tenant, NULL, NULL,
                                         NULL),
                     REG_OK);

    decision = reg_decide(identity, &question);
    assert_int_equal(decision.verdict, REG_DENY);
    assert_int_equal(decision.reason, REG_REASON_RECORD_VERSION);

    reg_identity_free(identity);
}


static void
test_reasons(void **state)
{
    size_t  i;

    static const struct {
        reg_reason_t  reason;
        unsigned      status;
        const char   *name;
        const char   *text;
    } reasons[] = {
        { REG_REASON_NONE, 200, "none",
          "no decision was needed" },
        { REG_REASON_GRANTED, 200, "granted",
          "access is granted" },
        { REG_REASON_NOT_CANONICAL, 400, "not_canonical",
          "the request target is not canonical" },
        { REG_REASON_NO_ROUTE, 404, "no_route",
          "there is no such endpoint" },
        { REG_REASON_METHOD, 405, "method",
          "the endpoint does not take this method" },
        { REG_REASON_BODY, 400, "body",
          "the request may not have a body" },
        { REG_REASON_FORM, 415, "form",
          "the request body may not be a form" },
        { REG_REASON_NO_CREDENTIALS, 401, "no_credentials",
          "authentication required" },
        { REG_REASON_THROTTLED, 429, "throttled",
          "too many failed logins" },
        { REG_REASON_MALFORMED, 401, "malformed",
          "the credentials are not an API key" },
        { REG_REASON_STORE_UNAVAILABLE, 503, "store_unavailable",
          "the service is temporarily unavailable" },

        /* the same sentence: nobody learns which ids exist */

        { REG_REASON_UNKNOWN_KEY, 401, "unknown_key",
          "the API key is not valid" },
        { REG_REASON_WRONG_SECRET, 401, "wrong_secret",
          "the API key is not valid" },

        { REG_REASON_TOKEN, 401, "token",
          "the token is not valid" },
        { REG_REASON_TOKEN_EXPIRED, 401, "token_expired",
          "the token has expired" },
        { REG_REASON_NO_RULE, 403, "no_rule",
          "no rule of the issuer admits the token" },

        /* nor does a client learn that the gateway is behind */

        { REG_REASON_RECORD_VERSION, 403, "record_version",
          "access to the requested resource is denied" },
        { REG_REASON_REVOKED, 401, "revoked",
          "the API key has been revoked" },
        { REG_REASON_NOT_YET_VALID, 401, "not_yet_valid",
          "the API key is not valid yet" },
        { REG_REASON_EXPIRED, 401, "expired",
          "the API key has expired" },
        { REG_REASON_NO_TENANT, 403, "no_tenant",
          "the tenant of the API key does not exist" },
        { REG_REASON_SUSPENDED, 403, "suspended",
          "the tenant of the API key is suspended" },
        { REG_REASON_ADDRESS, 403, "address",
          "the API key may not be used from this address" },
        { REG_REASON_TOKEN_SCOPE, 401, "token_scope",
          "the token does not grant access to the requested resource" },
        { REG_REASON_SCOPE, 403, "scope",
          "access to the requested resource is denied" },
        { REG_REASON_RATE, 429, "rate", "too many requests" },
        { REG_REASON_QUOTA, 403, "quota", "the quota is used up" },
        { REG_REASON_SIGNATURE, 403, "signature",
          "the URL is not signed, or has expired" },
        { REG_REASON_INTERNAL, 500, "internal",
          "internal error" }
    };

    (void) state;

    assert_int_equal(COUNT(reasons), REG_REASON_INTERNAL + 1);

    for (i = 0; i < COUNT(reasons); i++) {
        assert_int_equal(reasons[i].reason, i);
        assert_string_equal(reg_reason_name(reasons[i].reason),
                            reasons[i].name);
        assert_string_equal(reg_reason_text(reasons[i].reason),
                            reasons[i].text);
        assert_int_equal(reg_reason_status(reasons[i].reason),
                         reasons[i].status);
        assert_int_equal(reg_reason_verdict(reasons[i].reason),
                         reasons[i].status == 200 ? REG_ALLOW
                         : reasons[i].status == 429
                           || reasons[i].reason == REG_REASON_QUOTA
                         ? REG_LIMITED : REG_DENY);
    }

    /* what is no reason is an error of ours, never a 200 */

    assert_int_equal(reg_reason_status((reg_reason_t) COUNT(reasons)), 500);
    assert_string_equal(reg_reason_name((reg_reason_t) COUNT(reasons)),
                        "internal");
    assert_int_equal(reg_reason_status((reg_reason_t) -1), 500);
    assert_int_equal(reg_reason_verdict((reg_reason_t) -1), REG_DENY);
}


/* Credentials that were wrong; not what was missing or not enough. */

static void
test_failed_logins(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i <= REG_REASON_INTERNAL; i++) {
        assert_int_equal(reg_reason_is_failed_login((reg_reason_t) i),
                         i == REG_REASON_MALFORMED
                         || i == REG_REASON_UNKNOWN_KEY
                         || i == REG_REASON_WRONG_SECRET
                         || i == REG_REASON_TOKEN
                         || i == REG_REASON_REVOKED
                         || i == REG_REASON_EXPIRED);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_truth_table),
        cmocka_unit_test(test_times_are_not_guessed),
        cmocka_unit_test(test_without_scopes),
        cmocka_unit_test(test_role_of_the_tenant),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_failed_logins)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
