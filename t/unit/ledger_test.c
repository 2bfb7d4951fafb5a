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

#define SIZE    REG_LEDGER_SIZE_MIN
#define KEYS    200                 /* of the comparison with a model */
#define STEPS   20000
#define FLOOD   1000


static reg_ledger_key_t
other_key(void)
{
    reg_ledger_key_t  key;

    key.tenant = REG_LEDGER_OTHER;
    key.repository = REG_LEDGER_OTHER;
    key.operation = REG_LEDGER_OTHER;
    key.route = REG_LEDGER_OTHER;
    key.network = REG_LEDGER_OTHER;

    return key;
}


static void
test_what_is_counted_is_read(void **state)
{
    const char          *directory;
    unsigned             c;
    reg_ledger_t        *ledger, *reader;
    reg_ledger_row_t    *row;
    reg_ledger_key_t     key;
    reg_ledger_entry_t   entry;

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);
    reader = ledger_read(directory);

    key = ledger_key("acme", "acme/app");
    assert_int_equal(ledger_find(reader, &key, &entry), 0);

    row = reg_ledger_row(ledger, &key);

    for (c = 0; c < REG_LEDGER_COUNTERS; c++) {
        reg_ledger_add(row, c, 1 + c);
        reg_ledger_add(row, c, 0x100000000);
    }

    /* by whoever had opened it before */

    assert_int_equal(ledger_find(reader, &key, &entry), 1);

    for (c = 0; c < REG_LEDGER_COUNTERS; c++) {
        assert_int_equal(entry.counts[c], 0x100000001 + c);
    }

    reg_ledger_take_back(row, 0x100000000);
    assert_int_equal(ledger_egress(reader, &key), 1);
    reg_ledger_add(row, REG_LEDGER_EGRESS_BYTES, 0x100000000);

    assert_int_equal(reg_ledger_day(reader), LEDGER_DAY);
    assert_string_equal(reg_ledger_instance(reader),
                        reg_ledger_instance(ledger));

    reg_ledger_close(reader);
    reg_ledger_close(ledger);

    /* and after everybody had closed it */

    ledger = ledger_open(directory, LEDGER_DAY, SIZE);
    assert_ptr_not_equal(reg_ledger_row(ledger, &key), NULL);
    assert_int_equal(ledger_egress(ledger, &key), 0x100000001);

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


/* Any part makes another row, wherever one ends and the next begins. */

