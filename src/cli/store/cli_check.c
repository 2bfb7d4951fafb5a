/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * store check: every broken record, not only the first, and what is sound but
 * hardly meant.
 */

#include <stdarg.h>

#include "cli_key.h"
#include "cli_output.h"
#include "reg_issuer.h"
#include "reg_record_json.h"


typedef struct {
    cli_store_t  *store;
    cli_rows_t    rows;
    size_t        errors;
    size_t        warnings;
    size_t        records[REG_RECORD_TYPES];
} cli_check_t;


static cli_rc_t cli_check_records(cli_check_t *check);
static cli_rc_t cli_check_record(cli_check_t *check,
    const reg_scan_item_t *item);
static cli_rc_t cli_check_entries(cli_check_t *check);
static cli_rc_t cli_check_text(cli_check_t *check,
    const reg_scan_item_t *item);
static cli_rc_t cli_check_keys(cli_check_t *check);
static cli_rc_t cli_check_issuers(cli_check_t *check);
static cli_rc_t cli_check_key(cli_check_t *check, const cli_entry_t *entry,
    const reg_record_t *record);
static void cli_check_mode(cli_check_t *check);
static void cli_check_report(cli_check_t *check, const char *severity,
    const reg_scan_item_t *item, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void cli_check_warn(cli_check_t *check, const cli_entry_t *entry,
    const char *sentence, reg_str_t text);
static cli_rc_t cli_check_end(cli_check_t *check, cli_rc_t rc);


cli_rc_t
cli_store_check(cli_t *cli)
{
    cli_rc_t      rc;
    cli_check_t   check;
    cli_store_t   store;

    static const cli_column_t  columns[] = { { NULL, NULL } };

    memset(&check, 0, sizeof(cli_check_t));

    check.store = &store;

    rc = cli_store_open(&store, cli, CLI_STORE_RAW);

    if (rc != CLI_DONE) {
        cli_store_close(&store);
        return rc;
    }

    cli_rows_init(&check.rows, cli, columns);

    rc = store.text.data ? cli_check_records(&check)
                         : cli_check_entries(&check);

    /* a role that cannot be read tells nothing about the keys that have it */

    if (rc == CLI_DONE && check.errors == 0) {
        rc = cli_check_keys(&check);

        if (rc == CLI_DONE) {
            rc = cli_check_issuers(&check);
        }
    }

    cli_check_mode(&check);

    rc = cli_check_end(&check, rc);

    cli_store_close(&store);

    return rc;
}


static cli_rc_t
cli_check_records(cli_check_t *check)
{
    cli_rc_t          rc;
    reg_scan_t        scan;
    const char       *sentence;
    reg_error_t       error;
    reg_scan_rc_t     scanned;
    reg_scan_item_t   item;

    reg_scan_init(&scan, check->store->text);

    for ( ;; ) {
        scanned = reg_scan_next(&scan, &item, &error);

        if (scanned == REG_SCAN_END) {
            return CLI_DONE;
        }

        if (scanned == REG_SCAN_INVALID) {

            /* it begins with the line, which the report has already */

            sentence = strstr(error.text, ": ");

            memset(&item, 0, sizeof(reg_scan_item_t));
            item.line = scan.line;

            cli_check_report(check, "error", &item, "%s; the rest has not "
                             "been checked",
                             sentence ? sentence + 2 : error.text);
            return CLI_DONE;
        }

        rc = cli_check_record(check, &item);

        if (rc != CLI_DONE) {
            return rc;
        }
    }
}


static cli_rc_t
cli_check_record(cli_check_t *check, const reg_scan_item_t *item)
{
    cli_rc_t      rc;
    cli_entry_t  *entry;

    entry = cli_document_find(&check->store->doc, item->type, item->name);

    if (entry) {
        cli_check_report(check, "error", item, "is there twice, in line %zu "
                         "too", entry->line);
        check->records[item->type]++;
        return CLI_DONE;
    }

    rc = cli_check_text(check, item);

    return rc == CLI_DONE ? cli_document_take(&check->store->doc, item) : rc;
}


/* Of a store that is no text: its records are in the document already. */

static cli_rc_t
cli_check_entries(cli_check_t *check)
{
    size_t            i;
    cli_rc_t          rc;
    cli_entry_t      *entry;
    reg_scan_item_t   item;

    memset(&item, 0, sizeof(reg_scan_item_t));

    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < check->store->doc.n; i++) {
        entry = check->store->doc.entries[i];

        item.type = entry->type;
        item.name = entry->name;
        item.text = entry->text;

        rc = cli_check_text(check, &item);
    }

    return rc;
}


static cli_rc_t
cli_check_text(cli_check_t *check, const reg_scan_item_t *item)
{
    reg_error_t    error;
    reg_record_t  *record;

    check->records[item->type]++;

    switch (reg_record_parse(&record, item->type, item->name, item->text,
                             &error))
    {
    case REG_OK:
        break;

    case REG_INVALID:
        cli_check_report(check, "error", item, "%s", error.text);
        return CLI_DONE;

    default:
        return cli_nomem();
    }

    if (record->newer) {
        cli_check_report(check, "warning", item, "is of a later version than "
                         "this program understands; a gateway like this one "
                         "denies it");
    }

    reg_record_free(record);

    return CLI_DONE;
}


