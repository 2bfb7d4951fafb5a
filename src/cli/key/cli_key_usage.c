/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Who used a key, from where, for what, and what was pushed with it.
 */

#include <stdlib.h>

#include "cli_key.h"
#include "cli_usage.h"
#include "cli_value.h"
#include "reg_issuer.h"
#include "reg_usage.h"

/* Texts of a line, one behind the other with NUL in between. */

#define CLI_USAGE_LABEL_MAX  4096


static json_t *cli_usage_new(const reg_usage_t *line);
static int cli_usage_merge(json_t *use, const reg_usage_t *line);
static int cli_usage_push(json_t *pushed, reg_str_t text);
static void cli_usage_label(char *buf, const reg_usage_t *line);
static cli_rc_t cli_usage_show(cli_t *cli, cli_usage_t *usage);
static int cli_usage_order(const void *one, const void *two);
static const char *cli_usage_member(const json_t *use, const char *member);


cli_rc_t
cli_key_usage(cli_t *cli)
{
    cli_rc_t     rc;
    cli_usage_t  usage;
    cli_store_t  store;

    usage.id = cli->operand;
    usage.broken = 0;

    /* of a token of an issuer, the subject: "github:repo:acme/app" */

    if (reg_api_key_id_check(reg_str(usage.id)) != REG_OK
        && (strchr(usage.id, ':') == NULL
            || strlen(usage.id) > REG_SUBJECT_MAX))
    {
        return cli_fail(CLI_USAGE, "\"%s\" is no id of a key: 12 letters and "
                        "digits", usage.id);
    }

    rc = cli_time(cli, CLI_OPT_SINCE, "since", -1, &usage.since);

    if (rc != CLI_DONE) {
        return rc;
    }

    usage.uses = json_object();

    /* the record may be gone: what was done with the key was done */

    rc = cli_store_reach(&store, cli, NULL);

    if (rc == CLI_DONE) {
        rc = usage.uses ? store.backend->usage(&store, &usage) : cli_nomem();
    }

    if (rc == CLI_DONE && usage.broken) {
        cli_note("%zu line%s of usage %s none and left out", usage.broken,
                 usage.broken == 1 ? "" : "s",
                 usage.broken == 1 ? "is" : "are");
    }

    if (rc == CLI_DONE && json_object_size(usage.uses) == 0) {
        cli_note("no use of the key %s is written down", usage.id);
    }

    if (rc == CLI_DONE) {
        rc = cli_usage_show(cli, &usage);
    }

    json_decref(usage.uses);
    cli_store_close(&store);

    return rc;
}


cli_rc_t
cli_usage_add(cli_usage_t *usage, reg_str_t text)
{
    int           bad;
    char          label[CLI_USAGE_LABEL_MAX];
    void         *json;
    json_t       *use;
    reg_usage_t   line;

    switch (reg_usage_parse(&line, &json, text)) {

    case REG_OK:
        break;

    case REG_NOMEM:
        return cli_nomem();

    default:
        usage->broken++;
        return CLI_DONE;
    }

    bad = 0;

    if (reg_str_eq(line.key_id, reg_str(usage->id))
        && (usage->since == REG_TIME_NONE || line.last >= usage->since))
    {
        cli_usage_label(label, &line);

        use = json_object_get(usage->uses, label);

        bad = use ? cli_usage_merge(use, &line)
                  : json_object_set_new(usage->uses, label,
                                        cli_usage_new(&line));
    }

    reg_usage_free(json);

    return bad ? cli_nomem() : CLI_DONE;
}


static json_t *
cli_usage_new(const reg_usage_t *line)
{
    size_t   i;
    json_t  *use, *pushed;

    pushed = json_array();

    for (i = 0; pushed && i < line->npushed; i++) {

        if (cli_usage_push(pushed, line->pushed[i])) {
            json_decref(pushed);
            return NULL;
        }
    }

    use = json_pack("{s:o?,s:o?,s:I,s:o?,s:o?,s:o?,s:o?,s:o?,s:o?}",
                    "first", cli_json_time(line->first),
                    "last", cli_json_time(line->last),
                    "count", (json_int_t) line->count,
                    "address", cli_json_text(line->address),
                    "agent", cli_json_text(line->agent),
                    "operation", cli_json_text(line->operation),
                    "decision", cli_json_text(line->decision),
                    "repository", cli_json_text(line->repository),
                    "pushed", pushed);

    return use;
}


