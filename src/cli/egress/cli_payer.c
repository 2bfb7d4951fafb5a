/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Who pays: the tenant that pulled or, when the owner pays, that of the record
 * whose pattern fits the repository.  Records are what they were on the day of
 * the traffic.  Where there was none that day, the first one since is taken.
 */

#include <stdlib.h>

#include "cli_egress.h"
#include "cli_payer_history.h"
#include "reg_pattern.h"
#include "reg_record_json.h"


/* An epoch, a space, and a repository or a pattern. */

#define CLI_PAYER_KEY  (REG_TEXT_MAX + 32)


typedef struct {
    char           *pattern;
    reg_pattern_t  *compiled;
    json_t         *now;                /* owner and labels; NULL: removed */
} cli_owned_t;

struct cli_payer_s {
    cli_store_t     store;
    cli_history_t   history;
    json_t         *tenants;            /* name -> labels */
    json_t         *found;              /* epoch, repository -> payer */
    json_t         *payers;             /* epoch, pattern -> owner, labels */
    size_t          n;
    cli_owned_t    *owned;              /* the first that fits is taken */
};


static cli_rc_t cli_payer_tenants(cli_payer_t *payer);
static cli_rc_t cli_payer_repositories(cli_payer_t *payer);
static cli_rc_t cli_payer_repository(cli_payer_t *payer, cli_entry_t *entry);
static cli_rc_t cli_payer_owned(cli_payer_t *payer, const char *pattern,
    json_t *now);
static int cli_payer_compare(const void *one, const void *two);
static json_t *cli_payer_match(cli_payer_t *payer, int64_t day,
    reg_str_t repository);
static json_t *cli_payer_on(const cli_payer_t *payer,
    const cli_owned_t *owned, int64_t day, int later);
static json_t *cli_payer_merge(cli_payer_t *payer, const cli_owned_t *owned,
    json_t *record, int64_t day);


cli_rc_t
cli_payer_open(cli_payer_t **payer, const cli_t *cli, int required)
{
    cli_rc_t      rc;
    const char   *url;
    cli_payer_t  *p;

    *payer = NULL;

    p = calloc(1, sizeof(cli_payer_t));

    if (p == NULL) {
        return cli_nomem();
    }

    *payer = p;

    p->tenants = json_object();
    p->found = json_object();
    p->payers = json_object();
    p->store.lock = -1;
    p->store.audit = -1;

    url = cli_value(cli, CLI_OPT_RECORDS);

    if (url == NULL) {
        url = cli_value(cli, CLI_OPT_STORE);
        url = url ? url : getenv("REGISTRY_STORE");

        if (!required && (url == NULL || *url == '\0')) {
            return CLI_DONE;
        }
    }

    rc = cli_store_open_url(&p->store, cli, url, CLI_STORE_READ);

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_RECORDS) == NULL) {
        rc = cli_history_read(&p->history, &p->store);
    }

    if (rc == CLI_DONE) {
        rc = cli_payer_tenants(p);
    }

    if (rc == CLI_DONE) {
        rc = cli_payer_repositories(p);
    }

    return rc;
}


void
cli_payer_close(cli_payer_t *payer)
{
    size_t  i;

    if (payer == NULL) {
        return;
    }

    for (i = 0; i < payer->n; i++) {
        reg_pattern_free(payer->owned[i].compiled);
        json_decref(payer->owned[i].now);
        free(payer->owned[i].pattern);
    }

    free(payer->owned);
    cli_history_free(&payer->history);
    json_decref(payer->tenants);
    json_decref(payer->found);
    json_decref(payer->payers);

    if (payer->store.backend) {
        cli_store_close(&payer->store);
    }

    free(payer);
}


