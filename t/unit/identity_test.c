/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "reg_identity.h"
#include "wrap_malloc.h"

/* The records that most tests start from; each test has a copy. */

typedef struct {
    reg_str_t        key_scopes[2];
    reg_str_t        key_roles[3];
    reg_str_t        role_scopes[2];
    reg_cidr_t       networks[2];
    reg_label_t      labels[2];
    reg_override_t   key_limits[1];
    reg_override_t   tenant_limits[2];

    reg_record_t     key;
    reg_record_t     tenant;
    reg_record_t     role;

    unsigned         finds;         /* calls of find_role() */
} records_t;


static void
records_init(records_t *records)
{
    memset(records, 0, sizeof(records_t));

    records->key_scopes[0] = REG_STR("repository:{tenant}/app:push");
    records->key_scopes[1] = REG_STR("repository:~^{tenant}/(a|b)$:delete");
    records->key_roles[0] = REG_STR("builder");
    records->key_roles[1] = REG_STR("nobody");
    records->key_roles[2] = REG_STR("image-puller");
    records->role_scopes[0] = REG_STR("repository:shared/**:pull");
    records->role_scopes[1] = REG_STR("api:chat:invoke");

    records->networks[0].address.family = REG_ADDRESS_IPV4;
    records->networks[0].address.bytes[0] = 10;
    records->networks[0].prefix = 8;
    records->networks[1].address.family = REG_ADDRESS_IPV6;
    records->networks[1].address.bytes[0] = 0xfd;
    records->networks[1].prefix = 8;

    records->labels[0].name = REG_STR("project");
    records->labels[0].value = REG_STR("apollo");
    records->labels[1].name = REG_STR("owner");

    records->key_limits[0].name = REG_STR("pulls");
    records->key_limits[0].value.kind = REG_LIMIT_OFF;
    records->tenant_limits[0].name = REG_STR("pushes");
    records->tenant_limits[0].value.kind = REG_LIMIT_QUOTA;
    records->tenant_limits[1].name = REG_STR("pulls");
    records->tenant_limits[1].value.kind = REG_LIMIT_RATE;

    records->key.type = REG_RECORD_KEY;
    records->key.u.key.id = REG_STR("0aZ9bY8cX7dW");
    records->key.u.key.tenant = REG_STR("acme");
    records->key.u.key.name = REG_STR("ci of acme");
    records->key.u.key.hash = REG_STR("sha256:00");
    records->key.u.key.roles.n = 3;
    records->key.u.key.roles.items = records->key_roles;
    records->key.u.key.scopes.n = 2;
    records->key.u.key.scopes.items = records->key_scopes;
    records->key.u.key.nallow_from = 2;
    records->key.u.key.allow_from = records->networks;
    records->key.u.key.not_before = 100;
    records->key.u.key.expires_at = 200;
    records->key.u.key.revoked_at = 300;
    records->key.u.key.created_at = 50;
    records->key.u.key.rotated_to = REG_STR("1aZ9bY8cX7dW");
    records->key.u.key.limits.n = 1;
    records->key.u.key.limits.items = records->key_limits;

    records->tenant.type = REG_RECORD_TENANT;
    records->tenant.u.tenant.name = REG_STR("acme");
    records->tenant.u.tenant.nlabels = 2;
    records->tenant.u.tenant.labels = records->labels;
    records->tenant.u.tenant.limits.n = 2;
    records->tenant.u.tenant.limits.items = records->tenant_limits;

    records->role.type = REG_RECORD_ROLE;
    records->role.u.role.name = REG_STR("builder");
    records->role.u.role.scopes.n = 2;
    records->role.u.role.scopes.items = records->role_scopes;
}


static const reg_record_t *
find_role(void *data, reg_str_t name)
{
    records_t  *records = data;

    records->finds++;

    if (reg_str_eq(name, REG_STR("builder"))) {
        return &records->role;
    }

    return NULL;
}


static reg_identity_t *
create(records_t *records, const reg_record_t *tenant)
{
    reg_error_t      error;
    reg_identity_t  *identity;

    error.text[0] = '\0';

    if (reg_identity_create(&identity, &records->key, tenant, find_role,
                            records, &error)
        != REG_OK)
    {
        fail_msg("%s", error.text);
    }

    return identity;
}


static void
assert_text(reg_str_t text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}


static void
assert_scopes(const reg_identity_t *identity, const char **expected, size_t n)
{
    size_t  i;

    assert_int_equal(identity->nscopes, n);

    for (i = 0; i < n; i++) {
        assert_text(reg_scope_text(identity->scopes[i]), expected[i]);
    }
}