static void
test_keys_differ_in_any_part(void **state)
{
    size_t             i, n;
    const char        *directory;
    reg_ledger_t      *ledger;
    reg_ledger_key_t   keys[8];
    reg_ledger_row_t  *rows[8];

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    for (i = 0; i < 8; i++) {
        keys[i] = ledger_key("a", "bc");
    }

    keys[1].tenant = REG_STR("b");
    keys[2].repository = REG_STR("bcd");
    keys[3].operation = REG_STR("push");
    keys[4].route = REG_STR("edge");
    keys[5].network = REG_STR("");
    keys[6] = ledger_key("ab", "c");
    keys[7] = ledger_key("", "abc");

    for (i = 0; i < 8; i++) {
        rows[i] = reg_ledger_row(ledger, &keys[i]);
        reg_ledger_add(rows[i], REG_LEDGER_EGRESS_BYTES, 1 + i);

        for (n = 0; n < i; n++) {
            assert_ptr_not_equal(rows[n], rows[i]);
        }
    }

    for (i = 0; i < 8; i++) {
        assert_ptr_equal(reg_ledger_row(ledger, &keys[i]), rows[i]);
        assert_int_equal(ledger_egress(ledger, &keys[i]), 1 + i);
    }

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


/*
 * Names that end in the same bytes have one place among the recent rows, and
 * push one another out; nothing of one is ever counted for another.
 */

static void
test_names_that_end_alike_are_kept_apart(void **state)
{
    char               name[2][16];
    size_t             i, n;
    const char        *directory;
    reg_ledger_t      *ledger;
    reg_ledger_key_t   key;

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    for (n = 0; n < 3; n++) {
        for (i = 0; i < 26; i++) {
            (void) snprintf(name[0], sizeof(name[0]), "%c/the-end",
                            (int) ('a' + i));
            (void) snprintf(name[1], sizeof(name[1]), "%c%s",
                            (int) ('a' + i), i % 2 ? "bc" : "");

            key = ledger_key(name[1], name[0]);
            reg_ledger_add(reg_ledger_row(ledger, &key),
                           REG_LEDGER_EGRESS_BYTES, 1 + i);
            reg_ledger_add(reg_ledger_row(ledger, &key),
                           REG_LEDGER_EGRESS_BYTES, 1000);
            assert_int_equal(ledger_egress(ledger, &key),
                             (n + 1) * (1001 + i));
        }
    }

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


static void
test_the_longest_key_fits_and_no_other(void **state)
{
    size_t              i, c;
    const char         *directory;
    unsigned char       text[REG_LEDGER_REPOSITORY_MAX + 1];
    reg_ledger_t       *ledger;
    reg_ledger_key_t    key, other;
    reg_ledger_stat_t   stat;

    static const unsigned char  bad[] = {
        '\0', '\n', ' ', '|', '{', '}', 0x7f, 0x80, 0xff
    };

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    memset(text, 'x', sizeof(text));
    other = other_key();

    for (i = 0; i < 6; i++) {
        key.tenant = (reg_str_t) { REG_LEDGER_TENANT_MAX + (i == 1), text };
        key.repository = (reg_str_t) { REG_LEDGER_REPOSITORY_MAX + (i == 2),
                                       text };
        key.operation = (reg_str_t) { REG_LEDGER_OPERATION_MAX + (i == 3),
                                      text };
        key.route = (reg_str_t) { REG_LEDGER_ROUTE_MAX + (i == 4), text };
        key.network = (reg_str_t) { REG_LEDGER_NETWORK_MAX + (i == 5), text };

        reg_ledger_add(reg_ledger_row(ledger, &key), REG_LEDGER_EGRESS_BYTES,
                       1);
        assert_int_equal(ledger_egress(ledger, &key), i == 0);
        assert_int_equal(ledger_egress(ledger, &other), i);
    }

    for (c = 0; c < sizeof(bad); c++) {
        text[2] = bad[c];
        key = ledger_key("acme", "acme/app");
        key.repository = (reg_str_t) { 5, text };

        reg_ledger_add(reg_ledger_row(ledger, &key), REG_LEDGER_EGRESS_BYTES,
                       1);
    }

    assert_int_equal(ledger_egress(ledger, &other), 5 + sizeof(bad));

    reg_ledger_stat(ledger, &stat);
    assert_int_equal(stat.used, 1);
    assert_int_equal(stat.overflows, 5 + sizeof(bad));

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


/* Far more keys than rows: nothing is lost. */

static void
test_a_full_ledger_keeps_totals(void **state)
{
    char                 name[32];
    size_t               i, at;
    uint64_t             sum;
    const char          *directory;
    reg_ledger_t        *ledger;
    reg_ledger_key_t     key, other;
    reg_ledger_stat_t    stat;
    reg_ledger_entry_t   entry;

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    for (i = 0; i < FLOOD; i++) {
        (void) snprintf(name, sizeof(name), "flood/%zu", i);
        key = ledger_key("acme", name);

        reg_ledger_add(reg_ledger_row(ledger, &key), REG_LEDGER_EGRESS_BYTES,
                       1 + i);
    }

    sum = 0;
    at = 0;

    while (reg_ledger_next(ledger, &at, REG_LEDGER_END, &entry)) {
        sum += entry.counts[REG_LEDGER_EGRESS_BYTES];
    }

    assert_int_equal(sum, FLOOD * (FLOOD + 1) / 2);
    assert_int_equal(reg_ledger_sum(ledger), sum);

    /* the same, row by row, and "(other)" is one of them */

    at = 0;
    i = 0;

    while (reg_ledger_next_row(ledger, &at, REG_LEDGER_END, &entry)) {
        sum -= entry.counts[REG_LEDGER_EGRESS_BYTES];
        i++;
    }

    reg_ledger_stat(ledger, &stat);
    assert_int_equal(sum, 0);
    assert_int_equal(i, stat.used + 1);

    other = other_key();
    assert_true(ledger_egress(ledger, &other) > 0);

    reg_ledger_stat(ledger, &stat);
    assert_int_equal(stat.used + stat.overflows, FLOOD);
    assert_true(stat.used >= (stat.rows - 1) / 2 && stat.used < stat.rows);

    /* whoever is in already goes on */

    key = ledger_key("acme", "flood/0");
    reg_ledger_add(reg_ledger_row(ledger, &key), REG_LEDGER_EGRESS_BYTES, 9);
    assert_int_equal(ledger_egress(ledger, &key), 10);

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


/* The ledger, opened and closed at random, and an array. */

static void
test_it_counts_as_a_model_does(void **state)
{
    char                 name[32];
    size_t               i, k, c;
    uint64_t             n;
    const char          *directory;
    reg_ledger_t        *ledger;
    reg_ledger_key_t     key;
    reg_ledger_entry_t   entry;

    static uint64_t  model[KEYS][REG_LEDGER_COUNTERS];

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, 16 * SIZE);

    for (i = 0; i < rounds(STEPS); i++) {

        k = random_below(KEYS);
        c = random_below(REG_LEDGER_COUNTERS);
        n = random_next() >> (1 + random_below(63));

        (void) snprintf(name, sizeof(name), "model/%zu", k);
        key = ledger_key(k % 2 ? "odd" : "even", name);

        reg_ledger_add(reg_ledger_row(ledger, &key), (unsigned) c, n);
        model[k][c] += n;

        if (random_below(1000) == 0) {
            reg_ledger_close(ledger);
            ledger = ledger_open(directory, LEDGER_DAY, 16 * SIZE);
        }
    }

    for (k = 0; k < KEYS; k++) {
        (void) snprintf(name, sizeof(name), "model/%zu", k);
        key = ledger_key(k % 2 ? "odd" : "even", name);

        memset(&entry, 0, sizeof(entry));
        (void) ledger_find(ledger, &key, &entry);
        assert_memory_equal(entry.counts, model[k], sizeof(model[k]));
    }

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


static void
test_what_was_sent_is_not_sent_again(void **state)
{
    size_t               at;
    const char          *directory;
    reg_ledger_t        *ledger;
    reg_ledger_key_t     key, other;
    reg_ledger_row_t    *row;
    reg_ledger_entry_t   entry;

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    key = ledger_key("acme", "acme/app");
    row = reg_ledger_row(ledger, &key);
    reg_ledger_add(row, REG_LEDGER_REQUESTS, 1);

    at = 0;
    assert_int_equal(reg_ledger_next_unsent(ledger, &at, REG_LEDGER_END,
                                            &entry), 1);
    assert_int_equal(entry.counts[REG_LEDGER_REQUESTS], 1);
    assert_int_equal(entry.unsent, 1);
    assert_int_equal(reg_ledger_next_unsent(ledger, &at, REG_LEDGER_END,
                                            &entry), 0);

    /* meanwhile it counts on: that much is not sent */

    reg_ledger_add(row, REG_LEDGER_REQUESTS, 1);
    at = 0;
    assert_int_equal(reg_ledger_next_unsent(ledger, &at, REG_LEDGER_END,
                                            &entry), 1);
    reg_ledger_sent(ledger, entry.row, entry.own - 1);

    at = 0;
    assert_int_equal(reg_ledger_next_unsent(ledger, &at, REG_LEDGER_END,
                                            &entry), 1);
    assert_int_equal(entry.counts[REG_LEDGER_REQUESTS], 2);
    reg_ledger_sent(ledger, entry.row, entry.own);

    at = 0;
    assert_int_equal(reg_ledger_next_unsent(ledger, &at, REG_LEDGER_END,
                                            &entry), 0);

    /* of rows in a range */

    other = ledger_key("acme", "acme/other");
    (void) reg_ledger_row(ledger, &other);
    at = 0;
    assert_int_equal(reg_ledger_next(ledger, &at, 1, &entry), 1);
    assert_true(reg_str_eq(entry.key.tenant, REG_LEDGER_OTHER));
    assert_int_equal(reg_ledger_next(ledger, &at, 1, &entry), 0);
    assert_int_equal(at, 1);

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


static void
test_a_day_is_closed_until_somebody_counts(void **state)
{
    const char        *directory;
    reg_ledger_t      *ledger;
    reg_ledger_key_t   key;
    reg_ledger_row_t  *row;

    (void) state;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);

    assert_int_equal(reg_ledger_closed(ledger), 0);
    reg_ledger_set_closed(ledger, reg_ledger_sum(ledger));
    assert_int_equal(reg_ledger_closed(ledger), 1);

    key = ledger_key("acme", "acme/app");
    row = reg_ledger_row(ledger, &key);
    assert_int_equal(reg_ledger_closed(ledger), 1);

    reg_ledger_add(row, REG_LEDGER_REQUESTS, 1);
    assert_int_equal(reg_ledger_closed(ledger), 0);

    reg_ledger_close(ledger);
    ledger_remove(directory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_is_counted_is_read),
        cmocka_unit_test(test_keys_differ_in_any_part),
        cmocka_unit_test(test_names_that_end_alike_are_kept_apart),
        cmocka_unit_test(test_the_longest_key_fits_and_no_other),
        cmocka_unit_test(test_a_full_ledger_keeps_totals),
        cmocka_unit_test(test_it_counts_as_a_model_does),
        cmocka_unit_test(test_what_was_sent_is_not_sent_again),
        cmocka_unit_test(test_a_day_is_closed_until_somebody_counts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
