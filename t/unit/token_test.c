/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* LDFLAGS: -Wl,--wrap=RAND_bytes */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "jwt.h"
#include "random.h"
#include "reg_decision.h"
#include "reg_form.h"
#include "reg_issuer.h"
#include "reg_json.h"
#include "reg_token.h"
#include "wrap_malloc.h"


/* Whether OpenSSL has no random bytes. */

static int  denied_random;

int __real_RAND_bytes(unsigned char *buf, int len);
int __wrap_RAND_bytes(unsigned char *buf, int len);


int
__wrap_RAND_bytes(unsigned char *buf, int len)
{
    return denied_random ? 0 : __real_RAND_bytes(buf, len);
}


static reg_identity_t *
identity_of(const char *scope)
{
    reg_str_t        text;
    reg_error_t      error;
    reg_identity_t  *identity;

    text = reg_str(scope);

    if (reg_identity_create_anonymous(&identity, &text, 1, REG_STR_NULL,
                                      &error)
        != REG_OK)
    {
        fail_msg("%s: %s", scope, error.text);
    }

    return identity;
}


/* What of asked is granted to somebody with this scope. */

static void
is_granted(const char *scope, const char *asked, const char *granted)
{
    char             text[1024];
    size_t           len;
    reg_grants_t     grants;
    reg_identity_t  *identity;

    identity = identity_of(scope);
    grants.n = 0;

    assert_int_equal(reg_grants_parse(&grants, reg_str(asked)), REG_OK);
    reg_grants_intersect(&grants, identity);

    len = reg_grants_write((unsigned char *) text, sizeof(text) - 1, &grants);
    text[len] = '\0';
    assert_string_equal(text, granted);

    reg_identity_free(identity);
}


static void
what_is_granted_is_the_intersection(void **state)
{
    (void) state;

    is_granted("repository:a/**:pull", "repository:a/b:pull,push",
               "repository:a/b:pull");
    is_granted("repository:a/**:pull,push",
               "repository:a/b:pull,push repository:b/a:pull",
               "repository:a/b:pull,push");
    is_granted("repository:a/b:*", "repository:a/b:*",
               "repository:a/b:pull,push,delete");
    is_granted("repository:a/b:pull", "repository:a/b:*",
               "repository:a/b:pull");
    is_granted("repository:a/b:pull", "repository:a/c:pull", "");
    is_granted("repository:**:*", "registry:catalog:*", "");
    is_granted("registry:catalog:*", "registry:catalog:* repository:a:pull",
               "registry:catalog:*");
    is_granted("api:chat:invoke", "api:chat:invoke,train",
               "api:chat:invoke");
    is_granted("api:chat:invoke", "api:chat:*", "");
    is_granted("api:chat:*", "api:chat:*", "api:chat:*");
    is_granted("repository:**:*", "", "");
    is_granted("repository:**:*", "   ", "");

    /* the same name twice */

    is_granted("repository:**:*",
               "repository:a:pull repository:a:push repository:a:pull",
               "repository:a:pull,push");
}


static void
what_nobody_is_granted_is_passed_over(void **state)
{
    size_t  i;

    static const char *const  none[] = {
        "repository", "repository:", "repository::pull", "repository:a",
        "repository:a:", "repository:a:,,", "repository:a:fly",
        "repository:A:pull", "repository:**:pull", "repository:a/*:pull",
        "repository:../a:pull", "repository(plugin):a:pull", ":a:pull",
        "registry:catalog:pull", "registry:other:*", "Repository:a:pull",
        "repository:{tenant}:pull", "repository:~.:pull", "::", ":", "api::x",
        "api:\x7f:x", "repository:a:Pull"
    };

    (void) state;

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        is_granted("repository:**:*", none[i], "");
    }
}


static void
there_is_an_end_to_scopes(void **state)
{
    char          text[32];
    size_t        i;
    reg_grants_t  grants;

    (void) state;

    grants.n = 0;

    for (i = 0; i < REG_GRANTS_MAX; i++) {
        (void) snprintf(text, sizeof(text), "repository:a%zu:pull", i);
        assert_int_equal(reg_grants_parse(&grants, reg_str(text)), REG_OK);

        /* they borrow */

        grants.items[i].name = REG_STR("a");
        grants.items[i].name.data = malloc(4);
        grants.items[i].name.len = (size_t) snprintf(
            (char *) grants.items[i].name.data, 4, "a%zu", i);
    }

    assert_int_equal(reg_grants_parse(&grants, REG_STR("repository:b:pull")),
                     REG_INVALID);

    for (i = 0; i < REG_GRANTS_MAX; i++) {
        free(grants.items[i].name.data);
    }
}


