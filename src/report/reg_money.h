/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_MONEY_H
#define REG_MONEY_H

/*
 * Money, exactly: an integer of 10^-18 of a currency's unit, up to 10^20 of
 * them, and no floating point anywhere.
 */

#include "reg_core.h"

__extension__ typedef __int128           reg_money_t;
__extension__ typedef unsigned __int128  reg_wide_t;

#define REG_MONEY_DIGITS  18            /* behind the point */
#define REG_MONEY_LEN     48            /* of a text, with its NUL */

/*
 * A price is an integer of 10^-9: of a currency's unit, for a size.  There are
 * cheaper bytes in the world, but nobody sells them by the billionth.
 */

#define REG_PRICE_DIGITS  9
#define REG_PRICE_MAX     UINT64_C(1000000000000000)   /* a million */


/*
 * Parses a decimal such as "0.085": digits, and at most REG_PRICE_DIGITS more
 * behind a point.
 *
 * REG_OK        *price is set, up to REG_PRICE_MAX
 * REG_INVALID   text is no price; *error says what would be
 */

reg_rc_t reg_price_parse(uint64_t *price, reg_str_t text, reg_error_t *error);


/*
 * What the bytes from `from` to `to` cost at a price for each size bytes, up to
 * 2^40.  Costs of adjacent ranges add up to the cost of both, to the last
 * digit, whether the size divides them or not.
 */

reg_money_t reg_money_cost(uint64_t from, uint64_t to, uint64_t price,
    uint64_t size);


/* Writes all digits that there are: "-12.5", "0", "0.000000001". */

void reg_money_format(char buf[REG_MONEY_LEN], reg_money_t money);

/* Writes so many digits behind the point, rounded half away from zero. */

void reg_money_round(char buf[REG_MONEY_LEN], reg_money_t money,
    unsigned digits);

/*
 * Writes bytes / size exactly; size is a power of ten or of two, up to 2^40.
 */

#define REG_QUOTIENT_LEN  72

void reg_quotient_format(char buf[REG_QUOTIENT_LEN], uint64_t bytes,
    uint64_t size);

#endif /* REG_MONEY_H */
