/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_report.h"
#include "wrap_malloc.h"

#define GB        UINT64_C(1000000000)
#define NOVEMBER  20758                         /* 2026-11-01 */

#define TIERS(rest)                                                           \
    "{\"version\":1,\"currency\":\"USD\",\"prices\":["                        \
    "{\"route\":\"cdn\",\"price\":\"0.02\"}," rest                            \
    "{\"route\":\"origin\",\"tiers\":["                                       \
    "{\"up_to\":\"10GB\",\"price\":\"0.09\"},"                                \
    "{\"up_to\":\"50GB\",\"price\":\"0.085\"},{\"price\":\"0.07\"}]}]}"


static reg_prices_t *
prices(const char *text)
{
    reg_error_t    error;
    reg_prices_t  *list;

    if (reg_prices_parse(&list, reg_str(text), &error) != REG_OK) {
        fail_msg("%s: %s", text, error.text);
    }

    return list;
}


static reg_rc_t
add(reg_report_t *report, int64_t day, const char *route, const char *tenant,
    uint64_t egress, uint64_t redirected)
{
    uint64_t   counts[REG_LEDGER_COUNTERS];
    reg_str_t  value;

    memset(counts, 0, sizeof(counts));

    counts[REG_LEDGER_EGRESS_BYTES] = egress;
    counts[REG_LEDGER_REDIRECTED_BYTES] = redirected;
    counts[REG_LEDGER_REQUESTS] = 1;

    value = reg_str(tenant);

    return reg_report_add(report, day, 0, reg_str(route), REG_STR("net"),
                          &value, counts);
}


static void
init(reg_report_t *report)
{
    memset(report, 0, sizeof(reg_report_t));

    report->nvalues = 1;
    report->priced = 1;
}


static void
assert_money(reg_money_t money, const char *text)
{
    char  buf[REG_MONEY_LEN];

    reg_money_format(buf, money);
    assert_string_equal(buf, text);
}


static void
test_group(void **state)
{
    size_t        i;
    reg_report_t  report;

    static const char *const  tenants[] = { "globex", "acme", "initech" };
    static const uint64_t     bytes[] = { 500, 300, 0 };

    (void) state;

    memset(&report, 0, sizeof(reg_report_t));

    report.nvalues = 1;

    assert_int_equal(add(&report, 1, "origin", "acme", 100, 0), REG_OK);
    assert_int_equal(add(&report, 2, "cdn", "acme", 0, 200), REG_OK);
    assert_int_equal(add(&report, 2, "cdn", "globex", 500, 0), REG_OK);
    assert_int_equal(add(&report, 3, "cdn", "initech", 0, 0), REG_OK);

    assert_int_equal(report.n, 3);

    reg_report_group(&report, 1);

    assert_int_equal(report.n, 3);

    for (i = 0; i < 3; i++) {
        assert_true(reg_str_eq(*report.rows[i].keys[REG_REPORT_VALUE],
                               reg_str(tenants[i])));
        assert_int_equal(reg_report_bytes(&report, &report.rows[i]), bytes[i]);
    }

    assert_int_equal(report.rows[1].counts[REG_LEDGER_REQUESTS], 2);

    reg_report_group(&report, 0);
    assert_true(reg_str_eq(*report.rows[0].keys[REG_REPORT_VALUE],
                           REG_STR("acme")));

    reg_report_free(&report);
}


static void
test_empty(void **state)
{
    reg_report_t   report;
    reg_prices_t  *list;

    (void) state;

    init(&report);
    list = prices(TIERS(""));

    assert_int_equal(reg_report_price(&report, list, NULL, NULL, NULL),
                     REG_OK);
    reg_report_group(&report, 1);
    assert_int_equal(report.n, 0);

    reg_report_free(&report);
    reg_prices_free(list);
}


