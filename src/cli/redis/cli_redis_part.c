/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Changes that are done as a whole: WATCH and the comparison with what was read
 * make sure that nobody's change is lost, and MULTI does the rest.
 */

#include "cli_redis.h"


/* In the audit: it was not done after all. */

#define CLI_ABANDON  "abandon"


static cli_rc_t cli_part_try(cli_part_t *part, int *again);
static cli_rc_t cli_part_watch(cli_part_t *part, redisReply **error);
static cli_rc_t cli_part_same(const cli_part_t *part,
    const cli_change_t *change, const redisReply *reply);
static cli_rc_t cli_part_audit(cli_part_t *part, const char *action);
static cli_rc_t cli_part_write(cli_part_t *part, redisReply **error);
static cli_rc_t cli_part_send(cli_part_t *part, cli_link_t *link);
static cli_rc_t cli_part_take(cli_part_t *part, cli_link_t *link,
    redisReply **error, redisReply **exec);
static cli_rc_t cli_part_record(cli_part_t *part, const cli_change_t *change);
static cli_rc_t cli_part_done(cli_part_t *part, const redisReply *exec);
static void cli_part_leave(cli_part_t *part);
static reg_str_t cli_part_text(const cli_part_t *part,
    const cli_change_t *change, int before);
static reg_str_t cli_redis_key(const cli_store_t *store,
    const cli_change_t *change, unsigned char *buf);


cli_rc_t
cli_part_do(cli_part_t *part)
{
    int            again;
    cli_rc_t       rc;
    unsigned char  key[REG_REDIS_KEY_MAX];

    cli_route_init(&part->route, part->store,
                   cli_redis_key(part->store,
                                 &part->store->changes[part->first], key));

    do {
        again = 0;

        rc = cli_route_open(&part->route);

        if (rc == CLI_DONE) {
            rc = cli_part_try(part, &again);
        }

    } while (rc == CLI_DONE && again);

    /* who has read that it would be done reads that it was not */

    if (rc == CLI_AGAIN && part->audited) {
        (void) cli_part_audit(part, CLI_ABANDON);
    }

    return rc;
}


/* *again: nothing has been done, and the route may lead elsewhere now. */

static cli_rc_t
cli_part_try(cli_part_t *part, int *again)
{
    cli_rc_t     rc;
    unsigned     opened;
    redisReply  *error;

    rc = cli_part_watch(part, &error);

    if (rc == CLI_DONE && error == NULL && part->apart && !part->audited) {

        opened = part->route.node->opened;

        rc = cli_part_audit(part, part->undo ? CLI_ABANDON : NULL);

        if (rc != CLI_DONE) {
            cli_part_leave(part);
            return rc;
        }

        part->audited = 1;

        /* the audit may be on this node, and a new link watches nothing */

        if (part->route.node->link == NULL
            || part->route.node->opened != opened)
        {
            *again = 1;
            return CLI_DONE;
        }
    }

    if (rc == CLI_DONE && error == NULL) {
        rc = cli_part_write(part, &error);
    }

    if (rc == CLI_STORE || error) {
        rc = cli_route_follow(&part->route, error);
        *again = 1;
    }

    freeReplyObject(error);

    return rc;
}


/*
 * CLI_DONE: all are what the changes begin with, unless there is an *error.
 * CLI_STORE: the link has failed.
 */

static cli_rc_t
cli_part_watch(cli_part_t *part, redisReply **error)
{
    size_t          i, n;
    cli_rc_t        rc;
    reg_str_t       argv[2];
    redisReply     *reply;
    cli_change_t   *changes;
    unsigned char   key[REG_REDIS_KEY_MAX];

    *error = NULL;
    changes = &part->store->changes[part->first];

    for (i = 0; i < part->n; i++) {
        argv[1] = cli_redis_key(part->store, &changes[i], key);

        argv[0] = REG_STR("WATCH");

        if (cli_route_send(&part->route, 2, argv) != CLI_DONE) {
            return CLI_STORE;
        }

        argv[0] = REG_STR("GET");

        if (cli_route_send(&part->route, 2, argv) != CLI_DONE) {
            return CLI_STORE;
        }
    }

    rc = CLI_DONE;

    for (n = 0; n < 2 * part->n; n++) {

        if (cli_route_take(&part->route, &reply) != CLI_DONE) {
            freeReplyObject(*error);
            *error = NULL;
            return CLI_STORE;
        }

        if (reply->type == REDIS_REPLY_ERROR && *error == NULL) {
            *error = reply;
            continue;
        }

        if (n % 2 && rc == CLI_DONE) {
            rc = cli_part_same(part, &changes[n / 2], reply);
        }

        freeReplyObject(reply);
    }

    if (rc != CLI_DONE || *error) {
        cli_part_leave(part);
    }

    return *error ? CLI_DONE : rc;
}


/* Is it what the change begins with? */

static cli_rc_t
cli_part_same(const cli_part_t *part, const cli_change_t *change,
    const redisReply *reply)
{
    reg_str_t  text, found;

    text = cli_part_text(part, change, 1);

    if (reply->type == REDIS_REPLY_NIL) {
        return text.data == NULL ? CLI_DONE : CLI_AGAIN;
    }

    if (reply->type != REDIS_REPLY_STRING || text.data == NULL) {
        return CLI_AGAIN;
    }

    found = (reg_str_t) { (size_t) reply->len, (unsigned char *) reply->str };

    return reg_str_eq(text, found) ? CLI_DONE : CLI_AGAIN;
}


