/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>

#include "reg_rate.h"

#define REG_UNITS(units)  (sizeof(units) / sizeof((units)[0]))

typedef struct {
    const char  *name;
    uint64_t     size;
} reg_unit_t;


static const reg_unit_t  reg_windows[] = {
    { "s", 1 },
    { "m", 60 },
    { "h", 3600 },
    { "d", 86400 },
    { "w", 7 * 86400 }
};

static const reg_unit_t  reg_sizes[] = {
    { "B", 1 },
    { "kB", 1000 },
    { "KB", 1000 },
    { "MB", 1000000 },
    { "GB", 1000000000 },
    { "TB", 1000000000000 },
    { "PB", 1000000000000000 },
    { "KiB", 1ull << 10 },
    { "MiB", 1ull << 20 },
    { "GiB", 1ull << 30 },
    { "TiB", 1ull << 40 },
    { "PiB", 1ull << 50 }
};

static const reg_unit_t  reg_periods[] = {
    { "day", REG_PERIOD_DAY },
    { "week", REG_PERIOD_WEEK },
    { "month", REG_PERIOD_MONTH }
};


static size_t reg_digits_parse(uint64_t *value, reg_str_t text);
static const reg_unit_t *reg_unit_find(const reg_unit_t *units, size_t n,
    reg_str_t name);
static reg_rc_t reg_window_parse(uint32_t *window, reg_str_t text,
    reg_error_t *error);
static int reg_rate_refill(const reg_rate_t *rate, uint64_t burst);
static void reg_str_split(reg_str_t text, unsigned char at, reg_str_t *before,
    reg_str_t *behind);


reg_rc_t
reg_rate_parse(reg_rate_t *rate, reg_str_t text, reg_error_t *error)
{
    size_t      len;
    uint64_t    count;
    uint32_t    window;
    reg_str_t   before, behind;

    reg_str_split(text, '/', &before, &behind);

    len = reg_digits_parse(&count, before);

    if (len == 0 || behind.data == NULL
        || !(len == before.len
             || (len + 1 == before.len && before.data[len] == 'r')))
    {
        reg_error_set(error, "\"%.*s\" is no rate, write digits and a window, "
                      "such as 10r/s or 100/6h", REG_FMT(text));
        return REG_INVALID;
    }

    if (reg_window_parse(&window, behind, error) != REG_OK) {
        return REG_INVALID;
    }

    if (count == 0) {
        reg_error_set(error, "\"%.*s\" lets nothing pass, the least is 1 in a "
                      "window, such as 1/1d", REG_FMT(text));
        return REG_INVALID;
    }

    if (count > REG_RATE_COUNT_MAX
        || count > (uint64_t) window * REG_RATE_PER_SECOND_MAX)
    {
        reg_error_set(error, "\"%.*s\" is more than %d in a second or %d in a "
                      "window", REG_FMT(text), REG_RATE_PER_SECOND_MAX,
                      REG_RATE_COUNT_MAX);
        return REG_INVALID;
    }

    rate->count = (uint32_t) count;
    rate->window = window;
    rate->burst = (uint32_t) count;

    return REG_OK;
}


reg_rc_t
reg_rate_burst(reg_rate_t *rate, reg_str_t text, reg_error_t *error)
{
    uint64_t  burst;

    if (text.len == 0 || reg_digits_parse(&burst, text) != text.len
        || burst == 0)
    {
        reg_error_set(error, "\"%.*s\" is no burst, write how many may pass at "
                      "once, 1 or more", REG_FMT(text));
        return REG_INVALID;
    }

    if (burst > REG_RATE_COUNT_MAX || !reg_rate_refill(rate, burst)) {
        reg_error_set(error, "a burst of \"%.*s\" is more than %d or takes "
                      "more than 100 days to grow again", REG_FMT(text),
                      REG_RATE_COUNT_MAX);
        return REG_INVALID;
    }

    rate->burst = (uint32_t) burst;

    return REG_OK;
}


