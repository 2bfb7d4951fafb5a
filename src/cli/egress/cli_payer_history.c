/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "cli_egress.h"
#include "cli_payer_history.h"
#include "reg_record_json.h"
#include "reg_time.h"


typedef struct {
    cli_history_t  *history;
    cli_rc_t        rc;
} cli_history_reader_t;


static void cli_history_entry(void *data, json_t *entry);
static cli_rc_t cli_history_add(cli_history_t *history,
    reg_record_type_t type, const char *name, int64_t until,
    const json_t *was);
static cli_rc_t cli_history_day(cli_history_t *history, int64_t day);


cli_rc_t
cli_history_read(cli_history_t *history, cli_store_t *store)
{
    cli_rc_t              rc;
    cli_history_reader_t  reader;

    reader.history = history;
    reader.rc = CLI_DONE;

    history->types[REG_RECORD_TENANT] = json_object();
    history->types[REG_RECORD_REPOSITORY] = json_object();

    rc = store->backend->audit(store, CLI_AUDIT_ROTATED, cli_history_entry,
                               &reader);

    return rc == CLI_DONE ? reader.rc : rc;
}


void
cli_history_free(cli_history_t *history)
{
    json_decref(history->types[REG_RECORD_TENANT]);
    json_decref(history->types[REG_RECORD_REPOSITORY]);
    free(history->days);
}


size_t
cli_history_epoch(const cli_history_t *history, int64_t day)
{
    size_t  i;

    for (i = 0; i < history->n && history->days[i] <= day; i++) {
        /* void */
    }

    return i;
}


cli_rc_t
cli_history_find(const cli_history_t *history, reg_record_type_t type,
    reg_str_t name, int64_t day, int later, json_t **was)
{
    char     text[REG_TEXT_MAX + 1];
    size_t   i;
    json_t  *version, *versions;

    (void) snprintf(text, sizeof(text), "%.*s", REG_FMT(name));

    versions = json_object_get(history->types[type], text);

    json_array_foreach(versions, i, version) {

        if (json_integer_value(json_object_get(version, "until")) <= day) {
            continue;
        }

        if (json_object_get(version, "labels")) {
            *was = version;
            return CLI_DONE;
        }

        if (!later) {
            return CLI_NO;
        }
    }

    return CLI_AGAIN;
}


json_t *
cli_history_names(const cli_history_t *history, reg_record_type_t type)
{
    return history->types[type];
}


/* Entries come oldest first; those that say nothing of labels are passed. */

static void
cli_history_entry(void *data, json_t *entry)
{
    int64_t                time;
    json_t                *was;
    cli_rc_t               rc;
    const char            *text, *name, *when;
    reg_record_type_t      type;
    cli_history_reader_t  *reader = data;

    text = json_string_value(json_object_get(entry, "type"));
    name = json_string_value(json_object_get(entry, "id"));
    when = json_string_value(json_object_get(entry, "time"));
    was = json_object_get(entry, "was");

    type = text && strcmp(text, "tenant") == 0 ? REG_RECORD_TENANT
                                               : REG_RECORD_REPOSITORY;

    if (reader->rc == CLI_DONE && text && name && when
        && strcmp(text, reg_record_type_name(type)) == 0
        && reg_time_parse(&time, reg_str(when), NULL) == REG_OK)
    {
        text = json_string_value(json_object_get(entry, "action"));
        rc = CLI_DONE;

        if (json_is_object(was) || (text && strcmp(text, "create") == 0)) {
            rc = cli_history_add(reader->history, type, name, time / CLI_DAY,
                                 json_is_object(was) ? was : NULL);
        }

        reader->rc = rc;
    }

    json_decref(entry);
}


/* was NULL: there was none.  The first change of a day says what was before. */

static cli_rc_t
cli_history_add(cli_history_t *history, reg_record_type_t type,
    const char *name, int64_t until, const json_t *was)
{
    json_t  *versions, *version, *last;

    versions = json_object_get(history->types[type], name);

    if (versions == NULL) {
        versions = json_array();

        if (json_object_set_new(history->types[type], name, versions) != 0) {
            return cli_nomem();
        }
    }

    last = json_array_get(versions, json_array_size(versions) - 1);

    if (last
        && json_integer_value(json_object_get(last, "until")) >= until)
    {
        return CLI_DONE;
    }

    version = was ? json_copy((json_t *) was) : json_object();

    if (was && !json_is_object(json_object_get(was, "labels"))
        && json_object_set_new(version, "labels", json_object()) != 0)
    {
        json_decref(version);
        return cli_nomem();
    }

    if (json_object_set_new(version, "until", json_integer(until)) != 0
        || json_array_append_new(versions, version) != 0)
    {
        return cli_nomem();
    }

    return cli_history_day(history, until);
}


/* Clocks may differ, so they are not in order by themselves. */

static cli_rc_t
cli_history_day(cli_history_t *history, int64_t day)
{
    size_t    i, size;
    int64_t  *days;

    i = cli_history_epoch(history, day);

    if (i && history->days[i - 1] == day) {
        return CLI_DONE;
    }

    if (history->n == history->size) {
        size = history->size ? 2 * history->size : 64;
        days = realloc(history->days, size * sizeof(int64_t));

        if (days == NULL) {
            return cli_nomem();
        }

        history->days = days;
        history->size = size;
    }

    memmove(history->days + i + 1, history->days + i,
            (history->n - i) * sizeof(int64_t));

    history->days[i] = day;
    history->n++;

    return CLI_DONE;
}
