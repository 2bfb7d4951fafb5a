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
#include <sys/mman.h>

#include "random.h"
#include "zone.h"

#define SIZE  REG_ZONE_MIN


static void
test_open(void **state)
{
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    /* a second process finds it, and what is in it */

    zone_put(zone, 1, "one", 5, 0);
    assert_ptr_equal(reg_zone_open(zone, SIZE), zone);
    zone_holds(zone, 1, "one");

    assert_null(reg_zone_open(zone, SIZE + 64));
    assert_null(reg_zone_open(zone, SIZE - 1));

    /* another layout, or something else altogether */

    *(unsigned char *) zone ^= 1;
    assert_null(reg_zone_open(zone, SIZE));
    zone_free(zone, SIZE);

    zone = zone_new(SIZE * 2);
    assert_null(reg_zone_open(zone, SIZE));
    zone_free(zone, SIZE * 2);
}


static void
test_open_refused(void **state)
{
    unsigned char  *memory;

    (void) state;

    memory = mmap(NULL, SIZE * 2, PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);

    assert_null(reg_zone_open(memory, 0));
    assert_null(reg_zone_open(memory, SIZE - 1));
    assert_null(reg_zone_open(memory + 8, SIZE));
    assert_non_null(reg_zone_open(memory + 64, SIZE));

    (void) munmap(memory, SIZE * 2);
}


/* Any size will do, and nothing is written behind it. */

static void
test_sizes(void **state)
{
    size_t          i, k, size;
    reg_zone_t     *zone;
    unsigned char  *memory, *end;

    (void) state;

    for (i = 0; i < 20; i++) {
        size = SIZE + i * 3333;

        memory = mmap(NULL, SIZE * 2, PROT_READ|PROT_WRITE,
                      MAP_SHARED|MAP_ANONYMOUS, -1, 0);
        assert_true(memory != MAP_FAILED);

        zone = reg_zone_open(memory, size);
        assert_non_null(zone);

        for (k = 0; k < 3000; k++) {
            zone_put_record(zone, random_next(), (unsigned) k, 1,
                            random_below(2) ? 700 : 4096, 0);
        }

        for (end = memory + size; end < memory + SIZE * 2; end++) {
            assert_int_equal(*end, 0);
        }

        (void) munmap(memory, SIZE * 2);
    }
}


static void
test_records(void **state)
{
    char              name[66];
    size_t            i;
    reg_zone_t       *zone;
    reg_zone_info_t   info;

    static const size_t  sizes[] = {
        0, 1, 7, 8, 9, 767, 768, 769, 1024, 4095, 4096
    };

    static unsigned char  text[REG_ZONE_LARGE + 1], buf[REG_ZONE_LARGE];

    (void) state;

    zone = zone_new(SIZE);

    random_bytes(text, sizeof(text));

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        (void) snprintf(name, sizeof(name), "name-%zu", i);

        info = (reg_zone_info_t) {
            .fetched = -5 - (int64_t) i,
            .source = UINT64_MAX - i,
            .generation = 0
        };

        reg_zone_put(zone, i, REG_RECORD_ROLE, reg_str(name), &info,
                     (reg_str_t) { sizes[i], text }, 1000);

        memset(&info, 0xff, sizeof(info));

        assert_int_equal(reg_zone_get(zone, i, REG_RECORD_ROLE, reg_str(name),
                                      &info, buf), REG_OK);
        assert_int_equal(info.fetched, -5 - (int64_t) i);
        assert_true(info.source == UINT64_MAX - i);
        assert_int_equal(info.generation, 0);
        assert_int_equal(info.absent, 0);
        assert_int_equal(info.len, sizes[i]);
        assert_memory_equal(buf, text, sizes[i]);

        /* the hash is not all of a name */

        assert_int_equal(reg_zone_get(zone, i, REG_RECORD_TENANT, reg_str(name),
                                      &info, buf), REG_NOTFOUND);
        assert_int_equal(reg_zone_get(zone, i, REG_RECORD_ROLE, reg_str("name"),
                                      &info, buf), REG_NOTFOUND);
        assert_int_equal(reg_zone_get(zone, i + 65536, REG_RECORD_ROLE,
                                      reg_str(name), &info, buf),
                         REG_NOTFOUND);
    }

    /* names: the longest, one that is too long */

    memset(name, 'x', sizeof(name) - 1);
    name[64] = '\0';

    info = (reg_zone_info_t) { .fetched = 1 };

    reg_zone_put(zone, 99, REG_RECORD_KEY, reg_str(name), &info,
                 REG_STR("text"), 1000);
    assert_int_equal(reg_zone_get(zone, 99, REG_RECORD_KEY, reg_str(name),
                                  &info, buf), REG_OK);
    assert_int_equal(info.len, 4);

    name[64] = 'x';
    name[65] = '\0';

    reg_zone_put(zone, 99, REG_RECORD_KEY, reg_str(name), &info,
                 REG_STR("text"), 1000);
    assert_int_equal(reg_zone_get(zone, 99, REG_RECORD_KEY, reg_str(name),
                                  &info, buf), REG_NOTFOUND);

    zone_free(zone, SIZE);
}