static cli_rc_t
cli_check_keys(cli_check_t *check)
{
    size_t         cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cursor = 0;
    rc = CLI_DONE;

    while (rc == CLI_DONE) {
        entry = cli_document_next(&check->store->doc, REG_RECORD_KEY,
                                  &cursor);
        if (entry == NULL) {
            break;
        }

        rc = cli_document_record(&check->store->doc, entry, &record);

        if (rc == CLI_DONE) {

            if (!record->newer && record->u.key.revoked_at == REG_TIME_NONE) {
                rc = cli_check_key(check, entry, record);
            }

            reg_record_free(record);
        }
    }

    return rc;
}


/* What a rule gives is what a key would have. */

static cli_rc_t
cli_check_issuers(cli_check_t *check)
{
    char           name[REG_RULE_NAME_MAX];
    size_t         i, cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record, key;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&check->store->doc, REG_RECORD_ISSUER,
                                  &cursor);
        if (entry == NULL) {
            return CLI_DONE;
        }

        rc = cli_document_record(&check->store->doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        for (i = 0; rc == CLI_DONE && !record->newer
                    && i < record->u.issuer.nrules; i++)
        {
            reg_issuer_key(&key, &record->u.issuer, i, REG_STR("any"), name);
            rc = cli_check_key(check, entry, &key);
        }

        reg_record_free(record);

        if (rc != CLI_DONE) {
            return rc;
        }
    }
}


static cli_rc_t
cli_check_key(cli_check_t *check, const cli_entry_t *entry,
    const reg_record_t *record)
{
    size_t                    i;
    cli_rc_t                  rc;
    reg_error_t               error;
    reg_record_t             *found;
    reg_identity_t           *identity;
    const reg_key_record_t   *key;
    const reg_role_record_t  *role;

    key = &record->u.key;

    if (!cli_document_find(&check->store->doc, REG_RECORD_TENANT, key->tenant))
    {
        cli_check_warn(check, entry, "there is no tenant", key->tenant);
    }

    for (i = 0; i < key->roles.n; i++) {
        rc = cli_role_get(check->store, key->roles.items[i], &found, &role);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (found == NULL && role == NULL) {
            cli_check_warn(check, entry, "there is no role",
                           key->roles.items[i]);
        }

        reg_record_free(found);
    }

    rc = cli_identity_create(check->store, record, &identity, &error);

    if (rc == CLI_DONE) {
        reg_identity_free(identity);

    } else if (rc == CLI_USAGE) {
        cli_check_warn(check, entry, "denied by the gateway, for",
                       reg_str(error.text));
        rc = CLI_DONE;
    }

    return rc;
}


/* Hashes cannot be turned back, but whoever may write makes keys. */

static void
cli_check_mode(cli_check_t *check)
{
    reg_scan_item_t  item;

    memset(&item, 0, sizeof(reg_scan_item_t));

    if (check->store->st.st_mode & S_IWOTH) {
        cli_check_report(check, "warning", &item, "every user of this machine "
                         "may write the file (mode %03o)",
                         (unsigned) (check->store->st.st_mode & 0777));

    } else if (check->store->st.st_mode & S_IROTH) {
        cli_check_report(check, "warning", &item, "every user of this machine "
                         "may read the file (mode %03o)",
                         (unsigned) (check->store->st.st_mode & 0777));
    }
}


static void
cli_check_warn(cli_check_t *check, const cli_entry_t *entry,
    const char *sentence, reg_str_t text)
{
    reg_scan_item_t  item;

    memset(&item, 0, sizeof(reg_scan_item_t));

    item.type = entry->type;
    item.name = entry->name;
    item.line = entry->line;

    cli_check_report(check, "warning", &item, "%s %.*s", sentence,
                     REG_FMT(text));
}


/* item->line 0: the whole file; item->name empty: no record. */

static void
cli_check_report(cli_check_t *check, const char *severity,
    const reg_scan_item_t *item, const char *fmt, ...)
{
    char         text[2 * REG_ERROR_MAX];
    va_list      args;
    const char  *type;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (severity[0] == 'e') {
        check->errors++;

    } else {
        check->warnings++;
    }

    type = reg_record_type_name(item->type);

    if (check->store->cli->json) {
        cli_rows_add(&check->rows,
                     json_pack("{s:s,s:I,s:o,s:o,s:s}",
                               "severity", severity,
                               "line", (json_int_t) item->line,
                               "type", item->name.data ? json_string(type)
                                                       : json_null(),
                               "name", item->name.data
                                       ? json_stringn((char *) item->name.data,
                                                      item->name.len)
                                       : json_null(),
                               "message", text));
        return;
    }

    cli_print_text(stdout, check->store->path);

    if (item->line) {
        printf(":%zu", item->line);
    }

    printf(": %s: ", severity);

    if (item->name.data) {
        printf("%s \"%.*s\": ", type, REG_FMT(item->name));
    }

    cli_print_text(stdout, text);
    (void) putchar('\n');
}


static cli_rc_t
cli_check_end(cli_check_t *check, cli_rc_t rc)
{
    size_t  *n;

    if (check->store->cli->json && cli_rows_end(&check->rows) != CLI_DONE) {
        return CLI_STORE;
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    n = check->records;

    if (!check->store->cli->json) {
        printf("%zu key%s, %zu tenant%s, %zu role%s: %zu error%s, %zu "
               "warning%s\n",
               n[REG_RECORD_KEY], n[REG_RECORD_KEY] == 1 ? "" : "s",
               n[REG_RECORD_TENANT], n[REG_RECORD_TENANT] == 1 ? "" : "s",
               n[REG_RECORD_ROLE], n[REG_RECORD_ROLE] == 1 ? "" : "s",
               check->errors, check->errors == 1 ? "" : "s",
               check->warnings, check->warnings == 1 ? "" : "s");
    }

    return check->errors ? CLI_NO : CLI_DONE;
}
