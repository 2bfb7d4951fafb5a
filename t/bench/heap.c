/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * To be preloaded into nginx: counts the bytes that each process has on its
 * heap, as malloc_usable_size() says, with the 8 bytes that glibc keeps before
 * each block.
 *
 * The file that BENCH_HEAP names holds pairs of 64-bit numbers: a process id
 * and its bytes.  A child begins a pair of its own with what it inherits.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAP_PROCESSES  256
#define HEAP_OVERHEAD   8


typedef struct {
    volatile int64_t  pid;
    volatile int64_t  bytes;
} heap_process_t;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);


static int64_t          heap_bytes;
static int64_t          heap_pid;
static heap_process_t  *heap_processes, *heap_process;


__attribute__((constructor)) static void
heap_init(void)
{
    int          fd;
    void        *map;
    const char  *name;

    name = getenv("BENCH_HEAP");

    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR);

    if (fd == -1) {
        return;
    }

    map = mmap(NULL, HEAP_PROCESSES * sizeof(heap_process_t),
               PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (map != MAP_FAILED) {
        heap_processes = map;
    }

    (void) close(fd);
}


static void
heap_add(void *p, int64_t sign)
{
    int      i;
    int64_t  pid;

    if (p == NULL) {
        return;
    }

    heap_bytes += sign * (int64_t) (malloc_usable_size(p) + HEAP_OVERHEAD);

    if (heap_processes == NULL) {
        return;
    }

    pid = getpid();

    if (pid != heap_pid) {
        heap_pid = pid;
        heap_process = NULL;

        for (i = 0; i < HEAP_PROCESSES; i++) {
            if (__sync_bool_compare_and_swap(&heap_processes[i].pid, 0, pid)) {
                heap_process = &heap_processes[i];
                break;
            }
        }
    }

    if (heap_process) {
        heap_process->bytes = heap_bytes;
    }
}


void *
malloc(size_t size)
{
    void  *p;

    p = __libc_malloc(size);
    heap_add(p, 1);

    return p;
}


void *
calloc(size_t n, size_t size)
{
    void  *p;

    p = __libc_calloc(n, size);
    heap_add(p, 1);

    return p;
}


void *
realloc(void *old, size_t size)
{
    void  *p;

    heap_add(old, -1);

    p = __libc_realloc(old, size);
    heap_add(p ? p : (size ? old : NULL), 1);

    return p;
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    *p = __libc_memalign(alignment, size);
    heap_add(*p, 1);

    return *p ? 0 : ENOMEM;
}


void *
memalign(size_t alignment, size_t size)
{
    void  *p;

    p = __libc_memalign(alignment, size);
    heap_add(p, 1);

    return p;
}


void
free(void *p)
{
    heap_add(p, -1);
    __libc_free(p);
}
