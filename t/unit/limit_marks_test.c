/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>

#include "marks.h"
#include "random.h"
#include "reg_gcra.h"

#define KEYS     64                 /* of the comparison with a model */
#define STEPS    200000
#define FLOOD    1000000


static void
test_a_key_has_the_mark_it_was_given(void **state)
{
    reg_marks_t  *marks;

    (void) state;

    marks = marks_new(REG_MARKS_MIN);

    assert_int_equal(reg_marks_get(marks, marks_key(1)), 0);

    assert_int_equal(marks_set(marks, 1, MARKS_NOW + 10, MARKS_NOW), REG_OK);
    assert_int_equal(marks_set(marks, 2, MARKS_NOW + 20, MARKS_NOW), REG_OK);

    assert_int_equal(reg_marks_get(marks, marks_key(1)), MARKS_NOW + 10);
    assert_int_equal(reg_marks_get(marks, marks_key(2)), MARKS_NOW + 20);
    assert_int_equal(reg_marks_get(marks, marks_key(3)), 0);

    assert_int_equal(marks_set(marks, 1, MARKS_NOW + 30, MARKS_NOW), REG_OK);
    assert_int_equal(reg_marks_get(marks, marks_key(1)), MARKS_NOW + 30);

    /* 0 is no mark */

    assert_int_equal(marks_set(marks, 1, 0, MARKS_NOW), REG_OK);
    assert_int_equal(marks_set(marks, 3, 0, MARKS_NOW), REG_OK);
    assert_int_equal(reg_marks_get(marks, marks_key(1)), 0);
    assert_int_equal(reg_marks_get(marks, marks_key(2)), MARKS_NOW + 20);
    assert_int_equal(reg_marks_get(marks, marks_key(3)), 0);

    marks_free(marks, REG_MARKS_MIN);
}


static void
add_mark(void *data, int64_t mark)
{
    int64_t *sum = data;

    *sum += mark;
}


static void
test_each_mark_is_shown_once(void **state)
{
    int64_t       sum;
    unsigned      k;
    reg_marks_t  *marks;

    (void) state;

    marks = marks_new(REG_MARKS_MIN);
    sum = 0;

    for (k = 0; k < MARKS_WAYS; k++) {
        assert_int_equal(marks_set(marks, k, MARKS_NOW + k, MARKS_NOW),
                         REG_OK);
        sum += MARKS_NOW + k;
    }

    assert_int_equal(marks_set(marks, 0, 0, MARKS_NOW), REG_OK);
    sum -= MARKS_NOW;

    sum = -sum;
    reg_marks_each(marks, add_mark, &sum);
    assert_int_equal(sum, 0);

    marks_free(marks, REG_MARKS_MIN);
}


static void
test_what_lies_in_the_past_makes_room_first(void **state)
{
    unsigned      k;
    reg_marks_t  *marks;

    (void) state;

    marks = marks_new(REG_MARKS_MIN);

    for (k = 0; k < MARKS_WAYS; k++) {
        assert_int_equal(marks_set(marks, k, MARKS_NOW + 10 + k, MARKS_NOW),
                         REG_OK);
    }

    /* 0 and 1 are over by then */

    assert_int_equal(marks_set(marks, 100, MARKS_NOW + 50, MARKS_NOW + 12),
                     REG_OK);
    assert_int_equal(marks_set(marks, 101, MARKS_NOW + 51, MARKS_NOW + 12),
                     REG_OK);

    assert_int_equal(reg_marks_dropped(marks), 0);
    assert_int_equal(reg_marks_get(marks, marks_key(0)), 0);
    assert_int_equal(reg_marks_get(marks, marks_key(1)), 0);

    /* then whichever is over first */

    assert_int_equal(marks_set(marks, 102, MARKS_NOW + 52, MARKS_NOW + 11),
                     REG_OK);

    assert_int_equal(reg_marks_dropped(marks), 1);
    assert_int_equal(reg_marks_get(marks, marks_key(2)), 0);

    for (k = 3; k < MARKS_WAYS; k++) {
        assert_int_equal(reg_marks_get(marks, marks_key(k)),
                         MARKS_NOW + 10 + k);
    }

    for (k = 100; k < 103; k++) {
        assert_int_equal(reg_marks_get(marks, marks_key(k)),
                         MARKS_NOW - 50 + k);
    }

    marks_free(marks, REG_MARKS_MIN);
}


