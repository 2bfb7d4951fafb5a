/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>
#include <stdlib.h>

#include "reg_api_key.h"
#include "reg_name.h"
#include "reg_record_read.h"
#include "reg_scope.h"


static reg_rc_t reg_read_list(reg_reader_t *reader, json_t *value,
    reg_list_t *list);
static int reg_text_printable(reg_str_t text);


reg_rc_t
reg_read_fail(reg_reader_t *reader, const char *sentence)
{
    reg_error_set(reader->error, "%s: %s", reader->member, sentence);

    return REG_INVALID;
}


reg_rc_t
reg_read_string(reg_reader_t *reader, json_t *value, reg_str_t *text)
{
    if (!json_is_string(value)) {
        return reg_read_fail(reader, "must be a string");
    }

    text->len = json_string_length(value);
    text->data = (unsigned char *) json_string_value(value);

    return REG_OK;
}


reg_rc_t
reg_read_text(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *text = field;

    if (reg_read_string(reader, value, text) != REG_OK) {
        return REG_INVALID;
    }

    if (text->len > REG_TEXT_MAX) {
        return reg_read_fail(reader, "is longer than 255 bytes");
    }

    if (!reg_text_printable(*text)) {
        return reg_read_fail(reader, "holds a control character");
    }

    return REG_OK;
}


reg_rc_t
reg_read_own_id(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *id = field;

    if (reg_read_key_id(reader, value, id) != REG_OK) {
        return REG_INVALID;
    }

    if (!reg_str_eq(*id, reader->name)) {
        return reg_read_fail(reader, "differs from the name of the record");
    }

    return REG_OK;
}


reg_rc_t
reg_read_key_id(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *id = field;

    if (reg_read_string(reader, value, id) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_api_key_id_check(*id) != REG_OK) {
        return reg_read_fail(reader, "is no key id: 12 letters and digits");
    }

    return REG_OK;
}


reg_rc_t
reg_read_own_name(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *name = field;

    if (reg_read_name(reader, value, name) != REG_OK) {
        return REG_INVALID;
    }

    if (!reg_str_eq(*name, reader->name)) {
        return reg_read_fail(reader, "differs from the name of the record");
    }

    return REG_OK;
}


reg_rc_t
reg_read_role_name(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *name = field;

    if (reg_read_own_name(reader, value, name) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_role_builtin(*name) != NULL) {
        return reg_read_fail(reader, "is a built-in role");
    }

    return REG_OK;
}


reg_rc_t
reg_read_tenant(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *name = field;

    if (reg_read_name(reader, value, name) != REG_OK) {
        return REG_INVALID;
    }

    reader->tenant = *name;

    return REG_OK;
}


reg_rc_t
reg_read_name(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *name = field;

    if (reg_read_string(reader, value, name) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_label_check(*name) != REG_OK) {
        return reg_read_fail(reader,
                             "is no name: [a-z0-9][a-z0-9._-]{0,62}");
    }

    return REG_OK;
}


reg_rc_t
reg_read_hash(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t  *hash = field;

    if (reg_read_string(reader, value, hash) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_api_key_hash_check(*hash) != REG_OK) {
        return reg_read_fail(reader, "is neither sha256:<64 hex digits> "
                             "nor hmac-sha256:<64 hex digits>");
    }

    return REG_OK;
}


reg_rc_t
reg_read_time(reg_reader_t *reader, json_t *value, void *field)
{
    reg_str_t    text;
    reg_error_t  why;

    if (reg_read_string(reader, value, &text) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_time_parse(field, text, &why) != REG_OK) {
        return reg_read_fail(reader, why.text);
    }

    return REG_OK;
}


/* A bit field has no address, so this one finds its own way. */

reg_rc_t
reg_read_suspended(reg_reader_t *reader, json_t *value, void *field)
{
    (void) field;

    if (!json_is_boolean(value)) {
        return reg_read_fail(reader, "must be true or false");
    }

    reader->record->u.tenant.suspended = json_is_true(value);

    return REG_OK;
}


static reg_rc_t
reg_read_list(reg_reader_t *reader, json_t *value, reg_list_t *list)
{
    size_t   i, n;
    json_t  *item;

    if (!json_is_array(value)) {
        return reg_read_fail(reader, "must be a list of strings");
    }

    n = json_array_size(value);

    if (n == 0) {
        return REG_OK;
    }

    if (n > REG_RECORD_LIST_MAX) {
        return reg_read_fail(reader, "has more than 256 entries");
    }

    list->items = calloc(n, sizeof(reg_str_t));
    if (list->items == NULL) {
        return REG_NOMEM;
    }

    for (i = 0; i < n; i++) {
        item = json_array_get(value, i);

        if (!json_is_string(item)) {
            return reg_read_item_fail(reader, i, "must be a string");
        }

        list->items[i].len = json_string_length(item);
        list->items[i].data = (unsigned char *) json_string_value(item);
    }

    list->n = n;

    return REG_OK;
}


reg_rc_t
reg_read_item_fail(reg_reader_t *reader, size_t i, const char *sentence)
{
    reg_error_set(reader->error, "%s[%zu]: %s", reader->member, i, sentence);

    return REG_INVALID;
}


reg_rc_t
reg_read_roles(reg_reader_t *reader, json_t *value, void *field)
{
    size_t       i;
    reg_rc_t     rc;
    reg_list_t  *list = field;

    rc = reg_read_list(reader, value, list);

    for (i = 0; rc == REG_OK && i < list->n; i++) {

        if (reg_label_check(list->items[i]) != REG_OK) {
            rc = reg_read_item_fail(reader, i,
                                    "is no name: [a-z0-9][a-z0-9._-]{0,62}");
        }
    }

    return rc;
}


