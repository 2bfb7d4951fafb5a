/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_store.h"
#include "reg_record_json.h"


static cli_rc_t cli_store_url(const cli_t *cli, const char *text,
    reg_store_url_t *url);
static cli_rc_t cli_store_change(cli_store_t *store, const cli_entry_t *entry,
    reg_record_type_t type, const char *name, json_t *before, json_t *after);
static void cli_store_forget(cli_store_t *store);
static json_t *cli_store_members(json_t *before, json_t *after);
static cli_rc_t cli_store_check_text(const cli_store_t *store,
    reg_record_type_t type, const char *name, reg_str_t text);


cli_rc_t
cli_store_reach(cli_store_t *store, const cli_t *cli, const char *url)
{
    cli_rc_t         rc;
    reg_store_url_t  parsed;

    memset(store, 0, sizeof(cli_store_t));

    store->cli = cli;
    store->lock = -1;
    store->audit = -1;

    rc = cli_store_url(cli, url, &parsed);

    if (rc != CLI_DONE) {
        return rc;
    }

    store->backend = parsed.kind == REG_STORE_FILE ? &cli_store_file
                                                   : &cli_store_redis;

    rc = store->backend->open(store, &parsed);

    if (rc == CLI_DONE) {
        cli_document_init(&store->doc, store->path);
    }

    return rc;
}


cli_rc_t
cli_store_open(cli_store_t *store, const cli_t *cli, unsigned flags)
{
    return cli_store_open_url(store, cli, NULL, flags);
}


cli_rc_t
cli_store_open_url(cli_store_t *store, const cli_t *cli, const char *url,
    unsigned flags)
{
    cli_rc_t  rc;

    rc = cli_store_reach(store, cli, url);

    if (rc == CLI_DONE) {
        rc = store->backend->load(store, flags);
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

    if (store->backend) {
        store->backend->close(store);
    }

    free(store->changes);
    free(store->path);
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
        rc = cli_store_change(store, entry, type, name,
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

    rc = cli_store_change(store, entry, entry->type, name, NULL, NULL);

    if (rc == CLI_DONE) {
        entry->removed = 1;
    }

    return rc;
}


cli_rc_t
cli_store_commit(cli_store_t *store)
{
    cli_rc_t  rc;

    if (store->nchanges == 0) {
        return CLI_DONE;
    }

    rc = store->backend->commit(store);

    store->written |= (rc == CLI_DONE);

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


/* text NULL: the one in --store or $REGISTRY_STORE. */

static cli_rc_t
cli_store_url(const cli_t *cli, const char *text, reg_store_url_t *url)
{
    const char   *option, *colon;
    reg_error_t   error;

    option = text ? "--to" : "--store";
    text = text ? text : cli_value(cli, CLI_OPT_STORE);
    text = text ? text : getenv("REGISTRY_STORE");

    if (text == NULL || *text == '\0') {
        return cli_fail(CLI_USAGE, "which store? Give --store file:PATH or set "
                        "REGISTRY_STORE");
    }

    memset(url, 0, sizeof(reg_store_url_t));

    /* unlike that of nginx.conf a path may be relative */

    if (strncmp(text, "file:", 5) == 0) {
        url->kind = REG_STORE_FILE;
        url->path = reg_str(text + 5);

        return url->path.len ? CLI_DONE
                             : cli_fail(CLI_USAGE, "%s file: lacks a path",
                                        option);
    }

    colon = strchr(text, ':');

    if (colon == NULL || memchr(text, '/', (size_t) (colon - text))) {
        return cli_fail(CLI_USAGE, "%s takes a URL, and a file has one too: "
                        "file:%s", option, text);
    }

    if (reg_store_url_parse(url, reg_str(text), &error) != REG_OK) {
        return cli_fail(CLI_USAGE, "%s: %s", option, error.text);
    }

    return CLI_DONE;
}


/* entry NULL: a new record; after NULL: one that goes. */

static cli_rc_t
cli_store_change(cli_store_t *store, const cli_entry_t *entry,
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

    change->action = after == NULL ? "remove" : entry ? "change" : "create";
    change->type = type;
    change->name = strdup(name);
    change->before = entry ? strndup((char *) entry->text.data,
                                     entry->text.len)
                           : NULL;
    change->members = cli_store_members(before, after);

    if (change->name == NULL || change->members == NULL
        || (entry && change->before == NULL))
    {
        free(change->name);
        free(change->before);
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
        free(store->changes[i].before);
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