cli_rc_t
cli_payer_find(cli_payer_t *payer, int owner, int64_t day,
    const reg_ledger_key_t *key, reg_str_t *tenant, json_t **labels)
{
    char     name[CLI_PAYER_KEY];
    json_t  *found;

    if (!owner) {
        *tenant = key->tenant;
        *labels = cli_payer_labels(payer, key->tenant, day);

        return CLI_DONE;
    }

    (void) snprintf(name, sizeof(name), "%zu %.*s",
                    cli_history_epoch(&payer->history, day),
                    REG_FMT(key->repository));

    found = json_object_get(payer->found, name);

    if (found == NULL) {
        found = cli_payer_match(payer, day, key->repository);

        if (found == NULL
            || json_object_set_new(payer->found, name, found) != 0)
        {
            return cli_nomem();
        }
    }

    *tenant = reg_str(json_string_value(json_object_get(found, "owner")));
    *labels = json_object_get(found, "labels");

    return CLI_DONE;
}


json_t *
cli_payer_labels(const cli_payer_t *payer, reg_str_t tenant, int64_t day)
{
    char     name[REG_NAME_MAX + 1];
    json_t  *was;

    if (cli_history_find(&payer->history, REG_RECORD_TENANT, tenant, day, 1,
                         &was)
        == CLI_DONE)
    {
        return json_object_get(was, "labels");
    }

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(tenant));

    return json_object_get(payer->tenants, name);
}


reg_str_t
cli_payer_label(const json_t *labels, const char *name)
{
    json_t  *value;

    value = json_object_get(labels, name);

    if (json_string_length(value) == 0) {
        return reg_str(CLI_UNLABELLED);
    }

    return (reg_str_t) { json_string_length(value),
                         (unsigned char *) json_string_value(value) };
}


static cli_rc_t
cli_payer_tenants(cli_payer_t *payer)
{
    char           name[REG_NAME_MAX + 1];
    size_t         cursor;
    json_t        *labels;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&payer->store.doc, REG_RECORD_TENANT,
                                  &cursor);

        if (entry == NULL) {
            return CLI_DONE;
        }

        rc = cli_document_record(&payer->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(entry->name));

        labels = json_object_get(record->json, "labels");

        if (!record->newer && json_is_object(labels)
            && json_object_set(payer->tenants, name, labels) != 0)
        {
            rc = cli_nomem();
        }

        reg_record_free(record);

        if (rc != CLI_DONE) {
            return rc;
        }
    }
}


static cli_rc_t
cli_payer_repositories(cli_payer_t *payer)
{
    void         *at;
    size_t        cursor;
    json_t       *names;
    cli_rc_t      rc;
    const char   *name;
    cli_entry_t  *entry;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&payer->store.doc, REG_RECORD_REPOSITORY,
                                  &cursor);

        if (entry == NULL) {
            break;
        }

        rc = cli_payer_repository(payer, entry);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    /* those that are not there any more */

    names = cli_history_names(&payer->history, REG_RECORD_REPOSITORY);

    for (at = json_object_iter(names); at;
         at = json_object_iter_next(names, at))
    {
        name = json_object_iter_key(at);

        if (cli_document_find(&payer->store.doc, REG_RECORD_REPOSITORY,
                              reg_str(name)))
        {
            continue;
        }

        rc = cli_payer_owned(payer, name, NULL);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    if (payer->n) {
        qsort(payer->owned, payer->n, sizeof(cli_owned_t), cli_payer_compare);
    }

    return CLI_DONE;
}


static cli_rc_t
cli_payer_repository(cli_payer_t *payer, cli_entry_t *entry)
{
    char           pattern[REG_TEXT_MAX + 1];
    cli_rc_t       rc;
    reg_record_t  *record;

    rc = cli_document_record(&payer->store.doc, entry, &record);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (record->newer) {
        rc = cli_fail(CLI_STORE, "the repository %.*s was written by a later "
                      "version of " CLI_NAME ", which is needed to know who "
                      "owns it", REG_FMT(entry->name));

    } else {
        (void) snprintf(pattern, sizeof(pattern), "%.*s",
                        REG_FMT(entry->name));

        rc = cli_payer_owned(payer, pattern, record->json);
    }

    reg_record_free(record);

    return rc;
}


/* now NULL: what the history alone knows. */

