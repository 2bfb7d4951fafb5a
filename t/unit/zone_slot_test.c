/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "reg_zone_slot.h"
#include "zone.h"

#define SIZE  REG_ZONE_MIN
#define WAYS  8                     /* slots of a bucket */


/* The slot in which record k is, or was last. */

static reg_zone_slot_t *
find_slot(reg_zone_t *zone, unsigned k)
{
    size_t          i, len;
    char            name[REG_ZONE_NAME];
    unsigned char  *p;

    memset(name, 0, sizeof(name));

    len = zone_name(k).len;
    memcpy(name, zone_name(k).data, len);

    p = (unsigned char *) zone;

    for (i = 0; i < SIZE - sizeof(name); i += 8) {

        if (memcmp(p + i, name, sizeof(name)) == 0) {
            return (reg_zone_slot_t *) (p + i - sizeof(reg_zone_slot_t)
                                        - offsetof(reg_zone_image_t, name));
        }
    }

    return NULL;
}


static int
is_there(reg_zone_t *zone, unsigned k)
{
    reg_rc_t         rc;
    reg_zone_info_t  info;
    unsigned char    buf[REG_ZONE_LARGE];

    rc = reg_zone_get(zone, zone_hash(k), REG_RECORD_KEY, zone_name(k), &info,
                      buf);

    if (rc == REG_OK && !info.absent) {
        (void) zone_check_record(k, &info, buf);
    }

    return rc == REG_OK;
}


/* One letter for each record from 0 on: there or not. */

static const char *
who_is_there(reg_zone_t *zone, unsigned n)
{
    unsigned  k;

    static char  letters[32];

    for (k = 0; k < n; k++) {
        letters[k] = is_there(zone, k) ? 'y' : '-';
    }

    letters[n] = '\0';

    return letters;
}


static void
fill(reg_zone_t *zone)
{
    unsigned  k;

    for (k = 0; k < WAYS; k++) {
        zone_put_record(zone, zone_hash(k), k, 1, 100, 0);
    }
}


static void
test_least_recent(void **state)
{
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    fill(zone);
    assert_string_equal(who_is_there(zone, 8), "yyyyyyyy");

    zone_put_record(zone, zone_hash(8), 8, 1, 100, 0);
    assert_string_equal(who_is_there(zone, 9), "-yyyyyyyy");

    /* who_is_there() read them in their order; 1 is read once more */

    assert_true(is_there(zone, 1));
    zone_put_record(zone, zone_hash(9), 9, 1, 100, 0);
    assert_string_equal(who_is_there(zone, 10), "-y-yyyyyyy");

    /* being written counts like being read */

    zone_put_record(zone, zone_hash(1), 1, 2, 100, 0);
    zone_put_record(zone, zone_hash(10), 10, 1, 100, 0);
    assert_string_equal(who_is_there(zone, 11), "-y--yyyyyyy");

    /* large ones have a bucket of their own */

    zone_put_record(zone, zone_hash(11), 11, 1, 1000, 0);
    assert_string_equal(who_is_there(zone, 12), "-y--yyyyyyyy");

    zone_free(zone, SIZE);
}


static void
test_overtaken_first(void **state)
{
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    fill(zone);
    zone_put_absent(zone, 2, 9, 0);
    reg_zone_invalidate(zone, zone_hash(5));
    assert_string_equal(who_is_there(zone, 8), "yyyyy-yy");

    zone_put_record(zone, zone_hash(8), 8, 1, 100, 0);
    assert_string_equal(who_is_there(zone, 9), "yyyyy-yyy");

    zone_free(zone, SIZE);
}


static void
test_absent_first(void **state)
{
    unsigned     k;
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    for (k = 0; k < 6; k++) {
        zone_put_record(zone, zone_hash(k), k, 1, 100, 0);
    }

    /* any number of names that do not exist shares two slots */

    for (k = 6; k < 16; k++) {
        zone_put_absent(zone, k, 1, 0);
    }

    assert_string_equal(who_is_there(zone, 16), "yyyyyy--------yy");

    /* which the next two that exist take over */

    zone_put_record(zone, zone_hash(16), 16, 1, 100, 0);
    zone_put_record(zone, zone_hash(17), 17, 1, 100, 0);
    assert_string_equal(who_is_there(zone, 18), "yyyyyy----------yy");

    /* and now there is no room for one that does not */

    zone_put_absent(zone, 18, 1, 0);
    assert_string_equal(who_is_there(zone, 19), "yyyyyy----------yy-");

    zone_free(zone, SIZE);
}


/* A flood of names that do not exist, among names that do. */

static void
test_flood(void **state)
{
    char         letters[17];
    size_t       i;
    unsigned     k;
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    fill(zone);

    for (i = 0; i < 20000; i++) {
        k = (unsigned) (100 + random_below(10000));
        zone_put_absent(zone, k, 1, 0);
    }

    (void) memset(letters, 'y', WAYS);
    letters[WAYS] = '\0';

    assert_string_equal(who_is_there(zone, WAYS), letters);

    zone_free(zone, SIZE);
}