static void
test_everything_is_there(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    static const char  *scopes[] = {
        "repository:{tenant}/app:push",
        "repository:~^{tenant}/(a|b)$:delete",
        "repository:shared/**:pull",
        "api:chat:invoke",
        "repository:{tenant}:pull",
        "repository:{tenant}/**:pull"
    };

    (void) state;

    records_init(&records);
    identity = create(&records, &records.tenant);

    assert_text(identity->key_id, "0aZ9bY8cX7dW");
    assert_text(identity->tenant, "acme");
    assert_text(identity->name, "ci of acme");
    assert_text(identity->rotated_to, "1aZ9bY8cX7dW");

    assert_int_equal(identity->not_before, 100);
    assert_int_equal(identity->expires_at, 200);
    assert_int_equal(identity->revoked_at, 300);

    assert_int_equal(identity->newer, 0);
    assert_int_equal(identity->no_tenant, 0);
    assert_int_equal(identity->suspended, 0);

    assert_int_equal(identity->nallow_from, 2);
    assert_memory_equal(identity->allow_from, records.networks,
                        sizeof(records.networks));

    assert_int_equal(identity->nlabels, 2);
    assert_text(identity->labels[0].name, "project");
    assert_text(identity->labels[0].value, "apollo");
    assert_text(identity->labels[1].name, "owner");
    assert_text(identity->labels[1].value, "");

    assert_scopes(identity, scopes, 6);

    /* the store is not asked about what is built in */

    assert_int_equal(records.finds, 2);

    reg_identity_free(identity);
    reg_identity_free(NULL);
}


static void
test_limits_of_the_key_come_first(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);
    identity = create(&records, &records.tenant);

    assert_int_equal(reg_identity_limit(identity, REG_STR("pulls"))->kind,
                     REG_LIMIT_OFF);
    assert_int_equal(reg_identity_limit(identity, REG_STR("pushes"))->kind,
                     REG_LIMIT_QUOTA);
    assert_null(reg_identity_limit(identity, REG_STR("pull")));
    assert_null(reg_identity_limit(identity, REG_STR("")));

    reg_identity_free(identity);

    records.key.u.key.limits.n = 0;
    identity = create(&records, &records.tenant);

    assert_int_equal(reg_identity_limit(identity, REG_STR("pulls"))->kind,
                     REG_LIMIT_RATE);

    reg_identity_free(identity);

    records.tenant.u.tenant.limits.n = 0;
    identity = create(&records, &records.tenant);

    assert_null(reg_identity_limit(identity, REG_STR("pulls")));

    reg_identity_free(identity);
}


static void
test_nothing_is_there(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);

    memset(&records.key.u.key, 0, sizeof(reg_key_record_t));
    records.key.u.key.id = REG_STR("0aZ9bY8cX7dW");
    records.key.u.key.tenant = REG_STR("acme");
    records.key.u.key.not_before = REG_TIME_NONE;
    records.key.u.key.expires_at = REG_TIME_NONE;
    records.key.u.key.revoked_at = REG_TIME_NONE;
    records.tenant.u.tenant.nlabels = 0;

    identity = create(&records, &records.tenant);

    assert_text(identity->name, "");
    assert_text(identity->rotated_to, "");
    assert_true(identity->not_before == REG_TIME_NONE);
    assert_true(identity->expires_at == REG_TIME_NONE);
    assert_true(identity->revoked_at == REG_TIME_NONE);
    assert_int_equal(identity->nallow_from, 0);
    assert_int_equal(identity->nlabels, 0);
    assert_int_equal(identity->nscopes, 0);

    reg_identity_free(identity);
}


static void
test_tenant(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);
    identity = create(&records, NULL);

    assert_int_equal(identity->no_tenant, 1);
    assert_int_equal(identity->suspended, 0);
    assert_int_equal(identity->newer, 0);
    assert_int_equal(identity->nlabels, 0);
    assert_text(identity->tenant, "acme");

    reg_identity_free(identity);

    records.tenant.u.tenant.suspended = 1;
    identity = create(&records, &records.tenant);

    assert_int_equal(identity->no_tenant, 0);
    assert_int_equal(identity->suspended, 1);

    reg_identity_free(identity);
}


static void
test_newer_key(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);

    /* as the reader of records leaves it */

    memset(&records.key.u, 0, sizeof(records.key.u));
    records.key.newer = 1;

    identity = create(&records, &records.tenant);

    assert_int_equal(identity->newer, 1);
    assert_int_equal(identity->key_id.len, 0);
    assert_int_equal(identity->tenant.len, 0);
    assert_int_equal(identity->nscopes, 0);
    assert_true(identity->revoked_at == REG_TIME_NONE);

    reg_identity_free(identity);
}


