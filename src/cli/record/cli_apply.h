/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_APPLY_H
#define CLI_APPLY_H

/*
 * apply: a file says what should be, and the store is changed to be that.
 */

#include <jansson.h>

#include "cli_key.h"
#include "cli_store.h"

#define CLI_APPLY_VERSION  1

/* What has to be done, or has been: one for each record that changes. */

typedef struct {
    const char         *action;     /* "create", "change", "revoke", "remove" */
    reg_record_type_t   type;
    char               *name;       /* of a key "TENANT/NAME" */
    char                id[REG_API_KEY_ID_LEN + 1];     /* of a key */
    json_t             *members;
    cli_new_key_t      *key;        /* one that was made; NULL */
} cli_step_t;

typedef struct {
    const cli_t    *cli;
    const char     *path;           /* of the file, for messages */
    json_t         *file;
    cli_store_t     store;
    cli_pepper_t    pepper;
    json_t         *names;          /* "TENANT/NAME" of keys that live: id, or
                                       false where two have it */
    size_t          nsteps;
    size_t          size;
    cli_step_t     *steps;
} cli_apply_t;


/* cli_apply_file.c: reads and checks all but the values of members. */

cli_rc_t cli_apply_read(cli_apply_t *apply);


/* cli_apply_key.c */

/* Fills apply->names. */

cli_rc_t cli_apply_names(cli_apply_t *apply);

cli_rc_t cli_apply_key(cli_apply_t *apply, const char *name, json_t *spec);

/* "TENANT/NAME" of a key, which the caller frees; NULL: no memory. */

char *cli_apply_label(const reg_key_record_t *key);


/* cli_apply_prune.c: what the file does not name goes. */

cli_rc_t cli_apply_prune(cli_apply_t *apply);


/*
 * cli_apply.c: puts a record, and makes a step of it if that is a change.  The
 * step is called action, or what the store says where that is NULL.
 */

cli_rc_t cli_apply_put(cli_apply_t *apply, reg_record_type_t type,
    const char *id, const char *name, json_t *json, const char *action);

/* Makes a step of the store's last change. */

cli_rc_t cli_apply_step(cli_apply_t *apply, const char *action,
    const char *id, const char *name, const cli_new_key_t *key);

#endif /* CLI_APPLY_H */
