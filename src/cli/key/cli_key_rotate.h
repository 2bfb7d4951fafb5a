/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_KEY_ROTATE_H
#define CLI_KEY_ROTATE_H

/*
 * What key rotate does with one key, and with all that end soon.
 */

#include "cli_key.h"


/* Puts into grants what the next key has of the old one. */

cli_rc_t cli_key_successor(const cli_t *cli, const reg_record_t *record,
    json_t *grants);

/*
 * Lets the old key run out after overlap seconds, or when it was to end if that
 * is earlier: *end.  Commits nothing.
 */

cli_rc_t cli_key_retire(cli_store_t *store, reg_record_t *record,
    int64_t overlap, const cli_new_key_t *key, int64_t *end);


/* cli_key_due.c: key rotate --due. */

cli_rc_t cli_key_rotate_due(cli_t *cli);

#endif /* CLI_KEY_ROTATE_H */
