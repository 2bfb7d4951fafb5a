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
#include "reg_price.h"

#define HEAD   "{\"version\":1,\"currency\":\"USD\",\"prices\":"
#define PRICE  "{\"price\":\"0.09\"}"

#define GB     UINT64_C(1000000000)


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


static void
assert_money(reg_money_t money, const char *text)
{
    char  buf[REG_MONEY_LEN];

    reg_money_format(buf, money);
    assert_string_equal(buf, text);
}


static void
test_prices(void **state)
{
    size_t       i;
    uint64_t     price;
    reg_error_t  error;

    static const struct {
        const char  *text;
        uint64_t     price;
    } good[] = {
        { "0", 0 }, { "0.0", 0 }, { "1", GB }, { "0.085", 85000000 },
        { "0.000000001", 1 }, { "12.5", 12500000000 },
        { "1000000", REG_PRICE_MAX }, { "000.5", 500000000 }
    };

    static const char *const  bad[] = {
        "", ".", ".5", "5.", "-1", "+1", "1e3", "0,5", "1 ", " 1", "0x1",
        "0.0000000001", "1000000.1", "1000001", "99999999999999999999999999",
        "1.2.3", "NaN", "0.08\n"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(reg_price_parse(&price, reg_str(good[i].text),
                                         &error),
                         REG_OK);
        assert_true(price == good[i].price);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        if (reg_price_parse(&price, reg_str(bad[i]), &error) != REG_INVALID) {
            fail_msg("\"%s\" is taken for a price", bad[i]);
        }
    }
}


static void
test_format(void **state)
{
    char         buf[REG_QUOTIENT_LEN];
    size_t       i;
    reg_money_t  unit;

    static const struct {
        int          nano;
        unsigned     digits;
        const char  *text;
    } rounded[] = {
        { 1004999999, 2, "1.00" }, { 1005000000, 2, "1.01" },
        { -1005000000, 2, "-1.01" }, { 999999999, 0, "1" }, { 0, 2, "0.00" },
        { 5, 9, "0.000000005" }, { -4000000, 2, "0.00" }
    };

    (void) state;

    unit = (reg_money_t) 1000000000 * 1000000000;

    assert_money(0, "0");
    assert_money(unit, "1");
    assert_money(-unit * 5 / 2, "-2.5");
    assert_money(1, "0.000000000000000001");
    assert_money(unit * 1000000000 * 100 + 1,
                 "100000000000.000000000000000001");

    for (i = 0; i < sizeof(rounded) / sizeof(rounded[0]); i++) {
        reg_money_round(buf, (reg_money_t) rounded[i].nano * 1000000000,
                        rounded[i].digits);
        assert_string_equal(buf, rounded[i].text);
    }

    reg_quotient_format(buf, 4584980704, GB);
    assert_string_equal(buf, "4.584980704");
    reg_quotient_format(buf, 1, UINT64_C(1) << 40);
    assert_string_equal(buf, "0.0000000000009094947017729282379150390625");
    reg_quotient_format(buf, UINT64_MAX, UINT64_C(1) << 40);
    assert_string_equal(buf,
                        "16777215.9999999999990905052982270717620849609375");
    reg_quotient_format(buf, 7 * GB, GB);
    assert_string_equal(buf, "7");
}


static void
test_list(void **state)
{
    reg_prices_t       *list;
    const reg_price_t  *price;

    (void) state;

    list = prices("{\"version\":1,\"currency\":\"EUR\",\"unit\":\"GiB\","
                  "\"digits\":3,\"account\":\"a\",\"provider\":\"p\","
                  "\"prices\":["
                  "{\"route\":\"origin\",\"network\":\"office\","
                  "\"price\":\"0\"},"
                  "{\"route\":\"origin\",\"tiers\":["
                  "{\"up_to\":\"10TB\",\"price\":\"0.09\"},"
                  "{\"up_to\":\"50TiB\",\"price\":\"0.085\"},"
                  "{\"price\":\"0.07\"}]},"
                  "{\"network\":\"office\",\"price\":\"0.01\"}]}");

    assert_int_equal(list->n, 3);
    assert_int_equal(list->digits, 3);
    assert_true(list->size == UINT64_C(1) << 30);
    assert_true(reg_str_eq(list->currency, REG_STR("EUR")));

    price = reg_prices_find(list, REG_STR("origin"), REG_STR("office"));
    assert_ptr_equal(price, &list->items[0]);

    price = reg_prices_find(list, REG_STR("origin"), REG_STR(""));
    assert_ptr_equal(price, &list->items[1]);
    assert_int_equal(price->ntiers, 3);
    assert_true(price->tiers[1].up_to == UINT64_C(50) << 40);
    assert_true(price->tiers[2].up_to == UINT64_MAX);

    price = reg_prices_find(list, REG_STR("cdn"), REG_STR("office"));
    assert_ptr_equal(price, &list->items[2]);
    assert_null(reg_prices_find(list, REG_STR("cdn"), REG_STR("home")));

    reg_prices_free(list);
    reg_prices_free(NULL);
}


