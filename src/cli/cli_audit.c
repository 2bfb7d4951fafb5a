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
    json_t  *user;
    json_t  *sudo_user;             /* null without sudo */
    json_t  *host;
} cli_author_t;

typedef struct {
    cli_rows_t  rows;
    int64_t     since;
} cli_audit_t;


static int cli_author_get(cli_author_t *author);
static void cli_author_free(cli_author_t *author);
static json_t *cli_audit_text(const char *text);
static json_t *cli_audit_entry(const cli_store_t *store,
    const cli_change_t *change, const cli_author_t *author);
static json_t *cli_audit_was(const cli_change_t *change);
static void cli_audit_show(void *data, json_t *entry);
static int cli_audit_before(const json_t *line, int64_t since);


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

    if (cli_audit_before(entry, audit->since)) {
        json_decref(entry);

    } else {
        cli_rows_add(&audit->rows, entry);
    }
}


cli_rc_t
cli_audit_list(cli_t *cli)
{
    cli_rc_t     rc;
    cli_audit_t  audit;
    cli_store_t  store;

    static const cli_column_t  columns[] = {
        { "TIME", "time" }, { "USER", "user" }, { "SUDO USER", "sudo_user" },
        { "HOST", "host" }, { "COMMAND", "command" }, { "ACTION", "action" },
        { "TYPE", "type" }, { "ID", "id" }, { "MEMBERS", "members" },
        { NULL, NULL }
    };

    rc = cli_time(cli, CLI_OPT_SINCE, "since", -1, &audit.since);

    if (rc != CLI_DONE) {
        return rc;
    }

    cli_rows_init(&audit.rows, cli, columns);

    rc = cli_store_reach(&store, cli, NULL);

    if (rc == CLI_DONE) {
        rc = store.backend->audit(&store, 0, cli_audit_show, &audit);
    }

    if (rc == CLI_DONE) {
        rc = cli_rows_end(&audit.rows);

    } else {
        cli_rows_free(&audit.rows);
    }

    cli_store_close(&store);

    return rc;
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


static int
cli_audit_before(const json_t *line, int64_t since)
{
    int64_t      time;
    const char  *text;

    if (since == REG_TIME_NONE) {
        return 0;
    }

    text = json_string_value(json_object_get(line, "time"));

    /* what has no time is rather shown than hidden */

    return text && reg_time_parse(&time, reg_str(text), NULL) == REG_OK
           && time < since;
}
