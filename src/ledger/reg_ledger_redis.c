/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>

#include "reg_ledger_redis.h"


/*
 * Twelve digits at a time: the sums of thousands of fields are below 2^53.
 * What is no number counts nothing.
 */

#define REG_LEDGER_REDIS_LOW  1000000000000

static const char  reg_ledger_redis_sum_text[] =
    "local out, high, low = {}, 0, 0\n"
    "for i = 3, #ARGV do out[ARGV[i]] = true end\n"
    "for k = 1, #KEYS do\n"
    "    local all = redis.call('HGETALL', KEYS[k])\n"
    "    for i = 1, #all, 2 do\n"
    "        local day, n = string.sub(all[i], -10), all[i + 1]\n"
    "        if day >= ARGV[1] and day <= ARGV[2] and not out[all[i]]\n"
    "            and string.find(n, '^%d+$') and #n <= 20\n"
    "        then\n"
    "            high = high + (tonumber(string.sub(n, 1, -13)) or 0)\n"
    "            low = low + tonumber(string.sub(n, -12))\n"
    "        end\n"
    "    end\n"
    "end\n"
    "return {high, low}\n";


static unsigned char *reg_ledger_copy(unsigned char *p, reg_str_t text);
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
    size_t     i;
    reg_str_t  row;

    memset(entry, 0, sizeof(reg_ledger_entry_t));

    row = field;
    *instance = reg_str_cut(&row, '|');

    if (row.data == NULL
        || !reg_ledger_part_valid(*instance, REG_LEDGER_INSTANCE_LEN)
        || reg_ledger_redis_row(&entry->key, row) != REG_OK)
    {
        return REG_INVALID;
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {

        if (!reg_ledger_count(&entry->counts[i], reg_str_cut(&value, ' '))) {
            return REG_INVALID;
        }
    }

    return value.data && reg_ledger_count(&entry->taken_back, value)
           ? REG_OK : REG_INVALID;
}


reg_rc_t
reg_ledger_redis_row(reg_ledger_key_t *key, reg_str_t row)
{
    key->route = reg_str_cut(&row, '|');
    key->network = reg_str_cut(&row, '|');
    key->operation = reg_str_cut(&row, '|');
    key->repository = row;

    return row.data
           && reg_ledger_part_valid(key->route, REG_LEDGER_ROUTE_MAX)
           && reg_ledger_part_valid(key->network, REG_LEDGER_NETWORK_MAX)
           && reg_ledger_part_valid(key->operation, REG_LEDGER_OPERATION_MAX)
           && reg_ledger_part_valid(key->repository,
                                    REG_LEDGER_REPOSITORY_MAX)
           ? REG_OK : REG_INVALID;
}


reg_rc_t
reg_ledger_redis_settle(reg_ledger_entry_t *entry)
{
    if (entry->taken_back > entry->counts[REG_LEDGER_EGRESS_BYTES]) {
        return REG_INVALID;
    }

    entry->counts[REG_LEDGER_EGRESS_BYTES] -= entry->taken_back;

    return REG_OK;
}


reg_rc_t
reg_ledger_redis_key_parse(reg_str_t *tenant, int64_t *day, reg_str_t prefix,
    reg_str_t key)
{
    size_t     len;
    reg_str_t  date, egress;

    egress = REG_STR("egress:{");

    if (!reg_str_starts(key, prefix)) {
        return REG_NOTFOUND;
    }

    key.data += prefix.len;
    key.len -= prefix.len;

    len = sizeof("}:") - 1 + REG_LEDGER_DAY_LEN;

    if (!reg_str_starts(key, egress) || key.len < egress.len + len) {
        return REG_NOTFOUND;
    }

    tenant->data = key.data + egress.len;
    tenant->len = key.len - egress.len - len;

    date.data = tenant->data + tenant->len + 2;
    date.len = REG_LEDGER_DAY_LEN;

    return memcmp(tenant->data + tenant->len, "}:", 2) == 0
           && reg_ledger_part_valid(*tenant, REG_LEDGER_TENANT_MAX)
           && reg_ledger_day_parse(day, date) == REG_OK
           ? REG_OK : REG_NOTFOUND;
}


reg_str_t
reg_ledger_redis_sum(void)
{
    return reg_str(reg_ledger_redis_sum_text);
}


reg_rc_t
reg_ledger_redis_total(uint64_t *bytes, int64_t high, int64_t low)
{
    if (high < 0 || low < 0) {
        return REG_INVALID;
    }

    *bytes = UINT64_MAX;

    if ((uint64_t) high <= (UINT64_MAX - (uint64_t) low) / REG_LEDGER_REDIS_LOW)
    {
        *bytes = (uint64_t) high * REG_LEDGER_REDIS_LOW + (uint64_t) low;
    }

    return REG_OK;
}


static unsigned char *
reg_ledger_copy(unsigned char *p, reg_str_t text)
{
    if (text.len) {
        memcpy(p, text.data, text.len);
    }

    return p + text.len;
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
