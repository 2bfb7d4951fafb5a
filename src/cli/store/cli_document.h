/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

/*
 * A store's document in memory: its records as texts, which are parsed when
 * somebody asks for them, and which are written again as they were read.
 */

#include <jansson.h>

#include "cli.h"
#include "reg_record.h"
#include "reg_store_scan.h"

typedef struct {
    reg_record_type_t   type;
    reg_str_t           name;
    reg_str_t           text;       /* JSON */
    size_t              line;       /* in the file; 0: not from a file */
    char               *owned;      /* what name and text lie in, or NULL */
    unsigned            removed:1;
} cli_entry_t;

typedef struct {
    const char    *path;            /* for messages */
    size_t         n;
    size_t         size;
    cli_entry_t  **entries;         /* in the order of the file */
    size_t        *index;           /* hash table: number of entry + 1, or 0 */
    size_t         mask;
} cli_document_t;


/* path is borrowed. */

void cli_document_init(cli_document_t *doc, const char *path);

void cli_document_free(cli_document_t *doc);


/*
 * Takes up the records of text, which must stay.  Returns bad, after a
 * sentence with the line, if text is no store or names a record twice.
 */

cli_rc_t cli_document_load(cli_document_t *doc, reg_str_t text, cli_rc_t bad);

/* Takes up one of them; its text must stay. */

cli_rc_t cli_document_take(cli_document_t *doc, const reg_scan_item_t *item);

/* Parses every record; bad after a sentence about the first broken one. */

cli_rc_t cli_document_verify(const cli_document_t *doc, cli_rc_t bad);


/* An entry lives, at its address, as long as the document. */

cli_entry_t *cli_document_find(const cli_document_t *doc,
    reg_record_type_t type, reg_str_t name);

/* Entries of a type one by one, from *cursor 0 on; NULL: no more. */

cli_entry_t *cli_document_next(const cli_document_t *doc,
    reg_record_type_t type, size_t *cursor);

/* Adds a record or changes its text; name and text are copied. */

cli_rc_t cli_document_set(cli_document_t *doc, reg_record_type_t type,
    reg_str_t name, reg_str_t text);


/* The record of an entry; the caller frees it with reg_record_free(). */

cli_rc_t cli_document_record(const cli_document_t *doc,
    const cli_entry_t *entry, reg_record_t **record);

/*
 * The same, for the caller to change record->json and put that.  CLI_NO after
 * a sentence if the record is of a later version.
 */

cli_rc_t cli_document_current(const cli_document_t *doc,
    const cli_entry_t *entry, reg_record_t **record);


/* Writes the document, one record a line; data is the document. */

cli_rc_t cli_document_print(FILE *file, void *data);

#endif /* CLI_DOCUMENT_H */
