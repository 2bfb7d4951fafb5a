/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A store in a file: replaced whole, under a lock, with an audit beside it.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_file.h"
#include "cli_store.h"


static cli_rc_t cli_store_file_open(cli_store_t *store,
    const reg_store_url_t *url);
static cli_rc_t cli_store_file_load(cli_store_t *store, unsigned flags);
static cli_rc_t cli_store_file_commit(cli_store_t *store);
static cli_rc_t cli_store_file_audit(cli_store_t *store, unsigned flags,
    cli_audit_pt handler, void *data);
static cli_rc_t cli_audit_file(const cli_store_t *store, const char *suffix,
    cli_audit_pt handler, void *data);
static cli_rc_t cli_store_file_usage(cli_store_t *store, cli_usage_t *usage);
static void cli_store_file_close(cli_store_t *store);
static cli_rc_t cli_store_lock(cli_store_t *store);
static cli_rc_t cli_store_read(cli_store_t *store, unsigned flags);
static cli_rc_t cli_audit_format(const cli_store_t *store, char **text,
    size_t *len);
static cli_rc_t cli_audit_write(const cli_store_t *store, const char *text,
    size_t len);
static void cli_audit_lines(const char *path, char *text,
    cli_audit_pt handler, void *data);


const cli_backend_t  cli_store_file = {
    cli_store_file_open,
    cli_store_file_load,
    cli_store_file_commit,
    cli_store_file_audit,
    cli_store_file_usage,
    NULL,
    cli_store_file_close
};


static cli_rc_t
cli_store_file_open(cli_store_t *store, const reg_store_url_t *url)
{
    /* the URL ends with the path, and so does the text it borrows from */

    return cli_file_resolve((const char *) url->path.data, &store->path);
}


static cli_rc_t
cli_store_file_load(cli_store_t *store, unsigned flags)
{
    cli_rc_t  rc;

    rc = flags & CLI_STORE_WRITE ? cli_store_lock(store) : CLI_DONE;

    return rc == CLI_DONE ? cli_store_read(store, flags) : rc;
}


