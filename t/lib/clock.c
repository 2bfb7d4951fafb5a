/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The time of day of a process, some seconds from that of the host; for
 * LD_PRELOAD:
 *
 *     CLOCK_FILE   one int64_t, the seconds, which may change at any time
 *     CLOCK_STEADY where this is set, it is the monotonic clock instead
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t  *ahead;

static int  steady;

static int (*real_gettimeofday)(struct timeval *, void *);
static int (*real_clock_gettime)(clockid_t, struct timespec *);


__attribute__((constructor))
static void
start(void)
{
    int          fd;
    void        *addr;
    const char  *file;

    real_gettimeofday = dlsym(RTLD_NEXT, "gettimeofday");
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    file = getenv("CLOCK_FILE");
    steady = getenv("CLOCK_STEADY") != NULL;

    if (real_gettimeofday == NULL || real_clock_gettime == NULL || file == NULL)
    {
        abort();
    }

    fd = open(file, O_RDONLY|O_CLOEXEC);
    addr = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    if (addr == MAP_FAILED) {
        abort();
    }

    ahead = addr;
    (void) close(fd);
}


int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    int  rc;

    rc = real_gettimeofday(tv, zone);
    tv->tv_sec += steady ? 0 : *ahead;

    return rc;
}


int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    int  rc;

    rc = real_clock_gettime(clock, ts);

    if (steady && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE))
    {
        ts->tv_sec += *ahead;
    }

    return rc;
}