reg_rc_t
reg_quota_parse(reg_quota_t *quota, reg_str_t text, reg_error_t *error)
{
    uint64_t           bytes;
    reg_str_t          before, behind;
    const reg_unit_t  *period;

    reg_str_split(text, '/', &before, &behind);

    if (behind.data == NULL) {
        reg_error_set(error, "\"%.*s\" is no quota, write bytes and a period, "
                      "such as 10TB/month", REG_FMT(text));
        return REG_INVALID;
    }

    if (reg_size_parse(&bytes, before, error) != REG_OK) {
        return REG_INVALID;
    }

    period = reg_unit_find(reg_periods, REG_UNITS(reg_periods), behind);

    if (period == NULL) {
        reg_error_set(error, "\"%.*s\" is no period of a quota, it is one of "
                      "day, week and month", REG_FMT(behind));
        return REG_INVALID;
    }

    quota->bytes = bytes;
    quota->period = (reg_period_t) period->size;

    return REG_OK;
}


reg_rc_t
reg_bandwidth_parse(uint64_t *bandwidth, reg_str_t text, reg_error_t *error)
{
    uint64_t   bytes;
    reg_str_t  before, behind;

    reg_str_split(text, '/', &before, &behind);

    if (behind.data == NULL || !reg_str_eq(behind, REG_STR("s"))) {
        reg_error_set(error, "\"%.*s\" is no bandwidth, write bytes in a "
                      "second, such as 50MB/s", REG_FMT(text));
        return REG_INVALID;
    }

    if (reg_size_parse(&bytes, before, error) != REG_OK) {
        return REG_INVALID;
    }

    if (bytes < REG_BANDWIDTH_MIN) {
        reg_error_set(error, "\"%.*s\" is too little to be of use, the least "
                      "is 1kB/s", REG_FMT(text));
        return REG_INVALID;
    }

    *bandwidth = bytes;

    return REG_OK;
}


reg_rc_t
reg_limit_value_parse(reg_limit_value_t *value, reg_str_t text,
    reg_error_t *error)
{
    size_t      len;
    uint64_t    digits;
    reg_str_t   before, behind;

    if (reg_str_eq(text, REG_STR("off"))) {
        value->kind = REG_LIMIT_OFF;
        return REG_OK;
    }

    reg_str_split(text, '/', &before, &behind);
    len = reg_digits_parse(&digits, before);

    if (len == 0) {
        reg_error_set(error, "\"%.*s\" is no limit, write \"off\", a rate such "
                      "as 100/6h or a quota such as 10TB/month", REG_FMT(text));
        return REG_INVALID;
    }

    /* bytes have a unit, and no unit of theirs begins with an "r" */

    if (len < before.len && before.data[len] != 'r') {
        value->kind = REG_LIMIT_QUOTA;
        return reg_quota_parse(&value->u.quota, text, error);
    }

    value->kind = REG_LIMIT_RATE;

    reg_str_split(text, ' ', &before, &behind);

    if (behind.data == NULL) {
        return reg_rate_parse(&value->u.rate, text, error);
    }

    if (!reg_str_starts(behind, REG_STR("burst="))) {
        reg_error_set(error, "\"%.*s\" behind a rate is nothing, write "
                      "\"burst=\" there or nothing at all", REG_FMT(behind));
        return REG_INVALID;
    }

    if (reg_rate_parse(&value->u.rate, before, error) != REG_OK) {
        return REG_INVALID;
    }

    behind.data += sizeof("burst=") - 1;
    behind.len -= sizeof("burst=") - 1;

    return reg_rate_burst(&value->u.rate, behind, error);
}


void
reg_window_format(char buf[REG_WINDOW_LEN], uint32_t window)
{
    size_t  i;

    i = REG_UNITS(reg_windows) - 1;

    while (window % reg_windows[i].size != 0) {
        i--;
    }

    (void) snprintf(buf, REG_WINDOW_LEN, "%u%s",
                    (unsigned) (window / reg_windows[i].size),
                    reg_windows[i].name);
}


void
reg_size_format(char buf[REG_SIZE_LEN], uint64_t bytes)
{
    size_t             i;
    const reg_unit_t  *best;

    best = &reg_sizes[0];

    for (i = 1; i < REG_UNITS(reg_sizes); i++) {

        if (bytes % reg_sizes[i].size == 0 && reg_sizes[i].size > best->size) {
            best = &reg_sizes[i];
        }
    }

    (void) snprintf(buf, REG_SIZE_LEN, "%llu%s",
                    (unsigned long long) (bytes / best->size), best->name);
}


