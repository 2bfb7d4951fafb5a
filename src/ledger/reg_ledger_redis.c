/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>

#include "reg_ledger_redis.h"

/* Digits are compared as text: numbers of Lua are exact up to 2^53 only. */

static const char  reg_ledger_redis_text[] =
    "local function more(a, b)\n"
    "    return #a > #b or (#a == #b and a > b)\n"
    "end\n"
    "local function grow(key, field, new)\n"
    "    local old = redis.call('HGET', key, field)\n"
    "    if old == new then return 0 end\n"
    "    if old then\n"
    "        local n, merged, next = 0, {}, string.gmatch(old, '%d+')\n"
    "        for count in string.gmatch(new, '%d+') do\n"
    "            local was = next() or '0'\n"
    "            if more(count, was) then was = count end\n"
    "            n = n + 1\n"
    "            merged[n] = was\n"
    "        end\n"
    "        new = table.concat(merged, ' ')\n"
    "        if new == old then return 0 end\n"
    "    end\n"
    "    redis.call('HSET', key, field, new)\n"
    "    return 1\n"
    "end\n"
    "local changed = grow(KEYS[2], ARGV[3], ARGV[4])\n"
    "for i = 5, #ARGV, 2 do\n"
    "    changed = changed + grow(KEYS[1], ARGV[i], ARGV[i + 1])\n"
    "end\n"
    "redis.call('EXPIRE', KEYS[1], ARGV[1])\n"
    "redis.call('EXPIRE', KEYS[2], ARGV[2])\n"
    "return changed\n";


static unsigned char *reg_ledger_copy(unsigned char *p, reg_str_t text);
static reg_str_t reg_ledger_cut(reg_str_t *text, int c);
static int reg_ledger_count(uint64_t *n, reg_str_t text);


size_t
reg_ledger_redis_key(unsigned char buf[REG_LEDGER_REDIS_KEY_MAX],
    reg_str_t prefix, reg_str_t tenant, reg_str_t period)
{
    unsigned char  *p;

    p = reg_ledger_copy(buf, prefix);
    p = reg_ledger_copy(p, REG_STR("egress:{"));
    p = reg_ledger_copy(p, tenant);
    p = reg_ledger_copy(p, REG_STR("}:"));
    p = reg_ledger_copy(p, period);

    return (size_t) (p - buf);
}


size_t
reg_ledger_redis_field(unsigned char buf[REG_LEDGER_REDIS_FIELD_MAX],
    const char *instance, const reg_ledger_key_t *key)
{
    unsigned char  *p;

    p = reg_ledger_copy(buf, reg_str(instance));
    *p++ = '|';
    p = reg_ledger_copy(p, key->route);
    *p++ = '|';
    p = reg_ledger_copy(p, key->network);
    *p++ = '|';
    p = reg_ledger_copy(p, key->operation);
    *p++ = '|';
    p = reg_ledger_copy(p, key->repository);

    return (size_t) (p - buf);
}


size_t
reg_ledger_redis_value(unsigned char buf[REG_LEDGER_REDIS_VALUE_MAX],
    const reg_ledger_entry_t *entry)
{
    int       len;
    size_t    i, at;
    uint64_t  n;

    at = 0;

    for (i = 0; i <= REG_LEDGER_COUNTERS; i++) {

        n = (i < REG_LEDGER_COUNTERS) ? entry->counts[i] : entry->taken_back;

        if (i == REG_LEDGER_EGRESS_BYTES) {
            n += entry->taken_back;
        }

        len = snprintf((char *) buf + at, REG_LEDGER_REDIS_VALUE_MAX - at,
                       i ? " %llu" : "%llu", (unsigned long long) n);
        at += (size_t) len;
    }

    return at;
}


reg_rc_t
reg_ledger_redis_parse(reg_str_t *instance, reg_ledger_entry_t *entry,
    reg_str_t field, reg_str_t value)
{
    size_t  i;

    memset(entry, 0, sizeof(reg_ledger_entry_t));

    *instance = reg_ledger_cut(&field, '|');
    entry->key.route = reg_ledger_cut(&field, '|');
    entry->key.network = reg_ledger_cut(&field, '|');
    entry->key.operation = reg_ledger_cut(&field, '|');
    entry->key.repository = field;

    if (field.data == NULL
        || !reg_ledger_part_valid(*instance, REG_LEDGER_INSTANCE_LEN)
        || !reg_ledger_part_valid(entry->key.route, REG_LEDGER_ROUTE_MAX)
        || !reg_ledger_part_valid(entry->key.network, REG_LEDGER_NETWORK_MAX)
        || !reg_ledger_part_valid(entry->key.operation,
                                  REG_LEDGER_OPERATION_MAX)
        || !reg_ledger_part_valid(entry->key.repository,
                                  REG_LEDGER_REPOSITORY_MAX))
    {
        return REG_INVALID;
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {

        if (!reg_ledger_count(&entry->counts[i], reg_ledger_cut(&value, ' '))) {
            return REG_INVALID;
        }
    }

    if (value.data == NULL || !reg_ledger_count(&entry->taken_back, value)) {
        return REG_INVALID;
    }

    if (entry->taken_back > entry->counts[REG_LEDGER_EGRESS_BYTES]) {
        return REG_INVALID;
    }

    entry->counts[REG_LEDGER_EGRESS_BYTES] -= entry->taken_back;

    return REG_OK;
}


reg_str_t
reg_ledger_redis_script(void)
{
    return reg_str(reg_ledger_redis_text);
}


static unsigned char *
reg_ledger_copy(unsigned char *p, reg_str_t text)
{
    if (text.len) {
        memcpy(p, text.data, text.len);
    }

    return p + text.len;
}


/* What is before c; the rest is left in *text, whose data is NULL without. */

static reg_str_t
reg_ledger_cut(reg_str_t *text, int c)
{
    reg_str_t       part;
    unsigned char  *p;

    part = *text;

    p = text->len ? memchr(text->data, c, text->len) : NULL;

    if (p == NULL) {
        *text = REG_STR_NULL;
        return part;
    }

    part.len = (size_t) (p - text->data);

    text->data = p + 1;
    text->len -= part.len + 1;

    return part;
}


static int
reg_ledger_count(uint64_t *n, reg_str_t text)
{
    size_t    i;
    unsigned  digit;

    *n = 0;

    if (text.len == 0) {
        return 0;
    }

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        digit = (unsigned) (text.data[i] - '0');

        if (*n > (UINT64_MAX - digit) / 10) {
            return 0;
        }

        *n = *n * 10 + digit;
    }

    return 1;
}
