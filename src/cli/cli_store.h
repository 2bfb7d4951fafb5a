/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_STORE_H
#define CLI_STORE_H

/*
 * The file store of --store.  A command opens it, changes records in memory
 * and commits: under a lock, in one step, with a line in the audit for each.
 */

#include <sys/stat.h>

#include "cli.h"
#include "cli_document.h"

#define CLI_STORE_READ    0x00
#define CLI_STORE_WRITE   0x01
#define CLI_STORE_CREATE  0x02      /* no file is an empty store */
#define CLI_STORE_RAW     0x04      /* text only: doc stays empty */

#define CLI_AUDIT_SUFFIX  ".audit"

typedef struct {
    const char         *action;     /* "create", "change" or "remove" */
    reg_record_type_t   type;
    char               *name;
    json_t             *members;    /* names of what changed */
} cli_change_t;

typedef struct {
    const cli_t     *cli;
    const char      *label;         /* of a record in messages, or NULL */
    char            *path;          /* symbolic links followed */
    int              lock;          /* -1: not open, here and below */
    int              audit;         /* open during a commit */
    unsigned         exists:1;
    struct stat      st;            /* of the file, if it exists */
    reg_str_t        text;          /* of the file */
    cli_document_t   doc;
    size_t           nchanges;
    size_t           size;
    cli_change_t    *changes;
} cli_store_t;


/* The path in --store or $REGISTRY_STORE, borrowed. */

cli_rc_t cli_store_path(const cli_t *cli, const char **path);


/*
 * Opens the store; to be closed in any case.  A store to be written is locked
 * and must be sound to the last record, for the gateway takes up no other.
 */

cli_rc_t cli_store_open(cli_store_t *store, const cli_t *cli, unsigned flags);

void cli_store_close(cli_store_t *store);


/*
 * Adds or replaces a record in memory; json is borrowed.  CLI_USAGE after a
 * sentence if it is no good record.  What changes nothing is no change.
 */

cli_rc_t cli_store_put(cli_store_t *store, reg_record_type_t type,
    const char *name, json_t *json);

cli_rc_t cli_store_remove(cli_store_t *store, cli_entry_t *entry);


/* Writes store and audit, if there are changes since the last time. */

cli_rc_t cli_store_commit(cli_store_t *store);


/* The record that must be there: CLI_NO after a sentence if it is not. */

cli_rc_t cli_store_need(const cli_store_t *store, reg_record_type_t type,
    const char *name, cli_entry_t **entry);


/* cli_audit.c */

/* A line for each change of the store, which the caller frees. */

cli_rc_t cli_audit_format(const cli_store_t *store, char **text, size_t *len);

/* Appends them to store->audit, in one write. */

cli_rc_t cli_audit_write(const cli_store_t *store, const char *text,
    size_t len);

#endif /* CLI_STORE_H */
