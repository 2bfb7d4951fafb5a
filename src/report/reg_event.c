/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_event.h"


typedef struct {
    json_t      *line;
    const char  *action;
    const char  *digest;
    const char  *type;              /* media type */
    const char  *tag;               /* NULL: none, here and below */
    const char  *length;
    int          manifest;
} reg_event_t;


static reg_rc_t reg_event_read(json_t **json, reg_str_t line,
    reg_error_t *error);
static const char *reg_event_action(json_t *line);
static void reg_event_fill(reg_event_t *event);
static json_t *reg_event_target(const reg_event_t *event);
static json_t *reg_event_distribution(const reg_event_t *event);
static json_t *reg_event_cloud(const reg_event_t *event);
static const char *reg_event_text(json_t *line, const char *member);
static json_t *reg_event_method(json_t *line);
static int reg_event_size(const char *text, json_int_t *size);
static void reg_event_utf8(char *copy, reg_str_t line);
static size_t reg_event_utf8_len(const unsigned char *p, size_t n);


/* What a line has of text; there may be more. */

static const char *const  reg_event_members[] = {
    "time", "id", "host", "address", "agent", "request", "operation",
    "repository", "reference", "digest", "request_type", "request_length",
    "response_type", "response_length", "tenant", "key"
};


const char *
reg_event_type(reg_event_format_t format)
{
    return format == REG_EVENT_CLOUDEVENTS
           ? "application/cloudevents+json"
           : "application/vnd.docker.distribution.events.v1+json";
}


reg_rc_t
reg_event_make(json_t **made, reg_event_format_t format, reg_str_t line,
    reg_error_t *error)
{
    reg_rc_t     rc;
    reg_event_t  event;

    memset(&event, 0, sizeof(reg_event_t));

    rc = reg_event_read(&event.line, line, error);

    if (rc != REG_OK) {
        return rc;
    }

    event.action = reg_event_action(event.line);

    if (event.action == NULL) {
        json_decref(event.line);
        return REG_NOTFOUND;
    }

    reg_event_fill(&event);

    *made = format == REG_EVENT_CLOUDEVENTS ? reg_event_cloud(&event)
                                            : reg_event_distribution(&event);

    json_decref(event.line);

    return *made ? REG_OK : REG_NOMEM;
}


static reg_rc_t
reg_event_read(json_t **json, reg_str_t line, reg_error_t *error)
{
    char          *copy;
    size_t         i;
    json_t        *value;
    json_error_t   je;

    if (line.len > REG_EVENT_LINE_MAX) {
        reg_error_set(error, "the line is longer than %d bytes",
                      REG_EVENT_LINE_MAX);
        return REG_INVALID;
    }

    copy = malloc(line.len + 1);

    if (copy == NULL) {
        return REG_NOMEM;
    }

    reg_event_utf8(copy, line);

    memset(&je, 0, sizeof(json_error_t));

    *json = json_loadb(copy, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                       &je);
    free(copy);

    if (*json == NULL) {
        reg_error_set(error, "the line is not JSON: %s", je.text);
        return REG_INVALID;
    }

    if (!json_is_integer(json_object_get(*json, "status"))) {
        reg_error_set(error, "the line has no number \"status\": is it of the "
                      "log_format of conf.example/nginx.conf?");
        goto invalid;
    }

    for (i = 0; i < sizeof(reg_event_members) / sizeof(char *); i++) {
        value = json_object_get(*json, reg_event_members[i]);

        if (!json_is_string(value)) {
            reg_error_set(error, "the line has no text \"%s\"",
                          reg_event_members[i]);
            goto invalid;
        }
    }

    return REG_OK;

invalid:

    json_decref(*json);

    return REG_INVALID;
}


/* NULL: the line is no event. */

static const char *
reg_event_action(json_t *line)
{
    int          get;
    json_int_t   status;
    const char  *operation;

    status = json_integer_value(json_object_get(line, "status"));
    operation = reg_event_text(line, "operation");
    get = strncmp(reg_event_text(line, "request"), "GET ", 4) == 0;

    if (*reg_event_text(line, "repository") == '\0') {
        return NULL;
    }

    /* a redirect to a CDN or a storage is how a blob is pulled, too */

    if (strcmp(operation, "pull") == 0 && get
        && (status == 200 || status == 206 || status == 302 || status == 307))
    {
        return "pull";
    }

    /* an upload ends with 201 and a mount that did not work with 202 */

    if (status == 201 && strcmp(operation, "push") == 0) {
        return "push";
    }

    if (status == 201 && strcmp(operation, "mount") == 0) {
        return "mount";
    }

    /* to cancel an upload is no deletion, and answered 204 */

    if (strcmp(operation, "delete") == 0 && (status == 200 || status == 202)) {
        return "delete";
    }

    return NULL;
}