static void
test_newer_tenant_or_role(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);
    memset(&records.tenant.u, 0, sizeof(records.tenant.u));
    records.tenant.newer = 1;

    identity = create(&records, &records.tenant);

    assert_int_equal(identity->newer, 1);
    assert_text(identity->key_id, "0aZ9bY8cX7dW");

    reg_identity_free(identity);

    records_init(&records);
    memset(&records.role.u, 0, sizeof(records.role.u));
    records.role.newer = 1;

    identity = create(&records, &records.tenant);

    assert_int_equal(identity->newer, 1);

    /* the key's own two and the two built in */

    assert_int_equal(identity->nscopes, 4);

    reg_identity_free(identity);
}


static void
test_role_of_another_type_grants_nothing(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);

    /* read as a role, its bytes would be a list of scopes at address 2 */

    records.role = records.tenant;
    records.role.u.tenant.suspended = 1;

    identity = create(&records, &records.tenant);
    assert_int_equal(identity->nscopes, 4);

    reg_identity_free(identity);
}


static void
test_records_of_other_types(void **state)
{
    records_t        records;
    reg_error_t      error;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);

    assert_int_equal(reg_identity_create(&identity, &records.tenant,
                                         &records.tenant, find_role, &records,
                                         &error),
                     REG_INVALID);
    assert_string_equal(error.text, "the records are not those of a key and "
                        "its tenant");

    assert_int_equal(reg_identity_create(&identity, &records.key,
                                         &records.role, find_role, &records,
                                         &error),
                     REG_INVALID);
}


static void
test_builtin_role_is_not_redefined(void **state)
{
    records_t        records;
    reg_identity_t  *identity;

    static const char  *scopes[] = {
        "repository:**:*", "registry:catalog:*"
    };

    (void) state;

    records_init(&records);
    records.key.u.key.scopes.n = 0;
    records.key.u.key.roles.n = 1;
    records.key_roles[0] = REG_STR("registry-admin");

    identity = create(&records, &records.tenant);

    assert_scopes(identity, scopes, 2);
    assert_int_equal(records.finds, 0);

    reg_identity_free(identity);
}


static void
test_invalid_scope_is_named(void **state)
{
    records_t        records;
    reg_error_t      error;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);
    records.key_scopes[1] = REG_STR("repository:acme/app:pul");

    assert_int_equal(reg_identity_create(&identity, &records.key,
                                         &records.tenant, find_role, &records,
                                         &error),
                     REG_INVALID);
    assert_string_equal(error.text,
                        "key 0aZ9bY8cX7dW: unknown action \"pul\"; a "
                        "repository takes pull, push, delete or *, in scope "
                        "\"repository:acme/app:pul\"");

    records_init(&records);
    records.role_scopes[1] = REG_STR("repository::pull");

    assert_int_equal(reg_identity_create(&identity, &records.key,
                                         &records.tenant, find_role, &records,
                                         &error),
                     REG_INVALID);
    assert_string_equal(error.text,
                        "role builder: the pattern is empty; '**' matches "
                        "every name, in scope \"repository::pull\"");

    /* a tenant that is no name would fill in anything */

    records_init(&records);
    records.key.u.key.tenant = REG_STR("*");

    assert_int_equal(reg_identity_create(&identity, &records.key,
                                         &records.tenant, find_role, &records,
                                         &error),
                     REG_INVALID);
    assert_string_equal(error.text,
                        "key 0aZ9bY8cX7dW: \"*\" is no name of a tenant, in "
                        "scope \"repository:{tenant}/app:push\"");
}


static reg_str_t
heap(const char *text)
{
    reg_str_t  s;

    s.len = strlen(text);
    s.data = malloc(s.len);
    assert_non_null(s.data);
    memcpy(s.data, text, s.len);

    return s;
}


/* All that the records held is gone before the identity is read. */

