/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "cli.h"


#define CLI_HELP_WIDTH   78
#define CLI_HELP_COLUMN  28         /* where the text of an option begins */


static void cli_help_command(const cli_command_t *command);
static void cli_help_usage(const cli_command_t *command);
static void cli_help_list(const char *group);
static void cli_help_options(const char *head, const cli_option_t *options);
static size_t cli_help_wrap(size_t at, size_t column, const char *text);


void
cli_help(const char *group, const cli_command_t *command)
{
    if (command) {
        cli_help_command(command);
        return;
    }

    printf("usage: " CLI_NAME " [OPTION]... %s%sCOMMAND [OPTION]...\n\n",
           group ? group : "", group ? " " : "");

    cli_help_list(group);
    cli_help_options("Options of every command:", cli_global_options);

    printf("\n" CLI_NAME " %s%sCOMMAND --help tells more.\n"
           "Exit codes: 0 done, 1 no, 2 usage, 3 store.\n",
           group ? group : "", group ? " " : "");
}


void
cli_title(char *buf, const cli_command_t *command)
{
    (void) snprintf(buf, CLI_TITLE_MAX, "%s%s%s",
                    command->group ? command->group : "",
                    command->group ? " " : "", command->name);
}


static void
cli_help_command(const cli_command_t *command)
{
    size_t  at;

    cli_help_usage(command);

    printf("\n%c%s.\n", command->summary[0] - 'a' + 'A',
           command->summary + 1);

    if (command->detail) {
        (void) putchar('\n');
        at = cli_help_wrap(0, 0, command->detail);
        printf("%s", at ? "\n" : "");
    }

    cli_help_options("Options:", command->options);
    cli_help_options("Options of every command:", cli_global_options);
}


static void
cli_help_usage(const cli_command_t *command)
{
    char                 title[CLI_TITLE_MAX], word[128];
    size_t               at, len;
    const cli_option_t  *option;

    cli_title(title, command);

    at = (size_t) printf("usage: " CLI_NAME " %s", title);

    if (command->operand) {
        at += (size_t) printf(" %s", command->operand);
    }

    for (option = command->options; option->name; option++) {

        len = (size_t) snprintf(word, sizeof(word), " %s--%s%s%s%s%s",
                                option->flags & CLI_REQUIRED ? "" : "[",
                                option->name, option->value ? " " : "",
                                option->value ? option->value : "",
                                option->flags & CLI_REQUIRED ? "" : "]",
                                option->flags & CLI_MANY ? "..." : "");

        if (at + len > CLI_HELP_WIDTH) {
            printf("\n           ");
            at = 11;
        }

        printf("%s", word);
        at += len;
    }

    (void) putchar('\n');
}


static void
cli_help_list(const char *group)
{
    char                  title[CLI_TITLE_MAX], usage[2 * CLI_TITLE_MAX];
    const cli_command_t  *command;

    printf("Commands:\n");

    for (command = cli_commands; command->run; command++) {

        if (group && (!command->group || strcmp(group, command->group) != 0)) {
            continue;
        }

        cli_title(title, command);
        (void) snprintf(usage, sizeof(usage), "%s%s%s", title,
                        command->operand ? " " : "",
                        command->operand ? command->operand : "");

        printf("  %-24s  %s\n", usage, command->summary);
    }
}


static void
cli_help_options(const char *head, const cli_option_t *options)
{
    size_t               at;
    const cli_option_t  *option;

    if (options->name == NULL) {
        return;
    }

    printf("\n%s\n", head);

    for (option = options; option->name; option++) {

        at = (size_t) printf("  ");

        if (option->letter) {
            at += (size_t) printf("-%c, ", option->letter);
        }

        at += (size_t) printf("--%s", option->name);

        if (option->value) {
            at += (size_t) printf(" %s", option->value);
        }

        (void) cli_help_wrap(at, CLI_HELP_COLUMN, option->help);
        (void) putchar('\n');
    }
}


/*
 * Prints text from a column on, while the cursor is at another, and breaks it
 * at newlines, and at spaces where need be.  Returns where the cursor is left.
 */

static size_t
cli_help_wrap(size_t at, size_t column, const char *text)
{
    size_t  len;

    if (column && at + 2 > column) {
        (void) putchar('\n');
        at = 0;
    }

    at += (size_t) printf("%*s", (int) (column - at), "");

    while (*text) {
        len = strcspn(text, " \n");

        if (*text == '\n' || (at > column && at + 1 + len > CLI_HELP_WIDTH)) {
            printf("\n%*s", (int) column, "");
            at = column;
            text += (*text == '\n');
            len = strcspn(text, " \n");

        } else if (at > column) {
            (void) putchar(' ');
            at++;
        }

        at += (size_t) printf("%.*s", (int) len, text);

        text += len;
        text += strspn(text, " ");
    }

    return at;
}
