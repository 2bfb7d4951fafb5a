/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Reads the records: their names with SCAN, in an order of their own, and then
 * what they are.
 */

#include <stdlib.h>

#include "cli_redis.h"


#define CLI_REDIS_SCAN   "1000"
#define CLI_REDIS_BATCH  256        /* GETs at a time */


static cli_rc_t cli_redis_scan(cli_store_t *store);
static cli_rc_t cli_redis_page(cli_store_t *store, const redisReply *page);
static int cli_redis_compare(const void *one, const void *two);
static cli_rc_t cli_redis_get(cli_store_t *store, char **names, size_t n);
static cli_rc_t cli_redis_take(cli_store_t *store, char **name,
    const redisReply *reply);


cli_rc_t
cli_redis_load(cli_store_t *store, unsigned flags)
{
    size_t        i, n;
    cli_rc_t      rc;
    cli_redis_t  *redis = store->redis;

    (void) flags;

    rc = cli_redis_scan(store);

    if (rc != CLI_DONE || redis->ntexts == 0) {
        return rc;
    }

    /* SCAN has no order, and may return a name twice */

    qsort(redis->texts, redis->ntexts, sizeof(char *), cli_redis_compare);

    for (i = n = 1; i < redis->ntexts; i++) {

        if (strcmp(redis->texts[i], redis->texts[n - 1]) == 0) {
            free(redis->texts[i]);

        } else {
            redis->texts[n++] = redis->texts[i];
        }
    }

    redis->ntexts = n;

    for (i = 0; rc == CLI_DONE && i < redis->ntexts; i += n) {
        n = redis->ntexts - i;
        n = n > CLI_REDIS_BATCH ? CLI_REDIS_BATCH : n;

        rc = cli_redis_get(store, redis->texts + i, n);
    }

    return rc;
}


static cli_rc_t
cli_redis_scan(cli_store_t *store)
{
    char          match[REG_STORE_PREFIX_MAX + 2], cursor[32];
    cli_rc_t      rc;
    reg_str_t     argv[6];
    redisReply   *reply;
    cli_redis_t  *redis = store->redis;

    /* a prefix has no characters that mean something in a pattern */

    (void) snprintf(match, sizeof(match), "%.*s*", REG_FMT(redis->url.prefix));
    (void) snprintf(cursor, sizeof(cursor), "0");

    argv[0] = REG_STR("SCAN");
    argv[2] = REG_STR("MATCH");
    argv[3] = reg_str(match);
    argv[4] = REG_STR("COUNT");
    argv[5] = REG_STR(CLI_REDIS_SCAN);

    do {
        argv[1] = reg_str(cursor);

        rc = cli_link_call(redis->link, &reply, 6, argv);

        if (rc != CLI_DONE) {
            return rc;
        }

        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
            || reply->element[0]->type != REDIS_REPLY_STRING
            || reply->element[1]->type != REDIS_REPLY_ARRAY
            || reply->element[0]->len >= sizeof(cursor))
        {
            rc = cli_link_strange(redis->link);

        } else {
            (void) snprintf(cursor, sizeof(cursor), "%s",
                            reply->element[0]->str);
            rc = cli_redis_page(store, reply->element[1]);
        }

        freeReplyObject(reply);

    } while (rc == CLI_DONE && strcmp(cursor, "0") != 0);

    return rc;
}


static cli_rc_t
cli_redis_page(cli_store_t *store, const redisReply *page)
{
    char              **texts;
    size_t              i, size;
    reg_str_t           name, key;
    cli_redis_t        *redis = store->redis;
    reg_record_type_t   type;

    for (i = 0; i < page->elements; i++) {

        if (page->element[i]->type != REDIS_REPLY_STRING) {
            return cli_link_strange(redis->link);
        }

        key.len = (size_t) page->element[i]->len;
        key.data = (unsigned char *) page->element[i]->str;

        if (reg_redis_key_parse(&type, &name, redis->url.prefix, key)
            != REG_OK)
        {
            continue;
        }

        if (redis->ntexts == redis->size) {
            size = redis->size ? 2 * redis->size : 1024;
            texts = realloc(redis->texts, size * sizeof(char *));

            if (texts == NULL) {
                return cli_nomem();
            }

            redis->texts = texts;
            redis->size = size;
        }

        redis->texts[redis->ntexts] = strndup(page->element[i]->str, key.len);

        if (redis->texts[redis->ntexts] == NULL) {
            return cli_nomem();
        }

        redis->ntexts++;
    }

    return CLI_DONE;
}


static int
cli_redis_compare(const void *one, const void *two)
{
    return strcmp(*(char *const *) one, *(char *const *) two);
}


static cli_rc_t
cli_redis_get(cli_store_t *store, char **names, size_t n)
{
    size_t       i;
    cli_rc_t     rc;
    reg_str_t    argv[2];
    redisReply  *reply;

    argv[0] = REG_STR("GET");

    for (i = 0; i < n; i++) {
        argv[1] = reg_str(names[i]);

        rc = cli_link_send(store->redis->link, 2, argv);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    for (i = 0; i < n; i++) {
        rc = cli_link_reply(store->redis->link, &reply);

        if (rc != CLI_DONE) {
            return cli_fail(CLI_STORE, "%s: the record %s could not be read",
                            store->path, names[i]);
        }

        /* one that somebody has removed meanwhile is not there */

        if (reply->type == REDIS_REPLY_STRING) {
            rc = cli_redis_take(store, &names[i], reply);

        } else if (reply->type != REDIS_REPLY_NIL) {
            rc = cli_link_strange(store->redis->link);
        }

        freeReplyObject(reply);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


/* Makes of *name a text that has the value behind the name. */

static cli_rc_t
cli_redis_take(cli_store_t *store, char **name, const redisReply *reply)
{
    char             *text;
    size_t            len;
    reg_str_t         key;
    reg_scan_item_t   item;

    memset(&item, 0, sizeof(reg_scan_item_t));

    len = strlen(*name);
    text = realloc(*name, len + (size_t) reply->len + 1);

    if (text == NULL) {
        return cli_nomem();
    }

    *name = text;

    memcpy(text + len, reply->str, (size_t) reply->len + 1);

    key = (reg_str_t) { len, (unsigned char *) text };

    (void) reg_redis_key_parse(&item.type, &item.name,
                               store->redis->url.prefix, key);

    item.text.data = (unsigned char *) text + len;
    item.text.len = (size_t) reply->len;

    return cli_document_take(&store->doc, &item);
}
