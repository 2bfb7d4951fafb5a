/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* token inspect: what a token says, and whether it is true. */

#include <stdlib.h>

#include "cli_explain.h"
#include "cli_file.h"
#include "cli_output.h"
#include "reg_time.h"


static json_t *cli_token_time(json_t *claims, const char *name);


cli_rc_t
cli_token_inspect(cli_t *cli)
{
    char          *text;
    json_t        *view;
    cli_rc_t       rc;
    reg_jwt_t      jwt;
    reg_jwks_t    *jwks;
    reg_jwt_rc_t   verified;
    const char    *key;

    const reg_jwt_expected_t  expected = {
        REG_STR_NULL, REG_STR_NULL, REG_STR_NULL, REG_JWT_LEEWAY
    };

    key = cli_value(cli, CLI_OPT_KEY);
    jwks = NULL;

    rc = cli_token_read(cli->operand, &text, &jwt);

    if (rc != CLI_DONE) {
        return rc;
    }

    rc = key ? cli_token_keys(key, &jwks) : CLI_DONE;

    if (rc == CLI_DONE) {
        verified = jwks ? reg_jwt_verify(&jwt, jwks, &expected, cli->now)
                        : REG_JWT_OK;

        /* other types than that of access are as good */

        if (verified == REG_JWT_TYPE) {
            verified = cli->now >= jwt.exp + REG_JWT_LEEWAY ? REG_JWT_EXPIRED
                                                            : REG_JWT_OK;
        }

        view = json_pack("{s:O,s:O,s:o,s:o,s:o,s:s}",
                         "header", jwt.header, "claims", jwt.claims,
                         "issued_at", cli_token_time(jwt.claims, "iat"),
                         "not_before", cli_token_time(jwt.claims, "nbf"),
                         "expires_at", cli_token_time(jwt.claims, "exp"),
                         "verified", jwks ? reg_jwt_rc_text(verified)
                                          : "not without --key");

        rc = view ? cli_show(cli, view) : cli_nomem();

        if (rc == CLI_DONE && verified != REG_JWT_OK) {
            rc = CLI_NO;
        }
    }

    reg_jwks_free(jwks);
    reg_jwt_clear(&jwt);
    free(text);

    return rc;
}


cli_rc_t
cli_token_read(const char *path, char **text, reg_jwt_t *jwt)
{
    size_t        len;
    cli_rc_t      rc;
    reg_str_t     token;
    reg_error_t   error;

    rc = cli_input_read(path, text, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    while (len && ((*text)[len - 1] == '\n' || (*text)[len - 1] == '\r')) {
        len--;
    }

    token.len = len;
    token.data = (unsigned char *) *text;

    if (reg_jwt_read(jwt, token, &error) != REG_JWT_OK) {
        free(*text);
        return cli_fail(CLI_USAGE, "%s: no token: %s", path, error.text);
    }

    return CLI_DONE;
}


cli_rc_t
cli_token_keys(const char *path, reg_jwks_t **jwks)
{
    char         *text;
    size_t        len;
    reg_rc_t      rc;
    cli_rc_t      read;
    reg_str_t     s;
    reg_error_t   error;

    read = cli_input_read(path, &text, &len);

    if (read != CLI_DONE) {
        return read;
    }

    s.len = len;
    s.data = (unsigned char *) text;

    reg_error_set(&error, "memory or OpenSSL failed");

    rc = (len && text[0] == '{')
         ? reg_jwks_parse(jwks, s, &error)
         : reg_jwks_from_pem(jwks, s, REG_ALG_NONE, &error);

    explicit_bzero(text, len);
    free(text);

    return rc == REG_OK ? CLI_DONE
                        : cli_fail(CLI_USAGE, "%s: %s", path, error.text);
}


static json_t *
cli_token_time(json_t *claims, const char *name)
{
    char     text[REG_TIME_LEN + 1];
    json_t  *value;

    value = json_object_get(claims, name);

    if (value == NULL) {
        return json_null();
    }

    reg_time_format(text, json_integer_value(value));

    return json_string(text);
}
