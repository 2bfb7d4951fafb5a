/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_ISSUER_H
#define CLI_ISSUER_H

/*
 * Issuers whose tokens are good here.
 */

#include "cli_key.h"
#include "reg_issuer.h"


/*
 * Checks of an issuer in the store what its record cannot know by itself: that
 * the tenants and roles of its rules are there.  And tells of a rule that
 * admits strangers, where everybody can have a token of the issuer.
 */

cli_rc_t cli_issuer_check(const cli_store_t *store, const char *name);

#endif /* CLI_ISSUER_H */
