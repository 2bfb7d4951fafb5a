/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>

#include "reg_time.h"
#include "reg_usage.h"

#define REG_USAGE_IPV4_PREFIX  24
#define REG_USAGE_IPV6_PREFIX  64

#define REG_USAGE_TEXT_MAX     512      /* bytes of a text, the rest is cut */


static json_t *reg_usage_text(reg_str_t text);
static json_t *reg_usage_time(int64_t seconds);
static json_t *reg_usage_pushed(const reg_usage_t *usage);
static reg_rc_t reg_usage_get_text(reg_str_t *text, const json_t *object,
    const char *member);
static reg_rc_t reg_usage_get_time(int64_t *seconds, const json_t *object,
    const char *member);
static reg_rc_t reg_usage_get_pushed(reg_usage_t *usage,
    const json_t *object);


reg_rc_t
reg_usage_format(char **line, const reg_usage_t *usage)
{
    json_t  *object;

    object = json_pack("{s:o?,s:o?,s:o?,s:I,s:o?,s:o?,s:o?,s:o?,s:o?,s:o?}",
                       "key", reg_usage_text(usage->key_id),
                       "first", reg_usage_time(usage->first),
                       "last", reg_usage_time(usage->last),
                       "count", (json_int_t) usage->count,
                       "address", reg_usage_text(usage->address),
                       "agent", reg_usage_text(usage->agent),
                       "repository", reg_usage_text(usage->repository),
                       "operation", reg_usage_text(usage->operation),
                       "decision", reg_usage_text(usage->decision),
                       "pushed", reg_usage_pushed(usage));

    *line = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);

    return *line ? REG_OK : REG_NOMEM;
}


reg_rc_t
reg_usage_parse(reg_usage_t *usage, void **json, reg_str_t line)
{
    json_t        *object, *count;
    json_error_t   error;

    memset(usage, 0, sizeof(reg_usage_t));

    object = json_loadb((const char *) line.data, line.len,
                        JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        return json_error_code(&error) == json_error_out_of_memory
               ? REG_NOMEM : REG_INVALID;
    }

    count = json_object_get(object, "count");

    if (!json_is_object(object)
        || reg_usage_get_text(&usage->key_id, object, "key") != REG_OK
        || reg_usage_get_time(&usage->first, object, "first") != REG_OK
        || reg_usage_get_time(&usage->last, object, "last") != REG_OK
        || !json_is_integer(count) || json_integer_value(count) < 1
        || reg_usage_get_text(&usage->address, object, "address") != REG_OK
        || reg_usage_get_text(&usage->agent, object, "agent") != REG_OK
        || reg_usage_get_text(&usage->repository, object, "repository")
           != REG_OK
        || reg_usage_get_text(&usage->operation, object, "operation")
           != REG_OK
        || reg_usage_get_text(&usage->decision, object, "decision") != REG_OK
        || reg_usage_get_pushed(usage, object) != REG_OK)
    {
        json_decref(object);
        return REG_INVALID;
    }

    usage->count = (uint64_t) json_integer_value(count);
    *json = object;

    return REG_OK;
}


void
reg_usage_free(void *json)
{
    json_decref(json);
}


void
reg_usage_network(char buf[REG_USAGE_NETWORK_LEN],
    const reg_address_t *address)
{
    int            family;
    char           text[INET6_ADDRSTRLEN];
    unsigned       prefix;
    unsigned char  bytes[16];

    memset(bytes, 0, sizeof(bytes));

    switch (address->family) {

    case REG_ADDRESS_IPV4:
        family = AF_INET;
        prefix = REG_USAGE_IPV4_PREFIX;
        break;

    case REG_ADDRESS_IPV6:
        family = AF_INET6;
        prefix = REG_USAGE_IPV6_PREFIX;
        break;

    default:
        (void) snprintf(buf, REG_USAGE_NETWORK_LEN, "-");
        return;
    }

    memcpy(bytes, address->bytes, prefix / 8);

    (void) snprintf(buf, REG_USAGE_NETWORK_LEN, "%s/%u",
                    inet_ntop(family, bytes, text, sizeof(text)), prefix);
}


static json_t *
reg_usage_text(reg_str_t text)
{
    char    buf[REG_USAGE_TEXT_MAX];
    size_t  i, len;

    len = text.len < sizeof(buf) ? text.len : sizeof(buf);

    for (i = 0; i < len; i++) {
        buf[i] = (text.data[i] >= 0x20 && text.data[i] < 0x7f)
                 ? (char) text.data[i] : '?';
    }

    return json_stringn(buf, len);
}


static json_t *
reg_usage_time(int64_t seconds)
{
    char  buf[REG_TIME_LEN + 1];

    reg_time_format(buf, seconds);

    return json_string(buf);
}


static json_t *
reg_usage_pushed(const reg_usage_t *usage)
{
    size_t   i;
    json_t  *list;

    list = json_array();

    for (i = 0; list && i < usage->npushed; i++) {

        if (json_array_append_new(list, reg_usage_text(usage->pushed[i]))
            == -1)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


static reg_rc_t
reg_usage_get_text(reg_str_t *text, const json_t *object, const char *member)
{
    json_t  *value;

    value = json_object_get(object, member);

    if (!json_is_string(value)) {
        return REG_INVALID;
    }

    text->data = (unsigned char *) json_string_value(value);
    text->len = json_string_length(value);

    return REG_OK;
}


static reg_rc_t
reg_usage_get_time(int64_t *seconds, const json_t *object, const char *member)
{
    reg_str_t  text;

    return reg_usage_get_text(&text, object, member) == REG_OK
           ? reg_time_parse(seconds, text, NULL) : REG_INVALID;
}


static reg_rc_t
reg_usage_get_pushed(reg_usage_t *usage, const json_t *object)
{
    size_t   i;
    json_t  *list, *value;

    list = json_object_get(object, "pushed");

    if (!json_is_array(list) || json_array_size(list) > REG_USAGE_PUSHED_MAX) {
        return REG_INVALID;
    }

    json_array_foreach(list, i, value) {

        if (!json_is_string(value)) {
            return REG_INVALID;
        }

        usage->pushed[i].data = (unsigned char *) json_string_value(value);
        usage->pushed[i].len = json_string_length(value);
    }

    usage->npushed = json_array_size(list);

    return REG_OK;
}
