/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_LIST_H
#define CLI_LIST_H

/*
 * Listing and showing records of the store.
 */

#include "cli_output.h"
#include "cli_store.h"

/* A record for people and programs; NULL: memory ran out. */

typedef json_t *(*cli_view_t)(const cli_store_t *store,
    const reg_record_t *record);

/* Whether a record belongs into the list. */

typedef int (*cli_want_t)(const cli_t *cli, const reg_record_t *record);


/* Adds the records of a type to rows; want may be NULL. */

cli_rc_t cli_list_add(cli_rows_t *rows, const cli_store_t *store,
    reg_record_type_t type, cli_want_t want, cli_view_t view);

/* Opens the store, lists the records of a type and closes it. */

cli_rc_t cli_list(const cli_t *cli, reg_record_type_t type,
    const cli_column_t *columns, cli_want_t want, cli_view_t view);

/* Shows one record of an open store. */

cli_rc_t cli_list_show(const cli_store_t *store, const cli_entry_t *entry,
    cli_view_t view);

/* The same for a command that does nothing else: that of its operand. */

cli_rc_t cli_list_one(const cli_t *cli, reg_record_type_t type,
    cli_view_t view);

/*
 * Opens the store, has the record of the operand changed or made in memory, and
 * commits; what changes nothing is said to do so.
 */

typedef cli_rc_t (*cli_change_pt)(cli_store_t *store);

cli_rc_t cli_list_set(const cli_t *cli, reg_record_type_t type,
    cli_change_pt change);

/* Removes the record of the operand. */

cli_rc_t cli_list_remove(const cli_t *cli, reg_record_type_t type);

#endif /* CLI_LIST_H */
