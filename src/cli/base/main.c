/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"
#include "cli_secret.h"


#define CLI_AGAIN_MAX  5


static int cli_standard_files(void);
static void *cli_json_malloc(size_t size);
static cli_rc_t cli_main(cli_t *cli, int argc, char **argv);
static cli_rc_t cli_find_command(cli_t *cli, const char **group, char **words,
    int nwords, int *used);
static cli_rc_t cli_format(cli_t *cli);
static cli_rc_t cli_run(cli_t *cli);
static cli_rc_t cli_flush(cli_rc_t rc);


int
main(int argc, char **argv)
{
    cli_t     cli;
    cli_rc_t  rc;

    memset(&cli, 0, sizeof(cli_t));

    if (cli_standard_files() == -1) {
        return (int) CLI_STORE;
    }

    json_set_alloc_funcs(cli_json_malloc, free);

    cli.now = (int64_t) time(NULL);
    cli.args = calloc((size_t) argc + 1, sizeof(cli_arg_t));

    if (cli.args == NULL) {
        return (int) cli_nomem();
    }

    rc = cli_flush(cli_main(&cli, argc, argv));

    free(cli.args);

    return (int) rc;
}


/*
 * Whoever starts us may have closed some of the standard files, and what is
 * opened next takes their place: an API key for people would go to Redis, and
 * a remark into the audit.  Each is taken by what fails, as it should.
 */

static int
cli_standard_files(void)
{
    int  fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {

        if (fcntl(fd, F_GETFD) == -1
            && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY)
               != fd)
        {
            return -1;
        }
    }

    return 0;
}


/*
 * jansson may take a lack of memory for something else.  There is no better
 * answer than to stop: the store is whole at any moment.
 */

static void *
cli_json_malloc(size_t size)
{
    void  *p;

    p = malloc(size);

    if (p == NULL) {
        exit((int) cli_nomem());
    }

    return p;
}


static cli_rc_t
cli_main(cli_t *cli, int argc, char **argv)
{
    int          used, words;
    cli_rc_t     rc;
    const char  *group;

    /* before anything that might print a word of the command line */

    rc = cli_secret_refuse(argc, argv);

    if (rc == CLI_DONE) {
        rc = cli_options_parse(cli, NULL, argc, argv, &used);
    }

    if (rc != CLI_DONE) {
        return rc;
    }

    if (cli_value(cli, CLI_OPT_VERSION)) {
        printf(CLI_NAME " " CLI_VERSION "\n");
        return CLI_DONE;
    }

    if (used == argc) {

        if (cli_value(cli, CLI_OPT_HELP)) {
            cli_help(NULL, NULL);
            return CLI_DONE;
        }

        return cli_fail(CLI_USAGE, "which command? " CLI_NAME " --help lists "
                        "them");
    }

    rc = cli_find_command(cli, &group, argv + used, argc - used, &words);

    if (rc != CLI_DONE) {
        return rc;
    }

    if (cli->command == NULL) {
        cli_help(group, NULL);
        return CLI_DONE;
    }

    /* the last word of the command stands where argv[0] would */

    argc -= used + words - 1;
    argv += used + words - 1;

    rc = cli_options_parse(cli, cli->command, argc, argv, &used);

    if (rc == CLI_DONE && cli_value(cli, CLI_OPT_HELP)) {
        cli_help(group, cli->command);
        return CLI_DONE;
    }

    if (rc == CLI_DONE) {
        rc = cli_format(cli);
    }

    return rc == CLI_DONE ? cli_run(cli) : rc;
}


/*
 * Finds the command that words begin with.  A group and --help is no command,
 * but no error either: cli->command is NULL then.
 */

static cli_rc_t
cli_find_command(cli_t *cli, const char **group, char **words, int nwords,
    int *used)
{
    const cli_command_t  *c;

    *group = NULL;
    *used = 0;

    for (c = cli_commands; c->run; c++) {

        if (strcmp(c->group ? c->group : c->name, words[0]) != 0) {
            continue;
        }

        *group = c->group;

        if (c->group == NULL) {
            cli->command = c;
            *used = 1;
            return CLI_DONE;
        }

        if (nwords > 1 && strcmp(c->name, words[1]) == 0) {
            cli->command = c;
            *used = 2;
            return CLI_DONE;
        }
    }

    if (*group == NULL) {
        return cli_fail(CLI_USAGE, "there is no command %s: " CLI_NAME
                        " --help lists them", words[0]);
    }

    if (cli_value(cli, CLI_OPT_HELP)
        || (nwords > 1 && (strcmp(words[1], "--help") == 0
                           || strcmp(words[1], "-h") == 0)))
    {
        return CLI_DONE;
    }

    return cli_fail(CLI_USAGE, "%s is not all of a command: " CLI_NAME
                    " %s --help lists the rest", *group, *group);
}


static cli_rc_t
cli_format(cli_t *cli)
{
    const char  *format;

    format = cli_value(cli, CLI_OPT_FORMAT);

    if (format == NULL || strcmp(format, "table") == 0) {
        return CLI_DONE;
    }

    if (strcmp(format, "json") == 0) {
        cli->json = 1;
        return CLI_DONE;
    }

    /* which has more of them, and says so */

    if (cli->command->run == cli_egress_report
        || cli->command->run == cli_egress_import)
    {
        return CLI_DONE;
    }

    return cli_fail(CLI_USAGE, "--format is table or json");
}


/*
 * A command that somebody else has come before with a change of the same
 * record begins anew, from what the store says then.
 */

static cli_rc_t
cli_run(cli_t *cli)
{
    int              i;
    cli_rc_t         rc;
    struct timespec  pause;

    for (i = 0; ; i++) {
        rc = cli->command->run(cli);

        if (rc != CLI_AGAIN) {
            return rc;
        }

        if (i == CLI_AGAIN_MAX) {
            return cli_fail(CLI_STORE, "others keep changing the same record: "
                            "try again");
        }

        /* processes that have met take different times to meet again */

        pause.tv_sec = 0;
        pause.tv_nsec = (long) (((unsigned) getpid() * 7919u) % 20u + 1)
                        * (i + 1) * 1000000L;

        (void) nanosleep(&pause, NULL);
    }
}


/* An answer that nobody could read is no answer. */

static cli_rc_t
cli_flush(cli_rc_t rc)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return cli_fail(CLI_STORE, "cannot write to standard output");
    }

    return rc;
}
