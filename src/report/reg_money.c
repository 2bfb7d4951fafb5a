/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>

#include "reg_money.h"

#define REG_ATTO           UINT64_C(1000000000000000000)
#define REG_NANO           UINT64_C(1000000000)


static reg_wide_t reg_money_to(uint64_t bytes, uint64_t price, uint64_t size);
static void reg_money_print(char buf[REG_MONEY_LEN], reg_money_t money,
    unsigned digits);


reg_rc_t
reg_price_parse(uint64_t *price, reg_str_t text, reg_error_t *error)
{
    size_t    i, digits, behind;
    uint64_t  value;
    unsigned  point;

    value = 0;
    point = 0;
    digits = behind = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '.' && !point && digits) {
            point = 1;
            continue;
        }

        if (text.data[i] < '0' || text.data[i] > '9'
            || behind == REG_PRICE_DIGITS)
        {
            break;
        }

        value = value * 10 + (uint64_t) (text.data[i] - '0');
        digits++;
        behind += point;

        if (value > REG_PRICE_MAX) {
            break;
        }
    }

    if (i < text.len || digits == 0 || (point && behind == 0)) {
        goto invalid;
    }

    for ( /* void */ ; behind < REG_PRICE_DIGITS; behind++) {
        value *= 10;

        if (value > REG_PRICE_MAX) {
            goto invalid;
        }
    }

    *price = value;

    return REG_OK;

invalid:

    reg_error_set(error, "\"%.*s\" is no price, write a decimal such as 0.085, "
                  "with up to 9 digits behind the point and not above 1000000",
                  REG_FMT(text));

    return REG_INVALID;
}


reg_money_t
reg_money_cost(uint64_t from, uint64_t to, uint64_t price, uint64_t size)
{
    return (reg_money_t) (reg_money_to(to, price, size)
                          - reg_money_to(from, price, size));
}


/*
 * The cost of all bytes up to a point, rounded there: what is rounded up for
 * one range is missing from the next.  No product is above 10^37.
 */

static reg_wide_t
reg_money_to(uint64_t bytes, uint64_t price, uint64_t size)
{
    reg_wide_t  each;

    each = (reg_wide_t) price * REG_NANO;

    return bytes / size * each + (bytes % size * each + size / 2) / size;
}


void
reg_money_format(char buf[REG_MONEY_LEN], reg_money_t money)
{
    size_t  len;

    reg_money_print(buf, money, REG_MONEY_DIGITS);

    len = strlen(buf);

    while (buf[len - 1] == '0') {
        len--;
    }

    if (buf[len - 1] == '.') {
        len--;
    }

    buf[len] = '\0';
}


void
reg_money_round(char buf[REG_MONEY_LEN], reg_money_t money, unsigned digits)
{
    unsigned    i;
    reg_wide_t  unit, size;

    unit = 1;

    for (i = digits; i < REG_MONEY_DIGITS; i++) {
        unit *= 10;
    }

    size = (reg_wide_t) (money < 0 ? -money : money);
    size = (size + unit / 2) / unit * unit;

    reg_money_print(buf, money < 0 ? -(reg_money_t) size : (reg_money_t) size,
                    digits);
}


static void
reg_money_print(char buf[REG_MONEY_LEN], reg_money_t money, unsigned digits)
{
    int         len;
    char        whole[24], rest[24];
    uint64_t    units;
    reg_wide_t  size;

    size = (reg_wide_t) (money < 0 ? -money : money);
    units = (uint64_t) (size / REG_ATTO);

    len = snprintf(whole, sizeof(whole), "%llu", (unsigned long long) units);
    (void) snprintf(rest, sizeof(rest), "%018llu",
                    (unsigned long long) (size % REG_ATTO));

    (void) snprintf(buf, REG_MONEY_LEN, "%s%.*s%s%.*s", money < 0 ? "-" : "",
                    len, whole, digits ? "." : "", (int) digits, rest);
}


void
reg_quotient_format(char buf[REG_QUOTIENT_LEN], uint64_t bytes, uint64_t size)
{
    int         len;
    uint64_t    rest;
    reg_wide_t  ten;

    len = snprintf(buf, REG_QUOTIENT_LEN, "%llu%s",
                   (unsigned long long) (bytes / size),
                   bytes % size ? "." : "");

    for (rest = bytes % size; rest && len < REG_QUOTIENT_LEN - 1; len++) {
        ten = (reg_wide_t) rest * 10;
        buf[len] = (char) ('0' + (int) (ten / size));
        rest = (uint64_t) (ten % size);
    }

    buf[len] = '\0';
}
