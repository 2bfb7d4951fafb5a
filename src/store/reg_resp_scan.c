/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_resp_scan.h"


typedef enum {
    REG_RESP_AT_TYPE = 0,
    REG_RESP_IN_LINE,
    REG_RESP_IN_BULK_LENGTH,
    REG_RESP_IN_ARRAY_LENGTH,
    REG_RESP_AT_LINE_LF,
    REG_RESP_AT_BULK_LENGTH_LF,
    REG_RESP_AT_ARRAY_LENGTH_LF,
    REG_RESP_IN_BULK,
    REG_RESP_AT_BULK_CR,
    REG_RESP_BROKEN
} reg_resp_state_t;

#define REG_RESP_NIL  SIZE_MAX


static int reg_resp_scan_byte(reg_resp_scan_t *scan, unsigned char c,
    size_t *replies);
static int reg_resp_scan_type(reg_resp_scan_t *scan, unsigned char c);
static int reg_resp_scan_type3(reg_resp_scan_t *scan, unsigned char c);
static int reg_resp_scan_line(reg_resp_scan_t *scan, unsigned char c,
    reg_resp_state_t next);
static int reg_resp_scan_length(reg_resp_scan_t *scan, size_t *length);
static int reg_resp_scan_bulk(reg_resp_scan_t *scan, size_t *replies);
static int reg_resp_scan_array(reg_resp_scan_t *scan, size_t *replies);
static int reg_resp_scan_done(reg_resp_scan_t *scan, size_t *replies);


void
reg_resp_scan_init(reg_resp_scan_t *scan)
{
    memset(scan, 0, sizeof(reg_resp_scan_t));
}


size_t
reg_resp_scan(reg_resp_scan_t *scan, const unsigned char *data, size_t len,
    size_t *replies)
{
    size_t  i, n;

    i = 0;

    while (i < len) {

        if (scan->state == REG_RESP_IN_BULK) {

            /* its bytes were counted when the length came */

            n = len - i < scan->bulk ? len - i : scan->bulk;

            scan->bulk -= n;
            i += n;

            if (scan->bulk == 0) {
                scan->state = REG_RESP_AT_BULK_CR;
            }

            continue;
        }

        if (scan->bytes++ >= REG_RESP_REPLY_MAX
            || !reg_resp_scan_byte(scan, data[i], replies))
        {
            scan->state = REG_RESP_BROKEN;
            break;
        }

        i++;
    }

    return i;
}


static int
reg_resp_scan_byte(reg_resp_scan_t *scan, unsigned char c, size_t *replies)
{
    switch ((reg_resp_state_t) scan->state) {

    case REG_RESP_AT_TYPE:
        return reg_resp_scan_type(scan, c);

    case REG_RESP_IN_LINE:
        return reg_resp_scan_line(scan, c, REG_RESP_AT_LINE_LF);

    case REG_RESP_IN_BULK_LENGTH:
        return reg_resp_scan_line(scan, c, REG_RESP_AT_BULK_LENGTH_LF);

    case REG_RESP_IN_ARRAY_LENGTH:
        return reg_resp_scan_line(scan, c, REG_RESP_AT_ARRAY_LENGTH_LF);

    case REG_RESP_AT_LINE_LF:
        return c == '\n' && reg_resp_scan_done(scan, replies);

    case REG_RESP_AT_BULK_LENGTH_LF:
        return c == '\n' && reg_resp_scan_bulk(scan, replies);

    case REG_RESP_AT_ARRAY_LENGTH_LF:
        return c == '\n' && reg_resp_scan_array(scan, replies);

    case REG_RESP_AT_BULK_CR:
        scan->state = REG_RESP_AT_LINE_LF;
        return c == '\r';

    case REG_RESP_IN_BULK:
    case REG_RESP_BROKEN:
    default:
        return 0;
    }
}


