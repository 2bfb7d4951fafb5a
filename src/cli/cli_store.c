/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli_file.h"
#include "cli_store.h"
#include "reg_record_json.h"


static cli_rc_t cli_store_lock(cli_store_t *store);
static cli_rc_t cli_store_read(cli_store_t *store, unsigned flags);
static cli_rc_t cli_store_change(cli_store_t *store, const char *action,
    reg_record_type_t type, const char *name, json_t *before, json_t *after);
static void cli_store_forget(cli_store_t *store);
static json_t *cli_store_members(json_t *before, json_t *after);
static cli_rc_t cli_store_check_text(const cli_store_t *store,
    reg_record_type_t type, const char *name, reg_str_t text);


cli_rc_t
cli_store_path(const cli_t *cli, const char **path)
{
    const char  *url, *colon;

    url = cli_value(cli, CLI_OPT_STORE);

    if (url == NULL) {
        url = getenv("REGISTRY_STORE");
    }

    if (url == NULL || *url == '\0') {
        return cli_fail(CLI_USAGE, "which store? Give --store file:PATH or set "
                        "REGISTRY_STORE");
    }

    if (strncmp(url, "file:", 5) == 0) {
        *path = url + 5;

        return **path ? CLI_DONE
                      : cli_fail(CLI_USAGE, "--store file: lacks a path");
    }

    colon = strchr(url, ':');

    if (colon == NULL || memchr(url, '/', (size_t) (colon - url))) {
        return cli_fail(CLI_USAGE, "--store takes a URL, and a file has one "
                        "too: file:%s", url);
    }

    return cli_fail(CLI_USAGE, "--store %.*s: is not supported, only file:PATH "
                    "is", (int) (colon - url), url);
}


cli_rc_t
cli_store_open(cli_store_t *store, const cli_t *cli, unsigned flags)
{
    cli_rc_t     rc;
    const char  *path;

    memset(store, 0, sizeof(cli_store_t));

    store->cli = cli;
    store->lock = -1;
    store->audit = -1;

    rc = cli_store_path(cli, &path);

    if (rc == CLI_DONE) {
        rc = cli_file_resolve(path, &store->path);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    cli_document_init(&store->doc, store->path);

    if (flags & CLI_STORE_WRITE) {
        rc = cli_store_lock(store);
    }

    if (rc == CLI_DONE) {
        rc = cli_store_read(store, flags);
    }

    if (rc == CLI_DONE && (flags & CLI_STORE_WRITE)) {
        rc = cli_document_verify(&store->doc, CLI_STORE);
    }

    return rc;
}


void
cli_store_close(cli_store_t *store)
{
    cli_store_forget(store);
    cli_document_free(&store->doc);

    free(store->changes);
    free(store->text.data);
    free(store->path);

    if (store->lock != -1) {
        (void) close(store->lock);
    }
}


cli_rc_t
cli_store_put(cli_store_t *store, reg_record_type_t type, const char *name,
    json_t *json)
{
    char          *text;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *before;

    before = NULL;
    entry = cli_document_find(&store->doc, type, reg_str(name));

    if (entry) {
        rc = cli_document_current(&store->doc, entry, &before);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (json_equal(before->json, json)) {
            reg_record_free(before);
            return CLI_DONE;
        }
    }

    text = json_dumps(json, JSON_COMPACT);

    rc = text ? cli_store_check_text(store, type, name, reg_str(text))
              : cli_nomem();

    if (rc == CLI_DONE) {
        rc = cli_store_change(store, entry ? "change" : "create", type, name,
                              before ? before->json : NULL, json);
    }

    if (rc == CLI_DONE) {
        rc = cli_document_set(&store->doc, type, reg_str(name), reg_str(text));
    }

    reg_record_free(before);
    free(text);

    return rc;
}


cli_rc_t
cli_store_remove(cli_store_t *store, cli_entry_t *entry)
{
    char      name[REG_TEXT_MAX + 1];
    cli_rc_t  rc;

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(entry->name));

    rc = cli_store_change(store, "remove", entry->type, name, NULL, NULL);

    if (rc == CLI_DONE) {
        entry->removed = 1;
    }

    return rc;
}