static void
test_costs(void **state)
{
    reg_error_t    error;
    reg_report_t   report;
    reg_prices_t  *list;

    (void) state;

    init(&report);
    list = prices(TIERS(""));

    /* 8 of the 10 GB of the first tier on the first day, 20 on the second */

    (void) add(&report, NOVEMBER, "origin", "acme", 8 * GB, 0);
    (void) add(&report, NOVEMBER + 1, "origin", "acme", 5 * GB, 0);
    (void) add(&report, NOVEMBER + 1, "origin", "globex", 15 * GB, 0);
    (void) add(&report, NOVEMBER + 1, "cdn", "globex", 0, 100 * GB);

    /* and the next month begins anew */

    (void) add(&report, NOVEMBER + 30, "origin", "globex", GB, 0);

    assert_int_equal(reg_report_price(&report, list, NULL, NULL, &error),
                     REG_OK);
    reg_report_group(&report, 0);

    /* of 2 GB at 0.09 each has the share that it has of 20 GB */

    assert_money(report.rows[0].cost, "1.1475");
    assert_money(report.rows[1].cost, "3.3725");

    /*
     * From origin the second day had been 120 GB: 2 at 0.09, 40 at 0.085 and
     * 78 at 0.07, of which acme has a 24th.
     */

    assert_money(report.rows[0].at_origin + report.rows[1].at_origin, "9.85");

    reg_report_free(&report);
    reg_prices_free(list);
}


static void
test_before(void **state)
{
    uint64_t       counts[REG_LEDGER_COUNTERS] = { 10 * GB };
    reg_str_t      value;
    reg_error_t    error;
    reg_report_t   report;
    reg_prices_t  *list;

    (void) state;

    init(&report);
    list = prices(TIERS(""));
    value = REG_STR("acme");

    assert_int_equal(reg_report_add(&report, NOVEMBER, 1, REG_STR("origin"),
                                    REG_STR("net"), &value, counts),
                     REG_OK);
    (void) add(&report, NOVEMBER + 1, "origin", "acme", GB, 0);

    assert_int_equal(reg_report_price(&report, list, NULL, NULL, &error),
                     REG_OK);
    reg_report_group(&report, 0);

    assert_int_equal(report.n, 1);
    assert_int_equal(report.rows[0].counts[0], GB);
    assert_money(report.rows[0].cost, "0.085");

    reg_report_free(&report);
    reg_prices_free(list);
}


static void
test_measured(void **state)
{
    uint64_t      counts[REG_LEDGER_COUNTERS] = { 1, 2, 4, 8 };
    reg_str_t     value;
    reg_report_t  report;

    (void) state;

    init(&report);
    value = REG_STR("acme");

    (void) reg_report_add(&report, 1, 0, REG_STR("cdn"), REG_STR("net"),
                          &value, counts);

    assert_int_equal(reg_report_bytes(&report, report.rows), 5);
    report.measured = 1;
    assert_int_equal(reg_report_bytes(&report, report.rows), 9);

    /* what cannot be stays large */

    counts[REG_LEDGER_EGRESS_BYTES] = UINT64_MAX;
    (void) reg_report_add(&report, 1, 0, REG_STR("cdn"), REG_STR("net"),
                          &value, counts);
    assert_true(reg_report_bytes(&report, report.rows) == UINT64_MAX);

    reg_report_free(&report);
}


