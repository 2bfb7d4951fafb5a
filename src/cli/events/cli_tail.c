/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cli_file.h"
#include "cli_tail_state.h"


static cli_rc_t cli_tail_lock(cli_tail_t *tail);
static cli_rc_t cli_tail_resume(cli_tail_t *tail);
static cli_rc_t cli_tail_more(cli_tail_t *tail, int *more);
static cli_rc_t cli_tail_end(cli_tail_t *tail);
static cli_rc_t cli_tail_begin(cli_tail_t *tail, const char *path,
    off_t offset);
static cli_rc_t cli_tail_follow(cli_tail_t *tail);
static int cli_tail_line(cli_tail_t *tail, reg_str_t *line, size_t max,
    int last);


cli_rc_t
cli_tail_open(cli_tail_t **tail, const char *log, const char *place)
{
    cli_rc_t     rc;
    cli_tail_t  *t;

    t = calloc(1, sizeof(cli_tail_t));
    *tail = t;

    if (t == NULL) {
        return cli_nomem();
    }

    t->log = log;
    t->place = place;
    t->fd = -1;
    t->lock = -1;

    rc = cli_tail_lock(t);

    if (rc == CLI_DONE) {
        rc = cli_place_read(t);
    }

    return rc == CLI_DONE ? cli_tail_resume(t) : rc;
}


void
cli_tail_close(cli_tail_t *tail)
{
    if (tail == NULL) {
        return;
    }

    if (tail->fd != -1) {
        (void) close(tail->fd);
    }

    if (tail->lock != -1) {
        (void) close(tail->lock);
    }

    free(tail->buf);
    free(tail);
}


cli_rc_t
cli_tail_next(cli_tail_t *tail, reg_str_t *line, size_t max)
{
    int       more;
    cli_rc_t  rc;

    more = 0;

    for ( ;; ) {

        if (cli_tail_line(tail, line, max, 0)) {
            return CLI_DONE;
        }

        if (tail->fd == -1) {
            rc = cli_tail_begin(tail, tail->log, 0);

            if (rc != CLI_DONE) {
                return rc;
            }
        }

        rc = cli_tail_more(tail, &more);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (more) {
            continue;
        }

        rc = cli_tail_end(tail);

        if (rc == CLI_AGAIN) {
            continue;
        }

        if (rc != CLI_DONE) {
            return rc;
        }

        /* what a killed process has left of a line */

        if (cli_tail_line(tail, line, max, 1)) {
            return CLI_DONE;
        }

        rc = cli_tail_follow(tail);

        if (rc != CLI_DONE) {
            return rc;
        }
    }
}


cli_rc_t
cli_tail_save(cli_tail_t *tail)
{
    return tail->fd == -1 ? CLI_DONE : cli_place_write(tail);
}


/* Two that follow with one place would deliver all of it twice. */

static cli_rc_t
cli_tail_lock(cli_tail_t *tail)
{
    tail->lock = cli_file_open_beside(tail->place, ".lock", O_RDWR, NULL);

    if (tail->lock == -1) {
        return CLI_STORE;
    }

    if (flock(tail->lock, LOCK_EX | LOCK_NB) == -1) {
        return cli_fail(CLI_STORE, "%s: somebody else goes on from there",
                        tail->place);
    }

    return CLI_DONE;
}


static cli_rc_t
cli_tail_resume(cli_tail_t *tail)
{
    char       *path;
    cli_rc_t    rc;

    if (!tail->known) {
        return CLI_DONE;
    }

    rc = cli_logs_find(tail, &path);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (path == NULL) {
        cli_note("%s: what comes next is in no file any more, and may be lost; "
                 "going on at the beginning of %s", tail->place, tail->log);
        tail->offset = 0;
        return CLI_DONE;
    }

    rc = cli_tail_begin(tail, path, tail->offset);

    free(path);

    return rc;
}


/* A whole line, or in the end what there is; long ones in pieces. */

