/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <getopt.h>
#include <stdlib.h>

#include "cli.h"


/* getopt_long() yields an option's number from here on, above any letter. */

#define CLI_GETOPT_BASE  256


typedef struct {
    struct option        options[2 * CLI_OPTIONS + 1];
    const cli_option_t  *known[2 * CLI_OPTIONS + 1];
    size_t               n;
    char                 letters[3 + 2 * CLI_OPTIONS];
    size_t               nletters;
} cli_getopt_t;


static void cli_options_add(cli_getopt_t *g, const cli_option_t *option);
static const cli_option_t *cli_options_find(const cli_getopt_t *g, int c);
static cli_rc_t cli_options_take(cli_t *cli, const cli_option_t *option);
static cli_rc_t cli_options_unknown(const cli_getopt_t *g, int c,
    const char *word);
static size_t cli_options_operands(const cli_command_t *command);
static cli_rc_t cli_options_operand(cli_t *cli, const cli_command_t *command,
    int argc, char **argv);


cli_rc_t
cli_options_parse(cli_t *cli, const cli_command_t *command, int argc,
    char **argv, int *used)
{
    int                  c;
    cli_rc_t             rc;
    cli_getopt_t         g;
    const cli_option_t  *option;

    memset(&g, 0, sizeof(cli_getopt_t));

    /* '+': the global options end where the command begins */

    if (command == NULL) {
        g.letters[g.nletters++] = '+';
    }

    g.letters[g.nletters++] = ':';

    for (option = cli_global_options; option->name; option++) {
        cli_options_add(&g, option);
    }

    if (command) {
        for (option = command->options; option->name; option++) {
            cli_options_add(&g, option);
        }
    }

    opterr = 0;
    optind = 0;     /* begin anew, and read the first letter again */

    for ( ;; ) {
        c = getopt_long(argc, argv, g.letters, g.options, NULL);

        if (c == -1) {
            break;
        }

        option = cli_options_find(&g, c);

        if (option == NULL) {
            return cli_options_unknown(&g, c, argv[optind - 1]);
        }

        rc = cli_options_take(cli, option);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    *used = optind;

    return command ? cli_options_operand(cli, command, argc, argv) : CLI_DONE;
}


const char *
cli_value(const cli_t *cli, cli_opt_t opt)
{
    size_t  cursor = 0;

    return cli_next_value(cli, opt, &cursor);
}


const char *
cli_next_value(const cli_t *cli, cli_opt_t opt, size_t *cursor)
{
    while (*cursor < cli->nargs) {

        if (cli->args[(*cursor)++].opt == opt) {
            return cli->args[*cursor - 1].value;
        }
    }

    return NULL;
}


static void
cli_options_add(cli_getopt_t *g, const cli_option_t *option)
{
    struct option  *o;

    g->known[g->n] = option;

    o = &g->options[g->n];
    o->name = option->name;
    o->has_arg = option->value ? required_argument : no_argument;
    o->val = CLI_GETOPT_BASE + (int) g->n;

    g->n++;

    if (option->letter) {
        g->letters[g->nletters++] = (char) option->letter;

        if (option->value) {
            g->letters[g->nletters++] = ':';
        }
    }
}


static const cli_option_t *
cli_options_find(const cli_getopt_t *g, int c)
{
    size_t  i;

    if (c >= CLI_GETOPT_BASE) {
        return g->known[c - CLI_GETOPT_BASE];
    }

    for (i = 0; i < g->n; i++) {

        if (g->known[i]->letter == c) {
            return g->known[i];
        }
    }

    return NULL;
}


static cli_rc_t
cli_options_take(cli_t *cli, const cli_option_t *option)
{
    cli_arg_t  *arg;

    if (!(option->flags & CLI_MANY) && cli_value(cli, option->opt)) {
        return cli_fail(CLI_USAGE, "--%s is given twice", option->name);
    }

    /* there are no more options than words, for which main() made room */

    arg = &cli->args[cli->nargs++];
    arg->opt = option->opt;
    arg->value = option->value ? optarg : "";

    return CLI_DONE;
}


static cli_rc_t
cli_options_unknown(const cli_getopt_t *g, int c, const char *word)
{
    const char  *name;

    if (optopt == 0) {

        /* not what follows '=', which may be a secret */

        return cli_fail(CLI_USAGE, "%.*s is no option here",
                        (int) strcspn(word, "="), word);
    }

    if (optopt < CLI_GETOPT_BASE) {
        return cli_fail(CLI_USAGE, c == ':' ? "-%c needs a value"
                                            : "-%c is no option here", optopt);
    }

    name = g->known[optopt - CLI_GETOPT_BASE]->name;

    return cli_fail(CLI_USAGE, c == ':' ? "--%s needs a value"
                                        : "--%s takes no value", name);
}


/* How many operands a command takes. */

static size_t
cli_options_operands(const cli_command_t *command)
{
    if (command->operand == NULL) {
        return 0;
    }

    if (strstr(command->operand, "...")) {
        return SIZE_MAX;
    }

    return strchr(command->operand, ' ') ? 2 : 1;
}


static cli_rc_t
cli_options_operand(cli_t *cli, const cli_command_t *command, int argc,
    char **argv)
{
    size_t               most;
    const char          *missing;
    const cli_option_t  *option;

    if (cli_value(cli, CLI_OPT_HELP) || cli_value(cli, CLI_OPT_VERSION)) {
        return CLI_DONE;
    }

    most = cli_options_operands(command);

    cli->operands = argv + optind;
    cli->noperands = (size_t) (argc - optind);

    if (cli->noperands > most) {
        return cli_fail(CLI_USAGE, "the command has a word too many");
    }

    cli->operand = cli->noperands ? cli->operands[0] : NULL;

    if (command->operand && command->operand[0] != '['
        && (cli->noperands == 0 || (most != SIZE_MAX && cli->noperands < most)))
    {
        missing = cli->noperands ? strchr(command->operand, ' ') + 1
                                 : command->operand;

        return cli_fail(CLI_USAGE, "%.*s is missing",
                        (int) strcspn(missing, " ."), missing);
    }

    for (option = command->options; option->name; option++) {

        if ((option->flags & CLI_REQUIRED) && !cli_value(cli, option->opt)) {
            return cli_fail(CLI_USAGE, "--%s is missing", option->name);
        }
    }

    return CLI_DONE;
}