static cli_rc_t
cli_store_file_commit(cli_store_t *store)
{
    char      *text;
    size_t     len;
    cli_rc_t   rc;

    /* before the store changes: what cannot be written down is not done */

    rc = cli_audit_format(store, &text, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    store->audit = cli_file_open_beside(store->path, CLI_AUDIT_SUFFIX,
                                        O_RDWR | O_APPEND,
                                        store->exists ? &store->st : NULL);

    if (store->audit == -1) {
        free(text);
        return CLI_STORE;
    }

    rc = cli_file_replace(store->path, store->exists ? &store->st : NULL,
                          cli_document_print, &store->doc);

    if (rc == CLI_DONE) {
        rc = cli_audit_write(store, text, len);
    }

    free(text);

    (void) close(store->audit);
    store->audit = -1;

    return rc;
}


static cli_rc_t
cli_store_file_audit(cli_store_t *store, unsigned flags, cli_audit_pt handler,
    void *data)
{
    cli_rc_t  rc;

    rc = CLI_DONE;

    if (flags & CLI_AUDIT_ROTATED) {
        rc = cli_audit_file(store, CLI_AUDIT_SUFFIX ".1", handler, data);
    }

    return rc == CLI_DONE ? cli_audit_file(store, CLI_AUDIT_SUFFIX, handler,
                                           data)
                          : rc;
}


static cli_rc_t
cli_audit_file(const cli_store_t *store, const char *suffix,
    cli_audit_pt handler, void *data)
{
    char    *text, name[4096];
    size_t   len;

    (void) snprintf(name, sizeof(name), "%s%s", store->path, suffix);

    if (access(name, F_OK) == -1 && errno == ENOENT) {
        return CLI_DONE;
    }

    if (cli_input_read(name, &text, &len) != CLI_DONE) {
        return CLI_STORE;
    }

    cli_audit_lines(name, text, handler, data);

    free(text);

    return CLI_DONE;
}


/* It may have become large, and is about other keys for the most part. */

static cli_rc_t
cli_store_file_usage(cli_store_t *store, cli_usage_t *usage)
{
    int        bad;
    char      *line, name[4096];
    FILE      *file;
    size_t     size;
    ssize_t    len;
    cli_rc_t   rc;

    (void) snprintf(name, sizeof(name), "%s" CLI_USAGE_SUFFIX, store->path);

    file = fopen(name, "re");

    if (file == NULL) {
        return errno == ENOENT
               ? CLI_DONE
               : cli_fail(CLI_STORE, "%s: %s", name, strerror(errno));
    }

    rc = CLI_DONE;
    line = NULL;
    size = 0;

    while (rc == CLI_DONE && (len = getline(&line, &size, file)) != -1) {

        if (line[len - 1] == '\n') {
            line[--len] = '\0';
        }

        if (strstr(line, usage->id)) {
            rc = cli_usage_add(usage, (reg_str_t) { (size_t) len,
                                                    (unsigned char *) line });
        }
    }

    bad = ferror(file);

    if (rc == CLI_DONE && bad) {
        rc = cli_fail(CLI_STORE, "%s: %s", name, strerror(errno));
    }

    free(line);
    (void) fclose(file);

    return rc;
}


static void
cli_store_file_close(cli_store_t *store)
{
    free(store->text.data);

    if (store->lock != -1) {
        (void) close(store->lock);
    }
}


/* Whoever holds the lock is the only one to write; readers need none. */

static cli_rc_t
cli_store_lock(cli_store_t *store)
{
    struct stat  *like, st;

    like = (stat(store->path, &st) == 0) ? &st : NULL;

    store->lock = cli_file_lock(store->path, like);

    return store->lock == -1 ? CLI_STORE : CLI_DONE;
}


static cli_rc_t
cli_store_read(cli_store_t *store, unsigned flags)
{
    int    fd, rc, err;
    char  *data;

    fd = open(store->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1 && errno == ENOENT && (flags & CLI_STORE_CREATE)) {
        return CLI_DONE;
    }

    if (fd == -1) {
        return cli_fail(CLI_STORE, "%s: %s", store->path, strerror(errno));
    }

    rc = fstat(fd, &store->st);

    if (rc == 0 && !S_ISREG(store->st.st_mode)) {
        (void) close(fd);
        return cli_fail(CLI_STORE, "%s: not a regular file", store->path);
    }

    if (rc == 0) {
        rc = cli_file_read(fd, &data, &store->text.len);
    }

    err = errno;

    (void) close(fd);

    if (rc == -1) {
        return cli_fail(CLI_STORE, "%s: %s", store->path, strerror(err));
    }

    store->exists = 1;
    store->text.data = (unsigned char *) data;

    return flags & CLI_STORE_RAW
           ? CLI_DONE
           : cli_document_load(&store->doc, store->text, CLI_STORE);
}


/* A line for each change, which the caller frees. */

static cli_rc_t
cli_audit_format(const cli_store_t *store, char **text, size_t *len)
{
    int        bad;
    FILE      *file;
    size_t     i;
    json_t    *entries, *entry;
    cli_rc_t   rc;

    *text = NULL;

    rc = cli_audit_entries(store, &entries);

    if (rc != CLI_DONE) {
        return rc;
    }

    file = open_memstream(text, len);

    if (file == NULL) {
        json_decref(entries);
        return cli_nomem();
    }

    bad = 0;

    json_array_foreach(entries, i, entry) {
        bad |= json_dumpf(entry, file, JSON_COMPACT) != 0
               || putc('\n', file) == EOF;
    }

    bad |= ferror(file) != 0;
    bad |= fclose(file) != 0 || *text == NULL;

    json_decref(entries);

    if (bad) {
        free(*text);
        return cli_nomem();
    }

    return CLI_DONE;
}


/* Appends them in one write. */

static cli_rc_t
cli_audit_write(const cli_store_t *store, const char *text, size_t len)
{
    char     last;
    off_t    size;
    ssize_t  n;

    /* a line that a full disk has cut short must not swallow the next */

    size = lseek(store->audit, 0, SEEK_END);

    if (size > 0 && pread(store->audit, &last, 1, size - 1) == 1
        && last != '\n' && write(store->audit, "\n", 1) != 1)
    {
        return cli_fail(CLI_STORE, "the change is done, but %s"
                        CLI_AUDIT_SUFFIX " cannot be written: %s",
                        store->path, strerror(errno));
    }

    do {
        n = write(store->audit, text, len);
    } while (n == -1 && errno == EINTR);

    if (n != (ssize_t) len || fsync(store->audit) == -1) {
        return cli_fail(CLI_STORE, "the change is done, but %s"
                        CLI_AUDIT_SUFFIX " cannot be written: %s",
                        store->path, n == -1 ? strerror(errno)
                                             : "it was cut short");
    }

    return CLI_DONE;
}


/* text is cut at its newlines. */

static void
cli_audit_lines(const char *path, char *text, cli_audit_pt handler, void *data)
{
    char    *p, *end;
    size_t   number;
    json_t  *line;

    for (p = text, number = 1; p && *p; p = end, number++) {
        end = strchr(p, '\n');

        if (end) {
            *end++ = '\0';
        }

        line = json_loads(p, JSON_REJECT_DUPLICATES, NULL);

        if (line == NULL || !json_is_object(line)) {
            cli_note("%s: line %zu is no entry and is left out", path,
                     number);
            json_decref(line);
            continue;
        }

        handler(data, line);
    }
}
