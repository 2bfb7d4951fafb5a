/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli_delivered.h"
#include "cli_file.h"

#define CLI_DELIVERED_PATH   4096
#define CLI_DELIVERED_HEAD   "ngx-registry delivered "


static cli_rc_t cli_delivered_load(cli_delivered_t *delivered, FILE *file,
    const char *path);
static cli_rc_t cli_delivered_foreign(const char *path);
static cli_rc_t cli_delivered_line(cli_delivered_t *delivered,
    const char *path, size_t number, reg_str_t line);
static cli_rc_t cli_delivered_new_row(cli_delivered_t *delivered,
    const reg_ledger_key_t *key);
static cli_rc_t cli_delivered_id(cli_delivered_t *delivered,
    const unsigned char *id);
static cli_rc_t cli_delivered_grow(cli_delivered_t *delivered);
static cli_rc_t cli_delivered_append(cli_delivered_t *delivered,
    const char *text, size_t len);
static cli_rc_t cli_delivered_write(const cli_delivered_t *delivered,
    const char *path, int fd);
static cli_rc_t cli_delivered_instance(cli_delivered_t *delivered);


cli_rc_t
cli_delivered_lock(int *lock, const char *directory)
{
    char  path[CLI_DELIVERED_PATH];

    (void) snprintf(path, sizeof(path), "%s/delivered.lock", directory);

    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                 CLI_FILE_MODE);

    if (*lock == -1) {
        return cli_fail(errno == ENOENT ? CLI_USAGE : CLI_STORE, "--ledger: "
                        "%s: %s", path, strerror(errno));
    }

    if (flock(*lock, LOCK_EX) == -1) {
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    return CLI_DONE;
}


void
cli_delivered_path(char *path, const char *directory, int64_t day)
{
    char  date[REG_LEDGER_DAY_LEN + 1];

    reg_ledger_day_format(date, day);

    (void) snprintf(path, CLI_DELIVERED_PATH, "%s/delivered-%s.v%d.log",
                    directory, date, REG_DELIVERED_VERSION);
}


cli_rc_t
cli_delivered_open(cli_delivered_t *delivered, const char *directory,
    int64_t day, int ids)
{
    int       fd;
    char      path[CLI_DELIVERED_PATH];
    FILE     *file;
    cli_rc_t  rc;

    memset(delivered, 0, sizeof(cli_delivered_t));

    delivered->day = day;
    delivered->ids = ids ? 1 : 0;

    cli_delivered_path(path, directory, day);

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd == -1 && errno == ENOENT) {
        return cli_delivered_instance(delivered);
    }

    file = fd == -1 ? NULL : fdopen(fd, "r");

    if (file == NULL) {
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    rc = cli_delivered_load(delivered, file, path);

    (void) fclose(file);

    if (rc == CLI_DONE && delivered->size == 0) {
        rc = cli_delivered_instance(delivered);
    }

    return rc;
}


void
cli_delivered_free(cli_delivered_t *delivered)
{
    size_t  i;

    for (i = 0; i < delivered->nrows; i++) {
        free(delivered->rows[i].text);
    }

    free(delivered->rows);
    json_decref(delivered->numbers);
    free(delivered->slots);
    free(delivered->new);
    memset(delivered, 0, sizeof(cli_delivered_t));
}


static cli_rc_t
cli_delivered_load(cli_delivered_t *delivered, FILE *file, const char *path)
{
    char     *line;
    size_t    size, number;
    ssize_t   len;
    cli_rc_t  rc;

    line = NULL;
    size = 0;
    rc = CLI_DONE;

    for (number = 1; rc == CLI_DONE; number++) {
        len = getline(&line, &size, file);

        /* what was never finished is written over */

        if (len <= 0 || line[len - 1] != '\n') {

            if (len > 0 && number == 1
                && strncmp(line, CLI_DELIVERED_HEAD,
                           (size_t) len < sizeof(CLI_DELIVERED_HEAD) - 1
                           ? (size_t) len : sizeof(CLI_DELIVERED_HEAD) - 1)
                   != 0)
            {
                rc = cli_delivered_foreign(path);
            }

            break;
        }

        rc = cli_delivered_line(delivered, path, number,
                                (reg_str_t) { (size_t) len - 1,
                                              (unsigned char *) line });
        delivered->size += len;
    }

    free(line);

    if (rc == CLI_DONE && ferror(file)) {
        rc = cli_fail(CLI_STORE, "%s: cannot be read", path);
    }

    return rc;
}