cli_rc_t
cli_store_commit(cli_store_t *store)
{
    char      *text;
    size_t     len;
    cli_rc_t   rc;

    if (store->nchanges == 0) {
        return CLI_DONE;
    }

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

    cli_store_forget(store);

    return rc;
}


cli_rc_t
cli_store_need(const cli_store_t *store, reg_record_type_t type,
    const char *name, cli_entry_t **entry)
{
    *entry = cli_document_find(&store->doc, type, reg_str(name));

    if (*entry == NULL) {
        return cli_fail(CLI_NO, "there is no %s %s",
                        reg_record_type_name(type), name);
    }

    return CLI_DONE;
}


/* Whoever holds the lock is the only one to write; readers need none. */

static cli_rc_t
cli_store_lock(cli_store_t *store)
{
    int           rc;
    struct stat  *like, st;

    like = (stat(store->path, &st) == 0) ? &st : NULL;

    store->lock = cli_file_open_beside(store->path, ".lock", O_RDONLY, like);

    if (store->lock == -1) {
        return CLI_STORE;
    }

    do {
        rc = flock(store->lock, LOCK_EX);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1) {
        return cli_fail(CLI_STORE, "%s.lock: %s", store->path,
                        strerror(errno));
    }

    return CLI_DONE;
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


static cli_rc_t
cli_store_change(cli_store_t *store, const char *action,
    reg_record_type_t type, const char *name, json_t *before, json_t *after)
{
    size_t         size;
    cli_change_t  *change;

    if (store->nchanges == store->size) {
        size = store->size ? 2 * store->size : 16;
        change = realloc(store->changes, size * sizeof(cli_change_t));

        if (change == NULL) {
            return cli_nomem();
        }

        store->changes = change;
        store->size = size;
    }

    change = &store->changes[store->nchanges];

    change->action = action;
    change->type = type;
    change->name = strdup(name);
    change->members = cli_store_members(before, after);

    if (change->name == NULL || change->members == NULL) {
        free(change->name);
        json_decref(change->members);
        return cli_nomem();
    }

    store->nchanges++;

    return CLI_DONE;
}


static void
cli_store_forget(cli_store_t *store)
{
    size_t  i;

    for (i = 0; i < store->nchanges; i++) {
        free(store->changes[i].name);
        json_decref(store->changes[i].members);
    }

    store->nchanges = 0;
}


/* The names of the members that differ; either record may be NULL. */

static json_t *
cli_store_members(json_t *before, json_t *after)
{
    int          bad;
    json_t      *members, *value;
    const char  *name;

    members = json_array();
    bad = (members == NULL);

    json_object_foreach(after, name, value) {

        if (!bad && strcmp(name, "version") != 0
            && !json_equal(value, json_object_get(before, name)))
        {
            bad = json_array_append_new(members, json_string(name));
        }
    }

    json_object_foreach(before, name, value) {

        if (!bad && json_object_get(after, name) == NULL) {
            bad = json_array_append_new(members, json_string(name));
        }
    }

    if (bad) {
        json_decref(members);
        return NULL;
    }

    return members;
}


/* What the gateway will read is checked, to the byte. */

static cli_rc_t
cli_store_check_text(const cli_store_t *store, reg_record_type_t type,
    const char *name, reg_str_t text)
{
    reg_error_t    error;
    reg_record_t  *record;

    switch (reg_record_parse(&record, type, reg_str(name), text, &error)) {

    case REG_OK:
        reg_record_free(record);
        return CLI_DONE;

    case REG_INVALID:
        return cli_fail(CLI_USAGE, "%s \"%.64s\": %s",
                        reg_record_type_name(type),
                        store->label ? store->label : name, error.text);

    default:
        return cli_nomem();
    }
}
