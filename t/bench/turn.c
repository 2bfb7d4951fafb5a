/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * To be preloaded into nginx: measures the turns of its event loop, from where
 * epoll_wait() returns to where it is called again.  A client cannot tell a
 * long turn from a processor that was given to somebody else; this can.
 *
 * The file that BENCH_TURNS names holds two 64-bit numbers: the longest turn in
 * nanoseconds, by the clock and by what it had of a processor.  Whoever reads
 * them may set them to 0.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>


typedef struct {
    volatile uint64_t  wall;
    volatile uint64_t  cpu;
} turn_t;

typedef int (*turn_wait_t)(int, struct epoll_event *, int, int);


static turn_t      *turn_longest;
static turn_wait_t  turn_wait;
static uint64_t     turn_wall, turn_cpu;


static uint64_t
turn_clock(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


__attribute__((constructor)) static void
turn_init(void)
{
    int          fd;
    void        *map;
    const char  *name;

    *(void **) &turn_wait = dlsym(RTLD_NEXT, "epoll_wait");

    name = getenv("BENCH_TURNS");

    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR);

    if (fd == -1) {
        return;
    }

    map = mmap(NULL, sizeof(turn_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (map != MAP_FAILED) {
        turn_longest = map;
    }

    (void) close(fd);
}


int
epoll_wait(int fd, struct epoll_event *events, int nevents, int timeout)
{
    int       n;
    uint64_t  wall, cpu;

    if (turn_longest && turn_wall) {
        cpu = turn_clock(CLOCK_THREAD_CPUTIME_ID) - turn_cpu;
        wall = turn_clock(CLOCK_MONOTONIC) - turn_wall;

        if (wall > turn_longest->wall) {
            turn_longest->wall = wall;
        }

        if (cpu > turn_longest->cpu) {
            turn_longest->cpu = cpu;
        }
    }

    n = turn_wait(fd, events, nevents, timeout);

    turn_wall = turn_clock(CLOCK_MONOTONIC);
    turn_cpu = turn_clock(CLOCK_THREAD_CPUTIME_ID);

    return n;
}