static void
test_memory_that_is_there_is_found(void **state)
{
    unsigned char   other[REG_MARKS_SECRET_LEN] = "another secret!";
    uint64_t        key;
    reg_marks_t    *marks;

    (void) state;

    marks = marks_new(REG_MARKS_MIN);

    assert_int_equal(marks_set(marks, 1, MARKS_NOW + 10, MARKS_NOW), REG_OK);

    key = reg_marks_key(marks, REG_STR("acme"));

    assert_ptr_equal(reg_marks_open(marks, REG_MARKS_MIN, other), marks);
    assert_int_equal(reg_marks_get(marks, marks_key(1)), MARKS_NOW + 10);
    assert_int_equal(reg_marks_key(marks, REG_STR("acme")), key);
    assert_int_not_equal(reg_marks_key(marks, REG_STR("acne")), key);

    /* another size, another layout, not aligned */

    assert_null(reg_marks_open(marks, REG_MARKS_MIN - 128, other));
    assert_null(reg_marks_open(marks, REG_MARKS_MIN + 128, other));
    assert_null(reg_marks_open((char *) marks + 8, REG_MARKS_MIN, other));

    memset(marks, 'x', 8);
    assert_null(reg_marks_open(marks, REG_MARKS_MIN, other));

    marks_free(marks, REG_MARKS_MIN);
}


/* With more keys than there is room for, the model drops what must go. */

static void
test_it_is_what_the_model_is(void **state)
{
    size_t        i;
    int64_t       now, model[KEYS], mark;
    unsigned      j, k, there, least;
    reg_marks_t  *marks;

    (void) state;

    marks = marks_new(REG_MARKS_MIN);
    now = MARKS_NOW;

    memset(model, 0, sizeof(model));

    for (i = 0; i < rounds(STEPS); i++) {
        k = (unsigned) random_below(KEYS);

        /* all different, so that it is known which is the least */

        now += 1 + (int64_t) random_below(3);
        mark = now * 8 - MARKS_NOW * 7 + (int64_t) random_below(8);

        assert_int_equal(reg_marks_get(marks, marks_key(k)), model[k]);

        if (random_below(16) == 0) {
            mark = 0;
        }

        assert_int_equal(marks_set(marks, k, mark, now), REG_OK);

        if (model[k] == 0 && mark != 0) {

            there = 0;
            least = KEYS;

            for (j = 0; j < KEYS; j++) {
                there += (model[j] != 0);

                if (model[j] && (least == KEYS || model[j] < model[least])) {
                    least = j;
                }
            }

            if (there == MARKS_WAYS) {
                model[least] = 0;
            }
        }

        model[k] = mark;
    }

    for (k = 0; k < KEYS; k++) {
        assert_int_equal(reg_marks_get(marks, marks_key(k)), model[k]);
    }

    marks_free(marks, REG_MARKS_MIN);
}


/*
 * A million names in 16 MB, each once, beside one that comes all the time: it
 * has most to say, so it stays, and gets its permits and no more.
 */

static void
test_a_flood_drives_out_nobody_who_is_limited(void **state)
{
    size_t        i, n;
    int64_t       now;
    unsigned      passed;
    reg_gcra_t    gcra;
    reg_rate_t    rate;
    reg_marks_t  *marks;
    char          name[32];

    (void) state;

    assert_int_equal(reg_rate_parse(&rate, REG_STR("100/6h"), NULL), REG_OK);
    reg_gcra_init(&gcra, &rate);

    marks = marks_new(16 * 1024 * 1024);
    now = MARKS_NOW;
    passed = 0;
    n = rounds(FLOOD);

    for (i = 0; i < n; i++) {
        (void) snprintf(name, sizeof(name), "10.%zu", i);

        assert_int_equal(marks_take(marks, reg_marks_key(marks, reg_str(name)),
                                    &gcra, now), 1);

        if (i % 1000 == 0) {
            passed += (unsigned) marks_take(marks,
                                            reg_marks_key(marks,
                                                          REG_STR("heavy")),
                                            &gcra, now);
        }

        now += 1000;
    }

    assert_int_equal(passed, n > 100000 ? 100 : (n + 999) / 1000);

    marks_free(marks, 16 * 1024 * 1024);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_key_has_the_mark_it_was_given),
        cmocka_unit_test(test_each_mark_is_shown_once),
        cmocka_unit_test(test_what_lies_in_the_past_makes_room_first),
        cmocka_unit_test(test_memory_that_is_there_is_found),
        cmocka_unit_test(test_it_is_what_the_model_is),
        cmocka_unit_test(test_a_flood_drives_out_nobody_who_is_limited)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
