/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The audit in Redis: a stream of its own beside the records.  A member of an
 * entry is a field; a list is written as JSON, and null is no field.
 */

#include <stdlib.h>

#include "cli_redis.h"


#define CLI_REDIS_AUDIT_MAX   "100000"      /* entries, or a few more */
#define CLI_REDIS_FIELDS      16


/* A command that adds an entry, and the texts that it borrows from. */

typedef struct {
    size_t      argc;
    reg_str_t   argv[6 + 2 * CLI_REDIS_FIELDS];
    char        key[REG_STORE_PREFIX_MAX + sizeof(CLI_REDIS_AUDIT)];
    size_t      n;
    char       *texts[CLI_REDIS_FIELDS];
} cli_xadd_t;


typedef struct {
    cli_store_t   *store;
    cli_audit_pt   handler;
    void          *data;
} cli_audit_reader_t;


static cli_rc_t cli_xadd(cli_xadd_t *xadd, const cli_store_t *store,
    json_t *entry, const char *action);
static cli_rc_t cli_xadd_value(cli_xadd_t *xadd, const json_t *value);
static void cli_xadd_free(cli_xadd_t *xadd);
static reg_str_t cli_redis_audit_key(const cli_store_t *store, char *buf);
static cli_rc_t cli_redis_audit_give(void *data, const char *id,
    const redisReply *fields);
static json_t *cli_redis_audit_entry(const redisReply *fields);


cli_rc_t
cli_redis_audit_send(cli_store_t *store, cli_link_t *link, json_t *entry,
    const char *action)
{
    cli_rc_t    rc;
    cli_xadd_t  xadd;

    rc = cli_xadd(&xadd, store, entry, action);

    if (rc == CLI_DONE) {
        rc = cli_link_send(link, xadd.argc, xadd.argv);
    }

    cli_xadd_free(&xadd);

    return rc;
}


cli_rc_t
cli_redis_audit_write(cli_store_t *store, json_t *entry, const char *action)
{
    cli_rc_t     rc;
    cli_xadd_t   xadd;
    redisReply  *reply;

    rc = cli_xadd(&xadd, store, entry, action);

    if (rc == CLI_DONE) {
        rc = cli_redis_call(store, &reply, xadd.argv[1], xadd.argc,
                            xadd.argv);
    }

    if (rc == CLI_DONE) {
        freeReplyObject(reply);
    }

    cli_xadd_free(&xadd);

    return rc;
}


static cli_rc_t
cli_xadd(cli_xadd_t *xadd, const cli_store_t *store, json_t *entry,
    const char *action)
{
    json_t      *value;
    cli_rc_t     rc;
    const char  *name;

    xadd->n = 0;
    xadd->argc = 0;
    xadd->argv[xadd->argc++] = REG_STR("XADD");
    xadd->argv[xadd->argc++] = cli_redis_audit_key(store, xadd->key);
    xadd->argv[xadd->argc++] = REG_STR("MAXLEN");
    xadd->argv[xadd->argc++] = REG_STR("~");
    xadd->argv[xadd->argc++] = REG_STR(CLI_REDIS_AUDIT_MAX);
    xadd->argv[xadd->argc++] = REG_STR("*");

    rc = CLI_DONE;

    json_object_foreach(entry, name, value) {

        if (rc != CLI_DONE || json_is_null(value)) {
            continue;
        }

        xadd->argv[xadd->argc++] = reg_str(name);

        if (action && strcmp(name, "action") == 0) {
            xadd->argv[xadd->argc++] = reg_str(action);

        } else {
            rc = cli_xadd_value(xadd, value);
        }
    }

    return rc;
}


static cli_rc_t
cli_xadd_value(cli_xadd_t *xadd, const json_t *value)
{
    char  *text;

    if (json_is_string(value)) {
        xadd->argv[xadd->argc++] = reg_str(json_string_value(value));
        return CLI_DONE;
    }

    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL) {
        return cli_nomem();
    }

    xadd->texts[xadd->n++] = text;
    xadd->argv[xadd->argc++] = reg_str(text);

    return CLI_DONE;
}


static void
cli_xadd_free(cli_xadd_t *xadd)
{
    while (xadd->n) {
        free(xadd->texts[--xadd->n]);
    }
}


cli_rc_t
cli_redis_audit(cli_store_t *store, unsigned flags, cli_audit_pt handler,
    void *data)
{
    char                 key[REG_STORE_PREFIX_MAX + sizeof(CLI_REDIS_AUDIT)];
    cli_audit_reader_t   reader;

    (void) flags;

    reader.store = store;
    reader.handler = handler;
    reader.data = data;

    return cli_redis_stream(store, cli_redis_audit_key(store, key),
                            cli_redis_audit_give, &reader);
}


static reg_str_t
cli_redis_audit_key(const cli_store_t *store, char *buf)
{
    (void) snprintf(buf, REG_STORE_PREFIX_MAX + sizeof(CLI_REDIS_AUDIT),
                    "%.*s" CLI_REDIS_AUDIT,
                    REG_FMT(store->redis->url.prefix));

    return reg_str(buf);
}


static cli_rc_t
cli_redis_audit_give(void *data, const char *id, const redisReply *fields)
{
    json_t              *entry;
    cli_audit_reader_t  *reader = data;

    entry = cli_redis_audit_entry(fields);

    if (entry == NULL) {
        cli_note("%s: the entry %s of the audit is none and is left out",
                 reader->store->path, id);
        return CLI_DONE;
    }

    reader->handler(reader->data, entry);

    return CLI_DONE;
}


static json_t *
cli_redis_audit_entry(const redisReply *fields)
{
    size_t       i;
    json_t      *entry, *value;
    redisReply  *text;

    entry = json_pack("{s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n}", "time", "user",
                      "sudo_user", "host", "command", "action", "type", "id",
                      "members");

    for (i = 0; entry && i + 1 < fields->elements; i += 2) {
        text = fields->element[i + 1];

        if (fields->element[i]->type != REDIS_REPLY_STRING
            || text->type != REDIS_REPLY_STRING)
        {
            json_decref(entry);
            return NULL;
        }

        if (strcmp(fields->element[i]->str, "members") == 0
            || strcmp(fields->element[i]->str, "was") == 0)
        {
            value = json_loadb(text->str, (size_t) text->len, 0, NULL);

        } else {
            value = json_stringn(text->str, (size_t) text->len);
        }

        if (json_object_set_new(entry, fields->element[i]->str, value) == -1) {
            json_decref(entry);
            return NULL;
        }
    }

    return entry;
}
