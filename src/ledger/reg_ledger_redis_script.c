/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_ledger_redis.h"

/*
 * What both scripts have.  Digits stay text, or are cut in two, as numbers of
 * Lua are exact up to 2^53 only.
 */

#define REG_LEDGER_LUA                                                        \
    "local function more(a, b)\n"                                             \
    "    return #a > #b or (#a == #b and a > b)\n"                            \
    "end\n"                                                                   \
    "local function plus(a, b, sign)\n"                                       \
    "    local low = tonumber(string.sub(a, -15))\n"                          \
    "                + sign * tonumber(string.sub(b, -15))\n"                 \
    "    local high = (tonumber(string.sub(a, 1, -16)) or 0)\n"               \
    "                 + sign * (tonumber(string.sub(b, 1, -16)) or 0)\n"      \
    "    if low < 0 then low, high = low + 1e15, high - 1 end\n"              \
    "    if low >= 1e15 then low, high = low - 1e15, high + 1 end\n"          \
    "    if high == 0 then return string.format('%.0f', low) end\n"           \
    "    return string.format('%.0f%015.0f', high, low)\n"                    \
    "end\n"                                                                   \
    "local function counts(text)\n"                                           \
    "    local list = {}\n"                                                   \
    "    for n in string.gmatch(text or '', '%d+') do\n"                      \
    "        list[#list + 1] = n\n"                                           \
    "    end\n"                                                               \
    "    return list\n"                                                       \
    "end\n"                                                                   \
    "local function kept(instance)\n"                                         \
    "    local text = redis.call('HGET', KEYS[1], '=' .. instance)\n"         \
    "    local rows = {}\n"                                                   \
    "    if not text then return nil, rows end\n"                             \
    "    for row, n in string.gmatch(text, '\\n([^ \\n]+) ([^\\n]+)') do\n"   \
    "        rows[row] = n\n"                                                 \
    "    end\n"                                                               \
    "    return string.match(text, '^%d+'), rows\n"                           \
    "end\n"


static const char  reg_ledger_redis_text[] =
    REG_LEDGER_LUA
    "local instance = string.match(ARGV[3], '^[^:]*')\n"
    "local month, rows = kept(instance)\n"
    "local function grow(key, field, new, base)\n"
    "    local old = redis.call('HGET', key, field)\n"
    "    if old == new then return 0 end\n"
    "    if old or base then\n"
    "        local was, had, some = counts(old), counts(base), false\n"
    "        local merged = counts(new)\n"
    "        for i, n in ipairs(merged) do\n"
    "            local kept = had[i] or '0'\n"
    "            n = more(n, kept) and plus(n, kept, -1) or '0'\n"
    "            if more(was[i] or '0', n) then n = was[i] end\n"
    "            some = some or n ~= '0'\n"
    "            merged[i] = n\n"
    "        end\n"
    "        new = table.concat(merged, ' ')\n"
    "        if new == old or not (old or some) then return 0 end\n"
    "    end\n"
    "    redis.call('HSET', key, field, new)\n"
    "    return 1\n"
    "end\n"
    "local changed = grow(KEYS[2], ARGV[3], ARGV[4], month)\n"
    "for i = 5, #ARGV, 2 do\n"
    "    local base = rows[string.sub(ARGV[i], #instance + 2)]\n"
    "    changed = changed + grow(KEYS[1], ARGV[i], ARGV[i + 1], base)\n"
    "end\n"
    "redis.call('EXPIRE', KEYS[1], ARGV[1])\n"
    "redis.call('EXPIRE', KEYS[2], ARGV[2])\n"
    "return changed\n";


/* No hash is ever empty in between: it would lose its time to live. */

static const char  reg_ledger_fold_text[] =
    REG_LEDGER_LUA
    "local function add(old, new)\n"
    "    local sum = counts(old)\n"
    "    for i, n in ipairs(counts(new)) do\n"
    "        sum[i] = plus(sum[i] or '0', n, 1)\n"
    "    end\n"
    "    return table.concat(sum, ' ')\n"
    "end\n"
    "local function fold(key, field, sum)\n"
    "    local value = redis.call('HGET', key, field)\n"
    "    if value then\n"
    "        local old = redis.call('HGET', key, sum)\n"
    "        redis.call('HSET', key, sum, add(old, value))\n"
    "        redis.call('HDEL', key, field)\n"
    "    end\n"
    "    return value\n"
    "end\n"
    "local instance, day = ARGV[1], ARGV[2]\n"
    "local month, rows = kept(instance)\n"
    "local fresh, changed = not month and 1 or 0, 0\n"
    "month = month or '0'\n"
    "for i = 4, #ARGV do\n"
    "    local row = ARGV[i]\n"
    "    local value = fold(KEYS[1], instance .. '|' .. row,\n"
    "                       'folded|' .. row)\n"
    "    if value then\n"
    "        rows[row] = add(rows[row], value)\n"
    "        changed = changed + 1\n"
    "    end\n"
    "end\n"
    "local ttl = redis.call('TTL', KEYS[1])\n"
    "if ttl == -1 or ttl >= tonumber(ARGV[3]) then\n"
    "    local value = fold(KEYS[2], instance .. ':' .. day,\n"
    "                       'folded:' .. day)\n"
    "    if value then\n"
    "        month = plus(month, value, 1)\n"
    "        changed = changed + 1\n"
    "    end\n"
    "end\n"
    "if changed == 0 then return 0 end\n"
    "local text = { month }\n"
    "for row, n in pairs(rows) do\n"
    "    text[#text + 1] = row .. ' ' .. n\n"
    "end\n"
    "redis.call('HSET', KEYS[1], '=' .. instance, table.concat(text, '\\n'))\n"
    "local about = counts(redis.call('HGET', KEYS[1], '='))\n"
    "redis.call('HSET', KEYS[1], '=', plus(about[1] or '0', '1', 1) .. ' '\n"
    "           .. plus(about[2] or '1', tostring(fresh), 1))\n"
    "return changed\n";


reg_str_t
reg_ledger_redis_script(void)
{
    return reg_str(reg_ledger_redis_text);
}


reg_str_t
reg_ledger_redis_fold_script(void)
{
    return reg_str(reg_ledger_fold_text);
}
