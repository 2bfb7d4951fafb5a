/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_price.h"
#include "reg_rate.h"

#define REG_PRICES_VERSION  1
#define REG_PRICES_DIGITS   2

#define REG_ANY             REG_STR("*")


typedef struct {
    reg_prices_t  *prices;
    const char    *where;               /* "prices[3]" */
    reg_error_t   *error;
} reg_price_reader_t;


static reg_rc_t reg_prices_read(reg_price_reader_t *reader);
static reg_rc_t reg_prices_head(reg_price_reader_t *reader);
static reg_rc_t reg_price_read(reg_price_reader_t *reader, json_t *json);
static reg_rc_t reg_price_tiers(reg_price_reader_t *reader, json_t *json,
    reg_price_t *item);
static reg_rc_t reg_tier_read(reg_price_reader_t *reader, json_t *json,
    reg_tier_t *tier, int last);
static reg_rc_t reg_price_text(reg_price_reader_t *reader, json_t *json,
    const char *member, reg_str_t *text);
static reg_rc_t reg_price_members(reg_price_reader_t *reader, json_t *json,
    const char *const *names);
static reg_rc_t reg_price_fail(reg_price_reader_t *reader,
    const char *sentence);


static const struct {
    const char  *name;
    uint64_t     size;
} reg_price_units[] = {
    { "MB", UINT64_C(1000000) }, { "GB", UINT64_C(1000000000) },
    { "TB", UINT64_C(1000000000000) }, { "MiB", UINT64_C(1) << 20 },
    { "GiB", UINT64_C(1) << 30 }, { "TiB", UINT64_C(1) << 40 }
};


reg_rc_t
reg_prices_parse(reg_prices_t **prices, reg_str_t text, reg_error_t *error)
{
    reg_rc_t             rc;
    json_error_t         je;
    reg_price_reader_t   reader;

    if (text.len > REG_PRICES_TEXT_MAX) {
        reg_error_set(error, "a list of prices is not longer than 1 MiB");
        return REG_INVALID;
    }

    if (text.len && memchr(text.data, '\0', text.len)) {
        reg_error_set(error, "there is a NUL byte in it");
        return REG_INVALID;
    }

    reader.where = "the list";
    reader.error = error;
    reader.prices = calloc(1, sizeof(reg_prices_t));

    if (reader.prices == NULL) {
        return REG_NOMEM;
    }

    memset(&je, 0, sizeof(json_error_t));

    reader.prices->json = json_loadb((const char *) text.data, text.len,
                                     JSON_REJECT_DUPLICATES, &je);

    if (reader.prices->json == NULL) {
        reg_error_set(error, "line %d: %s", je.line, je.text);
        rc = REG_INVALID;

    } else {
        rc = reg_prices_read(&reader);
    }

    if (rc != REG_OK) {
        reg_prices_free(reader.prices);
        return rc;
    }

    *prices = reader.prices;

    return REG_OK;
}


void
reg_prices_free(reg_prices_t *prices)
{
    size_t  i;

    if (prices == NULL) {
        return;
    }

    for (i = 0; i < prices->n; i++) {
        free(prices->items[i].tiers);
    }

    free(prices->items);
    json_decref(prices->json);
    free(prices);
}


const reg_price_t *
reg_prices_find(const reg_prices_t *prices, reg_str_t route,
    reg_str_t network)
{
    size_t              i;
    const reg_price_t  *item;

    for (i = 0; i < prices->n; i++) {
        item = &prices->items[i];

        if ((reg_str_eq(item->route, REG_ANY)
             || reg_str_eq(item->route, route))
            && (reg_str_eq(item->network, REG_ANY)
                || reg_str_eq(item->network, network)))
        {
            return item;
        }
    }

    return NULL;
}


size_t
reg_price_tier(const reg_price_t *price, uint64_t at, uint64_t n,
    uint64_t *bytes)
{
    size_t    i;
    uint64_t  left;

    for (i = 0; i + 1 < price->ntiers && at >= price->tiers[i].up_to; i++) {
        /* void */
    }

    left = price->tiers[i].up_to - at;

    *bytes = (i + 1 == price->ntiers || n < left) ? n : left;

    return i;
}


reg_money_t
reg_price_cost(const reg_price_t *price, uint64_t size, uint64_t from,
    uint64_t to)
{
    size_t       tier;
    uint64_t     n;
    reg_money_t  cost;

    for (cost = 0; from < to; from += n) {
        tier = reg_price_tier(price, from, to - from, &n);
        cost += reg_money_cost(from, from + n, price->tiers[tier].price, size);
    }

    return cost;
}