/* claims -> JWT -> token */

static reg_token_t *
token_of(reg_token_claims_t *claims, const char *scope)
{
    char          *text;
    size_t         len;
    reg_jwk_t     *jwk;
    reg_jwks_t     jwks;
    reg_jwt_t      jwt;
    reg_token_t   *token;
    reg_grants_t   grants;
    unsigned char  buf[REG_JWT_MAX];

    const reg_jwt_expected_t  expected = {
        REG_STR("us"), REG_STR("here"), REG_STR_NULL, 0
    };

    claims->iss = REG_STR("us");
    claims->aud = REG_STR("here");
    claims->now = JWT_NOW;
    claims->ttl = 300;
    claims->grants = &grants;

    grants.n = 0;
    assert_int_equal(reg_grants_parse(&grants, reg_str(scope)), REG_OK);
    assert_int_equal(reg_token_claims(&text, claims), REG_OK);

    assert_int_equal(reg_jwk_generate(&jwk, REG_ALG_EDDSA, 0), REG_OK);
    jwks.n = 1;
    jwks.keys[0] = jwk;

    assert_int_equal(reg_jwt_write(buf, sizeof(buf), &len, jwk, REG_STR("k"),
                                   REG_STR_NULL, reg_str(text)), REG_OK);
    free(text);

    /* the key has another name */

    assert_int_equal(reg_jwt_read(&jwt, (reg_str_t) { len, buf }, NULL),
                     REG_JWT_OK);
    assert_int_equal(reg_jwt_verify(&jwt, &jwks, &expected, JWT_NOW),
                     REG_JWT_UNKNOWN_KEY);
    jwk->kid_len = 1;
    jwk->kid[0] = 'k';
    assert_int_equal(reg_jwt_verify(&jwt, &jwks, &expected, JWT_NOW),
                     REG_JWT_OK);

    assert_int_equal(reg_token_from_jwt(&token, &jwt), REG_OK);
    assert_int_equal(token->exp, JWT_NOW + 300 + REG_JWT_LEEWAY);
    assert_int_equal(token->iat, JWT_NOW);

    reg_jwt_clear(&jwt);
    reg_jwk_free(jwk);

    return token;
}


static void
a_token_says_what_was_granted(void **state)
{
    reg_token_t         *token;
    reg_access_t         access;
    reg_token_claims_t   claims;

    (void) state;

    memset(&claims, 0, sizeof(claims));
    memset(&access, 0, sizeof(access));
    claims.sub = REG_STR("0aZ9bY8cX7dW");

    token = token_of(&claims, "repository:a/b:pull,push registry:catalog:* "
                     "api:chat:invoke repository:h.example/x:delete");

    assert_int_equal(token->kind, REG_TOKEN_KEY);
    assert_true(reg_str_eq(token->sub, claims.sub));
    assert_int_equal(token->n, 4);

    access.type = REG_SCOPE_REPOSITORY;
    access.name = REG_STR("a/b");
    access.actions = REG_ACTION_PULL;
    assert_true(reg_token_grants(token, &access));
    access.actions = REG_ACTION_PUSH | REG_ACTION_DELETE;
    assert_true(reg_token_grants(token, &access));
    access.actions = REG_ACTION_DELETE;
    assert_false(reg_token_grants(token, &access));
    access.name = REG_STR("a/bc");
    access.actions = REG_ACTION_PULL;
    assert_false(reg_token_grants(token, &access));

    access.type = REG_SCOPE_REGISTRY;
    access.name = REG_STR("catalog");
    assert_true(reg_token_grants(token, &access));

    access.type = REG_SCOPE_API;
    access.name = REG_STR("chat");
    access.word = REG_STR("invoke");
    assert_true(reg_token_grants(token, &access));
    access.word = REG_STR("train");
    assert_false(reg_token_grants(token, &access));

    free(token);

    memset(&claims, 0, sizeof(claims));
    claims.kind = REG_TOKEN_ANONYMOUS;
    token = token_of(&claims, "");
    assert_int_equal(token->kind, REG_TOKEN_ANONYMOUS);
    assert_int_equal(token->n, 0);
    assert_false(reg_token_grants(token, &access));
    free(token);
}


