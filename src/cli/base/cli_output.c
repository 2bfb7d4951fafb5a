/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_output.h"


static int cli_rows_cell(cli_rows_t *rows, char *text);
static cli_rc_t cli_rows_print(const cli_rows_t *rows);
static void cli_rows_line(const cli_rows_t *rows, const size_t *widths,
    size_t row);
static const char *cli_rows_text(const cli_rows_t *rows, size_t row,
    size_t column);
static size_t cli_width(const char *text);
static char *cli_text(const json_t *value);
static char *cli_join(const json_t *value);


void
cli_rows_init(cli_rows_t *rows, const cli_t *cli, const cli_column_t *columns)
{
    memset(rows, 0, sizeof(cli_rows_t));

    rows->cli = cli;
    rows->columns = columns;

    while (columns[rows->ncolumns].head) {
        rows->ncolumns++;
    }
}


void
cli_rows_add(cli_rows_t *rows, json_t *object)
{
    size_t   i;
    json_t  *value;

    if (object == NULL) {
        rows->failed = 1;
        return;
    }

    if (rows->cli->json) {
        printf("%s", rows->n ? ",\n " : "[");

        if (json_dumpf(object, stdout, 0) != 0) {
            rows->failed = 1;
        }

    } else {
        for (i = 0; i < rows->ncolumns; i++) {
            value = json_object_get(object, rows->columns[i].member);

            if (!cli_rows_cell(rows, cli_text(value))) {
                rows->failed = 1;
                break;
            }
        }
    }

    rows->n++;

    json_decref(object);
}


cli_rc_t
cli_rows_end(cli_rows_t *rows)
{
    cli_rc_t  rc;

    rc = rows->failed ? cli_nomem() : CLI_DONE;

    if (rows->cli->json) {
        printf("%s]\n", rows->n ? "" : "[");

    } else if (rc == CLI_DONE) {
        rc = cli_rows_print(rows);
    }

    cli_rows_free(rows);

    return rc;
}


void
cli_rows_free(cli_rows_t *rows)
{
    size_t  i;

    for (i = 0; i < rows->ncells; i++) {
        free(rows->cells[i]);
    }

    free(rows->cells);
}


cli_rc_t
cli_show(const cli_t *cli, json_t *object)
{
    char        *text;
    size_t       width;
    json_t      *value;
    cli_rc_t     rc;
    const char  *name;

    if (object == NULL) {
        return cli_nomem();
    }

    rc = CLI_DONE;

    if (cli->json) {
        if (json_dumpf(object, stdout, JSON_INDENT(2)) != 0) {
            rc = cli_nomem();
        }

        (void) putchar('\n');
        json_decref(object);

        return rc;
    }

    width = 0;

    json_object_foreach(object, name, value) {
        width = strlen(name) > width ? strlen(name) : width;
    }

    json_object_foreach(object, name, value) {
        text = cli_text(value);

        if (text == NULL) {
            rc = cli_nomem();
            break;
        }

        printf("%-*s  ", (int) width, name);
        cli_print_text(stdout, text);
        (void) putchar('\n');

        free(text);
    }

    json_decref(object);

    return rc;
}


static char *
cli_text(const json_t *value)
{
    char         number[32];
    const char  *text;

    switch (value ? json_typeof(value) : JSON_NULL) {

    case JSON_STRING:
        text = json_string_length(value) ? json_string_value(value) : "-";
        break;

    case JSON_INTEGER:
        (void) snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                        json_integer_value(value));
        text = number;
        break;

    case JSON_TRUE:
        text = "yes";
        break;

    case JSON_FALSE:
        text = "no";
        break;

    case JSON_ARRAY:
    case JSON_OBJECT:
        return cli_join(value);

    default:
        text = "-";
        break;
    }

    return strdup(text);
}


/* Takes text over, also when it fails. */

static int
cli_rows_cell(cli_rows_t *rows, char *text)
{
    char    **cells;
    size_t    size;

    if (text == NULL) {
        return 0;
    }

    if (rows->ncells == rows->size) {
        size = rows->size ? 2 * rows->size : 64;
        cells = realloc(rows->cells, size * sizeof(char *));

        if (cells == NULL) {
            free(text);
            return 0;
        }

        rows->cells = cells;
        rows->size = size;
    }

    rows->cells[rows->ncells++] = text;

    return 1;
}


static cli_rc_t
cli_rows_print(const cli_rows_t *rows)
{
    size_t  row, column, width, *widths;

    widths = calloc(rows->ncolumns, sizeof(size_t));
    if (widths == NULL) {
        return cli_nomem();
    }

    /* row 0 is the heads */

    for (row = 0; row <= rows->n; row++) {
        for (column = 0; column < rows->ncolumns; column++) {

            width = cli_width(cli_rows_text(rows, row, column));

            if (width > widths[column]) {
                widths[column] = width;
            }
        }
    }

    for (row = 0; row <= rows->n; row++) {
        cli_rows_line(rows, widths, row);
    }

    free(widths);

    return CLI_DONE;
}


static void
cli_rows_line(const cli_rows_t *rows, const size_t *widths, size_t row)
{
    int          pad;
    size_t       column;
    const char  *text;

    for (column = 0; column < rows->ncolumns; column++) {
        text = cli_rows_text(rows, row, column);
        pad = (int) (widths[column] - cli_width(text));

        if (rows->right >> column & 1) {
            printf("%*s", pad, "");
            pad = 0;
        }

        cli_print_text(stdout, text);

        if (column + 1 < rows->ncolumns) {
            printf("%*s", pad + 2, "");
        }
    }

    (void) putchar('\n');
}


static const char *
cli_rows_text(const cli_rows_t *rows, size_t row, size_t column)
{
    return row ? rows->cells[(row - 1) * rows->ncolumns + column]
               : rows->columns[column].head;
}


/* Characters of UTF-8, each taken for one column wide. */

static size_t
cli_width(const char *text)
{
    size_t  width;

    for (width = 0; *text; text++) {
        width += ((*text & 0xc0) != 0x80);
    }

    return width;
}


/* "a, b" of a list of strings, "a=b, c=d" of an object of strings. */

static char *
cli_join(const json_t *value)
{
    char        *text, *p;
    size_t       i, n, size;
    void        *iter;
    const char  *name, *item;

    n = json_is_array(value) ? json_array_size(value) : json_object_size(value);
    size = sizeof("-");

    for (i = 0, iter = json_object_iter((json_t *) value); i < n; i++) {
        size += sizeof("=, ");

        if (iter) {
            size += strlen(json_object_iter_key(iter));
            size += json_string_length(json_object_iter_value(iter));
            iter = json_object_iter_next((json_t *) value, iter);

        } else {
            size += json_string_length(json_array_get(value, i));
        }
    }

    text = malloc(size);
    if (text == NULL) {
        return NULL;
    }

    (void) strcpy(text, n ? "" : "-");
    p = text;

    for (i = 0, iter = json_object_iter((json_t *) value); i < n; i++) {
        name = iter ? json_object_iter_key(iter) : "";
        item = json_string_value(iter ? json_object_iter_value(iter)
                                      : json_array_get(value, i));

        p += snprintf(p, size - (size_t) (p - text), "%s%s%s%s",
                      i ? ", " : "", name, iter ? "=" : "",
                      item ? item : "");

        if (iter) {
            iter = json_object_iter_next((json_t *) value, iter);
        }
    }

    return text;
}