static void
test_bad_lists(void **state)
{
    size_t         i;
    reg_rc_t       rc;
    reg_error_t    error;
    reg_prices_t  *list;

    static const struct {
        const char  *text;
        const char  *error;
    } cases[] = {
        { "", "line 1: '[' or '{' expected near end of file" },
        { "[]", "the list: must be an object" },
        { "{}", "the list: \"version\" must be 1" },
        { "{\"version\":2}", "the list: is of a later version than this "
          "program understands" },
        { "{\"version\":1}", "the list: \"currency\" must be a short text in "
          "quotes" },
        { "{\"version\":1,\"currency\":\"dollars\"}", "the list: \"currency\" "
          "must be a code of ISO 4217, such as USD" },
        { "{\"version\":1,\"currency\":\"USD\",\"unit\":\"gb\"}", "the list: "
          "\"unit\" must be one of MB, GB, TB, MiB, GiB and TiB" },
        { "{\"version\":1,\"currency\":\"USD\",\"digits\":10}", "the list: "
          "\"digits\" must be from 0 to 9" },
        { "{\"version\":1,\"currency\":\"USD\",\"x\":1}",
          "the list: there is no member \"x\"" },
        { "{\"version\":1,\"currency\":\"USD\",\"currency\":\"EUR\"}",
          "line 1: duplicate object key near '\"currency\"'" },
        { HEAD "[]}", "the list: \"prices\" must be a list of 1 to 1000 "
          "prices" },
        { HEAD "[1]}", "prices[0]: must be an object" },
        { HEAD "[" PRICE ",{}]}", "prices[1]: must have either \"price\" or "
          "\"tiers\"" },
        { HEAD "[{\"price\":0.09}]}", "prices[0]: \"price\" must be a short "
          "text in quotes" },
        { HEAD "[{\"price\":\"0,09\"}]}", "prices[0]: \"0,09\" is no price, "
          "write a decimal such as 0.085, with up to 9 digits behind the point "
          "and not above 1000000" },
        { HEAD "[{\"price\":\"1\",\"up_to\":\"1TB\"}]}",
          "prices[0]: there is no member \"up_to\"" },
        { HEAD "[{\"tiers\":[]}]}",
          "prices[0]: \"tiers\" must be a list of 1 to 32 tiers" },
        { HEAD "[{\"tiers\":[" PRICE "," PRICE "]}]}", "prices[0]: each tier "
          "has \"up_to\", but for the last, which has none" },
        { HEAD "[{\"tiers\":[{\"up_to\":\"1TB\",\"price\":\"1\"}]}]}",
          "prices[0]: each tier has \"up_to\", but for the last, which has "
          "none" },
        { HEAD "[{\"tiers\":[{\"up_to\":\"2TB\",\"price\":\"1\"},"
          "{\"up_to\":\"2TB\",\"price\":\"1\"}," PRICE "]}]}", "prices[0]: the "
          "\"up_to\" of a tier must be more than that of the one before" },
        { HEAD "[{\"tiers\":[{\"up_to\":\"2\",\"price\":\"1\"}," PRICE "]}]}",
          "prices[0]: " },
        { HEAD "[{\"tiers\":[{\"route\":\"x\",\"price\":\"1\"}]}]}",
          "prices[0]: there is no member \"route\"" },
        { HEAD "[{\"route\":\"\",\"price\":\"1\"}]}", "prices[0]: \"route\" "
          "must be a short text in quotes" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rc = reg_prices_parse(&list, reg_str(cases[i].text), &error);

        assert_true(rc == REG_INVALID || rc == REG_NEWER);

        if (strncmp(error.text, cases[i].error, strlen(cases[i].error)) != 0) {
            fail_msg("%s: %s", cases[i].text, error.text);
        }
    }
}


static void
test_tiers(void **state)
{
    uint64_t       n;
    reg_prices_t  *list;
    reg_price_t   *price;

    (void) state;

    list = prices(HEAD "[{\"tiers\":["
                  "{\"up_to\":\"10GB\",\"price\":\"0.09\"},"
                  "{\"up_to\":\"50GB\",\"price\":\"0.085\"},"
                  "{\"price\":\"0.07\"}]}]}");
    price = list->items;

    assert_int_equal(reg_price_tier(price, 0, 1, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(reg_price_tier(price, 9 * GB, 3 * GB, &n), 0);
    assert_int_equal(n, GB);
    assert_int_equal(reg_price_tier(price, 10 * GB, 3 * GB, &n), 1);
    assert_int_equal(n, 3 * GB);
    assert_int_equal(reg_price_tier(price, UINT64_MAX, 0, &n), 2);

    assert_money(reg_price_cost(price, GB, 0, 10 * GB), "0.9");
    assert_money(reg_price_cost(price, GB, 0, 60 * GB), "5");
    assert_money(reg_price_cost(price, GB, 9 * GB, 11 * GB), "0.175");
    assert_money(reg_price_cost(price, GB, 0, 1), "0.00000000009");
    assert_money(reg_price_cost(price, GB, 5, 5), "0");

    reg_prices_free(list);
}


/* However a volume is split, the parts cost what the whole does. */

static void
test_splits(void **state)
{
    size_t         i, k;
    uint64_t       at, next, end;
    reg_money_t    sum;
    reg_price_t    price;
    reg_tier_t     tiers[8];

    static const uint64_t  sizes[] = {
        1000000, 1000000000, 1000000000000, 1 << 20, 1 << 30,
        UINT64_C(1) << 40
    };

    (void) state;

    memset(&price, 0, sizeof(reg_price_t));

    price.tiers = tiers;

    for (i = 0; i < rounds(20000); i++) {
        price.ntiers = 1 + random_below(8);
        at = 0;

        for (k = 0; k < price.ntiers; k++) {
            at += 1 + random_next() % (UINT64_C(1) << random_below(50));
            tiers[k].up_to = k + 1 < price.ntiers ? at : UINT64_MAX;
            tiers[k].price = random_next() % (REG_PRICE_MAX + 1);
        }

        end = random_next() >> random_below(40);
        sum = 0;

        for (at = 0; at < end; at = next) {
            next = random_below(4) == 0 ? end
                   : at + 1 + random_next() % (end - at);
            next = next > end ? end : next;

            sum += reg_price_cost(&price, sizes[i % 6], at, next);
        }

        assert_true(sum == reg_price_cost(&price, sizes[i % 6], 0, end));
        assert_true(sum >= 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_splits)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
