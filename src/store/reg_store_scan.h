/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_STORE_SCAN_H
#define REG_STORE_SCAN_H

/*
 * The format of the file store, read one record at a time:
 *
 *     {"version":1,
 *      "keys":{"<id>":{…},…},
 *      "tenants":{"<name>":{…},…},
 *      "roles":{"<name>":{…},…}}
 *
 * The scanner finds where each record begins and ends by its braces and leaves
 * the inside to reg_record_parse(): so a worker takes up a large file in slices
 * of a few milliseconds, and compares unchanged records byte for byte instead
 * of parsing them.  Sections come in any order, "version" first; each at most
 * once.  Names of records hold no escapes.
 */

#include "reg_core.h"
#include "reg_record.h"

#define REG_STORE_VERSION  1
#define REG_STORE_DEPTH    32       /* nesting inside a record */

typedef enum {
    REG_SCAN_RECORD = 0,            /* *item is set */
    REG_SCAN_END,                   /* the document is complete */
    REG_SCAN_INVALID                /* *error says why */
} reg_scan_rc_t;

typedef struct {
    reg_record_type_t  type;
    reg_str_t          name;
    reg_str_t          text;        /* from '{' to '}' */
    size_t             line;        /* of the '{', from 1 */
} reg_scan_item_t;


/* A cursor over borrowed text; members are the scanner's own. */

typedef struct {
    reg_str_t    text;
    size_t       pos;
    size_t       line;
    unsigned     state;
    unsigned     seen;              /* a bit for each section that was begun */
    unsigned     type;
} reg_scan_t;


/* Begins; text must stay until the scan is done.  Allocates nothing. */

void reg_scan_init(reg_scan_t *scan, reg_str_t text);


/*
 * The next record.  After REG_SCAN_END or REG_SCAN_INVALID the scan is over.
 * A repeated record name is not noticed here: whoever collects them does.
 * The sentence of an error begins with "line N: ".
 */

reg_scan_rc_t reg_scan_next(reg_scan_t *scan, reg_scan_item_t *item,
    reg_error_t *error);

#endif /* REG_STORE_SCAN_H */
