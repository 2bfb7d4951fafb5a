/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_document.h"
#include "reg_record_json.h"


#define CLI_DOCUMENT_SIZE  64       /* entries at first; a power of two */


static cli_rc_t cli_document_add(cli_document_t *doc, cli_entry_t *entry);
static cli_rc_t cli_document_grow(cli_document_t *doc);
static size_t *cli_document_slot(const cli_document_t *doc,
    reg_record_type_t type, reg_str_t name);
static uint64_t cli_document_hash(reg_record_type_t type, reg_str_t name);
static cli_rc_t cli_document_parse(const cli_document_t *doc,
    const cli_entry_t *entry, reg_record_t **record, cli_rc_t bad);
static int cli_document_print_text(FILE *file, reg_str_t text);


void
cli_document_init(cli_document_t *doc, const char *path)
{
    memset(doc, 0, sizeof(cli_document_t));

    doc->path = path;
}


void
cli_document_free(cli_document_t *doc)
{
    size_t  i;

    for (i = 0; i < doc->n; i++) {
        free(doc->entries[i]->owned);
        free(doc->entries[i]);
    }

    free(doc->entries);
    free(doc->index);
}


cli_rc_t
cli_document_load(cli_document_t *doc, reg_str_t text, cli_rc_t bad)
{
    cli_rc_t          rc;
    reg_scan_t        scan;
    cli_entry_t      *entry;
    reg_error_t       error;
    reg_scan_item_t   item;

    reg_scan_init(&scan, text);

    for ( ;; ) {

        switch (reg_scan_next(&scan, &item, &error)) {

        case REG_SCAN_END:
            return CLI_DONE;

        case REG_SCAN_INVALID:
            return cli_fail(bad, "%s: %s", doc->path, error.text);

        case REG_SCAN_RECORD:
            break;
        }

        entry = cli_document_find(doc, item.type, item.name);

        if (entry) {
            return cli_fail(bad, "%s: line %zu: the %s \"%.*s\" is there "
                            "twice, in line %zu too", doc->path, item.line,
                            reg_record_type_name(item.type),
                            REG_FMT(item.name), entry->line);
        }

        rc = cli_document_take(doc, &item);

        if (rc != CLI_DONE) {
            return rc;
        }
    }
}


cli_rc_t
cli_document_take(cli_document_t *doc, const reg_scan_item_t *item)
{
    cli_entry_t  *entry;

    entry = calloc(1, sizeof(cli_entry_t));
    if (entry == NULL) {
        return cli_nomem();
    }

    entry->type = item->type;
    entry->name = item->name;
    entry->text = item->text;
    entry->line = item->line;

    return cli_document_add(doc, entry);
}


cli_rc_t
cli_document_verify(const cli_document_t *doc, cli_rc_t bad)
{
    size_t         i;
    cli_rc_t       rc;
    reg_record_t  *record;

    for (i = 0; i < doc->n; i++) {
        rc = cli_document_parse(doc, doc->entries[i], &record, bad);

        if (rc != CLI_DONE) {
            return rc;
        }

        reg_record_free(record);
    }

    return CLI_DONE;
}


cli_entry_t *
cli_document_find(const cli_document_t *doc, reg_record_type_t type,
    reg_str_t name)
{
    size_t  *slot;

    if (doc->index == NULL) {
        return NULL;
    }

    slot = cli_document_slot(doc, type, name);

    return *slot ? doc->entries[*slot - 1] : NULL;
}


cli_entry_t *
cli_document_next(const cli_document_t *doc, reg_record_type_t type,
    size_t *cursor)
{
    cli_entry_t  *entry;

    while (*cursor < doc->n) {
        entry = doc->entries[(*cursor)++];

        if (entry->type == type && !entry->removed) {
            return entry;
        }
    }

    return NULL;
}


cli_rc_t
cli_document_set(cli_document_t *doc, reg_record_type_t type, reg_str_t name,
    reg_str_t text)
{
    char         *owned;
    cli_rc_t      rc;
    cli_entry_t  *entry;

    owned = malloc(name.len + text.len);
    if (owned == NULL) {
        return cli_nomem();
    }

    memcpy(owned, name.data, name.len);
    memcpy(owned + name.len, text.data, text.len);

    entry = cli_document_find(doc, type, name);

    if (entry == NULL) {
        entry = calloc(1, sizeof(cli_entry_t));

        if (entry == NULL) {
            free(owned);
            return cli_nomem();
        }

        entry->type = type;
        entry->name = (reg_str_t) { name.len, (unsigned char *) owned };

        rc = cli_document_add(doc, entry);

        if (rc != CLI_DONE) {
            free(owned);
            return rc;
        }
    }

    free(entry->owned);

    entry->owned = owned;
    entry->name.data = (unsigned char *) owned;
    entry->text.data = (unsigned char *) owned + name.len;
    entry->text.len = text.len;

    return CLI_DONE;
}


cli_rc_t
cli_document_record(const cli_document_t *doc, const cli_entry_t *entry,
    reg_record_t **record)
{
    return cli_document_parse(doc, entry, record, CLI_STORE);
}