/* The token and the identity both have to grant it. */

static void
a_token_narrows_a_decision(void **state)
{
    size_t               i;
    reg_token_t         *token;
    reg_access_t         access;
    reg_decision_t       decision;
    reg_identity_t      *identity;
    reg_question_t       question;
    reg_token_claims_t   claims;

    static const struct {
        const char    *name;
        unsigned       actions;
        int64_t        now;
        reg_reason_t   reason;
    } table[] = {
        { "a/b", REG_ACTION_PULL, JWT_NOW, REG_REASON_GRANTED },
        { "a/b", REG_ACTION_PUSH, JWT_NOW, REG_REASON_TOKEN_SCOPE },
        { "a/c", REG_ACTION_PULL, JWT_NOW, REG_REASON_TOKEN_SCOPE },
        { "z", REG_ACTION_PULL, JWT_NOW, REG_REASON_SCOPE },
        { "a/b", REG_ACTION_PULL, JWT_NOW + 329, REG_REASON_GRANTED },
        { "a/b", REG_ACTION_PULL, JWT_NOW + 330, REG_REASON_TOKEN_EXPIRED },
        { NULL, 0, JWT_NOW, REG_REASON_GRANTED },
        { NULL, 0, JWT_NOW + 330, REG_REASON_TOKEN_EXPIRED }
    };

    (void) state;

    memset(&claims, 0, sizeof(claims));
    claims.sub = REG_STR("0aZ9bY8cX7dW");
    token = token_of(&claims, "repository:a/b:pull repository:z:pull");

    identity = identity_of("repository:a/**:pull,push");
    identity->key_id = claims.sub;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        memset(&question, 0, sizeof(question));
        memset(&access, 0, sizeof(access));

        if (table[i].name) {
            access.name = reg_str(table[i].name);
            access.actions = table[i].actions;
            question.access = &access;
        }

        question.token = token;
        question.now = table[i].now;

        decision = reg_decide(identity, &question);
        assert_int_equal(decision.reason, table[i].reason);
    }

    /* a mount needs the token to read its source, too */

    question.now = JWT_NOW;
    access.name = REG_STR("a/b");
    access.actions = REG_ACTION_PULL;
    question.access = &access;
    question.from = REG_STR("a/c");
    assert_int_equal(reg_decide(identity, &question).mount, 0);
    question.from = REG_STR("a/b");
    assert_int_equal(reg_decide(identity, &question).mount, 1);

    /* a key that was revoked, though its token has not ended */

    identity->revoked_at = 1;
    assert_int_equal(reg_decide(identity, &question).reason,
                     REG_REASON_REVOKED);

    identity->key_id = REG_STR_NULL;
    reg_identity_free(identity);
    free(token);
}


/* Whoever takes back the tokens of a key takes back those of that second. */

static void
tokens_from_before_are_none(void **state)
{
    reg_token_t      token;
    reg_identity_t  *identity;

    (void) state;

    memset(&token, 0, sizeof(token));
    token.iat = JWT_NOW;
    identity = identity_of("repository:a/**:pull");

    identity->tokens_not_before = REG_TIME_NONE;
    assert_int_equal(reg_token_current(identity, &token), 1);
    identity->tokens_not_before = JWT_NOW - 1;
    assert_int_equal(reg_token_current(identity, &token), 1);
    identity->tokens_not_before = JWT_NOW;
    assert_int_equal(reg_token_current(identity, &token), 0);
    identity->tokens_not_before = JWT_NOW + 1;
    assert_int_equal(reg_token_current(identity, &token), 0);

    reg_identity_free(identity);
}


