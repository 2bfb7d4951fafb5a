/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>

#include "reg_delivered.h"
#include "reg_ledger_directory.h"
#include "reg_ledger_redis.h"

#define REG_DELIVERED_HEAD  "ngx-registry delivered "


static reg_rc_t reg_delivered_row(reg_delivered_t *delivered, reg_str_t line);
static int reg_delivered_hex(int c);
static int reg_delivered_number(uint64_t *n, reg_str_t *line, int end);


reg_rc_t
reg_delivered_head(int64_t *day, reg_str_t *instance, reg_str_t line)
{
    size_t     len;
    uint64_t   version;
    reg_str_t  date;

    len = sizeof(REG_DELIVERED_HEAD) - 1;

    if (!reg_str_starts(line, REG_STR(REG_DELIVERED_HEAD))) {
        return REG_INVALID;
    }

    line.data += len;
    line.len -= len;

    if (!reg_delivered_number(&version, &line, ' ')) {
        return REG_INVALID;
    }

    if (version > REG_DELIVERED_VERSION) {
        return REG_NEWER;
    }

    if (version != REG_DELIVERED_VERSION
        || line.len != REG_LEDGER_DAY_LEN + 1 + REG_LEDGER_INSTANCE_LEN
        || line.data[REG_LEDGER_DAY_LEN] != ' ')
    {
        return REG_INVALID;
    }

    date = (reg_str_t) { REG_LEDGER_DAY_LEN, line.data };

    instance->data = line.data + REG_LEDGER_DAY_LEN + 1;
    instance->len = REG_LEDGER_INSTANCE_LEN;

    return reg_ledger_day_parse(day, date) == REG_OK
           && reg_ledger_instance_valid(*instance) ? REG_OK : REG_INVALID;
}


reg_rc_t
reg_delivered_read(reg_delivered_t *delivered, reg_str_t line)
{
    int     high, low;
    size_t  i;

    memset(delivered, 0, sizeof(reg_delivered_t));

    if (line.len && line.data[0] == '=') {
        return reg_delivered_row(delivered, line);
    }

    if (line.len <= 2 * REG_DELIVERED_ID
        || line.data[2 * REG_DELIVERED_ID] != ' ')
    {
        return REG_INVALID;
    }

    for (i = 0; i < REG_DELIVERED_ID; i++) {
        high = reg_delivered_hex(line.data[2 * i]);
        low = reg_delivered_hex(line.data[2 * i + 1]);

        if (high == -1 || low == -1) {
            return REG_INVALID;
        }

        delivered->id[i] = (unsigned char) (high * 16 + low);
    }

    line.data += 2 * REG_DELIVERED_ID + 1;
    line.len -= 2 * REG_DELIVERED_ID + 1;

    return reg_delivered_number(&delivered->number, &line, ' ')
           && delivered->number
           && reg_delivered_number(&delivered->bytes, &line, -1)
           ? REG_OK : REG_INVALID;
}


static reg_rc_t
reg_delivered_row(reg_delivered_t *delivered, reg_str_t line)
{
    unsigned char  *bar;

    line.data++;
    line.len--;

    bar = line.len ? memchr(line.data, '|', line.len) : NULL;

    if (bar == NULL) {
        return REG_INVALID;
    }

    delivered->row = 1;
    delivered->key.tenant.data = line.data;
    delivered->key.tenant.len = (size_t) (bar - line.data);

    line.len -= delivered->key.tenant.len + 1;
    line.data = bar + 1;

    return reg_ledger_part_valid(delivered->key.tenant, REG_LEDGER_TENANT_MAX)
           ? reg_ledger_redis_row(&delivered->key, line) : REG_INVALID;
}


static int
reg_delivered_hex(int c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* Digits up to the end, which is a character, or -1. */

static int
reg_delivered_number(uint64_t *n, reg_str_t *line, int end)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < line->len && i < 19; i++) {

        if (line->data[i] < '0' || line->data[i] > '9') {
            break;
        }

        *n = *n * 10 + (uint64_t) (line->data[i] - '0');
    }

    if (i == 0 || i == 19
        || (end == -1 ? i != line->len
                      : i == line->len || line->data[i] != end))
    {
        return 0;
    }

    i += (end != -1);
    line->data += i;
    line->len -= i;

    return 1;
}


size_t
reg_delivered_write_head(char buf[REG_DELIVERED_LINE_MAX], int64_t day,
    const char *instance)
{
    char  date[REG_LEDGER_DAY_LEN + 1];

    reg_ledger_day_format(date, day);

    return (size_t) snprintf(buf, REG_DELIVERED_LINE_MAX, REG_DELIVERED_HEAD
                             "%d %s %s\n", REG_DELIVERED_VERSION, date,
                             instance);
}


size_t
reg_delivered_write(char buf[REG_DELIVERED_LINE_MAX],
    const reg_delivered_t *delivered)
{
    size_t                   i, n;
    const reg_ledger_key_t  *key = &delivered->key;

    if (delivered->row) {
        return (size_t) snprintf(buf, REG_DELIVERED_LINE_MAX,
                                 "=%.*s|%.*s|%.*s|%.*s|%.*s\n",
                                 REG_FMT(key->tenant), REG_FMT(key->route),
                                 REG_FMT(key->network),
                                 REG_FMT(key->operation),
                                 REG_FMT(key->repository));
    }

    n = 0;

    for (i = 0; i < REG_DELIVERED_ID; i++) {
        n += (size_t) snprintf(buf + n, REG_DELIVERED_LINE_MAX - n, "%02x",
                               delivered->id[i]);
    }

    return n + (size_t) snprintf(buf + n, REG_DELIVERED_LINE_MAX - n,
                                 " %llu %llu\n",
                                 (unsigned long long) delivered->number,
                                 (unsigned long long) delivered->bytes);
}