cli_rc_t
cli_document_current(const cli_document_t *doc, const cli_entry_t *entry,
    reg_record_t **record)
{
    cli_rc_t  rc;

    rc = cli_document_record(doc, entry, record);

    if (rc == CLI_DONE && (*record)->newer) {
        reg_record_free(*record);

        return cli_fail(CLI_NO, "the %s %.*s was written by a later version "
                        "of " CLI_NAME ", which is needed to change it",
                        reg_record_type_name(entry->type),
                        REG_FMT(entry->name));
    }

    return rc;
}


cli_rc_t
cli_document_print(FILE *file, void *data)
{
    unsigned            type;
    size_t              cursor;
    const char         *before;
    cli_entry_t        *entry;
    cli_document_t     *doc = data;

    (void) fprintf(file, "{\"version\":%d", REG_STORE_VERSION);

    for (type = 0; type < REG_RECORD_TYPES; type++) {
        cursor = 0;

        /* a gateway from before there were others should not stumble */

        if (type > REG_RECORD_ROLE
            && !cli_document_next(doc, (reg_record_type_t) type, &cursor))
        {
            continue;
        }

        (void) fprintf(file, ",\n\"%s\":{",
                       reg_record_section((reg_record_type_t) type));

        before = "\n";
        cursor = 0;

        for ( ;; ) {
            entry = cli_document_next(doc, (reg_record_type_t) type, &cursor);

            if (entry == NULL) {
                break;
            }

            (void) fprintf(file, "%s\"%.*s\":", before, REG_FMT(entry->name));
            before = ",\n";

            if (!cli_document_print_text(file, entry->text)) {
                return cli_nomem();
            }
        }

        (void) fprintf(file, "\n}");
    }

    (void) fprintf(file, "}\n");

    return CLI_DONE;
}


static cli_rc_t
cli_document_add(cli_document_t *doc, cli_entry_t *entry)
{
    if (doc->n == doc->size && cli_document_grow(doc) != CLI_DONE) {
        free(entry);
        return CLI_STORE;
    }

    *cli_document_slot(doc, entry->type, entry->name) = doc->n + 1;

    doc->entries[doc->n++] = entry;

    return CLI_DONE;
}


/* The hash table has twice as many slots as there may be entries. */

static cli_rc_t
cli_document_grow(cli_document_t *doc)
{
    size_t         i, size, *index;
    cli_entry_t  **entries;

    size = doc->size ? 2 * doc->size : CLI_DOCUMENT_SIZE;

    entries = realloc(doc->entries, size * sizeof(cli_entry_t *));
    if (entries == NULL) {
        return cli_nomem();
    }

    doc->entries = entries;

    index = calloc(2 * size, sizeof(size_t));
    if (index == NULL) {
        return cli_nomem();
    }

    free(doc->index);

    doc->index = index;
    doc->mask = 2 * size - 1;
    doc->size = size;

    for (i = 0; i < doc->n; i++) {

        if (!entries[i]->removed) {
            *cli_document_slot(doc, entries[i]->type, entries[i]->name)
                = i + 1;
        }
    }

    return CLI_DONE;
}


/* Where the entry is or, in an empty slot, would be. */

static size_t *
cli_document_slot(const cli_document_t *doc, reg_record_type_t type,
    reg_str_t name)
{
    size_t        i;
    cli_entry_t  *entry;

    i = (size_t) cli_document_hash(type, name) & doc->mask;

    while (doc->index[i]) {
        entry = doc->entries[doc->index[i] - 1];

        if (entry->type == type && !entry->removed
            && reg_str_eq(entry->name, name))
        {
            break;
        }

        i = (i + 1) & doc->mask;
    }

    return &doc->index[i];
}


/* FNV-1a: the file is our own, nobody sends us collisions. */

static uint64_t
cli_document_hash(reg_record_type_t type, reg_str_t name)
{
    size_t    i;
    uint64_t  hash;

    hash = 0xcbf29ce484222325u ^ (uint64_t) type;

    for (i = 0; i < name.len; i++) {
        hash = (hash ^ name.data[i]) * 0x100000001b3u;
    }

    return hash ^ (hash >> 32);
}


static cli_rc_t
cli_document_parse(const cli_document_t *doc, const cli_entry_t *entry,
    reg_record_t **record, cli_rc_t bad)
{
    reg_error_t  error;

    switch (reg_record_parse(record, entry->type, entry->name, entry->text,
                             &error))
    {
    case REG_OK:
        return CLI_DONE;

    case REG_INVALID:
        if (entry->line == 0) {
            return cli_fail(bad, "%s: %s \"%.*s\": %s", doc->path,
                            reg_record_type_name(entry->type),
                            REG_FMT(entry->name), error.text);
        }

        return cli_fail(bad, "%s: line %zu: %s \"%.*s\": %s", doc->path,
                        entry->line, reg_record_type_name(entry->type),
                        REG_FMT(entry->name), error.text);

    default:
        return cli_nomem();
    }
}


/* A record that somebody has laid out over many lines becomes one line. */

static int
cli_document_print_text(FILE *file, reg_str_t text)
{
    int      rc;
    json_t  *json;

    if (memchr(text.data, '\n', text.len) == NULL) {
        (void) fwrite(text.data, 1, text.len, file);
        return 1;
    }

    json = json_loadb((const char *) text.data, text.len, 0, NULL);
    if (json == NULL) {
        return 0;
    }

    rc = json_dumpf(json, file, JSON_COMPACT);

    json_decref(json);

    return rc == 0 || ferror(file);
}
