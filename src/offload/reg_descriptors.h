/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_DESCRIPTORS_H
#define REG_DESCRIPTORS_H

/*
 * What a manifest names, and how large it says that is: the descriptors in
 * its "config", "layers", "blobs" and "manifests".
 *
 * Source: OCI image specification v1.1, "Content descriptors"; those of Docker
 * manifests, version 2 schema 2, are the same.
 *
 * A manifest is read as it passes, in pieces of any length, and takes no more
 * memory than the structure below: a library would make 200 MB of 4 MB of
 * "[],", and anybody who may push can have that asked for.  So this is no judge
 * of JSON, and what it finds in a text that is none means nothing.  A name or
 * a digest that is written with escapes, as nobody does, is not seen.
 */

#include "reg_name.h"

#define REG_MANIFEST_MAX         (4 * 1024 * 1024)   /* as Distribution has */
#define REG_DESCRIPTORS_MAX      1000                /* of one manifest */

/* No blob is larger, and neither is a lie about one. */

#define REG_DESCRIPTOR_SIZE_MAX  ((int64_t) 1 << 42)


/* Members are the reader's own. */

typedef struct {
    size_t         bytes;                   /* read so far */
    unsigned       found;
    unsigned       depth;                   /* braces and brackets open */
    unsigned       level;                   /* of a descriptor; 0: in none */
    unsigned       section;                 /* of the member at depth 1 */
    unsigned       field;                   /* of the member of a descriptor */
    int64_t        size;
    size_t         digest_len;
    size_t         len;                     /* of the text */
    unsigned       object:1;                /* the manifest is one */
    unsigned       list:1;                  /* in one of descriptors */
    unsigned       value:1;                 /* behind a colon */
    unsigned       string:1;
    unsigned       escaped:1;
    unsigned       odd:1;                   /* the text is no word of ours */
    unsigned       over:1;
    unsigned char  text[REG_DIGEST_MAX];    /* of the string read last */
    unsigned char  digest[REG_DIGEST_MAX];
} reg_descriptors_t;


void reg_descriptors_init(reg_descriptors_t *scan);


/*
 * The next descriptor that has both a digest and a size from 0 to
 * REG_DESCRIPTOR_SIZE_MAX.
 *
 * REG_OK         both are set; the digest is good until the next call, and
 *                *piece is what remains of it
 * REG_NOTFOUND   there is none in the piece, which is used up
 */

reg_rc_t reg_descriptors_next(reg_descriptors_t *scan, reg_str_t *piece,
    reg_str_t *digest, int64_t *size);

#endif /* REG_DESCRIPTORS_H */
