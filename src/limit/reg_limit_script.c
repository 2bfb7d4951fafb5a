/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_limit_script.h"

#define REG_SCRIPT(text)  { sizeof(text) - 1, (unsigned char *) (text) }


/*
 * The distance of the mark, from 0 on.  It may be ahead by more than the
 * tolerance only after the clock of Redis went back; then nothing is left, and
 * what was taken grows again from now on.
 */

#define REG_SCRIPT_AHEAD                                                      \
    "local t = redis.call('TIME')\n"                                          \
    "local s, ns = tonumber(t[1]), tonumber(t[2]) * 1000\n"                   \
    "local ahead = 0\n"                                                       \
    "local mark = redis.call('GET', KEYS[1])\n"                               \
    "if mark then\n"                                                          \
    "    local ms, mns = string.match(mark, '^(%d+)%.(%d+)$')\n"              \
    "    ahead = math.max((ms - s) * 1000000000 + (mns - ns), 0)\n"           \
    "end\n"

/* Sums are kept apart in seconds and the rest, for those of them are small. */

#define REG_SCRIPT_STORE                                                      \
    "local rest = ns + ahead % 1000000000\n"                                  \
    "local sec = s + math.floor(ahead / 1000000000)\n"                        \
    "    + math.floor(rest / 1000000000)\n"                                   \
    "redis.call('SET', KEYS[1],\n"                                            \
    "    string.format('%.0f.%09.0f', sec, rest % 1000000000),\n"             \
    "    'PX', string.format('%.0f', math.floor(ahead / 1000000) + 1))\n"


const reg_str_t  reg_limit_script_take = REG_SCRIPT(
    REG_SCRIPT_AHEAD
    "local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local far = ahead > tolerance\n"
    "ahead = math.min(ahead, tolerance)\n"
    "local left = math.floor((tolerance - ahead) / interval)\n"
    "local n = math.min(left, tonumber(ARGV[3]))\n"
    "if n > 0 or far then\n"
    "    ahead = ahead + n * interval\n"
    REG_SCRIPT_STORE
    "end\n"
    "return {n, ahead, s * 1000000 + ns / 1000}\n"
);


const reg_str_t  reg_limit_script_refund = REG_SCRIPT(
    REG_SCRIPT_AHEAD
    "local n = tonumber(ARGV[2])\n"
    "local age = s * 1000000 + ns / 1000 - tonumber(ARGV[3])\n"
    "if age < 0 or age > tonumber(ARGV[4]) then\n"
    "    return 0\n"
    "end\n"
    "ahead = ahead - n * tonumber(ARGV[1])\n"
    "if ahead > 0 then\n"
    REG_SCRIPT_STORE
    "else\n"
    "    redis.call('DEL', KEYS[1])\n"
    "end\n"
    "return n\n"
);


const reg_str_t  reg_limit_script_hosts = REG_SCRIPT(
    "local now = tonumber(redis.call('TIME')[1])\n"
    "redis.call('ZADD', KEYS[1], now, ARGV[1])\n"
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2] - 1)\n"
    "redis.call('EXPIRE', KEYS[1], 2 * ARGV[2])\n"
    "return redis.call('ZCARD', KEYS[1])\n"
);


/*
 * "<until> <manifests that may follow> <until> <digest of the one before>", in
 * seconds of Unix time.
 */

#define REG_SCRIPT_PULL                                                       \
    "local now = tonumber(redis.call('TIME')[1])\n"                           \
    "local pull, n, till, digest = 0, 0, 0, '-'\n"                            \
    "local old = redis.call('GET', KEYS[1])\n"                                \
    "if old then\n"                                                           \
    "    pull, n, till, digest =\n"                                           \
    "        string.match(old, '^(%d+) (%d+) (%d+) (.*)$')\n"                 \
    "end\n"                                                                   \
    "if now > tonumber(till) then n = 0 end\n"

#define REG_SCRIPT_PULL_STORE                                                 \
    "redis.call('SET', KEYS[1],\n"                                            \
    "    string.format('%d %d %d %s', pull, n, till, digest),\n"              \
    "    'EX', math.max(pull - now, 1))\n"


const reg_str_t  reg_limit_script_admit = REG_SCRIPT(
    REG_SCRIPT_PULL
    "pull, n, till = now + ARGV[1], math.min(n + 1, 63), now + ARGV[2]\n"
    "digest = ARGV[3]\n"
    REG_SCRIPT_PULL_STORE
    "return 1\n"
);


const reg_str_t  reg_limit_script_admitted = REG_SCRIPT(
    REG_SCRIPT_PULL
    "if ARGV[1] ~= '' then\n"
    "    if tonumber(n) < 1 or digest == ARGV[1] then return 0 end\n"
    "    n = n - 1\n"
    REG_SCRIPT_PULL_STORE
    "end\n"
    "return math.max(pull - now, 0)\n"
);
