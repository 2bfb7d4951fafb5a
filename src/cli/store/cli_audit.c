/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The audit: an object for each change, lines beside a file and a stream in
 * Redis.  It names what changed and no values, so no hash and no secret can
 * get into it; but labels and owners as they were before, for reports of the
 * days until then.
 */

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_store.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_HOST_MAX  256


typedef struct {
    cli_rows_t   rows;
    int64_t      since;             /* REG_TIME_NONE: any, as below */
    int64_t      until;
    const char  *actor;             /* NULL: any, as below */
    const char  *action;
    const char  *record;            /* "TYPE" or "TYPE/NAME", or an id */
    size_t       limit;             /* 0: none */
    json_t      *last;              /* of them, with a limit */
} cli_audit_t;


typedef struct {
    json_t  *user;
    json_t  *sudo_user;             /* null without sudo */
    json_t  *host;
} cli_author_t;


static int cli_author_get(cli_author_t *author);
static void cli_author_free(cli_author_t *author);
static json_t *cli_audit_text(const char *text);
static json_t *cli_audit_entry(const cli_store_t *store,
    const cli_change_t *change, const cli_author_t *author);
static json_t *cli_audit_was(const cli_change_t *change);
static void cli_audit_show(void *data, json_t *entry);
static cli_rc_t cli_audit_options(cli_t *cli, cli_audit_t *audit);
static int cli_audit_wanted(const cli_audit_t *audit, const json_t *entry);
static int cli_audit_in_time(const cli_audit_t *audit, const json_t *entry);
static int cli_audit_is(const json_t *entry, const char *member,
    const char *text);


cli_rc_t
cli_audit_entries(const cli_store_t *store, json_t **entries)
{
    size_t         i;
    cli_rc_t       rc;
    cli_author_t   author;

    *entries = json_array();
    rc = CLI_DONE;

    if (!cli_author_get(&author) || *entries == NULL) {
        rc = cli_nomem();
    }

    for (i = 0; rc == CLI_DONE && i < store->nchanges; i++) {

        if (json_array_append_new(*entries,
                                  cli_audit_entry(store, &store->changes[i],
                                                  &author))
            == -1)
        {
            rc = cli_nomem();
        }
    }

    cli_author_free(&author);

    if (rc != CLI_DONE) {
        json_decref(*entries);
        *entries = NULL;
    }

    return rc;
}


static void
cli_audit_show(void *data, json_t *entry)
{
    cli_audit_t *audit = data;

    if (!cli_audit_wanted(audit, entry)) {
        json_decref(entry);
        return;
    }

    if (audit->limit == 0) {
        cli_rows_add(&audit->rows, entry);
        return;
    }

    if (json_array_size(audit->last) == audit->limit) {
        (void) json_array_remove(audit->last, 0);
    }

    if (json_array_append_new(audit->last, entry) != 0) {
        cli_rows_add(&audit->rows, NULL);
    }
}


cli_rc_t
cli_audit_list(cli_t *cli)
{
    size_t        i;
    json_t       *entry;
    cli_rc_t      rc;
    cli_audit_t   audit;
    cli_store_t   store;

    static const cli_column_t  columns[] = {
        { "TIME", "time" }, { "USER", "user" }, { "SUDO USER", "sudo_user" },
        { "HOST", "host" }, { "COMMAND", "command" }, { "ACTION", "action" },
        { "TYPE", "type" }, { "ID", "id" }, { "MEMBERS", "members" },
        { NULL, NULL }
    };

    memset(&audit, 0, sizeof(cli_audit_t));

    rc = cli_audit_options(cli, &audit);

    if (rc != CLI_DONE) {
        return rc;
    }

    audit.last = json_array();

    cli_rows_init(&audit.rows, cli, columns);

    rc = cli_store_reach(&store, cli, NULL);

    if (rc == CLI_DONE) {
        rc = store.backend->audit(&store, 0, cli_audit_show, &audit);
    }

    json_array_foreach(audit.last, i, entry) {
        cli_rows_add(&audit.rows, json_incref(entry));
    }

    if (rc == CLI_DONE) {
        rc = cli_rows_end(&audit.rows);

    } else {
        cli_rows_free(&audit.rows);
    }

    cli_store_close(&store);
    json_decref(audit.last);

    return rc;
}


static cli_rc_t
cli_audit_options(cli_t *cli, cli_audit_t *audit)
{
    char        *end;
    cli_rc_t     rc;
    const char  *limit;

    rc = cli_time(cli, CLI_OPT_SINCE, "since", -1, &audit->since);

    if (rc == CLI_DONE) {
        rc = cli_time(cli, CLI_OPT_UNTIL, "until", -1, &audit->until);
    }

    audit->actor = cli_value(cli, CLI_OPT_ACTOR);
    audit->action = cli_value(cli, CLI_OPT_ACTION);
    audit->record = cli_value(cli, CLI_OPT_RECORD);

    limit = cli_value(cli, CLI_OPT_LIMIT);

    if (limit) {
        audit->limit = strtoul(limit, &end, 10);

        if (limit[0] < '1' || limit[0] > '9' || *end || strlen(limit) > 6) {
            return cli_fail(CLI_USAGE, "--limit takes a number of entries, 1 "
                            "to 999999");
        }
    }

    return rc;
}


