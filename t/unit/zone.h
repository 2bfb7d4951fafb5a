/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef ZONE_H
#define ZONE_H

/*
 * Zones for tests, and records in them that say themselves what they must be.
 * Record k has the name of that number and is a key; its text begins with its
 * number, its value and its length, and every byte after that follows from
 * these.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "reg_zone.h"

#define ZONE_NOW  100000            /* ms: the present of most tests */


/* In memory that children share. */

static inline reg_zone_t *
zone_new(size_t size)
{
    void        *memory;
    reg_zone_t  *zone;

    memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    assert_true(memory != MAP_FAILED);

    zone = reg_zone_open(memory, size);
    assert_non_null(zone);

    return zone;
}


static inline void
zone_free(reg_zone_t *zone, size_t size)
{
    (void) munmap(zone, size);
}


/* Records share a bucket, and have counters of their own. */

static inline uint64_t
zone_hash(unsigned k)
{
    return 0x123456780000 + k;
}


static inline reg_str_t
zone_name(unsigned k)
{
    static _Thread_local char  name[16];

    (void) snprintf(name, sizeof(name), "record-%u", k);

    return reg_str(name);
}


static inline void
zone_put(reg_zone_t *zone, unsigned k, const char *text, int64_t fetched,
    uint32_t generation)
{
    reg_zone_info_t  info;

    memset(&info, 0, sizeof(info));

    info.fetched = fetched;
    info.generation = generation;

    reg_zone_put(zone, zone_hash(k), REG_RECORD_KEY, zone_name(k), &info,
                 reg_str(text), ZONE_NOW);
}


static inline void
zone_put_absent(reg_zone_t *zone, unsigned k, int64_t fetched,
    uint32_t generation)
{
    reg_zone_info_t  info;

    memset(&info, 0, sizeof(info));

    info.fetched = fetched;
    info.generation = generation;
    info.absent = 1;

    reg_zone_put(zone, zone_hash(k), REG_RECORD_KEY, zone_name(k), &info,
                 REG_STR("ignored"), ZONE_NOW);
}


/* text NULL: it is not there. */

static inline void
zone_holds(reg_zone_t *zone, unsigned k, const char *text)
{
    reg_rc_t         rc;
    reg_zone_info_t  info;

    static _Thread_local unsigned char  buf[REG_ZONE_LARGE];

    rc = reg_zone_get(zone, zone_hash(k), REG_RECORD_KEY, zone_name(k), &info,
                      buf);

    if (text == NULL) {
        assert_int_equal(rc, REG_NOTFOUND);
        return;
    }

    assert_int_equal(rc, REG_OK);
    assert_int_equal(info.absent, 0);
    assert_int_equal(info.len, strlen(text));
    assert_memory_equal(buf, text, info.len);
}


static inline unsigned char
zone_byte(unsigned k, unsigned value, size_t len, size_t i)
{
    return (unsigned char) (((k * 131 + value * 31 + len * 7 + i)
                             * 2654435761U) >> 13);
}


/* len is at least 12; the value doubles as the time it was fetched. */

static inline void
zone_put_record_at(reg_zone_t *zone, uint64_t hash, unsigned k, unsigned value,
    size_t len, uint32_t generation, int64_t now)
{
    size_t           i;
    uint32_t         head[3];
    unsigned char    text[REG_ZONE_LARGE];
    reg_zone_info_t  info;

    head[0] = k;
    head[1] = value;
    head[2] = (uint32_t) len;

    memcpy(text, head, sizeof(head));

    for (i = sizeof(head); i < len; i++) {
        text[i] = zone_byte(k, value, len, i);
    }

    memset(&info, 0, sizeof(info));

    info.fetched = value;
    info.generation = generation;

    reg_zone_put(zone, hash, REG_RECORD_KEY, zone_name(k), &info,
                 (reg_str_t) { len, text }, now);
}


static inline void
zone_put_record(reg_zone_t *zone, uint64_t hash, unsigned k, unsigned value,
    size_t len, uint32_t generation)
{
    zone_put_record_at(zone, hash, k, value, len, generation, ZONE_NOW);
}


/* The value of a record; aborts if anything in it is wrong. */

static inline unsigned
zone_check_record(unsigned k, const reg_zone_info_t *info,
    const unsigned char *text)
{
    size_t    i;
    uint32_t  head[3];

    if (info->len < sizeof(head) || info->absent) {
        abort();
    }

    memcpy(head, text, sizeof(head));

    if (head[0] != k || head[2] != info->len || info->fetched != head[1]) {
        abort();
    }

    for (i = sizeof(head); i < info->len; i++) {

        if (text[i] != zone_byte(k, head[1], info->len, i)) {
            abort();
        }
    }

    return head[1];
}

#endif /* ZONE_H */
