/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_FILE_H
#define CLI_FILE_H

/*
 * Files: read whole, locked, and replaced in one step.
 */

#include <sys/stat.h>
#include <sys/types.h>

#include "cli.h"

#define CLI_FILE_MODE       0640                /* of a new one */
#define CLI_FILE_READ_STEP  (1024 * 1024)


/*
 * Reads a descriptor to its end into memory that the caller frees; there is a
 * NUL behind it.  -1 with errno.
 */

int cli_file_read(int fd, char **data, size_t *len);


/* The same for an input file of a command; "-" is standard input. */

cli_rc_t cli_input_read(const char *path, char **data, size_t *len);


/*
 * Follows symbolic links: *target is the path of the file itself, or of what
 * would be created, and the caller frees it.
 */

cli_rc_t cli_file_resolve(const char *path, char **target);


/*
 * Opens a regular file beside a store for writing and creates it if need be,
 * with the owner of the store, which like may be NULL for.  -1 after an error
 * that has been printed.  Links are not followed: the directory may belong to
 * somebody who would have root write elsewhere.
 */

int cli_file_open_beside(const char *path, const char *suffix, int flags,
    const struct stat *like);


/*
 * Waits until nobody else holds the lock of a file, which is <path>.lock: what
 * closing gives it back, or -1 after an error that has been printed.  like is
 * as above.
 */

int cli_file_lock(const char *path, const struct stat *like);


/*
 * Replaces path by what print writes, so that a reader finds the old content
 * or the new, whenever we are stopped.  The caller holds the lock.  When old
 * is not NULL its owner, mode and security label are kept, or nothing is done.
 */

typedef cli_rc_t (*cli_print_t)(FILE *file, void *data);

cli_rc_t cli_file_replace(const char *path, const struct stat *old,
    cli_print_t print, void *data);

#endif /* CLI_FILE_H */
