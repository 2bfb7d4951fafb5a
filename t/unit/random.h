/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef RANDOM_H
#define RANDOM_H

/*
 * Numbers for property tests: the same in every run, so that a failure can be
 * looked at again.  The generator is xorshift64*.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reg_core.h"

static uint64_t  random_state = 0x9e3779b97f4a7c15;


static inline uint64_t
random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;

    return random_state * 0x2545f4914f6cdd1d;
}


static inline int
under_valgrind(void)
{
    static int  found = -1;

    const char  *preload;

    if (found < 0) {
        preload = getenv("LD_PRELOAD");
        found = preload && strstr(preload, "vgpreload");
    }

    return found;
}


/*
 * How often to try what is tried n times: under valgrind, which is some fifty
 * times slower, a part of it shows every read and write that is wrong.
 */

static inline size_t
rounds(size_t n)
{
    return under_valgrind() ? n / 32 + 1 : n;
}


/* From 0 to n - 1. */

static inline size_t
random_below(size_t n)
{
    return (size_t) ((random_next() >> 16) % n);
}


static inline void
random_bytes(unsigned char *p, size_t len)
{
    while (len--) {
        *p++ = (unsigned char) (random_next() >> 32);
    }
}


/* A string of 0 to max bytes of an alphabet; buf holds max bytes. */

static inline reg_str_t
random_text(unsigned char *buf, size_t max, const char *alphabet)
{
    size_t     i, n;
    reg_str_t  text;

    n = strlen(alphabet);

    text.data = buf;
    text.len = random_below(max + 1);

    for (i = 0; i < text.len; i++) {
        buf[i] = (unsigned char) alphabet[random_below(n)];
    }

    return text;
}


/*
 * A copy with nothing before or behind it, so that valgrind and ASan see a
 * byte too many being read.  The caller frees the data.
 */

static inline reg_str_t
exact_copy(reg_str_t text)
{
    reg_str_t  copy;

    copy.len = text.len;
    copy.data = malloc(text.len ? text.len : 1);

    if (copy.data == NULL) {
        abort();
    }

    if (text.len) {
        memcpy(copy.data, text.data, text.len);
    }

    return copy;
}

#endif /* RANDOM_H */
