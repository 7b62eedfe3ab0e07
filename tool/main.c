/* The program `winnow`: finds the command, reads its options, runs it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "winnow/show.h"

#define WN_COMMAND(name) extern const wn__command wn__command_##name;
#include "list.h"
#undef WN_COMMAND

const wn__command *const wn__commands[] = {
#define WN_COMMAND(name) &wn__command_##name,
#include "list.h"
#undef WN_COMMAND
    NULL};

const char *const wn__exit_codes_text =
    "Exit codes: 0 success, 1 failed, 2 wrong usage or recipe, 75 stopped on request: the same command continues.";

const wn__command *wn__command_find(const char *name)
{
    for (const wn__command *const *c = wn__commands; *c; c++)
        if (strcmp((*c)->name, name) == 0) return *c;
    return NULL;
}

static void print_overview(void)
{
    puts("Usage: winnow COMMAND [OPTION]... [ARGUMENT]...\n\n"
         "Train neural networks sparse, find out which sparse network wins, and keep it.\n\nCommands:");
    for (const wn__command *const *c = wn__commands; *c; c++)
        if (!(*c)->hidden) printf("  %-10s %s\n", (*c)->name, (*c)->summary);
    printf("\n`winnow COMMAND --help` tells more of a command; `winnow --version` prints the version.\n"
           "Results go to standard output, everything else to standard error. NO_COLOR is honoured.\n%s\n",
           wn__exit_codes_text);
}

void wn__print_command_help(const wn__command *command)
{
    printf("Usage: winnow %s [OPTION]...%s%s\n\n%s.\n", command->name, command->arguments[0] ? " " : "", command->arguments,
           command->summary);
    if (command->details) printf("\n%s\n", command->details);
    puts("\nOptions:");
    wn__options_print(command->options);
    wn__options_print(wn__common_options);
    printf("\n%s\n", wn__exit_codes_text);
}

/* Names the command that was probably meant. */
static int unknown_command(const char *name)
{
    if (name[0] == '-') {
        fprintf(stderr, "winnow: no option %s before a command but --help and --version\n", name);
        return WN__EXIT_USAGE;
    }
    const char *names[64] = {NULL};
    int count = 0;
    for (const wn__command *const *c = wn__commands; *c && count < 64; c++)
        if (!(*c)->hidden) names[count++] = (*c)->name;
    const char *nearest = wn_nearest_name(name, names, count);
    if (nearest) {
        fprintf(stderr, "winnow: no command \"%s\"; the nearest is \"%s\"\n", name, nearest);
        return WN__EXIT_USAGE;
    }
    fprintf(stderr, "winnow: no command \"%s\"; there are", name);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return WN__EXIT_USAGE;
}

int wn__finish(const wn__call *call, wn_status status)
{
    if (status == WN_OK) return WN__EXIT_OK;
    const char *message = wn_error_message();
    if (status == WN_ESTOPPED) {
        wn__console_note(call->console, "stopped; the same command continues");
        return WN__EXIT_STOPPED;
    }
    if (!message[0]) message = wn_status_text(status);
    if (!strstr(call->console->told, message)) wn__console_error(call->console, "%s", message);
    return status == WN_EUSAGE ? WN__EXIT_USAGE : WN__EXIT_FAILED;
}

int wn__wrong_usage(const wn__call *call, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wn__console_error(call->console, "%s: %s (see winnow %s --help)", call->command->name, text, call->command->name);
    return WN__EXIT_USAGE;
}

static int check_arguments(const wn__call *call)
{
    const wn__command *command = call->command;
    if (call->count < command->least) return wn__wrong_usage(call, "wants %s", command->arguments);
    if (command->most >= 0 && call->count > command->most)
        return wn__wrong_usage(call, "\"%s\" is one argument too many", call->arguments[command->most]);
    if (!command->actions) return WN__EXIT_OK;
    char valid[128] = "";
    int count = 0;
    for (; command->actions[count]; count++) {
        if (strcmp(command->actions[count], call->arguments[0]) == 0) return WN__EXIT_OK;
        snprintf(valid + strlen(valid), sizeof valid - strlen(valid), "%s%s", count ? ", " : "", command->actions[count]);
    }
    const char *nearest = wn_nearest_name(call->arguments[0], command->actions, count);
    if (nearest) return wn__wrong_usage(call, "no \"%s\"; the nearest is \"%s\"", call->arguments[0], nearest);
    return wn__wrong_usage(call, "no \"%s\"; there are %s", call->arguments[0], valid);
}

static int run_help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview();
        return WN__EXIT_OK;
    }
    const wn__command *command = wn__command_find(argv[1]);
    if (!command) return unknown_command(argv[1]);
    wn__print_command_help(command);
    return WN__EXIT_OK;
}

/* argv[0] is the command's name. */
static int run_command(const wn__command *command, int argc, char **argv)
{
    void *config = calloc(1, command->config_size + 1);
    if (!config) return WN__EXIT_FAILED;
    wn__common common = {0};
    int first = argc;
    char message[512] = "";
    const wn_status parsed = wn__options_parse(command->options, config, &common, argc, argv, &first, message, sizeof message);
    wn__console console;
    wn__console_init(&console, common.quiet, common.verbose);
    const wn__call call = {command, &console, config, (const char *const *)argv + first, argc - first};
    int code;
    if (parsed != WN_OK)
        code = wn__wrong_usage(&call, "%s", message);
    else if (common.help)
        code = run_help(2, (char *[]){"help", argv[0]});
    else if ((code = check_arguments(&call)) == WN__EXIT_OK)
        code = command->run(&call);
    wn__console_release(&console);
    wn__options_release(command->options, config);
    free(config);
    return code;
}

/* A full disk must not pass for success. */
static int close_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    perror("winnow: standard output");
    return code == WN__EXIT_OK ? WN__EXIT_FAILED : code;
}

static bool is_one_of(const char *word, const char *a, const char *b) { return strcmp(word, a) == 0 || strcmp(word, b) == 0; }

/* argv[0] is the command. */
static int run(int argc, char **argv)
{
    if (argc < 1) {
        fputs("winnow: a command is needed: see winnow --help\n", stderr);
        return WN__EXIT_USAGE;
    }
    if (is_one_of(argv[0], "--version", "-V")) {
        printf("winnow %s\n", wn_version());
        return WN__EXIT_OK;
    }
    if (is_one_of(argv[0], "--help", "-h")) return run_help(1, argv);
    if (strcmp(argv[0], "help") == 0) return run_help(argc, argv);
    const wn__command *command = wn__command_find(argv[0]);
    if (!command) return unknown_command(argv[0]);
    return run_command(command, argc, argv);
}

int main(int argc, char **argv) { return close_output(run(argc - 1, argv + 1)); }