/* Were only the newer one given up, the older one would be back. */

static void
test_no_return(void **state)
{
    unsigned     k;
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    zone_put_record(zone, zone_hash(1), 1, 1, 100, 0);
    zone_put_record(zone, zone_hash(1), 1, 2, 1000, 0);

    for (k = 10; k < 10 + WAYS; k++) {
        zone_put_record(zone, zone_hash(k), k, 1, 1000, 0);
    }

    assert_false(is_there(zone, 1));

    zone_put_record(zone, zone_hash(2), 2, 1, 1000, 0);
    zone_put_record(zone, zone_hash(2), 2, 2, 100, 0);

    for (k = 20; k < 20 + WAYS; k++) {
        zone_put_record(zone, zone_hash(k), k, 1, 100, 0);
    }

    assert_false(is_there(zone, 2));

    zone_free(zone, SIZE);
}


/* Two workers put the same record at once, and each found another slot. */

static void
test_twice(void **state)
{
    uint64_t           lock;
    unsigned           k;
    reg_zone_t        *zone;
    reg_zone_slot_t   *slot;
    reg_zone_image_t   older;
    reg_zone_info_t    info;
    unsigned char      buf[REG_ZONE_LARGE];

    (void) state;

    /* the older one before and behind the newer one, which is in the middle */

    for (k = 0; k < WAYS; k += WAYS - 1) {
        zone = zone_new(SIZE);

        fill(zone);
        assert_true(reg_zone_slot_read(find_slot(zone, 4), REG_ZONE_SMALL,
                                       &older));
        zone_put_record(zone, zone_hash(4), 4, 2, 100, 0);

        slot = find_slot(zone, k);
        lock = slot->lock;
        assert_true(reg_zone_slot_claim(slot, &lock, ZONE_NOW));
        assert_true(reg_zone_slot_write(slot, lock, &older));

        assert_int_equal(reg_zone_get(zone, zone_hash(4), REG_RECORD_KEY,
                                      zone_name(4), &info, buf), REG_OK);
        assert_int_equal(zone_check_record(4, &info, buf), 2);

        /* whoever comes next leaves one, and two free slots */

        zone_put_record(zone, zone_hash(4), 4, 3, 1000, 0);
        zone_put_record(zone, zone_hash(8), 8, 1, 100, 0);
        zone_put_record(zone, zone_hash(9), 9, 1, 100, 0);
        assert_string_equal(who_is_there(zone, 10),
                            k == 0 ? "-yyyyyyyyy" : "yyyyyyy-yy");

        zone_free(zone, SIZE);
    }
}


/* Nothing that happened to a slot makes it say something else. */

static void
test_damaged(void **state)
{
    int               found;
    size_t            i, end;
    reg_zone_t       *zone;
    unsigned char    *p;
    reg_zone_slot_t  *slot;

    (void) state;

    zone = zone_new(SIZE);

    zone_put_record(zone, zone_hash(1), 1, 1, 100, 0);
    slot = find_slot(zone, 1);
    assert_non_null(slot);

    p = (unsigned char *) slot->words;
    end = REG_ZONE_HEAD + 100;
    found = 0;

    for (i = 0; i < end; i++) {
        p[i] ^= 1;
        found |= is_there(zone, 1);
        p[i] ^= 1;
    }

    assert_false(found);

    /* lengths that lead out of the slot */

    for (i = 0; i < 32; i++) {
        p[offsetof(reg_zone_image_t, len) + i / 8] ^=
            (unsigned char) (1 << i % 8);
        assert_false(is_there(zone, 1));
        p[offsetof(reg_zone_image_t, len) + i / 8] ^=
            (unsigned char) (1 << i % 8);
    }

    /* behind the text is what others left */

    p[end + 4] ^= 1;
    assert_true(is_there(zone, 1));

    /* a damaged one is replaced like any other */

    p[REG_ZONE_HEAD + 20] ^= 1;
    zone_put_record(zone, zone_hash(1), 1, 2, 100, 0);
    assert_true(is_there(zone, 1));

    /* even if it claims to be from the future */

    p[offsetof(reg_zone_image_t, fetched) + 6] ^= 1;
    zone_put_record(zone, zone_hash(1), 1, 3, 100, 0);
    assert_true(is_there(zone, 1));

    zone_free(zone, SIZE);
}


/* A writer dies: its slot is not read, nor written for a second, then it is. */