static int
cli_tail_line(cli_tail_t *tail, reg_str_t *line, size_t max, int last)
{
    size_t          n, taken;
    unsigned char  *newline;

    n = tail->len - tail->start;
    newline = n ? memchr(tail->buf + tail->start, '\n', n) : NULL;

    if (newline) {
        n = (size_t) (newline - tail->buf) - tail->start;

    } else if (n == 0 || (n <= max && !last)) {
        return 0;
    }

    taken = newline && n <= max ? n + 1 : n > max ? max : n;

    line->data = tail->buf + tail->start;
    line->len = n > max ? max : n;

    tail->start += taken;
    tail->offset += (off_t) taken;

    return 1;
}


static cli_rc_t
cli_tail_more(cli_tail_t *tail, int *more)
{
    size_t          size;
    ssize_t         n;
    unsigned char  *buf;

    if (tail->start) {
        memmove(tail->buf, tail->buf + tail->start, tail->len - tail->start);
        tail->len -= tail->start;
        tail->start = 0;
    }

    if (tail->len == tail->size) {
        size = tail->size ? 2 * tail->size : CLI_TAIL_BUFFER;
        buf = realloc(tail->buf, size);

        if (buf == NULL) {
            return cli_nomem();
        }

        tail->buf = buf;
        tail->size = size;
    }

    do {
        n = pread(tail->fd, tail->buf + tail->len, tail->size - tail->len,
                  tail->offset + (off_t) tail->len);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return cli_fail(CLI_STORE, "%s: %s", tail->log, strerror(errno));
    }

    tail->len += (size_t) n;
    *more = n > 0;

    return CLI_DONE;
}


/*
 * CLI_NO: the file may grow; CLI_DONE: it is over; CLI_AGAIN: there is more to
 * read, in another one.
 */

static cli_rc_t
cli_tail_end(cli_tail_t *tail)
{
    char         *path;
    cli_rc_t      rc;
    struct stat   now, st;

    if (fstat(tail->fd, &st) == -1) {
        return cli_fail(CLI_STORE, "%s: %s", tail->log, strerror(errno));
    }

    if (st.st_size < tail->offset || !cli_place_matches(tail, tail->fd)) {

        /* truncated; its copy has what we have not seen */

        tail->len = tail->start = 0;

        rc = cli_logs_find(tail, &path);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (path == NULL) {
            cli_note("%s was truncated and there is no copy: what was not yet "
                     "read is lost", tail->log);
            rc = cli_tail_begin(tail, tail->log, 0);

        } else {
            rc = cli_tail_begin(tail, path, tail->offset);
            free(path);
        }

        return rc == CLI_DONE ? CLI_AGAIN : rc;
    }

    if (stat(tail->log, &now) == -1) {
        return errno == ENOENT ? CLI_NO
               : cli_fail(CLI_STORE, "%s: %s", tail->log, strerror(errno));
    }

    if (now.st_ino == st.st_ino && now.st_dev == st.st_dev) {
        return CLI_NO;
    }

    /* workers of nginx write to the old file until they have reopened it */

    return time(NULL) - st.st_mtime < CLI_TAIL_QUIET ? CLI_NO : CLI_DONE;
}


static cli_rc_t
cli_tail_begin(cli_tail_t *tail, const char *path, off_t offset)
{
    int  fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1) {
        return errno == ENOENT ? CLI_NO
               : cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    if (tail->fd != -1) {
        (void) close(tail->fd);
    }

    tail->fd = fd;
    tail->offset = offset;
    tail->len = tail->start = 0;

    return cli_place_note(tail);
}


static cli_rc_t
cli_tail_follow(cli_tail_t *tail)
{
    char      *path;
    cli_rc_t   rc;

    rc = cli_logs_next(tail, &path);

    if (rc == CLI_DONE) {
        rc = cli_tail_begin(tail, path ? path : tail->log, 0);
        free(path);
    }

    return rc;
}
