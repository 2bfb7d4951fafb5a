/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stdio.h>

#include "reg_store_scan.h"
#include "reg_record_json.h"


#define REG_SCAN_NAME_MAX  REG_TEXT_MAX

typedef enum {
    REG_SCAN_AT_START = 0,
    REG_SCAN_AT_SECTION,            /* "version" or a section has ended */
    REG_SCAN_AT_FIRST,              /* '{' of a section was read */
    REG_SCAN_AT_NEXT,               /* a record has ended */
    REG_SCAN_DONE,
    REG_SCAN_FAILED
} reg_scan_state_t;


static reg_scan_rc_t reg_scan_fail(reg_scan_t *scan, reg_error_t *error,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static reg_scan_rc_t reg_scan_unexpected(reg_scan_t *scan, reg_error_t *error,
    const char *wanted);
static int reg_scan_peek(reg_scan_t *scan);
static int reg_scan_take(reg_scan_t *scan, int byte);
static int reg_scan_name(reg_scan_t *scan, reg_str_t *name,
    reg_error_t *error);
static int reg_scan_version(reg_scan_t *scan, reg_error_t *error);
static int reg_scan_section(reg_scan_t *scan, reg_error_t *error);
static reg_scan_rc_t reg_scan_record(reg_scan_t *scan, reg_scan_item_t *item,
    reg_error_t *error);
static reg_scan_rc_t reg_scan_body(reg_scan_t *scan, reg_scan_item_t *item,
    reg_error_t *error);


/* The bytes that mean something between the braces of a record. */

static const unsigned char  reg_scan_marks[256] = {
    ['"'] = 1, ['{'] = 1, ['}'] = 1, ['\n'] = 1
};

static const unsigned char  reg_scan_string_marks[256] = {
    ['"'] = 1, ['\\'] = 1, ['\n'] = 1
};


void
reg_scan_init(reg_scan_t *scan, reg_str_t text)
{
    memset(scan, 0, sizeof(reg_scan_t));

    scan->text = text;
    scan->line = 1;
}


reg_scan_rc_t
reg_scan_next(reg_scan_t *scan, reg_scan_item_t *item, reg_error_t *error)
{
    memset(item, 0, sizeof(reg_scan_item_t));

    for ( ;; ) {
        switch ((reg_scan_state_t) scan->state) {

        case REG_SCAN_AT_START:

            if (!reg_scan_version(scan, error)) {
                return REG_SCAN_INVALID;
            }

            scan->state = REG_SCAN_AT_SECTION;
            break;

        case REG_SCAN_AT_SECTION:

            if (reg_scan_take(scan, ',')) {
                if (!reg_scan_section(scan, error)) {
                    return REG_SCAN_INVALID;
                }

                scan->state = REG_SCAN_AT_FIRST;
                break;
            }

            if (!reg_scan_take(scan, '}')) {
                return reg_scan_unexpected(scan, error, "',' or '}'");
            }

            if (reg_scan_peek(scan) != -1) {
                return reg_scan_unexpected(scan, error,
                                           "the end of the file");
            }

            scan->state = REG_SCAN_DONE;
            break;

        case REG_SCAN_AT_FIRST:

            if (reg_scan_take(scan, '}')) {
                scan->state = REG_SCAN_AT_SECTION;
                break;
            }

            return reg_scan_record(scan, item, error);

        case REG_SCAN_AT_NEXT:

            if (reg_scan_take(scan, '}')) {
                scan->state = REG_SCAN_AT_SECTION;
                break;
            }

            if (!reg_scan_take(scan, ',')) {
                return reg_scan_unexpected(scan, error, "',' or '}'");
            }

            return reg_scan_record(scan, item, error);

        case REG_SCAN_DONE:
            return REG_SCAN_END;

        case REG_SCAN_FAILED:
        default:
            return reg_scan_fail(scan, error, "the scan has already failed");
        }
    }
}


static reg_scan_rc_t
reg_scan_fail(reg_scan_t *scan, reg_error_t *error, const char *fmt, ...)
{
    char     text[REG_ERROR_MAX];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    reg_error_set(error, "line %zu: %s", scan->line, text);

    scan->state = REG_SCAN_FAILED;

    return REG_SCAN_INVALID;
}


static reg_scan_rc_t
reg_scan_unexpected(reg_scan_t *scan, reg_error_t *error, const char *wanted)
{
    int  byte;

    byte = reg_scan_peek(scan);

    if (byte == -1) {
        return reg_scan_fail(scan, error,
                             "%s expected, but the file ends here", wanted);
    }

    if (byte > 0x20 && byte < 0x7f) {
        return reg_scan_fail(scan, error, "%s expected instead of '%c'",
                             wanted, byte);
    }

    return reg_scan_fail(scan, error, "%s expected instead of byte 0x%02x",
                         wanted, (unsigned) byte);
}


/* The next byte that is no whitespace, left where it is; -1: there is none. */

static int
reg_scan_peek(reg_scan_t *scan)
{
    unsigned char  c;

    while (scan->pos < scan->text.len) {
        c = scan->text.data[scan->pos];

        if (c == '\n') {
            scan->line++;

        } else if (c != ' ' && c != '\t' && c != '\r') {
            return c;
        }

        scan->pos++;
    }

    return -1;
}


static int
reg_scan_take(reg_scan_t *scan, int byte)
{
    if (reg_scan_peek(scan) != byte) {
        return 0;
    }

    scan->pos++;

    return 1;
}


/* Reads a name and the colon behind it. */

static int
reg_scan_name(reg_scan_t *scan, reg_str_t *name, reg_error_t *error)
{
    unsigned char  *p, *last;

    if (!reg_scan_take(scan, '"')) {
        (void) reg_scan_unexpected(scan, error, "a name in quotes");
        return 0;
    }

    name->data = scan->text.data + scan->pos;

    last = scan->text.data + scan->text.len;

    for (p = name->data; p < last && *p != '"'; p++) {

        if (*p == '\\' || *p < 0x20) {
            (void) reg_scan_fail(scan, error,
                                 "a name holds an escape or a control byte");
            return 0;
        }

        if (p - name->data == REG_SCAN_NAME_MAX) {
            (void) reg_scan_fail(scan, error,
                                 "a name is longer than %d bytes",
                                 REG_SCAN_NAME_MAX);
            return 0;
        }
    }

    if (p == last) {
        (void) reg_scan_fail(scan, error, "the file ends inside a name");
        return 0;
    }

    name->len = (size_t) (p - name->data);
    scan->pos = (size_t) (p - scan->text.data) + 1;

    if (!reg_scan_take(scan, ':')) {
        (void) reg_scan_unexpected(scan, error, "':'");
        return 0;
    }

    return 1;
}


/* Reads '{"version":1'. */

static int
reg_scan_version(reg_scan_t *scan, reg_error_t *error)
{
    reg_str_t  name, digits;

    if (!reg_scan_take(scan, '{')) {
        (void) reg_scan_unexpected(scan, error, "'{'");
        return 0;
    }

    if (!reg_scan_name(scan, &name, error)) {
        return 0;
    }

    if (!reg_str_eq(name, REG_STR("version"))) {
        (void) reg_scan_fail(scan, error,
                             "the first member of a store is \"version\"");
        return 0;
    }

    (void) reg_scan_peek(scan);

    digits.data = scan->text.data + scan->pos;
    digits.len = 0;

    while (scan->pos + digits.len < scan->text.len
           && digits.data[digits.len] >= '0' && digits.data[digits.len] <= '9')
    {
        digits.len++;
    }

    if (digits.len == 0 || digits.data[0] == '0') {
        (void) reg_scan_fail(scan, error,
                             "the version of a store is a positive integer");
        return 0;
    }

    if (digits.len > 1 || digits.data[0] - '0' > REG_STORE_VERSION) {
        (void) reg_scan_fail(scan, error, "store version %.*s is newer "
                             "than this program understands",
                             digits.len > 20 ? 20 : (int) digits.len,
                             (const char *) digits.data);
        return 0;
    }

    scan->pos += digits.len;

    return 1;
}


/* Reads '"keys":{'. */

static int
reg_scan_section(reg_scan_t *scan, reg_error_t *error)
{
    unsigned   type;
    reg_str_t  name;

    if (!reg_scan_name(scan, &name, error)) {
        return 0;
    }

    for (type = 0; type < REG_RECORD_TYPES; type++) {

        if (reg_str_eq(name,
                       reg_str(reg_record_section((reg_record_type_t) type))))
        {
            break;
        }
    }

    if (type == REG_RECORD_TYPES) {
        (void) reg_scan_fail(scan, error,
                             "unknown section \"%.*s\"", REG_FMT(name));
        return 0;
    }

    if (scan->seen & (1U << type)) {
        (void) reg_scan_fail(scan, error, "section \"%.*s\" is there twice",
                             REG_FMT(name));
        return 0;
    }

    if (!reg_scan_take(scan, '{')) {
        (void) reg_scan_unexpected(scan, error, "'{'");
        return 0;
    }

    scan->seen |= 1U << type;
    scan->type = type;

    return 1;
}


static reg_scan_rc_t
reg_scan_record(reg_scan_t *scan, reg_scan_item_t *item, reg_error_t *error)
{
    if (!reg_scan_name(scan, &item->name, error)) {
        return REG_SCAN_INVALID;
    }

    if (reg_scan_peek(scan) != '{') {
        return reg_scan_unexpected(scan, error, "'{' of a record");
    }

    item->type = (reg_record_type_t) scan->type;
    item->line = scan->line;
    item->text.data = scan->text.data + scan->pos;

    return reg_scan_body(scan, item, error);
}


/*
 * Finds the '}' of the '{' at the cursor.  Only braces and strings are
 * followed: whatever else may be wrong stays inside this one record.
 */

static reg_scan_rc_t
reg_scan_body(reg_scan_t *scan, reg_scan_item_t *item, reg_error_t *error)
{
    size_t                line, left;
    unsigned              depth;
    unsigned char        *p, *last;
    const unsigned char  *marks;

    p = item->text.data;
    left = scan->text.len - scan->pos;
    last = p + (left > REG_RECORD_MAX ? REG_RECORD_MAX : left);
    line = scan->line;
    marks = reg_scan_marks;
    depth = 0;

    for ( /* void */ ; p < last; p++) {

        if (!marks[*p]) {
            continue;
        }

        switch (*p) {

        case '\n':
            line++;
            break;

        case '"':
            marks = (marks == reg_scan_marks) ? reg_scan_string_marks
                                              : reg_scan_marks;
            break;

        case '\\':

            /* an escaped newline is no JSON, but it is a line all the same */

            if (p + 1 < last && p[1] != '\n') {
                p++;
            }

            break;

        case '{':

            if (++depth > REG_STORE_DEPTH) {
                scan->line = line;
                return reg_scan_fail(scan, error, "a record is nested deeper "
                                     "than %d", REG_STORE_DEPTH);
            }

            break;

        default: /* '}' */

            if (--depth == 0) {
                scan->line = line;
                scan->pos = (size_t) (p + 1 - scan->text.data);
                scan->state = REG_SCAN_AT_NEXT;
                item->text.len = (size_t) (p + 1 - item->text.data);

                return REG_SCAN_RECORD;
            }
        }
    }

    if (left > REG_RECORD_MAX) {
        return reg_scan_fail(scan, error, "record \"%.*s\" is longer than %d "
                             "bytes", REG_FMT(item->name), REG_RECORD_MAX);
    }

    return reg_scan_fail(scan, error, "the file ends inside record \"%.*s\"",
                         REG_FMT(item->name));
}