static void
reg_event_fill(reg_event_t *event)
{
    int          push;
    json_t      *line = event->line;
    const char  *text;

    push = strcmp(event->action, "push") == 0;

    event->manifest = strstr(reg_event_text(line, "request"), "/manifests/")
                      != NULL;

    /* a registry need not answer with the digest that it was asked for */

    text = reg_event_text(line, "digest");
    event->digest = *text ? text : reg_event_text(line, "reference");

    if (strchr(event->digest, ':') == NULL) {
        event->digest = "";
    }

    event->type = "application/octet-stream";

    if (event->manifest) {
        event->type = reg_event_text(line, push ? "request_type"
                                                : "response_type");
    }

    text = reg_event_text(line, "reference");

    if (event->manifest && *text && strchr(text, ':') == NULL
        && strchr(text, '%') == NULL)
    {
        event->tag = text;
    }

    /* of an upload only the last part is known, and of a redirect nothing */

    if (push) {
        event->length = event->manifest ? reg_event_text(line,
                                                         "request_length")
                                        : NULL;

    } else if (json_integer_value(json_object_get(line, "status")) == 200
               && strcmp(event->action, "pull") == 0)
    {
        event->length = reg_event_text(line, "response_length");
    }
}


static json_t *
reg_event_target(const reg_event_t *event)
{
    int          bad;
    json_t      *target;
    json_int_t   size;

    target = json_pack("{s:s,s:s,s:O}", "mediaType", event->type,
                       "digest", event->digest,
                       "repository", json_object_get(event->line,
                                                     "repository"));
    bad = (target == NULL);

    if (event->length && reg_event_size(event->length, &size)) {
        bad |= json_object_set_new(target, "size", json_integer(size)) != 0;
        bad |= json_object_set_new(target, "length", json_integer(size)) != 0;
    }

    if (event->tag) {
        bad |= json_object_set_new(target, "tag", json_string(event->tag))
               != 0;
    }

    if (bad) {
        json_decref(target);
        return NULL;
    }

    return target;
}


/* Distribution, docs/content/about/notifications.md */

static json_t *
reg_event_distribution(const reg_event_t *event)
{
    json_t  *line = event->line, *target;

    target = reg_event_target(event);

    if (target == NULL) {
        return NULL;
    }

    return json_pack("{s:[{s:O,s:O,s:s,s:o,s:{s:O,s:O,s:O,s:o,s:O},s:{s:O},"
                     "s:{s:O}}]}",
                     "events",
                     "id", json_object_get(line, "id"),
                     "timestamp", json_object_get(line, "time"),
                     "action", event->action,
                     "target", target,
                     "request",
                     "id", json_object_get(line, "id"),
                     "addr", json_object_get(line, "address"),
                     "host", json_object_get(line, "host"),
                     "method", reg_event_method(line),
                     "useragent", json_object_get(line, "agent"),
                     "actor",
                     "name", json_object_get(line, "tenant"),
                     "source",
                     "addr", json_object_get(line, "host"));
}


/* CloudEvents 1.0.2, JSON event format, section 3 */

static json_t *
reg_event_cloud(const reg_event_t *event)
{
    json_t      *line = event->line, *target;
    const char  *repository;

    target = reg_event_target(event);

    if (target == NULL) {
        return NULL;
    }

    repository = reg_event_text(line, "repository");

    return json_pack("{s:s,s:O,s:o,s:o,s:o,s:O,s:s,s:{s:s,s:o,s:O,s:O,s:O,"
                     "s:O}}",
                     "specversion", "1.0",
                     "id", json_object_get(line, "id"),
                     "source", json_sprintf("//%s", reg_event_text(line,
                                                                   "host")),
                     "type", json_sprintf("registry.%s.%s",
                                          event->manifest ? "manifest"
                                                          : "blob",
                                          event->action),
                     "subject", *event->digest || !event->tag
                                ? json_sprintf("%s@%s", repository,
                                               event->digest)
                                : json_sprintf("%s:%s", repository,
                                               event->tag),
                     "time", json_object_get(line, "time"),
                     "datacontenttype", "application/json",
                     "data",
                     "action", event->action,
                     "target", target,
                     "tenant", json_object_get(line, "tenant"),
                     "key", json_object_get(line, "key"),
                     "address", json_object_get(line, "address"),
                     "agent", json_object_get(line, "agent"));
}


static const char *
reg_event_text(json_t *line, const char *member)
{
    return json_string_value(json_object_get(line, member));
}


/* The first word of the request. */

static json_t *
reg_event_method(json_t *line)
{
    const char  *text;

    text = reg_event_text(line, "request");

    return json_stringn(text, strcspn(text, " "));
}


static int
reg_event_size(const char *text, json_int_t *size)
{
    size_t  i;

    *size = 0;

    for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 18; i++) {
        *size = *size * 10 + (text[i] - '0');
    }

    return i > 0 && text[i] == '\0';
}


static void
reg_event_utf8(char *copy, reg_str_t line)
{
    size_t  i, n;

    for (i = 0; i < line.len; i += n) {
        n = reg_event_utf8_len(line.data + i, line.len - i);

        if (n) {
            memcpy(copy + i, line.data + i, n);

        } else {
            copy[i] = '?';
            n = 1;
        }
    }
}


/* Bytes of the character at p (RFC 3629, section 4); 0: there is none. */

static size_t
reg_event_utf8_len(const unsigned char *p, size_t n)
{
    size_t    i, len;
    unsigned  code, least;

    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
        code = p[0] & 0x1fu;
        least = 0x80;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        code = p[0] & 0x0fu;
        least = 0x800;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        code = p[0] & 0x07u;
        least = 0x10000;

    } else {
        return 0;
    }

    for (i = 1; i < len; i++) {

        if (i == n || (p[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = code << 6 | (p[i] & 0x3fu);
    }

    return code >= least && code <= 0x10ffff
           && (code < 0xd800 || code > 0xdfff) ? len : 0;
}
