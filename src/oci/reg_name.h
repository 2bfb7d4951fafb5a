/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_NAME_H
#define REG_NAME_H

/*
 * The grammars of repository names, tags and digests.
 *
 * Source: OCI distribution specification v1.1, "Pulling manifests"; image
 * specification v1.1, "Digests".
 */

#include "reg_core.h"

#define REG_REPOSITORY_MAX  255     /* bytes, as Distribution caps it */
#define REG_TAG_MAX         128
#define REG_DIGEST_MAX      (sizeof("sha512:") - 1 + 128)


/*
 * A digest, as slices of the text it was read from.  In a request path the
 * colon may be written %3A, so the two parts need not be one byte apart.
 */

typedef struct {
    reg_str_t  algorithm;           /* "sha256" or "sha512"; len 0: none */
    reg_str_t  encoded;             /* 64 or 128 lower-case hex digits */
} reg_digest_t;


/* REG_OK or REG_INVALID, here and below. */

reg_rc_t reg_repository_check(reg_str_t text);

reg_rc_t reg_tag_check(reg_str_t text);

/* "sha256:<64 hex>" or "sha512:<128 hex>". */

reg_rc_t reg_digest_parse(reg_digest_t *digest, reg_str_t text);


/*
 * The same in a raw request path, where the colon may be "%3A" or "%3a".
 */

reg_rc_t reg_digest_parse_raw(reg_digest_t *digest, reg_str_t text);


/*
 * Names of tenants, roles and limits: [a-z0-9][a-z0-9._-]{0,62}, which keeps
 * them out of trouble in Redis keys, file names and nginx variables.
 */

reg_rc_t reg_label_check(reg_str_t text);


/*
 * Names of labels: [a-z][a-z0-9_]{0,62}, for each becomes an nginx variable
 * $registry_label_<name>.
 */

reg_rc_t reg_label_name_check(reg_str_t text);

#endif /* REG_NAME_H */
