/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The scanner of stores beside jansson, which reads the same text as a whole:
 *
 * -  what the scanner takes for a store whose records are all objects of JSON
 *    is an object of JSON, with as many records;
 * -  what jansson takes for a store the scanner reads to its end.
 */

#include <stdlib.h>

#include <jansson.h>

#include "reg_record_json.h"
#include "reg_store_scan.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    reg_scan_rc_t  rc;
    size_t         n;               /* records */
    unsigned       sound:1;         /* each is an object of JSON */
    unsigned       ascii:1;         /* names are: jansson refuses bad UTF-8 */
} scanned_t;


static void
check_item(const reg_scan_item_t *item, reg_str_t text, scanned_t *scanned)
{
    size_t          i, line;
    json_t         *json;
    unsigned char  *p;

    CHECK(item->type < REG_RECORD_TYPES);
    CHECK(item->name.data >= text.data);
    CHECK(item->text.data > item->name.data + item->name.len);
    CHECK(item->text.data + item->text.len <= text.data + text.len);
    CHECK(item->text.len >= 2 && item->text.len <= REG_RECORD_MAX);
    CHECK(item->text.data[0] == '{');
    CHECK(item->text.data[item->text.len - 1] == '}');

    line = 1;

    for (p = text.data; p < item->text.data; p++) {
        line += (*p == '\n');
    }

    CHECK(line == item->line);

    for (i = 0; i < item->name.len; i++) {
        CHECK(item->name.data[i] >= 0x20 && item->name.data[i] != '"'
              && item->name.data[i] != '\\');

        if (item->name.data[i] >= 0x80) {
            scanned->ascii = 0;
        }
    }

    json = json_loadb((const char *) item->text.data, item->text.len, 0, NULL);

    if (!json_is_object(json)) {
        scanned->sound = 0;
    }

    json_decref(json);
}


static scanned_t
scan(reg_str_t text)
{
    reg_scan_t        cursor;
    scanned_t         scanned;
    reg_error_t       error;
    reg_scan_item_t   item;

    memset(&scanned, 0, sizeof(scanned_t));

    scanned.sound = 1;
    scanned.ascii = 1;

    reg_scan_init(&cursor, text);

    for ( ;; ) {
        error.text[0] = '\0';
        scanned.rc = reg_scan_next(&cursor, &item, &error);

        if (scanned.rc != REG_SCAN_RECORD) {
            break;
        }

        scanned.n++;
        check_item(&item, text, &scanned);
    }

    CHECK((scanned.rc == REG_SCAN_INVALID)
          == (strncmp(error.text, "line ", 5) == 0));
    CHECK(reg_scan_next(&cursor, &item, &error) == scanned.rc);

    return scanned;
}


/* How many records; -1 if it is no store, or its first member not "version". */

static int
count_records(json_t *json)
{
    int          n;
    json_t      *section, *record;
    unsigned     type, known;
    const char  *name;

    if (!json_is_object(json) || json_object_size(json) == 0
        || strcmp(json_object_iter_key(json_object_iter(json)), "version") != 0
        || json_integer_value(json_object_get(json, "version")) != 1)
    {
        return -1;
    }

    n = 0;
    known = 1;

    for (type = 0; type < REG_RECORD_TYPES; type++) {
        section = json_object_get(json,
                              reg_record_section((reg_record_type_t) type));

        if (section == NULL) {
            continue;
        }

        if (!json_is_object(section)) {
            return -1;
        }

        known++;

        json_object_foreach(section, name, record) {

            if (!json_is_object(record) || strlen(name) > REG_TEXT_MAX) {
                return -1;
            }

            n++;
        }
    }

    return json_object_size(json) == known ? n : -1;
}


static size_t
count_braces(reg_str_t text)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < text.len; i++) {
        n += (text.data[i] == '{');
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int         n;
    json_t     *json;
    reg_str_t   text;
    scanned_t   scanned;

    text = (reg_str_t) { size, (unsigned char *) data };
    scanned = scan(text);

    /* jansson passes over a NUL behind a number */

    if (size && memchr(data, '\0', size)) {
        return 0;
    }

    json = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES, NULL);
    n = json ? count_records(json) : -1;

    json_decref(json);

    if (n >= 0 && scanned.rc == REG_SCAN_END) {
        CHECK((size_t) n == scanned.n);
    }

    if (scanned.rc == REG_SCAN_END && scanned.sound && scanned.ascii) {

        /* a name that is there twice is left to the collector */

        json = json_loadb((const char *) data, size, 0, NULL);
        n = json ? count_records(json) : -1;

        CHECK(n >= 0 && (size_t) n <= scanned.n);

        json_decref(json);

    } else if (n >= 0 && scanned.rc == REG_SCAN_INVALID) {

        /* an escape in a name, and a record too long or too deep */

        CHECK(memchr(data, '\\', size) || size > REG_RECORD_MAX
              || count_braces(text) > REG_STORE_DEPTH);
    }

    return 0;
}
