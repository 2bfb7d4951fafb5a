/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The order of changes that cannot be done at once.  Whoever stops us between
 * two of them leaves no key alive that was to end, none that may do more than
 * it may before or behind, and none without its tenant or its roles.
 */

#include <stdlib.h>

#include "cli_redis.h"


typedef enum {
    CLI_ORDER_DENY = 0,     /* revoked, suspended, or less than it had */
    CLI_ORDER_NEEDED,       /* tenants and roles, which keys need */
    CLI_ORDER_KEY,          /* new keys */
    CLI_ORDER_CHANGE,       /* of keys, which may name new ones */
    CLI_ORDER_RESUME,       /* of tenants, with all that their keys are */
    CLI_ORDER_REMOVE,
    CLI_ORDERS
} cli_order_t;


static cli_rc_t cli_order_of(const cli_store_t *store,
    const cli_change_t *change, cli_order_t *order);
static cli_order_t cli_order_key(json_t *before, json_t *after);
static cli_order_t cli_order_tenant(json_t *before, json_t *after);
static cli_order_t cli_order_issuer(json_t *before, json_t *after);
static int cli_order_less(json_t *before, json_t *after);
static int cli_order_subset(const json_t *list, const json_t *of);
static int cli_order_set(json_t *record, const char *member);


cli_rc_t
cli_order_changes(cli_store_t *store)
{
    size_t         i, n;
    cli_rc_t       rc;
    unsigned       order;
    cli_order_t   *orders;
    cli_change_t  *changes;

    orders = calloc(store->nchanges, sizeof(cli_order_t));
    changes = calloc(store->nchanges, sizeof(cli_change_t));

    rc = orders && changes ? CLI_DONE : cli_nomem();

    for (i = 0; rc == CLI_DONE && i < store->nchanges; i++) {
        rc = cli_order_of(store, &store->changes[i], &orders[i]);
    }

    if (rc != CLI_DONE) {
        free(orders);
        free(changes);
        return rc;
    }

    n = 0;

    for (order = 0; order < CLI_ORDERS; order++) {

        for (i = 0; i < store->nchanges; i++) {

            if (orders[i] == (cli_order_t) order) {
                changes[n++] = store->changes[i];
            }
        }
    }

    free(orders);
    free(store->changes);

    store->changes = changes;
    store->size = store->nchanges;

    return CLI_DONE;
}


static cli_rc_t
cli_order_of(const cli_store_t *store, const cli_change_t *change,
    cli_order_t *order)
{
    json_t       *before, *after;
    cli_entry_t  *entry;

    entry = cli_document_find(&store->doc, change->type,
                              reg_str(change->name));

    if (entry == NULL) {
        *order = CLI_ORDER_REMOVE;
        return CLI_DONE;
    }

    after = json_loadb((char *) entry->text.data, entry->text.len, 0, NULL);
    before = change->before ? json_loads(change->before, 0, NULL)
                            : json_object();

    if (after == NULL || before == NULL) {
        json_decref(after);
        json_decref(before);
        return cli_nomem();
    }

    switch (change->type) {

    case REG_RECORD_KEY:
        *order = change->before ? cli_order_key(before, after)
                                : CLI_ORDER_KEY;
        break;

    case REG_RECORD_TENANT:
        *order = cli_order_tenant(before, after);
        break;

    case REG_RECORD_ISSUER:
        *order = change->before ? cli_order_issuer(before, after)
                                : CLI_ORDER_KEY;
        break;

    default:
        *order = change->before && cli_order_less(before, after)
                 ? CLI_ORDER_DENY : CLI_ORDER_NEEDED;
    }

    json_decref(after);
    json_decref(before);

    return CLI_DONE;
}


static cli_order_t
cli_order_key(json_t *before, json_t *after)
{
    if (cli_order_set(after, "revoked_at")
        && !cli_order_set(before, "revoked_at"))
    {
        return CLI_ORDER_DENY;
    }

    return cli_order_less(before, after) ? CLI_ORDER_DENY : CLI_ORDER_CHANGE;
}


static cli_order_t
cli_order_tenant(json_t *before, json_t *after)
{
    int  is, was;

    is = json_is_true(json_object_get(after, "suspended"));
    was = json_is_true(json_object_get(before, "suspended"));

    return is && !was ? CLI_ORDER_DENY
           : was && !is ? CLI_ORDER_RESUME : CLI_ORDER_NEEDED;
}


/* Rules have gone and none has come, for whomever. */

static cli_order_t
cli_order_issuer(json_t *before, json_t *after)
{
    return json_equal(json_object_get(before, "issuer"),
                      json_object_get(after, "issuer"))
           && json_equal(json_object_get(before, "audience"),
                         json_object_get(after, "audience"))
           && cli_order_subset(json_object_get(after, "rules"),
                               json_object_get(before, "rules"))
           ? CLI_ORDER_DENY : CLI_ORDER_CHANGE;
}


/* Roles or scopes have gone, and none has come. */

static int
cli_order_less(json_t *before, json_t *after)
{
    size_t   i;
    int      less;
    json_t  *is, *was;

    static const char  *members[] = { "roles", "scopes" };

    less = 0;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        is = json_object_get(after, members[i]);
        was = json_object_get(before, members[i]);

        if (!cli_order_subset(is, was)) {
            return 0;
        }

        less |= !cli_order_subset(was, is);
    }

    return less;
}


/* Members that are absent, or null, are empty lists. */

static int
cli_order_subset(const json_t *list, const json_t *of)
{
    size_t   i, j;
    json_t  *item;

    json_array_foreach(list, i, item) {

        for (j = 0; j < json_array_size(of); j++) {

            if (json_equal(item, json_array_get(of, j))) {
                break;
            }
        }

        if (j == json_array_size(of)) {
            return 0;
        }
    }

    return 1;
}


static int
cli_order_set(json_t *record, const char *member)
{
    json_t  *value;

    value = json_object_get(record, member);

    return value && !json_is_null(value);
}