static int
reg_resp_scan_type(reg_resp_scan_t *scan, unsigned char c)
{
    scan->line = 0;
    scan->map = 0;

    switch (c) {

    case '+':
    case '-':
    case ':':
        scan->state = REG_RESP_IN_LINE;
        return 1;

    case '$':
        scan->state = REG_RESP_IN_BULK_LENGTH;
        return 1;

    case '*':
        scan->state = REG_RESP_IN_ARRAY_LENGTH;
        return scan->depth < REG_RESP_DEPTH_MAX;

    default:
        return scan->pushes && reg_resp_scan_type3(scan, c);
    }
}


/* Pushes, and what HELLO 3 answers with: nil, and maps of strings and such. */

static int
reg_resp_scan_type3(reg_resp_scan_t *scan, unsigned char c)
{
    switch (c) {

    case '_':
        scan->state = REG_RESP_IN_LINE;
        return 1;

    case '%':
        scan->map = 1;

        /* fall through */

    case '>':
        scan->state = REG_RESP_IN_ARRAY_LENGTH;
        return scan->depth < REG_RESP_DEPTH_MAX;

    default:
        return 0;
    }
}


static int
reg_resp_scan_line(reg_resp_scan_t *scan, unsigned char c,
    reg_resp_state_t next)
{
    size_t  max;

    if (c == '\r') {
        scan->state = next;
        return 1;
    }

    max = REG_RESP_LINE_MAX;

    if (scan->state != REG_RESP_IN_LINE) {
        max = REG_RESP_LENGTH_MAX;

        if (scan->line < max) {
            scan->length[scan->line] = (char) c;
        }
    }

    return c != '\n' && ++scan->line <= max;
}


/* "0", "-1" or digits of which the first is not "0", as hiredis reads them. */

static int
reg_resp_scan_length(reg_resp_scan_t *scan, size_t *length)
{
    char    c;
    size_t  i, n;

    if (scan->line == 2 && memcmp(scan->length, "-1", 2) == 0) {
        *length = REG_RESP_NIL;
        return 1;
    }

    n = 0;

    for (i = 0; i < scan->line; i++) {
        c = scan->length[i];

        if (c < '0' || c > '9' || (c == '0' && i == 0 && scan->line > 1)) {
            return 0;
        }

        n = n * 10 + (size_t) (c - '0');
    }

    *length = n;

    return scan->line > 0;
}


static int
reg_resp_scan_bulk(reg_resp_scan_t *scan, size_t *replies)
{
    size_t  n;

    if (!reg_resp_scan_length(scan, &n)) {
        return 0;
    }

    if (n == REG_RESP_NIL) {
        return reg_resp_scan_done(scan, replies);
    }

    if (n > REG_RESP_REPLY_MAX - scan->bytes) {
        return 0;
    }

    scan->bytes += n;
    scan->bulk = n;
    scan->state = n ? REG_RESP_IN_BULK : REG_RESP_AT_BULK_CR;

    return 1;
}


static int
reg_resp_scan_array(reg_resp_scan_t *scan, size_t *replies)
{
    size_t  n;

    if (!reg_resp_scan_length(scan, &n)) {
        return 0;
    }

    if (n == REG_RESP_NIL || n == 0) {
        return reg_resp_scan_done(scan, replies);
    }

    if (scan->map) {
        n *= 2;
    }

    if (n > REG_RESP_ELEMENTS_MAX - scan->elements) {
        return 0;
    }

    scan->elements += n;
    scan->left[scan->depth++] = n;
    scan->state = REG_RESP_AT_TYPE;

    return 1;
}


/* An element has ended, and with it the arrays whose last it was. */

static int
reg_resp_scan_done(reg_resp_scan_t *scan, size_t *replies)
{
    scan->state = REG_RESP_AT_TYPE;

    while (scan->depth > 0) {

        if (--scan->left[scan->depth - 1] > 0) {
            return 1;
        }

        scan->depth--;
    }

    scan->bytes = 0;
    scan->elements = 0;

    (*replies)++;

    return 1;
}
