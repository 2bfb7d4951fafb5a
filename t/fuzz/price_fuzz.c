/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Price lists: what is taken has tiers that can be counted with, and a volume
 * costs the same in two parts; what is refused has a sentence.
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_price.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_price(const reg_prices_t *prices, const reg_price_t *price)
{
    char         text[REG_MONEY_LEN];
    size_t       i;
    uint64_t     at;
    reg_money_t  whole;

    CHECK(price->ntiers >= 1 && price->ntiers <= REG_PRICE_TIERS_MAX);
    CHECK(price->route.len && price->network.len);
    CHECK(price->tiers[price->ntiers - 1].up_to == UINT64_MAX);

    whole = reg_price_cost(price, prices->size, 0, UINT64_MAX);

    CHECK(whole >= 0);

    for (i = 0; i < price->ntiers; i++) {
        CHECK(price->tiers[i].price <= REG_PRICE_MAX);
        CHECK(i == 0 || price->tiers[i].up_to > price->tiers[i - 1].up_to);

        at = price->tiers[i].up_to - i;

        CHECK(reg_price_cost(price, prices->size, 0, at)
              + reg_price_cost(price, prices->size, at, UINT64_MAX) == whole);
    }

    reg_money_format(text, whole);
    CHECK(strlen(text) < sizeof(text));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    reg_rc_t       rc;
    reg_str_t      text;
    reg_error_t    error;
    reg_prices_t  *prices;

    text = (reg_str_t) { size, (unsigned char *) data };
    error.text[0] = '\0';

    rc = reg_prices_parse(&prices, text, &error);

    if (rc != REG_OK) {
        CHECK((rc == REG_INVALID || rc == REG_NEWER) && error.text[0]);
        return 0;
    }

    CHECK(prices->n >= 1 && prices->n <= REG_PRICES_MAX);
    CHECK(prices->currency.len == 3 && prices->digits <= REG_PRICE_DIGITS);

    for (i = 0; i < prices->n; i++) {
        check_price(prices, &prices->items[i]);
    }

    reg_prices_free(prices);

    return 0;
}