static void
test_absent(void **state)
{
    reg_zone_t       *zone;
    reg_zone_info_t   info;
    unsigned char     buf[REG_ZONE_LARGE];

    (void) state;

    zone = zone_new(SIZE);

    zone_put_absent(zone, 1, 7, 0);

    assert_int_equal(reg_zone_get(zone, zone_hash(1), REG_RECORD_KEY,
                                  zone_name(1), &info, buf), REG_OK);
    assert_int_equal(info.absent, 1);
    assert_int_equal(info.len, 0);
    assert_int_equal(info.fetched, 7);

    /* it was created, and deleted */

    zone_put(zone, 1, "here", 8, 0);
    zone_holds(zone, 1, "here");

    zone_put_absent(zone, 1, 9, 0);
    assert_int_equal(reg_zone_get(zone, zone_hash(1), REG_RECORD_KEY,
                                  zone_name(1), &info, buf), REG_OK);
    assert_int_equal(info.absent, 1);

    zone_free(zone, SIZE);
}


/* Wherever the older one was, only the newest is served. */

static void
test_replaced(void **state)
{
    char             text[REG_ZONE_LARGE + 2];
    size_t           i;
    reg_zone_t      *zone;

    static const size_t  sizes[] = {
        10, 20, 2000, 4096, 5, 769, 768, 4097, 3, 4097, 2000
    };

    (void) state;

    zone = zone_new(SIZE);

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(text, 'a' + (char) i, sizes[i]);
        text[sizes[i]] = '\0';

        zone_put(zone, 1, text, (int64_t) i, 0);

        /* what does not fit is not there, and what was there neither */

        zone_holds(zone, 1, sizes[i] > REG_ZONE_LARGE ? NULL : text);
    }

    zone_free(zone, SIZE);
}


/* Answers may be stored in another order than they were given. */

static void
test_later(void **state)
{
    char         text[REG_ZONE_LARGE + 2];
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    zone_put(zone, 1, "new", 10, 0);
    zone_put(zone, 1, "old", 9, 0);
    zone_holds(zone, 1, "new");

    zone_put_absent(zone, 1, 9, 0);
    zone_holds(zone, 1, "new");

    zone_put(zone, 1, text, 9, 0);
    zone_holds(zone, 1, "new");

    text[2000] = '\0';
    zone_put(zone, 1, text, 9, 0);
    zone_holds(zone, 1, "new");

    zone_put(zone, 1, "same time", 10, 0);
    zone_holds(zone, 1, "same time");

    /* one that is too long to be kept is known to be later all the same */

    text[2000] = 'x';
    zone_put(zone, 1, text, 11, 0);
    zone_put(zone, 1, "old", 10, 0);
    zone_holds(zone, 1, NULL);

    /* after an invalidation only what was asked after it counts */

    reg_zone_invalidate(zone, zone_hash(1));
    zone_put(zone, 1, "newer", 3, 1);
    zone_holds(zone, 1, "newer");

    zone_free(zone, SIZE);
}