static void
test_nothing_is_borrowed(void **state)
{
    reg_str_t          scope, role, id, tenant, name, rotated, label, value;
    reg_str_t          role_scope;
    records_t         *records;
    reg_access_t       access;
    reg_identity_t    *identity;

    static const char  *scopes[] = {
        "repository:{tenant}/*:push", "repository:~^{tenant}/x$:delete"
    };

    (void) state;

    records = malloc(sizeof(records_t));
    assert_non_null(records);
    records_init(records);

    records->key_scopes[0] = scope = heap(scopes[0]);
    records->role_scopes[0] = role_scope = heap(scopes[1]);
    records->key_roles[0] = role = heap("builder");
    records->key.u.key.id = id = heap("0aZ9bY8cX7dW");
    records->key.u.key.tenant = tenant = heap("acme");
    records->key.u.key.name = name = heap("ci");
    records->key.u.key.rotated_to = rotated = heap("1aZ9bY8cX7dW");
    records->labels[0].name = label = heap("project");
    records->labels[0].value = value = heap("apollo");
    records->key.u.key.scopes.n = 1;
    records->key.u.key.roles.n = 1;
    records->role.u.role.scopes.n = 1;

    identity = create(records, &records->tenant);

    free(scope.data);
    free(role_scope.data);
    free(role.data);
    free(id.data);
    free(tenant.data);
    free(name.data);
    free(rotated.data);
    free(label.data);
    free(value.data);
    free(records);

    assert_text(identity->key_id, "0aZ9bY8cX7dW");
    assert_text(identity->tenant, "acme");
    assert_text(identity->name, "ci");
    assert_text(identity->rotated_to, "1aZ9bY8cX7dW");
    assert_text(identity->labels[0].name, "project");
    assert_text(identity->labels[0].value, "apollo");
    assert_int_equal(identity->allow_from[1].address.bytes[0], 0xfd);
    assert_scopes(identity, scopes, 2);

    memset(&access, 0, sizeof(reg_access_t));
    access.type = REG_SCOPE_REPOSITORY;
    access.name = REG_STR("acme/x");
    access.actions = REG_ACTION_PUSH;
    assert_int_equal(reg_scope_grants(identity->scopes[0], &access), 1);

    access.actions = REG_ACTION_DELETE;
    assert_int_equal(reg_scope_grants(identity->scopes[1], &access), 1);

    reg_identity_free(identity);
}