static cli_rc_t
cli_delivered_foreign(const char *path)
{
    return cli_fail(CLI_USAGE, "%s: it is no list of what was delivered",
                    path);
}


static cli_rc_t
cli_delivered_line(cli_delivered_t *delivered, const char *path, size_t number,
    reg_str_t line)
{
    int64_t               day;
    cli_rc_t              rc;
    reg_str_t             instance;
    reg_delivered_t       read;
    cli_delivered_row_t  *row;

    if (number == 1) {

        switch (reg_delivered_head(&day, &instance, line)) {

        case REG_OK:
            break;

        case REG_NEWER:
            return cli_fail(CLI_USAGE, "%s: it was written by a later version "
                            "of " CLI_NAME, path);

        default:
            return cli_delivered_foreign(path);
        }

        if (day != delivered->day) {
            return cli_fail(CLI_USAGE, "%s: it is the file of another day",
                            path);
        }

        memcpy(delivered->instance, instance.data, instance.len);

        return CLI_DONE;
    }

    if (reg_delivered_read(&read, line) != REG_OK
        || (!read.row && read.number > delivered->nrows))
    {
        return cli_fail(CLI_USAGE, "%s: line %zu is not what was written "
                        "there", path, number);
    }

    if (read.row) {
        return cli_delivered_new_row(delivered, &read.key);
    }

    rc = delivered->ids ? cli_delivered_id(delivered, read.id) : CLI_DONE;

    row = &delivered->rows[read.number - 1];

    if (rc == CLI_DONE && row->bytes <= UINT64_MAX - read.bytes) {
        row->bytes += read.bytes;
        return CLI_DONE;
    }

    return rc == CLI_STORE ? rc : cli_fail(CLI_USAGE, "%s: line %zu counts "
                                           "what was counted", path, number);
}


static cli_rc_t
cli_delivered_new_row(cli_delivered_t *delivered, const reg_ledger_key_t *key)
{
    char                   text[REG_DELIVERED_LINE_MAX];
    size_t                 len;
    reg_delivered_t        read;
    cli_delivered_row_t   *rows;

    read.row = 1;
    read.key = *key;

    len = reg_delivered_write(text, &read);

    rows = realloc(delivered->rows,
                   (delivered->nrows + 1) * sizeof(cli_delivered_row_t));

    if (rows == NULL) {
        return cli_nomem();
    }

    delivered->rows = rows;
    rows += delivered->nrows;

    rows->bytes = 0;
    rows->text = strndup(text, len - 1);

    if (rows->text == NULL) {
        return cli_nomem();
    }

    (void) reg_delivered_read(&read, reg_str(rows->text));

    rows->key = read.key;
    delivered->nrows++;

    if (delivered->numbers == NULL) {
        delivered->numbers = json_object();
    }

    return json_object_set_new(delivered->numbers, rows->text,
                               json_integer((json_int_t) delivered->nrows))
           == 0 ? CLI_DONE : cli_nomem();
}


/* CLI_NO: it was there. */

