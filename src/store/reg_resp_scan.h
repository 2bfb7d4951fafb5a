/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_RESP_SCAN_H
#define REG_RESP_SCAN_H

/*
 * Follows the frames of replies ahead of hiredis, so that a cap is noticed
 * when a length is announced and not when the bytes have come: hiredis 0.14
 * would allocate an array of a billion elements, and wait for a string of four
 * gigabytes.  It is stricter too: no bare CR or LF in a line, CR and LF behind
 * a string, no type of RESP3 but those that were allowed.  What is inside a
 * line is left to hiredis.
 */

#include "reg_core.h"

#define REG_RESP_REPLY_MAX     (4 * 1024 * 1024)  /* bytes of one reply */
#define REG_RESP_ELEMENTS_MAX  65536              /* of all its arrays */
#define REG_RESP_DEPTH_MAX     7                  /* what hiredis 0.14 takes */

/* Bytes of a status, an error or an integer; what is long comes as a string. */

#define REG_RESP_LINE_MAX      16384

/* Bytes of a length, the sign included: no cap has more digits than seven. */

#define REG_RESP_LENGTH_MAX    7

typedef struct {
    unsigned  state;
    unsigned  depth;                        /* arrays that are open */
    size_t    left[REG_RESP_DEPTH_MAX];     /* elements that each still wants */
    size_t    bytes;                        /* of this reply */
    size_t    elements;                     /* of this reply */
    size_t    bulk;                         /* bytes of a string to come */
    size_t    line;                         /* bytes of a line so far */
    char      length[REG_RESP_LENGTH_MAX];
    unsigned  map:1;                        /* the length counts pairs */
    unsigned  pushes:1;                     /* RESP3's types of pushes, too */
} reg_resp_scan_t;


/* Begins; a structure of zeroes is a scan that has begun. */

void reg_resp_scan_init(reg_resp_scan_t *scan);


/*
 * Follows len bytes and returns how many of them are good: fewer than len if
 * the protocol or a cap is broken, and then the scan is over.  *replies grows
 * by the number of replies that ended.
 */

size_t reg_resp_scan(reg_resp_scan_t *scan, const unsigned char *data,
    size_t len, size_t *replies);

#endif /* REG_RESP_SCAN_H */