static cli_rc_t
cli_payer_owned(cli_payer_t *payer, const char *pattern, json_t *now)
{
    reg_rc_t      rc;
    reg_error_t   error;
    cli_owned_t  *owned;

    owned = realloc(payer->owned, (payer->n + 1) * sizeof(cli_owned_t));

    if (owned == NULL) {
        return cli_nomem();
    }

    payer->owned = owned;
    owned = &owned[payer->n];

    rc = reg_pattern_compile(&owned->compiled, reg_str(pattern), REG_STR_NULL,
                             &error);

    /* the audit may have been written by anybody; a record has been checked */

    if (rc != REG_OK) {
        return rc == REG_NOMEM || now ? cli_nomem() : CLI_DONE;
    }

    owned->pattern = strdup(pattern);

    if (owned->pattern == NULL) {
        reg_pattern_free(owned->compiled);
        return cli_nomem();
    }

    owned->now = json_incref(now);
    payer->n++;

    return CLI_DONE;
}


/* A name before patterns, and longer texts before shorter ones. */

static int
cli_payer_compare(const void *one, const void *two)
{
    int                 x, y;
    size_t              n, m;
    const cli_owned_t  *a = one, *b = two;

    x = a->pattern[0] == '~' || strchr(a->pattern, '*') != NULL;
    y = b->pattern[0] == '~' || strchr(b->pattern, '*') != NULL;

    if (x != y) {
        return x - y;
    }

    n = strlen(a->pattern);
    m = strlen(b->pattern);

    return n == m ? strcmp(a->pattern, b->pattern) : n < m ? 1 : -1;
}


/* The payer of a repository on a day, as an object; NULL: memory ran out. */

static json_t *
cli_payer_match(cli_payer_t *payer, int64_t day, reg_str_t repository)
{
    int      later;
    size_t   i;
    json_t  *record;

    for (later = 0; later < 2; later++) {

        for (i = 0; i < payer->n; i++) {
            record = cli_payer_on(payer, &payer->owned[i], day, later);

            if (record
                && reg_pattern_match(payer->owned[i].compiled, repository))
            {
                return cli_payer_merge(payer, &payer->owned[i], record, day);
            }
        }
    }

    return json_pack("{s:s}", "owner", CLI_UNOWNED);
}


/* Owner and labels on a day; NULL: it was not there. */

static json_t *
cli_payer_on(const cli_payer_t *payer, const cli_owned_t *owned, int64_t day,
    int later)
{
    json_t  *was;

    switch (cli_history_find(&payer->history, REG_RECORD_REPOSITORY,
                             reg_str(owned->pattern), day, later, &was))
    {
    case CLI_DONE:
        return was;

    case CLI_NO:
        return NULL;

    default:
        return owned->now;
    }
}


/* Its own labels come before the owner's. */

static json_t *
cli_payer_merge(cli_payer_t *payer, const cli_owned_t *owned, json_t *record,
    int64_t day)
{
    char         key[CLI_PAYER_KEY];
    json_t      *labels, *owners, *own, *merged;
    const char  *owner;

    (void) snprintf(key, sizeof(key), "%zu %s",
                    cli_history_epoch(&payer->history, day), owned->pattern);

    merged = json_object_get(payer->payers, key);

    if (merged) {
        return json_incref(merged);
    }

    owner = json_string_value(json_object_get(record, "owner"));
    owner = owner ? owner : CLI_UNOWNED;

    labels = json_object();
    owners = cli_payer_labels(payer, reg_str(owner), day);
    own = json_object_get(record, "labels");

    if (labels == NULL
        || (owners && json_object_update(labels, owners) != 0)
        || (json_is_object(own) && json_object_update(labels, own) != 0))
    {
        json_decref(labels);
        return NULL;
    }

    merged = json_pack("{s:s,s:o}", "owner", owner, "labels", labels);

    if (merged && json_object_set(payer->payers, key, merged) != 0) {
        json_decref(merged);
        return NULL;
    }

    return merged;
}