static cli_rc_t
cli_delivered_id(cli_delivered_t *delivered, const unsigned char *id)
{
    size_t    i, at;
    cli_rc_t  rc;

    static const unsigned char  none[REG_DELIVERED_ID];

    if (2 * delivered->n >= delivered->mask) {
        rc = cli_delivered_grow(delivered);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    memcpy(&at, id, sizeof(at));

    for (i = at & delivered->mask;
         memcmp(delivered->slots[i], none, REG_DELIVERED_ID) != 0;
         i = (i + 1) & delivered->mask)
    {
        if (memcmp(delivered->slots[i], id, REG_DELIVERED_ID) == 0) {
            return CLI_NO;
        }
    }

    memcpy(delivered->slots[i], id, REG_DELIVERED_ID);
    delivered->n++;

    return CLI_DONE;
}


static cli_rc_t
cli_delivered_grow(cli_delivered_t *delivered)
{
    size_t            i, n;
    unsigned char   (*slots)[REG_DELIVERED_ID];
    cli_delivered_t   old;

    old = *delivered;
    n = old.mask ? 2 * (old.mask + 1) : 1024;
    slots = calloc(n, REG_DELIVERED_ID);

    if (slots == NULL) {
        return cli_nomem();
    }

    delivered->slots = slots;
    delivered->mask = n - 1;
    delivered->n = 0;

    for (i = 0; old.mask && i <= old.mask; i++) {

        for (n = 0; n < REG_DELIVERED_ID && old.slots[i][n] == 0; n++) {
            /* void */
        }

        if (n < REG_DELIVERED_ID) {
            (void) cli_delivered_id(delivered, old.slots[i]);
        }
    }

    free(old.slots);

    return CLI_DONE;
}


cli_rc_t
cli_delivered_add(cli_delivered_t *delivered, const reg_ledger_key_t *key,
    reg_str_t id, uint64_t bytes)
{
    char             text[REG_DELIVERED_LINE_MAX];
    size_t           len;
    json_t          *number;
    cli_rc_t         rc;
    unsigned char    hash[EVP_MAX_MD_SIZE];
    reg_delivered_t  line;

    if (EVP_Digest(id.data, id.len, hash, NULL, EVP_sha256(), NULL) != 1) {
        return cli_nomem();
    }

    rc = cli_delivered_id(delivered, hash);

    if (rc != CLI_DONE) {
        return rc;
    }

    memset(&line, 0, sizeof(reg_delivered_t));

    line.row = 1;
    line.key = *key;
    len = reg_delivered_write(text, &line);

    rc = cli_delivered_append(delivered, text, len);

    if (rc != CLI_DONE) {
        return rc;
    }

    text[len - 1] = '\0';
    number = json_object_get(delivered->numbers, text);

    if (number) {
        delivered->nnew -= len;
        line.number = (uint64_t) json_integer_value(number);

    } else {
        rc = cli_delivered_new_row(delivered, key);

        if (rc != CLI_DONE) {
            return rc;
        }

        line.number = delivered->nrows;
    }

    line.row = 0;
    line.bytes = bytes;
    memcpy(line.id, hash, REG_DELIVERED_ID);
    len = reg_delivered_write(text, &line);

    delivered->rows[line.number - 1].bytes += bytes;

    return cli_delivered_append(delivered, text, len);
}


static cli_rc_t
cli_delivered_append(cli_delivered_t *delivered, const char *text, size_t len)
{
    char    *new;
    size_t   size;

    if (delivered->nnew + len > delivered->snew) {
        size = 2 * delivered->snew + len + 65536;
        new = realloc(delivered->new, size);

        if (new == NULL) {
            return cli_nomem();
        }

        delivered->new = new;
        delivered->snew = size;
    }

    memcpy(delivered->new + delivered->nnew, text, len);
    delivered->nnew += len;

    return CLI_DONE;
}


cli_rc_t
cli_delivered_save(cli_delivered_t *delivered, const char *directory)
{
    int       fd;
    char      path[CLI_DELIVERED_PATH];
    cli_rc_t  rc;

    if (delivered->nnew == 0) {
        return CLI_DONE;
    }

    cli_delivered_path(path, directory, delivered->day);

    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
              CLI_FILE_MODE);

    if (fd == -1) {
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    rc = cli_delivered_write(delivered, path, fd);

    if (close(fd) == -1 && rc == CLI_DONE) {
        rc = cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));
    }

    if (rc == CLI_DONE) {
        delivered->size += (off_t) delivered->nnew;
        delivered->nnew = 0;
    }

    return rc;
}


/* What cannot be written is taken back. */

static cli_rc_t
cli_delivered_write(const cli_delivered_t *delivered, const char *path, int fd)
{
    int      err;
    size_t   done;
    ssize_t  n;

    n = ftruncate(fd, delivered->size);

    for (done = 0; n != -1 && done < delivered->nnew; done += (size_t) n) {
        n = pwrite(fd, delivered->new + done, delivered->nnew - done,
                   delivered->size + (off_t) done);
    }

    if (n != -1 && fsync(fd) == 0) {
        return CLI_DONE;
    }

    err = errno;

    if (ftruncate(fd, delivered->size) == -1) {
        cli_note("%s: what was not finished stays at its end", path);
    }

    return cli_fail(CLI_STORE, "%s: %s", path, strerror(err));
}


static cli_rc_t
cli_delivered_instance(cli_delivered_t *delivered)
{
    char           text[REG_DELIVERED_LINE_MAX];
    size_t         i, len;
    unsigned char  random[REG_LEDGER_INSTANCE_LEN / 2];

    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return cli_fail(CLI_STORE, "there are no random numbers");
    }

    for (i = 0; i < sizeof(random); i++) {
        (void) snprintf(delivered->instance + 2 * i, 3, "%02x", random[i]);
    }

    len = reg_delivered_write_head(text, delivered->day, delivered->instance);

    return cli_delivered_append(delivered, text, len);
}
