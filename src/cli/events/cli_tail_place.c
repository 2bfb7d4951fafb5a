/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The place in a log: which file, how far, and what was before.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "cli_file.h"
#include "cli_tail_state.h"

#define CLI_PLACE_VERSION  1


static cli_rc_t cli_place_take(cli_tail_t *tail, json_t *json);
static cli_rc_t cli_place_print(FILE *file, void *data);
static int cli_place_mark(int fd, off_t offset, char mark[CLI_TAIL_HEX + 1]);


cli_rc_t
cli_place_read(cli_tail_t *tail)
{
    char          *data;
    size_t         len;
    json_t        *json;
    cli_rc_t       rc;
    json_error_t   error;

    if (access(tail->place, F_OK) == -1 && errno == ENOENT) {
        return CLI_DONE;
    }

    rc = cli_input_read(tail->place, &data, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    json = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);

    free(data);

    rc = json ? cli_place_take(tail, json) : CLI_USAGE;

    json_decref(json);

    return rc == CLI_DONE ? rc : cli_fail(CLI_USAGE, "%s: is no place in a "
                                          "log of version %d", tail->place,
                                          CLI_PLACE_VERSION);
}


static cli_rc_t
cli_place_take(cli_tail_t *tail, json_t *json)
{
    json_t  *inode, *offset, *mark;

    inode = json_object_get(json, "inode");
    offset = json_object_get(json, "offset");
    mark = json_object_get(json, "mark");

    if (json_integer_value(json_object_get(json, "version"))
        != CLI_PLACE_VERSION
        || !json_is_integer(inode) || !json_is_integer(offset)
        || json_integer_value(offset) < 0
        || json_string_length(mark) != CLI_TAIL_HEX)
    {
        return CLI_USAGE;
    }

    tail->known = 1;
    tail->inode = (ino_t) json_integer_value(inode);
    tail->offset = (off_t) json_integer_value(offset);
    tail->marked = tail->offset;

    memcpy(tail->mark, json_string_value(mark), CLI_TAIL_HEX + 1);

    return CLI_DONE;
}


cli_rc_t
cli_place_write(cli_tail_t *tail)
{
    cli_rc_t  rc;

    rc = cli_place_note(tail);

    return rc == CLI_DONE ? cli_file_replace(tail->place, NULL,
                                             cli_place_print, tail)
                          : rc;
}


static cli_rc_t
cli_place_print(FILE *file, void *data)
{
    cli_tail_t  *tail = data;

    (void) fprintf(file, "{\"version\":%d,\"inode\":%llu,\"offset\":%lld,"
                   "\"mark\":\"%s\"}\n", CLI_PLACE_VERSION,
                   (unsigned long long) tail->inode,
                   (long long) tail->offset, tail->mark);

    return CLI_DONE;
}


cli_rc_t
cli_place_note(cli_tail_t *tail)
{
    struct stat  st;

    if (fstat(tail->fd, &st) == -1
        || !cli_place_mark(tail->fd, tail->offset, tail->mark))
    {
        return cli_fail(CLI_STORE, "%s: %s", tail->log, strerror(errno));
    }

    tail->inode = st.st_ino;
    tail->marked = tail->offset;

    return CLI_DONE;
}


int
cli_place_matches(const cli_tail_t *tail, int fd)
{
    char         mark[CLI_TAIL_HEX + 1];
    struct stat  st;

    return fstat(fd, &st) == 0 && st.st_size >= tail->marked
           && cli_place_mark(fd, tail->marked, mark)
           && memcmp(mark, tail->mark, CLI_TAIL_HEX) == 0;
}


static int
cli_place_mark(int fd, off_t offset, char mark[CLI_TAIL_HEX + 1])
{
    off_t          from;
    size_t         want;
    ssize_t        n;
    unsigned       i, len;
    unsigned char  text[CLI_TAIL_MARK], digest[EVP_MAX_MD_SIZE];

    from = offset > CLI_TAIL_MARK ? offset - CLI_TAIL_MARK : 0;
    want = (size_t) (offset - from);

    n = want ? pread(fd, text, want, from) : 0;

    /* one that was cut since has no such mark */

    if (n < 0 || !EVP_Digest(text, (size_t) n, digest, &len, EVP_sha256(),
                             NULL))
    {
        return 0;
    }

    for (i = 0; i < CLI_TAIL_HEX / 2; i++) {
        (void) snprintf(mark + 2 * i, 3, "%02x", digest[i]);
    }

    return 1;
}