static int
cli_audit_wanted(const cli_audit_t *audit, const json_t *entry)
{
    size_t       len;
    const char  *type;

    if (!cli_audit_in_time(audit, entry)) {
        return 0;
    }

    if (audit->actor && !cli_audit_is(entry, "user", audit->actor)
        && !cli_audit_is(entry, "sudo_user", audit->actor))
    {
        return 0;
    }

    if (audit->action && !cli_audit_is(entry, "action", audit->action)
        && !cli_audit_is(entry, "command", audit->action))
    {
        return 0;
    }

    if (audit->record == NULL || cli_audit_is(entry, "id", audit->record)
        || cli_audit_is(entry, "type", audit->record))
    {
        return 1;
    }

    type = json_string_value(json_object_get(entry, "type"));
    len = type ? strlen(type) : 0;

    return type && strncmp(audit->record, type, len) == 0
           && audit->record[len] == '/'
           && cli_audit_is(entry, "id", audit->record + len + 1);
}


static int
cli_audit_is(const json_t *entry, const char *member, const char *text)
{
    const char  *value;

    value = json_string_value(json_object_get(entry, member));

    return value && strcmp(value, text) == 0;
}


/* Who a person is: SUDO_USER is what sudo says, or who pretends to be it. */

static int
cli_author_get(cli_author_t *author)
{
    char            host[CLI_HOST_MAX], uid[32];
    const char     *sudo;
    struct passwd  *user;

    user = getpwuid(getuid());
    sudo = getenv("SUDO_USER");

    (void) snprintf(uid, sizeof(uid), "%lu", (unsigned long) getuid());

    if (gethostname(host, sizeof(host)) == -1) {
        host[0] = '\0';
    }

    host[sizeof(host) - 1] = '\0';

    author->user = cli_audit_text(user ? user->pw_name : uid);
    author->sudo_user = sudo ? cli_audit_text(sudo) : json_null();
    author->host = cli_audit_text(host);

    return author->user && author->sudo_user && author->host;
}


static void
cli_author_free(cli_author_t *author)
{
    json_decref(author->user);
    json_decref(author->sudo_user);
    json_decref(author->host);
}


/* Text of the system: cut, and '?' where it is not printable ASCII. */

static json_t *
cli_audit_text(const char *text)
{
    reg_error_t  clean;

    reg_error_set(&clean, "%s", text);

    return json_string(clean.text);
}


static json_t *
cli_audit_entry(const cli_store_t *store, const cli_change_t *change,
    const cli_author_t *author)
{
    char     title[CLI_TITLE_MAX];
    json_t  *was;

    cli_title(title, store->cli->command);

    was = cli_audit_was(change);

    return json_pack("{s:o?,s:O,s:O,s:O,s:s,s:s,s:s,s:s,s:O,s:o*}",
                     "time", cli_json_time(store->cli->now),
                     "user", author->user,
                     "sudo_user", author->sudo_user,
                     "host", author->host,
                     "command", title,
                     "action", change->action,
                     "type", reg_record_type_name(change->type),
                     "id", change->name,
                     "members", change->members,
                     "was", was);
}


/* NULL: the change is not about labels or an owner. */

static json_t *
cli_audit_was(const cli_change_t *change)
{
    int      told;
    size_t   i;
    json_t  *before, *was, *member;

    if (change->before == NULL
        || (change->type != REG_RECORD_TENANT
            && change->type != REG_RECORD_REPOSITORY))
    {
        return NULL;
    }

    told = strcmp(change->action, "remove") == 0;

    json_array_foreach(change->members, i, member) {
        told |= strcmp(json_string_value(member), "labels") == 0
                || strcmp(json_string_value(member), "owner") == 0;
    }

    before = told ? json_loads(change->before, 0, NULL) : NULL;

    was = before ? json_pack("{s:O*,s:O*}",
                             "labels", json_object_get(before, "labels"),
                             "owner", json_object_get(before, "owner"))
                 : NULL;

    json_decref(before);

    return was;
}


/* What has no time is rather shown than hidden. */

static int
cli_audit_in_time(const cli_audit_t *audit, const json_t *entry)
{
    int64_t      time;
    const char  *text;

    text = json_string_value(json_object_get(entry, "time"));

    if (text == NULL || reg_time_parse(&time, reg_str(text), NULL) != REG_OK) {
        return 1;
    }

    return (audit->since == REG_TIME_NONE || time >= audit->since)
           && (audit->until == REG_TIME_NONE || time <= audit->until);
}
