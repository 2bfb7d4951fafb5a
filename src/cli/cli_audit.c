/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The audit: one JSON object a line, appended beside the store.  It names what
 * changed, never a value, so no hash and no secret can get into it.
 */

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_file.h"
#include "cli_output.h"
#include "cli_store.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_HOST_MAX  256


typedef struct {
    json_t  *user;
    json_t  *sudo_user;             /* null without sudo */
    json_t  *host;
} cli_author_t;


static int cli_author_get(cli_author_t *author);
static void cli_author_free(cli_author_t *author);
static json_t *cli_audit_text(const char *text);
static cli_rc_t cli_audit_print(FILE *file, const cli_store_t *store,
    const cli_author_t *author);
static cli_rc_t cli_audit_read(const cli_t *cli, const char *path, char *text,
    int64_t since);
static int cli_audit_before(const json_t *line, int64_t since);


cli_rc_t
cli_audit_format(const cli_store_t *store, char **text, size_t *len)
{
    FILE          *file;
    cli_rc_t       rc;
    cli_author_t   author;

    *text = NULL;

    if (!cli_author_get(&author)) {
        cli_author_free(&author);
        return cli_nomem();
    }

    file = open_memstream(text, len);

    if (file == NULL) {
        cli_author_free(&author);
        return cli_nomem();
    }

    rc = cli_audit_print(file, store, &author);

    cli_author_free(&author);

    if (ferror(file) && rc == CLI_DONE) {
        rc = cli_nomem();
    }

    if ((fclose(file) != 0 || *text == NULL) && rc == CLI_DONE) {
        rc = cli_nomem();
    }

    if (rc != CLI_DONE) {
        free(*text);
        *text = NULL;
    }

    return rc;
}


cli_rc_t
cli_audit_write(const cli_store_t *store, const char *text, size_t len)
{
    char     last;
    off_t    size;
    ssize_t  n;

    /* a line that a full disk has cut short must not swallow the next */

    size = lseek(store->audit, 0, SEEK_END);

    if (size > 0 && pread(store->audit, &last, 1, size - 1) == 1
        && last != '\n' && write(store->audit, "\n", 1) != 1)
    {
        return cli_fail(CLI_STORE, "the change is done, but %s"
                        CLI_AUDIT_SUFFIX " cannot be written: %s",
                        store->path, strerror(errno));
    }

    do {
        n = write(store->audit, text, len);
    } while (n == -1 && errno == EINTR);

    if (n != (ssize_t) len || fsync(store->audit) == -1) {
        return cli_fail(CLI_STORE, "the change is done, but %s"
                        CLI_AUDIT_SUFFIX " cannot be written: %s",
                        store->path, n == -1 ? strerror(errno)
                                             : "it was cut short");
    }

    return CLI_DONE;
}


cli_rc_t
cli_audit_list(cli_t *cli)
{
    char        *text, *target, name[4096];
    size_t       len;
    int64_t      since;
    cli_rc_t     rc;
    const char  *path;

    rc = cli_time(cli, CLI_OPT_SINCE, "since", -1, &since);

    if (rc == CLI_DONE) {
        rc = cli_store_path(cli, &path);
    }

    if (rc == CLI_DONE) {
        rc = cli_file_resolve(path, &target);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    (void) snprintf(name, sizeof(name), "%s" CLI_AUDIT_SUFFIX, target);

    free(target);

    if (access(name, F_OK) == -1 && errno == ENOENT) {
        return cli_audit_read(cli, name, NULL, since);
    }

    if (cli_input_read(name, &text, &len) != CLI_DONE) {
        return CLI_STORE;
    }

    rc = cli_audit_read(cli, name, text, since);

    free(text);

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


static cli_rc_t
cli_audit_print(FILE *file, const cli_store_t *store,
    const cli_author_t *author)
{
    int                  rc;
    char                 title[CLI_TITLE_MAX];
    size_t               i;
    json_t              *line;
    const cli_change_t  *change;

    cli_title(title, store->cli->command);

    for (i = 0; i < store->nchanges; i++) {
        change = &store->changes[i];

        line = json_pack("{s:o?,s:O,s:O,s:O,s:s,s:s,s:s,s:s,s:O}",
                         "time", cli_json_time(store->cli->now),
                         "user", author->user,
                         "sudo_user", author->sudo_user,
                         "host", author->host,
                         "command", title,
                         "action", change->action,
                         "type", reg_record_type_name(change->type),
                         "id", change->name,
                         "members", change->members);

        if (line == NULL) {
            return cli_nomem();
        }

        rc = json_dumpf(line, file, JSON_COMPACT);

        json_decref(line);

        if (rc != 0 || putc('\n', file) == EOF) {
            return cli_nomem();
        }
    }

    return CLI_DONE;
}


/* text is cut at its newlines; NULL: there is none yet. */

static cli_rc_t
cli_audit_read(const cli_t *cli, const char *path, char *text, int64_t since)
{
    char        *p, *end;
    size_t       number;
    json_t      *line;
    cli_rows_t   rows;

    static const cli_column_t  columns[] = {
        { "TIME", "time" }, { "USER", "user" }, { "SUDO USER", "sudo_user" },
        { "HOST", "host" }, { "COMMAND", "command" }, { "ACTION", "action" },
        { "TYPE", "type" }, { "ID", "id" }, { "MEMBERS", "members" },
        { NULL, NULL }
    };

    cli_rows_init(&rows, cli, columns);

    for (p = text, number = 1; p && *p; p = end, number++) {
        end = strchr(p, '\n');

        if (end) {
            *end++ = '\0';
        }

        line = json_loads(p, JSON_REJECT_DUPLICATES, NULL);

        if (line == NULL || !json_is_object(line)) {
            cli_note("%s: line %zu is no entry and is left out", path,
                     number);
            json_decref(line);
            continue;
        }

        if (cli_audit_before(line, since)) {
            json_decref(line);
            continue;
        }

        cli_rows_add(&rows, line);
    }

    return cli_rows_end(&rows);
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
