/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_TAIL_H
#define CLI_TAIL_H

/*
 * Follows a log from where the last run has come to, across rotation: what was
 * renamed is read to its end first, and so is the copy of what was truncated.
 *
 * The place is a file
 *
 *     {"version":1,"inode":N,"offset":N,"mark":"<hex>"}
 *
 * where mark is the SHA-256 of up to CLI_TAIL_MARK bytes before the offset: a
 * file in which they are not is another one, whatever its inode.
 */

#include "cli.h"

#define CLI_TAIL_MARK  512

typedef struct cli_tail_s  cli_tail_t;


/*
 * Opens a log and its place; both paths are borrowed.  Without a place it
 * begins at the beginning.  A place that is no such file is left alone.  *tail
 * is to be closed in any case.
 */

cli_rc_t cli_tail_open(cli_tail_t **tail, const char *log, const char *place);

void cli_tail_close(cli_tail_t *tail);


/*
 * The next whole line, without its newline, lent until the next call.  CLI_NO:
 * there is none yet.  A line that is longer than max is given cut.
 */

cli_rc_t cli_tail_next(cli_tail_t *tail, reg_str_t *line, size_t max);

/* Saves the place behind the line that was given last. */

cli_rc_t cli_tail_save(cli_tail_t *tail);

#endif /* CLI_TAIL_H */
