/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "ledger.h"
#include "random.h"
#include "reg_ledger_redis.h"


static void
test_what_is_written_is_read(void **state)
{
    size_t              i, c;
    reg_str_t           field, value, instance;
    unsigned char       f[REG_LEDGER_REDIS_FIELD_MAX];
    unsigned char       v[REG_LEDGER_REDIS_VALUE_MAX];
    reg_ledger_entry_t  entry, again;

    (void) state;

    for (i = 0; i < rounds(10000); i++) {
        memset(&entry, 0, sizeof(entry));
        entry.key = ledger_key("acme", "acme/app");

        for (c = 0; c < REG_LEDGER_COUNTERS; c++) {
            entry.counts[c] = random_next() >> random_below(64);
        }

        entry.taken_back = (random_next() >> random_below(64))
                           % (UINT64_MAX - entry.counts[0]);

        field.data = f;
        field.len = reg_ledger_redis_field(f, "0123456789abcdef", &entry.key);
        value.data = v;
        value.len = reg_ledger_redis_value(v, &entry);
        assert_true(value.len <= sizeof(v));

        assert_int_equal(reg_ledger_redis_parse(&instance, &again, field,
                                                value), REG_OK);
        assert_int_equal(reg_ledger_redis_settle(&again), REG_OK);
        assert_memory_equal(entry.counts, again.counts, sizeof(entry.counts));
        assert_int_equal(entry.taken_back, again.taken_back);
        assert_true(reg_str_eq(instance, REG_STR("0123456789abcdef")));
        assert_true(reg_str_eq(again.key.repository, entry.key.repository));
        assert_true(reg_str_eq(again.key.network, entry.key.network));
    }
}


static void
test_it_looks_as_documented(void **state)
{
    size_t              len;
    unsigned char       buf[REG_LEDGER_REDIS_FIELD_MAX];
    reg_ledger_key_t    key;

    (void) state;

    key = ledger_key("acme", "acme/app");

    len = reg_ledger_redis_key(buf, REG_STR("registry:"), key.tenant,
                               REG_STR("2026-01"));
    assert_int_equal(len, strlen("registry:egress:{acme}:2026-01"));
    assert_memory_equal(buf, "registry:egress:{acme}:2026-01", len);

    len = reg_ledger_redis_field(buf, "0123456789abcdef", &key);
    assert_memory_equal(buf, "0123456789abcdef|origin|office|pull|acme/app",
                        len);
}


static void
test_what_is_none_is_refused(void **state)
{
    size_t              i;
    reg_str_t           instance;
    reg_ledger_entry_t  entry;

    static const char *const  bad[][2] = {
        { "", "0 0 0 0 0 0 0 0" },
        { "i|r|n|o", "0 0 0 0 0 0 0 0" },
        { "i|r|n|o|a b", "0 0 0 0 0 0 0 0" },
        { "i|r|n|o|a|b", "0 0 0 0 0 0 0 0" },
        { "i|r|n|o|a", "" },
        { "i|r|n|o|a", "0 0 0 0 0 0 0" },
        { "i|r|n|o|a", "0 0 0 0 0 0 0 0 0" },
        { "i|r|n|o|a", "0 0 0 0 0 0 0 0 " },
        { "i|r|n|o|a", "-1 0 0 0 0 0 0 0" },
        { "i|r|n|o|a", "0x1 0 0 0 0 0 0 0" },
        { "i|r|n|o|a", "18446744073709551616 0 0 0 0 0 0 0" }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(reg_ledger_redis_parse(&instance, &entry,
                                                reg_str(bad[i][0]),
                                                reg_str(bad[i][1])),
                         REG_INVALID);
    }

    assert_int_equal(reg_ledger_redis_parse(&instance, &entry,
                                            REG_STR("i|r|n|o|a"),
                                            REG_STR("1 0 0 0 0 0 0 2")),
                     REG_OK);
    assert_int_equal(reg_ledger_redis_settle(&entry), REG_INVALID);
}


static void
test_keys_of_days_are_known(void **state)
{
    size_t          i;
    int64_t         day;
    reg_str_t       tenant, key;
    unsigned char   buf[REG_LEDGER_REDIS_KEY_MAX];

    static const char *const  none[] = {
        "", "r:", "r:egress:{acme}:2026-01", "r:egress:{acme}:2026-02-30",
        "egress:{acme}:2026-01-31", "r:egress:{acme}2026-01-31",
        "r:egress:{a{b}:2026-01-31", "r:egress:acme:2026-01-31",
        "r:egress:{acme}:2026-01-31:", "r:tenant:acme"
    };

    (void) state;

    key.data = buf;
    key.len = reg_ledger_redis_key(buf, REG_STR("r:"), REG_STR("acme"),
                                   REG_STR("2026-01-31"));

    assert_int_equal(reg_ledger_redis_key_parse(&tenant, &day, REG_STR("r:"),
                                                key), REG_OK);
    assert_true(reg_str_eq(tenant, REG_STR("acme")));
    assert_int_equal(day, 20484);

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(reg_ledger_redis_key_parse(&tenant, &day,
                                                    REG_STR("r:"),
                                                    reg_str(none[i])),
                         REG_NOTFOUND);
    }
}


static void
test_totals(void **state)
{
    uint64_t  bytes;

    (void) state;

    assert_int_equal(reg_ledger_redis_total(&bytes, 0, 0), REG_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(reg_ledger_redis_total(&bytes, 9007, 199254740993),
                     REG_OK);
    assert_true(bytes == 9007199254740993);
    assert_int_equal(reg_ledger_redis_total(&bytes, 18446744, 73709551615),
                     REG_OK);
    assert_true(bytes == UINT64_MAX);
    assert_int_equal(reg_ledger_redis_total(&bytes, 18446744, 73709551616),
                     REG_OK);
    assert_true(bytes == UINT64_MAX);
    assert_int_equal(reg_ledger_redis_total(&bytes, INT64_MAX, INT64_MAX),
                     REG_OK);
    assert_true(bytes == UINT64_MAX);
    assert_int_equal(reg_ledger_redis_total(&bytes, -1, 5), REG_INVALID);
    assert_int_equal(reg_ledger_redis_total(&bytes, 5, -1), REG_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_it_looks_as_documented),
        cmocka_unit_test(test_what_is_none_is_refused),
        cmocka_unit_test(test_keys_of_days_are_known),
        cmocka_unit_test(test_totals)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
