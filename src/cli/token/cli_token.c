/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * token keygen and token rotate: files of keys, whose first key signs.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "cli_file.h"
#include "reg_jwk.h"

#define CLI_TOKEN_KEEP      1       /* older keys that still verify */
#define CLI_TOKEN_KEEP_MAX  16


/* What is written to a file: borrowed. */

typedef struct {
    size_t            n;
    const reg_jwk_t  *keys[1 + CLI_TOKEN_KEEP_MAX];
} cli_token_keys_t;


static cli_rc_t cli_token_next(cli_t *cli, const char *path);
static cli_rc_t cli_token_generate(const cli_t *cli, reg_alg_t alg,
    reg_jwk_t **jwk);
static cli_rc_t cli_token_alg(const cli_t *cli, reg_alg_t *alg);
static cli_rc_t cli_token_keep(const cli_t *cli, size_t *keep);
static cli_rc_t cli_token_print(FILE *file, void *data);
static void cli_token_name(const char *what, const reg_jwk_t *jwk);


cli_rc_t
cli_token_keygen(cli_t *cli)
{
    cli_rc_t           rc;
    reg_alg_t          alg;
    reg_jwk_t         *jwk;
    cli_token_keys_t   keys;

    rc = cli_token_alg(cli, &alg);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (access(cli->operand, F_OK) == 0) {
        return cli_fail(CLI_USAGE, "%s is there already; ngx-registry token "
                        "rotate makes its next key", cli->operand);
    }

    rc = cli_token_generate(cli, alg == REG_ALG_NONE ? REG_ALG_ES256 : alg,
                            &jwk);

    if (rc != CLI_DONE) {
        return rc;
    }

    keys.n = 1;
    keys.keys[0] = jwk;

    rc = cli_file_replace(cli->operand, NULL, cli_token_print, &keys);

    if (rc == CLI_DONE) {
        cli_token_name("signs", jwk);
    }

    reg_jwk_free(jwk);

    return rc;
}


/* A link stays one: what it leads to is replaced, by one at a time. */

cli_rc_t
cli_token_rotate(cli_t *cli)
{
    int           lock;
    char         *path;
    cli_rc_t      rc;
    struct stat   st;

    if (stat(cli->operand, &st) == -1) {
        return cli_fail(CLI_USAGE, "%s: %s", cli->operand, strerror(errno));
    }

    if (cli_file_resolve(cli->operand, &path) != CLI_DONE) {
        return CLI_STORE;
    }

    rc = CLI_STORE;
    lock = cli_file_lock(path, &st);

    if (lock != -1) {
        rc = cli_token_next(cli, path);
        (void) close(lock);
    }

    free(path);

    return rc;
}


static cli_rc_t
cli_token_next(cli_t *cli, const char *path)
{
    char              *text;
    size_t             i, len, keep = 0;
    cli_rc_t           rc;
    reg_alg_t          alg;
    reg_jwk_t         *jwk;
    reg_jwks_t        *old;
    reg_error_t        error;
    struct stat        st;
    cli_token_keys_t   keys;

    rc = cli_token_alg(cli, &alg);

    if (rc == CLI_DONE) {
        rc = cli_token_keep(cli, &keep);
    }

    if (rc == CLI_DONE && stat(path, &st) == -1) {
        rc = cli_fail(CLI_USAGE, "%s: %s", cli->operand, strerror(errno));
    }

    if (rc == CLI_DONE) {
        rc = cli_input_read(path, &text, &len);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    switch (reg_jwks_from_pem(&old, (reg_str_t) { len,
                                                  (unsigned char *) text },
                              REG_ALG_NONE, &error))
    {
    case REG_OK:
        break;

    case REG_INVALID:
        rc = cli_fail(CLI_USAGE, "%s: %s", cli->operand, error.text);
        break;

    default:
        rc = cli_nomem();
    }

    OPENSSL_cleanse(text, len);
    free(text);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (!old->keys[0]->secret) {
        reg_jwks_free(old);
        return cli_fail(CLI_USAGE, "%s holds public keys", cli->operand);
    }

    rc = cli_token_generate(cli, alg == REG_ALG_NONE ? old->keys[0]->alg : alg,
                            &jwk);

    if (rc == CLI_DONE) {
        keys.keys[0] = jwk;

        for (i = 0; i < old->n && i < keep; i++) {
            keys.keys[i + 1] = old->keys[i];
        }

        keys.n = i + 1;

        rc = cli_file_replace(path, &st, cli_token_print, &keys);

        for (i = 0; rc == CLI_DONE && i < keys.n; i++) {
            cli_token_name(i ? "still verifies" : "signs", keys.keys[i]);
        }

        for ( /* void */ ; rc == CLI_DONE && i - 1 < old->n; i++) {
            cli_token_name("is gone", old->keys[i - 1]);
        }

        reg_jwk_free(jwk);
    }

    reg_jwks_free(old);

    return rc;
}


static cli_rc_t
cli_token_generate(const cli_t *cli, reg_alg_t alg, reg_jwk_t **jwk)
{
    (void) cli;

    if (reg_jwk_generate(jwk, alg, 0) != REG_OK) {
        return cli_fail(CLI_STORE, "OpenSSL makes no key for %s",
                        reg_alg_name(alg));
    }

    return CLI_DONE;
}


static cli_rc_t
cli_token_alg(const cli_t *cli, reg_alg_t *alg)
{
    const char  *name;

    name = cli_value(cli, CLI_OPT_ALG);

    *alg = name ? reg_alg_parse(reg_str(name)) : REG_ALG_NONE;

    if (name && *alg == REG_ALG_NONE) {
        return cli_fail(CLI_USAGE, "--alg takes ES256, RS256 or EdDSA");
    }

    return CLI_DONE;
}


static cli_rc_t
cli_token_keep(const cli_t *cli, size_t *keep)
{
    char        *end;
    long         n;
    const char  *value;

    value = cli_value(cli, CLI_OPT_KEEP);
    n = value ? strtol(value, &end, 10) : CLI_TOKEN_KEEP;

    if (value && (value[0] < '0' || value[0] > '9' || *end != '\0'
                  || n > CLI_TOKEN_KEEP_MAX))
    {
        return cli_fail(CLI_USAGE, "--keep takes a number from 0 to %d",
                        CLI_TOKEN_KEEP_MAX);
    }

    *keep = (size_t) n;

    return CLI_DONE;
}


static cli_rc_t
cli_token_print(FILE *file, void *data)
{
    BIO               *bio;
    char              *text;
    int                ok;
    long               len;
    size_t             i;
    cli_token_keys_t  *keys = data;

    bio = BIO_new(BIO_s_secmem());
    ok = (bio != NULL);

    for (i = 0; ok && i < keys->n; i++) {
        ok = (PEM_write_bio_PKCS8PrivateKey(bio, keys->keys[i]->pkey, NULL,
                                            NULL, 0, NULL, NULL)
              == 1);
    }

    len = ok ? BIO_get_mem_data(bio, &text) : 0;

    if (len > 0) {
        ok = (fwrite(text, 1, (size_t) len, file) == (size_t) len);
        OPENSSL_cleanse(text, (size_t) len);
    }

    BIO_free(bio);

    return ok && len > 0 ? CLI_DONE
                         : cli_fail(CLI_STORE, "the keys cannot be written");
}


static void
cli_token_name(const char *what, const reg_jwk_t *jwk)
{
    cli_note("key %.*s (%s) %s", (int) jwk->kid_len, (const char *) jwk->kid,
             reg_alg_name(jwk->alg), what);
}