static void
test_anonymous(void **state)
{
    reg_str_t         scopes[2];
    reg_error_t       error;
    reg_access_t      access;
    reg_identity_t   *identity;

    static const char  *texts[] = {
        "repository:public/**:pull", "repository:{tenant}/**:pull"
    };

    (void) state;

    scopes[0] = reg_str(texts[0]);
    scopes[1] = reg_str(texts[1]);

    assert_int_equal(reg_identity_create_anonymous(&identity, scopes, 2,
                                                   REG_STR("guests"), &error),
                     REG_OK);

    assert_int_equal(identity->key_id.len, 0);
    assert_text(identity->tenant, "guests");
    assert_true(identity->not_before == REG_TIME_NONE);
    assert_true(identity->expires_at == REG_TIME_NONE);
    assert_true(identity->revoked_at == REG_TIME_NONE);
    assert_int_equal(identity->no_tenant, 0);
    assert_int_equal(identity->newer, 0);
    assert_int_equal(identity->nallow_from, 0);
    assert_scopes(identity, texts, 2);

    memset(&access, 0, sizeof(reg_access_t));
    access.type = REG_SCOPE_REPOSITORY;
    access.name = REG_STR("guests/app");
    access.actions = REG_ACTION_PULL;
    assert_int_equal(reg_scope_grants(identity->scopes[1], &access), 1);

    reg_identity_free(identity);

    /* booked to nobody: {tenant} is nobody's */

    assert_int_equal(reg_identity_create_anonymous(&identity, scopes, 2,
                                                   REG_STR_NULL, &error),
                     REG_OK);

    assert_int_equal(identity->tenant.len, 0);
    assert_int_equal(identity->nscopes, 2);
    assert_int_equal(reg_scope_grants(identity->scopes[1], &access), 0);

    access.name = REG_STR("/app");
    assert_int_equal(reg_scope_grants(identity->scopes[1], &access), 0);

    reg_identity_free(identity);

    assert_int_equal(reg_identity_create_anonymous(&identity, NULL, 0,
                                                   REG_STR_NULL, &error),
                     REG_OK);
    assert_int_equal(identity->nscopes, 0);

    reg_identity_free(identity);

    scopes[1] = REG_STR("public");
    assert_int_equal(reg_identity_create_anonymous(&identity, scopes, 2,
                                                   REG_STR_NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text,
                        "anonymous: \"public\" is no scope; one reads "
                        "type:pattern:actions, such as "
                        "\"repository:acme/app:pull\", in scope \"public\"");
}


/*
 * A worker keeps thousands of identities: what ngx-registry writes of a key
 * with four scopes is one piece of so many bytes.
 */

/* One network is a list, too: who is not in it is kept out. */

static void
test_networks(void **state)
{
    size_t           n;
    records_t        records;
    reg_identity_t  *identity;

    (void) state;

    for (n = 0; n <= 2; n++) {
        records_init(&records);
        records.key.u.key.nallow_from = n;

        identity = create(&records, &records.tenant);

        assert_int_equal(identity->nallow_from, n);
        assert_int_equal(identity->allow_from != NULL, n > 0);

        if (n) {
            assert_memory_equal(identity->allow_from, records.networks,
                                n * sizeof(records.networks[0]));
        }

        reg_identity_free(identity);
    }
}


static void
test_memory(void **state)
{
    size_t            i;
    records_t         records;
    reg_str_t         scopes[4], slice;
    unsigned char    *begin, *end;
    reg_identity_t   *identity;

    (void) state;

    records_init(&records);

    scopes[0] = REG_STR("repository:acme/app:pull");
    scopes[1] = REG_STR("repository:acme/web:pull,push");
    scopes[2] = REG_STR("repository:acme/cache/*:pull,push");
    scopes[3] = REG_STR("repository:acme/base/**:pull");

    records.key.u.key.name = REG_STR("ci");
    records.key.u.key.rotated_to = REG_STR_NULL;
    records.key.u.key.roles.n = 0;
    records.key.u.key.nallow_from = 0;
    records.key.u.key.scopes.n = 4;
    records.key.u.key.scopes.items = scopes;
    records.key.u.key.limits.n = 0;
    records.tenant.u.tenant.nlabels = 1;
    records.tenant.u.tenant.limits.n = 0;

    identity = create(&records, &records.tenant);

    begin = (unsigned char *) identity;
    end = begin + malloc_usable_size(identity);

    assert_in_range(end - begin, 1, 576);
    assert_in_range(identity->key_id.data - begin, 1, end - begin);
    assert_in_range(identity->labels[0].value.data - begin, 1, end - begin);

    for (i = 0; i < 4; i++) {
        slice = reg_scope_text(identity->scopes[i]);

        assert_in_range(slice.data + slice.len - begin, 1, end - begin);
        assert_int_equal((uintptr_t) identity->scopes[i] % sizeof(void *), 0);
    }

    reg_identity_free(identity);
}


/* Each allocation fails once; ASan and valgrind see what would be lost. */

static void
test_out_of_memory(void **state)
{
    reg_rc_t         rc;
    records_t        records;
    reg_error_t      error;
    unsigned long    n;
    reg_identity_t  *identity;

    (void) state;

    records_init(&records);

    for (n = 1; /* void */ ; n++) {
        wrap_malloc_arm(n);

        rc = reg_identity_create(&identity, &records.key, &records.tenant,
                                 find_role, &records, &error);

        if (!wrap_malloc_disarm()) {
            break;
        }

        assert_int_equal(rc, REG_NOMEM);
    }

    assert_int_equal(rc, REG_OK);

    /*
     * itself, 4 texts, networks, labels and 3 of their texts, 2 lists of
     * limits and their 3 names, 3 lists of scopes, 6 scopes with their
     * patterns, one of them an expression, and all that in one piece
     */

    assert_true(n > 1 + 4 + 1 + 1 + 3 + 2 + 3 + 3 + 12 + 4 + 1);

    reg_identity_free(identity);
}


static void
test_out_of_memory_anonymous(void **state)
{
    reg_rc_t         rc;
    reg_str_t        scope;
    unsigned long    n;
    reg_identity_t  *identity;

    (void) state;

    scope = REG_STR("repository:public/**:pull");

    for (n = 1; /* void */ ; n++) {
        wrap_malloc_arm(n);

        rc = reg_identity_create_anonymous(&identity, &scope, 1,
                                           REG_STR("guests"), NULL);

        if (!wrap_malloc_disarm()) {
            break;
        }

        assert_int_equal(rc, REG_NOMEM);
    }

    assert_int_equal(rc, REG_OK);
    assert_int_equal(n, 1 + 6);

    reg_identity_free(identity);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_everything_is_there),
        cmocka_unit_test(test_limits_of_the_key_come_first),
        cmocka_unit_test(test_nothing_is_there),
        cmocka_unit_test(test_tenant),
        cmocka_unit_test(test_newer_key),
        cmocka_unit_test(test_newer_tenant_or_role),
        cmocka_unit_test(test_role_of_another_type_grants_nothing),
        cmocka_unit_test(test_records_of_other_types),
        cmocka_unit_test(test_builtin_role_is_not_redefined),
        cmocka_unit_test(test_invalid_scope_is_named),
        cmocka_unit_test(test_nothing_is_borrowed),
        cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_out_of_memory_anonymous)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
