/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A log and the files beside it that begin with its name, such as log.1 or
 * log-20260131, unless they are compressed; oldest first.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_tail_state.h"

#define CLI_LOGS_MAX  1000

typedef struct {
    char         *path;
    struct stat   st;
} cli_log_t;

typedef struct {
    size_t      n;
    cli_log_t   items[CLI_LOGS_MAX];
} cli_logs_t;


static cli_rc_t cli_logs_list(const cli_tail_t *tail, cli_logs_t **logs);
static int cli_logs_add(cli_logs_t *logs, const char *directory,
    const char *name);
static int cli_logs_compressed(const char *name);
static int cli_logs_compare(const void *one, const void *two);
static void cli_logs_free(cli_logs_t *logs);


cli_rc_t
cli_logs_find(const cli_tail_t *tail, char **path)
{
    int          fd;
    size_t       i;
    cli_rc_t     rc;
    cli_log_t   *found;
    cli_logs_t  *logs;

    *path = NULL;

    rc = cli_logs_list(tail, &logs);

    if (rc != CLI_DONE) {
        return rc;
    }

    found = NULL;

    for (i = 0; i < logs->n; i++) {
        fd = open(logs->items[i].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd == -1) {
            continue;
        }

        /* the same file before a copy of it, and else the latest */

        if (cli_place_matches(tail, fd)
            && (found == NULL || found->st.st_ino != tail->inode))
        {
            found = &logs->items[i];
        }

        (void) close(fd);
    }

    if (found) {
        *path = strdup(found->path);
        rc = *path ? CLI_DONE : cli_nomem();
    }

    cli_logs_free(logs);

    return rc;
}


cli_rc_t
cli_logs_next(const cli_tail_t *tail, char **path)
{
    size_t        i;
    cli_rc_t      rc;
    cli_logs_t   *logs;
    struct stat   st;

    *path = NULL;

    rc = cli_logs_list(tail, &logs);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (fstat(tail->fd, &st) == -1) {
        st.st_ino = 0;
    }

    for (i = 0; i + 1 < logs->n; i++) {

        if (logs->items[i].st.st_ino == st.st_ino) {
            *path = strdup(logs->items[i + 1].path);
            rc = *path ? CLI_DONE : cli_nomem();
            break;
        }
    }

    cli_logs_free(logs);

    return rc;
}


static cli_rc_t
cli_logs_list(const cli_tail_t *tail, cli_logs_t **list)
{
    int             bad;
    DIR            *dir;
    char           *copy, *directory;
    size_t          len;
    cli_logs_t     *logs;
    const char     *base;
    struct dirent  *entry;

    logs = calloc(1, sizeof(cli_logs_t));
    copy = strdup(tail->log);

    if (logs == NULL || copy == NULL) {
        free(logs);
        free(copy);
        return cli_nomem();
    }

    directory = dirname(copy);
    dir = opendir(directory);

    if (dir == NULL) {
        bad = errno;
        free(logs);
        free(copy);
        return cli_fail(CLI_STORE, "%s: %s", tail->log, strerror(bad));
    }

    base = strrchr(tail->log, '/');
    base = base ? base + 1 : tail->log;
    len = strlen(base);
    bad = 0;

    for (entry = readdir(dir); entry && !bad; entry = readdir(dir)) {

        if (strncmp(entry->d_name, base, len) == 0
            && (entry->d_name[len] == '\0' || entry->d_name[len] == '.'
                || entry->d_name[len] == '-')
            && !cli_logs_compressed(entry->d_name))
        {
            bad = !cli_logs_add(logs, directory, entry->d_name);
        }
    }

    (void) closedir(dir);
    free(copy);

    if (bad) {
        cli_logs_free(logs);
        return cli_nomem();
    }

    qsort(logs->items, logs->n, sizeof(cli_log_t), cli_logs_compare);

    *list = logs;

    return CLI_DONE;
}


static int
cli_logs_add(cli_logs_t *logs, const char *directory, const char *name)
{
    size_t       size;
    cli_log_t   *item;

    if (logs->n == CLI_LOGS_MAX) {
        return 1;
    }

    item = &logs->items[logs->n];
    size = strlen(directory) + strlen(name) + 2;
    item->path = malloc(size);

    if (item->path == NULL) {
        return 0;
    }

    (void) snprintf(item->path, size, "%s/%s", directory, name);

    if (stat(item->path, &item->st) == -1 || !S_ISREG(item->st.st_mode)) {
        free(item->path);
        return 1;
    }

    logs->n++;

    return 1;
}


static int
cli_logs_compressed(const char *name)
{
    size_t       i;
    const char  *dot;

    static const char *const  ends[] = { ".gz", ".xz", ".bz2", ".zst",
                                         ".lock", ".tmp" };

    dot = strrchr(name, '.');

    for (i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++) {

        if (strcmp(dot, ends[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
cli_logs_compare(const void *one, const void *two)
{
    const cli_log_t  *a = one, *b = two;

    if (a->st.st_mtim.tv_sec != b->st.st_mtim.tv_sec) {
        return a->st.st_mtim.tv_sec < b->st.st_mtim.tv_sec ? -1 : 1;
    }

    if (a->st.st_mtim.tv_nsec != b->st.st_mtim.tv_nsec) {
        return a->st.st_mtim.tv_nsec < b->st.st_mtim.tv_nsec ? -1 : 1;
    }

    /* log.2 is older than log.1, and that than log */

    if (strlen(a->path) != strlen(b->path)) {
        return strlen(a->path) < strlen(b->path) ? 1 : -1;
    }

    return strcmp(b->path, a->path);
}


static void
cli_logs_free(cli_logs_t *logs)
{
    size_t  i;

    for (i = 0; i < logs->n; i++) {
        free(logs->items[i].path);
    }

    free(logs);
}
