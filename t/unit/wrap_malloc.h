/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef WRAP_MALLOC_H
#define WRAP_MALLOC_H

/*
 * Allocation that fails on demand.  The test is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc, so what is below stands
 * between the core and the C library.
 */

#include <stddef.h>

static unsigned long  wrap_malloc_fail_at;      /* 0: never */
static unsigned long  wrap_malloc_calls;
static int            wrap_malloc_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);


/* The n-th allocation from here on fails, and only that one. */

static inline void
wrap_malloc_arm(unsigned long n)
{
    wrap_malloc_fail_at = n;
    wrap_malloc_calls = 0;
    wrap_malloc_failed = 0;
}


/* Back to normal; says whether an allocation failed in between. */

static inline int
wrap_malloc_disarm(void)
{
    wrap_malloc_fail_at = 0;

    return wrap_malloc_failed;
}


static inline int
wrap_malloc_fails(void)
{
    if (wrap_malloc_fail_at == 0 || ++wrap_malloc_calls != wrap_malloc_fail_at)
    {
        return 0;
    }

    wrap_malloc_failed = 1;

    return 1;
}


void *
__wrap_malloc(size_t size)
{
    return wrap_malloc_fails() ? NULL : __real_malloc(size);
}


void *
__wrap_calloc(size_t n, size_t size)
{
    return wrap_malloc_fails() ? NULL : __real_calloc(n, size);
}


void *
__wrap_realloc(void *p, size_t size)
{
    return wrap_malloc_fails() ? NULL : __real_realloc(p, size);
}

#endif /* WRAP_MALLOC_H */