/* Workers and gateways write in no order.  1 when memory ran out. */

static int
cli_usage_merge(json_t *use, const reg_usage_t *line)
{
    int         bad;
    size_t      i;
    int64_t     first, last;
    json_int_t  count;

    bad = reg_time_parse(&first, reg_str(json_string_value(
                             json_object_get(use, "first"))), NULL) != REG_OK
          || reg_time_parse(&last, reg_str(json_string_value(
                             json_object_get(use, "last"))), NULL) != REG_OK;

    count = json_integer_value(json_object_get(use, "count"));

    if (!bad && line->first < first) {
        bad = json_object_set_new(use, "first", cli_json_time(line->first));
    }

    if (!bad && line->last > last) {
        bad = json_object_set_new(use, "last", cli_json_time(line->last));
    }

    if (!bad) {
        bad = json_object_set_new(use, "count",
                                  json_integer(count
                                               + (json_int_t) line->count));
    }

    for (i = 0; !bad && i < line->npushed; i++) {
        bad = cli_usage_push(json_object_get(use, "pushed"), line->pushed[i]);
    }

    return bad != 0;
}


static int
cli_usage_push(json_t *pushed, reg_str_t text)
{
    size_t      i;
    json_t     *value;
    reg_str_t   known;

    json_array_foreach(pushed, i, value) {
        known = (reg_str_t) { json_string_length(value),
                              (unsigned char *) json_string_value(value) };

        if (reg_str_eq(known, text)) {
            return 0;
        }
    }

    return json_array_append_new(pushed, cli_json_text(text)) != 0;
}


static void
cli_usage_label(char *buf, const reg_usage_t *line)
{
    (void) snprintf(buf, CLI_USAGE_LABEL_MAX,
                    "%.*s\n%.*s\n%.*s\n%.*s\n%.*s", REG_FMT(line->address),
                    REG_FMT(line->agent), REG_FMT(line->repository),
                    REG_FMT(line->operation), REG_FMT(line->decision));
}


/* The latest last, where a person looks first. */

static cli_rc_t
cli_usage_show(cli_t *cli, cli_usage_t *usage)
{
    size_t        i, n;
    json_t      **uses, *use;
    cli_rows_t    rows;
    const char   *label;

    static const cli_column_t  columns[] = {
        { "FIRST", "first" }, { "LAST", "last" }, { "COUNT", "count" },
        { "ADDRESS", "address" }, { "OPERATION", "operation" },
        { "DECISION", "decision" }, { "REPOSITORY", "repository" },
        { "PUSHED", "pushed" }, { "AGENT", "agent" }, { NULL, NULL }
    };

    n = json_object_size(usage->uses);

    uses = calloc(n + 1, sizeof(json_t *));

    if (uses == NULL) {
        return cli_nomem();
    }

    i = 0;

    json_object_foreach(usage->uses, label, use) {
        uses[i++] = use;
    }

    qsort(uses, n, sizeof(json_t *), cli_usage_order);

    cli_rows_init(&rows, cli, columns);

    for (i = 0; i < n; i++) {
        cli_rows_add(&rows, json_incref(uses[i]));
    }

    free(uses);

    return cli_rows_end(&rows);
}


/* Times in RFC 3339 are in order when their texts are. */

static int
cli_usage_order(const void *one, const void *two)
{
    int             order;
    size_t          i;
    json_t *const  *a = one;
    json_t *const  *b = two;

    static const char  *members[] = {
        "last", "first", "address", "repository", "operation"
    };

    order = 0;

    for (i = 0; order == 0 && i < sizeof(members) / sizeof(members[0]); i++) {
        order = strcmp(cli_usage_member(*a, members[i]),
                       cli_usage_member(*b, members[i]));
    }

    return order;
}


static const char *
cli_usage_member(const json_t *use, const char *member)
{
    const char  *text;

    text = json_string_value(json_object_get(use, member));

    return text ? text : "";
}
