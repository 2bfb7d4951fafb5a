/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_WEBHOOK_H
#define CLI_WEBHOOK_H

/*
 * Posts JSON to a URL, signed if there is a secret:
 *
 *     X-Registry-Signature: sha256=<hex of HMAC-SHA-256(secret, body)>
 *
 * Redirects are not followed, for what is posted is meant for one server.
 */

#include "cli.h"

#define CLI_WEBHOOK_SECRET_MAX  4096

typedef struct cli_webhook_s  cli_webhook_t;

typedef enum {
    CLI_WEBHOOK_DONE = 0,           /* answered 2xx */
    CLI_WEBHOOK_FAILED,             /* may go better later */
    CLI_WEBHOOK_REFUSED             /* 4xx: will not go better */
} cli_webhook_rc_t;


/*
 * Opens the webhook of --webhook and --secret-file; *hook is NULL where there
 * is none, and else to be closed.
 */

cli_rc_t cli_webhook_open(cli_webhook_t **hook, const cli_t *cli);

void cli_webhook_close(cli_webhook_t *hook);

/* Posts body once; *error says what was wrong, and names the server only. */

cli_webhook_rc_t cli_webhook_post(cli_webhook_t *hook, const char *type,
    const char *body, reg_error_t *error);

#endif /* CLI_WEBHOOK_H */
