/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli_file.h"


#define CLI_XATTR_MAX  4096


static cli_rc_t cli_stdin_read(char **data, size_t *len);
static char *cli_file_concat(const char *a, const char *b);
static cli_rc_t cli_file_fill(const char *path, int fd,
    const struct stat *old, cli_print_t print, void *data);
static int cli_file_keep_owner(int fd, const struct stat *old);
static void cli_file_keep_labels(int fd, const char *path);
static int cli_file_open_directory(const char *path);


int
cli_file_read(int fd, char **data, size_t *len)
{
    char     *text, *more;
    size_t    size;
    ssize_t   n;

    *len = 0;
    size = 0;
    text = NULL;

    for ( ;; ) {

        if (*len + 1 >= size) {
            size = size ? 2 * size : CLI_FILE_READ_STEP;
            more = realloc(text, size);

            if (more == NULL) {
                break;
            }

            text = more;
        }

        n = read(fd, text + *len, size - *len - 1);

        if (n == 0) {
            text[*len] = '\0';
            *data = text;
            return 0;
        }

        if (n > 0) {
            *len += (size_t) n;

        } else if (errno != EINTR) {
            break;
        }
    }

    free(text);

    return -1;
}


cli_rc_t
cli_input_read(const char *path, char **data, size_t *len)
{
    int  fd, rc, err;

    if (strcmp(path, "-") == 0) {
        return cli_stdin_read(data, len);
    }

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return cli_fail(CLI_USAGE, "%s: %s", path, strerror(errno));
    }

    rc = cli_file_read(fd, data, len);
    err = errno;

    (void) close(fd);

    if (rc == -1) {
        return cli_fail(CLI_USAGE, "%s: %s", path, strerror(err));
    }

    return CLI_DONE;
}


/* A command that is run again finds there what it has read before. */

static cli_rc_t
cli_stdin_read(char **data, size_t *len)
{
    static char    *text;
    static size_t   size;

    if (text == NULL && cli_file_read(STDIN_FILENO, &text, &size) == -1) {
        return cli_fail(CLI_USAGE, "standard input: %s", strerror(errno));
    }

    *data = malloc(size + 1);
    if (*data == NULL) {
        return cli_nomem();
    }

    memcpy(*data, text, size + 1);
    *len = size;

    return CLI_DONE;
}


cli_rc_t
cli_file_resolve(const char *path, char **target)
{
    char         *copy, *directory;
    struct stat   st;
    const char   *name;

    *target = realpath(path, NULL);

    if (*target) {
        return CLI_DONE;
    }

    if (errno != ENOENT || lstat(path, &st) == 0) {
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    name = strrchr(path, '/');
    name = name ? name + 1 : path;

    copy = strdup(path);
    if (copy == NULL) {
        return cli_nomem();
    }

    directory = realpath(dirname(copy), NULL);

    free(copy);

    if (directory == NULL || *name == '\0') {
        free(directory);
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(ENOENT));
    }

    copy = cli_file_concat(directory, "/");
    free(directory);

    if (copy) {
        *target = cli_file_concat(copy, name);
        free(copy);
    }

    return *target ? CLI_DONE : cli_nomem();
}


int
cli_file_open_beside(const char *path, const char *suffix, int flags,
    const struct stat *like)
{
    int           fd;
    char         *name;
    unsigned      created;
    struct stat   st;

    name = cli_file_concat(path, suffix);

    if (name == NULL) {
        (void) cli_nomem();
        return -1;
    }

    /* O_NONBLOCK: not to hang on what is no regular file */

    flags |= O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    created = 0;

    fd = open(name, flags);

    if (fd == -1 && errno == ENOENT) {
        created = 1;
        fd = open(name, flags | O_CREAT, CLI_FILE_MODE);
    }

    if (fd == -1 || fstat(fd, &st) == -1) {
        (void) cli_fail(CLI_STORE, "%s: %s", name, strerror(errno));
        goto failed;
    }

    if (!S_ISREG(st.st_mode)) {
        (void) cli_fail(CLI_STORE, "%s: not a regular file", name);
        goto failed;
    }

    if (created) {
        (void) fchmod(fd, CLI_FILE_MODE);

        if (like && fchown(fd, like->st_uid, like->st_gid) == -1) {
            /* it stays ours: whoever writes next may be refused and say so */
        }
    }

    free(name);

    return fd;

failed:

    if (fd != -1) {
        (void) close(fd);
    }

    free(name);

    return -1;
}


