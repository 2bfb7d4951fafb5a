/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli_secret.h"


#define CLI_PREFIX_LEN  (sizeof(REG_API_KEY_PREFIX) - 1)


static int cli_secret_in(const char *word);
static int cli_base62(int c);


cli_rc_t
cli_secret_refuse(int argc, char **argv)
{
    int  i;

    for (i = 1; i < argc; i++) {

        if (cli_secret_in(argv[i])) {
            return cli_fail(CLI_USAGE, "an API key is never an argument, for "
                            "every user of this machine can read those: "
                            "revoke it with key revoke --stdin");
        }
    }

    return CLI_DONE;
}


/* Any part of a secret counts, be the key cut or mistyped. */

static int
cli_secret_in(const char *word)
{
    size_t       i;
    const char  *p;

    for (p = strstr(word, REG_API_KEY_PREFIX); p;
         p = strstr(p + 1, REG_API_KEY_PREFIX))
    {
        for (i = CLI_PREFIX_LEN; cli_base62(p[i]); i++) { /* void */ }

        if (i == CLI_PREFIX_LEN + REG_API_KEY_ID_LEN && p[i] == '_'
            && cli_base62(p[i + 1]))
        {
            return 1;
        }
    }

    return 0;
}


cli_rc_t
cli_pepper_read(const cli_t *cli, cli_pepper_t *pepper)
{
    int          fd;
    ssize_t      n;
    const char  *path;

    pepper->len = 0;

    path = cli_value(cli, CLI_OPT_PEPPER_FILE);

    if (path == NULL) {
        return CLI_DONE;
    }

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return cli_fail(CLI_USAGE, "--pepper-file %s: %s", path,
                        strerror(errno));
    }

    do {
        n = read(fd, pepper->data + pepper->len,
                 sizeof(pepper->data) - pepper->len);

        if (n > 0) {
            pepper->len += (size_t) n;
        }

    } while (n > 0 || (n == -1 && errno == EINTR));

    (void) close(fd);

    if (n == -1) {
        OPENSSL_cleanse(pepper, sizeof(cli_pepper_t));
        return cli_fail(CLI_USAGE, "--pepper-file %s: cannot be read", path);
    }

    /* a final newline is no part of it: the gateway cuts it as well */

    if (pepper->len && pepper->data[pepper->len - 1] == '\n') {
        pepper->len--;
    }

    if (pepper->len && pepper->data[pepper->len - 1] == '\r') {
        pepper->len--;
    }

    if (pepper->len < REG_PEPPER_MIN || pepper->len > REG_PEPPER_MAX) {
        OPENSSL_cleanse(pepper, sizeof(cli_pepper_t));
        return cli_fail(CLI_USAGE, "--pepper-file %s: a pepper has %d to %d "
                        "bytes", path, REG_PEPPER_MIN, REG_PEPPER_MAX);
    }

    return CLI_DONE;
}


reg_str_t
cli_pepper_text(cli_pepper_t *pepper)
{
    return (reg_str_t) { pepper->len, pepper->data };
}


int
cli_secret_find(reg_str_t text, size_t *pos, reg_str_t *key, reg_str_t *id,
    int *broken)
{
    reg_str_t  rest;

    for ( /* void */ ; *pos + REG_API_KEY_LEN <= text.len; (*pos)++) {

        rest.data = text.data + *pos;
        rest.len = REG_API_KEY_LEN;

        if (!reg_str_starts(rest, REG_STR(REG_API_KEY_PREFIX))) {
            continue;
        }

        if (reg_api_key_parse(id, rest) == REG_OK) {
            *key = rest;
            *pos += REG_API_KEY_LEN;
            return 1;
        }

        id->data = rest.data + CLI_PREFIX_LEN;
        id->len = REG_API_KEY_ID_LEN;

        if (reg_api_key_id_check(*id) == REG_OK && id->data[id->len] == '_') {
            *broken = 1;
        }
    }

    return 0;
}


cli_rc_t
cli_secret_write(const char *text, size_t len)
{
    ssize_t  n;

    if (fflush(stdout) != 0) {
        return cli_fail(CLI_STORE, "cannot write to standard output");
    }

    while (len) {
        n = write(STDOUT_FILENO, text, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return cli_fail(CLI_STORE, "cannot write to standard output: %s",
                            strerror(errno));
        }

        text += n;
        len -= (size_t) n;
    }

    return CLI_DONE;
}


static int
cli_base62(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z');
}
