/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_value.h"


cli_rc_t
cli_time(const cli_t *cli, cli_opt_t opt, const char *name, int sign,
    int64_t *seconds)
{
    int64_t       duration;
    reg_rc_t      rc;
    const char   *text;
    reg_error_t   error;

    *seconds = REG_TIME_NONE;

    text = cli_value(cli, opt);

    if (text == NULL) {
        return CLI_DONE;
    }

    /* a date has a dash, a duration has none */

    if (strchr(text, '-')) {
        rc = reg_time_parse(seconds, reg_str(text), &error);

    } else {
        rc = reg_duration_parse(&duration, reg_str(text), &error);

        if (rc == REG_OK) {
            *seconds = cli->now + sign * duration;
            *seconds = *seconds < 0 ? 0 : *seconds;
        }
    }

    if (rc != REG_OK) {
        return cli_fail(CLI_USAGE, "--%s: %s", name, error.text);
    }

    return CLI_DONE;
}


json_t *
cli_json_text(reg_str_t text)
{
    return text.len ? json_stringn((const char *) text.data, text.len)
                    : json_null();
}


json_t *
cli_json_time(int64_t seconds)
{
    char  text[REG_TIME_LEN + 1];

    if (seconds == REG_TIME_NONE) {
        return json_null();
    }

    reg_time_format(text, seconds);

    return json_string(text);
}


json_t *
cli_json_list(const reg_str_t *items, size_t n)
{
    size_t   i;
    json_t  *list;

    list = json_array();

    for (i = 0; list && i < n; i++) {

        if (json_array_append_new(list, cli_json_text(items[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


cli_rc_t
cli_json_values(const cli_t *cli, cli_opt_t opt, const char *name,
    json_t **list)
{
    size_t       cursor;
    json_t      *text;
    const char  *value;

    *list = NULL;
    cursor = 0;

    for (value = cli_next_value(cli, opt, &cursor); value;
         value = cli_next_value(cli, opt, &cursor))
    {
        text = json_string(value);

        if (text == NULL) {
            json_decref(*list);
            *list = NULL;
            return cli_fail(CLI_USAGE, "--%s is not UTF-8", name);
        }

        if (*list == NULL) {
            *list = json_array();
        }

        if (json_array_append_new(*list, text) != 0) {
            json_decref(*list);
            *list = NULL;
            return cli_nomem();
        }
    }

    return CLI_DONE;
}


cli_rc_t
cli_json_pairs(const cli_t *cli, cli_opt_t opt, const char *name,
    json_t *object)
{
    char        *key;
    size_t       cursor;
    cli_rc_t     rc;
    const char  *pair, *equals;

    rc = CLI_DONE;
    cursor = 0;

    while (rc == CLI_DONE) {
        pair = cli_next_value(cli, opt, &cursor);

        if (pair == NULL) {
            break;
        }

        equals = strchr(pair, '=');

        if (equals == NULL) {
            return cli_fail(CLI_USAGE, "--%s takes NAME=VALUE", name);
        }

        key = strndup(pair, (size_t) (equals - pair));
        if (key == NULL) {
            return cli_nomem();
        }

        if (json_object_set_new(object, key, json_string(equals + 1)) != 0) {
            rc = cli_fail(CLI_USAGE, "--%s is not UTF-8", name);
        }

        free(key);
    }

    return rc;
}


cli_rc_t
cli_json_change(const cli_t *cli, json_t *json, const char *member,
    cli_opt_t unset, cli_opt_t set, const char *name)
{
    size_t       cursor;
    json_t      *object;
    cli_rc_t     rc;
    const char  *text;

    object = cli_json_object(json, member);

    cursor = 0;

    for ( ;; ) {
        text = cli_next_value(cli, unset, &cursor);

        if (text == NULL) {
            break;
        }

        /* what is not there is as it should be */

        (void) json_object_del(object, text);
    }

    rc = cli_json_pairs(cli, set, name, object);

    if (rc == CLI_DONE
        && (json_object_size(object) || json_object_get(json, member)))
    {
        rc = cli_json_set(json, member, json_incref(object));
    }

    json_decref(object);

    return rc;
}


json_t *
cli_json_object(json_t *json, const char *member)
{
    json_t  *object;

    object = json_object_get(json, member);

    return json_is_object(object) ? json_incref(object) : json_object();
}


cli_rc_t
cli_json_set(json_t *object, const char *member, json_t *value)
{
    return json_object_set_new(object, member, value) == 0 ? CLI_DONE
                                                           : cli_nomem();
}


cli_rc_t
cli_json_set_text(json_t *object, const char *member, const char *text)
{
    json_t  *value;

    value = json_string(text);

    if (value == NULL) {
        return cli_fail(CLI_USAGE, "the %s is not UTF-8", member);
    }

    return cli_json_set(object, member, value);
}
