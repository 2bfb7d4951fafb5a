/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/*
 * Answers: every one is made of JSON objects, which are printed as they are
 * for programs, and as aligned columns for people.
 */

#include <jansson.h>

#include "cli.h"

typedef struct {
    const char  *head;              /* NULL ends the columns */
    const char  *member;
} cli_column_t;

typedef struct {
    const cli_t         *cli;
    const cli_column_t  *columns;
    size_t               ncolumns;
    unsigned             right;     /* bit n: column n is of numbers */
    size_t               n;         /* rows */
    size_t               ncells;
    size_t               size;
    char               **cells;
    unsigned             failed:1;
} cli_rows_t;


/* A list: an array of objects, or a table of the members in columns. */

void cli_rows_init(cli_rows_t *rows, const cli_t *cli,
    const cli_column_t *columns);

/* Adds an object and takes it over; NULL says that memory ran out. */

void cli_rows_add(cli_rows_t *rows, json_t *object);

/* Prints what is left to print and frees all.  CLI_STORE: memory ran out. */

cli_rc_t cli_rows_end(cli_rows_t *rows);


/* Frees all instead and prints no more: for what has failed. */

void cli_rows_free(cli_rows_t *rows);


/* One object: itself, or a line for each member.  Takes it over likewise. */

cli_rc_t cli_show(const cli_t *cli, json_t *object);

#endif /* CLI_OUTPUT_H */
