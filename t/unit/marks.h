/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef MARKS_H
#define MARKS_H

/*
 * Marks for tests.  Keys 1, 2, ... of marks_key() share a bucket.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "reg_gcra.h"
#include "reg_marks.h"

#define MARKS_NOW   1000000000000   /* ns: the present of most tests */
#define MARKS_WAYS  8               /* slots of a bucket */


/* In memory that children share. */

static inline reg_marks_t *
marks_new(size_t size)
{
    void         *memory;
    reg_marks_t  *marks;

    static const unsigned char  secret[REG_MARKS_SECRET_LEN] = "test's secret";

    memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    assert_true(memory != MAP_FAILED);

    marks = reg_marks_open(memory, size, secret);
    assert_non_null(marks);

    return marks;
}


static inline void
marks_free(reg_marks_t *marks, size_t size)
{
    (void) munmap(marks, size);
}


static inline uint64_t
marks_key(unsigned k)
{
    return 0x1234500000000 + k;
}


static inline int64_t
marks_set_change(void *data, int64_t mark)
{
    (void) mark;

    return *(int64_t *) data;
}


static inline reg_rc_t
marks_set(reg_marks_t *marks, unsigned k, int64_t mark, int64_t now)
{
    return reg_marks_change(marks, marks_key(k), now, marks_set_change, &mark);
}


typedef struct {
    const reg_gcra_t   *gcra;
    int64_t             now;
    reg_gcra_answer_t   answer;
} marks_take_t;


static inline int64_t
marks_take_change(void *data, int64_t mark)
{
    marks_take_t *take = data;

    return reg_gcra_take(take->gcra, mark, take->now, &take->answer);
}


/* Takes a permit as a limit does: 1, 0 if there is none, -1 if no place is. */

static inline int
marks_take(reg_marks_t *marks, uint64_t key, const reg_gcra_t *gcra,
    int64_t now)
{
    marks_take_t  take;

    take.gcra = gcra;
    take.now = now;

    if (reg_marks_change(marks, key, now, marks_take_change, &take) != REG_OK) {
        return -1;
    }

    return take.answer.wait == 0;
}

#endif /* MARKS_H */