static void
test_stuck(void **state)
{
    size_t            i;
    uint64_t          lock;
    unsigned          k;
    reg_zone_t       *zone;
    reg_zone_slot_t  *slot;

    static const struct {
        int64_t  died;
        int64_t  now;
        int      taken;
    } cases[] = {
        { 5000, 5000, 0 },
        { 5000, 6000, 0 },
        { 5000, 6001, 1 },

        /* workers differ in what time it is */

        { 5000, 4000, 0 },
        { 5000, 3999, 1 },

        /* the time is kept in 32 bits */

        { UINT32_MAX - 100, (int64_t) UINT32_MAX + 800, 0 },
        { UINT32_MAX - 100, (int64_t) UINT32_MAX + 1000, 1 },
        { 5000, 5000 + 30LL * 86400 * 1000, 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        zone = zone_new(SIZE);

        fill(zone);
        slot = find_slot(zone, 3);
        assert_non_null(slot);

        lock = slot->lock;
        assert_true(reg_zone_slot_claim(slot, &lock, cases[i].died));
        assert_string_equal(who_is_there(zone, 8), "yyy-yyyy");

        /* 0 is the least recently used: it goes unless the dead one's does */

        zone_put_record_at(zone, zone_hash(8), 8, 1, 100, 0, cases[i].now);
        assert_string_equal(who_is_there(zone, 9),
                            cases[i].taken ? "yyy-yyyyy" : "-yy-yyyyy");

        zone_free(zone, SIZE);
    }

    /* all of a bucket: nothing is stored, nobody waits */

    zone = zone_new(SIZE);
    fill(zone);

    for (k = 0; k < WAYS; k++) {
        slot = find_slot(zone, k);
        lock = slot->lock;
        assert_true(reg_zone_slot_claim(slot, &lock, ZONE_NOW));
    }

    zone_put_record(zone, zone_hash(8), 8, 1, 100, 0);
    assert_string_equal(who_is_there(zone, 9), "---------");

    zone_put_record_at(zone, zone_hash(8), 8, 1, 100, 0, ZONE_NOW + 1001);
    assert_string_equal(who_is_there(zone, 9), "--------y");

    zone_free(zone, SIZE);
}


/*
 * A writer that was only slow finds its slot taken over.  What it still writes
 * is seen whole or not at all, and it does not give the slot free.
 */

static void
test_slow(void **state)
{
    size_t            i;
    uint64_t          lock;
    reg_zone_t       *zone;
    unsigned char    *p;
    reg_zone_slot_t  *slot;
    reg_zone_image_t  image;

    (void) state;

    zone = zone_new(SIZE);

    fill(zone);
    slot = find_slot(zone, 3);
    assert_non_null(slot);

    memset(&image, 0, sizeof(image));
    assert_true(reg_zone_slot_read(slot, REG_ZONE_SMALL, &image));
    lock = slot->lock;
    assert_true(reg_zone_slot_claim(slot, &lock, ZONE_NOW));

    zone_put_record_at(zone, zone_hash(8), 8, 1, 100, 0, ZONE_NOW + 1001);
    assert_string_equal(who_is_there(zone, 9), "yyy-yyyyy");
    assert_ptr_equal(find_slot(zone, 8), slot);

    /* it has come so far */

    p = (unsigned char *) slot->words;

    for (i = 0; i < REG_ZONE_HEAD + image.len; i++) {
        p[i] = ((unsigned char *) &image)[i];

        if (i >= 8 && i < REG_ZONE_HEAD + image.len - 1) {
            assert_string_equal(who_is_there(zone, 9), "yyy-yyyy-");
        }
    }

    /* and now it is done, and its record as good as any */

    assert_string_equal(who_is_there(zone, 9), "yyyyyyyy-");

    lock = slot->lock;
    assert_false(reg_zone_slot_write(slot, lock - 1, &image));
    assert_int_equal(slot->lock, lock);

    /* whoever saw the slot before somebody claimed it has come too late */

    assert_true(reg_zone_slot_claim(slot, &lock, ZONE_NOW));
    lock -= 1;
    assert_false(reg_zone_slot_claim(slot, &lock, ZONE_NOW));

    zone_free(zone, SIZE);
}


static void
test_sequence_wraps(void **state)
{
    uint64_t          lock;
    reg_zone_t       *zone;
    reg_zone_slot_t  *slot;

    (void) state;

    zone = zone_new(SIZE);

    zone_put_record(zone, zone_hash(1), 1, 1, 100, 0);
    slot = find_slot(zone, 1);
    assert_non_null(slot);

    slot->lock = 0x7fffffffULL << 32 | 0xfffffffe;
    assert_true(is_there(zone, 1));

    zone_put_record(zone, zone_hash(1), 1, 2, 100, 0);
    assert_true(is_there(zone, 1));

    /* the sequence began anew and left the time alone */

    lock = slot->lock;
    assert_int_equal(lock, (uint64_t) ZONE_NOW << 32);

    zone_free(zone, SIZE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_least_recent),
        cmocka_unit_test(test_overtaken_first),
        cmocka_unit_test(test_absent_first),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_no_return),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_sequence_wraps)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
