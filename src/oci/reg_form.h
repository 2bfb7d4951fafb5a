/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_FORM_H
#define REG_FORM_H

/*
 * Parameters of a token endpoint: the query of a GET, or the body of a POST as
 * application/x-www-form-urlencoded.  '+' and %20 are a space.
 */

#include "reg_core.h"

#define REG_FORM_MAX  8192          /* bytes of a form */


/*
 * Takes the next parameter off *text, whose bytes are decoded where they are:
 * nobody may need them as they were.  Empty pairs ("a=1&&b=2") are passed over.
 *
 * REG_OK         *name and *value are slices of text
 * REG_NOTFOUND   there is no more
 * REG_INVALID    a percent sign without two hex digits, or a control character
 */

reg_rc_t reg_form_next(reg_str_t *text, reg_str_t *name, reg_str_t *value);

#endif /* REG_FORM_H */