static void
test_generations(void **state)
{
    reg_zone_t  *zone;

    (void) state;

    zone = zone_new(SIZE);

    assert_int_equal(reg_zone_generation(zone, 1), 0);
    assert_int_equal(reg_zone_generation(zone, UINT64_MAX), 0);

    zone_put(zone, 1, "one", 1, 0);
    zone_put(zone, 2, "two", 1, 0);

    reg_zone_invalidate(zone, zone_hash(1));

    assert_int_equal(reg_zone_generation(zone, zone_hash(1)), 1);
    assert_int_equal(reg_zone_generation(zone, zone_hash(2)), 0);
    zone_holds(zone, 1, NULL);
    zone_holds(zone, 2, "two");

    /* asked before, answered after */

    zone_put(zone, 1, "one", 2, 0);
    zone_holds(zone, 1, NULL);

    zone_put(zone, 1, "uno", 3, 1);
    zone_holds(zone, 1, "uno");

    /* nor does it drive out what is good */

    zone_put(zone, 1, "one", 4, 0);
    zone_holds(zone, 1, "uno");

    /* a generation that is yet to come was never given out */

    zone_put(zone, 1, "future", 5, 2);
    zone_holds(zone, 1, "uno");

    reg_zone_invalidate_all(zone);

    assert_int_equal(reg_zone_generation(zone, zone_hash(1)), 2);
    assert_int_equal(reg_zone_generation(zone, zone_hash(2)), 1);
    assert_int_equal(reg_zone_generation(zone, zone_hash(3)), 1);
    zone_holds(zone, 1, NULL);
    zone_holds(zone, 2, NULL);

    zone_put(zone, 2, "due", 6, 0);
    zone_holds(zone, 2, NULL);
    zone_put(zone, 2, "due", 6, 1);
    zone_holds(zone, 2, "due");

    /* whoever shares the counter goes as well, and only whoever does */

    reg_zone_invalidate(zone, zone_hash(2) + REG_ZONE_GENERATIONS);
    zone_holds(zone, 2, NULL);

    zone_free(zone, SIZE);
}


/*
 * A Redis in which records change, gateways that ask and hear of changes late,
 * answers that are stored late: whatever the order, once the changes of a
 * record were heard of, no older value of it is served.
 */

typedef struct {
    unsigned  record;
    unsigned  value;
    unsigned  asked:1;
    uint32_t  generation;
    int64_t   sent;
} question_t;

#define RECORDS    24
#define QUESTIONS  8

static void
test_overtaken(void **state)
{
    size_t            step, served;
    int64_t           clock;
    unsigned          k, value, unheard[RECORDS], current[RECORDS];
    question_t       *question, questions[QUESTIONS];
    reg_zone_t       *zone;
    reg_zone_info_t   info;
    unsigned char     buf[REG_ZONE_LARGE];

    (void) state;

    zone = zone_new(SIZE);

    memset(unheard, 0, sizeof(unheard));
    memset(current, 0, sizeof(current));
    memset(questions, 0, sizeof(questions));

    served = 0;
    clock = 0;

    for (step = 0; step < QUESTIONS; step++) {
        questions[step].record = RECORDS;
    }

    for (step = 0; step < 200000; step++) {
        k = (unsigned) random_below(RECORDS);
        question = &questions[random_below(QUESTIONS)];
        clock++;

        switch (random_below(8)) {

        case 0:                                 /* a record changes */
            current[k]++;
            unheard[k]++;
            break;

        case 1:                                 /* a tracker hears of it */

            if (unheard[k]) {
                unheard[k] = 0;
                reg_zone_invalidate(zone, zone_hash(k));
            }

            break;

        case 2:
        case 3:                                 /* next step of a question */

            if (question->record == RECORDS) {
                question->record = k;
                question->generation = reg_zone_generation(zone, zone_hash(k));
                question->asked = 0;
                question->sent = clock;

            } else if (!question->asked) {
                question->asked = 1;
                question->value = current[question->record];

            } else {
                zone_put_record(zone, zone_hash(question->record),
                                question->record, question->value,
                                20 + random_below(4076), question->generation);
                question->record = RECORDS;
            }

            break;

        case 4:

            if (random_below(1000) == 0) {      /* FLUSHALL */
                reg_zone_invalidate_all(zone);
                memset(unheard, 0, sizeof(unheard));
            }

            break;

        default:

            if (reg_zone_get(zone, zone_hash(k), REG_RECORD_KEY, zone_name(k),
                             &info, buf) != REG_OK)
            {
                break;
            }

            served++;
            value = zone_check_record(k, &info, buf);
            assert_true(value <= current[k]);

            if (!unheard[k]) {
                assert_int_equal(value, current[k]);
            }
        }
    }

    /* it is of no use to serve nothing */

    assert_true(served > 10000);

    zone_free(zone, SIZE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_overtaken)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
