/* Completion for shells: scripts/completion.bash asks with the words typed so far, the last of which is to be completed. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

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

/* ---- what lies in the store */

static void offer_experiments(const char *store, const char *begun)
{
    DIR *folder = opendir(store);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        char stages[1024];
        snprintf(stages, sizeof stages, "%s/%s/stages.json", store, entry->d_name);
        if (access(stages, F_OK) == 0) offer(entry->d_name, begun);
    }
    if (folder) closedir(folder);
}

static void offer_label(void *user, const wn_stored_stage *stage) { offer(stage->label, user); }

/* Of the experiment that the words name, or of the whole store. */
static void offer_labels(const char *store, const char *experiment, const char *begun)
{
    if (wn_store_status(store, experiment, offer_label, (void *)begun) != WN_OK) return; /* no store, no labels */
}

/* ---- keys of recipes: "train.epochs=" */

static void offer_keys(const char *begun)
{
    for (int i = 0; i < wn_list_count(WN_LIST_SECTIONS); i++) {
        wn_list_entry section;
        wn_setting_info info;
        if (wn_list_get(WN_LIST_SECTIONS, i, &section) != WN_OK) continue;
        for (int k = 0; wn_list_setting(WN_LIST_SECTIONS, i, k, &info) == WN_OK; k++) {
            char key[256];
            snprintf(key, sizeof key, "%s.%s=", section.name, info.name);
            offer(key, begun);
        }
    }
}

/* ---- words */

/* The value that the words give to an option, or NULL. */
static const char *value_of(const wn__call *call, const char *option)
{
    for (int i = 0; i + 2 < call->count; i++)
        if (strcmp(call->arguments[i], option) == 0) return call->arguments[i + 1];
    return NULL;
}

static const char *store_of(const wn__call *call, const wn__command *command)
{
    for (const wn__option *o = command->options; o && o->name; o++)
        if (strcmp(o->name, "out") == 0 && strncmp(o->help, "store", strlen("store")) == 0 && value_of(call, "--out"))
            return value_of(call, "--out");
    return "winnow-runs";
}

/* What usage names so: "[METHOD]...". Files are left to the shell. */
static void offer_words(const wn__call *call, const wn__command *command, const char *words, const char *begun)
{
    static const struct {
        const char *word;
        wn_list list;
    } lists[] = {{"METHOD", WN_LIST_METHODS}, {"MODEL", WN_LIST_MODELS}, {"DATASET", WN_LIST_DATASETS}};
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        if (!strstr(words, lists[k].word)) continue;
        for (int i = 0; i < wn_list_count(lists[k].list); i++) {
            wn_list_entry entry;
            if (wn_list_get(lists[k].list, i, &entry) == WN_OK) offer(entry.name, begun);
        }
    }
    if (strstr(words, "EXPERIMENT")) offer_experiments(store_of(call, command), begun);
    if (strstr(words, "NETWORK") || strstr(words, "STAGE")) offer_labels(store_of(call, command), value_of(call, "--experiment"), begun);
}

/* The option whose argument comes next; NULL: none's does. */
static const wn__option *option_that_waits(const wn__command *command, const char *word)
{
    if (strncmp(word, "--", 2) != 0) return NULL;
    for (const wn__option *o = command->options; o && o->name; o++)
        if (strcmp(o->name, word + 2) == 0) return o->type != WN__OPTION_SWITCH ? o : NULL;
    return NULL;
}

static void offer_value(const wn__call *call, const wn__command *command, const wn__option *option, const char *begun)
{
    if (strcmp(option->name, "set") == 0)
        offer_keys(begun);
    else if (strcmp(option->name, "experiment") == 0)
        offer_experiments(store_of(call, command), begun);
    else if (strcmp(option->name, "redo") == 0)
        offer_labels(store_of(call, command), NULL, begun);
}

static int run_complete(const wn__call *call)
{
    const char *begun = call->arguments[call->count - 1];
    int used;
    const wn__option *option;
    const wn__command *command = wn__command_find_words(call->arguments, call->count - 1, &used);
    if (call->count == 2 && wn__command_is_group(call->arguments[0])) {
        offer_names(call->arguments[0], begun);
    } else if (call->count == 1 || (call->count == 2 && strcmp(call->arguments[0], "help") == 0)) {
        offer_commands(begun);
    } else if (command && begun[0] == '-') {
        offer_options(command->options, begun);
        offer_options(wn__format_options(command), begun);
        offer_options(wn__common_options, begun);
    } else if (command && (option = option_that_waits(command, call->arguments[call->count - 2]))) {
        offer_value(call, command, option, begun);
    } else if (command) {
        const bool first = call->count == used + 1;
        for (int i = 0; first && command->actions && command->actions[i]; i++)
            offer(command->actions[i], begun);
        if (!first || !command->actions) offer_words(call, command, command->arguments, begun);
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
