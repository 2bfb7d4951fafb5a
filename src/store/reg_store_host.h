/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_STORE_HOST_H
#define REG_STORE_HOST_H

/* The hosts of a store's URL; reg_store_url.c is the only caller. */

#include "reg_store_url.h"


/*
 * Reads "host[:port],..." into url->hosts; max is 1 where a list means nothing.
 *
 * REG_OK        url->hosts and url->nhosts are set
 * REG_INVALID   *error says what would be right
 */

reg_rc_t reg_store_hosts_parse(reg_store_url_t *url, reg_str_t text,
    unsigned port, size_t max, reg_error_t *error);


/* REG_OK for a name of DNS or an IPv4 address, else REG_INVALID. */

reg_rc_t reg_store_name_check(reg_str_t text);


/* Digits only, at most max; REG_OK or REG_INVALID. */

reg_rc_t reg_store_number(unsigned *n, reg_str_t text, unsigned max);

#endif /* REG_STORE_HOST_H */