int
cli_file_lock(const char *path, const struct stat *like)
{
    int  fd, rc;

    fd = cli_file_open_beside(path, ".lock", O_RDONLY, like);

    if (fd == -1) {
        return -1;
    }

    do {
        rc = flock(fd, LOCK_EX);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1) {
        (void) cli_fail(CLI_STORE, "%s.lock: %s", path, strerror(errno));
        (void) close(fd);
        return -1;
    }

    return fd;
}


cli_rc_t
cli_file_replace(const char *path, const struct stat *old, cli_print_t print,
    void *data)
{
    int        fd, directory;
    char      *temporary;
    cli_rc_t   rc;

    temporary = cli_file_concat(path, ".tmp");
    if (temporary == NULL) {
        return cli_nomem();
    }

    directory = cli_file_open_directory(path);

    if (directory == -1) {
        rc = cli_fail(CLI_STORE, "the directory of %s: %s", path,
                      strerror(errno));
        free(temporary);
        return rc;
    }

    /* the lock is ours, so what is there is left of one who was killed */

    (void) unlink(temporary);

    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              0600);

    rc = fd == -1 ? cli_fail(CLI_STORE, "%s: %s", temporary, strerror(errno))
                  : cli_file_fill(path, fd, old, print, data);

    if (rc == CLI_DONE && rename(temporary, path) == -1) {
        rc = cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    if (rc != CLI_DONE) {
        (void) unlink(temporary);

    } else if (fsync(directory) == -1) {
        cli_note("%s is replaced, but may not outlive a power failure: %s",
                 path, strerror(errno));
    }

    (void) close(directory);
    free(temporary);

    return rc;
}


static char *
cli_file_concat(const char *a, const char *b)
{
    char    *text;
    size_t   size;

    size = strlen(a) + strlen(b) + 1;
    text = malloc(size);

    if (text) {
        (void) snprintf(text, size, "%s%s", a, b);
    }

    return text;
}


/* Takes fd over. */

static cli_rc_t
cli_file_fill(const char *path, int fd, const struct stat *old,
    cli_print_t print, void *data)
{
    FILE      *file;
    cli_rc_t   rc;

    if (old && cli_file_keep_owner(fd, old) == -1) {
        (void) close(fd);
        return cli_fail(CLI_STORE, "cannot give the new %s to the owner and "
                        "group of the old one: be that user or root", path);
    }

    if (fchmod(fd, old ? old->st_mode & 0777 : CLI_FILE_MODE) == -1) {
        (void) close(fd);
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    if (old) {
        cli_file_keep_labels(fd, path);
    }

    file = fdopen(fd, "w");

    if (file == NULL) {
        (void) close(fd);
        return cli_nomem();
    }

    rc = print(file, data);

    if (rc == CLI_DONE
        && (fflush(file) != 0 || ferror(file) || fsync(fd) == -1))
    {
        rc = cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    if (fclose(file) != 0 && rc == CLI_DONE) {
        rc = cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    return rc;
}


static int
cli_file_keep_owner(int fd, const struct stat *old)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return -1;
    }

    if (st.st_uid == old->st_uid && st.st_gid == old->st_gid) {
        return 0;
    }

    return fchown(fd, old->st_uid, old->st_gid);
}


/* A system without one of these has nothing to keep: not an error. */

static void
cli_file_keep_labels(int fd, const char *path)
{
    char          value[CLI_XATTR_MAX];
    size_t        i;
    ssize_t       len;

    static const char  *names[] = {
        "security.selinux",
        "system.posix_acl_access"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = getxattr(path, names[i], value, sizeof(value));

        if (len > 0) {
            (void) fsetxattr(fd, names[i], value, (size_t) len, 0);
        }
    }
}


/* -1 with errno. */

static int
cli_file_open_directory(const char *path)
{
    int    fd;
    char  *copy;

    copy = strdup(path);
    if (copy == NULL) {
        return -1;
    }

    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(copy);

    return fd;
}
