/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_STORE_H
#define CLI_STORE_H

/*
 * The store of --store.  A command opens it, changes records in memory and
 * commits: in one step, with an entry in the audit for each.  What lies behind
 * is a file (cli_store_file.c) or Redis (cli_redis.c).
 */

#include <sys/stat.h>

#include "cli.h"
#include "cli_document.h"
#include "cli_output.h"
#include "cli_usage.h"
#include "reg_store_url.h"

#define CLI_STORE_READ    0x00
#define CLI_STORE_WRITE   0x01
#define CLI_STORE_CREATE  0x02      /* no file is an empty store */
#define CLI_STORE_RAW     0x04      /* text only: doc stays empty */

#define CLI_AUDIT_SUFFIX  ".audit"

#define CLI_AUDIT_ROTATED  0x01

#define CLI_USAGE_SUFFIX  ".usage"

typedef struct {
    const char         *action;     /* "create", "change" or "remove" */
    reg_record_type_t   type;
    char               *name;
    char               *before;     /* the record's text; NULL: there is none */
    json_t             *members;    /* names of what changed */
    unsigned            fresh:1;    /* a key that nobody has seen yet */
} cli_change_t;

typedef struct cli_store_s    cli_store_t;
typedef struct cli_backend_s  cli_backend_t;
typedef struct cli_redis_s    cli_redis_t;

struct cli_store_s {
    const cli_t          *cli;
    const cli_backend_t  *backend;
    const char           *label;    /* of a record in messages, or NULL */
    char                 *path;     /* for messages: of the file, symbolic
                                       links followed, or of the server */
    unsigned              written:1;
    cli_document_t        doc;
    size_t                nchanges;
    size_t                size;
    cli_change_t         *changes;

    cli_redis_t          *redis;

    /* of a file */

    int              lock;          /* -1: not open, here and below */
    int              audit;         /* open during a commit */
    unsigned         exists:1;
    struct stat      st;            /* of the file, if it exists */
    reg_str_t        text;          /* of the file */
};


typedef void (*cli_audit_pt)(void *data, json_t *entry);

/* What a kind of store has to know; all say what is wrong. */

struct cli_backend_s {

    /* Sets store->path, and goes as far as to reach the store. */

    cli_rc_t  (*open)(cli_store_t *store, const reg_store_url_t *url);

    /* Fills store->doc, under a lock if flags call for one and it has one. */

    cli_rc_t  (*load)(cli_store_t *store, unsigned flags);

    /* CLI_AGAIN, without a sentence: somebody else has changed a record. */

    cli_rc_t  (*commit)(cli_store_t *store);

    /*
     * Gives the entries of the audit to a handler that takes them over, oldest
     * first; with CLI_AUDIT_ROTATED also those of a file rotated last.
     */

    cli_rc_t  (*audit)(cli_store_t *store, unsigned flags,
                       cli_audit_pt handler, void *data);

    /* Gives the lines about the key usage->id to cli_usage_add(). */

    cli_rc_t  (*usage)(cli_store_t *store, cli_usage_t *usage);

    /* Waits until n replicas have what was written; NULL: has none. */

    cli_rc_t  (*wait)(cli_store_t *store, unsigned n, unsigned milliseconds);

    void      (*close)(cli_store_t *store);
};

extern const cli_backend_t  cli_store_file;
extern const cli_backend_t  cli_store_redis;


/* Reaches the store of --store, or of url, but reads nothing. */

cli_rc_t cli_store_reach(cli_store_t *store, const cli_t *cli,
    const char *url);


/*
 * Opens the store; to be closed in any case.  A store to be written is locked
 * and must be sound to the last record, for the gateway takes up no other.
 */

cli_rc_t cli_store_open(cli_store_t *store, const cli_t *cli, unsigned flags);

/* The same with the store of another URL; NULL: that of --store. */

cli_rc_t cli_store_open_url(cli_store_t *store, const cli_t *cli,
    const char *url, unsigned flags);

void cli_store_close(cli_store_t *store);


/*
 * Adds or replaces a record in memory; json is borrowed.  CLI_USAGE after a
 * sentence if it is no good record.  What changes nothing is no change.  A
 * record changes once in a commit.
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

/* An object for each change of the store, in an array. */

cli_rc_t cli_audit_entries(const cli_store_t *store, json_t **entries);

#endif /* CLI_STORE_H */
