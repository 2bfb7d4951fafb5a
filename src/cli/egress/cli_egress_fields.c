/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The fields of a day in Redis.  A small hash comes in one reply.  A large one
 * comes in pages, between which gateways may count, which does no harm, and
 * somebody may fold: then it is read again.
 */

#include <stdlib.h>
#include <time.h>

#include "cli_egress_redis.h"

#define CLI_FIELDS_PAGE   "1000"
#define CLI_FIELDS_TRIES  300
#define CLI_FIELDS_PAUSE  100           /* ms */


static cli_rc_t cli_fields_pages(cli_fields_t *fields, cli_store_t *store,
    reg_str_t key, int *whole);
static cli_rc_t cli_fields_page(cli_fields_t *fields, cli_store_t *store,
    const redisReply *reply, char *cursor, size_t size);
static cli_rc_t cli_fields_add(cli_fields_t *fields, cli_store_t *store,
    const redisReply *field, const redisReply *value);
static cli_rc_t cli_fields_about(cli_store_t *store, reg_str_t key,
    uint64_t *folded, uint64_t *kept);
static cli_rc_t cli_fields_length(cli_store_t *store, reg_str_t key,
    uint64_t *n);
static void cli_fields_sort(cli_fields_t *fields);
static int cli_fields_compare(const void *one, const void *two);


cli_rc_t
cli_fields_read(cli_fields_t *fields, cli_store_t *store, const char *key)
{
    int              whole;
    cli_rc_t         rc;
    unsigned         i;
    struct timespec  pause;

    memset(fields, 0, sizeof(cli_fields_t));

    pause.tv_sec = 0;
    pause.tv_nsec = CLI_FIELDS_PAUSE * 1000000L;

    for (i = 0; i < CLI_FIELDS_TRIES; i++) {

        if (i) {
            cli_fields_free(fields);
            (void) nanosleep(&pause, NULL);
        }

        rc = cli_fields_pages(fields, store, reg_str(key), &whole);

        if (rc != CLI_DONE || whole) {
            return rc;
        }
    }

    return cli_fail(CLI_STORE, "%s: %s keeps being folded: try again",
                    store->path, key);
}


void
cli_fields_free(cli_fields_t *fields)
{
    size_t  i;

    for (i = 0; i < fields->n; i++) {
        free(fields->items[i].field);
    }

    free(fields->items);
    memset(fields, 0, sizeof(cli_fields_t));
}


/*
 * *whole: nothing was folded meanwhile, and there are as many fields as there
 * have been; there are less when the slot has gone elsewhere.
 */

static cli_rc_t
cli_fields_pages(cli_fields_t *fields, cli_store_t *store, reg_str_t key,
    int *whole)
{
    char         cursor[32];
    uint64_t     length, before, after, kept, ignored;
    cli_rc_t     rc;
    reg_str_t    argv[7];
    unsigned     pages;
    redisReply  *reply;

    argv[0] = REG_STR("HSCAN");
    argv[1] = key;
    argv[3] = REG_STR("MATCH");
    argv[4] = REG_STR("[^=]*");
    argv[5] = REG_STR("COUNT");
    argv[6] = REG_STR(CLI_FIELDS_PAGE);

    length = before = after = kept = 0;
    pages = 0;

    (void) snprintf(cursor, sizeof(cursor), "0");

    do {
        argv[2] = reg_str(cursor);

        rc = cli_redis_call(store, &reply, key, 7, argv);

        if (rc == CLI_DONE) {
            rc = cli_fields_page(fields, store, reply, cursor,
                                 sizeof(cursor));
            freeReplyObject(reply);
        }

        if (rc == CLI_DONE && pages == 0 && strcmp(cursor, "0") != 0) {

            /* from now on nothing may be folded; what came is forgotten */

            cli_fields_free(fields);
            (void) snprintf(cursor, sizeof(cursor), "0");

            rc = cli_fields_about(store, key, &before, &kept);

            if (rc == CLI_DONE) {
                rc = cli_fields_length(store, key, &length);
            }

            pages = 1;
            continue;
        }

        pages += (pages != 0);

    } while (rc == CLI_DONE && (pages == 1 || strcmp(cursor, "0") != 0));

    if (rc == CLI_DONE && pages) {
        rc = cli_fields_about(store, key, &after, &ignored);
    }

    if (rc == CLI_DONE) {
        cli_fields_sort(fields);
        *whole = pages == 0 || (before == after && fields->n + kept >= length);
    }

    return rc;
}


