/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_SECRET_H
#define CLI_SECRET_H

/*
 * Secrets come from files and standard input and go to standard output; they
 * are wiped from memory afterwards.
 */

#include "cli.h"
#include "reg_api_key.h"

/* Room for a newline and a byte too many, which shows that the file is. */

typedef struct {
    unsigned char  data[REG_PEPPER_MAX + 3];
    size_t         len;             /* 0: no --pepper-file */
} cli_pepper_t;


/* CLI_USAGE, and no word of it, if an argument holds an API key. */

cli_rc_t cli_secret_refuse(int argc, char **argv);


/* Reads --pepper-file; the caller wipes *pepper with OPENSSL_cleanse(). */

cli_rc_t cli_pepper_read(const cli_t *cli, cli_pepper_t *pepper);

reg_str_t cli_pepper_text(cli_pepper_t *pepper);


/*
 * Finds the next API key in text, whatever stands around it, from *pos on, and
 * moves *pos behind it.  Returns 0 if there is none.  *broken is set where
 * something looks like a key but its check is wrong.
 */

int cli_secret_find(reg_str_t text, size_t *pos, reg_str_t *key,
    reg_str_t *id, int *broken);


/*
 * Writes to standard output past the buffers of stdio, which nobody wipes.
 * CLI_STORE after an error that has been printed.
 */

cli_rc_t cli_secret_write(const char *text, size_t len);

#endif /* CLI_SECRET_H */
