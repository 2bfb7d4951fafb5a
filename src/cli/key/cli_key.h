/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_KEY_H
#define CLI_KEY_H

/*
 * What the commands on keys share with each other and with apply.
 */

#include <jansson.h>

#include "cli.h"
#include "cli_secret.h"
#include "cli_store.h"
#include "reg_api_key.h"
#include "reg_identity.h"
#include "reg_record.h"

typedef struct {
    unsigned char  text[REG_API_KEY_LEN];       /* to be wiped */
    char           id[REG_API_KEY_ID_LEN + 1];
} cli_new_key_t;


/* cli_key.c */

/* The key with an id: CLI_USAGE if it is none, CLI_NO if there is no such. */

cli_rc_t cli_key_need(const cli_store_t *store, const char *id,
    cli_entry_t **entry);

/*
 * A key for people and programs: all of its record but the hash, and its
 * state.  NULL: memory ran out.
 */

json_t *cli_key_view(const cli_store_t *store, const reg_record_t *record);


/* cli_key_create.c */

/*
 * Makes a key with the members of grants and puts its record into the store:
 * all but version, id, hash and created_at come from there.
 */

cli_rc_t cli_key_new(cli_store_t *store, cli_pepper_t *pepper,
    json_t *grants, cli_new_key_t *key);

/* cli_identity_check() of a key in the store. */

cli_rc_t cli_key_check(const cli_store_t *store, const char *id);


/* cli_key_output.c: the one time that a key is shown. */

/* CLI_USAGE if --output and --registry are not what they should be. */

cli_rc_t cli_key_output_check(const cli_t *cli);

cli_rc_t cli_key_output(const cli_store_t *store, const cli_new_key_t *key);


/* cli_key_revoke.c */

/* Revokes unless that is done; *done says whether it was for us to do. */

cli_rc_t cli_key_end(cli_store_t *store, const cli_entry_t *entry,
    const char *reason, int *done);


/* cli_identity.c */

/*
 * Compiles the identity of a key as the gateway does.  CLI_USAGE, with a
 * sentence in *error that is not printed, if a scope does not parse.
 */

cli_rc_t cli_identity_create(const cli_store_t *store,
    const reg_record_t *key, reg_identity_t **identity, reg_error_t *error);

/*
 * Checks what a record cannot know by itself: that tenant and roles are there
 * and that every scope still parses with the tenant's name in it.  what is what
 * sentences begin with.
 */

cli_rc_t cli_identity_check(const cli_store_t *store,
    const reg_record_t *key, const char *what);

/*
 * The scopes of a role, built in or in the store.  *record is to be freed and
 * NULL for the former; *role is NULL if there is no such role, or it is newer.
 */

cli_rc_t cli_role_get(const cli_store_t *store, reg_str_t name,
    reg_record_t **record, const reg_role_record_t **role);

#endif /* CLI_KEY_H */