static reg_rc_t
reg_prices_read(reg_price_reader_t *reader)
{
    char           where[64];
    size_t         i, n;
    json_t        *list;
    reg_rc_t       rc;
    reg_prices_t  *prices = reader->prices;

    static const char *const  members[] = {
        "version", "currency", "unit", "digits", "account", "provider",
        "prices", NULL
    };

    if (!json_is_object(prices->json)) {
        return reg_price_fail(reader, "must be an object");
    }

    rc = reg_prices_head(reader);

    if (rc == REG_OK) {
        rc = reg_price_members(reader, prices->json, members);
    }

    if (rc != REG_OK) {
        return rc;
    }

    list = json_object_get(prices->json, "prices");
    n = json_array_size(list);

    if (!json_is_array(list) || n == 0 || n > REG_PRICES_MAX) {
        return reg_price_fail(reader, "\"prices\" must be a list of 1 to 1000 "
                              "prices");
    }

    prices->items = calloc(n, sizeof(reg_price_t));

    if (prices->items == NULL) {
        return REG_NOMEM;
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(where, sizeof(where), "prices[%zu]", i);
        reader->where = where;

        rc = reg_price_read(reader, json_array_get(list, i));

        if (rc != REG_OK) {
            return rc;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_prices_head(reg_price_reader_t *reader)
{
    size_t         i;
    json_t        *value;
    reg_rc_t       rc;
    reg_prices_t  *prices = reader->prices;

    value = json_object_get(prices->json, "version");

    if (!json_is_integer(value) || json_integer_value(value) < 1) {
        return reg_price_fail(reader, "\"version\" must be 1");
    }

    if (json_integer_value(value) > REG_PRICES_VERSION) {
        (void) reg_price_fail(reader, "is of a later version than this "
                              "program understands");
        return REG_NEWER;
    }

    rc = reg_price_text(reader, prices->json, "currency", &prices->currency);

    if (rc != REG_OK) {
        return rc;
    }

    for (i = 0; i < prices->currency.len; i++) {

        if (prices->currency.data[i] < 'A' || prices->currency.data[i] > 'Z') {
            break;
        }
    }

    if (i != 3 || prices->currency.len != 3) {
        return reg_price_fail(reader, "\"currency\" must be a code of ISO "
                              "4217, such as USD");
    }

    prices->unit = REG_STR("GB");

    if (json_object_get(prices->json, "unit")) {
        rc = reg_price_text(reader, prices->json, "unit", &prices->unit);
    }

    for (i = 0; i < sizeof(reg_price_units) / sizeof(reg_price_units[0]); i++) {

        if (rc == REG_OK
            && reg_str_eq(prices->unit, reg_str(reg_price_units[i].name)))
        {
            prices->size = reg_price_units[i].size;
        }
    }

    if (prices->size == 0) {
        return reg_price_fail(reader, "\"unit\" must be one of MB, GB, TB, "
                              "MiB, GiB and TiB");
    }

    value = json_object_get(prices->json, "digits");
    prices->digits = REG_PRICES_DIGITS;

    if (value) {
        prices->digits = (unsigned) json_integer_value(value);

        if (!json_is_integer(value) || json_integer_value(value) < 0
            || json_integer_value(value) > REG_PRICE_DIGITS)
        {
            return reg_price_fail(reader, "\"digits\" must be from 0 to 9");
        }
    }

    if (json_object_get(prices->json, "account")) {
        rc = reg_price_text(reader, prices->json, "account", &prices->account);
    }

    if (rc == REG_OK && json_object_get(prices->json, "provider")) {
        rc = reg_price_text(reader, prices->json, "provider",
                            &prices->provider);
    }

    return rc;
}


static reg_rc_t
reg_price_read(reg_price_reader_t *reader, json_t *json)
{
    json_t       *tiers;
    reg_rc_t      rc;
    reg_price_t  *item;

    static const char *const  members[] = {
        "route", "network", "price", "tiers", NULL
    };

    if (!json_is_object(json)) {
        return reg_price_fail(reader, "must be an object");
    }

    rc = reg_price_members(reader, json, members);

    if (rc != REG_OK) {
        return rc;
    }

    item = &reader->prices->items[reader->prices->n++];

    item->route = REG_ANY;
    item->network = REG_ANY;

    if (json_object_get(json, "route")) {
        rc = reg_price_text(reader, json, "route", &item->route);
    }

    if (rc == REG_OK && json_object_get(json, "network")) {
        rc = reg_price_text(reader, json, "network", &item->network);
    }

    if (rc != REG_OK) {
        return rc;
    }

    tiers = json_object_get(json, "tiers");

    if ((tiers == NULL) == (json_object_get(json, "price") == NULL)) {
        return reg_price_fail(reader, "must have either \"price\" or "
                              "\"tiers\"");
    }

    return reg_price_tiers(reader, tiers ? tiers : json, item);
}


/* Of a list, or of an entry that has one price. */

static reg_rc_t
reg_price_tiers(reg_price_reader_t *reader, json_t *json, reg_price_t *item)
{
    size_t    i, n;
    json_t   *tier;
    reg_rc_t  rc;

    static const char *const  members[] = { "up_to", "price", NULL };

    n = json_is_object(json) ? 1 : json_array_size(json);

    if (n == 0 || n > REG_PRICE_TIERS_MAX) {
        return reg_price_fail(reader, "\"tiers\" must be a list of 1 to 32 "
                              "tiers");
    }

    item->tiers = calloc(n, sizeof(reg_tier_t));

    if (item->tiers == NULL) {
        return REG_NOMEM;
    }

    item->ntiers = n;

    if (json_is_object(json)) {
        return reg_tier_read(reader, json, &item->tiers[0], 1);
    }

    for (i = 0; i < n; i++) {
        tier = json_array_get(json, i);

        rc = json_is_object(tier)
             ? reg_price_members(reader, tier, members)
             : reg_price_fail(reader, "a tier must be an object");

        if (rc == REG_OK) {
            rc = reg_tier_read(reader, tier, &item->tiers[i], i + 1 == n);
        }

        if (rc != REG_OK) {
            return rc;
        }

        if (i && item->tiers[i].up_to <= item->tiers[i - 1].up_to) {
            return reg_price_fail(reader, "the \"up_to\" of a tier must be "
                                  "more than that of the one before");
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_tier_read(reg_price_reader_t *reader, json_t *json, reg_tier_t *tier,
    int last)
{
    json_t       *up_to;
    reg_rc_t      rc;
    reg_str_t     text;
    reg_error_t   why;

    rc = reg_price_text(reader, json, "price", &text);

    if (rc != REG_OK) {
        return rc;
    }

    if (reg_price_parse(&tier->price, text, &why) != REG_OK) {
        return reg_price_fail(reader, why.text);
    }

    up_to = json_object_get(json, "up_to");

    if ((up_to == NULL) != last) {
        return reg_price_fail(reader, "each tier has \"up_to\", but for the "
                              "last, which has none");
    }

    tier->up_to = UINT64_MAX;

    if (last) {
        return REG_OK;
    }

    rc = reg_price_text(reader, json, "up_to", &text);

    if (rc == REG_OK && reg_size_parse(&tier->up_to, text, &why) != REG_OK) {
        return reg_price_fail(reader, why.text);
    }

    return rc;
}


static reg_rc_t
reg_price_text(reg_price_reader_t *reader, json_t *json, const char *member,
    reg_str_t *text)
{
    size_t   i;
    char     sentence[128];
    json_t  *value;

    value = json_object_get(json, member);

    text->data = (unsigned char *) json_string_value(value);
    text->len = json_string_length(value);

    for (i = 0; i < text->len && text->data[i] >= 0x20; i++) {
        /* void */
    }

    if (text->len == 0 || i < text->len || text->len > REG_ERROR_MAX / 2) {
        (void) snprintf(sentence, sizeof(sentence), "\"%s\" must be a short "
                        "text in quotes", member);
        return reg_price_fail(reader, sentence);
    }

    return REG_OK;
}


static reg_rc_t
reg_price_members(reg_price_reader_t *reader, json_t *json,
    const char *const *names)
{
    char         sentence[128];
    size_t       i;
    json_t      *value;
    const char  *name;

    json_object_foreach(json, name, value) {

        for (i = 0; names[i] && strcmp(names[i], name) != 0; i++) {
            /* void */
        }

        if (names[i] == NULL) {
            (void) snprintf(sentence, sizeof(sentence),
                            "there is no member \"%.32s\"", name);
            return reg_price_fail(reader, sentence);
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_price_fail(reg_price_reader_t *reader, const char *sentence)
{
    reg_error_set(reader->error, "%s: %s", reader->where, sentence);

    return REG_INVALID;
}