reg_rc_t
reg_read_scopes(reg_reader_t *reader, json_t *value, void *field)
{
    size_t        i;
    reg_rc_t      rc;
    reg_list_t   *list = field;
    reg_error_t   why;
    reg_scope_t  *scope;

    rc = reg_read_list(reader, value, list);

    for (i = 0; rc == REG_OK && i < list->n; i++) {

        rc = reg_scope_parse(&scope, list->items[i], reader->tenant, &why);

        if (rc == REG_OK) {
            reg_scope_free(scope);

        } else if (rc == REG_INVALID) {
            rc = reg_read_item_fail(reader, i, why.text);
        }
    }

    return rc;
}


reg_rc_t
reg_read_networks(reg_reader_t *reader, json_t *value, void *field)
{
    size_t             i;
    reg_rc_t           rc;
    reg_list_t         list;
    reg_error_t        why;
    reg_key_record_t  *key;

    (void) field;

    key = &reader->record->u.key;
    memset(&list, 0, sizeof(reg_list_t));

    rc = reg_read_list(reader, value, &list);

    if (rc != REG_OK || list.n == 0) {
        free(list.items);
        return rc;
    }

    key->allow_from = calloc(list.n, sizeof(reg_cidr_t));
    if (key->allow_from == NULL) {
        free(list.items);
        return REG_NOMEM;
    }

    for (i = 0; rc == REG_OK && i < list.n; i++) {

        if (reg_cidr_parse(&key->allow_from[i], list.items[i], &why)
            != REG_OK)
        {
            rc = reg_read_item_fail(reader, i, why.text);
        }
    }

    key->nallow_from = list.n;

    free(list.items);

    return rc;
}


reg_rc_t
reg_read_labels(reg_reader_t *reader, json_t *value, void *field)
{
    size_t         n, *nlabels;
    json_t        *text;
    reg_rc_t       rc;
    const char    *name;
    reg_label_t   *label, **labels;
    reg_reader_t   inner;
    char           member[sizeof("labels.") + REG_NAME_MAX];

    (void) field;

    if (reader->record->type == REG_RECORD_TENANT) {
        nlabels = &reader->record->u.tenant.nlabels;
        labels = &reader->record->u.tenant.labels;

    } else {
        nlabels = &reader->record->u.repository.nlabels;
        labels = &reader->record->u.repository.labels;
    }

    if (!json_is_object(value)) {
        return reg_read_fail(reader, "must be an object of strings");
    }

    n = json_object_size(value);

    if (n == 0) {
        return REG_OK;
    }

    if (n > REG_RECORD_LIST_MAX) {
        return reg_read_fail(reader, "has more than 256 entries");
    }

    *labels = calloc(n, sizeof(reg_label_t));
    if (*labels == NULL) {
        return REG_NOMEM;
    }

    json_object_foreach(value, name, text) {

        if (reg_label_name_check(reg_str(name)) != REG_OK) {
            reg_error_set(reader->error, "labels: \"%.64s\" is no name of a "
                          "label: [a-z][a-z0-9_]{0,62}", name);
            return REG_INVALID;
        }

        (void) snprintf(member, sizeof(member), "labels.%s", name);

        inner = *reader;
        inner.member = member;

        label = &(*labels)[(*nlabels)++];
        label->name = reg_str(name);

        rc = reg_read_text(&inner, text, &label->value);

        if (rc != REG_OK) {
            return rc;
        }
    }

    return REG_OK;
}


reg_rc_t
reg_read_limits(reg_reader_t *reader, json_t *value, void *field)
{
    json_t           *text;
    reg_str_t         s;
    reg_error_t       why;
    const char       *name;
    reg_reader_t      inner;
    reg_override_t   *item;
    reg_overrides_t  *limits = field;
    char              member[sizeof("limits.") + REG_NAME_MAX];

    if (!json_is_object(value)) {
        return reg_read_fail(reader, "must be an object of strings");
    }

    if (json_object_size(value) == 0) {
        return REG_OK;
    }

    if (json_object_size(value) > REG_RECORD_LIST_MAX) {
        return reg_read_fail(reader, "has more than 256 entries");
    }

    limits->items = calloc(json_object_size(value), sizeof(reg_override_t));
    if (limits->items == NULL) {
        return REG_NOMEM;
    }

    json_object_foreach(value, name, text) {

        if (reg_label_check(reg_str(name)) != REG_OK) {
            reg_error_set(reader->error, "limits: \"%.64s\" is no name of a "
                          "limit: [a-z0-9][a-z0-9._-]{0,62}", name);
            return REG_INVALID;
        }

        (void) snprintf(member, sizeof(member), "limits.%s", name);

        inner = *reader;
        inner.member = member;

        item = &limits->items[limits->n++];
        item->name = reg_str(name);

        if (reg_read_string(&inner, text, &s) != REG_OK) {
            return REG_INVALID;
        }

        if (reg_limit_value_parse(&item->value, s, &why) != REG_OK) {
            return reg_read_fail(&inner, why.text);
        }
    }

    return REG_OK;
}


/*
 * No control character, neither of ASCII nor of U+0080 to U+009F, which some
 * terminals obey just the same.  jansson has checked that text is UTF-8.
 */

static int
reg_text_printable(reg_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return 0;
        }

        if (text.data[i] == 0xc2 && i + 1 < text.len
            && text.data[i + 1] < 0xa0)
        {
            return 0;
        }
    }

    return 1;
}