static void
somebody_anonymous_pings_with_a_token_only(void **state)
{
    reg_token_t         *token;
    reg_identity_t      *identity;
    reg_question_t       question;
    reg_token_claims_t   claims;

    (void) state;

    memset(&claims, 0, sizeof(claims));
    memset(&question, 0, sizeof(question));
    question.now = JWT_NOW;
    claims.kind = REG_TOKEN_ANONYMOUS;

    token = token_of(&claims, "");
    identity = identity_of("repository:a/**:pull");

    assert_int_equal(reg_decide(identity, &question).reason,
                     REG_REASON_NO_CREDENTIALS);
    question.token = token;
    assert_int_equal(reg_decide(identity, &question).reason,
                     REG_REASON_GRANTED);

    reg_identity_free(identity);
    free(token);
}


/* Text of "access" with so many grants. */

static char *
many_grants(size_t n)
{
    char    *text;
    json_t  *claims, *access;

    access = json_array();

    while (n--) {
        assert_int_equal(json_array_append_new(access,
                             json_pack("{s:s,s:s,s:[s]}", "type", "repository",
                                       "name", "a", "actions", "pull")), 0);
    }

    claims = json_pack("{s:o}", "access", access);
    text = json_dumps(claims, JSON_COMPACT);
    assert_non_null(text);
    json_decref(claims);

    return text;
}


/* What the claims of somebody are taken for. */

static reg_rc_t
claims_are(reg_token_t **token, const char *sub, const char *text)
{
    reg_rc_t     rc;
    reg_jwt_t    jwt;
    reg_error_t  error;

    memset(&jwt, 0, sizeof(jwt));
    jwt.sub = reg_str(sub);

    if (reg_json_load(&jwt.claims, reg_str(text), &error) != REG_OK) {
        fail_msg("%s: %s", text, error.text);
    }

    rc = reg_token_from_jwt(token, &jwt);
    json_decref(jwt.claims);

    return rc;
}


#define RECORD  "0123456789012345678901"


static void
only_our_claims_are_a_token(void **state)
{
    size_t        i;
    char         *text;
    reg_token_t  *token;

    static const char *const  bad[] = {
        "{\"later\":1}", "{\"access\":7}", "{\"access\":{}}",
        "{\"access\":[7]}", "{\"access\":[{}]}",
        "{\"access\":[{\"type\":\"all\",\"name\":\"a\",\"actions\":[]}]}",
        "{\"rule\":1}", "{\"issuer\":\"gh\"}", "{\"record\":\"" RECORD "\"}",
        "{\"issuer\":\"gh\",\"rule\":-1,\"record\":\"" RECORD "\"}",
        "{\"issuer\":\"gh\",\"rule\":64,\"record\":\"" RECORD "\"}",
        "{\"issuer\":\"gh\",\"rule\":\"1\",\"record\":\"" RECORD "\"}",
        "{\"issuer\":\"G\",\"rule\":1,\"record\":\"" RECORD "\"}",
        "{\"issuer\":\"gh\",\"rule\":1,\"record\":\"short\"}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (claims_are(&token, "me", bad[i]) != REG_INVALID) {
            fail_msg("%s is taken for a token", bad[i]);
        }
    }

    assert_int_equal(claims_are(&token, "me", "{\"issuer\":\"gh\",\"rule\":63,"
                                "\"record\":\"" RECORD "\"}"), REG_OK);
    assert_int_equal(token->kind, REG_TOKEN_ISSUER);
    assert_int_equal(token->rule, 63);
    assert_true(reg_str_eq(token->issuer, REG_STR("gh")));
    assert_true(reg_str_eq(token->record, REG_STR(RECORD)));
    free(token);

    assert_int_equal(claims_are(&token, "me", "{\"issuer\":\"gh\",\"rule\":0,"
                                "\"record\":\"" RECORD "\"}"), REG_OK);
    assert_int_equal(token->rule, 0);
    free(token);

    wrap_malloc_arm(1);
    assert_int_equal(claims_are(&token, "me", "{}"), REG_NOMEM);
    assert_true(wrap_malloc_disarm());

    assert_int_equal(claims_are(&token, "", "{\"issuer\":\"gh\",\"rule\":0,"
                                "\"record\":\"" RECORD "\"}"), REG_INVALID);

    assert_int_equal(claims_are(&token, "", "{}"), REG_OK);
    assert_int_equal(token->kind, REG_TOKEN_ANONYMOUS);
    assert_null(token->sub.data);
    assert_null(token->issuer.data);
    assert_null(token->record.data);
    free(token);

    text = many_grants(REG_GRANTS_MAX);
    assert_int_equal(claims_are(&token, "me", text), REG_OK);
    assert_int_equal(token->n, REG_GRANTS_MAX);
    free(token);
    free(text);

    text = many_grants(REG_GRANTS_MAX + 1);
    assert_int_equal(claims_are(&token, "me", text), REG_INVALID);
    free(text);
}


