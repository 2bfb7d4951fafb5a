/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_descriptors.h"

#define REG_SIZE_NONE  -1
#define REG_SIZE_BAD   -2                   /* no number, or too large */

enum {
    REG_SECTION_OTHER = 0,
    REG_SECTION_ONE,                        /* one descriptor */
    REG_SECTION_LIST
};

enum {
    REG_FIELD_OTHER = 0,
    REG_FIELD_DIGEST,
    REG_FIELD_SIZE
};


static void reg_descriptors_string(reg_descriptors_t *scan, unsigned char c);
static int reg_descriptors_mark(reg_descriptors_t *scan, unsigned char c);
static void reg_descriptors_name(reg_descriptors_t *scan);
static void reg_descriptors_open(reg_descriptors_t *scan, unsigned char c);
static int reg_descriptors_close(reg_descriptors_t *scan);
static void reg_descriptors_digit(reg_descriptors_t *scan, unsigned char c);
static int reg_descriptors_whole(reg_descriptors_t *scan, reg_str_t *digest,
    int64_t *size);


void
reg_descriptors_init(reg_descriptors_t *scan)
{
    memset(scan, 0, sizeof(reg_descriptors_t));
}


reg_rc_t
reg_descriptors_next(reg_descriptors_t *scan, reg_str_t *piece,
    reg_str_t *digest, int64_t *size)
{
    unsigned char  c;

    while (piece->len && !scan->over) {

        c = *piece->data++;
        piece->len--;

        if (++scan->bytes > REG_MANIFEST_MAX) {
            scan->over = 1;

        } else if (scan->string) {
            reg_descriptors_string(scan, c);

        } else if (reg_descriptors_mark(scan, c)
                   && reg_descriptors_whole(scan, digest, size))
        {
            return REG_OK;
        }
    }

    piece->len = 0;

    return REG_NOTFOUND;
}


static void
reg_descriptors_string(reg_descriptors_t *scan, unsigned char c)
{
    if (scan->escaped) {
        scan->escaped = 0;
        return;
    }

    switch (c) {

    case '\\':
        scan->escaped = 1;
        scan->odd = 1;
        break;

    case '"':
        scan->string = 0;

        if (scan->value && scan->field == REG_FIELD_DIGEST
            && scan->depth == scan->level)
        {
            scan->digest_len = scan->odd ? 0 : scan->len;
            memcpy(scan->digest, scan->text, scan->digest_len);
        }

        break;

    default:

        if (scan->len < sizeof(scan->text)) {
            scan->text[scan->len++] = c;

        } else {
            scan->odd = 1;
        }
    }
}


/* What stands outside of strings; says whether a descriptor has ended. */

static int
reg_descriptors_mark(reg_descriptors_t *scan, unsigned char c)
{
    switch (c) {

    case '"':
        scan->string = 1;
        scan->odd = 0;
        scan->len = 0;
        return 0;

    case ':':
        scan->value = 1;
        reg_descriptors_name(scan);
        return 0;

    case ',':
        scan->value = 0;
        scan->field = REG_FIELD_OTHER;
        return 0;

    case '{':
    case '[':
        reg_descriptors_open(scan, c);
        return 0;

    case '}':
    case ']':
        return reg_descriptors_close(scan);

    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return 0;

    default:
        reg_descriptors_digit(scan, c);
        return 0;
    }
}


/* The string before the colon. */

static void
reg_descriptors_name(reg_descriptors_t *scan)
{
    reg_str_t  name;

    name = scan->odd ? REG_STR_NULL : (reg_str_t) { scan->len, scan->text };

    if (scan->depth == 1) {

        if (reg_str_eq(name, REG_STR("config"))) {
            scan->section = REG_SECTION_ONE;

        } else if (reg_str_eq(name, REG_STR("layers"))
                   || reg_str_eq(name, REG_STR("blobs"))
                   || reg_str_eq(name, REG_STR("manifests")))
        {
            scan->section = REG_SECTION_LIST;

        } else {
            scan->section = REG_SECTION_OTHER;
        }

    } else if (scan->level && scan->depth == scan->level) {

        if (reg_str_eq(name, REG_STR("digest"))) {
            scan->field = REG_FIELD_DIGEST;
            scan->digest_len = 0;

        } else if (reg_str_eq(name, REG_STR("size"))) {
            scan->field = REG_FIELD_SIZE;
            scan->size = REG_SIZE_NONE;

        } else {
            scan->field = REG_FIELD_OTHER;
        }
    }
}


/* A descriptor is a value of the manifest, or an element of such a list. */

static void
reg_descriptors_open(reg_descriptors_t *scan, unsigned char c)
{
    unsigned  descriptor;

    descriptor = 0;

    if (scan->depth == 0) {
        scan->object = (c == '{');

    } else if (scan->depth == 1 && scan->object && scan->value) {

        descriptor = (c == '{' && scan->section == REG_SECTION_ONE);
        scan->list = (c == '[' && scan->section == REG_SECTION_LIST);

    } else if (scan->depth == 2) {
        descriptor = (c == '{' && scan->list);
    }

    scan->depth++;
    scan->value = 0;

    if (descriptor) {
        scan->level = scan->depth;
        scan->field = REG_FIELD_OTHER;
        scan->digest_len = 0;
        scan->size = REG_SIZE_NONE;
    }
}


static int
reg_descriptors_close(reg_descriptors_t *scan)
{
    int  ended;

    ended = (scan->level && scan->level == scan->depth);

    if (ended) {
        scan->level = 0;
    }

    scan->value = 0;
    scan->field = REG_FIELD_OTHER;

    if (scan->depth <= 1) {
        scan->over = 1;
        return ended;
    }

    scan->depth--;

    if (scan->depth == 1) {
        scan->list = 0;
    }

    return ended;
}


static void
reg_descriptors_digit(reg_descriptors_t *scan, unsigned char c)
{
    if (scan->field != REG_FIELD_SIZE || scan->depth != scan->level
        || scan->size == REG_SIZE_BAD)
    {
        return;
    }

    if (c < '0' || c > '9') {
        scan->size = REG_SIZE_BAD;
        return;
    }

    if (scan->size == REG_SIZE_NONE) {
        scan->size = 0;
    }

    scan->size = scan->size * 10 + (c - '0');

    if (scan->size > REG_DESCRIPTOR_SIZE_MAX) {
        scan->size = REG_SIZE_BAD;
    }
}


static int
reg_descriptors_whole(reg_descriptors_t *scan, reg_str_t *digest,
    int64_t *size)
{
    reg_digest_t  parsed;

    *digest = (reg_str_t) { scan->digest_len, scan->digest };
    *size = scan->size;

    if (scan->size < 0 || reg_digest_parse(&parsed, *digest) != REG_OK) {
        return 0;
    }

    if (++scan->found == REG_DESCRIPTORS_MAX) {
        scan->over = 1;
    }

    return 1;
}
