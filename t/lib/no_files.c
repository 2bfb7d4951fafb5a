/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A process that has no descriptors left for files of the ledger, while there
 * is the file that NO_FILES names; for LD_PRELOAD.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char  marker[4096];

static int (*real_open)(const char *, int, ...);


__attribute__((constructor))
static void
start(void)
{
    const char  *name;

    real_open = dlsym(RTLD_NEXT, "open");
    name = getenv("NO_FILES");

    if (real_open == NULL || name == NULL || strlen(name) >= sizeof(marker)) {
        abort();
    }

    /* nginx writes its title over the environment */

    strcpy(marker, name);
}


int
open(const char *path, int flags, ...)
{
    va_list   args;
    unsigned  mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);

    if (strstr(path, "/egress-") && access(marker, F_OK) == 0) {
        errno = EMFILE;
        return -1;
    }

    return real_open(path, flags, mode);
}


int open64(const char *, int, ...) __attribute__((alias("open")));


/* Where the flags are no constant, a fortified one. */

int
__open_2(const char *path, int flags)
{
    return open(path, flags);
}

int __open64_2(const char *, int) __attribute__((alias("__open_2")));
