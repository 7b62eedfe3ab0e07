/* The manual page docs/winnow.1, made from the same tables as --help. */
#include <string.h>

#include "command.h"

/* Text that troff prints as it is. */
static void put(const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
        line_start = *text == '\n';
    }
}

static void put_options(const wn__option *options)
{
    char help[512];
    for (; options && options->name; options++) {
        fputs(".TP\n", stdout);
        if (options->letter) printf("\\fB\\-%c\\fR, ", options->letter);
        fputs("\\fB", stdout);
        put("--");
        put(options->name);
        fputs("\\fR", stdout);
        if (options->argument) printf(" \\fI%s\\fR", options->argument);
        putchar('\n');
        put(wn__option_help(options, help, sizeof help));
        putchar('\n');
    }
}

static void put_command(const wn__command *command)
{
    printf(".SS winnow %s [\\fIOPTION\\fR]... ", command->name);
    put(command->arguments);
    putchar('\n');
    put(command->summary);
    puts(".");
    if (command->details) {
        puts(".PP");
        put(command->details);
        putchar('\n');
    }
    put_options(command->options);
    put_options(wn__format_options(command));
}

static void put_environment(void)
{
    static const struct {
        const char *name, *meaning;
    } variables[] = {
        {"WINNOW_DATA", "Where data sets lie, unless --data-dir says so; else $XDG_DATA_HOME/winnow, else ~/.local/share/winnow."},
        {"WINNOW_ISA", "base, avx2, avx512 or neon: use at most this instruction set."},
        {"WINNOW_KERNELS",
         "measured, sparse or dense: kernels of backend sparse for weights with zeros, whatever options and recipes say; changes no result."},
        {"WINNOW_GNUPLOT", "The gnuplot that draws the figures of reports (default: gnuplot)."},
        {"NO_COLOR", "If not empty: no colour."},
    };
    puts(".SH ENVIRONMENT");
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        printf(".TP\n\\fB%s\\fR\n", variables[i].name);
        put(variables[i].meaning);
        putchar('\n');
    }
}

static int run_manual(const wn__call *call)
{
    (void)call;
    printf(".TH WINNOW 1 \"\" \"winnow %s\" \"User Commands\"\n", wn_version());
    puts(
        ".SH NAME\nwinnow \\- train neural networks sparse and compare how\n"
        ".SH SYNOPSIS\n\\fBwinnow\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
        ".SH DESCRIPTION\nWinnow trains a dense network, prunes it, retrains the sparse one by each of several rules, over sparsities and seeds,\n"
        "and reports which wins. A recipe says what is compared. Results go to standard output, everything else to standard error.\n"
        ".SH COMMANDS");
    for (const wn__command *const *c = wn__commands; *c; c++)
        if (!(*c)->hidden) put_command(*c);
    puts(".SH OPTIONS OF ALL COMMANDS");
    put_options(wn__common_options);
    puts(".SH EXIT STATUS");
    for (const wn__exit_code *e = wn__exit_codes; e->code; e++)
        printf(".TP\n%s\n%s\n", e->code, e->meaning);
    put_environment();
    puts(
        ".SH FILES\n.TP\nwinnow\\-runs/stages/\nresults of stages, by what they depend on\n.TP\nwinnow\\-runs/NAME/\nan experiment: its recipe, "
        "results and report");
    return WN__EXIT_OK;
}

const wn__command wn__command_manual = {
    .name = "manual",
    .arguments = "",
    .summary = "Print the manual page",
    .hidden = true,
    .run = run_manual,
};