static void
test_unpriced(void **state)
{
    reg_error_t    error;
    reg_report_t   report;
    reg_prices_t  *list;

    (void) state;

    init(&report);
    list = prices(TIERS(""));

    /* what has no bytes needs no price */

    (void) add(&report, NOVEMBER, "backend", "acme", 0, 0);
    assert_int_equal(reg_report_price(&report, list, NULL, NULL, &error),
                     REG_OK);

    (void) add(&report, NOVEMBER, "other", "acme", 1, 0);
    assert_int_equal(reg_report_price(&report, list, NULL, NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text, "there is no price for route \"other\" on "
                        "network \"net\"");
    reg_report_free(&report);

    init(&report);
    (void) add(&report, NOVEMBER, "cdn", "acme", UINT64_MAX, 0);
    (void) add(&report, NOVEMBER, "cdn", "globex", 1, 0);
    assert_int_equal(reg_report_price(&report, list, NULL, NULL, &error),
                     REG_INVALID);
    assert_string_equal(error.text,
                        "route \"cdn\" has more bytes than can be");

    reg_report_free(&report);
    reg_prices_free(list);
}


typedef struct {
    const reg_prices_t  *prices;
    reg_money_t          cost;
    uint64_t             bytes;
} parts_t;


static void
part_handler(void *data, const reg_report_part_t *part)
{
    parts_t  *parts = data;

    assert_true(part->bytes > 0);
    assert_true(part->cost == (reg_money_t) part->bytes
                              * part->price->tiers[part->tier].price);

    parts->cost += part->cost;
    parts->bytes += part->bytes;
}


/*
 * Whatever traffic there is: the rows cost together what their volumes do, the
 * parts of rows are whole bytes, and no row has more of them than it has.
 */

static void
test_sums(void **state)
{
    char           tenant[16];
    size_t         i, k, n;
    uint64_t       all, cdn, bytes;
    parts_t        parts;
    reg_money_t    cost, at_origin;
    reg_error_t    error;
    reg_report_t   report;
    reg_prices_t  *list;

    (void) state;

    list = prices(TIERS(""));

    for (i = 0; i < rounds(500); i++) {
        init(&report);

        memset(&parts, 0, sizeof(parts_t));
        all = cdn = 0;
        n = 1 + random_below(60);

        for (k = 0; k < n; k++) {
            (void) snprintf(tenant, sizeof(tenant), "t%zu", random_below(9));

            bytes = random_next() % (20 * GB >> random_below(34));

            if (random_below(3)) {
                all += bytes;
                (void) add(&report, NOVEMBER + (int64_t) random_below(4),
                           "origin", tenant, bytes, 0);
            } else {
                cdn += bytes;
                (void) add(&report, NOVEMBER + (int64_t) random_below(4),
                           "cdn", tenant, 0, bytes);
            }
        }

        assert_int_equal(reg_report_price(&report, list, part_handler, &parts,
                                          &error),
                         REG_OK);
        reg_report_group(&report, 1);

        cost = at_origin = 0;

        for (k = 0; k < report.n; k++) {
            assert_true(report.rows[k].cost >= 0);
            cost += report.rows[k].cost;
            at_origin += report.rows[k].at_origin;
        }

        assert_true(parts.bytes == all + cdn);
        assert_true(parts.cost == cost);
        assert_true(cost == reg_price_cost(&list->items[1], GB, 0, all)
                            + reg_price_cost(&list->items[0], GB, 0, cdn));
        assert_true(at_origin == reg_price_cost(&list->items[1], GB, 0,
                                                all + cdn));

        reg_report_free(&report);
    }

    reg_prices_free(list);
}


/* Many rows and texts, so that all tables grow. */

static void
test_many(void **state)
{
    char           tenant[16];
    size_t         i, n;
    reg_report_t   report;

    (void) state;

    init(&report);
    n = rounds(20000);

    for (i = 0; i < 2 * n; i++) {
        (void) snprintf(tenant, sizeof(tenant), "t%zu", i % n);
        assert_int_equal(add(&report, 1, "origin", tenant, 1, 0), REG_OK);
    }

    assert_int_equal(report.n, n);
    reg_report_group(&report, 0);
    assert_int_equal(report.n, n);

    for (i = 0; i < n; i++) {
        assert_int_equal(report.rows[i].counts[0], 2);
    }

    reg_report_free(&report);
}


static void
test_nomem(void **state)
{
    reg_rc_t       rc;
    reg_error_t    error;
    reg_report_t   report;
    reg_prices_t  *list;
    unsigned long  n;

    (void) state;

    list = prices(TIERS(""));

    for (n = 1; /* void */ ; n++) {
        init(&report);

        wrap_malloc_arm(n);

        rc = add(&report, NOVEMBER, "origin", "acme", GB, 0);

        if (rc == REG_OK) {
            rc = reg_report_price(&report, list, NULL, NULL, &error);
        }

        if (!wrap_malloc_disarm()) {
            break;
        }

        assert_int_equal(rc, REG_NOMEM);
        reg_report_free(&report);
    }

    assert_true(n > 5);
    assert_int_equal(rc, REG_OK);

    reg_report_free(&report);
    reg_prices_free(list);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_before),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_unpriced),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_nomem)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
