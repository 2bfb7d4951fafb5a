/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_H
#define CLI_H

/*
 * ngx-registry: what its commands share.  A command is one row of the table in
 * cli_commands.c, from which dispatch, option parsing and help follow.
 */

#include <stdint.h>
#include <stdio.h>

#include "reg_core.h"

#define CLI_NAME     "ngx-registry"
#define CLI_VERSION  "0.1.0"


/* Exit codes, and what every function that may fail returns. */

typedef enum {
    CLI_DONE = 0,
    CLI_NO,                         /* the answer is no: denied, not there */
    CLI_USAGE,                      /* the command or its input is wrong */
    CLI_STORE,                      /* the store, or the system, failed */
    CLI_AGAIN                       /* no exit code: run the command again */
} cli_rc_t;


typedef enum {
    CLI_OPT_HELP = 0,
    CLI_OPT_VERSION,
    CLI_OPT_STORE,
    CLI_OPT_PEPPER_FILE,
    CLI_OPT_FORMAT,
    CLI_OPT_TENANT,
    CLI_OPT_NAME,
    CLI_OPT_ROLE,
    CLI_OPT_SCOPE,
    CLI_OPT_EXPIRES,
    CLI_OPT_NOT_BEFORE,
    CLI_OPT_ALLOW_FROM,
    CLI_OPT_OUTPUT,
    CLI_OPT_REGISTRY,
    CLI_OPT_OVERLAP,
    CLI_OPT_STDIN,
    CLI_OPT_REASON,
    CLI_OPT_CREATED_BEFORE,
    CLI_OPT_LABEL,
    CLI_OPT_UNLABEL,
    CLI_OPT_LIMIT,
    CLI_OPT_UNLIMIT,
    CLI_OPT_BANDWIDTH,
    CLI_OPT_DOWNLOADS,
    CLI_OPT_SUSPEND,
    CLI_OPT_RESUME,
    CLI_OPT_FILE,
    CLI_OPT_DRY_RUN,
    CLI_OPT_PRUNE,
    CLI_OPT_SINCE,
    CLI_OPT_KEY_ID,
    CLI_OPT_ANONYMOUS,
    CLI_OPT_REPOSITORY,
    CLI_OPT_ACTION,
    CLI_OPT_FROM,
    CLI_OPT_CATALOG,
    CLI_OPT_API,
    CLI_OPT_ADDRESS,
    CLI_OPT_WAIT,
    CLI_OPT_WAIT_TIMEOUT,
    CLI_OPT_TO,
    CLI_OPT_OWNER,
    CLI_OPT_LEDGER,
    CLI_OPT_MONTH,
    CLI_OPT_PAYER,
    CLI_OPT_BY,
    CLI_OPT_PRICES,
    CLI_OPT_RECORDS,
    CLI_OPT_MEASURED,
    CLI_OPT_ALG,
    CLI_OPT_KEEP,
    CLI_OPT_KEY,
    CLI_OPT_ALERT,
    CLI_OPT_WEBHOOK,
    CLI_OPT_SECRET_FILE,
    CLI_OPT_METRICS,
    CLI_OPT_LOOP,
    CLI_OPT_LOG,
    CLI_OPT_PLACE,
    CLI_OPT_STREAM,
    CLI_OPT_AS,
    CLI_OPT_RETRIES,
    CLI_OPT_DEAD_LETTER,
    CLI_OPT_ONCE,
    CLI_OPT_TOKEN,
    CLI_OPT_JWKS,
    CLI_OPT_ROUTE,
    CLI_OPT_NETWORK,
    CLI_OPT_UNTIL,
    CLI_OPT_ACTOR,
    CLI_OPT_RECORD,
    CLI_OPT_TOKENS,
    CLI_OPT_DUE,
    CLI_OPTIONS                     /* how many there are */
} cli_opt_t;

#define CLI_MANY      0x01          /* may be given more than once */
#define CLI_REQUIRED  0x02

typedef struct {
    cli_opt_t    opt;
    unsigned     flags;
    const char  *name;              /* "tenant"; NULL ends a list */
    const char  *value;             /* "T"; NULL: takes none */
    const char  *help;
    int          letter;            /* 'f' for -f; 0: none */
} cli_option_t;

typedef struct {
    cli_opt_t    opt;
    const char  *value;             /* "" where the option takes none */
} cli_arg_t;

typedef struct cli_s  cli_t;