/* It stands for all that the rule gives. */

static void
a_token_of_an_issuer_narrows_nothing(void **state)
{
    reg_jwt_t      jwt;
    reg_token_t   *token;
    reg_access_t   access;
    unsigned char  sub[REG_SUBJECT_MAX];

    (void) state;

    memset(&jwt, 0, sizeof(jwt));
    memset(sub, 's', sizeof(sub));

    /* with "gh:" before it, it is as long as a subject may be */

    jwt.exp = JWT_NOW + 300;
    jwt.sub = (reg_str_t) { sizeof(sub) - 3, sub };

    assert_int_equal(reg_token_of_issuer(&token, &jwt, REG_STR("gh"), 2,
                                         REG_STR(RECORD)),
                     REG_OK);

    assert_int_equal(token->kind, REG_TOKEN_ISSUER);
    assert_int_equal(token->exp, JWT_NOW + 300 + REG_JWT_LEEWAY);
    assert_true(reg_str_eq(token->sub, jwt.sub));
    assert_true(reg_str_eq(token->issuer, REG_STR("gh")));
    assert_int_equal(token->rule, 2);
    assert_true(reg_str_eq(token->record, REG_STR(RECORD)));

    memset(&access, 0, sizeof(access));
    access.type = REG_SCOPE_REPOSITORY;
    access.name = REG_STR("a/b");
    access.actions = REG_ACTION_DELETE;
    assert_true(reg_token_grants(token, &access));

    free(token);

    jwt.sub.len++;
    assert_int_equal(reg_token_of_issuer(&token, &jwt, REG_STR("gh"), 2,
                                         REG_STR(RECORD)),
                     REG_INVALID);

    jwt.sub = REG_STR_NULL;
    assert_int_equal(reg_token_of_issuer(&token, &jwt, REG_STR("gh"), 2,
                                         REG_STR(RECORD)),
                     REG_INVALID);
}


/* The so manieth allocation of jansson fails; 0: none. */

static unsigned long  fail_at;


static void *
failing_malloc(size_t size)
{
    return fail_at && --fail_at == 0 ? NULL : malloc(size);
}


/* Those of claims_are_whole_or_there_are_none(). */

static void
claims_are_whole(const char *text)
{
    json_t       *json;
    reg_error_t   error;

    assert_int_equal(reg_json_load(&json, reg_str(text), &error), REG_OK);
    assert_int_equal(json_object_size(json), 11);
    assert_int_equal(json_array_size(json_object_get(json, "access")), 2);
    assert_true(json_integer_value(json_object_get(json, "exp"))
                == JWT_NOW + 300);
    assert_true(json_integer_value(json_object_get(json, "nbf")) == JWT_NOW);
    assert_true(json_integer_value(json_object_get(json, "iat")) == JWT_NOW);
    assert_int_equal(json_string_length(json_object_get(json, "jti")), 22);
    json_decref(json);
}


