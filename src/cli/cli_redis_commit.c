/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Writes what has changed.  WATCH and the comparison with what was read make
 * sure that nobody's change is lost; MULTI, that a change and its audit are
 * done together.
 */

#include <stdlib.h>

#include "cli_redis.h"


/*
 * Changes in one transaction.  More than these, which only an import has, are
 * done in small parts: Redis goes through all that is watched at each WATCH,
 * and a reply with an element for each change would be too large.
 */

#define CLI_REDIS_CHANGES  10000
#define CLI_REDIS_PART     500


static cli_rc_t cli_redis_part(cli_store_t *store, json_t *entries,
    size_t first, size_t last);
static cli_rc_t cli_redis_watch(cli_store_t *store, size_t first,
    size_t last);
static cli_rc_t cli_redis_same(const cli_change_t *change,
    const redisReply *reply);
static cli_rc_t cli_redis_write(cli_store_t *store, json_t *entries,
    size_t first, size_t last);
static cli_rc_t cli_redis_write_record(cli_store_t *store,
    const cli_change_t *change);
static cli_rc_t cli_redis_exec(cli_store_t *store, size_t queued);
static reg_str_t cli_redis_key(const cli_store_t *store,
    const cli_change_t *change, unsigned char *buf);


cli_rc_t
cli_redis_commit(cli_store_t *store)
{
    size_t     first, last, part;
    json_t    *entries;
    cli_rc_t   rc;

    part = store->nchanges > CLI_REDIS_CHANGES ? CLI_REDIS_PART
                                               : store->nchanges;
    rc = cli_audit_entries(store, &entries);

    for (first = 0; rc == CLI_DONE && first < store->nchanges; first = last) {
        last = store->nchanges - first > part ? first + part
                                              : store->nchanges;

        rc = cli_redis_part(store, entries, first, last);

        if (rc != CLI_DONE && first) {
            rc = cli_fail(CLI_STORE, "%zu of %zu changes are done, the rest is "
                          "not", first, store->nchanges);
        }
    }

    json_decref(entries);

    return rc;
}


static cli_rc_t
cli_redis_part(cli_store_t *store, json_t *entries, size_t first, size_t last)
{
    cli_rc_t  rc;

    rc = cli_redis_watch(store, first, last);

    return rc == CLI_DONE ? cli_redis_write(store, entries, first, last) : rc;
}


static cli_rc_t
cli_redis_watch(cli_store_t *store, size_t first, size_t last)
{
    size_t          i;
    cli_rc_t        rc, one;
    reg_str_t       argv[2];
    redisReply     *reply;
    unsigned char   key[REG_REDIS_KEY_MAX];

    for (i = first; i < last; i++) {
        argv[1] = cli_redis_key(store, &store->changes[i], key);

        argv[0] = REG_STR("WATCH");
        rc = cli_link_send(store->redis->link, 2, argv);

        if (rc == CLI_DONE) {
            argv[0] = REG_STR("GET");
            rc = cli_link_send(store->redis->link, 2, argv);
        }

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    rc = CLI_DONE;

    for (i = first; i < last; i++) {
        one = cli_link_skip(store->redis->link, 1);

        if (one == CLI_DONE) {
            one = cli_link_reply(store->redis->link, &reply);
        }

        if (one != CLI_DONE) {
            return one;
        }

        one = cli_redis_same(&store->changes[i], reply);
        rc = one == CLI_DONE ? rc : one;

        freeReplyObject(reply);
    }

    return rc;
}


/* Is it what the change began with? */

static cli_rc_t
cli_redis_same(const cli_change_t *change, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL) {
        return change->before == NULL ? CLI_DONE : CLI_AGAIN;
    }

    if (reply->type != REDIS_REPLY_STRING || change->before == NULL
        || strlen(change->before) != (size_t) reply->len
        || memcmp(change->before, reply->str, (size_t) reply->len) != 0)
    {
        return CLI_AGAIN;
    }

    return CLI_DONE;
}


static cli_rc_t
cli_redis_write(cli_store_t *store, json_t *entries, size_t first,
    size_t last)
{
    size_t      i;
    cli_rc_t    rc;
    reg_str_t   multi;

    multi = REG_STR("MULTI");

    rc = cli_link_send(store->redis->link, 1, &multi);

    for (i = first; rc == CLI_DONE && i < last; i++) {
        rc = cli_redis_write_record(store, &store->changes[i]);

        if (rc == CLI_DONE) {
            rc = cli_redis_audit_send(store, json_array_get(entries, i));
        }
    }

    /* nothing is done before EXEC, and it is not sent if one was refused */

    if (rc == CLI_DONE) {
        rc = cli_link_skip(store->redis->link, 1 + 2 * (last - first));
    }

    return rc == CLI_DONE ? cli_redis_exec(store, 2 * (last - first)) : rc;
}


static cli_rc_t
cli_redis_write_record(cli_store_t *store, const cli_change_t *change)
{
    reg_str_t       argv[3];
    cli_entry_t    *entry;
    unsigned char   key[REG_REDIS_KEY_MAX];

    argv[1] = cli_redis_key(store, change, key);

    entry = cli_document_find(&store->doc, change->type,
                              reg_str(change->name));

    if (entry == NULL) {
        argv[0] = REG_STR("DEL");
        return cli_link_send(store->redis->link, 2, argv);
    }

    argv[0] = REG_STR("SET");
    argv[2] = entry->text;

    return cli_link_send(store->redis->link, 3, argv);
}


static cli_rc_t
cli_redis_exec(cli_store_t *store, size_t queued)
{
    cli_rc_t     rc;
    reg_str_t    exec;
    redisReply  *reply;

    exec = REG_STR("EXEC");

    rc = cli_link_call(store->redis->link, &reply, 1, &exec);

    if (rc != CLI_DONE) {
        return cli_fail(CLI_STORE, "%s: whether the change is done is not "
                        "known: look before you do it again", store->path);
    }

    if (reply->type == REDIS_REPLY_NIL) {
        rc = CLI_AGAIN;

    } else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != queued) {
        rc = cli_link_strange(store->redis->link);
    }

    freeReplyObject(reply);

    return rc;
}


static reg_str_t
cli_redis_key(const cli_store_t *store, const cli_change_t *change,
    unsigned char *buf)
{
    reg_str_t  key;

    key.data = buf;
    key.len = reg_redis_key(buf, store->redis->url.prefix, change->type,
                            reg_str(change->name));
    return key;
}
