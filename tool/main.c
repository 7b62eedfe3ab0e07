/* The program `winnow`: finds the command, reads its options, runs it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "winnow/doctor.h"
#include "winnow/show.h"

#define WN_COMMAND(name) extern const wn__command wn__command_##name;
#include "list.h"
#undef WN_COMMAND

const wn__command *const wn__commands[] = {
#define WN_COMMAND(name) &wn__command_##name,
#include "list.h"
#undef WN_COMMAND
    NULL};

const wn__exit_code wn__exit_codes[] = {
    {"0", "success"},
    {"1", "failed"},
    {"2", "wrong usage or recipe"},
    {"75", "stopped on request: the same command continues"},
    {"76", "trials of other shards must end first: the same command then continues"},
    {"128 + N", "ended at once by signal N, as 130 by a second SIGINT: what was saved is continued all the same"},
    {0}};

static void print_exit_codes(void)
{
    puts("\nExit codes:");
    for (const wn__exit_code *e = wn__exit_codes; e->code; e++)
        printf("  %-9s %s\n", e->code, e->meaning);
}

#define CSV WN_OPTION_SWITCH(wn__common, csv, "csv", "print the table as CSV: one header, numbers in full, empty where there is none")

const wn__option *wn__format_options(const wn__command *command)
{
    static const wn__option json[] = {WN_OPTION_SWITCH(wn__common, json, "json", "print one JSON object"), {0}};
    static const wn__option table[] = {WN_OPTION_SWITCH(wn__common, json, "json", "print one JSON object", .excludes = "csv"), CSV, {0}};
    static const wn__option lines[] = {
        WN_OPTION_SWITCH(wn__common, json, "json", "print JSON, an object a line for each row", .excludes = "csv"), CSV, {0}};
    static const wn__option *const options[] = {
        [WN__PRINTS_TEXT] = &json[1], [WN__PRINTS_JSON] = json, [WN__PRINTS_TABLE] = table, [WN__PRINTS_LINES] = lines};
    return options[command->prints];
}

const wn__command *wn__command_find(const char *name)
{
    for (const wn__command *const *c = wn__commands; *c; c++)
        if (strcmp((*c)->name, name) == 0) return *c;
    return NULL;
}

/* "lab" of "lab flow". */
static bool begins_with_word(const char *name, const char *word)
{
    const size_t length = strlen(word);
    return strncmp(name, word, length) == 0 && name[length] == ' ';
}

bool wn__command_is_group(const char *word)
{
    for (const wn__command *const *c = wn__commands; *c; c++)
        if (begins_with_word((*c)->name, word)) return true;
    return false;
}

const wn__command *wn__command_find_words(const char *const *words, int count, int *used)
{
    char both[128];
    *used = 1;
    if (count < 1) return NULL;
    if (count < 2 || !wn__command_is_group(words[0])) return wn__command_find(words[0]);
    *used = 2;
    snprintf(both, sizeof both, "%s %s", words[0], words[1]);
    return wn__command_find(both);
}

static void print_commands(const char *group)
{
    for (const wn__command *const *c = wn__commands; *c; c++)
        if (!(*c)->hidden && (!group || begins_with_word((*c)->name, group))) printf("  %-16s %s\n", (*c)->name, (*c)->summary);
}

static void print_overview(void)
{
    puts("Usage: winnow COMMAND [OPTION]... [ARGUMENT]...\n\n"
         "Train neural networks sparse, find out which sparse network wins, and keep it.\n\nCommands:");
    print_commands(NULL);
    puts("\n`winnow COMMAND --help` tells more of a command; `winnow version` prints the version.\n"
         "Results go to standard output, everything else to standard error. NO_COLOR is honoured.");
    print_exit_codes();
}

void wn__print_command_help(const wn__command *command)
{
    printf("Usage: winnow %s [OPTION]...%s%s\n\n%s.\n", command->name, command->arguments[0] ? " " : "", command->arguments,
           command->summary);
    if (command->details) printf("\n%s\n", command->details);
    puts("\nOptions:");
    wn__options_print(command->options);
    wn__options_print(wn__format_options(command));
    wn__options_print(wn__common_options);
    print_exit_codes();
}

static void print_group_help(const char *group)
{
    printf("Usage: winnow %s COMMAND [OPTION]... [ARGUMENT]...\n\nCommands:\n", group);
    print_commands(group);
    print_exit_codes();
}

