/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_PRICE_H
#define REG_PRICE_H

/*
 * What bytes cost: a price for each route and network, in steps of the volume
 * of a month.
 *
 *     {"version": 1, "currency": "USD", "unit": "GB",
 *      "prices": [
 *        {"route": "origin", "network": "office", "price": "0"},
 *        {"route": "origin", "network": "*", "tiers": [
 *          {"up_to": "10TB", "price": "0.09"}, {"price": "0.085"}]},
 *        {"route": "*", "network": "*", "price": "0.02"}]}
 *
 * The first entry that fits is taken; "*" is any.  An entry has one volume,
 * that of all it fits, which begins anew each month, and fills its tiers day by
 * day.  What belongs to the day on which a tier is full shares both prices in
 * proportion.
 */

#include <jansson.h>

#include "reg_money.h"

#define REG_PRICES_MAX       1000       /* entries of a list */
#define REG_PRICE_TIERS_MAX  32
#define REG_PRICES_TEXT_MAX  (1024 * 1024)

typedef struct {
    uint64_t  up_to;                    /* bytes of a month; UINT64_MAX: all */
    uint64_t  price;
} reg_tier_t;

typedef struct {
    reg_str_t    route;                 /* "*" is any, here and below */
    reg_str_t    network;
    size_t       ntiers;                /* from 1, ascending */
    reg_tier_t  *tiers;
} reg_price_t;

typedef struct {
    json_t       *json;                 /* what the slices point into */
    reg_str_t     currency;             /* three letters */
    reg_str_t     unit;                 /* "GB" */
    uint64_t      size;                 /* bytes of it */
    unsigned      digits;               /* of sums for people */
    reg_str_t     account;              /* of FOCUS; may be empty, here too: */
    reg_str_t     provider;
    size_t        n;
    reg_price_t  *items;
} reg_prices_t;


/*
 * Reads a list from borrowed text.
 *
 * REG_OK        *prices is set, the caller frees it with reg_prices_free()
 * REG_INVALID   text is no such list; *error says why and where
 * REG_NEWER     it is of a later version
 * REG_NOMEM
 */

reg_rc_t reg_prices_parse(reg_prices_t **prices, reg_str_t text,
    reg_error_t *error);

void reg_prices_free(reg_prices_t *prices);


/* The entry for a route and a network, or NULL. */

const reg_price_t *reg_prices_find(const reg_prices_t *prices,
    reg_str_t route, reg_str_t network);


/*
 * The tier in which byte number `at` of a month is, and how many bytes from
 * there on are in it, up to n.
 */

size_t reg_price_tier(const reg_price_t *price, uint64_t at, uint64_t n,
    uint64_t *bytes);

/* What the bytes of a month from number `from` up to `to` cost together. */

reg_money_t reg_price_cost(const reg_price_t *price, uint64_t size,
    uint64_t from, uint64_t to);

#endif /* REG_PRICE_H */