static cli_rc_t
cli_part_audit(cli_part_t *part, const char *action)
{
    size_t    i;
    cli_rc_t  rc;

    rc = CLI_DONE;

    for (i = part->first; rc == CLI_DONE && i < part->first + part->n; i++) {
        rc = cli_redis_audit_write(part->store,
                                   json_array_get(part->entries, i), action);
    }

    return rc;
}


/*
 * CLI_DONE: done, unless there is an *error, for which nothing was.  CLI_AGAIN:
 * somebody else has come before.  CLI_NO after a sentence: nobody knows.
 */

static cli_rc_t
cli_part_write(cli_part_t *part, redisReply **error)
{
    cli_rc_t     rc;
    redisReply  *exec;
    cli_link_t  *link;

    exec = NULL;
    link = part->route.node->link;

    rc = cli_part_send(part, link);

    if (rc == CLI_DONE) {
        rc = cli_part_take(part, link, error, &exec);
    }

    if (rc != CLI_DONE) {
        return cli_fail(CLI_NO, "%s: %s: whether the change is done is not "
                        "known: look before you do it again",
                        part->route.node->name, cli_link_error(link));
    }

    cli_redis_publish_done(part->store, link, part->n);

    /* the first error says more than that EXEC is for nothing */

    if (exec->type == REDIS_REPLY_ERROR && *error == NULL) {
        *error = exec;
        return CLI_DONE;
    }

    if (exec->type != REDIS_REPLY_ERROR) {
        rc = cli_part_done(part, exec);
        freeReplyObject(*error);
        *error = NULL;
    }

    freeReplyObject(exec);

    return rc;
}


static cli_rc_t
cli_part_send(cli_part_t *part, cli_link_t *link)
{
    size_t         i;
    cli_rc_t       rc;
    reg_str_t      word;
    cli_change_t  *changes;

    changes = &part->store->changes[part->first];

    /* a slot that is on its way is asked for until EXEC */

    word = REG_STR("MULTI");
    rc = cli_route_send(&part->route, 1, &word);

    for (i = 0; rc == CLI_DONE && i < part->n; i++) {
        rc = cli_part_record(part, &changes[i]);

        if (rc == CLI_DONE && !part->apart) {
            rc = cli_redis_audit_send(part->store, link,
                                      json_array_get(part->entries,
                                                     part->first + i),
                                      part->undo ? CLI_ABANDON : NULL);
        }
    }

    if (rc == CLI_DONE) {
        word = REG_STR("EXEC");
        rc = cli_link_send(link, 1, &word);
    }

    if (rc == CLI_DONE) {
        rc = cli_redis_publish_send(part->store, link, changes, part->n);
    }

    return rc;
}


/* The first error behind MULTI, if there is one, and what EXEC says. */

static cli_rc_t
cli_part_take(cli_part_t *part, cli_link_t *link, redisReply **error,
    redisReply **exec)
{
    size_t    queued;
    cli_rc_t  rc;

    queued = part->apart ? part->n : 2 * part->n;

    rc = cli_route_take(&part->route, exec);

    for (queued++; rc == CLI_DONE && queued; queued--) {

        if ((*exec)->type == REDIS_REPLY_ERROR && *error == NULL) {
            *error = *exec;

        } else {
            freeReplyObject(*exec);
        }

        rc = cli_link_take(link, exec);
    }

    if (rc != CLI_DONE) {
        freeReplyObject(*error);
        *error = NULL;
    }

    return rc;
}


static cli_rc_t
cli_part_record(cli_part_t *part, const cli_change_t *change)
{
    reg_str_t       argv[3];
    unsigned char   key[REG_REDIS_KEY_MAX];

    argv[1] = cli_redis_key(part->store, change, key);
    argv[2] = cli_part_text(part, change, 0);

    if (argv[2].data == NULL) {
        argv[0] = REG_STR("DEL");
        return cli_link_send(part->route.node->link, 2, argv);
    }

    argv[0] = REG_STR("SET");

    return cli_link_send(part->route.node->link, 3, argv);
}


static cli_rc_t
cli_part_done(cli_part_t *part, const redisReply *exec)
{
    size_t  i;

    if (exec->type == REDIS_REPLY_NIL) {
        return CLI_AGAIN;
    }

    if (exec->type != REDIS_REPLY_ARRAY
        || exec->elements != (part->apart ? part->n : 2 * part->n))
    {
        (void) cli_redis_strange(part->route.node->name);
        return CLI_NO;
    }

    part->route.node->wrote = 1;

    for (i = 0; i < exec->elements; i++) {

        if (exec->element[i]->type == REDIS_REPLY_ERROR) {
            (void) cli_link_refused(part->route.node->link,
                                    exec->element[i]);

            return cli_fail(CLI_NO, "%s: a part of the change is done, but %s",
                            part->route.node->name,
                            cli_link_error(part->route.node->link));
        }
    }

    return CLI_DONE;
}


/* Nothing is watched any more. */

static void
cli_part_leave(cli_part_t *part)
{
    reg_str_t    unwatch;
    redisReply  *reply;

    unwatch = REG_STR("UNWATCH");

    if (part->route.node && part->route.node->link
        && cli_link_call(part->route.node->link, &reply, 1, &unwatch)
           == CLI_DONE)
    {
        freeReplyObject(reply);
    }
}


/* Of the record before the change or behind it; NULL: there is none. */

static reg_str_t
cli_part_text(const cli_part_t *part, const cli_change_t *change, int before)
{
    cli_entry_t  *entry;

    if (before != part->undo) {
        return change->before ? reg_str(change->before) : REG_STR_NULL;
    }

    entry = cli_document_find(&part->store->doc, change->type,
                              reg_str(change->name));

    return entry ? entry->text : REG_STR_NULL;
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