static void
claims_are_whole_or_there_are_none(void **state)
{
    char                *text, *again;
    json_t              *json;
    reg_rc_t             rc;
    reg_error_t          error;
    reg_grants_t         grants;
    unsigned long        n;
    reg_token_claims_t   claims;

    (void) state;

    memset(&claims, 0, sizeof(claims));
    claims.kind = REG_TOKEN_ISSUER;
    claims.iss = REG_STR("us");
    claims.sub = REG_STR("me");
    claims.aud = REG_STR("here");
    claims.issuer = REG_STR("gh");
    claims.record = REG_STR(RECORD);
    claims.rule = 3;
    claims.now = JWT_NOW;
    claims.ttl = 300;
    claims.grants = &grants;

    grants.n = 0;
    assert_int_equal(reg_grants_parse(&grants, REG_STR("repository:a/b:pull,"
                                                       "push api:x:y")),
                     REG_OK);

    json_set_alloc_funcs(failing_malloc, free);

    for (n = 1; /* void */ ; n++) {
        fail_at = n;
        rc = reg_token_claims(&text, &claims);

        if (fail_at) {
            break;
        }

        /*
         * jansson overlooks that it could not write a name: that is no JSON.
         * 2.15 has an allocation that it can do without: that is whole.
         */

        if (rc == REG_OK) {
            if (reg_json_load(&json, reg_str(text), &error) == REG_OK) {
                json_decref(json);
                claims_are_whole(text);
            }

            free(text);
            continue;
        }

        assert_int_equal(rc, REG_NOMEM);
    }

    fail_at = 0;
    assert_int_equal(rc, REG_OK);
    assert_true(n > 20);

    claims_are_whole(text);

    /* each has a name of its own */

    assert_int_equal(reg_token_claims(&again, &claims), REG_OK);
    assert_string_not_equal(text, again);
    free(again);

    denied_random = 1;
    assert_int_equal(reg_token_claims(&again, &claims), REG_ERROR);
    denied_random = 0;

    /* one to refresh has no access */

    claims.grants = NULL;
    assert_int_equal(reg_token_claims(&again, &claims), REG_OK);
    assert_int_equal(reg_json_load(&json, reg_str(again), &error), REG_OK);
    assert_int_equal(json_object_size(json), 10);
    assert_null(json_object_get(json, "access"));
    json_decref(json);
    free(again);

    json_set_alloc_funcs(malloc, free);

    free(text);
}


static void
form_is(const char *form, const char *pairs)
{
    char        text[256], out[256];
    size_t      n;
    reg_rc_t    rc;
    reg_str_t   rest, name, value;

    /* what is behind it is not of the form */

    (void) snprintf(text, sizeof(text), "%s41", form);
    rest = (reg_str_t) { strlen(form), (unsigned char *) text };
    n = 0;
    out[0] = '\0';

    for ( ;; ) {
        rc = reg_form_next(&rest, &name, &value);

        if (rc != REG_OK) {
            break;
        }

        n += (size_t) snprintf(out + n, sizeof(out) - n, "[%.*s|%.*s]",
                               REG_FMT(name), REG_FMT(value));
    }

    if (rc == REG_INVALID) {
        (void) snprintf(out + n, sizeof(out) - n, "!");
    }

    assert_string_equal(out, pairs);
}


static void
forms_are_decoded_once(void **state)
{
    (void) state;

    form_is("", "");
    form_is("a=1&b=2", "[a|1][b|2]");
    form_is("&&a=1&&b=&", "[a|1][b|]");
    form_is("a", "[a|]");
    form_is("=", "[|]");
    form_is("a=b=c", "[a|b=c]");
    form_is("scope=repository%3Aa%2Fb%3Apull+x%20y", "[scope|repository:a/b:"
            "pull x y]");
    form_is("a=%2526", "[a|%26]");
    form_is("%73cope=1", "[scope|1]");
    form_is("a=%26b=1&c=2", "[a|&b=1][c|2]");
    form_is("a=%", "!");
    form_is("a=%2", "!");
    form_is("a=xx%", "!");
    form_is("a=xx%2", "!");
    form_is("a=%zz", "!");
    form_is("a=%4g", "!");
    form_is("a=%g4", "!");
    form_is("a=%4:", "!");
    form_is("a=%4/", "!");
    form_is("a=%4`", "!");
    form_is("a=%5A%5a%39", "[a|ZZ9]");
    form_is("a=1&b=%00", "[a|1]!");
    form_is("a=%0a", "!");
    form_is("a=\x7f", "!");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_granted_is_the_intersection),
        cmocka_unit_test(what_nobody_is_granted_is_passed_over),
        cmocka_unit_test(there_is_an_end_to_scopes),
        cmocka_unit_test(a_token_says_what_was_granted),
        cmocka_unit_test(a_token_narrows_a_decision),
        cmocka_unit_test(tokens_from_before_are_none),
        cmocka_unit_test(somebody_anonymous_pings_with_a_token_only),
        cmocka_unit_test(only_our_claims_are_a_token),
        cmocka_unit_test(a_token_of_an_issuer_narrows_nothing),
        cmocka_unit_test(claims_are_whole_or_there_are_none),
        cmocka_unit_test(forms_are_decoded_once)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
