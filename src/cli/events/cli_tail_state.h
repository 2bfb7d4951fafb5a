/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_TAIL_STATE_H
#define CLI_TAIL_STATE_H

/*
 * What the files of the tail share.
 */

#include <sys/stat.h>
#include <sys/types.h>

#include "cli_tail.h"

#define CLI_TAIL_BUFFER  65536          /* bytes at first */
#define CLI_TAIL_QUIET   2              /* seconds; a renamed log is over */
#define CLI_TAIL_HEX     64

struct cli_tail_s {
    const char     *log;
    const char     *place;
    int             lock;
    int             fd;                 /* -1: there was no log yet */
    unsigned        known:1;            /* there was a place */
    off_t           offset;             /* behind the line given last */
    ino_t           inode;              /* of the file there */

    char            mark[CLI_TAIL_HEX + 1];     /* of the place, as saved */
    off_t           marked;             /* its offset */

    unsigned char  *buf;                /* of the file, from offset - start */
    size_t          start;
    size_t          len;
    size_t          size;
};


/* cli_tail_place.c */

cli_rc_t cli_place_read(cli_tail_t *tail);
cli_rc_t cli_place_write(cli_tail_t *tail);

/* Sets inode and mark by the file that is open. */

cli_rc_t cli_place_note(cli_tail_t *tail);

/* Whether the mark is before its offset in a file. */

int cli_place_matches(const cli_tail_t *tail, int fd);


/* cli_tail_logs.c: the log and what was made of it by rotation. */

/* The file with the place; *path is NULL if there is none, else freed. */

cli_rc_t cli_logs_find(const cli_tail_t *tail, char **path);

/* The file that was begun after the one that is open. */

cli_rc_t cli_logs_next(const cli_tail_t *tail, char **path);

#endif /* CLI_TAIL_STATE_H */