uint64_t
reg_quota_percent(const reg_quota_t *quota, uint64_t used)
{
    uint64_t  whole, rest;

    whole = used / quota->bytes;
    rest = used % quota->bytes;

    if (whole > UINT64_MAX / 100 - 1) {
        return UINT64_MAX;
    }

    /* a rest of so many has a hundredth that is exact enough */

    return whole * 100 + (rest > UINT64_MAX / 100 ? rest / (quota->bytes / 100)
                                                  : rest * 100 / quota->bytes);
}


/*
 * Says how many digits a text begins with; a value that is too large for any
 * use here stays at UINT64_MAX.
 */

static size_t
reg_digits_parse(uint64_t *value, reg_str_t text)
{
    size_t    i;
    unsigned  digit;

    *value = 0;

    for (i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
    {
        digit = (unsigned) (text.data[i] - '0');

        *value = (*value > (UINT64_MAX - digit) / 10) ? UINT64_MAX
                                                      : *value * 10 + digit;
    }

    return i;
}


static const reg_unit_t *
reg_unit_find(const reg_unit_t *units, size_t n, reg_str_t name)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (reg_str_eq(name, reg_str(units[i].name))) {
            return &units[i];
        }
    }

    return NULL;
}


/* "6h", or "h" for one. */

static reg_rc_t
reg_window_parse(uint32_t *window, reg_str_t text, reg_error_t *error)
{
    size_t             len;
    uint64_t           n;
    reg_str_t          unit;
    const reg_unit_t  *found;

    len = reg_digits_parse(&n, text);

    if (len == 0) {
        n = 1;
    }

    unit.data = text.data + len;
    unit.len = text.len - len;

    found = reg_unit_find(reg_windows, REG_UNITS(reg_windows), unit);

    if (found == NULL) {
        reg_error_set(error, "\"%.*s\" is no window, it is one of s, m, h, d "
                      "and w, with a number before it or without, such as 6h",
                      REG_FMT(text));
        return REG_INVALID;
    }

    if (n == 0 || n > REG_RATE_WINDOW_MAX / found->size) {
        reg_error_set(error, "a window of \"%.*s\" is not between 1s and 31d",
                      REG_FMT(text));
        return REG_INVALID;
    }

    *window = (uint32_t) (n * found->size);

    return REG_OK;
}


reg_rc_t
reg_size_parse(uint64_t *bytes, reg_str_t text, reg_error_t *error)
{
    size_t             len;
    uint64_t           n;
    reg_str_t          unit;
    const reg_unit_t  *found;

    len = reg_digits_parse(&n, text);

    if (len == 0) {
        reg_error_set(error, "\"%.*s\" is no number of bytes, write digits and "
                      "a unit, such as 10TB", REG_FMT(text));
        return REG_INVALID;
    }

    unit.data = text.data + len;
    unit.len = text.len - len;

    found = reg_unit_find(reg_sizes, REG_UNITS(reg_sizes), unit);

    if (found == NULL) {
        reg_error_set(error, "\"%.*s\" in \"%.*s\" is no unit of bytes, it is "
                      "one of B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB and "
                      "PiB", REG_FMT(unit), REG_FMT(text));
        return REG_INVALID;
    }

    if (n == 0) {
        reg_error_set(error, "\"%.*s\" lets nothing pass, the least is 1B",
                      REG_FMT(text));
        return REG_INVALID;
    }

    if (n > REG_QUOTA_MAX / found->size) {
        reg_error_set(error, "\"%.*s\" is more than 1000PB", REG_FMT(text));
        return REG_INVALID;
    }

    *bytes = n * found->size;

    return REG_OK;
}


/* Whether a burst grows again in the time that there is for it. */

static int
reg_rate_refill(const reg_rate_t *rate, uint64_t burst)
{
    uint64_t  interval;

    interval = ((uint64_t) rate->window * 1000000000 + rate->count - 1)
               / rate->count;

    return burst <= (uint64_t) REG_RATE_REFILL_MAX * 1000000000 / interval;
}


/* behind->data is NULL where the character is not there. */

static void
reg_str_split(reg_str_t text, unsigned char at, reg_str_t *before,
    reg_str_t *behind)
{
    unsigned char  *p;

    p = text.len ? memchr(text.data, at, text.len) : NULL;

    *before = text;
    *behind = REG_STR_NULL;

    if (p != NULL) {
        before->len = (size_t) (p - text.data);
        behind->data = p + 1;
        behind->len = text.len - before->len - 1;
    }
}