typedef struct {
    const char          *group;     /* "key"; NULL: one word is enough */
    const char          *name;      /* "create" */
    const char          *operand;   /* "ID"; "[ID]": may be left out;
                                       "A B": two; "FILE...": many; NULL */
    const char          *summary;   /* for the list of commands */
    const char          *detail;    /* for its own help; may be NULL */
    const cli_option_t  *options;   /* beside cli_global_options */
    cli_rc_t           (*run)(cli_t *cli);
} cli_command_t;

struct cli_s {
    const cli_command_t  *command;
    const char           *operand;  /* the first; NULL: none was given */
    size_t                noperands;
    char                **operands;
    int64_t               now;      /* seconds since the epoch */
    unsigned              json:1;   /* --format json */
    size_t                nargs;
    cli_arg_t            *args;     /* options, in the order given */
};


/* The table; a row without run ends it. */

extern const cli_command_t  cli_commands[];

extern const cli_option_t   cli_global_options[];


/* cli_options.c */

/*
 * Parses options into cli->args up to the first word that is none, or, when
 * command is set, to the end with its operands among them.  *used is
 * how many words of argv were taken.
 */

cli_rc_t cli_options_parse(cli_t *cli, const cli_command_t *command, int argc,
    char **argv, int *used);

/* The value of an option, or NULL when it was not given. */

const char *cli_value(const cli_t *cli, cli_opt_t opt);

/* The values of an option one by one, from *cursor 0 on; NULL: no more. */

const char *cli_next_value(const cli_t *cli, cli_opt_t opt, size_t *cursor);


/* cli_help.c */

void cli_help(const char *group, const cli_command_t *command);

/* Writes "key create" to buf, which holds CLI_TITLE_MAX bytes. */

#define CLI_TITLE_MAX  32

void cli_title(char *buf, const cli_command_t *command);


/* cli_error.c */

/*
 * Prints "ngx-registry: <sentence>" to standard error and returns rc.  Control
 * characters of what is formatted appear as '?'.
 */

cli_rc_t cli_fail(cli_rc_t rc, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what is worth knowing but no error. */

void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

cli_rc_t cli_nomem(void);

/* Writes text with control characters as '?'. */

void cli_print_text(FILE *file, const char *text);


/* The commands. */

cli_rc_t cli_key_create(cli_t *cli);
cli_rc_t cli_key_list(cli_t *cli);
cli_rc_t cli_key_show(cli_t *cli);
cli_rc_t cli_key_rotate(cli_t *cli);
cli_rc_t cli_key_revoke(cli_t *cli);
cli_rc_t cli_key_usage(cli_t *cli);
cli_rc_t cli_tenant_set(cli_t *cli);
cli_rc_t cli_tenant_list(cli_t *cli);
cli_rc_t cli_tenant_show(cli_t *cli);
cli_rc_t cli_role_set(cli_t *cli);
cli_rc_t cli_role_list(cli_t *cli);
cli_rc_t cli_role_show(cli_t *cli);
cli_rc_t cli_repository_set(cli_t *cli);
cli_rc_t cli_repository_list(cli_t *cli);
cli_rc_t cli_repository_show(cli_t *cli);
cli_rc_t cli_repository_remove(cli_t *cli);
cli_rc_t cli_issuer_set(cli_t *cli);
cli_rc_t cli_issuer_list(cli_t *cli);
cli_rc_t cli_issuer_show(cli_t *cli);
cli_rc_t cli_issuer_remove(cli_t *cli);
cli_rc_t cli_egress_report(cli_t *cli);
cli_rc_t cli_egress_sync(cli_t *cli);
cli_rc_t cli_egress_compact(cli_t *cli);
cli_rc_t cli_egress_import(cli_t *cli);
cli_rc_t cli_budget_set(cli_t *cli);
cli_rc_t cli_budget_list(cli_t *cli);
cli_rc_t cli_budget_remove(cli_t *cli);
cli_rc_t cli_budget_check(cli_t *cli);
cli_rc_t cli_events_deliver(cli_t *cli);
cli_rc_t cli_apply(cli_t *cli);
cli_rc_t cli_store_check(cli_t *cli);
cli_rc_t cli_store_export(cli_t *cli);
cli_rc_t cli_store_import(cli_t *cli);
cli_rc_t cli_store_copy(cli_t *cli);
cli_rc_t cli_explain(cli_t *cli);
cli_rc_t cli_audit_list(cli_t *cli);
cli_rc_t cli_token_keygen(cli_t *cli);
cli_rc_t cli_token_rotate(cli_t *cli);
cli_rc_t cli_token_inspect(cli_t *cli);

#endif /* CLI_H */
