/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Who pays: the tenant that pulled or, when the owner pays, that of the record
 * whose pattern fits the repository.  Labels are what the records say now.
 */

#include <stdlib.h>

#include "cli_egress.h"
#include "reg_pattern.h"
#include "reg_record_json.h"


typedef struct {
    reg_str_t       pattern;
    reg_pattern_t  *compiled;
    reg_str_t       owner;
    json_t         *labels;             /* its own before the owner's */
    reg_record_t   *record;
} cli_owned_t;

struct cli_payer_s {
    cli_store_t   store;
    json_t       *tenants;              /* name -> labels */
    json_t       *found;                /* repository -> number of owned */
    size_t        n;
    cli_owned_t  *owned;                /* the first that fits is taken */
};


static cli_rc_t cli_payer_tenants(cli_payer_t *payer);
static cli_rc_t cli_payer_repositories(cli_payer_t *payer);
static cli_rc_t cli_payer_owned(cli_payer_t *payer, reg_record_t *record);
static json_t *cli_payer_merge(const cli_payer_t *payer,
    const reg_record_t *record);
static int cli_payer_compare(const void *one, const void *two);
static size_t cli_payer_match(const cli_payer_t *payer, reg_str_t repository);


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
        json_decref(payer->owned[i].labels);
        reg_record_free(payer->owned[i].record);
    }

    free(payer->owned);
    json_decref(payer->tenants);
    json_decref(payer->found);

    if (payer->store.backend) {
        cli_store_close(&payer->store);
    }

    free(payer);
}


cli_rc_t
cli_payer_find(cli_payer_t *payer, int owner, const reg_ledger_key_t *key,
    reg_str_t *tenant, json_t **labels)
{
    char     name[REG_LEDGER_REPOSITORY_MAX + 1];
    size_t   i;
    json_t  *found;

    if (!owner) {
        *tenant = key->tenant;
        *labels = cli_payer_labels(payer, key->tenant);

        return CLI_DONE;
    }

    (void) snprintf(name, sizeof(name), "%.*s", REG_FMT(key->repository));

    found = json_object_get(payer->found, name);

    if (found) {
        i = (size_t) json_integer_value(found);

    } else {
        i = cli_payer_match(payer, key->repository);

        if (json_object_set_new(payer->found, name,
                                json_integer((json_int_t) i))
            != 0)
        {
            return cli_nomem();
        }
    }

    *tenant = i < payer->n ? payer->owned[i].owner : reg_str(CLI_UNOWNED);
    *labels = i < payer->n ? payer->owned[i].labels : NULL;

    return CLI_DONE;
}


json_t *
cli_payer_labels(const cli_payer_t *payer, reg_str_t tenant)
{
    char  name[REG_NAME_MAX + 1];

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
    size_t         cursor;
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    cursor = 0;

    for ( ;; ) {
        entry = cli_document_next(&payer->store.doc, REG_RECORD_REPOSITORY,
                                  &cursor);

        if (entry == NULL) {
            break;
        }

        rc = cli_document_record(&payer->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (record->newer) {
            reg_record_free(record);
            return cli_fail(CLI_STORE, "the repository %.*s was written by a "
                            "later version of " CLI_NAME ", which is needed "
                            "to know who owns it", REG_FMT(entry->name));
        }

        rc = cli_payer_owned(payer, record);

        if (rc != CLI_DONE) {
            reg_record_free(record);
            return rc;
        }
    }

    if (payer->n) {
        qsort(payer->owned, payer->n, sizeof(cli_owned_t), cli_payer_compare);
    }

    return CLI_DONE;
}


/* Takes the record over if it succeeds. */

static cli_rc_t
cli_payer_owned(cli_payer_t *payer, reg_record_t *record)
{
    reg_error_t   error;
    cli_owned_t  *owned;

    owned = realloc(payer->owned, (payer->n + 1) * sizeof(cli_owned_t));

    if (owned == NULL) {
        return cli_nomem();
    }

    payer->owned = owned;
    owned = &owned[payer->n];

    memset(owned, 0, sizeof(cli_owned_t));

    owned->pattern = record->u.repository.pattern;
    owned->owner = record->u.repository.owner;

    if (reg_pattern_compile(&owned->compiled, owned->pattern, REG_STR_NULL,
                            &error)
        != REG_OK)
    {
        return cli_nomem();
    }

    owned->labels = cli_payer_merge(payer, record);

    if (owned->labels == NULL) {
        reg_pattern_free(owned->compiled);
        return cli_nomem();
    }

    owned->record = record;
    payer->n++;

    return CLI_DONE;
}


static json_t *
cli_payer_merge(const cli_payer_t *payer, const reg_record_t *record)
{
    json_t  *labels, *own, *owners;

    labels = json_object();
    owners = cli_payer_labels(payer, record->u.repository.owner);
    own = json_object_get(record->json, "labels");

    if (labels == NULL
        || (owners && json_object_update(labels, owners) != 0)
        || (json_is_object(own) && json_object_update(labels, own) != 0))
    {
        json_decref(labels);
        return NULL;
    }

    return labels;
}


/* A name before patterns, and longer texts before shorter ones. */

static int
cli_payer_compare(const void *one, const void *two)
{
    int                 x, y;
    const cli_owned_t  *a = one, *b = two;

    x = a->pattern.data[0] == '~' || memchr(a->pattern.data, '*',
                                            a->pattern.len) != NULL;
    y = b->pattern.data[0] == '~' || memchr(b->pattern.data, '*',
                                            b->pattern.len) != NULL;
    if (x != y) {
        return x - y;
    }

    if (a->pattern.len != b->pattern.len) {
        return a->pattern.len < b->pattern.len ? 1 : -1;
    }

    return memcmp(a->pattern.data, b->pattern.data, a->pattern.len);
}


static size_t
cli_payer_match(const cli_payer_t *payer, reg_str_t repository)
{
    size_t  i;

    for (i = 0; i < payer->n; i++) {

        if (reg_pattern_match(payer->owned[i].compiled, repository)) {
            break;
        }
    }

    return i;
}
