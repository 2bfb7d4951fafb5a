/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef SIGN_H
#define SIGN_H

/* Short ways to sign, for tests. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>

#include "reg_sign.h"

#define SIGN_SECRET  "a secret that nobody guesses"


/* options end with NULL. */

static inline reg_signer_t *
signer(const char *scheme, const char *key, const char *const *options)
{
    reg_error_t    error;
    reg_signer_t  *s;

    assert_int_equal(reg_signer_create(&s, reg_str(scheme), &error), REG_OK);
    assert_int_equal(reg_signer_key(s, reg_str(key), &error), REG_OK);

    while (options && *options) {
        assert_int_equal(reg_signer_option(s, reg_str(*options++), &error),
                         REG_OK);
    }

    assert_int_equal(reg_signer_check(s, &error), REG_OK);

    return s;
}


/* The text lies in a buffer of this function. */

static inline const char *
sign(const reg_signer_t *s, const char *url, int64_t issued, int64_t expires)
{
    size_t        len;
    reg_claims_t  claims;

    static unsigned char  out[REG_SIGNED_URL_MAX + 1];

    claims.tenant = REG_STR("acme");
    claims.repository = REG_STR("acme/app");
    claims.issued = issued;
    claims.expires = expires;

    assert_int_equal(reg_signer_sign(s, reg_str(url), &claims, out, &len,
                                     NULL),
                     REG_OK);
    out[len] = '\0';

    return (char *) out;
}

#endif /* SIGN_H */