/* A group with a second word that is none of its commands, or without one (NULL). */
static int unknown_in_group(const char *group, const char *second)
{
    const char *names[64] = {NULL};
    int count = 0;
    for (const wn__command *const *c = wn__commands; *c && count < 64; c++)
        if (begins_with_word((*c)->name, group)) names[count++] = (*c)->name + strlen(group) + 1;
    const char *nearest = second ? wn_nearest_name(second, names, count) : NULL;
    if (nearest) {
        fprintf(stderr, "winnow: %s has no \"%s\"; the nearest is \"%s\"\n", group, second, nearest);
        return WN__EXIT_USAGE;
    }
    if (second)
        fprintf(stderr, "winnow: %s has no \"%s\"; there are", group, second);
    else
        fprintf(stderr, "winnow: %s needs one of", group);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return WN__EXIT_USAGE;
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
        const bool whole = strstr(message, "continue") != NULL;
        wn__console_note(call->console, "%s%s", message[0] ? message : "stopped", whole ? "" : "; the same command continues");
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

static int too_many(const char *of, const char *argument)
{
    fprintf(stderr, "winnow: %s: \"%s\" is one argument too many\n", of, argument);
    return WN__EXIT_USAGE;
}

static int run_help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview();
        return WN__EXIT_OK;
    }
    int used;
    const wn__command *command = wn__command_find_words((const char *const *)argv + 1, argc - 1, &used);
    const int words = command || used == 2 ? used : 1;
    if (argc - 1 > words) return too_many("help", argv[1 + words]);
    if (command) {
        wn__print_command_help(command);
        return WN__EXIT_OK;
    }
    if (!wn__command_is_group(argv[1])) return unknown_command(argv[1]);
    if (used == 2) return unknown_in_group(argv[1], argv[2]);
    print_group_help(argv[1]);
    return WN__EXIT_OK;
}

static int out_of_memory(void)
{
    fputs("winnow: out of memory\n", stderr);
    return WN__EXIT_FAILED;
}

/* argv[0] is the command's name. */
static int run_command(const wn__command *command, int argc, char **argv)
{
    void *config = calloc(1, command->config_size + 1);
    if (!config) return out_of_memory();
    wn__common common = {0};
    int first = argc;
    char message[512] = "";
    const wn_status parsed = wn__options_parse(command->options, wn__format_options(command), command->actions, config, &common, argc, argv,
                                               &first, message, sizeof message);
    wn__console console;
    wn__console_init(&console, common.quiet, common.verbose);
    wn__answer *answer = wn__answer_new(common.json ? WN__ANSWER_JSON : common.csv ? WN__ANSWER_CSV : WN__ANSWER_TEXT);
    const wn__call call = {command, &console, answer, config, (const char *const *)argv + first, argc - first};
    int code;
    if (!answer)
        code = WN__EXIT_FAILED;
    else if (parsed != WN_OK)
        code = wn__wrong_usage(&call, "%s", message);
    else if (common.help) {
        wn__print_command_help(command);
        code = WN__EXIT_OK;
    } else if ((code = check_arguments(&call)) == WN__EXIT_OK && (code = wn__finish(&call, wn_check_environment())) == WN__EXIT_OK)
        code = command->run(&call);
    wn__console_release(&console);
    if (!answer || !wn__answer_end(answer, code == WN__EXIT_OK && !common.help)) code = out_of_memory();
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
    const bool version = is_one_of(argv[0], "--version", "-V"), help = is_one_of(argv[0], "--help", "-h");
    if ((version || help) && argc > 1) return too_many(argv[0], argv[1]);
    if (version) {
        printf("winnow %s\n", wn_version());
        return WN__EXIT_OK;
    }
    if (help) return run_help(1, argv);
    if (strcmp(argv[0], "help") == 0) return run_help(argc, argv);
    int used;
    const wn__command *command = wn__command_find_words((const char *const *)argv, argc, &used);
    if (command) return run_command(command, argc - used + 1, argv + used - 1);
    if (!wn__command_is_group(argv[0])) return unknown_command(argv[0]);
    if (argc > 1 && is_one_of(argv[1], "--help", "-h")) {
        print_group_help(argv[0]);
        return WN__EXIT_OK;
    }
    return unknown_in_group(argv[0], argc > 1 ? argv[1] : NULL);
}

int main(int argc, char **argv) { return close_output(run(argc - 1, argv + 1)); }
