/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_siphash.h"


typedef struct {
    uint64_t  v0;
    uint64_t  v1;
    uint64_t  v2;
    uint64_t  v3;
} reg_sipstate_t;


static inline uint64_t
reg_rotl(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}


static inline uint64_t
reg_load64(const unsigned char *p)
{
    return (uint64_t) p[0]
           | (uint64_t) p[1] << 8
           | (uint64_t) p[2] << 16
           | (uint64_t) p[3] << 24
           | (uint64_t) p[4] << 32
           | (uint64_t) p[5] << 40
           | (uint64_t) p[6] << 48
           | (uint64_t) p[7] << 56;
}


static inline void
reg_sipround(reg_sipstate_t *s)
{
    s->v0 += s->v1;
    s->v1 = reg_rotl(s->v1, 13) ^ s->v0;
    s->v0 = reg_rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = reg_rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = reg_rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = reg_rotl(s->v1, 17) ^ s->v2;
    s->v2 = reg_rotl(s->v2, 32);
}


static inline void
reg_sipblock(reg_sipstate_t *s, uint64_t m)
{
    s->v3 ^= m;
    reg_sipround(s);
    reg_sipround(s);
    s->v0 ^= m;
}


static uint64_t
reg_sipfinish(reg_sipstate_t *s)
{
    reg_sipround(s);
    reg_sipround(s);
    reg_sipround(s);
    reg_sipround(s);

    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}


reg_siphash_t
reg_siphash(const unsigned char *key, reg_str_t text)
{
    size_t                len, tail;
    uint64_t              k0, k1, last;
    reg_siphash_t         hash;
    reg_sipstate_t        s;
    const unsigned char  *p;

    k0 = reg_load64(key);
    k1 = reg_load64(key + 8);

    s.v0 = k0 ^ 0x736f6d6570736575;
    s.v1 = k1 ^ 0x646f72616e646f6d ^ 0xee;
    s.v2 = k0 ^ 0x6c7967656e657261;
    s.v3 = k1 ^ 0x7465646279746573;

    p = text.data;

    for (len = text.len; len >= 8; len -= 8) {
        reg_sipblock(&s, reg_load64(p));
        p += 8;
    }

    last = (uint64_t) text.len << 56;

    for (tail = 0; tail < len; tail++) {
        last |= (uint64_t) p[tail] << (8 * tail);
    }

    reg_sipblock(&s, last);

    s.v2 ^= 0xee;
    hash.lo = reg_sipfinish(&s);

    s.v1 ^= 0xdd;
    hash.hi = reg_sipfinish(&s);

    return hash;
}
