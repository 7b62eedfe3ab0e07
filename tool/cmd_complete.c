/* Completion for shells: scripts/completion.bash asks with the words typed so far, the last of which is to be completed. */
#include <string.h>

#include "command.h"
#include "winnow/experiment.h"

static void offer(const char *candidate, const char *begun)
{
    if (strncmp(candidate, begun, strlen(begun)) == 0) puts(candidate);
}

/* First words; or, in a group, second ones. */
static void offer_names(const char *group, const char *begun)
{
    char last[64] = "";
    for (const wn__command *const *c = wn__commands; *c; c++) {
        char word[64];
        const size_t length = strcspn((*c)->name, " ");
        if (group && (strncmp((*c)->name, group, length) != 0 || group[length] || !(*c)->name[length])) continue;
        snprintf(word, sizeof word, "%.*s", group ? 63 : (int)length, (*c)->name + (group ? length + 1 : 0));
        if (!(*c)->hidden && strcmp(word, last) != 0) offer(word, begun);
        snprintf(last, sizeof last, "%s", word);
    }
}

static void offer_commands(const char *begun)
{
    offer_names(NULL, begun);
    offer("help", begun);
    offer("--help", begun);
    offer("--version", begun);
}

static void offer_options(const wn__option *options, const char *begun)
{
    for (; options && options->name; options++) {
        char option[64];
        snprintf(option, sizeof option, "--%s", options->name);
        offer(option, begun);
    }
}

/* The entries of a list that usage names so: "[METHOD]...". Files are left to the shell. */
static void offer_entries(const char *arguments, const char *begun)
{
    static const struct {
        const char *word;
        wn_list list;
    } lists[] = {{"METHOD", WN_LIST_METHODS}, {"MODEL", WN_LIST_MODELS}, {"DATASET", WN_LIST_DATASETS}};
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        if (!strstr(arguments, lists[k].word)) continue;
        for (int i = 0; i < wn_list_count(lists[k].list); i++) {
            wn_list_entry entry;
            if (wn_list_get(lists[k].list, i, &entry) == WN_OK) offer(entry.name, begun);
        }
    }
}

static bool wants_argument(const wn__command *command, const char *word)
{
    if (strncmp(word, "--", 2) != 0) return false;
    for (const wn__option *o = command->options; o && o->name; o++)
        if (strcmp(o->name, word + 2) == 0) return o->type != WN__OPTION_SWITCH;
    return false;
}

static int run_complete(const wn__call *call)
{
    const char *begun = call->arguments[call->count - 1];
    int used;
    const wn__command *command = wn__command_find_words(call->arguments, call->count - 1, &used);
    if (call->count == 2 && wn__command_is_group(call->arguments[0])) {
        offer_names(call->arguments[0], begun);
    } else if (call->count == 1 || (call->count == 2 && strcmp(call->arguments[0], "help") == 0)) {
        offer_commands(begun);
    } else if (command && begun[0] == '-') {
        offer_options(command->options, begun);
        offer_options(wn__format_options(command), begun);
        offer_options(wn__common_options, begun);
    } else if (command && !wants_argument(command, call->arguments[call->count - 2])) {
        const bool first = call->count == used + 1;
        for (int i = 0; first && command->actions && command->actions[i]; i++)
            offer(command->actions[i], begun);
        if (!first || !command->actions) offer_entries(command->arguments, begun);
    }
    return WN__EXIT_OK;
}

const wn__command wn__command_complete = {
    .name = "complete",
    .arguments = "WORD...",
    .summary = "Print what the last of these words of a command line may become",
    .least = 1,
    .most = -1,
    .hidden = true,
    .run = run_complete,
};