static cli_rc_t
cli_fields_page(cli_fields_t *fields, cli_store_t *store,
    const redisReply *reply, char *cursor, size_t size)
{
    size_t             i;
    cli_rc_t           rc;
    const redisReply  *page;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || (size_t) reply->element[0]->len >= size
        || reply->element[1]->type != REDIS_REPLY_ARRAY
        || reply->element[1]->elements % 2)
    {
        return cli_redis_strange(store->path);
    }

    (void) snprintf(cursor, size, "%s", reply->element[0]->str);

    page = reply->element[1];
    rc = CLI_DONE;

    for (i = 0; rc == CLI_DONE && i < page->elements; i += 2) {
        rc = cli_fields_add(fields, store, page->element[i],
                            page->element[i + 1]);
    }

    return rc;
}


static cli_rc_t
cli_fields_add(cli_fields_t *fields, cli_store_t *store,
    const redisReply *field, const redisReply *value)
{
    char         *bar;
    size_t        size;
    cli_field_t  *items, *item;

    if (field->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
    {
        return cli_redis_strange(store->path);
    }

    if (fields->n == fields->size) {
        size = fields->size ? 2 * fields->size : 256;
        items = realloc(fields->items, size * sizeof(cli_field_t));

        if (items == NULL) {
            return cli_nomem();
        }

        fields->items = items;
        fields->size = size;
    }

    item = &fields->items[fields->n];
    item->field = malloc((size_t) field->len + (size_t) value->len + 2);

    if (item->field == NULL) {
        return cli_nomem();
    }

    fields->n++;

    memcpy(item->field, field->str, (size_t) field->len + 1);
    memcpy(item->field + field->len + 1, value->str, (size_t) value->len + 1);

    bar = strchr(item->field, '|');

    item->row = bar ? bar + 1 : item->field + field->len;
    item->value = item->field + field->len + 1;

    return CLI_DONE;
}


/* See reg_ledger_redis.h; where nothing was ever folded both are 0. */

static cli_rc_t
cli_fields_about(cli_store_t *store, reg_str_t key, uint64_t *folded,
    uint64_t *kept)
{
    char        *end;
    cli_rc_t     rc;
    reg_str_t    argv[3];
    redisReply  *reply;

    *folded = 0;
    *kept = 0;

    argv[0] = REG_STR("HGET");
    argv[1] = key;
    argv[2] = REG_STR("=");

    rc = cli_redis_call(store, &reply, key, 3, argv);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (reply->type == REDIS_REPLY_STRING) {
        *folded = strtoull(reply->str, &end, 10);
        *kept = strtoull(end, NULL, 10);

    } else if (reply->type != REDIS_REPLY_NIL) {
        rc = cli_redis_strange(store->path);
    }

    freeReplyObject(reply);

    return rc;
}


static cli_rc_t
cli_fields_length(cli_store_t *store, reg_str_t key, uint64_t *n)
{
    cli_rc_t     rc;
    reg_str_t    argv[2];
    redisReply  *reply;

    argv[0] = REG_STR("HLEN");
    argv[1] = key;

    rc = cli_redis_call(store, &reply, key, 2, argv);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (reply->type == REDIS_REPLY_INTEGER) {
        *n = (uint64_t) reply->integer;

    } else {
        rc = cli_redis_strange(store->path);
    }

    freeReplyObject(reply);

    return rc;
}


/* HSCAN may return a field twice, the later time perhaps with more. */

static void
cli_fields_sort(cli_fields_t *fields)
{
    size_t        i, n;
    cli_field_t  *items = fields->items;

    if (fields->n == 0) {
        return;
    }

    qsort(items, fields->n, sizeof(cli_field_t), cli_fields_compare);

    for (i = n = 1; i < fields->n; i++) {

        if (strcmp(items[i].field, items[n - 1].field) == 0) {
            free(items[i].field);

        } else {
            items[n++] = items[i];
        }
    }

    fields->n = n;
}


static int
cli_fields_compare(const void *one, const void *two)
{
    int                 rc;
    const cli_field_t  *a = one, *b = two;

    rc = strcmp(a->row, b->row);

    return rc ? rc : strcmp(a->field, b->field);
}
