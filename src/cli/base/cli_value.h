/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_VALUE_H
#define CLI_VALUE_H

/*
 * Values of options, and members of records made of them.
 */

#include <jansson.h>

#include "cli.h"
#include "reg_time.h"

#define CLI_TIME_MAX  253402300799      /* the end of year 9999 */


/*
 * Reads a time, RFC 3339 or a duration from now on: sign 1 is later, -1 is
 * earlier.  REG_TIME_NONE when the option was not given.
 */

cli_rc_t cli_time(const cli_t *cli, cli_opt_t opt, const char *name, int sign,
    int64_t *seconds);


/*
 * Text and time of a record as JSON: null for empty text and REG_TIME_NONE.
 * NULL if memory ran out.
 */

json_t *cli_json_text(reg_str_t text);

json_t *cli_json_time(int64_t seconds);

json_t *cli_json_list(const reg_str_t *items, size_t n);


/*
 * The values of a repeated option as a list of strings in *list; NULL when the
 * option was not given.  CLI_USAGE if one is not UTF-8.
 */

cli_rc_t cli_json_values(const cli_t *cli, cli_opt_t opt, const char *name,
    json_t **list);


/*
 * Adds the values of a repeated option, NAME=VALUE, to an object.  CLI_USAGE if
 * one is nothing like that.
 */

cli_rc_t cli_json_pairs(const cli_t *cli, cli_opt_t opt, const char *name,
    json_t *object);


/*
 * Removes and sets entries of an object that is a member.  What is removed
 * first can still be set anew by the same command.
 */

cli_rc_t cli_json_change(const cli_t *cli, json_t *json, const char *member,
    cli_opt_t unset, cli_opt_t set, const char *name);


/* A member that is an object, or an empty one in place of it. */

json_t *cli_json_object(json_t *json, const char *member);


/* Sets a member to a value that is taken over; both may be NULL. */

cli_rc_t cli_json_set(json_t *object, const char *member, json_t *value);

/* Sets a member to what somebody has typed, which may not be UTF-8. */

cli_rc_t cli_json_set_text(json_t *object, const char *member,
    const char *text);

#endif /* CLI_VALUE_H */
